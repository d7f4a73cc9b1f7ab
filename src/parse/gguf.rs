//! What the header of a GGUF file says of the model in it.
//!
//! Format: "GGUF" (github.com/ggml-org/ggml, docs/gguf.md): magic, version, two counts, then pairs of a key and a typed
//! value. What names the model comes first, before the long lists of the tokenizer, so that the beginning of a file
//! tells it. Version 1 counts in 32 bits, later ones in 64; a file for big-endian machines has all numbers turned.

/// What a header says; texts are the model maker's own.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Gguf {
    /// The model's name (`general.name`).
    pub name: Option<Vec<u8>>,
    /// Who published it (`general.organization`).
    pub organization: Option<Vec<u8>>,
    /// Its version (`general.version`).
    pub version: Option<Vec<u8>>,
}

/// Why a file is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// It begins with something else.
    #[error("it is no GGUF file")]
    Magic,
    /// It ends before its first key.
    #[error("it ends within its header")]
    Cut,
    /// A version that is not known.
    #[error("it is of version {0} of the format, and only 1 to 3 are known")]
    Version(u32),
}

impl Gguf {
    /// Reads the pairs that the bytes hold, which are the beginning of a file.
    ///
    /// # Errors
    /// When they are no header. Where the pairs break off or cannot be followed, what came before is kept.
    pub fn parse(bytes: &[u8]) -> Result<Self, Fault> {
        let rest = bytes.strip_prefix(b"GGUF").ok_or(Fault::Magic)?;
        let big = rest.get(..2) == Some(&[0, 0]);
        let mut reader = Reader { rest, big, wide: true };
        let version = reader.u32().ok_or(Fault::Cut)?;
        if !(1..=3).contains(&version) {
            return Err(Fault::Version(version));
        }
        reader.wide = version > 1;
        let (_tensors, pairs) = reader.count().zip(reader.count()).ok_or(Fault::Cut)?;
        let mut says = Self::default();
        for _ in 0..pairs {
            let Some((key, value)) = reader.pair() else { break };
            let text = value.filter(|text| !text.trim_ascii().is_empty()).map(<[u8]>::to_vec);
            match key {
                b"general.name" => says.name = text,
                b"general.organization" => says.organization = text,
                b"general.version" => says.version = text,
                _ => {}
            }
        }
        Ok(says)
    }
}

struct Reader<'a> {
    rest: &'a [u8],
    big: bool,
    /// Whether counts and lengths have 64 bits.
    wide: bool,
}

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(taken)
    }

    fn u32(&mut self) -> Option<u32> {
        let bytes = *self.take(4)?.first_chunk()?;
        Some(if self.big { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) })
    }

    /// A count or a length.
    fn count(&mut self) -> Option<usize> {
        if !self.wide {
            return usize::try_from(self.u32()?).ok();
        }
        let bytes = *self.take(8)?.first_chunk()?;
        let count = if self.big { u64::from_be_bytes(bytes) } else { u64::from_le_bytes(bytes) };
        usize::try_from(count).ok()
    }

    fn text(&mut self) -> Option<&'a [u8]> {
        let length = self.count()?;
        self.take(length)
    }

    /// A key, and its value if that is a text.
    fn pair(&mut self) -> Option<(&'a [u8], Option<&'a [u8]>)> {
        let key = self.text()?;
        let value = match self.u32()? {
            TEXT => Some(self.text()?),
            LIST => {
                let (of, count) = (self.u32()?, self.count()?);
                if of == TEXT {
                    // Each takes the bytes of its length at least, so this ends with the bytes.
                    for _ in 0..count {
                        self.text()?;
                    }
                } else {
                    self.take(size(of)?.checked_mul(count)?)?;
                }
                None
            }
            of => {
                self.take(size(of)?)?;
                None
            }
        };
        Some((key, value))
    }
}

const TEXT: u32 = 8;
const LIST: u32 = 9;

/// Bytes of a number of a type.
fn size(of: u32) -> Option<usize> {
    match of {
        0 | 1 | 7 => Some(1),
        2 | 3 => Some(2),
        4..=6 => Some(4),
        10..=12 => Some(8),
        _ => None,
    }
}

/// A file with these texts behind a number and a list, for tests.
#[cfg(test)]
pub(crate) fn build(texts: &[(&str, &str)]) -> Vec<u8> {
    let text = |text: &str| [&u64::try_from(text.len()).unwrap().to_le_bytes()[..], text.as_bytes()].concat();
    let pairs = u64::try_from(texts.len() + 2).unwrap();
    let mut bytes = [&b"GGUF"[..], &3_u32.to_le_bytes(), &1_u64.to_le_bytes(), &pairs.to_le_bytes()].concat();
    bytes.extend(
        [text("general.alignment"), 4_u32.to_le_bytes().to_vec(), 32_u32.to_le_bytes().to_vec()].concat(),
    );
    let list =
        [&LIST.to_le_bytes()[..], &TEXT.to_le_bytes(), &2_u64.to_le_bytes(), &text("a"), &text("")].concat();
    bytes.extend([text("general.tags"), list].concat());
    for (key, value) in texts {
        bytes.extend([text(key), TEXT.to_le_bytes().to_vec(), text(value)].concat());
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXTS: &[(&str, &str)] =
        &[("general.name", "Deep R1"), ("general.organization", "Deep Ai"), ("general.version", "R1")];

    fn wanted() -> Gguf {
        let text = |text: &str| Some(text.as_bytes().to_vec());
        Gguf { name: text("Deep R1"), organization: text("Deep Ai"), version: text("R1") }
    }

    #[test]
    fn a_header_names_its_model() {
        let mut bytes = build(TEXTS);
        assert_eq!(Gguf::parse(&bytes), Ok(wanted()));
        bytes.extend([7; 40]);
        assert_eq!(Gguf::parse(&bytes), Ok(wanted()), "what follows the pairs is not read");
        assert_eq!(Gguf::parse(&build(&[("general.name", " ")])), Ok(Gguf::default()));
    }

    #[test]
    fn the_first_version_and_the_other_byte_order() {
        let first = b"GGUF\x01\0\0\0\0\0\0\0\x01\0\0\0\x0c\0\0\0general.name\x08\0\0\0\x01\0\0\0x";
        let turned = b"GGUF\0\0\0\x03\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\x0cgeneral.name\0\0\0\x08\0\0\0\0\0\0\0\x01x";
        for bytes in [&first[..], turned] {
            assert_eq!(Gguf::parse(bytes), Ok(Gguf { name: Some(b"x".to_vec()), ..Gguf::default() }));
        }
    }

    #[test]
    fn what_is_no_header_says_so() {
        assert_eq!(Gguf::parse(b""), Err(Fault::Magic));
        assert_eq!(Gguf::parse(b"ggml"), Err(Fault::Magic));
        assert_eq!(Gguf::parse(b"GGUF\x03\0\0\0\0"), Err(Fault::Cut));
        assert_eq!(Gguf::parse(b"GGUF\x09\0\0\0"), Err(Fault::Version(9)));
    }

    #[test]
    fn lengths_beyond_the_bytes_end_the_reading() {
        let mut bytes = build(TEXTS);
        let at = bytes.windows(4).position(|w| w == b"Deep").unwrap();
        bytes[at - 8..at].fill(0xff);
        assert_eq!(Gguf::parse(&bytes), Ok(Gguf::default()));
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_end_without_a_panic(mut bytes: Vec<u8>) {
            proptest::prop_assert!(Gguf::parse(&bytes).is_err());
            bytes.splice(..0, *b"GGUF\x03\0\0\0");
            proptest::prop_assert_eq!(Gguf::parse(&bytes).is_err(), bytes.len() < 24);
        }

        /// What a changed header still says was in it.
        #[test]
        fn a_changed_header_ends_without_a_panic(at in 0_usize..200, byte: u8, length in 0_usize..260) {
            let mut bytes = build(TEXTS);
            if let Some(there) = bytes.get_mut(at) {
                *there = byte;
            }
            bytes.truncate(length);
            if let Ok(says) = Gguf::parse(&bytes) {
                proptest::prop_assert!(says.name.is_none_or(|name| name.len() < bytes.len()));
            }
        }
    }
}
