//! Some fifty findings before every instrument: the ruling of each, and the words of the law that decide it.
//!
//! The table is written from the texts that the instruments cite, not from what the program says.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::lab::{Root, run, scan};

/// Rulings of one kind: the ruling, then the instruments.
type Rulings = &'static [&'static str];

/// A product of Kaspersky that is no anti-virus software.
const KASPERSKY: Rulings = &[
    "prohibited au-pspf-002-2025 ca-tbs-2023-10 it-acn-2025 lt-2017 us-bod-17-01 us-ndaa-fy2018-1634 us-tx-620",
    "review us-fl-112-22",
    "indicator us-far-52-204-23 us-far-52-240-91",
    "advisory us-bis-icts-kaspersky us-far-52-240-3",
];
/// What speaks of anti-virus software alone.
const ANTIVIRUS: Rulings = &["prohibited nl-2018", "advisory de-bsi-2022 uk-ncsc-2017"];
/// A product that two determinations exclude by name.
const SERVICE: Rulings = &[
    "prohibited au-pspf-002-2025 ca-tbs-2023-10 it-acn-2025 lt-2017 us-ndaa-fy2018-1634 us-tx-620",
    "review us-fl-112-22",
    "indicator us-far-52-204-23 us-far-52-240-91",
    "advisory us-far-52-240-3",
    "excluded us-bis-icts-kaspersky us-bod-17-01",
];
const ENGINE: Rulings = &[
    "prohibited it-acn-2025 us-ndaa-fy2018-1634 us-tx-620",
    "indicator us-far-52-204-23 us-far-52-240-91",
    "advisory us-bis-icts-kaspersky us-far-52-240-3",
    "excluded au-pspf-002-2025 ca-tbs-2023-10 de-bsi-2022 lt-2017 nl-2018 uk-ncsc-2017 us-bod-17-01 us-fl-112-22",
];
const TIKTOK: Rulings = &[
    "prohibited au-pspf-001-2023 ca-tbs-2023-02 eu-com-tiktok uk-tiktok-2023 us-far-52-204-27 us-tiktok us-tx-620",
    "review us-fl-112-22",
    "indicator us-far-52-240-91",
    "advisory us-far-52-240-3",
];
const EQUIPMENT: Rulings =
    &["prohibited us-tx-620", "indicator us-far-52-240-91 us-ndaa-fy2019-889", "advisory us-far-52-240-3"];
const DEEPSEEK: Rulings = &[
    "prohibited au-pspf-001-2025 au-sa-sacsf-4 cz-deepseek tw-deepseek us-ndaa-fy2026-1532 us-ndaa-fy2026-6604 \
     us-ny-deepseek us-tx-620 us-va-eo46",
    "review us-fl-112-22",
    "advisory us-hr1121 us-s765",
];
/// What only Texas names, and Florida may.
const TEXAS: Rulings = &["prohibited us-tx-620", "review us-fl-112-22"];
const FLORIDA: Rulings = &["review us-fl-112-22"];

/// By a package's or program's name and publisher.
fn program(name: &str, publisher: &str) -> Value {
    json!({"kind": "application", "name": name, "publisher": publisher})
}

/// By an identifier.
fn known(name: &str, key: &str, id: &str) -> Value {
    json!({"kind": "application", "name": name, "ids": {key: id}})
}

#[allow(clippy::too_many_lines, reason = "a table")]
fn findings() -> Vec<(&'static str, Vec<Value>, Vec<Rulings>)> {
    let whole = |name: &str| json!({"kind": "package", "name": name, "id": "p1", "publisher": "Else Ltd"});
    let part = |signer: &str| json!({"kind": "file", "name": "x.dll", "state": "present", "signer": signer, "owner": "p1"});
    let remnant = |mut item: Value| {
        item["state"] = json!("remnant");
        item
    };
    let kaspersky = "AO Kaspersky Lab";
    let tencent = "Tencent Technology (Shenzhen) Company Limited";
    let bytedance = "Bytedance Pte. Ltd.";
    let kesl = json!({"kind": "package", "name": "kesl", "version": "12.1.0"});
    let tiktok = known("TikTok", "package-family", "BytedancePte.Ltd.TikTok_6yccndn6064se");
    let process = |name: &str, path: &str| json!({"kind": "process", "name": name, "paths": [path]});
    let kaspersky_program = |name| vec![program(name, kaspersky)];
    vec![
        ("its agent for Linux", vec![kesl.clone()], vec![KASPERSKY, ANTIVIRUS]),
        (
            "its agent for Windows",
            kaspersky_program("Kaspersky Endpoint Security for Windows"),
            vec![KASPERSKY, ANTIVIRUS],
        ),
        ("its anti-virus", kaspersky_program("Kaspersky Anti-Virus"), vec![KASPERSKY, ANTIVIRUS]),
        (
            "its anti-virus for Android",
            vec![known("Kaspersky", "android-package", "com.kms.free")],
            vec![KASPERSKY, ANTIVIRUS],
        ),
        (
            "its process",
            vec![process("kesl", "/opt/kaspersky/kesl/libexec/kesl")],
            vec![KASPERSKY, ANTIVIRUS],
        ),
        (
            "its driver",
            vec![json!({"kind": "driver", "name": "klif", "signer": kaspersky, "service": "KLIF.KES-21-9"})],
            vec![KASPERSKY, ANTIVIRUS],
        ),
        // An agent of administration is no anti-virus software.
        (
            "its agent of administration",
            vec![json!({"kind": "package", "name": "klnagent64"})],
            vec![KASPERSKY],
        ),
        ("its password manager", kaspersky_program("Kaspersky Password Manager"), vec![KASPERSKY]),
        ("its intelligence", kaspersky_program("Kaspersky Threat Intelligence"), vec![SERVICE]),
        ("its training", kaspersky_program("Kaspersky Security Training"), vec![SERVICE]),
        // Nobody knows whether it is anti-virus software, so where that matters a person must look.
        (
            "a product of it that is not told apart",
            kaspersky_program("Some Tool"),
            vec![KASPERSKY, &["review nl-2018", "advisory de-bsi-2022 uk-ncsc-2017"]],
        ),
        ("its engine in another's product", vec![whole("gateway"), part(kaspersky)], vec![ENGINE]),
        (
            "what is left of it",
            vec![remnant(kesl)],
            vec![&[
                "advisory au-pspf-002-2025 ca-tbs-2023-10 de-bsi-2022 it-acn-2025 lt-2017 nl-2018 uk-ncsc-2017 \
                 us-bis-icts-kaspersky us-bod-17-01 us-far-52-204-23 us-far-52-240-3 us-far-52-240-91 us-fl-112-22 \
                 us-ndaa-fy2018-1634 us-tx-620",
            ]],
        ),
        (
            "a bare name of a process",
            vec![process("avp.exe", "D:\\x\\avp.exe")],
            vec![&[
                "review au-pspf-002-2025 ca-tbs-2023-10 it-acn-2025 lt-2017 nl-2018 us-bod-17-01 us-far-52-204-23 \
                 us-far-52-240-91 us-fl-112-22 us-ndaa-fy2018-1634 us-tx-620",
                "advisory de-bsi-2022 uk-ncsc-2017 us-bis-icts-kaspersky us-far-52-240-3",
            ]],
        ),
        (
            "a script that names it",
            vec![
                json!({"kind": "file", "name": "kaspersky.py", "paths": ["/var/ossec/active-response/bin/kaspersky.py"]}),
            ],
            vec![],
        ),
        ("what took over its customers", vec![program("UltraAV", "Pango Group")], vec![]),
        ("TikTok", vec![tiktok.clone()], vec![TIKTOK]),
        (
            "TikTok for Android",
            vec![known("TikTok", "android-package", "com.zhiliaoapp.musically")],
            vec![TIKTOK],
        ),
        (
            "what is left of TikTok",
            vec![remnant(tiktok)],
            vec![&[
                "advisory au-pspf-001-2023 ca-tbs-2023-02 eu-com-tiktok uk-tiktok-2023 us-far-52-204-27 us-far-52-240-3 \
                 us-far-52-240-91 us-fl-112-22 us-tiktok us-tx-620",
            ]],
        ),
        ("CapCut", vec![program("CapCut", bytedance)], vec![TEXAS]),
        ("Lark", vec![program("Lark", "Lark Technologies Pte. Ltd.")], vec![TEXAS]),
        ("Trae", vec![program("Trae", "SPRING (SG) PTE. LTD.")], vec![TEXAS]),
        // The Act names TikTok and what succeeds it: a program that is not told apart may be that.
        (
            "something of ByteDance",
            vec![program("Something", bytedance)],
            vec![
                TEXAS,
                &[
                    "review au-pspf-001-2023 ca-tbs-2023-02 eu-com-tiktok uk-tiktok-2023 us-far-52-204-27 \
                     us-far-52-240-91 us-tiktok",
                    "advisory us-far-52-240-3",
                ],
            ],
        ),
        ("WeChat", vec![program("WeChat", tencent)], vec![TEXAS, &["prohibited ca-tbs-2023-10"]]),
        ("QQ", vec![program("QQ", tencent)], vec![TEXAS]),
        (
            "a part of Tencent in a game",
            vec![whole("game"), part(tencent)],
            vec![&["prohibited us-tx-620", "excluded ca-tbs-2023-10 us-fl-112-22"]],
        ),
        ("HiSuite", vec![program("HiSuite", "Huawei Technologies Co., Ltd.")], vec![EQUIPMENT]),
        ("a program of Huawei", vec![program("PC Manager", "Huawei Device Co., Ltd.")], vec![EQUIPMENT]),
        (
            "a part of Huawei",
            vec![whole("modem-kit"), part("Huawei Technologies Co., Ltd.")],
            vec![EQUIPMENT],
        ),
        (
            "iVMS",
            vec![program("iVMS-4200", "Hangzhou Hikvision Digital Technology Co., Ltd.")],
            vec![EQUIPMENT],
        ),
        ("SmartPSS", vec![program("SmartPSS", "Dahua Technology")], vec![EQUIPMENT]),
        (
            "a program of Hytera",
            vec![program("CPS", "Hytera Communications Corporation Limited")],
            vec![EQUIPMENT],
        ),
        ("a program of ZTE", vec![program("ZTE USB Driver", "ZTE Corporation")], vec![EQUIPMENT]),
        ("a program of DJI", vec![program("DJI Assistant 2", "DJI")], vec![&["prohibited us-tx-620"]]),
        (
            "Acronis",
            vec![program("Acronis Cyber Protect", "Acronis")],
            vec![&["prohibited us-fascsa-acronis-2025"]],
        ),
        (
            "a part of Acronis",
            vec![whole("backup"), part("Acronis International GmbH")],
            vec![&["excluded us-fascsa-acronis-2025"]],
        ),
        ("DeepSeek", vec![known("DeepSeek", "android-package", "com.deepseek.chat")], vec![DEEPSEEK]),
        (
            "its weights",
            vec![
                json!({"kind": "model", "name": "r1", "ids": {"purl": "pkg:huggingface/deepseek-ai/DeepSeek-R1"}}),
            ],
            vec![&["prohibited us-ndaa-fy2026-1532"]],
        ),
        ("somebody's front end for it", vec![program("DeepSeek Desktop", "Jane Doe")], vec![]),
        ("Alipay", vec![program("Alipay", "Alipay.com Co., Ltd.")], vec![TEXAS]),
        ("DingTalk", vec![program("DingTalk", "Alibaba (China) Network Technology Co., Ltd.")], vec![TEXAS]),
        ("TeraBox", vec![program("TeraBox", "Flextech Inc.")], vec![TEXAS]),
        ("WPS Office", vec![program("WPS Office", "Kingsoft Corp.")], vec![TEXAS]),
        // Texas names the office of Kingsoft alone.
        (
            "its anti-virus of Kingsoft",
            vec![program("Kingsoft Antivirus", "Kingsoft Corporation")],
            vec![FLORIDA],
        ),
        ("a program of Xiaomi", vec![program("Xiaomi Cloud", "Xiaomi Inc.")], vec![TEXAS]),
        ("a program of Qihoo", vec![program("360 Total Security", "360 Security Center")], vec![FLORIDA]),
        ("a program of Group-IB", vec![program("Huntpoint", "Group-IB")], vec![&["prohibited it-acn-2025"]]),
        (
            "MaxPatrol",
            vec![program("MaxPatrol 8", "Positive Technologies")],
            vec![&["prohibited it-acn-2025"]],
        ),
        ("Yandex Browser", vec![program("Yandex", "YANDEX LLC")], vec![FLORIDA]),
        ("Dr.Web", vec![program("Dr.Web Security Space", "Doctor Web, Ltd.")], vec![FLORIDA]),
        ("FineReader", vec![program("ABBYY FineReader 15", "ABBYY Production LLC")], vec![]),
        ("another maker's program", vec![program("Firefox", "Mozilla")], vec![]),
    ]
}

/// What each reason must say, by ruling and instrument; `*` is any.
const REASONS: &[(&str, &str, &str)] = &[
    ("advisory", "de-bsi-2022", "warning"),
    ("advisory", "uk-ncsc-2017", "advice"),
    ("advisory", "us-bis-icts-kaspersky", "continued use by an existing user is not itself penalised"),
    ("advisory", "us-far-52-240-3", "proposed since 2026-06-23 and not law"),
    ("advisory", "us-hr1121", "proposed since 2025-02-07 and not law"),
    ("advisory", "us-s765", "proposed since 2025-02-27 and not law"),
    ("excluded", "us-bod-17-01", "excluded: Kaspersky"),
    ("excluded", "us-bis-icts-kaspersky", "Kaspersky Threat Intelligence, Kaspersky Security Training"),
    ("excluded", "au-pspf-002-2025", "code embedded in the products of third parties"),
    ("excluded", "*", "a part inside"),
    ("indicator", "us-ndaa-fy2019-889", "is not the equipment"),
    ("indicator", "us-far-52-204-23", "contains components using any developed in whole or in part"),
    ("indicator", "us-far-52-240-91", "the fields that the clause asks for were not read"),
    ("review", "us-fl-112-22", "updates it quarterly; look there"),
    ("review", "*", "was not told apart"),
    ("prohibited", "us-ndaa-fy2018-1634", "developed or provided, in whole or in part, by Kaspersky Lab"),
    ("prohibited", "us-bod-17-01", "Kaspersky-branded products"),
    ("prohibited", "us-tx-620", "any subsidiary or affiliate"),
    (
        "prohibited",
        "us-tiktok",
        "TikTok or any successor application or service developed or provided by ByteDance",
    ),
    ("prohibited", "us-far-52-204-27", "equipment of its employees included"),
    ("prohibited", "us-fascsa-acronis-2025", "all subordinate, subsidiary, or affiliated organizations"),
    ("prohibited", "us-ndaa-fy2026-6604", "national security systems of the intelligence community"),
    ("prohibited", "us-ndaa-fy2026-1532", "developed by DeepSeek, by High Flyer"),
    ("prohibited", "us-va-eo46", "DeepSeek"),
    ("prohibited", "us-ny-deepseek", "DeepSeek"),
    ("prohibited", "ca-tbs-2023-10", "government-issued mobile devices"),
    ("prohibited", "ca-tbs-2023-02", "government-issued mobile devices"),
    ("prohibited", "au-pspf-002-2025", "on all systems and devices"),
    ("prohibited", "au-pspf-001-2025", "on all systems and devices"),
    ("prohibited", "au-pspf-001-2023", "the TikTok application"),
    ("prohibited", "au-sa-sacsf-4", "DeepSeek"),
    ("prohibited", "it-acn-2025", "Kaspersky Lab, Group-IB and Security Gen"),
    ("prohibited", "lt-2017", "critical information infrastructure"),
    ("prohibited", "nl-2018", "anti-virus software of Kaspersky"),
    ("prohibited", "uk-tiktok-2023", "corporate devices"),
    ("prohibited", "eu-com-tiktok", "personal devices enrolled for work"),
    ("prohibited", "cz-deepseek", "public administration"),
    ("prohibited", "tw-deepseek", "state-owned enterprises"),
];

fn expected(groups: &[Rulings]) -> BTreeMap<String, String> {
    let mut expected = BTreeMap::new();
    for line in groups.iter().copied().flatten() {
        let (ruling, instruments) = line.split_once(' ').unwrap();
        for instrument in instruments.split_whitespace() {
            expected.insert(instrument.to_owned(), ruling.to_owned());
        }
    }
    expected
}

/// The reason that decides, where it is neither the finding's state nor its strength.
fn decides(state: &str, strength: &str, ruling: &str, instrument: &str) -> &'static str {
    match (state, strength, ruling) {
        ("remnant", _, "advisory") if !matches!(instrument, "us-far-52-240-3") => "left after removal",
        (_, "possible", "review") => "one weak trait only",
        _ => {
            let fits = |row: &&(&str, &str, &str)| row.0 == ruling && ["*", instrument].contains(&row.1);
            let row = REASONS.iter().find(fits);
            row.unwrap_or_else(|| panic!("no reason is written for {ruling} under {instrument}")).2
        }
    }
}

#[test]
fn every_finding_has_the_ruling_of_each_law_and_its_words() {
    let mut unused: BTreeSet<usize> = (0..REASONS.len()).collect();
    let findings = findings();
    assert!(findings.len() >= 40);
    for (name, items, groups) in &findings {
        let root = Root::new();
        let (_, report) = scan(&root.list(items), &["--under", "all", "--as-of", "2026-11-24"]);
        let mut said = BTreeMap::new();
        for finding in report["findings"].as_array().unwrap() {
            for ruling in finding["rulings"].as_array().unwrap() {
                let word = |key: &str| ruling[key].as_str().unwrap().to_owned();
                let (instrument, ruling, reason) = (word("instrument"), word("ruling"), word("reason"));
                let (state, strength) =
                    (finding["state"].as_str().unwrap(), finding["strength"].as_str().unwrap());
                let decides = decides(state, strength, &ruling, &instrument);
                assert!(reason.contains(decides), "{name} under {instrument}: {reason}");
                unused.retain(|row| REASONS[*row].2 != decides);
                assert!(said.insert(instrument, ruling).is_none(), "{name}");
            }
        }
        assert_eq!(said, expected(groups), "{name}");
    }
    let unused: Vec<_> = unused.iter().map(|row| REASONS[*row]).collect();
    assert!(unused.is_empty(), "{unused:?}");
}

/// Each instrument rules in the table, but for those of which nothing is in force.
#[test]
fn every_instrument_stands_in_the_table() {
    let rulings: BTreeSet<String> =
        findings().iter().flat_map(|(_, _, groups)| expected(groups).into_keys()).collect();
    let listed = run(["rules", "list"]).out;
    for file in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/rules/instruments")).unwrap() {
        let id = file.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned();
        if !["profiles", "classes", "local-policy", "it-acn-2022"].contains(&id.as_str()) {
            assert!(rulings.contains(&id), "{id} rules on nothing");
            assert!(listed.contains(&id), "{id} is not listed");
        }
    }
}
