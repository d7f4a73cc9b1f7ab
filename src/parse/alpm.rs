//! The description files of pacman's local database.
//!
//! Format: alpm-db-desc(5) and alpm-db-files(5). A section is a name between percent signs on a line, its values on the
//! lines below it, and an empty line that ends it, the last section too.

use std::collections::BTreeMap;

/// Sections by name, with their values.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Sections<'a> {
    by_name: BTreeMap<&'a [u8], Vec<&'a [u8]>>,
    /// The number of the first line that is in no section, or begins one again, or holds a NUL; from 1.
    pub damaged: Option<usize>,
    /// Whether the file ends before the empty line that closes its last section.
    pub open_end: bool,
}

impl<'a> Sections<'a> {
    /// Reads a file.
    #[must_use]
    pub fn parse(bytes: &'a [u8]) -> Self {
        let (mut read, mut current) = (Self::default(), None::<&[u8]>);
        for (number, line) in bytes.split(|&b| b == b'\n').enumerate() {
            let name = line.strip_prefix(b"%").and_then(|l| l.strip_suffix(b"%")).filter(|n| !n.is_empty());
            let fine = match (current, name) {
                _ if line.is_empty() => {
                    current = None;
                    true
                }
                (None, Some(name)) => {
                    current = Some(name);
                    read.by_name.insert(name, Vec::new()).is_none()
                }
                (Some(section), _) => {
                    read.by_name.entry(section).or_default().push(line);
                    !line.contains(&0)
                }
                (None, None) => false,
            };
            if !fine {
                read.damaged.get_or_insert(number + 1);
            }
        }
        read.open_end = !bytes.is_empty() && !bytes.ends_with(b"\n\n");
        read
    }

    /// The values of a section.
    #[must_use]
    pub fn all(&self, name: &str) -> &[&'a [u8]] {
        self.by_name.get(name.as_bytes()).map(Vec::as_slice).unwrap_or_default()
    }

    /// The first value of a section.
    #[must_use]
    pub fn first(&self, name: &str) -> Option<&'a [u8]> {
        self.all(name).first().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_hold_their_lines() {
        let read = Sections::parse(b"%NAME%\na\n\n%FILES%\nusr/\nusr/%x%\n\n");
        assert_eq!(
            (read.first("NAME"), read.all("FILES")),
            (Some(&b"a"[..]), &[&b"usr/"[..], b"usr/%x%"][..])
        );
        assert_eq!((read.damaged, read.open_end, read.first("URL")), (None, false, None));
    }

    #[test]
    fn damage_and_an_early_end_are_told() {
        assert_eq!(Sections::parse(b"what\n%NAME%\na\n\n").damaged, Some(1));
        assert_eq!(Sections::parse(b"%NAME%\na\n\n%NAME%\nb\n\n").damaged, Some(4));
        assert!(Sections::parse(b"%NAME%\na").open_end && Sections::parse(b"%NAME%\na\n").open_end);
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_end_without_a_panic(bytes: Vec<u8>) {
            proptest::prop_assert!(Sections::parse(&bytes).by_name.len() <= bytes.len());
        }
    }
}
