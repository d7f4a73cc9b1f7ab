//! The units of one manager: what stands under each name, what changes it, and which start by themselves.
//!
//! Format: systemd.unit(5). A unit is its name: the highest folder that has the name wins, an empty file or a link to
//! `/dev/null` there forbids it, and a link to another unit's name is only an alias. Of drop-ins with one file name the
//! one nearest to the unit's own name counts, and they are read in order of their file names wherever they lie.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::folders::Folder;
use crate::inventory::{Gap, GapCode};
use crate::parse::unit::{Damage, MAX_BYTES, Unit};
use crate::sources::Sink;
use crate::sources::named::plain;
use crate::target::{Entry, EntryKind, Target, io_gap};
use crate::text::{Text, bytes_to_path};

/// Endings of folders whose links are what another unit asks for.
const ASKS: &[&[u8]] = &[b".wants", b".requires", b".upholds"];
/// Drop-ins read for all units of a manager together, each as often as it changes one.
const MAX_DROPINS: usize = 100_000;
const NULL: &str = "/dev/null";

/// The sorts of units that run programs or start those that do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sort {
    Service,
    Timer,
    Path,
    Socket,
}

impl Sort {
    /// The sort of a unit's name.
    pub(super) fn of(name: &OsStr) -> Option<Self> {
        let ending = name.as_encoded_bytes().rsplit(|&b| b == b'.').next()?;
        match ending {
            b"service" => Some(Self::Service),
            b"timer" => Some(Self::Timer),
            b"path" => Some(Self::Path),
            b"socket" => Some(Self::Socket),
            _ => None,
        }
    }

    /// The section of its own.
    pub(super) fn section(self) -> &'static str {
        match self {
            Self::Service => "Service",
            Self::Timer => "Timer",
            Self::Path => "Path",
            Self::Socket => "Socket",
        }
    }
}

/// What the folders say.
#[derive(Default)]
pub(super) struct Units {
    /// What stands under each name, highest folder first.
    names: BTreeMap<OsString, Vec<Found>>,
    /// The highest link of each name in each folder of links.
    asks: BTreeMap<(OsString, OsString), PathBuf>,
    /// The highest drop-in of each name, by the name that its folder is for.
    dropins: BTreeMap<OsString, BTreeMap<OsString, PathBuf>>,
    /// The other names of each unit.
    aliases: BTreeMap<OsString, Vec<OsString>>,
    /// Names of which a user's own folders speak.
    own: BTreeSet<OsString>,
    /// The units that start by themselves.
    pub(super) enabled: BTreeSet<OsString>,
    dropins_read: Cell<usize>,
}

struct Found {
    path: PathBuf,
    stands: Stands,
    admin: bool,
}

/// What stands under the name of a unit.
enum Stands {
    /// The unit, in this file.
    Unit(PathBuf),
    /// A link that forbids it.
    Mask,
    /// Another name of this unit.
    Alias(OsString),
    /// A link to a unit that is gone.
    Gone,
}

/// What a name means when all is read.
pub(super) enum Loaded {
    /// A unit, the file it is in, and whether it is forbidden.
    Unit { file: PathBuf, unit: Unit, masked: bool },
    /// Only this link is left of it.
    Left(PathBuf),
}

impl Units {
    /// Reads the folders of a manager, the highest first.
    pub(super) fn read(target: &Target, sink: &mut Sink, folders: &[Rc<Folder>]) -> Self {
        let mut units = Self::default();
        for folder in folders {
            for entry in &folder.entries {
                units.add(target, sink, folders, folder, entry);
            }
        }
        for (name, all) in &units.names {
            if let Some(unit) = units.meaning(name).filter(|unit| unit != name) {
                let is_alias = all.iter().any(|found| matches!(found.stands, Stands::Alias(_)));
                units.aliases.entry(unit).or_default().extend(is_alias.then(|| name.clone()));
            }
        }
        units.enable(target, sink);
        units
    }

    fn add(
        &mut self,
        target: &Target,
        sink: &mut Sink,
        folders: &[Rc<Folder>],
        folder: &Folder,
        entry: &Entry,
    ) {
        let path = folder.path.join(&entry.name);
        let name = entry.name.as_encoded_bytes();
        let mut spoken = Vec::new();
        if Sort::of(&entry.name).is_some() {
            if let Some(stands) = sink.keep(stands(target, folders, &path, entry.kind)) {
                let found = Found { path, stands, admin: folder.admin };
                self.names.entry(entry.name.clone()).or_default().push(found);
            }
            spoken.push(entry.name.clone());
        } else if let Some(unit) = name.strip_suffix(b".d").map(os_string).filter(|n| Sort::of(n).is_some()) {
            for inner in inside(target, sink, &path, entry.kind) {
                if inner.name.as_encoded_bytes().ends_with(b".conf") {
                    let dropins = self.dropins.entry(unit.clone()).or_default();
                    dropins.entry(inner.name.clone()).or_insert(path.join(inner.name));
                    spoken.push(unit.clone());
                }
            }
        } else if ASKS.iter().any(|end| name.ends_with(end)) {
            for inner in inside(target, sink, &path, entry.kind) {
                if inner.kind == EntryKind::Link && Sort::of(&inner.name).is_some() {
                    let key = (entry.name.clone(), inner.name.clone());
                    spoken.push(inner.name.clone());
                    self.asks.entry(key).or_insert(path.join(inner.name));
                }
            }
        }
        if folder.own {
            self.own.extend(spoken);
        }
    }

    /// Finds the units that start by themselves. A link of a unit that no folder holds is added to the names: older
    /// versions of systemd start the file it leads to.
    fn enable(&mut self, target: &Target, sink: &mut Sink) {
        let mut enabled = BTreeSet::new();
        for (name, found) in &self.names {
            if let Some(Found { stands: Stands::Alias(_) | Stands::Gone, .. }) =
                found.iter().find(|f| f.admin)
            {
                enabled.insert(self.meaning(name).unwrap_or(name.clone()));
            }
        }
        for ((_, name), path) in std::mem::take(&mut self.asks) {
            let Some(leads) = sink.keep(leads(target, &path)) else { continue };
            let stands = match leads {
                Leads::Null => continue,
                Leads::To(file) => Stands::Unit(file),
                Leads::Nowhere(_) => Stands::Gone,
            };
            if let Some(unit) = self.meaning(&name) {
                // An instance that is told by itself is enabled by itself too.
                enabled.extend([unit, name]);
            } else {
                enabled.insert(name.clone());
                self.names.entry(name).or_default().push(Found { path, stands, admin: false });
            }
        }
        self.enabled = enabled;
    }

    /// The names to tell of: all that stand in a folder, and the instances that drop-ins change.
    pub(super) fn all(&self) -> BTreeSet<OsString> {
        let instances =
            self.dropins.keys().filter(|n| !self.names.contains_key(*n) && self.file(n).is_some());
        self.names.keys().chain(instances).cloned().collect()
    }

    /// Those of which a user's own folders speak.
    pub(super) fn own(&self) -> BTreeSet<OsString> {
        let mut meant: BTreeSet<OsString> = self.own.iter().filter_map(|name| self.meaning(name)).collect();
        meant.extend(self.own.iter().cloned());
        self.all().into_iter().filter(|n| self.dropin_names(n).iter().any(|n| meant.contains(n))).collect()
    }

    /// The unit that a name means: that of the name, the one it is an alias of, or their template.
    pub(super) fn meaning(&self, name: &OsStr) -> Option<OsString> {
        with_template(name).into_iter().find_map(|name| {
            self.names.get(&name)?.iter().find_map(|found| match &found.stands {
                Stands::Unit(_) | Stands::Mask => Some(name.clone()),
                Stands::Alias(of) => self.file(of),
                Stands::Gone => None,
            })
        })
    }

    /// The name, or that of its template, if a unit stands under it.
    fn file(&self, name: &OsStr) -> Option<OsString> {
        let is_unit = |found: &Found| matches!(found.stands, Stands::Unit(_) | Stands::Mask);
        with_template(name).into_iter().find(|n| self.names.get(n).is_some_and(|all| all.iter().any(is_unit)))
    }

    /// What a name means; nothing, if it is an alias or no more than forbidden.
    pub(super) fn load(&self, target: &Target, sink: &mut Sink, name: &OsStr) -> Option<Loaded> {
        let mut masked = false;
        let all = self.names.get(name).or_else(|| self.names.get(&self.file(name)?))?;
        for Found { stands, .. } in all {
            let file = match stands {
                Stands::Unit(file) => file,
                Stands::Mask => {
                    masked = true;
                    continue;
                }
                Stands::Alias(of) if self.file(of).is_some() => return None,
                Stands::Alias(_) | Stands::Gone => continue,
            };
            let unit = match read(target, file) {
                Ok(None) => continue,
                Ok(Some(bytes)) if bytes.is_empty() => {
                    masked = true;
                    continue;
                }
                Ok(Some(bytes)) => self.unit(target, sink, name, file, &bytes),
                Err(gap) => {
                    // A file that cannot be read is a unit of this name all the same; a pipe or a folder is none.
                    let is_unit = matches!(gap.code, GapCode::Denied | GapCode::TooLarge | GapCode::Io);
                    sink.gap(gap);
                    if !is_unit {
                        continue;
                    }
                    Unit::default()
                }
            };
            return Some(Loaded::Unit { file: file.clone(), unit, masked });
        }
        let first = all.first().filter(|_| self.meaning(name).is_none())?;
        Some(Loaded::Left(first.path.clone()))
    }

    /// A unit with its drop-ins.
    fn unit(&self, target: &Target, sink: &mut Sink, name: &OsStr, file: &Path, bytes: &[u8]) -> Unit {
        let mut unit = Unit::parse(bytes);
        damage(sink, file, &unit);
        let mut dropins: BTreeMap<&OsString, &PathBuf> = BTreeMap::new();
        for (name, path) in self.dropin_names(name).iter().filter_map(|n| self.dropins.get(n)).flatten() {
            dropins.entry(name).or_insert(path);
        }
        for path in dropins.values() {
            if self.dropins_read.get() == MAX_DROPINS {
                let reason =
                    format!("its drop-ins were not all read: units have more than {MAX_DROPINS} together");
                sink.gap(Gap::new(GapCode::TooMany, Text::from_path(file), reason));
                break;
            }
            self.dropins_read.set(self.dropins_read.get() + 1);
            if matches!(leads(target, path), Ok(Leads::Null | Leads::Nowhere(_))) {
                continue;
            }
            if let Some(bytes) = sink.keep(read(target, path)).flatten() {
                let dropin = Unit::parse(&bytes);
                damage(sink, path, &dropin);
                unit.append(dropin);
            }
        }
        unit
    }

    /// The names for which a unit's drop-ins are, the nearest first: its own, its template's, those of its aliases,
    /// each with its beginnings up to a dash, and that of all units of its sort.
    fn dropin_names(&self, name: &OsStr) -> Vec<OsString> {
        let aliases = self.aliases.get(name).into_iter().flatten().map(OsString::as_os_str);
        let mut names = Vec::new();
        for name in std::iter::once(name).chain(aliases).flat_map(with_template) {
            let bytes = name.as_encoded_bytes();
            let end = bytes.iter().position(|&b| b == b'@');
            let end = end.or_else(|| bytes.iter().rposition(|&b| b == b'.')).unwrap_or_default();
            let (mut start, rest) = bytes.split_at(end);
            let mut beginnings = Vec::new();
            while let Some(dash) = start
                .len()
                .checked_sub(1)
                .and_then(|last| start.get(..last)?.iter().rposition(|&b| b == b'-'))
            {
                start = start.get(..=dash).unwrap_or_default();
                beginnings.push(os_string(&[start, rest].concat()));
            }
            names.push(name);
            names.extend(beginnings);
        }
        names.extend(Sort::of(name).map(|sort| sort.section().to_ascii_lowercase().into()));
        names
    }
}

/// What an entry under the name of a unit stands for. What is neither a file nor a link is told when it is read.
fn stands(target: &Target, folders: &[Rc<Folder>], path: &Path, kind: EntryKind) -> Result<Stands, Gap> {
    if kind != EntryKind::Link {
        return Ok(Stands::Unit(path.to_owned()));
    }
    let other = |file: &Path| {
        let name = file.file_name().filter(|n| Some(*n) != path.file_name())?;
        (Sort::of(name) == Sort::of(path.file_name()?)).then(|| name.to_owned())
    };
    Ok(match leads(target, path)? {
        Leads::Null => Stands::Mask,
        Leads::To(file) => match other(&file) {
            Some(name) if file.parent().is_some_and(|p| folders.iter().any(|f| f.real == p)) => {
                Stands::Alias(name)
            }
            _ => Stands::Unit(file),
        },
        Leads::Nowhere(file) => other(&file).map_or(Stands::Gone, Stands::Alias),
    })
}

/// Where a link leads.
enum Leads {
    Null,
    To(PathBuf),
    /// To this place, where nothing is.
    Nowhere(PathBuf),
}

fn leads(target: &Target, link: &Path) -> Result<Leads, Gap> {
    // The root of an image need not have a /dev/null.
    let says = plain(&link.parent().unwrap_or(Path::new("/")).join(target.link(link)?));
    if says == Path::new(NULL) {
        return Ok(Leads::Null);
    }
    match target.resolve(link) {
        Ok(Some(file)) if file == Path::new(NULL) => Ok(Leads::Null),
        Ok(Some(file)) => Ok(Leads::To(file)),
        Ok(None) => Ok(Leads::Nowhere(says)),
        Err(gap) if gap.code == GapCode::Special => Ok(Leads::Nowhere(says)),
        Err(gap) => Err(gap),
    }
}

/// The entries of a folder, or of one that a link leads to.
fn inside(target: &Target, sink: &mut Sink, path: &Path, kind: EntryKind) -> Vec<Entry> {
    let is_folder = match kind {
        EntryKind::Folder => true,
        EntryKind::Link => !matches!(leads(target, path), Ok(Leads::Null | Leads::Nowhere(_))),
        EntryKind::File | EntryKind::Special => false,
    };
    if is_folder { sink.keep(target.list(path)).flatten().unwrap_or_default() } else { Vec::new() }
}

/// Tells of damaged lines; where the unit still says what it starts, it is known in spite of them.
fn damage(sink: &mut Sink, file: &Path, unit: &Unit) {
    let Some(Damage { line, count }) = unit.damage else { return };
    let reason = format!(
        "{count} lines, from line {line} on, are neither a section nor a setting; look there for what it starts"
    );
    let gap = Gap::new(GapCode::Damaged, Text::from_path(file), reason);
    sink.gap(if unit.list("Service", "ExecStart").is_empty() { gap } else { gap.note() });
}

/// The bytes of a unit file; nothing, if it is gone since it was listed.
fn read(target: &Target, file: &Path) -> Result<Option<Vec<u8>>, Gap> {
    // systemd reads no pipe or folder either, so no unit hides there.
    let special = |gap: Gap| if gap.code == GapCode::Special { gap.note() } else { gap };
    let Some(from) = target.open(file).map_err(special)? else { return Ok(None) };
    let bound = u64::try_from(MAX_BYTES).unwrap_or(u64::MAX);
    let mut bytes = Vec::new();
    from.take(bound + 1).read_to_end(&mut bytes).map_err(|e| io_gap(file, "read", &e))?;
    if bytes.len() > MAX_BYTES {
        let reason =
            format!("larger than the bound of {MAX_BYTES} bytes, so not read; look there for what it starts");
        return Err(Gap::new(GapCode::TooLarge, Text::from_path(file), reason));
    }
    Ok(Some(bytes))
}

/// A name and, if it is one of an instance, `name@instance.service`, that of the template, `name@.service`.
fn with_template(name: &OsStr) -> Vec<OsString> {
    let bytes = name.as_encoded_bytes();
    let at = bytes.iter().position(|&b| b == b'@').and_then(|at| bytes.get(..=at));
    let end = bytes.iter().rposition(|&b| b == b'.').and_then(|dot| bytes.get(dot..)).unwrap_or_default();
    let template = at.map(|at| os_string(&[at, end].concat()));
    std::iter::once(name.to_owned()).chain(template.filter(|t| t != name)).collect()
}

pub(super) fn os_string(bytes: &[u8]) -> OsString {
    bytes_to_path(bytes).into_os_string()
}
