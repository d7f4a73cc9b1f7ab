//! Node.js packages, and the applications that are made of them.
//!
//! Formats: npm's "folders" and `package.json`; Electron's "Application packaging" (`resources/app`, `app.asar`). A
//! package is what lies directly in a `node_modules` folder, below its scope if it has one; a `package.json` anywhere
//! else says nothing of what is installed, unless it stands at the top of an application: in Electron's folder, or
//! beside a `node_modules`. An application is no package of the registry, so it has no package URL. What an archive
//! of Electron holds besides the application's own description is not looked into.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use crate::inventory::{Gap, GapCode};
use crate::item::{IdKind, Item, Kind, State};
use crate::parse::package_json::{Package, asar_lengths, asar_package};
use crate::sources::purl::purl;
use crate::sources::tree::{Found, Sort, is_folder};
use crate::sources::{Depth, Needs, Sink, Source};
use crate::target::{EntryKind, Target, io_gap};
use crate::text::Text;

pub(super) const SOURCE: Source = Source {
    id: "npm",
    about: "Node.js packages and Electron applications",
    expects: &[],
    needs: Needs::Files,
    depth: Depth::Standard,
    yields: &[Kind::Package, Kind::Application],
    rights: "root, or else what other users installed for themselves is not seen",
    blind: "a package whose description was removed, packages that were bundled into one file, and those within the \
            archive of an application",
    collect,
};

/// Folders of packages of the system, in which packages lie as in a `node_modules`.
const SYSTEM: &[&str] = &[
    "/usr/lib/node_modules",
    "/usr/lib/nodejs",
    "/usr/lib64/node_modules",
    "/usr/share/node_modules",
    "/usr/share/nodejs",
];
const MODULES: &str = "node_modules";
const DESCRIPTION: &str = "package.json";
/// Bytes of a description that are read.
const MAX_BYTES: u64 = 16 << 20;
/// Bytes of the header of an archive that are read; it names every file in it.
const MAX_HEADER: u32 = 64 << 20;

fn collect(target: &Target, sink: &mut Sink) {
    let tree = sink.tree(target);
    let mut packages: BTreeMap<PathBuf, Option<Text>> = BTreeMap::new();
    let mut seen = BTreeSet::new();
    for folder in SYSTEM.iter().map(Path::new) {
        modules(target, sink, folder, &mut packages, &mut seen);
    }
    let mut applications: Vec<(&Path, &Found)> = Vec::new();
    for found in tree.found.iter().filter(|found| found.sort == Sort::NodePackage) {
        let Some(folder) = found.path.parent() else { continue };
        if package_name(folder).is_some() {
            packages.entry(folder.to_owned()).or_default().clone_from(&found.user);
        } else if !packages.contains_key(folder) && is_application(&tree.found, folder) {
            applications.push((folder, found));
        }
    }
    for (folder, user) in packages {
        let item = package(target, sink, &folder);
        give(sink, item, &folder, user);
    }
    for (folder, found) in applications {
        let Some(description) = read(target, &found.path).transpose() else { continue };
        let item = application(sink, folder, &found.path, description);
        give(sink, item, folder, found.user.clone());
    }
    for found in tree.found.iter().filter(|found| found.sort == Sort::Asar) {
        let Some(description) = archived(target, &found.path).transpose() else { continue };
        let item = application(sink, &found.path, &found.path, description);
        give(sink, item, &found.path, found.user.clone());
    }
}

fn give(sink: &mut Sink, mut item: Item, at: &Path, user: Option<Text>) {
    let at = Text::from_path(at);
    item.id = format!("npm:{}", at.raw()).into();
    item.paths = vec![at];
    item.ecosystem = Some("npm".into());
    item.scope = Some(if user.is_some() { "user" } else { "machine" }.into());
    item.user = user;
    sink.item(item);
}

/// Takes the packages in a folder of them, and in those that the packages have of their own.
fn modules(
    target: &Target,
    sink: &mut Sink,
    folder: &Path,
    packages: &mut BTreeMap<PathBuf, Option<Text>>,
    seen: &mut BTreeSet<PathBuf>,
) {
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let real = sink.keep(target.resolve(&folder)).flatten();
        if !real.is_some_and(|real| seen.insert(real)) {
            continue;
        }
        for entry in sink.keep(target.list(&folder)).flatten().unwrap_or_default() {
            let path = folder.join(&entry.name);
            let is_folder = match entry.kind {
                EntryKind::Folder => true,
                EntryKind::Link => sink.keep(is_folder(target, &path)).unwrap_or_default(),
                EntryKind::File | EntryKind::Special => false,
            };
            if !is_folder || entry.name.as_encoded_bytes().starts_with(b".") {
                continue;
            }
            if entry.name.as_encoded_bytes().starts_with(b"@") {
                folders.push(path);
            } else {
                folders.push(path.join(MODULES));
                packages.insert(path, None);
            }
        }
    }
}

/// The name of a package as the folder says it that lies in a `node_modules`; nothing for another folder.
fn package_name(folder: &Path) -> Option<Text> {
    let parent = folder.parent()?;
    let in_modules = |path: &Path| path.file_name().is_some_and(|name| name == MODULES);
    let is_scope = parent.file_name()?.as_encoded_bytes().starts_with(b"@");
    (in_modules(parent) || (is_scope && in_modules(parent.parent()?))).then(|| folder_name(folder))
}

/// The last part of a path, with the scope before it.
fn folder_name(folder: &Path) -> Text {
    let name = |path: &Path| path.file_name().unwrap_or_default().as_encoded_bytes().to_vec();
    let scope = folder.parent().map(name).filter(|scope| scope.starts_with(b"@"));
    let parts: Vec<_> = scope.into_iter().chain([name(folder)]).collect();
    Text::from_bytes(&parts.join(&b"/"[..]))
}

/// Whether what a `package.json` describes is an application: what was found is in order.
fn is_application(found: &[Found], folder: &Path) -> bool {
    let modules = folder.join(MODULES);
    let after = found.partition_point(|found| found.path < modules);
    folder.ends_with("resources/app")
        || found.get(after).is_some_and(|found| found.path.starts_with(&modules))
}

fn package(target: &Target, sink: &mut Sink, folder: &Path) -> Item {
    let description = folder.join(DESCRIPTION);
    let mut item = Item::new(Kind::Package, folder_name(folder), Text::from_path(&description));
    match read(target, &description) {
        Ok(Some(package)) => describe(&mut item, package),
        // It was put there by something else than npm, or npm was interrupted.
        Ok(None) => {
            item.state = State::Present;
            item.place = Text::from_path(folder);
        }
        Err(gap) => sink.gap(gap),
    }
    let name = item.name.raw().to_owned();
    let (scope, bare) = name.split_once('/').unwrap_or(("", &name));
    item.ids.insert(IdKind::Purl, purl("npm", scope, bare, item.version.as_ref()));
    item
}

/// An application by its description; without one it is known by the folder that Electron is in, or its own.
fn application(sink: &mut Sink, at: &Path, place: &Path, description: Result<Package, Gap>) -> Item {
    let resources = at.parent().filter(|parent| parent.ends_with("resources"));
    let folder = resources.and_then(Path::parent).unwrap_or(at);
    let mut item = Item::new(Kind::Application, folder_name(folder), Text::from_path(place));
    item.state = State::Present;
    match description {
        Ok(package) => describe(&mut item, package),
        // A project that is being written is broken at times; what Electron starts is not.
        Err(gap) => {
            sink.gap(if resources.is_some() || gap.code != GapCode::Damaged { gap } else { gap.note() });
        }
    }
    item
}

fn describe(item: &mut Item, package: Package) {
    if let Some(name) = package.name {
        item.name = name.into();
    }
    item.product = package.product.map(Text::from);
    item.version = package.version.map(Text::from);
    item.publisher = package.author.map(Text::from);
    item.homepage = package.homepage.map(Text::from);
}

/// What a `package.json` says; nothing, if there is none.
fn read(target: &Target, path: &Path) -> Result<Option<Package>, Gap> {
    let Some(bytes) = target.read_up_to(path, MAX_BYTES)? else { return Ok(None) };
    parse(path, &bytes).map(Some)
}

fn parse(path: &Path, bytes: &[u8]) -> Result<Package, Gap> {
    let place = Text::from_path(path);
    if bytes.trim_ascii().is_empty() {
        return Err(Gap::new(GapCode::Empty, place, "it is empty; the description of a package never is"));
    }
    Package::read(bytes).map_err(|e| {
        let code = if e.is_eof() { GapCode::Truncated } else { GapCode::Damaged };
        let reason = format!("is no whole description of a package, so who made it is unknown: {e}");
        Gap::new(code, place, reason)
    })
}

/// What the description in an archive of Electron says; nothing, if there is none in it.
fn archived(target: &Target, path: &Path) -> Result<Option<Package>, Gap> {
    let Some(mut file) = target.open_seek(path)? else { return Ok(None) };
    let gap = |code, reason: String| Gap::new(code, Text::from_path(path), reason);
    let damaged =
        |what: &str| gap(GapCode::Damaged, format!("{what}, so which application it holds is unknown"));
    let end = file.seek(SeekFrom::End(0)).map_err(|e| io_gap(path, "read", &e))?;
    let mut exact = |from: u64, bytes: u64| -> Result<Vec<u8>, Gap> {
        if from.checked_add(bytes).is_none_or(|to| to > end) {
            let reason = "ends early, so which application it holds is unknown";
            return Err(gap(GapCode::Truncated, reason.to_owned()));
        }
        let mut read = Vec::new();
        let result = file.seek(SeekFrom::Start(from));
        let result = result.and_then(|_| file.by_ref().take(bytes).read_to_end(&mut read));
        result.map(|_| read).map_err(|e| io_gap(path, "read", &e))
    };
    let first = exact(0, 16)?;
    let Some((length, files)) = first.first_chunk().and_then(asar_lengths) else {
        return Err(damaged("does not begin as an archive of Electron does"));
    };
    if length > MAX_HEADER {
        let reason = format!("its header is larger than the bound of {MAX_HEADER} bytes, so not read");
        return Err(gap(GapCode::TooLarge, reason));
    }
    let place = asar_package(&exact(16, length.into())?);
    let place = place.map_err(|e| damaged(&format!("its header is damaged: {e}")))?;
    let Some((offset, size)) = place else { return Ok(None) };
    if size > MAX_BYTES {
        return Err(damaged("says that its description is larger than any"));
    }
    parse(path, &exact(files.saturating_add(offset), size)?).map(Some)
}
