//! Confinement (law 3): nothing outside the root is read, and nothing inside it is executed.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use interdict::report::{FORMATS, LIST_FORMATS};

use crate::lab::{Root, finish, interdict, run, scan};

/// Stands in every file outside the root, and in the names of files there.
const CANARY: &str = "c4n4ry";

/// Places that sources read, each a link to something outside; those of folders end in `/`.
const PLACES: &[&str] = &[
    "etc/os-release",
    "usr/lib/os-release",
    "etc/hostname",
    "etc/machine-id",
    "var/lib/dpkg/status",
    "var/lib/dpkg/status.d/",
    "var/lib/dpkg/updates/",
    "var/lib/dpkg/info/acme.list",
    "var/lib/dpkg/info/",
    "var/lib/dpkg/",
    "var/lib/",
    "var/lib/rpm/",
    "usr/lib/sysimage/rpm/",
    "etc/systemd/system/",
    "etc/systemd/system/acme.service",
    "etc/systemd/system/cron.service.d/",
    "etc/systemd/system/multi-user.target.wants/",
    "usr/lib/systemd/system/acme.service",
    "usr/lib/",
    "lib/",
    "run/",
];

/// A folder with a root in it, and what no scan of the root may see beside it.
fn house() -> Root {
    let house = Root::new();
    let record = format!(
        "Package: {CANARY}\nStatus: install ok installed\nVersion: {CANARY}\nMaintainer: Kaspersky Lab\n\n"
    );
    house.write("file", format!("{record}[Service]\nExecStart=/opt/{CANARY}\nID={CANARY}\nNAME={CANARY}\n"));
    for name in ["1", "x.conf", "x.service", "x.list", "status", "rpmdb.sqlite", "Packages"] {
        house.write(&format!("folder/{CANARY}{name}"), &record);
        house.write(&format!("folder/{name}"), format!("{record}[Service]\nExecStart=/opt/{CANARY}\n"));
    }
    house.write("folder/dpkg/status", &record);
    house.write("folder/systemd/system/y.service", format!("[Service]\nExecStart=/opt/{CANARY}\n"));
    house
}

/// Fills the root of a house as a good Debian with a package, a unit and its list.
fn furnish(house: &Root) -> Root {
    let root = Root::debian();
    root.package("acme", "1", "Jane Doe", &["/opt/acme/acme"]);
    root.write("etc/systemd/system/cron.service", "[Service]\nExecStart=/bin/bash\n");
    let place = house.at("root");
    fs::rename(root.0.path(), &place).unwrap();
    root
}

#[test]
fn no_link_shows_what_is_outside_the_root() {
    let outside: &[fn(&Path) -> String] = &[
        |file| file.display().to_string(),
        |file| format!("../../../../../../../../..{}", file.display()),
        |file| format!("../../../../{}", file.file_name().unwrap().display()),
        |file| format!("/back/back/back/../../{}", file.file_name().unwrap().display()),
        |file| format!("/proc/self/root{}", file.display()),
    ];
    for place in PLACES {
        for (number, way) in outside.iter().enumerate() {
            let house = house();
            let _kept = furnish(&house);
            let root = house.at("root");
            std::os::unix::fs::symlink("..", root.join("back")).unwrap();
            let link = root.join(place.trim_end_matches('/'));
            fs::create_dir_all(link.parent().unwrap()).unwrap();
            if link.is_dir() {
                fs::remove_dir_all(&link).unwrap();
            } else if link.exists() {
                fs::remove_file(&link).unwrap();
            }
            let to = house.at(if place.ends_with('/') { "folder" } else { "file" });
            std::os::unix::fs::symlink(way(&to), &link).unwrap();
            let report = crate::lab::judged_root(&root);
            for (name, bytes) in crate::lab::written(&report, 200) {
                let text = String::from_utf8(bytes).unwrap();
                assert!(!text.contains(CANARY), "{place} by way {number} in {name}:\n{text}");
            }
            let list = ["dpkg/", "lib/", "dpkg/status", "dpkg/info/"].iter().any(|l| place.ends_with(l));
            if list && place.starts_with("var") {
                assert!(report.inventory.is_incomplete(), "{place} by way {number} was lost silently");
            }
        }
    }
}

#[test]
fn the_program_itself_shows_nothing_from_outside() {
    let house = house();
    let _kept = furnish(&house);
    let root = house.at("root");
    fs::remove_file(root.join("var/lib/dpkg/status")).unwrap();
    std::os::unix::fs::symlink(house.at("file"), root.join("var/lib/dpkg/status")).unwrap();
    let target = format!("dir:{}", root.display());
    let formats =
        FORMATS.iter().map(|f| ("scan", f.id)).chain(LIST_FORMATS.iter().map(|f| ("inventory", f.id)));
    for (command, format) in formats {
        let run = run([command, &target, "-o", format]);
        assert_eq!(run.code, 3, "{command} -o {format}");
        assert!(!run.out.contains(CANARY) && !run.err.contains(CANARY), "{command} -o {format}: {}", run.out);
    }
}

/// The other side: what the same links mean within the root is read.
#[test]
fn links_within_the_root_are_followed_as_if_it_were_the_system() {
    let root = Root::debian();
    root.package("kesl", "12", "Kaspersky Lab", &["/opt/kaspersky/kesl/bin/kesl"]);
    fs::rename(root.at("var/lib/dpkg"), root.at("var/lib/elsewhere")).unwrap();
    for says in
        ["/var/lib/elsewhere", "../../../../../../var/lib/elsewhere", "elsewhere", "/self/var/lib/elsewhere"]
    {
        root.link("var/lib/dpkg", says);
        std::os::unix::fs::symlink("/", root.at("self")).ok();
        let (code, report) = scan(&root.target(), &[]);
        assert_eq!((code, report["findings"][0]["product"].as_str()), (1, Some("kesl")), "{says}");
        fs::remove_file(root.at("var/lib/dpkg")).unwrap();
    }
}

/// Programs of the root by the names of all that an auditor might call; each would leave a mark.
#[test]
fn nothing_inside_the_root_is_executed() {
    let root = crate::laws::rich();
    let mark = root.at("executed");
    let script = format!("#!/bin/sh\necho \"$0\" >> {}\n", mark.display());
    for name in [
        "dpkg",
        "dpkg-query",
        "rpm",
        "rpmdb",
        "systemctl",
        "sh",
        "bash",
        "ps",
        "ls",
        "cat",
        "find",
        "file",
        "strings",
        "sqlite3",
        "osascript",
        "reg",
        "snap",
        "flatpak",
        "id",
        "whoami",
        "hostname",
        "uname",
        "readlink",
        "gzip",
        "git",
        "lsof",
        "mount",
        "getent",
        "interdict",
    ] {
        for folder in ["usr/bin", "bin", "sbin", "opt/kaspersky/kesl/bin"] {
            let path = format!("{folder}/{name}");
            root.write(&path, &script);
            fs::set_permissions(root.at(&path), fs::Permissions::from_mode(0o755)).unwrap();
        }
    }
    let path = std::env::join_paths(["usr/bin", "bin", "sbin"].map(|f| root.at(f))).unwrap();
    for args in [&["scan"][..], &["inventory"], &["sources"], &["scan", "--depth", "full", "-o", "json"]] {
        let target = root.target();
        let (command, options) = args.split_first().unwrap();
        let mut run = interdict();
        run.args([command, target.as_str()]).args(options).env("PATH", &path).current_dir(root.at("usr/bin"));
        assert!((0..=4).contains(&finish(&mut run).code), "{args:?}");
        // This machine, too, is looked at without calling a program.
        let mut live = interdict();
        live.args(args).env("PATH", &path).current_dir(root.at("usr/bin"));
        assert!((0..=4).contains(&finish(&mut live).code), "{args:?}");
    }
    assert!(!mark.exists(), "executed: {}", fs::read_to_string(&mark).unwrap());
    // The marks would have been seen.
    assert!(std::process::Command::new(root.at("usr/bin/dpkg")).status().unwrap().success() && mark.exists());
}
