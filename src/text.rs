//! Text that came from evidence, and is therefore hostile.
//!
//! File names are bytes, not characters: what is not UTF-8 is kept as `\xNN` and comes back as the same bytes.
//! A backslash that would read as such an escape is itself kept as `\x5c`. `Display` shows no control, bidirectional
//! or invisible formatting character as itself (Unicode TR 36), so that a name can neither move the cursor nor
//! reverse a line; `raw` gives the text itself, for matching and for formats that escape by their own rules.

use std::fmt;
use std::path::{Path, PathBuf};

/// A piece of evidence in characters. Ordering is that of the raw text.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Text(String);

impl Text {
    /// The text as it was found.
    #[must_use]
    pub fn raw(&self) -> &str {
        &self.0
    }

    /// Whether there is nothing in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Bytes as text; what is not UTF-8 becomes `\xNN`.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Self {
        let mut out = String::with_capacity(bytes.len());
        for chunk in bytes.utf8_chunks() {
            let mut rest = chunk.valid();
            while let Some(at) = rest.find("\\x") {
                let (before, from) = rest.split_at(at);
                out.push_str(before);
                out.push_str(if escape(from.as_bytes()).is_some() { "\\x5c" } else { "\\" });
                rest = from.get(1..).unwrap_or_default();
            }
            out.push_str(rest);
            for byte in chunk.invalid() {
                out.push_str("\\x");
                out.push_str(&hex(&[*byte]));
            }
        }
        Self(out)
    }

    /// The bytes that [`Text::from_bytes`] was given.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.0.len());
        let mut rest = self.0.as_bytes();
        while let Some((&first, after)) = rest.split_first() {
            if let Some(byte) = escape(rest) {
                out.push(byte);
                rest = rest.get(4..).unwrap_or_default();
            } else {
                out.push(first);
                rest = after;
            }
        }
        out
    }

    /// A path as text. On Windows one that begins at the root of a target has that form throughout, as elsewhere.
    #[must_use]
    pub fn from_path(path: &Path) -> Self {
        let bytes = path.as_os_str().as_encoded_bytes();
        if cfg!(windows) && matches!(bytes, [b'/', rest @ ..] if rest.contains(&b'\\')) {
            let slashed: Vec<u8> = bytes.iter().map(|&b| if b == b'\\' { b'/' } else { b }).collect();
            return Self::from_bytes(&slashed);
        }
        Self::from_bytes(bytes)
    }

    /// The path that [`Text::from_path`] was given.
    #[must_use]
    pub fn to_path(&self) -> PathBuf {
        bytes_to_path(&self.to_bytes())
    }
}

/// Bytes of a file name as a path; outside Unix, where names are not bytes, what is not UTF-8 is replaced.
pub(crate) fn bytes_to_path(bytes: &[u8]) -> PathBuf {
    #[cfg(unix)]
    {
        use std::os::unix::ffi::OsStrExt;
        PathBuf::from(std::ffi::OsStr::from_bytes(bytes))
    }
    #[cfg(not(unix))]
    {
        PathBuf::from(String::from_utf8_lossy(bytes).into_owned())
    }
}

/// The byte of a leading `\xNN` with lower-case digits, the only form that `from_bytes` writes.
fn escape(bytes: &[u8]) -> Option<u8> {
    let &[b'\\', b'x', high, low] = bytes.first_chunk::<4>()? else { return None };
    let digit = |c: u8| match c {
        b'0'..=b'9' => Some(c - b'0'),
        b'a'..=b'f' => Some(c - b'a' + 10),
        _ => None,
    };
    Some(digit(high)? << 4 | digit(low)?)
}

/// Bytes as lower-case hexadecimal digits.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.filter_map(|digit| char::from_digit(digit.into(), 16)).collect()
}

/// Whether a terminal or a reader's eye could be misled by the character.
#[must_use]
pub fn is_deceptive(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}')
        || matches!(c, '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}')
        || matches!(c, '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}')
        || matches!(c, '\u{fff9}'..='\u{fffb}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use fmt::Write;
        for c in self.0.chars() {
            if is_deceptive(c) { write!(f, "{}", c.escape_unicode())? } else { f.write_char(c)? }
        }
        Ok(())
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_back_the_same() {
        for bytes in [
            &b"plain"[..],
            b"\xff\xfe",
            b"a\\x41b",
            b"\\x",
            b"\\xzz",
            b"\\\\x41",
            "ü\u{202e}".as_bytes(),
            b"",
        ] {
            assert_eq!(Text::from_bytes(bytes).to_bytes(), bytes, "{bytes:?}");
        }
        assert_eq!(Text::from_bytes(b"k\xffl").raw(), "k\\xffl");
    }

    #[test]
    fn display_shows_no_control_or_bidi_character() {
        let shown = Text::from("a\x1b[2J\u{202e}b\nc\u{200b}").to_string();
        assert_eq!(shown, "a\\u{1b}[2J\\u{202e}b\\u{a}c\\u{200b}");
        assert!(!shown.chars().any(is_deceptive));
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_come_back_the_same(bytes: Vec<u8>) {
            proptest::prop_assert_eq!(Text::from_bytes(&bytes).to_bytes(), bytes);
        }

        #[test]
        fn paths_with_escapes_come_back_the_same(text in "(\\\\|x|[0-9a-f]|/){0,12}") {
            proptest::prop_assert_eq!(Text::from_bytes(text.as_bytes()).to_bytes(), text.into_bytes());
        }
    }
}
