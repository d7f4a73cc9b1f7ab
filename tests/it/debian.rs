//! A package of the vendor through its whole life, as dpkg itself writes it down: installed, removed, put back in part
//! by hand, purged.

use std::fs;
use std::process::Command;

use serde_json::Value;

use crate::lab::{Root, finish, has, is_root, run, scan};

const CONTROL: &str = "Package: kesl\nVersion: 12.1.0-1297\nArchitecture: all\nSection: admin\nPriority: optional\n\
                       Maintainer: Kaspersky Lab <x@example.org>\nDescription: a test\n";
const UNIT: &str = "[Unit]\nDescription=a test\n\n[Service]\nExecStart=/opt/kaspersky/kesl/bin/kesl\n\n\
                    [Install]\nWantedBy=multi-user.target\n";
const UNIT_FILE: &str = "lib/systemd/system/kesl.service";
const PROGRAM: &str = "opt/kaspersky/kesl/bin/kesl";

/// A root with a package of another maker, known to dpkg as that writes it, and the vendor's installed by dpkg.
fn installed() -> Option<Root> {
    if !(has("dpkg") && has("dpkg-deb") && is_root()) {
        return None;
    }
    let package = Root::new();
    package.write("DEBIAN/control", CONTROL);
    package.write("DEBIAN/conffiles", "/etc/opt/kaspersky/kesl.conf\n");
    package.write("etc/opt/kaspersky/kesl.conf", "mode=on\n");
    package.write(UNIT_FILE, UNIT);
    package.write(PROGRAM, "#!/bin/sh\n");
    package.write("opt/kaspersky/kesl/lib/libkesl.so", "");
    package.write("opt/kaspersky/kesl/doc/license.txt", "");
    let made = Root::new();
    let file = made.at("kesl.deb");
    // dpkg-deb refuses a control folder that only its owner may enter, as a temporary one is.
    tool(Command::new("chmod").arg("-R").arg("u=rwX,go=rX").arg(package.0.path()));
    tool(Command::new("chmod").arg("a+x").arg(package.at(PROGRAM)));
    tool(Command::new("dpkg-deb").args(["--root-owner-group", "--build"]).arg(package.0.path()).arg(&file));
    let root = Root::debian();
    fs::create_dir_all(root.at("var/lib/dpkg/updates")).unwrap();
    dpkg(&root, &["-i", file.to_str().unwrap()]);
    Some(root)
}

fn dpkg(root: &Root, args: &[&str]) {
    let mut command = Command::new("dpkg");
    command.arg(format!("--root={}", root.0.path().display()));
    tool(command.args(["--force-all", "--force-script-chrootless"]).args(args));
}

fn tool(command: &mut Command) {
    let run = finish(command);
    assert_eq!(run.code, 0, "{command:?}: {}{}", run.out, run.err);
}

/// The one finding of a report.
fn only(report: &Value) -> &Value {
    let findings = report["findings"].as_array().unwrap();
    assert_eq!(findings.len(), 1, "{findings:#?}");
    let finding = &findings[0];
    let is = |key: &str| finding[key].as_str().unwrap();
    assert_eq!([is("vendor"), is("product"), is("where")], ["kaspersky", "kesl", "host"]);
    finding
}

/// What each instrument rules, in order of their names.
fn rulings(finding: &Value) -> Vec<(&str, &str)> {
    let rulings = finding["rulings"].as_array().unwrap().iter();
    let mut rulings: Vec<_> =
        rulings.map(|r| (r["instrument"].as_str().unwrap(), r["ruling"].as_str().unwrap())).collect();
    rulings.sort_unstable();
    rulings
}

fn evidence<'a>(finding: &'a Value, source: &str) -> &'a Value {
    finding["evidence"].as_array().unwrap().iter().find(|e| e["source"] == source).unwrap()
}

fn both(ruling: &str) -> [(&str, &str); 2] {
    [("us-bod-17-01", ruling), ("us-ndaa-fy2018-1634", ruling)]
}

#[test]
fn a_package_that_is_installed_is_one_finding_with_all_its_evidence() {
    let Some(root) = installed() else { return };
    let (code, report) = scan(&root.target(), &[]);
    assert_eq!((code, &report["verdict"]), (1, &"prohibited".into()), "{report:#}");
    let finding = only(&report);
    assert_eq!((&finding["state"], &finding["strength"]), (&"installed".into(), &"certain".into()));
    assert_eq!(finding["version"], "12.1.0-1297");
    assert_eq!(rulings(finding), both("prohibited"));
    assert_eq!(finding["evidence"].as_array().unwrap().len(), 3, "{finding:#}");
    let program = evidence(finding, "programs");
    assert_eq!((&program["kind"], &program["state"]), (&"file".into(), &"present".into()));
    let package = evidence(finding, "dpkg");
    assert_eq!((&package["kind"], &package["version"]), (&"package".into(), &"12.1.0-1297".into()));
    let paths: Vec<&str> = package["paths"].as_array().unwrap().iter().map(|p| p.as_str().unwrap()).collect();
    for path in ["/etc/opt/kaspersky/kesl.conf", "/opt/kaspersky/kesl/bin/kesl"] {
        assert!(paths.contains(&path), "{paths:?}");
    }
    let service = evidence(finding, "systemd");
    assert_eq!((&service["kind"], &service["name"]), (&"service".into(), &"kesl.service".into()));
    let owner = serde_json::json!({"trait": "owner", "value": "dpkg:kesl:all"});
    assert!(service["traits"].as_array().unwrap().contains(&owner), "{service:#}");
    let covered = report["coverage"].as_array().unwrap().iter().find(|row| row["source"] == "dpkg").unwrap();
    assert_eq!((&covered["state"], &covered["items"]), (&"covered".into(), &3.into()));
}

#[test]
fn a_package_that_was_removed_is_a_remnant_until_it_is_purged() {
    let Some(root) = installed() else { return };
    dpkg(&root, &["--remove", "kesl"]);
    let (code, report) = scan(&root.target(), &[]);
    let finding = only(&report);
    assert_eq!((code, &finding["state"]), (0, &"remnant".into()), "{report:#}");
    assert_eq!(rulings(finding), both("advisory"));
    let table = run(["scan", &root.target()]);
    assert_eq!(table.code, 0);
    assert!(table.out.contains("remnant"), "{}", table.out);

    dpkg(&root, &["--purge", "kesl"]);
    let (code, report) = scan(&root.target(), &[]);
    assert_eq!((code, &report["findings"]), (0, &Value::Array(Vec::new())), "{report:#}");
}

/// What the package manager has forgotten, and the system would start, is there.
#[test]
fn a_unit_and_its_executable_beside_a_remnant_are_present() {
    let Some(root) = installed() else { return };
    dpkg(&root, &["--remove", "kesl"]);
    root.write(UNIT_FILE, UNIT);
    root.write(PROGRAM, "#!/bin/sh\n");
    let (code, report) = scan(&root.target(), &[]);
    let finding = only(&report);
    assert_eq!((code, &finding["state"]), (1, &"present".into()), "{report:#}");
    assert_eq!(rulings(finding), both("prohibited"));
    assert_eq!(evidence(finding, "dpkg")["state"], "remnant");

    fs::remove_file(root.at(PROGRAM)).unwrap();
    let (code, report) = scan(&root.target(), &[]);
    assert_eq!((code, &only(&report)["state"]), (0, &"remnant".into()), "{report:#}");
}

/// dpkg holds a package that is only unpacked for broken; its files are on the disk all the same.
#[test]
fn a_package_that_is_only_unpacked_is_installed() {
    let Some(root) = installed() else { return };
    let status = fs::read_to_string(root.at("var/lib/dpkg/status")).unwrap();
    let (head, tail) = status.split_once("Package: kesl\n").unwrap();
    let unpacked = tail.replacen("Status: install ok installed", "Status: install ok unpacked", 1);
    assert_ne!(tail, unpacked);
    root.write("var/lib/dpkg/status", format!("{head}Package: kesl\n{unpacked}"));
    let (code, report) = scan(&root.target(), &[]);
    assert_eq!((code, &only(&report)["state"]), (1, &"installed".into()), "{report:#}");
}
