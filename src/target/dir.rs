//! Files beneath a root, and never outside it.
//!
//! On Linux the kernel resolves every path as if the root were `/` (openat2(2), `RESOLVE_IN_ROOT`), which no link,
//! `..` or race can leave. Where the kernel lacks that call, and on other systems, [`Tree::follow`] alone keeps
//! inside. A file is looked at before it is opened, and opened without blocking, so that no pipe,
//! socket or device is ever opened or waited for.
#![allow(clippy::disallowed_methods, reason = "this is the one door to the files of a target")]

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use crate::inventory::Gap;
use crate::target::Limits;
use crate::target::mounts::Mounts;
use crate::target::tree::{Entry, EntryKind, Tree};
use crate::target::walk::{LeaveOut, Met};

/// A root and the files beneath it.
pub(super) struct Files {
    pub(super) root: PathBuf,
    pub(super) mounts: Mounts,
    #[cfg(target_os = "linux")]
    fd: rustix::fd::OwnedFd,
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

    /// A folder at a place as a root of its own, in which nothing counts as mounted.
    #[cfg_attr(not(target_os = "linux"), allow(clippy::unnecessary_wraps, reason = "only Linux can refuse"))]
    pub(super) fn below(&self, place: &Path) -> io::Result<Self> {
        let (root, mounts) = (self.root.join(place), Mounts::default());
        #[cfg(target_os = "linux")]
        {
            let fd = self.open_at(place, true)?.into();
            Ok(Self { root, mounts, fd })
        }
        #[cfg(not(target_os = "linux"))]
        Ok(Self { root, mounts })
    }

    /// Reads what lies on a network too.
    pub(super) fn include_network(&mut self) {
        self.mounts.include_network();
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
}

impl Tree for Files {
    fn kind(&self, place: &Path) -> io::Result<EntryKind> {
        Ok(fs::symlink_metadata(self.root.join(place))?.file_type().into())
    }

    fn says(&self, place: &Path) -> io::Result<PathBuf> {
        fs::read_link(self.root.join(place))
    }

    fn open_file(&self, place: &Path) -> io::Result<File> {
        self.open_at(place, false)
    }

    fn entries(&self, place: &Path, bound: usize) -> io::Result<Vec<Entry>> {
        let folder = self.open_at(place, true)?;
        // Listing through the open folder keeps it the one that was resolved, whatever its name leads to by now.
        let name = handle_path(&folder).unwrap_or_else(|| self.root.join(place));
        let entry = |entry: io::Result<fs::DirEntry>| {
            let entry = entry?;
            Ok(Entry { name: entry.file_name(), kind: entry.file_type()?.into() })
        };
        fs::read_dir(name)?.take(bound.saturating_add(1)).map(entry).collect()
    }

    fn away(&self, place: &Path) -> Option<Gap> {
        self.mounts.away(place)
    }

    fn walk(
        &self,
        start: &Path,
        limits: &Limits,
        leave_out: LeaveOut<'_>,
        visit: &mut dyn FnMut(Met<'_>),
    ) -> Vec<Gap> {
        self.walk_below(start, limits, leave_out, visit)
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

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;
    use crate::inventory::GapCode;
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
