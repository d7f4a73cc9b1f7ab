//! Arch packages, from `/var/lib/pacman/local/`.
//!
//! Format: alpm-db(7). Each package has a folder named after it, its version and its release, so a package is known even
//! where its `desc` cannot be read.

use std::path::Path;

use crate::inventory::{Gap, GapCode};
use crate::item::{Item, Kind};
use crate::parse::alpm::Sections;
use crate::sources::owners::own_paths;
use crate::sources::{Depth, Needs, Sink, Source};
use crate::target::{EntryKind, Packages, Target};
use crate::text::Text;

pub(super) const SOURCE: Source = Source {
    id: "pacman",
    about: "Arch packages",
    expects: &[Packages::Pacman],
    needs: Needs::Files,
    depth: Depth::Quick,
    yields: &[Kind::Package],
    rights: "none: the database is readable by everyone unless someone changed that",
    blind: "a package whose whole folder was taken from the database",
    collect,
};

const FOLDER: &str = "/var/lib/pacman/local";
/// Bytes of one file of the database; the largest list of files is below 16 MiB.
const MAX_BYTES: u64 = 64 << 20;

fn collect(target: &Target, sink: &mut Sink) {
    let Some(Some(entries)) = sink.keep(target.list(Path::new(FOLDER))) else { return };
    sink.found();
    for entry in entries {
        let path = Path::new(FOLDER).join(&entry.name);
        match entry.kind {
            EntryKind::Folder | EntryKind::Link => {
                package(target, sink, &path, entry.name.as_encoded_bytes());
            }
            // ALPM_DB_VERSION stands beside the folders.
            EntryKind::File => {}
            EntryKind::Special => {
                let reason = "a pipe, socket or device stands where a package should be";
                sink.gap(Gap::new(GapCode::Special, Text::from_path(&path), reason).note());
            }
        }
    }
}

fn package(target: &Target, sink: &mut Sink, folder: &Path, named: &[u8]) {
    let desc = read(target, sink, folder, "desc");
    let sections = desc.as_deref().map(Sections::parse).unwrap_or_default();
    check(sink, &folder.join("desc"), desc.is_some(), &sections);
    let by_folder = split(named);
    let text = |name: &str| sections.first(name).filter(|v| !v.is_empty()).map(Text::from_bytes);
    let name = text("NAME").unwrap_or_else(|| Text::from_bytes(by_folder.map_or(named, |(name, _)| name)));
    let mut item = Item::new(Kind::Package, name, Text::from_path(folder));
    item.id = format!("pacman:{}", Text::from_bytes(named).raw()).into();
    item.version = text("VERSION").or_else(|| by_folder.map(|(_, version)| Text::from_bytes(version)));
    item.publisher = text("PACKAGER").filter(|p| p.raw() != "Unknown Packager");
    item.homepage = text("URL");
    let seconds = text("INSTALLDATE").and_then(|t| t.raw().parse().ok());
    item.installed = seconds.and_then(|s| jiff::Timestamp::from_second(s).ok()).map(|t| t.to_string().into());
    item.ecosystem = Some("alpm".into());
    item.scope = Some("machine".into());
    if let Some(list) = read(target, sink, folder, "files") {
        let sections = Sections::parse(&list);
        check(sink, &folder.join("files"), true, &sections);
        let files: Vec<Vec<u8>> = sections.all("FILES").iter().map(|f| [b"/", *f].concat()).collect();
        for file in &files {
            sink.owns(file, &item.id);
        }
        let bare = files.iter().map(|f| f.strip_suffix(b"/").unwrap_or(f));
        item.paths = own_paths(bare);
    }
    sink.item(item);
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
