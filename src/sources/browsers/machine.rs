//! What an administrator or a package gives the browsers of all users.
//!
//! Format: Chromium's external extensions (developer.chrome.com/docs/extensions/how-to/distribute/install-extensions) and
//! its policies on Linux; Mozilla's add-ons of the system and `policies.json`.

use std::path::Path;

use super::manifest::{Found, of_folder};
use super::{Look, Whose, extension, gecko, hosts, places};
use crate::inventory::GapCode;
use crate::item::{Item, Kind, State};
use crate::parse::chromium::{External, Forced, forced};
use crate::parse::webext::id_of;
use crate::target::EntryKind;
use crate::text::Text;

/// Reads all of it.
pub(super) fn all(look: &mut Look<'_>) {
    let root = Path::new("/");
    let of = |browser: &'static str| Whose { browser, user: None };
    for (browser, folder) in places::HOSTS {
        if look.is_new(root, Path::new(folder)) {
            hosts::folder(look, of(browser), Path::new(folder));
        }
    }
    for (browser, folder) in places::EXTERNAL {
        if look.is_new(root, Path::new(folder)) {
            external(look, of(browser), Path::new(folder));
        }
    }
    for (browser, folder) in places::POLICIES {
        for kind in ["managed", "recommended"] {
            let folder = Path::new(folder).join(kind);
            if look.is_new(root, &folder) {
                policies(look, of(browser), &folder);
            }
        }
    }
    for folder in places::ADDONS.iter().map(Path::new) {
        if look.is_new(root, folder) {
            addons(look, None, folder);
        }
    }
    for (browser, program) in places::GECKO_PROGRAMS {
        for (inside, state) in [
            ("distribution/extensions", State::Present),
            ("extensions", State::Installed),
            ("browser/extensions", State::Installed),
        ] {
            let folder = Path::new(program).join(inside);
            if look.is_new(root, &folder) {
                gecko::shared(look, of(browser), &folder, state);
            }
        }
        let folder = Path::new(program).join("distribution");
        if look.is_new(root, &folder) {
            gecko_policies(look, of(browser), &folder);
        }
    }
    for (browser, folder) in places::GECKO_POLICIES {
        if look.is_new(root, Path::new(folder)) {
            gecko_policies(look, of(browser), Path::new(folder));
        }
    }
}

/// Reads a folder that holds a folder of add-ons for each application.
pub(super) fn addons(look: &mut Look<'_>, user: Option<&Text>, folder: &Path) {
    for application in look.folders(folder) {
        gecko::shared(look, Whose { browser: "firefox", user }, &application, State::Installed);
    }
}

/// Reads the extensions that a folder provides: a file each, or a folder that the browser is started with.
pub(super) fn external(look: &mut Look<'_>, whose: Whose<'_>, folder: &Path) {
    for entry in look.entries(folder) {
        let path = folder.join(&entry.name);
        let name = Text::from_bytes(entry.name.as_encoded_bytes());
        let Some(id) = name.raw().strip_suffix(".json") else {
            if matches!(entry.kind, EntryKind::Folder | EntryKind::Link) {
                started_with(look, whose, folder, &path);
            }
            continue;
        };
        let read = look.document(&path);
        let Some(value) = look.sink.keep(read).flatten() else { continue };
        let Some(says) = External::of(&value) else {
            look.gap(GapCode::Damaged, &path, "it says neither a package nor an address of an extension");
            continue;
        };
        let mut item = extension(id, None, &path);
        item.version = says.version.map(Text::from);
        item.state = State::Present;
        if let Some(package) = says.package {
            let package = folder.join(package);
            item.paths = vec![Text::from_path(&package)];
            if look.is_gone(&package) {
                item.state = State::Remnant;
            }
        }
        look.give(whose, folder, id, item);
    }
}

/// Gives the extension in a folder, whose id follows from its key or its path.
fn started_with(look: &mut Look<'_>, whose: Whose<'_>, within: &Path, folder: &Path) {
    let found = of_folder(look, folder);
    let says = match found {
        Found::Gone => return,
        Found::Unread => Box::default(),
        Found::Read(manifest) => manifest,
    };
    let real = look.target.resolve(folder).ok().flatten().unwrap_or_else(|| folder.to_owned());
    let id = says.id.unwrap_or_else(|| id_of(real.as_os_str().as_encoded_bytes()));
    let mut item = extension(&id, says.name, &folder.join("manifest.json"));
    item.version = says.version.map(Text::from);
    item.publisher = says.author.map(Text::from);
    item.homepage = says.homepage.map(Text::from);
    item.paths = vec![Text::from_path(folder)];
    look.give(whose, within, &id, item);
}

fn policies(look: &mut Look<'_>, whose: Whose<'_>, folder: &Path) {
    for entry in look.entries(folder) {
        let path = folder.join(&entry.name);
        // Chromium reads every file of the folder, whatever its name.
        if entry.kind == EntryKind::Folder {
            continue;
        }
        let read = look.document(&path);
        let Some(value) = look.sink.keep(read).flatten() else { continue };
        told(look, whose, &path, forced(&value));
    }
}

fn gecko_policies(look: &mut Look<'_>, whose: Whose<'_>, folder: &Path) {
    let path = folder.join("policies.json");
    let read = look.document(&path);
    if let Some(value) = look.sink.keep(read).flatten() {
        told(look, whose, &path, crate::parse::gecko::forced(&value));
    }
}

fn told(look: &mut Look<'_>, whose: Whose<'_>, path: &Path, forced: Result<Vec<Forced>, &'static str>) {
    let all = match forced {
        Ok(all) => all,
        Err(what) => return look.gap(GapCode::Damaged, path, what),
    };
    for forced in all {
        let name = forced.id.clone().or(forced.from).unwrap_or_default();
        let mut item = match &forced.id {
            Some(id) => extension(id, None, path),
            None => Item::new(Kind::Extension, name.clone().into(), Text::from_path(path)),
        };
        item.state = State::Present;
        look.give(whose, path, &name, item);
    }
}
