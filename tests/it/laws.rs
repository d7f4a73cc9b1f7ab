//! The laws of coverage, of the verdict, of the formats and of the same bytes (DESIGN §5: 1, 2 and 5), held by the
//! whole program. Every format in the lists is held to them, those of tomorrow too.

use std::collections::BTreeSet;

use interdict::item::State;
use interdict::report::{FORMATS, LIST_FORMATS};
use interdict::sources::SOURCES;
use serde_json::Value;

use crate::lab::{Root, interdict, judged_root, run, scan, written};

/// A root with something of every sort: installed, enabled, left, named, unsure, and places that cannot be read.
pub(crate) fn rich() -> Root {
    let root = Root::debian();
    fill(&root, &[0, 1, 2, 3, 4, 5, 6, 7]);
    root
}

/// Fills a root in an order; the records of the status file keep theirs.
fn fill(root: &Root, order: &[usize]) {
    root.package(
        "kesl",
        "12.1.0-1297",
        "Kaspersky Lab <support@kaspersky.com>",
        &["/opt/kaspersky/kesl/bin/kesl"],
    );
    root.package("python3-kaspersky-client", "0.3-1", "Jane Doe <jane@example.org>", &["/usr/bin/kclient"]);
    root.package("kess", "2.0-1", "Jane Doe <jane@example.org>", &["/usr/bin/kess"]);
    root.append(
        "var/lib/dpkg/status",
        "Package: klnagent64\nStatus: deinstall ok config-files\nVersion: 15.0\nMaintainer: Kaspersky Lab\n\n",
    );
    for &step in order {
        match step {
            0 => root.write(
                "usr/lib/systemd/system/kesl.service",
                "[Unit]\nDescription=x\n[Service]\nExecStart=/opt/kaspersky/kesl/bin/kesl --daemon\n",
            ),
            1 => root.link(
                "etc/systemd/system/multi-user.target.wants/kesl.service",
                "/usr/lib/systemd/system/kesl.service",
            ),
            2 => root.write("usr/lib/systemd/system/cron.service", "[Service]\nExecStart=/usr/sbin/cron\n"),
            3 => root.write("usr/lib/systemd/system/folder.service/x", ""),
            4 => root.write("var/lib/dpkg/info/ghost.list", "/.\n/usr/bin/ghost\n"),
            5 => root.link("etc/systemd/system/circle.service.d", "circle.service.d"),
            6 => root.link("var/lib/dpkg/status.d", "/nowhere"),
            _ => root.write("usr/sbin/cron", ""),
        }
    }
}

fn sources(report: &Value) -> Vec<&str> {
    report["coverage"].as_array().unwrap().iter().map(|row| row["source"].as_str().unwrap()).collect()
}

fn gaps(report: &Value) -> Vec<&Value> {
    report["coverage"].as_array().unwrap().iter().flat_map(|row| row["gaps"].as_array().unwrap()).collect()
}

#[test]
fn every_source_has_exactly_one_coverage_row_in_every_kind_of_target() {
    let all: Vec<&str> = SOURCES.iter().map(|s| s.id).collect();
    let root = rich();
    let live = run(["scan", "-o", "json"]).json();
    assert_eq!(live["target"]["kind"], "live");
    assert_eq!(sources(&live), all, "live");
    let (_, dir) = scan(&root.target(), &[]);
    assert_eq!(sources(&dir), all, "dir");
    root.write("list.ndjson", run(["inventory", &root.target(), "-o", "ndjson"]).out);
    let list = format!("inventory:{}", root.at("list.ndjson").display());
    assert_eq!(sources(&scan(&list, &[]).1), all, "inventory");
    // A list without a header has a row of its own besides.
    root.write("bare.ndjson", "{\"kind\":\"package\",\"name\":\"bash\"}\n");
    let bare = format!("inventory:{}", root.at("bare.ndjson").display());
    let with_saved: BTreeSet<&str> = all.iter().copied().chain(["saved"]).collect();
    let (_, report) = scan(&bare, &[]);
    assert_eq!(sources(&report), with_saved.into_iter().collect::<Vec<_>>(), "list without a header");
}

/// A list of an older version, or of another program, tells of fewer sources; the others were not looked at.
#[test]
fn a_header_that_tells_of_one_source_does_not_drop_the_rows_of_the_others() {
    let root = Root::new();
    let row = r#"{"source":"dpkg","state":"covered","items":1,"gaps":[]}"#;
    let item = r#"{"kind":"package","name":"bash","source":"dpkg"}"#;
    for rows in [row.to_owned(), format!("{row},{row}")] {
        let header = format!(r#"{{"schema":"interdict.inventory/1","coverage":[{rows}]}}"#);
        root.write("list.ndjson", format!("{header}\n{item}\n"));
        let (_, report) = scan(&format!("inventory:{}", root.at("list.ndjson").display()), &[]);
        let all: Vec<&str> = SOURCES.iter().map(|s| s.id).collect();
        assert_eq!(sources(&report), all);
    }
}

#[test]
fn an_empty_folder_is_incomplete_and_says_why() {
    let root = Root::new();
    let (code, report) = scan(&root.target(), &[]);
    assert_eq!((code, report["verdict"].as_str()), (3, Some("incomplete")));
    assert!(gaps(&report).iter().any(|g| g["code"] == "nothing-listed" && g["blocks"] == true), "{report}");
    let table = run(["scan", &root.target()]);
    assert_eq!(table.code, 3);
    assert!(table.out.contains("[nothing-listed]"), "{}", table.out);
}

#[test]
fn a_root_of_an_unknown_distribution_with_units_and_no_database_is_incomplete() {
    let root = Root::new();
    root.write("etc/os-release", "ID=marsix\nPRETTY_NAME=\"Marsix 1\"\n");
    root.write("usr/lib/systemd/system/cron.service", "[Service]\nExecStart=/usr/sbin/cron\n");
    let (code, report) = scan(&root.target(), &[]);
    assert_eq!(code, 3);
    assert!(gaps(&report).iter().any(|g| g["code"] == "nothing-listed"), "{report}");
}

/// The only list that was read is not the one that this system is made with, whether its name is known or not.
#[test]
fn a_root_whose_own_package_manager_is_not_read_is_incomplete() {
    for (id, database, is_unread) in [
        ("openEuler", "var/lib/rpm/anything", false),
        ("void", "var/db/xbps/pkgdb-0.38.plist", true),
        ("slackware", "var/lib/pkgtools/packages/kesl-12.1-x86_64-1", true),
    ] {
        let root = Root::debian();
        root.write("etc/os-release", format!("ID=\"{id}\"\n"));
        root.write(database, "P:kesl\nV:12.1\nA:x86_64\nm:Kaspersky Lab\n\n");
        let (code, report) = scan(&root.target(), &[]);
        assert_eq!(code, 3, "{id}: {}", report["coverage"]);
        let says_so = gaps(&report).iter().any(|g| g["code"] == "unsupported" && g["place"] == "/");
        assert_eq!(says_so, is_unread, "{id}: {}", report["coverage"]);
    }
}

/// Without os-release nobody knows which database should be there.
#[test]
fn a_system_that_cannot_be_told_is_incomplete() {
    let Some(shared) = crate::lab::shared() else { return };
    let database = std::fs::read(shared.join("fixtures/rpmdb/osquery/rpm-sqlite/rpmdb.sqlite")).unwrap();
    let root = Root::new();
    root.write("var/lib/rpm/rpmdb.sqlite", database);
    root.fifo("etc/os-release");
    let (code, report) = scan(&root.target(), &[]);
    assert_eq!(code, 3, "{}", report["coverage"]);
}

#[test]
fn a_clean_verdict_lists_what_was_covered() {
    let root = Root::debian();
    let table = run(["scan", &root.target()]);
    assert_eq!(table.code, 0, "{}", table.out);
    assert!(table.out.contains("within the coverage"), "{}", table.out);
    let (_, coverage) = table.out.split_once("COVERAGE").unwrap();
    for source in SOURCES {
        let named = coverage.split(|c: char| !c.is_ascii_alphanumeric()).any(|word| word == source.id);
        assert!(named, "{} in {coverage}", source.id);
    }
}

#[test]
fn the_exit_code_never_depends_on_the_format() {
    let (prohibited, clean, review, incomplete) = (rich(), Root::debian(), Root::debian(), Root::new());
    review.package("kess", "2.0-1", "Jane Doe <jane@example.org>", &[]);
    for (root, code) in [(&prohibited, 1), (&clean, 0), (&review, 4), (&incomplete, 3)] {
        for format in FORMATS {
            assert_eq!(run(["scan", &root.target(), "-o", format.id]).code, code, "{}", format.id);
            let out = root.0.path().join("out");
            let file = format!("{}={}", format.id, out.display());
            assert_eq!(run(["scan", &root.target(), "-o", &file]).code, code, "{file}");
            std::fs::remove_file(out).unwrap();
        }
        let listed = run(["inventory", &root.target()]).code;
        for format in LIST_FORMATS {
            assert_eq!(run(["inventory", &root.target(), "-o", format.id]).code, listed, "{}", format.id);
        }
    }
}

/// Each finding, gap and ruling gets a name that stands nowhere else in the report.
#[test]
fn every_format_carries_every_finding_gap_and_ruling() {
    let root = rich();
    let mut report = judged_root(root.0.path());
    report.with_items = false;
    let states: BTreeSet<State> = report.findings.iter().map(|f| f.finding.state).collect();
    assert!(states.is_superset(&BTreeSet::from([State::Installed, State::Remnant, State::Mention])));
    let (mut carried, mut number) = (Vec::new(), 0);
    let mut token = |what: &str| {
        number += 1;
        format!("{what}{number}x")
    };
    for reported in &mut report.findings {
        let name = token("product");
        (reported.product, reported.product_name) = (name.clone(), name.clone());
        // What only names the vendor may be told by its own name alone.
        let own = token("named");
        for evidence in &reported.finding.evidence {
            report.inventory.items[evidence.item].name = own.clone().into();
        }
        let is_mention = reported.finding.state == State::Mention;
        carried.push(if is_mention { vec![name, own] } else { vec![name] });
        for ruling in &mut reported.rulings {
            ruling.instrument = token("instrument");
            carried.push(vec![ruling.instrument.clone()]);
        }
    }
    let mut places = Vec::new();
    for gap in report.inventory.coverage.iter_mut().flat_map(|row| &mut row.gaps) {
        gap.place = token("/place/").into();
        places.push(gap.place.raw().to_owned());
    }
    assert!(places.len() >= 3, "{places:?}");
    let mut formats = 0;
    for (name, bytes) in written(&report, 2000) {
        let text = String::from_utf8(bytes).unwrap();
        assert!(!text.trim().is_empty(), "{name} writes nothing");
        for place in &places {
            assert!(text.contains(place), "{name} lacks the gap {place}:\n{text}");
        }
        if name.starts_with("scan ") {
            formats += 1;
            for any in &carried {
                assert!(any.iter().any(|token| text.contains(token)), "{name} lacks {any:?}:\n{text}");
            }
        } else {
            for item in &report.inventory.items {
                assert!(text.contains(item.name.raw()), "{name} lacks the item {}", item.name);
            }
        }
    }
    assert_eq!(formats, FORMATS.len());
}

#[test]
fn every_format_names_each_source_and_its_state() {
    let report = judged_root(rich().0.path());
    for (name, bytes) in written(&report, 2000) {
        let text = String::from_utf8(bytes).unwrap();
        for row in &report.inventory.coverage {
            assert!(text.contains(row.source.raw()), "{name} lacks {}", row.source);
            assert!(text.contains(row.state.word()), "{name} lacks {}", row.state);
        }
    }
}

#[test]
fn narrow_pages_lose_nothing() {
    let report = judged_root(rich().0.path());
    let letters = |bytes: Vec<u8>| {
        let text = String::from_utf8(bytes).unwrap();
        let mut letters: Vec<char> = text.chars().filter(|c| !c.is_whitespace()).collect();
        letters.sort_unstable();
        letters
    };
    for (wide, narrow) in written(&report, 2000).into_iter().zip(written(&report, 40)) {
        assert_eq!(letters(wide.1), letters(narrow.1), "{}", wide.0);
    }
}

#[test]
fn two_looks_at_one_root_give_the_same_bytes() {
    let root = rich();
    let first = written(&judged_root(root.0.path()), 100);
    // The same root, its files made in the other order.
    let other = Root::debian();
    fill(&other, &[7, 6, 5, 4, 3, 2, 1, 0]);
    let place = root.0.path();
    std::fs::rename(place, place.with_extension("away")).unwrap();
    std::fs::rename(other.0.path(), place).unwrap();
    let second = written(&judged_root(place), 100);
    std::fs::rename(place, other.0.path()).unwrap();
    std::fs::rename(place.with_extension("away"), place).unwrap();
    for (a, b) in first.into_iter().zip(second) {
        assert!(a.1 == b.1, "{} differs", a.0);
    }
}

#[test]
fn two_runs_differ_only_in_the_times_of_their_headers() {
    let root = rich();
    let once = |command: &str, format: &str| {
        // The second run is later, and in another time zone and language.
        let args = [command, &root.target(), "-o", format].map(str::to_owned);
        let first = crate::lab::finish(interdict().args(&args));
        std::thread::sleep(std::time::Duration::from_millis(5));
        let mut second = interdict();
        second.args(&args).env("TZ", "Asia/Tokyo").env("LANG", "tr_TR.UTF-8").env("LC_ALL", "tr_TR.UTF-8");
        (first.out, crate::lab::finish(&mut second).out)
    };
    let timeless = |text: &str| {
        let lines: Vec<String> = text.lines().filter(|l| !l.starts_with("When ")).map(untimed).collect();
        lines.join("\n")
    };
    for format in FORMATS {
        let (a, b) = once("scan", format.id);
        assert_eq!(timeless(&a), timeless(&b), "{}", format.id);
    }
    for format in LIST_FORMATS {
        let (a, b) = once("inventory", format.id);
        assert_eq!(timeless(&a), timeless(&b), "{}", format.id);
    }
}

/// A line without the times of the scan, which stand in every form as in RFC 3339, or in milliseconds under `time`.
fn untimed(line: &str) -> String {
    let mut line = line.to_owned();
    if let Some((before, after)) = line.split_once("\"time\":") {
        line = format!("{before}{}", after.trim_start_matches(|c: char| c.is_ascii_digit()));
    }
    let is_time = |bytes: &[u8]| {
        let fits = |(at, byte): (usize, &u8)| match at {
            4 | 7 => *byte == b'-',
            10 => *byte == b'T',
            13 | 16 => *byte == b':',
            _ => byte.is_ascii_digit(),
        };
        bytes.iter().enumerate().all(fits)
    };
    while let Some(at) = line.as_bytes().windows(19).position(is_time) {
        let rest = line[at + 19..].trim_start_matches(|c: char| c.is_ascii_digit() || ".Z".contains(c)).len();
        line.replace_range(at..line.len() - rest, "");
    }
    line
}
