//! Roots with services of every sort, and what the source must say of them.
#![allow(clippy::disallowed_methods, reason = "tests lay out roots")]
use super::*;
use crate::inventory::{CoverageState, GapCode};
use crate::parse::unit::MAX_BYTES;
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

const TIMERS: &str = "etc/systemd/system/timers.target.wants";

#[test]
fn a_timer_is_a_task_that_is_what_its_service_is() {
    let root = Root::new();
    root.file(USR, "kesl.service", KESL);
    root.file(USR, "kesl.timer", "[Timer]\nOnBootSec=1\n");
    root.file(USR, "scan@.service", "[Service]\nExecStart=/opt/k/gone\n");
    root.file(USR, "other.timer", "[Timer]\nUnit=scan@1.service\n");
    root.file(USR, "alone.timer", "[Timer]\nOnBootSec=1\n");
    root.file(USR, "target.timer", "[Timer]\nUnit=x.target\n");
    root.file(USR, "off.timer", "[Timer]\nUnit=kesl.service\n");
    root.link(ETC, "off.timer", "/dev/null");
    root.link(TIMERS, "kesl.timer", "/usr/lib/systemd/system/kesl.timer");
    let told = [
        "alone.timer remnant off /usr/lib/systemd/system/alone.timer",
        "kesl.service installed on /usr/lib/systemd/system/kesl.service /opt/k/kesl",
        "kesl.timer installed on /usr/lib/systemd/system/kesl.timer /opt/k/kesl",
        "off.timer present off /usr/lib/systemd/system/off.timer /opt/k/kesl",
        "other.timer remnant off /usr/lib/systemd/system/other.timer /opt/k/gone",
        "scan@.service remnant off /usr/lib/systemd/system/scan@.service /opt/k/gone",
        "target.timer installed off /usr/lib/systemd/system/target.timer",
    ];
    assert_eq!(root.told(), told);
    let (_, items) = root.read();
    let timer = items.iter().find(|i| i.name.raw() == "kesl.timer").unwrap();
    assert_eq!((timer.kind, &timer.owner), (Kind::Task, &Some("systemd:kesl.service".into())));
    assert_eq!(
        (&timer.service, &timer.command),
        (&Some("kesl.service".into()), &Some("/opt/k/kesl -d".into()))
    );
}

#[test]
fn what_an_enabled_socket_or_path_starts_is_enabled() {
    let root = Root::new();
    for name in ["a.service", "b@.service", "c.service", "d.service"] {
        root.file(USR, name, KESL);
    }
    root.file(USR, "a.socket", "[Socket]\nListenStream=/run/a\n");
    root.file(USR, "b.socket", "[Socket]\nAccept=Yes\nExecStartPre=/opt/k/kesl\n");
    root.file(USR, "c.path", "[Path]\nPathExists=/x\n");
    root.file(USR, "x.path", "[Path]\nUnit=d.service\n");
    for name in ["a.socket", "b.socket", "c.path"] {
        root.link(WANTS, name, &format!("/usr/lib/systemd/system/{name}"));
    }
    let told =
        ["a.service", "b.socket", "b@.service", "c.service"].map(|name| format!("{name} installed on"));
    let rest = ["d.service installed off".to_owned()];
    assert!(root.told().iter().map(|t| t.split(" /").next().unwrap()).eq(told.iter().chain(&rest)));
}

#[test]
fn drop_ins_of_every_name_of_a_unit_are_read() {
    let set = |program: &str| format!("[Service]\nExecStart=\nExecStart={program}\n");
    let paths = |name: &str, places: &[&str]| {
        let root = Root::new();
        root.file(USR, name, "[Service]\nExecStart=/opt/k/low\n");
        root.link(USR, "z-alias.service", name);
        for (number, place) in places.iter().enumerate() {
            root.file(&format!("etc/systemd/system/{place}"), "1.conf", &set(&format!("/opt/k/{number}")));
        }
        let told = root.told();
        assert_eq!(told.len(), 1, "{told:?}");
        told[0].rsplit_once(' ').unwrap().1.to_owned()
    };
    for place in ["service.d", "a-.service.d", "a-b-.service.d", "z-alias.service.d", "z-.service.d"] {
        assert_eq!(paths("a-b-c.service", &[place]), "/opt/k/0", "{place}");
    }
    for place in ["b-.service.d", "a.service.d", "a-b.service.d", "timer.d", "a-b-c.timer.d"] {
        assert_eq!(paths("a-b-c.service", &[place]), "/opt/k/low", "{place}");
    }
    // The nearest of one file name counts.
    assert_eq!(paths("a-b.service", &["service.d", "a-.service.d", "a-b.service.d"]), "/opt/k/2");
}

#[test]
fn an_instance_that_a_drop_in_changes_is_told_by_itself() {
    let root = Root::new();
    root.file(USR, "k@.service", "[Service]\nExecStart=/opt/k/low\n");
    root.file("etc/systemd/system/k@1.service.d", "1.conf", "[Service]\nExecStart=/opt/k/kesl\n");
    root.link(WANTS, "k@1.service", "/usr/lib/systemd/system/k@.service");
    let told = [
        "k@.service remnant on /usr/lib/systemd/system/k@.service /opt/k/low",
        "k@1.service installed on /usr/lib/systemd/system/k@.service /opt/k/low,/opt/k/kesl",
    ];
    assert_eq!(root.told(), told);
}

#[test]
fn a_program_without_a_folder_is_found() {
    let root = Root::new();
    root.file("usr/bin", "tool", "");
    root.link("usr/local/bin", "kesl", "/opt/k/kesl");
    root.file(USR, "a.service", "[Service]\nExecStart=-tool x\n");
    root.file(USR, "b.service", "[Service]\nExecStart=kesl\n");
    root.file(USR, "c.service", "[Service]\nExecSearchPath=/opt/k:/x\nExecStart=kesl\n");
    root.file(USR, "d.service", "[Service]\nExecStart=/bin/sh -c 'test -x /opt/k/kesl && exec kesl'\n");
    let told = [
        "a.service installed off /usr/lib/systemd/system/a.service /usr/bin/tool",
        "b.service installed off /usr/lib/systemd/system/b.service /usr/local/bin/kesl,/opt/k/kesl",
        "c.service installed off /usr/lib/systemd/system/c.service /opt/k/kesl",
        "d.service installed off /usr/lib/systemd/system/d.service /usr/local/bin/kesl,/opt/k/kesl",
    ];
    assert_eq!(root.told(), told);
}

#[test]
fn units_of_users_are_told_with_their_user() {
    let root = Root::new();
    root.file("etc", "passwd", "ann:x:1000:1000::/home/ann:/bin/sh\nbob:x:1001:1001::/home/bob:/bin/sh\n");
    root.file("home/bob", "x", "");
    root.file("usr/lib/systemd/user", "all.service", KESL);
    root.file("usr/lib/systemd/user", "some.service", KESL);
    root.file("home/ann/bin", "k", "");
    root.file("home/ann/.config/systemd/user", "own.service", "[Service]\nExecStart=%h/bin/k\n");
    root.file("home/ann/.local/share/systemd/user", "data.service", KESL);
    let wants = "home/ann/.config/systemd/user/default.target.wants";
    root.link(wants, "some.service", "/usr/lib/systemd/user/some.service");
    root.link(wants, "own.service", "../own.service");
    root.file("run/user/1001/systemd/transient", "run-1.timer", "[Timer]\nUnit=some.service\n");
    root.file("run/user/1002/systemd/transient", "run-2.service", KESL);
    let (row, items) = root.read();
    assert_eq!((row.state, row.gaps.len()), (CoverageState::Covered, 0));
    let told: Vec<_> = items
        .iter()
        .map(|i| {
            let user = i.user.as_ref().map_or("-", Text::raw);
            let on = if i.enabled.unwrap() { "on" } else { "off" };
            format!("{} {user} {on} {}", i.id, i.paths[0])
        })
        .collect();
    let wanted = [
        "systemd:user:all.service - off /opt/k/kesl",
        "systemd:user:some.service - off /opt/k/kesl",
        "systemd:user:1002:run-2.service 1002 off /opt/k/kesl",
        "systemd:user:ann:data.service ann off /opt/k/kesl",
        "systemd:user:ann:own.service ann on /home/ann/bin/k",
        "systemd:user:ann:some.service ann on /opt/k/kesl",
        "systemd:user:bob:run-1.timer bob off /opt/k/kesl",
        "systemd:user:bob:some.service bob off /opt/k/kesl",
    ];
    assert_eq!(told, wanted);
}
