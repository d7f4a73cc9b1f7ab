//! Alpine packages, from `/lib/apk/db/installed`, or `/usr/lib/apk/db/installed` where `/usr` holds all.
//!
//! Format: Alpine's wiki, "Apk spec". One of the two folders is often a link to the other. What was asked for by name
//! stands in `/etc/apk/world` too and is always installed, so it is a second witness.

use std::collections::BTreeSet;
use std::path::Path;

use crate::inventory::{Gap, GapCode};
use crate::item::{Ids, Item, Kind};
use crate::parse::apkdb::{Record, records};
use crate::sources::owners::own_paths;
use crate::sources::{Depth, Needs, Sink, Source};
use crate::target::{Packages, Target};
use crate::text::Text;

pub(super) const SOURCE: Source = Source {
    id: "apk",
    about: "Alpine packages",
    expects: &[Packages::Apk],
    needs: Needs::Files,
    depth: Depth::Quick,
    yields: &[Kind::Package],
    rights: "none: the database is readable by everyone unless someone changed that",
    blind: "a package cut from the database that nobody asked for by name",
    collect,
};

const DATABASES: &[&str] = &["/lib/apk/db/installed", "/usr/lib/apk/db/installed"];
const WORLD: &str = "/etc/apk/world";
/// Bytes of the list of what was asked for.
const MAX_WORLD: u64 = 1 << 20;

fn collect(target: &Target, sink: &mut Sink) {
    let (mut seen, mut names, mut ids) = (BTreeSet::new(), BTreeSet::new(), Ids::default());
    for database in DATABASES.iter().map(Path::new) {
        let real = sink.keep(target.resolve(database)).flatten();
        if real.is_some_and(|real| !seen.insert(real)) {
            continue;
        }
        if let Some(Some(bytes)) = sink.keep(target.read(database)) {
            sink.found();
            read(sink, database, &bytes, &mut names, &mut ids);
        }
    }
    if !names.is_empty() {
        asked_for(target, sink, &names);
    }
}

fn read(sink: &mut Sink, path: &Path, bytes: &[u8], names: &mut BTreeSet<Vec<u8>>, ids: &mut Ids) {
    let place = Text::from_path(path);
    let (read, mut told) = (records(bytes), BTreeSet::new());
    if read.is_empty() {
        sink.gap(Gap::new(GapCode::Empty, place, "it is empty; a package database never is"));
        return;
    }
    for record in read {
        let line = record.line;
        if record.open_end {
            let reason = format!("ends within the record of line {line}; packages after it are unknown");
            sink.gap(Gap::new(GapCode::Truncated, place.clone(), reason));
        }
        if let Some(line) = record.damaged {
            let reason =
                format!("line {line} is no line of a package record; packages around it may be missing");
            sink.gap(Gap::new(GapCode::Damaged, place.clone(), reason));
        }
        let Some(name) = record.name.filter(|name| !name.is_empty()) else {
            let reason = format!("the record of line {line} has no name, so its package is unknown");
            sink.gap(Gap::new(GapCode::Damaged, place.clone(), reason));
            continue;
        };
        if !told.insert(name.to_vec()) {
            let name = Text::from_bytes(name);
            let reason = format!(
                "the record of {name} in line {line} is its second; which of them is true is unknown"
            );
            sink.gap(Gap::new(GapCode::Damaged, place.clone(), reason));
        }
        names.insert(name.to_vec());
        names.extend(record.provides.iter().map(|p| bare(p).to_vec()));
        let item = item(name, &record, &place, ids);
        for file in &record.files {
            sink.owns(file, &item.id);
        }
        sink.item(Item { paths: own_paths(record.files), ..item });
    }
}

fn item(name: &[u8], record: &Record<'_>, place: &Text, ids: &mut Ids) -> Item {
    let text = |value: Option<&[u8]>| value.filter(|v| !v.is_empty()).map(Text::from_bytes);
    let mut item = Item::new(Kind::Package, Text::from_bytes(name), place.clone());
    item.id = ids.unique(format!("apk:{}", item.name.raw())).into();
    item.version = text(record.version);
    item.publisher = text(record.maintainer);
    item.homepage = text(record.url);
    item.ecosystem = Some("apk".into());
    item.scope = Some("machine".into());
    item
}

/// Tells of what was asked for by name and has no record.
fn asked_for(target: &Target, sink: &mut Sink, names: &BTreeSet<Vec<u8>>) {
    let Some(Some(world)) = sink.keep(target.read_up_to(Path::new(WORLD), MAX_WORLD)) else { return };
    let wanted = world.split(u8::is_ascii_whitespace).filter(|w| !w.is_empty() && !w.starts_with(b"!"));
    let lost: Vec<Text> =
        wanted.map(bare).filter(|name| !names.contains(*name)).map(Text::from_bytes).collect();
    if !lost.is_empty() {
        let some: Vec<&str> = lost.iter().take(5).map(Text::raw).collect();
        let more = if lost.len() > some.len() { " …" } else { "" };
        let reason =
            format!("asks for packages of which the database has no record ({}{more})", some.join(", "));
        sink.gap(Gap::new(GapCode::Damaged, WORLD, reason));
    }
}

/// A name without the version and the repository that it is bound to.
fn bare(name: &[u8]) -> &[u8] {
    name.split(|b| b"=<>~@".contains(b)).next().unwrap_or(name)
}
