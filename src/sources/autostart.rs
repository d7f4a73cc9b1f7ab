//! What a desktop starts when a user logs in.
//!
//! Format: the Desktop Application Autostart Specification 0.5 and the Desktop Entry Specification 1.5
//! (freedesktop.org). A file in a home stands above one of its name for all users, often to forbid it, and both are
//! told. No right is needed to start something for oneself, so every home is looked into.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::inventory::{Gap, GapCode};
use crate::item::{Item, Kind, State};
use crate::parse::command::programs;
use crate::parse::desktop::{Entry, MAX_BYTES, NoEntry};
use crate::sources::named::{all_gone, folders, is_gone, of_script, paths, serves};
use crate::sources::{Depth, Needs, Sink, Source};
use crate::target::{EntryKind, Target, User};
use crate::text::Text;

pub(super) const SOURCE: Source = Source {
    id: "autostart",
    about: "programs started at login to a desktop",
    expects: &[],
    needs: Needs::Files,
    depth: Depth::Standard,
    yields: &[Kind::Task],
    rights: "root, or else what other users start for themselves is not seen",
    blind: "an entry that was deleted, and homes that are not mounted",
    collect,
};

/// Where entries for all users lie.
const SYSTEM: &[&str] = &["/etc/xdg/autostart", "/usr/share/autostart", "/usr/share/gnome/autostart"];
/// Below what a desktop may have a folder of its own, `xdg-NAME`.
const DESKTOPS: &str = "/etc/xdg";
/// Where those of a user lie in the home.
const OF_USER: &str = ".config/autostart";
/// Scripts that Plasma starts, in the home.
const SCRIPTS: &[&str] =
    &[".config/autostart-scripts", ".config/plasma-workspace/env", ".config/plasma-workspace/shutdown"];
/// Where a user's session looks for programs too.
const MORE_FOLDERS: &[&str] = &["/usr/games", "/snap/bin", "/var/lib/flatpak/exports/bin"];
const FOLDERS_OF_USER: &[&str] = &[".local/bin", "bin"];

fn collect(target: &Target, sink: &mut Sink) {
    let mut places: Vec<(PathBuf, Option<User>)> = SYSTEM.iter().map(|p| (p.into(), None)).collect();
    for entry in sink.keep(target.list(Path::new(DESKTOPS))).flatten().unwrap_or_default() {
        if entry.kind != EntryKind::File && entry.name.as_encoded_bytes().starts_with(b"xdg-") {
            places.push((Path::new(DESKTOPS).join(entry.name).join("autostart"), None));
        }
    }
    let (users, gaps) = target.users();
    for gap in gaps {
        sink.gap(gap);
    }
    places.extend(users.iter().map(|user| (user.home.join(OF_USER), Some(user.clone()))));
    let mut seen = BTreeSet::new();
    for (folder, user) in places {
        for path in files(target, sink, &folder, &mut seen) {
            if path.extension().is_some_and(|end| end == "desktop") {
                entry(target, sink, &path, user.as_ref());
            }
        }
    }
    for user in users {
        // A home that may not be looked into was told above.
        let is_there = |folder: &PathBuf| target.list(folder).is_ok_and(|list| list.is_some());
        for folder in SCRIPTS.iter().map(|folder| user.home.join(folder)).filter(is_there) {
            for path in files(target, sink, &folder, &mut seen) {
                script(target, sink, &path, &user);
            }
        }
    }
}

/// The files in a folder, unless it was looked into under another name.
fn files(target: &Target, sink: &mut Sink, folder: &Path, seen: &mut BTreeSet<PathBuf>) -> Vec<PathBuf> {
    let Some(entries) = sink.keep(target.list(folder)).flatten() else { return Vec::new() };
    let real = sink.keep(target.resolve(folder)).flatten();
    if real.is_some_and(|real| !seen.insert(real)) {
        return Vec::new();
    }
    let files = entries.into_iter().filter(|e| e.kind != EntryKind::Folder);
    files.map(|entry| folder.join(entry.name)).collect()
}

/// An item of a file.
fn task(path: &Path, name: Text, user: Option<&User>) -> Item {
    let mut item = Item::new(Kind::Task, name, Text::from_path(path));
    item.id = format!("autostart:{}", item.place.raw()).into();
    item.scope = Some(if user.is_some() { "user" } else { "machine" }.into());
    item.user = user.map(|user| user.name.clone());
    item
}

/// Tells of an entry.
fn entry(target: &Target, sink: &mut Sink, path: &Path, user: Option<&User>) {
    let stem = Text::from_bytes(path.file_stem().unwrap_or_default().as_encoded_bytes());
    let gap = |code, reason: String| Gap::new(code, Text::from_path(path), reason);
    let bytes = match target.read_up_to(path, MAX_BYTES) {
        Ok(Some(bytes)) => bytes,
        Ok(None) => return,
        // What a link led to was removed, or somebody forbids the entry so.
        Err(gap) if gap.code == GapCode::Dangling => {
            let mut item = task(path, stem, user);
            (item.state, item.enabled) = (State::Remnant, Some(false));
            return sink.item(item);
        }
        Err(gap) => return sink.gap(gap),
    };
    let read = match Entry::parse(&bytes) {
        Ok(entry) => entry,
        Err(no) => {
            let code = if no == NoEntry::Empty { GapCode::Empty } else { GapCode::Damaged };
            return sink.gap(gap(code, format!("{no}, so what it starts is unknown; look there")));
        }
    };
    let argv = read.exec();
    // What is started over the bus is named by the file alone.
    let needs_exec = !read.is_set("Hidden") && !read.is_set("DBusActivatable");
    if let Some(damage) = read.damage {
        let reason = format!("{} lines, from line {} on, are no keys of an entry", damage.count, damage.line);
        let gap = gap(GapCode::Damaged, reason);
        sink.gap(if argv.is_empty() && needs_exec { gap } else { gap.note() });
    } else if argv.is_empty() && needs_exec {
        let reason = "it does not say what it starts, so it was cut, or no desktop starts it; look there";
        sink.gap(gap(GapCode::Truncated, reason.to_owned()));
    }
    let mut item = task(path, read.name().map_or(stem, |name| Text::from_bytes(&name)), user);
    item.command = read.get("Exec").map(|line| Text::from_bytes(&line));
    let programs = programs(&argv);
    let tried = read.get("TryExec").is_some_and(|program| is_gone(target, &program));
    let off = read.is_set("Hidden") || read.get("X-GNOME-Autostart-enabled").as_deref() == Some(b"false");
    // Which desktop a user logs in to is not known; an empty list is none.
    let none = read.get("OnlyShowIn").is_some() && read.list("OnlyShowIn").is_empty();
    item.enabled = Some(!(off || tried || none));
    item.paths = paths(target, sink, &item.place, programs.iter().cloned(), &searched(user));
    if all_gone(target, &programs) {
        item.state = State::Remnant;
    }
    sink.item(item);
}

/// Tells of a script of Plasma.
fn script(target: &Target, sink: &mut Sink, path: &Path, user: &User) {
    let Some(text) = sink.keep(target.read_up_to(path, MAX_BYTES)).flatten() else { return };
    let name = Text::from_bytes(path.file_name().unwrap_or_default().as_encoded_bytes());
    let mut item = task(path, name, Some(user));
    item.enabled = Some(true);
    let programs = of_script(&text);
    if all_gone(target, &programs) {
        item.state = State::Remnant;
    }
    let served = programs.into_iter().filter(|program| !serves(program));
    let own = path.as_os_str().as_encoded_bytes().to_vec();
    item.paths = paths(target, sink, &item.place, std::iter::once(own).chain(served), &searched(Some(user)));
    sink.item(item);
}

/// Where a program named without its folder is looked for.
fn searched(user: Option<&User>) -> Vec<PathBuf> {
    let of_user = user.into_iter().flat_map(|user| FOLDERS_OF_USER.iter().map(|f| user.home.join(f)));
    of_user.chain(folders()).chain(MORE_FOLDERS.iter().map(PathBuf::from)).collect()
}
