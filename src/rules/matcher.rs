//! All signatures compiled: one pass an item, whose cost does not grow with the number of rules.
//!
//! [`Patterns`] are of one trait; here stands what of an item each trait looks at.

use std::collections::BTreeSet;

use aho_corasick::BuildError;

use super::normal::normal;
use super::patterns::Patterns;
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

impl Matcher {
    /// Compiles signatures and the brands of vendors.
    ///
    /// # Errors
    /// When the patterns together are larger than an automaton may be.
    pub fn new(vendors: &[Vendor], signatures: &[Signature]) -> Result<Self, BuildError> {
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
                patterns.of(*on, &normalised, &mut found);
                for signature in found.drain(..) {
                    if signatures.get(signature).is_some_and(|s| kinds(s).any(|kind| kind == item.kind)) {
                        hits.insert(Hit { signature, value: value.clone() });
                    }
                }
            }
        }
        hits.into_iter().collect()
    }

    /// The signatures of a trait that match a normalised value, whatever the kinds they look at.
    pub(super) fn matching(&self, on: Trait, value: &str) -> Vec<usize> {
        let mut found = Vec::new();
        if let Some((_, patterns)) = self.traits.iter().find(|(of, _)| *of == on) {
            patterns.of(on, value, &mut found);
        }
        found
    }

    /// The vendors whose brand an item's name carries.
    #[must_use]
    pub fn brands(&self, item: &Item) -> Vec<usize> {
        let mut found = Vec::new();
        for name in names(item) {
            self.brands.of(Trait::Name, &normal(Trait::Name, name.raw()), &mut found);
        }
        found
    }
}

/// The kinds of things that a signature is of. Weights of a model are open and kept by everyone, so only a signature that
/// names them is of them.
pub(super) fn kinds(signature: &Signature) -> impl Iterator<Item = Kind> {
    let all = signature.kinds.is_empty();
    Kind::ALL.iter().copied().filter(
        move |kind| {
            if all { *kind != Kind::Model } else { signature.kinds.contains(kind) }
        },
    )
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
