//! What a report says of an earlier one: it is told in every format, and never weighs.

use interdict::baseline::Baseline;
use interdict::report::Report;
use interdict::target::Target;
use serde_json::{Value, json};

use crate::lab::{Root, judged, run, scan, written};
use crate::saved::packed;

fn header(host: &str) -> Value {
    json!({"schema": "interdict.inventory/1", "host": {"name": host}})
}

fn kesl(state: &str) -> Value {
    json!({"kind": "package", "name": "kesl", "publisher": "Kaspersky Lab", "state": state})
}

fn wechat() -> Value {
    json!({"kind": "application", "name": "WeChat", "publisher": "Tencent Technology (Shenzhen) Company Limited"})
}

fn tiktok() -> Value {
    json!({"kind": "application", "name": "TikTok", "ids": {"android-package": "com.zhiliaoapp.musically"}})
}

/// A root with an earlier report of some items on a host, and its path.
fn earlier(host: &str, items: &[Value], under: &str) -> (Root, String) {
    let root = Root::new();
    let list = root.list(&[&[header(host)], items].concat());
    let (_, report) = scan(&list, &["--under", under]);
    root.write("earlier.json", report.to_string());
    let path = root.at("earlier.json").display().to_string();
    (root, path)
}

fn changes(report: &Value) -> Vec<String> {
    let findings = report["findings"].as_array().unwrap().iter();
    let found = findings.map(|f| format!("{} {} {}", f["id"], f["change"], f["changed"]).replace('"', ""));
    let gone = report["gone"].as_array().unwrap().iter();
    found.chain(gone.map(|f| format!("{} gone", f["id"]).replace('"', ""))).collect()
}

#[test]
fn findings_are_new_changed_unchanged_or_gone() {
    let (root, path) = earlier("lab-7", &[kesl("installed"), wechat()], "all");
    let list = root.list(&[header("lab-7"), kesl("config-files"), tiktok()]);
    let (_, plain) = scan(&list, &["--under", "all"]);
    let (code, report) = scan(&list, &["--under", "all", "--baseline", &path]);
    let told = changes(&report);
    assert_eq!(told.len(), 3, "{told:?}");
    let is = |id: &str, change: &str| {
        let line = told.iter().find(|line| line.starts_with(id)).unwrap();
        assert!(line.contains(change), "{line}");
    };
    is("bytedance/tiktok@host", " new null");
    is("tencent/wechat@host", " gone");
    assert_eq!(report["baseline"]["verdict"], "prohibited");
    assert_eq!(report["baseline"]["host"], "lab-7");
    assert_eq!(report["warnings"], plain["warnings"]);
    // Nothing else of the report is another one.
    for key in ["verdict", "instruments", "coverage", "items"] {
        assert_eq!(report[key], plain[key], "{key}");
    }
    assert_eq!(code, run(["scan", &list, "--under", "all"]).code);
}

#[test]
fn the_same_again_is_unchanged_and_a_state_changes() {
    let (root, path) = earlier("lab-7", &[kesl("installed")], "us-federal");
    let again = root.list(&[header("lab-7"), kesl("installed")]);
    let (_, report) = scan(&again, &["--baseline", &path]);
    assert_eq!(changes(&report).len(), 1);
    assert_eq!(report["findings"][0]["change"], "unchanged", "{}", report["findings"]);
    let left = root.list(&[header("lab-7"), kesl("remnant")]);
    let (code, report) = scan(&left, &["--baseline", &path]);
    let finding = &report["findings"][0];
    assert_eq!((code, &finding["change"]), (0, &json!("changed")), "{finding}");
    let changed: Vec<&str> =
        finding["changed"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert!(changed.contains(&"remnant, was installed"), "{changed:?}");
    assert!(
        changed.iter().any(|c| c.contains("advisory under us-") && c.ends_with("was prohibited")),
        "{changed:?}"
    );
}

#[test]
fn packed_and_in_a_line_it_is_the_same() {
    let (root, path) = earlier("lab-7", &[kesl("installed")], "us-federal");
    let list = root.list(&[header("lab-7"), kesl("installed")]);
    let wanted = changes(&scan(&list, &["--baseline", &path]).1);
    let line = run(["scan", &list, "-o", "ndjson"]).out;
    root.write("line.ndjson", &line);
    root.write("line.gz", packed(line.as_bytes()));
    for name in ["line.ndjson", "line.gz"] {
        assert_eq!(
            changes(&scan(&list, &["--baseline", root.at(name).to_str().unwrap()]).1),
            wanted,
            "{name}"
        );
    }
}

#[test]
fn another_machine_or_another_law_is_a_warning() {
    let (root, path) = earlier("lab-7", &[kesl("installed")], "us-federal");
    let list = root.list(&[header("lab-8"), kesl("installed")]);
    let (code, report) = scan(&list, &["--baseline", &path, "--under", "us-tx-620"]);
    let warnings = report["warnings"].to_string();
    assert!(warnings.contains("of another machine: lab-7, and this one is of lab-8"), "{warnings}");
    assert!(warnings.contains("judged by") && warnings.contains("us-tx-620"), "{warnings}");
    assert_eq!(code, 1);
    // What only one of the two judged is no change of the finding.
    assert_eq!(report["findings"][0]["change"], "unchanged", "{}", report["findings"]);
}

#[test]
fn what_is_no_report_ends_the_run() {
    let root = Root::new();
    let list = root.list(&[kesl("installed")]);
    let (_, whole) = scan(&list, &[]);
    let mut strange = whole.clone();
    strange["findings"][0]["state"] = "sleeping\u{1b}[2J".into();
    for (name, bytes, says) in [
        ("empty", Vec::new(), "it is no report"),
        ("text", b"hello".to_vec(), "it is no report"),
        ("cut", whole.to_string().into_bytes()[..400].to_vec(), "it is no report"),
        ("list", std::fs::read(root.at("list.ndjson")).unwrap(), "it is no report"),
        ("other", whole.to_string().replace("report/1", "report/9").into_bytes(), "interdict.report/9"),
        ("word", strange.to_string().into_bytes(), "the word `sleeping"),
        ("deep", "[".repeat(100_000).into_bytes(), "it is no report"),
        ("gz", packed(b"hello"), "it is no report"),
        ("half", packed(whole.to_string().as_bytes())[..200].to_vec(), "it is no report"),
    ] {
        root.write(name, bytes);
        let run = run(["scan", &list, "--baseline", root.at(name).to_str().unwrap()]);
        assert_eq!((run.code, run.out.as_str()), (2, ""), "{name}: {}", run.err);
        assert!(run.err.contains(says) && !run.err.contains('\u{1b}'), "{name}: {}", run.err);
    }
    let run = run(["scan", &list, "--baseline", "/nonexistent/report.json"]);
    assert!(run.code == 2 && run.err.contains("it is not there"), "{}", run.err);
}

/// A report that was compared with an earlier one: something of it is new, changed, unchanged and gone.
pub(crate) fn compared() -> Report {
    let (root, path) = earlier("lab-7", &[kesl("installed"), wechat(), tiktok()], "all");
    root.list(&[
        header("lab-8"),
        kesl("remnant"),
        tiktok(),
        json!({"kind": "application", "name": "DeepSeek", "publisher": "DeepSeek"}),
    ]);
    let mut report = judged(&Target::saved(&root.at("list.ndjson")).unwrap());
    report.baseline = Some(Baseline::read(path.as_ref()).unwrap().compare(&report));
    report
}

#[test]
fn every_format_tells_what_changed() {
    let mut report = compared();
    for (name, bytes) in written(&report, 2000).into_iter().filter(|(name, _)| name.starts_with("scan ")) {
        let text = String::from_utf8(bytes).unwrap();
        assert!(text.contains("tencent/wechat@host"), "{name} lacks what is gone: {text}");
        assert!(text.contains("of another machine"), "{name} lacks the warning");
        for (change, other) in report.baseline.as_ref().unwrap().changes.values() {
            let word =
                if name.ends_with("sarif") && change.word() == "changed" { "updated" } else { change.word() };
            assert!(text.contains(word), "{name} lacks {word}: {text}");
            for other in other {
                assert!(text.contains(other.as_str()), "{name} lacks {other}: {text}");
            }
        }
    }
    report.baseline = None;
    for (name, bytes) in written(&report, 2000) {
        assert!(!String::from_utf8(bytes).unwrap().contains("tencent/wechat"), "{name}");
    }
}
