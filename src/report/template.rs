//! `template`: the reports that instruments ask for, with what the scan knows filled in and the rest left as labelled blanks.
//!
//! Which fields a report has, and what fills each, stands in the rule file of the instrument (`[[instrument.report]]`), so
//! that a new instrument needs no code. Nothing is invented: what only people know is a blank that says who fills it, and
//! that nothing was found is said within the coverage alone. What the reports rest on follows them.

mod facts;

use std::io::{self, Write};

use self::facts::{Facts, Of};
use super::markdown::{Markdown, line, plain};
use super::paper::{self, Page, Span, words};
use super::{Format, Report, Style};
use crate::judge::Outcome;
use crate::rules::{Each, Field, Filing, Status};

pub(super) const FORMAT: Format = Format {
    id: "template",
    about: "the reports that the law asks for, to be filled in; template:ID is that of one instrument",
    extension: "md",
    write: |report: &Report, _: Style, out: &mut dyn Write| write(report, None, out),
};

/// Writes the reports that one instrument asks for, or all that were chosen.
///
/// # Errors
/// When `out` cannot be written to.
pub fn write(report: &Report, of: Option<&str>, out: &mut dyn Write) -> io::Result<()> {
    let page = &mut Markdown { out, is_begun: false };
    let host =
        report.inventory.host.name.as_ref().map_or_else(|| "an unnamed host".to_owned(), ToString::to_string);
    page.title(1, &words(format!("Reports to be filed: {host}")))?;
    page.paragraph(
        "What stands in square brackets is for people to fill in. All else was filled in from the scan, or from what the operator stated.",
    )?;
    let asked = |outcome: &&Outcome| !outcome.filings.is_empty() && of.is_none_or(|id| outcome.id == id);
    let mut none = true;
    for outcome in report.outcomes.iter().filter(asked) {
        none = false;
        instrument(report, outcome, page)?;
    }
    if none {
        page.paragraph("No instrument that was chosen asks for a report of which the fields are known.")?;
    }
    page.title(2, &words("What this rests on"))?;
    page.paragraph(&format!(
        "Scanned {} by interdict {}, judged by the law of {}; verdict {}.",
        report.scan.started,
        env!("CARGO_PKG_VERSION"),
        report.scan.as_of,
        report.verdict
    ))?;
    let warnings = report.warnings().map(|warning| format!("**Warning:** {}", plain(&warning)));
    page.list(&warnings.collect::<Vec<_>>())?;
    paper::basis(report, page)
}

/// The reports of one instrument.
fn instrument(report: &Report, outcome: &Outcome, page: &mut Markdown<'_>) -> io::Result<()> {
    page.title(2, &words(&outcome.title))?;
    page.block(&format!("{} ({}), {}", plain(&outcome.citation), plain(&outcome.id), outcome.status))?;
    if !matches!(outcome.status, Status::InForce | Status::Overtaken) {
        page.paragraph(&format!("On {} it asks for nothing: it is {}.", report.scan.as_of, outcome.status))?;
    }
    if let Some(unbound) = &outcome.unbound {
        page.paragraph(&format!("It does not bind here: {unbound}"))?;
    }
    let assumed = outcome.assumed.iter().map(|assumed| format!("Assumed: {}", plain(assumed)));
    let facts = Facts { report, outcome };
    let found = !facts.findings().is_empty();
    let duties = outcome.duties.iter().filter(|duty| found || !duty.on_finding);
    let terms = duties.map(|duty| {
        let passed = if duty.due < report.scan.as_of { " (passed)" } else { "" };
        format!("By **{}**{passed}: {}; {}", duty.due, plain(&duty.duty), plain(&duty.rule))
    });
    page.list(&assumed.chain(terms).collect::<Vec<_>>())?;
    for filing in &outcome.filings {
        write_filing(&facts, filing, page)?;
    }
    Ok(())
}

/// One report.
fn write_filing(facts: &Facts<'_>, filing: &Filing, page: &mut Markdown<'_>) -> io::Result<()> {
    page.title(3, &words(&filing.name))?;
    if let Some(draft) = &filing.draft {
        page.block(&format!("**DRAFT:** {}", plain(draft)))?;
    }
    page.block(&format!("To: {}", plain(&filing.to)))?;
    let records: Vec<(String, Of<'_>)> = match filing.each {
        Each::Report => vec![(String::new(), Of::Report)],
        Each::Finding => {
            let findings = facts.findings().into_iter();
            findings.map(|f| (f.product_name.clone(), Of::Finding(f))).collect()
        }
        Each::Waiver => facts.waivers().into_iter().map(|w| (w.waiver.id.clone(), Of::Waiver(w))).collect(),
    };
    if records.is_empty() {
        let nothing = match filing.each {
            Each::Waiver => "No waiver of this instrument was given to the scan.".to_owned(),
            Each::Report | Each::Finding => facts.nothing(filing),
        };
        page.paragraph(&nothing)?;
        return page.list(&filing.fields.iter().map(|field| blank(field, filing)).collect::<Vec<_>>());
    }
    for (number, (name, of)) in records.iter().enumerate() {
        if filing.each != Each::Report {
            page.title(4, &words(format!("{}. {name}", number + 1)))?;
        }
        let fields = filing.fields.iter().map(|field| filled(facts, field, filing, *of));
        page.list(&fields.collect::<Vec<_>>())?;
    }
    Ok(())
}

/// A field with what fills it, and a blank where people must add to that.
fn filled(facts: &Facts<'_>, field: &Field, filing: &Filing, of: Of<'_>) -> String {
    let mut known: Vec<String> = Vec::new();
    let mut is_whole = !field.fills.is_empty();
    for fill in &field.fills {
        let told = facts.fill(*fill, filing, of);
        is_whole &= !told.is_empty() && !fill.is_partial();
        known.extend(told);
    }
    if known.is_empty() {
        return blank(field, filing);
    }
    let known: Vec<_> = known.iter().map(|text| line(&[Span::Words(text.clone())])).collect();
    let rest = if is_whole { String::new() } else { format!("<br>{}", label(field, filing)) };
    format!("**{}:** {}{rest}", plain(&field.words), known.join("<br>"))
}

fn blank(field: &Field, filing: &Filing) -> String {
    format!("**{}:** {}", plain(&field.words), label(field, filing))
}

/// A blank that says what belongs there and who knows it.
fn label(field: &Field, filing: &Filing) -> String {
    format!("[{}: to be filled in by the {}]", plain(&field.words), plain(&filing.by))
}
