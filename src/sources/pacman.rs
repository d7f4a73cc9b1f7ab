//! Arch packages, from `/var/lib/pacman/local/`.
//!
//! Format: alpm-db(7), pacman.conf(5). Each package has a folder named after it, its version and its release, and pacman
//! takes them from there, so a package is known even where its `desc` cannot be read or says something else.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::inventory::{Gap, GapCode};
use crate::item::{Ids, Item, Kind};
use crate::parse::alpm::Sections;
use crate::sources::owners::own_paths;
use crate::sources::{Depth, Needs, Sink, Source};
use crate::target::{EntryKind, Packages, Target};
use crate::text::{Text, bytes_to_path};

pub(super) const SOURCE: Source = Source {
    id: "pacman",
    about: "Arch packages",
    expects: &[Packages::Pacman],
    needs: Needs::Files,
    depth: Depth::Quick,
    yields: &[Kind::Package],
    rights: "none: the database is readable by everyone unless someone changed that",
    blind: "a package whose whole folder was taken from the database; a record cut between two of its sections; a \
            database elsewhere, unless /etc/pacman.conf itself names it",
    collect,
};

const FOLDER: &str = "/var/lib/pacman";
const CONFIGURATION: &str = "/etc/pacman.conf";
/// Bytes of one file of the database; the largest list of files is below 16 MiB.
const MAX_BYTES: u64 = 64 << 20;

fn collect(target: &Target, sink: &mut Sink) {
    let (mut seen, mut ids) = (BTreeSet::new(), Ids::default());
    let configured = configured(target, sink);
    for folder in [Some(PathBuf::from(FOLDER)), configured.clone()].into_iter().flatten() {
        let local = folder.join("local");
        let Some(entries) = sink.keep(target.list(&local)) else { continue };
        let Some(entries) = entries else {
            if configured.as_ref() == Some(&folder) {
                let reason = format!("it is not there, though {CONFIGURATION} names it as the database");
                sink.gap(Gap::new(GapCode::Missing, Text::from_path(&local), reason));
            }
            continue;
        };
        // One of the two may be a link to the other.
        if sink.keep(target.resolve(&local)).flatten().is_some_and(|real| !seen.insert(real)) {
            continue;
        }
        sink.found();
        let mut without = 0;
        for entry in entries {
            let (path, named) = (local.join(&entry.name), entry.name.as_encoded_bytes());
            if matches!(entry.kind, EntryKind::Folder | EntryKind::Link) {
                without += usize::from(!package(target, sink, &path, named, &mut ids));
            } else if split(named).is_some() {
                // ALPM_DB_VERSION, which stands beside the folders, is no name of a package.
                let reason = "no folder, so the package whose record should be in it is unknown";
                sink.gap(Gap::new(GapCode::Special, Text::from_path(&path), reason));
            }
        }
        if without > 0 {
            let reason = format!(
                "installed packages without a list of their files: {without}; what they own is unknown"
            );
            sink.gap(Gap::new(GapCode::Missing, Text::from_path(&local), reason).note());
        }
    }
}

/// The folder of the database, where pacman's configuration names one.
fn configured(target: &Target, sink: &mut Sink) -> Option<PathBuf> {
    let bytes = sink.keep(target.read_up_to(Path::new(CONFIGURATION), MAX_BYTES)).flatten()?;
    let value = |line: &[u8]| {
        let rest = line.trim_ascii().strip_prefix(b"DBPath")?.trim_ascii_start();
        Some(bytes_to_path(rest.strip_prefix(b"=")?.trim_ascii()))
    };
    // pacman keeps to the first.
    bytes.split(|&b| b == b'\n').find_map(value).filter(|path| path.has_root())
}

/// Gives the item of a package, and says whether there is a list of its files.
fn package(target: &Target, sink: &mut Sink, folder: &Path, named: &[u8], ids: &mut Ids) -> bool {
    let (path, list) = (folder.join("desc"), folder.join("files"));
    let desc = read(target, sink, folder, "desc");
    let sections = desc.as_deref().map(Sections::parse).unwrap_or_default();
    check(sink, &path, desc.is_some(), &sections);
    let by_folder = split(named);
    let text = |name: &str| sections.first(name).filter(|v| !v.is_empty()).map(Text::from_bytes);
    let told = by_folder.map(|(name, version)| (Text::from_bytes(name), Text::from_bytes(version)));
    if desc.as_ref().is_some_and(|desc| desc.trim_ascii().is_empty()) {
        let reason = "it is empty, so only the name of its folder tells of this package";
        sink.gap(Gap::new(GapCode::Empty, Text::from_path(&path), reason));
    } else if desc.is_some()
        && !sections.open_end
        && sections.damaged.is_none()
        && (told.is_none() || text("NAME").zip(text("VERSION")) != told)
    {
        let reason = "the name and version in it are not those of its folder, by which pacman goes";
        sink.gap(Gap::new(GapCode::Damaged, Text::from_path(&path), reason));
    }
    let (name, version) = told.map_or_else(
        || (text("NAME").unwrap_or_else(|| Text::from_bytes(named)), text("VERSION")),
        |(name, version)| (name, Some(version)),
    );
    let mut item = Item::new(Kind::Package, name, Text::from_path(folder));
    item.id = ids.unique(format!("pacman:{}", Text::from_bytes(named).raw())).into();
    item.version = version;
    item.publisher = text("PACKAGER").filter(|p| p.raw() != "Unknown Packager");
    item.homepage = text("URL");
    let seconds = text("INSTALLDATE").and_then(|t| t.raw().parse().ok());
    item.installed = seconds.and_then(|s| jiff::Timestamp::from_second(s).ok()).map(|t| t.to_string().into());
    item.ecosystem = Some("alpm".into());
    item.scope = Some("machine".into());
    let files = sink.keep(target.read_up_to(&list, MAX_BYTES));
    let is_missing = matches!(files, Some(None));
    if let Some(Some(bytes)) = files {
        let sections = Sections::parse(&bytes);
        check(sink, &list, true, &sections);
        let files: Vec<Vec<u8>> = sections.all("FILES").iter().map(|f| [b"/", *f].concat()).collect();
        for file in &files {
            sink.owns(file, &item.id);
        }
        let bare = files.iter().map(|f| f.strip_suffix(b"/").unwrap_or(f));
        item.paths = own_paths(bare);
    }
    sink.item(item);
    !is_missing
}

fn read(target: &Target, sink: &mut Sink, folder: &Path, name: &str) -> Option<Vec<u8>> {
    sink.keep(target.read_up_to(&folder.join(name), MAX_BYTES)).flatten()
}

/// Tells of a description that is not there, or not whole.
fn check(sink: &mut Sink, path: &Path, there: bool, sections: &Sections<'_>) {
    let mut gap = |code, reason: String| sink.gap(Gap::new(code, Text::from_path(path), reason));
    if !there {
        gap(
            GapCode::Missing,
            "it cannot be read, so only the name of its folder tells of this package".to_owned(),
        );
    }
    if sections.open_end {
        gap(GapCode::Truncated, "ends within a section, so more of this package is unknown".to_owned());
    }
    if let Some(line) = sections.damaged {
        gap(
            GapCode::Damaged,
            format!("line {line} belongs to no section, so more of this package is unknown"),
        );
    }
}

/// The name and the version, with its release, of a folder's name.
fn split(folder: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut dashes = folder.iter().enumerate().rev().filter(|(_, b)| **b == b'-').map(|(at, _)| at);
    let at = dashes.nth(1)?;
    Some((folder.get(..at)?, folder.get(at + 1..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_named_after_name_version_and_release() {
        assert_eq!(split(b"tree-sitter-0.22.6-1"), Some((&b"tree-sitter"[..], &b"0.22.6-1"[..])));
        assert_eq!((split(b"gmp-6"), split(b"x")), (None, None));
    }
}
