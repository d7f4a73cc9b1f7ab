//! Recognising under attack: nobody is named as the maker of what another made, and nothing that is there is called
//! left, a part, or somebody else's.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::lab::{Root, scan};
use crate::saved::list;

/// Scans items as a saved inventory, under options.
fn judge(items: &[Value], options: &[&str]) -> (i32, Value) {
    let root = Root::new();
    let lines: Vec<String> = items.iter().map(Value::to_string).collect();
    scan(&list(&root, "list.ndjson", lines.join("\n")), options)
}

/// The strongest that is said of one item.
fn strength(item: Value) -> String {
    let (_, report) = judge(&[item], &[]);
    let finding = &report["findings"][0];
    if finding["state"] == "mention" {
        "mention".to_owned()
    } else {
        finding["strength"].to_string().replace('"', "")
    }
}

#[test]
fn a_signer_counts_as_far_as_the_signature_was_checked() {
    let signed = |state: &str| {
        let signature = json!({"organisation": "AO Kaspersky Lab", "state": state});
        strength(
            json!({"kind": "file", "name": "x.sys", "signer": "AO Kaspersky Lab", "signature": signature}),
        )
    };
    assert_eq!(signed("verified"), "certain");
    // Malware carries copied certificates: what does not fit the file says nothing sure about its maker.
    assert!(!["certain", "likely"].contains(&signed("mismatch").as_str()), "{}", signed("mismatch"));
}

#[test]
fn a_name_with_the_brand_yields_to_the_maker_wherever_that_is_told() {
    let name = "Kaspersky Removal Helper";
    for maker in [
        json!({"publisher": "Some Admin Tools Ltd."}),
        json!({"signer": "Some Admin Tools Ltd."}),
        json!({"signature": {"organisation": "Some Admin Tools Ltd.", "state": "verified"}}),
    ] {
        let mut item = json!({"kind": "application", "name": name});
        item.as_object_mut().unwrap().extend(maker.as_object().unwrap().clone());
        assert_eq!(strength(item), "possible", "{maker}");
    }
}

#[test]
fn neighbours_of_a_brand_are_not_it() {
    for item in [
        json!({"kind": "package", "name": "kesl-tools", "publisher": "Jane Doe <jane@kaspersky.com>"}),
        json!({"kind": "package", "name": "webhook", "homepage": "https://www.kaspersky.com/x"}),
        json!({"kind": "process", "name": "sh", "command": "sh /home/jane/opt/kaspersky/kesl/x", "paths": ["/bin/sh"]}),
        json!({"kind": "file", "name": "x", "paths": ["/home/jane/opt/kaspersky/kesl"]}),
        json!({"kind": "file", "name": "x", "paths": ["/opt/kaspersky-exporter/x", "/opt/kasperskyx"]}),
        json!({"kind": "application", "name": "Insta360 Studio", "publisher": "Arashi Vision Inc."}),
        json!({"kind": "driver", "name": "KslD.sys", "publisher": "Microsoft Corporation"}),
    ] {
        let (code, report) = judge(&[item], &[]);
        assert_eq!((code, &report["findings"]), (0, &json!([])));
    }
}

#[test]
fn a_path_is_compared_as_the_system_resolves_it() {
    for path in
        ["/opt//kaspersky/kesl/bin/x", "/opt/./kaspersky/kesl/bin/x", "/opt/x/../kaspersky/kesl/bin/x"]
    {
        assert_eq!(strength(json!({"kind": "file", "name": "x", "paths": [path]})), "likely", "{path}");
    }
    assert_eq!(strength(json!({"kind": "file", "name": "x", "paths": ["/opt/kaspersky/../x/y"]})), "null");
}

/// What cannot be seen makes no other name (Unicode: `Default_Ignorable_Code_Point`).
#[test]
fn characters_without_a_shape_hide_no_maker() {
    for publisher in [
        "AO Kasper\u{200b}sky Lab",
        "AO Kasper\u{ad}sky Lab",
        "\u{feff}AO Kaspersky Lab",
        "AO Kaspersky Lab\u{2060}",
    ] {
        let item = json!({"kind": "package", "name": "x", "publisher": publisher});
        assert_eq!(strength(item), "likely", "{publisher:?}");
    }
}

/// A shell or a wrapper in front does not make the program another.
#[test]
fn a_program_behind_a_wrapper_is_found() {
    for start in [
        "/bin/sh -c 'exec /opt/kaspersky/kesl/bin/kesl'",
        "/usr/bin/env A=1 /opt/kaspersky/kesl/bin/kesl",
        "/usr/bin/nice -n 5 /opt/kaspersky/kesl/bin/kesl",
    ] {
        let root = Root::debian();
        for file in ["opt/kaspersky/kesl/bin/kesl", "bin/sh", "usr/bin/env", "usr/bin/nice"] {
            root.write(file, "");
        }
        root.write("usr/lib/systemd/system/av.service", format!("[Service]\nExecStart={start}\n"));
        assert_ne!(scan(&root.target(), &[]).0, 0, "{start}");
    }
}

/// Nor does a link of another name.
#[test]
fn a_program_behind_a_link_is_found() {
    let root = Root::debian();
    root.write("opt/kaspersky/kesl/bin/kesl", "");
    root.link("usr/bin/innocent", "/opt/kaspersky/kesl/bin/kesl");
    root.write("usr/lib/systemd/system/av.service", "[Service]\nExecStart=/usr/bin/innocent\n");
    let (code, report) = scan(&root.target(), &[]);
    assert_eq!((code, &report["findings"][0]["product"]), (1, &json!("kesl")), "{report}");
}

/// An id names one finding in all reports to come.
#[test]
fn no_two_findings_have_one_id() {
    let rules = Root::new();
    rules.write(
        "acme.toml",
        "[[vendor]]\nid = \"acme\"\nname = \"Acme\"\npublisher = [\"Acme\"]\n\
         [[vendor.product]]\nid = \"acme\"\nname = \"Acme itself\"\npackage = [\"acme\"]\n\
         [[vendor.product]]\nid = \"mention\"\nname = \"Acme Mention\"\npackage = [\"acme-mention\"]\n",
    );
    let path = rules.at("acme.toml").display().to_string();
    let check = crate::lab::run(["rules", "check", &path]);
    if check.code == 2 {
        // Such ids may well be refused.
        return;
    }
    let items = [
        json!({"kind": "package", "name": "acme"}),
        json!({"kind": "package", "name": "acme-mention"}),
        json!({"kind": "package", "name": "other", "publisher": "Acme"}),
    ];
    let (_, report) = judge(&items, &["--rules", &path]);
    let findings = report["findings"].as_array().unwrap();
    let ids: BTreeSet<String> = findings.iter().map(|f| f["id"].to_string()).collect();
    assert_eq!((findings.len(), ids.len()), (3, 3), "{ids:?}");
}

/// A package that brings only the unit file does not make the maker's program its own part.
#[test]
fn a_unit_file_in_another_package_does_not_make_the_program_a_part_of_it() {
    let root = Root::debian();
    root.write("opt/kaspersky/kesl/bin/kesl", "");
    root.package(
        "site-config",
        "1",
        "Jane Doe <jane@example.org>",
        &["/usr/lib/systemd/system/kesl.service"],
    );
    root.write(
        "usr/lib/systemd/system/kesl.service",
        "[Service]\nExecStart=/opt/kaspersky/kesl/bin/kesl\n[Install]\nWantedBy=multi-user.target\n",
    );
    let (code, report) = scan(&root.target(), &["--under", "us-bod-17-01"]);
    assert_eq!(
        (code, report["findings"][0]["state"].as_str()),
        (1, Some("present")),
        "{}",
        report["findings"]
    );
}

/// Where the folder of the program was not to be seen, nobody knows that it is gone.
#[test]
fn a_program_on_a_volume_that_is_not_mounted_is_not_called_left() {
    let unit = "[Service]\nExecStart=/opt/kaspersky/kesl/bin/kesl\n";
    let root = Root::debian();
    root.link("opt", "/data/opt");
    root.write("usr/lib/systemd/system/kesl.service", unit);
    let (code, report) = scan(&root.target(), &[]);
    assert_ne!(code, 0, "its folder is a link that leads nowhere: {}", report["findings"]);
    // The other side: in a folder that is there, the program is gone.
    let gone = Root::debian();
    gone.write("opt/kaspersky/kesl/doc/README", "");
    gone.write("usr/lib/systemd/system/kesl.service", unit);
    let (code, report) = scan(&gone.target(), &[]);
    assert_eq!((code, report["findings"][0]["state"].as_str()), (0, Some("remnant")));
}

/// What surely is a part of something must not hide what may be running by itself.
#[test]
fn a_part_does_not_hide_what_may_run() {
    let items = [
        json!({"kind": "file", "name": "appinfo.kli", "signer": "AO Kaspersky Lab", "paths": ["/srv/gateway/appinfo.kli"]}),
        json!({"kind": "process", "name": "kavhttpd", "paths": ["/srv/x/kavhttpd"]}),
    ];
    let (alone, _) = judge(&items[1..], &["--under", "us-bod-17-01"]);
    assert_eq!(alone, 4);
    let (both, report) = judge(&items, &["--under", "us-bod-17-01"]);
    assert_ne!(both, 0, "{}", report["findings"]);
}

/// Where several machines' worth of names meet, an owner is looked for in the same container first.
#[test]
fn an_owner_is_not_taken_from_another_container() {
    let items = [
        json!({"kind": "package", "name": "klnagent64", "id": "dpkg:x", "container": "a"}),
        json!({"kind": "process", "name": "nginx", "id": "process:1", "owner": "dpkg:x", "container": "b"}),
    ];
    let (_, report) = judge(&items, &[]);
    let places: Vec<&Value> = report["findings"].as_array().unwrap().iter().map(|f| &f["where"]).collect();
    assert_eq!(places, ["container:a"], "{}", report["findings"]);
}

/// A list of files is the witness of a package; one that is no list is no witness.
#[test]
fn a_list_of_files_that_is_none_is_told() {
    for bytes in [vec![0; 4096], b"\x7fELF\x02\x01\x01\n".to_vec(), b"no path\nat all\n".to_vec(), Vec::new()]
    {
        let root = Root::debian();
        root.write("var/lib/dpkg/info/bash.list", &bytes);
        let (_, report) = scan(&root.target(), &[]);
        let row = report["coverage"].as_array().unwrap().iter().find(|r| r["source"] == "dpkg").unwrap();
        assert!(!row["gaps"].as_array().unwrap().is_empty(), "{:?}: {row}", &bytes[..bytes.len().min(9)]);
    }
}

/// A database in a form that is not read is a gap, however much else was seen (the law of the rpm source).
#[test]
fn a_second_rpm_database_in_another_form_is_a_gap() {
    let Some(shared) = crate::lab::shared() else { return };
    let database = std::fs::read(shared.join("fixtures/rpmdb/osquery/rpm-sqlite/rpmdb.sqlite")).unwrap();
    let root = Root::new();
    root.write("etc/os-release", "ID=fedora\n");
    root.write("var/lib/rpm/rpmdb.sqlite", &database);
    assert_eq!(scan(&root.target(), &[]).0, 0);
    for other in ["Packages", "Packages.db"] {
        root.write(&format!("var/lib/rpm/{other}"), [7; 4096]);
        let (code, report) = scan(&root.target(), &[]);
        assert_eq!(code, 3, "{other}: {}", report["coverage"]);
        std::fs::remove_file(root.at(&format!("var/lib/rpm/{other}"))).unwrap();
    }
}

/// Everyone may give a package of a language any name, and keep anyone's weights.
#[test]
fn packages_of_languages_and_models_are_known_by_what_is_theirs_alone() {
    let root = Root::new();
    let rules = "[[vendor]]\nid = \"acme\"\nname = \"Acme\"\npackage = [\"agent\"]\npublisher = [\"Acme\"]\n\
                 purl = [\"pkg:pypi/acme-agent\"]\n";
    root.write("acme.toml", rules);
    let rules = root.at("acme.toml").display().to_string();
    let found = |item: Value| {
        let (_, report) = judge(&[item], &["--rules", &rules, "--under", "local-policy"]);
        report["findings"].as_array().unwrap().len()
    };
    for (ecosystem, findings) in [("debian", 1), ("npm", 0), ("pypi", 0), ("maven", 0)] {
        let item = json!({"kind": "package", "name": "agent", "ecosystem": ecosystem});
        assert_eq!(found(item), findings, "{ecosystem}");
    }
    let purl = |purl: &str| json!({"kind": "package", "name": "x", "ids": {"purl": purl}});
    for (named, findings) in
        [("pkg:pypi/acme-agent", 1), ("pkg:pypi/acme-agent@1.2?x=y", 1), ("pkg:pypi/acme-agents@1", 0)]
    {
        assert_eq!(found(purl(named)), findings, "{named}");
    }
    assert_eq!(found(json!({"kind": "model", "name": "agent", "publisher": "Acme"})), 0);
}

/// A certificate stays in its store when the product is gone.
#[test]
fn a_certificate_of_a_vendor_is_a_remnant() {
    let item = json!({"kind": "certificate", "name": "Kaspersky Root", "publisher": "AO Kaspersky Lab"});
    let (code, report) = judge(&[item], &[]);
    let finding = &report["findings"][0];
    assert_eq!(
        (code, &finding["state"], &finding["rulings"][0]["ruling"]),
        (0, &json!("remnant"), &json!("advisory"))
    );
}
