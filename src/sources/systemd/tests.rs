//! Roots with services of every sort, and what the source must say of them.
#![allow(clippy::disallowed_methods, reason = "tests lay out roots")]
use super::*;
use crate::inventory::CoverageState;
use std::{fs, os::unix::fs::symlink};

const KESL: &str = "[Service]\nExecStart=/opt/k/kesl -d\n";
const ETC: &str = "etc/systemd/system";
const USR: &str = "usr/lib/systemd/system";
const WANTS: &str = "etc/systemd/system/multi-user.target.wants";

/// A root, inside a folder with a program outside of it.
struct Root(tempfile::TempDir);

impl Root {
    fn new() -> Self {
        let root = Self(tempfile::tempdir().unwrap());
        root.file("opt/k", "kesl", "");
        root
    }

    fn at(&self, folder: &str, name: &str) -> PathBuf {
        let folder = self.0.path().join("root").join(folder);
        fs::create_dir_all(&folder).unwrap();
        folder.join(name)
    }

    fn file(&self, folder: &str, name: &str, text: &str) {
        fs::write(self.at(folder, name), text).unwrap();
    }

    fn link(&self, folder: &str, name: &str, says: &str) {
        symlink(says, self.at(folder, name)).unwrap();
    }

    fn read(&self) -> (crate::inventory::Coverage, Vec<Item>) {
        let target = Target::dir(&self.0.path().join("root"), globset::GlobSet::empty()).unwrap();
        let (row, sink) = crate::sources::read(&SOURCE, &target, Sink::default());
        (row, sink.items)
    }

    /// Name, state, whether enabled, place and paths of each item; no gap that blocks.
    fn told(&self) -> Vec<String> {
        let (row, items) = self.read();
        assert!(row.gaps.iter().all(|gap| !gap.blocks), "{row:?}");
        let told = items.iter().map(|i| {
            let paths: Vec<&str> = i.paths.iter().map(Text::raw).collect();
            let on = if i.enabled.unwrap() { "on" } else { "off" };
            format!("{} {} {on} {} {}", i.name, i.state, i.place, paths.join(","))
        });
        told.map(|line| line.trim_end().to_owned()).collect()
    }

    /// The code of each gap and whether it blocks.
    fn gaps(&self) -> Vec<(GapCode, bool)> {
        self.read().0.gaps.iter().map(|gap| (gap.code, gap.blocks)).collect()
    }
}

#[test]
fn a_service_says_what_it_runs_and_whether_it_is_enabled() {
    let root = Root::new();
    let text =
        "[Service]\nUser=k\nExecStartPre=-/opt/k/pre\nExecStart=/opt//k/kesl\nExecStart=@/opt/k/kesl x\n";
    root.file(USR, "kesl.service", text);
    root.file(USR, "off.service", KESL);
    root.file(USR, "none.service", "[Unit]\nDescription=nothing to run\n");
    root.link(WANTS, "kesl.service", "/usr/lib/systemd/system/kesl.service");
    let told = [
        "kesl.service installed on /usr/lib/systemd/system/kesl.service /opt/k/kesl,/opt/k/pre",
        "none.service installed off /usr/lib/systemd/system/none.service",
        "off.service installed off /usr/lib/systemd/system/off.service /opt/k/kesl",
    ];
    assert_eq!(root.told(), told);
    let (row, items) = root.read();
    assert_eq!((row.state, items[0].id.raw()), (CoverageState::Covered, "systemd:kesl.service"));
    assert_eq!(items[0].command, Some("/opt//k/kesl; @/opt/k/kesl x".into()));
    assert_eq!((&items[0].user, &items[0].service), (&Some("k".into()), &Some("kesl.service".into())));
}

#[test]
fn the_highest_folder_wins_and_the_merged_one_counts_once() {
    let root = Root::new();
    root.link("", "lib", "usr/lib");
    root.file(USR, "a.service", "[Service]\nExecStart=/opt/k/low\n");
    root.file(USR, "b.service", KESL);
    root.file(ETC, "a.service", KESL);
    root.link(ETC, "b.service", "/lib/systemd/system/b.service");
    let told = [
        "a.service installed off /etc/systemd/system/a.service /opt/k/kesl",
        "b.service installed off /usr/lib/systemd/system/b.service /opt/k/kesl",
    ];
    assert_eq!(root.told(), told);
}

#[test]
fn a_masked_service_is_present_and_never_enabled() {
    let root = Root::new();
    for (name, says) in [("a.service", "/dev/null"), ("alone.service", "../../../dev/null")] {
        root.link(ETC, name, says);
    }
    root.file(ETC, "b.service", "");
    for name in ["a.service", "b.service"] {
        root.file(USR, name, KESL);
        root.link(WANTS, name, &format!("/usr/lib/systemd/system/{name}"));
    }
    let told = [
        "a.service present off /usr/lib/systemd/system/a.service /opt/k/kesl",
        "b.service present off /usr/lib/systemd/system/b.service /opt/k/kesl",
    ];
    assert_eq!(root.told(), told);
}

#[test]
fn nothing_but_masks_is_no_gap() {
    let root = Root::new();
    root.link(ETC, "a.service", "/dev/null");
    assert_eq!((root.told().len(), root.read().0.state), (0, CoverageState::Absent));
}

#[test]
fn an_alias_is_no_second_service() {
    let root = Root::new();
    for name in ["a.service", "b.service", "c.service"] {
        root.file(USR, name, KESL);
    }
    root.link(ETC, "dbus-a.service", "/usr/lib/systemd/system/a.service");
    root.link(USR, "dbus-b.service", "b.service");
    root.link(USR, "dbus-c.service", "c.service");
    root.link(WANTS, "dbus-c.service", "../c.service");
    let told = ["a.service installed on", "b.service installed off", "c.service installed on"];
    assert!(root.told().iter().map(|t| t.split(" /").next().unwrap()).eq(told), "{:?}", root.told());
}

#[test]
fn a_linked_unit_is_its_file() {
    let root = Root::new();
    root.file("opt/x", "y.service", KESL);
    root.link(ETC, "x.service", "/opt/x/y.service");
    // Older versions of systemd start what is only asked for.
    root.link(WANTS, "z.service", "/opt/x/y.service");
    let told = [
        "x.service installed off /opt/x/y.service /opt/k/kesl",
        "z.service installed on /opt/x/y.service /opt/k/kesl",
    ];
    assert_eq!(root.told(), told);
}

#[test]
fn an_instance_enables_its_template() {
    let root = Root::new();
    root.file(USR, "k@.service", "[Service]\nExecStart=/opt/%i/kesl\n");
    root.link(USR, "alias@.service", "k@.service");
    root.file(USR, "off@.service", KESL);
    root.link(WANTS, "alias@1.service", "/usr/lib/systemd/system/k@.service");
    let told = [
        "k@.service installed on /usr/lib/systemd/system/k@.service /opt/%i/kesl",
        "off@.service installed off /usr/lib/systemd/system/off@.service /opt/k/kesl",
    ];
    assert_eq!(root.told(), told);
}

#[test]
fn what_is_left_of_a_service_is_a_remnant() {
    let root = Root::new();
    root.link(WANTS, "a.service", "/usr/lib/systemd/system/a.service");
    root.link(ETC, "b.service", "/opt/gone/b.service");
    root.link(USR, "c.service", "d.service");
    root.file(USR, "e.service", "[Service]\nExecStart=/opt/k/gone\nExecStart=/opt/k/kesl/no\n");
    root.file(USR, "f.service", "[Service]\nExecStart=/opt/k/gone\nRootImage=/opt/k/image\n");
    let told = [
        "a.service remnant on /etc/systemd/system/multi-user.target.wants/a.service",
        "b.service remnant on /etc/systemd/system/b.service",
        "c.service remnant off /usr/lib/systemd/system/c.service",
        "e.service remnant off /usr/lib/systemd/system/e.service /opt/k/gone,/opt/k/kesl/no",
        "f.service installed off /usr/lib/systemd/system/f.service /opt/k/gone",
    ];
    assert_eq!(root.told(), told);
}

#[test]
fn links_stay_in_the_root() {
    let root = Root::new();
    let canary = root.0.path().join("canary");
    fs::write(&canary, KESL).unwrap();
    root.link(ETC, "a.service", canary.to_str().unwrap());
    root.link(ETC, "b.service", "../../../../canary");
    root.file(USR, "c.service", &format!("[Service]\nExecStart={}\n", canary.display()));
    let told = root.told();
    assert!(told.iter().all(|line| line.contains(" remnant ") && !line.contains("/opt/k")), "{told:?}");
}

#[test]
fn a_dropin_changes_what_is_started() {
    let root = Root::new();
    root.file(USR, "a.service", "[Service]\nExecStart=/opt/k/low\n");
    root.file("usr/lib/systemd/system/a.service.d", "2.conf", "[Service]\nExecStart=/opt/k/shadowed\n");
    root.file("usr/lib/systemd/system/a.service.d", "3.conf", "[Service]\nExecStart=/opt/k/masked\n");
    root.file("etc/systemd/system/a.service.d", "2.conf", "[Service]\nExecStart=/opt/k/kesl\n");
    root.file("run/systemd/system/a.service.d", "1.conf", "[Service]\nExecStart=\n");
    root.link("etc/systemd/system/a.service.d", "3.conf", "/dev/null");
    assert_eq!(root.told(), ["a.service installed off /usr/lib/systemd/system/a.service /opt/k/kesl"]);
}

#[test]
fn what_is_no_file_is_noted_and_what_is_all_damage_blocks() {
    let root = Root::new();
    let made = std::process::Command::new("mkfifo").arg(root.at(ETC, "pipe.service")).status();
    assert!(made.unwrap().success());
    fs::create_dir(root.at(ETC, "folder.service")).unwrap();
    assert_eq!(root.gaps(), [(GapCode::Special, false), (GapCode::Special, false)]);
    assert_eq!(root.read().0.state, CoverageState::Absent);

    let root = Root::new();
    root.file(ETC, "garbage.service", "\0\0\0");
    root.file(ETC, "large.service", &"#".repeat(MAX_BYTES + 1));
    root.file(ETC, "some.service", &format!("{KESL}what\n"));
    assert_eq!(root.gaps(), [(GapCode::Damaged, true), (GapCode::TooLarge, true), (GapCode::Damaged, false)]);
    // Their names are evidence all the same.
    assert_eq!(root.read().1.len(), 3);
}

#[test]
fn a_folder_that_is_none_blocks() {
    let root = Root::new();
    root.file("etc/systemd", "system", "");
    assert_eq!(root.gaps(), [(GapCode::Special, true)]);
}
