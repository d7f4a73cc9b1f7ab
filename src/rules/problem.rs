//! What is wrong with a rule file, shown with its place underlined.

use std::ops::Range;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

use crate::text::{Text, is_deceptive};

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
        if let Some(last) = self.0.last_mut() {
            last.other = Some((first.clone(), "first defined here"));
        }
    }

    /// Errors or warnings as text, in order of place.
    pub(crate) fn render(&self, files: &[RuleFile], warnings: bool, colour: bool) -> String {
        let mut chosen: Vec<_> = self.0.iter().filter(|p| p.warning == warnings).collect();
        chosen.sort_by_key(|p| (p.place.file, p.place.span.start));
        if chosen.is_empty() {
            return String::new();
        }
        let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
        let files: Vec<RuleFile> = files.iter().map(harmless).collect();
        let shown: Vec<_> = chosen.iter().map(|p| renderer.render(&p.groups(&files))).collect();
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
            let file = files.get(place.file)?;
            let annotation = kind.span(within(&file.text, &place.span)).label(label);
            Some(Snippet::source(file.text.as_str()).path(file.path.as_str()).annotation(annotation))
        };
        let first = snippet(&self.place, AnnotationKind::Primary, &self.label);
        match (first, &self.other) {
            (Some(first), Some((other, label))) if other.file == self.place.file => {
                let text = files.get(other.file).map_or("", |f| f.text.as_str());
                let second = AnnotationKind::Context.span(within(text, &other.span)).label(*label);
                group = group.element(first.annotation(second));
            }
            (Some(first), other) => {
                group = group.element(first);
                if let Some(second) = other.as_ref().and_then(|(o, l)| snippet(o, AnnotationKind::Context, l))
                {
                    group = group.element(second);
                }
            }
            (None, _) => {}
        }
        vec![group]
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
