//! Running programs, as the system lists them, and what they have loaded from elsewhere.
//!
//! An item is named after its executable, since a process chooses the name it shows by itself; a process whose
//! executable was not shown is named after its command, or by that name. What an interpreter runs is told as its place
//! and among its paths, and decides whose it is: Python's maker does not own what Python runs.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use crate::inventory::GapCode;
use crate::item::{Ids, Item, Kind, State};
use crate::sources::{Depth, Needs, Sink, Source};
use crate::target::{Loaded, Process, Target};
use crate::text::Text;

pub(super) const SOURCE: Source = Source {
    id: "processes",
    about: "running processes and what they have loaded",
    expects: &[],
    needs: Needs::Processes,
    depth: Depth::Quick,
    yields: &[Kind::Process, Kind::File],
    rights: "root (administrator), or else the executables and libraries of other users' processes are not shown",
    blind: "a process that a rootkit hides from the operating system; what an interpreter runs that its command line \
            does not name; a library in a folder of the system's own, or that is data to the system (a .NET \
            assembly); outside Linux, every library",
    collect,
};

/// Characters of a command line that are kept.
const MAX_COMMAND: usize = 4096;
/// Folders in which all is a package's, so that what is loaded from them is known already.
const PACKAGED: &[&str] =
    &["/bin", "/gnu/store", "/lib", "/lib32", "/lib64", "/libx32", "/nix/store", "/sbin", "/snap", "/usr"];
/// Folders below those and below that of devices in which all may be anybody's.
const OWN: &[&str] = &["/dev/shm", "/usr/local"];
/// Where the kernel puts a file that was made in memory (`memfd_create(2)`).
const IN_MEMORY: &str = "/memfd:";

fn collect(target: &Target, sink: &mut Sink) {
    let Some(processes) = sink.keep(target.processes()) else { return };
    for gap in processes.gaps {
        sink.gap(gap);
    }
    let list: HashMap<u32, &Process> = processes.list.iter().map(|p| (p.pid, p)).collect();
    let mut ids = Ids::default();
    for file in &processes.loaded {
        loaded(file, &list, &mut ids, sink);
    }
    for process in &processes.list {
        let scripts = scripts(process, target, sink);
        let item = item(process, &scripts);
        for script in &scripts {
            sink.belongs(&item.id, script);
        }
        sink.item(item);
    }
}

/// The files that a process runs as an interpreter, each also by the name that its links lead to.
fn scripts(process: &Process, target: &Target, sink: &mut Sink) -> Vec<PathBuf> {
    let mut scripts = process.scripts.clone().unwrap_or_default();
    if process.container.is_some() || process.root.is_some() {
        return scripts;
    }
    let leads = |script: &PathBuf| match target.resolve(script) {
        // What stands where its folder should be is no folder, so it is gone.
        Err(gap) if gap.code == GapCode::Special => None,
        result => sink.keep(result).flatten(),
    };
    let leads: Vec<PathBuf> = scripts.iter().filter(|s| s.is_absolute()).filter_map(leads).collect();
    let others: Vec<PathBuf> = leads.into_iter().filter(|path| !scripts.contains(path)).collect();
    scripts.extend(others);
    scripts
}

fn item(process: &Process, scripts: &[PathBuf]) -> Item {
    let called = process.command.first().map(Text::to_path);
    let memory = process.exe.as_deref().and_then(|exe| in_memory(exe, process.deleted));
    let path = process.exe.as_deref().or(called.as_deref().filter(|p| p.is_absolute()));
    let base = || path.or(called.as_deref()).and_then(file_name);
    let name = memory.clone().or_else(base).unwrap_or_else(|| process.name.clone());
    let exe = process.exe.as_deref().map(|exe| shown(exe, process.deleted));
    let place = match (scripts.first(), exe) {
        (Some(script), Some(exe)) => format!(": {}, run by {exe}", Text::from_path(script).raw()),
        (Some(script), None) => format!(": {}", Text::from_path(script).raw()),
        (None, Some(exe)) => format!(": {exe}"),
        (None, None) => String::new(),
    };
    let mut item = Item::new(Kind::Process, name, format!("process {}{place}", process.pid).into());
    item.id = id(process.pid);
    let path = path.filter(|_| memory.is_none());
    item.paths = named(process.root.as_deref(), path.into_iter().chain(scripts.iter().map(PathBuf::as_path)));
    let command: Vec<&str> = process.command.iter().map(Text::raw).collect();
    let command: String = command.join(" ").chars().take(MAX_COMMAND).collect();
    item.command = (!command.is_empty()).then(|| command.into());
    item.user.clone_from(&process.user);
    item.container.clone_from(&process.container);
    item.deleted = process.deleted;
    item
}

/// What a place is to the system.
#[derive(PartialEq)]
enum System {
    Packaged,
    Device,
    Apart,
}

impl System {
    fn of(path: &Path) -> Self {
        let below = |folders: &[&str]| folders.iter().any(|folder| path.starts_with(folder));
        if below(OWN) {
            Self::Apart
        } else if path.starts_with("/dev") {
            Self::Device
        } else if below(PACKAGED) {
            Self::Packaged
        } else {
            Self::Apart
        }
    }
}

/// Takes a file that processes have loaded, unless it is a part of the system they run on.
fn loaded(file: &Loaded, list: &HashMap<u32, &Process>, ids: &mut Ids, sink: &mut Sink) {
    let mut processes = file.pids.iter().filter_map(|pid| list.get(pid));
    let root = processes.clone().next().and_then(|p| p.root.as_deref());
    let memory = in_memory(&file.path, file.deleted);
    let paths = if memory.is_none() { named(root, [file.path.as_path()].into_iter()) } else { Vec::new() };
    let system = paths.last().map_or(System::Apart, |path| System::of(&path.to_path()));
    // What is gone from the disk may be a file that no package lists.
    if system == System::Device || (system == System::Packaged && !file.deleted) {
        return;
    }
    let Some(name) = memory.or_else(|| file_name(&file.path)) else { return };
    let pids: Vec<String> = file.pids.iter().map(ToString::to_string).collect();
    let more = if file.more > 0 { format!(" and {} more", file.more) } else { String::new() };
    let many = if pids.len() > 1 { "es" } else { "" };
    let place = format!("process{many} {}{more}: {}", pids.join(", "), shown(&file.path, file.deleted));
    let mut item = Item::new(Kind::File, name, place.into());
    item.id = ids.unique(format!("loaded:{}", Text::from_path(&file.path).raw())).into();
    item.state = State::Running;
    item.paths = paths;
    item.container.clone_from(&file.container);
    item.deleted = file.deleted;
    // An interpreter is no product that what it loads would be a part of, unless it is known what it runs.
    let holder = processes.find(|p| p.scripts.as_ref().is_none_or(|scripts| !scripts.is_empty()));
    item.owner = holder.map(|p| id(p.pid));
    sink.belongs(&item.id, &file.path);
    sink.item(item);
}

fn id(pid: u32) -> Text {
    format!("process:{pid}").into()
}

fn file_name(path: &Path) -> Option<Text> {
    path.file_name().map(|n| Text::from_bytes(n.as_encoded_bytes()))
}

/// The name of a file that never was on a disk.
fn in_memory(path: &Path, deleted: bool) -> Option<Text> {
    let name = path.as_os_str().as_encoded_bytes().strip_prefix(IN_MEMORY.as_bytes())?;
    let name = name.rsplit(|&b| b == b'/').next().unwrap_or(name);
    (deleted && !name.is_empty()).then(|| Text::from_bytes(name))
}

/// A path as a person reads it.
fn shown(path: &Path, deleted: bool) -> String {
    format!("{}{}", Text::from_path(path).raw(), if deleted { " (deleted)" } else { "" })
}

/// Paths, and those of them that a process of another root knows by another name.
fn named<'a>(root: Option<&Path>, paths: impl Iterator<Item = &'a Path> + Clone) -> Vec<Text> {
    let within = |path: &Path| path.strip_prefix(root?).ok().map(|rest| Path::new("/").join(rest));
    let others = paths.clone().filter_map(within);
    paths.map(Text::from_path).chain(others.map(|p| Text::from_path(&p))).collect()
}

#[cfg(test)]
#[cfg(unix)]
mod tests;
