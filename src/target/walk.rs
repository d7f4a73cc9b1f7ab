//! A walk of everything below a folder, links not followed.
//!
//! It ends whatever it meets: entries and depth are bounded, each bound passed is a gap, and what goes or changes while
//! it is walked is simply no longer there. Opening what is mounted on a network may never end, and walkdir opens a
//! folder before it shows it; so folders above a mount are gone through one by one, and all others at once.
//!
//! To ask of each file whether it may be executed takes the kernel longer than to list all folders. So a thread goes
//! through the folders, and the one that called looks at what is met there, in the same order.
#![allow(clippy::disallowed_methods, reason = "this is a part of the one door to the files of a target")]

use std::borrow::Cow;
use std::fs;
use std::io::{self, ErrorKind, Read};
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;

use crate::inventory::{Gap, GapCode};
use crate::target::dir::Files;
use crate::target::tree::{EntryKind, Tree};
use crate::target::{Limits, io_gap};
use crate::text::Text;

/// Bytes of an executable file that are shown.
const FIRST: u64 = 16;
/// Entries that are handed over at once.
const BATCH: usize = 256;
/// Batches that may wait to be looked at, so that a walk takes little memory.
const WAITING: usize = 16;

/// Why a folder is not entered, if it is not; another thread than the caller's may ask.
pub type LeaveOut<'a> = &'a (dyn Fn(&Path) -> Option<Gap> + Sync);

/// What a walk meets.
#[derive(Debug, Clone, Copy)]
pub struct Met<'a> {
    /// Where it stands.
    pub path: &'a Path,
    /// What it is, links not followed.
    pub kind: EntryKind,
    /// Whether it is a regular file that someone may execute.
    pub executable: bool,
    /// Its first bytes, if it is one and can be read.
    pub first: Option<&'a [u8]>,
}

impl Files {
    /// Everything below a folder, links not followed; nothing, if there is no folder.
    pub(super) fn walk_below(
        &self,
        start: &Path,
        limits: &Limits,
        leave_out: LeaveOut<'_>,
        visit: &mut dyn FnMut(Met<'_>),
    ) -> Vec<Gap> {
        let place = match self.look(start, EntryKind::Folder) {
            Ok(Some(place)) => place,
            Ok(None) => return Vec::new(),
            Err(gap) => return vec![gap],
        };
        thread::scope(|scope| {
            let (batches, to_look_at) = sync_channel(WAITING);
            let walk =
                Walk { files: self, limits, leave_out, met: 0, batch: Vec::new(), batches, gaps: Vec::new() };
            let walk = scope.spawn(move || walk.all(&place));
            let mut look = Look { files: self, visit, folders: Folders::default(), gaps: Vec::new() };
            to_look_at.into_iter().flatten().for_each(|entry| look.at(&entry));
            let mut gaps = walk.join().unwrap_or_else(|panic| resume_unwind(panic));
            gaps.extend(look.gaps);
            gaps
        })
    }

    /// A path from the root of the target.
    fn inside<'p>(&self, full: &'p Path) -> Cow<'p, Path> {
        let root = self.root.as_os_str();
        if root == "/" {
            return full.into();
        }
        // Without making a path of each entry, a walk takes half the instructions.
        #[cfg(unix)]
        {
            use std::ffi::OsStr;
            use std::os::unix::ffi::OsStrExt;
            let rest = full.as_os_str().as_bytes().strip_prefix(root.as_bytes());
            if let Some(rest) = rest.filter(|rest| rest.starts_with(b"/")) {
                return Path::new(OsStr::from_bytes(rest)).into();
            }
        }
        full.strip_prefix(root).map_or(full.into(), |rest| Path::new("/").join(rest).into())
    }

    /// The gap of what could not be walked; nothing, if it was removed since its folder was read.
    fn failed(&self, full: &Path, error: &io::Error) -> Option<Gap> {
        (error.kind() != ErrorKind::NotFound).then(|| io_gap(&self.inside(full), "walk", error))
    }
}

/// The first bytes of a file.
pub(super) fn first_bytes(file: impl Read) -> io::Result<Vec<u8>> {
    let mut first = Vec::new();
    file.take(FIRST).read_to_end(&mut first)?;
    Ok(first)
}

/// What the listing of a folder says of one thing in it.
struct Listed {
    full: PathBuf,
    kind: EntryKind,
    /// Folders below the start of the walk, itself included.
    depth: usize,
}

/// A walk under way.
struct Walk<'a> {
    files: &'a Files,
    limits: &'a Limits,
    leave_out: LeaveOut<'a>,
    met: usize,
    batch: Vec<Listed>,
    batches: SyncSender<Vec<Listed>>,
    gaps: Vec<Gap>,
}

impl Walk<'_> {
    /// Walks all below a folder, given from the root, and tells what was not walked.
    fn all(mut self, place: &Path) -> Vec<Gap> {
        self.folder(place, 0);
        self.hand_over();
        self.gaps
    }

    /// Walks a folder, given from the root.
    fn folder(&mut self, place: &Path, depth: usize) {
        let full = self.files.root.join(place);
        if !self.files.mounts.are_below(place) {
            return self.at_once(&full, depth);
        }
        let entries = match fs::read_dir(&full) {
            Ok(entries) => entries,
            Err(e) => return self.gaps.extend(self.files.failed(&full, &e)),
        };
        for entry in entries {
            match entry.and_then(|entry| Ok((entry.file_type()?, entry))) {
                Ok((kind, entry)) if kind.is_dir() => {
                    let path = place.join(entry.file_name());
                    if self.enters(&path, depth + 1) {
                        self.meet(entry.path(), EntryKind::Folder, depth + 1);
                        self.folder(&path, depth + 1);
                    }
                }
                Ok((kind, entry)) => self.meet(entry.path(), kind.into(), depth + 1),
                Err(e) => self.gaps.extend(self.files.failed(&full, &e)),
            }
            if self.is_full(&full) {
                return;
            }
        }
    }

    /// Walks a folder below which nothing is mounted.
    fn at_once(&mut self, full: &Path, depth: usize) {
        let files = self.files;
        // One level more than may be entered, so that a folder too deep is seen and told.
        let levels = self.limits.depth.saturating_sub(depth) + 1;
        let mut walk = walkdir::WalkDir::new(full).min_depth(1).max_depth(levels).into_iter();
        while let Some(entry) = walk.next() {
            match entry {
                Ok(entry) => {
                    let depth = depth + entry.depth();
                    let kind = EntryKind::from(entry.file_type());
                    let place = || entry.path().strip_prefix(&files.root).unwrap_or(entry.path());
                    if kind == EntryKind::Folder && !self.enters(place(), depth) {
                        walk.skip_current_dir();
                    } else {
                        self.meet(entry.into_path(), kind, depth);
                    }
                }
                Err(e) => {
                    let place = e.path().unwrap_or(full).to_owned();
                    self.gaps.extend(files.failed(&place, &io::Error::from(e)));
                }
            }
            if self.is_full(full) {
                return;
            }
        }
    }

    /// Whether a folder, given from the root, is walked; tells why not.
    fn enters(&mut self, place: &Path, depth: usize) -> bool {
        let path = Path::new("/").join(place);
        let deep = || {
            let reason =
                format!("deeper than {} folders, so not walked; scan it as dir:PATH", self.limits.depth);
            (depth > self.limits.depth).then(|| Gap::new(GapCode::TooMany, Text::from_path(&path), reason))
        };
        let gap = self.files.mounts.leave_out(place).or_else(|| (self.leave_out)(&path)).or_else(deep);
        let enters = gap.is_none();
        self.gaps.extend(gap);
        enters
    }

    /// Takes what stands at a place.
    fn meet(&mut self, full: PathBuf, kind: EntryKind, depth: usize) {
        self.met += 1;
        self.batch.push(Listed { full, kind, depth });
        if self.batch.len() == BATCH {
            self.hand_over();
        }
    }

    /// Hands over what was met, to be looked at.
    fn hand_over(&mut self) {
        let batch = std::mem::replace(&mut self.batch, Vec::with_capacity(BATCH));
        // Only a panic of who looks ends that sooner than this, and is told in the end.
        self.batches.send(batch).ok();
    }

    /// Whether the walk has met as much as it may; tells so once.
    fn is_full(&mut self, full: &Path) -> bool {
        if self.met == self.limits.entries {
            self.met += 1;
            let reason = format!("more than {} entries; the rest was not walked", self.limits.entries);
            self.gaps.push(Gap::new(GapCode::TooMany, Text::from_path(&self.files.inside(full)), reason));
        }
        self.met > self.limits.entries
    }
}

/// Looks at what a walk has met.
struct Look<'a> {
    files: &'a Files,
    visit: &'a mut dyn FnMut(Met<'_>),
    folders: Folders,
    gaps: Vec<Gap>,
}

impl Look<'_> {
    /// Shows what stands at a place.
    fn at(&mut self, listed: &Listed) {
        let Listed { full, kind, depth } = listed;
        let mut first = None;
        let executable = match kind {
            EntryKind::Folder => {
                self.folders.enter(*depth);
                false
            }
            EntryKind::File => match self.folders.is_executable(full, *depth, &mut first) {
                Ok(executable) => executable,
                Err(e) => return self.gaps.extend(self.files.failed(full, &e)),
            },
            EntryKind::Link | EntryKind::Special => false,
        };
        let path = self.files.inside(full);
        (self.visit)(Met { path: &path, kind: *kind, executable, first: first.as_deref() });
    }
}

/// The open folders that lead to where a walk is, the uppermost first: a file is looked at more quickly from its folder
/// than by its whole path.
#[derive(Default)]
struct Folders {
    #[cfg(unix)]
    open: Vec<Option<rustix::fd::OwnedFd>>,
}

impl Folders {
    /// Says that a folder, so deep, is met next: those that are deeper are left.
    fn enter(&mut self, depth: usize) {
        #[cfg(unix)]
        self.open.truncate(depth);
        #[cfg(not(unix))]
        let (Self {}, _) = (self, depth);
    }

    /// Whether someone may execute a file that stands so deep; gives the first bytes of one.
    #[cfg(unix)]
    fn is_executable(&mut self, full: &Path, depth: usize, first: &mut Option<Vec<u8>>) -> io::Result<bool> {
        use rustix::fs::{AtFlags, Mode, OFlags};
        self.open.resize_with(depth, || None);
        let (Some(folder), Some(path), Some(name)) = (self.open.last_mut(), full.parent(), full.file_name())
        else {
            return Ok(false);
        };
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let folder = match folder {
            Some(folder) => folder,
            closed => closed.insert(rustix::fs::open(path, flags | OFlags::DIRECTORY, Mode::empty())?),
        };
        let stat = rustix::fs::statat(&*folder, name, AtFlags::SYMLINK_NOFOLLOW)?;
        if stat.st_mode & 0o111 == 0 {
            return Ok(false);
        }
        let flags = flags | OFlags::NONBLOCK | OFlags::NOCTTY;
        if let Ok(file) = rustix::fs::openat(&*folder, name, flags, Mode::empty()) {
            *first = first_bytes(fs::File::from(file)).ok();
        }
        Ok(true)
    }

    /// No other system tells; a name must.
    #[cfg(not(unix))]
    #[allow(clippy::unnecessary_wraps, reason = "Unix can refuse")]
    fn is_executable(&mut self, _: &Path, _: usize, _: &mut Option<Vec<u8>>) -> io::Result<bool> {
        let Self {} = self;
        Ok(false)
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests;
