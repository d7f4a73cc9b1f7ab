//! The code that a process has mapped into its memory, from `/proc/PID/maps`.
//!
//! Format: `proc_pid_maps(5)`. The kernel writes a line end in a name as `\012`, and nothing else in another form.

use std::borrow::Cow;

/// A file that a process can run code of.
#[derive(Debug, PartialEq, Eq)]
pub struct Code<'a> {
    /// Its path; ` (deleted)` behind it, if it is gone.
    pub path: Cow<'a, [u8]>,
    /// The number of its inode.
    pub inode: u64,
}

/// What a line says, if it is of a file and its code can be run.
#[must_use]
pub fn code(line: &[u8]) -> Option<Code<'_>> {
    // The address, the rights, the offset, the device, the inode, and the path behind as many blanks as it takes.
    let mut fields = line.splitn(6, |&b| b == b' ');
    let rights = fields.nth(1)?;
    if rights.get(2) != Some(&b'x') {
        return None;
    }
    let inode = std::str::from_utf8(fields.nth(2)?).ok()?.parse().ok()?;
    let path = fields.next()?.trim_ascii_start();
    let path = path.strip_suffix(b"\n").unwrap_or(path);
    path.starts_with(b"/").then(|| Code { path: unescaped(path), inode })
}

fn unescaped(path: &[u8]) -> Cow<'_, [u8]> {
    const LINE_END: &[u8] = b"\\012";
    if !path.windows(LINE_END.len()).any(|w| w == LINE_END) {
        return Cow::Borrowed(path);
    }
    let (mut plain, mut rest) = (Vec::with_capacity(path.len()), path);
    while let Some((first, after)) = rest.split_first() {
        if let Some(after) = rest.strip_prefix(LINE_END) {
            plain.push(b'\n');
            rest = after;
        } else {
            plain.push(*first);
            rest = after;
        }
    }
    Cow::Owned(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(line: &[u8]) -> Option<String> {
        let code = code(line)?;
        Some(format!("{} {}", code.inode, String::from_utf8(code.path.into_owned()).unwrap()))
    }

    #[test]
    fn only_files_whose_code_can_run_are_told() {
        let line = b"7f5c4-7f5c6 r-xp 00001000 08:02 173521                     /opt/k l/lib.so\n";
        assert_eq!(told(line), Some("173521 /opt/k l/lib.so".into()));
        assert_eq!(told(b"1-2 r--p 00000000 08:02 173521   /opt/lib.so\n"), None);
        assert_eq!(told(b"1-2 r-xp 00000000 00:00 0        [vdso]\n"), None);
        assert_eq!(told(b"1-2 rwxp 00000000 00:00 0 \n"), None);
        let gone = b"1-2 r-xs 00000000 00:01 2051     /memfd:k (deleted)\n";
        assert_eq!(told(gone), Some("2051 /memfd:k (deleted)".into()));
        assert_eq!(told(b"1-2 r-xp 0 0:1 5 /a\\012b\\013\\\\012"), Some("5 /a\nb\\013\\\n".into()));
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_end_without_a_panic(bytes: Vec<u8>) {
            proptest::prop_assert!(code(&bytes).is_none_or(|c| c.path.len() <= bytes.len()));
        }

        #[test]
        fn any_line_ends_without_a_panic(text in "[0-9a-f]{0,3}-[0-9]{0,3} ?[rwxp-]{0,5} [0-9]{0,21} ?[:0-9]{0,5} [0-9]{0,30} [ /\\\\012a]{0,20}") {
            proptest::prop_assert!(code(text.as_bytes()).is_none_or(|c| c.path.starts_with(b"/")));
        }
    }
}
