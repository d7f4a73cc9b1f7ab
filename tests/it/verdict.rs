//! The verdict of the whole, and the exit code that follows from it.

use std::fs;

use serde_json::{Value, json};

use crate::lab::{Root, run, scan};

/// Writes a list in which something is prohibited, to be reviewed, or lost, or none of it.
fn list(root: &Root, prohibited: bool, incomplete: bool, review: bool) -> String {
    let mut items = vec![json!({"kind": "package", "name": "bash"})];
    if prohibited {
        items.push(json!({"kind": "package", "name": "klnagent64"}));
    }
    if review {
        items.push(json!({"kind": "process", "name": "kesl", "paths": ["/usr/bin/kesl"]}));
    }
    let target = root.list(&items);
    if incomplete {
        root.append("list.ndjson", "{\"kind\": \"package\", \"na");
    }
    target
}

/// What is in the list, the verdict, and the exit codes: plain, and with review, incomplete and both accepted.
#[test]
fn the_strongest_verdict_that_is_not_accepted_decides() {
    for (prohibited, incomplete, review, verdict, codes) in [
        (false, false, false, "clean", [0, 0, 0, 0]),
        (false, false, true, "review", [4, 0, 4, 0]),
        (false, true, false, "incomplete", [3, 3, 0, 0]),
        (false, true, true, "incomplete", [3, 3, 4, 0]),
        (true, false, false, "prohibited", [1, 1, 1, 1]),
        (true, false, true, "prohibited", [1, 1, 1, 1]),
        (true, true, false, "prohibited", [1, 1, 1, 1]),
        (true, true, true, "prohibited", [1, 1, 1, 1]),
    ] {
        let root = Root::new();
        let target = list(&root, prohibited, incomplete, review);
        let accepted = [
            &[][..],
            &["--accept", "review"],
            &["--accept", "incomplete"],
            &["--accept", "review,incomplete"],
        ];
        for (accepted, code) in accepted.into_iter().zip(codes) {
            let (exit, report) = scan(&target, accepted);
            assert_eq!((exit, &report["verdict"]), (code, &json!(verdict)), "{accepted:?}");
        }
    }
}

#[test]
fn accepting_can_be_said_twice() {
    let root = Root::new();
    let target = list(&root, false, true, true);
    assert_eq!(scan(&target, &["--accept", "incomplete", "--accept", "review"]).0, 0);
}

#[test]
fn nothing_else_can_be_accepted() {
    let root = Root::new();
    let target = list(&root, true, false, false);
    for accepted in ["prohibited", "clean", "review,prohibited", "everything", ""] {
        let run = run(["scan", &target, "--accept", accepted]);
        assert_eq!((run.code, run.out.as_str()), (2, ""), "{accepted}");
        assert!(run.err.contains("only review and incomplete can be accepted"), "{}", run.err);
    }
}

/// Law 2.
#[test]
fn the_exit_code_is_the_same_for_every_format() {
    for (found, code) in [
        ((false, false, false), 0),
        ((true, false, false), 1),
        ((false, true, false), 3),
        ((false, false, true), 4),
    ] {
        let root = Root::new();
        let target = list(&root, found.0, found.1, found.2);
        let file = |format: &str| format!("{format}={}", root.at("out").display());
        for output in ["table", "json", "ndjson"] {
            for output in [output.to_owned(), file(output), format!("{output}=/dev/null")] {
                let run = run(["scan", &target, "-o", &output]);
                assert_eq!((run.code, run.err.as_str()), (code, ""), "{output}");
            }
        }
    }
}

/// Each instrument has the verdict of what it says itself.
#[test]
fn an_instrument_has_a_verdict_of_its_own() {
    let root = Root::new();
    let args = ["--as-of", "2018-09-30", "--under", "us-bod-17-01", "--under", "us-ndaa-fy2018-1634"];
    let (_, report) = scan(&list(&root, true, false, true), &args);
    let of = |report: &Value| {
        let instruments = report["instruments"].as_array().unwrap().clone();
        let said = |i: &Value| format!("{} {}", i["id"], i["verdict"]).replace('"', "");
        instruments.iter().map(said).collect::<Vec<_>>()
    };
    assert_eq!(of(&report), ["us-bod-17-01 prohibited", "us-ndaa-fy2018-1634 clean"]);
    let (_, report) = scan(&list(&root, false, true, false), &args);
    assert_eq!(of(&report), ["us-bod-17-01 incomplete", "us-ndaa-fy2018-1634 incomplete"]);
}

/// Law 1: the table says what the verdict rests on, and which others hold beside it.
#[test]
fn a_verdict_is_told_with_what_it_rests_on() {
    let root = Root::new();
    for (found, said) in [
        (
            (false, false, false),
            &["\nCLEAN\n", "Nothing that the chosen instruments prohibit", "within the coverage"][..],
        ),
        (
            (true, true, true),
            &["\nPROHIBITED (also incomplete, review)\n", "1 product must not be here", "1 gap"],
        ),
        ((false, true, true), &["\nINCOMPLETE (also review)\n", "Not all could be looked at", "by a person"]),
    ] {
        let run = run(["scan", &list(&root, found.0, found.1, found.2)]);
        let text = run.out.replace('\n', " ");
        for part in said {
            assert!(run.out.contains(part) || text.contains(part), "{part:?}: {}", run.out);
        }
        assert!(run.out.contains("\nCOVERAGE\n"), "{}", run.out);
    }
}

/// Law 5: only the header differs between two runs.
#[test]
fn two_runs_say_the_same() {
    let root = Root::new();
    let target = list(&root, true, true, true);
    let said = || {
        let mut report = scan(&target, &["--as-of", "2020-01-01"]).1;
        report["scan"].take();
        report.to_string()
    };
    assert_eq!(said(), said());
}

/// The order of the lines is no matter.
#[test]
fn a_shuffled_list_gives_the_same_report() {
    let root = Root::new();
    let target = list(&root, true, false, true);
    let said = || {
        let mut report = scan(&target, &[]).1;
        report["scan"].take();
        report.to_string()
    };
    let before = said();
    let text = fs::read_to_string(root.at("list.ndjson")).unwrap();
    let mut lines: Vec<_> = text.lines().collect();
    lines.reverse();
    root.write("list.ndjson", lines.join("\n"));
    assert_eq!(before, said());
}
