//! Nix packages, from `/nix/store` and what keeps them there.
//!
//! Format: the Nix manual, "Store Path", "Profiles", "Garbage Collector Roots"; the NixOS manual, "Configuration".
//! Every path in the store is whole or not there, so the folder is the list, and the database is not read. What a
//! profile, a generation of a system or another root holds is installed, as links and manifests tell; the rest (what
//! these need, or what nobody uses any more) is present.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::inventory::{Gap, GapCode};
use crate::item::{Item, Kind, State};
use crate::parse::nix::{STORE, name_version, package, references};
use crate::sources::{Depth, Needs, Sink, Source};
use crate::target::{EntryKind, Packages, Target};
use crate::text::{Text, bytes_to_path};

pub(super) const SOURCE: Source = Source {
    id: "nix",
    about: "Nix packages",
    expects: &[Packages::Nix],
    needs: Needs::Files,
    depth: Depth::Quick,
    yields: &[Kind::Package],
    rights: "none: the store is readable by everyone unless someone changed that",
    blind: "a path deleted from /nix/store by hand, as the database that lists them is not read; a store elsewhere; \
            which present packages an installed one needs",
    collect,
};

const DATABASE: &str = "/nix/var/nix/db/db.sqlite";
/// Folders of links that keep what they lead to.
const ROOTS: &[&str] = &["/nix/var/nix/profiles", "/nix/var/nix/gcroots"];
/// Links that do so themselves.
const SYSTEMS: &[&str] = &["/run/current-system", "/run/booted-system"];
/// The same in a home.
const OF_USER: &[&str] = &[".nix-profile", ".local/state/nix/profile", ".local/state/nix/profiles/profile"];
/// Where a profile, or a generation of a system or of a home, has links to what is in it.
const MEMBERS: &[&str] = &[
    "",
    "bin",
    "sbin",
    "Applications",
    "share/applications",
    "sw",
    "sw/bin",
    "sw/sbin",
    "sw/Applications",
    "sw/share/applications",
    "home-path",
    "home-path/bin",
    "home-path/share/applications",
];
/// What lists the packages that were put into a profile: `nix-env`'s and `nix profile`'s.
const MANIFESTS: &[&str] = &["manifest.nix", "manifest.json"];
/// Bytes of a manifest that are read.
const MAX_MANIFEST: u64 = 64 << 20;
/// Folders below those of roots.
const MAX_DEPTH: usize = 8;
/// Roots that are looked into.
const MAX_ROOTS: usize = 20_000;

fn collect(target: &Target, sink: &mut Sink) {
    let Some(entries) = sink.keep(target.list(Path::new(STORE))) else { return };
    let Some(entries) = entries else {
        if let Some(Some(_)) = sink.keep(target.entry(Path::new(DATABASE))) {
            let reason = "it is not there, though the database of what is in it is; if it is on a disk of its own, \
                          mount that and scan again";
            sink.gap(Gap::new(GapCode::Missing, STORE, reason));
        }
        return;
    };
    sink.found();
    let installed = Installed::read(target, sink).0;
    for entry in entries {
        let Some(full) = package(entry.name.as_encoded_bytes()) else { continue };
        let path = Path::new(STORE).join(&entry.name);
        let place = Text::from_path(&path);
        if entry.kind == EntryKind::Special {
            let reason = "a pipe, socket or device stands there, which Nix never puts into a store";
            sink.gap(Gap::new(GapCode::Special, place, reason).note());
            continue;
        }
        let (name, version) = name_version(full);
        let mut item = Item::new(Kind::Package, name.into(), place.clone());
        item.id = Text::from_bytes(&[b"nix:", entry.name.as_encoded_bytes()].concat());
        item.version = version.map(Text::from);
        item.state = if installed.contains(&entry.name) { State::Installed } else { State::Present };
        item.ecosystem = Some("nix".into());
        item.scope = Some("machine".into());
        item.paths = vec![place];
        sink.owns_below(&path, &item.id);
        sink.item(item);
    }
}

/// The entries of the store that are installed.
#[derive(Default)]
struct Installed(BTreeSet<OsString>);

impl Installed {
    /// Reads all roots. What of them cannot be read is a note: the store shows the package, and it counts as present.
    fn read(target: &Target, sink: &mut Sink) -> Self {
        let (mut installed, mut roots) = (Self::default(), BTreeSet::new());
        for folder in ROOTS {
            links(target, sink, Path::new(folder), 0, &mut roots);
        }
        let (users, gaps) = target.users();
        for gap in gaps {
            sink.gap(gap.note());
        }
        let of_users = users.iter().flat_map(|user| OF_USER.iter().map(|link| user.home.join(link)));
        for link in SYSTEMS.iter().map(PathBuf::from).chain(of_users) {
            root(target, sink, &link, &mut roots);
        }
        if roots.len() > MAX_ROOTS {
            let reason = format!("more than {MAX_ROOTS} roots, so some that are installed count as present");
            sink.gap(Gap::new(GapCode::TooMany, STORE, reason).note());
        }
        for entry in roots.into_iter().take(MAX_ROOTS) {
            installed.members(target, sink, &Path::new(STORE).join(&entry));
            installed.0.insert(entry);
        }
        installed
    }

    /// Adds what a profile or a generation holds.
    fn members(&mut self, target: &Target, sink: &mut Sink, root: &Path) {
        for folder in MEMBERS.iter().map(|folder| root.join(folder)) {
            // A package has its own folders of these names, and may itself be a file.
            let entries = match target.list(&folder) {
                Ok(entries) => entries.unwrap_or_default(),
                Err(gap) if matches!(gap.code, GapCode::Special | GapCode::Dangling) => continue,
                Err(gap) => {
                    sink.gap(gap.note());
                    continue;
                }
            };
            for entry in entries.into_iter().filter(|entry| entry.kind == EntryKind::Link) {
                if let Some(says) = note(sink, target.link(&folder.join(entry.name))) {
                    self.add(says.as_os_str().as_encoded_bytes());
                }
            }
        }
        for manifest in MANIFESTS {
            if let Some(Some(bytes)) = note(sink, target.read_up_to(&root.join(manifest), MAX_MANIFEST)) {
                self.add(&bytes);
            }
        }
    }

    fn add(&mut self, bytes: &[u8]) {
        self.0.extend(references(bytes).map(|entry| bytes_to_path(entry).into_os_string()));
    }
}

/// Adds what the links in a folder and below it lead to.
fn links(target: &Target, sink: &mut Sink, folder: &Path, depth: usize, roots: &mut BTreeSet<OsString>) {
    let entries = note(sink, target.list(folder)).flatten().unwrap_or_default();
    for entry in entries {
        let path = folder.join(&entry.name);
        match entry.kind {
            EntryKind::Link => root(target, sink, &path, roots),
            EntryKind::Folder if depth < MAX_DEPTH => links(target, sink, &path, depth + 1, roots),
            EntryKind::Folder => {
                let reason = format!("more than {MAX_DEPTH} folders deep, so not looked into");
                sink.gap(Gap::new(GapCode::TooMany, Text::from_path(&path), reason).note());
            }
            EntryKind::File | EntryKind::Special => {}
        }
    }
}

/// Adds the entry of the store that a link leads to, if it leads to one.
fn root(target: &Target, sink: &mut Sink, link: &Path, roots: &mut BTreeSet<OsString>) {
    let Some(Some(leads)) = note(sink, target.resolve(link)) else { return };
    let entry = leads.strip_prefix(STORE).ok().and_then(|path| path.components().next());
    roots.extend(entry.map(|entry| entry.as_os_str().to_owned()));
}

/// The value of what worked; the gap of what did not is a note.
fn note<T>(sink: &mut Sink, result: Result<T, Gap>) -> Option<T> {
    sink.keep(result.map_err(Gap::note))
}
