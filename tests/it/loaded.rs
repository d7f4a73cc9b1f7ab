//! What runs in a process besides its executable: the scripts of interpreters, programs in memory, libraries of others.
//!
//! Each test works in a world of its own, as those of [`crate::live`] do.

use serde_json::{Value, json};

use crate::lab::{Nobody, Root, Run, finish, has};
use crate::live::{KESL, ROOT, findings, processes, running, world};

const AGENT: &str = "/opt/kaspersky/kesl/bin/agent";
const LIBRARY: &str = "/opt/kaspersky/kesl/lib/libkesl.so";

/// `script` writes a program of Perl, and `library` copies a library of the system that any program can load.
const TOOLS: &str = r##"
sleep=$(readlink -f "$(command -v sleep)")
script() {
    mkdir -p "${1%/*}"
    printf '%s\n' "#!$perl" "$2" >"$1"
    chmod +x "$1"
}
library() {
    mkdir -p "${1%/*}"
    cp -L "$(find /lib/ /usr/lib/ -name libm.so.6 -o -name libz.so.1 | head -n 1)" "$1"
}
"##;

/// A world with those tools.
fn outfit(script: &str) -> Option<Run> {
    if !(has("perl") && has("ldd")) {
        return None;
    }
    world(&format!("perl=$(readlink -f \"$(command -v perl)\")\n{TOOLS}{script}"))
}

fn places(finding: &Value) -> Vec<&str> {
    finding["evidence"].as_array().unwrap().iter().map(|e| e["place"].as_str().unwrap()).collect()
}

/// The files that processes have loaded.
fn loaded(report: &Value) -> Vec<&Value> {
    let is_loaded = |i: &&Value| i["source"] == "processes" && i["kind"] == "file";
    report["items"].as_array().unwrap().iter().filter(is_loaded).collect()
}

/// The one finding: a part of this program, which the law that means any part forbids and the other does not.
fn part(run: &Run, inside: &str) -> Value {
    let report = run.json();
    let findings = findings(&report);
    assert_eq!(findings.len(), 1, "{findings:#?}");
    let finding = findings[0].clone();
    assert_eq!((&finding["state"], &finding["inside"]), (&"component".into(), &inside.into()), "{finding:#}");
    let rulings = finding["rulings"].as_array().unwrap().iter();
    let said: Vec<_> = rulings.map(|r| (r["instrument"].as_str(), r["ruling"].as_str())).collect();
    let wanted = [("us-ndaa-fy2018-1634", "prohibited"), ("us-bod-17-01", "excluded")];
    assert_eq!(said, wanted.map(|(law, ruling)| (Some(law), Some(ruling))));
    assert_eq!(run.code, 1);
    finding
}

#[test]
fn a_script_is_found_and_its_interpreter_is_not_accused() {
    let script = format!(
        r#"script {AGENT} 'sleep 60'; script "$WORK/other" 'sleep 60'
        {AGENT} & await $! "$perl"
        perl -w "$WORK/other" {AGENT} & await $! "$perl"
        perl -e 'sleep 60' {AGENT} & await $! "$perl"
        exec $INTERDICT scan --depth quick -o json"#
    );
    let Some(run) = outfit(&script) else { return };
    let finding = running(&run);
    let [place] = places(&finding)[..] else { panic!("{finding:#}") };
    assert!(place.contains(&format!(": {AGENT}, run by /")), "{place}");

    let report = run.json();
    let all = processes(&report);
    let perl = |what: &str| {
        let is = |p: &&&Value| p["command"].as_str().unwrap().contains(what) && p["place"] != "";
        (*all.iter().find(is).unwrap()).clone()
    };
    let (agent, other, bare) = (perl("bin/agent"), perl("/other"), perl("-e sleep"));
    assert_eq!(agent["paths"][1], AGENT);
    assert_eq!((&agent["owner"], &other["owner"]), (&Value::Null, &Value::Null));
    assert_eq!(other["paths"].as_array().unwrap().len(), 2, "{other:#}");
    let is_packaged = |i: &Value| i["source"] == "dpkg" && i["name"] == "perl-base";
    if report["items"].as_array().unwrap().iter().any(is_packaged) {
        assert!(bare["owner"].as_str().unwrap().starts_with("dpkg:perl"), "{bare:#}");
    }
}

/// A folder that a process has gone to since is not that of its script.
#[test]
fn a_script_without_its_folder_is_in_that_of_its_process_if_it_is_there() {
    let script = format!(
        r#"script {AGENT} 'sleep 60'; script "$WORK/mover" 'chdir "/opt/kaspersky/kesl"; sleep 60'
        (cd /opt/kaspersky/kesl/bin; exec perl agent) & await $! "$perl"
        (cd /opt/kaspersky/kesl/lib 2>/dev/null || cd /opt/kaspersky; exec ./kesl/bin/agent) & await $! "$perl"
        (cd "$WORK"; exec perl mover) & await $! "$perl"
        until [ "$(readlink /proc/$!/cwd)" = /opt/kaspersky/kesl ]; do sleep 0.01; done
        exec $INTERDICT scan --depth quick -o json"#
    );
    let Some(run) = outfit(&script) else { return };
    let finding = running(&run);
    assert_eq!(places(&finding).len(), 2, "{finding:#}");
    assert!(places(&finding).iter().all(|p| p.contains(&format!(": {AGENT}, run by /"))), "{finding:#}");
}

#[test]
fn a_script_behind_a_link_or_a_descriptor_is_found() {
    let script = format!(
        r#"script {AGENT} 'sleep 60'; ln -s {AGENT} "$WORK/innocent"
        perl "$WORK/innocent" & await $! "$perl"
        printf 'sleep 60\n:\n' >{AGENT}.sh
        bash /dev/fd/3 3<{AGENT}.sh &
        until grep -q /dev/fd/3 /proc/$!/cmdline; do sleep 0.01; done
        exec $INTERDICT scan --depth quick -o json"#
    );
    let Some(run) = outfit(&script) else { return };
    let finding = running(&run);
    assert_eq!(finding["evidence"].as_array().unwrap().len(), 2, "{finding:#}");
}

/// A program that never was on a disk: only its name is known, which is one weak trait.
#[test]
fn a_program_in_memory_is_known_by_its_name_alone() {
    let script = r#"
        case $(uname -m) in x86_64) call=319 ;; aarch64) call=279 ;; *) exit 77 ;; esac
        "$perl" -e '
            use POSIX ();
            $^F = 255;
            open(my $from, "<", $ARGV[1]) or die;
            my $name = "kesl";
            my $file = syscall($ARGV[0] + 0, $name, 0);
            open(my $to, ">&=", $file) or die;
            local $/;
            print {$to} <$from>;
            $to->flush;
            open(my $again, "<", "/proc/self/fd/$file") or die;
            close($to);
            exec({"/proc/self/fd/" . fileno($again)} "/opt/kaspersky/kesl", "60");
        ' $call "$sleep" &
        await $! "/memfd:kesl (deleted)"
        exec $INTERDICT scan --depth quick -o json"#;
    let Some(run) = outfit(script) else { return };
    let report = run.json();
    let findings = findings(&report);
    assert_eq!(findings.len(), 1, "{findings:#?}");
    assert_eq!((&findings[0]["state"], &findings[0]["strength"]), (&"running".into(), &"possible".into()));
    assert!(places(findings[0])[0].ends_with(": /memfd:kesl (deleted)"), "{:#}", findings[0]);
    let all = processes(&report);
    let kesl = all.iter().find(|p| p["name"] == "kesl").unwrap();
    assert_eq!(
        (&kesl["deleted"], &kesl["paths"], &kesl["owner"]),
        (&json!(true), &Value::Null, &Value::Null)
    );
}

#[test]
fn a_library_in_another_makers_process_is_a_part_there() {
    let script = format!(
        r#"library {LIBRARY}
        for n in 1 2; do
            LD_PRELOAD={LIBRARY} "$sleep" 60 & loads $! {LIBRARY}
        done
        "$sleep" 61 & await $! "$sleep"
        rm {LIBRARY}
        exec $INTERDICT scan --depth quick -o json"#
    );
    let Some(run) = outfit(&script) else { return };
    let finding = part(&run, "sleep");
    let [place] = places(&finding)[..] else { panic!("{finding:#}") };
    let numbers = place.strip_prefix("processes ").unwrap().strip_suffix(&format!(": {LIBRARY} (deleted)"));
    assert_eq!(numbers.unwrap().split(", ").count(), 2, "{place}");
    // The system's own libraries are not told.
    let report = run.json();
    let [library] = loaded(&report)[..] else { panic!("{:#?}", loaded(&report)) };
    assert_eq!((&library["name"], &library["state"]), (&"libkesl.so".into(), &"running".into()));
    assert_eq!((&library["deleted"], &library["paths"]), (&json!(true), &json!([LIBRARY])));
}

#[test]
fn a_library_in_its_own_makers_process_is_no_part() {
    let script = format!(
        r#"library {LIBRARY}; library "$WORK/free.so"; place {KESL}
        LD_PRELOAD="{LIBRARY} $WORK/free.so" {KESL} 60 & loads $! "$WORK/free.so"
        exec $INTERDICT scan --depth quick -o json"#
    );
    let Some(run) = outfit(&script) else { return };
    let finding = running(&run);
    assert_eq!(finding["inside"], Value::Null);
    let told: Vec<_> = finding["evidence"].as_array().unwrap().iter().map(|e| &e["name"]).collect();
    assert_eq!(told, ["kesl", "libkesl.so"]);
    assert_eq!(loaded(&run.json()).len(), 2);
}

/// Perl is no product that the library would be a part of.
#[test]
fn a_library_that_a_bare_interpreter_has_loaded_runs() {
    let script = format!(
        r#"library {LIBRARY}
        LD_PRELOAD={LIBRARY} "$perl" -e 'sleep 60' & loads $! {LIBRARY}
        exec $INTERDICT scan --depth quick -o json"#
    );
    let Some(run) = outfit(&script) else { return };
    running(&run);
}

#[test]
fn a_library_in_a_container_or_a_changed_root_is_told_there() {
    let preload = format!("LD_PRELOAD={LIBRARY}");
    let container = format!(
        r#"{ROOT} library "$WORK{LIBRARY}"
        (export {preload}; inside "$sleep" 60) & loads $! {LIBRARY}; await $! "$sleep"
        exec $INTERDICT scan --depth quick -o json"#
    );
    let Some(run) = outfit(&container) else { return };
    let finding = part(&run, "sleep");
    assert!(finding["where"].as_str().unwrap().starts_with("container:"), "{finding:#}");
    let report = run.json();
    let [library] = loaded(&report)[..] else { panic!("{:#?}", loaded(&report)) };
    assert!(library["container"].is_string(), "{library:#}");

    let root = format!(
        r#"{ROOT} library "$WORK{LIBRARY}"
        {preload} chroot "$WORK" "$sleep" 60 & loads $! "$WORK{LIBRARY}"
        exec $INTERDICT scan --depth quick -o json"#
    );
    let Some(run) = outfit(&root) else { return };
    assert_eq!(part(&run, "sleep")["where"], "host");
    let report = run.json();
    let [library] = loaded(&report)[..] else { panic!("{:#?}", loaded(&report)) };
    assert_eq!(library["paths"][1], LIBRARY);
}

/// Executables and libraries of others are shown under one right, so its lack is one gap.
#[test]
fn without_rights_there_is_one_gap() {
    let Some(nobody) = Nobody::new(&Root::new()) else { return };
    let report = finish(nobody.interdict().args(["inventory", "--depth", "quick", "-o", "json"])).json();
    let rows = report["coverage"].as_array().unwrap();
    let row = rows.iter().find(|row| row["source"] == "processes").unwrap();
    let gaps = row["gaps"].as_array().unwrap();
    assert_eq!(gaps.iter().filter(|gap| gap["place"] == "/proc").count(), 1, "{row:#}");
    assert_eq!((&row["state"], &gaps[0]["code"]), (&"partial".into(), &"denied".into()), "{row:#}");
}
