//! What the table tells of an earlier report: what is new, what is another, and what is gone.

use std::io::{self, Write};

use super::super::{Report, Style};
use super::{entry, heading};
use crate::baseline::Change;
use crate::text::Text;

/// The whole section; nothing where nothing is compared.
pub(super) fn since(report: &Report, style: Style, out: &mut dyn Write) -> io::Result<()> {
    let Some(baseline) = &report.baseline else { return Ok(()) };
    heading("Since the earlier report", style, out)?;
    entry("", &baseline.to_string(), style, out)?;
    for reported in &report.findings {
        if let Some((Change::New | Change::Changed, other)) = report.change(reported) {
            let (name, place) = (Text::from(reported.product_name.as_str()), &reported.finding.place);
            let line = if other.is_empty() {
                format!("{name} in {place}: new")
            } else {
                format!("{name} in {place}: changed: {}", other.join("; "))
            };
            entry("- ", &line, style, out)?;
        }
    }
    for gone in &baseline.gone {
        let (name, place, state) = (Text::from(gone.product_name.as_str()), &gone.place, gone.state);
        entry("- ", &format!("{name} in {place}: gone, was {state} ({})", gone.id), style, out)?;
    }
    Ok(())
}
