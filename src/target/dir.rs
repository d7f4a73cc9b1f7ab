//! Files beneath a root, and never outside it.
//!
//! On Linux the kernel resolves every path as if the root were `/` (openat2(2), `RESOLVE_IN_ROOT`), which no link,
//! `..` or race can leave. Where the kernel lacks that call, and on other systems, [`Files::walk_links`] resolves
//! component by component. A file is looked at before it is opened, and opened without blocking, so that no pipe,
//! socket or device is ever opened or waited for.
#![allow(clippy::disallowed_methods, reason = "this is the one door to the files of a target")]

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Component, Path, PathBuf};

use crate::inventory::{Gap, GapCode};
use crate::target::io_gap;
use crate::target::mounts::Mounts;
use crate::text::Text;

/// Links followed in one path before it counts as a circle, as in Linux (`MAXSYMLINKS`).
const MAX_LINKS: usize = 40;

/// What stands at a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum EntryKind {
    /// A folder.
    Folder,
    /// A regular file.
    File,
    /// A symbolic link.
    Link,
    /// A pipe, socket or device.
    Special,
}

impl From<fs::FileType> for EntryKind {
    fn from(kind: fs::FileType) -> Self {
        if kind.is_dir() {
            Self::Folder
        } else if kind.is_file() {
            Self::File
        } else if kind.is_symlink() {
            Self::Link
        } else {
            Self::Special
        }
    }
}

/// One entry of a folder.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// Its name.
    pub name: OsString,
    /// What it is, links not followed.
    pub kind: EntryKind,
}

/// A root and the files beneath it.
pub(super) struct Files {
    pub(super) root: PathBuf,
    pub(super) mounts: Mounts,
    #[cfg(target_os = "linux")]
    fd: rustix::fd::OwnedFd,
}

/// Where walking along a path ended.
enum Walked {
    /// Something stands at this place, which is no link.
    At(PathBuf),
    /// Nothing does, and no link said that it should.
    Nothing,
    /// A link leads to where nothing is.
    Dangling,
    /// Links lead to each other.
    Circle,
    /// On a file system that is not read.
    Away(Gap),
}

impl Files {
    pub(super) fn open(root: &Path) -> io::Result<Self> {
        let root = fs::canonicalize(root)?;
        // A root that may not be read is evidence, told as gaps; one that is no folder is a wrong instruction.
        if !fs::metadata(&root)?.is_dir() {
            return Err(io::Error::from(ErrorKind::NotADirectory));
        }
        let mounts = Mounts::beneath(&root);
        #[cfg(target_os = "linux")]
        {
            use rustix::fs::{Mode, OFlags};
            let fd =
                rustix::fs::open(&root, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
            Ok(Self { root, mounts, fd })
        }
        #[cfg(not(target_os = "linux"))]
        Ok(Self { root, mounts })
    }

    /// Reads what lies on a network too.
    pub(super) fn include_network(&mut self) {
        self.mounts.include_network();
    }

    /// A regular file, opened for reading.
    pub(super) fn file(&self, path: &Path) -> Result<Option<File>, Gap> {
        let file = match self.look(path, |meta| {
            if meta.is_file() { Ok(()) } else { Err(special(path, "a file", meta.file_type().into())) }
        })? {
            Some(place) => self.open_at(&place, false),
            None => return Ok(None),
        };
        let file = file.map_err(|e| io_gap(path, "open", &e))?;
        // What stood there may have been exchanged since it was looked at.
        let meta = file.metadata().map_err(|e| io_gap(path, "read", &e))?;
        if meta.is_file() { Ok(Some(file)) } else { Err(special(path, "a file", meta.file_type().into())) }
    }

    /// The entries of a folder, by name.
    pub(super) fn list(&self, path: &Path, bound: usize) -> Result<Option<Vec<Entry>>, Gap> {
        let Some(place) = self.look(path, |meta| {
            if meta.is_dir() { Ok(()) } else { Err(special(path, "a folder", meta.file_type().into())) }
        })?
        else {
            return Ok(None);
        };
        let error = |e: &io::Error| io_gap(path, "list", e);
        let folder = self.open_at(&place, true).map_err(|e| error(&e))?;
        // Listing through the open folder keeps it the one that was resolved, whatever its name leads to by now.
        let name = handle_path(&folder).unwrap_or_else(|| self.root.join(&place));
        let mut entries = Vec::new();
        for entry in fs::read_dir(name).map_err(|e| error(&e))? {
            let entry = entry.map_err(|e| error(&e))?;
            if entries.len() == bound {
                let reason = format!("holds more than {bound} entries; the rest was not looked at");
                return Err(Gap::new(GapCode::TooMany, Text::from_path(path), reason));
            }
            let kind = entry.file_type().map_err(|e| error(&e))?.into();
            entries.push(Entry { name: entry.file_name(), kind });
        }
        entries.sort();
        Ok(Some(entries))
    }

    /// What stands at a path, its last link not followed.
    pub(super) fn entry(&self, path: &Path) -> Result<Option<EntryKind>, Gap> {
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
            return Ok(Some(EntryKind::Folder));
        };
        let error = |e: &io::Error| io_gap(path, "look at", e);
        match self.walk_links(parent).map_err(|e| error(&e))? {
            Walked::At(parent) => {
                let place = parent.join(name);
                if let Some(gap) = self.mounts.away(&place) {
                    return Err(gap);
                }
                match fs::symlink_metadata(self.root.join(place)) {
                    Ok(meta) => Ok(Some(meta.file_type().into())),
                    Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
                    Err(e) => Err(error(&e)),
                }
            }
            Walked::Nothing | Walked::Dangling | Walked::Circle => Ok(None),
            Walked::Away(gap) => Err(gap),
        }
    }

    /// Where a path leads, from the root.
    pub(super) fn resolved(&self, path: &Path) -> Result<Option<PathBuf>, Gap> {
        match self.walk_links(path).map_err(|e| io_gap(path, "resolve", &e))? {
            Walked::At(place) => Ok(Some(Path::new("/").join(place))),
            Walked::Nothing | Walked::Dangling | Walked::Circle => Ok(None),
            Walked::Away(gap) => Err(gap),
        }
    }

    /// What a symbolic link says.
    pub(super) fn link(&self, path: &Path) -> Result<PathBuf, Gap> {
        let error = |e: &io::Error| io_gap(path, "read the link at", e);
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
            return Err(error(&io::Error::from(ErrorKind::InvalidInput)));
        };
        match self.walk_links(parent).map_err(|e| error(&e))? {
            Walked::At(parent) => fs::read_link(self.root.join(parent).join(name)).map_err(|e| error(&e)),
            Walked::Away(gap) => Err(gap),
            _ => Err(error(&io::Error::from(ErrorKind::NotFound))),
        }
    }

    /// Checks what stands at a path and says where that is, without opening it.
    pub(super) fn look(
        &self,
        path: &Path,
        check: impl Fn(&fs::Metadata) -> Result<(), Gap>,
    ) -> Result<Option<PathBuf>, Gap> {
        let error = |e: &io::Error| io_gap(path, "look at", e);
        match self.walk_links(path).map_err(|e| error(&e))? {
            Walked::At(place) => {
                let meta = fs::symlink_metadata(self.root.join(&place)).map_err(|e| error(&e))?;
                check(&meta)?;
                Ok(Some(place))
            }
            Walked::Nothing => Ok(None),
            Walked::Dangling => {
                let reason = "its link leads nowhere within the root";
                Err(Gap::new(GapCode::Dangling, Text::from_path(path), reason))
            }
            Walked::Circle => {
                Err(Gap::new(GapCode::LinkLoop, Text::from_path(path), "its links lead in a circle"))
            }
            Walked::Away(gap) => Err(gap),
        }
    }

    /// Opens what stands at a resolved place, without blocking and without becoming its terminal.
    #[cfg(target_os = "linux")]
    fn open_at(&self, place: &Path, folder: bool) -> io::Result<File> {
        use rustix::fs::{Mode, OFlags, ResolveFlags};
        use rustix::io::Errno;
        let mut flags =
            OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::NOFOLLOW;
        flags.set(OFlags::DIRECTORY, folder);
        let inside = if place.as_os_str().is_empty() { Path::new(".") } else { place };
        // Once more if a rename elsewhere made the kernel unsure (EAGAIN in openat2(2)).
        for _ in 0..8 {
            match rustix::fs::openat2(&self.fd, inside, flags, Mode::empty(), ResolveFlags::IN_ROOT) {
                Ok(fd) => return Ok(File::from(fd)),
                Err(Errno::AGAIN) => {}
                // Kernels before 5.6 lack the call, and sandboxes forbid it.
                Err(Errno::NOSYS | Errno::PERM) => {
                    return Ok(File::from(rustix::fs::open(self.root.join(place), flags, Mode::empty())?));
                }
                Err(e) => return Err(e.into()),
            }
        }
        Err(Errno::AGAIN.into())
    }

    #[cfg(not(target_os = "linux"))]
    fn open_at(&self, place: &Path, _folder: bool) -> io::Result<File> {
        let mut options = fs::OpenOptions::new();
        options.read(true);
        #[cfg(unix)]
        {
            use rustix::fs::OFlags;
            use std::os::unix::fs::OpenOptionsExt;
            let flags = OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::NOFOLLOW;
            options.custom_flags(i32::try_from(flags.bits()).unwrap_or_default());
        }
        options.open(self.root.join(place))
    }

    /// Follows a path from the root component by component; a link's `/` and the uppermost `..` are the root.
    fn walk_links(&self, path: &Path) -> io::Result<Walked> {
        // Components still to go, the next one last, each with whether a link brought it.
        let mut ahead: Vec<(OsString, bool)> = Vec::new();
        let push = |ahead: &mut Vec<(OsString, bool)>, path: &Path, linked: bool| {
            let names = path.components().filter_map(|c| match c {
                Component::Normal(name) => Some((name.to_owned(), linked)),
                Component::ParentDir => Some(("..".into(), linked)),
                _ => None,
            });
            let names: Vec<_> = names.collect();
            ahead.extend(names.into_iter().rev());
        };
        push(&mut ahead, path, false);
        let (mut place, mut links) = (PathBuf::new(), 0);
        while let Some((name, linked)) = ahead.pop() {
            if name == ".." {
                place.pop();
                continue;
            }
            let next = place.join(&name);
            if let Some(gap) = self.mounts.away(&next) {
                return Ok(Walked::Away(gap));
            }
            let full = self.root.join(&next);
            let meta = match fs::symlink_metadata(&full) {
                Ok(meta) => meta,
                Err(e) if e.kind() == ErrorKind::NotFound => {
                    return Ok(if linked { Walked::Dangling } else { Walked::Nothing });
                }
                Err(e) => return Err(e),
            };
            if meta.is_symlink() {
                links += 1;
                if links > MAX_LINKS {
                    return Ok(Walked::Circle);
                }
                let says = fs::read_link(&full)?;
                if says.has_root() {
                    place = PathBuf::new();
                }
                push(&mut ahead, &says, true);
            } else if !meta.is_dir() && !ahead.is_empty() {
                return Err(io::Error::from(ErrorKind::NotADirectory));
            } else {
                place = next;
            }
        }
        Ok(Walked::At(place))
    }
}

/// The name under which an open folder can be listed; nothing, where the system has none.
fn handle_path(folder: &File) -> Option<PathBuf> {
    #[cfg(target_os = "linux")]
    {
        use std::os::fd::AsRawFd;
        let path = PathBuf::from(format!("/proc/self/fd/{}", folder.as_raw_fd()));
        path.exists().then_some(path)
    }
    #[cfg(not(target_os = "linux"))]
    {
        let File { .. } = folder;
        None
    }
}

pub(super) fn special(path: &Path, wanted: &str, found: EntryKind) -> Gap {
    let found = match found {
        EntryKind::Folder => "a folder",
        EntryKind::File => "a file",
        EntryKind::Link => "a link",
        EntryKind::Special => "a pipe, socket or device",
    };
    Gap::new(GapCode::Special, Text::from_path(path), format!("{found} stands where {wanted} should be"))
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    fn root() -> (tempfile::TempDir, Files) {
        let outside = tempfile::tempdir().unwrap();
        let root = outside.path().join("root");
        fs::create_dir_all(root.join("etc")).unwrap();
        fs::write(root.join("etc/inside"), "inside").unwrap();
        fs::write(outside.path().join("canary"), "outside").unwrap();
        let files = Files::open(&root).unwrap();
        (outside, files)
    }

    fn read(files: &Files, path: &str) -> Result<Option<String>, GapCode> {
        let file = files.file(Path::new(path)).map_err(|gap| gap.code)?;
        Ok(file.map(|f| io::read_to_string(f).unwrap()))
    }

    #[test]
    fn links_never_leave_the_root() {
        let (outside, files) = root();
        let link = |says: &str, name: &str| symlink(says, outside.path().join("root").join(name)).unwrap();
        link("/etc/inside", "absolute");
        link("../../../../../etc/inside", "dots");
        link("../canary", "leak");
        link(outside.path().join("canary").to_str().unwrap(), "canary-absolute");
        link("/", "self");
        link("b", "a");
        link("a", "b");
        assert_eq!(read(&files, "/absolute"), Ok(Some("inside".into())));
        assert_eq!(read(&files, "/dots"), Ok(Some("inside".into())));
        assert_eq!(read(&files, "/self/self/self/etc/inside"), Ok(Some("inside".into())));
        assert_eq!(read(&files, "/../../etc/inside"), Ok(Some("inside".into())));
        assert_eq!(read(&files, "/leak"), Err(GapCode::Dangling));
        assert_eq!(read(&files, "/canary-absolute"), Err(GapCode::Dangling));
        assert_eq!(read(&files, "/a"), Err(GapCode::LinkLoop));
        assert_eq!(read(&files, "/etc/inside/more"), Err(GapCode::Special));
        assert_eq!(read(&files, "/etc"), Err(GapCode::Special));
        assert_eq!(read(&files, "/none/at/all"), Ok(None));
        assert_eq!(files.resolved(Path::new("/self/dots")).unwrap(), Some(PathBuf::from("/etc/inside")));
    }

    #[test]
    fn a_pipe_neither_blocks_nor_counts_as_absent() {
        let (outside, files) = root();
        let made = std::process::Command::new("mkfifo").arg(outside.path().join("root/pipe")).status();
        assert!(made.unwrap().success());
        assert_eq!(read(&files, "/pipe"), Err(GapCode::Special));
        assert_eq!(files.list(Path::new("/pipe"), 9).unwrap_err().code, GapCode::Special);
        assert_eq!(files.list(Path::new("/etc/inside"), 9).unwrap_err().code, GapCode::Special);
    }

    #[test]
    fn a_folder_is_listed_in_order_and_within_the_bound() {
        let (outside, files) = root();
        for name in ["c", "a", "b"] {
            fs::write(outside.path().join("root/etc").join(name), "").unwrap();
        }
        let names = |entries: Vec<Entry>| entries.into_iter().map(|e| e.name).collect::<Vec<_>>();
        let listed = files.list(Path::new("/etc"), 4).unwrap().unwrap();
        assert_eq!(names(listed), ["a", "b", "c", "inside"]);
        assert_eq!(files.list(Path::new("/etc"), 3).unwrap_err().code, GapCode::TooMany);
        assert_eq!(files.list(Path::new("/none"), 3).unwrap(), None);
    }
}
