//! Property lists, programs and bills of materials of macOS that other scanners are tested with.
//!
//! They are in the folder that `INTERDICT_SHARED` names, with an index that states what each holds. Where this program
//! says other than the index, the comment says why. Disk images and installer packages are only told as files.

use std::fs;
use std::path::Path;

use interdict::parse::bundle::Info;
use interdict::parse::codesign::CodeSignature;
use interdict::parse::launchd::Job;
use interdict::parse::{bom, cms, macho, plist, x509};
use serde_json::Value;

use crate::hostile::{Random, mutate};
use crate::lab::{Root, run, shared};

const SCRIPT: &str = "#!/bin/sh\nexit 0\n";

fn fixture(shared: &Path, file: &str) -> Vec<u8> {
    fs::read(shared.join("fixtures").join(file)).unwrap()
}

/// The row of a source and its items.
fn told(root: &Root, source: &str) -> (Value, Vec<Value>) {
    let inventory = run(["inventory", &root.target(), "-o", "json"]).json();
    let of = |list: &str| {
        let all = inventory[list].as_array().unwrap().iter();
        all.filter(|value| value["source"] == source).cloned().collect::<Vec<_>>()
    };
    (of("coverage").remove(0), of("items"))
}

/// Descriptions of applications, each in one.
#[test]
fn descriptions_of_applications() {
    let Some(shared) = shared() else { return };
    let chrome = ("Google Chrome", Some("com.google.Chrome"));
    for (file, (name, id), version, state) in [
        // The index names it by `CFBundleName`, which is Chrome; people know it by its display name.
        ("ValidXML.plist", chrome, Some("130.0.6723.69"), "covered"),
        (
            "BinaryApp.plist",
            ("gMacInformation", Some("com.google.corp.gMacInformation")),
            Some("202410231131"),
            "covered",
        ),
        // The index has no version; the one that is not for people is there.
        ("MissingData.plist", ("Chrome", Some("com.google.Chrome")), Some("6723.69"), "covered"),
        // To the index these are errors, and so they are here; the folder names the application, which is there all the same.
        ("Empty.plist", ("App", None), None, "partial"),
        ("InvalidFormat.plist", ("App", None), None, "partial"),
    ] {
        let root = Root::new();
        root.write(
            "Applications/App.app/Contents/Info.plist",
            fixture(&shared, &format!("macapps/osv-scalibr/{file}")),
        );
        for program in ["App", "Google Chrome", "gMacInformation"] {
            root.write(&format!("Applications/App.app/Contents/MacOS/{program}"), SCRIPT);
        }
        let (row, items) = told(&root, "apps");
        assert_eq!((items.len(), &row["state"]), (1, &state.into()), "{file}: {row:#}");
        let is = |value: &Value| value.as_str().map(str::to_owned);
        let found = (is(&items[0]["name"]), is(&items[0]["ids"]["bundle-id"]), is(&items[0]["version"]));
        assert_eq!(
            found,
            (Some(name.to_owned()), id.map(str::to_owned), version.map(str::to_owned)),
            "{file}"
        );
        assert_eq!(items[0]["state"], "installed", "{file}");
    }
}

/// The applications of relic: both parts of the program of one are signed by nobody, which makes no signer.
#[test]
fn applications_with_programs() {
    let Some(shared) = shared() else { return };
    let root = Root::new();
    for file in ["Info.plist", "MacOS/dummy"] {
        let bytes = fixture(&shared, &format!("macho/relic/fatfile.app/Contents/{file}"));
        root.write(&format!("Applications/fatfile.app/Contents/{file}"), bytes);
    }
    let slim = fixture(&shared, "macho/relic/slimfile.app/Info.plist");
    root.write("Applications/slimfile.app/Info.plist", slim);
    let (row, items) = told(&root, "apps");
    assert_eq!(row["state"], "covered", "{row:#}");
    let line = |item: &Value| {
        [&item["name"], &item["version"], &item["ids"]["bundle-id"], &item["state"]]
            .map(Value::to_string)
            .join(" ")
    };
    let lines: Vec<_> = items.iter().map(line).collect();
    // The program of the second is not among the fixtures.
    assert_eq!(
        lines,
        [r#""dummy" "1.0" "com.sas.dummy" "installed""#, r#""dummyapp" "1.0" "com.sas.dummyapp" "remnant""#]
    );
    assert!(items.iter().all(|item| item["signature"].is_null() && item["ids"]["team-id"].is_null()));
}

/// What a signature says: identifier, team, whether nobody signed, and whether it is of its file.
type Said = (Option<String>, Option<String>, bool, Option<bool>);

/// What the signatures in a program say.
fn signatures(file: &[u8]) -> Vec<Said> {
    let size = u64::try_from(file.len()).unwrap();
    let stretch = |from: u64, size: u64| {
        let from = usize::try_from(from).unwrap_or(usize::MAX);
        let end = from.checked_add(usize::try_from(size).unwrap_or(usize::MAX));
        end.and_then(|end| file.get(from..end))
    };
    let first = &file[..file.len().min(macho::FIRST)];
    let mut found = Vec::new();
    for part in macho::parts(first, size).ok().flatten().unwrap_or_default() {
        let Some(part) = stretch(part.offset, part.size) else { continue };
        let header = &part[..part.len().min(macho::HEADER)];
        if macho::commands(header).is_err() {
            continue;
        }
        let Ok(Some(place)) = macho::signature(part) else { continue };
        let (from, length) = (usize::try_from(place.offset).unwrap(), usize::try_from(place.size).unwrap());
        let Some(blob) = part.get(from..).and_then(|rest| rest.get(..length)) else { continue };
        let Ok(signature) = CodeSignature::parse(blob) else { continue };
        if let Some(Ok(signer)) = signature.signed.map(cms::signer) {
            assert!(x509::Names::of(&signer.certificate).is_ok_and(|names| format!("{names:?}").len() > 1));
        }
        let limit = usize::try_from(signature.limit()).unwrap_or(usize::MAX);
        let text = |text: Option<&interdict::text::Text>| text.map(|t| t.raw().to_owned());
        found.push((
            text(signature.identifier.as_ref()),
            text(signature.team.as_ref()),
            signature.ad_hoc,
            part.get(..limit).and_then(|code| signature.is_of(code)),
        ));
    }
    found
}

#[test]
fn universal_programs() {
    let Some(shared) = shared() else { return };
    let of = |name: &str| (Some(name.to_owned()), None, true, Some(true));
    let dummy = fixture(&shared, "macho/relic/fatfile.app/Contents/MacOS/dummy");
    assert_eq!(signatures(&dummy), [of("com.sas.dummy"), of("com.sas.dummy")]);
    let hello = signatures(&fixture(&shared, "macho/goblin/hello_world_fat_binaries"));
    // Only the part for Apple's own processors is signed, by the linker.
    assert_eq!((hello.len(), hello[0].2, hello[0].3), (1, true, Some(true)), "{hello:?}");
}

/// Property lists of all sorts; whether they are read, and with how many keys.
#[test]
fn property_lists() {
    let Some(shared) = shared() else { return };
    for (file, keys) in [
        ("osquery/test.plist", Some(8)),
        ("osquery/test_launchd.plist", Some(11)),
        ("plaso/Downloads.plist", Some(1)),
        ("plaso/History.plist", Some(2)),
        ("plaso/NSKeyedArchiver.plist", Some(4)),
        ("plaso/StartupParameters.plist", Some(4)),
        ("plaso/com.apple.HIToolbox.plist", Some(3)),
        ("plaso/com.apple.SoftwareUpdate.plist", Some(14)),
        ("plaso/com.apple.TimeMachine.plist", Some(12)),
        ("plaso/com.apple.bluetooth.plist", Some(16)),
        ("plaso/com.apple.iPod.plist", Some(2)),
        ("plaso/com.apple.networkextension.uuidcache.plist", Some(0)),
        ("plaso/com.apple.spotlight.plist", Some(1)),
        ("plaso/empty.plist", None),
        ("plaso/launchd.minimal.plist", Some(2)),
        ("plaso/launchd.noprogram.plist", Some(2)),
        ("plaso/loginwindow.plist", Some(4)),
        ("plaso/nobody.plist", Some(9)),
        ("plaso/truncated.plist", None),
        ("plaso/user.plist", Some(20)),
        ("rust-plist/ascii-animals.plist", Some(3)),
        ("rust-plist/binary_NSKeyedArchiver.plist", Some(4)),
        ("rust-plist/binary_three_byte_integer_offset_table.plist", Some(4)),
        ("rust-plist/binary_zero_offset_size.plist", None),
        ("rust-plist/book.plist", Some(4)),
        ("rust-plist/netnewswire.pbxproj", Some(5)),
        ("rust-plist/utf16_bplist.plist", Some(2)),
        ("rust-plist/xml-animals.plist", Some(3)),
        ("rust-plist/xml.plist", Some(13)),
        ("rust-plist/xml_entity_error.plist", None),
        ("rust-plist/xml_error.plist", None),
    ] {
        let found = plist::parse(&fixture(&shared, &format!("plist/{file}")));
        let found = found.map(|value| value.as_dictionary().unwrap().len());
        assert_eq!(found.as_ref().ok(), keys.as_ref(), "{file}: {found:?}");
    }
    let array = plist::parse(&fixture(&shared, "plist/osquery/test_array.plist")).unwrap();
    assert_eq!(array.as_array().unwrap().len(), 1);
}

/// Jobs of launchd, as files of it.
#[test]
fn jobs_of_launchd() {
    let Some(shared) = shared() else { return };
    for (file, label, command, gaps) in [
        ("osquery/test_launchd.plist", "com.apple.mDNSResponder", Some("/usr/sbin/mDNSResponder"), 0),
        ("plaso/launchd.minimal.plist", "foo", Some("/usr/bin/true"), 0),
        ("plaso/launchd.noprogram.plist", "foo", Some("/usr/bin/true"), 0),
    ] {
        let root = Root::new();
        root.write("Library/LaunchDaemons/job.plist", fixture(&shared, &format!("plist/{file}")));
        let (row, items) = told(&root, "launchd");
        assert_eq!(
            (items[0]["name"].as_str(), items[0]["command"].as_str()),
            (Some(label), command),
            "{file}"
        );
        assert_eq!(row["gaps"].as_array().unwrap().len(), gaps, "{file}");
    }
}

#[test]
fn bills_of_materials() {
    let Some(shared) = shared() else { return };
    let files = bom::files(&fixture(&shared, "plist/apple-platform-rs/python-applications.bom")).unwrap();
    assert!(files.contains(&b"./Python 3.9/IDLE.app/Contents/Info.plist".to_vec()), "{}", files.len());
    let files = bom::files(&fixture(&shared, "plist/osquery/test_bom.bom")).unwrap();
    assert!(files.iter().all(|file| file.starts_with(b"./")) && files.len() > 100, "{}", files.len());
}

/// Each fixture cut at lengths of all classes and changed ten thousand times in all, with the same numbers in every run.
#[test]
fn no_hurt_fixture_panics_or_hangs() {
    let Some(shared) = shared() else { return };
    let mut samples = Vec::new();
    for folder in
        ["macapps/osv-scalibr", "plist/osquery", "plist/plaso", "plist/rust-plist", "plist/apple-platform-rs"]
    {
        for name in crate::roots::names(&shared.join("fixtures").join(folder)) {
            samples.push(fixture(&shared, &format!("{folder}/{name}")));
        }
    }
    for file in [
        "relic/fatfile.app/Contents/MacOS/dummy",
        "relic/slimfile.app/Info.plist",
        "goblin/hello_world_fat_binaries",
    ] {
        samples.push(fixture(&shared, &format!("macho/{file}")));
    }
    samples.push(fixture(&shared, "pkg/relic/dummy.pkg"));
    let read = |bytes: &[u8]| {
        if let Ok(list) = plist::parse(bytes) {
            let (info, job) = (Info::of(&list), Job::of(&list));
            assert!(info.stands_in(None).is_none() && job.command.len() <= 4096);
        }
        assert!(bom::files(bytes).is_ok_and(|files| files.len() < 2_000_001) || bom::files(bytes).is_err());
        assert!(signatures(bytes).len() < 41);
    };
    let mut random = Random(0x2545_f491_4f6c_dd1d);
    let started = std::time::Instant::now();
    for sample in &samples {
        for length in
            (0..12).map(|bits| 1 << bits).chain([0, sample.len() / 2, sample.len().saturating_sub(1)])
        {
            read(&sample[..sample.len().min(length)]);
        }
        for _ in 0..=(10_000 / samples.len()) {
            read(&mutate(&mut random, sample));
        }
    }
    assert!(started.elapsed().as_secs() < 240, "it took {:?}", started.elapsed());
}
