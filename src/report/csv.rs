//! `csv`: a row a record, for spreadsheets (RFC 4180, but for lines that end in a newline alone). The first column says what a row is: the report, an instrument, a
//! finding, a piece of its evidence, a ruling on it, a finding that is gone, a source, a gap or a waiver.
//!
//! A cell that a spreadsheet would take for a formula begins with an apostrophe.

use std::io::{self, Write};

use super::{Format, ListFormat, Report, Scan, Style};
use crate::baseline::Change;
use crate::inventory::Inventory;
use crate::item::Item;
use crate::judge::RulingKind;
use crate::text::Text;

pub(super) const FORMAT: Format =
    Format { id: "csv", about: "a row a finding, evidence, ruling and gap", extension: "csv", write };
pub(super) const LIST_FORMAT: ListFormat =
    ListFormat { id: "csv", about: "a row an item and a gap", extension: "csv", write: list };

/// The columns of a report.
const COLUMNS: [&str; 19] = [
    "record",
    "id",
    "vendor",
    "product",
    "version",
    "where",
    "state",
    "strength",
    "instrument",
    "ruling",
    "reason",
    "due",
    "source",
    "kind",
    "name",
    "place",
    "traits",
    "blocks",
    "change",
];
/// The columns of a list.
const LIST_COLUMNS: [&str; 17] = [
    "record",
    "kind",
    "name",
    "version",
    "publisher",
    "signer",
    "state",
    "source",
    "scope",
    "user",
    "container",
    "installed",
    "ids",
    "paths",
    "place",
    "reason",
    "blocks",
];

/// A row by its columns; those that are not named are empty.
struct Rows<'a, W: Write> {
    out: csv::Writer<W>,
    columns: &'a [&'static str],
}

impl<'a, W: Write> Rows<'a, W> {
    fn new(out: W, columns: &'a [&'static str]) -> io::Result<Self> {
        let mut out = csv::Writer::from_writer(out);
        out.write_record(columns)?;
        Ok(Self { out, columns })
    }

    fn row(&mut self, cells: &[(&str, String)]) -> io::Result<()> {
        let cell =
            |column: &&str| cells.iter().find(|(of, _)| of == column).map_or("", |(_, text)| text.as_str());
        let row = self.columns.iter().map(cell).map(harmless);
        Ok(self.out.write_record(row)?)
    }
}

/// A cell that no spreadsheet takes for a formula.
fn harmless(cell: &str) -> String {
    let cell = Text::from(cell).to_string();
    let is_formula = cell.trim_start().starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠', '|', '%']);
    if is_formula { format!("'{cell}") } else { cell }
}

fn text(text: &Text) -> String {
    text.raw().to_owned()
}

fn optional(of: Option<&Text>) -> String {
    of.map(text).unwrap_or_default()
}

fn write(report: &Report, _: Style, out: &mut dyn Write) -> io::Result<()> {
    let mut rows = Rows::new(out, &COLUMNS)?;
    let inventory = &report.inventory;
    rows.row(&[
        ("record", "report".to_owned()),
        ("id", optional(inventory.host.name.as_ref())),
        ("ruling", report.verdict.to_string()),
        ("kind", text(&inventory.subject.kind)),
        ("place", text(&inventory.subject.place)),
        ("due", report.scan.as_of.to_string()),
        ("reason", format!("by the law of that day; scanned {}", report.scan.started)),
    ])?;
    for warning in report.warnings() {
        rows.row(&[("record", "warning".to_owned()), ("reason", warning)])?;
    }
    for outcome in &report.outcomes {
        rows.row(&[
            ("record", "instrument".to_owned()),
            ("instrument", outcome.id.clone()),
            ("ruling", outcome.verdict.to_string()),
            ("state", outcome.status.to_string()),
            ("name", format!("{} ({})", outcome.title, outcome.citation)),
            ("reason", outcome.unbound.clone().unwrap_or_else(|| outcome.assumed.join("; "))),
        ])?;
    }
    for reported in &report.findings {
        let finding = &reported.finding;
        let of = |record: &str| {
            vec![
                ("record", record.to_owned()),
                ("id", text(&finding.id)),
                ("vendor", reported.vendor.clone()),
                ("product", reported.product.clone()),
                ("where", text(&finding.place)),
            ]
        };
        let strongest = reported.rulings.first();
        let mut row = of("finding");
        row.extend([
            ("name", reported.product_name.clone()),
            ("version", optional(finding.version.as_ref())),
            ("state", finding.state.to_string()),
            ("strength", finding.strength.to_string()),
            ("ruling", reported.weighs_most().map_or("none", RulingKind::word).to_owned()),
            ("due", strongest.and_then(|r| r.due).map(|day| day.to_string()).unwrap_or_default()),
        ]);
        if let Some((change, other)) = report.change(reported) {
            row.extend([("change", change.to_string()), ("reason", other.join("; "))]);
        }
        rows.row(&row)?;
        for evidence in &finding.evidence {
            let Some(item) = inventory.items.get(evidence.item) else { continue };
            let traits: Vec<_> =
                evidence.traits.iter().map(|(on, value)| format!("{on}={}", value.raw())).collect();
            let mut row = of("evidence");
            row.extend([
                ("source", text(&item.source)),
                ("kind", item.kind.to_string()),
                ("name", text(&item.name)),
                ("version", optional(item.version.as_ref())),
                ("place", text(&item.place)),
                ("state", evidence.state.to_string()),
                ("strength", evidence.strength.to_string()),
                ("traits", traits.join("; ")),
            ]);
            rows.row(&row)?;
        }
        for ruling in &reported.rulings {
            let mut row = of("ruling");
            row.extend([
                ("instrument", ruling.instrument.clone()),
                ("ruling", ruling.ruling.to_string()),
                ("reason", ruling.reason.clone()),
                ("due", ruling.due.map(|day| day.to_string()).unwrap_or_default()),
            ]);
            rows.row(&row)?;
        }
    }
    gone(report, &mut rows)?;
    coverage(inventory, &mut rows)?;
    waivers(report, &mut rows)?;
    rows.out.flush()
}

/// What an earlier report has and this one has not.
fn gone<W: Write>(report: &Report, rows: &mut Rows<'_, W>) -> io::Result<()> {
    for gone in report.baseline.iter().flat_map(|b| &b.gone) {
        rows.row(&[
            ("record", "gone".to_owned()),
            ("id", text(&gone.id)),
            ("vendor", gone.vendor.clone()),
            ("product", gone.product.clone()),
            ("name", gone.product_name.clone()),
            ("version", optional(gone.version.as_ref())),
            ("where", text(&gone.place)),
            ("state", gone.state.to_string()),
            ("strength", gone.strength.to_string()),
            ("change", Change::Gone.to_string()),
        ])?;
    }
    Ok(())
}

fn waivers<W: Write>(report: &Report, rows: &mut Rows<'_, W>) -> io::Result<()> {
    for waived in &report.waivers {
        let waiver = &waived.waiver;
        let because = waived.because.as_deref().map(|because| format!(" ({because})")).unwrap_or_default();
        rows.row(&[
            ("record", "waiver".to_owned()),
            ("id", waiver.id.clone()),
            ("state", waived.state.to_string()),
            ("instrument", waiver.instrument.clone()),
            ("product", waiver.product.clone().unwrap_or_default()),
            ("name", waiver.approver.clone()),
            ("reason", waiver.reason.clone() + &because),
            ("place", waiver.reference.clone()),
            ("due", waiver.expires.to_string()),
        ])?;
    }
    Ok(())
}

fn coverage<W: Write>(inventory: &Inventory, rows: &mut Rows<'_, W>) -> io::Result<()> {
    for row in &inventory.coverage {
        rows.row(&[
            ("record", "source".to_owned()),
            ("source", text(&row.source)),
            ("state", row.state.to_string()),
            ("reason", optional(row.reason.as_ref())),
        ])?;
    }
    for (row, gap) in inventory.gaps() {
        rows.row(&[
            ("record", "gap".to_owned()),
            ("source", text(&row.source)),
            ("place", text(&gap.place)),
            ("kind", gap.code.to_string()),
            ("reason", text(&gap.reason)),
            ("blocks", gap.blocks.to_string()),
        ])?;
    }
    Ok(())
}

fn list(inventory: &Inventory, _: &Scan, _: Style, out: &mut dyn Write) -> io::Result<()> {
    let mut rows = Rows::new(out, &LIST_COLUMNS)?;
    for item in &inventory.items {
        rows.row(&item_row(item))?;
    }
    coverage(inventory, &mut rows)?;
    rows.out.flush()
}

fn item_row(item: &Item) -> Vec<(&'static str, String)> {
    let ids: Vec<_> = item.ids.iter().map(|(kind, id)| format!("{kind}={}", id.raw())).collect();
    let paths: Vec<_> = item.paths.iter().map(Text::raw).collect();
    vec![
        ("record", "item".to_owned()),
        ("kind", item.kind.to_string()),
        ("name", text(&item.name)),
        ("version", optional(item.version.as_ref())),
        ("publisher", optional(item.publisher.as_ref())),
        ("signer", optional(item.signer.as_ref())),
        ("state", item.state.to_string()),
        ("source", text(&item.source)),
        ("scope", optional(item.scope.as_ref())),
        ("user", optional(item.user.as_ref())),
        ("container", optional(item.container.as_ref())),
        ("installed", optional(item.installed.as_ref())),
        ("ids", ids.join("; ")),
        ("paths", paths.join("; ")),
        ("place", text(&item.place)),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_is_a_formula() {
        for cell in ["=cmd|' /C calc'!A0", "+1", "-1", "@SUM(1)", " =1", "＝1", "\t=1", "\r=1", "%0a=1"] {
            let shown = harmless(cell);
            assert!(!shown.trim_start().starts_with(['=', '+', '-', '@', '＝', '%']), "{shown:?}");
            assert!(!shown.contains(['\t', '\r', '\n']), "{shown:?}");
        }
        assert_eq!(harmless("kesl"), "kesl");
    }
}
