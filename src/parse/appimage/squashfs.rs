//! An image of squashfs.
//!
//! Format: Squashfs 4.0 (Documentation/filesystems/squashfs.rst and `squashfs_fs.h` of Linux), little-endian.
//! Descriptions of files (inodes) and lists of folders are a stream of bytes each, cut into blocks of 8 KiB that are
//! compressed one by one. A place in a stream is the start of a block, in the file, and an offset in what it stands
//! for. The end of a file may be in a block that it shares with others (a fragment).

use std::io::{Read, Seek};

use super::{Bounded, Error, Files, MAX_FILE, MAX_FOLDER, Node, damaged, field, inflated};
use super::{u16_at, u32_at, u64_at};
use crate::parse::compressed::expand;

/// Bytes that a block of descriptions or lists stands for.
const METADATA: u64 = 8 << 10;
/// Bytes of a link.
const MAX_LINK: u32 = 4 << 10;
/// Bytes of the largest block.
const MAX_BLOCK: u32 = 1 << 20;
/// Stands in the place of a fragment's number if there is none.
const NO_FRAGMENT: u32 = u32::MAX;
/// In the size of a block of a file: it is not compressed.
const PLAIN: u32 = 1 << 24;
/// In the size of a block of descriptions or lists: the same.
const PLAIN_METADATA: u16 = 1 << 15;

/// An image in a file.
pub(super) struct Squashfs<R> {
    from: Bounded<R>,
    /// Where it begins in the file.
    offset: u64,
    compression: u16,
    block_size: u32,
    root: u64,
    inodes: u64,
    folders: u64,
    fragments: u64,
    fragment_count: u32,
}

/// Where the list of a folder lies: its block, the offset in it, and its bytes.
pub(super) struct Folder {
    block: u32,
    offset: u16,
    size: u32,
}

/// Where what is in a file lies: its first block, the sizes of all, and the fragment and offset of its end.
pub(super) struct File {
    start: u64,
    size: u64,
    blocks: Vec<u32>,
    end: Option<(u32, u32)>,
}

impl<R: Read + Seek> Squashfs<R> {
    /// Reads what stands before all else.
    pub(super) fn open(mut from: Bounded<R>, offset: u64) -> Result<Self, Error> {
        let length = from.length()?;
        if offset >= length {
            return Err(damaged("nothing is behind its program; it may have been cut"));
        }
        let first = from.bytes(offset, 96)?;
        if !first.starts_with(b"hsqs") {
            let what = if first.starts_with(b"DWARFS") { "DwarFS" } else { "an unknown kind" };
            return Err(Error::Unsupported(format!("its file system is of {what}, and not squashfs")));
        }
        let version = (u16_at(&first, 28)?, u16_at(&first, 30)?);
        if version != (4, 0) {
            return Err(Error::Unsupported(format!("its squashfs has version {}.{}", version.0, version.1)));
        }
        let used = u64_at(&first, 40)?;
        if used > length - offset {
            let reason =
                format!("it has {length} bytes and needs {}; it was cut", offset.saturating_add(used));
            return Err(damaged(reason));
        }
        let block_size = u32_at(&first, 12)?;
        if !(4096..=MAX_BLOCK).contains(&block_size) || !block_size.is_power_of_two() {
            return Err(damaged(format!("its blocks are of {block_size} bytes")));
        }
        let compression = u16_at(&first, 20)?;
        if let other @ (2 | 3 | 5) = compression {
            let name = ["lzma", "lzo", "", "lz4"].get(usize::from(other - 2)).unwrap_or(&"");
            return Err(Error::Unsupported(format!("its squashfs is compressed with {name}")));
        }
        Ok(Self {
            from,
            offset,
            compression,
            block_size,
            root: u64_at(&first, 32)?,
            inodes: u64_at(&first, 64)?,
            folders: u64_at(&first, 72)?,
            fragments: u64_at(&first, 80)?,
            fragment_count: u32_at(&first, 16)?,
        })
    }

    /// Bytes of the file, at a place counted from the start of the image.
    fn bytes(&mut self, at: u64, len: u64) -> Result<Vec<u8>, Error> {
        let at = self.offset.checked_add(at).ok_or_else(|| damaged("a place in it is out of any file"))?;
        self.from.bytes(at, len)
    }

    /// What a compressed block stands for.
    fn unpacked(&self, bytes: Vec<u8>, bound: u64) -> Result<Vec<u8>, Error> {
        let magic: &[u8] = match self.compression {
            1 => return inflated(&bytes, bound),
            4 => b"\xfd7zXZ\0",
            6 => b"\x28\xb5\x2f\xfd",
            other => return Err(damaged(format!("its compression has the unknown number {other}"))),
        };
        if !bytes.starts_with(magic) {
            return Err(damaged("a block in it is not compressed as the others"));
        }
        expand(bytes, bound).map_err(|broken| damaged(format!("a block in it is damaged: {broken:?}")))
    }

    /// Bytes of a stream, from an offset in what its block at a place stands for.
    fn stream(&mut self, mut at: u64, offset: u16, len: u64) -> Result<Vec<u8>, Error> {
        let (mut skip, mut out) = (usize::from(offset), Vec::new());
        let len = usize::try_from(len).unwrap_or(usize::MAX);
        while out.len() < len {
            let size = u16_at(&self.bytes(at, 2)?, 0)?;
            let (packed, is_plain) = (u64::from(size & !PLAIN_METADATA), size & PLAIN_METADATA != 0);
            if packed == 0 || packed > METADATA {
                return Err(damaged(format!("a block in it has {packed} bytes")));
            }
            let mut block = self.bytes(at + 2, packed)?;
            if !is_plain {
                block = self.unpacked(block, METADATA)?;
            }
            let part = block.get(skip..).filter(|part| !part.is_empty());
            let part = part.ok_or_else(|| damaged("a place in it is behind its block"))?;
            out.extend_from_slice(part.get(..len - out.len()).unwrap_or(part));
            (skip, at) = (0, at + 2 + packed);
        }
        Ok(out)
    }

    /// Bytes of the description at a place, the 16 that all have included.
    fn inode(&mut self, place: u64, len: u64) -> Result<Vec<u8>, Error> {
        let at = self.inodes.checked_add(place >> 16);
        let [low, high, ..] = place.to_le_bytes();
        let at = at.ok_or_else(|| damaged("a place in it is out of any file"))?;
        self.stream(at, u16::from_le_bytes([low, high]), len)
    }

    /// The description of a file: the bytes of it that all of its kind have, and where in them its numbers stand.
    fn file(&mut self, place: u64, fixed: u64, start: u64, size: u64, at: usize) -> Result<File, Error> {
        if size > MAX_FILE {
            return Err(Error::Large(format!("a file in it has {size} bytes, more than {MAX_FILE}")));
        }
        let inode = self.inode(place, fixed)?;
        let (fragment, offset) = (u32_at(&inode, at)?, u32_at(&inode, at + 4)?);
        let end = (fragment != NO_FRAGMENT).then_some((fragment, offset));
        let block_size = u64::from(self.block_size);
        let count = if end.is_some() { size / block_size } else { size.div_ceil(block_size) };
        let inode = self.inode(place, fixed + count * 4)?;
        let sizes = inode.chunks_exact(4).skip(usize::try_from(fixed / 4).unwrap_or(usize::MAX));
        let blocks = sizes.map(|size| u32_at(size, 0)).collect::<Result<_, _>>()?;
        Ok(File { start, size, blocks, end })
    }

    /// A block of a file; one of no bytes stands for zeros.
    fn block(&mut self, at: u64, size: u32, zeros: u64) -> Result<Vec<u8>, Error> {
        let (packed, is_plain) = (size & !PLAIN, size & PLAIN != 0);
        if packed > self.block_size {
            return Err(damaged(format!("a block in it has {packed} bytes")));
        } else if packed == 0 {
            return Ok(vec![0; usize::try_from(zeros).unwrap_or_default()]);
        }
        let block = self.bytes(at, u64::from(packed))?;
        if is_plain { Ok(block) } else { self.unpacked(block, u64::from(self.block_size)) }
    }

    /// The block that holds the ends of several files.
    fn fragment(&mut self, number: u32) -> Result<Vec<u8>, Error> {
        // A block of the list holds 512 of its records, of 16 bytes each.
        let (list, record) = (u64::from(number / 512), u64::from(number % 512));
        let at = self.fragments.checked_add(list * 8).filter(|_| number < self.fragment_count);
        let at = at.ok_or_else(|| damaged("a fragment in it is not in its list"))?;
        let list = u64_at(&self.bytes(at, 8)?, 0)?;
        let records = self.stream(list, 0, (record + 1) * 16)?;
        let record: [u8; 16] = field(&records, records.len().saturating_sub(16))?;
        self.block(u64_at(&record, 0)?, u32_at(&record, 8)?, 0)
    }
}

impl<R: Read + Seek> Files for Squashfs<R> {
    type Folder = Folder;
    type File = File;

    fn root(&mut self) -> Result<Node<Self>, Error> {
        self.node(self.root)
    }

    fn node(&mut self, place: u64) -> Result<Node<Self>, Error> {
        let kind = u16_at(&self.inode(place, 16)?, 0)?;
        Ok(match kind {
            1 => {
                let inode = self.inode(place, 32)?;
                let (block, size) = (u32_at(&inode, 16)?, u32::from(u16_at(&inode, 24)?));
                Node::Folder(Folder { block, size, offset: u16_at(&inode, 26)? })
            }
            8 => {
                let inode = self.inode(place, 40)?;
                let (block, size) = (u32_at(&inode, 24)?, u32_at(&inode, 20)?);
                Node::Folder(Folder { block, size, offset: u16_at(&inode, 34)? })
            }
            2 => {
                let inode = self.inode(place, 32)?;
                let (start, size) = (u32_at(&inode, 16)?.into(), u32_at(&inode, 28)?.into());
                Node::File(self.file(place, 32, start, size, 20)?)
            }
            9 => {
                let inode = self.inode(place, 56)?;
                let (start, size) = (u64_at(&inode, 16)?, u64_at(&inode, 24)?);
                Node::File(self.file(place, 56, start, size, 44)?)
            }
            3 | 10 => {
                let len = u32_at(&self.inode(place, 24)?, 20)?;
                if len > MAX_LINK {
                    return Err(damaged(format!("a link in it has {len} bytes")));
                }
                Node::Link(self.inode(place, 24 + u64::from(len))?.split_off(24))
            }
            4..=7 | 11..=14 => Node::Other,
            _ => return Err(damaged(format!("a file in it is of the unknown kind {kind}"))),
        })
    }

    fn entries(&mut self, folder: &Folder) -> Result<Vec<(Vec<u8>, u64)>, Error> {
        // The size counts 3 bytes for the names of the folder itself and of the one above, which are not there.
        let size = u64::from(folder.size.saturating_sub(3));
        if size > MAX_FOLDER {
            return Err(Error::Large(format!(
                "a folder's list in it has {size} bytes, more than {MAX_FOLDER}"
            )));
        }
        let at = self.folders.checked_add(folder.block.into());
        let at = at.ok_or_else(|| damaged("a place in it is out of any file"))?;
        let list = self.stream(at, folder.offset, size)?;
        let (mut entries, mut rest) = (Vec::new(), list.as_slice());
        while !rest.is_empty() {
            let (count, block) = (u32_at(rest, 0)?, u64::from(u32_at(rest, 4)?));
            rest = rest.get(12..).unwrap_or_default();
            for _ in 0..=count {
                let (offset, len) = (u64::from(u16_at(rest, 0)?), usize::from(u16_at(rest, 6)?) + 1);
                let name = rest.get(8..8 + len).ok_or_else(|| damaged("a folder's list in it is cut"))?;
                entries.push((name.to_vec(), block << 16 | offset));
                rest = rest.get(8 + len..).unwrap_or_default();
            }
        }
        Ok(entries)
    }

    fn content(&mut self, file: &File) -> Result<Vec<u8>, Error> {
        let (mut out, mut at) = (Vec::new(), file.start);
        let left = |out: &Vec<u8>| file.size.saturating_sub(u64::try_from(out.len()).unwrap_or(u64::MAX));
        for &size in &file.blocks {
            let zeros = left(&out).min(self.block_size.into());
            out.extend(self.block(at, size, zeros)?);
            at = at.saturating_add(u64::from(size & !PLAIN));
        }
        if let Some((number, offset)) = file.end {
            let block = self.fragment(number)?;
            let (start, len) = (usize::try_from(offset), usize::try_from(left(&out)));
            let end = start.ok().zip(len.ok()).and_then(|(start, len)| block.get(start..)?.get(..len));
            out.extend_from_slice(end.ok_or_else(|| damaged("the end of a file in it is behind its block"))?);
        }
        if left(&out) == 0 { Ok(out) } else { Err(damaged("a file in it has fewer bytes than it says")) }
    }
}
