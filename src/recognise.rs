//! Who made a thing: items become findings, one a product in one place, with all their evidence.
//!
//! This is a fact about the world; whether it is forbidden is [`crate::judge`]'s. A trait shows at most what its kind
//! can (a bare file name never more than `possible`); two weaker traits that rest on different facts of one item make
//! `likely`; a value that others use too counts in full only beside another trait. What runs or starts is what the
//! package is that owns its executable; what a maker's part is inside somebody else's package is a `component`, and so
//! is what another maker's process has loaded.

use std::collections::{BTreeMap, HashMap};

use crate::inventory::Inventory;
use crate::item::{Item, Kind, SignatureState, State};
use crate::rules::{Aspect, Hit, MENTION, Rules, Signature, Strength, Trait};
use crate::text::Text;

/// Kinds that are whatever owns them. An extension is not its browser's maker's.
const PARTS: &[Kind] = &[Kind::Process, Kind::Service, Kind::Task, Kind::Driver, Kind::File];
/// Items that own each other in a row before it counts as a circle.
const MAX_OWNERS: usize = 8;

/// One product in one place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Stable over upgrades: made of vendor, product and place.
    pub id: Text,
    /// The number of the vendor in the rules.
    pub vendor: usize,
    /// The number of the product; none, if only the maker is known.
    pub product: Option<usize>,
    /// The host, or a container.
    pub place: Text,
    /// The version of the strongest evidence that tells one.
    pub version: Option<Text>,
    /// The product of another maker that it is a part of.
    pub inside: Option<Text>,
    /// How much of it is there.
    pub state: State,
    /// How sure that is.
    pub strength: Strength,
    /// Strongest first.
    pub evidence: Vec<Evidence>,
}

/// What one item shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// The number of the item in the inventory.
    pub item: usize,
    /// Which trait of it showed what.
    pub traits: Vec<(&'static str, Text)>,
    /// How much of the product the item is.
    pub state: State,
    /// What all its traits show together.
    pub strength: Strength,
    /// The product of another maker that it is a part of.
    pub inside: Option<Text>,
}

impl Evidence {
    /// What counts most comes first: what is surely there, what may be there, what is left, what only names it.
    fn weight(&self) -> (u8, State, Strength) {
        let class = match (self.state, self.strength) {
            (State::Mention, _) => 3,
            (State::Remnant, _) => 2,
            (_, Strength::Possible) => 1,
            _ => 0,
        };
        (class, self.state, self.strength)
    }
}

/// What an item shows of one vendor.
#[derive(Debug, Clone)]
struct Claim {
    product: Option<usize>,
    strength: Strength,
    traits: Vec<(&'static str, Text)>,
    component: bool,
}

/// Items by their container and id: what is in a container belongs to nothing outside.
type ById<'a> = HashMap<(Option<&'a Text>, &'a Text), usize>;

/// What evidence is put together by: vendor, product, container, and whether it only names the vendor.
type Group<'a> = (usize, Option<usize>, Option<&'a Text>, bool);

/// Finds the products of the vendors in the rules.
#[must_use]
pub fn recognise(rules: &Rules, inventory: &Inventory) -> Vec<Finding> {
    let items = &inventory.items;
    let claims: Vec<BTreeMap<usize, Claim>> = items.iter().map(|item| claims(rules, item)).collect();
    let named = items.iter().enumerate().filter(|(_, item)| !item.id.is_empty());
    let by_id: ById<'_> = named.map(|(n, item)| ((item.container.as_ref(), &item.id), n)).collect();
    let mut grouped: BTreeMap<Group<'_>, Vec<Evidence>> = BTreeMap::new();
    for (number, item) in items.iter().enumerate() {
        let owners = owners(items, &by_id, item);
        let own = claims.get(number).into_iter().flatten();
        // What a process has loaded is not its maker's for that.
        let is_loaded = owners.first().and_then(|o| items.get(*o)).is_some_and(|o| is_loaded(item, o));
        let inherited = owners.iter().filter(|_| !is_loaded).filter_map(|o| claims.get(*o)).flatten();
        let mut vendors: Vec<usize> = own.chain(inherited).map(|(vendor, _)| *vendor).collect();
        vendors.sort_unstable();
        vendors.dedup();
        for vendor in &vendors {
            let own = claims.get(number).and_then(|c| c.get(vendor));
            let owner = owners.iter().find_map(|o| Some((*o, claims.get(*o)?.get(vendor)?)));
            let Some(evidence) = evidence(items, number, own, owner, &owners) else { continue };
            let product = own.and_then(|c| c.product).or(owner.and_then(|(_, c)| c.product));
            grouped.entry((*vendor, product, item.container.as_ref(), false)).or_default().push(evidence);
        }
        for vendor in rules.matcher.brands(item).into_iter().filter(|v| !vendors.contains(v)) {
            let traits = vec![("brand", item.name.clone())];
            let mention = Evidence {
                item: number,
                traits,
                state: State::Mention,
                strength: Strength::Possible,
                inside: None,
            };
            grouped.entry((vendor, None, item.container.as_ref(), true)).or_default().push(mention);
        }
    }
    fold(items, &mut grouped);
    let finding = |((vendor, product, container, mention), evidence)| {
        finding(rules, items, vendor, product, container, mention, evidence)
    };
    grouped.into_iter().map(finding).collect()
}

/// Puts parts that show only their maker to the product of that maker in the same place, if there is just one: a person
/// reads one line of it.
fn fold<'a>(items: &[Item], grouped: &mut BTreeMap<Group<'a>, Vec<Evidence>>) {
    let of_maker = |key: &Group<'a>| (key.0, key.2, key.3);
    let (makers, products): (Vec<_>, Vec<_>) = grouped.keys().copied().partition(|key| key.1.is_none());
    for maker in makers.into_iter().filter(|key| !key.3) {
        let mut same = products.iter().filter(|product| of_maker(product) == of_maker(&maker));
        let (Some(product), None) = (same.next(), same.next()) else { continue };
        let is_part = |e: &Evidence| items.get(e.item).is_some_and(|item| PARTS.contains(&item.kind));
        let (parts, rest): (Vec<_>, Vec<_>) =
            grouped.remove(&maker).unwrap_or_default().into_iter().partition(is_part);
        grouped.entry(*product).or_default().extend(parts);
        if !rest.is_empty() {
            grouped.insert(maker, rest);
        }
    }
}

/// What an item shows by itself, by vendor.
fn claims(rules: &Rules, item: &Item) -> BTreeMap<usize, Claim> {
    let hits = rules.matcher.hits(&rules.signatures, item);
    let mut by_vendor: BTreeMap<usize, Vec<(&Signature, &Hit)>> = BTreeMap::new();
    for hit in &hits {
        if let Some(signature) = rules.signatures.get(hit.signature) {
            by_vendor.entry(signature.vendor).or_default().push((signature, hit));
        }
    }
    // Whose it is by more than a name, and by what nobody else uses.
    let settled = |s: &Signature| s.strength.is_some() && !s.contested && s.on.aspect() != Aspect::Name;
    let of = |(vendor, hits): (&usize, &Vec<(&Signature, &Hit)>)| {
        hits.iter().any(|(s, _)| settled(s)).then_some(*vendor)
    };
    let owners: Vec<usize> = by_vendor.iter().filter_map(of).collect();
    let claim = |(vendor, hits): (usize, Vec<_>)| {
        let is_another = owners.iter().any(|owner| *owner != vendor);
        Some((vendor, claim(item, &hits, is_another)?))
    };
    by_vendor.into_iter().filter_map(claim).collect()
}

/// What the signatures of one vendor show of an item together, which may be another vendor's by more than its name.
fn claim(item: &Item, hits: &[(&Signature, &Hit)], is_another: bool) -> Option<Claim> {
    let shows: Vec<Option<Strength>> =
        hits.iter().map(|(signature, _)| shows(item, signature, hits, is_another)).collect();
    let mut strength = shows.iter().flatten().min().copied()?;
    let counted = hits.iter().zip(&shows).filter(|(_, shown)| shown.is_some());
    let mut aspects: Vec<Aspect> = counted.map(|((signature, _), _)| signature.on.aspect()).collect();
    aspects.sort_unstable();
    aspects.dedup();
    if strength == Strength::Possible && aspects.len() > 1 {
        strength = Strength::Likely;
    }
    let named = hits.iter().zip(&shows).filter(|((signature, _), _)| signature.product.is_some());
    let product = named
        .min_by_key(|(_, shown)| shown.map_or((1, None), |s| (0, Some(s))))
        .and_then(|((s, _), _)| s.product);
    // What stands in the maker's own folder is a part of nobody else's product.
    let at_home = hits.iter().any(|(s, _)| s.on == Trait::Path && !s.component && s.strength.is_some());
    let component = !at_home && hits.iter().any(|(signature, _)| signature.component);
    let mut traits: Vec<_> =
        hits.iter().map(|(signature, hit)| (signature.on.word(), hit.value.clone())).collect();
    traits.sort();
    traits.dedup();
    Some(Claim { product, strength, traits, component })
}

/// What one matching signature shows of an item, beside the others that match.
fn shows(
    item: &Item,
    signature: &Signature,
    all: &[(&Signature, &Hit)],
    is_another: bool,
) -> Option<Strength> {
    let ceiling = match (signature.on, item.kind) {
        (Trait::Name, Kind::Process | Kind::File | Kind::Driver) => Strength::Possible,
        // A signature that nobody checked is what a file says of itself.
        (Trait::Signer, _) if is_unchecked(item) => Strength::Likely,
        _ => signature.on.ceiling(),
    };
    let strength = signature.strength?.max(ceiling);
    let agrees = |other: &Signature| other.on.aspect() != signature.on.aspect();
    if !signature.contested || all.iter().any(|(other, _)| agrees(other)) {
        return Some(strength);
    }
    // Alone, a contested value yields to another maker: the bare name of a file to one that is known, wholly.
    if is_another && ceiling == Strength::Possible {
        return None;
    }
    let signed = item.signature.as_ref().is_some_and(|s| s.organisation.is_some());
    let foreign = is_another || item.publisher.is_some() || item.signer.is_some() || signed;
    Some(strength.max(if foreign { Strength::Possible } else { Strength::Likely }))
}

/// Whether nothing but a signature that was not checked says who signed an item.
fn is_unchecked(item: &Item) -> bool {
    let unchecked = item.signature.as_ref().is_some_and(|s| s.state == SignatureState::Unchecked);
    unchecked && item.signer.is_none()
}

/// Whether an item is what a process has loaded.
fn is_loaded(item: &Item, owner: &Item) -> bool {
    item.kind == Kind::File && owner.kind == Kind::Process
}

/// The items that an item belongs to, the nearest first.
fn owners(items: &[Item], by_id: &ById<'_>, item: &Item) -> Vec<usize> {
    let mut chain: Vec<usize> = Vec::new();
    let mut next = item.owner.as_ref().filter(|_| PARTS.contains(&item.kind));
    while let Some(owner) =
        next.and_then(|id| by_id.get(&(item.container.as_ref(), id))).filter(|o| !chain.contains(o))
    {
        chain.push(*owner);
        if chain.len() == MAX_OWNERS {
            break;
        }
        next = items.get(*owner).and_then(|i| i.owner.as_ref());
    }
    chain
}

fn evidence(
    items: &[Item],
    number: usize,
    own: Option<&Claim>,
    owner: Option<(usize, &Claim)>,
    owners: &[usize],
) -> Option<Evidence> {
    let item = items.get(number)?;
    let mut traits = own.map(|c| c.traits.clone()).unwrap_or_default();
    let strength = own.map(|c| c.strength).into_iter().chain(owner.map(|(_, c)| c.strength)).min()?;
    if let Some(owner) = owner.and_then(|(o, _)| items.get(o)) {
        traits.push(("owner", owner.id.clone()));
    }
    // A part that belongs to something the maker has no part in belongs to another maker's product.
    let whole = owners
        .iter()
        .filter_map(|o| items.get(*o))
        .find(|o| matches!(o.kind, Kind::Package | Kind::Application) || is_loaded(item, o));
    let inside = if owner.is_none() { whole.map(|o| o.name.clone()) } else { None };
    let component = inside.is_some() || own.is_some_and(|c| c.component);
    let state = match item.state {
        State::Remnant if item.kind != Kind::Process => State::Remnant,
        _ if component => State::Component,
        // A store keeps a certificate when what brought it is gone.
        _ if item.kind == Kind::Certificate => State::Remnant,
        // A process runs, whatever a list says of it.
        _ if item.kind == Kind::Process => State::Running,
        // A thing that only starts or stands there is no installation by itself.
        State::Installed if matches!(item.kind, Kind::Service | Kind::Task | Kind::Driver | Kind::File) => {
            State::Present
        }
        state => state,
    };
    Some(Evidence { item: number, traits, state, strength, inside })
}

fn finding(
    rules: &Rules,
    items: &[Item],
    vendor: usize,
    product: Option<usize>,
    container: Option<&Text>,
    mention: bool,
    mut evidence: Vec<Evidence>,
) -> Finding {
    evidence.sort_by_key(|e| (e.weight(), e.item));
    let place = container.map_or_else(|| "host".to_owned(), |c| format!("container:{}", c.raw()));
    let id = rules.vendors.get(vendor).map_or("", |v| v.id.as_str());
    let name = if mention { MENTION } else { product_id(rules, vendor, product) };
    let best = evidence.first().map(Evidence::weight);
    let (class, state, _) = best.unwrap_or((3, State::Mention, Strength::Possible));
    let strength = evidence.iter().filter(|e| e.weight().0 == class).map(|e| e.strength).min();
    let versions = evidence.iter().filter_map(|e| items.get(e.item)?.version.clone());
    Finding {
        id: format!("{id}/{name}@{place}").into(),
        vendor,
        product,
        place: place.into(),
        version: versions.into_iter().next(),
        inside: evidence.iter().filter(|e| e.state == State::Component).find_map(|e| e.inside.clone()),
        state,
        strength: strength.unwrap_or(Strength::Possible),
        evidence,
    }
}

/// The id of a product; that of the vendor, if only the maker is known.
#[must_use]
pub fn product_id(rules: &Rules, vendor: usize, product: Option<usize>) -> &str {
    let Some(vendor) = rules.vendors.get(vendor) else { return "" };
    product.and_then(|p| vendor.products.get(p)).map_or(&vendor.id, |p| &p.id)
}
