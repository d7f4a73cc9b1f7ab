//! What is audited, and the only door to it.
//!
//! A [`Target`] is this machine, a directory root or a saved inventory. Sources reach files and processes through it
//! and nothing else does (law 3): every path resolves inside the root, special files are never opened, reads are
//! bounded, and what cannot be read comes back as a [`Gap`] that says why.

mod dir;
mod layers;
mod live;
mod mounts;
mod names;
pub mod operator;
mod os;
pub mod registry;
mod saved;
mod tree;
mod users;
mod walk;
pub(crate) mod windows;

use std::io::{Read, Seek};
use std::path::{Path, PathBuf};

use globset::GlobSet;

use crate::error::Error;
use crate::inventory::{Gap, GapCode, Host, Inventory, Subject};
use crate::target::tree::Tree;
use crate::text::Text;

pub(crate) use layers::Marks;
pub use live::{Loaded, Process};
pub(crate) use names::Rule;
pub use os::{Family, Os, Packages};
pub use tree::{Entry, EntryKind};
pub use users::{User, Whose};
pub use walk::{LeaveOut, Met};

/// Bytes of a file for which room is made before they are read.
const AT_ONCE: u64 = 64 << 10;

/// Bounds on what is read; passing one is a recorded gap.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Bytes of one file.
    pub file_bytes: u64,
    /// Entries of one folder or walk.
    pub entries: usize,
    /// Folders below the start of a walk.
    pub depth: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { file_bytes: 1 << 30, entries: 4_000_000, depth: 128 }
    }
}

/// What can be read from any place in it.
pub trait ReadSeek: Read + Seek {}

impl<T: Read + Seek> ReadSeek for T {}

enum World {
    /// This machine: its files and its processes.
    Live(dir::Files),
    /// A folder that holds the root of a system.
    Dir(dir::Files),
    /// Folders of another target, seen as one root.
    Layers(layers::Layers),
    /// Items that were found earlier.
    Saved(Box<Inventory>),
    /// A world that refuses every read, to hold sources to the first law.
    #[cfg(test)]
    Refusing,
}

/// What is audited.
pub struct Target {
    world: World,
    place: Text,
    os: Os,
    unknown: Option<Gap>,
    host: Host,
    limits: Limits,
    exclude: GlobSet,
    hives: registry::Hives,
}

impl Target {
    /// This machine.
    ///
    /// # Errors
    /// When the root of the file system cannot be opened.
    pub fn live(exclude: GlobSet) -> Result<Self, Error> {
        let root = live::root();
        let mut files = dir::Files::open(&root).map_err(|e| target_error(&root, &e))?;
        files.take_drives(live::drives());
        let mut target = Self::of(World::Live(files), Text::from_path(&root), exclude);
        target.host.name = live::host_name().map(Text::from).or(target.host.name.take());
        if target.os.family != Family::Linux {
            let (os, version) = live::os_name();
            target.host.os = target.host.os.take().or(os);
            target.host.version = target.host.version.take().or(version);
        }
        Ok(target)
    }

    /// A mounted or unpacked root.
    ///
    /// # Errors
    /// When it is not a folder that can be opened.
    pub fn dir(root: &Path, exclude: GlobSet) -> Result<Self, Error> {
        let files = dir::Files::open(root).map_err(|e| target_error(root, &e))?;
        Ok(Self::of(World::Dir(files), Text::from_path(root), exclude))
    }

    /// A saved inventory, or a report of interdict.
    ///
    /// # Errors
    /// When the file cannot be read, or is a report without its items.
    pub fn saved(path: &Path) -> Result<Self, Error> {
        let inventory = saved::load(path)?;
        Ok(Self {
            place: Text::from_path(path),
            os: Os::default(),
            unknown: None,
            host: inventory.host.clone(),
            world: World::Saved(Box::new(inventory)),
            limits: Limits::default(),
            exclude: GlobSet::empty(),
            hives: registry::Hives::default(),
        })
    }

    /// A target named on the command line: `scheme:path`, or a path whose kind is recognised; none is this machine.
    ///
    /// # Errors
    /// When it does not exist or its kind is not known.
    pub fn named(name: Option<&Path>, exclude: GlobSet) -> Result<Self, Error> {
        let Some(name) = name else { return Self::live(exclude) };
        let text = name.to_string_lossy();
        let error = |reason: &str| Error::Target { place: text.to_string(), reason: reason.to_owned() };
        if let Some((scheme, _)) = text.split_once(':') {
            let rest = name.as_os_str().as_encoded_bytes().get(scheme.len() + 1..).unwrap_or_default();
            let path = crate::text::bytes_to_path(rest);
            match scheme {
                "dir" => return Self::dir(&path, exclude),
                "inventory" => return Self::saved(&path),
                "image" | "disk" | "sbom" => {
                    return Err(error(&format!(
                        "this version does not read {scheme}: targets; unpack or mount it and scan it as dir:PATH"
                    )));
                }
                _ => {}
            }
        }
        match operator::kind(name) {
            Ok(operator::PathKind::Folder) => Self::dir(name, exclude),
            Ok(operator::PathKind::File) if saved::looks_saved(name) => Self::saved(name),
            Ok(_) => Err(error(
                "it is neither a folder nor a saved inventory; name its kind, as in dir:PATH or inventory:FILE",
            )),
            Err(e) => Err(target_error(name, &e)),
        }
    }

    /// A target that refuses every read.
    #[cfg(test)]
    pub(crate) fn refusing() -> Self {
        let os = Os { family: Family::Linux, packages: Some(Packages::Debian), ..Os::default() };
        Self { os, ..Self::of(World::Refusing, "/".into(), GlobSet::empty()) }
    }

    fn of(world: World, place: Text, exclude: GlobSet) -> Self {
        let (limits, os, host) = (Limits::default(), Os::default(), Host::default());
        let hives = registry::Hives::default();
        let mut target = Self { world, place, os, unknown: None, host, limits, exclude, hives };
        (target.os, target.host, target.unknown) = os::detect(&mut target);
        target
    }

    /// The drives of a live Windows beside that of its root.
    fn drives(&self) -> Vec<PathBuf> {
        match &self.world {
            World::Live(files) => files.drives(),
            _ => Vec::new(),
        }
    }

    /// How names of files compare; none, if as bytes.
    pub(crate) fn rule(&self) -> Option<Rule> {
        Rule::of(self.os.family)
    }

    /// Takes the rule by which names of files compare; none, if as bytes.
    fn compare_by(&mut self, rule: Option<Rule>) {
        if let World::Live(files) | World::Dir(files) = &mut self.world {
            files.compare_by(rule);
        }
    }

    /// The same, with what lies on network file systems.
    #[must_use]
    pub fn including_network(mut self) -> Self {
        if let World::Live(files) | World::Dir(files) = &mut self.world {
            files.include_network();
        }
        self
    }

    /// A stack of folders of this target as a root of its own, the topmost first, and what of it is not there to be
    /// seen. What is excluded here are places of this target, and not those within.
    pub(crate) fn stack(&self, folders: &[PathBuf], marks: Marks, place: Text) -> (Option<Self>, Vec<Gap>) {
        let (mut found, mut gaps) = (Vec::new(), Vec::new());
        for folder in folders {
            match self.folder(folder) {
                Ok(files) => found.push(files),
                Err(gap) => gaps.push(gap),
            }
        }
        let root = (!found.is_empty()).then(|| World::Layers(layers::Layers::new(found, marks)));
        (root.map(|root| Self::of(root, place, GlobSet::empty())), gaps)
    }

    /// A folder of this target, opened as a root.
    fn folder(&self, path: &Path) -> Result<dir::Files, Gap> {
        let place = self.files(path)?.look(path, EntryKind::Folder)?;
        let gap = |code, reason| Gap::new(code, Text::from_path(path), reason);
        match (place, &self.world) {
            (None, _) => Err(gap(GapCode::Missing, "this layer is not there, so what was in it is unknown")),
            (Some(place), World::Live(files) | World::Dir(files)) => {
                files.below(&place).map_err(|e| io_gap(path, "open", &e))
            }
            (Some(_), _) => Err(gap(GapCode::Unsupported, "a layer within a layer is not looked into")),
        }
    }

    /// What it is, for the report.
    #[must_use]
    pub fn subject(&self) -> Subject {
        let kind = match &self.world {
            World::Live(_) => "live",
            World::Dir(_) => "dir",
            World::Layers(_) => "layers",
            World::Saved(_) => "inventory",
            #[cfg(test)]
            World::Refusing => "dir",
        };
        Subject { kind: kind.into(), place: self.place.clone(), os: self.os.family.word().into() }
    }

    /// The operating system on it.
    #[must_use]
    pub fn os(&self) -> &Os {
        &self.os
    }

    /// Why the operating system on it cannot be told, if something stood in the way.
    #[must_use]
    pub fn unknown_os(&self) -> Option<&Gap> {
        self.unknown.as_ref().filter(|gap| gap.blocks)
    }

    /// The machine it is of.
    #[must_use]
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// The items it holds already, if it is a saved inventory.
    #[must_use]
    pub fn saved_inventory(&self) -> Option<&Inventory> {
        match &self.world {
            World::Saved(inventory) => Some(inventory),
            _ => None,
        }
    }

    /// Whether it is this machine, whose processes can be listed.
    #[must_use]
    pub fn is_live(&self) -> bool {
        match &self.world {
            World::Live(_) => true,
            #[cfg(test)]
            World::Refusing => true,
            _ => false,
        }
    }

    /// The running processes of a live machine.
    ///
    /// # Errors
    /// A gap when they cannot be listed.
    pub fn processes(&self) -> Result<live::Processes, Gap> {
        match &self.world {
            World::Live(_) => live::processes(&self.user_names()),
            _ => {
                Err(Gap::new(GapCode::Denied, "processes", "this target has no processes that can be listed"))
            }
        }
    }

    fn excluded(&self, path: &Path) -> Option<Gap> {
        let reason = "not looked into, as --exclude asks";
        let gap = || Gap::new(GapCode::Excluded, Text::from_path(path), reason);
        self.exclude.is_match(path).then(gap)
    }

    fn files(&self, path: &Path) -> Result<&dyn Tree, Gap> {
        let place = || Text::from_path(path);
        if let Some(gap) = self.excluded(path) {
            return Err(gap);
        }
        match &self.world {
            World::Live(files) | World::Dir(files) => Ok(files),
            World::Layers(layers) => Ok(layers),
            World::Saved(_) => {
                Err(Gap::new(GapCode::Unsupported, place(), "a saved inventory holds no files"))
            }
            #[cfg(test)]
            World::Refusing => Err(Gap::new(GapCode::Denied, place(), "refused")),
        }
    }

    /// Opens a regular file for reading, up to the bound; nothing, if there is none.
    ///
    /// # Errors
    /// A gap when something is there and cannot be read as a file.
    pub fn open(&self, path: &Path) -> Result<Option<Box<dyn Read>>, Gap> {
        let bound = self.limits.file_bytes;
        Ok(self.open_seek(path)?.map(|file| Box::new(file.take(bound)) as Box<dyn Read>))
    }

    /// Opens a regular file, of which not all is read, up to the bound; nothing, if there is none.
    ///
    /// # Errors
    /// A gap when something is there and cannot be read as a file.
    pub fn open_seek(&self, path: &Path) -> Result<Option<Box<dyn ReadSeek>>, Gap> {
        Ok(self.opened(path)?.map(|(file, _)| Box::new(file) as Box<dyn ReadSeek>))
    }

    /// A regular file and its size.
    fn opened(&self, path: &Path) -> Result<Option<(std::fs::File, u64)>, Gap> {
        let Some(file) = self.files(path)?.file(path)? else { return Ok(None) };
        let size = file.metadata().map_err(|e| io_gap(path, "read", &e))?.len();
        if size > self.limits.file_bytes {
            return Err(too_large(Text::from_path(path), self.limits.file_bytes));
        }
        Ok(Some((file, size)))
    }

    /// The bytes of a regular file; nothing, if there is none.
    ///
    /// # Errors
    /// A gap when something is there and cannot be read as a file, or is larger than the bound.
    pub fn read(&self, path: &Path) -> Result<Option<Vec<u8>>, Gap> {
        self.read_up_to(path, self.limits.file_bytes)
    }

    /// The bytes of a regular file of a format whose files are small; nothing, if there is none.
    ///
    /// # Errors
    /// A gap when something is there and cannot be read as a file, or is larger than this bound or that of all files.
    pub fn read_up_to(&self, path: &Path, bound: u64) -> Result<Option<Vec<u8>>, Gap> {
        let Some((file, size)) = self.opened(path)? else { return Ok(None) };
        let bound = bound.min(self.limits.file_bytes);
        // A small file is read at once; a size alone takes no memory.
        let mut bytes = Vec::with_capacity(usize::try_from(size.min(AT_ONCE)).unwrap_or_default() + 1);
        let read = file.take(bound.saturating_add(1)).read_to_end(&mut bytes);
        read.map_err(|e| io_gap(path, "read", &e))?;
        if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > bound {
            return Err(too_large(Text::from_path(path), bound));
        }
        Ok(Some(bytes))
    }

    /// The first bytes of a regular file, however large it is; nothing, if there is none.
    ///
    /// # Errors
    /// A gap when something is there and cannot be read as a file.
    pub fn read_first(&self, path: &Path, bytes: u64) -> Result<Option<Vec<u8>>, Gap> {
        let Some(file) = self.files(path)?.file(path)? else { return Ok(None) };
        let mut first = Vec::new();
        file.take(bytes).read_to_end(&mut first).map_err(|e| io_gap(path, "read", &e))?;
        Ok(Some(first))
    }

    /// The entries of a folder by name; nothing, if there is none.
    ///
    /// # Errors
    /// A gap when something is there and cannot be listed, or holds more than the bound.
    pub fn list(&self, path: &Path) -> Result<Option<Vec<Entry>>, Gap> {
        self.files(path)?.list(path, self.limits.entries)
    }

    /// Shows everything below a folder (below the root, also what is on the other drives of a live Windows), links not
    /// followed, but for folders that `leave_out` gives a reason for. Nothing
    /// is shown, if there is no folder. What could not be walked comes back as gaps.
    #[must_use]
    pub fn walk(&self, start: &Path, leave_out: LeaveOut<'_>, visit: &mut dyn FnMut(Met<'_>)) -> Vec<Gap> {
        let excluded = |path: &Path| self.excluded(path).or_else(|| leave_out(path));
        match self.files(start) {
            Ok(files) => {
                let mut gaps = files.walk(start, &self.limits, &excluded, visit);
                if start == Path::new("/") {
                    for drive in self.drives() {
                        gaps.extend(files.walk(&drive, &self.limits, &excluded, visit));
                    }
                }
                gaps
            }
            Err(gap) => vec![gap],
        }
    }

    /// What stands at a path when its last link is not followed.
    ///
    /// # Errors
    /// A gap when that cannot be told.
    pub fn entry(&self, path: &Path) -> Result<Option<EntryKind>, Gap> {
        self.files(path)?.entry(path)
    }

    /// Where a path leads within the root when all its links are followed; nothing, if it leads nowhere.
    ///
    /// # Errors
    /// A gap when that cannot be told.
    pub fn resolve(&self, path: &Path) -> Result<Option<PathBuf>, Gap> {
        self.files(path)?.resolved(path)
    }

    /// What a symbolic link says.
    ///
    /// # Errors
    /// A gap when it is no link or cannot be read.
    pub fn link(&self, path: &Path) -> Result<PathBuf, Gap> {
        self.files(path)?.link(path)
    }
}

fn target_error(place: &Path, error: &std::io::Error) -> Error {
    Error::Target { place: place.display().to_string(), reason: operator::reason(error) }
}

fn too_large(place: Text, bound: u64) -> Gap {
    Gap::new(GapCode::TooLarge, place, format!("larger than the bound of {bound} bytes, so not read"))
}

/// The gap that a failed operation leaves.
pub(crate) fn io_gap(path: &Path, doing: &str, error: &std::io::Error) -> Gap {
    use std::io::ErrorKind;
    if let Some((code, what, blocks)) = windows::error(error) {
        let gap = Gap::new(code, Text::from_path(path), format!("cannot {doing} it: {what}"));
        return if blocks { gap } else { gap.note() };
    }
    let (code, what) = match error.kind() {
        ErrorKind::PermissionDenied => {
            (GapCode::Denied, "permission denied; run as root or another user who may".to_owned())
        }
        ErrorKind::NotADirectory => (GapCode::Special, "a part of its path is no folder".to_owned()),
        // Windows says the second of a name that no file can have.
        ErrorKind::NotFound | ErrorKind::InvalidFilename => (GapCode::Missing, "it is not there".to_owned()),
        ErrorKind::Unsupported => (GapCode::Unsupported, error.to_string()),
        _ => (GapCode::Io, error.to_string()),
    };
    Gap::new(code, Text::from_path(path), format!("cannot {doing} it: {what}"))
}
