//! The certificates that programs of Mozilla, Chrome and the system's own database keep in `cert9.db`.
//!
//! Format: [`crate::parse::nss`]; "NSS Shared DB" (wiki.mozilla.org). Each profile has a database, so has each user of
//! Chrome, and Flatpak and snap give a program a home of its own. What a browser only knows is present, and not trusted.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::item;
use crate::inventory::{Gap, GapCode};
use crate::item::{Ids, State};
use crate::parse::nss::{Damage, certificates};
use crate::sources::Sink;
use crate::sources::database::with_log;
use crate::target::{Entry, EntryKind, Target};
use crate::text::Text;

/// The database of the system.
const SYSTEM: &str = "/etc/pki/nssdb";
/// Folders of a home that have a database.
const DATABASES: &[&str] = &[".local/share/pki/nssdb", ".pki/nssdb"];
/// Folders of a home that have profiles, each with a database.
const PROFILES: &[&str] = &[
    ".config/mozilla/firefox",
    ".floorp",
    ".librewolf",
    ".mozilla/firefox",
    ".mozilla/seamonkey",
    ".thunderbird",
    ".waterfox",
    ".zen",
    "Library/Application Support/Firefox/Profiles",
    "Library/Thunderbird/Profiles",
];
/// Folders of a home with a home in each, or in these folders of it.
const HOMES: &[(&str, &[&str])] = &[(".var/app", &["."]), ("snap", &["common", "current"])];

pub(super) fn collect(target: &Target, sink: &mut Sink, ids: &mut Ids) {
    let mut seen = BTreeSet::new();
    let (users, gaps) = target.users();
    for gap in gaps {
        sink.gap(gap);
    }
    let mut folders = vec![(PathBuf::from(SYSTEM), None)];
    for user in &users {
        // A home that may not be looked into is one gap, not one for each database in it.
        if sink.keep(target.list(&user.home)).flatten().is_none() {
            continue;
        }
        for home in homes(target, sink, &user.home) {
            folders.extend(DATABASES.iter().map(|folder| (home.join(folder), Some(&user.name))));
            for place in PROFILES.iter().map(|place| home.join(place)) {
                folders.extend(
                    within(target, sink, &place).into_iter().map(|folder| (folder, Some(&user.name))),
                );
            }
        }
    }
    for (folder, user) in folders {
        let Some(entries) = sink.keep(target.list(&folder)).flatten() else { continue };
        let real = sink.keep(target.resolve(&folder)).flatten();
        if real.is_some_and(|real| seen.insert(real)) {
            database(target, sink, ids, &folder, &entries, user);
        }
    }
}

/// A home, and those that sandboxed programs have in it.
fn homes(target: &Target, sink: &mut Sink, home: &Path) -> Vec<PathBuf> {
    let mut homes = vec![home.to_owned()];
    for (place, own) in HOMES {
        for program in within(target, sink, &home.join(place)) {
            homes.extend(own.iter().map(|own| if *own == "." { program.clone() } else { program.join(own) }));
        }
    }
    homes
}

/// The folders in a folder, and what links in it lead to.
fn within(target: &Target, sink: &mut Sink, folder: &Path) -> Vec<PathBuf> {
    let entries = sink.keep(target.list(folder)).flatten().unwrap_or_default();
    let leads_to_folder = |entry: &Entry| {
        let real = target.resolve(&folder.join(&entry.name)).ok().flatten();
        real.is_some_and(|real| matches!(target.entry(&real), Ok(Some(EntryKind::Folder))))
    };
    let is_one = |entry: &Entry| match entry.kind {
        EntryKind::Link => leads_to_folder(entry),
        kind => kind == EntryKind::Folder,
    };
    entries.into_iter().filter(is_one).map(|entry| folder.join(entry.name)).collect()
}

fn database(
    target: &Target,
    sink: &mut Sink,
    ids: &mut Ids,
    folder: &Path,
    entries: &[Entry],
    user: Option<&Text>,
) {
    let path = folder.join("cert9.db");
    let has = |name: &str| entries.iter().any(|entry| entry.name == name);
    if has("cert8.db") && !has("cert9.db") {
        let reason = "a database of before 2018, which this version does not read; run its program once, which writes \
                      cert9.db, or look with `certutil -L -d dbm:FOLDER`";
        sink.gap(Gap::new(GapCode::Unsupported, Text::from_path(&folder.join("cert8.db")), reason));
    }
    let settle = "end the program that uses it";
    let bytes = with_log(target, sink, &path, settle);
    let Some(bytes) = sink.keep(bytes).flatten() else { return };
    let (found, damage) = certificates(&bytes);
    let code = match damage.first() {
        _ if bytes.is_empty() => GapCode::Empty,
        Some(Damage::Cut(..)) => GapCode::Truncated,
        Some(Damage::TooMany) => GapCode::TooMany,
        _ => GapCode::Damaged,
    };
    if !damage.is_empty() {
        let told: Vec<String> = damage.iter().map(Damage::to_string).collect();
        let reason = format!(
            "{}: certificates in it are unknown; look with `certutil -L -d sql:FOLDER`",
            told.join("; ")
        );
        sink.gap(Gap::new(code, Text::from_path(&path), reason));
    }
    for certificate in found {
        let key = Sha256::digest(&certificate.der).into();
        let mut item = item(sink, ids, &certificate.der, &key, &path, certificate.label.as_deref());
        if !certificate.trusted {
            item.state = State::Present;
        }
        item.scope = Some(if user.is_some() { "user" } else { "machine" }.into());
        item.user = user.cloned();
        sink.item(item);
    }
}
