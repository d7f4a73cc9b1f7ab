//! `markdown`: the same document as plain text that ticket systems and repositories show.
//!
//! GitHub Flavored Markdown (version 0.29-gfm), of which tables are the only extension used. Text that comes from the evidence
//! is escaped so that it stays text: no markup, no link, no HTML, and never a line of its own. What cannot stand in a code
//! span as it is becomes words.

use std::io::{self, Write};

use super::paper::{self, Cell, Cover, Page, SECTIONS, Span};
use super::remediation::Remediation;
use super::{Format, Report, Style};
use crate::text::Text;

pub(super) const FORMAT: Format =
    Format { id: "markdown", about: "the same as plain text, for tickets", extension: "md", write };

fn write(report: &Report, _: Style, out: &mut dyn Write) -> io::Result<()> {
    paper::write(report, &mut Markdown { out, is_begun: false })
}

/// A page of Markdown.
pub(super) struct Markdown<'a> {
    pub(super) out: &'a mut dyn Write,
    /// Whether something stands on it, from which the next block is set apart.
    pub(super) is_begun: bool,
}

/// A text in which nothing is markup.
pub(super) fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    // What a terminal or an eye would be misled by is written out, newlines too.
    for c in Text::from(text).to_string().chars() {
        match c {
            '<' => plain.push_str("&lt;"),
            '>' => plain.push_str("&gt;"),
            '&' => plain.push_str("&amp;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' | '#' | '@' | '$' | '!' => plain.extend(['\\', c]),
            _ => plain.push(c),
        }
    }
    // Addresses are not made into links by themselves.
    plain.replace("://", ":\\//").replace("www.", "www\\.")
}

/// A text at the beginning of a line, where a dash, a number or a rule of dashes would begin a block.
fn begin(text: &str) -> String {
    let text = plain(text);
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, rest) = text.split_at_checked(digits).unwrap_or(("", &text));
    if rest.starts_with(['-', '+', '=']) || (digits > 0 && rest.starts_with(['.', ')'])) {
        return format!("{number}\\{rest}");
    }
    text.trim_start().to_owned()
}

/// A name as it is written, where it can stand so.
fn code(text: &str) -> String {
    let marks_up = |c: char| matches!(c, '`' | '|' | '<' | '>' | '&') || crate::text::is_deceptive(c);
    if text.is_empty() || text.contains(marks_up) || text.trim() != text {
        plain(text)
    } else {
        format!("`{text}`")
    }
}

/// The pieces of a cell in one line of text, which the page may show as several.
pub(super) fn line(cell: &[Span]) -> String {
    let mut line = String::new();
    let mut is_full = false;
    for span in cell {
        let (ends, text) = match span {
            Span::Words(text) | Span::Short(text) => (false, plain(text)),
            Span::Strong(text) => (false, format!("**{}**", plain(text).trim())),
            Span::Small(text) => (true, plain(text)),
            Span::Code(text) => (true, code(text)),
            Span::Mark(word) => (false, format!("**{word}**")),
        };
        let breaks = is_full || matches!(span, Span::Small(_));
        line.push_str(if line.is_empty() {
            ""
        } else if breaks {
            "<br>"
        } else {
            " "
        });
        line.push_str(&text);
        is_full = ends;
    }
    line
}

impl Markdown<'_> {
    /// Writes a block of lines, set apart from what stands before it.
    pub(super) fn block(&mut self, lines: &str) -> io::Result<()> {
        let between = if std::mem::replace(&mut self.is_begun, true) { "\n" } else { "" };
        writeln!(self.out, "{between}{lines}")
    }

    /// Writes a title of some level.
    pub(super) fn title(&mut self, level: usize, title: &[Span]) -> io::Result<()> {
        self.block(&format!("{} {}", "#".repeat(level), line(title)))
    }

    /// Writes a list, which holds at least one point.
    pub(super) fn list(&mut self, points: &[String]) -> io::Result<()> {
        let points: Vec<_> = points.iter().map(|point| format!("- {point}")).collect();
        if points.is_empty() { Ok(()) } else { self.block(&points.join("\n")) }
    }
}

impl Page for Markdown<'_> {
    fn cover(&mut self, cover: &Cover) -> io::Result<()> {
        self.title(1, &paper::words(format!("Software inventory audit: {}", cover.title)))?;
        let verdict = cover.verdict.word().to_uppercase();
        self.block(&format!("**{verdict}.** {} {}", cover.meaning, plain(&cover.summary)))?;
        let warnings: Vec<_> = cover.warnings.iter().map(|w| format!("**Warning:** {}", plain(w))).collect();
        self.list(&warnings)?;
        let facts = cover.facts.iter().map(|(name, cell)| format!("**{name}:** {}", line(cell)));
        self.list(&facts.collect::<Vec<_>>())
    }

    fn section(&mut self, id: &'static str) -> io::Result<()> {
        let title = SECTIONS.iter().find(|(of, _)| *of == id).map_or(id, |(_, title)| title);
        self.title(2, &paper::words(title))
    }

    fn part(&mut self, title: &[Span]) -> io::Result<()> {
        self.title(3, title)
    }

    fn paragraph(&mut self, text: &str) -> io::Result<()> {
        self.block(&begin(text))
    }

    fn fields(&mut self, fields: &[(&'static str, Cell)]) -> io::Result<()> {
        let fields = fields.iter().map(|(name, cell)| format!("**{name}:** {}", line(cell)));
        self.list(&fields.collect::<Vec<_>>())
    }

    fn table(
        &mut self,
        _: &str,
        heads: &[&str],
        rows: &mut dyn Iterator<Item = Vec<Cell>>,
    ) -> io::Result<()> {
        self.block(&format!("| {} |\n|{}", heads.join(" | "), "---|".repeat(heads.len())))?;
        for row in rows {
            let cells: Vec<_> = row.iter().map(|cell| line(cell)).collect();
            writeln!(self.out, "| {} |", cells.join(" | "))?;
        }
        Ok(())
    }

    fn removal(&mut self, removal: &Remediation) -> io::Result<()> {
        let mut lines = Vec::new();
        for (number, step) in removal.steps.iter().enumerate() {
            lines.push(format!("{}. {}", number + 1, plain(&step.words)));
            // A command is one line of its own, and holds no newline.
            lines.extend(step.command.as_ref().map(|command| format!("\n   ```\n   {command}\n   ```\n")));
            lines
                .extend(step.said.as_ref().map(|said| format!("   The machine says: {}", plain(said.raw()))));
        }
        self.block(&lines.join("\n"))?;
        let one = |name: &str, text: &str| format!("**{name}:** {}", plain(text));
        let mut notes: Vec<_> = removal.restart.iter().map(|text| one("Restart", text)).collect();
        notes.extend(removal.opens.iter().map(|text| one("Takes away", text)));
        notes.extend(removal.remains.iter().map(|text| one("Stays behind", text)));
        notes.push(one("Then", removal.confirm));
        self.list(&notes)
    }

    fn blanks(&mut self, people: &[&'static str], labels: &[&'static str]) -> io::Result<()> {
        let heads: Vec<&str> = std::iter::once("").chain(labels.iter().copied()).collect();
        let blank = |person: &&'static str| {
            let empty = labels.iter().map(|_| Cell::new());
            std::iter::once(vec![Span::Strong((*person).to_owned())]).chain(empty).collect()
        };
        self.table("signatures", &heads, &mut people.iter().map(blank))
    }

    fn close(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn evidence_stays_text() {
        for (text, wanted) in [
            ("[x](javascript:alert(1))", r"\[x\](javascript:alert(1))"),
            ("<script>", "&lt;script&gt;"),
            ("a|b`c`", r"a\|b\`c\`"),
            ("**a** _b_", r"\*\*a\*\* \_b\_"),
            ("a\n# b", r"a\\u{a}\# b"),
            ("https://x www.x.y", r"https:\//x www\.x.y"),
            (r"C:\x", r"C:\\x"),
        ] {
            assert_eq!(plain(text), wanted);
        }
        for (text, wanted) in
            [("- a", r"\- a"), ("1. a", r"1\. a"), ("---", r"\---"), ("12 a", "12 a"), ("# a", r"\# a")]
        {
            assert_eq!(begin(text), wanted);
        }
        assert_eq!(code("/opt/x_y"), "`/opt/x_y`");
        assert_eq!(code("a`b"), r"a\`b");
    }

    proptest::proptest! {
        #[test]
        fn any_text_ends_without_a_panic_on_one_line(text: String) {
            let written = format!("{}{}{}", plain(&text), begin(&text), code(&text));
            proptest::prop_assert!(!written.contains(['\n', '\r']));
        }
    }
}
