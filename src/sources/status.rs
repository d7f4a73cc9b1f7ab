//! The status file and the lists of files that dpkg and opkg both keep.
//!
//! Format: dpkg(1), deb-control(5), deb-md5sums(5). opkg began as a small dpkg and writes the same, with two more
//! states. `config-files` is a remnant, not an installed package; every other state but `not-installed` has files on
//! the disk. The lists of files are a second witness: a list without a record shows that the status file was cut.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::inventory::{Gap, GapCode};
use crate::item::{Item, Kind, State};
use crate::parse::deb822::{Paragraph, Paragraphs};
use crate::sources::Sink;
use crate::sources::owners::own_paths;
use crate::target::{EntryKind, Target, io_gap};
use crate::text::Text;

/// A package manager that keeps such files.
pub(super) struct Manager {
    /// What the ids of its items begin with.
    pub(super) id: &'static str,
    /// The ecosystem of its packages.
    pub(super) ecosystem: &'static str,
    /// States besides dpkg's in which files of a package are on the disk.
    pub(super) states: &'static [&'static [u8]],
    /// Whether the list of a package without files is empty; dpkg lists the root first.
    pub(super) empty_lists: bool,
}

/// The ending of the digests of a package's files, which images without dpkg have in place of a list.
pub(super) const DIGESTS: &str = ".md5sums";
/// Fields of a record that are kept.
const KEEP: &[&str] = &[
    "Package",
    "Status",
    "Version",
    "Architecture",
    "Maintainer",
    "Homepage",
    "Conffiles",
    "Installed-Time",
];

/// What the database says of one package, by name and architecture.
pub(super) type Records = BTreeMap<(Text, Text), Item>;

/// Files that list those of a package, by the name of the package, with its architecture where dpkg adds it.
pub(super) type Lists = BTreeMap<String, PathBuf>;

/// How a file of the database is written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// Every package with its state.
    Status,
    /// One installed package, without a state.
    Single,
    /// One package with its newer state.
    Update,
}

impl Form {
    /// Whether a file of this name holds records of this form.
    pub(super) fn holds(self, name: &str) -> bool {
        match self {
            Self::Status => true,
            Self::Single => !name.starts_with('.'),
            // dpkg names them by number alone.
            Self::Update => name.bytes().all(|b| b.is_ascii_digit()),
        }
    }
}

/// Reads a file of the database.
pub(super) fn read(
    manager: &Manager,
    sink: &mut Sink,
    records: &mut Records,
    path: &Path,
    from: impl std::io::BufRead,
    form: Form,
) {
    let place = Text::from_path(path);
    let mut any = false;
    for paragraph in Paragraphs::new(from, KEEP) {
        let paragraph = match paragraph {
            Ok(paragraph) => paragraph,
            Err(e) => {
                sink.gap(io_gap(path, "read on in", &e));
                return;
            }
        };
        any = true;
        let last = paragraph.line;
        // Both close every record of a status file with an empty line.
        if paragraph.open_end && form == Form::Status {
            let reason =
                format!("ends within the record that begins in line {last}; packages after it are unknown");
            sink.gap(Gap::new(GapCode::Truncated, place.clone(), reason));
        }
        if let Some(line) = paragraph.damaged {
            let reason =
                format!("line {line} is no field of a package record; packages around it may be missing");
            sink.gap(Gap::new(GapCode::Damaged, place.clone(), reason));
        }
        match item(manager, &paragraph, &place, form) {
            Ok(Some(found)) => {
                if found.version.is_none() && found.state == State::Installed {
                    let reason = format!("the record of {} in line {last} has no Version field", found.name);
                    sink.gap(Gap::new(GapCode::Damaged, place.clone(), reason));
                }
                let arch = Text::from_bytes(paragraph.get("Architecture").unwrap_or_default());
                let name = found.name.clone();
                let before = records.insert((name.clone(), arch), found);
                if before.is_some() && form == Form::Status {
                    twice(sink, &place, &name, last);
                }
            }
            Ok(None) => {
                let [name, arch] = ["Package", "Architecture"].map(|f| paragraph.get(f).unwrap_or_default());
                let key = (Text::from_bytes(name), Text::from_bytes(arch));
                if records.remove(&key).is_some() && form == Form::Status {
                    twice(sink, &place, &key.0, last);
                }
            }
            Err(what) => {
                let name = paragraph.get("Package").map_or_else(|| "a package".into(), Text::from_bytes);
                let reason = format!("the record of {name} in line {last} has no {what}, so it was left out");
                sink.gap(Gap::new(GapCode::Damaged, place.clone(), reason));
            }
        }
    }
    if !any {
        sink.gap(Gap::new(GapCode::Empty, place, "it is empty; a package database never is"));
    }
}

/// Tells of a second record, which neither ever writes.
fn twice(sink: &mut Sink, place: &Text, name: &Text, line: usize) {
    let reason =
        format!("the record of {name} in line {line} is its second; which of them is true is unknown");
    sink.gap(Gap::new(GapCode::Damaged, place.clone(), reason));
}

/// The item of a record; nothing for a package that is not there; the name of a field that is lacking.
fn item(
    manager: &Manager,
    record: &Paragraph,
    place: &Text,
    form: Form,
) -> Result<Option<Item>, &'static str> {
    let field = |name| record.get(name).filter(|v| !v.is_empty()).map(Text::from_bytes);
    let name = field("Package").ok_or("Package field")?;
    let state = match (record.get("Status"), form) {
        (Some(status), _) => {
            // Want, flag, state (dpkg(1)).
            let words: Vec<&[u8]> = status.split(u8::is_ascii_whitespace).filter(|w| !w.is_empty()).collect();
            match words.last() {
                Some(&b"not-installed") => return Ok(None),
                Some(&b"config-files") => State::Remnant,
                Some(
                    &(b"installed" | b"unpacked" | b"half-configured" | b"half-installed"
                    | b"triggers-awaited" | b"triggers-pending"),
                ) if words.len() == 3 => State::Installed,
                Some(state) if words.len() == 3 && manager.states.contains(state) => State::Installed,
                _ => return Err("known Status"),
            }
        }
        (None, Form::Single) => State::Installed,
        (None, _) => return Err("Status field"),
    };
    let version = field("Version");
    let arch = field("Architecture");
    let mut item = Item::new(Kind::Package, name, place.clone());
    let suffix = arch.as_ref().map(|a| format!(":{}", a.raw())).unwrap_or_default();
    item.id = format!("{}:{}{suffix}", manager.id, item.name.raw()).into();
    item.state = state;
    item.version = version;
    item.publisher = field("Maintainer");
    item.homepage = field("Homepage");
    item.ecosystem = Some(manager.ecosystem.into());
    item.scope = Some("machine".into());
    // Only opkg writes it, in seconds.
    let time = field("Installed-Time").and_then(|time| time.raw().parse().ok());
    let time = time.and_then(|time| jiff::Timestamp::from_second(time).ok());
    item.installed = time.map(|time| time.to_string().into());
    let conffiles = record.get("Conffiles").unwrap_or_default();
    let files = conffiles.split(|&b| b == b'\n').filter_map(|l| l.trim_ascii().split(|&b| b == b' ').next());
    item.paths = own_paths(files.filter(|f| !f.is_empty()));
    Ok(Some(item))
}

/// Reads the lists of files, and tells of packages that only their list still knows.
pub(super) fn file_lists(
    manager: &Manager,
    target: &Target,
    sink: &mut Sink,
    info: &Path,
    records: &mut Records,
    mut lists: Lists,
) {
    let mut without = 0;
    for ((name, arch), item) in records.iter_mut() {
        // Packages that may be installed for several architectures carry theirs in the name of the list.
        let names = [format!("{}:{}", name.raw(), arch.raw()), name.raw().to_owned()];
        let Some(path) = names.iter().find_map(|n| lists.remove(n)) else {
            without += usize::from(item.state == State::Installed);
            continue;
        };
        let Some(bytes) = sink.keep(target.read(&path)).flatten() else { continue };
        let digests = path.extension().is_some_and(|e| e == DIGESTS.trim_start_matches('.'));
        let is_path =
            |line: &[u8]| line.is_empty() || digests || (line.starts_with(b"/") && !line.contains(&0));
        if (bytes.is_empty() && !digests && !manager.empty_lists)
            || !bytes.split(|&b| b == b'\n').all(is_path)
        {
            let reason = format!("it is no list of files, so what {} owns is unknown", item.name);
            sink.gap(Gap::new(GapCode::Damaged, Text::from_path(&path), reason));
        }
        let files = bytes.split(|&b| b == b'\n').filter_map(|line| listed(line, digests));
        let files: Vec<Cow<'_, [u8]>> = files.collect();
        if item.state == State::Installed {
            for file in &files {
                sink.owns(file, &item.id);
            }
        }
        let conffiles: Vec<Vec<u8>> = item.paths.iter().map(Text::to_bytes).collect();
        item.paths = own_paths(conffiles.into_iter().map(Cow::Owned).chain(files));
    }
    if without > 0 {
        let reason =
            format!("installed packages without a list of their files: {without}; what they own is unknown");
        sink.gap(Gap::new(GapCode::Missing, Text::from_path(info), reason).note());
    }
    // Only a plain file is a list that dpkg wrote; of a package that was purged nothing stays.
    lists.retain(|_, path| path.extension().is_some_and(|e| e == "list"));
    lists.retain(|_, path| matches!(target.entry(path), Ok(Some(EntryKind::File))));
    if !lists.is_empty() {
        let some: Vec<&str> = lists.keys().take(5).map(String::as_str).collect();
        let more = if lists.len() > some.len() { " …" } else { "" };
        let reason = format!(
            "lists the files of {} packages of which the database has no record ({}{more}): it was cut or damaged",
            lists.len(),
            some.join(", ")
        );
        sink.gap(Gap::new(GapCode::Damaged, Text::from_path(info), reason));
    }
}

/// The file that a line of a list names, from the root on.
fn listed(line: &[u8], digests: bool) -> Option<Cow<'_, [u8]>> {
    if digests {
        // A digest of MD5, two blanks, the path without its first slash (deb-md5sums(5)).
        let path = line.get(34..).filter(|path| !path.is_empty())?;
        return Some(Cow::Owned([b"/", path].concat()));
    }
    // Some versions of opkg write the rights of a file behind its path.
    let path = line.split(|&b| b == b'\t').next().unwrap_or(line);
    (path.len() > 2).then_some(Cow::Borrowed(path))
}
