//! Whole machines, and all that is found on them, as elsewhere (`tests/it/golden.rs`).

use serde_json::Value;

use super::told;

#[test]
fn a_windows_workstation_is_judged_as_elsewhere() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/windows");
    let target = format!("dir:{folder}/root");
    let (code, mut report) =
        told(&["scan", &target, "--under", "all", "--as-of", "2026-11-24", "--depth", "full"]);
    assert_eq!((code, report["host"]["name"].as_str()), (1, Some("WS-0042")));
    for finding in report["findings"].as_array_mut().unwrap() {
        for ruling in finding["rulings"].as_array_mut().unwrap() {
            ruling.as_object_mut().unwrap().remove("due");
        }
    }
    let wanted = std::fs::read(format!("{folder}/findings.json")).unwrap();
    let wanted: Value = serde_json::from_slice(&wanted).unwrap();
    assert_eq!(report["findings"], wanted);
}
