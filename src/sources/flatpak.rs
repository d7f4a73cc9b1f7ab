//! Flatpak applications and runtimes, of the system and of every user.
//!
//! Format: flatpak(1), flatpak-installation(5), flatpak-metadata(5), and "Under the Hood" (docs.flatpak.org): a
//! deployment lies in `app/ID/ARCH/BRANCH/COMMIT`, and the link `active` beside it says which one is used. The
//! repository keeps a `deploy` ref for each, so it is a second witness. Who develops an application stands in its own
//! `AppStream` file alone. A user needs no right to install for himself, so every home is looked into.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::inventory::{Gap, GapCode};
use crate::item::{Item, Kind, State};
use crate::parse::metainfo::Component;
use crate::parse::unit::Unit;
use crate::sources::{Depth, Needs, Sink, Source};
use crate::target::{EntryKind, Target};
use crate::text::{Text, bytes_to_path};

pub(super) const SOURCE: Source = Source {
    id: "flatpak",
    about: "Flatpak applications and runtimes",
    expects: &[],
    needs: Needs::Files,
    depth: Depth::Quick,
    yields: &[Kind::Package, Kind::Application],
    rights: "root, or else what other users installed for themselves is not seen",
    blind: "a deployment that was removed together with its ref in the repository, and homes that are not mounted",
    collect,
};

const SYSTEM: &str = "/var/lib/flatpak";
/// Where more installations of the system are named.
const MORE: &str = "/etc/flatpak/installations.d";
/// Where a user's installation lies in the home.
const OF_USER: &str = ".local/share/flatpak";
/// Bytes of a description that are read.
const MAX_BYTES: u64 = 16 << 20;
/// Where an application's `AppStream` file may be in its deployment; the older folder and ending last.
const METAINFO: &[(&str, &str)] = &[
    ("export/share/metainfo", ".metainfo.xml"),
    ("files/share/metainfo", ".metainfo.xml"),
    ("files/share/metainfo", ".appdata.xml"),
    ("export/share/appdata", ".appdata.xml"),
    ("files/share/appdata", ".appdata.xml"),
];

fn collect(target: &Target, sink: &mut Sink) {
    let mut places = vec![(PathBuf::from(SYSTEM), None)];
    places.extend(more(target, sink).into_iter().map(|place| (place, None)));
    let (users, gaps) = target.users();
    for gap in gaps {
        sink.gap(gap);
    }
    places.extend(users.into_iter().map(|user| (user.home.join(OF_USER), Some(user.name))));
    let mut seen = BTreeSet::new();
    for (place, user) in places {
        // Most homes hold none. One that may not be looked into is one gap, not one for each folder in it.
        let there = sink.keep(target.list(&place)).flatten().is_some();
        let real = if there { sink.keep(target.resolve(&place)).flatten() } else { None };
        if real.is_some_and(|real| seen.insert(real)) {
            Installation { place: &place, user: user.as_ref() }.read(target, sink);
        }
    }
}

/// The places that the files of an administrator name.
fn more(target: &Target, sink: &mut Sink) -> Vec<PathBuf> {
    let mut places = Vec::new();
    for entry in sink.keep(target.list(Path::new(MORE))).flatten().unwrap_or_default() {
        if !entry.name.as_encoded_bytes().ends_with(b".conf") {
            continue;
        }
        let file = Path::new(MORE).join(entry.name);
        let Some(bytes) = sink.keep(target.read_up_to(&file, MAX_BYTES)).flatten() else { continue };
        // `Path` is a key of these groups alone.
        let paths = bytes.split(|&b| b == b'\n').filter_map(|line| {
            let (key, value) = line.split_at(line.iter().position(|&b| b == b'=')?);
            (key.trim_ascii() == b"Path").then(|| value.get(1..).unwrap_or_default().trim_ascii())
        });
        places.extend(paths.filter(|path| path.starts_with(b"/")).map(bytes_to_path));
    }
    places
}

/// One place in which Flatpak installs.
struct Installation<'a> {
    place: &'a Path,
    user: Option<&'a Text>,
}

impl Installation<'_> {
    fn read(&self, target: &Target, sink: &mut Sink) {
        let mut branches = BTreeSet::new();
        for (sort, kind) in [("app", Kind::Application), ("runtime", Kind::Package)] {
            let folder = self.place.join(sort);
            let Some(ids) = sink.keep(target.list(&folder)).flatten() else { continue };
            let before = branches.len();
            for id in within(&folder, ids) {
                for arch in folders(target, sink, &id) {
                    for branch in folders(target, sink, &arch) {
                        self.branch(target, sink, kind, &branch);
                        branches.extend(branch.strip_prefix(self.place).map(Path::to_owned));
                    }
                }
            }
            if branches.len() == before {
                let gap = Gap::new(
                    GapCode::Empty,
                    Text::from_path(&folder),
                    "Flatpak is there and has nothing in it",
                );
                sink.gap(gap.note());
            }
        }
        self.refs(target, sink, &branches);
    }

    /// Tells of what the repository says is deployed and is not there.
    fn refs(&self, target: &Target, sink: &mut Sink, branches: &BTreeSet<PathBuf>) {
        let refs = self.place.join("repo/refs/heads/deploy");
        let mut gone = Vec::new();
        for sort in ["app", "runtime"] {
            for id in folders(target, sink, &refs.join(sort)) {
                for arch in folders(target, sink, &id) {
                    for branch in sink.keep(target.list(&arch)).flatten().unwrap_or_default() {
                        let path = arch.join(branch.name);
                        if let Ok(name) = path.strip_prefix(&refs)
                            && !branches.contains(name)
                        {
                            gone.push(name.to_string_lossy().into_owned());
                        }
                    }
                }
            }
        }
        if !gone.is_empty() {
            let reason = format!(
                "says that {} more are deployed than there are ({} …): folders were removed by hand, or the disk is \
                 damaged; run `flatpak repair`",
                gone.len(),
                gone.iter().take(3).map(String::as_str).collect::<Vec<_>>().join(", ")
            );
            sink.gap(Gap::new(GapCode::Damaged, Text::from_path(&refs), reason));
        }
    }

    /// Gives the items of a branch: what is used, what else is deployed, or what is left.
    fn branch(&self, target: &Target, sink: &mut Sink, kind: Kind, branch: &Path) {
        let active = branch.join("active");
        let mut used = sink.keep(target.resolve(&active)).flatten();
        if let Some(place) = &used
            && !matches!(target.entry(place), Ok(Some(EntryKind::Folder)))
        {
            let reason = "it leads to what is no folder, so it is unknown which deployment is used";
            sink.gap(Gap::new(GapCode::Special, Text::from_path(&active), reason));
            used = None;
        }
        let mut any = false;
        if let Some(used) = &used {
            any = true;
            // Its own name, rather than the one that a link of a home or of the root gives it.
            let name = used.file_name().unwrap_or_default();
            let own = branch.join(name);
            let deployed =
                if target.resolve(&own).ok().flatten().as_ref() == Some(used) { &own } else { used };
            self.deployed(target, sink, kind, branch, deployed, State::Installed);
        }
        for folder in folders(target, sink, branch) {
            let is_used = target.resolve(&folder).ok().flatten() == used && used.is_some();
            if !is_used {
                any = true;
                self.deployed(target, sink, kind, branch, &folder, State::Present);
            }
        }
        if !any {
            sink.item(self.item(kind, branch, branch, State::Remnant));
        }
    }

    fn item(&self, kind: Kind, branch: &Path, place: &Path, state: State) -> Item {
        let mut names = branch.components().rev().map(|c| Text::from_bytes(c.as_os_str().as_encoded_bytes()));
        let id = names.nth(2).unwrap_or_default();
        let place = Text::from_path(place);
        let mut item = Item::new(kind, id, place.clone());
        // A link may lead to what belongs to another branch.
        let own = if place.to_path().starts_with(branch) {
            place.clone()
        } else {
            Text::from_path(&branch.join("active"))
        };
        item.id = format!("flatpak:{}", own.raw()).into();
        item.state = state;
        item.paths = vec![place];
        item.ecosystem = Some("flatpak".into());
        item.scope = Some(if self.user.is_some() { "user" } else { "machine" }.into());
        item.user = self.user.cloned();
        item
    }

    fn deployed(
        &self,
        target: &Target,
        sink: &mut Sink,
        kind: Kind,
        branch: &Path,
        place: &Path,
        state: State,
    ) {
        let mut item = self.item(kind, branch, place, state);
        let metadata = place.join("metadata");
        let gap = |code, what: &str| Gap::new(code, Text::from_path(&metadata), what);
        match sink.keep(target.read_up_to(&metadata, MAX_BYTES)) {
            Some(Some(bytes)) => {
                let unit = Unit::parse(&bytes);
                let named =
                    ["Application", "Runtime"].into_iter().find_map(|group| unit.list(group, "name").pop());
                match named {
                    // A folder may be renamed; what is in it stays what it is.
                    Some(name) => item.name = Text::from_bytes(name),
                    None if bytes.is_empty() => {
                        sink.gap(gap(GapCode::Empty, "it is empty; a deployment's never is"));
                    }
                    None => sink.gap(gap(GapCode::Damaged, "it names neither an application nor a runtime")),
                }
            }
            Some(None) => {
                let what = "it is not there, so what is deployed here is known by its folder alone";
                sink.gap(gap(GapCode::Missing, what).note());
            }
            None => {}
        }
        let found = METAINFO.iter().find_map(|(folder, end)| {
            let path = place.join(folder).join(format!("{}{end}", item.name.raw()));
            match target.read_up_to(&path, MAX_BYTES) {
                Ok(None) => None,
                Ok(Some(bytes)) => Some((path, Ok(bytes))),
                Err(gap) => Some((path, Err(gap))),
            }
        });
        if let Some((path, read)) = found
            && let Some(bytes) = sink.keep(read)
        {
            let says = Component::parse(&bytes);
            if let Some(damage) = says.damage {
                // The file is the application's own, which is known by its id without it.
                let reason = format!("{damage}, so its version or developer may be unknown");
                sink.gap(Gap::new(GapCode::Damaged, Text::from_path(&path), reason).note());
            }
            item.version = says.version.map(Text::from);
            item.publisher = says.developer.map(Text::from);
            item.product = says.name.map(Text::from);
            item.homepage = says.homepage.map(Text::from);
        }
        sink.owns_below(place, &item.id);
        sink.item(item);
    }
}

/// The folders in a folder. Links among them (`current`, `active`) lead to others of them, and what begins with a dot
/// is being put there or taken away.
fn folders(target: &Target, sink: &mut Sink, folder: &Path) -> Vec<PathBuf> {
    let entries = sink.keep(target.list(folder)).flatten().unwrap_or_default();
    within(folder, entries)
}

fn within(folder: &Path, entries: Vec<crate::target::Entry>) -> Vec<PathBuf> {
    let is_one = |e: &crate::target::Entry| {
        e.kind == EntryKind::Folder && !e.name.as_encoded_bytes().starts_with(b".")
    };
    entries.into_iter().filter(is_one).map(|e| folder.join(e.name)).collect()
}
