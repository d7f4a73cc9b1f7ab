//! `rules diff`, `rules test --inventory`, and what `rules list`, `rules show` and `explain` say.

use serde_json::json;

use crate::lab::{Root, Run, run};

const OLD: &str = r#"version = "2026-01-01"
[[vendor]]
id = "acme"
name = "Acme"
publisher = ["Acme Inc.", "Acme Labs*"]
[[vendor.product]]
id = "remote"
name = "Acme Remote"
package = ["acme-remote"]
[[vendor]]
id = "gone"
name = "Gone"
publisher = ["Gone Inc."]
[[instrument]]
id = "own-law"
title = "Own law"
jurisdiction = "here"
issuer = "us"
citation = "OL 1"
force = "advice"
words = "all of it"
binds = "us"
covers = ["kaspersky", "acme"]
[[instrument.phase]]
from = "2020-01-01"
status = "in-force"
[[instrument.source]]
read = "T"
place = "here"
"#;

fn new() -> String {
    OLD.replace("\"Acme Labs*\"", "\"Acme Works*\"")
        .replace(
            "package = [\"acme-remote\"]",
            "[[vendor.product.signature]]\npackage = [\"acme-remote\"]\nstrength = \"possible\"",
        )
        .replace("gone", "fresh")
        .replace("Gone", "Fresh")
        .replace("\"advice\"", "\"use-ban\"\nscope = \"branded\"")
        .replace("covers = [\"kaspersky\", \"acme\"]", "covers = [\"acme/remote\", \"kaspersky\"]")
        .replace(
            "status = \"in-force\"\n",
            "status = \"in-force\"\n[[instrument.phase]]\nfrom = \"2026-06-01\"\nstatus = \"expired\"\n",
        )
}

fn difference(old: &str, new: &str) -> Run {
    let root = Root::new();
    root.write("old/rules.toml", old);
    root.write("new/rules.toml", new);
    run(["rules".into(), "diff".into(), root.at("old"), root.at("new/rules.toml")])
}

#[test]
fn a_difference_names_values_strengths_phases_and_what_is_covered() {
    let run = difference(OLD, &new());
    assert_eq!((run.code, run.err.as_str()), (0, ""));
    let shown = "\
~ vendor acme
  - publisher       Acme Labs* (likely)
  + publisher       Acme Works* (likely)

~ product acme/remote
  ~ package         acme-remote (possible), was (likely)

+ vendor fresh
  + name            \"Fresh\"
  + publisher       Fresh Inc. (likely)

- vendor gone
  - name            \"Gone\"
  - publisher       Gone Inc. (likely)

~ instrument own-law
  - covers          acme
  + covers          acme/remote
  ~ force           use-ban, was advice
  + phase           from 2026-06-01: expired
  ~ scope           branded, was whole-or-part
";
    assert_eq!(run.out, shown);
}

#[test]
fn what_differs_in_nothing_that_counts_is_no_difference() {
    let commented = format!("# more\n{}", OLD.replace("2026-01-01\"", "2026-01-02\""));
    let run = difference(OLD, &commented);
    assert_eq!((run.code, run.err.as_str()), (0, ""));
    assert_eq!(run.out, "no difference in what is recognised and in what the law says of it\n");
}

#[test]
fn the_built_in_rules_differ_from_themselves_in_nothing() {
    let run = run(["rules", "diff", "builtin", concat!(env!("CARGO_MANIFEST_DIR"), "/rules")]);
    assert_eq!((run.code, run.err.as_str()), (0, ""));
    assert_eq!(run.out, "no difference in what is recognised and in what the law says of it\n");
}

#[test]
fn rules_that_are_wrong_have_no_difference() {
    let run = difference(OLD, &new().replace("publisher", "publishr"));
    assert_eq!((run.code, run.out.as_str()), (2, ""));
    assert!(run.err.contains("did you mean `publisher`?"), "{}", run.err);
    let run = difference(&OLD.replace("\"kaspersky\"", "\"kapersky\""), OLD);
    assert!(run.code == 2 && run.err.contains("did you mean `kaspersky`?"), "{}", run.err);
}

#[test]
fn a_rule_file_is_tried_on_an_inventory() {
    let root = Root::new();
    let rules = "[[vendor]]\nid = \"acme\"\nname = \"Acme\"\npublisher = [\"Acme Labs*\"]\nname-match = [\"Nothing here\"]\n";
    root.write("own.toml", rules);
    let item = |name: &str| json!({"kind": "application", "name": name, "version": "1", "publisher": "Acme Labs Inc."});
    let items: Vec<_> = (1..8).map(|n| item(&format!("Tool {n}"))).collect();
    let list = root.list(&items);
    let file = list.strip_prefix("inventory:").unwrap();
    let own = root.at("own.toml");
    let run = run(["rules", "test", own.to_str().unwrap(), "--inventory", file]);
    assert_eq!((run.code, run.err.as_str()), (0, ""));
    for part in [
        "acme: publisher (likely) matched 7 items\n  Acme Labs*\n",
        "    - application Tool 1 1 (Acme Labs Inc.)",
        "    and 2 more\n",
        "Matched nothing:\n  - acme: name-match Nothing here\n",
        "\n1 of 2 signatures matched, in 7 items\n",
    ] {
        assert!(run.out.contains(part), "{part}: {}", run.out);
    }
}

#[test]
fn an_inventory_that_cannot_be_read_is_said_so() {
    let root = Root::new();
    root.write("list.ndjson", "{\"kind\":\"application\",\"name\":\"x\"}\n{\"kind\":\n");
    let missing = root.at("missing");
    let run_of = |file: &std::path::Path| run(["rules", "test", "--inventory", file.to_str().unwrap()]);
    assert_eq!(run_of(&missing).code, 2);
    let run = run_of(&root.at("list.ndjson"));
    assert!(run.code == 2 || run.err.contains("not looked at: "), "{}: {}", run.code, run.err);
}

#[test]
fn what_the_rules_say_of_something_fits_eighty_columns() {
    for args in [
        &["rules", "list"][..],
        &["rules", "show", "kaspersky"],
        &["rules", "show", "tencent/wechat"],
        &["rules", "show", "us-tiktok"],
        &["rules", "show", "open-source"],
        &["explain", "kaspersky"],
        &["explain", "us-federal"],
    ] {
        let run = run(args);
        assert_eq!((run.code, run.err.as_str()), (0, ""), "{args:?}");
        // A word that is longer than a line, as an address, is not broken.
        let fits = |line: &&str| line.chars().count() > 80 && line.split_whitespace().count() > 1;
        let wide: Vec<_> = run.out.lines().filter(fits).collect();
        assert!(wide.iter().all(|line| line.split_whitespace().any(|w| w.len() > 40)), "{args:?}: {wide:#?}");
    }
}

#[test]
fn a_vendor_is_shown_with_its_legal_basis_traits_sources_and_age() {
    let run_of = |id: &str| run(["rules", "show", id]).out;
    let out = run_of("kaspersky");
    for part in [
        "kaspersky - AO Kaspersky Lab\n",
        "  covered by  us-bod-17-01 (overtaken today, use-ban):",
        "kaspersky is recognised by\n",
        "kaspersky/kesl is recognised by\n",
        "  package (certain)\n",
        "      source: ",
        "its facts checked on 20",
    ] {
        assert!(out.contains(part), "{part}: {out}");
    }
    let out = run_of("abbyy");
    assert!(out.contains("covered by  no instrument; what is found is told as not covered"), "{out}");
    for id in ["open-source", "yandex-open-source", "yandex-open-source/catboost"] {
        let out = run_of(id);
        assert!(out.contains("--rules builtin:open-source"), "{out}");
    }
    let run = run(["explain", "kasperski"]);
    assert!(run.code == 2 && run.err.contains("did you mean `kaspersky`?"), "{}", run.err);
}

/// The file that is shown is right, and says all that is asked of one but for the vendor that stands for the smallest.
#[test]
fn the_rule_file_that_is_explained_is_right() {
    let out = run(["explain", "rule-file"]).out;
    let toml: Vec<_> = out.lines().filter_map(|line| line.strip_prefix("    ")).collect();
    let root = Root::new();
    root.write("own.toml", toml.join("\n"));
    let run = run(["rules", "check", root.at("own.toml").to_str().unwrap()]);
    assert_eq!(run.code, 0, "{}", run.err);
    assert_eq!(run.err.matches("warning[").count(), 2, "{}", run.err);
    for on in interdict::rules::Trait::all() {
        assert!(out.contains(&format!("\n  {:17} {}\n", on.word(), on.ceiling())), "{}", on.word());
    }
}
