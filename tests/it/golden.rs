//! Whole machines, and all that is found on them. The Windows one is judged by the tests for Windows as well
//! (`tests/windows/golden.rs`), against the same file: a root gives the same findings wherever it is looked at.

use serde_json::Value;

use crate::lab::scan;

/// The findings of a report, without the days that hang on the day of the scan.
fn findings(mut report: Value) -> Value {
    for finding in report["findings"].as_array_mut().unwrap() {
        for ruling in finding["rulings"].as_array_mut().unwrap() {
            ruling.as_object_mut().unwrap().remove("due");
        }
    }
    report["findings"].take()
}

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/windows");

/// A workstation of two users with Kaspersky Endpoint Security, its Network Agent, a signed copy of an engine's file in
/// another maker's product under another name, and a browser that one of the users installed for himself. The programs
/// were signed with certificates made for this test.
fn workstation() -> Value {
    let args = ["--under", "all", "--as-of", "2026-11-24", "--depth", "full"];
    let (code, report) = scan(&format!("dir:{FOLDER}/root"), &args);
    assert_eq!((code, report["host"]["name"].as_str()), (1, Some("WS-0042")));
    findings(report)
}

#[test]
fn a_windows_workstation_is_judged_as_on_windows() {
    let (found, file) = (workstation(), format!("{FOLDER}/findings.json"));
    if std::env::var_os("INTERDICT_BLESS").is_some() {
        std::fs::write(&file, serde_json::to_string_pretty(&found).unwrap() + "\n").unwrap();
    }
    let wanted: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    assert_eq!(found, wanted, "run the tests with INTERDICT_BLESS=1 to write what is found now, and read it");
}

#[test]
fn what_the_laws_say_of_the_workstation() {
    let found = workstation();
    let told = found.as_array().unwrap().iter().map(of_finding).collect::<Vec<_>>();
    let wanted = [
        ["kaspersky/kes-windows@host", "installed", "certain", "prohibited", "prohibited"],
        ["kaspersky/network-agent@host", "installed", "certain", "prohibited", "prohibited"],
        ["kaspersky/kaspersky@host", "present", "certain", "prohibited", "prohibited"],
        ["yandex/browser@host", "installed", "certain", "none", "none"],
    ];
    assert_eq!(told, wanted);
    // The engine that another maker built in, beside the driver that is Kaspersky's own.
    let parts: Vec<_> =
        found[2]["evidence"].as_array().unwrap().iter().map(|e| (&e["name"], &e["state"])).collect();
    assert!(parts.iter().any(|(name, state)| *name == "mgscan.dll" && *state == "component"), "{parts:?}");
}

fn of_finding(finding: &Value) -> [String; 5] {
    let ruling = |id: &str| {
        let rulings = finding["rulings"].as_array().unwrap();
        let of = rulings.iter().find(|ruling| ruling["instrument"] == id);
        of.map_or("none", |ruling| ruling["ruling"].as_str().unwrap()).to_owned()
    };
    let text = |key: &str| finding[key].as_str().unwrap().to_owned();
    [text("id"), text("state"), text("strength"), ruling("us-bod-17-01"), ruling("us-ndaa-fy2018-1634")]
}
