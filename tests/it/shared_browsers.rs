//! Extensions of Chrome that other scanners are tested with.
//!
//! They are in the folder that `INTERDICT_SHARED` names, with an index that states what each is. Here they lie in a
//! profile whose preferences record them.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::lab::{Root, run, shared};

const PROFILE: &str = "home/ann/.config/google-chrome/Default";
/// Folder of the index, version, name, author.
const EXTENSIONS: &[(&str, &str, &str, Option<&str>)] = &[
    (
        "aapbdbdomjkkjkaonfhkkikfgjllcleb/2.0.16_0",
        "2.0.16",
        "Google Translate",
        Some("google-translate-chrome-extension-owners@google.com"),
    ),
    ("caaadbdomjkkjkaonfhkkikfgjllcleb/1.2.85", "1.2.85", "CryptoX Blockchain Wallet", None),
    (
        "ghbmnnjooekpmoecnnnilnnbdlolhkhi/1.89.1",
        "1.89.1",
        "Google Docs Offline",
        Some("docs-hosted-app-own@google.com"),
    ),
];

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

/// The row of the source and its items.
fn told(root: &Root) -> (Value, Vec<Value>) {
    let inventory = run(["inventory", &root.target(), "-o", "json"]).json();
    let of = |list: &str| {
        let all = inventory[list].as_array().unwrap().iter();
        all.filter(|value| value["source"] == "browsers").cloned().collect::<Vec<_>>()
    };
    (of("coverage").remove(0), of("items"))
}

#[test]
fn extensions_of_the_index_are_told_as_it_states() {
    let Some(shared) = shared() else { return };
    let root = Root::new();
    let mut settings = json!({});
    for (folder, ..) in EXTENSIONS {
        copy(
            &shared.join("fixtures/chrome-ext/osv-scalibr").join(folder),
            &root.at(&format!("{PROFILE}/Extensions/{folder}")),
        );
        settings[folder.split('/').next().unwrap()] = json!({"path": folder, "location": 1, "state": 1});
    }
    root.write(&format!("{PROFILE}/Preferences"), json!({"extensions": {"settings": settings}}).to_string());
    let (row, items) = told(&root);
    assert_eq!((&row["state"], row["gaps"].as_array().unwrap().len()), (&"covered".into(), 0), "{row}");
    assert_eq!(items.len(), EXTENSIONS.len());
    for (folder, version, name, author) in EXTENSIONS {
        let id = folder.split('/').next().unwrap();
        let item = items.iter().find(|item| item["ids"]["extension-id"] == id).unwrap();
        let found = (item["name"].as_str(), item["version"].as_str(), item["publisher"].as_str());
        assert_eq!(found, (Some(*name), Some(*version), *author), "{id}");
        assert_eq!((&item["state"], &item["enabled"]), (&"installed".into(), &true.into()), "{id}");
    }
}

/// To the index it is an error; the extension is there all the same, by its folder.
#[test]
fn a_manifest_without_a_name_is_a_gap() {
    let Some(shared) = shared() else { return };
    let root = Root::new();
    let id = "a".repeat(32);
    let manifest = fs::read(shared.join("fixtures/chrome-ext/osv-scalibr/invalid-manifest.json")).unwrap();
    root.write(&format!("{PROFILE}/Extensions/{id}/1/manifest.json"), manifest);
    let record = json!({"extensions": {"settings": {&id: {"path": format!("{id}/1"), "location": 1}}}});
    root.write(&format!("{PROFILE}/Preferences"), record.to_string());
    let (row, items) = told(&root);
    assert_eq!((&row["state"], &row["gaps"][0]["code"]), (&"partial".into(), &"damaged".into()));
    assert_eq!((items.len(), &items[0]["name"]), (1, &id.into()));
}
