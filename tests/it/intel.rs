//! What was collected of each maker in public (`intel/*.tsv`): all that identifies it by itself is recognised, or is
//! listed here with the reason why not.
//!
//! One item is made of each row in the form in which a source would give it, and all are judged as one list.

use std::collections::{BTreeMap, BTreeSet};

use interdict::item::State;
use interdict::target::Target;
use serde_json::{Value, json};

use crate::lab::{Root, judged, shared};

/// The maker, kind and value of a row.
type Key<'a> = (&'a str, &'a str, &'a str);

/// Rows that are called certain and are not recognised, with the reason.
const MISSED: &[(&str, &[Key<'static>])] = &[
    (
        "published as open source, and no product",
        &[
            ("alibaba", "purl", "pkg:pypi/modelscope"),
            ("baidu", "purl", "pkg:pypi/paddlepaddle"),
            ("baidu", "purl", "pkg:pypi/paddleocr"),
            ("bytedance", "winget", "ByteDance.Debugtron"),
            ("huawei", "purl", "pkg:pypi/mindspore"),
            ("kaspersky", "purl", "pkg:maven/com.kaspersky.android-components/kaspresso"),
            ("kaspersky", "purl", "pkg:npm/%40kaspersky/hexa-ui"),
            ("kaspersky", "purl", "pkg:npm/%40kaspersky/hexa-ui-core"),
            ("kaspersky", "purl", "pkg:npm/%40kaspersky/hexa-ui-icons"),
        ],
    ),
    (
        "weights of a model, which are in a pack of their own and never a package or a file",
        &[
            ("deepseek", "path", "~/.cache/huggingface/hub/models--deepseek-ai--*"),
            ("deepseek", "purl", "pkg:huggingface/deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B"),
            ("deepseek", "purl", "pkg:huggingface/deepseek-ai/DeepSeek-R1-Distill-Llama-70B"),
        ],
    ),
    (
        "left by a single scan or a removal: it only supports others",
        &[
            ("kaspersky", "path", r"C:\Program Files\Common Files\Kaspersky_Cleaner\cleaner.exe"),
            ("kaspersky", "path", r"C:\KVRT_Data"),
            ("kaspersky", "path", r"C:\KVRT2020_Data"),
        ],
    ),
    (
        "a key of the registry: what uninstall keys, services and hosts of extensions say comes as items of those kinds",
        &[
            ("drweb", "reg_key", r"HKLM\SOFTWARE\Doctor Web\Settings\Updater"),
            ("drweb", "reg_key", r"HKLM\SOFTWARE\Doctor Web\Setup\Dr.Web Agent\Settings"),
            ("kaspersky", "reg_key", r"HKLM\SOFTWARE\KasperskyLab"),
            ("kaspersky", "reg_key", r"HKLM\SOFTWARE\WOW6432Node\KasperskyLab"),
            ("kaspersky", "reg_key", r"HKLM\SOFTWARE\KasperskyLab\protected\AVP14.0.0"),
            ("kaspersky", "reg_key", r"HKLM\SOFTWARE\KasperskyLab\protected\LicStorage"),
            ("kaspersky", "reg_key", r"HKLM\SYSTEM\CurrentControlSet\Services\klif"),
            (
                "kaspersky",
                "reg_key",
                r"NativeMessagingHosts\com.kaspersky.ahkjpbeeocnddjkakilopmfdlnjdpcdm.host",
            ),
        ],
    ),
    (
        "an upgrade code, which is looked for among those and not among product codes",
        &[("bytedance", "product_code", "{099C5419-D02D-441A-A7C4-CDE704927C70}")],
    ),
    (
        "the address of a page in a store, which no browser keeps as an id",
        &[("kaspersky", "browser_extension", "kaspersky-protection-2020")],
    ),
    (
        "a number in the signer's name: no trait looks at it, and the company is in the same name",
        &[("kaspersky", "signer", "SERIALNUMBER=1027739867473")],
    ),
    ("two letters that many use: they only support others", &[("tencent", "process", "QQ.exe")]),
];

/// A row of the table of a maker: what kind of value it is, and the value.
struct Row {
    vendor: String,
    kind: String,
    value: String,
}

/// The rows of all tables that are called certain, in their order.
fn rows(folder: &std::path::Path) -> Vec<Row> {
    let mut tables: Vec<_> = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    tables.retain(|t| t.extension().is_some_and(|e| e == "tsv"));
    tables.sort();
    let mut rows = Vec::new();
    for table in tables {
        let vendor = table.file_stem().unwrap().to_str().unwrap().replace('_', "-");
        for line in std::fs::read_to_string(&table).unwrap().lines().skip(1) {
            let [kind, value, _, confidence, ..] = line.split('\t').collect::<Vec<_>>()[..] else {
                panic!("{line}")
            };
            if confidence == "certain" {
                rows.push(Row { vendor: vendor.clone(), kind: kind.to_owned(), value: value.to_owned() });
            }
        }
    }
    rows
}

/// The item that a row describes.
fn item(row: &Row) -> Value {
    let value = row.value.replace("~/", "/home/jane/").replace('*', "1");
    let value = value.replace("%APPDATA%", "C:\\Users\\jane\\AppData\\Roaming");
    let named = |kind: &str| json!({"kind": kind, "name": value});
    let with_id = |kind: &str, id: &str| json!({"kind": kind, "name": "x", "ids": {id: value}});
    let of_system = |ecosystem: &str| json!({"kind": "package", "name": value, "ecosystem": ecosystem});
    match row.kind.as_str() {
        "android" => with_id("application", "android-package"),
        "browser_extension" => with_id("extension", "extension-id"),
        "bundle_id" => with_id("application", "bundle-id"),
        "cpe" => with_id("application", "cpe"),
        "display_name" => named("application"),
        // Drivers of Kaspersky's later products are told apart by their services.
        "driver" if !value.contains(".sys") => json!({"kind": "driver", "name": "x.sys", "service": value}),
        "driver" => named("driver"),
        "file_hash" => with_id("file", "sha256"),
        // The family of a package of Windows' store stands among the names of files.
        "file_name" if value.contains("_6yccndn6064se") => with_id("application", "package-family"),
        "file_name" => named("file"),
        "flatpak" => of_system("flatpak"),
        // A cask is an application that stands in the folder of its name.
        "homebrew" => json!({"kind": "application", "name": value, "ecosystem": "homebrew",
            "publisher": "homebrew/cask", "paths": [format!("/opt/homebrew/Caskroom/{value}/1.0")]}),
        "launchd_label" | "service" | "systemd_unit" => named("service"),
        "linux_package" => of_system("debian"),
        "path" => json!({"kind": "file", "name": "x", "paths": [value]}),
        "process" => named("process"),
        "product_code" => with_id("application", "product-code"),
        "publisher" => json!({"kind": "application", "name": "x", "publisher": value}),
        "purl" => with_id("package", "purl"),
        "reg_key" => json!({"kind": "key", "name": value, "paths": [value]}),
        "signer" => json!({"kind": "file", "name": "x", "signer": value}),
        "team_id" => with_id("application", "team-id"),
        "winget" => of_system("winget"),
        kind => panic!("a row of an unknown kind: {kind}"),
    }
}

#[test]
fn what_identifies_a_maker_is_recognised_or_listed() {
    let Some(shared) = shared() else { return };
    let rows = rows(&shared.join("intel"));
    assert!(rows.len() > 700, "{}", rows.len());
    let items = rows.iter().enumerate().map(|(number, row)| {
        let mut item = item(row);
        item["ref"] = json!(number.to_string());
        item.to_string()
    });
    let root = Root::new();
    root.write("list.ndjson", items.collect::<Vec<_>>().join("\n"));
    let report = judged(&Target::saved(&root.at("list.ndjson")).unwrap());
    let mut found: BTreeMap<usize, BTreeSet<&str>> = BTreeMap::new();
    for reported in &report.findings {
        for evidence in reported.finding.evidence.iter().filter(|e| e.state != State::Mention) {
            let number = report.inventory.items[evidence.item].reference.as_ref().unwrap().raw();
            found.entry(number.parse().unwrap()).or_default().insert(&reported.vendor);
        }
    }
    let listed: BTreeSet<_> = MISSED.iter().flat_map(|(_, rows)| rows.iter().copied()).collect();
    let (mut missed, mut stale) = (Vec::new(), listed.clone());
    for (number, row) in rows.iter().enumerate() {
        let is_found = found.get(&number).is_some_and(|by| by.contains(row.vendor.as_str()));
        let key: Key<'_> = (&row.vendor, &row.kind, &row.value);
        if !is_found && !stale.remove(&key) && !listed.contains(&key) {
            missed.push(format!("{key:?}"));
        }
    }
    assert!(missed.is_empty(), "{} of {}: {missed:#?}", missed.len(), rows.len());
    assert!(stale.is_empty(), "found, and listed as missed: {stale:?}");
}
