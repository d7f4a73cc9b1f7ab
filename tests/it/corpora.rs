//! Real product records (INTERFACE's saved inventory, taken from public catalogues): how many of each maker's are
//! recognised, and that nobody is taken for another.
//!
//! The rules rest on what is published of a maker and never on these rows. What is missed is listed with the reason, and
//! so is what the labels leave out.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use interdict::item::State;
use interdict::report::Report;
use interdict::rules::Strength;
use interdict::target::Target;

use crate::lab::{RULES, judged, shared};

const CORPORA: &[&str] = &["drivers", "linux", "macos", "processes", "windows"];

/// Labels under which either answer is right.
const EITHER: &[&str] = &["opensource-by-vendor", "repackaged", "third-party-patch-bundle", "generic-name"];

/// A maker that no rule is about.
const WITHOUT_RULES: &[&str] = &["vk"];

/// What is labelled and not recognised, with the reason.
const MISSED: &[(&str, &[&str])] = &[
    ("KAVSTART.exe is Kingsoft's", &["pd051546"]),
    ("a script of Wazuh's agent is called kaspersky", &["pd052351"]),
    ("dwengine.exe is given to DriveSentry by two tables", &["pd051644"]),
];

/// What the labels do not name though it is the maker's by its own word: drivers for which Microsoft's list of allocated
/// altitudes names the maker (Proxima Beta is Tencent's house of games), and applications with the maker's own bundle
/// identifier, of makers that the labels do not know.
const UNLABELLED: &[(&str, &[&str])] = &[
    ("abbyy", &["md004578", "md006955"]),
    (
        "acronis",
        &[
            "dd049962", "dd049963", "dd050578", "dd050579", "dd050616", "dd050665", "dd050724", "dd050853",
            "dd050967", "dd050968", "md004593", "md006958",
        ],
    ),
    ("baidu", &["dd050082", "dd050434", "dd050435", "dd050436"]),
    ("drweb", &["dd050256", "dd050257", "dd050482", "dd050483", "dd050488"]),
    ("futu", &["md005170"]),
    ("group-ib", &["dd049965"]),
    ("infowatch", &["dd050180", "dd050181", "dd050182"]),
    (
        "kaspersky",
        &[
            "dd049954", "dd049955", "dd050126", "dd050345", "dd050402", "dd050531", "dd050532", "dd050533",
            "dd050534", "dd050535", "dd050536", "dd050742", "dd050743", "dd050823", "dd050869", "dd050975",
            "dd050976",
        ],
    ),
    ("kingsoft", &["dd050154", "dd050515"]),
    ("moonshot", &["md005416"]),
    ("qihoo360", &["dd050168", "dd050169", "dd050426", "dd050427"]),
    ("tencent", &["dd050145", "dd050146", "dd050280", "dd050281", "dd050282", "dd050433"]),
    ("webull", &["md006393"]),
    ("yandex", &["dd050099"]),
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
        (reference, Label { corpus, vendor: vendor.replace('_', "-"), says: label, name })
    };
    text.lines().skip(1).map(row).collect()
}

/// What is said of each record, by its reference: the strongest for each maker.
fn said(report: &Report) -> BTreeMap<String, BTreeMap<&str, Strength>> {
    let mut said: BTreeMap<String, BTreeMap<&str, Strength>> = BTreeMap::new();
    for reported in &report.findings {
        for evidence in reported.finding.evidence.iter().filter(|e| e.state != State::Mention) {
            let reference = report.inventory.items[evidence.item].reference.as_ref().unwrap().raw();
            let of_vendor = said.entry(reference.to_owned()).or_default();
            let strength = of_vendor.entry(&reported.vendor).or_insert(evidence.strength);
            *strength = evidence.strength.min(*strength);
        }
    }
    said
}

fn lists(lists: &[(&str, &[&str])], of: Option<&str>, reference: &str) -> bool {
    lists.iter().any(|(name, refs)| of.is_none_or(|of| of == *name) && refs.contains(&reference))
}

#[test]
fn makers_are_recognised_and_nobody_is_taken_for_another() {
    let Some(shared) = shared() else { return };
    let labels = labels(&std::fs::read_to_string(shared.join("corpora/labels.tsv")).unwrap());
    assert!(!RULES.vendors.is_empty());
    let started = Instant::now();
    let (mut accused, mut missed, mut stale) = (Vec::new(), Vec::new(), Vec::new());
    let mut counts: BTreeMap<(&str, &str), (usize, usize)> = BTreeMap::new();
    for corpus in CORPORA {
        let path = shared.join(format!("corpora/{corpus}.ndjson.gz"));
        let report = judged(&Target::saved(&path).unwrap());
        assert!(!report.inventory.is_incomplete() && report.inventory.items.len() > 100, "{corpus}");
        let said = said(&report);
        for (reference, by_vendor) in &said {
            let label = labels.get(reference);
            for (vendor, strength) in by_vendor.iter().filter(|(_, s)| **s != Strength::Possible) {
                let right = label.is_some_and(|l| {
                    l.vendor == *vendor && l.says == "direct" || EITHER.contains(&l.says.as_str())
                });
                if !right && !lists(UNLABELLED, Some(vendor), reference) {
                    accused.push(format!("{corpus} {reference}: {vendor}, {strength}"));
                }
            }
        }
        let direct = labels.iter().filter(|(_, l)| {
            l.corpus == *corpus && l.says == "direct" && !WITHOUT_RULES.contains(&l.vendor.as_str())
        });
        for (reference, label) in direct {
            let found = said.get(reference).and_then(|by| by.get(label.vendor.as_str())).copied();
            // A bare name of a process shows no more.
            let enough = if *corpus == "processes" { Strength::Possible } else { Strength::Likely };
            let is_found = found.is_some_and(|s| s <= enough);
            let count = counts.entry((&label.vendor, corpus)).or_default();
            *count = (count.0 + usize::from(is_found), count.1 + 1);
            match (is_found, lists(MISSED, None, reference)) {
                (false, false) => missed.push(format!("{corpus} {reference} {}: {found:?}", label.name)),
                (true, true) => stale.push(reference.clone()),
                _ => {}
            }
        }
    }
    for ((vendor, corpus), (found, all)) in &counts {
        eprintln!("{vendor:24}{corpus:12}{found:5} / {all}");
    }
    let (found, all) = counts.values().fold((0, 0), |sum, c| (sum.0 + c.0, sum.1 + c.1));
    eprintln!("{found} of {all} recognised in {:.1?}", started.elapsed());
    assert!(accused.is_empty(), "{accused:#?}");
    assert!(missed.is_empty(), "{missed:#?}");
    assert!(stale.is_empty(), "found, and listed as missed: {stale:?}");
    assert!(started.elapsed() < Duration::from_mins(3), "{:?}", started.elapsed());
}
