//! Real databases of Alpine and Arch, held against what their index states of them.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::lab::{Root, run, shared};

/// Packages that the program finds in a root, as `name version`.
fn packages(root: &Path) -> Vec<String> {
    let inventory = run(["inventory", &format!("dir:{}", root.display()), "-o", "json"]).json();
    let text = |item: &Value, key: &str| item[key].as_str().unwrap_or_default().to_owned();
    let items = inventory["items"].as_array().unwrap().iter();
    items.map(|item| format!("{} {}", text(item, "name"), text(item, "version"))).collect()
}

/// Packages that it finds in one file of a database.
fn of_file(place: &str, file: &Path) -> Vec<String> {
    let root = Root::new();
    root.write(place, fs::read(file).unwrap());
    packages(root.0.path())
}

#[test]
fn real_databases_of_alpine_give_what_their_index_states() {
    let Some(shared) = shared() else { return };
    // A file without its closing empty line gives a gap besides; these are excerpts.
    for (fixture, count, some) in [
        (
            "osv-scalibr/installed",
            15,
            &["alpine-baselayout 3.4.3-r1", "busybox 1.36.0-r9", "musl 1.2.4-r0", "scanelf 1.3.7-r1"][..],
        ),
        ("syft/multiple-2/lib/apk/db/installed", 14, &[]),
        ("trivy/apk", 16, &["musl 1.1.14-r10", "zlib 1.2.8-r2", "apk-tools 2.6.7-r0", "alpine-keys 1.1-r0"]),
        ("osv-scalibr/empty", 0, &[]),
        ("osv-scalibr/invalid", 0, &[]),
    ] {
        let found = of_file("lib/apk/db/installed", &shared.join("fixtures/apk").join(fixture));
        assert_eq!(found.len(), count, "{fixture}: {found:?}");
        for package in some {
            assert!(found.iter().any(|f| f == package), "{fixture}: {package} is not in {found:?}");
        }
    }
}

#[test]
fn real_databases_of_arch_give_what_their_index_states() {
    let Some(shared) = shared() else { return };
    let found = packages(&shared.join("fixtures/pacman/syft/installed"));
    for package in ["tree-sitter 0.22.6-1", "emacs 29.3-3", "fuzzy 1.2-3", "madeup 20.30-4", "gmp 6.2.1-2"] {
        assert!(found.iter().any(|f| f == package), "{package} is not in {found:?}");
    }
    // The index leaves `corrupt` out; here its folder names it, and its description is a gap.
    assert_eq!(found.len(), 6, "{found:?}");
    for (fixture, package) in [
        ("valid", "gawk 5.3.1-1"),
        ("valid_one_dep", "filesystem 2024.11.21-1"),
        ("valid_no_dep", "libxml2 2.13.5-1"),
        ("invalid_value_eof", "gawk 5.3.1-1"),
    ] {
        let place = format!("var/lib/pacman/local/{}/desc", package.replace(' ', "-"));
        let found = of_file(&place, &shared.join("fixtures/pacman/osv-scalibr").join(fixture));
        assert_eq!(found, [package], "{fixture}");
    }
}
