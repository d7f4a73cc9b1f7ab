//! Records of real systems of Gentoo and `OpenWrt`, held against what their index states of them, and those of every
//! packaging hurt.
//!
//! They are in the folder that `INTERDICT_SHARED` names. Most are excerpts that lack the empty line at their end, which
//! is rightly a gap, so the items are what is compared.

use std::fs;
use std::path::{Path, PathBuf};

use interdict::inventory::GapCode;
use interdict::report::Report;
use interdict::text::Text;

use crate::lab::{Root, judged_root, shared};

/// A root of a system with one file of the index at a place.
fn with(id: &str, place: &str, bytes: impl AsRef<[u8]>) -> Root {
    let root = Root::new();
    root.write("etc/os-release", format!("ID={id}\n"));
    root.write(place, bytes);
    root
}

/// The packages that a source found, as `name version`.
fn packages(report: &Report, source: &str) -> Vec<String> {
    let items = report.inventory.items.iter().filter(|item| item.source.raw() == source);
    let version = |v: &Option<Text>| v.as_ref().map_or("-", |v| v.raw()).to_owned();
    items.map(|item| format!("{} {}", item.name.raw(), version(&item.version))).collect()
}

/// Files of the index below a folder, in order.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

/// A root with all that is below a folder of the index.
fn whole(folder: &Path, id: &str) -> Root {
    let root = with(id, "etc/hostname", "lab\n");
    for file in files(folder) {
        root.write(file.strip_prefix(folder).unwrap().to_str().unwrap(), fs::read(&file).unwrap());
    }
    root
}

/// The index says of the others than the first that they are an error, or nothing.
#[test]
fn names_of_portage() {
    let Some(shared) = shared() else { return };
    let folder = shared.join("fixtures/portage/osv-scalibr");
    for (file, told) in [
        ("valid", "dev-perl/Getopt-Long 2.580.0"),
        // A package is there all the same, as its name and its list of files say.
        ("noversion", "dev-perl/Getopt-Long -"),
        // As these say no name that Gentoo allows, nothing but a gap is told.
        ("nopackage", ""),
        ("invalid", ""),
    ] {
        let says = fs::read_to_string(folder.join(file)).unwrap();
        let package = format!("var/db/pkg/dev-perl/{}", says.trim());
        let root = with("gentoo", &format!("{package}/PF"), says);
        root.write(&format!("{package}/CONTENTS"), "");
        let report = judged_root(root.0.path());
        assert_eq!(packages(&report, "portage").concat(), told, "{file}");
        assert_eq!(report.inventory.is_incomplete(), file != "valid", "{file}");
    }
    // Portage goes by the name of the folder.
    let root =
        with("gentoo", "var/db/pkg/dev-perl/Getopt-Long-2.580.0/PF", fs::read(folder.join("empty")).unwrap());
    let report = judged_root(root.0.path());
    assert_eq!(packages(&report, "portage"), ["dev-perl/Getopt-Long 2.580.0"]);
    assert!(report.inventory.gaps().any(|(_, gap)| gap.code == GapCode::Empty));
}

#[test]
fn the_databases_of_portage_of_syft() {
    let Some(shared) = shared() else { return };
    // The second is no package: its folder's name has no version, and its list of files is none.
    for (name, told) in [("layout", "app-containers/skopeo 1.5.1"), ("glob-paths", "x/y -")] {
        let root = whole(&shared.join("fixtures/portage/syft").join(name), "gentoo");
        let report = judged_root(root.0.path());
        assert_eq!(packages(&report, "portage"), [told]);
        // Neither has a PF.
        assert!(report.inventory.is_incomplete(), "{name}");
    }
}

/// The index says "same edge cases as dpkg" of each; these are their records.
#[test]
fn status_files_of_opkg() {
    let Some(shared) = shared() else { return };
    let ubus = "ubus 2024.10.20~252a9b0c-r1";
    for (file, told) in [
        ("single", &[ubus][..]),
        ("trailingnewlines", &[ubus]),
        ("transitional", &[ubus]),
        // A package without a version is there all the same; one without a name is only damage.
        ("noversion", &["busybox 1.36.1-r2", "libuci20130104 -", ubus]),
        ("nopackage", &["busybox 1.36.1-r2", ubus]),
        ("empty", &[]),
        // Files of what is unpacked are on the disk, and what left its configuration is a remnant.
        (
            "statusfield",
            &[
                "wantdeinstall_configfiles 1.0",
                "wantinstall_installed 1.0",
                "wantinstall_unpacked 1.0",
                "wantpurge_installed 1.0",
            ],
        ),
    ] {
        let bytes = fs::read(shared.join("fixtures/opkg/osv-scalibr").join(file)).unwrap();
        let report = judged_root(with("openwrt", "usr/lib/opkg/status", bytes).0.path());
        assert_eq!(packages(&report, "opkg"), told, "{file}");
        // All but one lack the empty line that opkg writes at the end.
        assert_eq!(report.inventory.is_incomplete(), file != "trailingnewlines", "{file}");
    }
}

/// Where a file of the index stands on a system, by the system.
fn place(family: &str, file: &Path) -> Option<(&'static str, &'static str)> {
    let name = file.file_name()?.to_str()?;
    Some(match (family, name) {
        ("apk", _) => ("alpine", "lib/apk/db/installed"),
        ("pacman", "files") => ("arch", "var/lib/pacman/local/a-1-1/files"),
        ("opkg", _) => ("openwrt", "usr/lib/opkg/status"),
        ("portage", "CONTENTS") => ("gentoo", "var/db/pkg/x/y-1/CONTENTS"),
        ("pacman", "mtree") | ("portage", "LICENSE" | "SIZE") => return None,
        ("portage", _) => ("gentoo", "var/db/pkg/x/y-1/PF"),
        ("pacman", _) => ("arch", "var/lib/pacman/local/a-1-1/desc"),
        _ => return None,
    })
}

/// Cut at many lengths and with bytes exchanged, each file is read to its end, and a cut within a line is told.
#[test]
fn hurt_files_are_neither_a_panic_nor_clean() {
    let Some(shared) = shared() else { return };
    // Any generator will do that gives the same numbers in every run (Knuth's MMIX).
    let mut state = 16_34_u64;
    let mut next = move |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap() % below.max(1)
    };
    let mut tried = 0;
    for family in ["apk", "opkg", "pacman", "portage"] {
        for file in files(&shared.join("fixtures").join(family)) {
            let Some((id, place)) = place(family, &file) else { continue };
            let whole = fs::read(&file).unwrap();
            let root = with(id, place, &whole);
            let step = whole.len() / 24 + 1;
            for cut in (0..whole.len()).step_by(step).chain(whole.len().checked_sub(1)) {
                root.write(place, &whole[..cut]);
                let report = judged_root(root.0.path());
                let what = format!("{} cut at {cut}", file.display());
                assert!(!report.inventory.gaps().any(|(_, gap)| gap.code == GapCode::Fault), "{what}");
                if cut > 0 && !whole[..cut].ends_with(b"\n") {
                    let mut gaps = report.inventory.gaps();
                    assert!(gaps.any(|(_, gap)| gap.blocks && gap.place.raw()[1..] == *place), "{what}");
                }
                tried += 1;
            }
            for _ in 0..24 {
                let mut hurt = whole.clone();
                for _ in 0..=next(8) {
                    let at = next(hurt.len());
                    if let Some(byte) = hurt.get_mut(at) {
                        *byte = u8::try_from(next(256)).unwrap();
                    }
                }
                root.write(place, &hurt);
                let report = judged_root(root.0.path());
                let fault = report.inventory.gaps().any(|(_, gap)| gap.code == GapCode::Fault);
                assert!(!fault, "{} with {hurt:?}", file.display());
                tried += 1;
            }
        }
    }
    assert!(tried > 500, "{tried}");
}
