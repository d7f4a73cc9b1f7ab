//! Services that are started without systemd: by System V's init, `OpenRC`, upstart, runit, daemontools and s6.
//!
//! Format: init scripts and their links (Linux Standard Base 5, 22; Debian Policy 9.3), inittab(5), openrc(8),
//! init(5) of upstart, runsvdir(8), s6-svscan. A script is its name: what it starts can be told only as far as its text
//! names programs plainly, so the script itself is a path of the item. systemd starts a script without a unit under
//! the script's name and `.service` (systemd-sysv-generator(8)), so it is that service.

mod supervised;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::inventory::{Gap, GapCode};
use crate::item::{Ids, Item, Kind, State};
use crate::parse::initd::{Header, inittab};
use crate::parse::shell::Script;
use crate::sources::named::{all_gone, folders, of_script, paths, serves};
use crate::sources::{Depth, Needs, Sink, Source};
use crate::target::{EntryKind, Target};
use crate::text::Text;

pub(super) const SOURCE: Source = Source {
    id: "initd",
    about: "init scripts and supervised services",
    expects: &[],
    needs: Needs::Files,
    depth: Depth::Standard,
    yields: &[Kind::Service],
    rights: "none: what starts a system is readable by everyone unless someone changed that",
    blind: "a script that was deleted or cut short, and what a script starts through words that only running it fills in",
    collect,
};

/// Where scripts lie; often links to each other.
const SCRIPTS: &[&str] = &["/etc/init.d", "/etc/rc.d/init.d"];
/// Where Slackware's lie, named `rc.…`, and the links of `OpenWrt`.
const RC: &str = "/etc/rc.d";
/// Below what the folders of System V's runlevels lie.
const LEVELS_IN: &[&str] = &["/etc", "/etc/rc.d", "/etc/init.d"];
/// The folders of runlevels, and whether a system that is up is in them.
const LEVELS: &[(&str, bool)] = &[
    ("rc0.d", false),
    ("rc1.d", false),
    ("rc2.d", true),
    ("rc3.d", true),
    ("rc4.d", true),
    ("rc5.d", true),
    ("rc6.d", false),
    ("rcS.d", true),
    ("boot.d", true),
];
/// Where each runlevel of `OpenRC` has a folder.
const OPENRC: &str = "/etc/runlevels";
/// Scripts that an administrator fills, so that they belong to no package whatever a list says.
const LOCAL: &[&str] = &[
    "/etc/rc.local",
    "/etc/rc.d/rc.local",
    "/etc/rc.d/rc.local_shutdown",
    "/etc/init.d/boot.local",
    "/etc/init.d/after.local",
    "/etc/runit/1",
    "/etc/runit/2",
    "/etc/runit/3",
];
/// Where such scripts of `OpenRC` lie.
const LOCAL_FOLDER: &str = "/etc/local.d";
const INITTAB: &str = "/etc/inittab";
const UPSTART: &str = "/etc/init";
/// Words before a command or a variable in a job of upstart.
const UPSTART_WORDS: &[&[u8]] = &[b"pre-start", b"post-start", b"pre-stop", b"post-stop", b"env"];
/// Names among scripts that are none.
const NO_SCRIPTS: &[&str] = &["README", "skeleton", "functions", "functions.sh"];
/// Bytes of a script that are read.
const MAX_BYTES: u64 = 1 << 20;

fn collect(target: &Target, sink: &mut Sink) {
    let mut init =
        Init { target, sink, ids: Ids::default(), seen: BTreeSet::new(), started: BTreeSet::new() };
    let links = init.links();
    init.local();
    init.scripts();
    for link in links {
        init.link(&link);
    }
    init.inittab();
    init.upstart();
    init.supervised();
}

/// What is read, and what was.
struct Init<'a> {
    target: &'a Target,
    sink: &'a mut Sink,
    ids: Ids,
    /// Where the scripts and services lie that were told.
    seen: BTreeSet<PathBuf>,
    /// Where those lie that start by themselves.
    started: BTreeSet<PathBuf>,
}

impl Init<'_> {
    fn list(&mut self, folder: &Path) -> Vec<(PathBuf, EntryKind)> {
        let entries = self.sink.keep(self.target.list(folder)).flatten().unwrap_or_default();
        let shown = entries.into_iter().filter(|e| !e.name.as_encoded_bytes().starts_with(b"."));
        shown.map(|entry| (folder.join(entry.name), entry.kind)).collect()
    }

    fn real(&mut self, path: &Path) -> Option<PathBuf> {
        self.sink.keep(self.target.resolve(path)).flatten()
    }

    /// The links and scripts of all runlevels, those that start something taken note of.
    fn links(&mut self) -> Vec<PathBuf> {
        let mut links = Vec::new();
        for folder in LEVELS_IN {
            for (level, _) in self.list(Path::new(folder)) {
                if let Some((_, is_up)) = LEVELS.iter().find(|(named, _)| named.as_bytes() == name(&level)) {
                    links.extend(self.list(&level).into_iter().map(|(link, _)| (link, *is_up)));
                }
            }
        }
        links.extend(self.list(Path::new(RC)).into_iter().map(|(p, _)| (p, true)));
        links.retain(|(link, _)| numbered(link).is_some());
        let mut starts: Vec<PathBuf> = Vec::new();
        starts
            .extend(links.iter().filter(|(l, up)| *up && name(l).starts_with(b"S")).map(|(l, _)| l.clone()));
        let mut links: Vec<PathBuf> = links.into_iter().map(|(link, _)| link).collect();
        for (level, kind) in self.list(Path::new(OPENRC)) {
            if kind == EntryKind::Folder {
                let asked: Vec<_> = self.list(&level).into_iter().map(|(path, _)| path).collect();
                starts.extend(asked.iter().cloned());
                links.extend(asked);
            }
        }
        for link in starts {
            let real = self.real(&link);
            self.started.extend(real);
        }
        links
    }

    fn scripts(&mut self) {
        let mut scripts: Vec<PathBuf> = Vec::new();
        for folder in SCRIPTS {
            scripts.extend(self.list(Path::new(folder)).into_iter().map(|(path, _)| path));
        }
        let slackware = self.list(Path::new(RC)).into_iter().filter(|(p, _)| name(p).starts_with(b"rc."));
        scripts.extend(slackware.map(|(path, _)| path));
        for script in scripts {
            let is_none = NO_SCRIPTS.iter().any(|no| no.as_bytes() == name(&script));
            let is_level = LEVELS.iter().any(|(level, _)| level.as_bytes() == name(&script));
            if !is_none && !is_level && numbered(&script).is_none() {
                self.script(&script, name(&script), true, None);
            }
        }
    }

    /// Tells of what a runlevel starts, unless a script is told already: one that lies elsewhere, or is gone.
    fn link(&mut self, link: &Path) {
        self.script(link, numbered(link).unwrap_or(name(link)), true, None);
    }

    /// Scripts whose commands were written by an administrator.
    fn local(&mut self) {
        let mut scripts: Vec<PathBuf> = LOCAL.iter().map(PathBuf::from).collect();
        let named = |path: &Path| [&b".start"[..], b".stop"].iter().any(|end| name(path).ends_with(end));
        let started = self.list(Path::new(LOCAL_FOLDER)).into_iter().filter(|(path, _)| named(path));
        scripts.extend(started.map(|(path, _)| path));
        for script in scripts {
            match self.target.entry(&script) {
                // What stands in place of its folder was told where that was listed.
                Ok(None) => {}
                Err(gap) if gap.code == GapCode::Special => {}
                _ => self.script(&script, name(&script), false, Some(true)),
            }
        }
    }

    /// Tells of a script, once wherever links to it lie; of one with a path of its own, that is a path of the item too.
    fn script(&mut self, path: &Path, called: &[u8], own: bool, enabled: Option<bool>) {
        let real = match self.target.resolve(path) {
            Ok(Some(real)) => real,
            Ok(None) => {
                // What a link led to was removed.
                if self.seen.insert(path.to_owned()) {
                    let mut item = service(path, called);
                    item.state = State::Remnant;
                    item.enabled = Some(false);
                    self.tell(item);
                }
                return;
            }
            Err(gap) => return self.sink.gap(gap),
        };
        if !self.seen.insert(real.clone()) {
            return;
        }
        let Some(text) = self.read(path) else { return };
        let mut item = service(path, called);
        item.enabled = enabled.or(Some(self.started.contains(&real)));
        let mut programs = of_script(&text);
        if own {
            programs.retain(|program| program.starts_with(b"/"));
            let own = path.as_os_str().as_encoded_bytes().to_vec();
            item.paths = paths(self.target, self.sink, &item.place, [own], &[]);
            let header = Header::parse(&text);
            item.product = header.short_description.map(Text::from_bytes);
            if all_gone(self.target, &programs) {
                item.state = State::Remnant;
            }
        } else {
            item.service = None;
        }
        self.run(&mut item, programs);
        self.tell(item);
    }

    /// Adds the programs that an item runs.
    fn run(&mut self, item: &mut Item, mut programs: Vec<Vec<u8>>) {
        programs.retain(|program| !serves(program));
        for path in paths(self.target, self.sink, &item.place, programs, &folders()) {
            if !item.paths.contains(&path) {
                item.paths.push(path);
            }
        }
    }

    /// The text of a script; nothing, if none is there. One that cannot be read is there all the same.
    fn read(&mut self, path: &Path) -> Option<Vec<u8>> {
        match self.target.read_up_to(path, MAX_BYTES) {
            Ok(text) => {
                if text.as_ref().is_some_and(Vec::is_empty) {
                    let reason = "it is empty, so it starts nothing";
                    self.sink.gap(Gap::new(GapCode::Empty, Text::from_path(path), reason).note());
                }
                text
            }
            Err(gap) => {
                // No init runs a pipe or a folder, so nothing starts from there.
                let is_none = gap.code == GapCode::Special;
                self.sink.gap(if is_none { gap.note() } else { gap });
                (!is_none).then(Vec::new)
            }
        }
    }

    fn inittab(&mut self) {
        let place = Path::new(INITTAB);
        let Some(bytes) = self.sink.keep(self.target.read_up_to(place, MAX_BYTES)).flatten() else { return };
        let (entries, damaged) = inittab(&bytes);
        if let Some(line) = damaged {
            let reason = format!("line {line} is no entry of init; look there for what it starts");
            self.sink.gap(Gap::new(GapCode::Damaged, INITTAB, reason));
        }
        for entry in entries {
            let programs: Vec<_> = Script::parse(entry.process).programs().collect();
            let first = programs.iter().find(|p| !serves(p)).or(programs.first());
            let called = first.map(|p| p.rsplit(|&b| b == b'/').next().unwrap_or(p).to_vec());
            let mut item = service(place, &called.unwrap_or_default());
            item.id = format!("initd:{INITTAB}:{}", entry.line).into();
            item.service = None;
            item.command = Some(Text::from_bytes(entry.process));
            item.enabled = Some(entry.action != b"off");
            self.run(&mut item, programs);
            self.tell(item);
        }
    }

    fn upstart(&mut self) {
        for (path, _) in self.list(Path::new(UPSTART)) {
            let Some(called) = name(&path).strip_suffix(b".conf") else { continue };
            let Some(text) = self.read(&path) else { continue };
            let mut item = service(&path, called);
            let over = path.with_extension("override");
            let over = self.sink.keep(self.target.read_up_to(&over, MAX_BYTES)).flatten().unwrap_or_default();
            let lines = || [&text, &over].into_iter().flat_map(|t| t.split(|&b| b == b'\n'));
            let says = |what: &[u8]| lines().any(|line| line.trim_ascii().starts_with(what));
            item.enabled = Some(says(b"start on") && !says(b"manual"));
            let bare = lines().map(|line| {
                let line = line.trim_ascii();
                let word = UPSTART_WORDS.iter().find_map(|word| line.strip_prefix(*word)?.strip_prefix(b" "));
                word.unwrap_or(line)
            });
            let mut programs = of_script(&bare.collect::<Vec<_>>().join(&b'\n'));
            programs.retain(|program| program.starts_with(b"/"));
            if all_gone(self.target, &programs) {
                item.state = State::Remnant;
            }
            self.run(&mut item, programs);
            self.tell(item);
        }
    }

    fn tell(&mut self, mut item: Item) {
        item.id = self.ids.unique(item.id.raw().to_owned()).into();
        self.sink.item(item);
    }
}

/// An item with what is known by its name.
fn service(place: &Path, called: &[u8]) -> Item {
    let called = Text::from_bytes(called);
    let mut item = Item::new(Kind::Service, called.clone(), Text::from_path(place));
    item.id = format!("initd:{}", item.place.raw()).into();
    item.service = Some(format!("{}.service", called.raw()).into());
    item.scope = Some("machine".into());
    item
}

fn name(path: &Path) -> &[u8] {
    path.file_name().unwrap_or_default().as_encoded_bytes()
}

/// The name of a link of a runlevel without its letter and number.
fn numbered(link: &Path) -> Option<&[u8]> {
    match name(link) {
        [b'S' | b'K', a, b, rest @ ..] if a.is_ascii_digit() && b.is_ascii_digit() => Some(rest),
        _ => None,
    }
}
