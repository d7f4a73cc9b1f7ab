//! Blocks of headers: what describes a Python package, and the manifest of a Java archive.
//!
//! Formats: Python's core metadata specification, which has the headers of electronic mail (RFC 822), and the JAR File
//! Specification, "JAR Manifest". A field begins at the start of a line, its continuation lines with a blank; an empty
//! line ends the block. Old tools wrote free text, as of licences, without the blank, so what is no field behind a field
//! that nobody asks for is taken for the text of that.

/// Bytes of one value that are kept.
const MAX_VALUE: usize = 64 << 10;
/// Fields that are kept; the others are as if not there.
const MAX_FIELDS: usize = 1000;

/// How the lines of one value are put together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Folding {
    /// A line break and the blanks after it are one blank (RFC 822).
    Mail,
    /// A line break and the one blank after it are nothing (JAR File Specification).
    Manifest,
}

/// Where a block ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// At an empty line.
    Closed,
    /// With the file, behind a whole line.
    AtLine,
    /// With the file, within a line.
    InLine,
}

/// The fields of a block, in order.
#[derive(Debug, PartialEq, Eq)]
pub struct Headers<'a> {
    fields: Vec<(&'a [u8], Vec<u8>)>,
    /// The number of the first line that is no field, from 1.
    pub damaged: Option<usize>,
    /// Where it ends.
    pub end: End,
}

impl<'a> Headers<'a> {
    /// Reads the block at the start of a file; only the fields of these names are kept.
    #[must_use]
    pub fn read(bytes: &'a [u8], keep: &[&str], folding: Folding) -> Self {
        let mut headers = Self { fields: Vec::new(), damaged: None, end: End::AtLine };
        let mut kept = true;
        for (number, line) in (1..).zip(bytes.split_inclusive(|&b| b == b'\n')) {
            let text = line.strip_suffix(b"\n").unwrap_or(line);
            let text = text.strip_suffix(b"\r").unwrap_or(text);
            if text.is_empty() {
                headers.end = End::Closed;
                return headers;
            }
            if !line.ends_with(b"\n") {
                headers.end = End::InLine;
            }
            if let [b' ' | b'\t', rest @ ..] = text {
                if let Some((_, value)) = headers.fields.last_mut().filter(|_| kept) {
                    if folding == Folding::Mail {
                        value.push(b' ');
                    }
                    let more = if folding == Folding::Mail { rest.trim_ascii() } else { rest };
                    value.extend(more.iter().take(MAX_VALUE.saturating_sub(value.len())));
                }
            } else if let Some((name, value)) = field(text) {
                let asked = keep.iter().any(|k| name.eq_ignore_ascii_case(k.as_bytes()));
                kept = asked && headers.fields.len() < MAX_FIELDS;
                if kept {
                    headers.fields.push((name, value.iter().copied().take(MAX_VALUE).collect()));
                }
            } else if headers.end != End::InLine && (kept || text.contains(&0)) {
                headers.damaged.get_or_insert(number);
            }
        }
        headers
    }

    /// The values of a field without surrounding blanks, by its name in any case; empty ones are none.
    pub fn all(&self, name: &str) -> impl Iterator<Item = &[u8]> {
        let named = self.fields.iter().filter(move |(n, _)| n.eq_ignore_ascii_case(name.as_bytes()));
        named.map(|(_, value)| value.trim_ascii()).filter(|value| !value.is_empty())
    }

    /// The first of them.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.all(name).next()
    }
}

/// The name and value of a line that begins a field; a name is letters, digits, `-` and `_`.
fn field(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let (name, rest) = line.split_at(line.iter().position(|&b| b == b':')?);
    let named =
        !name.is_empty() && name.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
    (named && !rest.contains(&0)).then(|| (name, rest.get(1..).unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const METADATA: &[u8] =
        b"Metadata-Version: 2.1\nName: p\nVersion: 1\nAuthor: Jane\n  Doe\nLicense: first\n\
        second: line without blank\nthird line\nProject-URL: a, b\nProject-URL: c, d\n\nName: body\n";
    const KEEP: &[&str] = &["name", "version", "author", "project-url"];

    #[test]
    fn fields_stand_before_the_empty_line() {
        let headers = Headers::read(METADATA, KEEP, Folding::Mail);
        assert_eq!((headers.end, headers.damaged), (End::Closed, None));
        assert_eq!(headers.get("NAME"), Some(&b"p"[..]));
        assert_eq!(headers.get("Author"), Some(&b"Jane Doe"[..]));
        assert_eq!(headers.all("Project-URL").collect::<Vec<_>>(), [b"a, b", b"c, d"]);
        assert_eq!(headers.get("License"), None);
    }

    #[test]
    fn a_line_that_is_no_field_is_damage_behind_one_that_is_asked_for() {
        let of = |bytes| {
            let headers = Headers::read(bytes, KEEP, Folding::Mail);
            (headers.damaged, headers.end)
        };
        assert_eq!(of(b"Name: p\n\x00\x01garbage\nVersion: 1\n\n"), (Some(2), End::Closed));
        assert_eq!(of(b"garbage\nName: p\n"), (Some(1), End::AtLine));
        assert_eq!(of(b"Name: p\nLicense: x\ntext\nNam"), (None, End::InLine));
        assert_eq!(of(b""), (None, End::AtLine));
    }

    #[test]
    fn a_manifest_is_folded_within_words() {
        let bytes = b"Manifest-Version: 1.0\r\nBundle-Vendor: Ac\r\n me \r\n Inc\r\n\r\nName: x\r\n";
        let headers = Headers::read(bytes, &["bundle-vendor"], Folding::Manifest);
        assert_eq!(headers.get("Bundle-Vendor"), Some(&b"Acme Inc"[..]));
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_end_without_a_panic(bytes: Vec<u8>) {
            let [mail, manifest] = [Folding::Mail, Folding::Manifest].map(|folding| Headers::read(&bytes, KEEP, folding));
            proptest::prop_assert_eq!((mail.end, mail.damaged), (manifest.end, manifest.damaged));
        }

        #[test]
        fn a_real_block_with_other_bytes_ends_without_a_panic(at in 0..METADATA.len(), byte: u8, cut in 0..METADATA.len()) {
            let mut bytes = METADATA.to_vec();
            bytes[at] = byte;
            bytes.truncate(cut);
            proptest::prop_assert!(Headers::read(&bytes, KEEP, Folding::Mail).all("name").count() <= 2);
        }
    }
}
