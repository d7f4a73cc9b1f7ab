//! This machine: its name and its processes.
//!
//! The process list is sysinfo's on every system; [`linux`] adds what that does not tell.
#![allow(clippy::disallowed_methods, reason = "this is the one door to the processes of a target")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use sysinfo::{ProcessRefreshKind, ProcessesToUpdate, System, UpdateKind};

use crate::inventory::{Gap, GapCode};
use crate::parse::interpreter::{is_of_windows, scripts};
use crate::text::{Text, bytes_to_path};

#[cfg(target_os = "linux")]
mod linux;

/// Bytes of a command line that are kept.
const MAX_COMMAND: usize = 4096;
/// Files that one interpreter runs.
const MAX_SCRIPTS: usize = 1024;
/// Names that mean another file to each process.
const OF_PROCESS: &[&str] = &["/dev/fd", "/dev/stdin", "/proc"];

/// A running program.
#[derive(Debug, Clone, Default)]
pub struct Process {
    /// Its number.
    pub pid: u32,
    /// Its name as the system tells it.
    pub name: Text,
    /// Its executable; one that was never on a disk is `/memfd:` and its name (`memfd_create(2)`), and deleted.
    pub exe: Option<PathBuf>,
    /// Whether the executable is no longer on the disk.
    pub deleted: bool,
    /// Its root, if that is not the machine's or its container's (chroot(2)).
    pub root: Option<PathBuf>,
    /// Its command line, as far as that is kept.
    pub command: Vec<Text>,
    /// The files that it runs, if it is an interpreter; none are known where its command line names none.
    pub scripts: Option<Vec<PathBuf>>,
    /// The user it runs as: a name, or a number where no name is known.
    pub user: Option<Text>,
    /// The container it lives in.
    pub container: Option<Text>,
}

/// A file whose code is in the memory of processes, of none of which it is the executable.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Loaded {
    /// The container of the processes.
    pub container: Option<Text>,
    /// Its path, as that of an executable.
    pub path: PathBuf,
    /// Whether it is no longer on the disk.
    pub deleted: bool,
    /// The numbers of the first processes that have it.
    pub pids: Vec<u32>,
    /// How many more have it.
    pub more: usize,
}

/// The processes, and what of them could not be seen.
#[derive(Debug, Default)]
pub struct Processes {
    /// In order of their number.
    pub list: Vec<Process>,
    /// What they have loaded, each file once a container, in order.
    pub loaded: Vec<Loaded>,
    /// What could not be seen.
    pub gaps: Vec<Gap>,
}

/// The root of the file system of this machine.
pub(super) fn root() -> PathBuf {
    if cfg!(windows) { PathBuf::from("C:\\") } else { PathBuf::from("/") }
}

/// The letters of this machine's own drives, if it has such, other than that of the root.
#[cfg_attr(windows, allow(clippy::unnecessary_wraps, reason = "other systems have none"))]
pub(super) fn drives() -> Option<BTreeSet<char>> {
    #[cfg(windows)]
    {
        use sysinfo::{Disk, DiskRefreshKind, Disks};
        let letter = |disk: &Disk| match disk.mount_point().as_os_str().as_encoded_bytes() {
            [letter, b':', ..] => Some(char::from(letter.to_ascii_uppercase())),
            _ => None,
        };
        let letters: BTreeSet<char> =
            match Disks::new_with_refreshed_list_specifics(DiskRefreshKind::nothing()) {
                Ok(disks) => disks.iter().filter_map(letter).collect(),
                // Where they cannot be told apart, none is left out.
                Err(_) => ('A'..='Z').collect(),
            };
        Some(letters.into_iter().filter(|letter| *letter != 'C').collect())
    }
    #[cfg(not(windows))]
    None
}

pub(super) fn host_name() -> Option<String> {
    System::host_name().ok()
}

pub(super) fn os_name() -> (Option<Text>, Option<Text>) {
    (System::long_os_version().ok().map(Text::from), System::os_version().ok().map(Text::from))
}

/// The processes; `users` are the names of users by number.
pub(super) fn processes(users: &BTreeMap<Text, Text>) -> Result<Processes, Gap> {
    if cfg!(target_os = "linux") && !Path::new("/proc/self/stat").exists() {
        let reason = "cannot list processes: /proc is not mounted; mount it and scan again";
        return Err(Gap::new(GapCode::Missing, "/proc", reason));
    }
    let kind = ProcessRefreshKind::nothing()
        .with_exe(UpdateKind::Always)
        .with_user(UpdateKind::Always)
        .without_tasks();
    // There it is read within a bound.
    let kind = if cfg!(target_os = "linux") {
        kind
    } else {
        kind.with_cmd(UpdateKind::Always).with_cwd(UpdateKind::Always)
    };
    let error = |e: sysinfo::Error| Gap::new(GapCode::Io, "processes", format!("cannot list processes: {e}"));
    let mut system = System::new().map_err(error)?;
    system.refresh_processes_specifics(ProcessesToUpdate::All, true, kind);

    let mut found = Processes::default();
    let mut list: Vec<_> = system.processes().values().collect();
    list.sort_by_key(|p| p.pid());
    for process in list {
        let user = process.user_id().map(|u| Text::from(u.to_string()));
        let mut told = Process {
            pid: process.pid().as_u32(),
            name: Text::from_bytes(process.name().as_encoded_bytes()),
            exe: process.exe().filter(|p| !p.as_os_str().is_empty()).map(Path::to_owned),
            user: user.map(|number| users.get(&number).cloned().unwrap_or(number)),
            ..Process::default()
        };
        if cfg!(not(target_os = "linux")) {
            let arguments: Vec<&[u8]> = process.cmd().iter().map(|a| a.as_encoded_bytes()).collect();
            let at = |file: &Path| {
                Some(process.cwd()?.join(file)).filter(|path| file.is_relative() && path.exists())
            };
            found.gaps.extend(told.take_command(&arguments, at));
        }
        found.list.push(told);
    }
    if found.list.is_empty() {
        return Err(Gap::new(GapCode::Empty, "processes", "the system lists no process at all"));
    }
    #[cfg(target_os = "linux")]
    linux::complete(&mut found);
    #[cfg(not(target_os = "linux"))]
    {
        let unseen = found.list.iter().filter(|p| p.exe.is_none()).count();
        if unseen > 0 && cfg!(unix) {
            let reason = format!("the executables of {unseen} processes were not shown; run as root");
            found.gaps.push(Gap::new(GapCode::Denied, "processes", reason));
        }
    }
    Ok(found)
}

impl Process {
    /// Takes over a command line, and what it names of what an interpreter runs; `at` gives the place of a file whose
    /// name begins at the process's folder or is one of its descriptors, if it is there.
    fn take_command(&mut self, arguments: &[&[u8]], at: impl Fn(&Path) -> Option<PathBuf>) -> Option<Gap> {
        let mut left = MAX_COMMAND;
        for argument in arguments.iter().filter(|a| !a.is_empty()) {
            let kept = argument.get(..left).unwrap_or(argument);
            left -= kept.len();
            self.command.push(Text::from_bytes(kept));
            if left == 0 {
                break;
            }
        }
        let called = arguments.first().copied().unwrap_or_default();
        let exe = self.exe.as_ref().map_or(called, |e| e.as_os_str().as_encoded_bytes());
        let program = exe.rsplit(|&b| b == b'/' || (cfg!(windows) && b == b'\\')).next().unwrap_or(exe);
        let mut names = scripts(program.strip_prefix(b"memfd:").unwrap_or(program), arguments)?;
        let all = names.len();
        names.truncate(MAX_SCRIPTS);
        let place = |name: &Vec<u8>| {
            let path: PathBuf = bytes_to_path(name).components().collect();
            if is_of_windows(name) {
                Some(bytes_to_path(name))
            } else if path.is_absolute() && !OF_PROCESS.iter().any(|own| path.starts_with(own)) {
                // A relative path replaces nothing of the root; the process means its own.
                let below = path.strip_prefix("/").unwrap_or(&path);
                Some(self.root.as_ref().map_or_else(|| path.clone(), |root| root.join(below)))
            } else {
                // Some interpreters find a file without its ending.
                at(&path).or_else(|| at(&path.with_added_extension("js")))
            }
        };
        self.scripts = Some(names.iter().filter_map(place).collect());
        (all > MAX_SCRIPTS).then(|| {
            let reason = format!("it runs more than {MAX_SCRIPTS} files; the rest was not looked at");
            Gap::new(GapCode::TooMany, format!("process {}", self.pid), reason)
        })
    }
}
