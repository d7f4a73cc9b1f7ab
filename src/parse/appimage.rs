//! What an `AppImage` says of itself: the desktop entry and the `AppStream` file in the file system that it carries.
//!
//! Format: the `AppImage` specification (github.com/AppImage/AppImageSpec). Type 1 is an image of ISO 9660 in whose first
//! bytes, which that leaves free, an ELF program lies; type 2 is an ELF program with an image of squashfs behind its
//! end, which elf(5) does not tell: it is where the section headers end, or the last section, whichever is later. Only
//! the few blocks on the way to these files are read. The entry is mostly a link to another place in the image.

mod iso9660;
mod squashfs;

use std::io::{self, Read, Seek, SeekFrom};

use self::iso9660::Iso9660;
use self::squashfs::Squashfs;

/// Bytes of a file in an image that are read; real ones have a few thousand.
const MAX_FILE: u64 = 1 << 20;
/// Links that are followed to one file, as Linux has it.
const MAX_LINKS: usize = 40;
/// Bytes of a folder's list that are read.
const MAX_FOLDER: u64 = 1 << 20;
/// Bytes of an image that are read in all, and how many a single read counts for more than its own; so that no image,
/// however its folders and links lead in circles, takes long.
const MAX_BYTES: u64 = 256 << 20;
const COST: u64 = 4 << 10;
/// Where an image has `AppStream` files; the older folder last.
const METAINFO: &[&[u8]] = &[b"usr/share/metainfo", b"usr/share/appdata"];

/// A file in an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Its name, without the folder.
    pub name: Vec<u8>,
    /// What it holds.
    pub bytes: Vec<u8>,
}

/// What an image holds that tells what it is.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct AppImage {
    /// The desktop entry, the first by name, if there are several.
    pub entry: Option<Part>,
    /// The `AppStream` file named after that, or the only one.
    pub metainfo: Option<Part>,
}

/// Why something in an image was not read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The system failed.
    #[error("{0}")]
    Io(io::Error),
    /// It carries no image, or only the first part of one, so that nothing could run it.
    #[error("{0}")]
    NoImage(String),
    /// Something in its image does not follow the format; the rest may still run.
    #[error("{0}")]
    Damaged(String),
    /// It is of a kind that is not read.
    #[error("{0}")]
    Unsupported(String),
    /// It passes a bound.
    #[error("{0}")]
    Large(String),
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => damaged("it ends too early; it may have been cut"),
            io::ErrorKind::InvalidInput => damaged("a place in it is out of any file"),
            _ => Self::Io(error),
        }
    }
}

impl AppImage {
    /// Reads a file.
    ///
    /// # Errors
    /// When what it holds cannot be read; what was found before that is kept in `self`.
    pub fn read(&mut self, from: impl Read + Seek) -> Result<(), Error> {
        let mut from = Bounded { from, left: MAX_BYTES };
        let header = from.bytes(0, 64).map_err(no_image)?;
        match header.get(8..11) {
            Some(b"AI\x01") => self.take(&mut Iso9660::open(from).map_err(no_image)?),
            Some(b"AI\x02") => {
                let offset = end(&header, &mut from).map_err(no_image)?;
                self.take(&mut Squashfs::open(from, offset).map_err(no_image)?)
            }
            _ => Err(Error::NoImage("it is no AppImage".to_owned())),
        }
    }

    fn take(&mut self, files: &mut impl Files) -> Result<(), Error> {
        let Some(name) = files.names(b"", b".desktop")?.into_iter().next() else { return Ok(()) };
        let stem = name.strip_suffix(b".desktop").unwrap_or(&name).to_vec();
        self.entry = files.read(&name)?.map(|bytes| Part { name, bytes });
        for folder in METAINFO {
            let names = files.names(folder, b".xml")?;
            let is_its = |name: &&Vec<u8>| name.windows(stem.len().max(1)).any(|part| part == stem);
            let its = names.iter().filter(is_its).min_by_key(|name| name.len());
            let only = if let [only] = names.as_slice() { Some(only) } else { None };
            if let Some(name) = its.or(only) {
                let bytes = files.read(&[folder, b"/".as_slice(), name].concat())?;
                self.metainfo = bytes.map(|bytes| Part { name: name.clone(), bytes });
                break;
            }
        }
        Ok(())
    }
}

/// A file of which no more than a bound is read.
struct Bounded<R> {
    from: R,
    left: u64,
}

impl<R: Read + Seek> Bounded<R> {
    /// Bytes at a place, all of them; the caller bounds how many.
    fn bytes(&mut self, at: u64, len: u64) -> Result<Vec<u8>, Error> {
        let left = self.left.checked_sub(len.saturating_add(COST));
        self.left =
            left.ok_or_else(|| Error::Large(format!("more than {MAX_BYTES} bytes of it tell what it is")))?;
        self.from.seek(SeekFrom::Start(at))?;
        let mut bytes = Vec::new();
        let read = (&mut self.from).take(len).read_to_end(&mut bytes)?;
        let is_whole = u64::try_from(read).is_ok_and(|read| read == len);
        is_whole.then_some(bytes).ok_or_else(|| io::Error::from(io::ErrorKind::UnexpectedEof).into())
    }

    fn length(&mut self) -> Result<u64, Error> {
        Ok(self.from.seek(SeekFrom::End(0))?)
    }
}

/// What stands at a place in an image.
enum Node<F: Files + ?Sized> {
    Folder(F::Folder),
    File(F::File),
    /// A link and what it says.
    Link(Vec<u8>),
    /// A device, a pipe or a socket.
    Other,
}

/// A file system that is only read.
trait Files {
    /// Where the list of a folder lies.
    type Folder;
    /// Where what is in a file lies.
    type File;

    /// The folder in which all others are.
    fn root(&mut self) -> Result<Node<Self>, Error>;
    /// What is described at a place that [`Files::entries`] gave.
    fn node(&mut self, place: u64) -> Result<Node<Self>, Error>;
    /// The names in a folder, and where what they name is described.
    fn entries(&mut self, folder: &Self::Folder) -> Result<Vec<(Vec<u8>, u64)>, Error>;
    /// What is in a file, if it is no more than [`MAX_FILE`].
    fn content(&mut self, file: &Self::File) -> Result<Vec<u8>, Error>;

    /// What a path leads to; nothing, if it leads to nothing or out of the image.
    fn find(&mut self, path: &[u8]) -> Result<Option<Node<Self>>, Error> {
        let parts =
            |path: &[u8]| -> Vec<Vec<u8>> { path.split(|&b| b == b'/').map(<[u8]>::to_vec).rev().collect() };
        let (mut ahead, mut above, mut links) = (parts(path), vec![self.root()?], 0);
        while let Some(part) = ahead.pop() {
            let Some(Node::Folder(here)) = above.last() else { return Ok(None) };
            match part.as_slice() {
                b"" | b"." => continue,
                b".." => {
                    above.pop();
                    continue;
                }
                _ => {}
            }
            let entries = self.entries(here)?;
            let Some((_, place)) = entries.into_iter().find(|(name, _)| *name == part) else {
                return Ok(None);
            };
            match self.node(place)? {
                Node::Link(_) if links == MAX_LINKS => {
                    return Err(damaged(format!("has more than {MAX_LINKS} links to one file")));
                }
                Node::Link(says) if says.starts_with(b"/") => return Ok(None),
                Node::Link(says) => {
                    links += 1;
                    ahead.extend(parts(&says));
                }
                node => above.push(node),
            }
        }
        Ok(above.pop())
    }

    /// The names in a folder that end so, in order; none, if there is no such folder.
    fn names(&mut self, folder: &[u8], end: &[u8]) -> Result<Vec<Vec<u8>>, Error> {
        let Some(Node::Folder(folder)) = self.find(folder)? else { return Ok(Vec::new()) };
        let names = self.entries(&folder)?.into_iter().map(|(name, _)| name);
        let mut names: Vec<_> = names.filter(|name| name.ends_with(end)).collect();
        names.sort();
        Ok(names)
    }

    /// What is in the file that a path leads to; nothing, if it leads to no file.
    fn read(&mut self, path: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        match self.find(path)? {
            Some(Node::File(file)) => self.content(&file).map(Some),
            _ => Ok(None),
        }
    }
}

/// Where an ELF program ends (elf(5)).
fn end(header: &[u8], from: &mut Bounded<impl Read + Seek>) -> Result<u64, Error> {
    let (is_64, is_little) = (header.get(4) == Some(&2), header.get(5) != Some(&2));
    let number = |bytes: &[u8], at: usize, len: usize| {
        let bytes = bytes.get(at..at + len).unwrap_or_default().iter();
        let join = |sum: u64, &byte: &u8| sum << 8 | u64::from(byte);
        if is_little { bytes.rev().fold(0, join) } else { bytes.fold(0, join) }
    };
    let (start, sizes) =
        if is_64 { (number(header, 0x28, 8), 0x3a) } else { (number(header, 0x20, 4), 0x2e) };
    let (size, count) = (number(header, sizes, 2), number(header, sizes + 2, 2));
    let end = start.checked_add(size * count);
    let end = end.ok_or_else(|| damaged("the headers of its sections are out of any file"))?;
    let header_size = if is_64 { 64 } else { 40 };
    if count == 0 || size < header_size {
        return Ok(end);
    }
    let last = from.bytes(end - size, header_size)?;
    let [kind, place, size] = if is_64 {
        [number(&last, 4, 4), number(&last, 0x18, 8), number(&last, 0x20, 8)]
    } else {
        [number(&last, 4, 4), number(&last, 0x10, 4), number(&last, 0x14, 4)]
    };
    // A section without bytes in the file (SHT_NOBITS) ends nowhere in it.
    Ok(if kind == 8 { end } else { end.max(place.saturating_add(size)) })
}

/// What is wrong before anything in an image is looked at.
fn no_image(error: Error) -> Error {
    match error {
        Error::Damaged(what) => Error::NoImage(what),
        other => other,
    }
}

fn damaged(what: impl Into<String>) -> Error {
    Error::Damaged(what.into())
}

/// The first bytes of some.
fn field<const N: usize>(bytes: &[u8], at: usize) -> Result<[u8; N], Error> {
    let field = bytes.get(at..).and_then(|rest| rest.first_chunk());
    field.copied().ok_or_else(|| damaged("a record in it is cut"))
}

fn u16_at(bytes: &[u8], at: usize) -> Result<u16, Error> {
    Ok(u16::from_le_bytes(field(bytes, at)?))
}

fn u32_at(bytes: &[u8], at: usize) -> Result<u32, Error> {
    Ok(u32::from_le_bytes(field(bytes, at)?))
}

fn u64_at(bytes: &[u8], at: usize) -> Result<u64, Error> {
    Ok(u64::from_le_bytes(field(bytes, at)?))
}

/// What a block of zlib (RFC 1950) stands for.
fn inflated(bytes: &[u8], bound: u64) -> Result<Vec<u8>, Error> {
    let mut out = Vec::new();
    let read = flate2::read::ZlibDecoder::new(bytes).take(bound + 1).read_to_end(&mut out);
    match read {
        Err(e) => Err(damaged(format!("a block in it is damaged: {e}"))),
        Ok(_) if u64::try_from(out.len()).is_ok_and(|len| len <= bound) => Ok(out),
        Ok(_) => Err(damaged("a block in it stands for more than it may")),
    }
}

#[cfg(test)]
mod tests;
