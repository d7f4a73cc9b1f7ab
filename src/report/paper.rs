//! The report as a document: what stands in it and in which order, whatever it is written as.
//!
//! HTML and Markdown are [`Page`]s, so neither can hold less than the other. Rows are given one at a time and written at
//! once: the annex is as long as the inventory. Every text that a page is given is hostile until the page has escaped it.

mod annex;
mod found;

use std::io;

use super::remediation::Remediation;
use super::{Report, table};
use crate::judge::Verdict;
use crate::rules::Status;
use crate::text::Text;

/// The sections in their order: id and title.
pub(super) const SECTIONS: &[(&str, &str)] = &[
    ("determination", "Determination"),
    ("deadlines", "Deadlines"),
    ("findings", "Findings"),
    ("coverage", "Coverage"),
    ("exceptions", "Exceptions"),
    ("remediation", "Remediation"),
    ("method", "Method"),
    ("signatures", "Signatures"),
    ("rules", "Annex: rules"),
    ("inventory", "Annex: inventory"),
];

/// A piece of a cell or of a title.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Span {
    /// Words.
    Words(String),
    /// Words that stand out.
    Strong(String),
    /// Words on a line of their own, in a smaller type.
    Small(String),
    /// A name, a path or an identifier, as it is written.
    Code(String),
    /// A day, an identifier of the rules or another short word, which is not broken over lines.
    Short(String),
    /// A word of a closed set (a verdict, a ruling, a state), which a page may colour.
    Mark(&'static str),
}

/// What a cell holds.
pub(super) type Cell = Vec<Span>;

/// One cell of words.
pub(super) fn words(text: impl Into<String>) -> Cell {
    let text = text.into();
    if text.is_empty() { Cell::new() } else { vec![Span::Words(text)] }
}

/// One cell of a name, a path or an identifier; empty, where there is none.
pub(super) fn code(text: Option<&Text>) -> Cell {
    text.filter(|text| !text.is_empty()).map(|text| Span::Code(text.raw().to_owned())).into_iter().collect()
}

/// One cell of a word.
pub(super) fn mark(word: &'static str) -> Cell {
    vec![Span::Mark(word)]
}

/// One cell of a day, an identifier or another short word.
pub(super) fn brief(text: &(impl ToString + ?Sized)) -> Cell {
    let text = text.to_string();
    if text.is_empty() { Cell::new() } else { vec![Span::Short(text)] }
}

/// What stands on top of the document.
pub(super) struct Cover {
    /// What was audited.
    pub(super) title: String,
    /// The answer.
    pub(super) verdict: Verdict,
    /// What that word means.
    pub(super) meaning: &'static str,
    /// What was found, in a few sentences.
    pub(super) summary: String,
    /// Who, what, when.
    pub(super) facts: Vec<(&'static str, Cell)>,
    /// What a reader must know before relying on it.
    pub(super) warnings: Vec<String>,
}

/// Something a document can be written on.
pub(super) trait Page {
    /// Begins the document.
    fn cover(&mut self, cover: &Cover) -> io::Result<()>;
    /// Begins the section of an id.
    fn section(&mut self, id: &'static str) -> io::Result<()>;
    /// Begins a part of a section.
    fn part(&mut self, title: &[Span]) -> io::Result<()>;
    /// Writes a paragraph.
    fn paragraph(&mut self, text: &str) -> io::Result<()>;
    /// Writes names with what belongs to them.
    fn fields(&mut self, fields: &[(&'static str, Cell)]) -> io::Result<()>;
    /// Writes a table, a row at a time; what it shows is said for those who do not see it.
    fn table(
        &mut self,
        about: &str,
        heads: &[&str],
        rows: &mut dyn Iterator<Item = Vec<Cell>>,
    ) -> io::Result<()>;
    /// Writes what removes a finding.
    fn removal(&mut self, removal: &Remediation) -> io::Result<()>;
    /// Writes blanks for people to fill in, a group a person.
    fn blanks(&mut self, people: &[&'static str], labels: &[&'static str]) -> io::Result<()>;
    /// Ends the document.
    fn close(&mut self) -> io::Result<()>;
}

/// Writes the whole document.
pub(super) fn write(report: &Report, page: &mut dyn Page) -> io::Result<()> {
    page.cover(&cover(report))?;
    determination(report, page)?;
    deadlines(report, page)?;
    found::findings(report, page)?;
    annex::coverage(report, page)?;
    annex::exceptions(report, page)?;
    found::removals(report, page)?;
    annex::method(report, page)?;
    signatures(page)?;
    annex::rules(report, page)?;
    annex::inventory(report, page)?;
    page.close()
}

/// Writes what a report to an authority rests on: what was found, what was not seen, and how it was looked for.
pub(super) fn basis(report: &Report, page: &mut dyn Page) -> io::Result<()> {
    found::findings(report, page)?;
    annex::coverage(report, page)?;
    annex::exceptions(report, page)?;
    annex::method(report, page)?;
    annex::rules(report, page)
}

/// What the verdict means, in one sentence.
fn meaning(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Prohibited => {
            "Software was found that must not be here under at least one of the instruments that were chosen."
        }
        Verdict::Incomplete => {
            "Something that should have been looked at could not be, so this scan cannot say that nothing prohibited is here."
        }
        Verdict::Review => {
            "Something was found that a person must look at before the question can be answered."
        }
        Verdict::Clean => {
            "Nothing that the chosen instruments prohibit was found within the coverage of this scan. That is no statement on what was not looked at."
        }
    }
}

fn cover(report: &Report) -> Cover {
    let (inventory, scan) = (&report.inventory, &report.scan);
    let host = &inventory.host;
    let stated = |keys: &[&str]| {
        let fields = keys.iter().filter_map(|key| report.organisation.fields.get(key)).flatten();
        let said: Vec<&str> = fields.map(String::as_str).collect();
        if said.is_empty() { words("not stated") } else { words(said.join(", ")) }
    };
    let joined = |texts: [Option<&Text>; 2]| {
        let texts: Vec<_> = texts.into_iter().flatten().map(ToString::to_string).collect();
        words(if texts.is_empty() { "unknown".to_owned() } else { texts.join(", ") })
    };
    let name = host.name.as_ref().map_or_else(|| "an unnamed host".to_owned(), ToString::to_string);
    let target = match inventory.subject.kind.raw() {
        "live" => words("this machine, as it ran"),
        kind => vec![Span::Code(format!("{kind}:{}", inventory.subject.place.raw()))],
    };
    let versions = report.rules.iter().map(|pack| pack.version.as_str()).filter(|v| !v.is_empty());
    let newest = versions.max().map(|version| format!(", the newest of {version}")).unwrap_or_default();
    let facts = vec![
        ("Body", stated(&["name"])),
        ("Component", stated(&["component"])),
        ("Contact", stated(&["contact-name", "contact-telephone", "contact-email"])),
        ("System", stated(&["system-name", "system-id"])),
        ("Asset tag", stated(&["asset-tag"])),
        ("Mission function", stated(&["mission-function"])),
        ("Host", joined([host.name.as_ref(), host.id.as_ref()])),
        ("Operating system", joined([host.os.as_ref(), host.version.as_ref()])),
        ("Looked at", target),
        ("Scanned", words(format!("{:.0}", scan.started))),
        ("Law as of", words(scan.as_of.to_string())),
        ("Tool", words(format!("interdict {}", env!("CARGO_PKG_VERSION")))),
        ("Rules", words(format!("{} packs{newest}", report.rules.len()))),
    ];
    Cover {
        title: name,
        verdict: report.verdict,
        meaning: meaning(report.verdict),
        summary: table::said(report),
        facts,
        warnings: report.warnings().collect(),
    }
}

/// What each instrument says.
fn determination(report: &Report, page: &mut dyn Page) -> io::Result<()> {
    page.section("determination")?;
    let others: Vec<_> = report.verdicts.iter().skip(1).filter(|v| **v != Verdict::Clean).collect();
    if !others.is_empty() {
        let others: Vec<_> = others.iter().map(|v| v.word()).collect();
        page.paragraph(&format!(
            "Besides {} these verdicts hold too: {}.",
            report.verdict,
            others.join(", ")
        ))?;
    }
    let row = |outcome: &crate::judge::Outcome| {
        let next = outcome.next.map(|(day, status)| format!("{status} from {day}"));
        let status =
            if outcome.status == Status::NotYet { "not made yet" } else { outcome.status.word() }.to_owned();
        let mut taken: Cell = Vec::new();
        if let Some(unbound) = &outcome.unbound {
            taken.push(Span::Words(format!("Does not bind here: {unbound}")));
        }
        if !outcome.assumed.is_empty() {
            taken.push(Span::Words(format!("Assumed: {}", outcome.assumed.join("; "))));
        }
        if taken.is_empty() {
            taken.push(Span::Words("Binds; nothing had to be assumed".to_owned()));
        }
        vec![
            vec![
                Span::Strong(outcome.title.clone()),
                Span::Small(outcome.citation.clone()),
                Span::Short(outcome.id.clone()),
            ],
            std::iter::once(Span::Short(status)).chain(next.map(Span::Small)).collect(),
            mark(outcome.verdict.word()),
            taken,
        ]
    };
    let heads = ["Instrument", "Status", "Verdict", "Whom it binds"];
    page.table("what each instrument says", &heads, &mut report.outcomes.iter().map(row))
}

/// What must be done by when.
fn deadlines(report: &Report, page: &mut dyn Page) -> io::Result<()> {
    page.section("deadlines")?;
    let is_in_force = |status| matches!(status, Status::InForce | Status::Overtaken);
    let has_found = |id: &str| {
        report.findings.iter().flat_map(|f| &f.rulings).any(|r| r.instrument == id && r.ruling.stands())
    };
    let binding = report.outcomes.iter().filter(|o| is_in_force(o.status) && o.unbound.is_none());
    let duties = binding.flat_map(|o| {
        let found = has_found(&o.id);
        o.duties.iter().filter(move |duty| found || !duty.on_finding).map(move |duty| (o, duty))
    });
    let mut duties: Vec<_> = duties.collect();
    duties.sort_by_key(|(o, duty)| (duty.due, &o.id));
    if duties.is_empty() {
        return page.paragraph("No instrument that binds here sets a term for what was found.");
    }
    page.paragraph(
        "Terms are computed from the day of the law above, in days of UTC. The time of this scan need not be the time of identification in the sense of the law.",
    )?;
    let as_of = report.scan.as_of;
    let mut rows = duties.into_iter().map(|(outcome, duty)| {
        let mut due = brief(&duty.due);
        due.extend((duty.due < as_of).then(|| Span::Small("passed".to_owned())));
        vec![due, words(&duty.duty), brief(&outcome.id), words(&duty.rule)]
    });
    page.table("terms", &["Due", "Duty", "Instrument", "How it is counted"], &mut rows)
}

fn signatures(page: &mut dyn Page) -> io::Result<()> {
    page.section("signatures")?;
    page.paragraph(
        "Whoever signs states that the scan was made as described under Method, and has read what it did not cover.",
    )?;
    let people = ["Scanned by", "Reviewed by", "Authorising official"];
    page.blanks(&people, &["Name", "Title", "Signature", "Date"])
}
