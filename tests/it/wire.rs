//! The formats of machines: what all of them carry beside what every format does, and that what they point to is there.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use interdict::report::Report;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::lab::{Root, finish, has, interdict, is_slow, judged_root, run, written};
use crate::laws::rich;

/// The reports that a format is held to.
fn reports() -> Vec<Report> {
    let rich = judged_root(rich().0.path());
    let mut twice = rich.clone();
    // The same gap may be met twice.
    for row in &mut twice.inventory.coverage {
        row.gaps = [row.gaps.clone(), row.gaps.clone()].concat();
    }
    vec![
        rich,
        twice,
        judged_root(Root::new().0.path()),
        crate::waivers::waived_report(),
        crate::baseline::compared(),
    ]
}

fn of(report: &Report, format: &str) -> Vec<Value> {
    let all = written(report, 100).into_iter().filter(|(name, _)| name.ends_with(&format!("-o {format}")));
    let all: Vec<Value> = all.map(|(_, bytes)| serde_json::from_slice(&bytes).unwrap()).collect();
    assert!(!all.is_empty(), "there is no format {format}");
    all
}

/// Calls a function for each value with a key, at any depth.
fn each<'a>(value: &'a Value, key: &str, tell: &mut dyn FnMut(&'a Value)) {
    match value {
        Value::Object(object) => {
            for (name, value) in object {
                if name == key {
                    tell(value);
                }
                each(value, key, tell);
            }
        }
        Value::Array(array) => array.iter().for_each(|value| each(value, key, tell)),
        _ => {}
    }
}

#[test]
fn ids_of_oscal_are_unique_and_every_reference_leads_somewhere() {
    for report in reports() {
        for document in ["oscal-ar", "oscal-poam"].iter().flat_map(|format| of(&report, format)) {
            let mut ids = BTreeMap::<&str, usize>::new();
            each(&document, "uuid", &mut |id| *ids.entry(id.as_str().unwrap()).or_default() += 1);
            let twice: Vec<_> = ids.iter().filter(|(_, times)| **times > 1).collect();
            assert!(twice.is_empty(), "{twice:?}");
            for key in [
                "observation-uuid",
                "risk-uuid",
                "finding-uuid",
                "subject-uuid",
                "actor-uuid",
                "component-uuid",
            ] {
                each(&document, key, &mut |id| assert!(ids.contains_key(id.as_str().unwrap()), "{key} {id}"));
            }
            each(&document, "href", &mut |to| {
                assert!(ids.contains_key(to.as_str().unwrap().trim_start_matches('#')), "{to}");
            });
            assert!(!document.to_string().contains("[]"), "an empty list");
        }
    }
}

#[test]
fn every_format_carries_every_waiver() {
    let mut report = crate::waivers::waived_report();
    let mut carried = BTreeSet::new();
    for (number, waived) in report.waivers.iter_mut().enumerate() {
        let waiver = &mut waived.waiver;
        for (what, field) in
            [("id", &mut waiver.id), ("approver", &mut waiver.approver), ("reason", &mut waiver.reason)]
        {
            *field = format!("waiver{what}{number}x");
            carried.insert(field.clone());
        }
        carried.insert(waived.state.word().to_owned());
    }
    for (name, bytes) in written(&report, 2000).into_iter().filter(|(name, _)| name.starts_with("scan ")) {
        let text = String::from_utf8(bytes).unwrap();
        for token in &carried {
            assert!(text.contains(token.as_str()), "{name} lacks {token}:\n{text}");
        }
    }
}

/// What the statement is over can be computed again from the program's own list, of a saved report too.
#[test]
fn the_subject_of_the_statement_is_the_list_without_its_header() {
    let root = rich();
    let report = run(["scan", &root.target(), "-o", "json"]).out;
    let statement = run(["scan", &root.target(), "-o", "intoto"]).json();
    root.write("report.json", report);
    let saved = format!("inventory:{}", root.at("report.json").display());
    for target in [root.target(), saved] {
        let list = run(["inventory", &target, "-o", "ndjson"]).out;
        let (_, items) = list.split_once('\n').unwrap();
        assert!(items.lines().count() > 3);
        let digest: Vec<String> = Sha256::digest(items).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(statement["subject"][0]["digest"]["sha256"], digest.concat(), "{target}");
    }
    assert_eq!(statement["predicate"]["result"], "FAILED");
    let rules = statement["predicate"]["configuration"].as_array().unwrap();
    assert!(rules.iter().all(|rule| rule["digest"]["sha256"].as_str().unwrap().len() == 64), "{rules:?}");
}

#[test]
fn references_of_the_lists_of_components_lead_somewhere() {
    for mut report in reports() {
        for with_items in [true, false] {
            report.with_items = with_items;
            for document in of(&report, "cyclonedx") {
                let mut refs = BTreeSet::new();
                each(&document, "bom-ref", &mut |id| {
                    assert!(refs.insert(id.as_str().unwrap()), "{id} twice");
                });
                each(&document, "subjects", &mut |ids| {
                    assert!(
                        ids.as_array().unwrap().iter().all(|id| refs.contains(id.as_str().unwrap())),
                        "{ids}"
                    );
                });
            }
            for document in of(&report, "spdx") {
                let mut ids = BTreeSet::new();
                each(&document, "SPDXID", &mut |id| assert!(ids.insert(id.as_str().unwrap()), "{id} twice"));
                each(&document, "relatedSpdxElement", &mut |id| {
                    assert!(ids.contains(id.as_str().unwrap()), "{id}");
                });
            }
        }
    }
}

/// A package URL stands where the standards look for it, and one that is none, or that nobody told, nowhere.
#[test]
fn identifiers_are_told_and_never_made_up() {
    let root = Root::new();
    let ids =
        json!({"purl": "pkg:npm/a@1", "cpe": "cpe:2.3:a:a:a:1:*:*:*:*:*:*:*", "sha256": "A".repeat(64)});
    let list = root.list(&[
        json!({"kind": "package", "name": "a", "version": "1", "ids": ids}),
        json!({"kind": "package", "name": "b", "version": "1", "ids": {"purl": "not one", "cpe": "cpe:x", "sha256": "1"}}),
        json!({"kind": "package", "name": "c", "version": "1"}),
    ]);
    let of = |format: &str| run(["inventory", &list, "-o", format]).out;
    for format in ["cyclonedx", "spdx", "ocsf"] {
        let text = of(format);
        assert!(text.contains("pkg:npm/a@1") && text.contains("cpe:2.3:a:a:a:1"), "{format}: {text}");
        assert!(text.contains("not one"), "{format} drops what is no package URL");
    }
    let bom: Value = serde_json::from_str(&of("cyclonedx")).unwrap();
    assert_eq!(bom["components"][0]["purl"], "pkg:npm/a@1");
    assert!(bom["components"][1].get("purl").is_none() && bom["components"][2].get("purl").is_none());
}

/// A tree of all components would be many times what the items themselves are.
#[test]
fn a_hundred_thousand_items_are_written_in_the_memory_of_a_line() {
    if !(has("python3") && is_slow("a list of a hundred thousand items")) {
        return;
    }
    let root = Root::new();
    let item = |n: usize| json!({"kind": "package", "name": format!("p{n}"), "version": "1.0", "publisher": "Jane Doe", "place": "/x"});
    let items: Vec<Value> = (0..100_000).map(item).collect();
    let list = root.list(&items);
    let peak = |formats: &[&str]| -> u64 {
        let measure = "import resource, subprocess, sys\nsubprocess.run(sys.argv[1:])\n\
            print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)";
        let mut python = Command::new("python3");
        python.args(["-c", measure]).arg(interdict().get_program()).args(["inventory", &list]);
        for format in formats {
            python.args(["-o", &format!("{format}=/dev/null")]);
        }
        finish(&mut python).out.trim().parse().unwrap()
    };
    let (least, most) = (peak(&["ndjson"]), peak(&["cyclonedx", "ocsf", "spdx"]));
    assert!(most < least + 30_000, "{most} and {least} KiB");
}
