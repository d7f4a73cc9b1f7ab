//! `junit`: a test case an instrument and a source, in the XML that CI servers take in.
//!
//! There is no standard; the form is that of Jenkins' xunit plugin schema, which GitLab reads too. An instrument fails
//! when it prohibits something or asks for a review, and errs when something could not be looked at; a source errs when
//! it left a gap that blocks, and is skipped when it does not apply.

use std::io::{self, Write};

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event};

use super::{Format, Report, Style};
use crate::inventory::{Coverage, CoverageState};
use crate::judge::{Outcome, Verdict};
use crate::text::Text;

pub(super) const FORMAT: Format = Format {
    id: "junit",
    about: "JUnit XML, a test case an instrument and a source",
    extension: "xml",
    write,
};

/// What a test case ends with.
enum End {
    Passed,
    Skipped(String),
    Failure(&'static str, String),
    Error(String),
}

struct Case {
    name: String,
    end: End,
    /// What is told besides.
    out: Vec<String>,
}

fn write(report: &Report, _: Style, out: &mut dyn Write) -> io::Result<()> {
    let instruments: Vec<Case> = report.outcomes.iter().map(|outcome| instrument(report, outcome)).collect();
    let sources: Vec<Case> = report.inventory.coverage.iter().map(source).collect();
    let besides = Case { name: "findings and waivers".to_owned(), end: End::Passed, out: besides(report) };
    let mut xml = Writer::new_with_indent(out, b' ', 2);
    xml.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    let suites = [("instruments", instruments), ("sources", sources), ("evidence", vec![besides])];
    xml.create_element("testsuites").with_attribute(("name", "interdict")).write_inner_content(|xml| {
        for (name, cases) in &suites {
            suite(xml, report, name, cases)?;
        }
        Ok(())
    })?;
    writeln!(xml.get_mut())
}

/// Every finding with its evidence, and every waiver; why the instruments say so is in their cases.
fn besides(report: &Report) -> Vec<String> {
    let mut told: Vec<String> = report.warnings().map(|warning| format!("warning: {warning}")).collect();
    for reported in &report.findings {
        let (finding, product, vendor) = (&reported.finding, &reported.product_name, &reported.vendor_name);
        let (id, state, strength) = (finding.id.raw(), finding.state, finding.strength);
        let change =
            report.change(reported).map(|(change, other)| format!(", {change} {}", other.join("; ")));
        let change = change.unwrap_or_default();
        told.push(format!("{id}: {product} by {vendor}, {state}, {strength}{}", change.trim_end()));
        for ruling in &reported.rulings {
            told.push(format!("  {} under {}", ruling.ruling, ruling.instrument));
        }
        for evidence in &finding.evidence {
            let Some(item) = report.inventory.items.get(evidence.item) else { continue };
            let (state, kind, name, place) = (evidence.state, item.kind, item.name.raw(), item.place.raw());
            told.push(format!("  {state} {kind} {name} in {place}"));
        }
    }
    for gone in report.baseline.iter().flat_map(|b| &b.gone) {
        let (id, product, vendor, state) = (gone.id.raw(), &gone.product_name, &gone.vendor_name, gone.state);
        told.push(format!("{id}: {product} by {vendor}, gone, was {state}"));
    }
    for waived in &report.waivers {
        let (waiver, state) = (&waived.waiver, waived.state);
        let because = waived.because.as_deref().map(|because| format!(" ({because})")).unwrap_or_default();
        let (id, approver, reason) = (&waiver.id, &waiver.approver, &waiver.reason);
        told.push(format!("waiver {id}: {state}{because}; {approver}: {reason}"));
    }
    told
}

fn suite<W: Write>(xml: &mut Writer<W>, report: &Report, name: &str, cases: &[Case]) -> io::Result<()> {
    let count = |of: fn(&End) -> bool| cases.iter().filter(|case| of(&case.end)).count().to_string();
    let started = format!("{:.0}", report.scan.started);
    let attributes = [
        ("name", format!("interdict.{name}")),
        ("tests", cases.len().to_string()),
        ("failures", count(|end| matches!(end, End::Failure(..)))),
        ("errors", count(|end| matches!(end, End::Error(_)))),
        ("skipped", count(|end| matches!(end, End::Skipped(_)))),
        ("time", "0".to_owned()),
        ("timestamp", started.trim_end_matches('Z').to_owned()),
        ("hostname", shown(report.inventory.host.name.as_ref().map_or("unknown", Text::raw))),
    ];
    let attributes = attributes.iter().map(|(key, value)| (*key, value.as_str()));
    xml.create_element("testsuite").with_attributes(attributes).write_inner_content(|xml| {
        for case in cases {
            let class = format!("interdict.{name}");
            let attributes = [("name", case.name.as_str()), ("classname", class.as_str()), ("time", "0")];
            xml.create_element("testcase")
                .with_attributes(attributes)
                .write_inner_content(|xml| case.write(xml))?;
        }
        Ok(())
    })?;
    Ok(())
}

impl Case {
    fn write<W: Write>(&self, xml: &mut Writer<W>) -> io::Result<()> {
        let mut told = |element: &str, kind: Option<&str>, text: &str| {
            let first = text.lines().next().unwrap_or_default().to_owned();
            let attributes = kind.map(|kind| [("type", kind), ("message", first.as_str())]);
            let attributes = attributes.into_iter().flatten();
            let element = xml.create_element(element).with_attributes(attributes);
            element.write_text_content(BytesText::new(text)).map(|_| ())
        };
        match &self.end {
            End::Passed => {}
            End::Skipped(why) => {
                xml.create_element("skipped").with_attribute(("message", why.as_str())).write_empty()?;
            }
            End::Failure(kind, text) => told("failure", Some(kind), text)?,
            End::Error(text) => told("error", Some("incomplete"), text)?,
        }
        if !self.out.is_empty() {
            let text = self.out.iter().map(|line| shown(line)).collect::<Vec<_>>().join("\n");
            xml.create_element("system-out").write_text_content(BytesText::new(&text))?;
        }
        Ok(())
    }
}

fn instrument(report: &Report, outcome: &Outcome) -> Case {
    let mut out: Vec<String> = Vec::new();
    for reported in &report.findings {
        for ruling in reported.rulings.iter().filter(|r| r.instrument == outcome.id) {
            let due = ruling.due.map(|day| format!(" (due {day})")).unwrap_or_default();
            let (id, state, strength) =
                (&reported.finding.id, reported.finding.state, reported.finding.strength);
            out.push(format!("{}{due}: {id}, {state}, {strength}: {}", ruling.ruling, ruling.reason));
        }
    }
    let title = format!("{}: {}", outcome.verdict, outcome.title);
    let end = match outcome.verdict {
        Verdict::Clean => End::Passed,
        Verdict::Incomplete => End::Error(format!("{title}\nnot all could be looked at; see the sources")),
        Verdict::Prohibited => End::Failure("prohibited", shown(&title)),
        Verdict::Review => End::Failure("review", shown(&title)),
    };
    Case { name: outcome.id.clone(), end, out }
}

fn source(row: &Coverage) -> Case {
    let gap = |gap: &crate::inventory::Gap| {
        let weight = if gap.blocks { "gap" } else { "note" };
        format!("{weight} [{}] {}: {}", gap.code, gap.place.raw(), gap.reason.raw())
    };
    let gaps: Vec<String> = row.gaps.iter().map(gap).collect();
    let blocks = row.gaps.iter().filter(|gap| gap.blocks).count();
    let reason = row.reason.as_ref().map(|r| shown(r.raw())).unwrap_or_default();
    let state = format!("{}: {} items", row.state, row.items);
    let end = match row.state {
        _ if blocks > 0 => End::Error(format!("{} {}: {blocks} gaps", row.source, row.state)),
        CoverageState::Absent => End::Skipped("not on this system".to_owned()),
        CoverageState::Skipped => End::Skipped(reason),
        CoverageState::Failed => End::Error(reason),
        CoverageState::Covered | CoverageState::Partial => End::Passed,
    };
    Case { name: shown(row.source.raw()), end, out: std::iter::once(state).chain(gaps).collect() }
}

/// Text without the characters that XML does not know.
fn shown(text: &str) -> String {
    Text::from(text).to_string()
}
