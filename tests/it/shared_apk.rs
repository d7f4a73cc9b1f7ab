//! Real databases of Alpine, held against what their index states of them.

use std::fs;

use crate::lab::{Root, run, shared};

/// Packages that the program finds in a database, as `name version`.
fn packages(fixture: &str) -> Vec<String> {
    let root = Root::new();
    root.write("etc/os-release", "ID=alpine\n");
    root.write(
        "lib/apk/db/installed",
        fs::read(shared().unwrap().join("fixtures/apk").join(fixture)).unwrap(),
    );
    let inventory = run(["inventory", &root.target(), "-o", "json"]).json();
    let items = inventory["items"].as_array().unwrap().iter();
    let text = |item: &serde_json::Value, key: &str| item[key].as_str().unwrap_or_default().to_owned();
    items.map(|item| format!("{} {}", text(item, "name"), text(item, "version"))).collect()
}

#[test]
fn real_databases_of_alpine_give_what_their_index_states() {
    if shared().is_none() {
        return;
    }
    // A file without its closing empty line gives a gap besides; these are excerpts.
    for (fixture, count, some) in [
        (
            "osv-scalibr/installed",
            15,
            &["alpine-baselayout 3.4.3-r1", "busybox 1.36.0-r9", "musl 1.2.4-r0", "scanelf 1.3.7-r1"][..],
        ),
        ("syft/multiple-2/lib/apk/db/installed", 14, &[]),
        ("trivy/apk", 16, &["musl 1.1.14-r10", "zlib 1.2.8-r2", "apk-tools 2.6.7-r0", "alpine-keys 1.1-r0"]),
        ("osv-scalibr/empty", 0, &[]),
        ("osv-scalibr/invalid", 0, &[]),
    ] {
        let found = packages(fixture);
        assert_eq!(found.len(), count, "{fixture}: {found:?}");
        for package in some {
            assert!(found.iter().any(|f| f == package), "{fixture}: {package} is not in {found:?}");
        }
    }
}
