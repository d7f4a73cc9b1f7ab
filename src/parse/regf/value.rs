//! What a value of the registry holds, by its type.
//!
//! Format: "Registry Value Types" (learn.microsoft.com). Texts are UTF-16 and end at the first zero, which is often
//! lacking. A half of a surrogate pair is no character: it is kept as the three bytes that it would have in UTF-8.

use crate::text::Text;

/// The data of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// `REG_SZ`, `REG_EXPAND_SZ` (not expanded) and `REG_LINK`.
    Text(Text),
    /// `REG_DWORD`, of either byte order, and `REG_QWORD`.
    Integer(u64),
    /// `REG_MULTI_SZ`, without empty texts.
    Texts(Vec<Text>),
    /// All else, and numbers of a wrong size.
    Bytes(Vec<u8>),
}

impl Value {
    /// Data of a type.
    #[must_use]
    pub fn of(kind: u32, data: &[u8]) -> Self {
        let integer = |number: Option<u64>| number.map_or_else(|| Self::Bytes(data.to_vec()), Self::Integer);
        match kind {
            1 | 2 | 6 => Self::Text(utf16(until_zero(data))),
            4 => integer(data.try_into().ok().map(|bytes| u32::from_le_bytes(bytes).into())),
            5 => integer(data.try_into().ok().map(|bytes| u32::from_be_bytes(bytes).into())),
            7 => {
                let (mut texts, mut rest) = (Vec::new(), data);
                while rest.len() > 1 {
                    let text = until_zero(rest);
                    rest = rest.get(text.len() + 2..).unwrap_or_default();
                    texts.extend((!text.is_empty()).then(|| utf16(text)));
                }
                Self::Texts(texts)
            }
            11 => integer(data.try_into().ok().map(u64::from_le_bytes)),
            _ => Self::Bytes(data.to_vec()),
        }
    }

    /// It as a text, if it is one, a number or texts; nothing, if that is empty.
    #[must_use]
    pub fn text(&self) -> Option<Text> {
        let text = match self {
            Self::Text(text) => text.clone(),
            Self::Integer(number) => number.to_string().into(),
            Self::Texts(texts) => texts.iter().map(Text::raw).collect::<Vec<_>>().join(" ").into(),
            Self::Bytes(_) => return None,
        };
        (!text.raw().trim().is_empty()).then_some(text)
    }

    /// It as a number, if it is one or a text of digits.
    #[must_use]
    pub fn integer(&self) -> Option<u64> {
        match self {
            Self::Integer(number) => Some(*number),
            Self::Text(text) => text.raw().trim().parse().ok(),
            _ => None,
        }
    }
}

/// The part of UTF-16 before the first zero.
fn until_zero(bytes: &[u8]) -> &[u8] {
    let end = bytes.chunks_exact(2).position(|unit| unit == [0, 0]).map_or(bytes.len() & !1, |at| at * 2);
    bytes.get(..end).unwrap_or_default()
}

/// UTF-16 as text.
pub(super) fn utf16(bytes: &[u8]) -> Text {
    let units = bytes.chunks_exact(2).filter_map(|unit| Some(u16::from_le_bytes(*unit.first_chunk()?)));
    let mut out = Vec::with_capacity(bytes.len());
    for character in char::decode_utf16(units) {
        match character {
            Ok(character) => out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes()),
            Err(half) => {
                let [high, low] = half.unpaired_surrogate().to_be_bytes();
                out.extend([0xed, 0x80 | (high & 0x0f) << 2 | low >> 6, 0x80 | (low & 0x3f)]);
            }
        }
    }
    Text::from_bytes(&out)
}

/// Names that a hive keeps in one byte a character, which are those of ISO 8859-1.
pub(super) fn latin(bytes: &[u8]) -> Text {
    Text::from_bytes(bytes.iter().map(|byte| char::from(*byte)).collect::<String>().as_bytes())
}
