//! Names, versions and lists of files of Gentoo's packages.
//!
//! Format: the Package Manager Specification, 3.1 (names) and 3.2 (versions); portage(5) for the place of the lists,
//! whose lines are a sort, a path and what the sort needs. Names may hold dashes and digits, but may not end in what
//! reads as a version, so `name-version` comes apart in one way only. Paths may hold blanks.

/// What may follow a version's number, each with a number of its own.
const SUFFIXES: &[&[u8]] = &[b"alpha", b"beta", b"pre", b"rc", b"p"];

/// The name and the version, with its revision, of `name-version`; nothing, if it is none.
#[must_use]
pub fn name_version(full: &[u8]) -> Option<(&[u8], &[u8])> {
    let name = before_version(full).filter(|name| is_package(name))?;
    Some((name, full.get(name.len() + 1..)?))
}

/// Whether this is the name of a package without a version.
#[must_use]
pub fn is_package(name: &[u8]) -> bool {
    is_name(name) && before_version(name).is_none()
}

/// Whether this is the name of a category.
#[must_use]
pub fn is_category(name: &[u8]) -> bool {
    let undotted: Vec<u8> = name.iter().map(|&b| if b == b'.' { b'-' } else { b }).collect();
    is_name(&undotted)
}

/// What stands before a version and its dash.
fn before_version(full: &[u8]) -> Option<&[u8]> {
    let apart = |bytes: &[u8]| bytes.iter().rposition(|&b| b == b'-');
    let base = apart(full).and_then(|dash| {
        let number = full.get(dash + 1..)?.strip_prefix(b"r")?;
        (!number.is_empty() && after_digits(number).is_empty()).then_some(full.get(..dash)?)
    });
    let base = base.unwrap_or(full);
    let dash = apart(base)?;
    is_version(base.get(dash + 1..)?).then_some(base.get(..dash)?)
}

fn is_name(name: &[u8]) -> bool {
    let right = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'_' | b'-');
    name.iter().all(right) && name.first().is_some_and(|b| !matches!(b, b'+' | b'-'))
}

/// Whether this is a version without a revision.
fn is_version(mut text: &[u8]) -> bool {
    loop {
        let rest = after_digits(text);
        if rest.len() == text.len() {
            return false;
        }
        let Some(more) = rest.strip_prefix(b".") else {
            text = rest;
            break;
        };
        text = more;
    }
    if let [b'a'..=b'z', rest @ ..] = text {
        text = rest;
    }
    while let Some(rest) = text.strip_prefix(b"_") {
        let Some(rest) = SUFFIXES.iter().find_map(|suffix| rest.strip_prefix(*suffix)) else { return false };
        text = after_digits(rest);
    }
    text.is_empty()
}

fn after_digits(text: &[u8]) -> &[u8] {
    let end = text.iter().position(|b| !b.is_ascii_digit()).unwrap_or(text.len());
    text.get(end..).unwrap_or_default()
}

/// A line of a list of files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entry<'a> {
    /// A folder, which is often that of many packages.
    Folder(&'a [u8]),
    /// A file, a link, a pipe or a device.
    File(&'a [u8]),
}

/// Reads a line of a list of files; nothing, if it is none.
#[must_use]
pub fn entry(line: &[u8]) -> Option<Entry<'_>> {
    let (sort, rest) = line.split_at_checked(4)?;
    // The last word, a time in seconds, and what is before it.
    let timed = |text: &[u8]| -> Option<usize> {
        let blank = text.iter().rposition(|&b| b == b' ')?;
        let time = text.get(blank + 1..)?;
        (!time.is_empty() && after_digits(time).is_empty()).then_some(blank)
    };
    let read = match sort {
        b"dir " => Entry::Folder(rest),
        b"fif " | b"dev " => Entry::File(rest),
        b"obj " => {
            let summed = rest.get(..timed(rest)?)?;
            let blank = summed.iter().rposition(|&b| b == b' ')?;
            let digest = summed.get(blank + 1..)?;
            let is_digest = !digest.is_empty() && digest.iter().all(u8::is_ascii_hexdigit);
            Entry::File(summed.get(..blank).filter(|_| is_digest)?)
        }
        b"sym " => {
            let says = rest.get(..timed(rest)?)?;
            let arrow = says.windows(4).position(|w| w == b" -> ")?;
            Entry::File(says.get(..arrow)?)
        }
        _ => return None,
    };
    let (Entry::Folder(path) | Entry::File(path)) = read;
    (path.starts_with(b"/") && !path.contains(&0)).then_some(read)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(full: &str) -> Option<(&str, &str)> {
        let (name, version) = name_version(full.as_bytes())?;
        Some((std::str::from_utf8(name).unwrap(), std::str::from_utf8(version).unwrap()))
    }

    #[test]
    fn a_name_and_a_version_come_apart_in_one_way() {
        for (full, name, version) in [
            ("skopeo-1.5.1", "skopeo", "1.5.1"),
            ("Getopt-Long-2.580.0", "Getopt-Long", "2.580.0"),
            ("openssl-1.1.1w-r2", "openssl", "1.1.1w-r2"),
            ("rust-9999", "rust", "9999"),
            ("foo-1_alpha2_p20240101-r10", "foo", "1_alpha2_p20240101-r10"),
            ("foo-1_pre", "foo", "1_pre"),
            ("gtk+-3.24", "gtk+", "3.24"),
            ("font-adobe-100dpi-1.0.4", "font-adobe-100dpi", "1.0.4"),
            ("a-r1-2", "a-r1", "2"),
        ] {
            assert_eq!(split(full), Some((name, version)), "{full}");
        }
        for none in [
            "",
            "-",
            "-1",
            "foo",
            "foo-",
            "foo-1-2",
            "foo-1-r1-2",
            "foo-r1",
            "foo-1_x",
            "foo-1..2",
            "foo-1.",
            "+a-1",
            "f o-1",
            "2.580.0",
            "{}",
            "foo-1Z",
        ] {
            assert_eq!(split(none), None, "{none}");
        }
        assert!(is_package(b"Getopt-Long") && !is_package(b"foo-1") && !is_package(b"2.580.0"));
        assert!(
            is_category(b"app-containers") && is_category(b"x.y") && !is_category(b".x") && !is_category(b"")
        );
    }

    #[test]
    fn a_line_is_a_sort_a_path_and_more() {
        assert_eq!(entry(b"dir /usr/my bin"), Some(Entry::Folder(b"/usr/my bin")));
        assert_eq!(entry(b"obj /a b 1 d41d8cd9 1649284374"), Some(Entry::File(b"/a b 1")));
        assert_eq!(entry(b"sym /lib64/a b -> x -> y 16"), Some(Entry::File(b"/lib64/a b")));
        assert_eq!(entry(b"fif /run/p"), Some(Entry::File(b"/run/p")));
        for none in [
            &b""[..],
            b"obj",
            b"obj /a",
            b"obj /a d41d8cd9 16x",
            b"obj /a x 16",
            b"sym /a b 16",
            b"sym /a -> b",
            b"dir usr",
            b"bogus contents",
            b"dir /a\0",
        ] {
            assert_eq!(entry(none), None, "{none:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_end_without_a_panic(bytes: Vec<u8>) {
            let _ = (entry(&bytes), is_category(&bytes), is_package(&bytes));
            if let Some((name, version)) = name_version(&bytes) {
                proptest::prop_assert_eq!([name, b"-", version].concat(), bytes);
            }
        }

        #[test]
        fn what_is_put_together_comes_apart(
            name in "[A-Za-z][A-Za-z_+]{0,5}(-[a-z_+]{1,5}){0,2}",
            version in "[0-9]{1,3}(\\.[0-9]{1,3}){0,3}[a-z]?(_(alpha|beta|pre|rc|p)[0-9]{0,2}){0,2}(-r[0-9]{1,2})?",
        ) {
            let full = format!("{name}-{version}");
            proptest::prop_assert_eq!(split(&full), Some((name.as_str(), version.as_str())));
        }
    }
}
