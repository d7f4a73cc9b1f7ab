//! Rule files: the smallest one, what it recognises, and the proof that the built-in ones come with.

use interdict::rules::{RuleFile, Rules};
use serde_json::{Value, json};

use crate::lab::{Root, run, scan};

/// INTERFACE.md's smallest rule file.
const SMALLEST: &str = r#"[[vendor]]
id = "acme"
name = "Acme Spyware Inc."
publisher = ["Acme Spyware*"]        # globs, case-insensitive, Unicode-normalised
name-match = ["Acme Remote*"]
"#;

/// A scan of one item with one rule file: the exit code and the report.
fn judged(rules: &str, item: Value) -> (i32, Value) {
    let root = Root::new();
    root.write("own.toml", rules);
    let rules = root.at("own.toml");
    scan(&root.list(&[item]), &["--rules", rules.to_str().unwrap()])
}

#[test]
fn the_smallest_rule_file_recognises_and_prohibits() {
    let app =
        |name: &str, publisher: &str| json!({"kind": "application", "name": name, "publisher": publisher});
    let named = |kind: &str, name: &str| json!({"kind": kind, "name": name});
    for (item, strength, ruling, code) in [
        (app("Helper", "Acme Spyware Inc."), "likely", "prohibited", 1),
        (app("Helper", "ACME  spyware, gmbh"), "likely", "prohibited", 1),
        (app("Helper", "Ａｃｍｅ Spyware"), "likely", "prohibited", 1),
        (named("application", "Acme Remote Desktop"), "likely", "prohibited", 1),
        (named("package", "acme remote"), "likely", "prohibited", 1),
        (named("application", "Acme\u{a0}Remote"), "likely", "prohibited", 1),
        // A process may call itself anything.
        (named("process", "acme remote"), "possible", "review", 4),
    ] {
        let (exit, report) = judged(SMALLEST, item.clone());
        let finding = &report["findings"][0];
        assert_eq!((finding["vendor"].as_str(), exit), (Some("acme"), code), "{item}");
        assert_eq!(finding["strength"], strength, "{item}");
        let rulings = finding["rulings"].as_array().unwrap();
        assert_eq!(rulings.len(), 1, "{item}");
        assert_eq!(
            (&rulings[0]["instrument"], &rulings[0]["ruling"]),
            (&json!("local-policy"), &json!(ruling))
        );
    }
}

#[test]
fn what_the_smallest_rule_file_does_not_name_is_no_finding() {
    for item in [
        json!({"kind": "application", "name": "Not Acme Remote", "publisher": "Anti Acme Spyware"}),
        json!({"kind": "application", "name": "Acme", "publisher": "Acme"}),
        json!({"kind": "application", "name": "x", "signer": "Acme Spyware"}),
    ] {
        let (exit, report) = judged(SMALLEST, item.clone());
        assert_eq!((exit, &report["findings"]), (0, &json!([])), "{item}");
    }
}

#[test]
fn composed_and_decomposed_letters_are_one() {
    for (rule, found) in [
        ("Caf\u{e9}*", "CAFE\u{301} bar"),
        ("Cafe\u{301}*", "caf\u{e9} bar"),
        ("STRA\u{df}E*", "stra\u{df}e 9"),
    ] {
        let rules = format!("[[vendor]]\nid = \"cafe\"\nname = \"Café\"\nname-match = [\"{rule}\"]\n");
        let (exit, _) = judged(&rules, json!({"kind": "application", "name": found}));
        assert_eq!(exit, 1, "{rule} and {found}");
    }
}

#[test]
fn the_local_policy_is_judged_beside_any_choice_of_instruments() {
    let root = Root::new();
    root.write("own.toml", SMALLEST);
    let rules = root.at("own.toml");
    let list = root.list(&[json!({"kind": "application", "name": "Acme Remote"})]);
    for chosen in [&["--under", "us-bod-17-01"][..], &["--no-builtin-rules"], &["--under", "all"], &[]] {
        let (exit, report) = scan(&list, &[&["--rules", rules.to_str().unwrap()], chosen].concat());
        let ids: Vec<_> = report["instruments"].as_array().unwrap().iter().map(|i| &i["id"]).collect();
        assert_eq!((exit, ids.contains(&&json!("local-policy"))), (1, true), "{chosen:?}: {ids:?}");
    }
}

#[test]
fn a_folder_gives_all_its_rule_files_and_the_report_names_them() {
    let root = Root::new();
    root.write("own/a.toml", SMALLEST.replace("acme", "acme-a"));
    root.write("own/below/b.toml", "version = \"7\"\n".to_owned() + SMALLEST);
    root.write("own/readme.txt", "these are no rules");
    let list = root.list(&[json!({"kind": "application", "name": "Acme Remote"})]);
    let (_, report) = scan(&list, &["--rules", root.at("own").to_str().unwrap(), "--no-builtin-rules"]);
    let rules = report["rules"].as_array().unwrap();
    let named: Vec<_> =
        rules.iter().map(|r| (r["id"].as_str().unwrap(), r["version"].as_str().unwrap())).collect();
    assert_eq!(named[1..], [("a", ""), ("b", "7")]);
    assert!(rules.iter().all(|r| r["sha256"].as_str().unwrap().len() == 64), "{rules:?}");
    assert_eq!(report["findings"].as_array().unwrap().len(), 2, "one product of each vendor");
}

#[test]
fn without_any_instrument_there_is_nothing_to_judge_by() {
    let root = Root::new();
    let list = root.list(&[json!({"kind": "application", "name": "x"})]);
    let run = run(["scan", &list, "--no-builtin-rules"]);
    assert_eq!((run.code, run.out.as_str()), (2, ""));
    assert!(run.err.contains("name one with --under, or give --rules"), "{}", run.err);
}

#[test]
fn checking_warns_of_missing_examples_and_sources() {
    let root = Root::new();
    root.write("own.toml", SMALLEST);
    let run = run(["rules", "check", root.at("own.toml").to_str().unwrap()]);
    assert_eq!(run.code, 0, "{}", run.err);
    assert!(run.out.starts_with("the rules are right"), "{}", run.out);
    for place in ["own.toml:4:13\n", "own.toml:5:14\n"] {
        assert!(run.err.contains(place), "{place}: {}", run.err);
    }
    assert_eq!(run.err.matches("warning[no-proof]: this signature lacks a source and examples\n").count(), 2);
    assert!(!run.err.contains("error"), "{}", run.err);
}

#[test]
fn a_rule_file_with_its_proof_leaves_no_warning() {
    let root = Root::new();
    root.write("own.toml", proven());
    let run = run(["rules", "check", root.at("own.toml").to_str().unwrap()]);
    assert_eq!((run.code, run.err.as_str()), (0, ""));
}

#[test]
fn testing_counts_the_examples() {
    let count = |args: &[&str]| {
        let run = run(["rules", "test"].iter().chain(args));
        assert_eq!((run.code, run.err.as_str()), (0, ""));
        let (count, rest) = run.out.split_once(' ').unwrap();
        assert!(rest.starts_with("examples hold"), "{}", run.out);
        count.parse::<usize>().unwrap()
    };
    let root = Root::new();
    root.write("own.toml", proven());
    let builtin = count(&[]);
    assert!(builtin > 100, "{builtin}");
    // Two hits, one miss, two items.
    assert_eq!(count(&[root.at("own.toml").to_str().unwrap()]), builtin + 5);
}

/// What an editor on Windows makes of a file is no mistake.
#[test]
fn a_byte_order_mark_and_carriage_returns_are_no_mistake() {
    let (exit, report) = judged(
        &format!("\u{feff}{}", SMALLEST.replace('\n', "\r\n")),
        json!({"kind": "application", "name": "Acme Remote"}),
    );
    assert_eq!((exit, &report["findings"][0]["vendor"]), (1, &json!("acme")));
}

/// Rules with all that is asked of the built-in ones.
fn proven() -> &'static str {
    r#"[[vendor]]
id = "acme"
name = "Acme"
brand = ["*acmeremote*"]

[[vendor.signature]]
publisher = ["Acme Spyware*"]
source = "https://example.org/acme"
hit = ["Acme Spyware Inc.", "acme spyware"]
miss = ["Spyware of Acme"]

[[vendor.example]]
item = { kind = "application", name = "x", publisher = "Acme Spyware" }
expect = "likely"

[[vendor.example]]
item = { kind = "application", name = "AcmeRemote remover", publisher = "Somebody" }
expect = "mention"
"#
}

/// Law 6: what ships carries its proof; in an operator's file the lack is a warning.
#[test]
fn a_built_in_signature_needs_a_source_a_hit_and_a_miss() {
    let of = |text: &str, builtin| {
        Rules::of(&[RuleFile { path: "acme.toml".to_owned(), text: text.to_owned(), builtin }], false)
    };
    assert!(of(proven(), true).is_ok());
    for (key, lack) in [("source", "a source"), ("hit", "examples"), ("miss", "examples")] {
        let lacking: String =
            proven().lines().filter(|l| !l.starts_with(&format!("{key} = "))).collect::<Vec<_>>().join("\n");
        let error = of(&lacking, true).err().expect(key).to_string();
        let said = format!("[no-proof]: this signature lacks {lack}\n --> acme.toml:7:13\n");
        assert!(error.contains(&format!("error{said}")), "{error}");
        let rules = of(&lacking, false).unwrap_or_else(|e| panic!("{e}"));
        assert!(rules.warnings.contains(&format!("warning{said}")), "{}", rules.warnings);
    }
    let error = of(SMALLEST, true).err().unwrap().to_string();
    assert_eq!(error.matches("error[no-proof]").count(), 2, "one for each line: {error}");
}

#[test]
fn a_built_in_signature_that_can_change_nothing_is_an_error() {
    let twice = proven().replace(
        "[[vendor.example]]\nitem = { kind = \"application\", name = \"x\"",
        "[[vendor.signature]]\npublisher = [\"Acme Spyware Inc.\"]\nsource = \"x\"\nhit = [\"Acme Spyware Inc\"]\nmiss = [\"x\"]\n\n[[vendor.example]]\nitem = { kind = \"application\", name = \"x\"",
    );
    let file = RuleFile { path: "acme.toml".to_owned(), text: twice, builtin: true };
    let error = Rules::of(&[file], false).err().unwrap().to_string();
    assert!(error.contains("error[unreachable]: this signature can never change anything"), "{error}");
}

#[test]
fn packs_state_the_day_of_their_facts_and_grow_old() {
    let builtin = Rules::load(&[], true, false).unwrap();
    let undated: Vec<_> = builtin.packs.iter().filter(|pack| pack.as_of.is_none()).collect();
    assert!(undated.is_empty(), "{undated:#?}");
    let of = |head: &str| {
        let file = |name: &str, text: String| RuleFile { path: name.to_owned(), text, builtin: false };
        Rules::of(&[file("acme.toml", format!("{head}{SMALLEST}"))], false).unwrap()
    };
    for (head, day, old) in [
        ("version = \"2026-01-01\"\n", "2026-06-30", 0),
        ("version = \"2026-01-01\"\n", "2026-07-01", 1),
        ("version = \"2026-01-01\"\nas_of = \"2026-03-01\"\n", "2026-07-01", 0),
        ("version = \"7\"\nas_of = 2026-01-01\n", "2026-07-01", 1),
        ("version = \"7\"\n", "2036-07-01", 0),
        ("", "2036-07-01", 0),
        ("version = \"2026-01-01\"\n", "2025-01-01", 0),
    ] {
        let rules = of(head);
        assert_eq!(rules.older_than(day.parse().unwrap(), 180).len(), old, "{head} {day}");
    }
    // The local policy has no facts that grow old.
    let old = builtin.older_than("2036-01-01".parse().unwrap(), 180);
    assert_eq!(old.len(), builtin.packs.len() - 1);
}

/// Open source of flagged vendors is no product of theirs, until an operator says otherwise.
#[test]
fn open_source_of_flagged_vendors_is_found_on_request() {
    let root = Root::new();
    let items: Vec<Value> = [
        ("kaspresso", "pkg:maven/com.kaspersky.android-components/kaspresso@1.5.3"),
        ("hexa-ui", "pkg:npm/%40kaspersky/hexa-ui@2.0.0"),
        ("catboost", "pkg:pypi/catboost@1.2.5"),
        ("paddlepaddle", "pkg:pypi/paddlepaddle@2.6.1"),
        ("mindspore", "pkg:pypi/mindspore@2.2.0"),
    ]
    .into_iter()
    .map(|(name, purl)| json!({"kind": "package", "name": name, "ecosystem": "pypi", "ids": {"purl": purl}}))
    .collect();
    let list = root.list(&items);
    let (exit, report) = scan(&list, &["--under", "all"]);
    assert_eq!((exit, &report["findings"]), (0, &json!([])));
    for more in [&[][..], &["--no-builtin-rules"]] {
        let (exit, report) = scan(&list, &[&["--rules", "builtin:open-source"], more].concat());
        let findings = report["findings"].as_array().unwrap();
        assert_eq!((exit, findings.len()), (1, 5), "{findings:#?}");
        for finding in findings {
            assert!(finding["vendor"].as_str().unwrap().ends_with("-open-source"), "{finding}");
            let ruling = &finding["rulings"][0];
            assert_eq!(
                (&ruling["instrument"], &ruling["ruling"]),
                (&json!("local-policy"), &json!("prohibited"))
            );
        }
    }
    let run = run(["scan", &list, "--rules", "builtin:opensource"]);
    assert_eq!(run.code, 2);
    assert!(run.err.contains("no pack `opensource`") && run.err.contains("open-source"), "{}", run.err);
}

/// What is on request carries its proof too.
#[test]
fn packs_on_request_are_held_to_what_the_built_in_ones_are() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/rules/on-request");
    for entry in std::fs::read_dir(root).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        let path = path.display().to_string();
        let rules =
            Rules::of(&[RuleFile { path, text, builtin: true }], false).unwrap_or_else(|e| panic!("{e}"));
        assert!(rules.packs.iter().all(|pack| pack.as_of.is_some() && pack.about.is_some()));
        let known = interdict::rules::on_request();
        assert!(known.iter().any(|pack| pack.sha256 == rules.packs[0].sha256));
    }
}

/// A pack older than the stated age is a warning in every form of the report, and changes no verdict.
#[test]
fn old_rules_are_a_warning_and_no_failure() {
    let root = Root::new();
    let list = root.list(&[json!({"kind": "package", "name": "acme"})]);
    let vendor = "[[vendor]]\nid = \"acme\"\nname = \"Acme\"\npublisher = [\"Acme Inc\"]\n";
    root.write("old.toml", format!("version = \"2001-02-03\"\n{vendor}"));
    let rules = root.at("old.toml");
    let scan = |args: &[&str]| {
        let fixed = ["scan", &list, "--rules", rules.to_str().unwrap(), "--no-builtin-rules"];
        run([&fixed, args].concat())
    };
    for format in ["table", "json", "ndjson", "csv", "junit", "sarif", "html", "markdown", "template"] {
        let found = scan(&["-o", format]);
        let text = found.out.split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(found.code, 0, "{}", found.err);
        assert!(text.contains("old were checked on 2001-02-03"), "{format}: {}", found.out);
        let young = scan(&["-o", format, "--max-rules-age", "36500"]);
        assert!(!young.out.contains("were checked on"), "{format}: {}", young.out);
    }
}
