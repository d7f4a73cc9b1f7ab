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

/// Descriptions of one application, each in a deployment of it.
#[test]
fn descriptions_of_flatpaks() {
    let Some(shared) = shared() else { return };
    for (file, version, name, developer, state) in [
        (
            "valid.xml",
            Some("2.10.38"),
            Some("GNU Image Manipulation Program"),
            Some("The GIMP team"),
            "covered",
        ),
        // The index passes over these three. The deployment is there all the same, and its folder names it.
        ("noversion.xml", None, Some("GNU Image Manipulation Program"), Some("The GIMP team"), "covered"),
        ("noname.xml", Some("2.10.38"), None, Some("The GIMP team"), "covered"),
        ("empty.xml", None, None, None, "covered"),
    ] {
        let root = Root::new();
        let deployment = "var/lib/flatpak/app/org.gimp.GIMP/x86_64/stable/aa";
        root.write(&format!("{deployment}/metadata"), "[Application]\nname=org.gimp.GIMP\n");
        let place = format!("{deployment}/files/share/metainfo/org.gimp.GIMP.metainfo.xml");
        root.write(&place, fixture(&shared, &format!("flatpak/osv-scalibr/{file}")));
        let inventory = run(["inventory", &root.target(), "-o", "json"]).json();
        let item = inventory["items"].as_array().unwrap().iter().find(|i| i["source"] == "flatpak").unwrap();
        let is = |key: &str| item[key].as_str();
        let found = (is("name"), is("version"), is("product"), is("publisher"));
        assert_eq!(found, (Some("org.gimp.GIMP"), version, name, developer), "{file}");
        assert_eq!(told(&root, "flatpak").0["state"], state, "{file}");
    }
}

/// One output of a package, and the recipe of another, which is none.
#[test]
fn the_nix_store_of_syft() {
    let Some(shared) = shared() else { return };
    let root = copied(&shared, "nix/syft/fixture-1/nix", "nix");
    let (row, items) = told(&root, "nix");
    assert_eq!((items, &row["state"]), (vec!["glibc 2.34-210 present".to_owned()], &"covered".into()));
}

/// Copies a folder of fixtures into a root.
fn copied(shared: &Path, from: &str, place: &str) -> Root {
    let root = Root::new();
    fs::create_dir_all(root.at(place)).unwrap();
    let mut cp = std::process::Command::new("cp");
    cp.arg("-R").arg(shared.join("fixtures").join(from).join(".")).arg(root.at(place));
    assert!(cp.status().unwrap().success());
    root
}

#[test]
fn prefixes_of_homebrew() {
    let Some(shared) = shared() else { return };
    let root = copied(&shared, "homebrew/osv-scalibr", "opt/homebrew");
    let (row, items) = told(&root, "homebrew");
    let wanted = [
        "rclone 1.67.0",
        "android-platform-tools 35.0.2",
        "firefox 130.0.1",
        // The index leaves it out, as no application is in it; to Homebrew it is a cask that is installed.
        "somefolder latest",
        "testapp 1.1.1",
    ];
    assert_eq!((items, &row["state"]), (wanted.map(String::from).to_vec(), &"covered".into()));

    // Of the index's foo and bar there are no files.
    let root = copied(&shared, "homebrew/syft/formulas", "usr/local/Cellar");
    let (row, items) = told(&root, "homebrew");
    let wanted = ["crazy 1.0.0", "syft 1.23.1"].map(String::from);
    assert_eq!((items, &row["state"]), (wanted.to_vec(), &"covered".into()));
}
