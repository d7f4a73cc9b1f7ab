//! Values of one trait compiled, so that looking one up does not grow with their number.
//!
//! What has no wildcard is a key of a hash map. A pattern matches only what holds each of its literal parts, so
//! automata of Aho and Corasick (CACM 18(6), 1975) over one such part of each find in one pass the few patterns worth
//! trying. A part that many patterns begin with (`C:\Program Files\`) tells them apart badly: the rarest is taken.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::str::Chars;

use aho_corasick::{AhoCorasick, Anchored, BuildError, Input, StartKind};

use super::normal::{has_wildcard, normal, of_form};
use super::vendor::Trait;

/// Bytes of a literal part that tells patterns apart.
const TELLING: usize = 3;

/// Values of one trait, each with the number of what it belongs to.
#[derive(Default)]
pub(super) struct Patterns {
    exact: HashMap<String, Vec<usize>>,
    /// Patterns found by what they begin with.
    starts: Literals,
    /// Patterns found by what they hold.
    parts: Literals,
}

impl Patterns {
    /// Compiles values as rule files state them.
    ///
    /// # Errors
    /// When they are too many for an automaton, which has 2³¹ states at most.
    pub(super) fn new<'a>(
        on: Trait,
        values: impl Iterator<Item = (usize, &'a str)>,
    ) -> Result<Self, BuildError> {
        let (mut exact, mut globs) = (HashMap::<String, Vec<usize>>::new(), Vec::new());
        for (number, value) in values {
            let value = normal(on, value);
            if !has_wildcard(&value) {
                exact.entry(of_form(on, value)).or_default().push(number);
                continue;
            }
            // What stands for a folder stands for all in it.
            if on == Trait::Path && !value.ends_with('*') {
                globs.push((format!("{value}/*"), number));
            }
            globs.push((value, number));
        }
        let mut uses: HashMap<&str, usize> = HashMap::new();
        for part in globs.iter().flat_map(|(glob, _)| glob.split(['*', '?'])) {
            *uses.entry(part).or_default() += 1;
        }
        let (mut starts, mut parts) = (BTreeMap::new(), BTreeMap::new());
        for (glob, number) in &globs {
            let telling = |(_, part): &(usize, &str)| {
                (part.len() < TELLING, uses.get(part).copied(), Reverse(part.len()))
            };
            let literals = glob.split(['*', '?']).enumerate().filter(|(_, part)| !part.is_empty());
            let (at, part) = literals.min_by_key(telling).unwrap_or_default();
            let found_by = if at == 0 { &mut starts } else { &mut parts };
            found_by.entry(part.to_owned()).or_insert_with(Vec::new).push((glob.clone(), *number));
        }
        Ok(Self { exact, starts: Literals::new(starts, true)?, parts: Literals::new(parts, false)? })
    }

    /// Adds the numbers of what a normalised value matches.
    pub(super) fn of(&self, on: Trait, value: &str, out: &mut Vec<usize>) {
        self.exactly(on, value, out);
        if on == Trait::Path {
            let ends = value.match_indices('/').map(|(at, _)| at).filter(|at| *at > 0);
            for folder in ends.filter_map(|at| value.get(..at)) {
                self.exactly(on, folder, out);
            }
        }
        self.starts.of(value, out);
        self.parts.of(value, out);
        out.sort_unstable();
        out.dedup();
    }

    fn exactly(&self, on: Trait, value: &str, out: &mut Vec<usize>) {
        if !self.exact.is_empty() {
            out.extend(self.exact.get(&of_form(on, value.to_owned())).into_iter().flatten());
        }
    }
}

/// Patterns found by a literal part of each.
#[derive(Default)]
struct Literals {
    automaton: Option<AhoCorasick>,
    anchored: bool,
    /// By number of the literal part: the patterns and what they belong to.
    patterns: Vec<Vec<(String, usize)>>,
}

impl Literals {
    fn new(parts: BTreeMap<String, Vec<(String, usize)>>, anchored: bool) -> Result<Self, BuildError> {
        if parts.is_empty() {
            return Ok(Self::default());
        }
        let start = if anchored { StartKind::Anchored } else { StartKind::Unanchored };
        let automaton = AhoCorasick::builder().start_kind(start).build(parts.keys())?;
        Ok(Self { automaton: Some(automaton), anchored, patterns: parts.into_values().collect() })
    }

    fn of(&self, value: &str, out: &mut Vec<usize>) {
        let anchored = if self.anchored { Anchored::Yes } else { Anchored::No };
        let input = Input::new(value).anchored(anchored);
        // It is built for just this sort of search.
        let found = self.automaton.as_ref().and_then(|a| a.try_find_overlapping_iter(input).ok());
        let mut seen: Vec<usize> = found.into_iter().flatten().map(|part| part.pattern().as_usize()).collect();
        seen.sort_unstable();
        seen.dedup();
        let patterns = seen.into_iter().filter_map(|part| self.patterns.get(part)).flatten();
        out.extend(patterns.filter(|(glob, _)| fits(glob, value)).map(|(_, number)| number));
    }
}

/// Whether a text fits a pattern, in which `*` is any text and `?` one character.
pub(super) fn fits(pattern: &str, text: &str) -> bool {
    let (mut pattern, mut text) = (pattern.chars(), text.chars());
    // What follows the last `*`, and the text that it has not been tried at.
    let mut again: Option<(Chars<'_>, Chars<'_>)> = None;
    loop {
        let (mut rest, mut left) = (pattern.clone(), text.clone());
        match (rest.next(), left.next()) {
            (Some('*'), _) if rest.as_str().is_empty() => return true,
            (Some('*'), _) => {
                pattern = rest;
                again = Some((pattern.clone(), text.clone()));
            }
            (Some(wanted), Some(found)) if wanted == '?' || wanted == found => {
                (pattern, text) = (rest, left);
            }
            (None, None) => return true,
            _ => {
                let Some((after, untried)) = &mut again else { return false };
                if untried.next().is_none() {
                    return false;
                }
                (pattern, text) = (after.clone(), untried.clone());
            }
        }
    }
}
