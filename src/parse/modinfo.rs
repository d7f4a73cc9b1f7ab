//! What a kernel module says of itself.
//!
//! Format: the section `.modinfo` (`MODULE_INFO` of the kernel's `include/linux/moduleparam.h`; modinfo(8)) holds
//! `tag=value` with a NUL behind each; the file around it is a relocatable ELF object (System V gABI), of 32 or 64 bits
//! and in either byte order. A signature may stand behind the ELF object, where it disturbs nobody.

use object::elf::{FileHeader32, FileHeader64};
use object::read::elf::{FileHeader, SectionHeader};
use object::{Endianness, FileKind};

/// What is wrong with a module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Damage {
    /// It is no ELF object, or a part of it lies past its end: it may have been cut.
    NotElf,
    /// It says nothing of itself: the section is not there or is empty.
    Silent,
}

/// The settings of a module in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ModInfo(Vec<(Vec<u8>, Vec<u8>)>);

impl ModInfo {
    /// Reads the section of an uncompressed module.
    ///
    /// # Errors
    /// When there is none that can be read.
    pub fn parse(elf: &[u8]) -> Result<Self, Damage> {
        let section = match FileKind::parse(elf) {
            Ok(FileKind::Elf32) => section::<FileHeader32<Endianness>>(elf),
            Ok(FileKind::Elf64) => section::<FileHeader64<Endianness>>(elf),
            _ => return Err(Damage::NotElf),
        };
        let Ok(section) = section else { return Err(Damage::NotElf) };
        let bytes = section.unwrap_or_default();
        let setting = |text: &[u8]| {
            let (tag, value) = text.split_at(text.iter().position(|&b| b == b'=')?);
            Some((tag.to_vec(), value.get(1..).unwrap_or_default().to_vec()))
        };
        let settings: Vec<_> = bytes.split(|&b| b == 0).filter_map(setting).collect();
        if settings.is_empty() { Err(Damage::Silent) } else { Ok(Self(settings)) }
    }

    /// The values of a tag in order; each author, for one, has a line.
    pub fn all(&self, tag: &str) -> impl Iterator<Item = &[u8]> {
        self.0.iter().filter(move |(t, _)| t == tag.as_bytes()).map(|(_, value)| value.as_slice())
    }

    /// The first value of a tag that says something.
    #[must_use]
    pub fn first(&self, tag: &str) -> Option<&[u8]> {
        self.all(tag).map(<[u8]>::trim_ascii).find(|value| !value.is_empty())
    }
}

/// The bytes of the section; nothing, if the object has none.
fn section<Elf: FileHeader<Endian = Endianness>>(elf: &[u8]) -> object::Result<Option<&[u8]>> {
    let header = Elf::parse(elf)?;
    let endian = header.endian()?;
    let sections = header.sections(endian, elf)?;
    match sections.section_by_name(endian, b".modinfo") {
        Some((_, section)) => section.data(endian, elf).map(Some),
        None => Ok(None),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use proptest::prelude::*;

    const SAYS: &[u8] =
        b"version=1.2\0author=Ann <a@k.example>\0author=K Lab\0description=\0description=A=B\0odd\0";

    /// An object with one section of its own, in 32 or 64 bits and in little or big endian.
    pub(crate) fn elf(wide: bool, little: bool, name: &[u8], section: &[u8]) -> Vec<u8> {
        let names = [b"\0.shstrtab\0", name, b"\0"].concat();
        let number = |value: usize, bytes: usize| {
            let mut out = value.to_le_bytes()[..bytes].to_vec();
            if !little {
                out.reverse();
            }
            out
        };
        let word = if wide { 8 } else { 4 };
        let (header, row) = if wide { (64, 64) } else { (52, 40) };
        let table = header + section.len() + names.len();
        let mut out = vec![0x7f, b'E', b'L', b'F', if wide { 2 } else { 1 }, if little { 1 } else { 2 }, 1];
        out.resize(16, 0);
        for (value, bytes) in [(1, 2), (62, 2), (1, 4), (0, word), (0, word), (table, word), (0, 4)] {
            out.extend(number(value, bytes));
        }
        for value in [header, 0, 0, row, 3, 1] {
            out.extend(number(value, 2));
        }
        out.extend_from_slice(section);
        out.extend_from_slice(&names);
        let rows =
            [(0, 0, 0, 0), (1, 3, header + section.len(), names.len()), (11, 1, header, section.len())];
        for (name, kind, offset, size) in rows {
            let fields = [(name, 4), (kind, 4), (0, word), (0, word), (offset, word), (size, word)];
            for (value, bytes) in fields.into_iter().chain([(0, 4), (0, 4), (1, word), (0, word)]) {
                out.extend(number(value, bytes));
            }
        }
        out
    }

    #[test]
    fn modules_of_every_machine_tell_of_themselves() {
        for (wide, little) in [(true, true), (true, false), (false, true), (false, false)] {
            let signed =
                [&elf(wide, little, b".modinfo", SAYS)[..], b"~Module signature appended~\n"].concat();
            let info = ModInfo::parse(&signed).unwrap();
            let authors: Vec<_> = info.all("author").collect();
            assert_eq!(authors, [&b"Ann <a@k.example>"[..], b"K Lab"]);
            assert_eq!(info.first("description"), Some(&b"A=B"[..]));
            assert_eq!((info.first("version"), info.first("license")), (Some(&b"1.2"[..]), None));
        }
    }

    #[test]
    fn a_module_that_says_nothing_is_damage() {
        let of = |name: &[u8], says: &[u8]| ModInfo::parse(&elf(true, true, name, says));
        assert_eq!(of(b".text", SAYS), Err(Damage::Silent));
        assert_eq!(of(b".modinfo", b""), Err(Damage::Silent));
        assert_eq!(of(b".modinfo", b"\0odd\0"), Err(Damage::Silent));
        assert_eq!(ModInfo::parse(b""), Err(Damage::NotElf));
        assert_eq!(ModInfo::parse(b"!<arch>\n"), Err(Damage::NotElf));
    }

    #[test]
    fn every_cut_is_told() {
        let whole = elf(true, true, b".modinfo", SAYS);
        for end in 0..whole.len() {
            assert_eq!(ModInfo::parse(&whole[..end]), Err(Damage::NotElf), "{end}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_end_without_a_panic(wide: bool, bytes: Vec<u8>) {
            let start = elf(wide, true, b".modinfo", SAYS);
            prop_assert!(ModInfo::parse(&bytes).is_err());
            if let Ok(info) = ModInfo::parse(&[&start[..16], &bytes].concat()) {
                prop_assert!(info.all("author").count() <= bytes.len());
            }
        }

        #[test]
        fn a_changed_byte_ends_without_a_panic(wide: bool, little: bool, at: usize, to: u8) {
            let mut bytes = elf(wide, little, b".modinfo", SAYS);
            let at = at % bytes.len();
            bytes[at] = to;
            if let Ok(info) = ModInfo::parse(&bytes) {
                prop_assert!(info.all("author").count() <= bytes.len());
            }
        }
    }
}
