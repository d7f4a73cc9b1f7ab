//! A user data folder of Chromium or a derivative: its profiles and the extensions in each.
//!
//! Format: Chromium's `docs/user_data_dir.md`; the version folders `Extensions/<id>/<version>` and the records in
//! `Preferences` and `Secure Preferences` are witnesses of each other. `Local State` says which profiles there are. Opera
//! keeps one profile in the folder itself.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::manifest::{Found, of_folder};
use super::{Look, Whose, extension, hosts, machine};
use crate::inventory::{Gap, GapCode};
use crate::item::State;
use crate::parse::chromium::{Setting, profiles, settings};
use crate::parse::webext::{Manifest, is_id};
use crate::sources::json;
use crate::target::{Entry, EntryKind};
use crate::text::Text;

/// What a folder is a profile by.
const WITNESSES: &[&str] = &["Preferences", "Secure Preferences", "Extensions"];
/// Links that a running browser makes and that lead nowhere.
const OF_PROCESS: &[u8] = b"Singleton";

/// Reads a user data folder.
pub(super) fn user_data(look: &mut Look<'_>, whose: Whose<'_>, folder: &Path) {
    hosts::folder(look, whose, &folder.join("NativeMessagingHosts"));
    machine::external(look, whose, &folder.join("External Extensions"));
    let entries = look.entries(folder);
    let mut found = BTreeSet::new();
    if entries.iter().any(|e| WITNESSES.iter().any(|name| e.name == *name)) {
        found.insert(folder.to_owned());
    }
    for entry in entries {
        let path = folder.join(&entry.name);
        let of_process = entry.name.as_encoded_bytes().starts_with(OF_PROCESS);
        let is_folder = match entry.kind {
            EntryKind::Folder => true,
            EntryKind::Link => {
                // A link to a file is none of a profile, and one that leads nowhere may have been.
                let listed = look.target.list(&path);
                let special = matches!(&listed, Err(gap) if gap.code == GapCode::Special);
                !of_process && !special && look.sink.keep(listed).flatten().is_some()
            }
            EntryKind::File | EntryKind::Special => false,
        };
        if is_folder && is_profile(look, &path) {
            found.insert(path);
        }
    }
    let state = folder.join("Local State");
    if let Some(value) = look.sink.keep(json(look.target, &state)).flatten() {
        match profiles(&value) {
            Ok(names) => {
                for name in names.into_iter().filter(|name| !found.contains(&folder.join(name))) {
                    let reason = "the browser knows this profile and it is not there; if it lies on another disk, mount it";
                    look.gap(GapCode::Missing, &folder.join(name), reason);
                }
            }
            Err(what) => look.gap(GapCode::Damaged, &state, what),
        }
    }
    for profile in found {
        Profile { whose, folder: profile, lost: Vec::new() }.read(look);
    }
}

fn is_profile(look: &mut Look<'_>, folder: &Path) -> bool {
    for name in WITNESSES {
        match look.target.entry(&folder.join(name)) {
            Ok(None) => {}
            Ok(Some(_)) => return true,
            Err(gap) => {
                look.sink.gap(gap);
                return false;
            }
        }
    }
    false
}

struct Profile<'a> {
    whose: Whose<'a>,
    folder: PathBuf,
    /// Folders that records name and that are not there.
    lost: Vec<PathBuf>,
}

impl Profile<'_> {
    fn read(mut self, look: &mut Look<'_>) {
        let extensions = self.folder.join("Extensions");
        let mut versions: BTreeMap<String, Vec<PathBuf>> = BTreeMap::new();
        let is_folder = |e: &Entry| matches!(e.kind, EntryKind::Folder | EntryKind::Link);
        for entry in look.entries(&extensions).into_iter().filter(is_folder) {
            let folder = extensions.join(&entry.name);
            let name = Text::from_bytes(entry.name.as_encoded_bytes());
            let inside = look.entries(&folder).into_iter().filter(is_folder);
            let inside: Vec<_> = inside.map(|e| folder.join(e.name)).collect();
            versions.insert(name.raw().to_owned(), inside);
        }
        // What no extension can be named after, as `Temp`, is none unless a manifest says so.
        versions.retain(|name, inside| {
            inside.retain(|v| {
                is_id(name) || matches!(look.target.entry(&v.join("manifest.json")), Ok(Some(_)))
            });
            is_id(name) || !inside.is_empty()
        });
        let (records, whole) = self.records(look, !versions.is_empty());
        for (id, record) in &records {
            let mut others = versions.remove(id);
            if record.is_installed() {
                let used = self.recorded(look, &extensions, id, record);
                if let Some(others) = &mut others {
                    others.retain(|version| *version != used);
                }
            } else if others.as_ref().is_none_or(Vec::is_empty) {
                self.left(look, id, &self.folder.join("Preferences"), Some(record));
            }
            for version in others.into_iter().flatten() {
                self.unrecorded(look, id, &version, State::Present);
            }
        }
        // Where a record may be and cannot be read, what is there counts as installed.
        let state = if whole { State::Present } else { State::Installed };
        for (id, all) in versions {
            if all.is_empty() {
                self.left(look, &id, &extensions.join(&id), None);
            }
            for version in all {
                self.unrecorded(look, &id, &version, state);
            }
        }
        if let Some(first) = self.lost.first() {
            let reason = format!(
                "the folders of {} extensions that the profile records are not there, this one first: they were removed by hand, \
                 or the disk is damaged",
                self.lost.len()
            );
            look.gap(GapCode::Missing, first, reason);
        }
    }

    /// The records of a profile, and whether they are all of them.
    fn records(&self, look: &mut Look<'_>, any_folder: bool) -> (BTreeMap<String, Setting>, bool) {
        let (mut all, mut whole, mut any) = (None::<BTreeMap<_, _>>, true, false);
        for name in ["Preferences", "Secure Preferences"] {
            let path = self.folder.join(name);
            let read = json(look.target, &path).and_then(|value| match value {
                None => Ok(None),
                Some(value) => match settings(&value) {
                    Ok(settings) => Ok(Some(settings)),
                    Err(what) => Err(Gap::new(GapCode::Damaged, Text::from_path(&path), what)),
                },
            });
            match read {
                Ok(None) => {}
                Ok(Some(settings)) => {
                    any = true;
                    if let Some(settings) = settings {
                        all.get_or_insert_default().extend(settings);
                    }
                }
                Err(gap) => {
                    (any, whole) = (true, false);
                    look.sink.gap(gap);
                }
            }
        }
        let path = self.folder.join("Preferences");
        let gap = |code, what: &str| Gap::new(code, Text::from_path(&path), what);
        if !any {
            let what = "it is not there, so which extensions are installed from elsewhere is unknown";
            look.sink.gap(gap(GapCode::Missing, what));
        } else if whole && all.is_none() {
            let what = "it records no extension, not even those of the browser";
            let gap = gap(GapCode::Empty, what);
            look.sink.gap(if any_folder { gap } else { gap.note() });
        }
        whole &= all.is_some();
        (all.unwrap_or_default(), whole)
    }

    /// Gives an extension that is recorded as installed, and says where its folder is.
    fn recorded(&mut self, look: &mut Look<'_>, extensions: &Path, id: &str, record: &Setting) -> PathBuf {
        let path = record.path.as_deref().unwrap_or_default();
        let is_windows = path.as_bytes().get(1) == Some(&b':');
        let folder = match path {
            _ if is_windows || path.starts_with('/') => PathBuf::from(path),
            _ => extensions.join(path.replace('\\', "/")),
        };
        let found = if is_windows { Found::Unread } else { of_folder(look, &folder) };
        let gone = matches!(found, Found::Gone);
        if gone && record.is_of_browser() {
            return folder;
        }
        if is_windows {
            let reason = "its folder is named by a drive, which this version cannot follow; look there";
            look.gap(GapCode::Unsupported, &folder, reason);
        }
        let manifest = if let Found::Read(manifest) = found { *manifest } else { record.manifest.clone() };
        let place = if gone { self.folder.join("Preferences") } else { folder.join("manifest.json") };
        let mut state = State::Installed;
        if gone && look.is_gone(&folder.join("manifest.json")) {
            state = State::Remnant;
            // A developer's folder comes and goes, and the browser passes over it.
            if !record.is_unpacked() {
                self.lost.push(folder.clone());
            }
        }
        self.give(look, id, &manifest, &place, &folder, state, Some(record));
        folder
    }

    /// Gives a version that no record says is used.
    fn unrecorded(&self, look: &mut Look<'_>, id: &str, folder: &Path, state: State) {
        let (manifest, state) = match of_folder(look, folder) {
            Found::Read(manifest) => (*manifest, state),
            Found::Unread => (Manifest::default(), state),
            Found::Gone => (Manifest::default(), State::Remnant),
        };
        let own = manifest.id.clone().filter(|_| !is_id(id));
        let id = own.as_deref().unwrap_or(id);
        let place = if state == State::Remnant { folder.to_owned() } else { folder.join("manifest.json") };
        self.give(look, id, &manifest, &place, folder, state, None);
    }

    /// Gives what is left of an extension.
    fn left(&self, look: &mut Look<'_>, id: &str, place: &Path, record: Option<&Setting>) {
        let manifest = record.map(|r| r.manifest.clone()).unwrap_or_default();
        self.give(look, id, &manifest, place, place, State::Remnant, record);
    }

    #[allow(clippy::too_many_arguments, reason = "each is a fact of its own")]
    fn give(
        &self,
        look: &mut Look<'_>,
        id: &str,
        manifest: &Manifest,
        place: &Path,
        folder: &Path,
        state: State,
        record: Option<&Setting>,
    ) {
        if let Some(own) = manifest.id.as_deref().filter(|own| *own != id) {
            let reason = format!(
                "its key is that of the extension {own}, and not of {id}, as which the browser keeps it"
            );
            look.gap(GapCode::Damaged, place, reason);
        }
        let mut item = extension(id, manifest.name.clone(), place);
        item.state = state;
        item.version = manifest.version.clone().map(Text::from);
        item.publisher = manifest.author.clone().map(Text::from);
        item.homepage = manifest.homepage.clone().map(Text::from);
        item.paths = vec![Text::from_path(folder)];
        item.enabled = record.map(|record| record.enabled && state != State::Remnant);
        let time = record.and_then(|r| r.installed).and_then(|t| jiff::Timestamp::from_second(t).ok());
        item.installed = time.map(|time| time.to_string().into());
        look.give(self.whose, &self.folder, id, item);
    }
}
