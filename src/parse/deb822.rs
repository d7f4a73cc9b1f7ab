//! Control files of Debian packages, a paragraph at a time.
//!
//! Format: deb-control(5) and deb822(5). A field begins at the start of a line, its continuation lines with a blank;
//! an empty line ends the paragraph. A line that is neither is damage, and is told with its number: what stands around
//! it is still read.

use std::io::{self, BufRead, Read};

/// Bytes of one paragraph that are kept; Debian's largest is below 64 KiB.
const MAX_PARAGRAPH: usize = 4 << 20;

/// One paragraph: fields in order, names as written.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Paragraph {
    fields: Vec<(Vec<u8>, Vec<u8>)>,
    /// The number of its first line, from 1.
    pub line: usize,
    /// The number of its first line that is no field.
    pub damaged: Option<usize>,
    /// Whether the file ends before the empty line that closes it.
    pub open_end: bool,
}

impl Paragraph {
    /// The value of a field without surrounding blanks, by its name in any case.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        let field = self.fields.iter().find(|(n, _)| n.eq_ignore_ascii_case(name.as_bytes()))?;
        Some(field.1.trim_ascii())
    }

    /// Whether it has no field at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }
}

/// Reads paragraphs; only the fields named are kept.
pub struct Paragraphs<R> {
    from: R,
    keep: &'static [&'static str],
    line: usize,
}

impl<R: BufRead> Paragraphs<R> {
    /// A reader that keeps the fields of these names.
    pub fn new(from: R, keep: &'static [&'static str]) -> Self {
        Self { from, keep, line: 0 }
    }

    /// The next paragraph; nothing at the end of the file.
    fn next_paragraph(&mut self) -> io::Result<Option<Paragraph>> {
        let mut paragraph = Paragraph::default();
        let (mut line, mut size, mut kept, mut any) = (Vec::new(), 0, false, false);
        loop {
            line.clear();
            let bound = u64::try_from(MAX_PARAGRAPH).unwrap_or(u64::MAX);
            let read = self.from.by_ref().take(bound).read_until(b'\n', &mut line)?;
            if read == 0 {
                paragraph.open_end = any;
                return Ok(any.then_some(paragraph));
            }
            self.line += 1;
            if !any {
                paragraph.line = self.line;
            }
            size += read;
            let whole = line.last() == Some(&b'\n');
            let text = line.trim_ascii_end();
            if text.is_empty() && whole {
                if any {
                    return Ok(Some(paragraph));
                }
                continue;
            }
            any = true;
            if size > MAX_PARAGRAPH || text.contains(&0) {
                paragraph.damaged.get_or_insert(self.line);
                kept = false;
            } else if let Some(b' ' | b'\t') = line.first() {
                match paragraph.fields.last_mut() {
                    Some((_, value)) if kept => {
                        value.push(b'\n');
                        value.extend_from_slice(text);
                    }
                    _ => {}
                }
            } else if let Some((name, value)) = field(text) {
                kept = self.keep.iter().any(|k| name.eq_ignore_ascii_case(k.as_bytes()));
                if kept && paragraph.fields.iter().any(|(n, _)| n.eq_ignore_ascii_case(name)) {
                    // A field stands once in a record: two records were run together.
                    paragraph.damaged.get_or_insert(self.line);
                } else if kept {
                    paragraph.fields.push((name.to_owned(), value.to_owned()));
                }
            } else {
                paragraph.damaged.get_or_insert(self.line);
                kept = false;
            }
        }
    }
}

impl<R: BufRead> Iterator for Paragraphs<R> {
    type Item = io::Result<Paragraph>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_paragraph().transpose()
    }
}

/// The name and value of a line that begins a field; a name is printable ASCII without blanks and colons (deb822(5)).
fn field(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let colon = line.iter().position(|&b| b == b':')?;
    let (name, rest) = line.split_at(colon);
    let named =
        name.first().is_some_and(|&b| b != b'#' && b != b'-') && name.iter().all(u8::is_ascii_graphic);
    named.then(|| (name, rest.get(1..).unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEEP: &[&str] = &["Package", "Version", "Conffiles"];

    fn parse(text: &[u8]) -> Vec<Paragraph> {
        Paragraphs::new(text, KEEP).map(Result::unwrap).collect()
    }

    #[test]
    fn fields_are_kept_by_name_with_their_continuation() {
        let text = b"\n\nPackage: a\nDescription: long\n more\nConffiles:\n /etc/a 1\n /etc/b 2\nversion:1\n\nPackage: b\n\n";
        let read = parse(text);
        assert_eq!(read.len(), 2);
        assert_eq!(read[0].get("package"), Some(&b"a"[..]));
        assert_eq!(read[0].get("Version"), Some(&b"1"[..]));
        assert_eq!(read[0].get("Description"), None);
        assert_eq!(read[0].get("Conffiles"), Some(&b"/etc/a 1\n /etc/b 2"[..]));
        assert_eq!((read[1].line, read[1].open_end, read[1].damaged), (11, false, None));
    }

    #[test]
    fn an_end_before_the_empty_line_is_open() {
        for text in [&b"Package: a\nVersi"[..], b"Package: a\n", b"Package: a\nVersion: 1"] {
            assert!(parse(text)[0].open_end, "{text:?}");
        }
        assert!(parse(b"").is_empty());
    }

    #[test]
    fn damage_has_a_line_number_and_spares_the_rest() {
        let read = parse(b"Package: a\n\xff\xfe\nVersion: 1\n\nno colon\n\nPackage: c\nVersion: a\0b\n\n");
        assert_eq!(read.iter().map(|p| p.damaged).collect::<Vec<_>>(), [Some(2), Some(5), Some(8)]);
        assert_eq!(read[0].get("Version"), Some(&b"1"[..]));
        assert!(read[1].is_empty());
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_end_without_a_panic(bytes: Vec<u8>) {
            let lines = bytes.split(|&b| b == b'\n').count();
            proptest::prop_assert!(parse(&bytes).len() <= lines);
        }
    }
}
