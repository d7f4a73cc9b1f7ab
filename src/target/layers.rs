//! A stack of folders seen as one tree, as overlayfs shows a container its files.
//!
//! Format: the kernel's Documentation/filesystems/overlayfs.rst; for marks by name the layer format of the OCI
//! image-spec, which fuse-overlayfs(1) keeps on disk. The topmost layer that has a name has it; folders of one name are
//! merged, but for what an upper layer hides: by a whiteout (a device 0/0, an empty file with the attribute `whiteout`,
//! or `.wh.NAME`) or by an opaque folder. Attributes that do not count for the store a stack lies in are a container's
//! own, and hide nothing. A folder whose lower part lies under another name (`redirect`) is told and not looked into.
#![allow(clippy::disallowed_methods, reason = "this is a part of the one door to the files of a target")]

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use crate::inventory::{Gap, GapCode};
use crate::target::dir::Files;
use crate::target::tree::{Entry, EntryKind, Tree};
use crate::target::walk::{LeaveOut, Met, first_bytes};
use crate::target::{Limits, io_gap};
use crate::text::{Text, bytes_to_path};

/// What hides a name in the layers below, beside devices 0/0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Marks {
    /// Attributes that only root can set: overlayfs mounted by root.
    Root,
    /// Attributes that a user can set: overlayfs mounted with `userxattr`.
    User,
    /// Either, those of fuse-overlayfs, and names that begin with `.wh.`.
    Any,
}

impl Marks {
    /// What the names of the attributes begin with.
    fn prefixes(self) -> &'static [&'static str] {
        match self {
            Self::Root => &["trusted.overlay."],
            Self::User => &["user.overlay."],
            Self::Any => &["trusted.overlay.", "user.overlay.", "user.fuseoverlayfs."],
        }
    }
}

/// What a name that hides another begins with, and the name that hides all others.
const WHITEOUT: &[u8] = b".wh.";
const OPAQUE: &str = ".wh..wh..opq";

/// One folder of a stack.
struct Layer {
    files: Files,
    marks: Marks,
}

/// What one layer has at a place.
enum Has {
    Nothing,
    /// Something that hides what the layers below have.
    Whiteout,
    Folder,
    Other(EntryKind, fs::Metadata),
}

impl Layer {
    fn has(&self, place: &Path) -> io::Result<Has> {
        let meta = match fs::symlink_metadata(self.files.root.join(place)) {
            Ok(meta) => meta,
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(Has::Nothing),
            Err(e) => return Err(e),
        };
        let kind = meta.file_type().into();
        let hides = match kind {
            EntryKind::Folder => return Ok(Has::Folder),
            EntryKind::Special => is_whiteout(&meta),
            EntryKind::File => meta.len() == 0 && self.mark(place, "whiteout")?.is_some(),
            EntryKind::Link => false,
        };
        Ok(if hides { Has::Whiteout } else { Has::Other(kind, meta) })
    }

    /// Whether a name beside the place hides what the layers below have there.
    fn hides_below(&self, place: &Path) -> io::Result<bool> {
        let (Marks::Any, Some(name)) = (self.marks, place.file_name()) else { return Ok(false) };
        let mark = bytes_to_path(&[WHITEOUT, name.as_encoded_bytes()].concat());
        self.stands(&place.with_file_name(mark))
    }

    /// Whether a folder hides what the layers below have in it.
    fn is_opaque(&self, folder: &Path) -> io::Result<bool> {
        let named = self.marks == Marks::Any && self.stands(&folder.join(OPAQUE))?;
        Ok(named || self.mark(folder, "opaque")?.is_some_and(|value| value == b"y"))
    }

    fn stands(&self, place: &Path) -> io::Result<bool> {
        Ok(!matches!(self.has(place)?, Has::Nothing))
    }

    /// The value of an attribute of overlayfs.
    fn mark(&self, place: &Path, name: &str) -> io::Result<Option<Vec<u8>>> {
        for prefix in self.marks.prefixes() {
            if let Some(value) = attribute(&self.files.root.join(place), &format!("{prefix}{name}"))? {
                return Ok(Some(value));
            }
        }
        Ok(None)
    }
}

/// A stack of folders.
pub(super) struct Layers {
    /// The topmost first.
    stack: Vec<Layer>,
}

/// What the stack has at a place.
enum Stands {
    Nothing,
    /// In these layers, the topmost first.
    Folder(Vec<usize>),
    Other(usize, EntryKind, fs::Metadata),
}

impl Layers {
    /// A stack of these folders, the topmost first.
    pub(super) fn new(folders: Vec<Files>, marks: Marks) -> Self {
        Self { stack: folders.into_iter().map(|files| Layer { files, marks }).collect() }
    }

    fn layers(&self, numbers: &[usize]) -> impl Iterator<Item = (usize, &Layer)> {
        numbers.iter().filter_map(|number| Some((*number, self.stack.get(*number)?)))
    }

    /// What stands at a place, looked up from the root.
    fn find(&self, place: &Path) -> io::Result<Stands> {
        let mut stands = Stands::Folder((0..self.stack.len()).collect());
        let mut at = PathBuf::new();
        for name in place {
            let Stands::Folder(within) = &stands else {
                let kind = if matches!(stands, Stands::Nothing) {
                    ErrorKind::NotFound
                } else {
                    ErrorKind::NotADirectory
                };
                return Err(kind.into());
            };
            at.push(name);
            stands = self.child(within, &at)?;
        }
        Ok(stands)
    }

    /// What stands at a place whose folder is in these layers.
    fn child(&self, within: &[usize], place: &Path) -> io::Result<Stands> {
        let mut folders = Vec::new();
        for (number, layer) in self.layers(within) {
            match layer.has(place)? {
                Has::Nothing => {}
                Has::Other(kind, meta) if folders.is_empty() => return Ok(Stands::Other(number, kind, meta)),
                Has::Whiteout | Has::Other(..) => break,
                Has::Folder => {
                    folders.push(number);
                    if layer.is_opaque(place)? {
                        break;
                    }
                    let is_last = within.last() == Some(&number);
                    if !is_last && layer.mark(place, "redirect")?.is_some() {
                        let reason = "a container renamed this folder, and the part of it that lies under its old \
                                      name is not looked into; scan the container while it runs, at the root that \
                                      /proc/PID/root shows";
                        return Err(io::Error::new(ErrorKind::Unsupported, reason));
                    }
                }
            }
            if layer.hides_below(place)? {
                break;
            }
        }
        Ok(if folders.is_empty() { Stands::Nothing } else { Stands::Folder(folders) })
    }

    fn folder(&self, place: &Path) -> io::Result<Vec<usize>> {
        match self.find(place)? {
            Stands::Folder(layers) => Ok(layers),
            Stands::Nothing => Err(ErrorKind::NotFound.into()),
            Stands::Other(..) => Err(ErrorKind::NotADirectory.into()),
        }
    }

    /// The layer of what stands at a place and is no folder.
    fn layer(&self, place: &Path) -> io::Result<(usize, &Layer)> {
        let number = match self.find(place)? {
            Stands::Other(number, ..) => number,
            Stands::Nothing => return Err(ErrorKind::NotFound.into()),
            Stands::Folder(_) => return Err(ErrorKind::IsADirectory.into()),
        };
        self.layers(&[number]).next().ok_or_else(|| ErrorKind::NotFound.into())
    }

    fn names(&self, within: &[usize], place: &Path, bound: usize) -> io::Result<Vec<Entry>> {
        // A name that is hidden has no kind.
        let mut names: BTreeMap<OsString, Option<EntryKind>> = BTreeMap::new();
        for (_, layer) in self.layers(within) {
            let marked = layer.mark(place, "opaque")?.is_some_and(|value| value == b"x");
            let mut hidden = Vec::new();
            for entry in layer.files.entries(place, bound)? {
                if let Some(name) = hides(layer.marks, &entry.name) {
                    hidden.push(name);
                    continue;
                }
                let may_hide = entry.kind == EntryKind::Special || (marked && entry.kind == EntryKind::File);
                let hides = may_hide && matches!(layer.has(&place.join(&entry.name))?, Has::Whiteout);
                names.entry(entry.name).or_insert((!hides).then_some(entry.kind));
            }
            // Such a mark hides what is below, not what is beside it.
            for name in hidden {
                names.entry(name).or_insert(None);
            }
            if names.len() > bound {
                break;
            }
        }
        Ok(names.into_iter().filter_map(|(name, kind)| Some(Entry { name, kind: kind? })).collect())
    }
}

impl Tree for Layers {
    fn kind(&self, place: &Path) -> io::Result<EntryKind> {
        match self.find(place)? {
            Stands::Nothing => Err(ErrorKind::NotFound.into()),
            Stands::Folder(_) => Ok(EntryKind::Folder),
            Stands::Other(_, kind, _) => Ok(kind),
        }
    }

    fn says(&self, place: &Path) -> io::Result<PathBuf> {
        self.layer(place)?.1.files.says(place)
    }

    fn open_file(&self, place: &Path) -> io::Result<File> {
        let (mut number, mut layer) = self.layer(place)?;
        let within = self.folder(place.parent().unwrap_or(Path::new("")))?;
        // Of a file whose owner or rights alone were changed, only those are in the upper layer.
        while layer.mark(place, "metacopy")?.is_some() {
            let below: Vec<usize> = within.iter().copied().filter(|n| *n > number).collect();
            let moved = layer.mark(place, "redirect")?.is_some();
            match self.child(&below, place)? {
                Stands::Other(next, EntryKind::File, _) if !moved => {
                    (number, layer) =
                        self.layers(&[next]).next().ok_or_else(|| io::Error::from(ErrorKind::NotFound))?;
                }
                _ => {
                    let reason =
                        "a container changed its rights and its name, and what is in it lies elsewhere";
                    return Err(io::Error::new(ErrorKind::Unsupported, reason));
                }
            }
        }
        layer.files.open_file(place)
    }

    fn entries(&self, place: &Path, bound: usize) -> io::Result<Vec<Entry>> {
        self.names(&self.folder(place)?, place, bound)
    }

    fn away(&self, _place: &Path) -> Option<Gap> {
        None
    }

    fn walk(
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
        let (mut gaps, mut met) = (Vec::new(), 0);
        let mut ahead = match self.folder(&place) {
            Ok(layers) => vec![(place, layers, 1)],
            Err(e) => return vec![io_gap(start, "walk", &e)],
        };
        while let Some((folder, within, depth)) = ahead.pop() {
            let entries = self.names(&within, &folder, limits.entries).unwrap_or_else(|e| {
                gaps.push(io_gap(&from_root(&folder), "walk", &e));
                Vec::new()
            });
            for entry in entries {
                met += 1;
                if met > limits.entries {
                    let reason = format!("more than {} entries; the rest was not walked", limits.entries);
                    gaps.push(Gap::new(GapCode::TooMany, Text::from_path(&from_root(&folder)), reason));
                    return gaps;
                }
                let place = folder.join(&entry.name);
                let path = from_root(&place);
                let mut show = |kind, executable, first: Option<&[u8]>| {
                    visit(Met { path: &path, kind, executable, first });
                };
                match self.child(&within, &place) {
                    Ok(Stands::Folder(layers)) => {
                        let deep = || {
                            let reason = format!("deeper than {} folders, so not walked", limits.depth);
                            let gap = || Gap::new(GapCode::TooMany, Text::from_path(&path), reason);
                            (depth > limits.depth).then(gap)
                        };
                        if let Some(gap) = leave_out(&path).or_else(deep) {
                            gaps.push(gap);
                        } else {
                            show(EntryKind::Folder, false, None);
                            ahead.push((place, layers, depth + 1));
                        }
                    }
                    Ok(Stands::Other(_, EntryKind::File, meta)) if is_executable(&meta) => {
                        let first = self.open_file(&place).and_then(first_bytes).ok();
                        show(EntryKind::File, true, first.as_deref());
                    }
                    Ok(Stands::Other(_, kind, _)) => show(kind, false, None),
                    // It was removed since its folder was read.
                    Ok(Stands::Nothing) => {}
                    Err(e) => gaps.push(io_gap(&path, "walk", &e)),
                }
            }
        }
        gaps
    }
}

fn from_root(place: &Path) -> PathBuf {
    Path::new("/").join(place)
}

/// The name that a name hides.
fn hides(marks: Marks, name: &OsStr) -> Option<OsString> {
    let hidden = name.as_encoded_bytes().strip_prefix(WHITEOUT).filter(|_| marks == Marks::Any)?;
    Some(bytes_to_path(hidden).into_os_string())
}

/// Whether someone may execute a file.
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

/// Whether it is the device 0/0.
fn is_whiteout(meta: &fs::Metadata) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::{FileTypeExt, MetadataExt};
        meta.file_type().is_char_device() && meta.rdev() == 0
    }
    #[cfg(not(unix))]
    {
        let _: &fs::Metadata = meta;
        false
    }
}

/// The first bytes of an extended attribute (xattr(7)), which is not followed through a link.
#[cfg_attr(not(target_os = "linux"), allow(clippy::unnecessary_wraps, reason = "only Linux can refuse"))]
fn attribute(path: &Path, name: &str) -> io::Result<Option<Vec<u8>>> {
    #[cfg(target_os = "linux")]
    {
        use rustix::io::Errno;
        let mut value = [0; 16];
        match rustix::fs::lgetxattr(path, name, &mut value) {
            Ok(length) => Ok(Some(value.get(..length).unwrap_or(&value).to_vec())),
            // It is longer.
            Err(Errno::RANGE) => Ok(Some(value.to_vec())),
            Err(Errno::NODATA | Errno::NOTSUP | Errno::NOENT) => Ok(None),
            Err(e) => Err(e.into()),
        }
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _: (&Path, &str) = (path, name);
        Ok(None)
    }
}

#[cfg(test)]
mod tests;
