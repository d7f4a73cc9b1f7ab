//! Hostile strings (law 4): whatever a name says, no format writes a character that moves a cursor, turns a line or
//! hides, and JSON gives the very string back.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use interdict::target::Target;
use serde_json::{Value, json};

use crate::lab::{Root, judged, judged_root, run, scan, written};

/// What a name may try: clear the screen, turn the line, hide, run in a browser, run in a spreadsheet.
const EVIL: &[&str] = &[
    "\u{1b}[2J\u{1b}[1;1H",
    "\u{9b}31m",
    "\u{202e}gnp.exe",
    "\u{2066}x\u{2069}",
    "\u{200b}\u{200d}\u{feff}\u{ad}",
    "\r\u{8}\u{7}\u{b}\u{c}\u{85}\u{2028}",
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>&amp;",
    "=cmd|'/c calc'!A0",
    "{{7*7}}${x}%n%s",
    "\u{e0041}\u{e007f}",
    "a\\x41\\xff\\u{202e}",
];

/// Whether a character could mislead; not the program's own list, so that this one can find a hole in it.
fn misleads(c: char) -> bool {
    let bidi =
        "\u{61c}\u{200e}\u{200f}\u{202a}\u{202b}\u{202c}\u{202d}\u{202e}\u{2066}\u{2067}\u{2068}\u{2069}";
    let unseen = "\u{ad}\u{180e}\u{200b}\u{200c}\u{200d}\u{2060}\u{feff}\u{2028}\u{2029}";
    (c.is_control() && c != '\n' && c != '\u{7f}')
        || bidi.contains(c)
        || unseen.contains(c)
        || ('\u{e0000}'..='\u{e007f}').contains(&c)
}

/// Holds every format to a report. Each newline in a name stands before the word `newline`.
fn check(report: &interdict::report::Report) {
    for width in [40, 80, 2000] {
        for (name, bytes) in written(report, width) {
            let text = String::from_utf8(bytes).unwrap_or_else(|e| panic!("{name} is not UTF-8: {e}"));
            let found: Vec<char> = text.chars().filter(|c| misleads(*c)).collect();
            assert!(found.is_empty(), "{name} writes {found:?}");
            let forged = text.lines().find(|l| l.starts_with("newline"));
            assert_eq!(forged, None, "{name} lets a name begin a line");
            if name.ends_with("html") || name.ends_with("markdown") {
                assert!(!text.contains("<script>alert") && !text.contains("<img src=x"), "{name}");
            }
            if name.ends_with("csv") {
                let formula = |cell: &str| cell.trim_start_matches('"').starts_with('=');
                assert!(!text.lines().flat_map(|l| l.split(',')).any(formula), "{name}");
            }
            if name.ends_with("ndjson") || name.ends_with("ocsf") {
                assert!(text.lines().all(|l| serde_json::from_str::<Value>(l).is_ok()), "{name}");
            } else if ["json", "cyclonedx", "intoto", "oscal-ar", "oscal-poam", "sarif", "spdx"]
                .iter()
                .any(|format| name.ends_with(&format!("-o {format}")))
            {
                serde_json::from_str::<Value>(&text).unwrap_or_else(|e| panic!("{name}: {e}"));
            }
        }
    }
}

/// All of [`EVIL`], in one string, with newlines.
fn evil() -> String {
    format!("{}\nnewline", EVIL.join(" "))
}

/// A saved inventory in which every string is hostile, of products that are found.
pub(crate) fn list() -> String {
    let evil = evil();
    let mut lines = Vec::new();
    for (n, kind) in ["package", "application", "process", "service", "driver", "file"].iter().enumerate() {
        lines.push(json!({
            "kind": kind, "name": format!("kaspersky {evil}"), "version": format!("1{evil}"),
            "publisher": "Kaspersky Lab", "signer": evil, "state": "installed", "source": evil,
            "id": format!("{n}{evil}"), "place": evil, "owner": format!("0{evil}"), "container": evil,
            "scope": evil, "user": evil, "installed": evil, "homepage": evil, "ecosystem": evil, "product": evil,
            "original-name": evil, "service": evil, "command": evil, "ref": evil,
            "paths": [format!("/opt/kaspersky/{evil}"), evil], "ids": {"purl": evil, evil.as_str(): evil},
            "signature": {"subject": evil, "organisation": evil, "serial": evil, "thumbprint": evil, "state": "claimed"},
            evil.as_str(): {evil.as_str(): [evil]},
        }));
    }
    let gap = json!({"place": evil, "reason": evil, "code": "damaged", "blocks": true});
    let header = json!({
        "schema": "interdict.inventory/1",
        "target": {"kind": evil, "place": evil, "os": evil},
        "host": {"name": evil, "id": evil, "os": evil, "version": evil},
        "coverage": [{"source": evil, "state": "partial", "items": 6, "reason": evil, "gaps": [gap]}],
    });
    let lines: Vec<String> = std::iter::once(header).chain(lines).map(|l| l.to_string()).collect();
    lines.join("\n")
}

#[test]
fn no_format_writes_what_a_saved_inventory_would_have_it_write() {
    let root = Root::new();
    root.write("list.ndjson", list());
    let report = judged(&Target::saved(&root.at("list.ndjson")).unwrap());
    assert!(report.findings.iter().any(|f| !f.rulings.is_empty()), "nothing was found");
    check(&report);
}

#[test]
fn json_gives_a_hostile_string_back() {
    let root = Root::new();
    root.write("list.ndjson", list());
    let list = format!("inventory:{}", root.at("list.ndjson").display());
    let (_, report) = scan(&list, &[]);
    let evil = evil();
    assert_eq!(report["items"].as_array().unwrap().len(), 6);
    for item in report["items"].as_array().unwrap() {
        for key in ["signer", "source", "container", "command", "ref", "original-name", "homepage"] {
            assert_eq!(item[key].as_str(), Some(evil.as_str()), "{key}");
        }
        assert_eq!(item["paths"][0], format!("/opt/kaspersky/{evil}"));
        assert_eq!(item["ids"][evil.as_str()], evil.as_str());
        assert_eq!(item[evil.as_str()][evil.as_str()][0], evil.as_str());
    }
    assert_eq!(report["host"]["name"].as_str(), Some(evil.as_str()));
    assert_eq!(report["coverage"].as_array().unwrap()[0]["gaps"][0]["reason"].as_str(), Some(evil.as_str()));
}

#[test]
fn no_format_writes_what_the_files_of_a_root_would_have_it_write() {
    let root = Root::debian();
    let line = EVIL.join(" ").replace('\r', "");
    root.write("etc/os-release", format!("ID=debian\nPRETTY_NAME=\"{line}\"\nVERSION_ID=\"{line}\"\n"));
    root.write("etc/hostname", &line);
    root.package("klnagent64", &format!("1{line}"), &format!("{line} <a@b>"), &["/opt/kaspersky/x"]);
    root.package(&format!("kaspersky{line}"), "1", "Jane Doe", &[]);
    for name in [&b"a\x1b[2J\nnewline.service"[..], "\u{202e}b.service".as_bytes(), b"c\xff\xfe\x9b.service"]
    {
        let name = OsStr::from_bytes(name);
        let folder = root.at("usr/lib/systemd/system");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join(name), format!("[Service]\nExecStart=/opt/kaspersky/{line}\n")).unwrap();
        std::os::unix::fs::symlink(name, folder.join(OsStr::from_bytes(b"d\x1b.service"))).ok();
    }
    let info = root.at("var/lib/dpkg/info");
    std::fs::write(info.join(OsStr::from_bytes(b"gh\x1bo\nnewline.list")), "/.\n/usr/bin/ghost\n").unwrap();
    let report = judged_root(root.0.path());
    assert!(report.findings.iter().any(|f| !f.rulings.is_empty()), "nothing was found");
    assert!(report.inventory.is_incomplete());
    check(&report);
}

#[test]
fn a_path_that_is_not_utf8_comes_back_as_its_bytes() {
    let root = Root::debian();
    let status = b"Package: acme\nStatus: install ok installed\nVersion: 1\nMaintainer: J\xff\n\n".to_vec();
    let old = std::fs::read(root.at("var/lib/dpkg/status")).unwrap();
    root.write("var/lib/dpkg/status", [old, status].concat());
    root.write(
        "var/lib/dpkg/info/acme.list",
        b"/.\n/opt/acme/\xff\xfe\n/opt/acme/\\x41\n/opt/acme/\xc3\xbc\n",
    );
    let (_, report) = scan(&root.target(), &[]);
    let item = report["items"].as_array().unwrap().iter().find(|i| i["name"] == "acme").unwrap();
    assert_eq!(item["publisher"], "J\\xff");
    // A file that is truly named `\x41` is not the file `A`.
    assert_eq!(item["paths"], json!(["/opt/acme/\\x5cx41", "/opt/acme/ü", "/opt/acme/\\xff\\xfe"]));
    let listed = run(["inventory", &root.target(), "-o", "ndjson"]).out;
    root.write("list.ndjson", listed);
    let (_, again) = scan(&format!("inventory:{}", root.at("list.ndjson").display()), &[]);
    assert!(again["items"].as_array().unwrap().contains(item));
}

/// What names the machine is bytes too.
#[test]
fn a_host_that_is_not_named_in_utf8_comes_back_as_its_bytes() {
    let root = Root::debian();
    root.write("etc/hostname", b"caf\xe9\n");
    root.write("etc/os-release", b"ID=debian\nPRETTY_NAME=\"caf\xe9\"\n");
    let (_, report) = scan(&root.target(), &[]);
    assert_eq!(report["host"]["name"], "caf\\xe9");
    assert_eq!(report["host"]["os"], "caf\\xe9");
}

/// The delete character is a control character too, and JSON does not ask for it to be escaped.
#[test]
fn no_format_writes_a_delete_character() {
    let root = Root::new();
    root.write("list.ndjson", r#"{"kind":"package","name":"kesl\u007f","publisher":"Kaspersky\u007f Lab"}"#);
    let report = judged(&Target::saved(&root.at("list.ndjson")).unwrap());
    for (name, bytes) in written(&report, 80) {
        assert!(!bytes.contains(&0x7f), "{name}");
    }
}

/// Fillers and selectors have no shape (Unicode: `Default_Ignorable_Code_Point`), so two names that differ look alike.
#[test]
fn characters_without_a_shape_are_shown() {
    let unseen = [
        '\u{34f}',
        '\u{115f}',
        '\u{1160}',
        '\u{17b4}',
        '\u{17b5}',
        '\u{180b}',
        '\u{180f}',
        '\u{3164}',
        '\u{fe00}',
        '\u{fe0f}',
        '\u{ffa0}',
        '\u{1d173}',
        '\u{1d17a}',
        '\u{e0100}',
        '\u{e01ef}',
    ];
    let missing: Vec<_> = unseen.iter().filter(|c| !interdict::text::is_deceptive(**c)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

/// What a file says of itself reaches the terminal through an error too.
#[test]
fn errors_write_no_control_character_of_the_evidence() {
    let root = Root::new();
    root.write("list.ndjson", "{\"schema\":\"interdict.\\u001b[2J\\u202e/9\"}\n");
    let run = run(["scan", &format!("inventory:{}", root.at("list.ndjson").display())]);
    assert_eq!(run.code, 2);
    let found: Vec<char> = run.err.chars().filter(|c| misleads(*c)).collect();
    assert!(found.is_empty(), "{found:?} in {:?}", run.err);
}

/// A long name is broken over lines; none of them may look like a line of the report itself.
#[test]
fn a_name_cannot_forge_a_line_of_the_table() {
    let root = Root::new();
    let filler = "x".repeat(70);
    for name in [format!("kaspersky {filler} COVERAGE"), format!("kaspersky{}COVERAGE", " ".repeat(90))] {
        root.write("list.ndjson", json!({"kind": "package", "name": name}).to_string());
        let run = run(["scan", &format!("inventory:{}", root.at("list.ndjson").display())]);
        let lines = run.out.lines().filter(|l| l.starts_with("COVERAGE")).count();
        assert_eq!(lines, 1, "{}", run.out);
    }
}
