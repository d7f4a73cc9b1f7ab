//! Lists of editor extensions that other scanners are tested with.
//!
//! They are in the folder that `INTERDICT_SHARED` names, with an index that states what each holds. Only the lists are
//! there; the tests lay a folder with a manifest beside each, for as many as the case is about.

use std::fs;

use serde_json::Value;

use crate::lab::{Root, run, shared};

const PLACE: &str = "home/username/.vscode/extensions";

/// A home with one of the lists.
fn home(list: &str) -> Option<Root> {
    let root = Root::new();
    let list = fs::read(shared()?.join("fixtures/vscode-ext/osv-scalibr").join(list)).unwrap();
    root.write(&format!("{PLACE}/extensions.json"), list);
    Some(root)
}

/// Lays an extension beside the list.
fn lay(root: &Root, id: &str, version: &str, platform: &str) {
    let (publisher, name) = id.split_once('.').unwrap();
    let manifest = serde_json::json!({"publisher": publisher, "name": name, "version": version});
    root.write(&format!("{PLACE}/{id}-{version}{platform}/package.json"), manifest.to_string());
}

/// The state of the row, its gaps' codes, and of each item its id, version, publisher and state.
fn told(root: &Root) -> (String, Vec<String>, Vec<String>) {
    let inventory = run(["inventory", &root.target(), "-o", "json"]).json();
    let of = |list: &str| {
        let all = inventory[list].as_array().unwrap().iter();
        all.filter(|value| value["source"] == "vscode").cloned().collect::<Vec<_>>()
    };
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let row = of("coverage").remove(0);
    let gaps = row["gaps"].as_array().unwrap().iter().map(|gap| text(&gap["code"])).collect();
    let line = |item: &Value| {
        let id = &item["ids"]["extension-id"];
        let values = [id, &item["version"], &item["publisher"], &item["state"]].map(text);
        values.join(" ")
    };
    (text(&row["state"]), gaps, of("items").iter().map(line).collect())
}

#[test]
fn the_list_of_linux() {
    let Some(root) = home("extensions.json") else { return };
    let pairs = |state: &str| {
        ["golang.go 0.46.1 Go Team at Google", "google.geminicodeassist 2.28.0 Google"]
            .into_iter()
            .chain(["googlecloudtools.cloudcode 2.27.0 Google Cloud", "ms-vscode.cpptools 1.23.6 Microsoft"])
            .map(|pair| format!("{pair} {state}"))
            .collect::<Vec<_>>()
    };
    assert_eq!(told(&root), ("partial".into(), vec!["missing".into()], pairs("remnant")));
    lay(&root, "golang.go", "0.46.1", "");
    lay(&root, "google.geminicodeassist", "2.28.0", "");
    lay(&root, "googlecloudtools.cloudcode", "2.27.0", "");
    lay(&root, "ms-vscode.cpptools", "1.23.6", "-linux-arm64");
    assert_eq!(told(&root), ("covered".into(), vec![], pairs("installed")));
}

/// Its paths are of Windows; the folders beside it are its own all the same.
#[test]
fn the_list_of_windows() {
    let Some(root) = home("extensions-windows.json") else { return };
    lay(&root, "ms-python.debugpy", "2025.4.0", "-win32-arm64");
    lay(&root, "ms-python.python", "2025.2.0", "-win32-arm64");
    lay(&root, "ms-vscode.cpptools", "1.23.6", "-win32-arm64");
    let pairs = [
        "ms-python.debugpy 2025.4.0 Microsoft installed",
        "ms-python.python 2025.2.0 Microsoft installed",
        "ms-vscode.cpptools 1.23.6 Microsoft installed",
    ];
    assert_eq!(told(&root), ("covered".into(), vec![], pairs.map(String::from).to_vec()));
}

#[test]
fn what_is_no_list() {
    let Some(root) = home("invalid.json") else { return };
    assert_eq!(told(&root), ("failed".into(), vec!["damaged".into()], vec![]));
}
