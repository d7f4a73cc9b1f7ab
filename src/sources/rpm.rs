//! RPM packages, from the database in `/var/lib/rpm` or `/usr/lib/sysimage/rpm`.
//!
//! Format: rpm(8), rpmdb(8); the file itself is [`rpmdb`](crate::parse::rpmdb)'s to read. One of the two folders is
//! often a link to the other. The public keys that rpm trusts stand among the packages, as `gpg-pubkey`. Which form a
//! database has is told by its file's name, and a form that is not read is a gap, however much else was seen.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::inventory::{Gap, GapCode};
use crate::item::{Item, Kind};
use crate::parse::rpmdb::header::Header;
use crate::parse::rpmdb::{Damage, sqlite};
use crate::sources::owners::own_paths;
use crate::sources::{Depth, Needs, Sink, Source};
use crate::target::{Packages, Target, io_gap};
use crate::text::Text;

pub(super) const SOURCE: Source = Source {
    id: "rpm",
    about: "RPM packages",
    expects: &[Packages::Rpm],
    needs: Needs::Files,
    depth: Depth::Quick,
    yields: &[Kind::Package],
    rights: "none: the database is readable by everyone unless someone changed that",
    blind: "a package removed from the table together with its row in the index of names",
    collect,
};

const FOLDERS: &[&str] = &["/var/lib/rpm", "/usr/lib/sysimage/rpm"];
const DATABASE: &str = "rpmdb.sqlite";

/// Databases of other forms, and what they are.
const OTHER_FORMS: &[(&str, &str)] = &[("Packages", "a Berkeley DB"), ("Packages.db", "an NDB")];

/// What stands beside a database and holds changes that are not in it, and how they get there.
const BESIDE: &[(&str, &str)] = &[
    (
        "-wal",
        "newer records are in this write-ahead log, which this version does not read; bring them into the database \
         with `sqlite3 rpmdb.sqlite 'PRAGMA wal_checkpoint(TRUNCATE)'`, or run `rpm -qa` once as root, and scan again",
    ),
    (
        "-journal",
        "a change of the database was interrupted and is in this journal, which this version does not read; run \
         `rpm -qa` once as root and scan again",
    ),
];

/// Faults of one sort that are told one by one.
const MAX_TOLD: usize = 8;

fn collect(target: &Target, sink: &mut Sink) {
    let (mut seen, mut ids) = (BTreeSet::new(), Ids::default());
    for folder in FOLDERS.iter().map(Path::new) {
        let database = folder.join(DATABASE);
        let real =
            [database.as_path(), folder].into_iter().find_map(|p| sink.keep(target.resolve(p)).flatten());
        if real.is_some_and(|real| !seen.insert(real)) {
            continue;
        }
        match sink.keep(target.read(&database)) {
            Some(Some(bytes)) => {
                sink.found();
                read(sink, &mut ids, &database, &bytes);
                beside(target, sink, &database);
            }
            Some(None) => {
                other_forms(target, sink, folder);
                beside(target, sink, &database);
            }
            // It is there, and its gap says why it was not read.
            None => {}
        }
    }
}

/// Reads a database.
fn read(sink: &mut Sink, ids: &mut Ids, path: &Path, bytes: &[u8]) {
    let place = Text::from_path(path);
    if bytes.is_empty() {
        sink.gap(Gap::new(GapCode::Empty, place, "it is empty; a package database never is"));
        return;
    }
    let damage = sqlite::packages(bytes, |header| {
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

/// Ids that were given.
#[derive(Default)]
struct Ids(BTreeMap<String, usize>);

impl Ids {
    /// The id, with a number behind it if it was given before.
    fn unique(&mut self, mut id: String) -> String {
        loop {
            let given = self.0.entry(id.clone()).or_default();
            *given += 1;
            if *given == 1 {
                return id;
            }
            id = format!("{id}#{given}");
        }
    }
}

/// Tells of databases in a form that is not read.
fn other_forms(target: &Target, sink: &mut Sink, folder: &Path) {
    for (name, form) in OTHER_FORMS {
        let path = folder.join(name);
        if let Some(Some(_)) = sink.keep(target.entry(&path)) {
            sink.found();
            let reason = format!(
                "{form} database, which this version does not read, so no package in it was seen; where rpm is 4.16 \
                 or newer, `rpmdb --define '_db_backend sqlite' --rebuilddb` writes one that is read; else look \
                 through `rpm -qa` by hand"
            );
            sink.gap(Gap::new(GapCode::Unsupported, Text::from_path(&path), reason));
        }
    }
}

/// Tells of changes that are not yet in the database.
fn beside(target: &Target, sink: &mut Sink, database: &Path) {
    for (end, reason) in BESIDE {
        let mut path = database.as_os_str().to_owned();
        path.push(end);
        let path = PathBuf::from(path);
        let Some(Some(mut file)) = sink.keep(target.open(&path)) else { continue };
        let read = file.read(&mut [0]).map_err(|e| io_gap(&path, "read", &e));
        if sink.keep(read).is_some_and(|length| length > 0) {
            sink.found();
            sink.gap(Gap::new(GapCode::Unsupported, Text::from_path(&path), *reason));
        }
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests;
