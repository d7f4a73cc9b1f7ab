//! What all trees of files have in common: how a path is followed in them.
//!
//! A path is followed component by component as if the root were `/` (`path_resolution(7)`), so that no link and no `..`
//! leads out of it. A place is a path that was so followed, without the `/` of the root: no folder on the way is a link,
//! and where names compare without regard to case, each is spelt as its folder spells it.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Component, Path, PathBuf};

use crate::inventory::{Gap, GapCode};
use crate::target::names::{Names, Rule, Spelt};
use crate::target::walk::{LeaveOut, Met};
use crate::target::{Limits, io_gap, windows};
use crate::text::Text;

/// Names of one folder that are compared without regard to case.
const MAX_NAMES: usize = 1_000_000;
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

/// Where walking along a path ended.
pub(super) enum Walked {
    /// Something stands at this place, which is no link.
    At(PathBuf),
    /// Nothing does, and no link said that it should.
    Nothing,
    /// A link leads to where nothing is.
    Dangling,
    /// Links lead to each other.
    Circle,
    /// At what is not read.
    Away(Gap),
}

/// A root and the files beneath it.
pub(super) trait Tree {
    /// What stands at a place.
    fn kind(&self, place: &Path) -> io::Result<EntryKind>;

    /// What the link at a place says.
    fn says(&self, place: &Path) -> io::Result<PathBuf>;

    /// Opens the file at a place, without blocking.
    fn open_file(&self, place: &Path) -> io::Result<File>;

    /// The entries of the folder at a place, in any order; one more than the bound, if it holds more.
    fn entries(&self, place: &Path, bound: usize) -> io::Result<Vec<Entry>>;

    /// Why a place is not read at all.
    fn away(&self, place: &Path) -> Option<Gap>;

    /// How its names compare; none, if as bytes.
    fn names(&self) -> Option<&Names> {
        None
    }

    /// Whether reading what stands at a place would fetch it from elsewhere.
    fn is_in_cloud(&self, _place: &Path) -> bool {
        false
    }

    /// Whether it holds other drives than that of its root.
    fn has_drives(&self) -> bool {
        false
    }

    /// Everything below a folder, links not followed; nothing, if there is no folder.
    ///
    /// `leave_out` says which folders are not entered, and why.
    fn walk(
        &self,
        start: &Path,
        limits: &Limits,
        leave_out: LeaveOut<'_>,
        visit: &mut dyn FnMut(Met<'_>),
    ) -> Vec<Gap>;

    /// A regular file, opened for reading.
    fn file(&self, path: &Path) -> Result<Option<File>, Gap> {
        let Some(place) = self.look(path, EntryKind::File)? else { return Ok(None) };
        let file = self.open_file(&place).map_err(|e| io_gap(path, "open", &e))?;
        // What stood there may have been exchanged since it was looked at.
        let meta = file.metadata().map_err(|e| io_gap(path, "read", &e))?;
        if meta.is_file() { Ok(Some(file)) } else { Err(special(path, "a file", meta.file_type().into())) }
    }

    /// The entries of a folder, by name.
    fn list(&self, path: &Path, bound: usize) -> Result<Option<Vec<Entry>>, Gap> {
        let Some(place) = self.look(path, EntryKind::Folder)? else { return Ok(None) };
        let mut entries = self.entries(&place, bound).map_err(|e| io_gap(path, "list", &e))?;
        if entries.len() > bound {
            let reason = format!("holds more than {bound} entries; the rest was not looked at");
            return Err(Gap::new(GapCode::TooMany, Text::from_path(path), reason));
        }
        entries.sort();
        Ok(Some(entries))
    }

    /// What stands at a path, its last link not followed.
    fn entry(&self, path: &Path) -> Result<Option<EntryKind>, Gap> {
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
            return Ok(Some(EntryKind::Folder));
        };
        let error = |e: &io::Error| io_gap(path, "look at", e);
        match self.follow(parent).map_err(|e| error(&e))? {
            Walked::At(parent) => {
                let place = self.step(&parent, name).map_err(|e| error(&e))??;
                match self.kind(&place) {
                    Ok(kind) => Ok(Some(kind)),
                    Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
                    Err(e) => Err(error(&e)),
                }
            }
            Walked::Nothing | Walked::Dangling | Walked::Circle => Ok(None),
            Walked::Away(gap) => Err(gap),
        }
    }

    /// Where a path leads, from the root.
    fn resolved(&self, path: &Path) -> Result<Option<PathBuf>, Gap> {
        match self.follow(path).map_err(|e| io_gap(path, "resolve", &e))? {
            Walked::At(place) => Ok(Some(Path::new("/").join(place))),
            Walked::Nothing | Walked::Dangling | Walked::Circle => Ok(None),
            Walked::Away(gap) => Err(gap),
        }
    }

    /// What a symbolic link says.
    fn link(&self, path: &Path) -> Result<PathBuf, Gap> {
        let error = |e: &io::Error| io_gap(path, "read the link at", e);
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
            return Err(error(&io::Error::from(ErrorKind::InvalidInput)));
        };
        match self.follow(parent).map_err(|e| error(&e))? {
            Walked::At(parent) => {
                let place = self.step(&parent, name).map_err(|e| error(&e))??;
                self.says(&place).map(|says| self.led(says)).map_err(|e| error(&e))
            }
            Walked::Away(gap) => Err(gap),
            _ => Err(error(&io::Error::from(ErrorKind::NotFound))),
        }
    }

    /// The place of a file or folder, without opening it; nothing, if there is none.
    fn look(&self, path: &Path, wanted: EntryKind) -> Result<Option<PathBuf>, Gap> {
        let error = |e: &io::Error| io_gap(path, "look at", e);
        let gap = |code, reason| Err(Gap::new(code, Text::from_path(path), reason));
        match self.follow(path).map_err(|e| error(&e))? {
            Walked::At(place) => {
                let kind = self.kind(&place).map_err(|e| error(&e))?;
                let what = if wanted == EntryKind::Folder { "a folder" } else { "a file" };
                if kind != wanted {
                    Err(special(path, what, kind))
                } else if self.is_in_cloud(&place) {
                    let reason =
                        "its content lies in a cloud, from which reading would fetch it, so not looked at";
                    Err(Gap::new(GapCode::Cloud, Text::from_path(path), reason).note())
                } else {
                    Ok(Some(place))
                }
            }
            Walked::Nothing => Ok(None),
            Walked::Dangling => gap(GapCode::Dangling, "its link leads nowhere within the root"),
            Walked::Circle => gap(GapCode::LinkLoop, "its links lead in a circle"),
            Walked::Away(gap) => Err(gap),
        }
    }

    /// Where a link leads, if that is not what it says.
    fn led(&self, says: PathBuf) -> PathBuf {
        match self.names().map(Names::rule) {
            Some(Rule::Windows) => windows::link(&says),
            Some(Rule::MacOs) | None => says,
        }
    }

    /// The place of a name in the folder at a place, whether or not something stands there; a gap, if that is not read.
    fn step(&self, folder: &Path, name: &OsStr) -> io::Result<Result<PathBuf, Gap>> {
        let bytes = name.as_encoded_bytes();
        let is_windows = self.names().is_some_and(|names| names.rule() == Rule::Windows);
        let next = if is_windows && folder.as_os_str().is_empty() && windows::is_drive(bytes) {
            match windows::drive_in(name, self.has_drives(), || self.kind(Path::new(name)).is_ok()) {
                Ok(place) => place,
                Err(gap) => return Ok(Err(gap)),
            }
        } else if let Some(gap) = windows::leaves(folder, bytes) {
            return Ok(Err(gap));
        } else {
            match self.spelt(folder, name)? {
                Ok(name) => folder.join(name),
                Err(gap) => return Ok(Err(gap)),
            }
        };
        Ok(self.away(&next).map_or(Ok(next), Err))
    }

    /// A name as the folder at a place spells it, and as it was asked for if the folder has none like it; a gap, if it
    /// cannot be told which is meant.
    fn spelt(&self, folder: &Path, name: &OsStr) -> io::Result<Result<OsString, Gap>> {
        let as_asked = || Ok(Ok(name.to_owned()));
        let Some(names) = self.names() else { return as_asked() };
        let list = || {
            let entries = self.entries(folder, MAX_NAMES)?;
            let many = "a folder on the way to it holds too many names to be compared";
            if entries.len() > MAX_NAMES { Err(io::Error::other(many)) } else { Ok(entries) }
        };
        let list = || Ok(list()?.into_iter().map(|entry| entry.name).collect());
        let place = || Path::new("/").join(folder).join(name);
        match names.spelt(folder, name, list) {
            Ok(Spelt::As(name)) => Ok(Ok(name)),
            Ok(Spelt::Unclear) => {
                let reason = "several names here differ in case alone, so which of them is meant is unknown";
                Ok(Err(Gap::new(GapCode::Damaged, Text::from_path(&place()), reason)))
            }
            // It came since the folder was read, or the system knows it by a name that no list shows.
            Ok(Spelt::No) if self.kind(&folder.join(name)).is_ok() => as_asked(),
            Ok(Spelt::No) if names.rule() == Rule::Windows && windows::is_short(name.as_encoded_bytes()) => {
                let reason =
                    "this is a short name (8.3) of another, which this root does not tell, so not looked at";
                Ok(Err(Gap::new(GapCode::Unsupported, Text::from_path(&place()), reason)))
            }
            Ok(Spelt::No) => as_asked(),
            // Who may not list a folder may still go through it.
            Err(e) => match self.kind(&folder.join(name)) {
                Err(absent) if absent.kind() == ErrorKind::NotFound => Err(e),
                _ => as_asked(),
            },
        }
    }

    /// Follows a path from the root component by component; a link's `/` and the uppermost `..` are the root.
    fn follow(&self, path: &Path) -> io::Result<Walked> {
        // Components still to go, the next one last, each with whether a link brought it.
        let mut ahead: Vec<(OsString, bool)> = Vec::new();
        let push = |ahead: &mut Vec<(OsString, bool)>, path: &Path, linked: bool| {
            let names = path.components().filter_map(|c| match c {
                Component::Normal(name) => Some((name.to_owned(), linked)),
                Component::ParentDir => Some(("..".into(), linked)),
                // Windows alone has these.
                Component::Prefix(prefix) => Some((windows::drive_of(prefix)?, linked)),
                Component::RootDir | Component::CurDir => None,
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
            let next = match self.step(&place, &name)? {
                Ok(next) => next,
                Err(gap) => return Ok(Walked::Away(gap)),
            };
            let kind = match self.kind(&next) {
                Ok(kind) => kind,
                Err(e) if e.kind() == ErrorKind::NotFound => {
                    return Ok(if linked { Walked::Dangling } else { Walked::Nothing });
                }
                Err(e) => return Err(e),
            };
            if kind == EntryKind::Link {
                links += 1;
                if links > MAX_LINKS {
                    return Ok(Walked::Circle);
                }
                let says = self.led(self.says(&next)?);
                if says.has_root() {
                    place = PathBuf::new();
                }
                push(&mut ahead, &says, true);
            } else if kind != EntryKind::Folder && !ahead.is_empty() {
                return Err(io::Error::from(ErrorKind::NotADirectory));
            } else {
                place = next;
            }
        }
        Ok(Walked::At(place))
    }
}

fn special(path: &Path, wanted: &str, found: EntryKind) -> Gap {
    let found = match found {
        EntryKind::Folder => "a folder",
        EntryKind::File => "a file",
        EntryKind::Link => "a link",
        EntryKind::Special => "a pipe, socket or device",
    };
    Gap::new(GapCode::Special, Text::from_path(path), format!("{found} stands where {wanted} should be"))
}
