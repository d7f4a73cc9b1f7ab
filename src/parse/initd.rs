//! What init scripts say of themselves, and the table of init.
//!
//! Format: the comment conventions of the Linux Standard Base 5 (Core, 22.2), inittab(5).

/// What the comments of an init script say.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Header<'a> {
    /// The names of what it starts.
    pub provides: Vec<&'a [u8]>,
    /// What it starts, in a few words for people.
    pub short_description: Option<&'a [u8]>,
}

impl<'a> Header<'a> {
    /// Reads the comments between `### BEGIN INIT INFO` and `### END INIT INFO`.
    #[must_use]
    pub fn parse(script: &'a [u8]) -> Self {
        let mut header = Self::default();
        let lines = script.split(|&b| b == b'\n').map(<[u8]>::trim_ascii);
        let lines = lines.skip_while(|line| *line != b"### BEGIN INIT INFO");
        for line in lines.skip(1).take_while(|line| *line != b"### END INIT INFO") {
            let Some(text) = line.strip_prefix(b"#").map(<[u8]>::trim_ascii_start) else { continue };
            let Some(colon) = text.iter().position(|&b| b == b':') else { continue };
            let (key, value) = (text.get(..colon), text.get(colon + 1..).unwrap_or_default().trim_ascii());
            if key == Some(b"Provides") {
                header.provides =
                    value.split(u8::is_ascii_whitespace).filter(|name| !name.is_empty()).collect();
            } else if key == Some(b"Short-Description") && !value.is_empty() {
                header.short_description = Some(value);
            }
        }
        header
    }
}

/// A line of inittab(5).
#[derive(Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    /// The number of the line, from 1.
    pub line: usize,
    /// When it is started: `respawn`, `wait`, `off` …
    pub action: &'a [u8],
    /// The command, without the `+` that keeps it out of the accounts.
    pub process: &'a [u8],
}

/// The entries of inittab(5) that run something, and the number of the first line that is none; from 1.
#[must_use]
pub fn inittab(bytes: &[u8]) -> (Vec<Entry<'_>>, Option<usize>) {
    let (mut entries, mut damaged) = (Vec::new(), None);
    for (line, text) in (1..).zip(bytes.split(|&b| b == b'\n')) {
        let text = text.trim_ascii();
        if text.is_empty() || text.starts_with(b"#") {
            continue;
        }
        let mut fields = text.splitn(4, |&b| b == b':');
        if let (Some(_), Some(_), Some(action), Some(process)) =
            (fields.next(), fields.next(), fields.next(), fields.next())
        {
            let process = process.strip_prefix(b"+").unwrap_or(process).trim_ascii();
            if !process.is_empty() {
                entries.push(Entry { line, action, process });
            }
        } else {
            damaged = damaged.or(Some(line));
        }
    }
    (entries, damaged)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCRIPT: &[u8] = b"#!/bin/sh\n# Provides: no\n### BEGIN INIT INFO\n# Provides:\t kesl  av\n\
        # Short-Description: Protects files\n#  more\n### END INIT INFO\n# Provides: no\n";
    const TABLE: &[u8] = b"# c\nid:2:initdefault:\nk:2345:respawn:/opt/k/kesl -d:x\n\n::off:+/sbin/x\nwhat\n";

    #[test]
    fn the_header_ends_where_it_says() {
        let header = Header::parse(SCRIPT);
        assert_eq!(header.provides, [&b"kesl"[..], b"av"]);
        assert_eq!(header.short_description, Some(&b"Protects files"[..]));
        assert_eq!(Header::parse(b"# Provides: x\n"), Header::default());
    }

    #[test]
    fn a_table_is_what_it_runs() {
        let (entries, damaged) = inittab(TABLE);
        let told: Vec<_> = entries.iter().map(|e| (e.line, e.action, e.process)).collect();
        assert_eq!(told, [(3, &b"respawn"[..], &b"/opt/k/kesl -d:x"[..]), (5, b"off", b"/sbin/x")]);
        assert_eq!(damaged, Some(6));
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_end_without_a_panic(bytes: Vec<u8>) {
            proptest::prop_assert!(Header::parse(&bytes).provides.iter().all(|name| !name.is_empty()));
            proptest::prop_assert!(inittab(&bytes).0.iter().all(|e| e.line > 0));
        }

        #[test]
        fn any_changed_script_ends_without_a_panic(at in 0..SCRIPT.len(), to: u8, cut in 0..TABLE.len()) {
            let mut bytes = SCRIPT.to_vec();
            bytes[at] = to;
            let (header, (entries, _)) = (Header::parse(&bytes), inittab(&TABLE[..cut]));
            proptest::prop_assert!(header.provides.len() < 9 && entries.len() < 9);
        }
    }
}
