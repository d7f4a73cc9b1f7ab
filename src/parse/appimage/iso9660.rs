//! An image of ISO 9660.
//!
//! Format: ECMA-119; names of Unix and links as the Rock Ridge Interchange Protocol (IEEE P1282) has them, in fields
//! of the System Use Sharing Protocol (IEEE P1281); files may be compressed as zisofs (the field `ZF` and the header
//! of zisofs-tools). Numbers stand twice, in either order of bytes, and the first is read. A record of a folder may go
//! on in an area elsewhere.

use std::io::{Read, Seek};

use super::{Bounded, Error, Files, MAX_FILE, MAX_FOLDER, Node, damaged, inflated, u16_at, u32_at};

/// Where the description of the image lies, and in it the record of the root.
const VOLUME: u64 = 16 * SECTOR;
const ROOT: u64 = VOLUME + 156;
const SECTOR: u64 = 2048;
/// Areas in which one record goes on.
const MAX_AREAS: usize = 16;
/// Bytes of the largest block of a compressed file, as a power of two.
const MAX_BLOCK: u8 = 20;
/// What compressed files begin with.
const ZISOFS: &[u8] = b"\x37\xe4\x53\x96\xc9\xdb\xd6\x07";

/// An image in a file.
pub(super) struct Iso9660<R> {
    from: Bounded<R>,
    block_size: u64,
}

/// Where a folder's list or a file lies.
pub(super) struct Extent {
    at: u64,
    size: u64,
    is_packed: bool,
}

/// What a record says beyond its place.
#[derive(Default)]
struct Use {
    name: Vec<u8>,
    link: Option<Vec<u8>>,
    is_packed: bool,
}

impl<R: Read + Seek> Iso9660<R> {
    /// Reads what stands before all else.
    pub(super) fn open(mut from: Bounded<R>) -> Result<Self, Error> {
        let volume = from.bytes(VOLUME, SECTOR)?;
        if !volume.starts_with(b"\x01CD001") {
            return Err(damaged("its file system is not of ISO 9660"));
        }
        let block_size = u64::from(u16_at(&volume, 128)?);
        if !block_size.is_power_of_two() || block_size > SECTOR {
            return Err(damaged(format!("its blocks are of {block_size} bytes")));
        }
        Ok(Self { from, block_size })
    }

    /// What the fields behind a record say (IEEE P1281, 5; IEEE P1282, 4.1).
    fn fields(&mut self, mut area: Vec<u8>) -> Result<Use, Error> {
        let mut says = Use::default();
        let mut is_cut = false;
        for _ in 0..MAX_AREAS {
            let (mut rest, mut next) = (area.as_slice(), None);
            while let Some(&[_, _, len, _]) = rest.first_chunk() {
                let Some(field) = rest.get(..usize::from(len)).filter(|field| field.len() >= 4) else {
                    break;
                };
                match field.get(..2) {
                    Some(b"NM") => says.name.extend(field.get(5..).unwrap_or_default()),
                    Some(b"SL") => components(says.link.get_or_insert_default(), &mut is_cut, field),
                    Some(b"ZF") => says.is_packed = field.get(4..6) == Some(b"pz"),
                    Some(b"CE") => next = Some([u32_at(field, 4)?, u32_at(field, 12)?, u32_at(field, 20)?]),
                    Some(b"ST") => break,
                    _ => {}
                }
                rest = rest.get(field.len()..).unwrap_or_default();
            }
            let Some([block, offset, len]) = next.map(|next| next.map(u64::from)) else { return Ok(says) };
            if len > SECTOR {
                return Err(damaged(format!("a record in it goes on for {len} bytes")));
            }
            area = self.from.bytes(block * self.block_size + offset, len)?;
        }
        Err(damaged(format!("a record in it goes on in more than {MAX_AREAS} places")))
    }

    /// What is in a compressed file.
    fn unpacked(&mut self, extent: &Extent) -> Result<Vec<u8>, Error> {
        let packed = self.from.bytes(extent.at, extent.size)?;
        if !packed.starts_with(ZISOFS) {
            return Err(damaged("a file in it is not compressed as it says"));
        }
        let size = u64::from(u32_at(&packed, 8)?);
        let (Some(&header), Some(&block)) = (packed.get(12), packed.get(13)) else {
            return Err(damaged("a compressed file in it is cut"));
        };
        if size > MAX_FILE {
            return Err(Error::Large(format!("a file in it has {size} bytes, more than {MAX_FILE}")));
        } else if !(12..=MAX_BLOCK).contains(&block) {
            return Err(damaged(format!("the blocks of a file in it are of 2^{block} bytes")));
        }
        let (mut out, mut at, mut left) = (Vec::new(), usize::from(header) * 4, size);
        while left > 0 {
            let bound = left.min(1 << block);
            let (start, end) =
                (usize::try_from(u32_at(&packed, at)?), usize::try_from(u32_at(&packed, at + 4)?));
            let range = start.unwrap_or(usize::MAX)..end.unwrap_or_default();
            let packed = packed.get(range).ok_or_else(|| damaged("a block in it is behind its file"))?;
            let part = if packed.is_empty() { Vec::new() } else { inflated(packed, bound)? };
            // A block of no bytes stands for zeros.
            let len = out.len() + usize::try_from(bound).unwrap_or_default();
            out.extend(part);
            out.resize(len, 0);
            (left, at) = (left - bound, at + 4);
        }
        Ok(out)
    }
}

impl<R: Read + Seek> Files for Iso9660<R> {
    type Folder = Extent;
    type File = Extent;

    fn root(&mut self) -> Result<Node<Self>, Error> {
        self.node(ROOT)
    }

    fn node(&mut self, place: u64) -> Result<Node<Self>, Error> {
        let [len] = *self.from.bytes(place, 1)?.as_slice() else { return Ok(Node::Other) };
        let record = self.from.bytes(place, len.into())?;
        let Some(&flags) = record.get(25) else { return Err(damaged("a record in it is cut")) };
        let says = if place == ROOT { Use::default() } else { self.fields(behind(&record))? };
        let at = (u64::from(u32_at(&record, 2)?) + u64::from(record.get(1).copied().unwrap_or_default()))
            * self.block_size;
        let extent = Extent { at, size: u32_at(&record, 10)?.into(), is_packed: says.is_packed };
        Ok(match says.link {
            Some(link) => Node::Link(link),
            None if flags & 2 != 0 => Node::Folder(extent),
            None => Node::File(extent),
        })
    }

    fn entries(&mut self, folder: &Extent) -> Result<Vec<(Vec<u8>, u64)>, Error> {
        if folder.size > MAX_FOLDER {
            let reason = format!("a folder's list in it has {} bytes, more than {MAX_FOLDER}", folder.size);
            return Err(Error::Large(reason));
        }
        let list = self.from.bytes(folder.at, folder.size)?;
        let (mut entries, mut at) = (Vec::new(), 0);
        while let Some(&len) = list.get(at) {
            let sector = usize::try_from(SECTOR).unwrap_or(usize::MAX);
            if len == 0 {
                // No record goes over the end of a sector, so what is left of one is empty.
                at = (at / sector + 1) * sector;
                continue;
            }
            let record = list.get(at..at + usize::from(len)).unwrap_or_default();
            let Some(name) = record.get(33..).and_then(|rest| rest.get(..usize::from(*record.get(32)?)))
            else {
                return Err(damaged("a folder's list in it is cut"));
            };
            // The first two are the folder itself and the one above.
            if !matches!(name, [0 | 1]) {
                let says = self.fields(behind(record))?;
                let plain = name.split(|&b| b == b';').next().unwrap_or_default();
                let name = if says.name.is_empty() { plain.to_vec() } else { says.name };
                let place = folder.at.saturating_add(u64::try_from(at).unwrap_or(u64::MAX));
                entries.push((name, place));
            }
            at += usize::from(len);
        }
        Ok(entries)
    }

    fn content(&mut self, file: &Extent) -> Result<Vec<u8>, Error> {
        if file.size > MAX_FILE {
            return Err(Error::Large(format!("a file in it has {} bytes, more than {MAX_FILE}", file.size)));
        }
        if file.is_packed { self.unpacked(file) } else { self.from.bytes(file.at, file.size) }
    }
}

/// The fields behind the name in a record, which begin at an even place.
fn behind(record: &[u8]) -> Vec<u8> {
    let len = usize::from(record.get(32).copied().unwrap_or_default());
    record.get(33 + len + usize::from(len % 2 == 0)..).unwrap_or_default().to_vec()
}

/// Adds the parts of a link that a field `SL` holds; a part may be cut, and then go on in the next field.
fn components(link: &mut Vec<u8>, is_cut: &mut bool, field: &[u8]) {
    let mut rest = field.get(5..).unwrap_or_default();
    while let Some(&[flags, len]) = rest.first_chunk() {
        let text = rest.get(2..2 + usize::from(len)).unwrap_or_default();
        if !link.is_empty() && !link.ends_with(b"/") && !*is_cut {
            link.push(b'/');
        }
        link.extend_from_slice(match flags & 0xe {
            2 => b".",
            4 => b"..",
            8 => b"/",
            _ => text,
        });
        *is_cut = flags & 1 != 0;
        rest = rest.get(2 + usize::from(len)..).unwrap_or_default();
    }
}
