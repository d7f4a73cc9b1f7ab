//! Packages that the installer of macOS installed.
//!
//! Format: pkgutil(1) and installer(8): a receipt `/var/db/receipts/IDENTIFIER.plist` with a bill of materials `.bom` beside
//! it, and a history of all that was ever installed. A receipt stays when the software is thrown away, so a package of
//! whose files none is left is a remnant; one of which only the history tells was removed, or never left a receipt.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::inventory::{Gap, GapCode};
use crate::item::{IdKind, Ids, Item, Kind, State};
use crate::parse::bom;
use crate::parse::plist::{Value, date, list, text};
use crate::sources::bundles::property_list;
use crate::sources::{Depth, Needs, Sink, Source};
use crate::target::{EntryKind, Packages, Target};
use crate::text::{Text, bytes_to_path};

pub(super) const SOURCE: Source = Source {
    id: "receipts",
    about: "packages of the installer of macOS",
    expects: &[Packages::MacOs],
    needs: Needs::Files,
    depth: Depth::Quick,
    yields: &[Kind::Package],
    rights: "none: receipts are readable by everyone unless someone changed that",
    blind: "a package whose receipt and bill were both removed and that the history does not tell of",
    collect,
};

const RECEIPTS: &str = "/var/db/receipts";
const HISTORY: &str = "/Library/Receipts/InstallHistory.plist";
/// Bytes of a bill of materials that are read.
const MAX_BILL: u64 = 256 << 20;
/// Entries of the history that are read.
const MAX_HISTORY: usize = 100_000;
/// Files of a package that are looked for, to tell whether anything of it is left.
const MAX_LOOKED_FOR: usize = 1000;

fn collect(target: &Target, sink: &mut Sink) {
    let folder = Path::new(RECEIPTS);
    let mut ids = Ids::default();
    // A receipt and its bill are two witnesses of one package.
    let mut names: BTreeSet<OsString> = BTreeSet::new();
    for entry in sink.keep(target.list(folder)).flatten().unwrap_or_default() {
        let name = PathBuf::from(&entry.name);
        let is_one = name.extension().is_some_and(|end| end == "plist" || end == "bom");
        if is_one && entry.kind != EntryKind::Folder {
            names.extend(name.file_stem().map(OsString::from));
        } else if is_one {
            let reason = "a folder stands in place of a receipt, so its package is unknown";
            sink.gap(Gap::new(GapCode::Special, Text::from_path(&folder.join(name)), reason));
        }
    }
    let mut told: Vec<Item> =
        names.iter().map(|name| receipt(target, sink, &folder.join(name), name)).collect();
    history(target, sink, &mut told);
    for mut item in told {
        item.id = ids.unique(format!("receipts:{}", item.name.raw())).into();
        sink.item(item);
    }
}

fn with_end(stem: &Path, end: &str) -> PathBuf {
    let mut name = stem.as_os_str().to_owned();
    name.push(end);
    PathBuf::from(name)
}

fn item(name: Text, place: Text) -> Item {
    let mut item = Item::new(Kind::Package, name, place);
    item.ids.insert(IdKind::BundleId, item.name.clone());
    item.ecosystem = Some("pkg".into());
    item.scope = Some("machine".into());
    item
}

/// The item of a receipt, of its bill or of both.
fn receipt(target: &Target, sink: &mut Sink, stem: &Path, name: &OsString) -> Item {
    let (plist, bill) = (with_end(stem, ".plist"), with_end(stem, ".bom"));
    let read = sink.keep(property_list(target, &plist));
    if read == Some(None) {
        let reason = "it is gone and its bill of materials is not, so its version is unknown";
        sink.gap(Gap::new(GapCode::Missing, Text::from_path(&plist), reason).note());
    }
    let says = read.flatten().unwrap_or(Value::Boolean(false));
    let named = text(&says, "PackageIdentifier");
    let mut item =
        item(named.unwrap_or_else(|| Text::from_bytes(name.as_encoded_bytes())), Text::from_path(&plist));
    item.version = text(&says, "PackageVersion");
    item.installed = date(&says, "InstallDate");
    let bytes = match target.read_up_to(&bill, MAX_BILL) {
        Ok(Some(bytes)) => bytes,
        Ok(None) => {
            let reason = "its bill of materials is gone, so whether anything of it is left is unknown";
            sink.gap(Gap::new(GapCode::Missing, Text::from_path(&bill), reason).note());
            return item;
        }
        Err(gap) => {
            sink.gap(gap);
            return item;
        }
    };
    let files = bom::files(&bytes).map_err(|damage| {
        let reason = format!("{damage}, so which files are of this package is unknown");
        Gap::new(GapCode::Damaged, Text::from_path(&bill), reason)
    });
    if let Some(files) = sink.keep(files) {
        let prefix = text(&says, "InstallPrefixPath").unwrap_or_default();
        let id: Text = format!("receipts:{}", item.name.raw()).into();
        let place = |file: &[u8]| installed(&prefix, file);
        for file in &files {
            sink.owns(place(file).as_os_str().as_encoded_bytes(), &id);
        }
        // What cannot be looked at may be there.
        let is_gone = |file: &Vec<u8>| matches!(target.entry(&place(file)), Ok(None));
        if !files.is_empty() && files.len() <= MAX_LOOKED_FOR && files.iter().all(is_gone) {
            item.state = State::Remnant;
        }
    }
    item
}

/// Where a file of a bill was installed.
fn installed(prefix: &Text, file: &[u8]) -> PathBuf {
    let file = file.strip_prefix(b"./").unwrap_or(file);
    Path::new("/").join(prefix.raw().trim_start_matches('/')).join(bytes_to_path(file))
}

/// Completes packages by the history, and adds those that only it tells of.
fn history(target: &Target, sink: &mut Sink, told: &mut Vec<Item>) {
    let Some(history) = sink.keep(property_list(target, Path::new(HISTORY))).flatten() else { return };
    let Some(entries) = history.as_array() else {
        let reason = "it is no list, so what was installed is unknown";
        return sink.gap(Gap::new(GapCode::Damaged, HISTORY, reason));
    };
    if entries.len() > MAX_HISTORY {
        let reason = format!("it has more than {MAX_HISTORY} entries; the rest was not read");
        sink.gap(Gap::new(GapCode::TooMany, HISTORY, reason));
    }
    // The last entry of a package is of the version that was there last.
    let mut places: BTreeMap<Text, usize> =
        told.iter().enumerate().map(|(at, item)| (item.name.clone(), at)).collect();
    for entry in entries.iter().take(MAX_HISTORY) {
        let product = text(entry, "displayName");
        let identifiers = list(entry, "packageIdentifiers").iter().filter_map(Value::as_string);
        for name in identifiers.map(Text::from) {
            let at = *places.entry(name.clone()).or_insert(told.len());
            if at == told.len() {
                let mut item = item(name, HISTORY.into());
                item.state = State::Remnant;
                told.push(item);
            }
            let Some(item) = told.get_mut(at) else { continue };
            item.product = product.clone().or_else(|| item.product.take());
            if item.place.raw() == HISTORY {
                item.version = text(entry, "displayVersion");
                item.installed = date(entry, "date");
            }
        }
    }
}
