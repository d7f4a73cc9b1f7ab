//! Python distributions, and what conda installed, of the system, of users and of environments.
//!
//! Formats: the packaging specifications (packaging.python.org), "Recording installed projects" and "Core metadata";
//! setuptools' "Internal structure of eggs"; conda's `conda-meta/NAME-VERSION-BUILD.json`. A distribution is there when
//! a folder says so, which several tools write and none keeps a list of. The name of the folder is a second witness of
//! name and version, and of a `dist-info` also `RECORD`, which knows how long `METADATA` is. What lies in no
//! `site-packages` or `dist-packages` was unpacked or built there, and not installed.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::inventory::{Gap, GapCode};
use crate::item::{IdKind, Ids, Item, Kind, State};
use crate::parse::headers::{End, Folding, Headers};
use crate::sources::purl::purl;
use crate::sources::tree::{Sort, is_folder};
use crate::sources::{Depth, Needs, Sink, Source};
use crate::target::Target;
use crate::text::Text;

pub(super) const SOURCE: Source = Source {
    id: "python",
    about: "Python and conda packages of the system, of users and of environments",
    expects: &[],
    needs: Needs::Files,
    depth: Depth::Standard,
    yields: &[Kind::Package],
    rights: "root, or else what other users installed for themselves is not seen",
    blind: "a description cut between two lines where no RECORD tells its size, a distribution whose description was \
            removed, the maker of a zipped egg, and wheels and zip applications",
    collect,
};

/// Where the folders of interpreters are.
const SYSTEM: &[&str] = &["/usr/lib", "/usr/lib64"];
/// The folders that interpreters import from, and tools install into.
const PACKAGES: &[&str] = &["dist-packages", "site-packages"];
/// What a description is asked for.
const KEEP: &[&str] = &[
    "name",
    "version",
    "author",
    "author-email",
    "maintainer",
    "maintainer-email",
    "home-page",
    "project-url",
];
/// Bytes of a description or of a list of files that are read.
const MAX_BYTES: u64 = 16 << 20;

fn collect(target: &Target, sink: &mut Sink) {
    let tree = sink.tree(target);
    let mut records: BTreeMap<PathBuf, Option<Text>> = BTreeMap::new();
    for found in tree.found.iter().filter(|f| matches!(f.sort, Sort::PythonPackage | Sort::CondaRecord)) {
        records.insert(found.path.clone(), found.user.clone());
    }
    for folder in system(target, sink) {
        for entry in sink.keep(target.list(&folder)).flatten().unwrap_or_default() {
            let name = entry.name.as_encoded_bytes();
            if [&b".dist-info"[..], b".egg-info", b".egg"].iter().any(|end| name.ends_with(end)) {
                records.entry(folder.join(entry.name)).or_default();
            }
        }
    }
    let mut ids = Ids::default();
    for (path, user) in records {
        let read = if path.extension().is_some_and(|end| end.eq_ignore_ascii_case("json")) {
            Some(conda(target, sink, &path))
        } else {
            distribution(target, sink, &path)
        };
        let Some(mut item) = read else { continue };
        let folder = Text::from_path(path.parent().unwrap_or(&path));
        let id = format!("python:{}/{}", folder.raw(), normalised(item.name.raw()));
        item.id = ids.unique(id).into();
        item.paths = vec![Text::from_path(&path)];
        item.scope = Some(if user.is_some() { "user" } else { "machine" }.into());
        item.user = user;
        sink.item(item);
    }
}

/// The folders of the system that packages are installed in, each once.
fn system(target: &Target, sink: &mut Sink) -> BTreeSet<PathBuf> {
    let mut folders = BTreeSet::new();
    for lib in SYSTEM.iter().map(Path::new) {
        for entry in sink.keep(target.list(lib)).flatten().unwrap_or_default() {
            let name = entry.name.to_string_lossy();
            let version = name.strip_prefix("python").or_else(|| name.strip_prefix("pypy"));
            // `t` is an interpreter with free threads.
            if version.is_some_and(|v| v.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | 't'))) {
                for packages in PACKAGES {
                    let folder = lib.join(&entry.name).join(packages);
                    folders.extend(sink.keep(target.resolve(&folder)).flatten());
                }
            }
        }
    }
    folders
}

/// What a folder or file says of a distribution; nothing, if it is no installed one.
fn distribution(target: &Target, sink: &mut Sink, path: &Path) -> Option<Item> {
    let file_name = Text::from_bytes(path.file_name()?.as_encoded_bytes());
    let (stem, form) = file_name.raw().rsplit_once('.').filter(|(stem, _)| !stem.is_empty())?;
    let in_packages = path
        .parent()
        .and_then(Path::file_name)
        .is_some_and(|name| PACKAGES.iter().any(|packages| name == *packages));
    let is_folder = sink.keep(is_folder(target, path)).unwrap_or_default();
    let description = match form.to_ascii_lowercase().as_str() {
        "dist-info" => Some(path.join("METADATA")),
        "egg-info" if is_folder => Some(path.join("PKG-INFO")),
        "egg-info" => Some(path.to_owned()),
        _ if is_folder && (in_packages || !matches!(target.entry(&path.join("EGG-INFO")), Ok(None))) => {
            Some(path.join("EGG-INFO/PKG-INFO"))
        }
        // A zipped egg is imported from where it is; elsewhere it only lies about, or is no egg of Python's.
        _ if in_packages => None,
        _ => return None,
    };
    // `NAME-VERSION…`, in which the name has no `-`; pip renames what it is about to remove to `~`.
    let mut parts = stem.split('-').map(Text::from);
    let mut item = Item::new(Kind::Package, parts.next()?, Text::from_path(path));
    item.version = parts.next().filter(|v| !v.is_empty());
    item.state = match in_packages {
        _ if stem.starts_with('~') => State::Remnant,
        true => State::Installed,
        false => State::Present,
    };
    item.ecosystem = Some("pypi".into());
    if let Some(description) = description {
        match read(target, path, &description) {
            Ok(bytes) => {
                item.place = Text::from_path(&description);
                describe(&mut item, &bytes, target, sink, path);
            }
            Err(gap) => sink.gap(gap),
        }
    }
    item.ids.insert(IdKind::Purl, purl("pypi", "", &normalised(item.name.raw()), item.version.as_ref()));
    Some(item)
}

/// The description of a distribution, which is never missing or empty.
fn read(target: &Target, path: &Path, description: &Path) -> Result<Vec<u8>, Gap> {
    let place = || Text::from_path(description);
    let bytes = target.read_up_to(description, MAX_BYTES)?.ok_or_else(|| {
        let lists = target.entry(&path.join("RECORD"));
        let reason = if matches!(lists, Ok(Some(_))) {
            "is not there, though RECORD is; who made this distribution is unknown"
        } else {
            "is not there; the distribution was removed in part, or never installed as a whole"
        };
        Gap::new(GapCode::Missing, place(), reason)
    })?;
    if bytes.trim_ascii().is_empty() {
        let reason = "it is empty; the description of a distribution never is";
        return Err(Gap::new(GapCode::Empty, place(), reason));
    }
    Ok(bytes)
}

fn describe(item: &mut Item, bytes: &[u8], target: &Target, sink: &mut Sink, path: &Path) {
    let headers = Headers::read(bytes, KEEP, Folding::Mail);
    // `UNKNOWN` is how older tools write that nothing was told.
    let told = |name| headers.get(name).filter(|v| *v != b"UNKNOWN");
    let text = |name| told(name).map(Text::from_bytes);
    let gap = |code, reason: String| Gap::new(code, item.place.clone(), reason);
    if let Some(line) = headers.damaged {
        let reason = format!("line {line} is no header; who made this distribution may be unknown");
        sink.gap(gap(GapCode::Damaged, reason));
    }
    if let Some(name) = ["Name", "Version"].into_iter().find(|name| told(name).is_none()) {
        let reason = format!("has no {name}, which every description of a distribution has");
        sink.gap(gap(GapCode::Damaged, reason));
    }
    let is_cut = match headers.end {
        End::Closed => false,
        End::AtLine => recorded_size(target, path).is_some_and(|size| size > bytes.len()),
        End::InLine => recorded_size(target, path).is_none_or(|size| size > bytes.len()),
    };
    if is_cut {
        let reason = "ends before it is whole; who made this distribution may be unknown".to_owned();
        sink.gap(gap(GapCode::Truncated, reason));
    }
    if let Some(name) = text("Name") {
        item.name = name;
    }
    item.version = text("Version").or(item.version.take());
    let people = ["Author", "Author-email", "Maintainer", "Maintainer-email"];
    item.publisher = people.iter().find_map(|name| names(told(name)?));
    let labelled = headers.all("Project-URL").find_map(|url| {
        let (label, url) = url.split_at(url.iter().position(|&b| b == b',')?);
        let label: Vec<u8> = label.iter().filter(|b| b.is_ascii_alphanumeric()).copied().collect();
        let url = url.get(1..).unwrap_or_default().trim_ascii();
        label.eq_ignore_ascii_case(b"homepage").then(|| Text::from_bytes(url))
    });
    item.homepage = text("Home-page").or(labelled);
}

/// How long `METADATA` is, as the list of a distribution's files has it (`path,hash,size`).
fn recorded_size(target: &Target, path: &Path) -> Option<usize> {
    let list = target.read_up_to(&path.join("RECORD"), MAX_BYTES).ok().flatten()?;
    let wanted = [path.file_name()?.as_encoded_bytes(), b"/METADATA,"].concat();
    let line = list.split(|&b| b == b'\n').find(|line| line.starts_with(&wanted))?;
    let size = line.rsplit(|&b| b == b',').next()?.trim_ascii();
    std::str::from_utf8(size).ok()?.parse().ok()
}

/// The names of people in a list of them, without their addresses; nothing, if there are only addresses.
fn names(people: &[u8]) -> Option<Text> {
    let (mut parts, mut quoted) = (vec![Vec::new()], false);
    for &byte in people {
        quoted ^= byte == b'"';
        match parts.last_mut() {
            Some(part) if quoted || byte != b',' => part.push(byte),
            _ => parts.push(Vec::new()),
        }
    }
    let name = |part: &Vec<u8>| {
        let name = part.split(|&b| b == b'<').next().unwrap_or_default().trim_ascii();
        let name: Vec<u8> = name.iter().filter(|&&b| b != b'"').copied().collect();
        (!name.is_empty() && !name.contains(&b'@')).then_some(name)
    };
    let names: Vec<_> = parts.iter().filter_map(name).collect();
    (!names.is_empty()).then(|| Text::from_bytes(&names.join(&b", "[..])))
}

/// A name in the form in which names of distributions compare ("Names and normalization", PEP 503).
fn normalised(name: &str) -> String {
    let words = name.split(['-', '_', '.']).filter(|word| !word.is_empty());
    words.map(str::to_lowercase).collect::<Vec<_>>().join("-")
}

/// What the record of a package says that conda installed.
fn conda(target: &Target, sink: &mut Sink, path: &Path) -> Item {
    // `NAME-VERSION-BUILD.json`, in which only the name may have a `-`.
    let stem = Text::from_bytes(path.file_stem().unwrap_or_default().as_encoded_bytes());
    let mut parts = stem.raw().rsplitn(3, '-');
    let (version, name) = (parts.nth(1), parts.next());
    let mut item = Item::new(Kind::Package, name.unwrap_or(stem.raw()).into(), Text::from_path(path));
    item.version = version.filter(|_| name.is_some()).map(Text::from);
    if let Some(Some(record)) = sink.keep(super::json(target, path)) {
        let text = |key: &str| record.get(key)?.as_str().filter(|v| !v.is_empty()).map(Text::from);
        if text("name").is_none() || text("version").is_none() {
            let reason = "has no name or no version, which every record of conda has";
            sink.gap(Gap::new(GapCode::Damaged, item.place.clone(), reason));
        }
        item.name = text("name").unwrap_or(item.name);
        item.version = text("version").or(item.version);
    }
    item.ecosystem = Some("conda".into());
    let name = item.name.raw().to_lowercase();
    item.ids.insert(IdKind::Purl, purl("conda", "", &name, item.version.as_ref()));
    item
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_are_named_without_their_addresses() {
        let of = |people: &str| names(people.as_bytes()).map(|n| n.raw().to_owned());
        assert_eq!(of("Jane Doe <jane@example.org>").as_deref(), Some("Jane Doe"));
        assert_eq!(
            of("\"Doe, Jane\" <j@x>, Acme Co., Ltd. <a@x>").as_deref(),
            Some("Doe, Jane, Acme Co., Ltd.")
        );
        assert_eq!(of("jane@example.org, <x@example.org>"), None);
        assert_eq!(of(""), None);
    }

    #[test]
    fn names_compare_in_one_form() {
        assert_eq!(normalised("Foo._-Bar_baz"), "foo-bar-baz");
        assert_eq!(normalised("zope.interface"), "zope-interface");
    }

    proptest::proptest! {
        #[test]
        fn any_list_of_people_ends_without_a_panic(people: Vec<u8>) {
            names(&people);
        }
    }
}
