//! Extensions of Visual Studio Code and of the editors made from it, of every user.
//!
//! Format: [`crate::parse::vscode`]. The list and the folders beside it witness each other. What a user uninstalls
//! stays on the disk until the next start, its folder named in `.obsolete`. An extension that only another profile uses
//! has a folder and no line in the list, so what is not listed is present and not less. The extensions that an editor
//! brings with it are its maker's parts, and are left out, as is what is being unpacked (its name begins with a dot).

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::inventory::{Gap, GapCode};
use crate::item::{IdKind, Ids, Item, Kind, State};
use crate::parse::vscode::{Manifest, Record, folder, key, localised, records};
use crate::sources::{Depth, Needs, Sink, Source, json};
use crate::target::{Entry, EntryKind, Target};
use crate::text::Text;

pub(super) const SOURCE: Source = Source {
    id: "vscode",
    about: "extensions of Visual Studio Code and its kin",
    expects: &[],
    needs: Needs::Files,
    depth: Depth::Standard,
    yields: &[Kind::Extension],
    rights: "root, or else what other users installed for themselves is not seen",
    blind: "an extension whose folder was removed together with its line in the list, editors told to keep extensions \
            elsewhere, portable editors, and homes that are not mounted",
    collect,
};

/// Folders of a home in which an editor, or the part of it that runs on a remote machine, keeps `extensions`.
const EDITORS: &[&str] = &[
    ".antigravity",
    ".antigravity-server",
    ".cursor",
    ".cursor-server",
    ".kiro",
    ".kiro-server",
    ".local/share/code-server",
    ".openvscode-server",
    ".positron",
    ".positron-server",
    ".qoder",
    ".trae",
    ".trae-cn",
    ".trae-cn-server",
    ".trae-server",
    ".void-editor",
    ".void-server",
    ".vscode",
    ".vscode-insiders",
    ".vscode-oss",
    ".vscode-oss-dev",
    ".vscode-remote",
    ".vscode-server",
    ".vscode-server-insiders",
    ".vscode-server-oss",
    ".vscodium-server",
    ".windsurf",
    ".windsurf-next",
    ".windsurf-server",
];
/// Where Flatpak's applications have their data; those of editors keep `extensions` in a folder of it.
const FLATPAK: &str = ".var/app";
const LIST: &str = "extensions.json";

fn collect(target: &Target, sink: &mut Sink) {
    let (users, gaps) = target.users();
    for gap in gaps {
        sink.gap(gap);
    }
    let (mut seen, mut ids) = (BTreeSet::new(), Ids::default());
    for user in users {
        for (place, entries) in stores(target, sink, &user.home) {
            let real = sink.keep(target.resolve(&place)).flatten();
            if real.is_some_and(|real| seen.insert(real)) {
                Store { place: &place, user: &user.name, ids: &mut ids }.read(target, sink, &entries);
            }
        }
    }
}

/// The folders of extensions in a home, and what each holds.
///
/// There are more editors made from this one than anyone lists, so each hidden folder is looked into.
fn stores(target: &Target, sink: &mut Sink, home: &Path) -> Vec<(PathBuf, Vec<Entry>)> {
    let mut stores = Vec::new();
    // A home that may not be looked into is one gap, not one for each folder in it.
    let Some(entries) = sink.keep(target.list(home)).flatten() else { return stores };
    let hidden = entries.iter().filter(|e| e.name.as_encoded_bytes().starts_with(b"."));
    let mut places: BTreeSet<PathBuf> = hidden.map(|e| home.join(&e.name).join("extensions")).collect();
    places.extend(EDITORS.iter().map(|editor| home.join(editor).join("extensions")));
    for application in folders(target, sink, &home.join(FLATPAK)) {
        let data = folders(target, sink, &application.join("data"));
        places.extend(data.into_iter().map(|folder| folder.join("extensions")));
    }
    for place in places {
        let is_known = EDITORS.iter().any(|editor| place == home.join(editor).join("extensions"));
        match target.list(&place) {
            Ok(None) => {}
            Ok(Some(entries)) => {
                let is_one =
                    |e: &Entry| e.name == LIST || e.name.to_str().is_some_and(|n| folder(n).is_some());
                if is_known || entries.iter().any(is_one) {
                    stores.push((place, entries));
                }
            }
            // Other programs too have something called `extensions`.
            Err(gap) if gap.code == GapCode::Special && !is_known => {}
            Err(gap) => sink.gap(gap),
        }
    }
    stores
}

/// One folder of extensions.
struct Store<'a> {
    place: &'a Path,
    user: &'a Text,
    ids: &'a mut Ids,
}

impl Store<'_> {
    fn read(&mut self, target: &Target, sink: &mut Sink, entries: &[Entry]) {
        let list = self.place.join(LIST);
        let listed = sink.keep(json(target, &list)).flatten().and_then(|value| {
            let found = records(&value);
            let damaged = |what: String| Gap::new(GapCode::Damaged, Text::from_path(&list), what);
            match &found {
                None => sink.gap(damaged(
                    "it is no list of extensions; open the editor once, which writes it anew".into(),
                )),
                Some((_, strange)) if *strange > 0 => {
                    sink.gap(damaged(format!("{strange} entries of the list name no extension")));
                }
                Some(_) => {}
            }
            found
        });
        let is_listed = listed.is_some();
        let (mut seen, mut gone) = (BTreeSet::new(), Vec::new());
        for record in listed.map(|(records, _)| records).unwrap_or_default() {
            match self.find(target, sink, &record) {
                Some(folder) => {
                    let real = target.resolve(&folder).ok().flatten().unwrap_or_else(|| folder.clone());
                    if seen.insert(real) {
                        self.extension(target, sink, &folder, Some(&record), State::Installed);
                    }
                }
                None => gone.push(record),
            }
        }
        self.tell_gone(sink, &list, &gone);
        let obsolete = self.obsolete(target, sink);
        for entry in entries {
            let name = entry.name.as_encoded_bytes();
            let path = self.place.join(&entry.name);
            if name.starts_with(b".") || !matches!(entry.kind, EntryKind::Folder | EntryKind::Link) {
                continue;
            }
            let real = target.resolve(&path).ok().flatten().unwrap_or_else(|| path.clone());
            if seen.insert(real) {
                let state = if obsolete.contains(name) {
                    State::Remnant
                } else if is_listed {
                    State::Present
                } else {
                    // Editors from before 2022 kept no list.
                    State::Installed
                };
                self.extension(target, sink, &path, None, state);
            }
        }
    }

    /// Where the folder of a listed extension is; nothing, if there is none.
    fn find(&self, target: &Target, sink: &mut Sink, record: &Record) -> Option<PathBuf> {
        for place in record.places.iter().map(|place| self.place.join(place)) {
            match target.entry(&place) {
                Ok(Some(_)) => return Some(place),
                Ok(None) => {}
                Err(gap) => sink.gap(gap),
            }
        }
        None
    }

    /// Tells of what is in the list and has no folder.
    fn tell_gone(&mut self, sink: &mut Sink, list: &Path, gone: &[Record]) {
        let Some(first) = gone.first() else { return };
        let reason = format!(
            "it lists {} extensions that have no folder ({} …): they were removed by hand, or not all is here; install \
             or uninstall them in the editor",
            gone.len(),
            first.id
        );
        sink.gap(Gap::new(GapCode::Missing, Text::from_path(list), reason));
        for record in gone {
            let version = record.version.as_deref().unwrap_or_default();
            let id = format!("vscode:{}:{}-{version}", Text::from_path(list).raw(), record.id);
            let mut item = self.item(&record.id, id, Text::from_path(list));
            item.state = State::Remnant;
            told_by(&mut item, record);
            sink.item(item);
        }
    }

    /// The folders that will be removed.
    fn obsolete(&self, target: &Target, sink: &mut Sink) -> BTreeSet<Vec<u8>> {
        let path = self.place.join(".obsolete");
        let Some(value) = sink.keep(json(target, &path)).flatten() else { return BTreeSet::new() };
        let Value::Object(folders) = value else {
            let reason = "it is no list of removed extensions, so some may be told as installed";
            sink.gap(Gap::new(GapCode::Damaged, Text::from_path(&path), reason));
            return BTreeSet::new();
        };
        folders
            .into_iter()
            .filter(|(_, is)| *is == Value::Bool(true))
            .map(|(name, _)| name.into_bytes())
            .collect()
    }

    /// Gives the item of a folder.
    fn extension(
        &mut self,
        target: &Target,
        sink: &mut Sink,
        path: &Path,
        record: Option<&Record>,
        state: State,
    ) {
        let file = path.join("package.json");
        let place = Text::from_path(path);
        let name = path.file_name().map(|name| Text::from_bytes(name.as_encoded_bytes())).unwrap_or_default();
        let named = folder(name.raw());
        let read = json(target, &file);
        let is_without = matches!(read, Ok(None));
        if is_without && record.is_none() && named.is_none() {
            // A folder of something else, which no editor loads.
            return;
        }
        let says = sink.keep(read).flatten().map(|value| Manifest::of(&value));
        let gap = |what: String| Gap::new(GapCode::Damaged, Text::from_path(&file), what);
        let own = says.as_ref().and_then(|says| says.id.clone());
        match (record, &own) {
            (Some(record), Some(own)) if !own.eq_ignore_ascii_case(&record.id) => {
                sink.gap(gap(format!(
                    "it is the manifest of another extension than the list says ({})",
                    record.id
                )));
            }
            (None, None) if says.is_some() => sink.gap(gap("it names no extension".into())),
            _ => {}
        }
        if is_without && record.is_some() {
            let reason = "the manifest of this extension is not there, so it is known by the list alone";
            sink.gap(Gap::new(GapCode::Missing, Text::from_path(&file), reason).note());
        }
        let id = own.as_deref().or(record.map(|r| r.id.as_str())).or(named.map(|(id, _)| id));
        let mut item = self.item(id.unwrap_or(name.raw()), format!("vscode:{}", place.raw()), place.clone());
        item.state = if is_without && record.is_none() { State::Remnant } else { state };
        item.paths = vec![place];
        item.version = named.map(|(_, version)| version.into());
        if let Some(says) = says {
            let shown = says.name.map(|name| shown(target, sink, path, name));
            item.name = shown.map_or(item.name, Text::from);
            item.version = says.version.map(Text::from).or(item.version);
            item.homepage = says.homepage.map(Text::from);
        }
        if let Some(record) = record {
            told_by(&mut item, record);
        }
        sink.owns_below(path, &item.id);
        sink.item(item);
    }

    fn item(&mut self, extension: &str, id: String, place: Text) -> Item {
        let mut item = Item::new(Kind::Extension, extension.into(), place);
        item.id = self.ids.unique(id).into();
        let is_id = extension.contains('.');
        item.publisher = extension.split_once('.').map(|(publisher, _)| publisher.into());
        item.ids.extend(is_id.then(|| (IdKind::ExtensionId, extension.to_lowercase().into())));
        item.ecosystem = Some("vscode".into());
        item.scope = Some("user".into());
        item.user = Some(self.user.clone());
        item
    }
}

/// Adds what the list says of an extension.
fn told_by(item: &mut Item, record: &Record) {
    let installed = record.installed.and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok());
    item.installed = installed.map(|time| time.to_string().into());
    item.version = record.version.clone().map(Text::from).or(item.version.take());
    item.publisher = record.publisher.clone().map(Text::from).or(item.publisher.take());
}

/// A name for people, of which the manifest may give the key alone.
fn shown(target: &Target, sink: &mut Sink, folder: &Path, name: String) -> String {
    let Some(key) = key(&name) else { return name };
    // It is known by its id without it.
    let texts = json(target, &folder.join("package.nls.json")).map_err(Gap::note);
    sink.keep(texts).flatten().and_then(|texts| localised(&texts, key)).unwrap_or(name)
}

/// The folders in a folder.
fn folders(target: &Target, sink: &mut Sink, folder: &Path) -> Vec<PathBuf> {
    let entries = sink.keep(target.list(folder)).flatten().unwrap_or_default();
    entries.into_iter().filter(|e| e.kind == EntryKind::Folder).map(|e| folder.join(e.name)).collect()
}
