//! Damaged saved inventories: what is not whole is never clean, and never stops the rest from being read.

use std::io::Read;

use flate2::read::MultiGzDecoder;
use interdict::inventory::GapCode;
use interdict::judge::Verdict;
use interdict::target::Target;
use serde_json::json;

use crate::lab::{Root, judged, run, scan};
use crate::saved::{list, packed};

const ITEM: &str = r#"{"kind":"package","name":"bash","source":"dpkg"}"#;
const HEADER: &str = r#"{"schema":"interdict.inventory/1","coverage":[{"source":"dpkg","state":"covered","items":2,"gaps":[]},{"source":"processes","state":"skipped","reason":"x"},{"source":"rpm","state":"absent"},{"source":"systemd","state":"absent"}]}"#;

/// Scans bytes as a saved inventory; the codes of the gaps that block.
fn codes(bytes: &[u8]) -> (Verdict, Vec<GapCode>) {
    let root = Root::new();
    root.write("list", bytes);
    let report = judged(&Target::saved(&root.at("list")).unwrap());
    let codes = report.inventory.gaps().filter(|(_, gap)| gap.blocks).map(|(_, gap)| gap.code).collect();
    (report.verdict, codes)
}

#[test]
fn damage_is_a_gap_and_never_clean() {
    use GapCode::{Damaged, Empty, Io, Truncated};
    let header = |coverage: &str| format!(r#"{{"schema":"interdict.inventory/1","coverage":{coverage}}}"#);
    for (what, text, code) in [
        ("an empty file", String::new(), Empty),
        ("blank lines", "\n \n\t\n".to_owned(), Empty),
        ("a line cut short", format!("{ITEM}\n{}", &ITEM[..30]), Damaged),
        ("the first line cut short", ITEM[..30].to_owned(), Truncated),
        ("the first of two lines cut short", format!("{}\n{ITEM}\n", &ITEM[..30]), Truncated),
        ("no JSON", format!("{ITEM}\nbash 5.2\n{ITEM}\n"), Damaged),
        ("a list in a line", format!("[{ITEM}]\n"), Damaged),
        ("a list over lines", format!("[\n{ITEM}\n]\n"), Damaged),
        ("a number", "7\n".to_owned(), Damaged),
        ("no kind", format!("{ITEM}\n{{\"name\":\"x\"}}\n"), Damaged),
        ("no name", format!("{ITEM}\n{{\"kind\":\"package\"}}\n"), Damaged),
        ("a kind that is not known", format!("{ITEM}\n{{\"kind\":\"car\",\"name\":\"x\"}}\n"), Damaged),
        (
            "a state that is not known",
            format!("{ITEM}\n{{\"kind\":\"file\",\"name\":\"x\",\"state\":\"gone\"}}\n"),
            Damaged,
        ),
        ("a name that is a list", format!("{ITEM}\n{{\"kind\":\"file\",\"name\":[]}}\n"), Damaged),
        (
            "paths that are no list",
            format!("{ITEM}\n{{\"kind\":\"file\",\"name\":\"x\",\"paths\":\"/\"}}\n"),
            Damaged,
        ),
        ("fewer items than the header says", format!("{HEADER}\n{ITEM}\n"), Truncated),
        ("items of another source", format!("{HEADER}\n{0}\n{0}\n", ITEM.replace("dpkg", "rpm")), Truncated),
        ("a failed source", format!("{}\n{ITEM}\n", header(r#"[{"source":"dpkg","state":"failed"}]"#)), Io),
        ("a partial source", format!("{}\n{ITEM}\n", header(r#"[{"source":"dpkg","state":"partial"}]"#)), Io),
        (
            "a source in no known state",
            format!("{}\n{ITEM}\n", header(r#"[{"source":"dpkg","state":"fine"}]"#)),
            Damaged,
        ),
        (
            "a number of items that is none",
            format!("{}\n{ITEM}\n", header(r#"[{"source":"dpkg","state":"covered","items":"5"}]"#)),
            Damaged,
        ),
        ("a row that is no object", format!("{}\n{ITEM}\n", header("[7]")), Damaged),
        ("coverage that is no list", format!("{}\n{ITEM}\n", header("7")), Damaged),
    ] {
        let (verdict, codes) = codes(text.as_bytes());
        assert_eq!(verdict, Verdict::Incomplete, "{what}");
        assert!(codes.contains(&code), "{what}: {codes:?}");
    }
}

/// Whatever a header says or leaves out, a row that blocks nothing must stand for something that was read.
#[test]
fn a_header_that_tells_of_nothing_read_is_never_clean() {
    let header = |coverage: &str| format!(r#"{{"schema":"interdict.inventory/1","coverage":{coverage}}}"#);
    for coverage in [
        "[]",
        "null",
        r#"[{"source":"dpkg","state":"failed","gaps":[{"place":"/","reason":"denied","blocks":false}]}]"#,
        r#"[{"source":"dpkg","state":"absent"},{"source":"rpm","state":"absent"}]"#,
        r#"[{"source":"dpkg","state":"skipped"},{"source":"rpm","state":"skipped"}]"#,
    ] {
        let (verdict, _) = codes(header(coverage).as_bytes());
        assert_eq!(verdict, Verdict::Incomplete, "coverage {coverage} and no item");
    }
    let failed =
        r#"[{"source":"dpkg","state":"failed","gaps":[{"place":"/","reason":"denied","blocks":false}]}]"#;
    assert_eq!(codes(format!("{}\n{ITEM}\n", header(failed)).as_bytes()).0, Verdict::Incomplete);
}

/// `mention` and `component` are what judging makes of an item, and no states of one (INTERFACE).
#[test]
fn an_item_cannot_talk_itself_out_of_a_ruling() {
    for state in ["mention", "component"] {
        let item =
            json!({"kind": "package", "name": "klnagent64", "publisher": "Kaspersky Lab", "state": state});
        let (verdict, _) = codes(item.to_string().as_bytes());
        assert_ne!(verdict, Verdict::Clean, "{state}");
        let root = Root::new();
        let target = list(&root, "list", item.to_string());
        assert_ne!(scan(&target, &["--under", "us-bod-17-01"]).0, 0, "{state} under a branded ban");
    }
    let process =
        json!({"kind": "process", "name": "kesl", "paths": ["/opt/kaspersky/kesl/kesl"], "state": "remnant"});
    let root = Root::new();
    assert_eq!(scan(&list(&root, "list", process.to_string()), &[]).0, 1, "a process runs");
}

#[test]
fn what_is_whole_in_a_damaged_list_is_still_found() {
    let found = r#"{"kind":"package","name":"klnagent64","source":"dpkg"}"#;
    let root = Root::new();
    let (code, report) = scan(&list(&root, "a", format!("{ITEM}\nno JSON\n{found}\n")), &[]);
    assert_eq!((code, report["findings"].as_array().unwrap().len()), (1, 1));
    let row = report["coverage"].as_array().unwrap().iter().find(|r| r["source"] == "saved").unwrap();
    assert_eq!((row["state"].as_str(), row["gaps"][0]["code"].as_str()), (Some("partial"), Some("damaged")));
    assert!(row["gaps"][0]["reason"].as_str().unwrap().contains("line 2"), "{row}");
}

#[test]
fn a_list_with_a_header_is_incomplete_wherever_it_is_cut() {
    let whole = format!("{HEADER}\n{ITEM}\n{}\n", ITEM.replace("bash", "zsh"));
    assert_eq!(codes(whole.as_bytes()).0, Verdict::Clean);
    for length in 0..whole.len() - 1 {
        assert_ne!(codes(&whole.as_bytes()[..length]).0, Verdict::Clean, "cut to {length}");
    }
    let whole = packed(whole.as_bytes());
    assert_eq!(codes(&whole).0, Verdict::Clean);
    for length in 0..whole.len() {
        assert_ne!(codes(&whole[..length]).0, Verdict::Clean, "packed, cut to {length}");
    }
}

#[test]
fn a_report_is_incomplete_wherever_it_is_cut() {
    let root = Root::debian();
    for format in ["json", "ndjson"] {
        let whole = run(["scan", &root.target(), "-o", format]).out.into_bytes();
        assert_eq!(codes(&whole).0, Verdict::Clean);
        for length in (0..whole.len() - 2).step_by(7).chain([whole.len() - 2]) {
            assert_ne!(codes(&whole[..length]).0, Verdict::Clean, "{format} cut to {length}");
        }
    }
}

#[test]
fn a_packed_list_with_a_wrong_byte_is_never_clean() {
    let text = format!("{HEADER}\n{ITEM}\n{}\n", ITEM.replace("bash", "zsh"));
    let whole = packed(text.as_bytes());
    // What stands in the header of gzip before the data (name, time, system) is no part of the list.
    for at in 10..whole.len() {
        for bit in 0..8 {
            let mut bytes = whole.clone();
            bytes[at] ^= 1 << bit;
            let mut read = Vec::new();
            if MultiGzDecoder::new(&bytes[..]).read_to_end(&mut read).is_ok() && read == text.as_bytes() {
                // A bit that fills up a byte means nothing.
                continue;
            }
            let root = Root::new();
            root.write("list", bytes);
            // A wrong byte in the schema's name makes another schema, which stops the run.
            let verdict = Target::saved(&root.at("list")).map(|target| judged(&target).verdict);
            assert!(!matches!(verdict, Ok(Verdict::Clean)), "bit {bit} of byte {at}");
        }
    }
    assert_ne!(codes(&[whole, b"more".to_vec()].concat()).0, Verdict::Clean, "something after the end");
}

#[test]
fn garbage_is_incomplete_however_it_is_named() {
    let root = Root::new();
    let garbage: Vec<u8> =
        (0..4096_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13).to_le_bytes()[0]).collect();
    for name in ["list.ndjson", "list.json", "list.ndjson.gz"] {
        let (code, report) = scan(&list(&root, name, &garbage), &[]);
        assert_eq!((code, report["verdict"].as_str()), (3, Some("incomplete")), "{name}");
    }
    let nested = "[".repeat(100_000);
    for text in [nested.clone(), format!("{{\"kind\":{nested}"), format!("{ITEM}\n{{\"kind\":{nested}\n")] {
        assert_eq!(codes(text.as_bytes()).0, Verdict::Incomplete);
    }
    let wide =
        "\u{feff}{\"kind\":\"package\"}".encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
    assert_eq!(codes(&wide).0, Verdict::Incomplete, "UTF-16");
}

#[test]
fn several_reports_in_one_file_are_a_usage_error() {
    let (root, lists) = (Root::debian(), Root::new());
    let report = run(["scan", &root.target(), "-o", "ndjson"]).out;
    let listed = run(["inventory", &root.target(), "-o", "ndjson"]).out;
    for two in [format!("{report}{report}"), format!("{report}{listed}"), format!("{listed}{listed}")] {
        let run = run(["scan", &list(&lists, "two.ndjson", two)]);
        assert_eq!((run.code, run.out.as_str()), (2, ""), "{}", run.err);
        assert!(run.err.contains("several reports"), "{}", run.err);
    }
    // Documents over many lines are no stream: what stands behind the first was not read.
    let pretty = run(["scan", &root.target(), "-o", "json"]).out;
    let two = run(["scan", &list(&lists, "two.json", format!("{pretty}{pretty}"))]);
    assert!(matches!(two.code, 2 | 3), "{}", two.out);
}

#[test]
fn a_list_of_another_schema_is_a_usage_error() {
    let root = Root::new();
    for schema in ["interdict.inventory/2", "interdict.report/99", "interdict.fleet/1"] {
        let run = run(["scan", &list(&root, "list", json!({"schema": schema}).to_string())]);
        assert_eq!((run.code, run.out.as_str()), (2, ""), "{schema}");
        assert!(run.err.contains(schema), "{}", run.err);
    }
}
