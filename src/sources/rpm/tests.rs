//! Databases, whole and spoilt, and what the source must say of them.
#![allow(clippy::disallowed_methods, reason = "tests lay out roots and look for their fixtures")]
#![allow(clippy::print_stderr, reason = "a test that is skipped says why")]

mod tool;

use super::*;
use crate::inventory::{Coverage, CoverageState};
use crate::item::State;
use crate::parse::rpmdb::{header, lab};
use crate::parse::sqlite::wal;
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
        crate::sources::read(&SOURCE, &self.target(), Sink::default())
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
    use CoverageState::{Absent, Covered, Failed, Partial};
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
    for (beside, code) in [
        ("var/lib/rpm/rpmdb.sqlite-wal", GapCode::Damaged),
        ("var/lib/rpm/rpmdb.sqlite-journal", GapCode::Unsupported),
    ] {
        assert_eq!(with(&sound).with(beside, b"").told(), (Covered, vec![]));
        assert_eq!(with(&sound).with(beside, b"x").told(), (Partial, gap(code, beside)));
        assert_eq!(Root::new().with(beside, b"").told(), (Absent, vec![]));
        assert_eq!(Root::new().with(beside, b"x").told(), (Failed, gap(GapCode::Missing, place)));
    }
    // The header of a journal that is done with is zeroed, and what it held stands behind.
    let done = [&[0; 28][..], b"x"].concat();
    assert_eq!(with(&sound).with("var/lib/rpm/rpmdb.sqlite-journal", &done).told(), (Covered, vec![]));
    for other in ["usr/lib/sysimage/rpm/Packages", "var/lib/rpm/Packages.db"] {
        assert_eq!(Root::new().with(other, b"x").told(), (Failed, gap(GapCode::Damaged, other)));
        assert_eq!(Root::new().with(other, b"").told(), (Failed, gap(GapCode::Empty, other)));
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
    let row = crate::sources::read(&SOURCE, &Target::refusing(), Sink::default()).0;
    assert_eq!(row.state, Failed);
}

/// Of several forms the newest is read, and an older one where the newer ones yield nothing.
#[test]
fn the_newest_form_that_yields_anything_is_read() {
    let [a, b, c] = [b"a\0", b"b\0", b"c\0"].map(|name| blob(name, &[]));
    let places = ["rpmdb.sqlite", "Packages.db", "Packages"].map(|file| format!("{VAR}/{file}"));
    let (sqlite, ndb, bdb) = (
        database(&[(1, &a)], &[1]),
        ndb::build(&[(1, &b)]),
        bdb::build(false, &[(0, &[1, 0, 0, 0]), (1, &c)]),
    );
    let root = |files: [&[u8]; 3]| {
        let files = places.iter().zip(files).filter(|(_, bytes)| !bytes.is_empty());
        files.fold(Root::new(), |root, (place, bytes)| root.with(place, bytes))
    };
    let names = |root: &Root| root.scan().1.items.iter().map(|i| i.name.to_string()).collect::<String>();
    let notes = |root: &Root| {
        let gaps = root.scan().0.gaps;
        gaps.iter()
            .map(|g| (g.blocks, Path::new(g.place.raw()).file_name().unwrap().to_owned()))
            .collect::<Vec<_>>()
    };
    let note = |blocks: bool, file: &str| (blocks, file.into());
    let all = root([&sqlite, &ndb, &bdb]);
    assert_eq!((names(&all).as_str(), all.scan().0.state), ("a", CoverageState::Partial));
    assert_eq!(notes(&all), [note(true, "Packages"), note(true, "Packages.db")]);
    let two = root([b"", &ndb, &bdb]);
    assert_eq!((names(&two).as_str(), notes(&two)), ("b", vec![note(true, "Packages")]));
    let old = root([b"", b"", &bdb]);
    assert_eq!((names(&old).as_str(), notes(&old)), ("c", vec![]));
    let spoilt = root([b"x", &ndb, &bdb]);
    assert_eq!(names(&spoilt), "b");
    assert_eq!(notes(&spoilt), [note(true, "Packages"), note(true, "rpmdb.sqlite")]);
    // A new database in which nothing was installed yet.
    let fresh = root([&database(&[], &[]), b"", &bdb]);
    assert_eq!((names(&fresh).as_str(), notes(&fresh)), ("c", vec![]));
}

/// What is only in the log is read as what is in the database.
#[test]
fn newer_records_stand_in_the_log() {
    let insert = |row: i64, name: &[u8]| {
        let hex = blob(name, &[]).iter().map(|b| format!("{b:02x}")).collect::<Vec<_>>().concat();
        format!(
            "BEGIN; INSERT INTO Packages VALUES ({row}, x'{hex}'); INSERT INTO Name VALUES ('n', {row}, 0); COMMIT"
        )
    };
    let base = format!("{}; {}", sqlite::TABLES, insert(1, b"a\0"));
    let (db, log) = wal::build(&base, &[&insert(2, b"b\0"), &insert(3, b"c\0")]);
    let (place, beside) = ("var/lib/rpm/rpmdb.sqlite", "var/lib/rpm/rpmdb.sqlite-wal");
    let scan = |log: &[u8]| Root::new().with(place, &db).with(beside, log).scan();
    let (row, sink) = scan(&log);
    assert_eq!((row.state, row.items, row.gaps), (CoverageState::Covered, 3, vec![]));
    assert!(sink.items.iter().all(|i| i.place.raw() == "/var/lib/rpm/rpmdb.sqlite"));
    assert_eq!(scan(b"").0.items, 1, "without the log");
    let mut spoilt = log.clone();
    spoilt[80] ^= 1;
    let row = scan(&spoilt).0;
    assert_eq!((row.state, row.items, row.gaps[0].code), (CoverageState::Partial, 1, GapCode::Damaged));
    // A transaction that did not end is none, but it is told.
    let mut open = log.clone();
    open.extend_from_within(32..32 + 24 + 512);
    let row = scan(&open).0;
    assert_eq!((row.state, row.items, row.gaps.len()), (CoverageState::Covered, 3, 1));
    assert_eq!((row.gaps[0].code, row.gaps[0].blocks), (GapCode::Truncated, false));
    let alone = Root::new().with(beside, &log).told();
    assert_eq!(alone, (CoverageState::Failed, vec![(GapCode::Missing, format!("/{place}"))]));
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

/// The databases of older forms, by the facts that others state of them.
#[test]
fn real_databases_of_older_forms_are_covered() {
    let suse = "SUSE LLC <https://www.suse.com/>";
    for (path, count, at, name, version, vendor) in [
        ("go-rpmdb/libuuid/Packages", 1, 0, "libuuid.x86_64", "2.32.1-42.el8_8", "Red Hat, Inc."),
        // Its vendor is empty, so who built it stands in for it.
        ("syft/Packages", 1, 0, "dive.x86_64", "0.9.2-1", "Alex Goodman"),
        ("go-rpmdb/sle15-bci/Packages.db", 35, 0, "system-user-root.noarch", "20190513-3.3.1", suse),
        ("go-rpmdb/sle15-bci/Packages.db", 35, 34, "rpm-ndb.x86_64", "4.14.3-40.1", suse),
        ("osquery/rpm-ndb/Packages.db", 3, 0, "ncurses-devel.x86_64", "6.1-5.6.2", suse),
        ("osquery/rpm-ndb/Packages.db", 3, 1, "zlib-devel.x86_64", "1.2.11-3.21.1", suse),
        ("osquery/rpm-ndb/Packages.db", 3, 2, "binutils.x86_64", "2.35.1-7.18.1", suse),
    ] {
        let Some(bytes) = lab::fixture(path) else { return };
        let file = Path::new(path).file_name().unwrap().to_str().unwrap();
        let (row, sink) = Root::new().with(&format!("{VAR}/{file}"), &bytes).scan();
        assert_eq!((row.state, row.items, row.gaps), (CoverageState::Covered, count, vec![]), "{path}");
        let item = &sink.items[at];
        let (base, arch) = name.rsplit_once('.').unwrap();
        assert_eq!(item.id.raw(), format!("rpm:{base}-{version}.{arch}"));
        assert_eq!(item.version.as_ref().unwrap().raw(), version);
        assert_eq!(item.publisher.as_ref().map_or("", Text::raw), vendor);
    }
}
