//! Registry hives: the files in which Windows keeps its registry.
//!
//! Format: the Windows registry file format specification (github.com/msuhanov/regf), versions 1.3 to 1.6, with the
//! transaction logs of both formats ([`log`]). A hive is a base block of 4096 bytes and bins of cells; keys, lists of
//! keys and values refer to cells by their offset from the first bin. Nothing but the base block and the entries of a log
//! has a checksum, so what a cell says is held against what refers to it: a key must name the key that lists it as its
//! parent, by which keys make a tree whatever the bytes are, and must have as many keys and values as it says. What is in
//! free cells was deleted and is not read.

mod log;
mod value;

use std::collections::BTreeSet;

use crate::text::Text;

pub use value::Value;
use value::{latin, utf16};

/// Bytes of the base block, from whose end all offsets count.
const BASE: usize = 4096;
/// Bytes of the part of it that has a checksum, and of the smallest part that logs repeat.
const HEAD: usize = 512;
/// Bytes of a key without its name, and so of the smallest key.
const NODE: usize = 76;
/// Bytes in one segment of big data.
const SEGMENT: usize = 16_344;
/// Bytes of a value that are read; values that matter are texts of at most some thousand characters.
const MAX_VALUE: usize = 16 << 20;

/// Why a hive, or a part of it, could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Damage {
    /// It ends too early.
    Truncated,
    /// It does not follow the format, in this way.
    Damaged(&'static str),
    /// It was not closed, and its logs do not tell the last changes, for this reason.
    Dirty(&'static str),
    /// It is of a version of the format that is not read here.
    Unsupported,
    /// A value is larger than the bound.
    TooLarge,
}

/// A hive.
#[derive(Debug)]
pub struct Hive {
    /// The base block and the bins, without what may follow them.
    bytes: Vec<u8>,
    root: u32,
    has_big_data: bool,
    is_cut: bool,
}

/// A key of a hive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Its name.
    pub name: Text,
    /// Whether it stands for another key, which its value `SymbolicLinkValue` names.
    pub is_link: bool,
    at: u32,
    parent: u32,
    keys: List,
    values: List,
}

/// How many there are, and the cell that lists them.
type List = (u32, u32);

/// What a base block says.
struct Base {
    sequence: (u32, u32),
    /// When it was last written, as a FILETIME.
    time: u64,
    version: (u32, u32),
    sort: u32,
    root: u32,
    size: usize,
    cluster: usize,
    has_checksum: bool,
}

impl Base {
    fn of(bytes: &[u8]) -> Option<Self> {
        let head = bytes.first_chunk::<HEAD>().filter(|head| head.starts_with(b"regf"))?;
        let word = |at| u32_at(head, at);
        let words =
            head.chunks_exact(4).take(127).filter_map(|w| Some(u32::from_le_bytes(*w.first_chunk()?)));
        Some(Self {
            sequence: (word(4)?, word(8)?),
            time: u64_at(head, 12)?,
            version: (word(20)?, word(24)?),
            sort: word(28)?,
            root: word(36)?,
            size: usize::try_from(word(40)?).ok()?,
            cluster: usize::try_from(word(44)?).ok()?,
            has_checksum: words.fold(0, |sum, word| sum ^ word) == word(508)?,
        })
    }

    fn is_dirty(&self) -> bool {
        !self.has_checksum || self.sequence.0 != self.sequence.1
    }
}

/// Whether a hive was not closed, so that its logs are needed to read it.
#[must_use]
pub fn is_dirty(bytes: &[u8]) -> bool {
    Base::of(bytes).is_none_or(|base| base.is_dirty())
}

/// Reads a hive, and its logs into it if it is dirty; with what of it is damaged as a whole, though the rest can be read.
///
/// # Errors
/// When nothing of it can be read.
pub fn parse(mut bytes: Vec<u8>, logs: &[Vec<u8>]) -> Result<(Hive, Option<Damage>), Damage> {
    let mut damage = None;
    if is_dirty(&bytes) {
        damage = log::replay(&mut bytes, logs).err().map(Damage::Dirty);
    }
    let base = match Base::of(&bytes) {
        Some(base) => base,
        None if bytes.len() < HEAD && b"regf".starts_with(bytes.get(..4).unwrap_or(&bytes)) => {
            return Err(Damage::Truncated);
        }
        None => return Err(Damage::Damaged("it is no registry hive")),
    };
    if base.version.0 != 1 || !(3..=6).contains(&base.version.1) {
        // Of a base block that is not whole no log tells what it was.
        return Err(damage.filter(|_| !base.has_checksum).unwrap_or(Damage::Unsupported));
    }
    let is_cut = bytes.len() < BASE.saturating_add(base.size);
    bytes.truncate(BASE.saturating_add(base.size));
    let hive = Hive { bytes, root: base.root, has_big_data: base.version.1 > 3, is_cut };
    let damage = damage.or(is_cut.then_some(Damage::Truncated)).or_else(|| hive.bins().err());
    Ok((hive, damage))
}

impl Hive {
    /// Checks that the bins follow each other to the end.
    fn bins(&self) -> Result<(), Damage> {
        let mut rest = self.bytes.get(BASE..).unwrap_or_default();
        let (mut at, all) = (0, rest.len());
        if all == 0 {
            return Err(Damage::Damaged("it has no bins"));
        }
        while at < all {
            let number = |offset| usize::try_from(u32_at(rest, offset)?).ok();
            let size = number(8).filter(|size| *size > 0 && size.is_multiple_of(4096) && *size <= rest.len());
            match size {
                Some(size) if rest.starts_with(b"hbin") && number(4) == Some(at) => {
                    rest = rest.get(size..).unwrap_or_default();
                    at += size;
                }
                _ => return Err(Damage::Damaged("one of its bins is damaged")),
            }
        }
        Ok(())
    }

    /// The topmost key.
    ///
    /// # Errors
    /// When there is none to be read.
    pub fn root(&self) -> Result<Node, Damage> {
        self.node(self.root)
    }

    /// The keys of a key, in their order, and what kept some from being read.
    #[must_use]
    pub fn keys(&self, node: &Node) -> (Vec<Node>, Option<Damage>) {
        let (count, list) = node.keys;
        let (mut keys, mut damage) = (Vec::new(), None);
        if count == 0 {
            return (keys, damage);
        }
        let mut offsets = Vec::new();
        if let Err(part) = self.listed(list, &mut offsets) {
            damage = Some(part);
        }
        let mut seen = BTreeSet::new();
        for at in offsets {
            if !seen.insert(at) {
                damage.get_or_insert(Damage::Damaged("a key is listed twice"));
                continue;
            }
            match self.node(at) {
                Ok(key) if key.parent == node.at => keys.push(key),
                Ok(_) => {
                    damage.get_or_insert(Damage::Damaged(
                        "a key belongs to another than the one that lists it",
                    ));
                }
                Err(part) => {
                    damage.get_or_insert(part);
                }
            }
        }
        if usize::try_from(count) != Ok(keys.len()) {
            damage.get_or_insert(Damage::Damaged("a key has another number of keys than it says"));
        }
        (keys, damage)
    }

    /// The values of a key, in their order, and what kept some from being read.
    #[must_use]
    pub fn values(&self, node: &Node) -> (Vec<(Text, Value)>, Option<Damage>) {
        let (entries, mut damage) = self.entries(node);
        let (mut values, mut left) = (Vec::new(), self.bytes.len());
        for entry in entries {
            match self.data(&entry) {
                // No two values have the same data, so all together are no more than the file.
                Ok(data) if data.len() > left => {
                    damage.get_or_insert(Damage::Damaged("values share their data"));
                }
                Ok(data) => {
                    left -= data.len();
                    values.push((entry.name, Value::of(entry.kind, &data)));
                }
                Err(part) => {
                    damage.get_or_insert(part);
                }
            }
        }
        (values, damage)
    }

    /// The value of a name, in which case makes no difference; nothing, if there is none.
    ///
    /// # Errors
    /// When it cannot be read, or is not among what can be read.
    pub fn value(&self, node: &Node, name: &str) -> Result<Option<Value>, Damage> {
        let (entries, damage) = self.entries(node);
        match (entries.into_iter().find(|entry| same(entry.name.raw(), name)), damage) {
            (Some(entry), _) => Ok(Some(Value::of(entry.kind, &self.data(&entry)?))),
            (None, Some(damage)) => Err(damage),
            (None, None) => Ok(None),
        }
    }

    /// What a cell that is in use holds.
    fn cell(&self, offset: u32) -> Result<&[u8], Damage> {
        let beyond =
            if self.is_cut { Damage::Truncated } else { Damage::Damaged("a cell lies beyond the end") };
        let start = usize::try_from(offset).ok().and_then(|offset| offset.checked_add(BASE)).ok_or(beyond)?;
        let cell = self.bytes.get(start..).ok_or(beyond)?;
        let size = i32::from_le_bytes(*cell.first_chunk().ok_or(beyond)?);
        if size >= 0 {
            return Err(Damage::Damaged("something refers to what was deleted"));
        }
        cell.get(4..usize::try_from(size.unsigned_abs()).unwrap_or(usize::MAX)).ok_or(beyond)
    }

    fn node(&self, at: u32) -> Result<Node, Damage> {
        let cell = self.cell(at)?;
        let read = || {
            let word = |at| u32_at(cell, at);
            let flags = u16_at(cell, 2).filter(|_| cell.starts_with(b"nk"))?;
            let name = cell.get(NODE..)?.get(..u16_at(cell, 72)?.into())?;
            Some(Node {
                name: if flags & 0x20 == 0 { utf16(name) } else { latin(name) },
                is_link: flags & 0x10 != 0,
                at,
                parent: word(16)?,
                keys: (word(20)?, word(28)?),
                values: (word(36)?, word(40)?),
            })
        };
        read().ok_or(Damage::Damaged("a cell is no whole key"))
    }

    /// Puts the cells that a list of keys names after others.
    fn listed(&self, list: u32, into: &mut Vec<u32>) -> Result<(), Damage> {
        let cell = self.cell(list)?;
        if !cell.starts_with(b"ri") {
            return leaf(cell, into);
        }
        let (mut seen, mut result) = (BTreeSet::new(), Ok(()));
        for part in numbers(cell.get(4..).unwrap_or_default(), 4, u16_at(cell, 2).map(u32::from))? {
            if !seen.insert(part) {
                result = result.and(Err(Damage::Damaged("a list of keys is listed twice")));
                continue;
            }
            result = result.and(self.cell(part).and_then(|cell| leaf(cell, into)));
            // Parts may overlap; there are no more keys than have room in the file.
            if into.len() > self.bytes.len() / NODE {
                return Err(Damage::Damaged("more keys are listed than have room"));
            }
        }
        result
    }

    /// The values of a key without their data.
    fn entries(&self, node: &Node) -> (Vec<Entry>, Option<Damage>) {
        let (count, list) = node.values;
        let (mut entries, mut damage) = (Vec::new(), None);
        if count == 0 {
            return (entries, damage);
        }
        match self.cell(list).and_then(|cell| numbers(cell, 4, Some(count))) {
            Ok(offsets) => {
                for at in offsets {
                    match self.cell(at).and_then(Entry::of) {
                        Ok(entry) => entries.push(entry),
                        Err(part) => {
                            damage.get_or_insert(part);
                        }
                    }
                }
            }
            Err(part) => damage = Some(part),
        }
        (entries, damage)
    }

    fn data(&self, entry: &Entry) -> Result<Vec<u8>, Damage> {
        const BEYOND: Damage = Damage::Damaged("the data of a value reach beyond their cell");
        let inline = entry.data.to_le_bytes();
        if entry.is_inline {
            return inline.get(..entry.size).map(<[u8]>::to_vec).ok_or(BEYOND);
        }
        if entry.size == 0 {
            return Ok(Vec::new());
        }
        if entry.size > MAX_VALUE {
            return Err(Damage::TooLarge);
        }
        let cell = self.cell(entry.data)?;
        if !(self.has_big_data && entry.size > SEGMENT && cell.starts_with(b"db")) {
            return cell.get(..entry.size).map(<[u8]>::to_vec).ok_or(BEYOND);
        }
        let list = u32_at(cell, 4).ok_or(BEYOND)?;
        let mut data = Vec::new();
        for part in numbers(self.cell(list)?, 4, u16_at(cell, 2).map(u32::from))? {
            let part = self.cell(part)?;
            let wanted = SEGMENT.min(entry.size - data.len());
            data.extend_from_slice(part.get(..wanted).ok_or(BEYOND)?);
        }
        if data.len() == entry.size { Ok(data) } else { Err(BEYOND) }
    }
}

/// A value without its data.
struct Entry {
    name: Text,
    kind: u32,
    size: usize,
    /// Its data themselves, or the cell that holds them.
    data: u32,
    is_inline: bool,
}

impl Entry {
    fn of(cell: &[u8]) -> Result<Self, Damage> {
        let read = || {
            let word = |at| u32_at(cell, at);
            let length = u16_at(cell, 2).filter(|_| cell.starts_with(b"vk"))?;
            let name = cell.get(20..)?.get(..length.into())?;
            let size = word(4)?;
            Some(Self {
                name: if u16_at(cell, 16)? & 1 == 0 { utf16(name) } else { latin(name) },
                kind: word(12)?,
                size: usize::try_from(size & 0x7fff_ffff).ok()?,
                data: word(8)?,
                is_inline: size & 0x8000_0000 != 0,
            })
        };
        read().ok_or(Damage::Damaged("a cell is no whole value"))
    }
}

/// The cells that a leaf of a list of keys names.
fn leaf(cell: &[u8], into: &mut Vec<u32>) -> Result<(), Damage> {
    let width = match cell.first_chunk() {
        Some(b"li") => 4,
        // With a hint or a hash of the name.
        Some(b"lf" | b"lh") => 8,
        _ => return Err(Damage::Damaged("a cell is no list of keys")),
    };
    into.extend(numbers(cell.get(4..).unwrap_or_default(), width, u16_at(cell, 2).map(u32::from))?);
    Ok(())
}

/// The first number of each of so many records of a width.
fn numbers(bytes: &[u8], width: usize, count: Option<u32>) -> Result<impl Iterator<Item = u32> + '_, Damage> {
    let length = count.and_then(|count| usize::try_from(count).ok()?.checked_mul(width));
    let records = length.and_then(|length| bytes.get(..length));
    let records = records.ok_or(Damage::Damaged("a list reaches beyond its cell"))?;
    Ok(records.chunks_exact(width).filter_map(|record| u32_at(record, 0)))
}

/// Whether two names are one to Windows.
#[must_use]
pub fn same(one: &str, other: &str) -> bool {
    let upper = |name: &str| name.chars().flat_map(char::to_uppercase).collect::<String>();
    one.eq_ignore_ascii_case(other) || (!(one.is_ascii() && other.is_ascii()) && upper(one) == upper(other))
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

#[cfg(test)]
mod tests;
