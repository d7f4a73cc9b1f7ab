//! What all trees of files have in common: how a path is followed in them.
//!
//! A path is followed component by component as if the root were `/` (`path_resolution(7)`), so that no link and no `..`
//! leads out of it. A place is a path that was so followed, without the `/` of the root: no folder on the way is a link.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Component, Path, PathBuf};

use crate::inventory::{Gap, GapCode};
use crate::target::walk::{LeaveOut, Met};
use crate::target::{Limits, io_gap};
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
                let place = parent.join(name);
                if let Some(gap) = self.away(&place) {
                    return Err(gap);
                }
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
            Walked::At(parent) => self.says(&parent.join(name)).map_err(|e| error(&e)),
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
                if kind == wanted { Ok(Some(place)) } else { Err(special(path, what, kind)) }
            }
            Walked::Nothing => Ok(None),
            Walked::Dangling => gap(GapCode::Dangling, "its link leads nowhere within the root"),
            Walked::Circle => gap(GapCode::LinkLoop, "its links lead in a circle"),
            Walked::Away(gap) => Err(gap),
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
            if let Some(gap) = self.away(&next) {
                return Ok(Walked::Away(gap));
            }
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
                let says = self.says(&next)?;
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
