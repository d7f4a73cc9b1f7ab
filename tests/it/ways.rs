//! A flagged product that got onto a machine each way in turn is found each time, with the right state.
//!
//! Each row is a little root of a source (`tests/roots/<source>/<case>`) and a rule that a person would write for what
//! is in it. `INTERDICT_REQUIRE` or not, nothing is skipped here.

use crate::lab::{Root, scan};
use crate::roots::lay;

/// How it got there; the root; the rule; what is found: source, state, and where.
type Way = (&'static str, &'static str, &'static str, [&'static str; 3]);

const WAYS: &[Way] = &[
    ("deb", "dpkg/multi-arch", r#"package = ["libsame"]"#, ["dpkg", "installed", "host"]),
    ("deb, removed", "dpkg/states", r#"package = ["config-files"]"#, ["dpkg", "remnant", "host"]),
    ("rpm, Berkeley DB", "rpm/berkeley-db", r#"package = ["first"]"#, ["rpm", "installed", "host"]),
    ("rpm, NDB", "rpm/ndb", r#"package = ["first"]"#, ["rpm", "installed", "host"]),
    ("rpm, SQLite with its log", "rpm/log-newer", r#"package = ["first"]"#, ["rpm", "installed", "host"]),
    ("apk", "apk/present", r#"package = ["agent"]"#, ["apk", "installed", "host"]),
    ("pacman", "pacman/present", r#"package = ["agent"]"#, ["pacman", "installed", "host"]),
    ("portage", "portage/present", r#"package = ["agent"]"#, ["portage", "installed", "host"]),
    ("opkg", "opkg/present", r#"package = ["agent"]"#, ["opkg", "installed", "host"]),
    ("snap", "snap/mounted", r#"package = ["agent"]"#, ["snap", "installed", "host"]),
    ("flatpak", "flatpak/system", r#"name-match = ["org.k.Agent"]"#, ["flatpak", "installed", "host"]),
    (
        "flatpak of a user",
        "flatpak/users",
        r#"name-match = ["org.k.Agent"]"#,
        ["flatpak", "installed", "host"],
    ),
    ("Homebrew", "homebrew/linux", r#"package = ["agent"]"#, ["homebrew", "installed", "host"]),
    ("nix", "nix/profile", r#"package = ["agent"]"#, ["nix", "installed", "host"]),
    ("tarball in /opt", "programs/present", r#"path = ["/opt/vendor"]"#, ["programs", "present", "host"]),
    (
        "tarball in /opt, removed",
        "programs/remnant",
        r#"path = ["/opt/vendor"]"#,
        ["programs", "remnant", "host"],
    ),
    ("AppImage", "appimage/present", r#"name-match = ["Vendor Tool"]"#, ["appimage", "present", "host"]),
    (
        "image of Docker",
        "containers/image-docker",
        r#"package = ["kesl"]"#,
        ["containers", "installed", "container:app:2"],
    ),
    (
        "image of containerd",
        "containers/image-containerd",
        r#"package = ["kesl"]"#,
        ["containers", "installed", "container:docker.io/library/app:2"],
    ),
    (
        "image of Podman",
        "containers/image-podman",
        r#"package = ["kesl"]"#,
        ["containers", "installed", "container:localhost/app:2"],
    ),
    (
        "container of Docker",
        "containers/image-docker",
        r#"package = ["kesl"]"#,
        ["containers", "installed", "container:cbb1ca061892"],
    ),
    ("desktop entry", "desktop/system", r#"name-match = ["K Agent"]"#, ["desktop", "installed", "host"]),
    ("pip", "python/present", r#"purl = ["pkg:pypi/foo-bar"]"#, ["python", "installed", "host"]),
    ("conda", "python/present", r#"purl = ["pkg:conda/numpy-base"]"#, ["python", "installed", "host"]),
    ("npm", "npm/present", r#"purl = ["pkg:npm/%40acme/ui"]"#, ["npm", "installed", "host"]),
    ("Electron", "npm/electron", r#"name-match = ["signal"]"#, ["npm", "present", "host"]),
    ("Java archive", "jars/present", r#"purl = ["pkg:maven/org.acme/agent"]"#, ["jars", "present", "host"]),
    (
        "extension of Chrome",
        "browsers/chrome",
        r#"extension-id = ["aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"]"#,
        ["browsers", "installed", "host"],
    ),
    (
        "extension of Firefox",
        "browsers/firefox",
        r#"extension-id = ["k@k.example"]"#,
        ["browsers", "installed", "host"],
    ),
    ("native messaging host", "browsers/hosts", r#"path = ["/opt/k"]"#, ["browsers", "installed", "host"]),
    (
        "extension of an editor",
        "vscode/installed",
        r#"extension-id = ["k-lab.agent"]"#,
        ["vscode", "installed", "host"],
    ),
    ("kernel module", "modules/added", r#"publisher = ["K Lab"]"#, ["modules", "present", "host"]),
    ("systemd", "systemd/timer", r#"path = ["/opt/k"]"#, ["systemd", "present", "host"]),
    ("systemd of a user", "systemd/user", r#"path = ["/opt/k"]"#, ["systemd", "present", "host"]),
    ("init script", "initd/script", r#"path = ["/opt/k"]"#, ["initd", "present", "host"]),
    ("cron", "cron/table", r#"path = ["/opt/k"]"#, ["cron", "present", "host"]),
    ("autostart", "autostart/system", r#"path = ["/opt/k"]"#, ["autostart", "present", "host"]),
    ("certificate", "trust/debian", r#"publisher = ["AO K Lab"]"#, ["trust", "remnant", "host"]),
    (
        "weights of a model",
        "models/registry",
        "name-match = [\"deepseek-r1\"]\nkinds = [\"model\"]",
        ["models", "installed", "host"],
    ),
];

/// Weights are a rule of their own: nothing forbids them but the one law that reaches what that maker develops.
#[test]
fn weights_are_told_and_forbidden_by_what_names_them_alone() {
    let (_, report) = scan(&lay("models", "registry").target(), &["--under", "all", "--as-of", "2026-11-24"]);
    let findings = report["findings"].as_array().unwrap().iter();
    let weights: Vec<_> = findings.filter(|f| f["vendor"] == "deepseek-weights").collect();
    assert_eq!(weights.len(), 1, "{report:#}");
    let rulings = weights[0]["rulings"].as_array().unwrap();
    assert_eq!((rulings.len(), &rulings[0]["instrument"]), (1, &"us-ndaa-fy2026-1532".into()), "{rulings:?}");
}

#[test]
fn a_product_is_found_whichever_way_it_came() {
    let mut wrong = Vec::new();
    eprintln!("{:28} {:10} {:10} where", "way", "source", "state");
    for (way, case, rule, [source, state, place]) in WAYS {
        let (of, name) = case.split_once('/').unwrap();
        let root = lay(of, name);
        let rules = Root::new();
        let head = "[[vendor]]\nid = \"acme\"\nname = \"Acme\"\n";
        // What is not a trait of the vendor's own is one of a signature.
        let body = if rule.contains("kinds") {
            format!("\n[[vendor.signature]]\n{rule}\n")
        } else {
            format!("{rule}\n")
        };
        rules.write("acme.toml", format!("{head}{body}"));
        let rules = rules.at("acme.toml").display().to_string();
        let options = ["--rules", &rules, "--no-builtin-rules", "--under", "local-policy"];
        let (_, report) = scan(&root.target(), &options);
        let findings = report["findings"].as_array().unwrap();
        let found = findings.iter().find(|f| f["where"] == *place && f["state"] != "mention");
        let says = |f: &serde_json::Value| {
            let by = f["evidence"]
                .as_array()
                .unwrap()
                .iter()
                .any(|e| e["source"] == *source && e["state"] == *state);
            by && (f["state"] == *state || f["state"] == "installed" || f["state"] == "present")
        };
        if found.is_some_and(says) {
            eprintln!("{way:28} {source:10} {state:10} {place}");
        } else {
            wrong.push(format!("{way}: {findings:#?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
