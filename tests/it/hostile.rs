//! Bytes that nobody wrote on purpose, or somebody did (law 4): whatever stands in a file, no part of the program
//! panics, and what a mutation hides is told.

use std::collections::BTreeSet;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use interdict::inventory::GapCode;
use interdict::report::Report;
use interdict::target::Target;

use crate::lab::{Root, judged, judged_root, run, scan, written};
use crate::laws::rich;

/// Numbers that look random and are the same in every run (xorshift).
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(bound.max(1)).unwrap()).unwrap()
    }

    fn bytes(&mut self, most: usize) -> Vec<u8> {
        (0..self.below(most)).map(|_| u8::try_from(self.below(256)).unwrap()).collect()
    }

    /// Words of the format with noise between them, which reach deeper than noise alone.
    fn spoken(&mut self, words: &[&[u8]]) -> Vec<u8> {
        let mut text = Vec::new();
        for _ in 0..self.below(60) {
            let noise = self.bytes(6);
            let part = if self.below(4) == 0 { &noise[..] } else { words[self.below(words.len())] };
            text.extend_from_slice(part);
        }
        text
    }
}

/// Holds a report to what holds for every input: no fault inside, and every format can write it.
pub(crate) fn sound(report: &Report, what: &str) {
    let fault = report.inventory.gaps().find(|(_, gap)| gap.code == GapCode::Fault);
    assert!(fault.is_none(), "{what}: {fault:?}");
    for (format, bytes) in written(report, 80) {
        assert!(String::from_utf8(bytes).is_ok_and(|text| !text.is_empty()), "{what}: {format}");
    }
}

const STATUS: &[&[u8]] = &[
    b"Package: ",
    b"kesl",
    b"klnagent64",
    b"\nStatus: ",
    b"install ok installed",
    b"deinstall ok config-files",
    b"not-installed",
    b"\nVersion: 1",
    b"\nArchitecture: amd64",
    b"\nMaintainer: Kaspersky Lab",
    b"\nConffiles:\n /etc/x 1",
    b"\n",
    b"\n\n",
    b"\r\n",
    b" ",
    b"\t",
    b":",
    b"\0",
    b"\xff",
    b"/opt/kaspersky/kesl",
    b"\n.\n",
    b"#",
    b"-",
];
const UNIT: &[&[u8]] = &[
    b"[Service]",
    b"\n",
    b"[",
    b"]",
    b"ExecStart=",
    b"/opt/kaspersky/kesl/bin/kesl",
    b"\\",
    b"\\\n",
    b"\"",
    b"'",
    b";",
    b" ; ",
    b"%h",
    b"$X",
    b"@-:+!|",
    b"\\x41",
    b"\\u00e9",
    b"\\U0010ffff",
    b"\\777",
    b"\0",
    b"\r",
    b"\xef\xbb\xbf",
    b"=",
    b"User=",
    b"#",
    b"\xff",
    b"RootDirectory=/x",
    b"[Service]\nExecStart=/x\n",
];
const RELEASE: &[&[u8]] = &[
    b"ID=",
    b"debian",
    b"\"",
    b"'",
    b"\n",
    b"ID_LIKE=",
    b"fedora rhel",
    b"PRETTY_NAME=",
    b"\\",
    b"=",
    b"\xff",
    b"\0",
    b"#",
    b"VERSION_ID=",
    b"$(reboot)",
    b"\r\n",
];
const PASSWD: &[&[u8]] =
    &[b"root", b":", b"x", b"0", b"\n", b"::::::", b"/root", b"\xff", b"\0", b"99999999999999999999"];
const LIST: &[&[u8]] = &[
    b"{",
    b"}",
    b"[",
    b"]",
    b":",
    b",",
    b"\"",
    b"\"kind\"",
    b"\"package\"",
    b"\"name\"",
    b"\"kesl\"",
    b"\n",
    b"\\u0000",
    b"\\ud800",
    b"\"schema\"",
    b"\"interdict.inventory/1\"",
    b"\"coverage\"",
    b"1e999",
    b"-0",
    b"null",
    b"\xff",
    b"\"items\"",
    b"{\"kind\":\"package\",\"name\":\"kesl\"}\n",
    b"{\"schema\":\"interdict.inventory/1\"}\n",
    b"\"ids\"",
    b"{}",
];

#[test]
fn any_bytes_in_the_files_of_a_root_end_without_a_panic() {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let root = rich();
    let good = [
        ("var/lib/dpkg/status", STATUS),
        ("var/lib/dpkg/updates/0001", STATUS),
        ("var/lib/dpkg/info/kesl.list", STATUS),
        ("usr/lib/systemd/system/kesl.service", UNIT),
        ("etc/systemd/system/kesl.service.d/x.conf", UNIT),
        ("etc/os-release", RELEASE),
        ("etc/hostname", RELEASE),
        ("etc/passwd", PASSWD),
        ("var/lib/rpm/rpmdb.sqlite", STATUS),
    ];
    for round in 0..200 {
        let (path, words) = good[random.below(good.len())];
        let before = std::fs::read(root.at(path)).ok();
        let bytes = if round % 2 == 0 { random.bytes(400) } else { random.spoken(words) };
        root.write(path, &bytes);
        sound(&judged_root(root.0.path()), &format!("round {round}: {path} = {bytes:?}"));
        match before {
            Some(before) => root.write(path, before),
            None => std::fs::remove_file(root.at(path)).unwrap(),
        }
    }
}

#[test]
fn any_bytes_as_a_saved_inventory_end_without_a_panic() {
    let mut random = Random(0x2545_f491_4f6c_dd1d);
    let root = Root::new();
    for round in 0..300 {
        let mut bytes = if round % 3 == 0 { random.bytes(400) } else { random.spoken(LIST) };
        if round % 5 == 0 {
            bytes = crate::saved::packed(&bytes);
        }
        root.write("list", &bytes);
        // What is no inventory at all may stop the run.
        if let Ok(target) = Target::saved(&root.at("list")) {
            sound(&judged(&target), &format!("round {round}: {bytes:?}"));
        }
    }
}

/// Cuts, flips a bit, repeats, moves or zeroes a part of a file.
pub(crate) fn mutate(random: &mut Random, bytes: &[u8]) -> Vec<u8> {
    let mut changed = bytes.to_vec();
    let (at, length) = (random.below(bytes.len()), random.below(200));
    let end = (at + length).min(bytes.len());
    match random.below(6) {
        0 => changed.truncate(at),
        1 if !changed.is_empty() => changed[at] ^= 1 << random.below(8),
        2 => drop(changed.drain(at..end)),
        3 => changed.extend_from_slice(&bytes[at..end]),
        4 => {
            let part: Vec<u8> = changed.drain(at..end).collect();
            let to = random.below(changed.len() + 1);
            changed.splice(to..to, part);
        }
        _ => changed[at..end].fill(0),
    }
    changed
}

/// The packages that a report knows.
fn packages(report: &Report) -> BTreeSet<String> {
    let names =
        report.inventory.items.iter().filter(|i| i.source.raw() == "dpkg").map(|i| i.name.raw().to_owned());
    names.collect()
}

/// Law 1: a record that a mutation took out of `status` leaves its list behind, and so is missed.
#[test]
fn three_hundred_mutations_of_a_root_never_panic_and_lose_no_package_silently() {
    let mut random = Random(0xd1b5_4a32_d192_ed03);
    let root = Root::debian();
    for n in 0..30 {
        root.package(
            &format!("lib{n}"),
            "1.2-3",
            "Jane Doe <jane@example.org>",
            &[&format!("/usr/lib/lib{n}.so")],
        );
    }
    root.package("kesl", "12.1.0-1297", "Kaspersky Lab", &["/opt/kaspersky/kesl/bin/kesl"]);
    root.write("usr/lib/systemd/system/kesl.service", "[Service]\nExecStart=/opt/kaspersky/kesl/bin/kesl\n");
    root.write("etc/systemd/system/kesl.service.d/a.conf", "[Service]\nUser=kesl\n");
    let whole = packages(&judged_root(root.0.path()));
    assert_eq!(whole.len(), 33);
    let files = [
        "var/lib/dpkg/status",
        "var/lib/dpkg/status",
        "var/lib/dpkg/info/kesl.list",
        "usr/lib/systemd/system/kesl.service",
        "etc/systemd/system/kesl.service.d/a.conf",
        "etc/os-release",
    ];
    let started = Instant::now();
    let mut lost = 0;
    for round in 0..300 {
        let path = files[round % files.len()];
        let before = std::fs::read(root.at(path)).unwrap();
        let after = mutate(&mut random, &before);
        root.write(path, &after);
        let report = judged_root(root.0.path());
        sound(&report, &format!("round {round} of {path}"));
        let known = packages(&report);
        if !whole.is_subset(&known) {
            lost += 1;
            let missed: Vec<&String> = whole.difference(&known).collect();
            assert!(report.inventory.is_incomplete(), "round {round} of {path} lost {missed:?} silently");
        }
        root.write(path, before);
    }
    assert!(lost > 20, "only {lost} mutations took a package away");
    // Each round writes every format.
    assert!(started.elapsed() < Duration::from_mins(2), "{:?}", started.elapsed());
}

/// dpkg refuses two fields of one name in a record; here the second package is lost with the line that parted them.
#[test]
fn two_records_run_together_are_damage() {
    let root = Root::debian();
    root.write(
        "var/lib/dpkg/status",
        "Package: bash\nStatus: install ok installed\nVersion: 5\nPackage: klnagent64\nStatus: install ok installed\nVersion: 15\n\n",
    );
    std::fs::remove_dir_all(root.at("var/lib/dpkg/info")).unwrap();
    let (code, report) = scan(&root.target(), &[]);
    assert!(matches!(code, 1 | 3), "{}", report["coverage"]);
}

/// In `status` a package of one architecture stands once; the second would take the first away.
#[test]
fn two_records_of_one_package_are_damage() {
    let root = Root::debian();
    std::fs::remove_dir_all(root.at("var/lib/dpkg/info")).unwrap();
    for status in ["install ok installed", "deinstall ok not-installed"] {
        root.append("var/lib/dpkg/status", &format!("Package: klnagent64\nStatus: {status}\nVersion: 1\n\n"));
    }
    let (code, report) = scan(&root.target(), &[]);
    assert!(matches!(code, 1 | 3), "{}", report["coverage"]);
}

/// What a damaged unit starts is not known if the damaged line is the one that says it.
#[test]
fn a_unit_that_lost_its_command_to_damage_is_incomplete() {
    for line in ["ExecStart /opt/kaspersky/kesl/bin/kesl", "=/opt/kaspersky/kesl/bin/kesl"] {
        let root = Root::debian();
        root.write("usr/lib/systemd/system/av.service", format!("[Service]\n{line}\n"));
        let (code, report) = scan(&root.target(), &[]);
        assert_eq!(code, 3, "{line}: {}", report["coverage"]);
    }
}

/// `updates` holds what is newer than `status`, and never all.
#[test]
fn a_database_without_its_status_file_is_incomplete() {
    for leftover in ["updates/0001", "status.d/bash"] {
        let root = Root::debian();
        for gone in ["status", "info"] {
            let path = root.at("var/lib/dpkg").join(gone);
            if path.is_dir() { std::fs::remove_dir_all(path) } else { std::fs::remove_file(path) }.unwrap();
        }
        // What makes it a dpkg that is used, and no image that never had one.
        let witness =
            if leftover.starts_with("updates") { "var/lib/dpkg/status-old" } else { "usr/bin/dpkg" };
        root.write(witness, "Package: kesl\nStatus: install ok installed\nVersion: 1\n\n");
        root.write(
            &format!("var/lib/dpkg/{leftover}"),
            "Package: bash\nStatus: install ok installed\nVersion: 5\n\n",
        );
        let (code, report) = scan(&root.target(), &[]);
        assert_eq!(code, 3, "{leftover}: {}", report["coverage"]);
    }
}

#[test]
fn a_user_file_of_garbage_does_not_stop_a_scan_of_this_machine() {
    // The live source reads passwd through the same door; its parser is held by a root that has one.
    let root = Root::debian();
    let mut random = Random(7);
    for _ in 0..50 {
        root.write("etc/passwd", random.spoken(PASSWD));
        assert_eq!(judged_root(root.0.path()).verdict.exit_code(), 0);
    }
    assert!(matches!(run(["scan"]).code, 0 | 1 | 3 | 4));
}

#[test]
fn what_stands_in_the_place_of_a_file_is_told() {
    let put = |what: &str, path: &Path| match what {
        "a folder" => std::fs::create_dir(path).unwrap(),
        "a pipe" => assert!(Command::new("mkfifo").arg(path).status().unwrap().success()),
        _ => drop(UnixListener::bind(path).unwrap()),
    };
    for what in ["a folder", "a pipe", "a socket"] {
        for place in ["var/lib/dpkg/status", "var/lib/rpm/rpmdb.sqlite", "usr/lib/systemd/system/x.service"] {
            let root = Root::debian();
            let path = root.at(place);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::remove_file(&path).unwrap_or(());
            put(what, &path);
            let started = Instant::now();
            let (code, report) = scan(&root.target(), &[]);
            assert!(started.elapsed() < Duration::from_secs(10), "{what} at {place}");
            // No unit can be hidden in it, but a database is missing where it stands.
            assert!(code == 3 || place.ends_with(".service"), "{what} at {place}: {}", report["coverage"]);
            let gaps =
                report["coverage"].as_array().unwrap().iter().flat_map(|r| r["gaps"].as_array().unwrap());
            let place = format!("/{place}");
            assert!(gaps.into_iter().any(|g| g["place"] == place.as_str()), "{what} at {place} is not told");
        }
    }
}
