//! RPM packages, from the database in `/var/lib/rpm` or `/usr/lib/sysimage/rpm`.
//!
//! Format: rpm(8), rpmdb(8); the file itself is [`rpmdb`](crate::parse::rpmdb)'s to read. One of the two folders is
//! often a link to the other. The public keys that rpm trusts stand among the packages, as `gpg-pubkey`. Which form a
//! database has is told by its file's name. Of several forms in one folder rpm uses the one that it is configured for;
//! the newest is taken for that one, and an older one is read only where the newer ones yield nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::inventory::{Gap, GapCode};
use crate::item::{Ids, Item, Kind};
use crate::parse::rpmdb::header::Header;
use crate::parse::rpmdb::{Damage, bdb, ndb, sqlite};
use crate::sources::database::with_log;
use crate::sources::owners::own_paths;
use crate::sources::{Depth, Needs, Sink, Source};
use crate::target::{Packages, Target};
use crate::text::Text;

pub(super) const SOURCE: Source = Source {
    id: "rpm",
    about: "RPM packages",
    expects: &[Packages::Rpm],
    needs: Needs::Files,
    depth: Depth::Quick,
    yields: &[Kind::Package],
    rights: "none: the database is readable by everyone unless someone changed that",
    blind: "a package removed from the table together with its row in the index of names, or in the older forms \
            together with its pages and its count",
    collect,
};

const FOLDERS: &[&str] = &["/var/lib/rpm", "/usr/lib/sysimage/rpm"];

/// What is done with each package.
type Each<'a> = &'a mut dyn FnMut(Header<'_>);

/// A form of the database.
struct Form {
    file: &'static str,
    read: fn(&[u8], Each<'_>) -> Vec<Damage>,
}

/// The forms, the newest first. The first has other files beside it.
const FORMS: &[Form] = &[
    Form { file: "rpmdb.sqlite", read: |bytes, each| sqlite::packages(bytes, each) },
    Form { file: "Packages.db", read: |bytes, each| ndb::packages(bytes, each) },
    Form { file: "Packages", read: |bytes, each| bdb::packages(bytes, each) },
];

/// Faults of one sort that are told one by one.
const MAX_TOLD: usize = 8;

fn collect(target: &Target, sink: &mut Sink) {
    let (mut seen, mut ids) = (BTreeSet::new(), Ids::default());
    for folder in FOLDERS.iter().map(Path::new) {
        let real = sink.keep(target.resolve(folder)).flatten();
        if real.is_none_or(|real| seen.insert(real)) {
            read_folder(target, sink, folder, &mut seen, &mut ids);
        }
    }
}

/// Reads the first database of a folder that yields anything.
fn read_folder(target: &Target, sink: &mut Sink, folder: &Path, seen: &mut BTreeSet<PathBuf>, ids: &mut Ids) {
    let mut used = None;
    for (index, form) in FORMS.iter().enumerate() {
        let path = folder.join(form.file);
        if let Some(used) = used {
            if let Some(Some(_)) = sink.keep(target.entry(&path)) {
                let reason = format!(
                    "another form of the database beside {used}; which of them rpm uses is unknown, and this one was \
                     not read; remove the one that is not used"
                );
                sink.gap(Gap::new(GapCode::Unsupported, Text::from_path(&path), reason));
            }
            continue;
        }
        let real = sink.keep(target.resolve(&path)).flatten();
        if real.is_some_and(|real| !seen.insert(real)) {
            used = Some(form.file);
            continue;
        }
        let before = sink.items.len();
        let bytes = if index == 0 {
            with_log(target, sink, &path, "run `rpm -qa` once as root")
        } else {
            target.read(&path)
        };
        match sink.keep(bytes) {
            Some(Some(bytes)) => {
                sink.found();
                read(sink, ids, form, &path, &bytes);
            }
            // Nothing in the folder can be looked at, which is told once.
            None if target.entry(&path).is_err_and(|gap| gap.code == GapCode::Denied) => break,
            // It is not there, or a gap says why it was not read.
            Some(None) | None => {}
        }
        used = (sink.items.len() > before).then_some(form.file);
    }
}

/// Reads a database.
fn read(sink: &mut Sink, ids: &mut Ids, form: &Form, path: &Path, bytes: &[u8]) {
    let place = Text::from_path(path);
    if bytes.is_empty() {
        sink.gap(Gap::new(GapCode::Empty, place, "it is empty; a package database never is"));
        return;
    }
    let damage = (form.read)(bytes, &mut |header| {
        let (item, files) = item(header, &place, ids);
        for file in &files {
            sink.owns(file, &item.id);
        }
        sink.item(Item { paths: own_paths(files), ..item });
    });
    // One gap for each sort of fault, as of two with one code at one place only the first is kept.
    let mut faults: BTreeMap<GapCode, Vec<String>> = BTreeMap::new();
    for fault in damage {
        let code = match fault {
            Damage::Cut { .. } => GapCode::Truncated,
            Damage::TooManyRows(_) => GapCode::TooMany,
            _ => GapCode::Damaged,
        };
        faults.entry(code).or_default().push(fault.to_string());
    }
    for (code, mut told) in faults {
        let more = told.len().saturating_sub(MAX_TOLD);
        told.truncate(MAX_TOLD);
        let more = if more > 0 { format!("; and {more} more faults like these") } else { String::new() };
        let reason = format!(
            "{}{more}: packages in it are unknown; restore the database from a backup and scan again",
            told.join("; ")
        );
        sink.gap(Gap::new(code, place.clone(), reason));
    }
}

/// The item of a package, without the paths that are its own, and all its files.
fn item(header: Header<'_>, place: &Text, ids: &mut Ids) -> (Item, Vec<Vec<u8>>) {
    let text = |value: Option<&[u8]>| {
        let value = value.unwrap_or_default().trim_ascii();
        // rpm writes this where a package says nothing.
        (!value.is_empty() && value != b"(none)").then(|| Text::from_bytes(value))
    };
    let [name, version, release] = [header.name, header.version, header.release].map(Text::from_bytes);
    let (version, name_raw) = (format!("{}-{}", version.raw(), release.raw()), name.raw());
    let arch = text(header.arch).map(|a| format!(".{}", a.raw())).unwrap_or_default();
    let id = ids.unique(format!("rpm:{name_raw}-{version}{arch}"));
    let epoch = header.epoch.map(|e| format!("{e}:")).unwrap_or_default();
    let installed = header.installed.and_then(|t| jiff::Timestamp::from_second(t.into()).ok());
    let mut item = Item::new(Kind::Package, name, place.clone());
    item.id = id.into();
    item.version = Some(format!("{epoch}{version}").into());
    // A key that rpm trusts is no software by the key's owner.
    let is_key = item.name.raw() == "gpg-pubkey";
    item.publisher = text(header.vendor).or_else(|| text(header.packager)).filter(|_| !is_key);
    item.homepage = text(header.url);
    item.installed = installed.map(|t| t.to_string().into());
    item.ecosystem = Some("rpm".into());
    item.scope = Some("machine".into());
    (item, header.files)
}

#[cfg(test)]
#[cfg(unix)]
mod tests;
