//! Extensions and native messaging hosts of browsers, in every profile of every user.
//!
//! Format: Chromium's and Mozilla's own, cited where each is read (`browsers/chromium.rs`, `browsers/gecko.rs`). The
//! ecosystem of an item is its browser. What a policy or a file of the administrator installs is `present`: the browser
//! has yet to fetch it. A part of the browser itself is left out where its maker's id and place both say so.

mod chromium;
mod gecko;
mod hosts;
mod machine;
mod manifest;
mod places;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::inventory::{Gap, GapCode};
use crate::item::{IdKind, Ids, Item, Kind};
use crate::parse::webext;
use crate::sources::{Depth, Needs, Sink, Source};
use crate::target::{Entry, EntryKind, Target, User};
use crate::text::Text;
use places::Family;

pub(super) const SOURCE: Source = Source {
    id: "browsers",
    about: "extensions and native messaging hosts of browsers",
    expects: &[],
    needs: Needs::Files,
    depth: Depth::Standard,
    yields: &[Kind::Extension],
    rights: "root, or else the profiles of other users are not seen",
    blind: "profiles outside the usual folders (--user-data-dir, --profile), in homes that are not mounted and in the data \
            that a snap keeps of older revisions, hosts and policies named in a registry, a profile or extension \
            removed with every record of it, and web applications",
    collect,
};

/// Bytes of a manifest, a catalog, a host or a policy.
const MAX_BYTES: u64 = 4 << 20;
/// Places whose content comes and goes, so that what is missing there may still be.
const ELSEWHERE: &[&str] = &["/app", "/media", "/mnt", "/run", "/snap", "/var/lib/snapd/snap"];

/// Whose an item is.
#[derive(Clone, Copy)]
struct Whose<'a> {
    browser: &'static str,
    user: Option<&'a Text>,
}

/// A reading of a target.
struct Look<'a> {
    target: &'a Target,
    sink: &'a mut Sink,
    ids: Ids,
    /// Folders that were read, links followed.
    read: BTreeSet<PathBuf>,
    /// Whether folders that lead to others are there.
    there: BTreeMap<PathBuf, bool>,
}

fn collect(target: &Target, sink: &mut Sink) {
    let mut look = Look { target, sink, ids: Ids::default(), read: BTreeSet::new(), there: BTreeMap::new() };
    let (users, gaps) = target.users();
    for gap in gaps {
        look.sink.gap(gap);
    }
    for user in &users {
        look.home(user);
    }
    machine::all(&mut look);
}

impl Look<'_> {
    /// Reads a home, and what snaps and Flatpaks have in its place.
    fn home(&mut self, user: &User) {
        // A home that may not be looked into is one gap.
        if !self.leads_to(&user.home) {
            return;
        }
        let mut bases = vec![(user.home.clone(), false)];
        for snap in self.folders(&user.home.join("snap")) {
            bases.extend(["common", "current"].map(|data| (snap.join(data), false)));
        }
        bases.extend(self.folders(&user.home.join(".var/app")).into_iter().map(|app| (app, true)));
        for (base, is_flatpak) in &bases {
            let of = |path: &str| {
                let inside = places::FLATPAK.iter().filter(|_| *is_flatpak);
                let inside =
                    inside.filter_map(|(home, app)| Some(base.join(app).join(path.strip_prefix(home)?)));
                [base.join(path)].into_iter().chain(inside).collect::<Vec<_>>()
            };
            let user = Some(&user.name);
            for browser in places::BROWSERS {
                let whose = Whose { browser: browser.id, user };
                for folder in browser.folders.iter().flat_map(|path| of(path)) {
                    if self.is_new(base, &folder) {
                        match browser.family {
                            Family::Chromium => chromium::user_data(self, whose, &folder),
                            Family::Gecko => gecko::folder(self, whose, &folder),
                        }
                    }
                }
            }
            for (parent, end) in places::OTHERS {
                for parent in of(&format!("{parent}/")) {
                    self.others(base, user, &parent, end);
                }
            }
            for (browser, path) in places::HOSTS_OF_USER {
                for folder in of(path) {
                    if self.is_new(base, &folder) {
                        hosts::folder(self, Whose { browser, user }, &folder);
                    }
                }
            }
            for folder in places::ADDONS_OF_USER.iter().flat_map(|path| of(path)) {
                if self.is_new(base, &folder) {
                    machine::addons(self, user, &folder);
                }
            }
        }
    }

    /// Reads the folders of browsers that no row names.
    fn others(&mut self, base: &Path, user: Option<&Text>, parent: &Path, end: &str) {
        for folder in if self.leads_below(base, parent) { self.folders(parent) } else { Vec::new() } {
            let folder = if end.is_empty() { folder } else { folder.join(end) };
            let is_one = ["Preferences", "Secure Preferences", "Extensions"]
                .iter()
                .any(|name| matches!(self.target.entry(&folder.join("Default").join(name)), Ok(Some(_))));
            if is_one && self.is_new(base, &folder) {
                chromium::user_data(self, Whose { browser: "chromium", user }, &folder);
            }
        }
    }

    /// Whether a folder is there that was not read before. What cannot hold it, as a file, is no gap; what stands in its
    /// own place is.
    fn is_new(&mut self, base: &Path, folder: &Path) -> bool {
        let parent = folder.parent().unwrap_or(base);
        self.leads_below(base, parent)
            && self.sink.keep(self.target.list(folder)).flatten().is_some()
            && self
                .sink
                .keep(self.target.resolve(folder))
                .flatten()
                .is_some_and(|real| self.read.insert(real))
    }

    /// Whether all folders from a base down to one are there.
    fn leads_below(&mut self, base: &Path, folder: &Path) -> bool {
        let mut all: Vec<&Path> = folder.ancestors().take_while(|path| path.starts_with(base)).collect();
        all.reverse();
        all.into_iter().all(|path| self.leads_to(path))
    }

    /// Whether a folder is there; one that cannot be looked into is told once.
    fn leads_to(&mut self, folder: &Path) -> bool {
        if let Some(there) = self.there.get(folder) {
            return *there;
        }
        let there = match self.target.list(folder) {
            Ok(entries) => entries.is_some(),
            Err(gap) => {
                if gap.code != GapCode::Special {
                    self.sink.gap(gap);
                }
                false
            }
        };
        self.there.insert(folder.to_owned(), there);
        there
    }

    fn entries(&mut self, folder: &Path) -> Vec<Entry> {
        self.sink.keep(self.target.list(folder)).flatten().unwrap_or_default()
    }

    /// The folders in a folder, and links that may lead to some; nothing, if that is none.
    fn folders(&mut self, folder: &Path) -> Vec<PathBuf> {
        let all = if self.leads_to(folder) { self.entries(folder) } else { Vec::new() };
        let is_one = |e: &Entry| matches!(e.kind, EntryKind::Folder | EntryKind::Link);
        all.into_iter().filter(is_one).map(|e| folder.join(e.name)).collect()
    }

    /// The document in a file, with what browsers allow in it; nothing, if there is no file.
    fn document(&mut self, path: &Path) -> Result<Option<Value>, Gap> {
        let Some(bytes) = self.target.read_up_to(path, MAX_BYTES)? else { return Ok(None) };
        document(path, &bytes).map(Some)
    }

    fn gap(&mut self, code: GapCode, place: &Path, reason: impl Into<Text>) {
        self.sink.gap(Gap::new(code, Text::from_path(place), reason));
    }

    /// Whether something is there, as far as can be told: not, if it surely is not.
    fn is_gone(&self, path: &Path) -> bool {
        let resolved = self.target.resolve(path);
        let gone =
            matches!(&resolved, Ok(None)) || matches!(&resolved, Err(gap) if gap.code == GapCode::Special);
        gone && !ELSEWHERE.iter().any(|place| path.starts_with(place))
    }

    /// Gives an item; `within` and `id` together tell it from others.
    fn give(&mut self, whose: Whose<'_>, within: &Path, id: &str, item: Item) {
        let key = format!("browsers:{}:{id}", Text::from_path(within).raw());
        self.sink.item(Item {
            id: self.ids.unique(key).into(),
            ecosystem: Some(whose.browser.into()),
            scope: Some(if whose.user.is_some() { "user" } else { "machine" }.into()),
            user: whose.user.cloned(),
            ..item
        });
    }
}

/// An extension that has an id.
fn extension(id: &str, name: Option<String>, place: &Path) -> Item {
    let mut item =
        Item::new(Kind::Extension, name.unwrap_or_else(|| id.to_owned()).into(), Text::from_path(place));
    item.ids.insert(IdKind::ExtensionId, id.into());
    item
}

/// The document that bytes hold.
fn document(path: &Path, bytes: &[u8]) -> Result<Value, Gap> {
    let place = Text::from_path(path);
    if bytes.trim_ascii().is_empty() {
        return Err(Gap::new(GapCode::Empty, place, "it is empty; a JSON document never is"));
    }
    webext::document(bytes).map_err(|e| {
        let code = if e.is_eof() { GapCode::Truncated } else { GapCode::Damaged };
        Gap::new(code, place, format!("it is no whole JSON document, so what it says is unknown: {e}"))
    })
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    #![allow(clippy::disallowed_methods, reason = "tests lay out roots")]
    use super::*;
    use crate::parse::zip::tests::archive;
    use std::fs;
    use std::os::unix::ffi::OsStrExt;

    /// The items of a root as `id name`, and the codes of its gaps.
    fn told(root: &Path) -> (Vec<String>, Vec<GapCode>) {
        let target = Target::dir(root, globset::GlobSet::empty()).unwrap();
        let mut sink = Sink::default();
        collect(&target, &mut sink);
        let id = |item: &Item| item.ids.get(&IdKind::ExtensionId).map_or("-", Text::raw).to_owned();
        let items = sink.items.iter().map(|item| format!("{} {}", id(item), item.name.raw())).collect();
        (items, sink.gaps.iter().map(|gap| gap.code).collect())
    }

    #[test]
    fn names_that_are_no_text_are_carried() {
        let root = tempfile::tempdir().unwrap();
        let firefox = root.path().join("home/ann/.mozilla/firefox");
        let profile = firefox.join(std::ffi::OsStr::from_bytes(b"a\xff\n"));
        fs::create_dir_all(profile.join("extensions")).unwrap();
        fs::write(firefox.join("profiles.ini"), b"[Profile0]\nPath=a\xff\n").unwrap();
        fs::write(profile.join("extensions.json"), r#"{"addons": [{"id": "a@k"}]}"#).unwrap();
        let package = archive(&[("manifest.json", br#"{"name": "K", "version": "1"}"#)]);
        let name = std::ffi::OsStr::from_bytes(b"k\xff\n.xpi");
        fs::write(profile.join("extensions").join(name), package).unwrap();
        let (items, gaps) = told(root.path());
        assert_eq!((items, gaps), (vec!["a@k a@k".into(), "k\\xff\n K".into()], vec![GapCode::Missing]));
    }

    #[test]
    fn what_passes_a_bound_is_a_gap_and_still_an_extension() {
        let root = tempfile::tempdir().unwrap();
        let profile = root.path().join("home/ann/.config/chromium/Default");
        let id = "a".repeat(32);
        let folder = profile.join("Extensions").join(&id).join("1");
        fs::create_dir_all(&folder).unwrap();
        let record =
            format!(r#"{{"extensions": {{"settings": {{"{id}": {{"path": "{id}/1", "location": 1}}}}}}}}"#);
        fs::write(profile.join("Preferences"), record).unwrap();
        fs::write(folder.join("manifest.json"), vec![b' '; usize::try_from(MAX_BYTES).unwrap() + 1]).unwrap();
        assert_eq!(told(root.path()), (vec![format!("{id} {id}")], vec![GapCode::TooLarge]));
        fs::write(folder.join("manifest.json"), "[".repeat(1_000_000)).unwrap();
        assert_eq!(told(root.path()), (vec![format!("{id} {id}")], vec![GapCode::Damaged]));
    }

    #[test]
    fn a_home_that_is_refused_is_one_gap() {
        let mut sink = Sink::default();
        let target = Target::refusing();
        let mut look = Look {
            target: &target,
            sink: &mut sink,
            ids: Ids::default(),
            read: BTreeSet::new(),
            there: BTreeMap::new(),
        };
        let whose = crate::target::Whose::Account;
        look.home(&User { name: "ann".into(), home: "/home/ann".into(), whose });
        assert_eq!((sink.gaps.len(), sink.items.len()), (1, 0));
    }
}
