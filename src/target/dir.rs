//! Files beneath a root, and never outside it.
//!
//! On Linux the kernel resolves every path as if the root were `/` (openat2(2), `RESOLVE_IN_ROOT`), which no link,
//! `..` or race can leave. Where the kernel lacks that call, and on other systems, [`Tree::follow`] alone keeps
//! inside. A file is looked at before it is opened, and opened without blocking, so that no pipe,
//! socket or device is ever opened or waited for.
#![allow(clippy::disallowed_methods, reason = "this is the one door to the files of a target")]

use std::collections::BTreeSet;
#[cfg(windows)]
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use crate::inventory::{Gap, GapCode};
use crate::target::Limits;
use crate::target::mounts::Mounts;
use crate::target::names::{Names, Rule};
use crate::target::tree::{Entry, EntryKind, Tree};
use crate::target::walk::{LeaveOut, Met};
use crate::text::Text;

/// A root and the files beneath it.
pub(super) struct Files {
    pub(super) root: PathBuf,
    pub(super) mounts: Mounts,
    names: Option<Names>,
    /// The letters of the drives of a live Windows that are its own; none of another root.
    drives: Option<BTreeSet<char>>,
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
            Ok(Self { root, mounts, names: None, drives: None, fd })
        }
        #[cfg(not(target_os = "linux"))]
        Ok(Self { root, mounts, names: None, drives: None })
    }

    /// Takes a rule by which names compare; none, if as bytes.
    pub(super) fn compare_by(&mut self, rule: Option<Rule>) {
        self.names = rule.map(Names::new);
    }

    /// Takes the drives beside that of the root, if it is a live Windows.
    pub(super) fn take_drives(&mut self, drives: Option<BTreeSet<char>>) {
        self.drives = drives;
    }

    /// The drives beside that of the root, as places.
    pub(super) fn drives(&self) -> Vec<PathBuf> {
        let letters = self.drives.iter().flatten();
        letters.map(|letter| PathBuf::from(format!("{letter}:\\"))).collect()
    }

    /// The path of a place on this machine.
    fn full(&self, place: &Path) -> PathBuf {
        // Said so, no name means a device (`NUL`), and none is too long.
        #[cfg(windows)]
        if place.has_root() {
            let mut full = OsString::from(r"\\?\");
            full.push(place);
            return full.into();
        }
        self.root.join(place)
    }

    /// A folder at a place as a root of its own, in which nothing counts as mounted.
    #[cfg_attr(not(target_os = "linux"), allow(clippy::unnecessary_wraps, reason = "only Linux can refuse"))]
    pub(super) fn below(&self, place: &Path) -> io::Result<Self> {
        let (root, mounts, names, drives) = (self.full(place), Mounts::default(), None, None);
        #[cfg(target_os = "linux")]
        {
            let fd = self.open_at(place, true)?.into();
            Ok(Self { root, mounts, names, drives, fd })
        }
        #[cfg(not(target_os = "linux"))]
        Ok(Self { root, mounts, names, drives })
    }

    /// Reads what lies on a network too.
    pub(super) fn include_network(&mut self) {
        self.mounts.include_network();
        if let Some(drives) = &mut self.drives {
            drives.extend(('A'..='Z').filter(|letter| *letter != 'C'));
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
        options.open(self.full(place))
    }
}

impl Tree for Files {
    fn kind(&self, place: &Path) -> io::Result<EntryKind> {
        match fs::symlink_metadata(self.full(place)) {
            Ok(meta) => Ok(meta.file_type().into()),
            // Windows says so of a name that no file can have.
            Err(e) if e.kind() == ErrorKind::InvalidFilename => Err(ErrorKind::NotFound.into()),
            Err(e) => Err(e),
        }
    }

    fn says(&self, place: &Path) -> io::Result<PathBuf> {
        fs::read_link(self.full(place))
    }

    fn open_file(&self, place: &Path) -> io::Result<File> {
        self.open_at(place, false)
    }

    fn entries(&self, place: &Path, bound: usize) -> io::Result<Vec<Entry>> {
        // Listing through the open folder keeps it the one that was resolved, whatever its name leads to by now. Windows
        // opens none as a file.
        let folder = if cfg!(windows) { None } else { Some(self.open_at(place, true)?) };
        let name = folder.as_ref().and_then(handle_path).unwrap_or_else(|| self.full(place));
        let entry = |entry: io::Result<fs::DirEntry>| {
            let entry = entry?;
            Ok(Entry { name: entry.file_name(), kind: entry.file_type()?.into() })
        };
        fs::read_dir(name)?.take(bound.saturating_add(1)).map(entry).collect()
    }

    fn away(&self, place: &Path) -> Option<Gap> {
        let letter = place.as_os_str().as_encoded_bytes().first().copied().filter(|_| place.has_root());
        let is_away = |drives: &BTreeSet<char>| letter.is_some_and(|l| !drives.contains(&char::from(l)));
        if self.drives.as_ref().is_some_and(is_away) {
            let reason = "no drive of this machine's own, so not looked into; --include-network does";
            return Some(Gap::new(GapCode::Network, Text::from_path(place), reason).note());
        }
        self.mounts.away(place)
    }

    fn is_in_cloud(&self, place: &Path) -> bool {
        is_in_cloud(&self.full(place))
    }

    fn has_drives(&self) -> bool {
        self.drives.is_some()
    }

    fn names(&self) -> Option<&Names> {
        self.names.as_ref()
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

/// Whether reading a file would fetch it from elsewhere, as the system tells.
fn is_in_cloud(path: &Path) -> bool {
    #[cfg(windows)]
    {
        use std::os::windows::fs::MetadataExt;
        // FILE_ATTRIBUTE_OFFLINE, _RECALL_ON_OPEN and _RECALL_ON_DATA_ACCESS ("File Attribute Constants").
        const ELSEWHERE: u32 = 0x1000 | 0x0004_0000 | 0x0040_0000;
        fs::symlink_metadata(path).is_ok_and(|meta| meta.file_attributes() & ELSEWHERE != 0)
    }
    #[cfg(target_os = "macos")]
    {
        use std::os::macos::fs::MetadataExt;
        // SF_DATALESS of stat(2).
        const DATALESS: u32 = 0x4000_0000;
        fs::symlink_metadata(path).is_ok_and(|meta| meta.st_flags() & DATALESS != 0)
    }
    #[cfg(not(any(windows, target_os = "macos")))]
    {
        let _: &Path = path;
        false
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

    fn windows(rule: Rule) -> (tempfile::TempDir, Files) {
        let (outside, mut files) = root();
        let at = |path: &str| outside.path().join("root").join(path);
        for path in ["Windows/System32/x", "Program Files/Caf\u{e9}/x", "Users/a", "Users/A"] {
            fs::create_dir_all(at(path).parent().unwrap()).unwrap();
            fs::write(at(path), path).unwrap();
        }
        for (says, name) in [
            (r"c:\WINDOWS\SYSTEM32", "junction"),
            (r"C:\..\..\canary", "leak"),
            (r"D:\Data", "drive"),
            ("../../.NTFS-3G/C:/Windows/system32/X", "driver"),
        ] {
            symlink(says, at(name)).unwrap();
        }
        files.compare_by(Some(rule));
        (outside, files)
    }

    #[test]
    fn a_name_is_found_by_any_case_and_spelt_as_it_is() {
        let (_outside, files) = windows(Rule::Windows);
        assert_eq!(read(&files, "/WINDOWS/system32/X"), Ok(Some("Windows/System32/x".into())));
        let spelt = files.resolved(Path::new("/windows/SYSTEM32/X")).unwrap();
        assert_eq!(spelt, Some(PathBuf::from("/Windows/System32/x")));
        assert_eq!(files.entry(Path::new("/PROGRAM files")).unwrap(), Some(EntryKind::Folder));
        assert_eq!(files.list(Path::new("/windows"), 9).unwrap().unwrap().len(), 1);
        assert_eq!(read(&files, "/windows/none"), Ok(None));
        // NTFS tells two compositions of one letter apart.
        assert_eq!(read(&files, "/program files/CAFE\u{301}/x"), Ok(None));
        let (_outside, files) = windows(Rule::MacOs);
        assert!(matches!(read(&files, "/program files/CAFE\u{301}/X"), Ok(Some(_))));
    }

    #[test]
    fn of_names_that_differ_in_case_alone_the_exact_one_is_meant_and_any_other_is_a_gap() {
        let (_outside, mut files) = windows(Rule::Windows);
        assert_eq!(read(&files, "/users/a"), Ok(Some("Users/a".into())));
        assert_eq!(read(&files, "/users/A"), Ok(Some("Users/A".into())));
        fs::write(files.root.join("Users/Bb"), "").unwrap();
        fs::write(files.root.join("Users/bB"), "").unwrap();
        files.compare_by(Some(Rule::Windows));
        assert_eq!(read(&files, "/users/bb"), Err(GapCode::Damaged));
        assert_eq!(files.entry(Path::new("/users/bb")).unwrap_err().code, GapCode::Damaged);
    }

    #[test]
    fn links_of_windows_lead_within_the_root() {
        let (_outside, files) = windows(Rule::Windows);
        for path in ["/junction/x", "/Junction/X", "/driver"] {
            assert_eq!(read(&files, path), Ok(Some("Windows/System32/x".into())), "{path}");
        }
        assert_eq!(read(&files, "/leak"), Err(GapCode::Dangling));
        assert_eq!(files.link(Path::new("/JUNCTION")).unwrap(), Path::new("/WINDOWS/SYSTEM32"));
    }

    #[test]
    fn another_drive_and_a_short_name_are_gaps_that_say_so() {
        let (outside, files) = windows(Rule::Windows);
        for path in ["/D:/Data/x", "/drive", "/d:"] {
            let gap = files.file(Path::new(path)).unwrap_err();
            assert_eq!((gap.code, gap.place.raw(), gap.blocks), (GapCode::Missing, "D:\\", true), "{path}");
        }
        assert_eq!(files.entry(Path::new("/D:")).unwrap_err().code, GapCode::Missing);
        assert_eq!(read(&files, "/PROGRA~1/x"), Err(GapCode::Unsupported));
        // A root may hold a drive as a folder.
        fs::create_dir(outside.path().join("root/D:")).unwrap();
        fs::write(outside.path().join("root/D:/x"), "on D").unwrap();
        assert_eq!(read(&files, "/D:/X"), Ok(Some("on D".into())));
    }
}
