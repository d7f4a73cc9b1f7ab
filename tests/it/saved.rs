//! Saved inventories: scanning one gives the findings, the coverage and the verdict of the scan that it came from, and
//! nothing of an item is lost on the way.

use std::fs;
use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use crate::lab::{Root, run, scan};
use crate::laws::rich;

/// Another denylist, to judge the same list by.
const ACME: &str = r#"
[[vendor]]
id = "acme"
name = "Acme Spyware Inc."
publisher = ["Acme Spyware*"]
name-match = ["Acme Remote*"]
"#;

/// The bytes in gzip.
pub(crate) fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Writes a list beside a root and gives the target that names it.
pub(crate) fn list(root: &Root, name: &str, bytes: impl AsRef<[u8]>) -> String {
    root.write(name, bytes);
    format!("inventory:{}", root.at(name).display())
}

fn items(listed: &str) -> Vec<Value> {
    let lines = listed.lines().map(|l| serde_json::from_str::<Value>(l).unwrap());
    lines.filter(|l| l.get("schema").is_none()).collect()
}

#[test]
fn a_saved_inventory_is_judged_as_the_root_was() {
    let root = rich();
    root.package("acme-agent", "3.1", "Acme Spyware Ltd.", &["/usr/bin/acme-agent"]);
    let lists = Root::new();
    lists.write("acme.toml", ACME);
    let acme = lists.at("acme.toml").display().to_string();
    let rule_sets: [&[&str]; 3] =
        [&[], &["--rules", &acme], &["--rules", &acme, "--no-builtin-rules", "--as-of", "2020-01-01"]];
    // The reports are judged by other rules than those they were made by.
    let mut saved = Vec::new();
    for (command, format) in
        [("inventory", "ndjson"), ("inventory", "json"), ("scan", "json"), ("scan", "ndjson")]
    {
        let out = run([command, &root.target(), "-o", format]).out;
        saved.push(list(&lists, &format!("{command}.{format}"), &out));
        saved.push(list(&lists, &format!("{command}.{format}.gz"), packed(out.as_bytes())));
    }
    for rules in rule_sets {
        let (code, direct) = scan(&root.target(), rules);
        assert!(!direct["findings"].as_array().unwrap().is_empty());
        for target in &saved {
            let (saved_code, again) = scan(target, rules);
            assert_eq!(saved_code, code, "{target} {rules:?}");
            for key in ["verdict", "findings", "coverage", "instruments", "items", "host"] {
                assert_eq!(again[key], direct[key], "{key} of {target} {rules:?}");
            }
            assert_eq!(again["target"]["os"], direct["target"]["os"], "{target}");
        }
    }
    // The recognition of the content needs neither scheme nor ending.
    for target in &saved {
        let path = target.strip_prefix("inventory:").unwrap();
        assert_eq!(run(["inventory", path]).code, 3, "{path}");
    }
}

#[test]
fn a_saved_inventory_of_this_machine_is_judged_as_the_machine_was() {
    let lists = Root::new();
    let first = run(["scan", "-o", "json"]);
    let direct = first.json();
    let (code, again) = scan(&list(&lists, "live.json", &first.out), &[]);
    assert_eq!(code, first.code);
    for key in ["verdict", "findings", "coverage", "items"] {
        assert!(again[key] == direct[key], "{key}");
    }
}

#[test]
fn a_report_without_its_items_cannot_be_judged_again() {
    let (root, lists) = (rich(), Root::new());
    for format in ["json", "ndjson"] {
        let report = run(["scan", &root.target(), "--no-items", "-o", format]).out;
        let again = run(["scan", &list(&lists, "report", &report)]);
        assert_eq!(again.code, 2, "{format}");
        assert!(again.err.contains("--no-items") && again.out.is_empty(), "{}", again.err);
    }
}

/// An item with every field that INTERFACE names.
fn whole() -> Value {
    json!({
        "kind": "driver", "name": "n", "version": "v", "publisher": "p", "signer": "s", "state": "present",
        "source": "kmod", "id": "i", "place": "at", "owner": "o", "container": "c", "scope": "user", "user": "u",
        "installed": "2024-01-01", "homepage": "h", "ecosystem": "debian", "product": "pr", "original-name": "on",
        "service": "se", "command": "co", "ref": "r",
        "ids": {
            "product-code": "1", "upgrade-code": "2", "package-family": "3", "bundle-id": "4", "team-id": "5",
            "extension-id": "6", "android-package": "7", "purl": "8", "cpe": "9", "sha256": "a", "thumbprint": "b",
        },
        "paths": ["/b", "/a", "C:\\x"], "enabled": false, "deleted": true,
        "signature": {"subject": "su", "organisation": "or", "serial": "sr", "thumbprint": "t", "state": "mismatch"},
    })
}

#[test]
fn every_field_of_an_item_survives() {
    let lists = Root::new();
    let mut all = vec![whole()];
    for (key, words) in [
        (
            "kind",
            &[
                "package",
                "application",
                "process",
                "service",
                "driver",
                "task",
                "extension",
                "file",
                "certificate",
                "model",
                "key",
                "container",
                "profile",
            ][..],
        ),
        ("state", &["running", "installed", "present", "remnant"]),
    ] {
        for word in words {
            let mut item = whole();
            item[key] = (*word).into();
            all.push(item);
        }
    }
    for state in ["verified", "mismatch", "unchecked", "claimed"] {
        let mut item = whole();
        item["signature"]["state"] = state.into();
        all.push(item);
    }
    for item in all {
        for name in ["list.ndjson", "list.gz"] {
            let line = item.to_string();
            let bytes = if name.ends_with("gz") { packed(line.as_bytes()) } else { line.into_bytes() };
            let again = run(["inventory", &list(&lists, name, bytes), "-o", "ndjson"]);
            assert_eq!(items(&again.out), std::slice::from_ref(&item), "{}", again.out);
        }
    }
}

#[test]
fn keys_that_are_not_known_are_kept() {
    let lists = Root::new();
    let mut item = whole();
    item["colour"] = json!({"deep": [1, 2.5, null, true, "x"]});
    item["ids"]["swid"] = "s".into();
    item["ids"]["number"] = 7.into();
    item["schema"] = "somebody-else/1".into();
    let once = run(["inventory", &list(&lists, "a.ndjson", item.to_string()), "-o", "ndjson"]).out;
    let kept: Value = serde_json::from_str(once.lines().nth(1).unwrap()).unwrap();
    assert_eq!(kept, item);
    let twice = run(["inventory", &list(&lists, "b.ndjson", &once), "-o", "ndjson"]).out;
    assert_eq!(once.lines().nth(1), twice.lines().nth(1));
}

#[test]
fn keys_of_a_signature_that_are_not_known_are_kept() {
    let lists = Root::new();
    let mut item = whole();
    item["signature"]["issuer"] = "an authority".into();
    let again = run(["inventory", &list(&lists, "a.ndjson", item.to_string()), "-o", "ndjson"]).out;
    assert_eq!(items(&again), [item]);
}

#[test]
fn the_reference_of_an_item_comes_back_in_its_evidence() {
    let lists = Root::new();
    let text = r#"{"kind":"package","name":"klnagent64","ref":"row 7"}
{"kind":"package","name":"bash","ref":"row 8"}"#;
    let (code, report) = scan(&list(&lists, "list.ndjson", text), &[]);
    assert_eq!(code, 1);
    let evidence = report["findings"][0]["evidence"].as_array().unwrap();
    assert_eq!(evidence.iter().map(|e| &e["ref"]).collect::<Vec<_>>(), ["row 7"]);
}

#[test]
fn an_item_without_a_state_is_installed_and_a_process_runs() {
    let lists = Root::new();
    let text = r#"{"kind":"process","name":"x"}
{"kind":"package","name":"y"}
{"kind":"process","name":"z","state":"installed"}"#;
    let listed = run(["inventory", &list(&lists, "list.ndjson", text), "-o", "ndjson"]);
    let states: Vec<_> =
        items(&listed.out).iter().map(|i| format!("{} {}", i["name"], i["state"]).replace('"', "")).collect();
    assert_eq!(states, ["y installed", "x running", "z installed"]);
    assert_eq!(listed.code, 0);
}

#[test]
fn a_part_is_the_product_of_the_item_that_its_owner_names() {
    let lists = Root::new();
    let process = r#"{"kind":"process","name":"wdserver","id":"process:7","owner":"dpkg:klnagent64"}"#;
    let package = r#"{"kind":"package","name":"klnagent64","id":"dpkg:klnagent64"}"#;
    // The owner may come after what it owns.
    for text in [format!("{process}\n{package}\n"), format!("{package}\n{process}\n")] {
        let (code, report) = scan(&list(&lists, "list.ndjson", text), &[]);
        assert_eq!(code, 1);
        let found = &report["findings"][0];
        assert_eq!((&found["product"], &found["state"]), (&"network-agent".into(), &"running".into()));
        assert_eq!(found["evidence"].as_array().unwrap().len(), 2);
    }
    let (_, report) = scan(&list(&lists, "list.ndjson", process), &[]);
    assert_eq!(report["findings"], json!([]), "an owner that is not there");
}

#[test]
fn a_list_without_a_header_covers_only_itself() {
    let lists = Root::new();
    let (code, report) = scan(&list(&lists, "list.ndjson", r#"{"kind":"package","name":"bash"}"#), &[]);
    assert_eq!((code, report["verdict"].as_str()), (0, Some("clean")));
    for row in report["coverage"].as_array().unwrap() {
        if row["source"] == "saved" {
            assert_eq!((row["state"].as_str(), row["items"].as_u64()), (Some("covered"), Some(1)));
        } else {
            assert_eq!(
                (row["state"].as_str(), row["reason"].as_str()),
                (Some("skipped"), Some("not in this list"))
            );
        }
    }
}

/// As other programs and other systems write them.
#[test]
fn a_list_may_have_blank_lines_a_byte_order_mark_and_windows_line_ends() {
    let lists = Root::new();
    let item = r#"{"kind":"package","name":"klnagent64"}"#;
    let pretty = format!(
        "{:#}",
        json!({"schema": "interdict.inventory/1", "coverage": [
        {"source": "dpkg", "state": "covered", "items": 0, "gaps": []}], "items": [{"kind": "package", "name": "klnagent64"}]})
    );
    let mut wrong = Vec::new();
    for (what, text) in [
        ("blank lines", format!("\n\n{item}\n\n")),
        ("no last newline", item.to_owned()),
        ("windows line ends", format!("{item}\r\n{item}\r\n")),
        ("a mark", format!("\u{feff}{item}\n")),
        ("a document", pretty.clone()),
        ("a document with windows line ends", pretty.replace('\n', "\r\n")),
        ("a document after a blank line", format!("\n{pretty}")),
        ("a document after a mark", format!("\u{feff}{pretty}")),
    ] {
        for (name, bytes) in [("list", text.clone().into_bytes()), ("list.gz", packed(text.as_bytes()))] {
            let named = run(["scan", &list(&lists, name, bytes)]);
            let plain = run(["scan", lists.at(name).to_str().unwrap()]);
            if named.code != 1 {
                wrong.push(format!("{what} in {name}: {}", named.code));
            }
            if plain.code != 1 {
                wrong.push(format!("{what} in {name}, its kind not named: {}", plain.code));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn two_lists_in_one_packed_file_are_both_read() {
    let lists = Root::new();
    let two = [r#"{"kind":"package","name":"bash"}"#, "\n", r#"{"kind":"package","name":"klnagent64"}"#];
    let bytes: Vec<u8> = two.iter().flat_map(|part| packed(part.as_bytes())).collect();
    assert_eq!(scan(&list(&lists, "list.gz", bytes), &[]).0, 1);
    fs::remove_file(lists.at("list.gz")).unwrap();
    let gone = run(["scan", &format!("inventory:{}", lists.at("list.gz").display())]);
    assert_eq!((gone.code, gone.out.as_str()), (2, ""));
}
