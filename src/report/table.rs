//! `table`: for people, on a terminal or in a file. The verdict comes first, and what was not seen is never left out.

mod detail;
mod law;
mod since;

use std::collections::BTreeMap;
use std::io::{self, Write};

use comfy_table::{Cell, ContentArrangement, Table, presets};
use unicode_width::UnicodeWidthStr;

use self::detail::detail;
use super::{Format, Report, Scan, Style};
use crate::inventory::{CoverageState, Inventory};
use crate::item::State;
use crate::judge::{RulingKind, Verdict};
use crate::text::Text;

pub(super) const FORMAT: Format = Format { id: "table", about: "for people", extension: "txt", write };

/// Packs of rules of one day that are named.
const FEW_PACKS: usize = 6;

fn write(report: &Report, style: Style, out: &mut dyn Write) -> io::Result<()> {
    let inventory = &report.inventory;
    host(inventory, &report.scan, style, out)?;
    // Packs of one day stand together, and many of them as a number.
    let mut rules: BTreeMap<_, Vec<&str>> = BTreeMap::new();
    for pack in &report.rules {
        rules.entry(&pack.version).or_default().push(&pack.id);
    }
    let of_a_day = |(version, ids): (&String, Vec<&str>)| match ids.as_slice() {
        ids if ids.len() > FEW_PACKS => format!("{} packs of {version}", ids.len()),
        ids => format!("{} {version}", ids.join(", ")).trim().to_owned(),
    };
    let rules: Vec<_> = rules.into_iter().map(of_a_day).collect();
    field("Rules", &rules.join("; "), style, out)?;
    // Many old packs are told as one.
    match report.old_rules.as_slice() {
        old if old.len() > FEW_PACKS => {
            let oldest = old.iter().filter_map(|pack| pack.as_of).min();
            let oldest = oldest.map(|day| day.to_string()).unwrap_or_default();
            let warning = format!(
                "{} packs of rules are old, the oldest was checked on {oldest}; what was banned since is not in them",
                old.len()
            );
            field("Warning", &warning, style, out)?;
        }
        _ => {
            for warning in report.warnings() {
                field("Warning", &warning, style, out)?;
            }
        }
    }
    field("Law as of", &report.scan.as_of.to_string(), style, out)?;
    writeln!(out)?;
    writeln!(out, "{}", paint(&verdict(report), report.verdict, style))?;
    for line in wrapped(&said(report), style.width) {
        writeln!(out, "{line}")?;
    }
    let (findings, mentions): (Vec<_>, Vec<_>) =
        report.findings.iter().partition(|f| f.finding.state != State::Mention);
    if !findings.is_empty() {
        heading("Findings", style, out)?;
        let mut columns = vec!["#", "Product", "Version", "Where", "State", "Sure", "Ruling"];
        columns.extend(report.baseline.as_ref().map(|_| "Since"));
        let mut rows = plain(style, &columns);
        for (number, reported) in findings.iter().enumerate() {
            let finding = &reported.finding;
            let ruling = reported.weighs_most().map_or("none", RulingKind::word);
            let mut cells = vec![
                Cell::new(number + 1),
                Cell::new(Text::from(reported.product_name.as_str())),
                Cell::new(finding.version.as_ref().map(short).unwrap_or_default()),
                Cell::new(short(&finding.place)),
                Cell::new(finding.state),
                Cell::new(finding.strength),
                Cell::new(ruling),
            ];
            cells.extend(report.change(reported).map(|(change, _)| Cell::new(change)));
            rows.add_row(cells);
        }
        writeln!(out, "{}", rows.trim_fmt())?;
        for (number, reported) in findings.iter().enumerate() {
            writeln!(out)?;
            detail(number + 1, reported, report, style, out)?;
        }
    }
    if !mentions.is_empty() {
        heading("Named, but not by the vendor (does not count)", style, out)?;
        for item in
            mentions.iter().flat_map(|f| &f.finding.evidence).filter_map(|e| inventory.items.get(e.item))
        {
            entry(
                "- ",
                &format!("{} {} ({})", item.kind, short(&item.name), short(&item.place)),
                style,
                out,
            )?;
        }
    }
    law::instruments(report, style, out)?;
    law::waivers(report, style, out)?;
    since::since(report, style, out)?;
    coverage(inventory, style, out)
}

/// What is taken for true, as the end of a line.
fn assumed(assumed: &[String]) -> String {
    if assumed.is_empty() { String::new() } else { format!("; assumed: {}", assumed.join("; ")) }
}

/// What was looked at, by whom, with which rights.
pub(super) fn host(inventory: &Inventory, scan: &Scan, style: Style, out: &mut dyn Write) -> io::Result<()> {
    let subject = &inventory.subject;
    let target = match subject.kind.raw() {
        "live" => "this machine".to_owned(),
        kind => format!("{kind}:{}", subject.place),
    };
    writeln!(out, "interdict {}", env!("CARGO_PKG_VERSION"))?;
    field("Target", &target, style, out)?;
    let host = &inventory.host;
    let name = host.name.as_ref().map_or_else(|| "unknown".to_owned(), ToString::to_string);
    let os = host.os.as_ref().map(|os| format!(" ({os})")).unwrap_or_default();
    field("Host", &(name + &os), style, out)?;
    let user = scan.user.as_ref().map_or_else(|| "unknown".to_owned(), ToString::to_string);
    let rights = match scan.elevated {
        Some(true) => ", with the rights of an administrator",
        Some(false) => ", without the rights of an administrator: see the coverage for what that hid",
        None => "",
    };
    field("Run by", &(user + rights), style, out)?;
    let seconds = scan.finished.duration_since(scan.started).as_secs_f64();
    field("When", &format!("{:.0}, in {seconds:.2} s, depth {}", scan.started, scan.depth), style, out)
}

fn verdict(report: &Report) -> String {
    let others: Vec<_> =
        report.verdicts.iter().skip(1).filter(|v| **v != Verdict::Clean).map(|v| v.word()).collect();
    let others = if others.is_empty() { String::new() } else { format!(" (also {})", others.join(", ")) };
    format!("{}{others}", report.verdict.word().to_uppercase())
}

/// The verdict in a sentence or two.
pub(super) fn said(report: &Report) -> String {
    let with = |kind: RulingKind| report.findings.iter().filter(move |f| f.weighs_most() == Some(kind));
    let products = |n: usize| if n == 1 { "1 product".to_owned() } else { format!("{n} products") };
    let mut said = Vec::new();
    let prohibited = with(RulingKind::Prohibited);
    let due = prohibited.clone().flat_map(|f| &f.rulings).filter_map(|r| Some((r.due?, &r.instrument))).min();
    let prohibited = prohibited.count();
    if prohibited > 0 {
        let due = due.map(|(day, by)| {
            let passed = if day < report.scan.as_of { "the term ended on" } else { "the next term ends on" };
            format!("; {passed} {day} ({by})")
        });
        said.push(format!("{} must not be here{}.", products(prohibited), due.unwrap_or_default()));
    }
    let unsure = with(RulingKind::Review).count() + with(RulingKind::Indicator).count();
    if unsure > 0 {
        said.push(format!("{} to be looked at by a person.", products(unsure)));
    }
    let blocking = report.inventory.gaps().filter(|(_, gap)| gap.blocks).count();
    if blocking > 0 {
        let gaps = if blocking == 1 { "1 gap".to_owned() } else { format!("{blocking} gaps") };
        said.push(format!("Not all could be looked at: {gaps} under Coverage."));
    }
    let waived = with(RulingKind::Excepted).count();
    if waived > 0 {
        said.push(format!("{} under a waiver.", products(waived)));
    }
    let told = with(RulingKind::Advisory).count() + with(RulingKind::Excluded).count();
    if told > 0 {
        said.push(format!("{} told for information.", products(told)));
    }
    if prohibited + unsure == 0 {
        said.push(
            "Nothing that the chosen instruments prohibit was found within the coverage below.".to_owned(),
        );
    }
    let silent =
        report.findings.iter().filter(|f| f.rulings.is_empty() && f.finding.state != State::Mention).count();
    if silent > 0 {
        said.push(format!("{} not covered by the chosen instruments.", products(silent)));
    }
    said.join(" ")
}

/// One row a source, and every gap.
pub(super) fn coverage(inventory: &Inventory, style: Style, out: &mut dyn Write) -> io::Result<()> {
    heading("Coverage", style, out)?;
    let mut rows = plain(style, &["Source", "State", "Items", "What was not seen"]);
    // Most systems have few of the places, so those that are not there stand together.
    let (absent, there): (Vec<_>, Vec<_>) = inventory.coverage.iter().partition(|row| {
        row.state == CoverageState::Absent && row.items == 0 && row.reason.is_none() && row.gaps.is_empty()
    });
    for row in there {
        let mut notes: Vec<String> = row.reason.iter().map(short).collect();
        notes.extend(row.gaps.iter().map(|gap| {
            let weight = if gap.blocks { "" } else { "note: " };
            format!("{weight}{}: {} [{}]", short(&gap.place), short(&gap.reason), gap.code)
        }));
        rows.add_row([
            row.source.to_string(),
            row.state.to_string(),
            row.items.to_string(),
            notes.join("\n"),
        ]);
    }
    if rows.row_count() > 0 {
        writeln!(out, "{}", rows.trim_fmt())?;
    }
    if !absent.is_empty() {
        let names: Vec<_> = absent.iter().map(|row| row.source.to_string()).collect();
        entry("", &format!("absent, as these are not on this system: {}", names.join(", ")), style, out)?;
    }
    Ok(())
}

/// A text for people; of one that no person reads to its end only the beginning. The other formats have all of it.
pub(super) fn short(text: &Text) -> String {
    const LONGEST: usize = 400;
    match text.raw().char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", Text::from(text.raw().get(..end).unwrap_or_default())),
        None => text.to_string(),
    }
}

/// A table without lines, as wide as the page.
pub(super) fn plain(style: Style, header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_width(u16::try_from(style.width).unwrap_or(u16::MAX));
    table.force_no_tty().set_header(header.iter().copied());
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    table
}

pub(super) fn heading(text: &str, style: Style, out: &mut dyn Write) -> io::Result<()> {
    let (bold, plain) = if style.colour { ("\x1b[1m", "\x1b[0m") } else { ("", "") };
    writeln!(out, "\n{bold}{}{plain}", text.to_uppercase())
}

fn field(name: &str, value: &str, style: Style, out: &mut dyn Write) -> io::Result<()> {
    entry(&format!("{name:<11}"), value, style, out)
}

/// Text behind a lead, its further lines indented as far.
fn entry(lead: &str, text: &str, style: Style, out: &mut dyn Write) -> io::Result<()> {
    let indent = lead.width();
    for (number, line) in wrapped(text, style.width.saturating_sub(indent)).iter().enumerate() {
        let lead = if number == 0 { lead } else { "" };
        writeln!(out, "{lead:indent$}{line}")?;
    }
    Ok(())
}

/// Lines of at most so many characters, broken at blanks where there are some.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let width = width.max(20);
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let letters = word.width();
        let Some(line) = lines.last_mut() else { break };
        let used = line.width();
        if used > 0 && used + 1 + letters > width {
            lines.push(word.to_owned());
        } else {
            if used > 0 {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    lines
}

fn paint(text: &str, verdict: Verdict, style: Style) -> String {
    let code = match verdict {
        Verdict::Prohibited => 31,
        Verdict::Incomplete | Verdict::Review => 33,
        Verdict::Clean => 32,
    };
    if style.colour { format!("\x1b[1;{code}m{text}\x1b[0m") } else { text.to_owned() }
}
