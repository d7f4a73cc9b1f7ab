//! Real packages of languages, held against what their index states of them.
//!
//! They are in the folder that `INTERDICT_SHARED` names.

use std::fs;
use std::path::PathBuf;

use interdict::inventory::GapCode;
use interdict::item::Item;
use interdict::report::Report;

use crate::lab::{Root, judged_root, shared};

fn pkgs() -> Option<PathBuf> {
    Some(shared()?.join("fixtures/coverage-root/syft/pkgs"))
}

/// What a source found, as `name version publisher state`.
fn lines(report: &Report, source: &str) -> Vec<String> {
    let text = |text: &Option<interdict::text::Text>| text.as_ref().map_or("-", |t| t.raw()).to_owned();
    let line =
        |i: &Item| format!("{} {} {} {}", i.name.raw(), text(&i.version), text(&i.publisher), i.state.word());
    report.inventory.items.iter().filter(|i| i.source.raw() == source).map(line).collect()
}

#[test]
fn distributions_of_python() {
    let Some(pkgs) = pkgs() else { return };
    let root = Root::new();
    let packages = "usr/lib/python3.8/site-packages";
    // The index has one of them in a folder that is named `dist-info` alone, as no tool writes it.
    for (from, to) in [
        ("dist-info", "Pygments-2.6.1.dist-info"),
        ("somerequests-3.22.0.dist-info", "somerequests-3.22.0.dist-info"),
        ("someotherpkg-3.19.0-py3.8.egg-info", "someotherpkg-3.19.0-py3.8.egg-info"),
    ] {
        for entry in fs::read_dir(pkgs.join("python").join(from)).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            root.write(&format!("{packages}/{to}/{name}"), fs::read(&path).unwrap());
        }
    }
    let report = judged_root(root.0.path());
    let wanted = [
        "Pygments 2.6.1 Georg Brandl installed",
        "someotherpkg 3.19.0 Kenneth Reitz installed",
        "somerequests 3.22.0 Georg Brandl installed",
    ];
    assert_eq!(lines(&report, "python"), wanted);
    // Two of the files are excerpts that end within a line.
    let cut: Vec<_> = report.inventory.gaps().filter(|(row, _)| row.source.raw() == "python").collect();
    assert!(cut.iter().all(|(_, gap)| gap.code == GapCode::Truncated && gap.blocks), "{cut:?}");
    assert!(!cut.iter().any(|(_, gap)| gap.place.raw().contains("Pygments")), "{cut:?}");
}

#[test]
fn an_archive_of_java_and_what_was_packed_into_it() {
    let Some(pkgs) = pkgs() else { return };
    let root = Root::new();
    let name = "example-java-app-maven-0.1.0.jar";
    root.write(&format!("opt/app/{name}"), fs::read(pkgs.join("java").join(name)).unwrap());
    let report = judged_root(root.0.path());
    let wanted = ["example-java-app-maven 0.1.0 - present", "joda-time 2.9.2 - present"];
    assert_eq!(lines(&report, "jars"), wanted);
    assert!(!report.inventory.gaps().any(|(row, _)| row.source.raw() == "jars"));
}

/// Cut at many lengths and with bytes exchanged, each file is read to its end.
#[test]
fn hurt_files_are_no_panic() {
    let Some(pkgs) = pkgs() else { return };
    // Any generator will do that gives the same numbers in every run (Knuth's MMIX).
    let mut state = 16_34_u64;
    let mut next = move |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap() % below.max(1)
    };
    for (from, to) in [
        ("python/dist-info/METADATA", "usr/lib/python3/dist-packages/p-1.dist-info/METADATA"),
        ("java/example-jenkins-plugin.hpi", "opt/app/a.jar"),
    ] {
        let whole = fs::read(pkgs.join(from)).unwrap();
        let root = Root::new();
        for turn in 0..60 {
            let mut hurt = whole.clone();
            if turn % 2 == 0 {
                hurt.truncate(next(whole.len()));
            } else {
                for _ in 0..=next(8) {
                    let at = next(hurt.len());
                    hurt[at] = u8::try_from(next(256)).unwrap();
                }
            }
            root.write(to, &hurt);
            let report = judged_root(root.0.path());
            assert!(!report.inventory.gaps().any(|(_, gap)| gap.code == GapCode::Fault), "{from} {turn}");
            let found = lines(&report, if from.starts_with("python") { "python" } else { "jars" });
            assert!(!found.is_empty(), "{from} {turn}");
        }
    }
}
