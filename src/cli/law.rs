//! An instrument in plain words, for `explain` and `rules show`.

use std::io::{self, Write};

use interdict::clock;
use interdict::rules::{Instrument, Mark, Rules};

use super::World;
use super::output::beside;

/// Writes what an instrument covers, whom it binds and what it asks for.
pub(super) fn write(
    rules: &Rules,
    instrument: &Instrument,
    world: &World,
    out: &mut dyn Write,
) -> io::Result<()> {
    let today = world.today();
    writeln!(out, "{} - {}", instrument.id, instrument.title)?;
    let mut line = |key: &str, text: &str| beside(&format!("  {key}"), 14, text, world.style.width, out);
    line("cited as", &instrument.citation)?;
    line("made by", &format!("{} ({})", instrument.issuer, instrument.jurisdiction))?;
    line("force", &format!("{}, {}", instrument.force, instrument.scope))?;
    line("status", &format!("{} today", instrument.status(today)))?;
    for (from, status) in &instrument.phases {
        line("", &format!("{status} from {from}"))?;
    }
    line("covers", &instrument.words)?;
    for (from, names) in instrument.lists.iter().filter(|(_, names)| !names.is_empty()) {
        let from = from.map(|day| format!(" (from {day})")).unwrap_or_default();
        line("vendors", &(names.join(", ") + &from))?;
    }
    if instrument.covers_rule_files {
        line("vendors", "the vendors of --rules")?;
    }
    if let Some(list) = &instrument.unread_list {
        line("list", list)?;
    }
    for (_, words) in &instrument.excludes {
        line("excludes", words)?;
    }
    line("binds", &instrument.binds)?;
    for limb in &instrument.limbs {
        let about = |ids: &[String]| {
            let named = rules.classes.iter().filter(|class| ids.contains(&class.id));
            named.map(|class| format!("{} ({})", class.id, class.about)).collect::<Vec<_>>().join(", ")
        };
        if !limb.any.is_empty() {
            line(&format!("  {} is", limb.on), &about(&limb.any))?;
        }
        if !limb.none.is_empty() {
            line(&format!("  {} not", limb.on), &about(&limb.none))?;
        }
    }
    if let Some(spares) = &instrument.spares {
        line("not", spares)?;
    }
    if let Some(mere_use) = &instrument.mere_use {
        line("mere use", mere_use)?;
    }
    if instrument.exceptions.is_empty() && !instrument.covers_rule_files {
        line("exceptions", "none is known; a waiver is refused")?;
    }
    for exception in &instrument.exceptions {
        let mut text = exception.words.clone();
        let days = exception.max_days.map(|days| format!("{days} days at most"));
        let approver = exception.approver.as_ref().map(|who| format!("granted by {who}"));
        let told = exception.reported_to.as_ref().map(|whom| format!("reported to {whom}"));
        for part in [approver, days, told].into_iter().flatten() {
            text.push_str("; ");
            text.push_str(&part);
        }
        line("exception", &text)?;
    }
    for duty in clock::duties(&instrument.clocks, today, None) {
        let found = if duty.on_finding { "if found today, " } else { "" };
        line("duty", &format!("{}: {found}by {} ({})", duty.duty, duty.due, duty.rule))?;
    }
    for filing in &instrument.filings {
        let draft = filing.draft.as_ref().map(|why| format!("; a draft only: {why}")).unwrap_or_default();
        let fields: Vec<&str> = filing.fields.iter().map(|field| field.words.as_str()).collect();
        line("report", &format!("{}, to {}: {}{draft}", filing.name, filing.to, fields.join("; ")))?;
    }
    if !instrument.controls.is_empty() {
        line("controls", &format!("NIST SP 800-53 {}", instrument.controls.join(", ")))?;
    }
    if let Some(review) = &instrument.legal_review {
        line("for a lawyer", review)?;
    }
    if let Some(note) = &instrument.note {
        line("note", note)?;
    }
    for link in &instrument.links {
        line("link", link)?;
    }
    for (mark, place) in &instrument.sources {
        let how = match mark {
            Mark::Text => "legal text",
            Mark::Official => "official page",
            Mark::Secondary => "secondary source",
        };
        line("read in", &format!("{place} ({how})"))?;
    }
    Ok(())
}
