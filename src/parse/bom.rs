//! The files of a package of macOS, in its bill of materials.
//!
//! Format: bom(5), of which Apple describes only the purpose; the layout is that of the free bomutils: numbered blocks,
//! one of them the root of a tree whose leaves name each file by its own name and its folder's number. All numbers are
//! big-endian. A file cut anywhere has blocks past its end.

use std::collections::{BTreeMap, BTreeSet};

/// Files and folders that are read.
const MAX_PATHS: usize = 2_000_000;
/// Bytes of all their paths.
const MAX_BYTES: usize = 128 << 20;
/// Folders within each other.
const MAX_DEPTH: usize = 256;
/// The kinds of what is no folder: a file, a link.
const FILES: &[u8] = &[1, 3];

/// What is wrong with a bill, in words.
pub type Damage = &'static str;

const CUT: Damage = "a part of it lies past its end";
const CIRCLE: Damage = "its parts lead in a circle";

struct Bom<'a> {
    bytes: &'a [u8],
    /// Where the list of blocks begins, without their number.
    blocks: usize,
    count: usize,
}

fn number(bytes: &[u8], at: usize) -> Option<usize> {
    let bytes = bytes.get(at..)?.first_chunk::<4>()?;
    usize::try_from(u32::from_be_bytes(*bytes)).ok()
}

fn short(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk::<2>().map(|b| u16::from_be_bytes(*b))
}

impl<'a> Bom<'a> {
    fn open(bytes: &'a [u8]) -> Result<Self, Damage> {
        if !bytes.starts_with(b"BOMStore") {
            return Err("it is no bill of materials");
        }
        let blocks = number(bytes, 16).ok_or(CUT)?;
        let count = number(bytes, blocks).ok_or(CUT)?;
        Ok(Self { bytes, blocks: blocks + 4, count })
    }

    fn block(&self, of: usize) -> Result<&'a [u8], Damage> {
        let at = of.checked_mul(8).filter(|_| of < self.count).and_then(|at| at.checked_add(self.blocks));
        let at = at.ok_or(CUT)?;
        let (from, size) = (number(self.bytes, at).ok_or(CUT)?, number(self.bytes, at + 4).ok_or(CUT)?);
        from.checked_add(size).and_then(|end| self.bytes.get(from..end)).ok_or(CUT)
    }

    /// The block that a variable names.
    fn variable(&self, name: &[u8]) -> Result<usize, Damage> {
        let mut at = number(self.bytes, 24).ok_or(CUT)?;
        let count = number(self.bytes, at).ok_or(CUT)?;
        at += 4;
        for _ in 0..count {
            let block = number(self.bytes, at).ok_or(CUT)?;
            let size = usize::from(*self.bytes.get(at + 4).ok_or(CUT)?);
            if self.bytes.get(at + 5..at + 5 + size).ok_or(CUT)? == name {
                return Ok(block);
            }
            at += 5 + size;
        }
        Err("it lists no files")
    }
}

/// The paths of the files and links in a bill, relative to where the package was installed, in order.
///
/// # Errors
/// When it does not follow the format, or has more than is read.
pub fn files(bytes: &[u8]) -> Result<Vec<Vec<u8>>, Damage> {
    let bom = Bom::open(bytes)?;
    let tree = bom.block(bom.variable(b"Paths")?)?;
    let mut node = number(tree, 8).ok_or(CUT)?;
    let mut seen = BTreeSet::new();
    // Down to the first leaf, from which each leads to the next.
    let mut page = bom.block(node)?;
    while short(page, 0).ok_or(CUT)? == 0 && short(page, 2).ok_or(CUT)? > 0 {
        if !seen.insert(node) {
            return Err(CIRCLE);
        }
        node = number(page, 12).ok_or(CUT)?;
        page = bom.block(node)?;
    }
    let mut entries: BTreeMap<usize, (usize, &[u8], bool)> = BTreeMap::new();
    loop {
        if !seen.insert(node) {
            return Err(CIRCLE);
        }
        for entry in 0..usize::from(short(page, 2).ok_or(CUT)?) {
            let info = bom.block(number(page, 12 + entry * 8).ok_or(CUT)?)?;
            let file = bom.block(number(page, 16 + entry * 8).ok_or(CUT)?)?;
            let kind = *bom.block(number(info, 4).ok_or(CUT)?)?.first().ok_or(CUT)?;
            let name = file.get(4..).and_then(|name| name.split(|&b| b == 0).next()).ok_or(CUT)?;
            let parent = number(file, 0).ok_or(CUT)?;
            entries.insert(number(info, 0).ok_or(CUT)?, (parent, name, FILES.contains(&kind)));
            if entries.len() > MAX_PATHS {
                return Err("it lists more files than are read");
            }
        }
        match number(page, 4).ok_or(CUT)? {
            0 => break,
            next => (node, page) = (next, bom.block(next)?),
        }
    }
    let (mut files, mut total) = (Vec::new(), 0);
    for (parent, name, _) in entries.values().filter(|(_, _, is_file)| *is_file) {
        let mut parts = vec![*name];
        let mut above = *parent;
        while let Some((parent, name, _)) = entries.get(&above) {
            parts.push(name);
            above = *parent;
            if parts.len() > MAX_DEPTH {
                return Err(CIRCLE);
            }
        }
        parts.reverse();
        let path = parts.join(&b"/"[..]);
        total += path.len();
        if total > MAX_BYTES {
            return Err("it lists more files than are read");
        }
        files.push(path);
    }
    files.sort_unstable();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A bill with a folder, a file in it and a link.
    const BILL: &[u8] = include_bytes!("bom/small.bom");

    #[test]
    fn files_are_named_with_their_folders() {
        assert_eq!(files(BILL), Ok(vec![b"./lab/agent".to_vec(), b"./link".to_vec()]));
    }

    #[test]
    fn what_is_cut_or_leads_in_a_circle_is_damage() {
        for length in [0, 7, 20, 100, 200, BILL.len() - 1] {
            assert!(files(&BILL[..length]).is_err(), "{length}");
        }
        let mut circle = BILL.to_vec();
        let leaf = circle.windows(4).position(|w| w == b"\0\x01\0\x04").unwrap();
        circle[leaf + 7] = 2;
        assert_eq!(files(&circle), Err(CIRCLE));
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_end_without_a_panic(bytes: Vec<u8>) {
            proptest::prop_assert!(files(&bytes).is_err());
            let bytes = [&b"BOMStore"[..], &bytes].concat();
            proptest::prop_assert!(files(&bytes).is_err());
        }

        #[test]
        fn a_changed_bill_ends_without_a_panic(at in 0_usize..10_000, byte: u8, length in 0_usize..1000) {
            let mut bytes = BILL.to_vec();
            let at = at % bytes.len();
            bytes[at] = byte;
            bytes.truncate(length);
            if let Ok(files) = files(&bytes) {
                proptest::prop_assert!(files.len() < 5);
            }
        }
    }
}
