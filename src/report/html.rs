//! `html`: the report as one file for people, to be read, printed and signed.
//!
//! HTML as of the WHATWG standard, with one style sheet inside and nothing else: no script, no image, nothing that is loaded.
//! A content security policy (CSP Level 3) names the digest of that style sheet and forbids all the rest, so that even a hole
//! in the escaping would run nothing. Rows are written as they come.

use std::io::{self, Write};

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use maud::{DOCTYPE, Markup, PreEscaped, Render, html};
use sha2::{Digest, Sha256};

use super::paper::{self, Cover, Page, SECTIONS, Span};
use super::remediation::Remediation;
use super::{Format, Report, Style};
use crate::judge::Verdict;
use crate::text::{Text, is_deceptive};

pub(super) const FORMAT: Format =
    Format { id: "html", about: "one file to read, print and sign", extension: "html", write };

/// Letters of a word that is not broken over lines.
const LONGEST_WORD: usize = 24;
/// The same of a version or another name of the evidence.
const LONGEST_NUMBER: usize = 16;
const STYLE: &str = include_str!("html/style.css");

fn write(report: &Report, _: Style, out: &mut dyn Write) -> io::Result<()> {
    paper::write(report, &mut Html { out, in_section: false })
}

/// A page of HTML.
struct Html<'a> {
    out: &'a mut dyn Write,
    in_section: bool,
}

impl Html<'_> {
    fn put(&mut self, markup: Markup) -> io::Result<()> {
        self.out.write_all(markup.into_string().as_bytes())?;
        self.out.write_all(b"\n")
    }

    fn tag(&mut self, tag: &str) -> io::Result<()> {
        writeln!(self.out, "{tag}")
    }
}

/// A text with what would mislead an eye written out, and escaped as HTML.
struct Shown<'a>(&'a str);

impl Render for Shown<'_> {
    fn render_to(&self, buffer: &mut String) {
        if self.0.contains(is_deceptive) {
            Text::from(self.0).to_string().render_to(buffer);
        } else {
            self.0.render_to(buffer);
        }
    }
}

impl Render for Span {
    fn render_to(&self, buffer: &mut String) {
        let markup = match self {
            Self::Words(text) => html! { span { (Shown(text)) } },
            Self::Strong(text) => html! { strong { (Shown(text)) } },
            Self::Small(text) => html! { small { (Shown(text)) } },
            Self::Code(text) if text.len() <= LONGEST_NUMBER => html! { code.short { (Shown(text)) } },
            Self::Code(text) => html! { code { (Shown(text)) } },
            // What is longer than any word of ours may be broken all the same.
            Self::Short(text) if text.len() > LONGEST_WORD => html! { span { (Shown(text)) } },
            Self::Short(text) => html! { span.short { (Shown(text)) } },
            Self::Mark(word) => html! { span class={ "mark " (word) } { (word) } },
        };
        buffer.push_str(&markup.0);
    }
}

/// Pieces with a blank between them, for those to whom they are read aloud.
fn spans(spans: &[Span]) -> Markup {
    html! { @for (n, span) in spans.iter().enumerate() { @if n > 0 { " " } (span) } }
}

/// What stands for a verdict beside its word.
fn sign(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Prohibited => "✕",
        Verdict::Incomplete => "…",
        Verdict::Review => "?",
        Verdict::Clean => "✓",
    }
}

impl Page for Html<'_> {
    fn cover(&mut self, cover: &Cover) -> io::Result<()> {
        let digest = BASE64.encode(Sha256::digest(STYLE.as_bytes()));
        let policy =
            format!("default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'");
        let word = cover.verdict.word();
        let head = html! {
            meta charset="utf-8";
            meta http-equiv="Content-Security-Policy" content=(policy);
            meta name="viewport" content="width=device-width, initial-scale=1";
            meta name="color-scheme" content="light dark";
            meta name="referrer" content="no-referrer";
            title { "Software inventory audit: " (Shown(&cover.title)) ", " (word) }
            style { (PreEscaped(STYLE)) }
        };
        self.put(html! { (DOCTYPE) })?;
        self.tag("<html lang=\"en\">\n<head>")?;
        self.put(head)?;
        self.tag("</head>\n<body>")?;
        let header = html! {
            a.skip href="#determination" { "Skip to the determination" }
            header.cover {
                p.kind { "Software inventory audit" }
                h1 { (Shown(&cover.title)) }
                div class={ "verdict " (word) } {
                    p.word { span.sign aria-hidden="true" { (sign(cover.verdict)) } span.answer { (word) } }
                    p.meaning { (cover.meaning) }
                    p.summary { (Shown(&cover.summary)) }
                }
                @if !cover.warnings.is_empty() {
                    ul.warnings aria-label="Warnings" { @for text in &cover.warnings { li { (Shown(text)) } } }
                }
                dl.facts { @for (name, cell) in &cover.facts { div { dt { (name) } dd { (spans(cell)) } } } }
            }
            nav aria-label="Contents" {
                ol { @for (id, title) in SECTIONS { li { a href={ "#" (id) } { (title) } } } }
            }
        };
        self.put(header)?;
        self.tag("<main>")
    }

    fn section(&mut self, id: &'static str) -> io::Result<()> {
        if std::mem::replace(&mut self.in_section, true) {
            self.tag("</section>")?;
        }
        let title = SECTIONS.iter().find(|(of, _)| *of == id).map_or(id, |(_, title)| title);
        writeln!(self.out, "<section id=\"{id}\">")?;
        self.put(html! { h2 { (title) } })
    }

    fn part(&mut self, title: &[Span]) -> io::Result<()> {
        self.put(html! { h3 { (spans(title)) } })
    }

    fn paragraph(&mut self, text: &str) -> io::Result<()> {
        self.put(html! { p { (Shown(text)) } })
    }

    fn fields(&mut self, fields: &[(&'static str, paper::Cell)]) -> io::Result<()> {
        self.put(html! {
            dl.fields { @for (name, cell) in fields { div { dt { (name) } dd { (spans(cell)) } } } }
        })
    }

    fn table(
        &mut self,
        about: &str,
        heads: &[&str],
        rows: &mut dyn Iterator<Item = Vec<paper::Cell>>,
    ) -> io::Result<()> {
        let head = html! {
            caption { (about) }
            thead { tr { @for head in heads { th scope="col" { (head) } } } }
        };
        writeln!(self.out, "<table class=\"columns-{}\">", heads.len())?;
        self.put(head)?;
        self.tag("<tbody>")?;
        for row in rows {
            let cells = heads.iter().zip(&row);
            self.put(html! { tr { @for (head, cell) in cells { td data-head=(head) { (spans(cell)) } } } })?;
        }
        self.tag("</tbody>\n</table>")
    }

    fn removal(&mut self, removal: &Remediation) -> io::Result<()> {
        self.put(html! {
            ol.steps {
                @for step in &removal.steps {
                    li {
                        p { (Shown(&step.words)) }
                        @if let Some(command) = &step.command { pre { code { (Shown(command)) } } }
                        @if let Some(said) = &step.said {
                            p.said { "The machine says: " code { (Shown(said.raw())) } }
                        }
                    }
                }
            }
            dl.notes {
                @if let Some(restart) = &removal.restart { div { dt { "Restart" } dd { (Shown(restart)) } } }
                @for text in &removal.opens { div { dt { "Takes away" } dd { (Shown(text)) } } }
                @for text in &removal.remains { div { dt { "Stays behind" } dd { (Shown(text)) } } }
                div { dt { "Then" } dd { (removal.confirm) } }
            }
        })
    }

    fn blanks(&mut self, people: &[&'static str], labels: &[&'static str]) -> io::Result<()> {
        self.put(html! {
            div.people {
                @for person in people {
                    div.person {
                        h3 { (person) }
                        dl { @for label in labels { dt { (label) } dd { span.unseen { "to be filled in" } } } }
                    }
                }
            }
        })
    }

    fn close(&mut self) -> io::Result<()> {
        if self.in_section {
            self.tag("</section>")?;
        }
        self.tag("</main>\n</body>\n</html>")
    }
}
