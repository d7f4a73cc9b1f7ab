//! What the law says of a finding: by day, force, scope, exclusion, state and strength.

use serde_json::{Value, json};

use crate::lab::{Root, run, scan};

/// The agent of a Linux endpoint, as a package list names it.
fn kesl() -> Value {
    json!({"kind": "package", "name": "kesl", "version": "12.1.0-1508"})
}

/// An instrument `own-law` that covers Kaspersky.
fn law(force: &str, scope: &str, phases: &[(&str, &str)], more: &str) -> String {
    let phase = |(from, status): &(&str, &str)| {
        format!("[[instrument.phase]]\nfrom = \"{from}\"\nstatus = \"{status}\"\n")
    };
    let phases: Vec<_> = phases.iter().map(phase).collect();
    format!(
        "[[instrument]]\nid = \"own-law\"\ntitle = \"Own law\"\njurisdiction = \"here\"\nissuer = \"us\"\n\
         citation = \"OL 1\"\nforce = \"{force}\"\nscope = \"{scope}\"\nwords = \"the words\"\nbinds = \"us\"\n\
         covers = [\"kaspersky\"]\n[[instrument.source]]\nread = \"T\"\nplace = \"here\"\n{}{more}",
        phases.concat()
    )
}

/// Judges items by one law of the operator's own: the exit code and the first finding's rulings.
fn by_own_law(law: &str, items: &[Value], args: &[&str]) -> (i32, Vec<Value>) {
    let root = Root::new();
    root.write("law.toml", law);
    let rules = root.at("law.toml");
    let args = [&["--rules", rules.to_str().unwrap(), "--under", "own-law", "--as-of", "2021-01-01"], args];
    let (code, report) = scan(&root.list(items), &args.concat());
    (code, report["findings"][0]["rulings"].as_array().unwrap().clone())
}

const IN_FORCE: &[(&str, &str)] = &[("2020-01-01", "in-force")];

/// The two American instruments on a package, day by day: the status of each, and its ruling and due day.
#[test]
fn a_law_rules_from_its_day() {
    type Said = (&'static str, &'static str, &'static str);
    let silent: Said = ("not-yet", "", "");
    let cases: [(&str, i32, Said, Said); 8] = [
        ("2017-09-12", 0, silent, silent),
        ("2017-09-13", 1, ("in-force", "prohibited", "2017-10-13"), silent),
        ("2017-10-13", 1, ("in-force", "prohibited", "2017-10-13"), silent),
        ("2017-10-14", 1, ("in-force", "prohibited", "2017-11-12"), silent),
        ("2017-12-12", 1, ("in-force", "prohibited", "2017-12-12"), ("enacted", "advisory", "2018-10-01")),
        ("2018-09-30", 1, ("in-force", "prohibited", "2017-12-12"), ("enacted", "advisory", "2018-10-01")),
        ("2018-10-01", 1, ("overtaken", "prohibited", "2017-12-12"), ("in-force", "prohibited", "")),
        ("2026-11-24", 1, ("overtaken", "prohibited", "2017-12-12"), ("in-force", "prohibited", "")),
    ];
    let root = Root::new();
    let list = root.list(&[kesl()]);
    for (day, exit, bod, ndaa) in cases {
        let (code, report) = scan(&list, &["--as-of", day]);
        assert_eq!((code, report["scan"]["as_of"].as_str()), (exit, Some(day)));
        let (instruments, rulings) = (&report["instruments"], &report["findings"][0]["rulings"]);
        let said = |id: &str| {
            let of =
                |list: &Value, key: &str| list.as_array().unwrap().iter().find(|i| i[key] == id).cloned();
            let status = of(instruments, "id").unwrap()["status"].as_str().unwrap().to_owned();
            let ruling = of(rulings, "instrument").unwrap_or_default();
            let word = |key: &str| ruling[key].as_str().unwrap_or_default().to_owned();
            (status, word("ruling"), word("due"))
        };
        let (bod_said, ndaa_said) = (said("us-bod-17-01"), said("us-ndaa-fy2018-1634"));
        assert_eq!((bod_said.0.as_str(), bod_said.1.as_str(), bod_said.2.as_str()), bod, "{day}");
        assert_eq!((ndaa_said.0.as_str(), ndaa_said.1.as_str(), ndaa_said.2.as_str()), ndaa, "{day}");
    }
}

#[test]
fn a_law_that_is_made_and_not_in_force_says_so() {
    let root = Root::new();
    let args = ["--as-of", "2018-09-30", "--under", "us-ndaa-fy2018-1634"];
    let (code, report) = scan(&root.list(&[kesl()]), &args);
    let ruling = &report["findings"][0]["rulings"][0];
    assert_eq!((code, &report["verdict"], &ruling["ruling"]), (0, &json!("clean"), &json!("advisory")));
    let reason = ruling["reason"].as_str().unwrap();
    assert!(reason.contains("not yet effective") && reason.contains("2018-10-01"), "{reason}");
}

#[test]
fn what_no_law_speaks_of_yet_is_listed_and_leaves_the_verdict_alone() {
    let root = Root::new();
    let run = run(["scan", &root.list(&[kesl()]), "--as-of", "2017-09-12"]);
    assert_eq!(run.code, 0, "{}", run.err);
    assert!(run.out.contains("\n   not covered by the chosen instruments\n"), "{}", run.out);
    assert!(run.out.contains("\nCLEAN\n") && run.out.contains("within the coverage"), "{}", run.out);
}

#[test]
fn each_force_has_its_ruling() {
    for (force, ruling, exit) in [
        ("use-ban", "prohibited", 1),
        ("procurement-ban", "indicator", 4),
        ("supply-ban", "indicator", 4),
        ("indicator", "indicator", 4),
        ("warning", "advisory", 0),
        ("advice", "advisory", 0),
    ] {
        let (code, rulings) = by_own_law(&law(force, "whole-or-part", IN_FORCE, ""), &[kesl()], &[]);
        assert_eq!((code, &rulings[0]["ruling"], rulings.len()), (exit, &json!(ruling), 1), "{force}");
        assert!(rulings[0]["reason"].as_str().unwrap().contains("the words"), "{force}: {rulings:?}");
    }
}

#[test]
fn each_status_has_its_ruling() {
    let before = "2020-01-01";
    for (phases, args, ruling, exit) in [
        (&[(before, "proposed")][..], &[][..], "advisory", 0),
        (&[(before, "proposed")], &["--assume", "own-law"], "prohibited", 1),
        (&[(before, "enacted")], &[], "advisory", 0),
        // What is made is not proposed; it takes effect on its own day.
        (&[(before, "enacted")], &["--assume", "own-law"], "advisory", 0),
        (&[(before, "in-force")], &[], "prohibited", 1),
        (&[(before, "overtaken")], &[], "prohibited", 1),
        (&[(before, "superseded")], &[], "", 0),
        (&[(before, "expired")], &[], "", 0),
        (&[(before, "expired")], &["--assume", "own-law"], "", 0),
        (&[("2021-01-02", "in-force")], &[], "", 0),
        (&[("2019-01-01", "in-force"), (before, "expired")], &[], "", 0),
        (&[("2019-01-01", "proposed"), ("2021-01-01", "in-force")], &[], "prohibited", 1),
    ] {
        let (code, rulings) = by_own_law(&law("use-ban", "branded", phases, ""), &[kesl()], args);
        let said: Vec<_> = rulings.iter().map(|r| r["ruling"].as_str().unwrap()).collect();
        let wanted = if ruling.is_empty() { vec![] } else { vec![ruling] };
        assert_eq!((code, said), (exit, wanted), "{phases:?} {args:?}");
    }
}

#[test]
fn a_law_that_is_assumed_says_so_in_its_ruling() {
    let proposed = law("use-ban", "branded", &[("2020-01-01", "proposed")], "");
    let reason = |args: &[&str]| by_own_law(&proposed, &[kesl()], args).1[0]["reason"].to_string();
    assert!(reason(&[]).contains("not law"), "{}", reason(&[]));
    assert!(reason(&["--assume", "own-law"]).contains("--assume"), "{}", reason(&["--assume", "own-law"]));
}

/// A program signed by the maker, in another maker's package: in whole or in part it is meant, by the name it is not.
#[test]
fn a_part_of_another_makers_product_follows_the_scope() {
    let items = [
        json!({"kind": "package", "name": "gateway", "id": "p1", "publisher": "Gateway Ltd"}),
        json!({"kind": "process", "name": "scanner", "signer": "AO Kaspersky Lab", "owner": "p1"}),
    ];
    for (scope, ruling, exit) in [("branded", "excluded", 0), ("whole-or-part", "prohibited", 1)] {
        let (code, rulings) = by_own_law(&law("use-ban", scope, IN_FORCE, ""), &items, &[]);
        assert_eq!((code, &rulings[0]["ruling"]), (exit, &json!(ruling)), "{scope}");
    }
    let root = Root::new();
    let (code, report) = scan(&root.list(&items), &[]);
    let finding = &report["findings"][0];
    assert_eq!((&finding["state"], &finding["inside"]), (&json!("component"), &json!("gateway")));
    let rulings = finding["rulings"].as_array().unwrap().iter();
    let said: Vec<_> =
        rulings.map(|r| (r["instrument"].as_str().unwrap(), r["ruling"].as_str().unwrap())).collect();
    assert_eq!(said, [("us-ndaa-fy2018-1634", "prohibited"), ("us-bod-17-01", "excluded")]);
    assert_eq!(code, 1);
}

/// The maker's library in another maker's process is a part there; what the maker's process has loaded is not its.
#[test]
fn what_a_process_has_loaded_is_a_part_of_another_maker_alone() {
    let library = |path: &str, owner: &str| json!({"kind": "file", "name": "x.so", "state": "running", "paths": [path], "owner": owner});
    let items = [
        json!({"kind": "package", "name": "nginx-core", "id": "p1"}),
        json!({"kind": "process", "name": "nginx", "id": "7", "owner": "p1", "paths": ["/usr/sbin/nginx"]}),
        library("/opt/kaspersky/ScanEngine/x.so", "7"),
    ];
    for (scope, ruling, exit) in [("branded", "excluded", 0), ("whole-or-part", "prohibited", 1)] {
        let (code, rulings) = by_own_law(&law("use-ban", scope, IN_FORCE, ""), &items, &[]);
        assert_eq!((code, &rulings[0]["ruling"]), (exit, &json!(ruling)), "{scope}");
    }
    let root = Root::new();
    let (_, report) = scan(&root.list(&items), &[]);
    assert_eq!(report["findings"].as_array().unwrap().len(), 1, "{report:#}");
    let finding = &report["findings"][0];
    assert_eq!((&finding["state"], &finding["inside"]), (&json!("component"), &json!("nginx")));

    let kesl =
        json!({"kind": "process", "name": "kesl", "id": "8", "paths": ["/opt/kaspersky/kesl/bin/kesl"]});
    let own = library("/opt/kaspersky/kesl/lib/x.so", "8");
    let (_, report) = scan(&root.list(&[kesl, own, library("/usr/local/lib/jemalloc.so", "8")]), &[]);
    assert_eq!(report["findings"].as_array().unwrap().len(), 1, "{report:#}");
    let evidence = report["findings"][0]["evidence"].as_array().unwrap();
    let told: Vec<_> = evidence.iter().map(|e| (e["kind"].as_str(), e["state"].as_str())).collect();
    assert_eq!(told, [(Some("process"), Some("running")), (Some("file"), Some("running"))]);
}

#[test]
fn a_program_in_its_own_makers_package_is_no_part() {
    let items = [
        json!({"kind": "package", "name": "kesl", "id": "p1"}),
        json!({"kind": "process", "name": "scanner", "signer": "AO Kaspersky Lab", "owner": "p1"}),
    ];
    let (code, rulings) = by_own_law(&law("use-ban", "branded", IN_FORCE, ""), &items, &[]);
    assert_eq!((code, &rulings[0]["ruling"]), (1, &json!("prohibited")));
}

/// The other way to be a part: rules say that what a signature finds is one.
#[test]
fn a_signature_of_a_component_follows_the_scope() {
    let vendor = "[[vendor]]\nid = \"acme\"\nname = \"Acme\"\n[[vendor.signature]]\nfile = [\"acme-engine.dll\"]\n\
                  component = true\n[[vendor.signature]]\nsigner = [\"Acme Inc\"]\n";
    let engine = json!({"kind": "file", "name": "acme-engine.dll", "signer": "Acme Inc", "state": "present"});
    for (scope, ruling) in [("branded", "excluded"), ("whole-or-part", "prohibited")] {
        let law = law("use-ban", scope, IN_FORCE, vendor).replace("\"kaspersky\"", "\"acme\"");
        let (_, rulings) = by_own_law(&law, std::slice::from_ref(&engine), &[]);
        let said = rulings.iter().find(|r| r["instrument"] == "own-law").unwrap();
        assert_eq!(said["ruling"], ruling, "{scope}");
    }
}

#[test]
fn an_excluded_product_is_told_with_the_words_that_exclude_it() {
    let exclusion = "[[instrument.exclude]]\nproducts = [\"kaspersky/kesl\"]\nwords = \"not that one\"\n";
    let law = law("use-ban", "whole-or-part", IN_FORCE, exclusion);
    let (code, rulings) = by_own_law(&law, &[kesl()], &[]);
    assert_eq!((code, &rulings[0]["ruling"]), (0, &json!("excluded")));
    assert_eq!(rulings[0]["reason"], "excluded: not that one");
    let (code, rulings) = by_own_law(&law, &[json!({"kind": "package", "name": "klnagent64"})], &[]);
    assert_eq!((code, &rulings[0]["ruling"]), (1, &json!("prohibited")));
}

#[test]
fn an_exclusion_without_products_is_of_parts() {
    let exclusion = "[[instrument.exclude]]\nwords = \"not as a part\"\n";
    let law = law("use-ban", "whole-or-part", IN_FORCE, exclusion);
    let part = json!({"kind": "process", "name": "scanner", "signer": "AO Kaspersky Lab", "owner": "p1"});
    let items = [json!({"kind": "package", "name": "gateway", "id": "p1"}), part];
    let (code, rulings) = by_own_law(&law, &items, &[]);
    assert_eq!((code, &rulings[0]["reason"]), (0, &json!("excluded: not as a part")));
    assert_eq!(by_own_law(&law, &[kesl()], &[]).0, 1);
}

/// State and strength of one finding, what both American laws say of it today, and the exit code.
#[test]
fn state_and_strength_decide_under_a_ban() {
    let remnant = || json!({"kind": "package", "name": "kesl", "state": "remnant", "id": "p1"});
    let elsewhere = || json!({"kind": "process", "name": "kesl", "paths": ["/usr/bin/kesl"]});
    let at_home = json!({"kind": "process", "name": "kesl", "paths": ["/opt/kaspersky/kesl/libexec/kesl"]});
    let unit = json!({"kind": "service", "name": "kesl.service"});
    let owned = json!({"kind": "driver", "name": "redirfs", "owner": "p1"});
    let present =
        json!({"kind": "file", "name": "x", "state": "present", "paths": ["/opt/kaspersky/kesl/x"]});
    let mention = json!({"kind": "package", "name": "kaspersky-exporter", "publisher": "Jane Doe"});
    for (items, state, strength, ruling, exit) in [
        (vec![kesl()], "installed", "likely", "prohibited", 1),
        (vec![at_home.clone()], "running", "likely", "prohibited", 1),
        (vec![present], "present", "likely", "prohibited", 1),
        (vec![elsewhere()], "running", "possible", "review", 4),
        (vec![remnant()], "remnant", "likely", "advisory", 0),
        (vec![mention], "mention", "possible", "", 0),
        // A weak trait does not lift what is only left over.
        (vec![remnant(), elsewhere()], "running", "possible", "review", 4),
        // What is left over and still runs or loads is there.
        (vec![remnant(), at_home], "running", "likely", "prohibited", 1),
        (vec![remnant(), unit], "present", "likely", "prohibited", 1),
        (vec![remnant(), owned], "present", "likely", "prohibited", 1),
    ] {
        let root = Root::new();
        let (code, report) = scan(&root.list(&items), &[]);
        assert_eq!(report["findings"].as_array().unwrap().len(), 1, "{items:?}");
        let finding = &report["findings"][0];
        assert_eq!((&finding["state"], &finding["strength"]), (&json!(state), &json!(strength)), "{items:?}");
        let rulings = finding["rulings"].as_array().unwrap();
        assert!(rulings.iter().all(|r| r["ruling"] == ruling), "{items:?}: {rulings:?}");
        assert_eq!((code, rulings.len()), (exit, if ruling.is_empty() { 0 } else { 2 }), "{items:?}");
    }
}

/// Rules name a package as its maker does, and Gentoo puts a category before that.
#[test]
fn a_package_of_gentoo_goes_by_its_name_without_the_category() {
    let root = Root::new();
    root.write("etc/os-release", "ID=gentoo\n");
    for (package, code) in [("kesl-gui-12.1", 1), ("kesl-12.1", 4), ("keslr-1", 0)] {
        let folder = format!("var/db/pkg/app-antivirus/{package}");
        for (file, says) in [("PF", package), ("CONTENTS", ""), ("repository", "local")] {
            root.write(&format!("{folder}/{file}"), says);
        }
        assert_eq!(scan(&root.target(), &[]).0, code, "{package}");
        std::fs::remove_dir_all(root.at(&folder)).unwrap();
    }
    // Elsewhere a slash is part of a name.
    let item =
        |ecosystem: &str| json!({"kind": "package", "name": "app-antivirus/kesl", "ecosystem": ecosystem});
    assert_eq!([scan(&root.list(&[item("ebuild")]), &[]).0, scan(&root.list(&[item("npm")]), &[]).0], [1, 0]);
}
