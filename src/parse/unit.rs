//! Unit files of systemd: sections of settings, and the programs that a command line names.
//!
//! Format: systemd.syntax(7); command lines and their prefixes: systemd.service(5). A setting may come again: it then
//! adds to the list, and an empty one takes back all before it. To systemd a NUL or a carriage return also ends a
//! line, so a setting behind one counts.

use crate::parse::command::programs as run_by;

/// Bytes of a unit file that are read, and so of a line: as many as systemd allows in one line.
pub const MAX_BYTES: usize = 1 << 20;

/// A unit file. Values are bytes as written, blanks around them cut.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Unit {
    sections: Vec<Section>,
    /// The lines that are neither a section nor a setting in one.
    pub damage: Option<Damage>,
}

/// Lines that do not follow the format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Damage {
    /// The number of the first, from 1.
    pub line: usize,
    /// How many there are.
    pub count: usize,
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Section {
    name: Vec<u8>,
    settings: Vec<(Vec<u8>, Vec<u8>)>,
}

impl Unit {
    /// Reads a file. What is damaged is counted, the rest is read; bytes past [`MAX_BYTES`] are left out and count as
    /// one damaged line.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Self {
        let mut unit = Self::default();
        let whole = bytes.get(..MAX_BYTES).unwrap_or(bytes);
        let mut rest = whole.strip_prefix(b"\xef\xbb\xbf").unwrap_or(whole);
        let mut number = 1;
        // A line that goes on in the next, and the number it began with.
        let mut open: Option<(usize, Vec<u8>)> = None;
        while !rest.is_empty() {
            let (line, ends, after) = split_line(rest);
            let text = line.trim_ascii_start();
            // A comment may stand between a line and its continuation.
            if !matches!(text.first(), Some(b'#' | b';')) {
                let (start, mut joined) = open.take().unwrap_or((number, Vec::new()));
                joined.extend_from_slice(text);
                // An even number of backslashes is that many halves escaped.
                if text.iter().rev().take_while(|&&b| b == b'\\').count() % 2 == 1 {
                    joined.pop();
                    joined.push(b' ');
                    open = Some((start, joined));
                } else {
                    unit.line(start, &joined);
                }
            }
            if ends.contains(&0) {
                unit.damaged(number);
            }
            number += usize::from(ends.contains(&b'\n'));
            rest = after;
        }
        if let Some((start, joined)) = open {
            unit.line(start, &joined);
        }
        if bytes.len() > MAX_BYTES {
            unit.damaged(number);
        }
        unit
    }

    fn line(&mut self, number: usize, line: &[u8]) {
        let line = line.trim_ascii();
        if let Some(rest) = line.strip_prefix(b"[") {
            match rest.strip_suffix(b"]") {
                Some(name) => self.sections.push(Section { name: name.to_vec(), ..Section::default() }),
                None => self.damaged(number),
            }
        } else if !line.is_empty() {
            match (self.sections.last_mut(), setting(line)) {
                (Some(section), Some((key, value))) => section.settings.push((key.to_vec(), value.to_vec())),
                _ => self.damaged(number),
            }
        }
    }

    fn damaged(&mut self, line: usize) {
        self.damage.get_or_insert(Damage { line, count: 0 }).count += 1;
    }

    /// Whether it has no section.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.sections.is_empty()
    }

    /// The values of a setting in order, without those that a later empty one takes back.
    #[must_use]
    pub fn list(&self, section: &str, key: &str) -> Vec<&[u8]> {
        let mut list = Vec::new();
        let settings =
            self.sections.iter().filter(|s| s.name == section.as_bytes()).flat_map(|s| &s.settings);
        for (_, value) in settings.filter(|(k, _)| k == key.as_bytes()) {
            if value.is_empty() { list.clear() } else { list.push(value.as_slice()) }
        }
        list
    }

    /// Reads on in a drop-in, as if it stood at the end of this file.
    pub fn append(&mut self, dropin: Self) {
        self.sections.extend(dropin.sections);
    }
}

/// The first line, what ends it, and what comes after. Different line ends in a row are one.
fn split_line(bytes: &[u8]) -> (&[u8], &[u8], &[u8]) {
    let is_end = |b: &u8| matches!(b, b'\n' | b'\r' | 0);
    let (line, rest) = bytes.split_at(bytes.iter().position(is_end).unwrap_or(bytes.len()));
    let is_new = |at: usize, b: &u8| rest.get(..at).is_some_and(|before| !before.contains(b));
    let ends = rest.iter().enumerate().take_while(|&(at, b)| is_end(b) && is_new(at, b)).count();
    let (ends, after) = rest.split_at(ends);
    (line, ends, after)
}

/// The key and the value of a setting.
fn setting(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut parts = line.splitn(2, |&b| b == b'=');
    let key = parts.next()?.trim_ascii();
    let value = parts.next()?.trim_ascii();
    (!key.is_empty()).then_some((key, value))
}

/// The programs that the value of an `ExecStart=` or its like runs, in order: the first word of each command, without
/// its prefixes, quotes and escapes, and behind a shell or another wrapper what that runs first. Lone semicolons part
/// commands.
///
/// Specifiers (`%h`) and variables (`$X`) are kept as they are written, since only a running systemd knows them.
#[must_use]
pub fn programs(value: &[u8]) -> Vec<Vec<u8>> {
    let (mut programs, mut words, mut rest) = (Vec::new(), Vec::new(), value.trim_ascii_start());
    while !rest.is_empty() {
        let (word, length) = word(rest);
        let (written, after) = rest.split_at(length);
        if written == b";" {
            programs.extend(run_by(&std::mem::take(&mut words)));
        } else if words.is_empty() {
            let prefixes = word.iter().take_while(|b| b"@-:+!|".contains(b)).count();
            words.push(word.get(prefixes..).unwrap_or_default().to_vec());
        } else {
            words.push(word);
        }
        rest = after.trim_ascii_start();
    }
    programs.extend(run_by(&words));
    programs
}

/// The first word without its quotes and escapes, and how many bytes it takes. A quote left open lasts to the end.
fn word(text: &[u8]) -> (Vec<u8>, usize) {
    let (mut word, mut quote, mut at) = (Vec::new(), None, 0);
    while let Some(&byte) = text.get(at) {
        let mut step = 1;
        match (quote, byte) {
            (None, b'"' | b'\'') => quote = Some(byte),
            (None, _) if byte.is_ascii_whitespace() => break,
            (Some(open), _) if open == byte => quote = None,
            (_, b'\\') => step = unescape(text.get(at..).unwrap_or_default(), &mut word),
            _ => word.push(byte),
        }
        at += step;
    }
    (word, at)
}

/// Adds what a backslash and the bytes after it mean, and gives their number; an unknown escape means itself.
fn unescape(text: &[u8], word: &mut Vec<u8>) -> usize {
    let Some(&letter) = text.get(1) else {
        word.push(b'\\');
        return 1;
    };
    let simple = match letter {
        b'a' => 7,
        b'b' => 8,
        b't' => b'\t',
        b'n' => b'\n',
        b'v' => 11,
        b'f' => 12,
        b'r' => b'\r',
        b's' => b' ',
        b'\\' | b'"' | b'\'' => letter,
        _ => 0,
    };
    if simple != 0 {
        word.push(simple);
        return 2;
    }
    let (start, digits, radix) = match letter {
        b'x' => (2, 2, 16),
        b'u' => (2, 4, 16),
        b'U' => (2, 8, 16),
        _ => (1, 3, 8),
    };
    let end = start + digits;
    let number = text.get(start..end).and_then(|digits| {
        digits.iter().try_fold(0, |n: u32, &d| Some(n * radix + char::from(d).to_digit(radix)?))
    });
    let wide = matches!(letter, b'u' | b'U');
    // A NUL cannot stand in an argument.
    let meant = number.filter(|&n| n != 0).and_then(|n| {
        if wide {
            Some(char::from_u32(n)?.to_string().into_bytes())
        } else {
            Some(vec![u8::try_from(n).ok()?])
        }
    });
    let Some(meant) = meant else {
        word.extend([b'\\', letter]);
        return 2;
    };
    word.extend(meant);
    end
}

#[cfg(test)]
mod tests {
    use super::*;

    fn starts(text: &[u8]) -> Vec<String> {
        let unit = Unit::parse(text);
        unit.list("Service", "ExecStart")
            .into_iter()
            .map(|v| String::from_utf8_lossy(v).into_owned())
            .collect()
    }

    fn run(value: &str) -> Vec<String> {
        programs(value.as_bytes()).iter().map(|p| String::from_utf8_lossy(p).into_owned()).collect()
    }

    #[test]
    fn settings_are_lists_of_their_section() {
        let text =
            b"# c\n[Unit]\nExecStart=/no\n[Service]\n ExecStart = /a \nexecstart=/no\n; c\n\nExecStart=/b\n";
        assert_eq!(starts(text), ["/a", "/b"]);
        assert_eq!(starts(b"[Service]\nExecStart=/a\nExecStart=\nExecStart=/b=c\n"), ["/b=c"]);
        assert_eq!(starts(b"\xef\xbb\xbf[Service]\nExecStart=/k\xff"), ["/k\u{fffd}"]);
    }

    #[test]
    fn a_line_goes_on_after_a_backslash_and_over_comments() {
        let text = b"[Service]\nExecStart=/a \\\n# no \\\n  ; nor this\n  -b \\\n\nExecStart=/c\n";
        assert_eq!(starts(text), ["/a  -b", "/c"]);
        assert_eq!(starts(b"[Service]\nExecStart=/a\\\\\nExecStart=/b\\\\\\\nc"), ["/a\\\\", "/b\\\\ c"]);
        assert_eq!(starts(b"[Service]\nExecStart=/a \\"), ["/a"]);
    }

    #[test]
    fn every_line_end_of_systemd_ends_a_line() {
        assert_eq!(starts(b"[Service]\r\nExecStart=/a \\\r\n-b\r\n\r\nExecStart=/c\r\n"), ["/a  -b", "/c"]);
        assert_eq!(starts(b"[Service]\rExecStart=/a \\\n\r-b\rExecStart=/c"), ["/a  -b", "/c"]);
        let hidden = b"[Service]\nUser=x\0ExecStart=/a\n";
        assert_eq!(starts(hidden), ["/a"]);
        assert_eq!(Unit::parse(hidden).damage, Some(Damage { line: 2, count: 1 }));
    }

    #[test]
    fn damage_has_a_line_number_and_spares_the_rest() {
        let text = b"Early=1\n[Service]\r\nno setting\n=x\n[Broken\nExecStart=/a\n";
        assert_eq!(Unit::parse(text).damage, Some(Damage { line: 1, count: 4 }));
        assert_eq!(starts(text), ["/a"]);
        assert!(Unit::parse(b"\x7fELF\x01\n=\n").is_empty());
        assert_eq!(Unit::parse(b"\n# only a comment\n"), Unit::default());
        let long = [b"[Service]\nUser=".to_vec(), vec![b'x'; MAX_BYTES]].concat();
        assert_eq!(Unit::parse(&long).damage, Some(Damage { line: 2, count: 1 }));
    }

    #[test]
    fn a_dropin_is_read_on() {
        let mut unit = Unit::parse(b"[Service]\nExecStart=/a\nUser=x\n");
        unit.append(Unit::parse(b"[Service]\nExecStart=\nExecStart=/b\n"));
        assert_eq!(unit.list("Service", "ExecStart"), [b"/b"]);
        assert_eq!(unit.list("Service", "User"), [b"x"]);
    }

    #[test]
    fn the_program_is_the_first_word_without_prefixes() {
        for prefix in ["", "-", "@", "@-", "!!", "+:", "|", "-@:+!"] {
            assert_eq!(run(&format!("{prefix}/opt/k/kesl name --x")), ["/opt/k/kesl"], "{prefix}");
        }
        assert_eq!(run("/bin/sh -c '/opt/k/kesl; true'"), ["/bin/sh", "/opt/k/kesl", "true"]);
        assert_eq!(run("/usr/bin/env A=1 nice -n 5 /opt/k/kesl /x"), ["/usr/bin/env", "nice", "/opt/k/kesl"]);
        assert_eq!(run("/bin/sh -c 'cat /etc/opt/k.conf'"), ["/bin/sh", "cat"]);
        assert_eq!(run("%h/k $X"), ["%h/k"]);
        assert_eq!(run("kesl"), ["kesl"]);
        assert!(run("").is_empty() && run(" - ").is_empty() && run("\"\"").is_empty());
    }

    #[test]
    fn lone_semicolons_part_commands() {
        assert_eq!(run("/a 1 ; -/b 2 ;"), ["/a", "/b"]);
        assert_eq!(run(r#"/a \; /b ";" /c x; /d ';' "#), ["/a"]);
    }

    #[test]
    fn quotes_and_escapes_are_taken_off() {
        assert_eq!(run(r#""/opt/k l/m" x"#), ["/opt/k l/m"]);
        assert_eq!(run(r"'-/opt/k l' x"), ["/opt/k l"]);
        assert_eq!(run(r#"-"/opt/it's" x"#), ["/opt/it's"]);
        assert_eq!(run(r"/\x6b\145\u0073\U0000006c\sa\\b x"), ["/kesl a\\b"]);
        assert_eq!(run(r"/\q\x0g\x00\777\ud800 x"), [r"/\q\x0g\x00\777\ud800"]);
        assert_eq!(run(r#""/open x"#), ["/open x"]);
        assert_eq!(run("/end\\"), ["/end\\"]);
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_end_without_a_panic(bytes: Vec<u8>) {
            let unit = Unit::parse(&bytes);
            proptest::prop_assert!(unit.damage.is_none_or(|d| d.line > 0 && d.count > 0));
            proptest::prop_assert!(programs(&bytes).len() <= bytes.len());
        }

        #[test]
        fn any_unit_ends_without_a_panic(text in "\\[Service\\]\n(ExecStart=|[-@\"';#\\\\xu0-9a/= \r\n\\x00]){0,40}") {
            for value in Unit::parse(text.as_bytes()).list("Service", "ExecStart") {
                proptest::prop_assert!(programs(value).iter().all(|p| !p.is_empty()));
            }
        }
    }
}
