//! Property lists of macOS, in XML, in binary and in the old form of `NeXT`, as one tree of values.
//!
//! Format: plist(5), and `CFBinaryPList.c` of Apple's Core Foundation for the binary form. A binary list may name one
//! object in many places, so that a few kilobytes unfold into gigabytes: it is built an event at a time, and what
//! unfolds further than a bound is refused.

use std::fmt;
use std::io::Cursor;

use plist::Dictionary;
pub use plist::Value;
use plist::stream::{Event, Reader};

use crate::text::Text;

/// Values of one list, unfolded.
const MAX_VALUES: usize = 1_000_000;
/// Bytes of the texts and data of one list, unfolded.
const MAX_BYTES: usize = 64 << 20;
/// Lists and dictionaries within each other.
const MAX_DEPTH: usize = 128;

/// Why some bytes are no property list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoList {
    /// There is nothing in them.
    Empty,
    /// They end too early.
    Cut,
    /// They do not follow the format, in words.
    Damaged(String),
    /// They unfold to more than is read.
    TooMuch,
}

impl fmt::Display for NoList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("it is empty, which a property list never is"),
            Self::Cut => f.write_str("it ends within its property list"),
            Self::Damaged(why) => write!(f, "it is no whole property list: {why}"),
            Self::TooMuch => {
                write!(
                    f,
                    "its property list holds more than {MAX_VALUES} values, {MAX_BYTES} bytes or {MAX_DEPTH} levels"
                )
            }
        }
    }
}

/// A list or dictionary that has not ended.
enum Open {
    List(Vec<Value>),
    /// With the key whose value comes next.
    Dictionary(Dictionary, Option<String>),
}

/// Reads a property list.
///
/// # Errors
/// When the bytes hold none, or one that unfolds past the bounds.
pub fn parse(bytes: &[u8]) -> Result<Value, NoList> {
    if bytes.trim_ascii().is_empty() {
        return Err(NoList::Empty);
    }
    let mut open: Vec<Open> = Vec::new();
    let (mut values, mut weight) = (0_usize, 0_usize);
    for event in Reader::new(Cursor::new(bytes)) {
        let event =
            event.map_err(|e| if e.is_eof() { NoList::Cut } else { NoList::Damaged(e.to_string()) })?;
        values += 1;
        weight += match &event {
            Event::String(text) => text.len(),
            Event::Data(data) => data.len(),
            _ => 0,
        };
        if values > MAX_VALUES || weight > MAX_BYTES {
            return Err(NoList::TooMuch);
        }
        let value = match event {
            Event::StartArray(_) | Event::StartDictionary(_) if open.len() == MAX_DEPTH => {
                return Err(NoList::TooMuch);
            }
            Event::StartArray(_) => {
                open.push(Open::List(Vec::new()));
                continue;
            }
            Event::StartDictionary(_) => {
                open.push(Open::Dictionary(Dictionary::new(), None));
                continue;
            }
            Event::EndCollection => match open.pop() {
                Some(Open::List(list)) => Value::Array(list),
                Some(Open::Dictionary(dictionary, None)) => Value::Dictionary(dictionary),
                _ => return Err(NoList::Damaged("a key has no value".into())),
            },
            Event::Boolean(value) => Value::Boolean(value),
            Event::Data(value) => Value::Data(value.into_owned()),
            Event::Date(value) => Value::Date(value),
            Event::Integer(value) => Value::Integer(value),
            Event::Real(value) => Value::Real(value),
            Event::String(value) => Value::String(value.into_owned()),
            Event::Uid(value) => Value::Uid(value),
            _ => return Err(NoList::Damaged("it holds a value of an unknown sort".into())),
        };
        match open.last_mut() {
            // What is no list at all would pass for one text in the form of `NeXT`.
            None if matches!(value, Value::Dictionary(_) | Value::Array(_)) => return Ok(value),
            None => return Err(NoList::Damaged("it holds one value and no list of them".into())),
            Some(Open::List(list)) => list.push(value),
            Some(Open::Dictionary(dictionary, key)) => match (key.take(), value) {
                (Some(key), value) => {
                    dictionary.insert(key, value);
                }
                (None, Value::String(name)) => *key = Some(name),
                (None, _) => return Err(NoList::Damaged("a key is no text".into())),
            },
        }
    }
    Err(NoList::Cut)
}

/// The text under a key of a dictionary, if it says something.
#[must_use]
pub fn text(of: &Value, key: &str) -> Option<Text> {
    let text = of.as_dictionary()?.get(key)?.as_string()?;
    (!text.trim().is_empty()).then(|| Text::from(text))
}

/// The value under a key of a dictionary, which is yes or no; old lists write it as a number or a word.
#[must_use]
pub fn flag(of: &Value, key: &str) -> Option<bool> {
    match of.as_dictionary()?.get(key)? {
        Value::Boolean(value) => Some(*value),
        Value::Integer(value) => Some(value.as_signed() != Some(0)),
        Value::String(value) => Some(["1", "true", "yes"].iter().any(|yes| value.eq_ignore_ascii_case(yes))),
        _ => None,
    }
}

/// The day and time under a key of a dictionary, as ISO 8601 has them.
#[must_use]
pub fn date(of: &Value, key: &str) -> Option<Text> {
    of.as_dictionary()?.get(key)?.as_date().map(|date| date.to_xml_format().into())
}

/// The list under a key of a dictionary; nothing is an empty one.
#[must_use]
pub fn list<'a>(of: &'a Value, key: &str) -> &'a [Value] {
    let list = of.as_dictionary().and_then(|d| d.get(key)).and_then(Value::as_array);
    list.map(Vec::as_slice).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const XML: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<plist version=\"1.0\"><dict>\
                       <key>Label</key><string>com.k</string><key>Disabled</key><true/>\
                       <key>L</key><array><string>a</string><integer>1</integer></array>\
                       <key>D</key><date>2024-08-07T00:47:59Z</date><key>E</key><string> </string></dict></plist>";

    /// A binary list `{"a": "b"}`.
    const BINARY: &[u8] = b"bplist00\xd1\x01\x02\x51a\x51b\x08\x0b\x0d\0\0\0\0\0\0\x01\x01\0\0\0\0\0\0\0\x03\
        \0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x0f";

    #[test]
    fn all_forms_become_the_same_tree() {
        let list = parse(XML.as_bytes()).unwrap();
        assert_eq!(text(&list, "Label"), Some("com.k".into()));
        assert_eq!((flag(&list, "Disabled"), flag(&list, "None")), (Some(true), None));
        assert_eq!(super::list(&list, "L").len(), 2);
        assert_eq!(date(&list, "D"), Some("2024-08-07T00:47:59Z".into()));
        assert_eq!(text(&list, "E"), None, "blanks say nothing");
        assert_eq!(text(&parse(BINARY).unwrap(), "a"), Some("b".into()));
        assert_eq!(text(&parse(b"{ a = \"b\"; }").unwrap(), "a"), Some("b".into()));
    }

    #[test]
    fn what_is_no_list_is_told_apart() {
        assert_eq!(parse(b""), Err(NoList::Empty));
        assert_eq!(parse(b" \n"), Err(NoList::Empty));
        for bytes in [&XML.as_bytes()[..200], &BINARY[..30], b"words without a form", b"<plist>", b"bplist00"]
        {
            assert!(parse(bytes).is_err(), "{bytes:?}");
        }
        let deep = format!("<plist>{}{}</plist>", "<array>".repeat(200), "</array>".repeat(200));
        assert_eq!(parse(deep.as_bytes()), Err(NoList::TooMuch));
    }

    /// Thirty lists, each of which holds the next one twice.
    #[test]
    fn a_list_that_unfolds_without_end_is_refused() {
        let mut bytes = b"bplist00".to_vec();
        let mut offsets = Vec::new();
        for number in 0..30_u8 {
            offsets.push(u8::try_from(bytes.len()).unwrap());
            bytes.extend([0xa2, number + 1, number + 1]);
        }
        offsets.push(u8::try_from(bytes.len()).unwrap());
        bytes.push(0x09);
        let table = bytes.len();
        bytes.extend(offsets);
        bytes.extend([0, 0, 0, 0, 0, 0, 1, 1]);
        for number in [31, 0, table] {
            bytes.extend(u64::try_from(number).unwrap().to_be_bytes());
        }
        assert_eq!(parse(&bytes), Err(NoList::TooMuch));
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_end_without_a_panic(bytes: Vec<u8>) {
            let sound = |result: &Result<Value, NoList>| result.as_ref().err().is_none_or(|e| !e.to_string().is_empty());
            for start in [&b""[..], b"bplist00", b"<plist><dict>", b"{"] {
                proptest::prop_assert!(sound(&parse(&[start, &bytes].concat())));
            }
        }

        #[test]
        fn a_changed_list_ends_without_a_panic(at in 0_usize..400, byte: u8, length in 0_usize..500) {
            for real in [XML.as_bytes(), BINARY] {
                let mut bytes = real.to_vec();
                let at = at % bytes.len();
                bytes[at] = byte;
                bytes.truncate(length);
                proptest::prop_assert!(parse(&bytes).map_or(true, |list| text(&list, "none").is_none()));
            }
        }
    }
}
