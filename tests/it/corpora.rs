//! Real product records (INTERFACE's saved inventory, taken from public catalogues): who is recognised and who is not.
//! What each maker's own rules find is measured elsewhere; here nobody may be taken for Kaspersky.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use interdict::item::State;
use interdict::report::Report;
use interdict::rules::Strength;
use interdict::target::Target;

use crate::lab::{RULES, judged, shared};

const CORPORA: &[&str] = &["drivers", "linux", "macos", "processes", "windows"];

/// Drivers that say `Kaspersky Lab` or `Kaspersky` as their publisher and that the labels do not name: klam.sys,
/// klboot.sys and others of Microsoft's list of allocated altitudes. There the labels are wrong.
const UNLABELLED: &[&str] = &[
    "dd049954", "dd049955", "dd050126", "dd050345", "dd050402", "dd050531", "dd050532", "dd050533",
    "dd050534", "dd050535", "dd050536", "dd050742", "dd050743", "dd050823", "dd050869", "dd050975",
    "dd050976",
];

/// What the labels say of a record.
struct Label {
    corpus: String,
    vendor: String,
    says: String,
    name: String,
}

fn labels(text: &str) -> BTreeMap<String, Label> {
    let row = |line: &str| {
        let cells: Vec<String> = line.split('\t').map(str::to_owned).collect();
        let [reference, corpus, vendor, label, name] = cells.try_into().unwrap();
        (reference, Label { corpus, vendor, says: label, name })
    };
    text.lines().skip(1).map(row).collect()
}

/// What is said of each record as Kaspersky's: the strongest of it, by its reference.
fn said(report: &Report) -> BTreeMap<String, Strength> {
    let mut said = BTreeMap::new();
    for reported in report.findings.iter().filter(|f| f.vendor == "kaspersky") {
        for evidence in reported.finding.evidence.iter().filter(|e| e.state != State::Mention) {
            let reference =
                report.inventory.items[evidence.item].reference.as_ref().unwrap().raw().to_owned();
            let strength = said.entry(reference).or_insert(evidence.strength);
            *strength = evidence.strength.min(*strength);
        }
    }
    said
}

#[test]
fn nobody_else_is_taken_for_kaspersky() {
    let Some(shared) = shared() else { return };
    let labels = labels(&std::fs::read_to_string(shared.join("corpora/labels.tsv")).unwrap());
    assert!(!RULES.vendors.is_empty());
    let started = Instant::now();
    let (mut accused, mut missed, mut processes) = (Vec::new(), Vec::new(), Vec::new());
    for corpus in CORPORA {
        let began = Instant::now();
        let path = shared.join(format!("corpora/{corpus}.ndjson.gz"));
        let report = judged(&Target::saved(&path).unwrap());
        assert!(!report.inventory.is_incomplete() && report.inventory.items.len() > 100, "{corpus}");
        let said = said(&report);
        for (reference, strength) in said.iter().filter(|(_, s)| **s != Strength::Possible) {
            let label =
                labels.get(reference).filter(|l| l.vendor == "kaspersky" && l.says != "hard-negative");
            if label.is_none() && !UNLABELLED.contains(&reference.as_str()) {
                accused.push(format!("{corpus} {reference}: {strength}"));
            }
        }
        let direct = labels.iter().filter(|(_, l)| {
            (l.corpus.as_str(), l.vendor.as_str(), l.says.as_str()) == (corpus, "kaspersky", "direct")
        });
        for (reference, label) in direct {
            let found = said.get(reference).copied();
            match *corpus {
                "processes" => processes.push((label.name.clone(), found)),
                _ if found.is_none_or(|s| s == Strength::Possible) => {
                    missed.push(format!("{corpus} {reference} {}: {found:?}", label.name));
                }
                _ => {}
            }
        }
        eprintln!("{corpus}: {} records in {:.1?}", report.inventory.items.len(), began.elapsed());
    }
    let found = processes.iter().filter(|(_, found)| found.is_some()).count();
    eprintln!("processes of kaspersky: {found} of {} recognised", processes.len());
    for (name, found) in &processes {
        eprintln!("  {:36} {}", name, found.map_or("no", Strength::word));
    }
    assert!(accused.is_empty(), "{accused:#?}");
    assert!(missed.is_empty(), "{missed:#?}");
    assert!(started.elapsed() < Duration::from_mins(3), "{:?}", started.elapsed());
}
