//! What names the vendor and is not by it: the scripts by which Wazuh's agent drives a scanner, somebody's client
//! library, a text. None of it is a product, and none of it may cost a clean machine its verdict.

use serde_json::Value;

use crate::lab::{Root, run, scan};

fn root() -> Root {
    let root = Root::debian();
    let scripts = ["/var/ossec/active-response/bin/kaspersky", "/var/ossec/active-response/bin/kaspersky.py"];
    root.package("wazuh-agent", "4.9.0-1", "Wazuh, Inc <info@wazuh.com>", &scripts);
    root.write(scripts[0].trim_start_matches('/'), "#!/bin/sh\nexec ./kaspersky.py \"$@\"\n");
    root.write(
        scripts[1].trim_start_matches('/'),
        "#!/usr/bin/env python3\n# runs /opt/kaspersky/kesl/bin/kesl-control\n",
    );
    let library = "/usr/lib/python3/dist-packages/kaspersky_client/__init__.py";
    root.package("python3-kaspersky-client", "0.3-1", "Jane Doe <jane@example.org>", &[library]);
    root.write("home/jane/kaspersky.txt", "kaspersky Kaspersky Lab KASPERSKY kesl klnagent\n".repeat(400));
    root
}

#[test]
fn what_only_names_the_vendor_is_at_most_a_mention() {
    for depth in ["quick", "standard", "full"] {
        let (code, report) = scan(&root().target(), &["--depth", depth]);
        assert_eq!((code, &report["verdict"]), (0, &"clean".into()), "{depth}: {report:#}");
        for finding in report["findings"].as_array().unwrap() {
            assert_eq!(finding["state"], "mention", "{depth}: {finding:#}");
            assert_eq!(finding["rulings"], Value::Array(Vec::new()), "{depth}: {finding:#}");
        }
    }
}

#[test]
fn a_package_with_the_vendor_in_its_name_is_told() {
    let table = run(["scan", &root().target()]);
    assert_eq!(table.code, 0);
    assert!(table.out.contains("package python3-kaspersky-client"), "{}", table.out);
}

/// The same root is not clean when the product that these scripts drive is on it.
#[test]
fn the_product_beside_them_is_found() {
    let root = root();
    root.package("kesl", "12.1.0-1297", "Kaspersky Lab <x@example.org>", &["/opt/kaspersky/kesl/bin/kesl"]);
    let (code, report) = scan(&root.target(), &[]);
    assert_eq!(code, 1, "{report:#}");
    let counts = report["findings"].as_array().unwrap().iter().filter(|f| f["state"] != "mention");
    assert_eq!(counts.map(|f| f["product"].as_str().unwrap()).collect::<Vec<_>>(), ["kesl"]);
}
