//! All signatures compiled: one pass an item, whose cost does not grow with the number of rules.
//!
//! What is written without a wildcard is looked up in a hash map, a path by each of its folders; patterns are one
//! automaton a trait.

use std::collections::{BTreeSet, HashMap};

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

use super::normal::{has_wildcard, normal};
use super::vendor::{Signature, Trait, Vendor};
use crate::item::{IdKind, Item, Kind, SignatureState};
use crate::text::Text;

/// A signature that an item matches, and the value of the item that did.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hit {
    /// The number of the signature.
    pub signature: usize,
    /// What of the item matched.
    pub value: Text,
}

/// Compiled signatures.
pub struct Matcher {
    traits: Vec<(Trait, Patterns)>,
    brands: Patterns,
}

/// Values of one trait, each with the number of what it belongs to.
#[derive(Default)]
struct Patterns {
    exact: HashMap<String, Vec<usize>>,
    globs: GlobSet,
    numbers: Vec<usize>,
}

impl Patterns {
    fn new<'a>(on: Trait, values: impl Iterator<Item = (usize, &'a str)>) -> Result<Self, globset::Error> {
        let (mut exact, mut globs, mut numbers) =
            (HashMap::<String, Vec<usize>>::new(), GlobSetBuilder::new(), Vec::new());
        for (number, value) in values {
            let value = normal(on, value);
            if has_wildcard(&value) {
                // Only `*` and `?` are special in rule files.
                let literal = |c: char| {
                    if matches!(c, '[' | ']' | '{' | '}' | '!' | '\\') {
                        format!("\\{c}")
                    } else {
                        c.to_string()
                    }
                };
                let mut glob: String = value.chars().map(literal).collect();
                while glob.contains("**") {
                    glob = glob.replace("**", "*");
                }
                globs.add(GlobBuilder::new(&glob).backslash_escape(true).literal_separator(false).build()?);
                numbers.push(number);
            } else {
                exact.entry(value).or_default().push(number);
            }
        }
        Ok(Self { exact, globs: globs.build()?, numbers })
    }

    /// The numbers that a normalised value matches.
    fn of(&self, value: &str, out: &mut Vec<usize>) {
        out.extend(self.exact.get(value).into_iter().flatten());
        if !self.numbers.is_empty() {
            out.extend(self.globs.matches(value).into_iter().filter_map(|at| self.numbers.get(at)));
        }
    }
}

impl Matcher {
    /// Compiles signatures and the brands of vendors.
    ///
    /// # Errors
    /// When the patterns together are larger than the automaton may be.
    pub fn new(vendors: &[Vendor], signatures: &[Signature]) -> Result<Self, globset::Error> {
        let mut traits = Vec::new();
        for on in Trait::all() {
            let rows = signatures.iter().enumerate().filter(|(_, s)| s.on == on);
            let mut values = rows.flat_map(|(n, s)| s.values.iter().map(move |v| (n, v.as_str()))).peekable();
            if values.peek().is_some() {
                traits.push((on, Patterns::new(on, values)?));
            }
        }
        let brands =
            vendors.iter().enumerate().flat_map(|(n, v)| v.brand.iter().map(move |b| (n, b.as_str())));
        Ok(Self { traits, brands: Patterns::new(Trait::Name, brands)? })
    }

    /// The signatures an item matches, by their number.
    #[must_use]
    pub fn hits(&self, signatures: &[Signature], item: &Item) -> Vec<Hit> {
        let (mut hits, mut found) = (BTreeSet::new(), Vec::new());
        for (on, patterns) in &self.traits {
            for value in values(*on, item) {
                let normalised = normal(*on, value.raw());
                patterns.of(&normalised, &mut found);
                if *on == Trait::Path {
                    let ends = normalised.match_indices('/').map(|(at, _)| at).filter(|at| *at > 0);
                    for folder in ends.filter_map(|at| normalised.get(..at)) {
                        patterns.of(folder, &mut found);
                    }
                }
                found.sort_unstable();
                found.dedup();
                for signature in found.drain(..) {
                    if signatures.get(signature).is_some_and(|s| looks_at(s, item.kind)) {
                        hits.insert(Hit { signature, value: value.clone() });
                    }
                }
            }
        }
        hits.into_iter().collect()
    }

    /// The vendors whose brand an item's name carries.
    #[must_use]
    pub fn brands(&self, item: &Item) -> Vec<usize> {
        let mut found = Vec::new();
        for name in names(item) {
            self.brands.of(&normal(Trait::Name, name.raw()), &mut found);
        }
        found.sort_unstable();
        found.dedup();
        found
    }
}

/// Whether a signature is of things of a kind. Weights of a model are open and kept by everyone, so only a signature that
/// names them is of them.
fn looks_at(signature: &Signature, kind: Kind) -> bool {
    if signature.kinds.is_empty() { kind != Kind::Model } else { signature.kinds.contains(&kind) }
}

/// What an item is called. Gentoo's packages are `category/name`, and go by the second alone too.
fn names(item: &Item) -> Vec<Text> {
    let of_gentoo = item.ecosystem.as_ref().is_some_and(|e| e.raw() == "ebuild");
    let bare = item.name.raw().rsplit_once('/').filter(|_| of_gentoo).map(|(_, name)| Text::from(name));
    std::iter::once(item.name.clone()).chain(bare).collect()
}

/// What of an item a trait looks at.
fn values(on: Trait, item: &Item) -> Vec<Text> {
    let named = |kinds: &[Kind]| if kinds.contains(&item.kind) { names(item) } else { Vec::new() };
    match on {
        Trait::Publisher => item.publisher.iter().cloned().collect(),
        // A signature of something else says nothing of this.
        Trait::Signer if item.signature.as_ref().is_some_and(|s| s.state == SignatureState::Mismatch) => {
            Vec::new()
        }
        Trait::Signer => {
            let organisation = item.signature.as_ref().and_then(|s| s.organisation.as_ref());
            item.signer.iter().chain(organisation).cloned().collect()
        }
        Trait::Name => names(item),
        // Everyone may give a package of a language any name, so those are known by their purl.
        Trait::Package if item.is_of_language() => Vec::new(),
        Trait::Package => named(&[Kind::Package]),
        // A program's file has the name that its process will have; one that names its maker is known by that.
        Trait::Process if item.publisher.is_none() && item.signer.is_none() => {
            named(&[Kind::Process, Kind::File])
        }
        Trait::Process => named(&[Kind::Process]),
        Trait::Service => {
            let mut found = named(&[Kind::Service]);
            found.extend(item.service.clone());
            found.dedup();
            found
        }
        Trait::Path => item.paths.clone(),
        Trait::File => {
            let base = |path: &Text| path.raw().rsplit(['/', '\\']).next().map(Text::from);
            let files = item.paths.iter().filter_map(base).chain(item.original_name.clone());
            // A program that runs is called what its file is, and lists of processes name libraries and drivers too.
            named(&[Kind::File, Kind::Driver, Kind::Process]).into_iter().chain(files).collect()
        }
        // A purl without a version is of every version.
        Trait::Id(IdKind::Purl) => {
            let purl = item.ids.get(&IdKind::Purl);
            let bare = purl.and_then(|p| Some(Text::from(p.raw().split_once(['@', '?', '#'])?.0)));
            purl.into_iter().cloned().chain(bare).collect()
        }
        Trait::Id(id) => item.ids.get(&id).into_iter().cloned().collect(),
    }
}
