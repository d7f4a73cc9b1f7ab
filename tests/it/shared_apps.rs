//! Snaps, Flatpaks, Nix stores and kegs that other scanners are tested with.
//!
//! They are in the folder that `INTERDICT_SHARED` names, with an index that states what each holds. Where this program
//! says other than the index, the comment says why.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::lab::{Root, run, shared};

/// The row of a source and its items as `name version`, with the state where it is not installed.
fn told(root: &Root, source: &str) -> (Value, Vec<String>) {
    let inventory = run(["inventory", &root.target(), "-o", "json"]).json();
    let of = |list: &str| {
        let all = inventory[list].as_array().unwrap().iter();
        all.filter(|value| value["source"] == source).cloned().collect::<Vec<_>>()
    };
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let line = |item: &Value| match text(&item["state"]).as_str() {
        "installed" => format!("{} {}", text(&item["name"]), text(&item["version"])),
        state => format!("{} {} {state}", text(&item["name"]), text(&item["version"])),
    };
    let items = of("items").iter().map(line).collect();
    (of("coverage").remove(0), items)
}

fn fixture(shared: &Path, file: &str) -> Vec<u8> {
    fs::read(shared.join("fixtures").join(file)).unwrap()
}

/// Descriptions of snaps, each as if mounted.
#[test]
fn descriptions_of_snaps() {
    let Some(shared) = shared() else { return };
    let core = "core 16-2.61.4-20240607";
    for (file, wanted, state) in [
        ("osv-scalibr/single-arch.yaml", core, "covered"),
        ("osv-scalibr/multi-arch.yaml", core, "covered"),
        // To the index these are errors, and so they are here; the folder names the snap, which is there all the same.
        ("osv-scalibr/missing-name.yaml", "folder 16-2.61.4-20240607", "partial"),
        ("osv-scalibr/missing-version.yaml", "core -", "partial"),
        ("osv-scalibr/invalid", "folder -", "partial"),
        ("syft/manifest.yaml", "pc 24-0.1", "covered"),
        ("syft/glob-paths/system/snap/manifest.yaml", "test-snap 1.0", "covered"),
        // A list of Debian packages inside a base, which is no description.
        ("syft/glob-paths/base/usr/share/snappy/dpkg.yaml", "folder -", "partial"),
    ] {
        let root = Root::new();
        root.write("snap/folder/1/meta/snap.yaml", fixture(&shared, &format!("snap/{file}")));
        let (row, items) = told(&root, "snap");
        assert_eq!((items, &row["state"]), (vec![wanted.to_owned()], &state.into()), "{file}");
    }
}
