//! Values of one trait compiled, so that looking one up does not grow with their number.
//!
//! What has no wildcard is a key of a hash map. A pattern matches only what holds each of its literal parts, so
//! an automaton of Aho and Corasick (CACM 18(6), 1975) over one such part of each finds in one pass the few patterns worth
//! trying. A part that many patterns begin with (`C:\Program Files\`) tells them apart badly: the rarest is taken.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::str::Chars;

use aho_corasick::{AhoCorasick, BuildError};

use super::normal::{WILDCARDS, has_wildcard, normal, of_form};
use super::vendor::Trait;

/// Bytes of a literal part that tells patterns apart.
const TELLING: usize = 3;

/// Values of one trait, each with the number of what it belongs to.
#[derive(Default)]
pub(super) struct Patterns {
    exact: HashMap<String, Vec<usize>>,
    /// Over the literal parts that the patterns are found by.
    automaton: Option<AhoCorasick>,
    /// By number of the literal part: its patterns.
    globs: Vec<Vec<(String, usize)>>,
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
                exact.entry(of_form(on, &value).into_owned()).or_default().push(number);
                continue;
            }
            // What stands for a folder stands for all in it.
            if on == Trait::Path && !value.ends_with('*') {
                globs.push((format!("{value}/*"), number));
            }
            globs.push((value, number));
        }
        let mut uses: HashMap<&str, usize> = HashMap::new();
        for part in globs.iter().flat_map(|(glob, _)| glob.split(WILDCARDS)) {
            *uses.entry(part).or_default() += 1;
        }
        let mut found_by: BTreeMap<&str, Vec<(String, usize)>> = BTreeMap::new();
        for (glob, number) in &globs {
            let telling = |part: &&str| (part.len() < TELLING, uses.get(part).copied(), Reverse(part.len()));
            let literals = glob.split(WILDCARDS).filter(|part| !part.is_empty());
            let part = literals.min_by_key(telling).unwrap_or_default();
            found_by.entry(part).or_default().push((glob.clone(), *number));
        }
        let automaton = if found_by.is_empty() { None } else { Some(AhoCorasick::new(found_by.keys())?) };
        Ok(Self { exact, automaton, globs: found_by.into_values().collect() })
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
        if let Some(automaton) = &self.automaton {
            let mut parts: Vec<usize> =
                automaton.find_overlapping_iter(value).map(|part| part.pattern().as_usize()).collect();
            parts.sort_unstable();
            parts.dedup();
            let globs = parts.into_iter().filter_map(|part| self.globs.get(part)).flatten();
            out.extend(globs.filter(|(glob, _)| fits(glob, value)).map(|(_, number)| number));
        }
        out.sort_unstable();
        out.dedup();
    }

    fn exactly(&self, on: Trait, value: &str, out: &mut Vec<usize>) {
        if !self.exact.is_empty() {
            out.extend(self.exact.get(of_form(on, value).as_ref()).into_iter().flatten());
        }
    }
}

/// Whether two values without wildcards are one.
pub(super) fn same(on: Trait, value: &str, other: &str) -> bool {
    !has_wildcard(value) && !has_wildcard(other) && of_form(on, value) == of_form(on, other)
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn compiled(on: Trait, values: &[&str]) -> Patterns {
        Patterns::new(on, values.iter().copied().enumerate()).unwrap()
    }

    fn found(on: Trait, patterns: &Patterns, value: &str) -> Vec<usize> {
        let mut out = Vec::new();
        patterns.of(on, &normal(on, value), &mut out);
        out
    }

    #[test]
    fn a_star_is_any_text_and_a_question_mark_one_character() {
        for (pattern, text, fit) in [
            ("acme*", "acme", true),
            ("acme*", "acme remote", true),
            ("acme*", "the acme", false),
            ("*acme", "the acme", true),
            ("*acme", "acme x", false),
            ("*acme*", "the acme x", true),
            ("a*b*c", "a b b c", true),
            ("a*b*c", "a c b", false),
            ("a?c", "abc", true),
            ("a?c", "a私c", true),
            ("a?c", "ac", false),
            ("a?c*", "abcd", true),
            ("*.?", "x.y.z", true),
            ("**", "", true),
            ("", "", true),
            ("", "a", false),
            ("a[b]{c}\\!*", "a[b]{c}\\!d", true),
            ("*ab", "aab", true),
        ] {
            assert_eq!(fits(pattern, text), fit, "{pattern} and {text}");
        }
    }

    #[test]
    fn patterns_are_found_whatever_part_finds_them() {
        let values = ["acme*", "*acme", "*acme*", "acme", "a?me", "ac*me", "*c?e*", "acme remote"];
        let patterns = compiled(Trait::Name, &values);
        assert_eq!(found(Trait::Name, &patterns, "ACME"), [0, 1, 2, 3, 4, 5, 6]);
        assert_eq!(found(Trait::Name, &patterns, "acme  remote"), [0, 2, 6, 7]);
        assert_eq!(found(Trait::Name, &patterns, "the acme x"), [2, 6]);
        assert_eq!(found(Trait::Name, &patterns, ""), Vec::<usize>::new());
    }

    #[test]
    fn what_stands_for_a_folder_stands_for_all_in_it() {
        let values = ["/opt/acme", "/opt/*/acme", "C:\\Users\\*\\Acme", "/srv/acme*"];
        let patterns = compiled(Trait::Path, &values);
        for (path, wanted) in [
            ("/opt/acme", &[0][..]),
            ("/opt/acme/bin/x", &[0]),
            ("/opt/acmes", &[]),
            ("/opt/x/acme", &[1]),
            ("/opt/x/acme/y", &[1]),
            ("/opt/x/acmes/y", &[]),
            ("c:/users/ann/acme/x.exe", &[2]),
            ("/srv/acmes/y", &[3]),
            ("/x/opt/acme", &[]),
        ] {
            assert_eq!(found(Trait::Path, &patterns, path), wanted, "{path}");
        }
    }

    #[test]
    fn long_and_short_forms_of_a_company_are_one_without_wildcards() {
        let patterns = compiled(Trait::Publisher, &["Acme Limited", "Acme Co., Ltd.", "Acme Co*"]);
        assert_eq!(found(Trait::Publisher, &patterns, "ACME Ltd."), [0]);
        assert_eq!(found(Trait::Publisher, &patterns, "Acme Company Limited"), [1, 2]);
        assert_eq!(found(Trait::Publisher, &patterns, "Acme Cooling"), [2]);
    }

    /// The plain meaning of a pattern, letter by letter.
    fn plainly(pattern: &[char], text: &[char]) -> bool {
        match (pattern.split_first(), text.split_first()) {
            (None, None) => true,
            (Some(('*', rest)), None) => plainly(rest, text),
            (Some(('*', rest)), Some((_, left))) => plainly(rest, text) || plainly(pattern, left),
            (Some((p, rest)), Some((t, left))) => (*p == '?' || p == t) && plainly(rest, left),
            _ => false,
        }
    }

    proptest! {
        #[test]
        fn compiled_patterns_match_what_they_plainly_say(
            patterns in prop::collection::vec("[ab/*?]{1,8}", 1..12),
            text in "[ab/é]{0,10}",
        ) {
            let names: Vec<&str> = patterns.iter().map(String::as_str).collect();
            let chars = |text: &str| text.chars().collect::<Vec<_>>();
            let wanted: Vec<usize> = (0..names.len())
                .filter(|n| plainly(&chars(&normal(Trait::Name, names[*n])), &chars(&normal(Trait::Name, &text))))
                .collect();
            prop_assert_eq!(found(Trait::Name, &compiled(Trait::Name, &names), &text), wanted);
        }

        #[test]
        fn any_text_ends_without_a_panic(pattern in ".{0,40}", text in ".{0,80}") {
            for on in Trait::all() {
                found(on, &compiled(on, &[&pattern]), &text);
            }
        }
    }
}
