//! Faults in a package database that must not pass in silence.
//!
//! Each is tried on a Debian root of a dozen packages. The scan ends soon, shows no package that is not the root's, and
//! is clean only where it could see all: what it could not see is a gap that blocks, and its exit code is 3.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

use crate::lab::{Root, finish_soon, has, interdict, is_root};

/// Packages of the root.
const COUNT: u64 = 12;
const STATUS: &str = "var/lib/dpkg/status";

fn root() -> Root {
    let root = Root::debian();
    for number in 2..COUNT {
        let name = format!("package-{number}");
        root.package(&name, "1.0-1", "Jane Doe <jane@example.org>", &[&format!("/usr/bin/{name}")]);
    }
    root
}

/// The bytes that a fault starts from, and the root without its status file.
fn without_status() -> (Root, Vec<u8>) {
    let root = root();
    let status = fs::read(root.at(STATUS)).unwrap();
    fs::remove_file(root.at(STATUS)).unwrap();
    (root, status)
}

/// Bytes that look like chance and are the same in every run.
fn garbage(length: usize) -> Vec<u8> {
    let mut state: u64 = 20_171_212;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state.to_le_bytes()[6]
    };
    (0..length).map(|_| next()).collect()
}

/// Scans with a command that begins as given, and holds the answer against what is true of every scan.
fn judge(mut command: Command, root: &Root, code: i32) -> u64 {
    let run = finish_soon(command.args(["scan", &root.target(), "-o", "json"]));
    let report = run.json();
    let rows = report["coverage"].as_array().unwrap();
    let gaps = rows.iter().flat_map(|row| row["gaps"].as_array().unwrap());
    let blocking = gaps.filter(|gap| gap["blocks"] == true).count();
    assert_eq!(run.code, code, "{rows:#?}");
    assert_eq!(blocking > 0, run.code == 3, "{rows:#?}");
    let packages = rows.iter().find(|row| row["source"] == "dpkg").unwrap()["items"].as_u64().unwrap();
    assert!(packages <= COUNT, "{packages}");
    packages
}

/// As [`judge`], and the packages that were seen must be all.
fn clean(root: &Root) {
    assert_eq!(judge(interdict(), root, 0), COUNT);
}

fn incomplete(root: &Root) {
    judge(interdict(), root, 3);
}

#[test]
fn nothing_is_wrong() {
    clean(&root());
}

#[test]
fn cut_in_half() {
    let (root, status) = without_status();
    root.write(STATUS, &status[..status.len() / 2]);
    incomplete(&root);
}

/// Where a file is cut may be the end of a record, so that only the lists of files still know of the others.
#[test]
fn cut_between_records() {
    let (root, status) = without_status();
    let cut = status.windows(2).position(|two| two == b"\n\n").unwrap() + 2;
    root.write(STATUS, &status[..cut]);
    incomplete(&root);
}

#[test]
fn garbage_in_the_middle() {
    let (root, status) = without_status();
    let (head, tail) = status.split_at(status.len() / 2);
    root.write(STATUS, [head, &garbage(4096), tail].concat());
    incomplete(&root);
}

#[test]
fn all_garbage() {
    let (root, status) = without_status();
    root.write(STATUS, garbage(status.len()));
    incomplete(&root);
}

#[test]
fn empty() {
    let (root, _) = without_status();
    root.write(STATUS, "");
    incomplete(&root);
}

#[test]
fn missing() {
    incomplete(&without_status().0);
}

/// Scans as a user who may do nothing, with a copy of the program that this user may run.
fn refused(path: &str, mode: u32) {
    if !(has("setpriv") && is_root()) {
        return;
    }
    let root = root();
    let open = |path| fs::set_permissions(path, Permissions::from_mode(0o755)).unwrap();
    let program = tempfile::tempdir().unwrap();
    let copy = program.path().join("interdict");
    // Copied by another process: what this one writes cannot be run while a thread of it starts a program.
    assert!(Command::new("cp").arg(env!("CARGO_BIN_EXE_interdict")).arg(&copy).status().unwrap().success());
    open(program.path());
    open(&copy);
    open(root.0.path());
    let command = || {
        let mut command = Command::new("setpriv");
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(&copy).stdin(Stdio::null());
        command
    };
    assert_eq!(judge(command(), &root, 0), COUNT);
    fs::set_permissions(root.at(path), Permissions::from_mode(mode)).unwrap();
    judge(command(), &root, 3);
}

#[test]
fn the_folder_may_not_be_read() {
    refused("var/lib/dpkg", 0o700);
}

#[test]
fn the_file_may_not_be_read() {
    refused(STATUS, 0o600);
}

#[test]
fn a_list_of_files_may_not_be_read() {
    refused("var/lib/dpkg/info/bash.list", 0o600);
}

#[test]
fn a_pipe() {
    let (root, _) = without_status();
    root.fifo(STATUS);
    incomplete(&root);
}

#[test]
fn a_folder() {
    let (root, _) = without_status();
    fs::create_dir(root.at(STATUS)).unwrap();
    incomplete(&root);
}

#[test]
fn an_absolute_link_to_itself() {
    let (root, _) = without_status();
    root.link(STATUS, "/var/lib/dpkg/status");
    incomplete(&root);
}

#[test]
fn a_link_out_of_the_root() {
    let (root, _) = without_status();
    root.link(STATUS, "../../../../../../../../../../../../etc/hostname");
    incomplete(&root);
}

/// What would be read outside is a database that is whole: it is still not the root's.
#[test]
fn a_link_to_a_database_out_of_the_root() {
    let (root, status) = without_status();
    let outside = tempfile::NamedTempFile::new().unwrap();
    fs::write(outside.path(), status).unwrap();
    root.link(STATUS, outside.path());
    assert_eq!(judge(interdict(), &root, 3), 0);
}

#[test]
fn links_in_circles_and_pipes_elsewhere() {
    let root = root();
    root.link("opt/a", "b");
    root.link("opt/b", "a");
    root.link("opt/self", "/");
    root.fifo("opt/pipe");
    clean(&root);
}

#[test]
fn a_database_behind_an_absolute_link() {
    let root = root();
    fs::create_dir_all(root.at("usr/lib/sysimage")).unwrap();
    fs::rename(root.at("var/lib/dpkg"), root.at("usr/lib/sysimage/dpkg")).unwrap();
    root.link("var/lib/dpkg", "/usr/lib/sysimage/dpkg");
    clean(&root);
}

#[test]
fn an_empty_rpm_database_beside_it() {
    let root = root();
    root.write("usr/lib/sysimage/rpm/rpmdb.sqlite", "");
    incomplete(&root);
}

#[test]
fn a_garbage_rpm_database_beside_it() {
    let root = root();
    root.write("usr/lib/sysimage/rpm/rpmdb.sqlite", garbage(8192));
    incomplete(&root);
}
