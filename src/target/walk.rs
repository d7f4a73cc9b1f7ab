//! A walk of everything below a folder, links not followed.
//!
//! It ends whatever it meets: entries and depth are bounded, each bound passed is a gap, and what goes or changes while
//! it is walked is simply no longer there. Opening what is mounted on a network may never end, and walkdir opens a
//! folder before it shows it; so folders above a mount are gone through one by one, and all others at once.
#![allow(clippy::disallowed_methods, reason = "this is a part of the one door to the files of a target")]

use std::borrow::Cow;
use std::fs;
use std::io::{self, ErrorKind, Read};
use std::path::Path;

use crate::inventory::{Gap, GapCode};
use crate::target::dir::Files;
use crate::target::tree::{EntryKind, Tree};
use crate::target::{Limits, io_gap};
use crate::text::Text;

/// Bytes of an executable file that are shown.
const FIRST: u64 = 16;

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
    ///
    /// `leave_out` says which folders are not entered, and why.
    pub(super) fn walk_below(
        &self,
        start: &Path,
        limits: &Limits,
        leave_out: &dyn Fn(&Path) -> Option<Gap>,
        visit: &mut dyn FnMut(Met<'_>),
    ) -> Vec<Gap> {
        let place = match self.look(start, EntryKind::Folder) {
            Ok(Some(place)) => place,
            Ok(None) => return Vec::new(),
            Err(gap) => return vec![gap],
        };
        let mut walk = Walk { files: self, limits, leave_out, visit, met: 0, gaps: Vec::new() };
        walk.folder(&place, 0);
        walk.gaps
    }
}

/// The first bytes of a file.
pub(super) fn first_bytes(file: impl Read) -> io::Result<Vec<u8>> {
    let mut first = Vec::new();
    file.take(FIRST).read_to_end(&mut first)?;
    Ok(first)
}

/// A walk under way.
struct Walk<'a> {
    files: &'a Files,
    limits: &'a Limits,
    leave_out: &'a dyn Fn(&Path) -> Option<Gap>,
    visit: &'a mut dyn FnMut(Met<'_>),
    met: usize,
    gaps: Vec<Gap>,
}

impl Walk<'_> {
    /// Walks a folder, given from the root.
    fn folder(&mut self, place: &Path, depth: usize) {
        let full = self.files.root.join(place);
        if !self.files.mounts.are_below(place) {
            return self.at_once(&full, depth);
        }
        let entries = match fs::read_dir(&full) {
            Ok(entries) => entries,
            Err(e) => return self.failed(&full, &e),
        };
        let mut folders = Folders::default();
        for entry in entries {
            match entry.and_then(|entry| Ok((entry.file_type()?, entry))) {
                Ok((kind, entry)) if kind.is_dir() => {
                    let path = place.join(entry.file_name());
                    if self.enters(&path, depth + 1) {
                        self.meet(&entry.path(), EntryKind::Folder, None);
                        self.folder(&path, depth + 1);
                    }
                }
                Ok((kind, entry)) => self.meet(&entry.path(), kind.into(), Some((&mut folders, 1))),
                Err(e) => self.failed(&full, &e),
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
        let mut folders = Folders::default();
        while let Some(entry) = walk.next() {
            match entry {
                Ok(entry) if entry.file_type().is_dir() => {
                    folders.enter(entry.depth());
                    let place = entry.path().strip_prefix(&files.root).unwrap_or(entry.path());
                    if self.enters(place, depth + entry.depth()) {
                        self.meet(entry.path(), EntryKind::Folder, None);
                    } else {
                        walk.skip_current_dir();
                    }
                }
                Ok(entry) => {
                    let from = Some((&mut folders, entry.depth()));
                    self.meet(entry.path(), entry.file_type().into(), from);
                }
                Err(e) => {
                    let place = e.path().unwrap_or(full).to_owned();
                    self.failed(&place, &io::Error::from(e));
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

    /// Shows what stands at a place; a file is looked at from the folder, so deep, that it is in.
    fn meet(&mut self, full: &Path, kind: EntryKind, from: Option<(&mut Folders, usize)>) {
        self.met += 1;
        let mut first = None;
        let executable = match from {
            Some((folders, depth)) if kind == EntryKind::File => {
                match folders.is_executable(full, depth, &mut first) {
                    Ok(executable) => executable,
                    Err(e) => return self.failed(full, &e),
                }
            }
            _ => false,
        };
        let path = self.inside(full);
        (self.visit)(Met { path: &path, kind, executable, first: first.as_deref() });
    }

    /// Whether the walk has met as much as it may; tells so once.
    fn is_full(&mut self, full: &Path) -> bool {
        if self.met == self.limits.entries {
            self.met += 1;
            let reason = format!("more than {} entries; the rest was not walked", self.limits.entries);
            self.gaps.push(Gap::new(GapCode::TooMany, Text::from_path(&self.inside(full)), reason));
        }
        self.met > self.limits.entries
    }

    /// A path from the root of the target.
    fn inside<'p>(&self, full: &'p Path) -> Cow<'p, Path> {
        // Most roots are `/`, of which nothing must be taken away.
        match full.strip_prefix(&self.files.root) {
            Ok(rest) if self.files.root != Path::new("/") => Path::new("/").join(rest).into(),
            _ => full.into(),
        }
    }

    fn failed(&mut self, full: &Path, error: &io::Error) {
        // It was removed since its folder was read.
        if error.kind() != ErrorKind::NotFound {
            self.gaps.push(io_gap(&self.inside(full), "walk", error));
        }
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
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use std::os::unix::fs::{PermissionsExt, symlink};

    fn walked(root: &Path, limits: Limits) -> (BTreeSet<String>, Vec<(GapCode, String)>) {
        let files = Files::open(root).unwrap();
        let mut met = BTreeSet::new();
        let left_out = |path: &Path| {
            (path == Path::new("/a/left"))
                .then(|| Gap::new(GapCode::Excluded, Text::from_path(path), "asked"))
        };
        let gaps = files.walk(Path::new("/a"), &limits, &left_out, &mut |m: Met<'_>| {
            met.insert(format!("{} {:?} {}", m.path.display(), m.kind, m.executable));
        });
        (met, gaps.into_iter().map(|gap| (gap.code, gap.place.raw().to_owned())).collect())
    }

    fn root() -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        let at = |path: &str| root.path().join(path);
        for folder in ["a/b/c/d", "a/left", "a/empty"] {
            fs::create_dir_all(at(folder)).unwrap();
        }
        for file in ["a/b/run", "a/left/hidden", "a/b/c/d/deep", "a/text"] {
            fs::write(at(file), "").unwrap();
        }
        fs::set_permissions(at("a/b/run"), fs::Permissions::from_mode(0o755)).unwrap();
        symlink("/a", at("a/b/circle")).unwrap();
        root
    }

    #[test]
    fn everything_is_met_once_and_what_is_left_out_is_told() {
        let (met, gaps) = walked(root().path(), Limits::default());
        let wanted = [
            "/a/b Folder false",
            "/a/b/c Folder false",
            "/a/b/c/d Folder false",
            "/a/b/c/d/deep File false",
            "/a/b/circle Link false",
            "/a/b/run File true",
            "/a/empty Folder false",
            "/a/text File false",
        ];
        assert_eq!(met.iter().map(String::as_str).collect::<Vec<_>>(), wanted);
        assert_eq!(gaps, [(GapCode::Excluded, "/a/left".to_owned())]);
    }

    #[test]
    fn bounds_end_it_and_are_gaps() {
        let root = root();
        let (met, gaps) = walked(root.path(), Limits { depth: 2, ..Limits::default() });
        assert!(!met.iter().any(|m| m.contains("/c/d")), "{met:?}");
        assert!(gaps.contains(&(GapCode::TooMany, "/a/b/c/d".to_owned())), "{gaps:?}");
        let (met, gaps) = walked(root.path(), Limits { entries: 3, ..Limits::default() });
        assert_eq!(met.len(), 3);
        assert!(gaps.iter().any(|(code, _)| *code == GapCode::TooMany), "{gaps:?}");
    }

    #[test]
    fn a_start_that_is_no_folder_is_a_gap_and_one_that_is_not_there_is_none() {
        let root = tempfile::tempdir().unwrap();
        assert_eq!(walked(root.path(), Limits::default()), (BTreeSet::new(), Vec::new()));
        fs::write(root.path().join("a"), "").unwrap();
        assert_eq!(walked(root.path(), Limits::default()).1, [(GapCode::Special, "/a".to_owned())]);
    }
}
