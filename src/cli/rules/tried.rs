//! `interdict rules test --inventory`: what each signature matches in a saved inventory.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{self, Write};
use std::path::Path;

use anyhow::Result;
use globset::GlobSet;
use interdict::inventory::Inventory;
use interdict::rules::Rules as Loaded;
use interdict::sources::{self, Depth};
use interdict::target::Target;

use super::{manner, of};
use crate::cli::output::{beside, plural};

/// Items that are shown of one signature.
const SHOWN: usize = 5;

/// Reads a saved inventory, and says on standard error what of it could not be read.
pub(super) fn read(file: &Path) -> Result<Inventory> {
    let mut name = OsString::from("inventory:");
    name.push(file);
    let target = Target::named(Some(Path::new(&name)), GlobSet::empty())?;
    let inventory = sources::collect(&target, Depth::Full, &|_| ());
    for gap in inventory.coverage.iter().flat_map(|row| &row.gaps).filter(|gap| gap.blocks) {
        writeln!(io::stderr(), "not looked at: {}: {}", gap.place, gap.reason)?;
    }
    Ok(inventory)
}

/// Writes which items each signature matches, and the signatures that match none: those of the operator's files, or of
/// all, if there are none.
pub(super) fn write(
    rules: &Loaded,
    inventory: &Inventory,
    width: usize,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut found: BTreeMap<usize, Vec<String>> = BTreeMap::new();
    for item in &inventory.items {
        for hit in rules.matcher.hits(&rules.signatures, item) {
            let version = item.version.as_ref().map(|v| format!(" {v}")).unwrap_or_default();
            let named = if hit.value == item.name { String::new() } else { format!(" ({})", hit.value) };
            let line = format!("{} {}{version}{named} in {}", item.kind, item.name, item.place);
            found.entry(hit.signature).or_default().push(line);
        }
    }
    let any_own = rules.vendors.iter().any(|vendor| !vendor.builtin);
    let is_tried = |vendor: usize| rules.vendors.get(vendor).is_some_and(|v| !(any_own && v.builtin));
    let tried = rules.signatures.iter().enumerate().filter(|(_, signature)| is_tried(signature.vendor));
    let (matching, idle): (Vec<_>, Vec<_>) = tried.partition(|(number, _)| found.contains_key(number));
    for (number, signature) in &matching {
        let lines = found.get(number).map(Vec::as_slice).unwrap_or_default();
        let how = format!("{} ({})", signature.on.word(), manner(signature));
        let count = plural(lines.len(), "item");
        writeln!(out, "{}: {how} matched {count}", of(rules, signature))?;
        beside("", 2, &signature.values.join("; "), width, out)?;
        for line in lines.iter().take(SHOWN) {
            beside("    -", 6, line, width, out)?;
        }
        if let Some(more) = lines.len().checked_sub(SHOWN).filter(|more| *more > 0) {
            writeln!(out, "    and {more} more")?;
        }
        writeln!(out)?;
    }
    if !idle.is_empty() {
        writeln!(out, "Matched nothing:")?;
        for (_, signature) in &idle {
            let values = signature.values.join("; ");
            let line = format!("{}: {} {values}", of(rules, signature), signature.on.word());
            beside("  -", 4, &line, width, out)?;
        }
        writeln!(out)?;
    }
    let all = plural(matching.len() + idle.len(), "signature");
    writeln!(out, "{} of {all} matched, in {}", matching.len(), plural(inventory.items.len(), "item"))
}
