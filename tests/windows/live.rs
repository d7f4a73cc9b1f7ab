//! This machine.

use std::fs;

use super::{places, told};

/// The gaps that deny a clean verdict.
fn blocking(told: &serde_json::Value) -> usize {
    let rows = told["coverage"].as_array().unwrap();
    let gaps = rows.iter().flat_map(|row| row["gaps"].as_array().unwrap());
    gaps.filter(|gap| gap["blocks"] == true).count()
}

#[test]
fn an_inventory_lists_what_runs_and_its_exit_code_is_honest() {
    let (code, told) = told(&["inventory"]);
    assert_eq!(
        (told["target"]["kind"].as_str(), told["target"]["os"].as_str()),
        (Some("live"), Some("windows"))
    );
    assert_eq!(code, if blocking(&told) > 0 { 3 } else { 0 });
    let items = told["items"].as_array().unwrap();
    let me = |item: &&serde_json::Value| {
        item["kind"] == "process" && item["name"].as_str().unwrap().starts_with("interdict")
    };
    assert!(items.iter().any(|item| me(&item)), "{items:#?}");
}

#[test]
fn a_scan_is_never_clean_while_something_was_not_seen() {
    let (code, told) = told(&["scan", "--under", "all"]);
    let verdict = told["verdict"].as_str().unwrap();
    assert!(blocking(&told) == 0 || verdict != "clean", "{told:#}");
    let codes = [("clean", 0), ("prohibited", 1), ("incomplete", 3), ("review", 4)];
    assert!(codes.contains(&(verdict, code)), "{verdict} {code}");
}

/// The drives of others, as Z: of Wine, on which the whole Linux machine lies.
#[test]
fn only_drives_of_the_machine_are_walked_and_places_are_written_as_windows_does() {
    let user = std::env::var("USERPROFILE").unwrap();
    let program = format!(r"{user}\Desktop\Interdict Lab\Kaspersky.exe");
    fs::create_dir_all(program.rsplit_once('\\').unwrap().0).unwrap();
    fs::write(&program, b"MZ of a test").unwrap();
    let (_, told) = told(&["inventory", "--depth", "full"]);
    fs::remove_file(&program).unwrap();
    let places = places(&told);
    assert!(places.iter().any(|place| place.eq_ignore_ascii_case(&program)), "{places:#?}");
    let strange: Vec<_> = places.iter().filter(|p| p.starts_with('/') || p.contains(r"\\?\")).collect();
    assert!(strange.is_empty(), "{strange:#?}");
    let items = told["items"].as_array().unwrap();
    let walked = items.iter().filter(|item| item["kind"] != "process");
    let of_z: Vec<_> = walked.filter(|i| i["place"].as_str().unwrap().starts_with("Z:")).collect();
    assert!(of_z.is_empty(), "{of_z:#?}");
}
