//! Whom an instrument binds, from when, and by when it asks for something.

use serde_json::{Value, json};

use crate::lab::{Root, scan};

fn program(name: &str, publisher: &str) -> Value {
    json!({"kind": "application", "name": name, "publisher": publisher})
}

fn known(name: &str, key: &str, id: &str) -> Value {
    json!({"kind": "application", "name": name, "ids": {key: id}})
}

/// Who, what system, which device and what day: the same finding under the same instrument.
#[test]
#[allow(clippy::too_many_lines, reason = "a table")]
fn who_is_bound_decides() {
    let kaspersky = || json!({"kind": "package", "name": "klnagent64"});
    let tiktok = || known("TikTok", "package-family", "BytedancePte.Ltd.TikTok_6yccndn6064se");
    let acronis = || program("Acronis Cyber Protect", "Acronis");
    let deepseek = || known("DeepSeek", "android-package", "com.deepseek.chat");
    let dingtalk = || program("DingTalk", "Alibaba (China) Network Technology Co., Ltd.");
    let assumed = "assumed";
    for (item, instrument, organisation, args, ruling, words) in [
        (kaspersky(), "us-ndaa-fy2018-1634", "", "", "prohibited", "Kaspersky Lab"),
        (kaspersky(), "us-ndaa-fy2018-1634", "body = \"us-defense\"", "", "prohibited", "Kaspersky Lab"),
        // Section 1634 spares no national security system, the directive does.
        (kaspersky(), "us-ndaa-fy2018-1634", "body = \"us-defense\"\nsystem = \"sci\"", "", "prohibited", ""),
        (
            kaspersky(),
            "us-bod-17-01",
            "body = \"us-defense\"\nsystem = \"sci\"",
            "",
            "advisory",
            "44 U.S.C. 3553",
        ),
        (kaspersky(), "us-bod-17-01", "body = \"us-contractor\"", "", "prohibited", "Kaspersky-branded"),
        (
            kaspersky(),
            "us-ndaa-fy2018-1634",
            "body = \"private\"",
            "",
            "advisory",
            "a private person or company",
        ),
        (
            kaspersky(),
            "us-bis-icts-kaspersky",
            "body = \"private\"",
            "",
            "advisory",
            "a private person or company",
        ),
        (kaspersky(), "us-bis-icts-kaspersky", "", "", "advisory", "not itself penalised"),
        (kaspersky(), "us-bis-icts-kaspersky", "body = \"us-supplier\"", "", "indicator", "likely there"),
        (kaspersky(), "us-far-52-204-23", "", "", "indicator", "components"),
        (kaspersky(), "us-far-52-204-23", "body = \"us-defense-contractor\"", "", "prohibited", "components"),
        (kaspersky(), "us-far-52-204-23", "body = \"us-executive\"", "", "advisory", "flows down"),
        (
            kaspersky(),
            "ca-tbs-2023-10",
            "body = \"ca-government\"\ndevice = \"mobile\"",
            "",
            "prohibited",
            "mobile",
        ),
        (
            kaspersky(),
            "ca-tbs-2023-10",
            "body = \"ca-government\"\ndevice = \"workstation\"",
            "",
            "advisory",
            "mobile devices only",
        ),
        (
            kaspersky(),
            "ca-tbs-2023-10",
            "device = \"mobile\"\nownership = \"personal\"",
            "",
            "advisory",
            "mobile devices only",
        ),
        (kaspersky(), "it-acn-2025", "", "--as-of 2025-11-21", "", ""),
        (kaspersky(), "it-acn-2025", "", "--as-of 2025-11-22", "prohibited", "Security Gen"),
        (kaspersky(), "it-acn-2022", "", "--as-of 2025-11-21", "prohibited", "Positive Technologies"),
        (kaspersky(), "it-acn-2022", "", "--as-of 2025-11-22", "", ""),
        (tiktok(), "us-tiktok", "body = \"us-executive\"", "", "prohibited", "legal review"),
        (tiktok(), "uk-tiktok-2023", "ownership = \"personal\"", "", "advisory", "not personal ones"),
        (tiktok(), "us-tiktok", "", "--as-of 2023-02-26", "", ""),
        (
            acronis(),
            "us-fascsa-acronis-2025",
            "body = \"us-intelligence\"\nsystem = \"sci\"",
            "",
            "prohibited",
            "Acronis AG",
        ),
        (
            acronis(),
            "us-fascsa-acronis-2025",
            "body = \"us-intelligence\"\nsystem = \"ordinary\"",
            "",
            "advisory",
            "systems",
        ),
        (acronis(), "us-fascsa-acronis-2025", "body = \"us-texas\"", "", "advisory", "Texas"),
        (deepseek(), "us-hr1121", "", "", "advisory", "not law"),
        (deepseek(), "us-hr1121", "", "--assume us-hr1121", "prohibited", "as if passed"),
        (deepseek(), "us-hr1121", "body = \"us-texas\"", "--assume us-hr1121", "advisory", "does not bind"),
        (
            deepseek(),
            "us-ndaa-fy2026-1532",
            "body = \"us-civilian\"",
            "",
            "advisory",
            "Department of Defense",
        ),
        (
            deepseek(),
            "us-ndaa-fy2026-1532",
            "body = \"us-defense-contractor\"",
            "--as-of 2026-01-16",
            "advisory",
            "2026-01-17",
        ),
        (
            deepseek(),
            "us-ndaa-fy2026-1532",
            "body = \"us-defense-contractor\"",
            "--as-of 2026-01-17",
            "prohibited",
            "High Flyer",
        ),
        (deepseek(), "us-tx-620", "", "--as-of 2025-01-30", "", ""),
        (deepseek(), "us-tx-620", "body = \"us-texas\"", "--as-of 2025-01-31", "prohibited", "lists them"),
        (dingtalk(), "us-tx-620", "", "--as-of 2026-01-25", "", ""),
        (dingtalk(), "us-tx-620", "", "--as-of 2026-01-26", "prohibited", "lists them"),
    ] {
        let root = Root::new();
        root.write("organisation.toml", organisation);
        let file = root.at("organisation.toml");
        let mut all = vec!["--under", instrument];
        let day = if args.contains("--as-of") { "" } else { "--as-of 2026-11-24" };
        all.extend(args.split_whitespace().chain(day.split_whitespace()));
        if !organisation.is_empty() {
            all.extend(["--organisation", file.to_str().unwrap()]);
        }
        let (_, report) = scan(&root.list(std::slice::from_ref(&item)), &all);
        let said = &report["findings"][0]["rulings"][0];
        let of = format!("{instrument} {organisation:?} {args}: {said:#}");
        assert_eq!(said["ruling"].as_str().unwrap_or_default(), ruling, "{of}");
        assert!(said["reason"].as_str().unwrap_or_default().contains(words), "{of}");
        // What nobody said is taken for true and told; what somebody said is not.
        if ruling == "prohibited" {
            let limbs = ["body", "system", "device", "ownership"];
            let told = said[assumed].to_string();
            for limb in limbs.iter().filter(|limb| organisation.contains(**limb)) {
                assert!(!told.contains(&format!("the {limb} is")), "{of}");
            }
            assert_eq!(organisation.is_empty(), told.contains("the body is"), "{of}");
        }
    }
}

/// Of what is stated only widely nobody knows the rest: it is assumed, told, and never taken for the contrary.
#[test]
fn a_wide_class_leaves_the_narrower_one_unknown() {
    let root = Root::new();
    let kaspersky = root.list(&[json!({"kind": "package", "name": "klnagent64"})]);
    for (instrument, organisation, ruling, assumed) in [
        ("us-bod-17-01", "body = \"us-federal\"", "prohibited", "executive department"),
        ("us-bod-17-01", "body = \"us-civilian\"", "prohibited", "not a national security system"),
        ("us-bod-17-01", "body = \"us-civilian\"\nsystem = \"ordinary\"", "prohibited", ""),
        ("us-bod-17-01", "body = \"us-civilian\"\nsystem = \"sci\"", "advisory", ""),
        // Whose device it is says nothing of what it is, nor the other way round.
        (
            "ca-tbs-2023-10",
            "body = \"ca-government\"\nownership = \"issued\"",
            "prohibited",
            "a mobile device",
        ),
        (
            "ca-tbs-2023-10",
            "body = \"ca-government\"\ndevice = \"mobile\"",
            "prohibited",
            "that of an employee",
        ),
        ("ca-tbs-2023-10", "ownership = \"personal\"", "advisory", ""),
    ] {
        root.write("o.toml", organisation);
        let file = root.at("o.toml");
        let args = ["--under", instrument, "--as-of", "2026-11-24", "--organisation", file.to_str().unwrap()];
        let said = scan(&kaspersky, &args).1["findings"][0]["rulings"][0].clone();
        assert_eq!(said["ruling"], ruling, "{organisation}: {said:#}");
        assert!(said["assumed"].to_string().contains(assumed), "{organisation}: {said:#}");
        assert!(!assumed.is_empty() || said["assumed"] == json!([]), "{organisation}: {said:#}");
    }
}

/// Classes that are part of each other are one, and end.
#[test]
fn classes_in_a_circle_end() {
    let root = Root::new();
    let class = |id: &str, of: &str| {
        format!("[[class]]\nof = \"body\"\nid = \"{id}\"\nabout = \"{id}\"\nwithin = [\"{of}\"]\n")
    };
    root.write("c.toml", class("a", "b") + &class("b", "a"));
    root.write("o.toml", "body = \"a\"\n");
    let list = root.list(&[json!({"kind": "package", "name": "klnagent64"})]);
    let (rules, file) = (root.at("c.toml"), root.at("o.toml"));
    let args = ["--rules", rules.to_str().unwrap(), "--organisation", file.to_str().unwrap()];
    let (code, report) = scan(&list, &[&args[..], &["--under", "us-ndaa-fy2018-1634"]].concat());
    assert_eq!((code, &report["findings"][0]["rulings"][0]["ruling"]), (0, &json!("advisory")));
}

/// Terms of each unit, from each trigger, and by the date of the clause.
#[test]
fn terms_are_counted_as_the_instrument_counts_them() {
    let root = Root::new();
    let list = root.list(&[json!({"kind": "package", "name": "klnagent64"})]);
    let clause = |date: &str| {
        root.write("o.toml", format!("body = \"us-contractor\"\n[clauses]\nus-far-52-204-23 = \"{date}\"\n"));
        root.at("o.toml").to_str().unwrap().to_owned()
    };
    let (july, december) = ("2018-07-16", "2023-12-04");
    for (instrument, date, due, rules) in [
        // 24 November 2026 is a Tuesday, and Thanksgiving follows on Thursday.
        ("us-far-52-204-23", december, "2026-11-30", &["3 business days", "10 business days"][..]),
        ("us-far-52-204-23", july, "2026-11-25", &["1 business day after", "10 business days"]),
        ("us-far-52-240-91", july, "2026-11-27", &["72 hours after 2026-11-24"]),
        ("au-pspf-002-2025", july, "2025-04-01", &["a day that it names"]),
        (
            "us-bod-17-01",
            july,
            "2017-12-12",
            &["30 calendar days after 2017-09-13", "then every 30 calendar days"],
        ),
    ] {
        let file = clause(date);
        let args = ["--under", instrument, "--as-of", "2026-11-24"];
        let with = ["--organisation", file.as_str()];
        let args = if instrument.starts_with("us-") { [&args[..], &with].concat() } else { args.to_vec() };
        let (_, report) = scan(&list, &args);
        assert_eq!(report["findings"][0]["rulings"][0]["due"], due, "{instrument}");
        let duties = report["instruments"][0]["duties"].to_string();
        for rule in rules {
            assert!(duties.contains(rule), "{instrument}: {duties}");
        }
    }
    // What contractors must report is no duty of an agency.
    root.write("o.toml", "body = \"us-executive\"\n");
    let agency = root.at("o.toml");
    let huawei = root.list(&[program("HiSuite", "Huawei Technologies Co., Ltd.")]);
    let args = ["--under", "us-ndaa-fy2019-889", "--as-of", "2026-11-24"];
    let with = ["--organisation", agency.to_str().unwrap()];
    assert_eq!(scan(&huawei, &args).1["findings"][0]["rulings"][0]["due"], "2026-11-25");
    assert!(scan(&huawei, &[&args[..], &with].concat()).1["findings"][0]["rulings"][0]["due"].is_null());
    let list = root.list(&[json!({"kind": "package", "name": "klnagent64"})]);
    // The second report is due from the day of the first.
    let file = clause(december);
    let (_, report) =
        scan(&list, &["--under", "us-far-52-204-23", "--as-of", "2026-11-24", "--organisation", &file]);
    let duties = report["instruments"][0]["duties"].as_array().unwrap().clone();
    let due: Vec<_> = duties.iter().map(|duty| duty["due"].as_str().unwrap()).collect();
    assert_eq!(due, ["2026-11-30", "2026-12-14"]);
}
