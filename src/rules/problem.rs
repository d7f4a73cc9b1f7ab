//! What is wrong with a rule file, shown with its place underlined.

use std::ops::Range;

use annotate_snippets::{Annotation, AnnotationKind, Group, Level, Renderer, Snippet};

use crate::text::{Text, is_deceptive};

/// Problems that are shown; a person mends these first.
const SHOWN: usize = 100;

/// A rule file as it was read.
#[derive(Debug, Clone)]
pub struct RuleFile {
    /// Its path, or its name among the built-in ones.
    pub path: String,
    /// Its text.
    pub text: String,
    /// Whether it is part of interdict, and so held to sources and examples.
    pub builtin: bool,
}

/// A place in a rule file: the number of the file and a range of bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) file: usize,
    pub(crate) span: Range<usize>,
}

/// One thing that is wrong.
#[derive(Debug, Clone)]
pub(crate) struct Problem {
    pub(crate) place: Place,
    /// Stable name of the sort of problem.
    pub(crate) code: &'static str,
    pub(crate) message: String,
    /// What the underlined place should be.
    pub(crate) label: String,
    /// A second place that has to do with it.
    pub(crate) other: Option<(Place, &'static str)>,
    pub(crate) warning: bool,
}

/// All problems of a set of files.
#[derive(Debug, Default)]
pub(crate) struct Problems(pub(crate) Vec<Problem>);

impl Problems {
    pub(crate) fn error(
        &mut self,
        place: &Place,
        code: &'static str,
        message: impl Into<String>,
        label: impl Into<String>,
    ) {
        // They quote what the files say.
        let [message, label] = [message.into(), label.into()].map(|text| Text::from(text).to_string());
        self.0.push(Problem { place: place.clone(), code, message, label, other: None, warning: false });
    }

    /// An error in a built-in file, which ships; a warning in a user's, which works as it stands.
    pub(crate) fn lack(
        &mut self,
        files: &[RuleFile],
        place: &Place,
        code: &'static str,
        message: &str,
        label: &str,
    ) {
        self.error(place, code, message, label);
        if let Some(last) = self.0.last_mut() {
            last.warning = files.get(place.file).is_some_and(|f| !f.builtin);
        }
    }

    pub(crate) fn twice(&mut self, place: &Place, first: &Place, what: &str, id: &str) {
        self.error(
            place,
            "duplicate-id",
            format!("the {what} `{id}` is defined twice"),
            "defined again here",
        );
        self.beside(first, "first defined here");
    }

    /// Shows a second place with the last problem.
    pub(super) fn beside(&mut self, place: &Place, label: &'static str) {
        if let Some(last) = self.0.last_mut() {
            last.other = Some((place.clone(), label));
        }
    }

    /// Errors or warnings as text, in order of place; the first [`SHOWN`], and how many more there are.
    pub(crate) fn render(&self, files: &[RuleFile], warnings: bool, colour: bool) -> String {
        let mut chosen: Vec<_> = self.0.iter().filter(|p| p.warning == warnings).collect();
        chosen.sort_by_key(|p| (p.place.file, p.place.span.start));
        if chosen.is_empty() {
            return String::new();
        }
        let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
        let files: Vec<RuleFile> = files.iter().map(harmless).collect();
        let mut shown: Vec<_> =
            chosen.iter().take(SHOWN).map(|p| renderer.render(&p.groups(&files))).collect();
        if let Some(more) = chosen.len().checked_sub(SHOWN).filter(|more| *more > 0) {
            shown.push(format!("and {more} more like these"));
        }
        shown.join("\n\n")
    }

    pub(crate) fn has_errors(&self) -> bool {
        self.0.iter().any(|p| !p.warning)
    }
}

impl Problem {
    fn groups<'a>(&'a self, files: &'a [RuleFile]) -> Vec<Group<'a>> {
        let level = if self.warning { Level::WARNING } else { Level::ERROR };
        let mut group = Group::with_title(level.primary_title(self.message.as_str()).id(self.code));
        let snippet = |place: &Place, kind: AnnotationKind, label: &'a str| {
            let part = Part::around(files.get(place.file)?, &[&place.span]);
            Some(part.snippet().annotation(part.annotation(kind, &place.span, label)))
        };
        match &self.other {
            Some((other, label)) if other.file == self.place.file => {
                if let Some(file) = files.get(other.file) {
                    let part = Part::around(file, &[&self.place.span, &other.span]);
                    let first = part.annotation(AnnotationKind::Primary, &self.place.span, &self.label);
                    let second = part.annotation(AnnotationKind::Context, &other.span, label);
                    group = group.element(part.snippet().annotation(first).annotation(second));
                }
            }
            other => {
                let second = other.as_ref().and_then(|(o, l)| snippet(o, AnnotationKind::Context, l));
                let first = snippet(&self.place, AnnotationKind::Primary, &self.label);
                group = group.elements(first.into_iter().chain(second));
            }
        }
        vec![group]
    }
}

/// The lines of a file that are shown. All of a long file would be gone through again for each problem of it.
struct Part<'a> {
    path: &'a str,
    text: &'a str,
    /// Bytes before it.
    start: usize,
    /// The number of its first line.
    line: usize,
}

impl<'a> Part<'a> {
    /// The lines of some spans, and the one before them.
    fn around(file: &'a RuleFile, spans: &[&Range<usize>]) -> Self {
        let (path, text) = (file.path.as_str(), file.text.as_str());
        let spans = spans.iter().map(|span| within(text, span));
        let (from, to) = spans.fold((text.len(), 0), |(from, to), s| (from.min(s.start), to.max(s.end)));
        let before = text.get(..from).unwrap_or_default();
        let start = before.rmatch_indices('\n').nth(1).map_or(0, |(at, _)| at + 1);
        let end = text.get(to..).and_then(|rest| rest.find('\n')).map_or(text.len(), |at| to + at + 1);
        let line = 1 + before.get(..start).map_or(0, |before| before.matches('\n').count());
        Self { path, text: text.get(start..end).unwrap_or_default(), start, line }
    }

    fn snippet(&self) -> Snippet<'a, Annotation<'a>> {
        Snippet::source(self.text).line_start(self.line).path(self.path)
    }

    fn annotation(&self, kind: AnnotationKind, span: &Range<usize>, label: &'a str) -> Annotation<'a> {
        let span = span.start.saturating_sub(self.start)..span.end.saturating_sub(self.start);
        kind.span(within(self.text, &span)).label(label)
    }
}

/// A file that can be shown: what would mislead a terminal becomes as many `?` as it has bytes, so that places stay.
fn harmless(file: &RuleFile) -> RuleFile {
    let show = |c: char| {
        if is_deceptive(c) && c != '\n' && c != '\t' { "?".repeat(c.len_utf8()) } else { c.to_string() }
    };
    let text = if file.text.chars().any(is_deceptive) {
        file.text.chars().map(show).collect()
    } else {
        file.text.clone()
    };
    RuleFile { path: Text::from(file.path.as_str()).to_string(), text, builtin: file.builtin }
}

/// The range, cut to the text and to the borders of its characters.
fn within(text: &str, span: &Range<usize>) -> Range<usize> {
    let start = text.floor_char_boundary(span.start.min(text.len()));
    start..text.ceil_char_boundary(span.end.clamp(start, text.len()))
}
