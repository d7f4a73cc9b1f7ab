//! Snaps, from snapd's `state.json`, the files it mounts, and their descriptions where they are mounted.
//!
//! Format: snapcraft.io/docs ("System architecture", "The snap format", "Parallel installs"), `state.json` as snapd 2.x
//! writes it, snap-declaration and account assertions (documentation.ubuntu.com/core, "Assertions"). A disabled snap
//! is installed still; earlier revisions stay on the disk. Who published a snap stands in no part of it but in an
//! assertion. `state.json` is root's alone; without it, the files and what is mounted show what there is.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::json;
use crate::inventory::{Gap, GapCode};
use crate::item::{Item, Kind, State};
use crate::parse::deb822::Paragraphs;
use crate::parse::yaml::scalars;
use crate::sources::{Depth, Needs, Sink, Source};
use crate::target::{EntryKind, Target};
use crate::text::Text;

pub(super) const SOURCE: Source = Source {
    id: "snap",
    about: "snaps",
    expects: &[],
    needs: Needs::Files,
    depth: Depth::Quick,
    yields: &[Kind::Package],
    rights: "root for the list of snaps; else the files and what is mounted stand in for it",
    blind: "a snap cut from state.json together with its file, and the version of a snap that is not mounted",
    collect,
};

const STATE: &str = "/var/lib/snapd/state.json";
const FILES: &str = "/var/lib/snapd/snaps";
/// Snaps that came with an image and are installed when it first starts.
const SEED: &str = "/var/lib/snapd/seed/snaps";
const ASSERTIONS: &str = "/var/lib/snapd/assertions/asserts-v0";
/// Where snaps are mounted; the second on systems that allow no new folder in the root.
const MOUNTS: &[&str] = &["/snap", "/var/lib/snapd/snap"];
/// Bytes of a description or an assertion that are read.
const MAX_BYTES: u64 = 4 << 20;
/// Declarations that are read; one stays for each snap that ever was installed.
const MAX_DECLARATIONS: usize = 10_000;

/// The name of an installation of a snap, and the revision.
type Key = (String, String);

/// What stands in the folders, beside the list.
#[derive(Default)]
struct Seen {
    files: BTreeMap<Key, PathBuf>,
    seeds: BTreeMap<Key, PathBuf>,
    mounted: BTreeMap<Key, Mounted>,
    /// The revision of each snap that is active.
    current: BTreeMap<String, String>,
    publishers: Publishers,
}

struct Mounted {
    folder: PathBuf,
    /// The scalars of its description; none if that is damaged.
    says: BTreeMap<String, String>,
}

fn collect(target: &Target, sink: &mut Sink) {
    let mut seen = Seen {
        files: files(target, sink, Path::new(FILES)),
        seeds: files(target, sink, Path::new(SEED)),
        ..Seen::default()
    };
    for folder in MOUNTS.iter().map(Path::new) {
        mounts(target, sink, &mut seen, folder);
    }
    let state = json(target, Path::new(STATE));
    let any = !(seen.files.is_empty() && seen.seeds.is_empty() && seen.mounted.is_empty());
    if any || matches!(&state, Ok(Some(_))) {
        seen.publishers = Publishers::read(target, sink);
    }
    let mut told = BTreeSet::new();
    let listed = match state {
        Ok(Some(state)) => list(sink, &seen, &state, &mut told),
        Ok(None) => {
            if !seen.files.is_empty() {
                let reason =
                    "it is not there, though files of snaps are; which of them are installed is unknown";
                sink.gap(Gap::new(GapCode::Missing, STATE, reason));
            }
            false
        }
        Err(gap) => {
            // What is mounted then is the list, if it is all that there are files of.
            let whole = any && seen.files.keys().all(|key| seen.mounted.contains_key(key));
            sink.gap(if gap.code == GapCode::Denied && whole { gap.note() } else { gap });
            false
        }
    };
    for (key, mounted) in &seen.mounted {
        if told.insert(key.clone()) {
            let active = seen.current.get(&key.0).is_none_or(|current| *current == key.1);
            let state = if !listed && active { State::Installed } else { State::Present };
            tell(sink, &seen, key, None, state, &mounted.folder.join("meta/snap.yaml"));
        }
    }
    for (key, file) in seen.files.iter().chain(&seen.seeds) {
        if told.insert(key.clone()) {
            tell(sink, &seen, key, None, State::Present, file);
        }
    }
    if listed && told.is_empty() {
        let reason = "snapd is there and lists no snap, and there is no file of one";
        sink.gap(Gap::new(GapCode::Empty, STATE, reason).note());
    }
}

/// Tells of the snaps in the list; false, if it is none.
fn list(sink: &mut Sink, seen: &Seen, state: &Value, told: &mut BTreeSet<Key>) -> bool {
    let damaged =
        |what: String| Gap::new(GapCode::Damaged, STATE, format!("{what}; look through `snap list --all`"));
    let Some(data) = state.get("data").and_then(Value::as_object) else {
        sink.gap(damaged("it has no `data`, so the snaps it lists are unknown".into()));
        return false;
    };
    let none = serde_json::Map::new();
    let snaps = match data.get("snaps") {
        None | Some(Value::Null) => &none,
        Some(Value::Object(snaps)) => snaps,
        Some(_) => {
            sink.gap(damaged("its `snaps` are no list by name, so they are unknown".into()));
            return false;
        }
    };
    let (mut broken, mut without) = (Vec::new(), Vec::new());
    for (name, snap) in snaps {
        let current = revision(snap.get("current"));
        let mut whole = false;
        for side in snap.get("sequence").and_then(Value::as_array).into_iter().flatten() {
            let Some(revision) = revision(side.get("revision")) else { continue };
            let key = (name.clone(), revision);
            let is_current = current.as_ref() == Some(&key.1);
            whole |= is_current;
            if told.insert(key.clone()) {
                let state = if is_current { State::Installed } else { State::Present };
                tell(sink, seen, &key, Some(side), state, Path::new(STATE));
                if is_current && !seen.files.contains_key(&key) {
                    without.push(format!("{name}_{}.snap", key.1));
                }
            }
        }
        if !whole {
            broken.push(name.clone());
            let key = (name.clone(), current.unwrap_or_default());
            if told.insert(key.clone()) {
                tell(sink, seen, &key, None, State::Installed, Path::new(STATE));
            }
        }
    }
    if !broken.is_empty() {
        sink.gap(damaged(format!("the current revision is not among the revisions of {}", some(&broken))));
    }
    if !without.is_empty() {
        let reason = format!("the list has snaps without a file: {}", some(&without));
        sink.gap(Gap::new(GapCode::Missing, FILES, reason).note());
    }
    true
}

/// A revision; early versions of snapd wrote a number.
fn revision(value: Option<&Value>) -> Option<String> {
    match value? {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// Gives the item of one revision of a snap; `side` is what the list says of it.
fn tell(sink: &mut Sink, seen: &Seen, key: &Key, side: Option<&Value>, state: State, place: &Path) {
    let (instance, revision) = key;
    let side = |name: &str| side?.get(name)?.as_str().filter(|text| !text.is_empty());
    let mounted = seen.mounted.get(key);
    let says = |name: &str| mounted?.says.get(name).map(String::as_str);
    // A snap that is installed a second time has a key behind its name.
    let plain = instance.split('_').next().unwrap_or(instance);
    let name = side("name").or(says("name")).unwrap_or(plain);
    let mut item = Item::new(Kind::Package, name.into(), Text::from_path(place));
    item.id = format!("snap:{instance}:{revision}").into();
    item.state = state;
    item.version = says("version").map(Text::from);
    item.product = side("title").or(says("title")).map(Text::from);
    item.publisher = seen.publishers.of(side("snap-id"), name);
    item.ecosystem = Some("snap".into());
    item.scope = Some("machine".into());
    let folder = mounted.map(|mounted| &mounted.folder);
    if let Some(folder) = folder {
        sink.owns_below(folder, &item.id);
    }
    let file = seen.files.get(key).or_else(|| seen.seeds.get(key));
    item.paths = folder.into_iter().chain(file).map(|path| Text::from_path(path)).collect();
    sink.item(item);
}

/// The files of snaps in a folder, by what their names say.
fn files(target: &Target, sink: &mut Sink, folder: &Path) -> BTreeMap<Key, PathBuf> {
    let mut files = BTreeMap::new();
    for entry in sink.keep(target.list(folder)).flatten().unwrap_or_default() {
        let (name, path) = (entry.name.to_string_lossy().into_owned(), folder.join(&entry.name));
        let Some(stem) = name.strip_suffix(".snap") else { continue };
        // A snap that is tried out is a link to its folder.
        if entry.kind == EntryKind::Special {
            let reason = "a pipe, socket or device stands there, which is no file of a snap";
            sink.gap(Gap::new(GapCode::Special, Text::from_path(&path), reason).note());
            continue;
        }
        let (name, revision) = stem.rsplit_once('_').unwrap_or((stem, ""));
        files.insert((name.to_owned(), revision.to_owned()), path);
    }
    files
}

/// Adds what is mounted in a folder. A folder without a description is a place to mount at, and no snap.
fn mounts(target: &Target, sink: &mut Sink, seen: &mut Seen, folder: &Path) {
    for snap in sink.keep(target.list(folder)).flatten().unwrap_or_default() {
        if snap.kind != EntryKind::Folder || snap.name == "bin" {
            continue;
        }
        let (name, within) = (snap.name.to_string_lossy().into_owned(), folder.join(&snap.name));
        for entry in sink.keep(target.list(&within)).flatten().unwrap_or_default() {
            let (revision, folder) = (entry.name.to_string_lossy().into_owned(), within.join(&entry.name));
            if entry.kind == EntryKind::Link
                && revision == "current"
                && let Some(leads) = sink.keep(target.link(&folder))
            {
                let leads = leads.file_name().map(|n| n.to_string_lossy().into_owned());
                seen.current.extend(leads.map(|revision| (name.clone(), revision)));
            }
            let key = (name.clone(), revision);
            // One of the two folders often is a link to the other.
            if entry.kind != EntryKind::Folder || seen.mounted.contains_key(&key) {
                continue;
            }
            let path = folder.join("meta/snap.yaml");
            let Some(bytes) = (match target.read_up_to(&path, MAX_BYTES) {
                Ok(None) => continue,
                read => sink.keep(read).flatten(),
            }) else {
                seen.mounted.insert(key, Mounted { folder, says: BTreeMap::new() });
                continue;
            };
            let damaged = |what: String| Gap::new(GapCode::Damaged, Text::from_path(&path), what);
            let read = scalars(&bytes, &["name", "version", "title"]).map_err(|e| {
                damaged(format!("it is no description of a snap, so its version is unknown: {e}"))
            });
            if let Ok(says) = &read
                && let Some(lacks) = ["name", "version"].iter().find(|key| !says.contains_key(**key))
            {
                sink.gap(damaged(format!("the description of this snap has no {lacks}")));
            }
            let says = sink.keep(read).unwrap_or_default();
            seen.mounted.insert(key, Mounted { folder, says });
        }
    }
}

/// Who published a snap, by its id and by its name.
#[derive(Default)]
struct Publishers {
    by_id: BTreeMap<Text, Text>,
    by_name: BTreeMap<Text, Text>,
}

impl Publishers {
    fn read(target: &Target, sink: &mut Sink) -> Self {
        let (mut publishers, mut accounts) = (Self::default(), BTreeMap::<Text, Text>::new());
        let declarations = Path::new(ASSERTIONS).join("snap-declaration");
        let mut left = MAX_DECLARATIONS;
        let mut each = Vec::new();
        for series in folders(target, sink, &declarations) {
            each.extend(folders(target, sink, &series));
        }
        for folder in each {
            if left == 0 {
                let reason = format!(
                    "holds more than {MAX_DECLARATIONS} declarations; who published the rest is unknown"
                );
                sink.gap(Gap::new(GapCode::TooMany, Text::from_path(&declarations), reason));
                break;
            }
            left -= 1;
            let Some([id, name, account]) =
                assertion(target, sink, &folder, ["snap-id", "snap-name", "publisher-id"])
            else {
                continue;
            };
            let Some(account) = account else { continue };
            let publisher = accounts.entry(account).or_insert_with_key(|account| {
                // An account's id is letters, digits and dashes; what else stands there leads nowhere.
                let folder = Path::new(ASSERTIONS).join("account").join(account.raw().replace('/', ""));
                let said = assertion(target, sink, &folder, ["display-name", "username", "account-id"]);
                said.into_iter().flatten().flatten().next().unwrap_or_else(|| account.clone())
            });
            publishers.by_id.extend(id.map(|id| (id, publisher.clone())));
            publishers.by_name.extend(name.map(|name| (name, publisher.clone())));
        }
        publishers
    }

    fn of(&self, id: Option<&str>, name: &str) -> Option<Text> {
        let id = id.and_then(|id| self.by_id.get(&Text::from(id)));
        id.or_else(|| self.by_name.get(&Text::from(name))).cloned()
    }
}

/// The folders in a folder.
fn folders(target: &Target, sink: &mut Sink, folder: &Path) -> Vec<PathBuf> {
    let entries = sink.keep(target.list(folder)).flatten().unwrap_or_default();
    entries.into_iter().filter(|e| e.kind == EntryKind::Folder).map(|e| folder.join(e.name)).collect()
}

/// Headers of an assertion: of the newest form in its folder.
fn assertion<const N: usize>(
    target: &Target,
    sink: &mut Sink,
    folder: &Path,
    headers: [&'static str; N],
) -> Option<[Option<Text>; N]> {
    const KEEP: &[&str] = &["snap-id", "snap-name", "publisher-id", "display-name", "username", "account-id"];
    // A newer form of an assertion stands beside the old one, as `active.4` beside `active`.
    let form = |name: &str| match name.strip_prefix("active")? {
        "" => Some(0),
        number => number.strip_prefix('.')?.parse::<u32>().ok(),
    };
    let entries = sink.keep(target.list(folder)).flatten().unwrap_or_default();
    let newest = entries.iter().filter_map(|e| Some((form(e.name.to_str()?)?, &e.name))).max()?;
    let path = folder.join(newest.1);
    let bytes = sink.keep(target.read_up_to(&path, MAX_BYTES)).flatten()?;
    let first = Paragraphs::new(bytes.as_slice(), KEEP).next().and_then(Result::ok).unwrap_or_default();
    if first.is_empty() {
        let reason = "it is no assertion, so who published a snap is unknown";
        sink.gap(Gap::new(GapCode::Damaged, Text::from_path(&path), reason));
    }
    Some(headers.map(|header| first.get(header).filter(|v| !v.is_empty()).map(Text::from_bytes)))
}

/// The first few of some names, and how many there are.
fn some(names: &[String]) -> String {
    let few: Vec<&str> = names.iter().take(5).map(String::as_str).collect();
    let more = if names.len() > few.len() {
        format!(" and {} more", names.len() - few.len())
    } else {
        String::new()
    };
    format!("{}{more}", few.join(", "))
}
