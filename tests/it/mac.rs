//! A workstation with macOS, judged from its files alone.

use serde_json::Value;

use crate::lab::{Root, scan};

/// A program that does nothing, signed with a key that nobody has, under the name and for the team of Kaspersky.
const SIGNED: &[u8] = include_bytes!("mac/signed.macho");

fn info(identifier: &str, name: &str, program: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<plist version=\"1.0\"><dict>\n\
         <key>CFBundleIdentifier</key><string>{identifier}</string>\n<key>CFBundleName</key><string>{name}</string>\n\
         <key>CFBundleExecutable</key><string>{program}</string>\n\
         <key>CFBundleShortVersionString</key><string>12.1</string>\n</dict></plist>\n"
    )
}

/// Vendor, state and strength of each finding.
fn findings(report: &Value) -> Vec<[String; 3]> {
    let findings = report["findings"].as_array().unwrap().iter();
    findings.map(|f| ["vendor", "state", "strength"].map(|key| f[key].as_str().unwrap().to_owned())).collect()
}

/// The application, what launchd starts of it and its system extension; their programs are signed for the maker's team.
#[test]
fn an_application_its_job_and_its_extension_are_one_finding() {
    let root = Root::new();
    let app = "Applications/Kaspersky Internet Security.app/Contents";
    root.write(
        &format!("{app}/Info.plist"),
        info("com.kaspersky.kav.gui", "Kaspersky Internet Security", "kav_gui"),
    );
    root.write(&format!("{app}/MacOS/kav_gui"), SIGNED);
    let kav = "Library/Application Support/Kaspersky Lab/KAV/Binaries/kav";
    root.write(kav, SIGNED);
    let job = format!(
        "<plist><dict><key>Label</key><string>com.kaspersky.kav</string><key>Program</key><string>/{kav}</string></dict></plist>"
    );
    root.write("Library/LaunchDaemons/com.kaspersky.kav.plist", job);
    let extension = "com.kaspersky.kav.sysext";
    let copy = format!("Library/SystemExtensions/7F5A/{extension}.systemextension/Contents");
    root.write(&format!("{copy}/Info.plist"), info(extension, extension, extension));
    root.write(&format!("{copy}/MacOS/{extension}"), SIGNED);
    let (code, report) = scan(&root.target(), &[]);
    assert_eq!(code, 1, "{:#}", report["findings"]);
    assert_eq!(findings(&report), [["kaspersky", "installed", "certain"]], "{:#}", report["findings"]);
    let evidence = report["findings"][0]["evidence"].as_array().unwrap();
    let mut sources: Vec<_> = evidence.iter().map(|e| e["source"].as_str().unwrap()).collect();
    sources.dedup();
    for source in ["apps", "launchd"] {
        assert!(sources.contains(&source), "{sources:?}");
    }
    let drivers: Vec<_> = evidence.iter().filter(|e| e["kind"] == "driver").collect();
    assert_eq!(drivers.len(), 1, "{evidence:#?}");
}

/// A team is only believed where somebody signed, and where the program is what was signed.
#[test]
fn a_changed_program_is_not_told_by_its_team() {
    let mut signed = SIGNED.to_vec();
    for (changed, wanted) in [(false, 1), (true, 0)] {
        let root = Root::new();
        signed[100] ^= u8::from(changed);
        root.write("Applications/Notes.app/Contents/Info.plist", info("org.notes", "Notes", "notes"));
        root.write("Applications/Notes.app/Contents/MacOS/notes", &signed);
        let (_, report) = scan(&root.target(), &[]);
        let certain = findings(&report).iter().filter(|f| f[2] == "certain").count();
        assert_eq!(certain, wanted, "{:#}", report["findings"]);
    }
}
