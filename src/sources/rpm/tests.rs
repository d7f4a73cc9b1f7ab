//! Databases, whole and spoilt, and what the source must say of them.
#![allow(clippy::disallowed_methods, reason = "tests lay out roots and look for their fixtures")]
#![allow(clippy::print_stderr, reason = "a test that is skipped says why")]

use super::*;
use crate::inventory::{Coverage, CoverageState};
use crate::item::State;
use crate::parse::rpmdb::header;
use globset::GlobSet;
use std::fs;
use std::process::Command;

const VAR: &str = "var/lib/rpm";
const USR: &str = "usr/lib/sysimage/rpm";

struct Root(tempfile::TempDir);

impl Root {
    fn new() -> Self {
        let root = Self(tempfile::tempdir().unwrap());
        fs::create_dir_all(root.at(VAR)).unwrap();
        root
    }

    fn at(&self, path: &str) -> PathBuf {
        self.0.path().join(path)
    }

    fn with(self, path: &str, bytes: &[u8]) -> Self {
        fs::create_dir_all(self.at(path).parent().unwrap()).unwrap();
        fs::write(self.at(path), bytes).unwrap();
        self
    }

    fn target(&self) -> Target {
        Target::dir(self.0.path(), GlobSet::empty()).unwrap()
    }

    fn scan(&self) -> (Coverage, Sink) {
        crate::sources::read(&SOURCE, &self.target(), Depth::Quick)
    }

    /// The state of the row, and code and place of each gap.
    fn told(&self) -> (CoverageState, Vec<(GapCode, String)>) {
        let row = self.scan().0;
        assert!(row.gaps.iter().all(|g| g.blocks), "{row:?}");
        (row.state, row.gaps.iter().map(|g| (g.code, g.place.to_string())).collect())
    }
}

type Tag<'a> = (usize, usize, usize, &'a [u8]);

fn blob(name: &[u8], more: &[Tag<'_>]) -> Vec<u8> {
    let who: [Tag<'_>; 3] = [(1000, 6, 1, name), (1001, 6, 1, b"1.0\0"), (1002, 6, 1, b"2\0")];
    header::build(&[&who, more].concat())
}

/// A database of these rows, with an index that names these.
fn database(rows: &[(i64, &[u8])], index: &[i64]) -> Vec<u8> {
    let index = index.iter().map(|n| format!("INSERT INTO Name VALUES ('n', {n}, 0);"));
    sqlite::build(&format!("{}{}", sqlite::TABLES, index.collect::<String>()), rows)
}

#[test]
fn a_package_becomes_an_item() {
    let full = blob(
        b"v\0",
        &[
            (1003, 4, 1, &[0, 0, 0, 3]),
            (1008, 4, 1, &[0x65, 0, 0, 0]),
            (1011, 6, 1, b"(none)\0"),
            (1015, 6, 1, b"V <v@v.example>\0"),
            (1020, 6, 1, b"https://v.example/\0"),
            (1022, 6, 1, b"x86_64\0"),
            (1117, 8, 2, b"a\0b\0"),
            (1116, 4, 2, &[0, 0, 0, 0, 0, 0, 0, 1]),
            (1118, 8, 2, b"/opt/v/\0/usr/bin/\0"),
        ],
    );
    let key = blob(b"gpg-pubkey\0", &[(1011, 6, 1, b"Vendor\0"), (1015, 6, 1, b"Packager\0")]);
    let root = Root::new()
        .with("var/lib/rpm/rpmdb.sqlite", &database(&[(1, &full), (2, &key), (3, &key)], &[1, 2, 3]));
    let (row, sink) = root.scan();
    assert_eq!((row.state, row.items, row.gaps), (CoverageState::Covered, 3, vec![]));
    let place = Text::from("/var/lib/rpm/rpmdb.sqlite");
    let expected = Item {
        version: Some("3:1.0-2".into()),
        state: State::Installed,
        source: "rpm".into(),
        id: "rpm:v-1.0-2.x86_64".into(),
        publisher: Some("V <v@v.example>".into()),
        paths: vec!["/opt/v/a".into()],
        scope: Some("machine".into()),
        installed: Some("2023-09-12T06:06:56Z".into()),
        homepage: Some("https://v.example/".into()),
        ecosystem: Some("rpm".into()),
        ..Item::new(Kind::Package, "v".into(), place)
    };
    assert_eq!(sink.items[0], expected);
    assert_eq!(sink.items[1].publisher, None, "a key is no software by its owner");
    assert_eq!((&sink.items[1].installed, &sink.items[1].paths), (&None, &vec![]));
    let ids: Vec<_> = sink.items.iter().map(|i| i.id.raw()).collect();
    assert_eq!(ids, ["rpm:v-1.0-2.x86_64", "rpm:gpg-pubkey-1.0-2", "rpm:gpg-pubkey-1.0-2#2"]);
    let mut files =
        ["/usr/bin/b", "/opt/v/a", "/usr/bin/c"].map(|f| Item::new(Kind::File, f.into(), f.into()));
    sink.owners.join(&root.target(), &mut files);
    assert_eq!(files.map(|f| f.owner), [Some(expected.id.clone()), Some(expected.id), None]);
}

/// Law 1, for each way in which a database can be there and not be read.
#[test]
fn what_is_not_read_is_a_gap() {
    use CoverageState::{Absent, Failed, Partial};
    let good = blob(b"v\0", &[]);
    let sound = database(&[(1, &good)], &[1]);
    let place = "var/lib/rpm/rpmdb.sqlite";
    let with = |bytes: &[u8]| Root::new().with(place, bytes);
    let gap = |code, place: &str| vec![(code, format!("/{place}"))];
    assert_eq!(Root::new().told(), (Absent, vec![]));
    assert_eq!(with(b"").told(), (Failed, gap(GapCode::Empty, place)));
    assert_eq!(with(&[0x5a; 9000]).told(), (Failed, gap(GapCode::Damaged, place)));
    assert_eq!(with(&database(&[], &[])).told(), (Failed, vec![(GapCode::Empty, "rpm".into())]));
    assert_eq!(with(&database(&[], &[7])).told(), (Failed, gap(GapCode::Damaged, place)));
    assert_eq!(with(&database(&[(1, &good)], &[1, 2])).told(), (Partial, gap(GapCode::Damaged, place)));
    assert_eq!(
        with(&database(&[(1, &good), (2, b"bad")], &[1, 2])).told(),
        (Partial, gap(GapCode::Damaged, place))
    );
    for beside in ["var/lib/rpm/rpmdb.sqlite-wal", "var/lib/rpm/rpmdb.sqlite-journal"] {
        assert_eq!(with(&sound).with(beside, b"").told(), (CoverageState::Covered, vec![]));
        assert_eq!(with(&sound).with(beside, b"x").told(), (Partial, gap(GapCode::Unsupported, beside)));
        assert_eq!(Root::new().with(beside, b"x").told(), (Failed, gap(GapCode::Unsupported, beside)));
    }
    for other in ["usr/lib/sysimage/rpm/Packages", "var/lib/rpm/Packages.db"] {
        assert_eq!(Root::new().with(other, b"x").told(), (Failed, gap(GapCode::Unsupported, other)));
        // Of a database that was converted, the old form is not read and need not be.
        let newer = Path::new(other).with_file_name("rpmdb.sqlite");
        let both = Root::new().with(other, b"x").with(newer.to_str().unwrap(), &sound);
        assert_eq!(both.told(), (CoverageState::Covered, vec![]));
    }
    let folder = Root::new();
    fs::create_dir(folder.at(place)).unwrap();
    assert_eq!(folder.told(), (Failed, gap(GapCode::Special, place)));
    let pipe = Root::new();
    assert!(Command::new("mkfifo").arg(pipe.at(place)).status().unwrap().success());
    assert_eq!(pipe.told(), (Failed, gap(GapCode::Special, place)));
    let link = Root::new();
    std::os::unix::fs::symlink("/none", link.at(place)).unwrap();
    assert_eq!(link.told(), (Failed, gap(GapCode::Dangling, place)));
    let row = crate::sources::read(&SOURCE, &Target::refusing(), Depth::Quick).0;
    assert_eq!(row.state, Failed);
}

#[test]
fn every_damaged_row_is_named_in_one_gap() {
    let rows: Vec<(i64, &[u8])> = (1..=10).map(|n| (n, &b"bad"[..])).collect();
    let root = Root::new().with("var/lib/rpm/rpmdb.sqlite", &database(&rows, &[1, 99]));
    let row = root.scan().0;
    let reason = row.gaps[0].reason.raw();
    assert_eq!((row.state, row.gaps.len()), (CoverageState::Failed, 1));
    assert!(reason.starts_with("row 1 is not readable") && reason.contains("row 8 "), "{reason}");
    assert!(reason.contains("; and 3 more faults like these: "), "{reason}");
}

#[test]
fn a_linked_folder_is_read_once_and_two_folders_twice() {
    let (a, b) = (database(&[(1, &blob(b"a\0", &[]))], &[1]), database(&[(1, &blob(b"b\0", &[]))], &[1]));
    let names = |root: &Root| root.scan().1.items.iter().map(|i| i.name.to_string()).collect::<Vec<_>>();
    let root = Root::new().with("usr/lib/sysimage/rpm/rpmdb.sqlite", &a);
    assert_eq!(names(&root), ["a"]);
    fs::remove_dir(root.at(VAR)).unwrap();
    std::os::unix::fs::symlink("../../usr/lib/sysimage/rpm", root.at(VAR)).unwrap();
    assert_eq!(names(&root), ["a"]);
    fs::remove_file(root.at(USR).join("rpmdb.sqlite")).unwrap();
    let other = root.with("usr/lib/sysimage/rpm/Packages", b"x");
    assert_eq!(other.told().1.len(), 1);
    let both = Root::new().with("var/lib/rpm/rpmdb.sqlite", &b).with("usr/lib/sysimage/rpm/rpmdb.sqlite", &a);
    assert_eq!(names(&both), ["b", "a"]);
}

#[test]
fn real_databases_are_covered() {
    let Some(bytes) = sqlite::fixture("go-rpmdb/cbl-mariner-2.0") else { return };
    let (row, sink) = Root::new().with("var/lib/rpm/rpmdb.sqlite", &bytes).scan();
    assert_eq!((row.state, row.items), (CoverageState::Covered, 129));
    let first = &sink.items[0];
    assert_eq!((first.name.raw(), first.version.as_ref().unwrap().raw()), ("mariner-release", "2.0-4.cm2"));
    assert_eq!(first.publisher, Some("Microsoft Corporation".into()));
    let half = Root::new().with("var/lib/rpm/rpmdb.sqlite", &bytes[..bytes.len() / 2]);
    let codes: Vec<_> = half.told().1.into_iter().map(|(code, _)| code).collect();
    assert_eq!((half.told().0, codes), (CoverageState::Partial, vec![GapCode::Damaged, GapCode::Truncated]));

    let Some(bytes) = sqlite::fixture("osquery/rpm-sqlite") else { return };
    let (row, sink) = Root::new().with("usr/lib/sysimage/rpm/rpmdb.sqlite", &bytes).scan();
    assert_eq!(row.state, CoverageState::Covered);
    let version = |i: &Item| i.version.as_ref().unwrap().raw().split('-').next().unwrap().to_owned();
    let mut found: Vec<_> = sink.items.iter().map(|i| format!("{} {}", i.name, version(i))).collect();
    found.sort();
    assert_eq!(
        found,
        [
            "deltarpm 3.6.2",
            "python3-rpm 4.16.0",
            "rpm 4.16.0",
            "rpm-build-libs 4.16.0",
            "rpm-libs 4.16.0",
            "rpm-plugin-selinux 4.16.0",
            "rpm-plugin-systemd-inhibit 4.16.0",
            "rpm-sign-libs 4.16.0",
            "systemd-rpm-macros 246.6",
        ]
    );
}

/// The same packages, files, dates and makers as rpm itself tells of real databases.
#[test]
fn rpm_says_the_same() {
    let required = std::env::var("INTERDICT_REQUIRE").unwrap_or_default();
    let required = required.split(',').any(|r| matches!(r.trim(), "all" | "rpm"));
    if Command::new("rpm").arg("--version").output().is_err() {
        assert!(!required, "INTERDICT_REQUIRE asks for rpm, which is not installed");
        eprintln!("skipped: rpm is not installed");
        return;
    }
    for path in ["go-rpmdb/cbl-mariner-2.0", "osquery/rpm-sqlite"] {
        let Some(bytes) = sqlite::fixture(path) else { return };
        let root = Root::new().with("var/lib/rpm/rpmdb.sqlite", &bytes);
        let ask = |format: &str| {
            let mut rpm = Command::new("rpm");
            rpm.args(["-qa", "--define", "_db_backend sqlite", "--qf", format, "--dbpath"]).arg(root.at(VAR));
            let told = String::from_utf8(rpm.output().unwrap().stdout).unwrap();
            let mut lines: Vec<_> = told.lines().map(str::to_owned).collect();
            lines.sort();
            lines
        };
        let mut items: Vec<String> = root.scan().1.items.iter().map(line).collect();
        items.sort();
        assert_eq!(items, ask("rpm:%{NVRA} %{EVR} %{INSTALLTIME} %{VENDOR} %{URL}\\n"), "{path}");
        let mut files = Vec::new();
        sqlite::packages(&bytes, |header| files.extend(header.files));
        let mut files: Vec<_> = files.into_iter().map(|f| String::from_utf8(f).unwrap()).collect();
        files.sort();
        assert_eq!(files, ask("[%{FILENAMES}\\n]"), "{path}");
    }
}

fn line(item: &Item) -> String {
    let text = |value: &Option<Text>| value.as_ref().map_or("(none)".to_owned(), ToString::to_string);
    let installed: jiff::Timestamp = text(&item.installed).parse().unwrap();
    let (evr, seconds) = (text(&item.version), installed.as_second());
    format!("{} {evr} {seconds} {} {}", item.id, text(&item.publisher), text(&item.homepage))
}
