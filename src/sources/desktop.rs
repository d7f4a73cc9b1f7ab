//! Applications that a menu or a desktop shows, of the system and of every user.
//!
//! Format: the Desktop Entry Specification 1.5 and the Desktop Menu Specification (freedesktop.org); where a user's
//! desktop is: user-dirs.dirs(5). What a browser shows of one site, what Wine runs and what Flatpak or Steam start is told
//! by its own name, and never by the program that runs it. An entry outlives its program, and then is only left over.

mod start;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use self::start::{Start, is_host};
use crate::inventory::{Gap, GapCode};
use crate::item::{IdKind, Item, Kind, State};
use crate::parse::desktop::{Entry, MAX_BYTES, NoEntry};
use crate::sources::{Depth, Needs, Sink, Source};
use crate::target::{EntryKind, Target, User};
use crate::text::{Text, bytes_to_path};

pub(super) const SOURCE: Source = Source {
    id: "desktop",
    about: "applications in menus and on desktops",
    expects: &[],
    needs: Needs::Files,
    depth: Depth::Standard,
    yields: &[Kind::Application],
    rights: "root, or else what other users have in their menus is not seen",
    blind: "an entry that was deleted, or cut behind its name and its program; a name in one language alone; an entry \
            where XDG_DATA_DIRS or XDG_DATA_HOME alone would look; what an entry's further actions start",
    collect,
};

/// Where entries of the system lie.
const SYSTEM: &[&str] = &[
    "/usr/share/applications",
    "/usr/local/share/applications",
    "/var/lib/snapd/desktop/applications",
    "/var/lib/flatpak/exports/share/applications",
    "/run/current-system/sw/share/applications",
];
/// Where those of a user lie in the home.
const OF_USER: &[&str] = &[
    ".local/share/applications",
    ".local/share/flatpak/exports/share/applications",
    ".nix-profile/share/applications",
];
/// What names the folder of a user's desktop, which goes by another name in other languages.
const USER_DIRS: &str = ".config/user-dirs.dirs";
/// Where programs are that go by a name alone, in a home and in the system.
const OF_HOME: &[&str] = &[".local/bin", "bin"];
const PROGRAMS: &[&str] = &[
    "/usr/local/bin",
    "/usr/bin",
    "/bin",
    "/usr/local/sbin",
    "/usr/sbin",
    "/sbin",
    "/usr/local/games",
    "/usr/games",
    "/snap/bin",
    "/run/current-system/sw/bin",
];
/// Folders in folders that are looked into.
const MAX_DEPTH: usize = 16;
/// Entries of one place.
const MAX_ENTRIES: usize = 100_000;
/// Characters of a command line that are kept.
const MAX_COMMAND: usize = 4096;

fn collect(target: &Target, sink: &mut Sink) {
    let mut seen = BTreeSet::new();
    for folder in SYSTEM {
        Place { folder: PathBuf::from(folder), user: None, is_deep: true }.read(target, sink, &mut seen);
    }
    let (users, gaps) = target.users();
    for gap in gaps {
        sink.gap(gap);
    }
    for user in &users {
        // A home that may not be looked into is one gap, not one for each folder in it.
        if sink.keep(target.list(&user.home)).flatten().is_none() {
            continue;
        }
        let flat = desktops(target, sink, user).into_iter().map(|folder| (folder, false));
        let deep = OF_USER.iter().map(|folder| (user.home.join(folder), true));
        for (folder, is_deep) in deep.chain(flat) {
            Place { folder, user: Some(user), is_deep }.read(target, sink, &mut seen);
        }
    }
}

/// The folders of a user's desktop.
fn desktops(target: &Target, sink: &mut Sink, user: &User) -> Vec<PathBuf> {
    let bytes =
        sink.keep(target.read_up_to(&user.home.join(USER_DIRS), MAX_BYTES)).flatten().unwrap_or_default();
    let folder = |line: &[u8]| {
        let value = line.trim_ascii().strip_prefix(b"XDG_DESKTOP_DIR=\"")?.strip_suffix(b"\"")?;
        match value.strip_prefix(b"$HOME/") {
            Some(within) => Some(user.home.join(bytes_to_path(within))),
            None => value.starts_with(b"/").then(|| bytes_to_path(value)),
        }
    };
    let named = bytes.split(|&b| b == b'\n').filter_map(folder);
    std::iter::once(user.home.join("Desktop")).chain(named).collect()
}

/// A folder of entries.
struct Place<'a> {
    folder: PathBuf,
    user: Option<&'a User>,
    /// Whether folders in it hold entries too.
    is_deep: bool,
}

impl Place<'_> {
    /// Gives the items of all entries that were not seen before, under whatever name.
    fn read(&self, target: &Target, sink: &mut Sink, seen: &mut BTreeSet<PathBuf>) {
        let (mut ahead, mut count) = (vec![(self.folder.clone(), EntryKind::Folder, 0)], 0);
        while let Some((path, kind, depth)) = ahead.pop() {
            count += 1;
            if count > MAX_ENTRIES {
                let reason = format!("holds more than {MAX_ENTRIES} entries; the rest was not looked at");
                sink.gap(Gap::new(GapCode::TooMany, Text::from_path(&self.folder), reason));
                return;
            }
            let leads = sink.keep(target.resolve(&path));
            let stands = match &leads {
                Some(Some(leads)) if kind == EntryKind::Link => sink.keep(target.entry(leads)).flatten(),
                Some(_) => Some(kind),
                None => None,
            };
            let is_entry = path.as_os_str().as_encoded_bytes().ends_with(b".desktop");
            let is_new = leads.flatten().is_none_or(|leads| seen.insert(leads));
            match stands {
                Some(EntryKind::Folder) if depth > MAX_DEPTH => {
                    let reason = format!("lies more than {MAX_DEPTH} folders deep, so not looked into");
                    sink.gap(Gap::new(GapCode::TooMany, Text::from_path(&path), reason));
                }
                Some(EntryKind::Folder) if is_new && (self.is_deep || depth == 0) => {
                    let entries = sink.keep(target.list(&path)).flatten().unwrap_or_default();
                    ahead.extend(entries.into_iter().rev().map(|e| (path.join(e.name), e.kind, depth + 1)));
                }
                Some(EntryKind::Folder) | None => {}
                Some(_) if is_entry && is_new => self.entry(target, sink, &path),
                Some(_) => {}
            }
        }
    }

    fn entry(&self, target: &Target, sink: &mut Sink, path: &Path) {
        let gap = |code, what: &str| Gap::new(code, Text::from_path(path), what);
        let bytes = match target.read_up_to(path, MAX_BYTES) {
            Ok(Some(bytes)) => bytes,
            Ok(None) => return,
            Err(gap) => {
                // What an entry led to is gone with its application, as of Flatpak.
                if matches!(gap.code, GapCode::Dangling | GapCode::LinkLoop) {
                    sink.item(Item { state: State::Remnant, ..self.item(path) });
                    sink.gap(gap.note());
                } else {
                    sink.gap(gap);
                }
                return;
            }
        };
        let entry = match Entry::parse(&bytes) {
            Ok(entry) => entry,
            Err(no @ NoEntry::Empty) => {
                return sink.gap(gap(GapCode::Empty, &format!("{no}, so what it started is unknown")));
            }
            Err(no @ NoEntry::NoGroup) => {
                return sink.gap(gap(GapCode::Damaged, &format!("{no}, so what it starts is unknown")));
            }
        };
        let arguments = entry.exec();
        let starts = !arguments.is_empty() || entry.is_set("DBusActivatable");
        // A link to a site, or a folder of a menu; or an entry that only hides another.
        let is_other = matches!(entry.get("Type").as_deref(), Some(b"Link" | b"Directory"));
        if !starts && (is_other || entry.is_set("Hidden")) {
            return;
        }
        if let Some(damage) = entry.damage {
            let reason = format!("line {} and {} more are no settings", damage.line, damage.count - 1);
            let is_told = starts && entry.name().is_some();
            let damaged = gap(GapCode::Damaged, &reason);
            sink.gap(if is_told { damaged.note() } else { damaged });
        } else if !starts || entry.name().is_none() {
            let reason = "it lacks its name or what it starts; it may have been cut";
            sink.gap(gap(GapCode::Truncated, reason));
        }
        sink.item(self.told(target, path, &entry, &arguments));
    }

    fn item(&self, path: &Path) -> Item {
        let place = Text::from_path(path);
        let name = path.file_stem().unwrap_or_default().as_encoded_bytes();
        let mut item = Item::new(Kind::Application, Text::from_bytes(name), place.clone());
        item.id = format!("desktop:{}", place.raw()).into();
        item.paths = vec![place];
        item.scope = Some(if self.user.is_some() { "user" } else { "machine" }.into());
        item.user = self.user.map(|user| user.name.clone());
        item
    }

    fn told(&self, target: &Target, path: &Path, entry: &Entry, arguments: &[Vec<u8>]) -> Item {
        let mut item = self.item(path);
        let names = entry.name().into_iter().chain(entry.localized_names().into_values());
        if let Some(name) = names.into_iter().find(|name| !name.trim_ascii().is_empty()) {
            item.name = Text::from_bytes(&name);
        }
        item.version =
            entry.get("X-AppImage-Version").filter(|v| !v.is_empty()).map(|v| Text::from_bytes(&v));
        let command = Text::from_bytes(&arguments.join(&b' '));
        let command: String = command.raw().chars().take(MAX_COMMAND).collect();
        item.command = (!command.is_empty()).then(|| command.into());
        item.enabled = entry.is_set("Hidden").then_some(false);

        let start = Start::of(arguments);
        let mut paths = vec![path.to_owned()];
        paths.extend(target.resolve(path).ok().flatten());
        let tried = entry.get("TryExec").map(|program| self.find(target, &program));
        let found = start.program.as_deref().map(|program| self.find(target, program));
        let gone = [&tried, &found].into_iter().flatten().any(|found| matches!(found, Found::Gone));
        let unknown = matches!(found, Some(Found::Unknown));
        item.state = match (gone, unknown) {
            (true, _) => State::Remnant,
            (false, true) => State::Present,
            (false, false) => State::Installed,
        };
        if let Some((program, prefix)) = &start.windows {
            let program = self.of_wine(program, prefix.as_deref());
            // Wine finds names in letters of any size, so a file that is not found may be there.
            if item.state == State::Installed && !matches!(target.resolve(&program), Ok(Some(_))) {
                item.state = State::Present;
            }
            paths.push(program);
        } else if let (Some(Found::At(program)), false) = (found, start.is_host) {
            let leads = target.resolve(&program).ok().flatten();
            paths.push(program);
            // What one program does under many names, as snap does, is not the application.
            paths.extend(leads.filter(|leads| !is_host(leads.as_os_str().as_encoded_bytes())));
        }
        item.paths = Vec::new();
        for path in paths.iter().map(|path| Text::from_path(path)) {
            if !item.paths.contains(&path) {
                item.paths.push(path);
            }
        }
        if let Some(id) = start.app_id {
            item.ids.insert(IdKind::ExtensionId, Text::from_bytes(&id));
        }
        item.homepage = start.site.as_deref().map(Text::from_bytes);
        item
    }

    /// Looks for a program by its path or name.
    fn find(&self, target: &Target, program: &[u8]) -> Found {
        let path = bytes_to_path(program);
        if program.starts_with(b"/") {
            return if matches!(target.resolve(&path), Ok(None)) { Found::Gone } else { Found::At(path) };
        }
        if program.is_empty() || program.contains(&b'/') {
            return Found::Unknown;
        }
        let of_home =
            self.user.into_iter().flat_map(|user| OF_HOME.iter().map(|folder| user.home.join(folder)));
        let mut places = of_home.chain(PROGRAMS.iter().map(PathBuf::from)).map(|folder| folder.join(&path));
        let found = places.find(|place| matches!(target.resolve(place), Ok(Some(_))));
        found.map_or(Found::Unknown, Found::At)
    }

    /// Where a program of Windows lies, in the folder of Wine that is named or in the user's own.
    fn of_wine(&self, program: &[u8], prefix: Option<&[u8]>) -> PathBuf {
        let [drive, b':', rest @ ..] = program else { return bytes_to_path(program) };
        let home = || self.user.map(|user| user.home.join(".wine"));
        let Some(prefix) = prefix.map(bytes_to_path).or_else(home) else { return bytes_to_path(program) };
        let rest: Vec<u8> = rest.iter().map(|&b| if b == b'\\' { b'/' } else { b }).collect();
        let drive = match drive.to_ascii_lowercase() {
            b'c' => prefix.join("drive_c"),
            other => prefix.join("dosdevices").join(bytes_to_path(&[other, b':'])),
        };
        drive.join(bytes_to_path(rest.strip_prefix(b"/").unwrap_or(&rest)))
    }
}

/// What became of a program.
enum Found {
    At(PathBuf),
    /// Nothing is at its path.
    Gone,
    /// It is in none of the places looked at, and may be in others.
    Unknown,
}
