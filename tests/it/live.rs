//! Programs that run now, on this machine.
//!
//! Each test works in a world of its own, which ends with it: a mount namespace in which `/opt` is empty and can be
//! filled without touching the machine's, and a process namespace in which nothing else runs (unshare(1)). The program
//! that runs is a copy of the system's `sleep`.

use std::collections::BTreeSet;
use std::fs;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::lab::{Run, finish, finish_soon, has, is_root, lacking, run};

/// The exit code of a world that could not be made; interdict has none like it.
const NOT_MADE: i32 = 77;
pub(crate) const KESL: &str = "/opt/kaspersky/kesl/bin/kesl";

/// Begins each world. `await` waits until a process has become the program of this path, and `loads` until one has
/// loaded it; `place` copies `sleep`.
const BEGIN: &str = r#"
set -eu
mount -t tmpfs none /opt || exit 77
await() {
    n=0
    until [ "$(readlink "/proc/$1/exe")" = "$2" ]; do
        n=$((n + 1))
        [ $n -lt 400 ] || { echo "$2 does not run" >&2; exit 77; }
        sleep 0.01
    done
}
loads() {
    n=0
    until grep -q " $2" "/proc/$1/maps"; do
        n=$((n + 1))
        [ $n -lt 400 ] || { echo "$2 is not loaded" >&2; exit 77; }
        sleep 0.01
    done
}
place() {
    mkdir -p "${1%/*}"
    cp "$(command -v sleep)" "$1"
}
"#;

/// Runs a script in a world of its own; it ends by becoming interdict with `-o json`. `$WORK` is a folder for it.
pub(crate) fn world(script: &str) -> Option<Run> {
    if !(has("unshare") && has("bash") && is_root()) {
        return None;
    }
    let work = tempfile::tempdir().unwrap();
    let bash = |script: &str| {
        let mut command = Command::new("unshare");
        command.args(["--mount", "--pid", "--fork", "--mount-proc", "--kill-child", "bash", "-c", script]);
        command.stdin(Stdio::null()).env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
        finish_soon(command.env("INTERDICT", env!("CARGO_BIN_EXE_interdict")).env("WORK", work.path()))
    };
    // A machine that is itself a container may forbid this to root too.
    let mut run = bash("true");
    let made = run.code == 0;
    if made {
        run = bash(&format!("{BEGIN}{script}"));
    }
    if !made || run.code == NOT_MADE {
        eprint!("{}", run.err);
        lacking("a world of its own");
        return None;
    }
    Some(run)
}

/// The findings of the vendor, of a report.
pub(crate) fn findings(report: &Value) -> Vec<&Value> {
    report["findings"].as_array().unwrap().iter().filter(|f| f["vendor"] == "kaspersky").collect()
}

pub(crate) fn processes(report: &Value) -> Vec<&Value> {
    report["items"].as_array().unwrap().iter().filter(|i| i["kind"] == "process").collect()
}

/// The one finding: that the product runs, and must not.
pub(crate) fn running(run: &Run) -> Value {
    let report = run.json();
    let findings = findings(&report);
    assert_eq!(findings.len(), 1, "{findings:#?}");
    let finding = findings[0].clone();
    assert_eq!((&finding["product"], &finding["state"]), (&"kesl".into(), &"running".into()), "{finding:#}");
    assert!(
        finding["rulings"].as_array().unwrap().iter().all(|r| r["ruling"] == "prohibited"),
        "{finding:#}"
    );
    assert_eq!((run.code, &report["verdict"]), (1, &"prohibited".into()));
    finding
}

#[test]
fn a_program_in_the_folder_of_the_vendor_is_found_running() {
    let script =
        format!("place {KESL}; {KESL} 60 & await $! {KESL}; exec $INTERDICT scan --depth quick -o json");
    let Some(run) = world(&script) else { return };
    let finding = running(&run);
    assert_eq!(finding["where"], "host");
    assert!(finding["evidence"][0]["place"].as_str().unwrap().ends_with(KESL), "{finding:#}");
}

/// A file name is one weak trait: a person must look, and nothing is prohibited.
#[test]
fn a_program_that_only_bears_the_name_is_to_be_reviewed() {
    let script =
        "place $WORK/kesl; $WORK/kesl 60 & await $! $WORK/kesl; exec $INTERDICT scan --depth quick -o json";
    let Some(run) = world(script) else { return };
    let report = run.json();
    let findings = findings(&report);
    assert_eq!(findings.len(), 1, "{findings:#?}");
    assert_eq!(findings[0]["strength"], "possible");
    let rulings = findings[0]["rulings"].as_array().unwrap();
    assert!(!rulings.is_empty() && rulings.iter().all(|r| r["ruling"] == "review"), "{rulings:#?}");
    let gaps = report["coverage"].as_array().unwrap().iter().flat_map(|row| row["gaps"].as_array().unwrap());
    // What this machine itself does not let see outweighs a review.
    let blocks = gaps.filter(|gap| gap["blocks"] == true).count() > 0;
    assert_eq!(run.code, if blocks { 3 } else { 4 }, "{report:#}");
}

#[test]
fn a_program_whose_file_is_deleted_is_still_found() {
    let script = format!(
        "place {KESL}; {KESL} 60 & await $! {KESL}; rm -r /opt/kaspersky; exec $INTERDICT scan --depth quick -o json"
    );
    let Some(run) = world(&script) else { return };
    let place = running(&run)["evidence"][0]["place"].as_str().unwrap().to_owned();
    assert!(place.ends_with(&format!("{KESL} (deleted)")), "{place}");
}

#[test]
fn a_process_is_named_after_its_executable_whatever_it_calls_itself() {
    let script = format!(
        "place {KESL}; (exec -a '[kworker/0:1-events]' {KESL} 60) & await $! {KESL}; exec $INTERDICT scan --depth quick -o json"
    );
    let Some(run) = world(&script) else { return };
    assert_eq!(running(&run)["evidence"][0]["name"], "kesl");
    let report = run.json();
    let process = processes(&report).into_iter().find(|p| p["name"] == "kesl").unwrap().clone();
    assert_eq!(process["command"], "[kworker/0:1-events] 60");
}

/// Lays out a root in `$WORK` that holds `sleep`, also as the vendor's program, and what it needs.
pub(crate) const ROOT: &str = r#"
mount -t tmpfs none "$WORK"
sleep=$(readlink -f "$(command -v sleep)")
for file in "$sleep" $(ldd "$sleep" | grep -o '/[^ ]*'); do
    mkdir -p "$WORK${file%/*}"
    cp -L "$file" "$WORK$file"
done
mkdir -p "$WORK/opt/kaspersky/kesl/bin" "$WORK/old"
cp "$WORK$sleep" "$WORK/opt/kaspersky/kesl/bin/kesl"
# As container runtimes do it: the root is exchanged, in a mount namespace of its own.
inside() {
    exec unshare --mount bash -c 'cd "$WORK"; pivot_root . old; cd /; exec "$0" "$@"' "$@"
}
"#;

/// Two programs at the same path, on the host and in a container, of which only the host's is the host package's.
#[test]
fn a_program_in_a_container_is_told_there_and_is_no_part_of_a_package_of_the_host() {
    let script = format!(
        r#"{ROOT}
        inside {KESL} 60 & await $! {KESL}
        inside "$sleep" 61 & await $! "$sleep"
        "$sleep" 62 & await $! "$sleep"
        exec $INTERDICT scan --depth quick -o json"#
    );
    let Some(run) = world(&script) else { return };
    let finding = running(&run);
    assert!(finding["where"].as_str().unwrap().starts_with("container:"), "{finding:#}");
    let report = run.json();
    let sleeps = |seconds: &str| {
        let all = processes(&report);
        let ends = |p: &&&Value| p["command"].as_str().is_some_and(|c| c.ends_with(seconds));
        (*all.iter().find(ends).unwrap()).clone()
    };
    let (inside, outside) = (sleeps("sleep 61"), sleeps("sleep 62"));
    assert_eq!(inside["paths"], outside["paths"]);
    assert!(inside["container"].is_string() && inside["owner"].is_null(), "{inside:#}");
    assert!(outside["container"].is_null(), "{outside:#}");
    // A machine whose packages are not listed has nothing to join.
    if report["items"].as_array().unwrap().iter().any(|i| i["name"] == "coreutils" && i["source"] == "dpkg") {
        assert!(outside["owner"].as_str().unwrap().starts_with("dpkg:coreutils"), "{outside:#}");
    }
}

/// As a service with `RootDirectory=` runs; the kernel tells the path of its executable from the root of the host on.
#[test]
fn a_program_in_a_changed_root_is_known_by_its_path_there() {
    let script = format!(
        r#"{ROOT} chroot "$WORK" {KESL} 60 & await $! "$WORK{KESL}"; exec $INTERDICT scan --depth quick -o json"#
    );
    let Some(run) = world(&script) else { return };
    running(&run);
}

/// A service that systemd gives a mount namespace of its own, as with `PrivateTmp=`, still has the host's root.
#[test]
fn a_mount_namespace_alone_is_no_container() {
    let script = format!(
        "place {KESL}; unshare --mount {KESL} 60 & await $! {KESL}; exec $INTERDICT scan --depth quick -o json"
    );
    let Some(run) = world(&script) else { return };
    assert_eq!(running(&run)["where"], "host");
}

#[test]
fn every_process_is_told_and_a_zombie_is_none() {
    // A child of a shell that has become `sleep` by the time it ends is never asked after, so it stays a zombie.
    let script = format!(
        "place {KESL}; {KESL} 60 & await $! {KESL}; {KESL} 61 & await $! {KESL}
        bash -c '(until [ $(cat /proc/$$/comm) = sleep ]; do :; done) & exec sleep 62' &
        until grep -q '^State:.*Z' /proc/[0-9]*/status; do sleep 0.01; done
        exec $INTERDICT scan --depth quick -o json"
    );
    let Some(run) = world(&script) else { return };
    let report = run.json();
    let mut names: Vec<_> =
        processes(&report).iter().map(|p| p["name"].as_str().unwrap().to_owned()).collect();
    names.sort();
    assert_eq!(names, ["interdict", "kesl", "kesl", "sleep"]);
}

/// The processes of this machine that are neither threads of the kernel nor zombies, each with when it began.
fn programs() -> BTreeSet<(u64, String)> {
    let program = |stat: String| {
        // Behind the name, proc_pid_stat(5) has the state, `PF_KTHREAD` among the flags in the seventh field, and the
        // time of the start in the twentieth.
        let (number, _) = stat.split_once(' ').unwrap();
        let mut fields = stat.rsplit_once(')').unwrap().1.split_whitespace();
        let is_zombie = matches!(fields.next(), Some("Z" | "X"));
        let flags: u64 = fields.nth(5).unwrap().parse().unwrap();
        let start = fields.nth(12).unwrap().to_owned();
        (!is_zombie && flags & 0x0020_0000 == 0).then(|| (number.parse().unwrap(), start))
    };
    let entries = fs::read_dir("/proc").unwrap().map(|e| e.unwrap());
    let numbers = entries.filter(|e| e.file_name().to_str().unwrap().bytes().all(|b| b.is_ascii_digit()));
    let stats = numbers.filter_map(|e| fs::read_to_string(e.path().join("stat")).ok());
    stats.filter_map(program).collect()
}

/// Processes come and go while other tests run: what was there before and after is told, each once, and no thread is.
/// That nothing else is, a world in which nothing else runs can tell.
#[test]
fn the_processes_of_this_machine_are_those_of_proc() {
    if !cfg!(target_os = "linux") {
        return;
    }
    // Threads of this process have numbers of their own, and are none.
    let (stop, wait) = std::sync::mpsc::channel::<()>();
    let wait = std::sync::Arc::new(std::sync::Mutex::new(wait));
    let threads: Vec<_> = (0..8)
        .map(|_| {
            let wait = wait.clone();
            std::thread::spawn(move || wait.lock().unwrap().recv().is_err())
        })
        .collect();
    let before = programs();
    let inventory = run(["inventory", "--depth", "quick", "-o", "json"]).json();
    let after = programs();
    let tasks: Vec<u64> = fs::read_dir("/proc/self/task")
        .unwrap()
        .map(|e| e.unwrap().file_name().to_str().unwrap().parse().unwrap())
        .collect();
    drop(stop);
    assert!(threads.into_iter().all(|thread| thread.join().unwrap()));

    let listed = processes(&inventory);
    let number = |p: &&Value| p["id"].as_str().unwrap().strip_prefix("process:").unwrap().parse().unwrap();
    let told: BTreeSet<u64> = listed.iter().map(number).collect();
    assert_eq!(told.len(), listed.len());
    for (pid, _) in before.intersection(&after) {
        assert!(told.contains(pid), "process {pid} was there before and after, and is not told");
    }
    let own = u64::from(std::process::id());
    assert!(told.contains(&own) && tasks.len() > 8);
    let threads: Vec<_> = tasks.iter().filter(|t| **t != own && told.contains(t)).collect();
    assert!(threads.is_empty(), "{threads:?} are threads of {own}");
    let interdict = listed.iter().filter(|p| p["name"] == "interdict").count();
    assert!(interdict > 0, "it does not tell of itself");
}

/// What dpkg itself holds for installed is what is told.
#[test]
fn the_packages_of_this_machine_are_those_of_dpkg() {
    if !has("dpkg-query") {
        return;
    }
    let says = finish(Command::new("dpkg-query").args(["-W", "-f=${db:Status-Status}\\n"]));
    let wanted = says.out.lines().filter(|status| *status == "installed").count();
    let broken = says.out.lines().any(|s| !matches!(s, "installed" | "config-files" | "not-installed"));
    if wanted == 0 || broken {
        lacking("a dpkg that has installed all its packages");
        return;
    }
    let inventory = run(["inventory", "--depth", "quick", "-o", "json"]).json();
    let is_installed = |i: &&Value| i["source"] == "dpkg" && i["state"] == "installed";
    assert_eq!(inventory["items"].as_array().unwrap().iter().filter(is_installed).count(), wanted);
}
