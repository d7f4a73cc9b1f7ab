//! What several sources look for in the folders that programs live in, met in one walk.
//!
//! A `standard` scan walks the places of software that is not a distribution's own (Filesystem Hierarchy Standard:
//! `/opt`, `/usr/local`, `/srv`) and the homes, a `full` one every local file system. A file is opened only if it may be
//! executed or its name says that it installs something, and only its first bytes are read.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::inventory::{Gap, GapCode};
use crate::sources::{Depth, bundles, containers};
use crate::target::{EntryKind, Met, Target, io_gap};
use crate::text::Text;

/// Where programs live that no distribution installs, besides the homes, and where those of macOS and Windows live.
const PLACES: &[&str] = &[
    "/Applications",
    "/Library",
    "/Program Files",
    "/Program Files (x86)",
    "/ProgramData",
    "/System/Applications",
    "/Users/Shared",
    "/opt",
    "/srv",
    "/usr/local",
    "/var/opt",
];
/// Folders of the distribution, which accounts of services have for a home; so they have the root itself.
const SYSTEM: &[&str] = &["/bin", "/boot", "/dev", "/etc", "/lib", "/proc", "/sbin", "/sys", "/usr"];
/// Folders between one of the places and a link in it that is followed, the link itself included.
const FOLLOWED: usize = 2;
/// Things that links call by a second place.
const MAX_ALSO: usize = 100_000;
/// Bytes of a file that tell what it is.
const FIRST: u64 = 16;
/// Endings of programs, libraries and drivers of Windows, and of modules of engines, which no right to execute marks.
const WINDOWS: &[&str] =
    &[".cpl", ".dll", ".drv", ".efi", ".exe", ".kdl", ".ocx", ".ppl", ".pyd", ".scr", ".sys"];
/// Endings of files that install something.
const INSTALLERS: &[&str] =
    &[".apk", ".deb", ".dmg", ".flatpak", ".msi", ".msix", ".pkg", ".rpm", ".run", ".snap"];

/// What something is, as its name and first bytes tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Sort {
    /// An executable of Linux or of macOS, or a script that names its interpreter.
    Program,
    /// A program, library or driver of Windows.
    Windows,
    /// A program that carries its whole world (`AppImage`).
    AppImage,
    /// An installer or package file.
    Installer,
    /// A Java archive.
    Jar,
    /// The folder or file in which a Python package describes itself, or that is one.
    PythonPackage,
    /// The record of a package that conda installed.
    CondaRecord,
    /// The description of a Node.js package.
    NodePackage,
    /// The archive of an Electron application.
    Asar,
    /// The folder of an application, an extension or a plug-in of macOS.
    Bundle,
}

/// Something that a source looks for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Found {
    /// Where it stands, or the link that leads to it.
    pub(super) path: PathBuf,
    /// Where the link leads.
    pub(super) leads: Option<PathBuf>,
    /// What it is.
    pub(super) sort: Sort,
    /// The user in whose home it is.
    pub(super) user: Option<Text>,
}

/// What a walk found, in order, and what it could not see.
#[derive(Debug, Default)]
pub(super) struct Tree {
    pub(super) found: Vec<Found>,
    pub(super) gaps: Vec<Gap>,
    /// How much was added by a second place.
    also: usize,
}

impl Tree {
    /// Walks a target as far as this depth goes.
    pub(super) fn walk(target: &Target, depth: Depth) -> Self {
        let (users, gaps) = target.users();
        let mut tree = Self { gaps, ..Self::default() };
        let mut homes: Vec<(PathBuf, Text)> = Vec::new();
        for user in users {
            let home = tree.keep(target.resolve(&user.home)).flatten();
            let home = home.filter(|home| !SYSTEM.iter().any(|folder| home.starts_with(folder)));
            homes.extend(home.filter(|home| home != Path::new("/")).map(|home| (home, user.name)));
        }
        let stores = containers::places(target);
        if depth == Depth::Full {
            let links = tree.below(target, Path::new("/"), &stores);
            tree.follow(target, &[PathBuf::from("/")], links, &stores);
        } else {
            let places = PLACES.iter().map(PathBuf::from).chain(homes.iter().map(|(home, _)| home.clone()));
            let places: Vec<_> = places.filter_map(|p| tree.keep(target.resolve(&p)).flatten()).collect();
            let is_within = |path: &Path| places.iter().any(|p| path != p && path.starts_with(p));
            let mut links = Vec::new();
            for place in places.iter().filter(|place| !is_within(place)) {
                links.extend(tree.below(target, place, &stores));
            }
            tree.follow(target, &places, links, &stores);
        }
        for found in &mut tree.found {
            let home = homes.iter().filter(|(home, _)| found.path.starts_with(home));
            found.user = home.max_by_key(|(home, _)| home.as_os_str().len()).map(|(_, user)| user.clone());
        }
        tree.found.sort();
        tree.found.dedup();
        tree
    }

    /// Walks one folder, and gives the links that were met.
    fn below(&mut self, target: &Target, start: &Path, stores: &BTreeSet<PathBuf>) -> Vec<PathBuf> {
        let (mut links, mut special) = (Vec::new(), Vec::new());
        let leave_out = |path: &Path| {
            let reason = "a store of containers and images, whose files are not the host's own";
            let gap = || Gap::new(GapCode::Nested, Text::from_path(path), reason).note();
            stores.contains(path).then(gap)
        };
        let gaps = target.walk(start, &leave_out, &mut |met| match met.kind {
            EntryKind::Link => links.push(met.path.to_owned()),
            EntryKind::Special => special.push(met.path.to_owned()),
            EntryKind::Folder | EntryKind::File => self.meet(target, met),
        });
        self.gaps.extend(gaps);
        if let Some(first) = special.iter().min() {
            let reason = format!(
                "{} pipes, sockets and devices, of which this is the first, hold no programs",
                special.len()
            );
            self.gaps.push(Gap::new(GapCode::Special, Text::from_path(first), reason).note());
        }
        links
    }

    /// Takes what links lead to that no walk has met: a program, or a folder in the place of one below `/opt` and the
    /// like. What a folder holds that such a link leads to goes by its place there too. A folder that holds one of the
    /// places is the rest of the system, and is a `full` scan's.
    fn follow(
        &mut self,
        target: &Target,
        places: &[PathBuf],
        links: Vec<PathBuf>,
        stores: &BTreeSet<PathBuf>,
    ) {
        let is_met = |leads: &Path| places.iter().any(|place| leads.starts_with(place));
        let mut walked: BTreeSet<PathBuf> = BTreeSet::new();
        for link in links {
            let near = PLACES.iter().any(|place| {
                link.strip_prefix(place).is_ok_and(|rest| rest.components().count() <= FOLLOWED)
            });
            // A full walk meets everything where it is; only what such a link calls it is to be added.
            if !near && is_met(Path::new("/")) {
                continue;
            }
            // One that leads nowhere, in a circle or to where nothing may be read leads to no program.
            let Ok(Some(leads)) = target.resolve(&link) else { continue };
            if PLACES.iter().any(|place| Path::new(place).starts_with(&leads)) {
                continue;
            }
            match target.entry(&leads) {
                Ok(Some(EntryKind::File)) if near || !is_met(&leads) => {
                    // Whether it may be executed is not told here; its first bytes are.
                    let first = self.first_bytes(target, &leads);
                    let (path, kind, executable) = (leads.as_path(), EntryKind::File, true);
                    let met = Met { path, kind, executable, first: first.as_deref() };
                    if let Some(sort) = self.sort(target, met) {
                        self.found.push(Found { path: link, leads: Some(leads), sort, user: None });
                    }
                }
                Ok(Some(EntryKind::Folder))
                    if near && !places.iter().any(|p| *p != Path::new("/") && p.starts_with(&leads)) =>
                {
                    if !is_met(&leads) && !leads.ancestors().any(|above| walked.contains(above)) {
                        if bundles::ending(&leads).is_some() {
                            let (path, sort) = (leads.clone(), Sort::Bundle);
                            self.found.push(Found { path, leads: None, sort, user: None });
                        }
                        self.below(target, &leads, stores);
                        walked.insert(leads.clone());
                    }
                    self.call_also(&leads, &link);
                }
                _ => {}
            }
        }
    }

    /// Adds what a folder holds by the place that a link gives it.
    fn call_also(&mut self, folder: &Path, link: &Path) {
        let within = |found: &Found| {
            let rest = found.path.strip_prefix(folder).ok().filter(|_| found.leads.is_none())?;
            Some(Found { path: link.join(rest), leads: Some(found.path.clone()), ..found.clone() })
        };
        let also: Vec<_> = self.found.iter().filter_map(within).take(MAX_ALSO + 1).collect();
        self.also += also.len();
        if self.also > MAX_ALSO {
            let reason = format!(
                "links call more than {MAX_ALSO} things by a second place; the rest goes by its first"
            );
            self.gaps.push(Gap::new(GapCode::TooMany, Text::from_path(link), reason));
        } else {
            self.found.extend(also);
        }
    }

    fn meet(&mut self, target: &Target, met: Met<'_>) {
        if let Some(sort) = self.sort(target, met) {
            self.found.push(Found { path: met.path.to_owned(), leads: None, sort, user: None });
        }
    }

    fn sort(&mut self, target: &Target, met: Met<'_>) -> Option<Sort> {
        let name = met.path.file_name()?.as_encoded_bytes();
        let dot = name.iter().rposition(|&b| b == b'.').unwrap_or(name.len());
        let (_, ending) = name.split_at(dot);
        let ends = |end: &str| ending.eq_ignore_ascii_case(end.as_bytes());
        if ends(".dist-info") || ends(".egg-info") || ends(".egg") {
            return Some(Sort::PythonPackage);
        } else if met.kind == EntryKind::Folder && bundles::ending(met.path).is_some() {
            return Some(Sort::Bundle);
        } else if met.kind != EntryKind::File {
            return None;
        } else if name == b"package.json" {
            return Some(Sort::NodePackage);
        } else if ends(".jar") {
            return Some(Sort::Jar);
        } else if ends(".asar") {
            return Some(Sort::Asar);
        } else if ends(".json") && met.path.parent()?.file_name() == Some(OsStr::new("conda-meta")) {
            return Some(Sort::CondaRecord);
        } else if INSTALLERS.iter().any(|end| ends(end)) {
            return Some(Sort::Installer);
        } else if !met.executable && !WINDOWS.iter().any(|end| ends(end)) && !ends(".appimage") {
            return None;
        }
        let read = if met.executable { None } else { self.first_bytes(target, met.path) };
        // What may be executed but not read is a program of this name all the same.
        met.first.or(read.as_deref()).map_or(Some(Sort::Program), sort_of)
    }

    fn first_bytes(&mut self, target: &Target, path: &Path) -> Option<Vec<u8>> {
        let file = self.keep(target.open(path)).flatten()?;
        let mut first = Vec::new();
        let read = file.take(FIRST).read_to_end(&mut first);
        self.keep(read.map_err(|e| io_gap(path, "read", &e))).map(|_| first)
    }

    fn keep<T>(&mut self, result: Result<T, Gap>) -> Option<T> {
        result.map_err(|gap| self.gaps.push(gap)).ok()
    }
}

/// Whether a folder stands at a path, or where its links lead.
pub(super) fn is_folder(target: &Target, path: &Path) -> Result<bool, Gap> {
    let Some(leads) = target.resolve(path)? else { return Ok(false) };
    Ok(target.entry(&leads)? == Some(EntryKind::Folder))
}

/// What a file is by its first bytes: of ELF (elf(5)), the `AppImage` specification (type 1 and 2), PE, Mach-O and
/// universal binaries, and a script's first line (execve(2)).
fn sort_of(first: &[u8]) -> Option<Sort> {
    const PROGRAMS: &[&[u8]] = &[
        b"\x7fELF",
        b"#!",
        b"\xfe\xed\xfa\xce",
        b"\xfe\xed\xfa\xcf",
        b"\xce\xfa\xed\xfe",
        b"\xcf\xfa\xed\xfe",
        b"\xca\xfe\xba\xbe",
    ];
    let is_appimage = first.starts_with(b"\x7fELF") && matches!(first.get(8..11), Some([b'A', b'I', 1 | 2]));
    let is_program = PROGRAMS.iter().any(|magic| first.starts_with(magic));
    match first {
        _ if is_appimage => Some(Sort::AppImage),
        [b'M', b'Z', ..] => Some(Sort::Windows),
        _ => is_program.then_some(Sort::Program),
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    #![allow(clippy::disallowed_methods, reason = "tests lay out roots")]
    use super::*;
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};

    fn root() -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        let write = |path: &str, bytes: &[u8], mode: u32| {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, bytes).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        };
        let accounts =
            b"ann:x:1:1::/home/ann:/bin/sh\nnobody:x:2:2::/:/bin/false\nbin:x:3:3::/usr/bin:/bin/false\n";
        write("etc/passwd", accounts, 0o644);
        write("opt/v/bin/elf", b"\x7fELF\x02\x01\x01\x00\x00", 0o755);
        write("opt/v/bin/text", b"text", 0o755);
        write("opt/v/lib.so", b"\x7fELF", 0o644);
        write("home/ann/Tool.AppImage", b"\x7fELF\x02\x01\x01\x00AI\x02", 0o644);
        write("home/ann/Downloads/v_1.DEB", b"!<arch>", 0o644);
        write("home/ann/.local/share/containers/storage/overlay/x/run", b"#!/bin/sh", 0o755);
        write("home/ann/app/package.json", b"{}", 0o644);
        write("home/ann/c/conda-meta/p.json", b"{}", 0o644);
        write("usr/bin/packaged", b"#!/bin/sh", 0o755);
        write("data/product/bin/run", b"#!/bin/sh", 0o755);
        write("data/one", b"#!/bin/sh", 0o755);
        fs::create_dir_all(root.path().join("usr/local/lib/p-1.dist-info")).unwrap();
        fs::create_dir_all(root.path().join("usr/local/bin")).unwrap();
        symlink("/data/product", root.path().join("opt/product")).unwrap();
        symlink("../../../data/one", root.path().join("usr/local/bin/one")).unwrap();
        symlink("/", root.path().join("opt/all")).unwrap();
        symlink("/opt/v", root.path().join("home/ann/v")).unwrap();
        root
    }

    fn found(root: &Path, depth: Depth) -> Vec<String> {
        let tree = Tree::walk(&Target::dir(root, globset::GlobSet::empty()).unwrap(), depth);
        assert!(tree.gaps.iter().all(|gap| !gap.blocks), "{:?}", tree.gaps);
        let line = |f: Found| {
            let user = f.user.map(|u| format!(" of {u}")).unwrap_or_default();
            let leads = f.leads.map(|l| format!(" to {}", l.display())).unwrap_or_default();
            format!("{:?} {}{user}{leads}", f.sort, f.path.display())
        };
        tree.found.into_iter().map(line).collect()
    }

    #[test]
    fn a_standard_walk_meets_what_is_in_the_places_and_what_links_put_there() {
        let root = root();
        let wanted = [
            "Program /data/product/bin/run",
            "Installer /home/ann/Downloads/v_1.DEB of ann",
            "AppImage /home/ann/Tool.AppImage of ann",
            "NodePackage /home/ann/app/package.json of ann",
            "CondaRecord /home/ann/c/conda-meta/p.json of ann",
            "Program /opt/product/bin/run to /data/product/bin/run",
            "Program /opt/v/bin/elf",
            "Program /usr/local/bin/one to /data/one",
            "PythonPackage /usr/local/lib/p-1.dist-info",
        ];
        assert_eq!(found(root.path(), Depth::Standard), wanted);
    }

    #[test]
    fn a_full_walk_meets_all_but_the_stores_of_containers() {
        let root = root();
        let found = found(root.path(), Depth::Full);
        assert!(found.contains(&"Program /usr/bin/packaged".to_owned()), "{found:?}");
        assert!(found.contains(&"Program /data/one".to_owned()), "{found:?}");
        let by_link = "Program /opt/product/bin/run to /data/product/bin/run";
        assert!(found.contains(&by_link.to_owned()), "{found:?}");
        assert!(!found.iter().any(|f| f.contains("overlay")), "{found:?}");
    }
}
