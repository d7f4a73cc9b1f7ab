//! Roots of each system, whole and in part.
#![allow(clippy::disallowed_methods, reason = "tests lay out roots")]

use super::*;
use std::fs;

/// A root with these files and folders (which end in `/`).
fn root(paths: &[&str]) -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    for path in paths {
        let at = root.path().join(path);
        if path.ends_with('/') {
            fs::create_dir_all(at).unwrap();
        } else {
            fs::create_dir_all(at.parent().unwrap()).unwrap();
            fs::write(at, "ID=debian\n").unwrap();
        }
    }
    root
}

fn told(paths: &[&str]) -> (Family, Option<Packages>, bool) {
    let root = root(paths);
    let target = Target::dir(root.path(), globset::GlobSet::empty()).unwrap();
    (target.os().family, target.os().packages, target.unknown_os().is_some())
}

#[test]
fn windows_is_told_by_its_own_whole_or_in_part_whatever_the_case() {
    for paths in [
        &["Windows/System32/config/SOFTWARE"][..],
        &["WINDOWS/system32/config/software", "Users/"],
        &["windows/SYSTEM32/NTOSKRNL.EXE", "etc/os-release"],
        &["Windows/System32/"],
        &["Program Files/"],
        &["ProgramData/"],
    ] {
        assert_eq!(told(paths), (Family::Windows, Some(Packages::Windows), false), "{paths:?}");
    }
}

#[test]
fn macos_is_told_by_its_own_whole_or_in_part() {
    for paths in [
        &["System/Library/CoreServices/SystemVersion.plist", "usr/", "etc/"][..],
        &["system/library/", "usr/", "etc/"],
        &["Applications/"],
        &["Library/LaunchDaemons/"],
    ] {
        assert_eq!(told(paths), (Family::MacOs, Some(Packages::MacOs), false), "{paths:?}");
    }
}

#[test]
fn what_a_linux_root_holds_beside_makes_it_no_other_system() {
    let debian = (Family::Linux, Some(Packages::Debian), false);
    assert_eq!(told(&["etc/os-release", "Program Files/", "Applications/"]), debian);
    assert_eq!(told(&["etc/os-release", "Windows", "System"]), debian);
    assert_eq!(told(&["usr/", "etc/", "Applications/"]), (Family::Linux, None, false));
    assert_eq!(told(&["a/", "Windows/"]), (Family::Unknown, None, false));
}

#[test]
fn a_system_that_cannot_be_looked_at_is_unknown_for_a_reason() {
    let (family, packages, unknown) = told(&["Windows/System32", "etc"]);
    assert_eq!((family, packages, unknown), (Family::Unknown, None, true));
}

#[test]
fn macos_says_what_it_is() {
    let root = root(&["Applications/", "System/Library/CoreServices/"]);
    let text = "<plist><dict><key>ProductBuildVersion</key><string>23E224</string><key>ProductName</key>\
                <string>macOS</string><key>ProductVersion</key><string>14.4.1</string></dict></plist>";
    fs::write(root.path().join("System/Library/CoreServices/SystemVersion.plist"), text).unwrap();
    let target = Target::dir(root.path(), globset::GlobSet::empty()).unwrap();
    let host = target.host();
    assert_eq!(host.os.as_ref().unwrap().raw(), "macOS 14.4.1 (23E224)");
    assert_eq!(host.version.as_ref().unwrap().raw(), "14.4.1");
}
