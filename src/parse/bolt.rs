//! bbolt databases, in which containerd keeps what it knows.
//!
//! Format: a file of pages as go.etcd.io/bbolt describes it (db.go, page.go, bucket.go): two meta pages, of which the one
//! with the higher transaction counts, and B+ trees of branch and leaf pages, in the byte order of the machine. A value
//! in a leaf may be a bucket, that is another tree, and a small one lies within the value itself. Pages carry no
//! checksum, only the meta pages do, so a page is held against its own number and no page may be met twice.

use std::collections::{BTreeMap, BTreeSet};

/// Keys and buckets beyond which a database is not read.
const MAX_ENTRIES: usize = 2_000_000;
/// Buckets and branches within each other; containerd's are six buckets deep.
const MAX_DEPTH: usize = 32;
const MAGIC: u32 = 0xED0C_DAED;
const VERSION: u32 = 2;
const HEADER: usize = 16;
const BRANCH: u16 = 1;
const LEAF: u16 = 2;
/// The flag of a value that is a bucket.
const BUCKET: u32 = 1;

/// The keys of a bucket, in order.
pub type Bucket<'a> = BTreeMap<&'a [u8], Value<'a>>;

/// What stands under a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value<'a> {
    /// Bytes.
    Bytes(&'a [u8]),
    /// More keys.
    Bucket(Bucket<'a>),
}

/// Why a database, or a part of it, could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Damage {
    /// It ends too early.
    Truncated,
    /// It does not follow the format, in this way.
    Damaged(&'static str),
    /// It was written in a form that is not read here.
    Unsupported(&'static str),
    /// It holds more than the bound.
    TooMany,
}

/// Reads a database; what of it could be read comes with the first damage that was met.
#[must_use]
pub fn parse(bytes: &[u8]) -> (Bucket<'_>, Option<Damage>) {
    let mut reader = Reader { bytes, page_size: 0, pages: BTreeSet::new(), entries: 0, damage: None };
    let mut root = Bucket::new();
    match meta(bytes) {
        Ok(meta) => {
            reader.page_size = meta.page_size;
            reader.page(meta.root, &mut root, 0);
        }
        Err(damage) => reader.damage = Some(damage),
    }
    (root, reader.damage)
}

/// The bucket at a path of keys.
#[must_use]
pub fn bucket<'b, 'a>(root: &'b Bucket<'a>, path: &[&[u8]]) -> Option<&'b Bucket<'a>> {
    path.iter().try_fold(root, |bucket, key| match bucket.get(*key) {
        Some(Value::Bucket(bucket)) => Some(bucket),
        _ => None,
    })
}

/// The bytes under a key.
#[must_use]
pub fn value<'a>(bucket: &Bucket<'a>, key: &[u8]) -> Option<&'a [u8]> {
    match bucket.get(key) {
        Some(Value::Bytes(bytes)) => Some(bytes),
        _ => None,
    }
}

struct Meta {
    page_size: usize,
    root: u64,
    transaction: u64,
}

/// The valid meta page of the latest transaction.
fn meta(bytes: &[u8]) -> Result<Meta, Damage> {
    if bytes.len() < HEADER + 64 {
        return Err(Damage::Truncated);
    }
    let at = |offset: usize| -> Option<Meta> {
        let meta = bytes.get(offset.checked_add(HEADER)?..)?.first_chunk::<64>()?;
        let (summed, sum) = meta.split_at(56);
        let valid =
            u32_at(meta, 0)? == MAGIC && u32_at(meta, 4)? == VERSION && fnv(summed) == u64_at(sum, 0)?;
        let page_size = usize::try_from(u32_at(meta, 8)?).ok()?;
        valid.then_some(Meta { page_size, root: u64_at(meta, 16)?, transaction: u64_at(meta, 48)? })
    };
    // The second meta page stands where the first page ends, whose size is not known if the first one is damaged.
    let second = (9..=16).filter_map(|power| at(1 << power).filter(|meta| meta.page_size == 1 << power));
    let metas = at(0).into_iter().chain(second).filter(|meta| meta.page_size >= 512);
    if let Some(meta) = metas.max_by_key(|meta| meta.transaction) {
        return Ok(meta);
    }
    Err(match bytes.get(HEADER..).and_then(|meta| u32_at(meta, 0)) {
        Some(magic) if magic.swap_bytes() == MAGIC => {
            Damage::Unsupported("it was written by a machine of the other byte order")
        }
        Some(MAGIC) if u32_at(bytes, HEADER + 4) != Some(VERSION) => {
            Damage::Unsupported("it is of a version of the format that is not known")
        }
        Some(MAGIC) => Damage::Damaged("neither of its meta pages is whole"),
        _ => Damage::Damaged("it is no bbolt database"),
    })
}

struct Reader<'a> {
    bytes: &'a [u8],
    page_size: usize,
    /// Those that were met.
    pages: BTreeSet<u64>,
    entries: usize,
    damage: Option<Damage>,
}

impl<'a> Reader<'a> {
    fn fail(&mut self, damage: Damage) {
        self.damage.get_or_insert(damage);
    }

    /// Reads the tree below a page of the file.
    fn page(&mut self, number: u64, into: &mut Bucket<'a>, depth: usize) {
        if !self.pages.insert(number) {
            return self.fail(Damage::Damaged("a page belongs to two trees or to itself"));
        }
        let start = usize::try_from(number).ok().and_then(|number| number.checked_mul(self.page_size));
        let Some(page) = start.and_then(|start| self.bytes.get(start..)).filter(|page| page.len() >= HEADER)
        else {
            return self.fail(Damage::Truncated);
        };
        if u64_at(page, 0) != Some(number) {
            return self.fail(Damage::Damaged("a page does not bear its number"));
        }
        // A page of much data goes on in those that follow it.
        let more = u32_at(page, 12).and_then(|more| usize::try_from(more).ok()).unwrap_or_default();
        let length = more.saturating_add(1).saturating_mul(self.page_size);
        if page.len() < length {
            self.fail(Damage::Truncated);
        }
        self.elements(page.get(..length).unwrap_or(page), into, depth);
    }

    /// Reads the elements of a page, or of what lies in the place of one.
    fn elements(&mut self, page: &'a [u8], into: &mut Bucket<'a>, depth: usize) {
        let (Some(flags), Some(count)) = (u16_at(page, 8), u16_at(page, 10)) else {
            return self.fail(Damage::Truncated);
        };
        if !matches!(flags, BRANCH | LEAF) {
            return self.fail(Damage::Damaged("a page of a tree is neither a branch nor a leaf"));
        }
        if depth > MAX_DEPTH {
            return self.fail(Damage::Damaged("its trees lie too deep within each other"));
        }
        for number in 0..usize::from(count) {
            self.entries += 1;
            if self.entries > MAX_ENTRIES {
                return self.fail(Damage::TooMany);
            }
            let done = page.get(HEADER + number * 16..).and_then(|element| {
                if flags == BRANCH {
                    self.page(u64_at(element, 8)?, into, depth + 1);
                } else {
                    self.leaf(element, into, depth)?;
                }
                Some(())
            });
            if done.is_none() {
                return self.fail(Damage::Damaged("an element of a page reaches beyond it"));
            }
        }
    }

    /// Reads an element of a leaf; nothing, if it reaches beyond the page.
    fn leaf(&mut self, element: &'a [u8], into: &mut Bucket<'a>, depth: usize) -> Option<()> {
        let number = |at| usize::try_from(u32_at(element, at)?).ok();
        let (flags, position) = (u32_at(element, 0)?, number(4)?);
        let key_end = position.checked_add(number(8)?)?;
        let key = element.get(position..key_end)?;
        let bytes = element.get(key_end..key_end.checked_add(number(12)?)?)?;
        let value = if flags & BUCKET == 0 {
            Value::Bytes(bytes)
        } else {
            let mut bucket = Bucket::new();
            match u64_at(bytes, 0)? {
                0 => self.elements(bytes.get(16..)?, &mut bucket, depth + 1),
                root => self.page(root, &mut bucket, depth + 1),
            }
            Value::Bucket(bucket)
        };
        if into.insert(key, value).is_some() {
            self.fail(Damage::Damaged("a key stands in it twice"));
        }
        Some(())
    }
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

/// The checksum of a meta page: FNV-1a of 64 bits.
fn fnv(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |sum, byte| (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests;
