//! What the table tells of the law: the instruments with their terms, and the waivers.

use std::io::{self, Write};

use super::super::{Report, Style};
use super::{assumed, entry, heading, plain};
use crate::rules::Status;

/// Every instrument, and what it asks for by when.
pub(super) fn instruments(report: &Report, style: Style, out: &mut dyn Write) -> io::Result<()> {
    heading("Instruments", style, out)?;
    let mut rows = plain(style, &["Instrument", "Status", "Verdict"]);
    for outcome in &report.outcomes {
        let next = outcome.next.map(|(day, status)| format!(", {status} from {day}")).unwrap_or_default();
        let status =
            if outcome.status == Status::NotYet { "not made yet".into() } else { outcome.status.to_string() };
        rows.add_row([outcome.id.clone(), status + &next, outcome.verdict.to_string()]);
    }
    writeln!(out, "{}", rows.trim_fmt())?;
    for outcome in &report.outcomes {
        let line = format!("{}: {} ({})", outcome.id, outcome.title, outcome.citation);
        entry("- ", &(line + &assumed(&outcome.assumed)), style, out)?;
        if let Some(unbound) = &outcome.unbound {
            entry("  ", &format!("does not bind here: {unbound}"), style, out)?;
        }
        let rulings =
            || report.findings.iter().flat_map(|f| &f.rulings).filter(|r| r.instrument == outcome.id);
        let found = rulings().any(|r| r.ruling.stands());
        // Once nothing was found, and of the past only, terms are of no use to anyone.
        let binds = found && outcome.unbound.is_none();
        for duty in outcome.duties.iter().filter(|duty| binds && duty.due >= report.scan.as_of) {
            entry("  ", &format!("by {}: {} ({})", duty.due, duty.duty, duty.rule), style, out)?;
        }
    }
    Ok(())
}

/// Every waiver, and what became of it.
pub(super) fn waivers(report: &Report, style: Style, out: &mut dyn Write) -> io::Result<()> {
    if report.waivers.is_empty() {
        return Ok(());
    }
    heading("Waivers", style, out)?;
    for waived in &report.waivers {
        let waiver = &waived.waiver;
        let of = [waiver.finding.as_ref(), waiver.product.as_ref()].into_iter().flatten();
        let of: Vec<_> = of.map(String::as_str).collect();
        let because = waived.because.as_ref().map(|because| format!(" ({because})")).unwrap_or_default();
        let line = format!(
            "{} {}{because}: {} under {}, from {} to {}, approved by {} ({}): {}",
            waived.state,
            waiver.id,
            of.join(", "),
            waiver.instrument,
            waiver.starts,
            waiver.expires,
            waiver.approver,
            waiver.reference,
            waiver.reason
        );
        entry("- ", &line, style, out)?;
    }
    Ok(())
}
