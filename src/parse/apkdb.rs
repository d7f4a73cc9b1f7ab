//! The list of installed packages of apk.
//!
//! Format: Alpine's wiki, "Apk spec", the installed database. A line is a letter, a colon and a value; an empty line ends a
//! record, the last one too. Letters differ by case (`P` is the name, `p` what it provides), and a folder (`F`) holds
//! the files (`R`) that follow it.

/// Files of one package that are read; Alpine's largest has below 20,000.
const MAX_FILES: usize = 1 << 20;

/// One package. Values are bytes as they stand in the file.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Record<'a> {
    /// `P`, its name.
    pub name: Option<&'a [u8]>,
    /// `V`, its version.
    pub version: Option<&'a [u8]>,
    /// `m`, who maintains it.
    pub maintainer: Option<&'a [u8]>,
    /// `U`, its home page.
    pub url: Option<&'a [u8]>,
    /// `p`, the names it provides, with their versions.
    pub provides: Vec<&'a [u8]>,
    /// `F` and `R`, its files from the root on.
    pub files: Vec<Vec<u8>>,
    /// The number of its first line, from 1.
    pub line: usize,
    /// The number of its first line that is none of this format, or names the package again.
    pub damaged: Option<usize>,
    /// Whether the file ends before the empty line that closes it.
    pub open_end: bool,
}

/// Reads the records of a database, in order.
#[must_use]
pub fn records(bytes: &[u8]) -> Vec<Record<'_>> {
    let (mut records, mut current, mut folder) = (Vec::new(), None::<Record<'_>>, &b""[..]);
    for (number, line) in bytes.split(|&b| b == b'\n').enumerate() {
        if line.is_empty() {
            records.extend(current.take());
            folder = b"";
            continue;
        }
        let record = current.get_or_insert_with(|| Record { line: number + 1, ..Record::default() });
        let (letter, value) = match line {
            [letter, b':', value @ ..] if letter.is_ascii_alphabetic() && !value.contains(&0) => {
                (*letter, value)
            }
            _ => (0, line),
        };
        let again = match letter {
            b'P' => record.name.replace(value).is_some(),
            b'V' => record.version.replace(value).is_some(),
            b'm' => record.maintainer.replace(value).is_some(),
            b'U' => record.url.replace(value).is_some(),
            b'p' => {
                record.provides.extend(value.split(|&b| b == b' ').filter(|p| !p.is_empty()));
                false
            }
            b'F' => {
                folder = value;
                false
            }
            b'R' if record.files.len() < MAX_FILES => {
                let slash: &[u8] = if folder.is_empty() { b"" } else { b"/" };
                record.files.push([b"/", folder, slash, value].concat());
                false
            }
            letter => letter == 0 || letter == b'R',
        };
        if again {
            record.damaged.get_or_insert(number + 1);
        }
    }
    // Before the end of a whole file stands the empty line of its last record.
    if let Some(last) = records.last_mut().filter(|_| current.is_none() && !bytes.ends_with(b"\n\n")) {
        last.open_end = true;
    }
    records.extend(current.map(|record| Record { open_end: true, ..record }));
    records
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_differ_by_case_and_files_have_folders() {
        let read = records(
            b"P:a\nV:1-r0\nm:M <m@m>\nU:https://a\np:so:x=1 cmd:a=1\nF:usr/bin\nR:a\na:0:0:755\nF:\nR:b\n\n",
        );
        assert_eq!(read.len(), 1);
        let a = &read[0];
        assert_eq!((a.name, a.version, a.line, a.damaged), (Some(&b"a"[..]), Some(&b"1-r0"[..]), 1, None));
        assert_eq!(a.provides, [&b"so:x=1"[..], b"cmd:a=1"]);
        assert_eq!(a.files, [b"/usr/bin/a".to_vec(), b"/b".to_vec()]);
        assert!(!a.open_end);
    }

    #[test]
    fn an_end_before_the_empty_line_is_open() {
        for text in [&b"P:a\nV:1"[..], b"P:a\nV:1\n", b"P:b\n\nP:a\n"] {
            assert!(records(text).last().unwrap().open_end, "{text:?}");
        }
        assert!(records(b"").is_empty() && records(b"\n").is_empty());
    }

    #[test]
    fn damage_has_a_line_number_and_spares_the_rest() {
        let read = records(b"P:a\nno\nV:1\n\nP:b\nP:c\n\nP:d\nT:x\0y\n\n");
        assert_eq!(read.iter().map(|r| r.damaged).collect::<Vec<_>>(), [Some(2), Some(6), Some(9)]);
        assert_eq!(read[0].version, Some(&b"1"[..]));
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_end_without_a_panic(bytes: Vec<u8>) {
            proptest::prop_assert!(records(&bytes).len() <= bytes.len() + 1);
        }
    }
}
