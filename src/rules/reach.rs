//! Signatures that can never change what is found: they look where their trait never stands, or other signatures of
//! the same maker find all that they do and say at least as much of it.

use std::collections::BTreeSet;

use super::matcher::{Matcher, kinds};
use super::normal::{has_wildcard, normal};
use super::pack::Packs;
use super::patterns::{fits, same};
use super::problem::{Problems, RuleFile};
use super::vendor::{Signature, Trait};
use crate::item::Kind;

/// Reports them; what is built in must not hold any.
pub(super) fn check(packs: &Packs, matcher: &Matcher, files: &[RuleFile], problems: &mut Problems) {
    let mut gone = BTreeSet::new();
    // Of two that find the same, the second is told.
    for (number, signature) in packs.signatures.iter().enumerate().rev() {
        let Some(place) = packs.signature_places.get(number) else { continue };
        let possible = signature.on.kinds();
        if !possible.is_empty() && !kinds(signature).any(|kind| possible.contains(&kind)) {
            let words: Vec<_> = possible.iter().copied().map(Kind::word).collect();
            let label = format!("stands only on items of the kind: {}", words.join(", "));
            let message = format!("`{}` never stands on items of these kinds", signature.on.word());
            problems.lack(files, place, "unreachable", &message, &label);
            continue;
        }
        let others: Option<Vec<usize>> = signature
            .values
            .iter()
            .map(|value| {
                let value = normal(signature.on, value);
                let found = matcher.matching(signature.on, &value);
                found.into_iter().find(|other| {
                    *other != number
                        && !gone.contains(other)
                        && packs.signatures.get(*other).is_some_and(|o| stands_for(o, signature, &value))
                })
            })
            .collect();
        if let Some(place_of_other) = others.and_then(|others| packs.signature_places.get(*others.first()?)) {
            gone.insert(number);
            let (message, label) =
                ("this signature can never change anything", "another one finds all of this");
            problems.lack(files, place, "unreachable", message, label);
            problems.beside(place_of_other, "found by this already");
        }
    }
}

/// Whether a signature says of a value at least what another one of it says.
fn stands_for(one: &Signature, other: &Signature, value: &str) -> bool {
    let same_thing = one.vendor == other.vendor && (other.product.is_none() || one.product == other.product);
    // None, which only supports others, says least.
    let strength = |s: &Signature| {
        s.strength.map_or((true, None), |strength| (false, Some(strength.max(s.on.ceiling()))))
    };
    same_thing
        && strength(one) <= strength(other)
        && (other.contested || !one.contested)
        && one.component == other.component
        && kinds(other).all(|kind| kinds(one).any(|k| k == kind))
        && one.values.iter().any(|pattern| includes(one.on, &normal(one.on, pattern), value))
}

/// Whether a pattern matches all that another one does. Where the other has a `*`, only a `*` does.
fn includes(on: Trait, pattern: &str, other: &str) -> bool {
    if pattern == other || same(on, pattern, other) {
        return true;
    }
    if pattern.contains('?') && has_wildcard(other) {
        return false;
    }
    fits(pattern, other) || (on == Trait::Path && fits(&format!("{pattern}/*"), other))
}
