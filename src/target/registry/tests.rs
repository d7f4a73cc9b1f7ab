#![allow(clippy::disallowed_methods, reason = "tests lay out roots")]
use super::*;
use std::fs;

const MACHINE: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/tests/roots/uninstall/machine/Windows/System32/config/");

/// A root with hives that hivex wrote.
fn root(hives: &[&str]) -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    let config = root.path().join(CONFIG.trim_start_matches('/'));
    fs::create_dir_all(&config).unwrap();
    for hive in hives {
        fs::copy(format!("{MACHINE}{hive}"), config.join(hive)).unwrap();
    }
    root
}

fn target(root: &tempfile::TempDir) -> Target {
    Target::dir(root.path(), globset::GlobSet::empty()).unwrap()
}

#[test]
fn the_control_set_is_the_one_that_windows_selected() {
    let root = root(&["SOFTWARE", "SYSTEM"]);
    let target = target(&root);
    let (set, gaps) = target.registry().open(&Root::ControlSet);
    assert_eq!(gaps, []);
    let agent = set.unwrap().key("services\\AGENT").unwrap().unwrap();
    assert_eq!(agent.path().raw(), "HKLM\\SYSTEM\\ControlSet002\\services\\AGENT");
    assert_eq!(agent.value("start"), Ok(Some(Value::Integer(2))));
    assert_eq!(agent.key("Parameters").unwrap().map(|key| key.path().clone()), None);
    assert!(target.registry().open(&Root::System).0.unwrap().key("ControlSet001").unwrap().is_some());
}

#[test]
fn what_every_windows_has_is_missed() {
    let root = root(&["SOFTWARE"]);
    let (key, gaps) = target(&root).registry().open(&Root::ControlSet);
    assert!(key.is_none());
    assert_eq!(gaps.iter().map(|gap| (gap.code, gap.blocks)).collect::<Vec<_>>(), [(GapCode::Missing, true)]);
}

#[test]
fn a_root_without_windows_has_no_registry() {
    let root = tempfile::tempdir().unwrap();
    fs::create_dir_all(root.path().join("etc")).unwrap();
    let target = target(&root);
    assert!(matches!(target.registry().open(&Root::Software), (None, gaps) if gaps.is_empty()));
    assert_eq!(target.registry().users(), (vec![], vec![]));
}

#[test]
fn what_cannot_be_read_is_a_gap() {
    let (key, gaps) = Target::refusing().registry().open(&Root::Software);
    assert!(
        key.is_none() && gaps.iter().all(|gap| gap.code == GapCode::Denied && gap.blocks) && !gaps.is_empty()
    );
    assert!(!Target::refusing().registry().users().1.is_empty());
}

/// The changes of a hive may be in both of its logs.
#[test]
fn a_dirty_hive_with_one_of_two_logs_is_told() {
    let root = root(&["SOFTWARE"]);
    let hive = root.path().join("Windows/System32/config/SOFTWARE");
    let mut bytes = fs::read(&hive).unwrap();
    bytes[8] ^= 1;
    fs::write(&hive, bytes).unwrap();
    fs::write(hive.with_extension("LOG1"), b"").unwrap();
    let (key, gaps) = target(&root).registry().open(&Root::Software);
    assert!(key.is_some());
    assert!(gaps.iter().any(|gap| gap.code == GapCode::Missing && gap.reason.raw().contains(".LOG2")));
    assert!(gaps.iter().any(|gap| gap.code == GapCode::Damaged && gap.blocks));
}
