//! What removes a finding: printed for a person, complete, and harmless whatever the evidence is called.

use serde_json::{Value, json};

use crate::lab::{Root, run, scan};

fn steps(report: &Value, product: &str) -> Vec<Value> {
    let found = report["findings"].as_array().unwrap().iter().find(|f| f["product"] == product);
    found.unwrap_or_else(|| panic!("{product}: {}", report["findings"]))["remediation"]["steps"]
        .as_array()
        .unwrap()
        .clone()
}

fn commands(steps: &[Value]) -> Vec<&str> {
    steps.iter().filter_map(|step| step["command"].as_str()).collect()
}

#[test]
fn a_package_goes_by_its_manager_and_takes_its_parts_along() {
    let root = crate::laws::rich();
    let (_, report) = scan(&root.target(), &[]);
    // The unit belongs to the package, and needs no step of its own.
    assert_eq!(commands(&steps(&report, "kesl")), ["apt-get purge kesl"]);
    let kesl = report["findings"].as_array().unwrap().iter().find(|f| f["product"] == "kesl").unwrap();
    assert!(kesl["remediation"]["opens"][0].as_str().unwrap().contains("SI-3"), "{kesl:#}");
    assert!(kesl["remediation"]["confirm"].as_str().unwrap().contains("scan again"));
    // Left after removal: what was left is purged too.
    assert_eq!(commands(&steps(&report, "network-agent")), ["apt-get purge klnagent64"]);
    for finding in report["findings"].as_array().unwrap() {
        assert_eq!(finding["remediation"].is_null(), finding["state"] == "mention", "{finding:#}");
    }
}

#[test]
fn windows_says_itself_how_a_product_goes() {
    let root = Root::new();
    let header = json!({"schema": "interdict.inventory/1", "target": {"kind": "live", "os": "windows"}});
    let item = json!({
        "kind": "application", "name": "Kaspersky Endpoint Security for Windows", "publisher": "AO Kaspersky Lab",
        "ids": {"product-code": "{0F05E4E5-5A89-482C-9A62-47CC58643788}", "quiet-uninstall": "x.exe /s \u{1b}[2J"},
    });
    let driver = json!({"kind": "driver", "name": "klif", "publisher": "AO Kaspersky Lab"});
    root.write("list.ndjson", format!("{header}\n{item}\n{driver}\n"));
    let (_, report) = scan(&format!("inventory:{}", root.at("list.ndjson").display()), &[]);
    let told: Vec<&Value> =
        report["findings"].as_array().unwrap().iter().map(|f| &f["remediation"]).collect();
    let steps: Vec<&Value> = told.iter().flat_map(|r| r["steps"].as_array().unwrap()).collect();
    let installer = steps.iter().find(|step| !step["command"].is_null()).unwrap();
    assert_eq!(installer["command"], "msiexec /x {0F05E4E5-5A89-482C-9A62-47CC58643788} /qn");
    assert_eq!(installer["said"], "x.exe /s \u{1b}[2J");
    assert!(told.iter().any(|r| r["restart"].is_string()), "{told:?}");
    assert!(steps.iter().any(|step| step["words"].as_str().unwrap().contains("kavremover")), "{steps:?}");
}

#[test]
fn the_table_tells_it_when_asked() {
    let root = crate::laws::rich();
    let (brief, long) = (run(["scan", &root.target()]), run(["scan", &root.target(), "-v"]));
    assert_eq!(brief.code, long.code);
    assert!(
        !brief.out.contains("apt-get purge") && long.out.contains("apt-get purge kesl\n"),
        "{}",
        long.out
    );
    let words = long.out.split_whitespace().collect::<Vec<_>>().join(" ");
    for said in ["interdict does none of this", "SI-3", "scan again"] {
        assert!(words.contains(said), "{said}: {}", long.out);
    }
}

/// No name of the evidence becomes a part of a command that does something else.
#[test]
fn a_hostile_name_is_in_no_command() {
    let root = Root::new();
    for name in ["kesl; reboot", "kesl$(id)", "kesl\nreboot", "-y kesl", "kesl*", "kesl\u{202e}", "kesl`id`"]
    {
        let items: Vec<Value> = ["debian", "rpm", "snap", "pypi", "npm", "homebrew", "flatpak"]
            .iter()
            .map(|e| json!({"kind": "package", "name": name, "ecosystem": e, "publisher": "Kaspersky Lab"}))
            .collect();
        let (_, report) = scan(&root.list(&items), &[]);
        assert!(!report["findings"].as_array().unwrap().is_empty(), "{name:?} is not found");
        for finding in report["findings"].as_array().unwrap() {
            let steps = finding["remediation"]["steps"].as_array().unwrap();
            assert!(!steps.is_empty() && commands(steps).is_empty(), "{name:?}: {steps:#?}");
        }
    }
}

/// A list in which everything belongs to something else says no less.
#[test]
fn what_belongs_to_itself_is_removed_all_the_same() {
    let root = Root::new();
    let item = |id: &str, owner: &str| json!({"kind": "package", "name": "kesl", "ecosystem": "debian", "id": id, "owner": owner, "place": id});
    for items in [vec![item("a", "a")], vec![item("a", "b"), item("b", "a")]] {
        let (_, report) = scan(&root.list(&items), &[]);
        assert_eq!(commands(&steps(&report, "kesl")), ["apt-get purge kesl"]);
    }
}
