//! Services of systemd's system manager, from the unit files in its search path.
//!
//! Format: systemd.unit(5), systemd.service(5). A unit is its name: the highest folder that has the name wins, an empty
//! file or a link to `/dev/null` there forbids it, and a link to another unit's name is only an alias. Drop-ins may
//! change what a service starts; those of the unit's own name are read.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::io::Read;
use std::path::{Component, Path, PathBuf};

use crate::inventory::{Gap, GapCode};
use crate::item::{Item, Kind, State};
use crate::parse::unit::{Damage, MAX_BYTES, Unit, is_wrapper, programs};
use crate::sources::{Depth, Needs, Sink, Source};
use crate::target::{Entry, EntryKind, Target, io_gap};
use crate::text::{Text, bytes_to_path};

pub(super) const SOURCE: Source = Source {
    id: "systemd",
    about: "systemd services",
    expects: &[],
    needs: Needs::Files,
    depth: Depth::Standard,
    yields: &[Kind::Service],
    rights: "none: unit files are readable by everyone unless someone changed that",
    blind: "a unit file that was deleted, a unit made only while the system runs, and the drop-ins of an alias, of one \
            instance, of a name's beginning or of all services; a program named without its folder",
    collect,
};

/// The search path, highest first (systemd.unit(5)).
const FOLDERS: &[&str] = &[
    "/etc/systemd/system.control",
    "/run/systemd/system.control",
    "/run/systemd/transient",
    "/run/systemd/generator.early",
    ADMIN,
    "/etc/systemd/system.attached",
    "/run/systemd/system",
    "/run/systemd/system.attached",
    "/run/systemd/generator",
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
    "/run/systemd/generator.late",
];
/// Where an alias is made by enabling a unit; in a lower folder it came with the package.
const ADMIN: &str = "/etc/systemd/system";
/// Endings of folders whose links are what another unit asks for.
const ASKS: &[&[u8]] = &[b".wants", b".requires", b".upholds"];
/// Settings whose value is run, what is started first.
const RUNS: &[&str] = &[
    "ExecStart",
    "ExecCondition",
    "ExecStartPre",
    "ExecStartPost",
    "ExecReload",
    "ExecStop",
    "ExecStopPost",
];
/// Settings that give a service other files than those of the root, so that its executable may lie in them.
const OTHER_FILES: &[&str] = &[
    "RootDirectory",
    "RootImage",
    "ExtensionDirectories",
    "ExtensionImages",
    "MountImages",
    "BindPaths",
    "BindReadOnlyPaths",
];
const NULL: &str = "/dev/null";

/// What the folders say.
#[derive(Default)]
struct Units {
    /// What stands under each name, highest folder first.
    names: BTreeMap<OsString, Vec<Found>>,
    /// The highest link of each name in each folder of links.
    asks: BTreeMap<(OsString, OsString), PathBuf>,
    /// The highest drop-in of each name, by unit.
    dropins: BTreeMap<OsString, BTreeMap<OsString, PathBuf>>,
}

struct Found {
    path: PathBuf,
    stands: Stands,
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

fn collect(target: &Target, sink: &mut Sink) {
    let mut folders: Vec<(&Path, PathBuf, Vec<Entry>)> = Vec::new();
    for folder in FOLDERS.iter().map(Path::new) {
        let Some(entries) = sink.keep(target.list(folder)).flatten() else { continue };
        let Some(real) = sink.keep(target.resolve(folder)).flatten() else { continue };
        // `/lib` often is a link to `/usr/lib`.
        if folders.iter().all(|(_, seen, _)| *seen != real) {
            folders.push((folder, real, entries));
        }
    }
    let real: Vec<PathBuf> = folders.iter().map(|(_, real, _)| real.clone()).collect();
    let mut units = Units::default();
    for (folder, _, entries) in folders {
        for entry in entries {
            units.add(target, sink, &real, folder, &entry);
        }
    }
    let enabled = units.enabled(target, sink);
    for (name, found) in &units.names {
        units.tell(target, sink, name, found, enabled.contains(name));
    }
}

impl Units {
    fn add(&mut self, target: &Target, sink: &mut Sink, folders: &[PathBuf], folder: &Path, entry: &Entry) {
        let path = folder.join(&entry.name);
        let name = entry.name.as_encoded_bytes();
        if is_service(&entry.name) {
            if let Some(stands) = sink.keep(stands(target, folders, &path, entry.kind)) {
                self.names.entry(entry.name.clone()).or_default().push(Found { path, stands });
            }
        } else if let Some(unit) = name.strip_suffix(b".d").map(os_string).filter(|unit| is_service(unit)) {
            for inner in inside(target, sink, &path, entry.kind) {
                if inner.name.as_encoded_bytes().ends_with(b".conf") {
                    let dropins = self.dropins.entry(unit.clone()).or_default();
                    dropins.entry(inner.name.clone()).or_insert(path.join(inner.name));
                }
            }
        } else if ASKS.iter().any(|end| name.ends_with(end)) {
            for inner in inside(target, sink, &path, entry.kind) {
                if inner.kind == EntryKind::Link && is_service(&inner.name) {
                    let key = (entry.name.clone(), inner.name.clone());
                    self.asks.entry(key).or_insert(path.join(inner.name));
                }
            }
        }
    }

    /// The names of the units that the system starts by itself. A link of a unit that no folder holds is added to the
    /// names: older versions of systemd start the file it leads to.
    fn enabled(&mut self, target: &Target, sink: &mut Sink) -> BTreeSet<OsString> {
        let mut enabled = BTreeSet::new();
        for (name, found) in &self.names {
            if let Some(Found { stands: Stands::Alias(_) | Stands::Gone, .. }) =
                found.iter().find(|f| f.path.starts_with(ADMIN))
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
                enabled.insert(unit);
            } else {
                enabled.insert(name.clone());
                self.names.entry(name).or_default().push(Found { path, stands });
            }
        }
        enabled
    }

    /// The unit that a name means: that of the name, the one it is an alias of, or their template.
    fn meaning(&self, name: &OsStr) -> Option<OsString> {
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

    /// Gives the item of a name, unless it is an alias or forbidden.
    fn tell(&self, target: &Target, sink: &mut Sink, name: &OsStr, found: &[Found], enabled: bool) {
        let mut masked = false;
        for Found { stands, .. } in found {
            let file = match stands {
                Stands::Unit(file) => file,
                Stands::Mask => {
                    masked = true;
                    continue;
                }
                Stands::Alias(of) if self.file(of).is_some() => return,
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
            sink.item(item(target, name, file, &unit, enabled, masked));
            return;
        }
        if let (None, Some(first)) = (self.meaning(name), found.first()) {
            let mut item = item(target, name, &first.path, &Unit::default(), enabled, false);
            item.state = State::Remnant;
            sink.item(item);
        }
    }

    /// A unit with its drop-ins, in order of their names whatever folder they are in.
    fn unit(&self, target: &Target, sink: &mut Sink, name: &OsStr, file: &Path, bytes: &[u8]) -> Unit {
        let mut unit = Unit::parse(bytes);
        damage(sink, file, &unit);
        for path in self.dropins.get(name).into_iter().flat_map(BTreeMap::values) {
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
}

fn item(target: &Target, name: &OsStr, file: &Path, unit: &Unit, enabled: bool, masked: bool) -> Item {
    let run =
        |key: &&str| -> Vec<Vec<u8>> { unit.list("Service", key).into_iter().flat_map(programs).collect() };
    let name = Text::from_bytes(name.as_encoded_bytes());
    let mut item = Item::new(Kind::Service, name.clone(), Text::from_path(file));
    item.id = format!("systemd:{}", name.raw()).into();
    item.service = Some(name);
    item.scope = Some("machine".into());
    item.enabled = Some(enabled && !masked);
    let starts = unit.list("Service", "ExecStart");
    item.command = (!starts.is_empty()).then(|| Text::from_bytes(&starts.join(&b"; "[..])));
    item.user = unit.list("Service", "User").pop().map(Text::from_bytes);
    let mut seen = BTreeSet::new();
    let absolute = RUNS.iter().flat_map(run).filter(|program| program.starts_with(b"/"));
    let paths = absolute.flat_map(|program| {
        let path = plain(&bytes_to_path(&program));
        let behind = behind(target, &path);
        std::iter::once(path).chain(behind)
    });
    let paths = paths.map(|path| Text::from_path(&path));
    item.paths = paths.filter(|path| seen.insert(path.clone())).collect();
    let elsewhere = OTHER_FILES.iter().any(|key| !unit.list("Service", key).is_empty());
    let mut starts = run(&"ExecStart");
    if !starts.iter().all(|program| is_wrapper(program)) {
        starts.retain(|program| !is_wrapper(program));
    }
    if !elsewhere && !starts.is_empty() && starts.iter().all(|program| is_gone(target, program)) {
        item.state = State::Remnant;
    } else if masked {
        item.state = State::Present;
    }
    item
}

/// The program that a link of another name leads to; `/lib` for `/usr/lib` is no other name.
fn behind(target: &Target, program: &Path) -> Option<PathBuf> {
    let real = target.resolve(program).ok()??;
    let same = program.strip_prefix("/").is_ok_and(|rest| real.ends_with(rest));
    (!same).then_some(real)
}

/// Whether a program surely is not there; a name without a folder, or with something to be filled in, may be, and so
/// may one on a volume that is not mounted.
fn is_gone(target: &Target, program: &[u8]) -> bool {
    program.starts_with(b"/")
        && !program.iter().any(|b| matches!(b, b'%' | b'$'))
        && match target.open(&bytes_to_path(program)) {
            Ok(found) => found.is_none(),
            // A part of its path is no folder, or a folder stands in its place.
            Err(gap) => gap.code == GapCode::Special,
        }
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

/// What an entry under the name of a service stands for. What is neither a file nor a link is told when it is read.
fn stands(target: &Target, folders: &[PathBuf], path: &Path, kind: EntryKind) -> Result<Stands, Gap> {
    if kind != EntryKind::Link {
        return Ok(Stands::Unit(path.to_owned()));
    }
    let other = |file: &Path| {
        file.file_name().filter(|n| is_service(n) && Some(*n) != path.file_name()).map(OsStr::to_owned)
    };
    Ok(match leads(target, path)? {
        Leads::Null => Stands::Mask,
        Leads::To(file) => match other(&file) {
            Some(name) if file.parent().is_some_and(|p| folders.iter().any(|f| f == p)) => {
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

/// A path from the root without `.`, `..` and doubled slashes.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::from("/");
    for component in path.components() {
        match component {
            Component::Normal(name) => plain.push(name),
            Component::ParentDir => drop(plain.pop()),
            _ => {}
        }
    }
    plain
}

fn is_service(name: &OsStr) -> bool {
    name.as_encoded_bytes().ends_with(b".service")
}

/// A name and, if it is one of an instance, `name@instance.service`, that of the template, `name@.service`.
fn with_template(name: &OsStr) -> Vec<OsString> {
    let bytes = name.as_encoded_bytes();
    let at = bytes.iter().position(|&b| b == b'@').and_then(|at| bytes.get(..=at));
    let template = at.map(|at| os_string(&[at, b".service"].concat()));
    std::iter::once(name.to_owned()).chain(template.filter(|t| t != name)).collect()
}

fn os_string(bytes: &[u8]) -> OsString {
    bytes_to_path(bytes).into_os_string()
}

#[cfg(test)]
#[cfg(unix)]
mod tests;
