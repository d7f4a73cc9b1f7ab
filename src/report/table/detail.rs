//! A finding in the table: its rulings, its evidence, and on request what removes it.

use std::io::{self, Write};

use super::{assumed, entry, short};
use crate::inventory::Inventory;
use crate::report::remediation::remediation;
use crate::report::{Report, Reported, Style};
use crate::text::Text;

/// Pieces of evidence of one finding that are shown without being asked for; the other formats have all.
const SHOWN: usize = 8;
/// Paths of one piece of evidence that are shown without being asked for.
const SHOWN_PATHS: usize = 4;

/// Writes a finding with its number.
pub(super) fn detail(
    number: usize,
    reported: &Reported,
    report: &Report,
    style: Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    let (finding, inventory) = (&reported.finding, &report.inventory);
    let (shown, shown_paths) = if report.verbose { (usize::MAX, usize::MAX) } else { (SHOWN, SHOWN_PATHS) };
    let version = finding.version.as_ref().map(|v| format!(" {}", short(v))).unwrap_or_default();
    let inside = finding.inside.as_ref().map(|i| format!(", inside {}", short(i))).unwrap_or_default();
    let place = if finding.place.raw() == "host" {
        "on the host".to_owned()
    } else {
        format!("in {}", finding.place)
    };
    let (product, vendor) = (&reported.product_name, &reported.vendor_name);
    let (strength, state) = (finding.strength, finding.state);
    let title = format!("{product}{version} by {vendor}: {strength}, {state} {place}{inside}");
    entry(&format!("{number}. "), &Text::from(title).to_string(), style, out)?;
    if reported.rulings.is_empty() {
        entry("   ", "not covered by the chosen instruments", style, out)?;
    }
    for ruling in &reported.rulings {
        let due = ruling.due.map(|d| format!(" (due {d})")).unwrap_or_default();
        let assumed = assumed(&ruling.assumed);
        entry(
            "   ",
            &format!("{} under {}{due}: {}{assumed}", ruling.ruling, ruling.instrument, ruling.reason),
            style,
            out,
        )?;
    }
    for evidence in finding.evidence.iter().take(shown) {
        let Some(item) = inventory.items.get(evidence.item) else { continue };
        let version = item.version.as_ref().map(|v| format!(" {}", short(v))).unwrap_or_default();
        let mut traits: Vec<_> = evidence.traits.iter().filter(|(on, _)| *on != "path").collect();
        traits.dedup();
        let traits: Vec<_> = traits.iter().map(|(on, value)| format!("{on} {}", short(value))).collect();
        let place = if item.place.is_empty() { String::new() } else { format!(" in {}", short(&item.place)) };
        let (state, kind, name, traits) = (evidence.state, item.kind, short(&item.name), traits.join(", "));
        let line = format!("{state} {kind} {name}{version} [{traits}]{place}");
        entry("   - ", &line, style, out)?;
        for path in item.paths.iter().take(shown_paths) {
            entry("     ", &short(path), style, out)?;
        }
        if item.paths.len() > shown_paths {
            entry("     ", &format!("and {} more paths", item.paths.len() - shown_paths), style, out)?;
        }
    }
    if finding.evidence.len() > shown {
        let more = finding.evidence.len() - shown;
        entry("   ", &format!("and {more} more pieces of evidence, all of them with -v"), style, out)?;
    }
    if report.verbose { removal(reported, inventory, style, out) } else { Ok(()) }
}

/// What removes a finding.
fn removal(reported: &Reported, inventory: &Inventory, style: Style, out: &mut dyn Write) -> io::Result<()> {
    let Some(told) = remediation(reported, inventory) else { return Ok(()) };
    entry("   ", "to remove it from what was audited (interdict does none of this):", style, out)?;
    for (number, step) in told.steps.iter().enumerate() {
        entry(&format!("   {}. ", number + 1), &step.words, style, out)?;
        if let Some(command) = &step.command {
            writeln!(out, "        {command}")?;
        }
        if let Some(said) = &step.said {
            entry("      ", &format!("the machine says: {said}"), style, out)?;
        }
    }
    let notes = [
        ("restart", told.restart.into_iter().collect()),
        ("stays behind", told.remains),
        ("takes away", told.opens),
        ("then", vec![told.confirm.to_owned()]),
    ];
    for (what, notes) in notes {
        for note in notes {
            entry("   - ", &format!("{what}: {note}"), style, out)?;
        }
    }
    Ok(())
}
