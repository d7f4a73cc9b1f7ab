//! Transaction logs of hives: the changes that were not yet written into the hive itself.
//!
//! Format: "Format of transaction log files" of the same specification. A log of the old format (`DIRT`) holds pages of
//! 512 bytes and a map of where they belong; it fits if it was written at the same time as the hive. A log of the new
//! format holds entries (`HvLE`), numbered in a row, with a Marvin32 hash; those that the hive has already are skipped.
//! The entries of two logs are one row, of which the log that was written first has the beginning, whatever its name.

use std::collections::BTreeMap;

use super::{BASE, Base, HEAD, u32_at, u64_at};

const SECTOR: usize = 512;
/// The sort of a base block in a log, by its format.
const OLD: &[u32] = &[1, 2];
const NEW: u32 = 6;
/// Bytes by which a hive may grow beyond what its logs hold.
const ROOM: usize = 16 << 20;

/// Writes what logs hold into a dirty hive, as far as they fit.
///
/// # Errors
/// Why the hive is not what it was in memory.
pub(super) fn replay(bytes: &mut Vec<u8>, logs: &[Vec<u8>]) -> Result<(), &'static str> {
    let known = logs.iter().filter_map(|log| Some((log.as_slice(), Base::of(log)?)));
    let valid = |(_, base): &(&[u8], Base)| base.has_checksum && base.sequence.0 == base.sequence.1;
    let mut logs: Vec<_> = known.filter(valid).collect();
    logs.sort_by_key(|(_, base)| base.sequence.0);
    let hive = Base::of(bytes);
    // The first bin repeats the time, for a base block that is not whole.
    let of_bin = || u64_at(bytes, BASE + 20).filter(|_| hive.as_ref().is_none_or(|base| !base.has_checksum));
    let written = [hive.as_ref().map(|base| base.time), of_bin()];
    let limit =
        logs.iter().fold(bytes.len().saturating_add(ROOM), |all, (log, _)| all.saturating_add(log.len()));

    let (new, old): (Vec<_>, Vec<_>) = logs.into_iter().partition(|(_, base)| base.sort == NEW);
    if let Some((log, base)) =
        old.iter().find(|(_, b)| OLD.contains(&b.sort) && written.contains(&Some(b.time)))
    {
        return pages(bytes, log, base, limit);
    }
    let Some((first, base)) = new.first() else {
        return Err("it was not closed, and no log of its changes fits it");
    };
    let from = if let Some(hive) = hive.filter(|base| base.has_checksum) {
        hive.sequence.0
    } else {
        head(bytes, first);
        base.sequence.0
    };
    let (mut entries, mut broken) = (BTreeMap::new(), Vec::new());
    for (log, base) in &new {
        read(log, base.sequence.0, &mut entries, &mut broken);
    }
    let mut next = None;
    for (number, entry) in entries.range(from..) {
        if next.is_some_and(|next| next != *number) {
            return Err("it was not closed, and a part of its logs is lacking");
        }
        apply(bytes, entry, limit)?;
        next = number.checked_add(1);
    }
    match next {
        None => Err("it was not closed, and its logs hold only what it has already"),
        Some(next) if broken.contains(&next) => Err("it was not closed, and an entry of its logs is damaged"),
        Some(_) => Ok(()),
    }
}

/// Takes a base block from a log.
fn head(bytes: &mut Vec<u8>, log: &[u8]) {
    if bytes.len() < BASE {
        bytes.resize(BASE, 0);
    }
    bytes.iter_mut().zip(log.iter().take(HEAD)).for_each(|(to, from)| *to = *from);
}

/// Writes into the bins.
fn write(bytes: &mut Vec<u8>, at: usize, page: &[u8], limit: usize) -> Result<(), &'static str> {
    const BEYOND: &str = "it was not closed, and a page of its log lies beyond its end";
    let start = at.checked_add(BASE).ok_or(BEYOND)?;
    let end = start.checked_add(page.len()).filter(|end| *end <= limit).ok_or(BEYOND)?;
    if bytes.len() < end {
        bytes.resize(end, 0);
    }
    bytes.get_mut(start..end).ok_or(BEYOND)?.copy_from_slice(page);
    Ok(())
}

/// Applies a log of the old format.
fn pages(bytes: &mut Vec<u8>, log: &[u8], base: &Base, limit: usize) -> Result<(), &'static str> {
    const CUT: &str = "it was not closed, and its log is damaged";
    let sector = SECTOR * base.cluster.clamp(1, 8);
    let map = log.get(sector..).and_then(|map| map.strip_prefix(b"DIRT")).ok_or(CUT)?;
    let map = map.get(..base.size.div_ceil(SECTOR * 8)).ok_or(CUT)?;
    let mut from = (sector + 4 + map.len()).next_multiple_of(sector);
    // Checked before anything is changed: a half of the pages makes no hive.
    let dirty = map.iter().map(|byte| usize::try_from(byte.count_ones()).unwrap_or_default()).sum::<usize>();
    if log.len() < dirty.saturating_mul(SECTOR).saturating_add(from) {
        return Err(CUT);
    }
    head(bytes, log);
    for at in (0..map.len() * 8).filter(|at| map.get(at / 8).is_some_and(|byte| byte >> (at % 8) & 1 == 1)) {
        write(bytes, at * SECTOR, log.get(from..from + SECTOR).ok_or(CUT)?, limit)?;
        from += SECTOR;
    }
    Ok(())
}

/// Finds the entries of a log by their number, and the numbers of damaged ones. Behind them stands what was left of
/// earlier ones, whose numbers are lower than that with which the log begins.
fn read<'a>(log: &'a [u8], first: u32, entries: &mut BTreeMap<u32, &'a [u8]>, broken: &mut Vec<u32>) {
    let mut rest = log.get(SECTOR..).unwrap_or_default();
    while rest.len() >= SECTOR {
        let mut step = SECTOR;
        if let Some(number) = u32_at(rest, 12).filter(|_| rest.starts_with(b"HvLE")) {
            // Its head has a hash of its own, so its size is known even if the rest is damaged.
            let size = usize::try_from(u32_at(rest, 4).unwrap_or_default()).unwrap_or_default();
            let entry = rest.get(..size).filter(|entry| entry.len() >= 40 && hash_at(entry, 32, ..32));
            match entry {
                _ if number < first => {}
                Some(entry) if hash_at(entry, 24, 40..) => {
                    entries.entry(number).or_insert(entry);
                }
                _ => broken.push(number),
            }
            step = entry.map_or(SECTOR, |entry| entry.len().next_multiple_of(SECTOR));
        }
        rest = rest.get(step..).unwrap_or_default();
    }
}

/// Applies an entry of a log of the new format.
fn apply(bytes: &mut Vec<u8>, entry: &[u8], limit: usize) -> Result<(), &'static str> {
    const WRONG: &str = "it was not closed, and an entry of its logs does not follow the format";
    let number = |at| usize::try_from(u32_at(entry, at)?).ok();
    let count = number(20).ok_or(WRONG)?;
    let start = count.checked_mul(8).and_then(|length| length.checked_add(40)).ok_or(WRONG)?;
    let references = entry.get(40..start).ok_or(WRONG)?;
    let mut pages = entry.get(start..).ok_or(WRONG)?;
    for reference in references.chunks_exact(8) {
        let part = |at| usize::try_from(u32_at(reference, at)?).ok();
        let (page, rest) = part(4).and_then(|size| pages.split_at_checked(size)).ok_or(WRONG)?;
        write(bytes, part(0).ok_or(WRONG)?, page, limit)?;
        pages = rest;
    }
    // The hive may have grown.
    let size = entry.get(16..20).ok_or(WRONG)?;
    bytes.get_mut(40..44).ok_or(WRONG)?.copy_from_slice(size);
    Ok(())
}

/// Whether the hash at a place is that of a part.
fn hash_at<R: std::slice::SliceIndex<[u8], Output = [u8]>>(entry: &[u8], at: usize, part: R) -> bool {
    let told = entry.get(at..).and_then(|rest| rest.first_chunk());
    told.is_some_and(|told| entry.get(part).map(marvin) == Some(u64::from_le_bytes(*told)))
}

/// Marvin32, of 64 bits, with the seed of the registry.
fn marvin(bytes: &[u8]) -> u64 {
    let mix = |(mut low, mut high): (u32, u32)| {
        high ^= low;
        low = low.rotate_left(20).wrapping_add(high);
        high = high.rotate_left(9) ^ low;
        low = low.rotate_left(27).wrapping_add(high);
        (low, high.rotate_left(19))
    };
    let words = bytes.chunks_exact(4);
    let end = words.remainder().iter().rev().fold(0x80, |end, byte| end << 8 | u32::from(*byte));
    let words = words.filter_map(|word| Some(u32::from_le_bytes(*word.first_chunk()?)));
    let state = words
        .chain([end])
        .fold((0x7a4e_55c5_u32, 0x82ef_4d88), |(low, high), word| mix((low.wrapping_add(word), high)));
    let (low, high) = mix(state);
    u64::from(high) << 32 | u64::from(low)
}

#[cfg(test)]
mod tests {
    use super::super::tests::SAMPLE;
    use super::super::{Damage, parse};
    use super::*;
    use proptest::prelude::*;

    /// Gives a base block these numbers and sort, and the checksum of it.
    fn based(mut bytes: Vec<u8>, sequence: (u32, u32), sort: u32) -> Vec<u8> {
        bytes[4..8].copy_from_slice(&sequence.0.to_le_bytes());
        bytes[8..12].copy_from_slice(&sequence.1.to_le_bytes());
        bytes[28..32].copy_from_slice(&sort.to_le_bytes());
        let sum = bytes[..508].chunks(4).fold(0, |sum, word| sum ^ u32_at(word, 0).unwrap());
        bytes[508..512].copy_from_slice(&sum.to_le_bytes());
        bytes
    }

    fn dirty() -> Vec<u8> {
        based(SAMPLE.to_vec(), (7, 6), 0)
    }

    /// An entry that writes a letter into the last page of the sample.
    fn entry(number: u32, letter: u8) -> Vec<u8> {
        let at = u32::try_from(SAMPLE.len() - BASE - SECTOR).unwrap();
        let size = u32::try_from(SAMPLE.len() - BASE).unwrap();
        let mut entry = b"HvLE".to_vec();
        for word in [1024, 0, number, size, 1, 0, 0, 0, 0, at, 512] {
            entry.extend(u32::to_le_bytes(word));
        }
        entry.extend([letter; SECTOR]);
        entry.resize(1024, 0);
        let first = marvin(&entry[40..]).to_le_bytes();
        entry[24..32].copy_from_slice(&first);
        let second = marvin(&entry[..32]).to_le_bytes();
        entry[32..40].copy_from_slice(&second);
        entry
    }

    fn log(entries: &[(u32, u8)]) -> Vec<u8> {
        let mut log = based(SAMPLE[..HEAD].to_vec(), (entries[0].0, entries[0].0), NEW);
        log.extend(entries.iter().flat_map(|(number, letter)| entry(*number, *letter)));
        log
    }

    /// The last byte of the sample after logs, and whether they fit.
    fn after(logs: &[Vec<u8>]) -> (u8, bool) {
        let mut bytes = dirty();
        let fits = replay(&mut bytes, logs).is_ok();
        (*bytes.last().unwrap(), fits)
    }

    #[test]
    fn entries_follow_each_other_over_both_logs() {
        let last = *SAMPLE.last().unwrap();
        assert_eq!(after(&[log(&[(7, b'a'), (8, b'b')])]), (b'b', true));
        assert_eq!(after(&[log(&[(9, b'c')]), log(&[(7, b'a'), (8, b'b')])]), (b'c', true));
        // What the hive has already is skipped.
        assert_eq!(after(&[log(&[(5, b'x'), (6, b'y'), (7, b'a')])]), (b'a', true));
        assert_eq!(after(&[log(&[(5, b'x'), (6, b'y')])]), (last, false));
        // A log between them is lacking.
        assert_eq!(after(&[log(&[(7, b'a')]), log(&[(9, b'c')])]), (b'a', false));
        assert_eq!(after(&[]), (last, false));
    }

    #[test]
    fn a_damaged_entry_is_told() {
        let mut log = log(&[(7, b'a'), (8, b'b'), (9, b'c')]);
        log[HEAD + 1024 + 100] ^= 1;
        assert_eq!(after(&[log.clone()]), (b'a', false));
        log.truncate(HEAD + 2048);
        assert_eq!(after(&[log.clone()]), (b'a', false));
        log[100] ^= 1;
        assert!(!after(&[log]).1);
    }

    #[test]
    fn pages_of_the_old_format_go_where_the_map_says() {
        let pages = (SAMPLE.len() - BASE) / SECTOR;
        let mut map = vec![0; pages / 8];
        *map.last_mut().unwrap() = 0x80;
        let mut log = based(SAMPLE[..HEAD].to_vec(), (7, 7), 1);
        log.extend(b"DIRT");
        log.extend(map);
        log.resize(1024, 0);
        log.extend([b'z'; SECTOR]);
        assert_eq!(after(&[log.clone()]), (b'z', true));
        assert!(!after(&[log[..log.len() - 1].to_vec()]).1);
        log[12] ^= 1;
        assert!(!after(&[based(log, (7, 7), 1)]).1, "it is of another time");
    }

    #[test]
    fn a_base_block_that_is_not_whole_comes_from_the_log() {
        let mut hive = dirty();
        hive[36] ^= 0xff;
        assert_eq!(parse(hive.clone(), &[log(&[(7, *SAMPLE.last().unwrap())])]).unwrap().1, None);
        let without = parse(hive, &[]).unwrap().1;
        assert!(matches!(without, Some(Damage::Dirty(_))));
    }

    #[test]
    fn a_hive_grows_no_more_than_its_logs_hold() {
        let mut far = entry(7, b'a');
        far[40..44].copy_from_slice(&0x7fff_0000_u32.to_le_bytes());
        let first = marvin(&far[40..]).to_le_bytes();
        far[24..32].copy_from_slice(&first);
        let second = marvin(&far[..32]).to_le_bytes();
        far[32..40].copy_from_slice(&second);
        let log = [based(SAMPLE[..HEAD].to_vec(), (7, 7), NEW), far].concat();
        let mut bytes = dirty();
        assert!(replay(&mut bytes, &[log]).is_err());
        assert_eq!(bytes.len(), SAMPLE.len());
    }

    proptest! {
        #[test]
        fn any_log_ends_without_a_panic(
            changes in prop::collection::vec((HEAD..HEAD + 3072, any::<u8>()), 0..8),
            length in 0..HEAD + 3072,
            sort in 0u32..8,
        ) {
            let mut log = log(&[(7, b'a'), (8, b'b'), (9, b'c')]);
            for (at, byte) in changes {
                log[at] = byte;
            }
            log.truncate(length);
            if log.len() >= HEAD {
                log = based(log, (7, 7), sort);
            }
            drop(parse(dirty(), &[log]));
        }
    }
}
