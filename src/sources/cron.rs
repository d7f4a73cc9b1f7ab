//! Jobs of cron, anacron and at, of the system and of every user.
//!
//! Format: crontab(5), anacrontab(5), cron(8), run-parts(8), at(1). A line of a table is an item; so is a script in a
//! folder that is run as a whole. cron passes over files whose names its distribution does not allow: they are told, and
//! do not start.

mod at;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::inventory::{Gap, GapCode};
use crate::item::{Item, Kind, State};
use crate::parse::crontab::{Crontab, Fields, Job, MAX_BYTES};
use crate::parse::shell::Script;
use crate::sources::named::{all_gone, folders, of_script, paths, serves};
use crate::sources::{Depth, Needs, Sink, Source};
use crate::target::{EntryKind, Packages, Target};
use crate::text::{Text, bytes_to_path};

pub(super) const SOURCE: Source = Source {
    id: "cron",
    about: "jobs of cron, anacron and at",
    expects: &[],
    needs: Needs::Files,
    depth: Depth::Standard,
    yields: &[Kind::Task],
    rights: "root, or else the tables of other users are not seen",
    blind: "a table that was deleted, or cut where a line ends",
    collect,
};

/// Tables of the system.
const TABLES: &[(&str, Fields)] =
    &[("/etc/crontab", Fields::TimeAndUser), ("/etc/anacrontab", Fields::Anacron)];
/// Folders of such tables.
const TABLE_FOLDERS: &[&str] = &["/etc/cron.d"];
/// Folders with a table for each user, named after the user; the last one holds the others on some systems.
const SPOOLS: &[&str] = &[
    "/var/spool/cron/crontabs",
    "/var/spool/cron/tabs",
    "/etc/crontabs",
    "/var/cron/tabs",
    "/var/spool/cron",
];
/// Names those tables that changed, for crond of busybox.
const UPDATE: &[u8] = b"cron.update";
/// Folders whose scripts are run as a whole.
const SCRIPTS: &[&str] =
    &["/etc/cron.hourly", "/etc/cron.daily", "/etc/cron.weekly", "/etc/cron.monthly", "/etc/cron.yearly"];
/// Where each folder is one of those on Alpine.
const PERIODIC: &str = "/etc/periodic";
/// Where tables of fcron lie, which have a form of their own.
const FCRON: &str = "/var/spool/fcron";
/// Endings of files that other systems than Debian pass over (run-parts of crontabs, cronie).
const LEFT: &[&[u8]] = &[b"~", b",", b".rpmsave", b".rpmorig", b".rpmnew", b".swp", b",v", b".cfsaved"];

fn collect(target: &Target, sink: &mut Sink) {
    let mut cron = Cron { target, sink, seen: BTreeSet::new() };
    for (place, fields) in TABLES {
        cron.table(Path::new(place), *fields, None, true);
    }
    for folder in TABLE_FOLDERS {
        for (path, is_file) in cron.list(Path::new(folder)) {
            if is_file && name(&path) != b".placeholder" {
                let is_read = cron.is_run(name(&path));
                cron.table(&path, Fields::TimeAndUser, None, is_read);
            }
        }
    }
    for folder in SPOOLS {
        for (path, is_file) in cron.list(Path::new(folder)) {
            if is_file && !name(&path).starts_with(b".") && name(&path) != UPDATE {
                let user = Text::from_bytes(name(&path));
                cron.table(&path, Fields::Time, Some(&user), true);
            }
        }
    }
    let mut scripts: Vec<PathBuf> = SCRIPTS.iter().map(PathBuf::from).collect();
    scripts
        .extend(cron.list(Path::new(PERIODIC)).into_iter().filter(|(_, is_file)| !is_file).map(|(p, _)| p));
    for folder in scripts {
        for (path, is_file) in cron.list(&folder) {
            if is_file && name(&path) != b".placeholder" {
                cron.script(&path);
            }
        }
    }
    cron.at();
    if !cron.list(Path::new(FCRON)).is_empty() {
        let reason = "tables of fcron are not read by this version; list them with `fcrontab -l`";
        cron.sink.gap(Gap::new(GapCode::Unsupported, FCRON, reason));
    }
}

struct Cron<'a> {
    target: &'a Target,
    sink: &'a mut Sink,
    /// Where the tables and scripts lie that were told; folders of them may be links to each other.
    seen: BTreeSet<PathBuf>,
}

impl Cron<'_> {
    /// What is in a folder, and whether it is no folder.
    fn list(&mut self, folder: &Path) -> Vec<(PathBuf, bool)> {
        let entries = self.sink.keep(self.target.list(folder)).flatten().unwrap_or_default();
        let mut found = Vec::new();
        for entry in entries {
            let path = folder.join(entry.name);
            let is_folder = match entry.kind {
                EntryKind::Folder => true,
                EntryKind::Link => self.target.list(&path).is_ok_and(|list| list.is_some()),
                EntryKind::File | EntryKind::Special => false,
            };
            found.push((path, !is_folder));
        }
        found
    }

    /// Whether cron and run-parts take a file of this name.
    fn is_run(&self, name: &[u8]) -> bool {
        if self.target.os().packages == Some(Packages::Rpm) {
            let is_hidden = name.starts_with(b".") || name.starts_with(b"#");
            return !is_hidden && !LEFT.iter().any(|end| name.ends_with(end));
        }
        name.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'))
    }

    /// The bytes of a file that was not read under another name; nothing, if there is none.
    fn read(&mut self, path: &Path) -> Option<Vec<u8>> {
        let real = self.sink.keep(self.target.resolve(path)).flatten();
        if real.is_some_and(|real| !self.seen.insert(real)) {
            return None;
        }
        // Nothing is run from where a link leads nowhere.
        let bytes = self.target.read_up_to(path, MAX_BYTES);
        let bytes = bytes.map_err(|gap| if gap.code == GapCode::Dangling { gap.note() } else { gap });
        self.sink.keep(bytes).flatten()
    }

    /// Tells of each job of a table.
    fn table(&mut self, path: &Path, fields: Fields, user: Option<&Text>, is_read: bool) {
        let Some(bytes) = self.read(path) else { return };
        let table = Crontab::parse(&bytes, fields);
        let place = Text::from_path(path);
        if let Some(line) = table.damaged {
            let reason = format!("line {line} is neither a setting nor a job; look there for what it starts");
            self.sink.gap(Gap::new(GapCode::Damaged, place.clone(), reason));
        }
        if table.open_end {
            let reason =
                "nothing ends its last line, so it was cut, or cron does not read it; add a line end";
            self.sink.gap(Gap::new(GapCode::Truncated, place.clone(), reason));
        }
        let searched = table.setting("PATH").unwrap_or_default().split(|&b| b == b':');
        let searched = searched.filter(|folder| folder.starts_with(b"/")).map(bytes_to_path);
        let searched: Vec<PathBuf> = searched.chain(folders()).collect();
        for Job { line, user: told, command } in &table.jobs {
            let programs: Vec<_> = Script::parse(command).programs().collect();
            let mut item = task(&programs, place.clone());
            item.id = format!("cron:{}:{line}", place.raw()).into();
            item.command = Some(Text::from_bytes(command));
            item.scope = Some(if user.is_some() { "user" } else { "machine" }.into());
            item.user = user.cloned().or_else(|| told.map(Text::from_bytes));
            item.enabled = Some(is_read);
            item.paths = paths(self.target, self.sink, &place, programs.iter().cloned(), &searched);
            if all_gone(self.target, &programs) {
                item.state = State::Remnant;
            }
            self.sink.item(item);
        }
    }

    /// Tells of a script that is run with all others in its folder.
    fn script(&mut self, path: &Path) {
        let place = Text::from_path(path);
        if self.target.resolve(path).is_ok_and(|found| found.is_none()) {
            // What a link led to was removed.
            let mut item = self.script_item(path, place);
            item.state = State::Remnant;
            return self.sink.item(item);
        }
        let Some(text) = self.read(path) else { return };
        let mut item = self.script_item(path, place);
        let mut programs = of_script(&text);
        // Of names without a folder it is unknown whether they are functions.
        programs.retain(|program| program.starts_with(b"/") && !serves(program));
        if all_gone(self.target, &programs) {
            item.state = State::Remnant;
        }
        let own = path.as_os_str().as_encoded_bytes().to_vec();
        item.paths = paths(self.target, self.sink, &item.place, [own], &[]);
        item.paths.extend(paths(self.target, self.sink, &item.place, programs, &[]));
        self.sink.item(item);
    }

    fn script_item(&self, path: &Path, place: Text) -> Item {
        let mut item = Item::new(Kind::Task, Text::from_bytes(name(path)), place);
        item.id = format!("cron:{}", item.place.raw()).into();
        item.scope = Some("machine".into());
        item.enabled = Some(self.is_run(name(path)));
        item
    }
}

/// An item named after the program that it is for.
fn task(programs: &[Vec<u8>], place: Text) -> Item {
    let first = programs.iter().find(|program| !serves(program)).or(programs.first());
    let called = first.and_then(|program| program.rsplit(|&b| b == b'/').next());
    // A command may be words that only a shell makes a program of.
    let called = called.map_or_else(|| place.clone(), Text::from_bytes);
    Item::new(Kind::Task, called, place)
}

fn name(path: &Path) -> &[u8] {
    path.file_name().unwrap_or_default().as_encoded_bytes()
}
