//! Where reports are written: whole or not at all, and never at the cost of the verdict.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::lab::{Root, finish, finish_soon, has, interdict, run};

/// A folder with a list in which something is prohibited, and the target that it is.
fn prohibited() -> (Root, String) {
    let root = Root::new();
    let list = root.list(&[json!({"kind": "package", "name": "klnagent64"})]);
    (root, list)
}

/// The same in a list of some megabytes.
fn large() -> (Root, String) {
    let root = Root::new();
    let line = format!("{}\n", json!({"kind": "process", "name": "cat", "command": "x".repeat(4000)}));
    root.write(
        "list.ndjson",
        json!({"kind": "package", "name": "klnagent64"}).to_string() + "\n" + &line.repeat(3000),
    );
    let target = format!("inventory:{}", root.at("list.ndjson").display());
    (root, target)
}

fn nonblocking() -> i32 {
    i32::try_from(rustix::fs::OFlags::NONBLOCK.bits()).unwrap()
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn is_report(bytes: &[u8]) -> bool {
    serde_json::from_slice::<Value>(bytes)
        .is_ok_and(|r| r["schema"] == "interdict.report/1" && r["verdict"] == "prohibited")
}

/// The program as `"$0" "$@"` of a shell script.
fn sh(script: &str, args: &[&str]) -> Command {
    let mut command = Command::new("sh");
    command.arg("-c").arg(script).arg(interdict().get_program()).args(args);
    command
}

fn wait(mut child: Child) -> i32 {
    let start = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status.code().unwrap_or(-1);
        }
        if start.elapsed().as_secs() >= 10 {
            child.kill().unwrap();
            child.wait().unwrap();
            panic!("it hangs");
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn every_output_that_is_asked_for_is_written() {
    let (root, list) = prohibited();
    let file = |format: &str| format!("{format}={}", root.at(format).display());
    let run =
        run(["scan", &list, "-o", "table", "-o", &file("json"), "-o", &file("ndjson"), "-o", &file("table")]);
    assert_eq!((run.code, run.err.as_str()), (1, ""));
    assert!(run.out.contains("\nPROHIBITED\n"), "{}", run.out);
    assert!(is_report(&fs::read(root.at("json")).unwrap()));
    let line = fs::read_to_string(root.at("ndjson")).unwrap();
    assert!(is_report(line.as_bytes()) && line.lines().count() == 1);
    assert!(fs::read_to_string(root.at("table")).unwrap().contains("\nPROHIBITED\n"));
    assert_eq!(names(root.0.path()), ["json", "list.ndjson", "ndjson", "table"]);
}

#[test]
fn a_dash_is_standard_output() {
    let (root, list) = prohibited();
    let run = finish(interdict().current_dir(root.0.path()).args(["scan", &list, "-o", "json=-"]));
    assert!(run.code == 1 && is_report(run.out.as_bytes()), "{}", run.err);
    assert_eq!(names(root.0.path()), ["list.ndjson"]);
}

#[test]
fn a_file_is_replaced_as_a_whole_and_through_its_link() {
    let (root, list) = prohibited();
    root.write("kept/report", "x".repeat(1 << 20));
    root.link("link", "kept/report");
    assert_eq!(run(["scan", &list, "-o", &format!("json={}", root.at("link").display())]).code, 1);
    assert!(is_report(&fs::read(root.at("kept/report")).unwrap()));
    assert!(fs::symlink_metadata(root.at("link")).unwrap().is_symlink());
    assert_eq!(names(&root.at("kept")), ["report"]);
}

/// Law 8: what was there stays, until there is something whole to put in its place.
#[test]
fn a_run_that_fails_leaves_the_old_file() {
    let (root, list) = prohibited();
    root.write("out/old", "old");
    let [old, new] = ["old", "new"].map(|n| format!("json={}", root.at("out").join(n).display()));
    for args in [
        &["scan", "dir:/nonexistent/root"][..],
        &["scan", &list, "--rules", "/nonexistent/rules"],
        &["scan", &list, "-o", "table=/nonexistent/x"],
        &["scan", &list, "--under", "kvack"],
        &["inventory", "inventory:/nonexistent/list"],
    ] {
        let run = run(args.iter().copied().chain(["-o", &old, "-o", &new]));
        assert_eq!((run.code, run.out.as_str()), (2, ""), "{args:?}: {}", run.err);
        assert_eq!(fs::read(root.at("out/old")).unwrap(), b"old", "{args:?}");
        assert_eq!(names(&root.at("out")), ["old"], "{args:?}");
    }
}

/// The list is a pipe that stays open, so the scan waits for more of it.
#[test]
fn an_interrupted_scan_leaves_the_old_file() {
    if !has("mkfifo") {
        return;
    }
    let root = Root::new();
    root.write("out/old", "old");
    root.fifo("list");
    let pipe = root.at("list");
    let outputs = ["old", "new"].map(|n| format!("json={}", root.at("out").join(n).display()));
    let args = ["scan", &format!("inventory:{}", pipe.display()), "-o", &outputs[0], "-o", &outputs[1]];
    let child = interdict().args(args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    // A pipe that nobody reads yet cannot be opened so.
    let open = || fs::OpenOptions::new().write(true).custom_flags(nonblocking()).open(&pipe).ok();
    let start = Instant::now();
    let mut list = loop {
        match open() {
            Some(list) => break list,
            None => assert!(start.elapsed().as_secs() < 10, "the scan does not begin"),
        }
    };
    list.write_all(b"{\"kind\":\"package\",\"name\":\"bash\"}\n").unwrap();
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    assert_eq!(wait(child), 130);
    assert_eq!(fs::read(root.at("out/old")).unwrap(), b"old");
    assert_eq!(names(&root.at("out")), ["old"]);
}

/// The report is written in pieces beside its place; the interrupt comes after the first.
#[test]
fn an_interrupted_writer_leaves_nothing() {
    let (root, list) = large();
    root.write("out/old", "old");
    let output = format!("json={}", root.at("out/old").display());
    let mut child = interdict().args(["scan", &list, "-o", &output]).spawn().unwrap();
    let begun = || {
        let beside = names(&root.at("out")).into_iter().find(|n| n != "old");
        beside.is_some_and(|n| fs::metadata(root.at("out").join(n)).is_ok_and(|m| m.len() > 0))
    };
    while !begun() {
        if child.try_wait().unwrap().is_some() {
            eprintln!("skipped: the report was written before it could be interrupted");
            return;
        }
    }
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    assert_eq!(wait(child), 130);
    assert_eq!(fs::read(root.at("out/old")).unwrap(), b"old");
    assert_eq!(names(&root.at("out")), ["old"]);
}

#[test]
fn a_full_device_is_a_failure() {
    if !Path::new("/dev/full").exists() {
        eprintln!("skipped: there is no /dev/full");
        return;
    }
    let (root, list) = prohibited();
    let full = || fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    for args in [&["scan", &list, "-o", "json=/dev/full"][..], &["inventory", &list, "-o", "json=/dev/full"]]
    {
        let run = run(args);
        assert_eq!(run.code, 5, "{args:?}");
        assert!(run.err.contains("cannot finish writing /dev/full: No space left"), "{}", run.err);
    }
    for args in
        [&["scan", &list][..], &["scan", &list, "-o", "ndjson"], &["rules", "list"], &["sources", &list]]
    {
        let run = finish(interdict().args(args).stdout(full()));
        assert_eq!(run.code, 5, "{args:?}");
        assert!(run.err.contains("cannot finish writing standard output"), "{}", run.err);
    }
    // What was whole before the failure stays.
    let whole = format!("json={}", root.at("whole").display());
    assert_eq!(run(["scan", &list, "-o", &whole, "-o", "table=/dev/full"]).code, 5);
    assert!(is_report(&fs::read(root.at("whole")).unwrap()));
}

#[test]
fn a_device_and_a_pipe_are_written_to_as_they_are() {
    let (_root, list) = prohibited();
    assert_eq!(run(["scan", &list, "-o", "json=/dev/null"]).code, 1);
    let run = run(["scan", &list, "-o", "json=/dev/stdout"]);
    assert!(run.code == 1 && is_report(run.out.as_bytes()), "{}", run.err);
}

#[test]
fn a_named_pipe_is_written_to_as_it_is() {
    if !has("mkfifo") {
        return;
    }
    let (root, list) = large();
    root.fifo("pipe");
    let pipe = root.at("pipe");
    let output = format!("json={}", pipe.display());
    let child = interdict().args(["scan", &list, "-o", &output]).spawn().unwrap();
    let (send, receive) = std::sync::mpsc::channel();
    std::thread::spawn(move || send.send(fs::read(pipe)));
    // A reader that read to the end has the whole report and need not come back.
    let report = receive.recv_timeout(Duration::from_secs(10)).unwrap().unwrap();
    let code = wait(child);
    assert!(code == 1 && is_report(&report), "{code}, {} bytes", report.len());
    assert_eq!(names(root.0.path()), ["list.ndjson", "pipe"]);
}

/// A reader that takes one byte of megabytes, and goes.
#[test]
fn a_closed_pipe_keeps_the_exit_code() {
    let (_root, list) = large();
    for (args, code) in [
        (&["scan", &list, "-o", "json"][..], 1),
        (&["scan", &list, "-o", "ndjson"], 1),
        (&["inventory", &list, "-o", "json"], 0),
        (&["inventory", &list], 0),
    ] {
        let mut child = interdict().args(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut reader = child.stdout.take().unwrap();
        reader.read_exact(&mut [0]).unwrap();
        drop(reader);
        let mut said = String::new();
        child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        assert_eq!((wait(child), said.as_str()), (code, ""), "{args:?}");
    }
}

/// A pipe that nobody reads any more is no failure, of the help neither.
#[test]
fn a_pipe_that_is_closed_from_the_start_keeps_the_exit_code() {
    let (_root, list) = prohibited();
    for (args, code) in [
        (&["scan", &list][..], "1"),
        (&["rules", "list"], "0"),
        (&["explain", "kaspersky"], "0"),
        (&["man"], "0"),
        (&["completions", "bash"], "0"),
        (&["--version"], "0"),
        (&["scan", "--help"], "0"),
    ] {
        // The reader has gone before the writer starts.
        let script = "{ sleep 0.1; \"$0\" \"$@\"; echo $? >&3; } 3>&2 2>/dev/null | :";
        let run = finish_soon(&mut sh(script, args));
        assert_eq!(run.err.trim(), code, "{args:?}");
    }
}

#[test]
fn a_written_file_has_the_mode_that_the_umask_leaves() {
    let (root, list) = prohibited();
    for (umask, mode) in [("022", 0o644), ("027", 0o640), ("077", 0o600)] {
        let output = format!("json={}", root.at(umask).display());
        let run =
            finish(&mut sh(&format!("umask {umask}; exec \"$0\" \"$@\""), &["scan", &list, "-o", &output]));
        assert_eq!(run.code, 1, "{}", run.err);
        assert_eq!(fs::metadata(root.at(umask)).unwrap().permissions().mode() & 0o777, mode, "{umask}");
    }
}
