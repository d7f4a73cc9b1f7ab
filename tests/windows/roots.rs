//! Roots in folders: of Windows on Windows, and what would lead out of them.

use std::fs;
use std::path::Path;

use super::{places, told};

/// A Windows root with a program in a home and one in a folder of programs.
fn root() -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    let write = |path: &str| {
        let path = root.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, b"MZ of a test").unwrap();
    };
    write("Windows/System32/ntoskrnl.exe");
    write("Program Files/Kaspersky Lab/avp.exe");
    write("Users/Ann/Desktop/KVRT.exe");
    root
}

fn scheme(root: &Path) -> String {
    format!("dir:{}", root.display())
}

#[test]
fn places_of_a_root_are_written_from_its_own_drive() {
    let root = root();
    let (code, told) = told(&["inventory", &scheme(root.path()), "--depth", "full"]);
    assert_eq!((code, told["target"]["os"].as_str()), (3, Some("windows")));
    let places = places(&told);
    for wanted in [r"C:\Program Files\Kaspersky Lab\avp.exe", r"C:\Users\Ann\Desktop\KVRT.exe"] {
        assert!(places.iter().any(|place| place == wanted), "{wanted}: {places:#?}");
    }
    assert!(!places.iter().any(|place| place.contains(&root.path().display().to_string())), "{places:#?}");
}

#[test]
fn a_root_that_is_not_there_is_a_wrong_instruction() {
    let (code, error) = super::failed(&["scan", r"dir:C:\there is none"]);
    assert_eq!(code, 2, "{error}");
}
