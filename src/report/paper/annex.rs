//! The parts of the document that say how far it reaches: coverage, exceptions, method, and the inventory itself.

use std::collections::BTreeMap;
use std::io;

use super::{Page, Span, brief, code, mark, words};
use crate::inventory::{Coverage, CoverageState, Gap};
use crate::item::Item;
use crate::report::Report;
use crate::rules::PackRef;
use crate::waiver::Waived;

/// Writes a row a source, and every gap.
pub(super) fn coverage(report: &Report, page: &mut dyn Page) -> io::Result<()> {
    page.section("coverage")?;
    let inventory = &report.inventory;
    let blocking = inventory.gaps().filter(|(_, gap)| gap.blocks).count();
    page.paragraph(&match blocking {
        0 => "Nothing that should have been looked at was left out.".to_owned(),
        1 => "In one place something that could hold software could not be looked at.".to_owned(),
        more => format!("In {more} places something that could hold software could not be looked at."),
    })?;
    let is_bare = |row: &&Coverage| {
        let unread = matches!(row.state, CoverageState::Absent | CoverageState::Skipped);
        unread && row.items == 0 && row.gaps.is_empty()
    };
    let (unread, read): (Vec<_>, Vec<_>) = inventory.coverage.iter().partition(is_bare);
    if inventory.gaps().next().is_some() {
        page.part(&words("What was not seen"))?;
        let mut rows = inventory.gaps().map(|(row, gap): (&Coverage, &Gap)| {
            let weight = if gap.blocks { "blocks a clean verdict" } else { "a note" };
            vec![
                brief(&row.source),
                code(Some(&gap.place)),
                vec![Span::Words(gap.reason.to_string()), Span::Small(gap.code.to_string())],
                words(weight),
            ]
        });
        page.table("what was not seen", &["Source", "Place", "Reason", "Weight"], &mut rows)?;
    }
    page.part(&words("What was looked at"))?;
    let mut rows = read.into_iter().map(|row| {
        let gaps = if row.gaps.is_empty() { String::new() } else { format!("gaps: {}", row.gaps.len()) };
        let reason = row.reason.as_ref().map(ToString::to_string).unwrap_or_default();
        let note = [reason, gaps].into_iter().filter(|n| !n.is_empty()).collect::<Vec<_>>().join("; ");
        vec![brief(&row.source), mark(row.state.word()), words(row.items.to_string()), words(note)]
    });
    page.table("how far each source was read", &["Source", "State", "Items", "Note"], &mut rows)?;
    if unread.is_empty() {
        return Ok(());
    }
    page.part(&words("What was not looked into"))?;
    // Most systems have few of the places, so those that were left for one reason stand together.
    let mut left: BTreeMap<_, Vec<String>> = BTreeMap::new();
    for row in unread {
        left.entry((row.state, &row.reason)).or_default().push(row.source.to_string());
    }
    let mut rows = left.into_iter().map(|((state, reason), sources)| {
        let reason = reason.as_ref().map_or_else(|| "not on this system".to_owned(), ToString::to_string);
        vec![mark(state.word()), words(sources.join(", ")), words(reason)]
    });
    page.table("what was not looked into", &["State", "Sources", "Why"], &mut rows)
}

/// Writes every waiver, whatever became of it.
pub(super) fn exceptions(report: &Report, page: &mut dyn Page) -> io::Result<()> {
    page.section("exceptions")?;
    if report.waivers.is_empty() {
        return page.paragraph("No waiver was given.");
    }
    page.paragraph("A waiver hides nothing: what it excepts stands among the findings as excepted.")?;
    let row = |waived: &Waived| {
        let waiver = &waived.waiver;
        let mut state = mark(waived.state.word());
        state.extend(waived.because.clone().map(Span::Small));
        let of = waiver.product.iter().chain(&waiver.finding).map(|of| Span::Code(of.clone()));
        let host = waiver.host.as_ref().map(|(glob, _)| Span::Small(format!("on {glob}")));
        let findings = waived.findings.iter().map(|id| Span::Small(format!("excepts {id}")));
        vec![
            vec![Span::Strong(waiver.id.clone()), Span::Small(waiver.reference.clone())],
            state,
            of.chain(host).chain(findings).collect(),
            brief(&waiver.instrument),
            vec![Span::Words(waiver.reason.clone()), Span::Small(format!("approved by {}", waiver.approver))],
            words(format!("{} to {} ({})", waiver.starts, waiver.expires, waiver.zone)),
        ]
    };
    let heads = ["Waiver", "State", "Of", "Instrument", "Reason", "Term"];
    page.table("waivers", &heads, &mut report.waivers.iter().map(row))
}

/// Writes who looked, how, and by which rules.
pub(super) fn method(report: &Report, page: &mut dyn Page) -> io::Result<()> {
    page.section("method")?;
    let (scan, inventory) = (&report.scan, &report.inventory);
    page.paragraph(
        "interdict read the places where software announces itself, recognised makers and products by the traits that the rules name, and judged each by each instrument. It read nothing outside the target, ran nothing of it, and changed nothing. The verdict was drawn before this document was written.",
    )?;
    let rights = match scan.elevated {
        Some(true) => "those of an administrator",
        Some(false) => "not those of an administrator: the coverage says what that hid",
        None => "unknown",
    };
    page.fields(&[
        ("Scanned by", scan.user.as_ref().map_or_else(|| words("unknown"), |user| code(Some(user)))),
        ("Rights", words(rights)),
        ("Depth", words(scan.depth.word())),
        ("Began", words(scan.started.to_string())),
        ("Ended", words(scan.finished.to_string())),
        ("Law as of", words(scan.as_of.to_string())),
        ("Tool", words(format!("interdict {}", env!("CARGO_PKG_VERSION")))),
        (
            "Target",
            vec![Span::Code(format!("{}:{}", inventory.subject.kind.raw(), inventory.subject.place.raw()))],
        ),
        ("Items", words(inventory.items.len().to_string())),
    ])?;
    page.paragraph("This document states what a program found. It is not legal advice.")
}

/// Writes the rules it was judged by.
pub(super) fn rules(report: &Report, page: &mut dyn Page) -> io::Result<()> {
    page.section("rules")?;
    let row = |pack: &PackRef| {
        let as_of = pack.as_of.map(|day| day.to_string()).unwrap_or_default();
        vec![brief(&pack.id), brief(&pack.version), brief(&as_of), vec![Span::Code(pack.sha256.clone())]]
    };
    let heads = ["Pack", "Version", "Facts checked", "SHA-256"];
    page.table("the rules it was judged by", &heads, &mut report.rules.iter().map(row))
}

/// Writes all that was seen.
pub(super) fn inventory(report: &Report, page: &mut dyn Page) -> io::Result<()> {
    page.section("inventory")?;
    if !report.with_items {
        return page.paragraph("The items were left out on request (--no-items).");
    }
    let row = |item: &Item| {
        let mut name = code(Some(&item.name));
        name.extend(item.publisher.as_ref().map(|publisher| Span::Small(publisher.to_string())));
        vec![
            brief(&item.kind),
            name,
            code(item.version.as_ref()),
            brief(&item.state),
            brief(&item.source),
            code(Some(&item.place)),
        ]
    };
    let heads = ["Kind", "Name", "Version", "State", "Source", "Found at"];
    page.table("all that was seen", &heads, &mut report.inventory.items.iter().map(row))
}
