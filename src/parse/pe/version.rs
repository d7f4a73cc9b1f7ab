//! What a program of Windows says of itself in its version resource.
//!
//! Format: `VS_VERSIONINFO` (learn.microsoft.com/windows/win32/menurc/vs-versioninfo): blocks within blocks, each with
//! its length, a key in UTF-16 and a value from the next multiple of four bytes on. Lengths are often wrong, by a null or
//! by a factor of two, so the nesting is not followed: a string is found by its key, and ends at its null.

use crate::text::Text;

use super::{u16_at, u32_at};

/// Characters of one string that are read.
const MAX_CHARACTERS: usize = 4096;
/// What the numbers of a version begin with.
const FIXED: u32 = 0xfeef_04bd;

/// What a version resource says; empty strings are none.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Version {
    /// The maker (`CompanyName`).
    pub company: Option<Text>,
    /// The product it is a part of (`ProductName`).
    pub product: Option<Text>,
    /// What it is for (`FileDescription`).
    pub description: Option<Text>,
    /// What its file is called (`OriginalFilename`).
    pub original_name: Option<Text>,
    /// The file's version (`FileVersion`), or else its four numbers.
    pub file_version: Option<Text>,
    /// The product's version (`ProductVersion`), or else its four numbers.
    pub product_version: Option<Text>,
}

impl Version {
    /// Reads a version resource; nothing, if it does not begin as one.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let after = values(bytes, "VS_VERSION_INFO").next().filter(|after| *after <= 64)?;
        let text = |key| values(bytes, key).find_map(|at| string(bytes.get(at..)?));
        let is_fixed = u32_at(bytes, after) == FIXED;
        let numbers = |at: usize| {
            let numbers = [2, 0, 6, 4].map(|part| u16_at(bytes, after + at + part));
            (is_fixed && numbers != [0; 4]).then(|| Text::from(numbers.map(|n| n.to_string()).join(".")))
        };
        Some(Self {
            company: text("CompanyName"),
            product: text("ProductName"),
            description: text("FileDescription"),
            original_name: text("OriginalFilename"),
            file_version: text("FileVersion").or_else(|| numbers(8)),
            product_version: text("ProductVersion").or_else(|| numbers(16)),
        })
    }

    /// Takes of another what this one does not tell.
    pub(super) fn add(&mut self, other: Self) {
        for (mine, others) in [
            (&mut self.company, other.company),
            (&mut self.product, other.product),
            (&mut self.description, other.description),
            (&mut self.original_name, other.original_name),
            (&mut self.file_version, other.file_version),
            (&mut self.product_version, other.product_version),
        ] {
            *mine = mine.take().or(others);
        }
    }
}

/// Where the values of a key begin, in whatever case it is written.
fn values<'a>(bytes: &'a [u8], key: &'a str) -> impl Iterator<Item = usize> + 'a {
    let length = key.len() * 2 + 2;
    let wanted = || key.bytes().chain([0]).flat_map(|b| [b, 0]);
    let is_key = move |at: &usize| {
        let here = bytes.get(*at..*at + length).unwrap_or_default();
        here.len() == length && here.iter().zip(wanted()).all(|(a, b)| a.eq_ignore_ascii_case(&b))
    };
    (0..bytes.len()).step_by(2).filter(is_key).map(move |at| {
        let after = at + length;
        // Not everyone fills up to a multiple of four.
        if u16_at(bytes, after) == 0 { after.next_multiple_of(4) } else { after }
    })
}

/// The text up to a null; nothing, if there is none.
fn string(bytes: &[u8]) -> Option<Text> {
    let units = bytes.chunks_exact(2).map(|unit| u16_at(unit, 0)).take(MAX_CHARACTERS);
    let text = utf16(units.take_while(|unit| *unit != 0));
    (!text.raw().trim().is_empty()).then(|| Text::from(text.raw().trim()))
}

/// UTF-16 as text; half of a pair of surrogates is kept as the bytes that it would be.
fn utf16(units: impl Iterator<Item = u16>) -> Text {
    let mut bytes = Vec::new();
    for unit in char::decode_utf16(units) {
        match unit {
            Ok(c) => bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
            Err(half) => {
                let [high, low] = half.unpaired_surrogate().to_be_bytes();
                bytes.extend([0xe0 | high >> 4, 0x80 | (high & 15) << 2 | low >> 6, 0x80 | low & 63]);
            }
        }
    }
    Text::from_bytes(&bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A block of strings, without the lengths that are not read.
    pub(crate) fn resource(strings: &[(&str, &str)]) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut block = |key: &str, value: &str| {
            bytes.extend([0; 6]);
            bytes.extend(key.encode_utf16().chain([0]).flat_map(u16::to_le_bytes));
            bytes.resize(bytes.len().next_multiple_of(4), 0);
            bytes.extend(value.encode_utf16().chain([0]).flat_map(u16::to_le_bytes));
            bytes.resize(bytes.len().next_multiple_of(4), 0);
        };
        block("VS_VERSION_INFO", "");
        for (key, value) in strings {
            block(key, value);
        }
        bytes
    }

    #[test]
    fn the_first_language_that_tells_is_taken() {
        let bytes = resource(&[
            ("CompanyName", ""),
            ("ProductName", "Продукт"),
            ("companyname", " AO \u{202e} "),
            ("ProductName", "Other"),
            ("OriginalFilename", "AVP.EXE"),
        ]);
        let version = Version::parse(&bytes).unwrap();
        assert_eq!(version.company.unwrap().raw(), "AO \u{202e}");
        assert_eq!(version.product.unwrap().raw(), "Продукт");
        assert_eq!(version.original_name.unwrap().raw(), "AVP.EXE");
        assert_eq!(version.file_version, None);
    }

    #[test]
    fn numbers_stand_in_for_the_text_of_a_version() {
        let mut bytes = resource(&[]);
        bytes.truncate(40);
        bytes.extend(b"\xbd\x04\xef\xfe\0\0\x01\0\x02\0\x01\0\x04\0\x03\0\0\0\0\0\0\0\0\0");
        let version = Version::parse(&bytes).unwrap();
        assert_eq!(version.file_version.unwrap().raw(), "1.2.3.4");
        assert_eq!(version.product_version, None);
        assert_eq!(Version::parse(b"VS_VERSION_INFO"), None);
    }

    #[test]
    fn half_a_pair_of_surrogates_is_kept() {
        assert_eq!(utf16([0x41, 0xd83d, 0x42, 0xd83d, 0xde00].into_iter()).raw(), "A\\xed\\xa0\\xbdB😀");
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_end_without_a_panic(bytes: Vec<u8>) {
            proptest::prop_assert_eq!(Version::parse(&bytes), None);
        }

        #[test]
        fn a_changed_resource_ends_without_a_panic(at in 0_usize..140, byte: u8, length in 0_usize..140) {
            let mut bytes = resource(&[("CompanyName", "Maker"), ("FileVersion", "1.2")]);
            if let Some(here) = bytes.get_mut(at) {
                *here = byte;
            }
            bytes.truncate(length);
            if let Some(Version { company: Some(company), .. }) = Version::parse(&bytes) {
                proptest::prop_assert!(company.raw().len() < 30);
            }
        }
    }
}
