//! Things that are too large, too deep or too many (laws 3 and 4): the scan ends soon, within its memory, and says
//! what it did not read.

use std::fs::{self, File};
use std::process::Command;
use std::time::{Duration, Instant};

use interdict::inventory::GapCode;
use interdict::report::Report;
use interdict::target::Target;
use serde_json::json;

use crate::lab::{Root, finish, judged, judged_root, written};

/// Runs what should end soon; a debug build on a busy machine is given many times what it needs.
fn soon<T>(what: &str, run: impl FnOnce() -> T) -> T {
    within_seconds(15, what, run)
}

fn within_seconds<T>(seconds: u64, what: &str, run: impl FnOnce() -> T) -> T {
    let started = Instant::now();
    let result = run();
    assert!(started.elapsed() < Duration::from_secs(seconds), "{what}: {:?}", started.elapsed());
    result
}

fn has(report: &Report, code: GapCode) -> bool {
    report.inventory.gaps().any(|(_, gap)| gap.code == code && gap.blocks)
}

/// Runs a scan that may not take more memory than so many MiB, and gives its exit code.
fn within_memory(mib: usize, target: &str) -> i32 {
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!("ulimit -d {}; exec \"$0\" \"$@\"", mib << 10)]);
    shell.args([env!("CARGO_BIN_EXE_interdict"), "scan", target, "-o", "json"]).env_clear();
    finish(&mut shell).code
}

#[test]
fn twenty_thousand_units_are_read() {
    let root = Root::debian();
    root.write("usr/lib/systemd/system/a0.service", "[Service]\nExecStart=/bin/bash\n");
    for n in 1..20_000 {
        // Names of one file cost the scan as much as files, and this test less.
        fs::hard_link(
            root.at("usr/lib/systemd/system/a0.service"),
            root.at(&format!("usr/lib/systemd/system/a{n}.service")),
        )
        .unwrap();
    }
    let report = soon("20000 units", || judged_root(root.0.path()));
    assert_eq!(report.inventory.coverage.iter().find(|r| r.source.raw() == "systemd").unwrap().items, 20_000);
}

#[test]
fn ten_thousand_packages_of_pacman_are_read() {
    let root = Root::debian();
    root.write("etc/os-release", "ID=arch\n");
    let files: Vec<_> = (0..100).map(|n| format!("usr/share/doc/{n}\n")).collect();
    for n in 0..10_000 {
        let folder = format!("var/lib/pacman/local/p{n}-1-1");
        root.write(&format!("{folder}/desc"), format!("%NAME%\np{n}\n\n%VERSION%\n1-1\n\n"));
        root.write(&format!("{folder}/files"), format!("%FILES%\n{}\n", files.concat()));
    }
    let report = soon("10000 packages", || judged_root(root.0.path()));
    let row = report.inventory.coverage.iter().find(|r| r.source.raw() == "pacman").unwrap();
    assert_eq!((row.items, row.gaps.len()), (10_000, 0));
}

#[test]
fn a_line_of_64_megabytes_is_damage() {
    let root = Root::debian();
    for start in ["", "Package: ", "Package: x\nDescription: ", "Package: x\n "] {
        root.write("var/lib/dpkg/status", [start.as_bytes(), &vec![b'x'; 64 << 20]].concat());
        let report = soon(start, || judged_root(root.0.path()));
        assert!(has(&report, GapCode::Damaged) || has(&report, GapCode::Truncated), "{start}");
        assert!(report.inventory.is_incomplete());
    }
}

#[test]
fn a_status_file_of_nothing_but_zeros_is_damage() {
    let root = Root::debian();
    root.write("var/lib/dpkg/status", vec![0; 200_000]);
    let report = soon("zeros", || judged_root(root.0.path()));
    assert!(has(&report, GapCode::Damaged));
}

#[test]
fn a_file_of_a_terabyte_is_too_large_at_once() {
    for place in [
        "var/lib/dpkg/status",
        "var/lib/dpkg/info/bash.list",
        "var/lib/rpm/rpmdb.sqlite",
        "usr/lib/systemd/system/x.service",
    ] {
        let root = Root::debian();
        root.write(place, "");
        File::options().write(true).open(root.at(place)).unwrap().set_len(1 << 40).unwrap();
        let report = soon(place, || judged_root(root.0.path()));
        assert!(has(&report, GapCode::TooLarge), "{place}: {:?}", report.inventory.coverage);
    }
}

/// The first line of such a file is a name, and no name is so long.
#[test]
fn what_names_the_machine_is_read_no_further_than_a_name_goes() {
    for place in ["etc/os-release", "etc/hostname", "etc/machine-id"] {
        let root = Root::debian();
        root.write(place, "");
        File::options().write(true).open(root.at(place)).unwrap().set_len(32 << 20).unwrap();
        let report = within_seconds(4, place, || judged_root(root.0.path()));
        let host = report.inventory.host;
        let longest = [host.name, host.id, host.os].into_iter().flatten().map(|t| t.raw().len()).max();
        assert!(longest.is_none_or(|l| l < 4096), "{place}: {longest:?}");
    }
}

#[test]
fn a_chain_of_three_thousand_folders_ends() {
    let root = Root::debian();
    // A path of so many folders cannot be named at once, so it is made from its inside outwards.
    let (chain, next) = (root.at("chain"), root.at("next"));
    fs::create_dir(&chain).unwrap();
    for _ in 0..3000 {
        fs::create_dir(&next).unwrap();
        fs::rename(&chain, next.join("d")).unwrap();
        fs::rename(&next, &chain).unwrap();
    }
    for place in ["opt", "usr/lib/systemd/system/x.service.d", "etc/systemd/system/multi-user.target.wants"] {
        fs::create_dir_all(root.at(place).parent().unwrap()).unwrap();
        fs::rename(&chain, root.at(place)).unwrap();
        soon(place, || judged_root(root.0.path()));
        fs::rename(root.at(place), &chain).unwrap();
    }
}

#[test]
fn a_hundred_thousand_links_in_a_row_are_a_circle() {
    let root = Root::debian();
    fs::create_dir(root.at("links")).unwrap();
    for n in 0..100_000 {
        std::os::unix::fs::symlink(format!("/links/{}", n + 1), root.at(&format!("links/{n}"))).unwrap();
    }
    fs::rename(root.at("var/lib/dpkg/status"), root.at("links/100000")).unwrap();
    std::os::unix::fs::symlink("/links/0", root.at("var/lib/dpkg/status")).unwrap();
    let report = soon("links", || judged_root(root.0.path()));
    assert!(has(&report, GapCode::LinkLoop), "{:?}", report.inventory.coverage);
    // As many as Linux follows are followed.
    let ok = Root::debian();
    fs::rename(ok.at("var/lib/dpkg/status"), ok.at("39")).unwrap();
    for n in 0..39 {
        std::os::unix::fs::symlink(format!("/{}", n + 1), ok.at(&n.to_string())).unwrap();
    }
    std::os::unix::fs::symlink("/0", ok.at("var/lib/dpkg/status")).unwrap();
    assert!(!judged_root(ok.0.path()).inventory.is_incomplete());
}

/// A path is looked up by each of its folders; that must not cost the square of its length.
#[test]
fn a_path_of_many_folders_ends() {
    let root = Root::debian();
    root.package("deep", "1", "Jane Doe", &[]);
    root.write("var/lib/dpkg/info/deep.list", format!("/.\n/opt/{}\n", "a/".repeat(40_000)));
    within_seconds(4, "a path of 80 kB", || judged_root(root.0.path()));
}

/// Each path of an item may match; that must not cost the square of their number.
#[test]
fn an_item_of_many_paths_ends() {
    let root = Root::debian();
    let starts: Vec<String> = (0..20_000).map(|n| format!("ExecStart=/opt/kaspersky/kesl/{n}")).collect();
    root.write("usr/lib/systemd/system/many.service", format!("[Service]\n{}\n", starts.join("\n")));
    let report = within_seconds(4, "20000 paths", || judged_root(root.0.path()));
    assert!(!report.findings.is_empty());
}

/// Words are broken over lines; that must not cost the square of their length.
#[test]
fn a_long_name_is_written_soon() {
    let root = Root::new();
    let long = "x".repeat(24 << 10);
    let header = json!({"schema": "interdict.inventory/1", "coverage": [{"source": "dpkg", "state": "partial", "items": 1,
        "gaps": [{"place": long, "reason": long, "code": "damaged", "blocks": true}]}]});
    let item = json!({"kind": "package", "name": format!("kaspersky{long}"), "publisher": "Kaspersky Lab",
        "version": long, "source": "dpkg", "place": long, "paths": [long]});
    root.write("list", format!("{header}\n{item}\n"));
    let report = judged(&Target::saved(&root.at("list")).unwrap());
    within_seconds(4, "long names", || written(&report, 80));
}

/// Rows of coverage are held against items; that must not cost the product of both.
#[test]
fn a_header_of_many_rows_ends() {
    let root = Root::new();
    let rows: Vec<_> = (0..15_000).map(|n| json!({"source": format!("s{n}"), "state": "absent"})).collect();
    let header = json!({"schema": "interdict.inventory/1", "coverage": rows});
    let items = "{\"kind\":\"file\",\"name\":\"x\"}\n".repeat(20_000);
    root.write("list", format!("{header}\n{items}"));
    within_seconds(4, "many rows", || judged(&Target::saved(&root.at("list")).unwrap()));
}

/// What is kept of a damaged database is bounded while it is read, not after.
#[test]
fn a_database_of_damage_alone_does_not_fill_the_memory() {
    let root = Root::debian();
    root.write("var/lib/dpkg/status", "x\n\n".repeat(1 << 19));
    assert_eq!(within_memory(200, &root.target()), 3, "1.5 MB of damage took more than 200 MB");
}

/// A packed file of a few kilobytes that becomes megabytes, and could be made to become gigabytes.
#[test]
fn a_packed_bomb_does_not_fill_the_memory() {
    let root = Root::new();
    for (start, part) in [
        ("{\n\"x\":[0", ",1"),
        ("{\"schema\":\"interdict.report/1\",\"x\":[0", ",1"),
        ("{\"kind\":\"file\",\"name\":\"", "xx"),
    ] {
        let text = format!("{start}{}", part.repeat(4 << 20));
        root.write("list.gz", crate::saved::packed(text.as_bytes()));
        let code = within_memory(200, &format!("inventory:{}", root.at("list.gz").display()));
        assert!(matches!(code, 2 | 3), "8 MB of {part} after {start} took more than 200 MB: {code}");
    }
}
