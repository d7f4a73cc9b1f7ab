//! A folder of profiles of Firefox or a relative, and the add-ons in each.
//!
//! Format: Mozilla's `toolkit/profile` and `toolkit/mozapps/extensions`: `profiles.ini` names profiles, `extensions.json`
//! of a profile records its add-ons, and its folder `extensions` holds their packages, named by id. `staged` in it holds
//! what is installed at the next start.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::manifest::{Found, of_either};
use super::{Look, MAX_BYTES, Whose, extension};
use crate::inventory::GapCode;
use crate::item::State;
use crate::parse::gecko::{Addon, addons, profiles};
use crate::parse::webext::Manifest;
use crate::sources::json;
use crate::target::EntryKind;
use crate::text::{Text, bytes_to_path};

/// What a folder is a profile by.
const WITNESSES: &[&str] = &["extensions.json", "extensions", "prefs.js"];
/// Folders among packages that are none.
const NO_PACKAGES: &[&str] = &["staged", "trash"];

/// Reads a folder of profiles.
pub(super) fn folder(look: &mut Look<'_>, whose: Whose<'_>, folder: &Path) {
    let mut found = BTreeSet::new();
    for parent in [folder.to_owned(), folder.join("Profiles")] {
        let entries = look.entries(&parent).into_iter();
        for entry in entries.filter(|e| matches!(e.kind, EntryKind::Folder | EntryKind::Link)) {
            let path = parent.join(entry.name);
            let is_one = |name: &&str| !matches!(look.target.entry(&path.join(name)), Ok(None));
            if WITNESSES.iter().any(is_one) {
                found.insert(path);
            }
        }
    }
    let ini = folder.join("profiles.ini");
    match look.sink.keep(look.target.read_up_to(&ini, MAX_BYTES)).map(|bytes| bytes.map(|b| profiles(&b))) {
        Some(Some(named)) => {
            if named.is_empty() && !found.is_empty() {
                look.gap(GapCode::Damaged, &ini, "it names no profile, though there are some");
            }
            for profile in named {
                let path = bytes_to_path(&profile.path);
                let path = if profile.is_relative { folder.join(path) } else { path };
                if !path.has_root() {
                    let reason =
                        "a profile is named by a drive, which this version cannot follow; look there";
                    look.gap(GapCode::Unsupported, &path, reason);
                } else if look.leads_to(&path) {
                    found.insert(path);
                } else {
                    let reason = "profiles.ini names this profile and it is not there; if it lies on another disk, mount it";
                    look.gap(GapCode::Missing, &path, reason);
                }
            }
        }
        Some(None) if !found.is_empty() => {
            look.gap(GapCode::Missing, &ini, "it is not there, so which profiles lie elsewhere is unknown");
        }
        _ => {}
    }
    for path in found {
        profile(look, whose, &path);
    }
}

fn profile(look: &mut Look<'_>, whose: Whose<'_>, folder: &Path) {
    let mut packages = packages(look, &folder.join("extensions"));
    let records = records(look, folder, !packages.is_empty());
    let state = if records.is_some() { State::Present } else { State::Installed };
    let mut lost = Vec::new();
    for addon in records.into_iter().flatten() {
        let recorded = addon.path.as_deref().map(PathBuf::from).filter(|path| path.has_root());
        // A profile may have been moved since; its packages go with it.
        let own = packages.remove(&addon.id);
        let path = recorded.filter(|path| own.is_none() || !look.is_gone(path)).or(own);
        if addon.is_of_browser() {
            continue;
        }
        let gone = path.as_ref().is_some_and(|path| look.is_gone(path));
        if gone {
            lost.extend(path.clone());
        }
        give(look, whose, folder, &addon, path.as_deref(), gone);
    }
    if let Some(first) = lost.first() {
        let reason = format!(
            "the files of {} add-ons that the profile records are not there, these first: they were removed by hand, or the disk \
             is damaged",
            lost.len()
        );
        look.gap(GapCode::Missing, first, reason);
    }
    for (id, path) in packages {
        package(look, whose, folder, &id, &path, state);
    }
    let staged = folder.join("extensions/staged");
    let staged =
        if look.leads_below(folder, &staged) { self::packages(look, &staged) } else { BTreeMap::new() };
    for (id, path) in staged {
        package(look, whose, folder, &id, &path, State::Present);
    }
}

/// What a profile records; nothing, if that is unknown, which is told.
fn records(look: &mut Look<'_>, folder: &Path, any_package: bool) -> Option<Vec<Addon>> {
    let path = folder.join("extensions.json");
    let Some(value) = look.sink.keep(json(look.target, &path))? else {
        // A profile that was never started has none yet.
        if any_package || !matches!(look.target.entry(&folder.join("prefs.js")), Ok(None)) {
            look.gap(GapCode::Missing, &path, "it is not there, so which add-ons are installed is unknown");
        }
        return None;
    };
    match addons(&value) {
        Ok((addons, 0)) if addons.is_empty() => {
            look.gap(GapCode::Empty, &path, "it records no add-on, not even those of the browser");
            None
        }
        Ok((addons, 0)) => Some(addons),
        Ok((addons, damaged)) => {
            look.gap(GapCode::Damaged, &path, format!("{damaged} of its records say no id"));
            Some(addons)
        }
        Err(what) => {
            look.gap(GapCode::Damaged, &path, what);
            None
        }
    }
}

/// The packages and folders of add-ons in a folder, by the id that their name gives.
fn packages(look: &mut Look<'_>, folder: &Path) -> BTreeMap<String, PathBuf> {
    let mut packages = BTreeMap::new();
    for entry in look.entries(folder) {
        let name = Text::from_bytes(entry.name.as_encoded_bytes());
        let mut path = folder.join(&entry.name);
        let is_package = name.raw().strip_suffix(".xpi").is_some();
        if NO_PACKAGES.iter().any(|no| entry.name == *no) {
            continue;
        }
        if entry.kind == EntryKind::File && !is_package {
            // A file named by an id alone says where the add-on is.
            let says = look.sink.keep(look.target.read_up_to(&path, MAX_BYTES)).flatten().unwrap_or_default();
            let says = bytes_to_path(says.trim_ascii());
            if !says.has_root() {
                continue;
            }
            path = says;
        }
        let id = name.raw().strip_suffix(".xpi").unwrap_or(name.raw());
        let key = if packages.contains_key(id) { name.raw() } else { id };
        packages.insert(key.to_owned(), path);
    }
    packages
}

fn give(
    look: &mut Look<'_>,
    whose: Whose<'_>,
    folder: &Path,
    addon: &Addon,
    path: Option<&Path>,
    gone: bool,
) {
    let record = folder.join("extensions.json");
    let mut says = Manifest::default();
    if let (None, false, Some(path)) = (&addon.name, gone, path)
        && let Found::Read(manifest) = of_either(look, path)
    {
        says = *manifest;
    }
    let text = |own: &Option<String>, other: Option<String>| own.clone().or(other).map(Text::from);
    let mut item = extension(&addon.id, addon.name.clone().or(says.name), &record);
    item.version = text(&addon.version, says.version);
    item.publisher = text(&addon.creator, says.author);
    item.homepage = text(&addon.homepage, says.homepage);
    item.paths = path.map(Text::from_path).into_iter().collect();
    item.enabled = addon.active.map(|active| active && !gone);
    let time = addon.installed.and_then(|millis| jiff::Timestamp::from_millisecond(millis).ok());
    item.installed = time.map(|time| time.to_string().into());
    item.state = if gone { State::Remnant } else { State::Installed };
    look.give(whose, folder, &addon.id, item);
}

/// Gives the add-on of a package or folder that is named by its id.
fn package(look: &mut Look<'_>, whose: Whose<'_>, within: &Path, id: &str, path: &Path, state: State) {
    let found = of_either(look, path);
    let mut state = state;
    if matches!(found, Found::Gone) {
        if look.is_gone(path) {
            state = State::Remnant;
        } else {
            let reason =
                "it has no manifest.json, as older add-ons, so it is known by the name of its file alone";
            look.gap(GapCode::Unsupported, path, reason);
        }
    }
    let says = if let Found::Read(manifest) = found { *manifest } else { Manifest::default() };
    let mut item = extension(says.gecko_id.as_deref().unwrap_or(id), says.name, path);
    item.version = says.version.map(Text::from);
    item.publisher = says.author.map(Text::from);
    item.homepage = says.homepage.map(Text::from);
    item.paths = vec![Text::from_path(path)];
    item.state = state;
    look.give(whose, within, id, item);
}

/// Gives the add-ons that a folder holds for all profiles.
pub(super) fn shared(look: &mut Look<'_>, whose: Whose<'_>, folder: &Path, state: State) {
    for (id, path) in packages(look, folder) {
        // Those of one language lie in a folder of it.
        let of_language = if id.starts_with("locale-") { packages(look, &path) } else { BTreeMap::new() };
        for (id, path) in &of_language {
            package(look, whose, folder, id, path, state);
        }
        if of_language.is_empty() {
            package(look, whose, folder, &id, &path, state);
        }
    }
}
