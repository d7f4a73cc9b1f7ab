//! The container that rpm 4.16 and later write: an `SQLite` database whose table `Packages` has a header in each row.
//!
//! Format: `SQLite`'s "Database File Format" (sqlite.org/fileformat2.html); the tables are those of databases that rpm
//! 4.16 to 4.18 made. Beside `Packages` stand index tables; `Name` has one row for each package, so it is a second
//! witness: what it names and `Packages` lacks was cut.

use std::collections::BTreeSet;

use rusqlite::{Connection, ErrorCode, OptionalExtension, Statement};

use super::Damage;
use super::header::Header;
use crate::parse::sqlite::{Cut, is_stored, open};

/// Rows that are read, of the table and of the index.
const MAX_ROWS: usize = 1_000_000;

/// Reads a database, hands its packages to `each` in the order of their rows, and says what was wrong.
///
/// Not one fault means that every row of the table and of the index was read.
pub fn packages(bytes: &[u8], mut each: impl FnMut(Header<'_>)) -> Vec<Damage> {
    let mut damage = Vec::new();
    if let Err(error) = read(bytes, &mut each, &mut damage) {
        damage.push(error);
    }
    damage
}

fn read(bytes: &[u8], each: &mut dyn FnMut(Header<'_>), damage: &mut Vec<Damage>) -> Result<(), Damage> {
    let cut = Cut::of(bytes);
    damage.extend(cut.map(|Cut { pages, of, .. }| Damage::Cut { pages, of }));
    let missing = cut.map_or(0, |cut| cut.missing);
    let db = open(bytes, missing)?;
    require(&db, "Packages", &[("hnum", true), ("blob", false)])?;
    let mut rows = BTreeSet::new();
    if let Err(error) = numbers(&db, "SELECT CAST(hnum AS INTEGER) FROM Packages NOT INDEXED", &mut rows) {
        damage.push(error);
    }
    // A row is looked for by each number that either table has: so a broken page hides no more than what is on it.
    let mut names = BTreeSet::new();
    let index = require(&db, "Name", &[("hnum", false)])
        .and_then(|()| numbers(&db, "SELECT CAST(hnum AS INTEGER) FROM Name NOT INDEXED", &mut names));
    if let Err(error) = index {
        damage.push(error);
    }
    let sql = "SELECT CASE typeof(blob) WHEN 'blob' THEN length(blob) END FROM Packages NOT INDEXED WHERE hnum = ?1";
    let mut length = db.prepare(sql)?;
    let mut blob = db.prepare("SELECT blob FROM Packages NOT INDEXED WHERE hnum = ?1")?;
    let (mut unlisted, mut total) = (0, 0);
    for &row in rows.union(&names) {
        match one(&mut length, &mut blob, row, bytes.len() + missing, &mut total, each) {
            Ok(true) => {}
            Ok(false) if rows.contains(&row) => {
                damage.push(Damage::Row { row, what: "the pages that lead to it are out of order".into() });
            }
            Ok(false) => unlisted += 1,
            Err(Damage::Sqlite(e)) if e.sqlite_error_code() != Some(ErrorCode::OperationInterrupted) => {
                damage.push(Damage::Row { row, what: e.to_string() });
            }
            Err(row @ Damage::Row { .. }) => damage.push(row),
            Err(last) => {
                damage.push(last);
                break;
            }
        }
    }
    if unlisted > 0 {
        damage.push(Damage::Unlisted(unlisted));
    }
    Ok(())
}

/// Requires a table that is stored.
fn require(db: &Connection, table: &'static str, columns: &[(&str, bool)]) -> Result<(), Damage> {
    if is_stored(db, table, columns)? { Ok(()) } else { Err(Damage::NoTable(table)) }
}

/// Takes the numbers that a statement yields, as far as it gets.
fn numbers(db: &Connection, sql: &str, into: &mut BTreeSet<i64>) -> Result<(), Damage> {
    let mut statement = db.prepare(sql)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        if into.len() == MAX_ROWS {
            return Err(Damage::TooManyRows(MAX_ROWS));
        }
        into.insert(row.get(0)?);
    }
    Ok(())
}

/// Reads one row; false, if it is not there.
fn one(
    length: &mut Statement<'_>,
    blob: &mut Statement<'_>,
    row: i64,
    bound: usize,
    total: &mut usize,
    each: &mut dyn FnMut(Header<'_>),
) -> Result<bool, Damage> {
    let bad = |what: String| Damage::Row { row, what };
    let Some(size) = length.query_row([row], |r| r.get::<_, Option<u32>>(0)).optional()? else {
        return Ok(false);
    };
    let size = size.ok_or_else(|| bad("it holds no header".into()))?;
    // The rows of a sound file share no byte, so together they are smaller than it.
    *total = total.saturating_add(usize::try_from(size).unwrap_or(usize::MAX));
    if *total > bound {
        return Err(Damage::Overlap);
    }
    let mut found = blob.query([row])?;
    let Some(found) = found.next()? else { return Ok(false) };
    let bytes = found.get_ref(0)?.as_blob().map_err(|e| bad(e.to_string()))?;
    each(Header::parse(bytes).map_err(|e| bad(e.to_string()))?);
    Ok(true)
}

/// An `SQLite` database that these statements make, for tests.
#[cfg(test)]
pub(crate) fn build(sql: &str, rows: &[(i64, &[u8])]) -> Vec<u8> {
    let mut db = Connection::open_in_memory().unwrap();
    db.execute_batch(sql).unwrap();
    for row in rows {
        db.execute("INSERT INTO Packages VALUES (?1, ?2)", *row).unwrap();
    }
    db.serialize(rusqlite::MAIN_DB).unwrap().to_vec()
}

/// The tables as rpm makes them, for tests.
#[cfg(test)]
pub(crate) const TABLES: &str = "
    CREATE TABLE 'Packages' (hnum INTEGER PRIMARY KEY AUTOINCREMENT,blob BLOB NOT NULL);
    CREATE TABLE 'Name' (key 'TEXT' NOT NULL, hnum INTEGER NOT NULL, idx INTEGER NOT NULL);";

/// A real database, for tests.
#[cfg(test)]
pub(crate) fn fixture(path: &str) -> Option<Vec<u8>> {
    super::lab::fixture(&format!("{path}/rpmdb.sqlite"))
}

#[cfg(test)]
mod tests {
    use super::super::header;
    use super::*;

    fn blob(name: &str) -> Vec<u8> {
        let name = format!("{name}\0");
        header::build(&[(1000, 6, 1, name.as_bytes()), (1001, 6, 1, b"1\0"), (1002, 6, 1, b"2\0")])
    }

    fn names(bytes: &[u8]) -> (Vec<String>, Vec<Damage>) {
        let mut names = Vec::new();
        let damage = packages(bytes, |h| names.push(String::from_utf8_lossy(h.name).into_owned()));
        (names, damage)
    }

    fn index(rows: &[i64]) -> String {
        let rows = rows.iter().map(|n| format!("INSERT INTO Name VALUES ('n', {n}, 0);"));
        format!("{TABLES}{}", rows.collect::<String>())
    }

    #[test]
    fn rows_come_by_number_and_a_bad_one_spares_the_others() {
        let (a, c) = (blob("a"), blob("c"));
        let (found, damage) = names(&build(&index(&[1, 2, 3]), &[(3, &c), (2, b"bad"), (1, &a)]));
        assert_eq!(found, ["a", "c"]);
        assert_eq!(
            damage.iter().map(Damage::to_string).collect::<Vec<_>>(),
            ["row 2 is not readable (its header is not as long as it says)"]
        );
    }

    #[test]
    fn what_only_the_index_names_was_cut() {
        let (found, damage) = names(&build(&index(&[1, 2, 3]), &[(2, &blob("b"))]));
        assert_eq!((found, damage), (vec!["b".to_owned()], vec![Damage::Unlisted(2)]));
    }

    #[test]
    fn the_index_may_not_be_missing() {
        let sql = "CREATE TABLE Packages (hnum INTEGER PRIMARY KEY, blob BLOB)";
        let (found, damage) = names(&build(sql, &[(2, &blob("b"))]));
        assert_eq!((found, damage), (vec!["b".to_owned()], vec![Damage::NoTable("Name")]));
    }

    /// A view, a computed column or a virtual table is never run.
    #[test]
    fn only_stored_tables_are_read() {
        let bomb = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i AS hnum, x'' AS blob FROM n";
        for packages in [
            format!("CREATE VIEW Packages AS {bomb}"),
            "CREATE TABLE Packages (hnum INTEGER PRIMARY KEY, blob AS (zeroblob(9)))".into(),
            "CREATE TABLE Packages (hnum, blob BLOB)".into(),
            "CREATE VIRTUAL TABLE Packages USING fts5(hnum, blob)".into(),
            "CREATE TABLE Other (hnum)".into(),
        ] {
            let (found, damage) = names(&build(&packages, &[]));
            assert_eq!((found, damage), (vec![], vec![Damage::NoTable("Packages")]), "{packages}");
        }
    }

    /// The schema says table, its statement says view.
    #[test]
    fn a_schema_that_lies_is_not_believed() {
        let sql = "PRAGMA writable_schema = ON; CREATE TABLE Packages (hnum INTEGER PRIMARY KEY, blob BLOB);
            UPDATE sqlite_schema SET sql = 'CREATE VIEW Packages AS SELECT 1 AS hnum, randomblob(9) AS blob';";
        let (found, damage) = names(&build(sql, &[]));
        assert!(found.is_empty() && damage.len() == 1, "{found:?} {damage:?}");
    }

    /// The tree of the table leads back to its own root, so that its rows never end.
    #[test]
    fn a_circle_of_pages_ends() {
        let rows: Vec<_> = (1..=200).map(|n| (n, vec![b'x'; 900])).collect();
        let rows: Vec<_> = rows.iter().map(|(n, b)| (*n, b.as_slice())).collect();
        let mut bytes = build(&index(&[1]), &rows);
        let page = usize::from(u16::from_be_bytes([bytes[16], bytes[17]]));
        let root = bytes.chunks(page).position(|p| p[0] == 5).unwrap() * page;
        let cell = root + usize::from(u16::from_be_bytes([bytes[root + 12], bytes[root + 13]]));
        let number = u32::try_from(root / page + 1).unwrap().to_be_bytes();
        bytes[cell..cell + 4].copy_from_slice(&number);
        let (found, damage) = names(&bytes);
        assert!(found.is_empty() && !damage.is_empty(), "{damage:?}");
    }

    #[test]
    fn no_database_is_no_database() {
        for bytes in [&b""[..], b"SQLite format 3\0", &[0x5a; 8192]] {
            assert!(matches!(names(bytes).1[..], [Damage::Sqlite(_)]));
        }
    }

    #[test]
    fn real_databases_are_read_whole() {
        for (path, count, first) in [
            ("go-rpmdb/cbl-mariner-2.0", 129, "mariner-release"),
            ("osquery/rpm-sqlite", 9, "systemd-rpm-macros"),
        ] {
            let Some(bytes) = fixture(path) else { return };
            let (found, damage) = names(&bytes);
            assert_eq!((found.len(), found[0].as_str(), damage), (count, first, vec![]), "{path}");
        }
    }

    /// Law 1: however a database is cut, it says so.
    #[test]
    fn a_cut_is_never_silent() {
        let Some(bytes) = fixture("osquery/rpm-sqlite") else { return };
        let lengths = (0..bytes.len()).step_by(4093).chain((0..bytes.len()).step_by(4096));
        for length in lengths.chain([bytes.len() - 1]) {
            assert!(!names(&bytes[..length]).1.is_empty(), "cut to {length}");
        }
    }

    /// What does not need the missing part is read, in whichever row it stands.
    #[test]
    fn half_a_database_yields_its_half() {
        let Some(bytes) = fixture("go-rpmdb/cbl-mariner-2.0") else { return };
        let (found, damage) = names(&bytes[..bytes.len() / 2]);
        assert_eq!((found.len(), damage.len()), (73, 58), "one fault for each row and two for the whole");
        assert_eq!(damage[0], Damage::Cut { pages: 440, of: 880 });
    }

    /// Law 4: no byte makes it panic or hang.
    #[test]
    fn flipped_bytes_end_without_a_panic() {
        let Some(bytes) = fixture("osquery/rpm-sqlite") else { return };
        let mut random = 0x2545_f491_4f6c_dd1d_u64;
        let mut below = |bound: usize| {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            usize::try_from(random % u64::try_from(bound).unwrap()).unwrap()
        };
        for round in 0..400 {
            let mut flipped = bytes.clone();
            for _ in 0..=below(20) {
                // Every second round within the schema and the roots of the tables, where each byte matters.
                let at = below(if round % 2 == 0 { bytes.len() } else { 16 << 10 });
                flipped[at] ^= u8::try_from(1 + below(255)).unwrap();
            }
            let (found, damage) = names(&flipped);
            assert!(found.len() >= 9 || !damage.is_empty(), "round {round} lost packages silently");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_end_without_a_panic(bytes: Vec<u8>) {
            proptest::prop_assert!(!names(&bytes).1.is_empty());
        }

        /// Bytes behind the header of a real database.
        #[test]
        fn any_pages_end_without_a_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..4096)) {
            let mut database = build(TABLES, &[]);
            let start = database.len().min(100);
            for (to, from) in database.iter_mut().skip(start).zip(bytes) {
                *to = from;
            }
            names(&database);
        }
    }
}
