//! The command line: what it refuses and how, the commands that tell, and what the table looks like.

use std::fs;

use serde_json::{Value, json};

use crate::lab::{Root, finish, finish_soon, interdict, run, scan};

/// What is asked for, and what the message says of it.
#[test]
fn a_wrong_command_line_is_told_what_to_do() {
    let root = Root::new();
    root.write("garbage", b"\x00\x01\x02 no list");
    root.write("own.toml", "[[vendor]]\nid = \"acme\"\nname = \"Acme\"\n");
    let list = root.list(&[json!({"kind": "package", "name": "kesl"})]);
    let garbage = root.at("garbage");
    let garbage = garbage.to_str().unwrap();
    for (args, said) in [
        (&["scan", &list, "-o", "jsn"][..], &["no format `jsn`", "there are: csv, cyclonedx, "][..]),
        (&["inventory", &list, "-o", "html"], &["no format `html`", "there are: csv, cyclonedx, "]),
        (&["scan", &list, "--under", "us-bod-17-1"], &["`us-bod-17-1`", "did you mean `us-bod-17-01`?"]),
        (&["scan", &list, "--under", "us-federl"], &["did you mean `us-federal`?"]),
        (&["scan", &list, "--under", "kvack"], &["`kvack`", "`interdict rules list`"]),
        (&["scan", &list, "--assume", "us-bod-17-1"], &["did you mean `us-bod-17-01`?"]),
        (&["scan", &list, "--undr", "us-bod-17-01"], &["'--undr'", "a similar argument exists: '--under'"]),
        (&["scan", &list, "--kvack"], &["'--kvack'", "try '--help'"]),
        (&["scann"], &["'scann'", "a similar subcommand exists: 'scan'"]),
        (&["scan", &list, &list], &["unexpected argument", "try '--help'"]),
        (&["scan", &list, "--as-of", "2018-13-01"], &["'2018-13-01'", "2018-10-01"]),
        (&["scan", &list, "--as-of", "yesterday"], &["a day is written as in 2018-10-01"]),
        (&["scan", &list, "--depth", "deep"], &["quick, standard, full"]),
        (&["scan", &list, "--exclude", "[a"], &["--exclude [a is no glob"]),
        (
            &["scan", "dir:/nonexistent/root"],
            &["/nonexistent/root", "it is not there; check the path", "check the path"],
        ),
        (
            &["scan", "/nonexistent/root"],
            &["/nonexistent/root", "it is not there; check the path", "check the path"],
        ),
        (&["scan", "inventory:/nonexistent/list"], &["/nonexistent/list", "it is not there; check the path"]),
        (&["inventory", "/nonexistent/root"], &["/nonexistent/root", "check the path"]),
        (&["sources", "/nonexistent/root"], &["/nonexistent/root", "check the path"]),
        (&["scan", garbage], &["neither a folder nor a saved inventory", "dir:PATH or inventory:FILE"]),
        (&["scan", &format!("dir:{garbage}")], &["cannot scan", "ot a directory"]),
        (&["scan", "image:x.tar"], &["does not read image: targets", "dir:PATH"]),
        (
            &["scan", &list, "-o", "json=/nonexistent/x"],
            &["cannot write /nonexistent/x: its folder is not there"],
        ),
        (&["scan", &list, "-o", "json=/"], &["cannot write /: is a directory"]),
        (&["scan", &list, "-o", "json="], &["-o json= names no file"]),
        (
            &["scan", &list, "-o", "json", "-o", "table"],
            &["only one format can go to standard output", "-o json=report.json"],
        ),
        (&["scan", &list, "-o", "json", "-o", "table=-"], &["only one format can go to standard output"]),
        (&["explain", "kvack"], &["`kvack`", "`interdict rules list`"]),
        (&["explain", "kaspersky/kvack"], &["no product `kvack`", "kesl, "]),
        (&["rules", "show", "kvack"], &["`kvack`", "`interdict rules list`"]),
        (&["rules", "check"], &["<PATHS>"]),
        (&[], &["Usage: interdict <COMMAND>"]),
    ] {
        let run = finish_soon(interdict().args(args));
        assert_eq!((run.code, run.out.as_str()), (2, ""), "{args:?}: {}", run.err);
        for part in said {
            assert!(run.err.contains(part), "{part:?} is not said to {args:?}: {}", run.err);
        }
    }
}

#[test]
fn a_missing_target_is_told_alike_however_it_is_named() {
    for scheme in ["", "dir:", "inventory:"] {
        let run = run(["scan", &format!("{scheme}/nonexistent/x")]);
        assert_eq!(run.err, "error: cannot scan /nonexistent/x: it is not there; check the path\n");
        assert_eq!(run.code, 2);
    }
}

/// The name of the file that would have been written beside the output is nobody's business, and differs each time.
#[test]
fn the_message_about_an_output_is_the_same_each_time() {
    let root = Root::new();
    let list = root.list(&[json!({"kind": "package", "name": "kesl"})]);
    let said = || run(["scan", &list, "-o", "json=/nonexistent/x"]).err;
    assert_eq!(said(), said());
}

#[test]
fn everything_that_a_report_names_can_be_explained() {
    for (id, said) in [
        ("kaspersky", &["AO Kaspersky Lab", "kesl", "covered by  us-bod-17-01"][..]),
        ("kaspersky/kesl", &["Kaspersky Endpoint Security for Linux", "us-ndaa-fy2018-1634"]),
        (
            "us-bod-17-01",
            &["status      overtaken today", "from 2017-09-13", "2017-12-12", "read in", "kaspersky"],
        ),
        ("local-policy", &["--rules"]),
        ("us-federal", &["us-ndaa-fy2018-1634"]),
        ("dpkg", &["Debian packages", "yields      package"]),
        ("clean", &["exit code 0"]),
        ("prohibited", &["exit code 1"]),
        ("incomplete", &["exit code 3"]),
        ("review", &["exit code 4"]),
        ("indicator", &["ruling"]),
        ("excepted", &["ruling"]),
        ("remnant", &["state", "removal"]),
        ("component", &["state", "another maker's"]),
        ("likely", &["strength"]),
        ("partial", &["coverage"]),
    ] {
        let run = run(["explain", id]);
        assert_eq!((run.code, run.err.as_str()), (0, ""), "{id}");
        assert!(run.out.starts_with(id), "{}", run.out);
        for part in said {
            assert!(run.out.contains(part), "{part:?} is not said of {id}: {}", run.out);
        }
    }
}

#[test]
fn every_word_of_a_report_can_be_explained() {
    let states = interdict::item::State::ALL.iter().map(|w| w.word());
    let rulings = interdict::judge::RulingKind::ALL.iter().map(|w| w.word());
    let verdicts = interdict::judge::Verdict::ALL.iter().map(|w| w.word());
    let strengths = interdict::rules::Strength::ALL.iter().map(|w| w.word());
    let coverage = interdict::inventory::CoverageState::ALL.iter().map(|w| w.word());
    let sources = interdict::sources::SOURCES.iter().map(|s| s.id);
    for word in states.chain(rulings).chain(verdicts).chain(strengths).chain(coverage).chain(sources) {
        assert_eq!(run(["explain", word]).code, 0, "{word}");
    }
}

#[test]
fn the_rules_can_be_listed_and_shown() {
    let list = run(["rules", "list"]);
    for part in ["VENDORS\n", "\n  kaspersky ", "INSTRUMENTS\n", "us-bod-17-01", "PROFILES\n", "us-federal"] {
        assert!(list.out.contains(part), "{part}: {}", list.out);
    }
    let shown = run(["rules", "show", "kaspersky/kesl"]);
    assert_eq!(shown.code, 0);
    assert!(shown.out.contains("package (") && shown.out.contains("source: http"), "{}", shown.out);
    assert!(!shown.out.contains("klnagent64"), "another product's: {}", shown.out);
}

#[test]
fn sources_say_how_far_they_can_be_read_here() {
    let run_of = run(["sources", &Root::debian().target()]);
    assert_eq!((run_of.code, run_of.err.as_str()), (0, ""));
    assert!(run_of.out.contains("dpkg - Debian packages\n"), "{}", run_of.out);
    assert!(run_of.out.contains("  here        covered, 2 items\n"), "{}", run_of.out);
    assert!(run_of.out.contains("  here        skipped (does not apply"), "{}", run_of.out);
    for source in interdict::sources::SOURCES {
        assert!(run_of.out.contains(&format!("{} - {}\n", source.id, source.about)), "{}", run_of.out);
    }
}

#[test]
fn an_inventory_is_whole_or_incomplete() {
    let root = Root::debian();
    let list = run(["inventory", &root.target(), "-o", "ndjson"]);
    assert_eq!((list.code, list.err.as_str()), (0, ""));
    let lines: Vec<Value> = list.out.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    assert_eq!(lines[0]["schema"], "interdict.inventory/1");
    let names: Vec<_> = lines[1..].iter().map(|l| l["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["base-files", "bash"]);
    assert_eq!(run(["inventory", &Root::new().target()]).code, 3);
    // What is forbidden is not asked here.
    root.package("kesl", "12", "Kaspersky Lab", &[]);
    let json = run(["inventory", &root.target(), "-o", "json"]);
    assert_eq!((json.code, json.json()["items"].as_array().unwrap().len()), (0, 3));
}

#[test]
fn a_report_can_be_judged_again_unless_its_items_were_left_out() {
    let root = Root::debian();
    root.package(
        "kesl",
        "12.1",
        "Kaspersky Lab <info@kaspersky.com>",
        &["/opt/kaspersky/kesl/bin/kesl-control"],
    );
    let file = root.at("report.json");
    let output = format!("json={}", file.display());
    assert_eq!(run(["scan", &root.target(), "-o", &output]).code, 1);
    let first: Value = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
    for target in [format!("inventory:{}", file.display()), file.display().to_string()] {
        let (code, again) = scan(&target, &[]);
        assert_eq!((code, &again["findings"]), (1, &first["findings"]));
        assert_eq!((&again["coverage"], &again["host"]), (&first["coverage"], &first["host"]));
    }
    assert_eq!(run(["scan", &root.target(), "--no-items", "-o", &output]).code, 1);
    let again = run(["scan", &format!("inventory:{}", file.display())]);
    assert_eq!((again.code, again.out.as_str()), (2, ""));
    assert!(again.err.contains("--no-items"), "{}", again.err);
}

fn row<'a>(report: &'a Value, source: &str) -> &'a Value {
    report["coverage"].as_array().unwrap().iter().find(|r| r["source"] == source).unwrap()
}

#[test]
fn what_is_excluded_is_skipped_and_told() {
    let root = Root::debian();
    root.package("kesl", "12.1", "Kaspersky Lab", &[]);
    for glob in ["/var/lib/dpkg", "/var/lib/dpkg/", "/var/*/dpkg", "**/dpkg"] {
        let (code, report) = scan(&root.target(), &["--exclude", glob]);
        assert_eq!(code, 3, "nothing that lists software was read");
        let row = row(&report, "dpkg");
        assert_eq!((&row["state"], &row["items"]), (&json!("skipped"), &json!(0)), "{glob}");
        assert_eq!(row["reason"], "excluded on request");
        assert_eq!(row["gaps"][0]["code"], "excluded", "{glob}");
        assert_eq!(report["findings"], json!([]));
    }
    let shown = run(["scan", &root.target(), "--exclude", "/var/lib/dpkg"]);
    assert!(
        shown.out.contains("excluded on request") && shown.out.contains("/var/lib/dpkg/status"),
        "{}",
        shown.out
    );
}

#[test]
fn what_was_not_asked_for_is_skipped_and_told() {
    let root = Root::debian();
    root.write("opt/kaspersky/kesl/bin/kesl", "");
    root.write("etc/systemd/system/kesl.service", "[Service]\nExecStart=/opt/kaspersky/kesl/bin/kesl\n");
    let quick = scan(&root.target(), &["--depth", "quick"]);
    let skipped = row(&quick.1, "systemd");
    assert_eq!((quick.0, &skipped["state"]), (0, &json!("skipped")));
    assert_eq!(skipped["reason"], "not asked for at this depth");
    let standard = scan(&root.target(), &[]);
    assert_eq!((standard.0, &row(&standard.1, "systemd")["state"]), (1, &json!("covered")));
}

/// A root with findings, a gap and a mention.
fn busy() -> Root {
    let root = Root::debian();
    root.package(
        "kesl",
        "12.1.0-1508",
        "Kaspersky Lab <info@kaspersky.com>",
        &["/opt/kaspersky/kesl/bin/kesl-control"],
    );
    root.package("kaspersky-exporter", "1.0", "Jane Doe <jane@example.org>", &[]);
    root.append("var/lib/dpkg/status", "Package: lost\nthis is no field\n\n");
    root
}

#[test]
fn a_table_keeps_to_the_width_of_the_page() {
    let root = busy();
    let at = |columns: &str| {
        let run = finish(interdict().args(["scan", &root.target()]).env("COLUMNS", columns));
        assert_eq!(run.code, 1, "{}", run.err);
        run.out
    };
    for columns in ["60", "80", "120", "200"] {
        let width: usize = columns.parse().unwrap();
        for line in at(columns).lines() {
            let one_word = !line.trim().contains(' ');
            assert!(line.chars().count() <= width || one_word, "{columns}: {line:?}");
        }
    }
    let widest = |text: &str| text.lines().map(|l| l.chars().count()).max().unwrap();
    assert!(widest(&at("200")) > 120, "a wide page is used");
    assert_eq!(at("80").lines().count(), at("nonsense").lines().count(), "80 is the width of a pipe");
}

#[test]
fn a_table_that_goes_into_a_pipe_has_no_colour() {
    let root = busy();
    for (name, value) in [("NO_COLOR", "1"), ("TERM", "xterm-256color"), ("CLICOLOR_FORCE", "")] {
        let run = finish(interdict().args(["scan", &root.target()]).env(name, value));
        assert!(!run.out.contains('\u{1b}') && !run.err.contains('\u{1b}'), "{name}: {}", run.out);
    }
}

#[test]
fn no_line_of_a_table_ends_in_blanks() {
    let run = run(["scan", &busy().target()]);
    let line = run.out.lines().find(|l| l.ends_with(' '));
    assert_eq!(line, None);
}
