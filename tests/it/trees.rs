//! File trees that are too deep, too full, sparse or changing (law 3): a walk ends, stays inside, and says what it left
//! out.

use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use interdict::inventory::{Coverage, GapCode};
use interdict::report::Report;

use crate::lab::{Root, finish_soon, interdict, is_slow, judged_root, scan, written};

fn row(report: &Report) -> &Coverage {
    report.inventory.coverage.iter().find(|row| row.source.raw() == "programs").unwrap()
}

fn program(root: &Root, path: &str, bytes: impl AsRef<[u8]>) {
    root.write(path, bytes);
    fs::set_permissions(root.at(path), fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn ten_thousand_folders_in_each_other_are_a_gap() {
    let root = Root::debian();
    program(&root, "opt/v/run", "#!/bin/sh\n");
    // A path of so many folders cannot be named at once, so it is made from its inside outwards.
    let (chain, next) = (root.at("chain"), root.at("next"));
    fs::create_dir(&chain).unwrap();
    for _ in 0..10_000 {
        fs::create_dir(&next).unwrap();
        fs::rename(&chain, next.join("d")).unwrap();
        fs::rename(&next, &chain).unwrap();
    }
    fs::rename(&chain, root.at("opt/v/d")).unwrap();
    let run = finish_soon(interdict().args(["scan", &root.target(), "-o", "json"]));
    let report = run.json();
    let row = report["coverage"].as_array().unwrap().iter().find(|row| row["source"] == "programs").unwrap();
    assert_eq!((run.code, &row["state"], &row["items"]), (3, &"partial".into(), &1.into()), "{row:#}");
    assert_eq!(row["gaps"][0]["code"], "too-many", "{row:#}");
    // Removed in one go, which a path of such a length could not be.
    assert!(std::process::Command::new("rm").arg("-r").arg(root.at("opt")).status().unwrap().success());
}

#[test]
fn a_million_files_in_one_folder_are_walked() {
    if !is_slow("a million files") {
        return;
    }
    let root = Root::debian();
    program(&root, "opt/v/run", "#!/bin/sh\n");
    for number in 0..1_000_000 {
        File::create(root.at(&format!("opt/v/{number}"))).unwrap();
    }
    let started = Instant::now();
    let report = judged_root(root.0.path());
    eprintln!("a million files in one folder: {:?}", started.elapsed());
    assert!(started.elapsed() < Duration::from_mins(1));
    assert_eq!((row(&report).items, row(&report).gaps.len()), (1, 0));
}

#[test]
fn of_a_program_of_a_terabyte_only_the_beginning_is_read() {
    let root = Root::debian();
    program(&root, "opt/v/run", "#!/bin/sh\n");
    File::options().write(true).open(root.at("opt/v/run")).unwrap().set_len(1 << 40).unwrap();
    let started = Instant::now();
    let report = judged_root(root.0.path());
    assert!(started.elapsed() < Duration::from_secs(10));
    assert_eq!((row(&report).items, row(&report).gaps.len()), (1, 0));
}

/// A vendor's folder that is a link elsewhere is the vendor's, at each depth and whatever else leads there.
#[test]
fn a_vendors_folder_behind_a_link_is_found() {
    let root = Root::debian();
    program(&root, "data/k/bin/run", "#!/bin/sh\n");
    root.link("opt/a", "/data/k");
    root.link("opt/kaspersky", "../data/k");
    for depth in ["standard", "full"] {
        let (code, report) = scan(&root.target(), &["--depth", depth]);
        assert_eq!((code, &report["findings"][0]["state"]), (1, &"present".into()), "{depth}: {report:#}");
    }
}

/// A program of a flagged name is to be reviewed, wherever it lies.
#[test]
fn a_program_of_the_name_alone_is_to_be_reviewed() {
    let root = Root::debian();
    program(&root, "opt/.hidden/x/kesl", "\x7fELF");
    assert_eq!(scan(&root.target(), &[]).0, 4);
}

/// What comes and goes is there or not; it is neither a gap nor an end of the scan.
#[test]
fn a_tree_that_changes_while_it_is_walked_is_walked_to_its_end() {
    let root = Root::debian();
    program(&root, "opt/stays/run", "#!/bin/sh\n");
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut number = 0;
            while !done.load(Ordering::Relaxed) {
                number += 1;
                let folder = format!("opt/v{}", number % 50);
                program(&root, &format!("{folder}/a/b/run"), "#!/bin/sh\n");
                fs::rename(root.at(&folder), root.at(&format!("opt/w{}", number % 50))).ok();
                if number % 3 == 0 {
                    fs::remove_dir_all(root.at(&format!("opt/w{}", (number + 20) % 50))).ok();
                }
            }
        });
        for _ in 0..100 {
            let report = judged_root(root.0.path());
            let gaps = &row(&report).gaps;
            assert!(row(&report).items >= 1 && gaps.iter().all(|gap| !gap.blocks), "{gaps:?}");
            assert!(report.inventory.items.iter().any(|item| item.place.raw() == "/opt/stays/run"));
        }
        done.store(true, Ordering::Relaxed);
    });
}

#[test]
fn names_of_programs_are_shown_and_not_obeyed() {
    let root = Root::debian();
    let names: [&[u8]; 4] = [b"line\nbreak", b"\x1b[2Jescape", "bidi\u{202e}exe".as_bytes(), b"not\xffutf-8"];
    for name in names {
        let path = root.at("opt/v").join(std::ffi::OsStr::from_bytes(name));
        fs::create_dir_all(root.at("opt/v")).unwrap();
        fs::write(&path, "#!/bin/sh\n").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let report = judged_root(root.0.path());
    assert_eq!((row(&report).items, row(&report).gaps.len()), (4, 0));
    for (format, bytes) in written(&report, 80) {
        let text = String::from_utf8(bytes).unwrap();
        assert!(!text.contains(['\u{1b}', '\u{202e}']), "{format}");
    }
}

/// A file that may be executed and not read is a program of its name all the same.
#[test]
fn a_folder_of_another_user_is_a_gap() {
    let root = Root::debian();
    let Some(nobody) = crate::lab::Nobody::new(&root) else { return };
    program(&root, "opt/v/run", "#!/bin/sh\n");
    program(&root, "opt/v/secret", "\x7fELF");
    fs::set_permissions(root.at("opt/v/secret"), fs::Permissions::from_mode(0o711)).unwrap();
    program(&root, "opt/closed/run", "#!/bin/sh\n");
    fs::set_permissions(root.at("opt/closed"), fs::Permissions::from_mode(0o700)).unwrap();
    let run = crate::lab::finish(nobody.interdict().args(["inventory", &root.target(), "-o", "json"]));
    let inventory = run.json();
    let row =
        inventory["coverage"].as_array().unwrap().iter().find(|row| row["source"] == "programs").unwrap();
    assert_eq!(run.code, 3, "{row:#}");
    let gaps = row["gaps"].as_array().unwrap();
    assert!(gaps.iter().any(|g| g["place"] == "/opt/closed" && g["code"] == GapCode::Denied.word()));
    let names: Vec<_> = inventory["items"].as_array().unwrap().iter().map(|i| i["name"].clone()).collect();
    assert!(names.contains(&"secret".into()) && names.contains(&"run".into()), "{names:?}");
}
