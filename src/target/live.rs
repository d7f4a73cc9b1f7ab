//! This machine: its name and its processes.
//!
//! The process list is sysinfo's on every system. Linux adds what sysinfo does not tell: whether the executable is
//! gone (`proc_pid_exe(5)`), and whether the process lives in a container, that is in another mount namespace with
//! another root. A service with a mount namespace of its own but the host's root is the host's.
#![allow(clippy::disallowed_methods, reason = "this is the one door to the processes of a target")]

use std::path::{Path, PathBuf};

use sysinfo::{ProcessRefreshKind, ProcessesToUpdate, System, UpdateKind};

use crate::inventory::{Gap, GapCode};
use crate::target::dir::Files;
use crate::text::Text;

/// A running program.
#[derive(Debug, Clone, Default)]
pub struct Process {
    /// Its number.
    pub pid: u32,
    /// Its name as the system tells it.
    pub name: Text,
    /// Its executable.
    pub exe: Option<PathBuf>,
    /// Its executable as the process itself names it, if its root is not the machine's (chroot(2)).
    pub within: Option<PathBuf>,
    /// Whether the executable is no longer on the disk.
    pub deleted: bool,
    /// Its command line.
    pub command: Vec<Text>,
    /// The user it runs as: a name, or a number where no name is known.
    pub user: Option<Text>,
    /// The container it lives in.
    pub container: Option<Text>,
}

/// The processes, and what of them could not be seen.
#[derive(Debug, Default)]
pub struct Processes {
    /// In order of their number.
    pub list: Vec<Process>,
    /// What could not be seen.
    pub gaps: Vec<Gap>,
}

/// The root of the file system of this machine.
pub(super) fn root() -> PathBuf {
    if cfg!(windows) { PathBuf::from("C:\\") } else { PathBuf::from("/") }
}

pub(super) fn host_name() -> Option<String> {
    System::host_name().ok()
}

pub(super) fn os_name() -> (Option<Text>, Option<Text>) {
    (System::long_os_version().ok().map(Text::from), System::os_version().ok().map(Text::from))
}

pub(super) fn processes(files: &Files) -> Result<Processes, Gap> {
    if cfg!(target_os = "linux") && !Path::new("/proc/self/stat").exists() {
        let reason = "cannot list processes: /proc is not mounted; mount it and scan again";
        return Err(Gap::new(GapCode::Missing, "/proc", reason));
    }
    let kind = ProcessRefreshKind::nothing()
        .with_exe(UpdateKind::Always)
        .with_cmd(UpdateKind::Always)
        .with_user(UpdateKind::Always)
        .without_tasks();
    let error = |e: sysinfo::Error| Gap::new(GapCode::Io, "processes", format!("cannot list processes: {e}"));
    let mut system = System::new().map_err(error)?;
    system.refresh_processes_specifics(ProcessesToUpdate::All, true, kind);

    let mut found = Processes::default();
    found.list.extend(system.processes().values().map(|process| Process {
        pid: process.pid().as_u32(),
        name: Text::from_bytes(process.name().as_encoded_bytes()),
        exe: process.exe().filter(|p| !p.as_os_str().is_empty()).map(Path::to_owned),
        command: process.cmd().iter().map(|a| Text::from_bytes(a.as_encoded_bytes())).collect(),
        user: process.user_id().map(|u| Text::from(u.to_string())),
        ..Process::default()
    }));
    found.list.sort_by_key(|p| p.pid);
    if found.list.is_empty() {
        return Err(Gap::new(GapCode::Empty, "processes", "the system lists no process at all"));
    }
    #[cfg(target_os = "linux")]
    linux::complete(files, &mut found);
    #[cfg(not(target_os = "linux"))]
    {
        let Files { .. } = files;
        let unseen = found.list.iter().filter(|p| p.exe.is_none()).count();
        if unseen > 0 && cfg!(unix) {
            let reason = format!("the executables of {unseen} processes were not shown; run as root");
            found.gaps.push(Gap::new(GapCode::Denied, "processes", reason));
        }
    }
    Ok(found)
}

#[cfg(target_os = "linux")]
mod linux {
    use std::collections::HashMap;
    use std::fs;
    use std::io::{self, ErrorKind};
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::MetadataExt;
    use std::path::{Path, PathBuf};

    use super::{Process, Processes};
    use crate::inventory::{Gap, GapCode};
    use crate::target::dir::Files;
    use crate::text::{Text, bytes_to_path};

    /// `PF_KTHREAD` of the kernel's `linux/sched.h`, in the flags of `proc_pid_stat(5)`.
    const KERNEL_THREAD: u64 = 0x0020_0000;

    pub(super) fn complete(files: &Files, found: &mut Processes) {
        let users = users(files);
        let home = World::of("self").ok();
        let (mut unseen, mut refused) = (0, Vec::new());
        let is_root = rustix::process::geteuid().is_root();
        found.list.retain_mut(|process| {
            if !runs_a_program(process.pid) {
                return false;
            }
            if let Some(name) = process.user.as_ref().and_then(|u| users.get(u.raw())) {
                process.user = Some(name.clone());
            }
            match executable(process.pid) {
                Ok((exe, deleted)) => (process.exe, process.deleted) = (Some(exe), deleted),
                // It ended while it was looked at.
                Err(e) if e.kind() == ErrorKind::NotFound && !proc(process.pid, "stat").exists() => {
                    return false;
                }
                // A command line that names a file tells nearly as much; nobody here is shown more.
                Err(_) if is_root && process.command.first().is_some_and(|c| c.raw().starts_with('/')) => {
                    refused.push(process.pid.to_string());
                }
                Err(_) => unseen += 1,
            }
            process.within = process.exe.as_deref().and_then(|exe| within(process.pid, exe));
            if let (Some(home), Ok(world)) = (&home, World::of(&process.pid.to_string()))
                && world.namespace != home.namespace
                && world.root != home.root
            {
                process.container = Some(container(process, &world));
            }
            true
        });
        if unseen > 0 {
            let help =
                if is_root { "something on this machine forbids it to root too" } else { "run as root" };
            let reason = format!("the executables of {unseen} processes were not shown; {help}");
            found.gaps.push(Gap::new(GapCode::Denied, "/proc", reason));
        }
        if !refused.is_empty() {
            let which = refused.join(", ");
            let reason = format!(
                "the executables of processes {which} are not shown to root either; their command lines were read"
            );
            found.gaps.push(Gap::new(GapCode::Denied, "/proc", reason).note());
        }
        if let Some(gap) = hidden() {
            found.gaps.push(gap);
        }
    }

    fn proc(pid: u32, name: &str) -> PathBuf {
        PathBuf::from(format!("/proc/{pid}/{name}"))
    }

    /// Whether it is neither a thread of the kernel nor a zombie, which have no executable.
    fn runs_a_program(pid: u32) -> bool {
        let Ok(stat) = fs::read(proc(pid, "stat")) else { return true };
        let text = String::from_utf8_lossy(&stat);
        // The name in parentheses may hold anything; what follows its last parenthesis is well formed.
        let Some((_, rest)) = text.rsplit_once(')') else { return true };
        let mut fields = rest.split_whitespace();
        let is_zombie = matches!(fields.next(), Some("Z" | "X"));
        let flags = fields.nth(5).and_then(|f| f.parse::<u64>().ok()).unwrap_or_default();
        !is_zombie && flags & KERNEL_THREAD == 0
    }

    /// The path of the executable, and whether it was deleted: the kernel then adds ` (deleted)` to it.
    fn executable(pid: u32) -> io::Result<(PathBuf, bool)> {
        let link = fs::read_link(proc(pid, "exe"))?;
        let Some(path) = link.as_os_str().as_bytes().strip_suffix(b" (deleted)") else {
            return Ok((link, false));
        };
        // A name may end so by itself: then the same file still stands there.
        let same = |a: fs::Metadata, b: fs::Metadata| (a.dev(), a.ino()) == (b.dev(), b.ino());
        match (fs::metadata(proc(pid, "exe")), fs::metadata(&link)) {
            (Ok(running), Ok(standing)) if same(running.clone(), standing.clone()) => Ok((link, false)),
            _ => Ok((bytes_to_path(path), true)),
        }
    }

    /// The path of the executable within the root that the process was given.
    fn within(pid: u32, exe: &Path) -> Option<PathBuf> {
        let root = fs::read_link(proc(pid, "root")).ok().filter(|root| root != Path::new("/"))?;
        Some(Path::new("/").join(exe.strip_prefix(root).ok()?))
    }

    /// The file systems a process sees.
    struct World {
        namespace: PathBuf,
        root: (u64, u64),
    }

    impl World {
        fn of(pid: &str) -> io::Result<Self> {
            let namespace = fs::read_link(format!("/proc/{pid}/ns/mnt"))?;
            let root = fs::metadata(format!("/proc/{pid}/root/"))?;
            Ok(Self { namespace, root: (root.dev(), root.ino()) })
        }
    }

    /// A name for the container: the id in its control group (cgroups(7)), or else its namespace.
    fn container(process: &Process, world: &World) -> Text {
        let groups = fs::read_to_string(proc(process.pid, "cgroup")).unwrap_or_default();
        let is_id = |part: &&str| part.len() == 64 && part.bytes().all(|b| b.is_ascii_hexdigit());
        match groups.split(|c: char| !c.is_ascii_alphanumeric()).find(is_id) {
            Some(id) => Text::from(id.get(..12).unwrap_or(id)),
            None => Text::from_path(&world.namespace),
        }
    }

    /// Names by user number, from passwd(5).
    fn users(files: &Files) -> HashMap<String, Text> {
        let Ok(Some(file)) = files.file(Path::new("/etc/passwd")) else { return HashMap::new() };
        let passwd = io::read_to_string(file).unwrap_or_default();
        let user = |line: &str| {
            let mut fields = line.split(':');
            let (name, number) = (fields.next()?, fields.nth(1)?);
            Some((number.to_owned(), Text::from(name)))
        };
        // The first name of a number is the one that getpwuid(3) gives.
        passwd.lines().rev().filter_map(user).collect()
    }

    /// Processes of others do not even show when /proc hides them (`hidepid` in proc(5)).
    fn hidden() -> Option<Gap> {
        if rustix::process::geteuid().is_root() {
            return None;
        }
        let mounts = fs::read_to_string("/proc/self/mountinfo").ok()?;
        let proc = mounts.lines().rfind(|l| l.split(' ').nth(4) == Some("/proc"))?;
        let mut hides = proc.split([' ', ',']).filter_map(|o| o.strip_prefix("hidepid="));
        let hides = hides.next_back().is_some_and(|how| !matches!(how, "0" | "off"));
        let reason = "/proc is mounted with hidepid, so processes of other users were not shown; run as root";
        hides.then(|| Gap::new(GapCode::Denied, "/proc", reason))
    }
}
