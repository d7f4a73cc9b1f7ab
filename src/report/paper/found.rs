//! Findings in the document: what was found, what shows it, what the law says of it, and what removes it.

use std::io;

use super::{Cell, Page, Span, brief, code, mark, words};
use crate::item::State;
use crate::judge::RulingKind;
use crate::recognise::Evidence;
use crate::report::remediation::remediation;
use crate::report::{Report, Reported};
use crate::text::Text;

/// Findings that count, with their numbers, which are those of the table too.
fn counted(report: &Report) -> impl Iterator<Item = (usize, &Reported)> {
    let counted = report.findings.iter().filter(|f| f.finding.state != State::Mention);
    counted.enumerate().map(|(number, reported)| (number + 1, reported))
}

/// The word that a reader must see first.
fn ruling(reported: &Reported) -> &'static str {
    reported.weighs_most().map_or("not covered", RulingKind::word)
}

fn place(reported: &Reported) -> String {
    let place = &reported.finding.place;
    let place = if place.raw() == "host" { "the host".to_owned() } else { place.to_string() };
    match &reported.finding.inside {
        Some(inside) => format!("{place}, inside {inside}"),
        None => place,
    }
}

fn title(number: usize, reported: &Reported) -> Vec<Span> {
    let version = reported.finding.version.as_ref().map(|v| format!(" {v}")).unwrap_or_default();
    let title = format!("{number}. {}{version}", reported.product_name);
    vec![Span::Words(title), Span::Mark(ruling(reported))]
}

/// Writes every finding, and what only names a vendor.
pub(super) fn findings(report: &Report, page: &mut dyn Page) -> io::Result<()> {
    page.section("findings")?;
    if counted(report).next().is_none() {
        page.paragraph("Nothing by the vendors in the rules was found within the coverage.")?;
    } else {
        let row = |(number, reported): (usize, &Reported)| {
            let finding = &reported.finding;
            vec![
                words(number.to_string()),
                vec![Span::Strong(reported.product_name.clone()), Span::Small(reported.vendor_name.clone())],
                code(finding.version.as_ref()),
                words(place(reported)),
                mark(finding.state.word()),
                brief(&finding.strength),
                mark(ruling(reported)),
            ]
        };
        let heads = ["No.", "Product", "Version", "Where", "State", "Sure", "Ruling"];
        page.table("what was found", &heads, &mut counted(report).map(row))?;
    }
    since(report, page)?;
    for (number, reported) in counted(report) {
        finding(number, reported, report, page)?;
    }
    mentions(report, page)
}

/// What is new, another or gone since an earlier report; nothing where nothing is compared.
fn since(report: &Report, page: &mut dyn Page) -> io::Result<()> {
    let Some(baseline) = &report.baseline else { return Ok(()) };
    page.part(&words("Since the earlier report"))?;
    page.paragraph(&format!("{baseline}."))?;
    let now = report.findings.iter().filter_map(|reported| {
        let (change, other) = report.change(reported)?;
        let (name, finding) = (&reported.product_name, &reported.finding);
        let other = if other.is_empty() { finding.state.to_string() } else { other.join("; ") };
        Some(vec![
            mark(change.word()),
            words(name),
            words(place(reported)),
            code(Some(&finding.id)),
            words(other),
        ])
    });
    let gone = baseline.gone.iter().map(|gone| {
        let was = format!("was {}", gone.state);
        vec![
            mark("gone"),
            words(&gone.product_name),
            words(gone.place.to_string()),
            code(Some(&gone.id)),
            words(was),
        ]
    });
    let heads = ["Change", "Product", "Where", "Finding", "What"];
    page.table("what changed since the earlier report", &heads, &mut now.chain(gone))
}

fn finding(number: usize, reported: &Reported, report: &Report, page: &mut dyn Page) -> io::Result<()> {
    let finding = &reported.finding;
    page.part(&title(number, reported))?;
    page.fields(&[
        ("Made by", words(&reported.vendor_name)),
        ("Where", words(place(reported))),
        ("State", words(finding.state.word())),
        ("Sure", words(finding.strength.word())),
        ("Finding", code(Some(&finding.id))),
    ])?;
    if reported.rulings.is_empty() {
        page.paragraph("No instrument that was chosen speaks of it.")?;
    } else {
        let mut rows = reported.rulings.iter().map(|ruling| {
            let mut reason = words(&ruling.reason);
            if !ruling.assumed.is_empty() {
                reason.push(Span::Small(format!("assumed: {}", ruling.assumed.join("; "))));
            }
            let due = ruling.due.map(|day| day.to_string()).unwrap_or_default();
            vec![mark(ruling.ruling.word()), brief(&ruling.instrument), brief(&due), reason]
        });
        page.table("what the law says of it", &["Ruling", "Instrument", "Due", "Reason"], &mut rows)?;
    }
    let mut rows = finding.evidence.iter().filter_map(|evidence| row(evidence, report));
    page.table("what shows it", &["Evidence", "Version", "Found at", "Shown by"], &mut rows)
}

/// A piece of evidence.
fn row(evidence: &Evidence, report: &Report) -> Option<Vec<Cell>> {
    let item = report.inventory.items.get(evidence.item)?;
    let what = vec![
        Span::Words(format!("{} {}", evidence.state, item.kind)),
        Span::Code(item.name.raw().to_owned()),
        Span::Small(format!("{}, {}", item.source, evidence.strength)),
    ];
    let mut places: Vec<&Text> = vec![&item.place];
    places.extend(item.paths.iter().filter(|path| **path != item.place));
    let places = places.into_iter().filter(|p| !p.is_empty()).map(|p| Span::Code(p.raw().to_owned()));
    let mut traits: Vec<_> = evidence.traits.iter().collect();
    traits.dedup();
    let traits = traits
        .into_iter()
        .flat_map(|(on, value)| [Span::Words((*on).to_owned()), Span::Code(value.raw().to_owned())]);
    Some(vec![what, code(item.version.as_ref()), places.collect(), traits.collect()])
}

/// What names a vendor and is not by it.
fn mentions(report: &Report, page: &mut dyn Page) -> io::Result<()> {
    let mentions = report.findings.iter().filter(|f| f.finding.state == State::Mention);
    let items = mentions.flat_map(|reported| {
        let items = reported.finding.evidence.iter().filter_map(|e| report.inventory.items.get(e.item));
        items.map(move |item| (reported, item))
    });
    let mut items = items.peekable();
    if items.peek().is_none() {
        return Ok(());
    }
    page.part(&words("Named, but not by the vendor"))?;
    page.paragraph("These carry the vendor's name and are somebody else's. They do not count.")?;
    let mut rows = items.map(|(reported, item)| {
        vec![
            words(item.kind.word()),
            code(Some(&item.name)),
            code(item.version.as_ref()),
            code(Some(&item.place)),
            words(&reported.vendor_name),
        ]
    });
    page.table("what only names a vendor", &["Kind", "Name", "Version", "Found at", "Vendor"], &mut rows)
}

/// Writes what removes each finding.
pub(super) fn removals(report: &Report, page: &mut dyn Page) -> io::Result<()> {
    page.section("remediation")?;
    if counted(report).next().is_none() {
        return page.paragraph("There is nothing to remove.");
    }
    page.paragraph(
        "What would remove each finding from what was audited, for a person to do there. interdict has run none of it. Names and paths in commands come from the machine that was audited: read each before it is run.",
    )?;
    for (number, reported) in counted(report) {
        let Some(told) = remediation(reported, &report.inventory) else { continue };
        page.part(&title(number, reported))?;
        page.removal(&told)?;
    }
    Ok(())
}
