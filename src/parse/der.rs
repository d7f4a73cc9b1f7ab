//! Elements of ASN.1 as they stand one after the other, without a word on what they mean.
//!
//! Format: the Distinguished Encoding Rules (ITU-T X.690). Signatures of code break many rules of the types they are
//! made of, so only lengths are held to: what has none (the indefinite form of BER) or one past the end is refused.

/// The tag of a sequence.
pub const SEQUENCE: u8 = 0x30;
/// The tag of a set.
pub const SET: u8 = 0x31;
/// The tag of a string of bytes.
pub const OCTETS: u8 = 0x04;
/// The tag of an object identifier.
pub const OID: u8 = 0x06;
/// The tag of an integer.
pub const INTEGER: u8 = 0x02;
/// The tag of the first thing that a type marks with a number of its own; the second has the next one.
pub const CONTEXT: u8 = 0xa0;

/// One element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Element<'a> {
    /// Its first byte: class, form and number of its type.
    pub tag: u8,
    /// What is in it.
    pub body: &'a [u8],
    /// All of it.
    pub whole: &'a [u8],
}

/// The elements that some bytes consist of.
#[derive(Debug, Clone)]
pub struct Elements<'a>(&'a [u8]);

impl<'a> Elements<'a> {
    /// Those of these bytes.
    #[must_use]
    pub fn of(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// Whether all bytes were gone through. When no further element comes and this is not so, what follows is damaged.
    #[must_use]
    pub fn is_at_end(&self) -> bool {
        self.0.is_empty()
    }

    /// The body of the next element, if it is of this tag; else the element stays.
    pub fn one(&mut self, tag: u8) -> Option<&'a [u8]> {
        let mut after = self.clone();
        let element = after.next().filter(|element| element.tag == tag)?;
        *self = after;
        Some(element.body)
    }

    /// The elements of the next one, if it is of this tag; else it stays.
    pub fn enter(&mut self, tag: u8) -> Option<Self> {
        self.one(tag).map(Self)
    }
}

impl<'a> Iterator for Elements<'a> {
    type Item = Element<'a>;

    fn next(&mut self) -> Option<Element<'a>> {
        let (&tag, rest) = self.0.split_first()?;
        let (&short, rest) = rest.split_first()?;
        let (length, rest) = match short {
            0..=0x7f => (usize::from(short), rest),
            0x81..=0x84 => {
                let (digits, rest) = rest.split_at_checked(usize::from(short & 0x7f))?;
                (digits.iter().fold(0, |n, b| n << 8 | usize::from(*b)), rest)
            }
            _ => return None,
        };
        let (body, after) = rest.split_at_checked(length)?;
        let (whole, _) = self.0.split_at_checked(self.0.len() - after.len())?;
        // A type whose number does not fit into its first byte is in none of the formats.
        let element = Element { tag, body, whole };
        (tag & 0x1f != 0x1f).then(|| {
            self.0 = after;
            element
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_follow_each_other() {
        let mut all = Elements::of(b"\x02\x01\x05\x30\x81\x03\x04\x01\xff");
        assert_eq!(all.one(OCTETS), None);
        assert_eq!(all.one(INTEGER), Some(&b"\x05"[..]));
        let mut inner = all.enter(SEQUENCE).unwrap();
        let element = inner.next().unwrap();
        assert_eq!((element.tag, element.body, element.whole), (OCTETS, &b"\xff"[..], &b"\x04\x01\xff"[..]));
        assert!(all.is_at_end() && inner.is_at_end() && all.next().is_none());
    }

    #[test]
    fn what_has_no_length_or_ends_early_is_no_element() {
        for bytes in [&b"\x30"[..], b"\x30\x80\0\0", b"\x04\x02x", b"\x04\x85\0\0\0\0\0", b"\x1f\x01x"] {
            let mut all = Elements::of(bytes);
            assert!(all.next().is_none() && !all.is_at_end(), "{bytes:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_end_without_a_panic(bytes: Vec<u8>) {
            let all: usize = Elements::of(&bytes).map(|element| element.whole.len()).sum();
            proptest::prop_assert!(all <= bytes.len());
        }
    }
}
