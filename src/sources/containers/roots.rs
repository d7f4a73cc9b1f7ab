//! Containers whose files lie in one folder: of systemd-nspawn, LXC, Incus and LXD.
//!
//! Format: machinectl(1), lxc.container.conf(5), and the documentation of Incus, "Storage pools". Incus and LXD put a
//! link to the folder in a pool, which is mounted only while the container runs if the pool is no folder itself.

use std::path::{Path, PathBuf};

use crate::inventory::{Gap, GapCode};
use crate::sources::Sink;
use crate::sources::containers::{Sort, Stack, Stored};
use crate::target::{EntryKind, Marks, Target};
use crate::text::Text;

/// Engines, the folder of their containers, and the root in each of these.
pub(super) const PLACES: &[(&str, &str, &str)] = &[
    ("nspawn", "/var/lib/machines", ""),
    ("lxc", "/var/lib/lxc", "rootfs"),
    ("incus", "/var/lib/incus/containers", "rootfs"),
    ("lxd", "/var/lib/lxd/containers", "rootfs"),
    ("lxd", "/var/snap/lxd/common/lxd/containers", "rootfs"),
];
/// Bytes of a configuration of LXC.
const MAX_CONFIG: u64 = 1 << 20;

pub(super) fn read(target: &Target, sink: &mut Sink) -> Vec<Stored> {
    let mut found = Vec::new();
    for (engine, folder, root) in PLACES {
        let folder = Path::new(folder);
        for entry in sink.keep(target.list(folder)).flatten().unwrap_or_default() {
            let (place, name) = (folder.join(&entry.name), Text::from_bytes(entry.name.as_encoded_bytes()));
            if name.raw().starts_with('.')
                || (entry.kind == EntryKind::File && place.extension().is_none_or(|e| e != "raw"))
            {
                continue;
            }
            let mut stored = Stored::new(Sort::Container, engine, name.raw().to_owned(), place.clone(), None);
            stored.names.push(name);
            stored.stack = sink.keep(stack(target, &place, root, entry.kind));
            found.push(stored);
        }
    }
    found
}

fn stack(target: &Target, place: &Path, root: &str, kind: EntryKind) -> Result<Stack, Gap> {
    let gap = |code, path: &Path, reason: &str| Err(Gap::new(code, Text::from_path(path), reason));
    if kind == EntryKind::File {
        return gap(
            GapCode::Unsupported,
            place,
            "a disk image is not read; mount it and scan it as dir:PATH",
        );
    }
    let root = match lxc_root(target, &place.join("config"))? {
        Some(root) => root,
        None if root.is_empty() => place.to_owned(),
        None => place.join(root),
    };
    match target.list(&root)? {
        Some(entries) if !entries.is_empty() => Ok(Stack { folders: vec![root], marks: Marks::Root }),
        _ => {
            let reason = "the files of this container are not there; start it, or mount its storage pool, and scan again";
            gap(GapCode::Missing, &root, reason)
        }
    }
}

/// The root that a configuration of LXC names.
fn lxc_root(target: &Target, config: &Path) -> Result<Option<PathBuf>, Gap> {
    // Only LXC has such a file; another's root may have one of this name, which says nothing of the sort.
    let config_bytes = match target.entry(config)? {
        Some(EntryKind::File) => target.read_up_to(config, MAX_CONFIG)?.unwrap_or_default(),
        _ => return Ok(None),
    };
    let says = String::from_utf8_lossy(&config_bytes).into_owned();
    let root = says.lines().rev().find_map(|line| {
        let (key, value) = line.split_once('=')?;
        matches!(key.trim(), "lxc.rootfs.path" | "lxc.rootfs").then(|| value.trim().to_owned())
    });
    let Some(root) = root else { return Ok(None) };
    match root.split_once(':') {
        None => Ok(Some(PathBuf::from(root))),
        Some(("dir" | "none", path)) => Ok(Some(PathBuf::from(path))),
        Some((kind, _)) => {
            let reason = format!("a root of the kind {kind} is not read; mount it and scan it as dir:PATH");
            Err(Gap::new(GapCode::Unsupported, Text::from_path(config), reason))
        }
    }
}
