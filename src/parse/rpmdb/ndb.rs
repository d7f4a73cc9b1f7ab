//! The container of SUSE's rpm, `Packages.db`: a table of slots, and the headers to which they lead.
//!
//! Format: rpm's `lib/backend/ndb/rpmpkg.c`, whose comments and constants are all the specification there is. Numbers
//! are little-endian, offsets count blocks of 16 bytes. A file header and slots fill the first pages; a slot has a
//! package's number, offset and blocks; there a head, the header and a tail with an Adler-32 checksum (RFC 1950) stand.
//! It has no count of its rows, but what rpm removes it also overwrites with zeros: a head to which no slot leads is
//! the witness of one that was cut.

use std::collections::{BTreeMap, BTreeSet};

use super::header::Header;
use super::{Damage, MAX_ROWS};

const FORM: &str = "NDB of version 0";
const PAGE: usize = 4096;
const BLOCK: usize = 16;
/// Bytes of the file's header, of a head and of a tail.
const FILE_HEADER: usize = 32;
const HEAD: usize = 16;
const TAIL: usize = 12;

/// Reads a database, hands its packages to `each` in the order of their numbers, and says what was wrong.
///
/// Not one fault means that each slot was read, and that no head is without a slot.
pub fn packages(bytes: &[u8], mut each: impl FnMut(Header<'_>)) -> Vec<Damage> {
    let Some(pages) = slot_pages(bytes) else { return vec![Damage::Form(FORM)] };
    let mut damage = Vec::new();
    let there = u32::try_from(bytes.len() / PAGE).unwrap_or(u32::MAX);
    if there < pages {
        damage.push(Damage::Cut { pages: there, of: pages });
    }
    let (table, _) = bytes.split_at(size(pages).saturating_mul(PAGE).min(bytes.len()));
    let (mut slots, mut strange) = (Vec::new(), 0);
    for slot in table.get(FILE_HEADER..).unwrap_or_default().chunks_exact(BLOCK) {
        match [0, 4, 8, 12].map(|at| number(slot, at).unwrap_or_default()) {
            [magic, 0, 0, 0] if magic.to_le_bytes() == *b"Slot" => {}
            [magic, row, offset, blocks] if magic.to_le_bytes() == *b"Slot" && row != 0 => {
                slots.push(Slot { row, offset: size(offset), blocks: size(blocks) });
            }
            _ => strange += 1,
        }
        if slots.len() > MAX_ROWS {
            slots.truncate(MAX_ROWS);
            damage.push(Damage::TooManyRows(MAX_ROWS));
            break;
        }
    }
    if strange > 0 {
        damage.push(Damage::Strange(strange, "slots"));
    }
    slots.sort_by_key(|slot| (slot.row, slot.offset));
    let (mut rows, mut taken, mut total) = (BTreeSet::new(), BTreeMap::new(), 0_usize);
    for slot in slots {
        let read = slot.frame(bytes, table.len()).and_then(|frame| {
            // The rows of a sound file share no byte, so together they are smaller than it.
            total = total.saturating_add(frame.blob.len());
            if !rows.insert(slot.row) || total > bytes.len() {
                return Err("it overlaps another".into());
            }
            taken.insert(slot.offset, slot.blocks);
            if adler32(frame.summed) != frame.checksum {
                return Err("its checksum is another".into());
            }
            each(Header::parse(frame.blob).map_err(|e| e.to_string())?);
            Ok(())
        });
        if let Err(what) = read {
            rows.insert(slot.row);
            damage.push(Damage::Row { row: slot.row.into(), what });
        }
    }
    let stray = strays(bytes, table.len() / BLOCK, &taken, &rows);
    if stray > 0 {
        damage.push(Damage::Stray(stray, "headers"));
    }
    damage
}

/// The number of pages that hold slots; nothing, if it is no NDB.
fn slot_pages(bytes: &[u8]) -> Option<u32> {
    let known = bytes.starts_with(b"RpmP") && number(bytes, 4)? == 0;
    number(bytes, 12).filter(|pages| known && *pages > 0)
}

struct Slot {
    row: u32,
    /// Where it leads, and how far, in blocks.
    offset: usize,
    blocks: usize,
}

/// What a slot leads to.
struct Frame<'a> {
    blob: &'a [u8],
    /// What the checksum is of: the head, the header, and zeros up to the tail.
    summed: &'a [u8],
    checksum: u32,
}

impl Slot {
    /// Looks whether head and tail stand where it leads and say the same as it does.
    fn frame<'a>(&self, bytes: &'a [u8], table: usize) -> Result<Frame<'a>, String> {
        let within = || {
            let start = self.offset.checked_mul(BLOCK).filter(|start| *start >= table)?;
            bytes.get(start..start.checked_add(self.blocks.checked_mul(BLOCK)?)?)
        };
        let whole = within().ok_or("it leads out of the file")?;
        let frame = || {
            let (summed, tail) = whole.split_at_checked(whole.len().checked_sub(TAIL)?)?;
            let length = number(summed, 12)?;
            let blob = summed.get(HEAD..)?.get(..size(length))?;
            let same = summed.starts_with(b"BlbS")
                && number(summed, 4)? == self.row
                && tail.ends_with(b"BlbE")
                && number(tail, 4)? == length
                && (HEAD + blob.len() + TAIL).div_ceil(BLOCK) == self.blocks;
            same.then_some(Frame { blob, summed, checksum: number(tail, 0)? })
        };
        frame().ok_or_else(|| "what it leads to has another beginning or end".into())
    }
}

/// Counts the heads that no slot leads to. One whose number a slot has is an older copy, left by an interruption.
fn strays(bytes: &[u8], from: usize, taken: &BTreeMap<usize, usize>, rows: &BTreeSet<u32>) -> usize {
    let (mut stray, mut free_from) = (0, from);
    for (at, block) in bytes.chunks_exact(BLOCK).enumerate().skip(from) {
        if let Some(blocks) = taken.get(&at) {
            free_from = free_from.max(at.saturating_add(*blocks));
        }
        let is_head = at >= free_from && block.starts_with(b"BlbS");
        stray += usize::from(is_head && number(block, 4).is_some_and(|row| !rows.contains(&row)));
    }
    stray
}

/// The checksum of RFC 1950.
fn adler32(bytes: &[u8]) -> u32 {
    const MODULUS: u32 = 65521;
    let (mut a, mut b) = (1, 0);
    // As many bytes as are summed before a number of 32 bits overflows.
    for chunk in bytes.chunks(5552) {
        for byte in chunk {
            a += u32::from(*byte);
            b += a;
        }
        (a, b) = (a % MODULUS, b % MODULUS);
    }
    b << 16 | a
}

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|b| u32::from_le_bytes(*b))
}

/// A number of the format as one of this machine; what does not fit is beyond every bound.
fn size(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// A database with these rows, for tests.
#[cfg(test)]
pub(crate) fn build(rows: &[(u32, &[u8])]) -> Vec<u8> {
    let n = |n: usize| u32::try_from(n).unwrap().to_le_bytes();
    let (mut slots, mut blobs) = (Vec::new(), Vec::new());
    for (row, blob) in rows {
        let blocks = (HEAD + blob.len() + TAIL).div_ceil(BLOCK);
        slots.extend([*b"Slot", n(size(*row)), n((PAGE + blobs.len()) / BLOCK), n(blocks)].concat());
        let mut whole = [&b"BlbS"[..], &n(size(*row)), &n(1), &n(blob.len()), blob].concat();
        whole.resize(blocks * BLOCK - TAIL, 0);
        let checksum = adler32(&whole).to_le_bytes();
        blobs.extend([&whole[..], &checksum, &n(blob.len()), b"BlbE"].concat());
    }
    let header = [*b"RpmP", n(0), n(rows.len()), n(1), n(rows.len() + 1), n(0), n(0), n(0)].concat();
    let free = [*b"Slot", n(0), n(0), n(0)].concat().repeat(PAGE / BLOCK - FILE_HEADER / BLOCK - rows.len());
    [header, slots, free, blobs].concat()
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

    fn three() -> Vec<u8> {
        build(&[(3, &blob("c", 9)), (1, &blob("a", 1)), (7, &blob("g", 600))])
    }

    /// The place of a slot's field.
    fn slot(index: usize, field: usize) -> usize {
        FILE_HEADER + index * BLOCK + 4 * field
    }

    #[test]
    fn the_checksum_is_that_of_rfc_1950() {
        assert_eq!(adler32(b"Wikipedia"), 0x11e6_0398);
        assert_eq!(adler32(&vec![0xff; 1_000_000]), 0x3843_e1be);
    }

    #[test]
    fn rows_come_by_number() {
        assert_eq!(told(&three()), ("acg".into(), vec![]));
        assert_eq!(told(&build(&[])), (String::new(), vec![]));
    }

    #[test]
    fn a_bad_row_spares_the_others() {
        let stray = |n| format!("no row leads to {n} of its headers, so rows are missing");
        let strange = "1 of its slots do not follow the format";
        let with = |at: usize, byte: u8| {
            let mut bytes = three();
            bytes[at] ^= byte;
            told(&bytes)
        };
        let row = |what: &str| format!("row 3 is not readable ({what})");
        let ag =
            |damage: &[&str]| ("ag".to_owned(), damage.iter().map(ToString::to_string).collect::<Vec<_>>());
        let frame = row("what it leads to has another beginning or end");
        // The slot: its magic, a number that it has not, where it leads, and how far.
        assert_eq!(with(slot(0, 0), 1), ag(&[strange, &stray(1)]));
        assert_eq!(with(slot(0, 1), 3), ag(&[strange, &stray(1)]));
        assert_eq!(with(slot(0, 2) + 3, 1), ag(&[&row("it leads out of the file")]));
        assert_eq!(with(slot(0, 2) + 1, 1), ag(&[&row("it leads out of the file")]), "into the slots");
        assert_eq!(with(slot(0, 2), 1), ag(&[&frame]));
        assert_eq!(with(slot(0, 3), 1), ag(&[&frame]));
        // The blob: its magic, its number, its length, and a byte that only the checksum knows.
        assert_eq!(with(PAGE, 1), ag(&[&frame]));
        assert_eq!(with(PAGE + 4, 1), ag(&[&frame, &stray(1)]));
        assert_eq!(with(PAGE + 12, 1), ag(&[&frame]));
        assert_eq!(with(PAGE + HEAD + 30, 1), ag(&[&row("its checksum is another")]));
        // The same number twice.
        let mut bytes = three();
        bytes.copy_within(slot(0, 0)..slot(1, 0), slot(3, 0));
        assert_eq!(told(&bytes), ("acg".into(), vec![row("it overlaps another")]));
        // A slot that is free, and its header not overwritten, as rpm does.
        let mut bytes = three();
        bytes.copy_within(slot(3, 0)..slot(4, 0), slot(0, 0));
        assert_eq!(told(&bytes), ag(&[&stray(1)]));
        let next = bytes[PAGE + 1..].windows(4).position(|w| w == b"BlbS").unwrap();
        bytes[PAGE..][..=next].fill(0);
        assert_eq!(told(&bytes), ag(&[]));
    }

    #[test]
    fn another_version_is_no_database() {
        for (at, byte) in [(0, 0), (4, 1), (12, 0)] {
            let mut bytes = three();
            bytes[at] = byte;
            assert_eq!(names(&bytes), (vec![], vec![Damage::Form(FORM)]), "{at}");
        }
    }

    /// Rows that reach over each other would make the work grow with their square.
    #[test]
    fn rows_take_no_more_bytes_than_there_are() {
        let inner = build(&[(2, &blob("b", 900))]);
        let mut outer = blob("a", 0);
        outer.extend(&inner[PAGE..]);
        let mut bytes = build(&[(1, &outer)]);
        let start = (bytes.len() - PAGE) / BLOCK;
        assert!(start > 60);
        let at = bytes[PAGE + HEAD..].windows(4).position(|w| w == b"BlbS").unwrap() + HEAD;
        let words = [2, (PAGE + at) / BLOCK, (inner.len() - PAGE) / BLOCK].map(|n| u32::try_from(n).unwrap());
        bytes[slot(1, 1)..slot(2, 0)].copy_from_slice(&words.map(u32::to_le_bytes).concat());
        let (_, damage) = told(&bytes);
        assert_eq!(damage[0], "row 1 is not readable (its header is not as long as it says)");
        assert_eq!(damage.len(), 2, "{damage:?}");
    }

    #[test]
    fn real_databases_are_read_whole() {
        for (path, count, first, last) in [
            ("go-rpmdb/sle15-bci", 35, "system-user-root", "rpm-ndb"),
            ("osquery/rpm-ndb", 3, "ncurses-devel", "binutils"),
        ] {
            let Some(bytes) = fixture(&format!("{path}/Packages.db")) else { return };
            let (found, damage) = names(&bytes);
            assert_eq!((found.len(), damage), (count, vec![]), "{path}");
            assert_eq!((found[0].as_str(), found[count - 1].as_str()), (first, last), "{path}");
        }
        let Some(bytes) = fixture("osquery/rpm-ndb/Packages.db") else { return };
        spoil(&bytes, 3, names);
    }

    #[test]
    fn spoilt_databases_are_never_silent() {
        spoil(&three(), 3, names);
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_end_without_a_panic(bytes: Vec<u8>) {
            proptest::prop_assert!(!names(&bytes).1.is_empty());
        }

        /// Slots that lead anywhere.
        #[test]
        fn any_slots_end_without_a_panic(slots: Vec<(u32, u32, u32)>) {
            let mut database = three();
            let bytes = slots.iter().flat_map(|s| [*b"Slot", s.0.to_le_bytes(), (s.1 % 400).to_le_bytes(), (s.2 % 90).to_le_bytes()]);
            for (to, from) in database.iter_mut().skip(FILE_HEADER).take(PAGE - FILE_HEADER).zip(bytes.flatten()) {
                *to = from;
            }
            names(&database);
        }
    }
}
