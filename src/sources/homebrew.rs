//! Homebrew's formulae and casks, from its prefixes on Linux and macOS.
//!
//! Format: docs.brew.sh ("Formula Cookbook", "Cask Cookbook", "Installation"), brew(1): a keg is
//! `Cellar/FORMULA/VERSION`, a cask `Caskroom/TOKEN/VERSION`, so the folders are the list, and a receipt says where it
//! came from and when. The links in `opt` are a second witness. Who made the software stands nowhere: what is given as
//! publisher is the tap, whose owner wrote the recipe.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::json;
use crate::inventory::{Gap, GapCode};
use crate::item::{Item, Kind, State};
use crate::sources::{Depth, Needs, Sink, Source};
use crate::target::{Entry, EntryKind, Target};
use crate::text::Text;

pub(super) const SOURCE: Source = Source {
    id: "homebrew",
    about: "Homebrew formulae and casks",
    expects: &[],
    needs: Needs::Files,
    depth: Depth::Quick,
    yields: &[Kind::Package, Kind::Application],
    rights: "none: its folders are readable by everyone unless someone changed that",
    blind: "a keg that was removed together with its link in opt, a cask that was removed, and a prefix elsewhere",
    collect,
};

/// Where it installs itself: on Linux, on macOS with Apple's and with Intel's processors.
const PREFIXES: &[&str] = &["/home/linuxbrew/.linuxbrew", "/opt/homebrew", "/usr/local"];
const RECEIPT: &str = "INSTALL_RECEIPT.json";
/// Bytes of a recipe that are read.
const MAX_RECIPE: u64 = 4 << 20;

fn collect(target: &Target, sink: &mut Sink) {
    let mut seen = BTreeSet::new();
    for prefix in PREFIXES.iter().map(Path::new) {
        for (name, kind) in [("Cellar", Kind::Package), ("Caskroom", Kind::Application)] {
            let folder = prefix.join(name);
            let Some(entries) = sink.keep(target.list(&folder)).flatten() else { continue };
            // One prefix may be a link to another.
            let Some(real) = sink.keep(target.resolve(&folder)).flatten() else { continue };
            if !seen.insert(real) {
                continue;
            }
            let mut kegs = Kegs::default();
            for entry in visible(entries) {
                software(target, sink, &folder, &entry, kind, &mut kegs);
            }
            if kind == Kind::Package {
                links(target, sink, prefix, &folder, &kegs);
            }
            if kegs.names.is_empty() {
                let reason = "Homebrew is there and has nothing in it";
                sink.gap(Gap::new(GapCode::Empty, Text::from_path(&folder), reason).note());
            }
        }
    }
}

/// What was told of one folder.
#[derive(Default)]
struct Kegs {
    names: BTreeSet<OsString>,
    /// The id of each version, by where it is.
    ids: BTreeMap<PathBuf, Text>,
}

/// Gives an item for each version of a formula or a cask.
fn software(target: &Target, sink: &mut Sink, folder: &Path, entry: &Entry, kind: Kind, kegs: &mut Kegs) {
    let place = folder.join(&entry.name);
    match entry.kind {
        EntryKind::Folder | EntryKind::Link => {}
        // Such as what the Finder leaves.
        EntryKind::File => return,
        EntryKind::Special => {
            let reason = "a pipe, socket or device stands there, which Homebrew never puts there";
            sink.gap(Gap::new(GapCode::Special, Text::from_path(&place), reason).note());
            return;
        }
    }
    kegs.names.insert(entry.name.clone());
    let versions = sink.keep(target.list(&place)).flatten().unwrap_or_default();
    let is_version = |e: &Entry| matches!(e.kind, EntryKind::Folder | EntryKind::Link);
    let mut any = false;
    for version in visible(versions).filter(is_version) {
        any = true;
        let keg = place.join(&version.name);
        let mut item = item(kind, &entry.name, &keg);
        item.version = Some(Text::from_bytes(version.name.as_encoded_bytes()));
        if kind == Kind::Package {
            receipt(target, sink, &keg.join(RECEIPT), &mut item);
            let recipe = keg.join(".brew").join(file(&entry.name, ".rb"));
            item.homepage =
                sink.keep(target.read_up_to(&recipe, MAX_RECIPE)).flatten().and_then(|r| homepage(&r));
        } else {
            cask(target, sink, &place, &version.name, &entry.name, &mut item);
        }
        if sink.keep(target.list(&keg)).flatten().is_some_and(|entries| entries.is_empty()) {
            item.state = State::Remnant;
        }
        sink.owns_below(&keg, &item.id);
        kegs.ids.insert(keg, item.id.clone());
        sink.item(item);
    }
    if !any {
        sink.item(Item { state: State::Remnant, ..item(kind, &entry.name, &place) });
    }
}

fn item(kind: Kind, name: &OsString, place: &Path) -> Item {
    let place = Text::from_path(place);
    let mut item = Item::new(kind, Text::from_bytes(name.as_encoded_bytes()), place.clone());
    item.id = format!("homebrew:{}", place.raw()).into();
    item.paths = vec![place];
    item.ecosystem = Some("homebrew".into());
    item.scope = Some("machine".into());
    item
}

/// Takes what a receipt says: when it was installed, and from which tap. Without one it is installed all the same.
fn receipt(target: &Target, sink: &mut Sink, path: &Path, item: &mut Item) {
    let Some(receipt) = sink.keep(json(target, path)).flatten() else { return };
    let time = receipt.get("time").and_then(Value::as_i64).and_then(|t| jiff::Timestamp::from_second(t).ok());
    item.installed = time.map(|time| time.to_string().into());
    let tap = receipt.get("source").and_then(|source| source.get("tap")).and_then(Value::as_str);
    item.publisher = tap.filter(|tap| !tap.is_empty()).map(Text::from);
}

/// Takes what a cask's metadata say: its receipt, and the recipe it was last installed from.
fn cask(
    target: &Target,
    sink: &mut Sink,
    place: &Path,
    version: &OsString,
    token: &OsString,
    item: &mut Item,
) {
    let metadata = place.join(".metadata");
    receipt(target, sink, &metadata.join(RECEIPT), item);
    // Folders are named after the time, so the last is the newest.
    let times = sink.keep(target.list(&metadata.join(version))).flatten().unwrap_or_default();
    let Some(last) = times.into_iter().rfind(|e| e.kind == EntryKind::Folder) else { return };
    let casks = metadata.join(version).join(last.name).join("Casks");
    if let Some(says) = sink.keep(json(target, &casks.join(file(token, ".json")))).flatten() {
        let text =
            |value: Option<&Value>| value.and_then(Value::as_str).filter(|t| !t.is_empty()).map(Text::from);
        item.product = text(says.get("name").and_then(|names| names.get(0)));
        item.homepage = text(says.get("homepage"));
        item.publisher = item.publisher.take().or_else(|| text(says.get("tap")));
    } else if let Some(recipe) =
        sink.keep(target.read_up_to(&casks.join(file(token, ".rb")), MAX_RECIPE)).flatten()
    {
        item.homepage = homepage(&recipe);
    }
}

fn file(name: &OsString, end: &str) -> OsString {
    let mut file = name.clone();
    file.push(end);
    file
}

/// The home page in a recipe, which is a Ruby program: only a line that says it plainly counts.
fn homepage(recipe: &[u8]) -> Option<Text> {
    let mut lines = recipe.split(|&b| b == b'\n').map(<[u8]>::trim_ascii);
    let rest = lines.find_map(|line| line.strip_prefix(b"homepage \""))?;
    let value = rest.split(|&b| b == b'"').next().filter(|value| !value.is_empty())?;
    Some(Text::from_bytes(value))
}

/// Tells whose the programs are that are linked into the prefix, and of links to kegs that are gone.
fn links(target: &Target, sink: &mut Sink, prefix: &Path, cellar: &Path, kegs: &Kegs) {
    let links = |target: &Target, sink: &mut Sink, folder: &str| {
        let folder = prefix.join(folder);
        let entries = sink.keep(target.list(&folder)).flatten().unwrap_or_default();
        let links: Vec<PathBuf> =
            entries.into_iter().filter(|e| e.kind == EntryKind::Link).map(|e| folder.join(e.name)).collect();
        links
    };
    let real: BTreeMap<PathBuf, &Text> = kegs
        .ids
        .iter()
        .filter_map(|(keg, id)| Some((sink.keep(target.resolve(keg)).flatten()?, id)))
        .collect();
    for link in ["bin", "sbin"].into_iter().flat_map(|folder| links(target, sink, folder)).collect::<Vec<_>>()
    {
        if let Ok(Some(leads)) = target.resolve(&link)
            && let Some(id) = leads.ancestors().find_map(|folder| real.get(folder))
        {
            sink.owns(link.as_os_str().as_encoded_bytes(), id);
        }
    }
    let mut gone = BTreeMap::new();
    for link in links(target, sink, "opt") {
        let Some(says) = sink.keep(target.link(&link)) else { continue };
        // `../Cellar/FORMULA/VERSION`; an alias is linked too, so the name of the link is not that of the formula.
        let mut parts = says.components().rev().map(std::path::Component::as_os_str);
        if let (Some(version), Some(name), Some(folder)) = (parts.next(), parts.next(), parts.next())
            && folder == "Cellar"
            && !kegs.names.contains(name)
        {
            gone.insert((name.to_owned(), version.to_owned()), link);
        }
    }
    for ((name, version), link) in gone {
        let keg = cellar.join(&name).join(&version);
        let mut item = item(Kind::Package, &name, &keg);
        item.place = Text::from_path(&link);
        item.version = Some(Text::from_bytes(version.as_encoded_bytes()));
        item.state = State::Remnant;
        sink.item(item);
    }
}

/// The entries that do not begin with a dot.
fn visible(entries: Vec<Entry>) -> impl Iterator<Item = Entry> {
    entries.into_iter().filter(|e| !e.name.as_encoded_bytes().starts_with(b"."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_home_page_is_a_plain_line() {
        let of = |text: &str| homepage(text.as_bytes()).map(|t| t.raw().to_owned());
        assert_eq!(
            of("class A\n  # homepage \"no\"\n  homepage \"https://k\" # c\n"),
            Some("https://k".to_owned())
        );
        assert_eq!(of("  homepage \"\"\n"), None);
        assert_eq!(of("  homepage url\n"), None);
    }

    proptest::proptest! {
        #[test]
        fn any_recipe_ends_without_a_panic(bytes: Vec<u8>) {
            homepage(&[b"homepage \"", bytes.as_slice()].concat());
        }
    }
}
