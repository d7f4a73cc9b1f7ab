//! Desktop entries: what a menu shows of a program and how it is started.
//!
//! Format: the Desktop Entry Specification 1.5 (freedesktop.org). Only the group `[Desktop Entry]` is read. Escapes of
//! strings are undone before the quotes of `Exec`, so that a backslash there is often written four times. A key that
//! comes again counts as it was written last, as `GLib` and KDE have it.

use std::collections::BTreeMap;

use crate::parse::unit::Damage;

/// Bytes of an entry that a reader should read; real ones have a few thousand.
pub const MAX_BYTES: u64 = 1 << 20;

const GROUP: &[u8] = b"Desktop Entry";
/// The letters of field codes, the deprecated ones too.
const CODES: &[u8] = b"fFuUickdDnNvm";

/// Why a file is no desktop entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoEntry {
    /// It holds nothing but blanks.
    #[error("it is empty")]
    Empty,
    /// It does not have the group that makes it one.
    #[error("it has no group [Desktop Entry]")]
    NoGroup,
}

/// A desktop entry.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Entry {
    /// Values as written, by key; a localized key has its locale in brackets.
    values: BTreeMap<Vec<u8>, Vec<u8>>,
    /// The lines that are neither a comment, a group nor a key with a value, or hold a NUL.
    pub damage: Option<Damage>,
}

impl Entry {
    /// Reads a file. What is damaged is counted, the rest is read.
    ///
    /// # Errors
    /// When it is empty or has no group `[Desktop Entry]`.
    pub fn parse(bytes: &[u8]) -> Result<Self, NoEntry> {
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let mut entry = Self::default();
        let (mut is_entry, mut found) = (false, false);
        for (number, line) in (1..).zip(bytes.split(|&b| b == b'\n')) {
            let line = line.trim_ascii();
            if line.is_empty() || line.starts_with(b"#") {
                continue;
            }
            let fine = if let Some(rest) = line.strip_prefix(b"[") {
                let name = rest.strip_suffix(b"]");
                is_entry = name == Some(GROUP);
                found |= is_entry;
                name.is_some()
            } else if let Some((key, value)) = setting(line) {
                if is_entry {
                    entry.values.insert(key.to_vec(), value.to_vec());
                }
                found
            } else {
                false
            };
            if !fine || line.contains(&0) {
                entry.damage.get_or_insert(Damage { line: number, count: 0 }).count += 1;
            }
        }
        match found {
            true => Ok(entry),
            false if bytes.trim_ascii().is_empty() => Err(NoEntry::Empty),
            false => Err(NoEntry::NoGroup),
        }
    }

    /// The value of a key as a string, its escapes undone: `Type`, `Icon`, `TryExec`, `X-Flatpak` …
    #[must_use]
    pub fn get(&self, key: &str) -> Option<Vec<u8>> {
        self.values.get(key.as_bytes()).map(|value| unescaped(value))
    }

    /// The values of a key that holds several, as `OnlyShowIn` does.
    #[must_use]
    pub fn list(&self, key: &str) -> Vec<Vec<u8>> {
        let (mut list, mut current, mut escaped) = (Vec::new(), Vec::new(), false);
        for &byte in self.values.get(key.as_bytes()).into_iter().flatten() {
            match byte {
                b';' if escaped => {
                    current.pop();
                    current.push(byte);
                }
                b';' => list.push(std::mem::take(&mut current)),
                _ => current.push(byte),
            }
            escaped = byte == b'\\' && !escaped;
        }
        list.push(current);
        list.iter().filter(|value| !value.is_empty()).map(|value| unescaped(value)).collect()
    }

    /// Whether a key says `true`, or `1`, as it was written long ago.
    #[must_use]
    pub fn is_set(&self, key: &str) -> bool {
        matches!(self.get(key).as_deref(), Some(b"true" | b"1"))
    }

    /// The name that is shown where none in the user's language is.
    #[must_use]
    pub fn name(&self) -> Option<Vec<u8>> {
        self.get("Name")
    }

    /// The names in other languages, by locale.
    #[must_use]
    pub fn localized_names(&self) -> BTreeMap<Vec<u8>, Vec<u8>> {
        let locale = |key: &[u8]| Some(key.strip_prefix(b"Name[")?.strip_suffix(b"]")?.to_vec());
        self.values.iter().filter_map(|(key, value)| Some((locale(key)?, unescaped(value)))).collect()
    }

    /// The program that is started and its arguments, without field codes; empty, if none is told.
    #[must_use]
    pub fn exec(&self) -> Vec<Vec<u8>> {
        self.get("Exec").map(|line| arguments(&line)).unwrap_or_default()
    }
}

/// The key and the value of a line.
fn setting(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let (key, value) = line.split_at(line.iter().position(|&b| b == b'=')?);
    let key = key.trim_ascii_end();
    (!key.is_empty()).then_some((key, value.get(1..)?.trim_ascii_start()))
}

/// A value of the type string; an unknown escape means itself.
fn unescaped(value: &[u8]) -> Vec<u8> {
    let (mut text, mut bytes) = (Vec::with_capacity(value.len()), value.iter().copied());
    while let Some(byte) = bytes.next() {
        match (byte, if byte == b'\\' { bytes.next() } else { None }) {
            (_, Some(b's')) => text.push(b' '),
            (_, Some(b'n')) => text.push(b'\n'),
            (_, Some(b't')) => text.push(b'\t'),
            (_, Some(b'r')) => text.push(b'\r'),
            (_, Some(b'\\')) => text.push(b'\\'),
            (_, other) => text.extend([Some(byte), other].into_iter().flatten()),
        }
    }
    text
}

/// The arguments of a command line. Besides the double quotes of the specification, launchers take those of a shell,
/// and a backslash outside of quotes. A quote left open lasts to the end.
fn arguments(line: &[u8]) -> Vec<Vec<u8>> {
    let (mut arguments, mut current, mut quote) = (Vec::new(), None::<Vec<u8>>, None);
    let (mut bytes, mut coded) = (line.iter().copied().peekable(), false);
    let mut end = |current: &mut Option<Vec<u8>>, coded: &mut bool| {
        // An argument that is a field code alone is none without it.
        arguments.extend(current.take().filter(|argument| !(argument.is_empty() && *coded)));
        *coded = false;
    };
    while let Some(byte) = bytes.next() {
        if quote.is_none() && byte.is_ascii_whitespace() {
            end(&mut current, &mut coded);
            continue;
        }
        let argument = current.get_or_insert_default();
        match (quote, byte) {
            (None, b'"' | b'\'') => quote = Some(byte),
            (Some(open), _) if open == byte => quote = None,
            (None, b'\\') => argument.push(bytes.next().unwrap_or(byte)),
            (Some(b'"'), b'\\') => {
                argument.push(bytes.next_if(|next| b"\"`$\\".contains(next)).unwrap_or(byte));
            }
            (_, b'%') => match bytes.next_if(|next| *next == b'%' || CODES.contains(next)) {
                None | Some(b'%') => argument.push(byte),
                Some(_) => coded = true,
            },
            _ => argument.push(byte),
        }
    }
    end(&mut current, &mut coded);
    arguments
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAMPLE: &[u8] = b"\xef\xbb\xbf# made by hand\n[Desktop Entry]\r\nType=Application\r\nName = Tool\n\
        Name[ru]=\xd0\x9a\nName[zh_CN]=\xe5\xba\xb7\nComment=one\\stwo\\n\\\\s\\q\nExec=/opt/tool/bin/tool --new %U\n\
        OnlyShowIn=GNOME;a\\;b;;KDE\nNoDisplay=true\nHidden=false\nX-Flatpak=org.tool\n\n\
        [Desktop Action new]\nName=Another\nExec=other\n";

    fn exec(line: &str) -> Vec<String> {
        let entry = Entry::parse(format!("[Desktop Entry]\nExec={line}\n").as_bytes()).unwrap();
        entry.exec().iter().map(|a| String::from_utf8_lossy(a).into_owned()).collect()
    }

    #[test]
    fn an_entry_is_the_keys_of_its_group() {
        let entry = Entry::parse(SAMPLE).unwrap();
        let get = |key| entry.get(key).map(|v| String::from_utf8(v).unwrap());
        assert_eq!(entry.name().as_deref(), Some(&b"Tool"[..]));
        assert_eq!(get("Comment").as_deref(), Some("one two\n\\s\\q"));
        assert_eq!((get("X-Flatpak").as_deref(), get("Icon")), (Some("org.tool"), None));
        assert_eq!(entry.exec(), [b"/opt/tool/bin/tool".to_vec(), b"--new".to_vec()]);
        assert_eq!(entry.list("OnlyShowIn"), [b"GNOME".to_vec(), b"a;b".to_vec(), b"KDE".to_vec()]);
        assert!(entry.list("NotShowIn").is_empty());
        assert!(entry.is_set("NoDisplay") && !entry.is_set("Hidden") && !entry.is_set("Terminal"));
        let names = entry.localized_names();
        assert_eq!(names.get(&b"ru"[..]).map(Vec::as_slice), Some("К".as_bytes()));
        assert_eq!((names.len(), entry.damage), (2, None));
    }

    #[test]
    fn the_last_of_two_values_counts() {
        let entry = Entry::parse(b"[Desktop Entry]\nExec=a\n[X]\nExec=c\n[Desktop Entry]\nExec=b").unwrap();
        assert_eq!(entry.exec(), [b"b".to_vec()]);
    }

    #[test]
    fn damage_has_a_line_number_and_spares_the_rest() {
        let entry =
            Entry::parse(b"Exec=early\n[Desktop Entry]\nwhat\n=x\nExec=/a\n[open\nExec=/b\n").unwrap();
        assert_eq!(entry.damage, Some(Damage { line: 1, count: 4 }));
        assert_eq!(entry.exec(), [b"/a".to_vec()]);
        assert_eq!(Entry::parse(b"\xef\xbb\xbf \n"), Err(NoEntry::Empty));
        assert_eq!(Entry::parse(b"\x7fELF\x01\n=\n"), Err(NoEntry::NoGroup));
        assert!(Entry::parse(b"[Desktop Entry]\nName=a\0b\n").unwrap().damage.is_some());
    }

    #[test]
    fn quotes_escapes_and_codes_are_taken_off() {
        assert_eq!(exec(r#""/opt/k l/m" %f --x=%u "" '"'"#), ["/opt/k l/m", "--x=", "", "\""]);
        assert_eq!(exec(r#"sh -c "a \\"b\\" \\$X \\\\ \\q""#), ["sh", "-c", r#"a "b" $X \ \q"#]);
        assert_eq!(exec(r"/opt/a\\ b 100%% %z"), ["/opt/a b", "100%", "%z"]);
        assert_eq!(exec(r#""/open x"#), ["/open x"]);
        assert_eq!(exec(r#""%c" %i"#), [""; 0]);
        assert_eq!(exec("%"), ["%"]);
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_end_without_a_panic(bytes: Vec<u8>) {
            if let Ok(entry) = Entry::parse(&bytes) {
                proptest::prop_assert!(entry.damage.is_none_or(|d| d.line > 0 && d.count > 0));
            }
            proptest::prop_assert!(arguments(&bytes).len() <= bytes.len());
        }

        #[test]
        fn any_changed_entry_ends_without_a_panic(at in 0..SAMPLE.len(), to: u8, cut in 0..SAMPLE.len()) {
            let mut bytes = SAMPLE.to_vec();
            bytes[at] = to;
            for bytes in [&bytes[..], &bytes[..cut]] {
                if let Ok(entry) = Entry::parse(bytes) {
                    let _ = (entry.name(), entry.localized_names(), entry.exec(), entry.list("OnlyShowIn"));
                }
            }
        }
    }
}
