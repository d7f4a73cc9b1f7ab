//! Shell text: the commands in it, what it assigns, and the programs that a command runs.
//!
//! Format: the Shell Command Language of POSIX.1-2017 (XCU 2), as far as it tells words, quotes, assignments,
//! redirections and here-documents apart. Nothing is run: a variable is known if the text itself assigned it plainly,
//! and stays as it is written otherwise. Both branches of a condition are read, since either may run.

use std::collections::{BTreeMap, VecDeque};

use crate::parse::command::programs;

/// Bytes that variables may add to a text before they stay as they are written.
const MAX_EXPANDED: usize = 1 << 20;
/// Commands within commands that are read by themselves.
const MAX_DEPTH: usize = 8;

/// Words that stand before a command.
const RESERVED: &[&[u8]] = &[
    b"if", b"then", b"elif", b"else", b"fi", b"while", b"until", b"do", b"done", b"!", b"{", b"}", b"time",
    b"esac",
];
/// Commands of the shell whose words assign.
const DECLARE: &[&[u8]] = &[b"export", b"local", b"readonly", b"declare", b"typeset"];

/// What a text says.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Script {
    /// The words of each command, without quotes and redirections.
    pub commands: Vec<Vec<Vec<u8>>>,
    /// Names and their values, in order.
    pub assigned: Vec<(Vec<u8>, Vec<u8>)>,
}

impl Script {
    /// Reads a text. A quote left open lasts to its end.
    #[must_use]
    pub fn parse(text: &[u8]) -> Self {
        let mut reader = Reader { text, ..Reader::default() };
        reader.read();
        reader.script
    }

    /// The programs that the commands run, in order, as [`programs`] gives them.
    pub fn programs(&self) -> impl Iterator<Item = Vec<u8>> + '_ {
        self.commands.iter().flat_map(|words| programs(words))
    }
}

#[derive(Default)]
struct Reader<'a> {
    text: &'a [u8],
    at: usize,
    script: Script,
    values: BTreeMap<Vec<u8>, Vec<u8>>,
    expanded: usize,
    depth: usize,
    words: Vec<Vec<u8>>,
    word: Option<Vec<u8>>,
    /// Whether the next word is where something is redirected, and then whether it ends a here-document.
    redirected: Option<bool>,
    documents: VecDeque<Vec<u8>>,
}

impl Reader<'_> {
    fn next(&mut self) -> Option<u8> {
        let byte = self.text.get(self.at).copied();
        self.at += usize::from(byte.is_some());
        byte
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn push(&mut self, byte: u8) {
        self.word.get_or_insert_default().push(byte);
    }

    fn read(&mut self) {
        while let Some(byte) = self.next() {
            match byte {
                b'\\' => match self.next() {
                    Some(b'\n') => {}
                    next => self.push(next.unwrap_or(byte)),
                },
                b'\'' => {
                    self.word.get_or_insert_default();
                    while let Some(byte) = self.next().filter(|b| *b != b'\'') {
                        self.push(byte);
                    }
                }
                b'"' => self.quoted(),
                b'$' => self.variable(),
                b'#' if self.word.is_none() => {
                    while self.peek().is_some_and(|b| b != b'\n') {
                        self.at += 1;
                    }
                }
                b'\n' => {
                    self.end_command();
                    while let Some(end) = self.documents.pop_front() {
                        self.skip_document(&end);
                    }
                }
                b'`' => self.within(b"`"),
                b';' | b'&' | b'|' | b'(' | b')' => self.end_command(),
                b'<' | b'>' => self.redirection(byte),
                _ if byte.is_ascii_whitespace() => self.end_word(),
                _ => self.push(byte),
            }
        }
        self.end_command();
    }

    /// Reads on to the closing double quote.
    fn quoted(&mut self) {
        self.word.get_or_insert_default();
        while let Some(byte) = self.next().filter(|b| *b != b'"') {
            match (byte, self.peek()) {
                (b'\\', Some(b'\n')) => self.at += 1,
                (b'\\', Some(next @ (b'"' | b'$' | b'`' | b'\\'))) => {
                    self.at += 1;
                    self.push(next);
                }
                (b'$', _) => self.variable(),
                (b'`', _) => self.within(b"`"),
                _ => self.push(byte),
            }
        }
    }

    /// Reads a command whose output becomes a part of a word, up to what closes it; the part stays unknown.
    fn within(&mut self, close: &[u8]) {
        self.push(b'$');
        if self.depth == MAX_DEPTH {
            return;
        }
        let rest = self.text.get(self.at..).unwrap_or_default();
        let mut open = 0usize;
        let end = rest.iter().position(|byte| match byte {
            b'(' if close == b")" => {
                open += 1;
                false
            }
            b')' if open > 0 => {
                open -= 1;
                false
            }
            _ => close.contains(byte),
        });
        let end = end.unwrap_or(rest.len());
        let mut inner = Self {
            text: rest.get(..end).unwrap_or_default(),
            values: std::mem::take(&mut self.values),
            expanded: self.expanded,
            depth: self.depth + 1,
            ..Self::default()
        };
        inner.read();
        (self.values, self.expanded) = (inner.values, inner.expanded);
        self.script.commands.extend(inner.script.commands);
        self.script.assigned.extend(inner.script.assigned);
        self.at += end + 1;
    }

    /// Reads the name after a dollar sign, and puts in its value if that is known.
    fn variable(&mut self) {
        let rest = self.text.get(self.at..).unwrap_or_default();
        if rest.starts_with(b"(") {
            self.at += 1;
            return self.within(b")");
        }
        let braced = rest.strip_prefix(b"{");
        let body = braced.unwrap_or(rest);
        let length = body.iter().take_while(|b| b.is_ascii_alphanumeric() || **b == b'_').count();
        let (name, after) = body.split_at(length);
        let (takes, other) = match (braced, after.iter().position(|&b| b == b'}')) {
            (Some(_), Some(end)) => {
                let inside = after.get(..end).unwrap_or_default();
                let other = inside.strip_prefix(b":-").or_else(|| inside.strip_prefix(b"-"));
                // `${NAME#pattern}` and its like give something else.
                (length + end + 2, if inside.is_empty() { Some(&b""[..]) } else { other })
            }
            (Some(_), None) => (0, None),
            (None, _) => (length, Some(&b""[..])),
        };
        let known = other.and_then(|other| {
            let value = self.values.get(name).filter(|value| !value.is_empty());
            value.map(Vec::as_slice).or((!other.is_empty()).then_some(other))
        });
        let known = known.filter(|value| self.expanded + value.len() <= MAX_EXPANDED).map(<[u8]>::to_vec);
        if let Some(value) = known {
            self.expanded += value.len();
            self.word.get_or_insert_default().extend(value);
        } else {
            let written = rest.get(..takes).unwrap_or_default();
            let word = self.word.get_or_insert_default();
            word.push(b'$');
            word.extend_from_slice(written);
        }
        self.at += takes;
    }

    fn redirection(&mut self, byte: u8) {
        // The number before it is that of a file.
        if self.word.as_ref().is_some_and(|word| word.iter().all(u8::is_ascii_digit)) {
            self.word = None;
        }
        self.end_word();
        let is_document = byte == b'<' && self.peek() == Some(b'<');
        while self.peek().is_some_and(|b| matches!(b, b'<' | b'>' | b'&' | b'|' | b'-')) {
            self.at += 1;
        }
        self.redirected = Some(is_document);
    }

    fn skip_document(&mut self, end: &[u8]) {
        while self.at < self.text.len() {
            let rest = self.text.get(self.at..).unwrap_or_default();
            let line = rest.split(|&b| b == b'\n').next().unwrap_or_default();
            self.at += line.len() + 1;
            if line.trim_ascii() == end {
                break;
            }
        }
    }

    fn end_word(&mut self) {
        let Some(word) = self.word.take() else { return };
        if let Some(is_document) = self.redirected.take() {
            if is_document {
                self.documents.push_back(word);
            }
        } else if !self.words.is_empty() && !self.declares() {
            self.words.push(word);
        } else if let Some((name, value)) = assignment(&word) {
            self.values.insert(name.to_vec(), value.to_vec());
            self.script.assigned.push((name.to_vec(), value.to_vec()));
        } else if !RESERVED.contains(&word.as_slice()) {
            self.words.push(word);
        }
    }

    fn declares(&self) -> bool {
        self.words.first().is_some_and(|first| DECLARE.contains(&first.as_slice()))
    }

    fn end_command(&mut self) {
        self.end_word();
        self.redirected = None;
        if self.declares() {
            self.words.clear();
        } else if !self.words.is_empty() {
            self.script.commands.push(std::mem::take(&mut self.words));
        }
    }
}

/// The name and the value of a word that assigns.
pub(super) fn assignment(word: &[u8]) -> Option<(&[u8], &[u8])> {
    let (name, value) = word.split_at(word.iter().position(|&b| b == b'=')?);
    let is_name = name.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'_')
        && name.first().is_some_and(|b| !b.is_ascii_digit());
    is_name.then_some((name, value.get(1..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAMPLE: &str = "#!/bin/sh\n### BEGIN INIT INFO\n# Provides: kesl\n### END INIT INFO\n\
        HOME_DIR=\"/opt/k l\" # comment\nexport DAEMON=${HOME_DIR}/bin/kesl; NAME=kesl\n\
        [ -x \"$DAEMON\" ] || exit 0\ncat <<-EOF >/dev/null 2>&1\n\t/not/run\n\tEOF\ncase \"$1\" in\n  start)\n\
        \tif ! start-stop-daemon --start --pidfile /run/$NAME.pid --exec \"$DAEMON\" -- $OPTS; then\n\
        \t/opt/k/log \\\n --failed\n\tfi;;\nesac\n: ${X:-/opt/x}/y $(/opt/k/sub 'it''s')\n";

    fn run_by(text: &str) -> Vec<String> {
        let script = Script::parse(text.as_bytes());
        script.programs().map(|p| String::from_utf8_lossy(&p).into_owned()).collect()
    }

    fn words(text: &str) -> Vec<String> {
        let script = Script::parse(text.as_bytes());
        script.commands.iter().map(|c| String::from_utf8_lossy(&c.join(&b"|"[..])).into_owned()).collect()
    }

    #[test]
    fn a_script_is_its_commands_and_assignments() {
        let wanted = [
            "[|-x|/opt/k l/bin/kesl|]",
            "exit|0",
            "cat",
            "case|$1|in",
            "start",
            "start-stop-daemon|--start|--pidfile|/run/kesl.pid|--exec|/opt/k l/bin/kesl|--|$OPTS",
            "/opt/k/log|--failed",
            "/opt/k/sub|its",
            ":|/opt/x/y|$",
        ];
        assert_eq!(words(SAMPLE), wanted);
        let programs = run_by(SAMPLE);
        assert!(programs.contains(&"/opt/k l/bin/kesl".into()) && !programs.contains(&"/not/run".into()));
        let script = Script::parse(SAMPLE.as_bytes());
        assert_eq!(script.assigned[1], (b"DAEMON".to_vec(), b"/opt/k l/bin/kesl".to_vec()));
    }

    #[test]
    fn quotes_redirections_and_unknown_variables() {
        assert_eq!(words(r#"/a "b \"$X\" \n" 2>/dev/null >>'/x y' c <in&/d"#), [r#"/a|b "$X" \n|c"#, "/d"]);
        assert_eq!(words("export A B=1; X=1 /a ${X%1} ${Y} ${Y-z} ${Z"), ["/a|${X%1}|${Y}|z|${Z"]);
        assert_eq!(words("/a 'open ; /b"), ["/a|open ; /b"]);
        assert_eq!(words("/l/$(/u -r (x))/m \"`/v`\" $(/open"), ["/u|-r", "x", "/v", "/open", "/l/$/m|$|$"]);
        assert_eq!(words("/a#b # c\n/d \\"), ["/a#b", "/d|\\"]);
    }

    #[test]
    fn expansion_is_bounded() {
        let mut text = "A=aaaaaaaaaaaaaaaa\n".to_owned();
        assert!(Script::parse(&b"$(".repeat(1 << 18)).commands.len() <= MAX_DEPTH + 1);
        for _ in 0..40 {
            text += "A=$A$A$A$A\n";
        }
        let total: usize = Script::parse(text.as_bytes()).assigned.iter().map(|(_, v)| v.len()).sum();
        assert!(total < 3 * MAX_EXPANDED, "{total}");
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_end_without_a_panic(bytes: Vec<u8>) {
            let script = Script::parse(&bytes);
            proptest::prop_assert!(script.commands.iter().map(Vec::len).sum::<usize>() <= bytes.len());
            let _ = script.programs().count();
        }

        #[test]
        fn any_changed_script_ends_without_a_panic(at in 0..SAMPLE.len(), to: u8, cut in 0..SAMPLE.len()) {
            let mut bytes = SAMPLE.as_bytes().to_vec();
            bytes[at] = to;
            let _ = Script::parse(&bytes).programs().count() + Script::parse(&bytes[..cut]).programs().count();
        }

        #[test]
        fn any_shell_ends_without_a_panic(text in "(sh -c |[$\"'`\\\\{}:<>|&;()#=\nA-D /-]|<<E){0,60}") {
            let _ = Script::parse(text.as_bytes()).programs().count();
        }
    }
}
