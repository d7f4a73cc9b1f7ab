//! What a scan costs beside `find` over the same tree, in the same run, and how much memory it takes (`cargo bench`).
//!
//! The budgets are DESIGN's: a `standard` scan of a root with 100,000 files takes at most twice as long as
//! `find ROOT -xdev`, a `full` one at most three times, and neither more than 64 MiB. The shortest of several runs in
//! turn is compared, because what else a machine does only makes a run longer.
#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::panic,
    missing_docs,
    reason = "a benchmark lays out files, prints what it measured and fails by panicking"
)]

use std::fs;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const FILES: usize = 100_000;
/// Of so many files in each of the places, one is a program.
const PROGRAMS: usize = 40;
/// A scan keeps two processors busy, which are both free only now and then where much else runs.
const RUNS: usize = 15;
/// Bytes a scan may take at its peak.
const MEMORY: u64 = 64 << 20;

/// A root of a Debian with packages and files: most below `/usr`, some where a standard scan looks.
fn root() -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    let write = |path: &str, bytes: &[u8]| {
        let path = root.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        path
    };
    write("etc/os-release", b"ID=debian\n");
    write("etc/passwd", b"root:x:0:0::/root:/bin/sh\nann:x:1:1::/home/ann:/bin/sh\n");
    let packages = 0..1000;
    let status = packages.clone().map(|package| {
        format!(
            "Package: package{package}\nStatus: install ok installed\nArchitecture: all\nVersion: 1.{package}\n\
             Maintainer: M <m@example.org>\nDescription: one of many\n\n"
        )
    });
    write("var/lib/dpkg/status", status.collect::<String>().as_bytes());
    for package in packages {
        let files = (0..70).map(|n| format!("/usr/lib/package{package}/{}/file{n}\n", n % 4));
        let list = format!("var/lib/dpkg/info/package{package}.list");
        write(&list, files.collect::<String>().as_bytes());
    }
    let places =
        [("usr/lib/package", 700), ("home/ann/project", 200), ("opt/vendor/part", 50), ("srv/data", 50)];
    for (place, share) in places {
        for number in 0..FILES * share / 1000 {
            let folder = format!("{place}{}/{}", number / 70, number % 4);
            let is_program = number % PROGRAMS == 0;
            let bytes: &[u8] = if is_program { b"#!/bin/sh\n" } else { b"some text\n" };
            let path = write(&format!("{folder}/file{number}"), bytes);
            if is_program {
                fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
            }
        }
    }
    root
}

fn timed(mut command: Command) -> Duration {
    let start = Instant::now();
    let status = command.stdout(Stdio::null()).status().unwrap();
    assert!(status.code().is_some(), "{command:?}: {status}");
    start.elapsed()
}

fn scan(root: &Path, depth: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_interdict"));
    command.args(["scan", "--depth", depth, "-o", "json"]).arg(format!("dir:{}", root.display()));
    command
}

/// The most memory that a scan has taken when it writes its report, in bytes (`VmHWM` of `proc_pid_status(5)`).
fn peak(root: &Path, depth: &str) -> u64 {
    let mut child = scan(root, depth).stdout(Stdio::piped()).spawn().unwrap();
    let mut out = child.stdout.take().unwrap();
    let mut first = [0];
    out.read_exact(&mut first).unwrap();
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    std::io::copy(&mut out, &mut std::io::sink()).unwrap();
    child.wait().unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.split_whitespace().next().unwrap().parse::<u64>().unwrap() * 1024
}

fn main() {
    let root = root();
    let find = || {
        let mut command = Command::new("find");
        command.arg(root.path()).arg("-xdev");
        command
    };
    let mut least = [Duration::MAX; 3];
    for _ in 0..RUNS {
        for (least, command) in
            least.iter_mut().zip([find(), scan(root.path(), "standard"), scan(root.path(), "full")])
        {
            *least = timed(command).min(*least);
        }
    }
    let [find, standard, full] = least;
    println!("find ROOT -xdev, {FILES} files: {:.3} s", find.as_secs_f64());
    let mut over = Vec::new();
    for (depth, took, budget) in [("standard", standard, 2.0), ("full", full, 3.0)] {
        let ratio = took.as_secs_f64() / find.as_secs_f64();
        let memory = peak(root.path(), depth);
        println!(
            "scan --depth {depth}: {:.3} s, {ratio:.2} times find (budget {budget}), at most {} MiB (budget {})",
            took.as_secs_f64(),
            memory >> 20,
            MEMORY >> 20
        );
        if ratio > budget || memory > MEMORY {
            over.push(depth);
        }
    }
    assert!(over.is_empty(), "over budget: {over:?}");
}
