//! The log beside an `SQLite` database, which holds pages that are newer than the database's own.
//!
//! Format: `SQLite`'s "Write-Ahead Log File Format" (sqlite.org/fileformat2.html, section 4). A header and frames, each
//! of one page; a frame counts if its salts are the header's and its checksum goes on from the frame before, and only
//! up to the last frame that ends a transaction. A log is written over from its start, so that what stands behind is
//! ordinarily left of an older one: only frames with the header's salts say that something is amiss.

use std::collections::BTreeMap;

const HEADER: usize = 32;
const FRAME_HEADER: usize = 24;
/// With the last bit set, checksums are over big-endian numbers.
const MAGIC: u32 = 0x377f_0682;
const VERSION: u32 = 3_007_000;

/// What is wrong with a log. What could be read of it was applied all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// It has no header that is one, so `SQLite` reads nothing of it.
    #[error("it has no readable header")]
    Header,
    /// It is not the log of this database.
    #[error("its pages are not as large as those of the database")]
    PageSize,
    /// Changes that were completed stand behind a frame that cannot be read.
    #[error("changes that were completed stand behind a damaged frame")]
    Lost,
    /// The database has pages that neither file holds.
    #[error("the database has pages that neither it nor this log holds")]
    Short,
    /// Its last changes were never completed; `SQLite` leaves them out.
    #[error("its last changes were never completed")]
    Unfinished,
}

/// Writes the pages of a log over those of its database, and says what was wrong.
pub fn apply(database: &mut Vec<u8>, log: &[u8]) -> Vec<Fault> {
    let Some(Log { header, pages, length, mut faults }) = Log::of(log) else { return vec![Fault::Header] };
    let Some(length) = length else { return faults };
    let own = database.get(16..18).map(|b| b.iter().fold(0, |n, b| n << 8 | usize::from(*b)));
    // 65536 does not fit there and is written as 1.
    if own.map(|n| if n == 1 { 1 << 16 } else { n }) != Some(header.page) {
        faults.push(Fault::PageSize);
        return faults;
    }
    let (had, whole) = (database.len() / header.page, size(length).saturating_mul(header.page));
    if whole > database.len() + log.len() {
        faults.push(Fault::Short);
        return faults;
    }
    let added = size(length).saturating_sub(had);
    if pages.keys().filter(|at| **at > had && **at <= size(length)).count() < added {
        faults.push(Fault::Short);
    }
    // What is missing is filled as `open` fills it: with what is no page of a table.
    database.resize(whole, 0xff);
    for (at, page) in pages {
        let place = at.checked_sub(1).and_then(|at| database.get_mut(at.checked_mul(header.page)?..));
        if let Some(place) = place.and_then(|rest| rest.get_mut(..header.page)) {
            place.copy_from_slice(page);
        }
    }
    faults
}

/// What a log holds, up to the end of its last transaction.
struct Log<'a> {
    header: Header<'a>,
    /// The last content of each page, by its number; the first is 1.
    pages: BTreeMap<usize, &'a [u8]>,
    /// Pages of the database; nothing, if no transaction ended.
    length: Option<u32>,
    faults: Vec<Fault>,
}

impl<'a> Log<'a> {
    fn of(log: &'a [u8]) -> Option<Self> {
        let (header, frames) = log.split_at_checked(HEADER)?;
        let header = Header::of(header)?;
        let (mut pages, mut open, mut length) = (BTreeMap::new(), BTreeMap::new(), None);
        let (mut checksum, mut ended, mut lost) = (header.checksum, false, false);
        for frame in frames.chunks(FRAME_HEADER + header.page) {
            let (head, page) = frame.split_at(frame.len().min(FRAME_HEADER));
            let ours = head.get(8..16) == Some(header.salts);
            let (number, commit) = (be32(head, 0).unwrap_or(0), be32(head, 4).unwrap_or(0));
            checksum = header.sum(header.sum(checksum, head.get(..8).unwrap_or_default()), page);
            let whole = page.len() == header.page && pair(head, 16) == Some(checksum);
            ended |= !(ours && whole && number != 0);
            if ended {
                lost |= ours && commit != 0;
                // With the header's salts it is left of a transaction that did not end.
                open.extend(ours.then_some((0, page)));
                continue;
            }
            open.insert(size(number), page);
            if commit != 0 {
                pages.append(&mut open);
                length = Some(commit);
            }
        }
        let unfinished = (!open.is_empty()).then_some(Fault::Unfinished);
        let faults = lost.then_some(Fault::Lost).or(unfinished).into_iter().collect();
        Some(Self { header, pages, length, faults })
    }
}

struct Header<'a> {
    big_endian: bool,
    /// Bytes of a page.
    page: usize,
    salts: &'a [u8],
    checksum: (u32, u32),
}

impl<'a> Header<'a> {
    fn of(bytes: &'a [u8]) -> Option<Self> {
        let (magic, page) = (be32(bytes, 0)?, size(be32(bytes, 8)?));
        let (salts, checksum) = (bytes.get(16..24)?, pair(bytes, 24)?);
        let header = Self { big_endian: magic & 1 == 1, page, salts, checksum };
        let known = magic & !1 == MAGIC
            && be32(bytes, 4)? == VERSION
            && page.is_power_of_two()
            && (512..=1 << 16).contains(&page)
            && header.sum((0, 0), bytes.get(..24)?) == checksum;
        known.then_some(header)
    }

    /// Goes on with a checksum.
    fn sum(&self, (mut a, mut b): (u32, u32), bytes: &[u8]) -> (u32, u32) {
        for two in bytes.chunks_exact(8) {
            let (mut x, mut y) = pair(two, 0).unwrap_or_default();
            if !self.big_endian {
                (x, y) = (x.swap_bytes(), y.swap_bytes());
            }
            a = a.wrapping_add(x).wrapping_add(b);
            b = b.wrapping_add(y).wrapping_add(a);
        }
        (a, b)
    }
}

fn be32(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|b| u32::from_be_bytes(*b))
}

fn pair(bytes: &[u8], at: usize) -> Option<(u32, u32)> {
    be32(bytes, at).zip(be32(bytes, at + 4))
}

/// A number of the format as one of this machine; what does not fit is beyond every bound.
fn size(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// A database and its log as `SQLite` leaves them while it is open, for tests: after `base`, which is in the database,
/// each of the `changes` is one transaction in the log.
#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "a test has SQLite make its files")]
pub(crate) fn build(base: &str, changes: &[&str]) -> (Vec<u8>, Vec<u8>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db");
    let db = rusqlite::Connection::open(&path).unwrap();
    db.execute_batch("PRAGMA page_size = 512; PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0;")
        .unwrap();
    db.execute_batch(&format!("{base}; PRAGMA wal_checkpoint(TRUNCATE);")).unwrap();
    for change in changes {
        db.execute_batch(change).unwrap();
    }
    (std::fs::read(&path).unwrap(), std::fs::read(folder.path().join("db-wal")).unwrap())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::rpmdb::lab::Random;
    use crate::parse::rpmdb::sqlite;

    const FRAME: usize = FRAME_HEADER + 512;
    const BASE: &str = "CREATE TABLE t (n INTEGER PRIMARY KEY, x)";

    fn insert(numbers: std::ops::Range<usize>) -> String {
        let rows =
            numbers.map(|n| format!("INSERT INTO t VALUES ({n}, hex(zeroblob({})));", 40 + n * 13 % 400));
        format!("BEGIN; {} COMMIT;", rows.collect::<String>())
    }

    /// Three transactions, of which the last also shortens the database.
    fn three() -> (Vec<u8>, Vec<u8>) {
        let base = format!("{BASE}; {}", insert(0..40));
        build(&base, &[&insert(40..60), &insert(60..70), "DELETE FROM t WHERE n < 30; VACUUM"])
    }

    type Rows = Result<Vec<(i64, String)>, String>;

    fn query(db: &rusqlite::Connection) -> rusqlite::Result<Vec<(i64, String)>> {
        let mut rows = db.prepare("SELECT n, x FROM t")?;
        rows.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
    }

    /// The rows that we see, and those that `SQLite` sees in the files themselves.
    #[allow(clippy::disallowed_methods, reason = "a test has SQLite read its files")]
    fn both(database: &[u8], log: &[u8]) -> [Rows; 2] {
        let folder = tempfile::tempdir().unwrap();
        let (path, mut applied) = (folder.path().join("db"), database.to_vec());
        std::fs::write(&path, database).unwrap();
        std::fs::write(folder.path().join("db-wal"), log).unwrap();
        apply(&mut applied, log);
        applied[18..20].fill(1);
        let mut ours = rusqlite::Connection::open_in_memory().unwrap();
        ours.deserialize_read_exact(rusqlite::MAIN_DB, applied.as_slice(), applied.len(), true).unwrap();
        let theirs = rusqlite::Connection::open(&path).unwrap();
        [&ours, &theirs].map(|db| query(db).map_err(|e| e.to_string()))
    }

    fn faults(database: &[u8], log: &[u8]) -> Vec<Fault> {
        apply(&mut database.to_vec(), log)
    }

    /// The ends of the transactions.
    fn commits(log: &[u8]) -> Vec<usize> {
        let frames = log[HEADER..].chunks(FRAME).enumerate();
        let ends = frames.filter(|(_, f)| be32(f, 4) != Some(0)).map(|(n, _)| HEADER + (n + 1) * FRAME);
        ends.collect()
    }

    #[test]
    fn a_log_is_applied() {
        let (database, log) = three();
        assert_eq!(faults(&database, &log), []);
        let [ours, theirs] = both(&database, &log);
        assert_eq!((ours.as_ref().unwrap().len(), &ours), (40, &theirs));
        let before = both(&database, b"")[0].clone().unwrap().len();
        assert_eq!(before, 40, "the log has other rows than the database");
        assert_eq!(ours.unwrap()[0].0, 30);
    }

    /// Wherever a log is cut, the same is seen as by `SQLite`; between transactions nothing tells of the cut.
    #[test]
    fn a_cut_log_is_read_to_its_last_commit() {
        let (database, log) = three();
        let commits = commits(&log);
        assert!(commits.len() >= 3);
        for length in (1..log.len()).step_by(97).chain((HEADER..log.len()).step_by(FRAME)).chain(0..40) {
            let [ours, theirs] = both(&database, &log[..length]);
            assert_eq!(ours, theirs, "cut to {length}");
            let told = faults(&database, &log[..length]);
            let whole = commits.contains(&length) || (HEADER..HEADER + 16).contains(&length);
            let tail = (length - HEADER.min(length)) % FRAME;
            assert!(whole || tail < 16 || !told.is_empty(), "cut to {length}");
            assert!(length >= HEADER || told == [Fault::Header], "cut to {length}");
        }
        assert_eq!(faults(&database, &log[..commits[0] - FRAME]), [Fault::Unfinished]);
        assert_eq!(faults(&database, &log[..commits[0] - 1]), [Fault::Lost]);
    }

    /// Whatever is flipped in a log, the same is seen as by `SQLite`, and that less was seen is told.
    #[test]
    fn a_flipped_log_is_read_to_its_last_commit() {
        let (database, log) = three();
        let whole = both(&database, &log)[0].clone();
        let mut random = Random(7);
        for round in 0..300 {
            let flipped = random.flip(&log, [HEADER, 1200, log.len()][round % 3]);
            let told = faults(&database, &flipped);
            let [ours, theirs] = both(&database, &flipped);
            // SQLite refuses a log of another version and sees nothing at all.
            if theirs.is_ok() {
                assert_eq!(ours, theirs, "round {round}");
            }
            assert!(ours == whole || !told.is_empty(), "round {round}");
        }
    }

    /// What an older log left behind says nothing.
    #[test]
    fn a_log_that_was_begun_anew_ends_where_it_does() {
        let base = format!("{BASE}; {}", insert(0..40));
        let anew = "PRAGMA wal_checkpoint(RESTART); INSERT INTO t VALUES (99, 'new')";
        let (database, log) = build(&base, &[&insert(40..70), anew]);
        let [ours, theirs] = both(&database, &log);
        assert_eq!((ours.as_ref().unwrap().len(), &ours), (71, &theirs));
        assert_eq!(faults(&database, &log), []);
        assert!(commits(&log).len() > 1, "there is an older log behind");
        // With other salts in its header all of it is old.
        let mut stale = log;
        stale[16..24].fill(9);
        reseal(&mut stale, 0);
        assert_eq!(faults(&database, &stale), []);
    }

    /// Writes the checksums anew, with the last bit of the magic as given, of the header and its frames.
    fn reseal(log: &mut [u8], bit: u8) {
        log[3] = log[3] & !1 | bit;
        let seal = |at: &mut [u8], (a, b): (u32, u32)| {
            at.copy_from_slice(&[a.to_be_bytes(), b.to_be_bytes()].concat());
        };
        let (header, frames) = log.split_at_mut(HEADER);
        let kind = Header { big_endian: bit == 1, page: 512, salts: &[], checksum: (0, 0) };
        let mut sum = kind.sum((0, 0), &header[..24]);
        seal(&mut header[24..], sum);
        for frame in frames.chunks_exact_mut(FRAME).filter(|f| f[8..16] == header[16..24]) {
            sum = kind.sum(kind.sum(sum, &frame[..8]), &frame[FRAME_HEADER..]);
            seal(&mut frame[16..24], sum);
        }
    }

    #[test]
    fn checksums_may_be_over_numbers_of_either_byte_order() {
        let (database, mut log) = three();
        let before = both(&database, &log);
        for bit in [1, 0] {
            reseal(&mut log, bit);
            assert_eq!((faults(&database, &log), both(&database, &log)), (vec![], before.clone()));
        }
    }

    #[test]
    fn a_log_that_does_not_fit_is_told() {
        let (database, mut log) = three();
        assert_eq!(faults(&database, &[0; 600]), [Fault::Header]);
        assert_eq!(faults(&sqlite::build(sqlite::TABLES, &[]), &log), [Fault::PageSize]);
        // The last pages of the database are cut, and the log has some of them.
        let (whole, short) = build(&format!("{BASE}; {}", insert(0..200)), &[&insert(200..210)]);
        let (mut cut, mut uncut) = (whole[..whole.len() - 1024].to_vec(), whole);
        assert_eq!((apply(&mut cut, &short), apply(&mut uncut, &short)), (vec![Fault::Short], vec![]));
        assert_eq!(cut.len(), uncut.len());
        let last = *commits(&log).last().unwrap() - FRAME;
        log[last + 4..last + 8].fill(0x7f);
        reseal(&mut log, 0);
        let mut same = database.clone();
        assert_eq!((apply(&mut same, &log), same), (vec![Fault::Short], database));
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_end_without_a_panic(database: Vec<u8>, log: Vec<u8>) {
            proptest::prop_assert_eq!(faults(&database, &log), [Fault::Header]);
        }
    }
}
