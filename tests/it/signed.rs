//! Programs of Windows that were renamed, copied into another maker's product, or changed: who made them is known by who
//! signed them, if the signature is theirs.

use std::fs;

use serde_json::{Value, json};

use crate::lab::{Root, run};
use crate::roots::roots;

const RULES: &str = "
[[vendor]]
id = \"maker\"
name = \"Maker of Examples\"
[[vendor.signature]]
signer = [\"Maker of Examples, Ltd.\"]
strength = \"certain\"
[[vendor.signature]]
publisher = [\"Maker of Examples\"]
";

fn program(name: &str) -> Vec<u8> {
    let folder = roots().join("programs/signed/opt/wine/drive_c/Program Files/Maker");
    fs::read(folder.join(name)).unwrap()
}

/// What is found in a target by those rules: the finding and its ways of showing.
fn found(root: &Root, target: &str) -> Vec<Value> {
    root.write("rules.toml", RULES);
    let rules = root.at("rules.toml");
    let report =
        run(["scan", target, "--no-builtin-rules", "--rules", rules.to_str().unwrap(), "-o", "json"]).json();
    report["findings"].as_array().unwrap().clone()
}

fn said(finding: &Value) -> [&str; 3] {
    ["state", "strength", "inside"].map(|key| finding[key].as_str().unwrap_or("-"))
}

#[test]
fn a_renamed_copy_is_found_by_its_signer() {
    let root = Root::debian();
    root.write("opt/tools/innocent.dll", program("ec.exe"));
    let found = found(&root, &root.target());
    assert_eq!(found.iter().map(said).collect::<Vec<_>>(), [["present", "certain", "-"]]);
}

#[test]
fn a_signed_file_in_another_makers_product_is_a_part_of_that() {
    let root = Root::debian();
    root.package("player", "1", "Other Ltd.", &["/opt/player/engine.dll"]);
    root.write("opt/player/engine.dll", program("two.exe"));
    let found = found(&root, &root.target());
    assert_eq!(found.iter().map(said).collect::<Vec<_>>(), [["component", "certain", "player"]]);
}

#[test]
fn a_changed_file_shows_no_more_than_its_own_words() {
    let root = Root::debian();
    root.write("opt/tools/changed.exe", program("changed.exe"));
    let found = found(&root, &root.target());
    assert_eq!(found.iter().map(said).collect::<Vec<_>>(), [["present", "likely", "-"]]);
    let traits = found[0]["evidence"][0]["traits"].as_array().unwrap();
    assert_eq!(traits.iter().map(|t| t["trait"].as_str().unwrap()).collect::<Vec<_>>(), ["publisher"]);
}

#[test]
fn a_signature_that_was_not_checked_is_a_claim() {
    let root = Root::new();
    for (state, strength) in [("verified", "certain"), ("claimed", "certain"), ("unchecked", "likely")] {
        let signature = json!({"organisation": "Maker of Examples, Ltd.", "state": state});
        let list = root.list(&[json!({"kind": "file", "name": "x.exe", "signature": signature})]);
        assert_eq!(found(&root, &list)[0]["strength"], strength, "{state}");
    }
}
