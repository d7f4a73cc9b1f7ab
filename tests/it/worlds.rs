//! Roots of Windows and of macOS, looked at from elsewhere.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::lab::{Root, run, scan};

fn list(value: &Value) -> Vec<Value> {
    value.as_array().cloned().unwrap_or_default()
}

/// All places in an inventory or a report: of items, what they consist of, and of gaps.
fn places(told: &Value) -> BTreeSet<String> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let items = list(&told["items"]);
    let of_items = items.iter().flat_map(|item| {
        list(&item["paths"]).iter().filter_map(text).chain(text(&item["place"])).collect::<Vec<_>>()
    });
    let rows = list(&told["coverage"]);
    let gaps: Vec<Value> = rows.iter().flat_map(|row| list(&row["gaps"])).collect();
    of_items.chain(gaps.iter().filter_map(|gap| text(&gap["place"]))).collect()
}

fn told(root: &Root) -> Value {
    run(["inventory", &root.target(), "--depth", "full", "-o", "json"]).json()
}

/// A Windows root, as a copy of a disk may spell it.
fn windows() -> Root {
    let root = Root::new();
    root.write("WINDOWS/system32/NTOSKRNL.EXE", "MZ");
    root.write("Program Files/Kaspersky Lab/avp.exe", "MZ");
    root.write("Users/Ann/Desktop/KVRT.exe", "MZ");
    root.link("Users/All Users", r"C:\ProgramData");
    root.write("ProgramData/K/k.exe", "MZ");
    root
}

/// Law 3: places are written in the target's own form.
#[test]
fn places_of_a_windows_root_are_written_as_windows_does() {
    let root = windows();
    let told = told(&root);
    assert_eq!(told["target"]["os"], "windows");
    let places = places(&told);
    for wanted in [r"C:\Program Files\Kaspersky Lab\avp.exe", r"C:\Users\Ann\Desktop\KVRT.exe"] {
        assert!(places.contains(wanted), "{wanted}: {places:#?}");
    }
    assert!(!places.iter().any(|place| place.starts_with('/')), "{places:#?}");
}

/// Law 3: bytes that are not UTF-8 are escaped and come back the same, and no name is taken for another place.
#[test]
fn odd_names_of_a_windows_root_come_back_the_same() {
    use std::os::unix::ffi::OsStrExt;
    let root = windows();
    let odd = [&b"k\xffl.exe"[..], b"a\\b.exe", b"x41.exe", b"two\nlines\xe2\x80\xae.exe"];
    for name in odd {
        let path = root.at("Users/Ann").join(std::ffi::OsStr::from_bytes(name));
        std::fs::write(path, "MZ").unwrap();
    }
    let places = places(&told(&root));
    // The separator before `x41` would read as an escape, so it is one itself.
    for wanted in [
        r"C:\Users\Ann\k\xffl.exe",
        r"/Users/Ann/a\b.exe",
        r"C:\Users\Ann\x5cx41.exe",
        "C:\\Users\\Ann\\two\nlines\u{202e}.exe",
    ] {
        assert!(places.contains(wanted), "{wanted:?}: {places:#?}");
    }
}

/// Law 1: a system none of whose lists is read is no clean one.
#[test]
fn a_root_in_part_of_either_system_is_incomplete() {
    for path in ["Windows/System32/drivers/x.sys", "Program Files/x/x.exe", "Applications/X.app/Contents/x"] {
        let root = Root::new();
        root.write(path, "");
        let (code, report) = scan(&root.target(), &["--under", "all"]);
        assert_eq!((code, report["verdict"].as_str()), (3, Some("incomplete")), "{path}");
    }
}

#[test]
fn a_macos_root_says_what_it_is_and_who_its_users_are() {
    let root = Root::new();
    let version = "<plist><dict><key>ProductName</key><string>macOS</string><key>ProductVersion</key>\
                   <string>14.4.1</string></dict></plist>";
    root.write("System/Library/CoreServices/SystemVersion.plist", version);
    root.write("Users/ann/node_modules/k/package.json", r#"{"name": "k", "version": "1.0.0"}"#);
    let told = told(&root);
    assert_eq!(
        (told["target"]["os"].as_str(), told["host"]["version"].as_str()),
        (Some("macos"), Some("14.4.1"))
    );
    assert!(places(&told).iter().any(|place| place.starts_with("/Users/ann/")));
}
