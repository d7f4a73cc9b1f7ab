//! The proof that rules come with: values they must match and must not, and items of which something must be said.

use crate::inventory::{Host, Inventory, Subject};
use crate::item::{IdKind, Item, Kind, State};
use crate::parse::saved;
use crate::recognise::{product_id, recognise};
use crate::rules::{Example, Expect, Rules, Signature, Strength, Trait};
use crate::text::Text;

/// What a failure is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Of {
    /// A signature, by its number.
    Signature(usize),
    /// An example, by its number.
    Example(usize),
}

/// Something that must be so and is not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Which rule.
    pub of: Of,
    /// What is wrong.
    pub message: String,
    /// What it was held against.
    pub label: String,
}

/// How many values and examples [`check`] tries.
#[must_use]
pub fn count(rules: &Rules) -> usize {
    rules.signatures.iter().map(|s| s.hit.len() + s.miss.len()).sum::<usize>() + rules.examples.len()
}

/// Tries every value and example; those of the built-in rules only on demand, since they do not change.
#[must_use]
pub fn check(rules: &Rules, builtin_too: bool) -> Vec<Failure> {
    let mut failures = Vec::new();
    let tried = |vendor: usize| builtin_too || rules.vendors.get(vendor).is_some_and(|v| !v.builtin);
    for (number, signature) in rules.signatures.iter().enumerate().filter(|(_, s)| tried(s.vendor)) {
        let of = Of::Signature(number);
        let matches = |value: &String| {
            let item = carrying(signature, value);
            rules.matcher.hits(&rules.signatures, &item).iter().any(|hit| hit.signature == number)
        };
        for value in signature.hit.iter().filter(|v| !matches(v)) {
            let message = format!("this signature must match `{value}` and does not");
            failures.push(Failure { of, message, label: "does not match".to_owned() });
        }
        for value in signature.miss.iter().filter(|v| matches(v)) {
            let message = format!("this signature must not match `{value}` and does");
            failures.push(Failure { of, message, label: "matches".to_owned() });
        }
    }
    for (number, example) in rules.examples.iter().enumerate().filter(|(_, e)| tried(e.vendor)) {
        if let Err(message) = try_example(rules, example) {
            let label = format!("expected: {}", example.expect);
            failures.push(Failure { of: Of::Example(number), message, label });
        }
    }
    failures
}

/// An item with a value where the signature looks.
fn carrying(signature: &Signature, value: &str) -> Item {
    let kind = signature.kinds.first().copied().unwrap_or(match signature.on {
        Trait::Package => Kind::Package,
        Trait::Process => Kind::Process,
        Trait::Service => Kind::Service,
        Trait::File | Trait::Path | Trait::Id(IdKind::Sha256) => Kind::File,
        Trait::Id(IdKind::ExtensionId) => Kind::Extension,
        _ => Kind::Application,
    });
    let mut item = Item::new(kind, "".into(), Text::default());
    let value = Text::from(value);
    match signature.on {
        Trait::Id(id) => {
            item.ids.insert(id, value);
        }
        Trait::Publisher => item.publisher = Some(value),
        Trait::Signer => item.signer = Some(value),
        Trait::Path | Trait::File => item.paths = vec![value],
        Trait::Name | Trait::Package | Trait::Process | Trait::Service => item.name = value,
    }
    item
}

fn try_example(rules: &Rules, example: &Example) -> Result<(), String> {
    let item =
        saved::item(example.item.clone()).map_err(|what| format!("this example is no item: {what}"))?;
    let subject = Subject { kind: "example".into(), place: Text::default(), os: Text::default() };
    let inventory = Inventory { subject, host: Host::default(), items: vec![item], coverage: Vec::new() };
    let findings = recognise(rules, &inventory);
    let found = findings.iter().find(|f| f.vendor == example.vendor);
    let said = match found {
        None => Expect::Nothing,
        Some(finding) => match (finding.state, finding.strength) {
            (State::Mention, _) => Expect::Mention,
            (_, Strength::Certain) => Expect::Certain,
            (_, Strength::Likely) => Expect::Likely,
            (_, Strength::Possible) => Expect::Possible,
        },
    };
    if said != example.expect {
        return Err(format!("of this example is said: {said}"));
    }
    let product = found.map(|f| product_id(rules, f.vendor, f.product));
    match (&example.product, product) {
        (Some(wanted), Some(product)) if wanted != product => {
            Err(format!("this example is recognised as the product `{product}`, not `{wanted}`"))
        }
        _ => Ok(()),
    }
}
