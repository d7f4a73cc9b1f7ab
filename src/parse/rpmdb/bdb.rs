//! The container that rpm wrote before 4.16: a Berkeley DB hash database that has a header under each number.
//!
//! Format: Berkeley DB's hash access method, versions 7 to 10, as its public `db_page.h` lays it out. The first page
//! describes the whole; each other page says of itself what it is: a hash page holds keys and values in turn, and a
//! long value stands on a chain of overflow pages. All numbers are in the byte order of the machine that made it.
//! A page that was freed keeps its content and changes its type alone. The first page counts the rows, and no overflow
//! page is without a row: these two are witnesses of rows that were cut. Row 0 is no package, but the highest number
//! that rpm gave.

use std::collections::BTreeSet;

use super::header::Header;
use super::{Damage, MAX_ROWS};

const FORM: &str = "Berkeley DB hash database such as rpm makes";
const MAGIC: u32 = 0x0006_1561;
/// Bytes before the content of a page.
const PAGE_HEADER: usize = 26;

// Types of pages.
const UNUSED: u8 = 0;
const HASH_UNSORTED: u8 = 2;
const OVERFLOW: u8 = 7;
const HASH_META: u8 = 8;
const HASH: u8 = 13;

// Types of keys and values.
const HERE: u8 = 1;
const ELSEWHERE: u8 = 3;

/// Reads a database, hands its packages to `each` in the order of their numbers, and says what was wrong.
///
/// Not one fault means that there are as many rows as it counts, each was read, and each page belongs to one.
pub fn packages(bytes: &[u8], mut each: impl FnMut(Header<'_>)) -> Vec<Damage> {
    let Some(db) = Database::of(bytes) else { return vec![Damage::Form(FORM)] };
    let mut damage = Vec::new();
    let (pages, last) = (bytes.len() / db.size, db.number(bytes, 32).unwrap_or_default());
    let of = size(last).saturating_add(1).max(bytes.len().div_ceil(db.size));
    if pages < of {
        damage.push(Damage::Cut { pages: saturated(pages), of: saturated(of) });
    }
    let (mut rows, mut parts, mut found, mut strange) = (Vec::new(), BTreeSet::new(), 0, 0);
    for (at, page) in bytes.chunks_exact(db.size).enumerate().skip(1) {
        let kind = page.get(25).copied().unwrap_or_default();
        let mut good = kind == UNUSED || db.number(page, 8).map(size) == Some(at);
        match kind {
            HASH | HASH_UNSORTED => {
                good &= db.rows(page, &mut rows, &mut found).is_some();
            }
            OVERFLOW => {
                parts.insert(at);
            }
            UNUSED => {}
            _ => good = false,
        }
        strange += usize::from(!good);
        if rows.len() > MAX_ROWS {
            rows.truncate(MAX_ROWS);
            damage.push(Damage::TooManyRows(MAX_ROWS));
            break;
        }
    }
    if strange > 0 {
        damage.push(Damage::Strange(strange, "pages"));
    }
    let counted = db.number(bytes, 88).unwrap_or_default();
    if found < size(counted) {
        damage.push(Damage::Count { found, counted });
    }
    rows.sort_by_key(|row| row.number);
    for row in rows {
        let read = db.value(&row, &mut parts).and_then(|blob| {
            each(Header::parse(&blob).map_err(|e| e.to_string())?);
            Ok(())
        });
        if let Err(what) = read {
            damage.push(Damage::Row { row: row.number.into(), what });
        }
    }
    if !parts.is_empty() {
        damage.push(Damage::Stray(parts.len(), "pages"));
    }
    damage
}

struct Database<'a> {
    bytes: &'a [u8],
    /// Bytes of a page.
    size: usize,
    big_endian: bool,
}

struct Row<'a> {
    number: u32,
    value: &'a [u8],
}

impl<'a> Database<'a> {
    /// Looks at the first page. One that is encrypted, has checksums or is spread over files is none of rpm's.
    fn of(bytes: &'a [u8]) -> Option<Self> {
        let big_endian = bytes.get(12..16)? == MAGIC.to_be_bytes();
        let mut db = Self { bytes, size: 0, big_endian };
        db.size = size(db.number(bytes, 20)?);
        let known = db.number(bytes, 12)? == MAGIC
            && (7..=10).contains(&db.number(bytes, 16)?)
            && bytes.get(24..27)? == [0, HASH_META, 0]
            && db.size.is_power_of_two()
            && (512..=1 << 16).contains(&db.size);
        known.then_some(db)
    }

    fn number(&self, page: &[u8], at: usize) -> Option<u32> {
        let bytes = *page.get(at..)?.first_chunk()?;
        Some(if self.big_endian { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) })
    }

    fn short(&self, page: &[u8], at: usize) -> Option<usize> {
        let bytes = *page.get(at..)?.first_chunk()?;
        Some(usize::from(if self.big_endian { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) }))
    }

    /// Takes the rows of a hash page, as far as it follows the format; nothing, if it does not.
    ///
    /// Behind its header stand the places of its keys and values; these fill it from its end, so that each reaches
    /// to where the one before begins.
    fn rows(&self, page: &'a [u8], into: &mut Vec<Row<'a>>, found: &mut usize) -> Option<()> {
        let count = self.short(page, 20)?;
        let (mut end, mut key) = (page.len(), None);
        for index in 0..count {
            let start = self.short(page, PAGE_HEADER + 2 * index)?;
            let item = page.get(start..end).filter(|_| start >= PAGE_HEADER + 2 * count)?;
            end = start;
            let Some(number) = key.replace(item) else { continue };
            key = None;
            *found += 1;
            let number = number.strip_prefix(&[HERE]).filter(|key| key.len() == 4)?;
            let row = Row { number: self.number(number, 0)?, value: item };
            // The highest number that was given.
            if row.number != 0 || item.len() != 5 {
                into.push(row);
            }
        }
        key.is_none().then_some(())
    }

    /// The value of a row. Pages that it takes leave `parts`, so no page is taken twice and no chain is without end.
    fn value(&self, row: &Row<'_>, parts: &mut BTreeSet<usize>) -> Result<Vec<u8>, String> {
        let (mut next, length) = match *row.value {
            [HERE, ref value @ ..] => return Ok(value.to_vec()),
            [ELSEWHERE, ..] if row.value.len() == 12 => {
                (self.number(row.value, 4), self.number(row.value, 8))
            }
            _ => return Err("it has a value of no known type".into()),
        };
        let mut value = Vec::new();
        while let Some(at) = next.map(size).filter(|at| *at != 0) {
            if !parts.remove(&at) {
                return Err("its pages are missing or belong to another row".into());
            }
            let page = self.bytes.get(at * self.size..).unwrap_or_default();
            let page = page.get(..self.size).unwrap_or_default();
            let content = self.short(page, 22).and_then(|used| page.get(PAGE_HEADER..)?.get(..used));
            value.extend(content.ok_or("a page says that it holds more than it can")?);
            next = self.number(page, 16);
        }
        if length.map(size) == Some(value.len()) {
            Ok(value)
        } else {
            Err("its pages hold more or less than it says".into())
        }
    }
}

/// A number of the format as one of this machine; what does not fit is beyond every bound.
fn size(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

fn saturated(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// A database with these rows in pages of 512 bytes, for tests: a short value stands beside its key, a long one on
/// pages of its own.
#[cfg(test)]
pub(crate) fn build(big_endian: bool, rows: &[(u32, &[u8])]) -> Vec<u8> {
    const SIZE: usize = 512;
    let n4 = |n: usize| {
        let n = u32::try_from(n).unwrap();
        if big_endian { n.to_be_bytes() } else { n.to_le_bytes() }
    };
    let n2 = |n: usize| {
        let n = u16::try_from(n).unwrap();
        if big_endian { n.to_be_bytes() } else { n.to_le_bytes() }
    };
    let header = |at: usize, next: usize, count: usize, used: usize, kind: u8| {
        [&[0; 8][..], &n4(at), &n4(0), &n4(next), &n2(count), &n2(used), &[0, kind]].concat()
    };
    let (mut items, mut chains, mut next) = (Vec::new(), Vec::new(), 2);
    for (number, value) in rows {
        items.push([&[HERE][..], &n4(size(*number))].concat());
        if value.len() < 60 {
            items.push([&[HERE], *value].concat());
            continue;
        }
        items.push([&[ELSEWHERE, 0, 0, 0][..], &n4(next), &n4(value.len())].concat());
        let mut parts = value.chunks(SIZE - PAGE_HEADER).peekable();
        while let Some(part) = parts.next() {
            let after = if parts.peek().is_some() { next + 1 } else { 0 };
            let mut page = [header(next, after, 1, part.len(), OVERFLOW), part.to_vec()].concat();
            page.resize(SIZE, 0);
            chains.extend(page);
            next += 1;
        }
    }
    let (mut hash, mut end) = (header(1, 0, items.len(), 0, HASH), SIZE);
    hash.resize(SIZE, 0);
    for (index, item) in items.iter().enumerate() {
        hash[end - item.len()..end].copy_from_slice(item);
        end -= item.len();
        hash[PAGE_HEADER + 2 * index..][..2].copy_from_slice(&n2(end));
    }
    let mut meta = vec![0; SIZE];
    for (at, n) in [(12, size(MAGIC)), (16, 9), (20, SIZE), (32, next - 1), (88, rows.len())] {
        meta[at..at + 4].copy_from_slice(&n4(n));
    }
    meta[25] = HASH_META;
    [meta, hash, chains].concat()
}

#[cfg(test)]
mod tests {
    use super::super::lab::{Read, blob, fixture, spoil};
    use super::*;

    fn names(bytes: &[u8]) -> Read {
        let mut names = Vec::new();
        let damage = packages(bytes, |h| names.push(String::from_utf8_lossy(h.name).into_owned()));
        (names, damage)
    }

    fn told(bytes: &[u8]) -> (String, Vec<String>) {
        let (names, damage) = names(bytes);
        (names.concat(), damage.iter().map(Damage::to_string).collect())
    }

    /// Rows 1 to 3, of which the second takes two pages (3 and 4).
    fn three(big_endian: bool) -> Vec<u8> {
        let rows = [blob("a", 1), blob("b", 600), blob("c", 9)];
        build(big_endian, &[(3, &rows[2]), (0, &[3, 0, 0, 0]), (1, &rows[0]), (2, &rows[1])])
    }

    #[test]
    fn rows_come_by_number_in_either_byte_order() {
        for big_endian in [false, true] {
            assert_eq!(told(&three(big_endian)), ("abc".into(), vec![]));
        }
    }

    /// A short value stands beside its key; the counter is known by its number and length, so nothing hides as row 0.
    #[test]
    fn row_0_is_no_package_only_if_it_is_a_counter() {
        let row = "row 0 is not readable (its header says more than any package has)";
        assert_eq!(told(&build(false, &[(0, &[1; 4])])), (String::new(), vec![]));
        assert_eq!(told(&build(false, &[(0, &[1; 9])])), (String::new(), vec![row.into()]));
        assert_eq!(told(&build(false, &[(0, &blob("a", 1))])), ("a".into(), vec![]));
    }

    #[test]
    fn the_count_of_rows_and_their_pages_are_witnesses() {
        let mut bytes = three(false);
        bytes[88] = 5;
        assert_eq!(told(&bytes), ("abc".into(), vec!["it has 4 rows and counts 5".into()]));
        bytes[88] = 0;
        bytes[512 + 20] = 6;
        let stray = "no row leads to 2 of its pages, so rows are missing";
        assert_eq!(told(&bytes), ("ac".into(), vec![stray.into()]));
    }

    #[test]
    fn a_bad_page_spares_the_others() {
        let (bad, row) = ("1 of its pages do not follow the format", "row 2 is not readable");
        let stray = |n| format!("no row leads to {n} of its pages, so rows are missing");
        let with = |at: usize, byte: u8| {
            let mut bytes = three(false);
            bytes[at] = byte;
            told(&bytes)
        };
        let missing = format!("{row} (its pages are missing or belong to another row)");
        let ac =
            |damage: &[&str]| ("ac".to_owned(), damage.iter().map(ToString::to_string).collect::<Vec<_>>());
        // The second page of row 2: its type, its number, and where it leads: to itself, or to a page of row 1.
        assert_eq!(with(5 * 512 + 25, 99), ac(&[bad, &missing]));
        assert_eq!(with(5 * 512 + 25, UNUSED), ac(&[&missing]));
        assert_eq!(with(5 * 512 + 8, 9), ("abc".into(), vec![bad.into()]));
        assert_eq!(with(5 * 512 + 16, 5), ac(&[&missing]));
        assert_eq!(with(5 * 512 + 16, 3), ac(&[&missing]));
        assert_eq!(with(5 * 512 + 16, 77), ac(&[&missing]));
        assert_eq!(
            with(5 * 512 + 23, 0xff),
            ac(&[&format!("{row} (a page says that it holds more than it can)")])
        );
        let length = format!("{row} (its pages hold more or less than it says)");
        assert_eq!(with(5 * 512 + 22, 1), ac(&[&length]));
        assert_eq!(with(4 * 512 + 16, 0), ac(&[&length, &stray(1)]));
        // The hash page: a place within its header, a number of items that is odd.
        let (names, damage) = with(512 + PAGE_HEADER + 1, 0);
        assert_eq!((names.as_str(), damage.len(), damage[0].as_str()), ("", 3, bad));
        assert_eq!(with(512 + 20, 7), ac(&[bad, "it has 3 rows and counts 4", &stray(2)]));
    }

    #[test]
    fn what_rpm_never_makes_is_no_database() {
        for (at, byte) in [(12, 0), (16, 6), (16, 11), (20, 3), (21, 0), (24, 1), (25, HASH), (26, 1)] {
            let mut bytes = three(false);
            bytes[at] = byte;
            assert_eq!(names(&bytes), (vec![], vec![Damage::Form(FORM)]), "{at}");
        }
    }

    #[test]
    fn real_databases_are_read_whole() {
        for (path, name) in [("go-rpmdb/libuuid/Packages", "libuuid"), ("syft/Packages", "dive")] {
            let Some(bytes) = fixture(path) else { return };
            assert_eq!(names(&bytes), (vec![name.to_owned()], vec![]), "{path}");
            spoil(&bytes, 1, names);
        }
    }

    #[test]
    fn spoilt_databases_are_never_silent() {
        spoil(&three(false), 3, names);
        spoil(&three(true), 3, names);
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_end_without_a_panic(bytes: Vec<u8>) {
            proptest::prop_assert!(!names(&bytes).1.is_empty());
        }

        /// Bytes behind the first page.
        #[test]
        fn any_pages_end_without_a_panic(kind: u8, bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..2048)) {
            let mut database = three(kind > 127);
            for (to, from) in database.iter_mut().skip(512).zip(bytes) {
                *to = from;
            }
            database[512 + 25] = if kind % 2 == 0 { HASH } else { kind };
            names(&database);
        }
    }
}
