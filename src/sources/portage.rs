//! Gentoo packages, from `/var/db/pkg`.
//!
//! Format: portage(5), the Package Manager Specification, 3. A package is a folder `category/name-version` with a file
//! for each thing that is known of it. Who made the software stands nowhere: what is given as publisher is the
//! repository, whose owner wrote the recipe. While Portage installs a package, and after it was interrupted in that,
//! the folder is called `-MERGING-name-version`.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::Path;

use crate::inventory::{Gap, GapCode};
use crate::item::{Item, Kind, State};
use crate::parse::portage::{Entry, entry, is_category, is_package, name_version};
use crate::sources::owners::own_paths;
use crate::sources::{Depth, Needs, Sink, Source};
use crate::target::{EntryKind, Packages, Target};
use crate::text::Text;

pub(super) const SOURCE: Source = Source {
    id: "portage",
    about: "Gentoo packages",
    expects: &[Packages::Portage],
    needs: Needs::Files,
    depth: Depth::Quick,
    yields: &[Kind::Package],
    rights: "none: the database is readable by everyone unless someone changed that",
    blind: "a package whose folder was deleted from the database; a list of files cut between two lines; a Gentoo Prefix",
    collect,
};

const DATABASE: &str = "/var/db/pkg";
const MERGING: &[u8] = b"-MERGING-";
/// Bytes of a file that says one thing.
const MAX_VALUE: u64 = 64 << 10;
/// Bytes of the list of a package's files; that of the kernel's sources is below 16 MiB.
const MAX_CONTENTS: u64 = 256 << 20;

fn collect(target: &Target, sink: &mut Sink) {
    let database = Path::new(DATABASE);
    let Some(categories) = sink.keep(target.list(database)).flatten() else { return };
    sink.found();
    for category in categories {
        let (folder, name) = (database.join(&category.name), category.name.as_encoded_bytes());
        if !is_folder(sink, &folder, name, category.kind) {
            continue;
        }
        let packages = sink.keep(target.list(&folder)).flatten().unwrap_or_default();
        if !is_category(name) && !packages.is_empty() {
            let reason = "no name of a category, so the packages in it were left out";
            sink.gap(Gap::new(GapCode::Damaged, Text::from_path(&folder), reason));
            continue;
        }
        for entry in packages {
            let (place, full) = (folder.join(&entry.name), entry.name.as_encoded_bytes());
            if is_folder(sink, &place, full, entry.kind) {
                package(target, sink, &place, name, full);
            }
        }
    }
}

/// Whether a category or a package may be there; what stands in place of one is told. Locks and the like are hidden.
fn is_folder(sink: &mut Sink, place: &Path, name: &[u8], kind: EntryKind) -> bool {
    let is_folder = matches!(kind, EntryKind::Folder | EntryKind::Link);
    if !is_folder && !name.starts_with(b".") {
        let reason = "no folder, so what should be in it is unknown";
        sink.gap(Gap::new(GapCode::Special, Text::from_path(place), reason));
    }
    is_folder && !name.starts_with(b".")
}

fn package(target: &Target, sink: &mut Sink, folder: &Path, category: &[u8], called: &[u8]) {
    let place = Text::from_path(folder);
    let (full, merging) = called.strip_prefix(MERGING).map_or((called, false), |full| (full, true));
    let (name, version) = match name_version(full) {
        Some((name, version)) => (name, Some(version)),
        None => (full, None),
    };
    if version.is_none() {
        let reason = "no name and version of a package, as every folder here has";
        sink.gap(Gap::new(GapCode::Damaged, place.clone(), reason));
        if !is_package(name) {
            return;
        }
    }
    let mut item =
        Item::new(Kind::Package, Text::from_bytes(&[category, b"/", name].concat()), place.clone());
    item.id = Text::from_bytes(&[b"portage:", category, b"/", called].concat());
    item.version = version.map(Text::from_bytes);
    item.ecosystem = Some("ebuild".into());
    item.scope = Some("machine".into());
    if merging {
        item.state = State::Remnant;
        let reason = "the installation of this package was interrupted, or goes on; which of its files are there is \
                      unknown: scan again, or install or remove it";
        sink.gap(Gap::new(GapCode::Damaged, place, reason));
        sink.item(item);
        return;
    }
    if let Some(entries) = sink.keep(target.list(folder)).flatten() {
        let names: BTreeSet<_> = entries.into_iter().map(|entry| entry.name).collect();
        fill(target, sink, folder, full, &|name| names.contains(OsStr::new(name)), &mut item);
    }
    sink.item(item);
}

/// Takes what the files in a package's folder say.
fn fill(
    target: &Target,
    sink: &mut Sink,
    folder: &Path,
    full: &[u8],
    has: &dyn Fn(&str) -> bool,
    item: &mut Item,
) {
    let lacking: Vec<&str> = ["PF", "CONTENTS"].into_iter().filter(|name| !has(name)).collect();
    if !lacking.is_empty() {
        let reason = format!(
            "{} not there, though Portage writes one for every package, so this one may have been hurt",
            lacking.join(" and ")
        );
        sink.gap(Gap::new(GapCode::Missing, Text::from_path(folder), reason));
    }
    let mut value = |name: &str| {
        let path = folder.join(name);
        let bytes =
            if has(name) { sink.keep(target.read_up_to(&path, MAX_VALUE)).flatten()? } else { return None };
        let value = bytes.trim_ascii();
        if value.contains(&0) || name == "PF" && value != full {
            let reason = format!("it does not say what Portage writes into {name}");
            let code = if value.is_empty() { GapCode::Empty } else { GapCode::Damaged };
            sink.gap(Gap::new(code, Text::from_path(&path), reason));
        }
        (!value.is_empty()).then(|| Text::from_bytes(value))
    };
    value("PF");
    item.publisher = value("repository");
    // There may be several.
    let homepage = value("HOMEPAGE");
    item.homepage = homepage.as_ref().and_then(|h| h.raw().split_whitespace().next()).map(Text::from);
    // What was built elsewhere, or for others too, may have been installed long after.
    if !has("BINPKGMD5") {
        let built = value("BUILD_TIME").and_then(|time| time.raw().parse().ok());
        let built = built.and_then(|time| jiff::Timestamp::from_second(time).ok());
        item.installed = built.map(|time| time.to_string().into());
    }
    let path = folder.join("CONTENTS");
    if let Some(contents) = sink.keep(target.read_up_to(&path, MAX_CONTENTS)).flatten() {
        item.paths = owned(sink, &contents, &path, &item.id);
    }
}

/// Says which files a package owns, and gives the paths that are its own.
fn owned(sink: &mut Sink, contents: &[u8], path: &Path, id: &Text) -> Vec<Text> {
    let (mut paths, mut wrong) = (Vec::new(), None);
    for (number, line) in contents.split(|&b| b == b'\n').enumerate().filter(|(_, line)| !line.is_empty()) {
        match entry(line) {
            Some(Entry::Folder(folder)) => paths.push(folder),
            Some(Entry::File(file)) => {
                sink.owns(file, id);
                paths.push(file);
            }
            None => {
                wrong.get_or_insert(number + 1);
            }
        }
    }
    let cut = !contents.is_empty() && !contents.ends_with(b"\n");
    if cut || wrong.is_some() {
        let code = if cut { GapCode::Truncated } else { GapCode::Damaged };
        let line = wrong.map_or_else(|| "its last line".to_owned(), |line| format!("line {line}"));
        let reason =
            format!("{line} is no whole line of a list of files, so what its package owns is unknown");
        sink.gap(Gap::new(code, Text::from_path(path), reason));
    }
    own_paths(paths)
}
