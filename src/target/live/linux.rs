//! What Linux tells of a process beyond sysinfo, from `/proc`.
//!
//! Formats: `proc_pid_exe(5)` (the kernel adds ` (deleted)` to what is gone), `proc_pid_cmdline(5)`,
//! `proc_pid_maps(5)`. A process lives in a container if it is in another mount namespace with another root; a service with a mount
//! namespace of its own but the host's root is the host's.
#![allow(clippy::disallowed_methods, reason = "this is the one door to the processes of a target")]

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::{Loaded, Process, Processes};
use crate::inventory::{Gap, GapCode};
use crate::parse::maps::code;
use crate::text::{Text, bytes_to_path};

/// `PF_KTHREAD` of the kernel's `linux/sched.h`, in the flags of `proc_pid_stat(5)`.
const KERNEL_THREAD: u64 = 0x0020_0000;
/// What the kernel adds to the path of a file that is gone.
const DELETED: &[u8] = b" (deleted)";
/// Bytes of a command line that are read: the most that execve(2) takes. A process can make its own look longer.
const MAX_ARGUMENTS: u64 = 6 << 20;
/// Bytes of the paths of all that is loaded.
const MAX_LOADED: usize = 64 << 20;
/// Processes that are told of each file that is loaded.
const MAX_PIDS: usize = 8;

pub(super) fn complete(found: &mut Processes) {
    let mut look = Look { home: World::of("self").ok(), ..Look::default() };
    found.list.retain_mut(|process| look.at(process));
    let is_root = rustix::process::geteuid().is_root();
    if look.unseen > 0 {
        let help = if is_root { "something on this machine forbids it to root too" } else { "run as root" };
        let reason =
            format!("the executables and libraries of {} processes were not shown; {help}", look.unseen);
        look.gaps.push(Gap::new(GapCode::Denied, "/proc", reason));
    }
    if !look.refused.is_empty() {
        let which = look.refused.join(", ");
        let reason = format!(
            "the executables and libraries of processes {which} are not shown to root either; their command lines \
             were read"
        );
        look.gaps.push(Gap::new(GapCode::Denied, "/proc", reason).note());
    }
    if look.left_out > 0 {
        let reason = format!(
            "the paths of what processes have loaded are longer than {MAX_LOADED} bytes; {} more were left out",
            look.left_out
        );
        look.gaps.push(Gap::new(GapCode::TooMany, "/proc", reason));
    }
    look.gaps.extend(hidden());
    look.loaded.sort();
    found.loaded = look.loaded;
    found.gaps.extend(look.gaps);
}

/// The place of a file in a list by its path, and the last process that had it.
type Known = HashMap<Vec<u8>, (usize, u32)>;

/// What was seen of the processes so far.
#[derive(Default)]
struct Look {
    home: Option<World>,
    loaded: Vec<Loaded>,
    /// What of it is known in each container, by its path as the kernel writes it.
    known: HashMap<Option<Text>, Known>,
    bytes: usize,
    left_out: usize,
    unseen: usize,
    refused: Vec<String>,
    gaps: Vec<Gap>,
}

impl Look {
    /// Looks at a process; false, if it is none that runs a program, or has ended meanwhile.
    fn at(&mut self, process: &mut Process) -> bool {
        let pid = process.pid;
        if !runs_a_program(pid) {
            return false;
        }
        process.root = fs::read_link(proc(pid, "root")).ok().filter(|root| root != Path::new("/"));
        if let (Some(home), Ok(world)) = (&self.home, World::of(&pid.to_string()))
            && world.namespace != home.namespace
            && world.root != home.root
        {
            process.container = Some(container(pid, &world));
        }
        let shown = match executable(pid) {
            Ok((exe, deleted)) => {
                (process.exe, process.deleted) = (Some(exe), deleted);
                self.libraries(process)
            }
            Err(e) => Err(e),
        };
        self.command(process);
        match shown {
            Ok(()) => {}
            // It ended while it was looked at.
            Err(_) if !proc(pid, "stat").exists() || !runs_a_program(pid) => return false,
            // A command line that names a file tells nearly as much; nobody here is shown more.
            Err(_)
                if rustix::process::geteuid().is_root()
                    && process.command.first().is_some_and(|c| c.raw().starts_with('/')) =>
            {
                self.refused.push(pid.to_string());
            }
            Err(_) => self.unseen += 1,
        }
        true
    }

    fn command(&mut self, process: &mut Process) {
        let pid = process.pid;
        let mut line = Vec::new();
        let read = File::open(proc(pid, "cmdline")).map(|f| f.take(MAX_ARGUMENTS + 1).read_to_end(&mut line));
        let long = u64::try_from(line.len()).is_ok_and(|length| length > MAX_ARGUMENTS);
        if matches!(read, Ok(Ok(_))) && !line.is_empty() {
            // Each argument ends in a NUL; a process that writes over its own fills up with them.
            let end = line.iter().rposition(|&b| b != 0).map_or(0, |last| last + 1);
            let line = line.get(..end).unwrap_or_default();
            let arguments: Vec<&[u8]> = line.split(|&b| b == 0).collect();
            let at = |file: &Path| place(pid, file);
            self.gaps.extend(process.take_command(&arguments, at));
        }
        if long && process.scripts.is_some() {
            let reason = format!(
                "its command line is longer than {MAX_ARGUMENTS} bytes; what it runs may stand behind"
            );
            self.gaps.push(Gap::new(GapCode::TooLarge, format!("process {pid}"), reason));
        }
    }

    /// Takes note of the files whose code a process has in its memory.
    fn libraries(&mut self, process: &Process) -> io::Result<()> {
        let exe = process.exe.as_deref().unwrap_or(Path::new("")).as_os_str().as_bytes();
        let exe = if process.deleted { [exe, DELETED].concat() } else { exe.to_vec() };
        let mut maps = BufReader::with_capacity(1 << 16, File::open(proc(process.pid, "maps"))?);
        let known = self.known.entry(process.container.clone()).or_default();
        let mut line = Vec::new();
        while maps.read_until(b'\n', &mut line)? > 0 {
            if let Some(code) = code(&line)
                && *code.path != *exe
            {
                if let Some((number, last)) = known.get_mut(&*code.path) {
                    // A process may have several parts of one file.
                    if let Some(file) = self.loaded.get_mut(*number).filter(|_| *last != process.pid) {
                        if file.pids.len() < MAX_PIDS { file.pids.push(process.pid) } else { file.more += 1 }
                    }
                    *last = process.pid;
                } else if self.bytes + code.path.len() > MAX_LOADED {
                    self.left_out += 1;
                } else {
                    self.bytes += code.path.len();
                    known.insert(code.path.to_vec(), (self.loaded.len(), process.pid));
                    let (path, deleted) = match code.path.strip_suffix(DELETED) {
                        Some(path) if !stands(process, &code.path, code.inode) => (path, true),
                        _ => (&*code.path, false),
                    };
                    self.loaded.push(Loaded {
                        container: process.container.clone(),
                        path: bytes_to_path(path),
                        deleted,
                        pids: vec![process.pid],
                        more: 0,
                    });
                }
            }
            line.clear();
        }
        Ok(())
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

/// Where a file is that a process names by its descriptor, or from its folder on.
fn place(pid: u32, file: &Path) -> Option<PathBuf> {
    let descriptor = ["/dev/fd", "/proc/self/fd"].iter().find_map(|own| file.strip_prefix(own).ok());
    if let Some(number) = descriptor {
        let leads = fs::read_link(proc(pid, "fd").join(number)).ok()?;
        let leads = leads.as_os_str().as_bytes();
        return Some(bytes_to_path(leads.strip_suffix(DELETED).unwrap_or(leads))).filter(|p| p.is_absolute());
    }
    if file.is_absolute() {
        return None;
    }
    fs::symlink_metadata(proc(pid, "cwd").join(file)).ok()?;
    Some(fs::read_link(proc(pid, "cwd")).ok()?.join(file))
}

/// The path of the executable, and whether it was deleted.
fn executable(pid: u32) -> io::Result<(PathBuf, bool)> {
    let link = fs::read_link(proc(pid, "exe"))?;
    let Some(path) = link.as_os_str().as_bytes().strip_suffix(DELETED) else {
        return Ok((link, false));
    };
    // A name may end so by itself: then the same file still stands there.
    let same = |a: fs::Metadata, b: fs::Metadata| (a.dev(), a.ino()) == (b.dev(), b.ino());
    match (fs::metadata(proc(pid, "exe")), fs::metadata(&link)) {
        (Ok(running), Ok(standing)) if same(running.clone(), standing.clone()) => Ok((link, false)),
        _ => Ok((bytes_to_path(path), true)),
    }
}

/// Whether a file whose path ends as if it were deleted stands there under this name.
fn stands(process: &Process, path: &[u8], inode: u64) -> bool {
    // What a process of another root has is named from the root of the machine on.
    let root = if process.container.is_some() { proc(process.pid, "root") } else { PathBuf::from("/") };
    let below = bytes_to_path(path.strip_prefix(b"/").unwrap_or(path));
    fs::symlink_metadata(root.join(below)).is_ok_and(|meta| meta.ino() == inode)
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
fn container(pid: u32, world: &World) -> Text {
    let groups = fs::read_to_string(proc(pid, "cgroup")).unwrap_or_default();
    let is_id = |part: &&str| part.len() == 64 && part.bytes().all(|b| b.is_ascii_hexdigit());
    match groups.split(|c: char| !c.is_ascii_alphanumeric()).find(is_id) {
        Some(id) => Text::from(id.get(..12).unwrap_or(id)),
        None => Text::from_path(&world.namespace),
    }
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
