//! Records and databases of real systems, and excerpts that other scanners are tested with.
//!
//! They are in the folder that `INTERDICT_SHARED` names, with an index that states what each holds. Where this program
//! says other than the index, the comment says why. Most are excerpts that lack dpkg's closing empty line, which is
//! rightly a gap, so the items are what is compared.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::lab::{Root, run, shared};

const DPKG: &str = "dpkg/osv-scalibr/dpkg";
const STATUS_D: &str = "dpkg/syft/var/lib/dpkg/status.d";

/// The packages of a root as `name version`, with the state where it is not installed.
fn packages(root: &Root, source: &str) -> Vec<String> {
    let inventory = run(["inventory", &root.target(), "-o", "json"]).json();
    let items = inventory["items"].as_array().unwrap().iter().filter(|i| i["source"] == source);
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let told = |item: &Value| match text(&item["state"]).as_str() {
        "installed" => format!("{} {}", text(&item["name"]), text(&item["version"])),
        state => format!("{} {} {state}", text(&item["name"]), text(&item["version"])),
    };
    items.map(told).collect()
}

/// A root of Debian with one file of the index at a place.
fn with(shared: &Path, file: &str, place: &str) -> Root {
    let root = Root::new();
    root.write("etc/os-release", "ID=debian\n");
    root.write(place, fs::read(shared.join("fixtures").join(file)).unwrap());
    root
}

/// Holds the packages of `folder/file` as a status file, or one of `status.d`, against what is expected.
fn hold(folder: &str, place: &str, cases: &[(&str, &[&str])]) {
    let Some(shared) = shared() else { return };
    for (file, wanted) in cases {
        let root = with(&shared, &format!("{folder}/{file}"), place);
        assert_eq!(packages(&root, "dpkg"), *wanted, "{file}");
    }
}

#[test]
fn status_files_of_osv_scalibr() {
    let acl = "acl 2.3.1-3";
    hold(
        DPKG,
        "var/lib/dpkg/status",
        &[
            (
                "valid",
                &[
                    "accountsservice 22.08.8-6",
                    acl,
                    "adduser 3.131",
                    "admin-session 2023.06.26.c543406313-00",
                    "attr 1:2.5.1-4",
                    "libacl1 2.3.1-3",
                    "util-linux-extra 2.38.1-5+b1",
                ],
            ),
            ("single", &[acl]),
            ("trailingnewlines", &[acl]),
            // The index leaves out what lacks a version; the package is there all the same.
            ("noversion", &["acl -", "bar 2.0", "foo 1.0"]),
            ("nopackage", &["bar 2.0", "foo 1.0"]),
            ("empty", &[]),
            ("invalid", &[]),
            // The index counts what is wholly installed; unpacked and half installed files lie on the disk too, and
            // what left its configuration is told as a remnant. The last record has no state.
            (
                "statusfield",
                &[
                    "wantdeinstall_configfiles 1.0 remnant",
                    "wantdeinstall_installed 1.0",
                    "wantinstall_halfinstalled 1.0",
                    "wantinstall_installed 1.0",
                    "wantinstall_unpacked 1.0",
                    "wantpurge_installed 1.0",
                ],
            ),
            ("transitional", &["iceweasel 78.13.0esr-1~deb10u1"]),
            ("transitional_dummy", &["git-core 1:2.14.2-1"]),
            ("transitional_empty", &["runit-systemd 2.1.2-54+usrmerge"]),
        ],
    );
}

/// None of them is read as a machine on which all was seen: each lacks something that dpkg always writes.
#[test]
fn spoilt_status_files_of_osv_scalibr_are_incomplete() {
    let Some(shared) = shared() else { return };
    for file in ["noversion", "nopackage", "empty", "invalid", "statusfield"] {
        let root = with(&shared, &format!("{DPKG}/{file}"), "var/lib/dpkg/status");
        assert_eq!(run(["inventory", &root.target(), "-o", "json"]).code, 3, "{file}");
    }
}

#[test]
fn single_records_of_osv_scalibr_and_syft() {
    // The index does not state what this one holds; these are its two records.
    hold(DPKG, "var/lib/dpkg/status.d/foo", &[("status.d/foo", &["bar 1.0 remnant", "foo 1.2.3"])]);
    hold(
        STATUS_D,
        "var/lib/dpkg/status.d/file",
        &[
            ("single", &["apt 1.8.2"]),
            ("installed-size-4KB", &["apt 1.8.2"]),
            // The index leaves out the record without a version, which names a package.
            ("multiple", &["no-version -", "tzdata 2020a-0+deb10u1", "util-linux 2.33.1-0.1"]),
            // The index leaves out what left its configuration.
            (
                "deinstall",
                &[
                    "linux-image-6.14.0-1012-aws 6.14.0-1012.12~24.04.1",
                    "linux-image-6.8.0-1029-aws 6.8.0-1029.31 remnant",
                ],
            ),
            (
                "coreutils-relationships",
                &[
                    "coreutils 9.1-1",
                    "gcc-12-base 12.2.0-14",
                    "libacl1 2.3.1-3",
                    "libattr1 1:2.5.1-4",
                    "libc6 2.36-9+deb12u1",
                    "libgcc-s1 12.2.0-14",
                    "libgmp10 2:6.2.1+dfsg1-1.1",
                    "libpcre2-8-0 10.42-1",
                    "libselinux1 3.4-1+b6",
                ],
            ),
            ("corrupt", &[]),
            ("empty", &[]),
        ],
    );
}

#[test]
fn the_root_of_an_image_of_syft() {
    let file = "dpkg/syft/image-dpkg/var/lib/dpkg/status";
    let Some(shared) = shared() else { return };
    let root = with(&shared, file, "var/lib/dpkg/status");
    assert_eq!(packages(&root, "dpkg"), ["libpam-runtime 1.1.8-3.6"]);
}

/// The files of trivy's archives stand behind lines `-- path --`.
#[test]
fn archives_of_trivy() {
    let Some(shared) = shared() else { return };
    let archive = |name: &str| {
        let text = fs::read_to_string(shared.join("fixtures/dpkg/trivy").join(name)).unwrap();
        let (_, status) = text.split_once("-- var/lib/dpkg/status --\n").unwrap();
        assert!(!status.contains("\n-- "), "{name} holds more than one file");
        let root = Root::new();
        root.write("var/lib/dpkg/status", status);
        (packages(&root, "dpkg"), status.lines().filter(|l| l.starts_with("Package: ")).count())
    };
    let (told, records) = archive("valid.txtar");
    assert!(records > 50 && told.len() == records, "{} of {records}", told.len());
    assert!(told.contains(&"fdisk 2.31.1-0.4ubuntu3.1".to_owned()), "{told:?}");
    assert_eq!(archive("only-apt.txtar").0, ["apt 1.6.3ubuntu0.1"]);
    // Two of its records have no state, without which a package may be anything; they are told as damage.
    let whole = [
        "libgcc1 1:5.1.1-12ubuntu1",
        "libpam-modules-bin 1.1.8-3.1ubuntu3",
        "libpam-runtime 1.1.8-3.1ubuntu3",
    ];
    let (told, _) = archive("corrupsed.txtar");
    assert_eq!(told, [&whole[..], &["makedev 2.3.1-93ubuntu1"]].concat());
}

#[test]
fn rpm_databases_of_mariner_and_fedora() {
    let Some(shared) = shared() else { return };
    let place = "usr/lib/sysimage/rpm/rpmdb.sqlite";
    let root = with(&shared, "rpmdb/go-rpmdb/cbl-mariner-2.0/rpmdb.sqlite", place);
    root.write("etc/os-release", "ID=mariner\n");
    let told = packages(&root, "rpm");
    assert_eq!(told.len(), 129);
    assert!(told.contains(&"mariner-release 2.0-4.cm2".to_owned()), "{told:?}");
    let run = run(["scan", &root.target(), "-o", "json"]);
    let report = run.json();
    assert_eq!((run.code, &report["findings"]), (0, &Value::Array(Vec::new())), "{:#}", report["coverage"]);

    let root = with(&shared, "rpmdb/osquery/rpm-sqlite/rpmdb.sqlite", place);
    root.write("etc/os-release", "ID=fedora\n");
    let told = packages(&root, "rpm");
    let named = |package: &String| package.split(['-', ' ']).next().unwrap().to_owned();
    assert_eq!(told.len(), 9, "{told:?}");
    assert!(told.iter().map(named).all(|n| ["deltarpm", "python3", "rpm", "systemd"].contains(&n.as_str())));
    assert!(told.iter().any(|package| package.starts_with("rpm-libs 4.16.0-")), "{told:?}");
}

/// Forms of the database that are not read are told, never taken for a machine without packages.
#[test]
fn rpm_databases_in_other_forms_are_incomplete() {
    let Some(shared) = shared() else { return };
    for file in ["go-rpmdb/libuuid/Packages", "go-rpmdb/sle15-bci/Packages.db", "syft/Packages"] {
        let name = Path::new(file).file_name().unwrap().to_str().unwrap();
        let root = with(&shared, &format!("rpmdb/{file}"), &format!("var/lib/rpm/{name}"));
        root.write("etc/os-release", "ID=rhel\n");
        let run = run(["scan", &root.target(), "-o", "json"]);
        assert!(run.code == 3 || !packages(&root, "rpm").is_empty(), "{file}: {}", run.code);
    }
}
