//! A walk of everything below a folder, links not followed.
//!
//! It ends whatever it meets: entries and depth are bounded, each bound passed is a gap, and what goes or changes while
//! it is walked is simply no longer there. Opening what is mounted on a network may never end, and walkdir opens a
//! folder before it shows it; so folders above a mount are gone through one by one, and all others at once.
#![allow(clippy::disallowed_methods, reason = "this is a part of the one door to the files of a target")]

use std::fs;
use std::io::{self, ErrorKind};
use std::path::Path;

use crate::inventory::{Gap, GapCode};
use crate::target::dir::{EntryKind, Files, special};
use crate::target::{Limits, io_gap};
use crate::text::Text;

/// What a walk meets.
#[derive(Debug, Clone, Copy)]
pub struct Met<'a> {
    /// Where it stands.
    pub path: &'a Path,
    /// What it is, links not followed.
    pub kind: EntryKind,
    /// Whether it is a regular file that someone may execute.
    pub executable: bool,
}

impl Files {
    /// Everything below a folder, links not followed; nothing, if there is no folder.
    ///
    /// `leave_out` says which folders are not entered, and why.
    pub(super) fn walk(
        &self,
        start: &Path,
        limits: &Limits,
        leave_out: &dyn Fn(&Path) -> Option<Gap>,
        visit: &mut dyn FnMut(Met<'_>),
    ) -> Vec<Gap> {
        let place = match self.look(start, |meta| {
            if meta.is_dir() { Ok(()) } else { Err(special(start, "a folder", meta.file_type().into())) }
        }) {
            Ok(Some(place)) => place,
            Ok(None) => return Vec::new(),
            Err(gap) => return vec![gap],
        };
        let mut walk = Walk { files: self, limits, leave_out, visit, met: 0, gaps: Vec::new() };
        walk.folder(&place, 0);
        walk.gaps
    }
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
        for entry in entries {
            match entry.and_then(|entry| Ok((entry.file_type()?, entry))) {
                Ok((kind, entry)) if kind.is_dir() => {
                    let path = place.join(entry.file_name());
                    if self.enters(&path, depth + 1) {
                        self.meet(&entry.path(), EntryKind::Folder, || Ok(false));
                        self.folder(&path, depth + 1);
                    }
                }
                Ok((kind, entry)) => {
                    self.meet(&entry.path(), kind.into(), || entry.metadata().map(|m| is_executable(&m)));
                }
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
        while let Some(entry) = walk.next() {
            match entry {
                Ok(entry) if entry.file_type().is_dir() => {
                    let place = entry.path().strip_prefix(&files.root).unwrap_or(entry.path());
                    if self.enters(place, depth + entry.depth()) {
                        self.meet(entry.path(), EntryKind::Folder, || Ok(false));
                    } else {
                        walk.skip_current_dir();
                    }
                }
                Ok(entry) => {
                    let executable = || entry.metadata().map(|m| is_executable(&m)).map_err(io::Error::from);
                    self.meet(entry.path(), entry.file_type().into(), executable);
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

    fn meet(&mut self, full: &Path, kind: EntryKind, executable: impl Fn() -> io::Result<bool>) {
        self.met += 1;
        let executable = match if kind == EntryKind::File { executable() } else { Ok(false) } {
            Ok(executable) => executable,
            // It was removed while the folder was read.
            Err(e) if e.kind() == ErrorKind::NotFound => return,
            Err(e) => return self.failed(full, &e),
        };
        let path = Path::new("/").join(full.strip_prefix(&self.files.root).unwrap_or(full));
        (self.visit)(Met { path: &path, kind, executable });
    }

    /// Whether the walk has met as much as it may; tells so once.
    fn is_full(&mut self, full: &Path) -> bool {
        if self.met == self.limits.entries {
            self.met += 1;
            let reason = format!("more than {} entries; the rest was not walked", self.limits.entries);
            let place = Path::new("/").join(full.strip_prefix(&self.files.root).unwrap_or(full));
            self.gaps.push(Gap::new(GapCode::TooMany, Text::from_path(&place), reason));
        }
        self.met > self.limits.entries
    }

    fn failed(&mut self, full: &Path, error: &io::Error) {
        // It was removed since its folder was read.
        if error.kind() != ErrorKind::NotFound {
            let place = Path::new("/").join(full.strip_prefix(&self.files.root).unwrap_or(full));
            self.gaps.push(io_gap(&place, "walk", error));
        }
    }
}

/// Whether someone may execute a file; where the system has no such right, its name tells.
fn is_executable(meta: &fs::Metadata) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        meta.permissions().mode() & 0o111 != 0
    }
    #[cfg(not(unix))]
    {
        let _: &fs::Metadata = meta;
        false
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
