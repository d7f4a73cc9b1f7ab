//! Waivers and the operator's file about the organisation: what they change, what they never hide, what is refused.

use serde_json::{Value, json};

use interdict::organisation::Organisation;
use interdict::report::Report;
use interdict::target::Target;
use interdict::waiver::Waiver;

use crate::lab::{RULES, Root, judged_by, run, scan};

/// A waiver as the operator writes it, with some lines changed.
fn waiver(changes: &[(&str, &str)]) -> String {
    let mut lines = vec![
        ("id", "\"w1\""),
        ("instrument", "\"us-tx-620\""),
        ("product", "\"tencent/wechat\""),
        ("reason", "\"an investigation\""),
        ("approver", "\"J. Doe, agency head\""),
        ("reference", "\"TX-2026-7\""),
        ("starts", "\"2026-01-01\""),
        ("expires", "\"2026-12-31\""),
    ];
    for (key, value) in changes {
        lines.retain(|(k, _)| k != key);
        if !value.is_empty() {
            lines.push((key, value));
        }
    }
    let lines: Vec<_> = lines.iter().map(|(key, value)| format!("{key} = {value}\n")).collect();
    format!("[[waiver]]\n{}", lines.concat())
}

fn wechat() -> Value {
    json!({"kind": "application", "name": "WeChat", "publisher": "Tencent Technology (Shenzhen) Company Limited"})
}

/// The exit code and report of a scan that finds a program on the host `lab-7`, with waivers.
fn with(waivers: &str, args: &[&str]) -> (i32, Value) {
    let root = Root::new();
    root.write("w.toml", waivers);
    let header = json!({"schema": "interdict.inventory/1", "host": {"name": "lab-7"}});
    root.write("list.ndjson", format!("{header}\n{}\n", wechat()));
    let (list, file) = (format!("inventory:{}", root.at("list.ndjson").display()), root.at("w.toml"));
    let fixed = ["--waivers", file.to_str().unwrap(), "--under", "us-tx-620"];
    scan(&list, &[&fixed, args].concat())
}

/// A report of an organisation that says who it is, with a waiver in each state.
pub(crate) fn waived_report() -> Report {
    let root = Root::new();
    let states = [
        ("w1", "used", &[][..]),
        ("w2", "unused", &[("product", "\"tencent/qq\"")][..]),
        ("w3", "expired", &[("starts", "\"2025-01-01\""), ("expires", "\"2025-12-31\"")]),
        ("w4", "not-yet-valid", &[("starts", "\"2026-02-01\"")]),
        ("w5", "refused", &[("instrument", "\"us-ndaa-fy2018-1634\""), ("product", "\"kaspersky\"")]),
    ];
    let each =
        states.iter().map(|(id, _, changes)| waiver(&[&[("id", &*format!("\"{id}\""))], *changes].concat()));
    root.write("w.toml", each.collect::<Vec<_>>().concat());
    root.write(
        "o.toml",
        "name = \"Department of Examples\"\ncontact-name = \"Jane Doe\"\ncontact-email = \"jane.doe@example.gov\"\n\
         contact-telephone = \"+1 202 555 0100\"\nuei = \"EXAMPLE12345\"\nsystem-id = \"EX-42\"\norder-numbers = [\"7\", \"8\"]\n",
    );
    let kesl =
        json!({"kind": "package", "name": "kesl", "version": "12.1", "ids": {"purl": "pkg:deb/kesl@12.1"}});
    root.write("list.ndjson", format!("{}\n{kesl}\n", wechat()));
    let waivers = Waiver::read(&root.at("w.toml"), &RULES, false).unwrap();
    let organisation = Organisation::read(&root.at("o.toml"), &RULES, false).unwrap();
    let report = judged_by(&Target::saved(&root.at("list.ndjson")).unwrap(), organisation, waivers);
    let became: Vec<_> = report.waivers.iter().map(|w| (w.waiver.id.as_str(), w.state.word())).collect();
    assert_eq!(became, states.map(|(id, state, _)| (id, state)));
    report
}

#[test]
fn a_waiver_has_the_state_that_its_term_and_its_law_give() {
    let day = "2026-11-24";
    for (changes, as_of, state, ruling, exit) in [
        (&[][..], day, "used", "excepted", 0),
        // Both its first and its last day count.
        (&[], "2026-01-01", "used", "excepted", 0),
        (&[], "2026-12-31", "used", "excepted", 0),
        (&[], "2025-12-31", "not-yet-valid", "prohibited", 1),
        (&[], "2027-01-01", "expired", "prohibited", 1),
        (&[("product", "\"tencent\"")], day, "used", "excepted", 0),
        (&[("product", "\"tencent/qq\"")], day, "unused", "prohibited", 1),
        (&[("product", ""), ("finding", "\"tencent/wechat@host\"")], day, "used", "excepted", 0),
        (&[("product", ""), ("finding", "\"tencent/wechat@container:x\"")], day, "unused", "prohibited", 1),
        (&[("host", "\"LAB-*\"")], day, "used", "excepted", 0),
        (&[("host", "\"office-*\"")], day, "unused", "prohibited", 1),
        // Of another law than those it is judged by.
        (&[("instrument", "\"us-fl-112-22\"")], day, "unused", "prohibited", 1),
    ] {
        let (code, report) = with(&waiver(changes), &["--as-of", as_of]);
        let of = format!("{changes:?} {as_of}: {:#}", report["waivers"]);
        assert_eq!(report["waivers"][0]["state"], state, "{of}");
        assert_eq!(report["findings"][0]["rulings"][0]["ruling"], ruling, "{of}");
        // The verdict of an incomplete list is not that of a machine.
        assert_eq!(code, exit, "{of}");
    }
}

/// Section 1634 knows no exception, and one of the memorandum lasts a year.
#[test]
fn a_law_that_knows_no_such_exception_refuses() {
    let root = Root::new();
    let items = [
        json!({"kind": "package", "name": "kesl"}),
        json!({"kind": "application", "name": "TikTok", "ids": {"android-package": "com.zhiliaoapp.musically"}}),
    ];
    let list = root.list(&items);
    for (changes, state, because) in [
        (
            &[("instrument", "\"us-ndaa-fy2018-1634\""), ("product", "\"kaspersky\"")][..],
            "refused",
            "no waiver",
        ),
        (&[("instrument", "\"us-tiktok\""), ("product", "\"bytedance/tiktok\"")], "used", ""),
        (
            &[
                ("instrument", "\"us-tiktok\""),
                ("product", "\"bytedance/tiktok\""),
                ("expires", "\"2027-06-30\""),
            ],
            "refused",
            "at most 366 days",
        ),
    ] {
        root.write("w.toml", waiver(changes));
        let file = root.at("w.toml");
        let args = ["--waivers", file.to_str().unwrap(), "--as-of", "2026-11-24"];
        let (code, report) = scan(&list, &args);
        let said = &report["waivers"][0];
        assert_eq!((code, said["state"].as_str()), (1, Some(state)), "{said}");
        assert!(said["because"].as_str().unwrap_or_default().contains(because), "{said}");
        let table = run(["scan", &list, args[0], args[1], args[2], args[3]]).out;
        assert!(table.contains("\nWAIVERS\n") && table.contains(&format!("- {state} w1")), "{table}");
    }
}

/// Law 7: what is waived stays in the report with who allowed it, why, until when, and what it would be.
#[test]
fn a_waiver_hides_nothing() {
    let (_, report) = with(&waiver(&[]), &["--as-of", "2026-11-24"]);
    let ruling = &report["findings"][0]["rulings"][0];
    let reason = ruling["reason"].as_str().unwrap();
    for part in
        ["J. Doe, agency head", "2026-12-31", "TX-2026-7", "an investigation", "without that prohibited"]
    {
        assert!(reason.contains(part), "{reason}");
    }
    let waiver = &report["waivers"][0];
    assert_eq!(waiver["findings"], json!(["tencent/wechat@host"]));
    assert_eq!(report["instruments"][0]["verdict"], "clean");
}

/// What another instrument only tells of it does not push a waiver out of sight.
#[test]
fn a_waived_finding_is_called_so_beside_what_is_only_told() {
    let root = Root::new();
    root.write("w.toml", waiver(&[]));
    root.write("o.toml", "device = \"workstation\"\n");
    let (waivers, organisation) = (root.at("w.toml"), root.at("o.toml"));
    let list = root.list(&[wechat()]);
    let said = |format: &str| {
        run([
            "scan",
            &list,
            "-o",
            format,
            "--as-of",
            "2026-11-24",
            "--under",
            "us-tx-620",
            "--under",
            "ca-tbs-2023-10",
            "--waivers",
            waivers.to_str().unwrap(),
            "--organisation",
            organisation.to_str().unwrap(),
        ])
        .out
    };
    let report: Value = serde_json::from_str(&said("json")).unwrap();
    let rulings = report["findings"][0]["rulings"].as_array().unwrap();
    let rulings: Vec<_> = rulings.iter().map(|r| r["ruling"].as_str().unwrap()).collect();
    assert_eq!(rulings, ["advisory", "excepted"]);
    let row = said("table").lines().find(|line| line.starts_with("1  WeChat")).unwrap().to_owned();
    assert!(row.ends_with("excepted"), "{row}");
    assert!(said("table").contains("1 product under a waiver"), "{}", said("table"));
    assert!(said("csv").lines().any(|line| line.starts_with("finding,") && line.contains(",excepted,")));
    let sarif: Value = serde_json::from_str(&said("sarif")).unwrap();
    let result = &sarif["runs"][0]["results"][0];
    assert_eq!(result["suppressions"][0]["justification"], "an investigation", "{result:#}");
}

/// A day of the law that is named is that day anywhere.
#[test]
fn a_zone_shifts_no_day_that_was_named() {
    for zone in ["\"UTC\"", "\"-11:00\"", "\"+14:00\""] {
        let (_, report) =
            with(&waiver(&[("zone", zone), ("expires", "\"2026-11-24\"")]), &["--as-of", "2026-11-24"]);
        assert_eq!(report["waivers"][0]["state"], "used", "{zone}");
    }
}

#[test]
fn a_malformed_waiver_ends_the_run_with_its_place() {
    let root = Root::new();
    let list = root.list(&[wechat()]);
    for (changes, said) in [
        (&[("expires", "")][..], "`expires` is missing"),
        (&[("starts", "")], "`starts` is missing"),
        (&[("approver", "")], "`approver` is missing"),
        (&[("reason", "\" \"")], "`reason` is empty"),
        (&[("product", "")], "a waiver of everything"),
        (&[("product", "\"tencent/wechatt\"")], "did you mean `tencent/wechat`?"),
        (&[("instrument", "\"us-tx-602\"")], "did you mean `us-tx-620`?"),
        (&[("expires", "\"2026-02-30\"")], "no date"),
        (&[("expires", "\"2025-12-31\"")], "ends before it begins"),
        (&[("host", "\"[a\"")], "is no glob"),
        (&[("zone", "\"Europe/Berlin\"")], "is no zone"),
        (&[("zone", "\"+25:00\"")], "is no zone"),
        (&[("expire", "\"2026-12-31\"")], "did you mean `expires`?"),
    ] {
        root.write("w.toml", waiver(changes));
        let run = run(["scan", &list, "--waivers", root.at("w.toml").to_str().unwrap()]);
        assert_eq!((run.code, run.out.as_str()), (2, ""), "{changes:?}: {}", run.err);
        assert!(run.err.contains(said) && run.err.contains("w.toml:"), "{changes:?}: {}", run.err);
    }
    for (text, said) in [
        (waiver(&[]) + &waiver(&[]), "defined twice"),
        ("x = 1\n".to_owned(), "holds no waiver"),
        ("[[waiver]\n".to_owned(), "not TOML"),
    ] {
        root.write("w.toml", &text);
        let run = run(["scan", &list, "--waivers", root.at("w.toml").to_str().unwrap()]);
        assert_eq!(run.code, 2, "{}", run.err);
        assert!(run.err.contains(said), "{}", run.err);
    }
    let missing = run(["scan", &list, "--waivers", "/nonexistent.toml"]);
    assert!(missing.code == 2 && missing.err.contains("check the path"), "{}", missing.err);
}

#[test]
fn a_wrong_organisation_ends_the_run_with_its_place() {
    let root = Root::new();
    let list = root.list(&[wechat()]);
    for (text, said) in [
        ("body = \"us-texass\"\n", "did you mean `us-texas`?"),
        ("body = [\"us-texas\", 7]\n", "expected a string"),
        ("device = \"fridge\"\n", "known here: workstation"),
        ("boddy = \"us-texas\"\n", "did you mean `body`?"),
        ("[clauses]\nus-far-52-204-32 = \"2018-07-16\"\n", "did you mean `us-far-52-204-23`?"),
        ("[clauses]\nus-far-52-204-23 = \"July 2018\"\n", "no date"),
        ("clauses = 3\n", "expected a table"),
        ("name = \n", "not TOML"),
    ] {
        root.write("o.toml", text);
        let run = run(["scan", &list, "--organisation", root.at("o.toml").to_str().unwrap()]);
        assert_eq!((run.code, run.out.as_str()), (2, ""), "{text}: {}", run.err);
        assert!(run.err.contains(said) && run.err.contains("o.toml:"), "{text}: {}", run.err);
    }
}

/// What the operator says stands in the report as it was given; the samples of `explain` are files that work.
#[test]
fn what_is_explained_works() {
    let root = Root::new();
    let list = root.list(&[wechat()]);
    for (id, option) in [("organisation", "--organisation"), ("waiver", "--waivers")] {
        let explained = run(["explain", id]);
        assert_eq!((explained.code, explained.err.as_str()), (0, ""), "{id}");
        let sample: Vec<&str> = explained.out.lines().filter_map(|line| line.strip_prefix("    ")).collect();
        root.write("sample.toml", sample.join("\n"));
        let (_, report) = scan(&list, &[option, root.at("sample.toml").to_str().unwrap()]);
        match id {
            "organisation" => assert_eq!(report["organisation"]["name"], json!(["Department of Examples"])),
            _ => assert_eq!(report["waivers"].as_array().unwrap().len(), 1),
        }
    }
    let explained = run(["explain", "organisation"]).out;
    for class in ["us-executive", "national-security", "mobile", "us-texas"] {
        assert!(explained.contains(class), "{explained}");
    }
}
