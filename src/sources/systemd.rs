//! Services of systemd and what starts them, of the system's manager and of every user's.
//!
//! Format: systemd.service(5), systemd.timer(5), systemd.path(5), systemd.socket(5). A timer is a task that is what its
//! service is. A service that an enabled timer, path or socket starts is enabled by it, though nothing asks for the
//! service itself. What a user makes needs no right of the machine's, so every home is looked into.

mod folders;
mod units;

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use folders::{Manager, Of, managers};
use units::{Loaded, Sort, Units, os_string};

use crate::item::{Ids, Item, Kind, State};
use crate::parse::unit::{Unit, programs};
use crate::sources::named::{folders, is_gone, paths, serves};
use crate::sources::{Depth, Needs, Sink, Source};
use crate::target::Target;
use crate::text::{Text, bytes_to_path};

pub(super) const SOURCE: Source = Source {
    id: "systemd",
    about: "systemd services and timers",
    expects: &[],
    needs: Needs::Files,
    depth: Depth::Standard,
    yields: &[Kind::Service, Kind::Task],
    rights: "root, or else the units that other users made for themselves are not seen",
    blind: "a unit file that was deleted, and homes that are not mounted",
    collect,
};

/// Settings whose value is run, what is started first.
const RUNS: &[&str] = &[
    "ExecStart",
    "ExecCondition",
    "ExecStartPre",
    "ExecStartPost",
    "ExecReload",
    "ExecStop",
    "ExecStopPre",
    "ExecStopPost",
];
/// Settings that give a service other files than those of the root, so that its executable may lie in them.
const OTHER_FILES: &[&str] = &[
    "RootDirectory",
    "RootImage",
    "ExtensionDirectories",
    "ExtensionImages",
    "MountImages",
    "BindPaths",
    "BindReadOnlyPaths",
];

fn collect(target: &Target, sink: &mut Sink) {
    let mut ids = Ids::default();
    for Manager { of, folders } in managers(target, sink) {
        let units = Units::read(target, sink, &folders);
        for item in tell(target, sink, &of, &units, &mut ids) {
            sink.item(item);
        }
    }
}

/// A unit as an item, and what it starts.
struct Told {
    item: Item,
    sort: Sort,
    starts: Option<OsString>,
}

/// The items of a manager; of a user's only those that are not the same for all users.
fn tell(target: &Target, sink: &mut Sink, of: &Of, units: &Units, ids: &mut Ids) -> Vec<Item> {
    let mut ahead = if matches!(of, Of::User { .. }) { units.own() } else { units.all() };
    let mut seen = BTreeSet::new();
    let mut told: BTreeMap<OsString, Told> = BTreeMap::new();
    while let Some(name) = ahead.pop_first() {
        if !seen.insert(name.clone()) {
            continue;
        }
        let Some(sort) = Sort::of(&name) else { continue };
        let Some(loaded) = units.load(target, sink, &name) else { continue };
        let (item, starts) = item(target, sink, of, &name, sort, loaded, units.enabled.contains(&name));
        let starts = starts.map(|name| units.meaning(&name).unwrap_or(name));
        ahead.extend(starts.clone());
        told.insert(name, Told { item, sort, starts });
    }
    for one in told.values_mut() {
        one.item.id = ids.unique(one.item.id.raw().to_owned()).into();
    }
    let enables = |t: &&Told| t.item.enabled == Some(true) && t.item.state != State::Present;
    let started: Vec<_> = told.values().filter(enables).filter_map(|t| t.starts.clone()).collect();
    for name in started {
        if let Some(service) = told.get_mut(&name).filter(|service| service.item.state != State::Present) {
            service.item.enabled = Some(true);
        }
    }
    let of_timer = |timer: &Told| {
        let service = timer.starts.as_ref().and_then(|name| told.get(name));
        let mut item = timer.item.clone();
        item.service = timer.starts.as_ref().map(|name| Text::from_bytes(name.as_encoded_bytes()));
        if let Some(Told { item: service, .. }) = service {
            item.owner = Some(service.id.clone());
            item.paths.clone_from(&service.paths);
            item.command.clone_from(&service.command);
            item.user = item.user.or_else(|| service.user.clone());
            // A timer that may not run is there as much as its service is, and no more.
            item.state = item.state.max(service.state);
        } else if timer.starts.as_deref().and_then(Sort::of) == Some(Sort::Service) {
            item.state = State::Remnant;
        }
        item
    };
    let items = told.values().filter_map(|one| match one.sort {
        Sort::Service => Some(one.item.clone()),
        Sort::Timer => Some(of_timer(one)),
        // A socket may run programs by itself; else its service tells all.
        Sort::Socket => (!one.item.paths.is_empty()).then(|| one.item.clone()),
        Sort::Path => None,
    });
    items.collect()
}

/// The item of a unit, and the unit that it starts.
fn item(
    target: &Target,
    sink: &mut Sink,
    of: &Of,
    name: &OsStr,
    sort: Sort,
    loaded: Loaded,
    enabled: bool,
) -> (Item, Option<OsString>) {
    let (file, unit, masked, left) = match loaded {
        Loaded::Unit { file, unit, masked } => (file, unit, masked, false),
        Loaded::Left(link) => (link, Unit::default(), false, true),
    };
    let text = Text::from_bytes(name.as_encoded_bytes());
    let kind = if sort == Sort::Timer { Kind::Task } else { Kind::Service };
    let mut item = Item::new(kind, text.clone(), Text::from_path(&file));
    item.service = Some(text.clone());
    item.scope = Some(if matches!(of, Of::User { .. }) { "user" } else { "machine" }.into());
    item.enabled = Some(enabled && !masked);
    (item.id, item.user) = match of {
        Of::System => {
            let user = unit.list("Service", "User").pop().map(Text::from_bytes);
            (format!("systemd:{}", text.raw()).into(), user)
        }
        Of::Users => (format!("systemd:user:{}", text.raw()).into(), None),
        Of::User { name, .. } => {
            (format!("systemd:user:{}:{}", name.raw(), text.raw()).into(), Some(name.clone()))
        }
    };
    run(target, sink, of, sort, &unit, &mut item);
    if left {
        item.state = State::Remnant;
    } else if masked && item.state != State::Remnant {
        item.state = State::Present;
    }
    (item, starts(name, sort, &unit))
}

/// Adds what a unit runs.
fn run(target: &Target, sink: &mut Sink, of: &Of, sort: Sort, unit: &Unit, item: &mut Item) {
    let section = sort.section();
    let home = match of {
        Of::System => Some(Path::new("/root")),
        Of::User { home, .. } => home.as_deref(),
        Of::Users => None,
    };
    let run = |key: &&str| -> Vec<Vec<u8>> {
        let programs = unit.list(section, key).into_iter().flat_map(programs);
        programs.map(|program| at_home(program, home)).collect()
    };
    let commands = unit.list(section, "ExecStart");
    item.command = (!commands.is_empty()).then(|| Text::from_bytes(&commands.join(&b"; "[..])));
    let searched =
        unit.list(section, "ExecSearchPath").into_iter().flat_map(|list| list.split(|&b| b == b':'));
    let searched: Vec<PathBuf> = searched.map(bytes_to_path).chain(folders()).collect();
    item.paths = paths(target, sink, &item.place, RUNS.iter().flat_map(run), &searched);
    let elsewhere = OTHER_FILES.iter().any(|key| !unit.list(section, key).is_empty());
    let mut starts = run(&"ExecStart");
    if !starts.iter().all(|program| serves(program)) {
        starts.retain(|program| !serves(program));
    }
    if !elsewhere && !starts.is_empty() && starts.iter().all(|program| is_gone(target, program)) {
        item.state = State::Remnant;
    }
}

/// A program with the home in the place of the specifier for it.
fn at_home(program: Vec<u8>, home: Option<&Path>) -> Vec<u8> {
    match (program.strip_prefix(b"%h/"), home) {
        (Some(rest), Some(home)) => [home.as_os_str().as_encoded_bytes(), b"/", rest].concat(),
        _ => program,
    }
}

/// The unit that a timer, path or socket starts: the one it names, or the service of its own name.
fn starts(name: &OsStr, sort: Sort, unit: &Unit) -> Option<OsString> {
    let key = match sort {
        Sort::Service => return None,
        Sort::Timer | Sort::Path => "Unit",
        Sort::Socket => "Service",
    };
    let section = sort.section();
    if let Some(named) = unit.list(section, key).pop() {
        return Some(os_string(named));
    }
    let bytes = name.as_encoded_bytes();
    let stem = bytes.get(..bytes.iter().rposition(|&b| b == b'.')?)?;
    let accepts = unit.list(section, "Accept").pop().is_some_and(|value| {
        [&b"yes"[..], b"true", b"on", b"1", b"y", b"t"].iter().any(|yes| value.eq_ignore_ascii_case(yes))
    });
    // A service for each connection is an instance of a template.
    let at: &[u8] = if sort == Sort::Socket && accepts && !stem.contains(&b'@') { b"@" } else { b"" };
    Some(os_string(&[stem, at, b".service"].concat()))
}

#[cfg(test)]
#[cfg(unix)]
mod tests;
