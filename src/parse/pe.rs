//! Programs, libraries and drivers of Windows: what a file says of itself, and where its signatures are.
//!
//! Format: "PE Format" (learn.microsoft.com/windows/win32/debug/pe-format). Only the headers, the tree of resources and
//! the table of certificates are read, each where it stands; a file may be of any size. Linkers, packers and protectors
//! break most rules that readers hold files to, so the few fields that are needed are read and no other is looked at.

mod version;

use std::io::{self, Read, Seek, SeekFrom};

pub use version::Version;

/// Bytes of one version resource, or of one signature, that are read.
const MAX_READ: u64 = 4 << 20;
/// Names of version resources, languages of one, and entries of the table of certificates that are looked at.
const MAX_ENTRIES: usize = 64;
/// Bytes that are hashed at once.
const AT_ONCE: usize = 128 << 10;
/// The number of version resources among the sorts of resource (`RT_VERSION`).
const VERSION: u32 = 16;
/// The sort of certificate that is a signature (`WIN_CERT_TYPE_PKCS_SIGNED_DATA`).
const SIGNED_DATA: u16 = 2;
/// Marks an entry of the tree of resources that leads to further ones.
const IS_FOLDER: u32 = 1 << 31;

/// Why a file, or a part of it, cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The system failed.
    #[error("{0}")]
    Io(io::Error),
    /// Something of it lies past its end.
    #[error("it ends before {0}")]
    Cut(&'static str),
    /// Something of it is not as the format says.
    #[error("{0}")]
    Damaged(&'static str),
    /// Something of it is larger than the bound.
    #[error("{0} is larger than {MAX_READ} bytes")]
    TooLarge(&'static str),
}

/// A range of addresses in memory, and of the file.
struct Section {
    address: u32,
    size: u32,
    offset: u32,
    held: u32,
}

/// A file.
pub struct Pe<R> {
    from: R,
    size: u64,
    /// The processor it is for (`IMAGE_FILE_MACHINE_*`): 0x14c, 0x8664, 0xaa64 …
    pub machine: u16,
    /// Whether it is a library.
    pub is_library: bool,
    /// Whether it is for the kernel, or runs before any subsystem does.
    pub is_native: bool,
    checksum: u64,
    /// Where the place of the table of certificates stands, if the headers have room for it.
    certificates_field: Option<u64>,
    /// Address and size.
    resources: (u32, u32),
    /// Offset in the file, and size.
    certificates: (u64, u64),
    sections: Vec<Section>,
}

impl<R: Read + Seek> Pe<R> {
    /// Reads the headers of a file; nothing, if it is a program of DOS or of Windows 3, or too short for any.
    ///
    /// # Errors
    /// When it is a PE file whose headers are not whole, or it cannot be read.
    pub fn open(mut from: R) -> Result<Option<Self>, Fault> {
        let size = from.seek(SeekFrom::End(0)).map_err(Fault::Io)?;
        if size < 64 {
            return Ok(None);
        }
        let dos = read(&mut from, 0, 64, "its first header")?;
        if !dos.starts_with(b"MZ") {
            return Err(Fault::Damaged("it does not begin as a program of Windows"));
        }
        let headers = u64::from(u32_at(&dos, 60));
        // A program of DOS has its relocations where others have the place of their second header.
        let is_dos = u16_at(&dos, 24) < 64;
        if headers + 24 > size {
            return if is_dos { Ok(None) } else { Err(Fault::Cut("its headers")) };
        }
        let coff = read(&mut from, headers, 24, "its headers")?;
        if !coff.starts_with(b"PE\0\0") {
            return Ok(None);
        }
        let optional = headers + 24;
        let start = read(&mut from, optional, 72, "the end of its headers")?;
        // The wide form has no base of data, and four sizes of eight bytes instead of four.
        let folders = match u16_at(&start, 0) {
            0x10b => optional + 96,
            0x20b => optional + 112,
            _ => return Err(Fault::Damaged("its optional header is of no known sort")),
        };
        let count = u32_at(&read(&mut from, folders - 4, 4, "the end of its headers")?, 0).min(16);
        let places = read(&mut from, folders, u64::from(count) * 8, "the end of its headers")?;
        let place = |number: usize| (u32_at(&places, number * 8), u32_at(&places, number * 8 + 4));
        let table = optional + u64::from(u16_at(&coff, 20));
        let sections = read(&mut from, table, u64::from(u16_at(&coff, 6)) * 40, "the end of its sections")?;
        let sections = sections.chunks_exact(40).map(|section| Section {
            address: u32_at(section, 12),
            size: u32_at(section, 8),
            offset: u32_at(section, 20),
            held: u32_at(section, 16),
        });
        let (at, length) = place(4);
        Ok(Some(Self {
            size,
            machine: u16_at(&coff, 4),
            is_library: u16_at(&coff, 22) & 0x2000 != 0,
            is_native: u16_at(&start, 68) == 1,
            checksum: optional + 64,
            certificates_field: (count > 4).then_some(folders + 32),
            resources: place(2),
            certificates: (at.into(), length.into()),
            sections: sections.collect(),
            from,
        }))
    }

    /// What its version resource says, of all languages together: of each field the first that is told; nothing, if it
    /// has none.
    ///
    /// # Errors
    /// When it has one that is not whole, or it cannot be read.
    pub fn version(&mut self) -> Result<Option<Version>, Fault> {
        let (address, size) = self.resources;
        if address == 0 || size == 0 {
            return Ok(None);
        }
        let Some(root) = self.offset(address)? else { return Ok(None) };
        let mut told = None;
        let folder = |to: u32| u64::from(to & !IS_FOLDER);
        for (_, names) in self.entries(root)?.into_iter().filter(|(id, to)| *id == VERSION && is_folder(*to))
        {
            let names = self.entries(root + folder(names))?;
            for (_, languages) in names.into_iter().filter(|(_, to)| is_folder(*to)).take(MAX_ENTRIES) {
                for (_, leaf) in self.entries(root + folder(languages))?.into_iter().take(MAX_ENTRIES) {
                    let leaf = self.read(root + folder(leaf), 8, "a version resource")?;
                    let (address, size) = (u32_at(&leaf, 0), u64::from(u32_at(&leaf, 4)));
                    if size > MAX_READ {
                        return Err(Fault::TooLarge("a version resource"));
                    }
                    let Some(at) = self.offset(address)? else { continue };
                    let bytes = self.read(at, size, "the end of a version resource")?;
                    let version = Version::parse(&bytes)
                        .ok_or(Fault::Damaged("its version resource does not begin as one"))?;
                    told.get_or_insert_with(Version::default).add(version);
                }
            }
        }
        Ok(told)
    }

    /// The signatures in its table of certificates (PKCS #7 in DER, and what is put behind it).
    ///
    /// # Errors
    /// When the table is not whole, or it cannot be read.
    pub fn signatures(&mut self) -> Result<Vec<Vec<u8>>, Fault> {
        let (mut at, size) = self.certificates;
        let end = at + size;
        let mut found = Vec::new();
        if at == 0 || size == 0 {
            return Ok(found);
        }
        if end > self.size {
            return Err(Fault::Cut("the end of its signatures"));
        }
        while at + 8 <= end {
            let head = self.read(at, 8, "the end of its signatures")?;
            let length = u64::from(u32_at(&head, 0));
            if length < 8 || at + length > end {
                return Err(Fault::Damaged("its table of certificates is none"));
            }
            if found.len() == MAX_ENTRIES {
                return Err(Fault::Damaged("it has too many signatures"));
            }
            if u16_at(&head, 6) == SIGNED_DATA {
                found.push(self.read(at + 8, (length - 8).min(MAX_READ), "the end of its signatures")?);
            }
            at += length.next_multiple_of(8);
        }
        Ok(found)
    }

    /// Shows the whole file in order, each part with whether it is of what is signed: all but the checksum, the place of
    /// the table of certificates, and that table at the end ("Windows Authenticode Portable Executable Signature Format").
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn parts(&mut self, visit: &mut dyn FnMut(&[u8], bool)) -> Result<(), Fault> {
        let mut left_out = vec![(self.checksum, 4)];
        left_out.extend(self.certificates_field.map(|field| (field, 8)));
        // Elsewhere than at the end, where Windows has it, it is a part of what is loaded or of what is signed.
        let (at, size) = self.certificates;
        left_out.extend((at + size == self.size).then_some((at, size)));
        left_out.retain(|(_, size)| *size > 0);
        left_out.sort_unstable();
        self.from.rewind().map_err(Fault::Io)?;
        let (mut at, mut buffer) = (0, vec![0; AT_ONCE]);
        for (start, size) in left_out {
            self.part(&mut at, start, true, &mut buffer, visit)?;
            self.part(&mut at, start + size, false, &mut buffer, visit)?;
        }
        self.part(&mut at, self.size, true, &mut buffer, visit)
    }

    /// Shows what is between here and there.
    fn part(
        &mut self,
        at: &mut u64,
        end: u64,
        is_signed: bool,
        buffer: &mut [u8],
        visit: &mut dyn FnMut(&[u8], bool),
    ) -> Result<(), Fault> {
        while *at < end.min(self.size) {
            let most = usize::try_from(end - *at).unwrap_or(AT_ONCE).min(AT_ONCE);
            let read = self.from.read(buffer.get_mut(..most).unwrap_or_default()).map_err(Fault::Io)?;
            if read == 0 {
                return Err(Fault::Cut("where it ended when it was opened"));
            }
            visit(buffer.get(..read).unwrap_or_default(), is_signed);
            *at += read as u64;
        }
        Ok(())
    }

    /// The entries of a folder of the tree of resources: their number, and where they lead.
    fn entries(&mut self, folder: u64) -> Result<Vec<(u32, u32)>, Fault> {
        let head = self.read(folder, 16, "the end of its resources")?;
        let count = u64::from(u16_at(&head, 12)) + u64::from(u16_at(&head, 14));
        let entries = self.read(folder + 16, count * 8, "the end of its resources")?;
        Ok(entries.chunks_exact(8).map(|entry| (u32_at(entry, 0), u32_at(entry, 4))).collect())
    }

    /// Where in the file an address is; nothing, if memory has it and the file does not.
    fn offset(&self, address: u32) -> Result<Option<u64>, Fault> {
        let within = |s: &&Section| address >= s.address && address - s.address < s.size.max(s.held);
        let section = self.sections.iter().find(within);
        let section = section.ok_or(Fault::Damaged("its tree of resources leads out of it"))?;
        let at = address - section.address;
        Ok((at < section.held).then(|| u64::from(section.offset) + u64::from(at)))
    }

    fn read(&mut self, at: u64, size: u64, what: &'static str) -> Result<Vec<u8>, Fault> {
        read(&mut self.from, at, size, what)
    }
}

fn is_folder(to: u32) -> bool {
    to & IS_FOLDER != 0
}

/// All of a range of a file, whose end is read before room is made for it.
fn read(from: &mut (impl Read + Seek), at: u64, size: u64, what: &'static str) -> Result<Vec<u8>, Fault> {
    let mut bytes = Vec::new();
    from.seek(SeekFrom::Start(at)).map_err(Fault::Io)?;
    from.take(size).read_to_end(&mut bytes).map_err(Fault::Io)?;
    if (bytes.len() as u64) < size { Err(Fault::Cut(what)) } else { Ok(bytes) }
}

/// A number at an offset; 0 past the end.
fn u16_at(bytes: &[u8], at: usize) -> u16 {
    bytes.get(at..).and_then(|rest| rest.first_chunk()).map_or(0, |bytes| u16::from_le_bytes(*bytes))
}

/// A number at an offset; 0 past the end.
fn u32_at(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..).and_then(|rest| rest.first_chunk()).map_or(0, |bytes| u32::from_le_bytes(*bytes))
}

#[cfg(test)]
mod tests;
