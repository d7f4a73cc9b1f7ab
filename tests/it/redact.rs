//! Reports that name no person and no machine, in every format.

use interdict::baseline::Baseline;
use interdict::organisation::Organisation;
use interdict::redact;
use interdict::report::Report;
use interdict::target::Target;
use interdict::waiver::Waiver;
use serde_json::{Value, json};

use crate::lab::{RULES, Root, judged_by, run, scan, written};

const KEY: &[u8] = b"a key that nobody will find out";
const SID: &str = "S-1-5-21-1004336348-1177238915-682003330-1001";
/// What must stand nowhere. Names are told by fields, by homes, and by nothing but the other two.
const SECRETS: &[&str] = &["jdoe", "ws-jdoe-01", "1004336348", "erika", "4c4c4544"];

/// All that must not be told, in one text.
fn planted() -> String {
    format!(
        "jdoe on WS-JDOE-01 (ws-jdoe-01.corp.example), {SID}, /home/jdoe/x, C:\\Users\\jdoe\\AppData, \
         /Users/Erika Muster/x, 4C4C4544-0042, file:///home/jdoe"
    )
}

/// A report with it in every text of the evidence, of the operator, and of an earlier report.
fn report() -> (Report, Baseline) {
    let (root, all) = (Root::new(), planted());
    let mut lines = vec![json!({
        "schema": "interdict.inventory/1",
        "target": {"kind": "dir", "place": all, "os": all},
        "host": {"name": "WS-JDOE-01", "id": "4C4C4544-0042", "os": all, "version": all},
        "coverage": [{"source": format!("x {all}"), "state": "partial", "items": 4, "reason": all,
            "gaps": [{"place": all, "reason": all, "code": "damaged", "blocks": true}]}],
    })];
    let users = ["jdoe", "CORP\\jdoe", SID, "erika@corp.example"];
    for (n, kind) in ["package", "application", "service", "file"].iter().enumerate() {
        lines.push(json!({
            "kind": kind, "name": format!("kaspersky {all}"), "version": all, "publisher": "Kaspersky Lab", "signer": all,
            "state": "installed", "source": all, "id": format!("{n} {all}"), "place": all, "owner": all,
            "container": if n == 1 { all.as_str() } else { "jdoe-box" }, "scope": all,
            "user": users[n], "installed": all, "homepage": format!("https://x.org/{all}"),
            "ecosystem": all, "product": all, "original-name": all, "service": all, "command": all, "ref": all,
            "paths": [format!("/opt/kaspersky/{all}"), "/home/jdoe/kaspersky"], "ids": {"purl": all, "cpe": all, "strange": all},
            "signature": {"subject": all, "organisation": all, "serial": all, "thumbprint": all, "state": "claimed"},
            all.as_str(): {all.as_str(): [all]},
        }));
    }
    lines.push(json!({"kind": "application", "name": "WeChat", "publisher": "Tencent Technology (Shenzhen) Company Limited"}));
    root.write("list.ndjson", lines.iter().map(|line| format!("{line}\n")).collect::<Vec<_>>().concat());
    root.write("w.toml", format!(
        "[[waiver]]\nid = \"w-jdoe\"\ninstrument = \"us-tx-620\"\nproduct = \"tencent/wechat\"\nhost = \"WS-JDOE-*\"\n\
         reason = '{all}'\napprover = '{all}'\nreference = '{all}'\nstarts = \"2026-01-01\"\nexpires = \"2026-12-31\"\n\
         [[waiver]]\nid = \"w2\"\ninstrument = \"us-tx-620\"\nfinding = \"tencent/wechat@container:jdoe-box\"\nhost = \"ws-jdoe-01\"\n\
         reason = \"x\"\napprover = \"x\"\nreference = \"x\"\nstarts = \"2026-01-01\"\nexpires = \"2026-12-31\"\n"));
    root.write("o.toml", format!("name = 'The office of {all}'\nasset-tag = \"WS-JDOE-01\"\n"));
    let waivers = Waiver::read(&root.at("w.toml"), &RULES, false).unwrap();
    let organisation = Organisation::read(&root.at("o.toml"), &RULES, false).unwrap();
    let target = Target::saved(&root.at("list.ndjson")).unwrap();
    let mut report = judged_by(&target, organisation, waivers);
    report.scan.user = Some("jdoe".into());
    // An earlier report of another machine of the same people, with something that is gone.
    let (_, mut earlier) =
        scan(&format!("inventory:{}", root.at("list.ndjson").display()), &["--under", "all", "--no-items"]);
    let mut gone = earlier["findings"][0].clone();
    gone["id"] = format!("bytedance/tiktok@container:{all}").into();
    gone["where"] = format!("container:{all}").into();
    earlier["findings"].as_array_mut().unwrap().push(gone);
    earlier["host"] = json!({"name": "ws-jdoe-01.old", "id": "4C4C4544-0042-old"});
    root.write("earlier.json", earlier.to_string());
    (report, Baseline::read(&root.at("earlier.json")).unwrap())
}

/// The report as `--redact --baseline` writes it.
fn redacted(key: &[u8]) -> Report {
    let (report, mut baseline) = report();
    let mut report = redact::report(report, Some(&mut baseline), key);
    report.baseline = Some(baseline.compare(&report));
    report
}

fn holds_none(name: &str, bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes).to_lowercase();
    for secret in SECRETS {
        let at = text.find(secret);
        assert!(
            at.is_none(),
            "{name} tells {secret}: …{}…",
            text.chars()
                .skip(text[..at.unwrap_or(0)].chars().count().saturating_sub(60))
                .take(160)
                .collect::<String>()
        );
    }
}

#[test]
fn no_format_tells_who_or_where() {
    let (plain, _) = report();
    assert!(plain.findings.len() > 2 && plain.waivers.len() == 2);
    // What is looked for is there before, in every format.
    for (name, bytes) in written(&plain, 2000) {
        assert!(String::from_utf8_lossy(&bytes).to_lowercase().contains("jdoe"), "{name}");
    }
    let mut report = redacted(KEY);
    assert!(!report.baseline.as_ref().unwrap().gone.is_empty());
    for with_items in [true, false] {
        report.with_items = with_items;
        for (name, bytes) in written(&report, 2000) {
            holds_none(&name, &bytes);
        }
    }
    // A comparison that was made before is told no more of.
    let (mut before, baseline) = self::report();
    before.baseline = Some(baseline.compare(&before));
    for (name, bytes) in written(&redact::report(before, None, KEY), 2000) {
        holds_none(&name, &bytes);
    }
    let (inventory, looked) = redact::inventory(plain.inventory, plain.scan, KEY);
    holds_none("inventory", format!("{inventory:?} {looked:?}").as_bytes());
}

#[test]
fn the_law_says_the_same_of_a_redacted_report() {
    let ((plain, _), report) = (report(), redacted(KEY));
    let (verdicts, codes) = (plain.verdicts.clone(), plain.exit_code(&[]));
    assert_eq!((report.verdicts.clone(), report.exit_code(&[])), (verdicts, codes));
    let of = |report: &Report| {
        let mut all: Vec<String> = report
            .findings
            .iter()
            .map(|f| {
                format!(
                    "{}/{} {:?}",
                    f.vendor,
                    f.product,
                    f.rulings.iter().map(|r| (&r.instrument, r.ruling)).collect::<Vec<_>>()
                )
            })
            .collect();
        all.sort();
        all
    };
    assert_eq!(of(&plain), of(&report));
    // Evidence still is that of its finding.
    for f in report.findings.iter().filter(|f| f.vendor == "kaspersky") {
        for evidence in &f.finding.evidence {
            assert!(report.inventory.items[evidence.item].name.raw().contains("kaspersky"));
        }
    }
}

#[test]
fn the_same_key_gives_the_same_tokens_and_another_gives_others() {
    let json = |key: &[u8]| {
        let report = redacted(key);
        let json = written(&report, 100).into_iter().find(|(name, _)| name == "scan -o json").unwrap().1;
        serde_json::from_slice::<Value>(&json).unwrap()
    };
    let (one, other) = (json(KEY), json(KEY));
    for part in ["host", "findings", "items", "waivers", "gone"] {
        assert_eq!(one[part], other[part], "{part}");
    }
    let token = |key: &[u8]| json(key)["scan"]["user"].clone();
    assert!(token(KEY).as_str().unwrap().starts_with("user-"));
    assert_ne!(token(KEY), token(b"another key, as long as it"));
}

#[test]
fn the_command_line_takes_a_key_or_makes_one() {
    let root = Root::debian();
    root.write("etc/hostname", "ws-jdoe-01\n");
    root.write("etc/passwd", "jdoe:x:1000:1000:Jane:/home/jdoe:/bin/sh\n");
    root.write(
        "home/jdoe/.config/autostart/x.desktop",
        "[Desktop Entry]\nType=Application\nName=x of jdoe\nExec=/home/jdoe/bin/x\n",
    );
    root.write("key", KEY);
    root.write("short", "0123456789abcde");
    let key = root.at("key").display().to_string();
    let target = root.target();
    for command in ["scan", "inventory"] {
        let with = |args: &[&str]| run([&[command, &target, "-o", "json"], args].concat());
        let plain = with(&[]);
        assert!(plain.out.contains("ws-jdoe-01") && plain.out.contains("/home/jdoe"), "{}", plain.out);
        let (one, other) = (with(&["--redact-key", &key]), with(&["--redact", "--redact-key", &key]));
        holds_none(command, one.out.as_bytes());
        assert_eq!((one.code, one.json()["items"].clone()), (plain.code, other.json()["items"].clone()));
        assert_eq!(one.json()["host"], other.json()["host"]);
        let (a, b) = (with(&["--redact"]), with(&["--redact"]));
        holds_none(command, a.out.as_bytes());
        assert_ne!(a.json()["host"]["name"], b.json()["host"]["name"]);
        for (file, says) in [("short", "fewer than 16 bytes"), ("none", "it is not there")] {
            let run = with(&["--redact-key", root.at(file).to_str().unwrap()]);
            assert!(run.code == 2 && run.out.is_empty() && run.err.contains(says), "{}", run.err);
        }
    }
}

/// Two redacted reports of one machine, by one key, are of one machine.
#[test]
fn a_redacted_report_is_compared_with_a_redacted_one() {
    let root = Root::new();
    let list = root.list(&[
        json!({"schema": "interdict.inventory/1", "host": {"name": "ws-jdoe-01", "id": "4c4c4544"}}),
        json!({"kind": "package", "name": "kesl", "container": "jdoe-box", "user": "jdoe"}),
    ]);
    root.write("key", KEY);
    let key = root.at("key").display().to_string();
    let first = run(["scan", &list, "--redact-key", &key, "-o", "json"]).out;
    root.write("first.json", first);
    let first = root.at("first.json").display().to_string();
    let (_, again) = scan(&list, &["--redact-key", &key, "--baseline", &first]);
    assert_eq!(again["findings"][0]["change"], "unchanged", "{}", again["findings"]);
    assert_eq!(
        (&again["gone"], again["warnings"].to_string().contains("another machine")),
        (&json!([]), false)
    );
}
