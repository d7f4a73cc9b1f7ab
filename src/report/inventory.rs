//! An inventory on its own: `table` for people, `json` and `ndjson` as `interdict.inventory/1`, which can be judged.

use std::io::{self, Write};

use serde::Serialize;

use super::each::items;
use super::json::{CoverageV1, Harmless, HostV1, ItemV1, ScanV1, TOOL, TargetV1, ToolV1};
use super::table::{coverage, heading, host, plain, short};
use super::{ListFormat, Scan, Style, csv, cyclonedx, ocsf, spdx};
use crate::inventory::Inventory;

pub(super) const FORMATS: &[ListFormat] = &[
    csv::LIST_FORMAT,
    cyclonedx::LIST_FORMAT,
    ListFormat {
        id: "json",
        about: "one JSON document, interdict.inventory/1",
        extension: "json",
        write: json,
    },
    ListFormat {
        id: "ndjson",
        about: "a header and one JSON item a line",
        extension: "ndjson",
        write: ndjson,
    },
    ocsf::LIST_FORMAT,
    spdx::LIST_FORMAT,
    ListFormat { id: "table", about: "for people", extension: "txt", write: table },
];

#[derive(Serialize)]
struct InventoryV1<'a> {
    schema: &'static str,
    tool: ToolV1,
    target: TargetV1<'a>,
    host: HostV1<'a>,
    scan: ScanV1<'a>,
    coverage: Vec<CoverageV1<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    items: Option<Vec<ItemV1<'a>>>,
}

impl<'a> InventoryV1<'a> {
    fn of(inventory: &'a Inventory, scan: &'a Scan, with_items: bool) -> Self {
        Self {
            schema: "interdict.inventory/1",
            tool: TOOL,
            target: TargetV1::of(&inventory.subject),
            host: HostV1::of(&inventory.host),
            scan: ScanV1::of(scan),
            coverage: inventory.coverage.iter().map(CoverageV1::of).collect(),
            items: with_items.then(|| inventory.items.iter().map(ItemV1::of).collect()),
        }
    }
}

fn json(inventory: &Inventory, scan: &Scan, _: Style, out: &mut dyn Write) -> io::Result<()> {
    let mut out = Harmless(out);
    serde_json::to_writer_pretty(&mut out, &InventoryV1::of(inventory, scan, true))?;
    writeln!(out)
}

fn ndjson(inventory: &Inventory, scan: &Scan, _: Style, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer(&mut Harmless(out), &InventoryV1::of(inventory, scan, false))?;
    writeln!(out)?;
    items(inventory, out)
}

fn table(inventory: &Inventory, scan: &Scan, style: Style, out: &mut dyn Write) -> io::Result<()> {
    host(inventory, scan, style, out)?;
    heading("Items", style, out)?;
    let mut rows = plain(style, &["Kind", "Name", "Version", "State", "Where it is told"]);
    for item in &inventory.items {
        let version = item.version.as_ref().map(short).unwrap_or_default();
        rows.add_row([
            item.kind.to_string(),
            short(&item.name),
            version,
            item.state.to_string(),
            short(&item.place),
        ]);
    }
    writeln!(out, "{}", rows.trim_fmt())?;
    coverage(inventory, style, out)
}
