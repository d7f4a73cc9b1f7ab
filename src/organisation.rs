//! Who uses the machine: what the operator says of the body, the system and the device, as far as they say it.
//!
//! What instruments ask before they bind is known only to people. What is not said is unknown, never guessed.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use jiff::civil::Date;

use crate::clock::Clock;
use crate::error::Error;
use crate::rules::{Class, Fact, Instrument, Limb, Rules, Table, reached, read};

/// What the operator says of the machine and of those who use it.
#[derive(Debug, Clone, Default)]
pub struct Organisation {
    /// What is printed in reports as it was given: name, contact, contract numbers and the like, by key.
    pub fields: BTreeMap<&'static str, Vec<String>>,
    /// The dates of the clauses in the body's contracts, by instrument.
    pub clauses: BTreeMap<String, Date>,
    /// The classes that the body, the system and the device belong to, as they were given.
    pub stated: BTreeMap<Fact, Vec<String>>,
    /// The same with all that they are part of.
    within: BTreeMap<Fact, BTreeSet<String>>,
    /// Whether the body is a contractor.
    pub is_contractor: bool,
}

/// The keys of a text or a list of texts that reports print.
pub const FIELDS: &[&str] = &[
    "name",
    "component",
    "contact-name",
    "contact-telephone",
    "contact-email",
    "contract-numbers",
    "order-numbers",
    "uei",
    "cage",
    "system-name",
    "system-id",
    "asset-tag",
    "mission-function",
];

/// Whether one condition of an instrument holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Bound {
    /// It does.
    Yes,
    /// It does not, for this reason.
    No(String),
    /// Nobody said; this is taken for true.
    Assumed(String),
}

impl Organisation {
    /// Reads the operator's file.
    ///
    /// # Errors
    /// When it cannot be read, has a key that is not known, or names a class that no rule file defines.
    pub fn read(path: &Path, rules: &Rules, colour: bool) -> Result<Self, Error> {
        read(path, colour, |table| {
            let mut organisation = Self::default();
            organisation.take(table, rules);
            organisation
        })
    }

    fn take(&mut self, table: &Table<'_>, rules: &Rules) {
        for key in FIELDS {
            let values = table.one_or_more(key);
            if !values.is_empty() {
                self.fields.insert(key, values.into_iter().map(|v| v.value).collect());
            }
        }
        for fact in Fact::ALL {
            for value in table.one_or_more(fact.word()) {
                let known = || rules.classes.iter().filter(|class| class.of == *fact);
                table.known(&value, fact.word(), known().map(|class| class.id.as_str()));
                let Some(class) = known().find(|class| class.id == value.value) else { continue };
                self.stated.entry(*fact).or_default().push(class.id.clone());
                let within = within(&rules.classes, &class.id);
                self.is_contractor |=
                    rules.classes.iter().any(|c| c.contractor && within.contains(&c.id.as_str()));
                self.within.entry(*fact).or_default().extend(within.into_iter().map(str::to_owned));
            }
        }
        for (id, date) in table.table("clauses").map(Table::dates).unwrap_or_default() {
            let ids = rules.instruments.iter().map(|i| i.id.as_str());
            table.known(&id, "instrument", ids);
            self.clauses.insert(id.value, date);
        }
    }

    /// Whether an instrument binds: each of its conditions.
    pub fn bound<'a>(
        &'a self,
        instrument: &'a Instrument,
        classes: &'a [Class],
    ) -> impl Iterator<Item = Bound> + 'a {
        instrument.limbs.iter().map(move |limb| self.limb(limb, classes))
    }

    /// The clocks of an instrument that are a duty of such a body; of one that is not known, all.
    pub fn clocks<'a>(&'a self, instrument: &'a Instrument) -> impl Iterator<Item = &'a Clock> {
        let body = self.within.get(&Fact::Body);
        let is = move |clock: &&Clock| {
            let of = |within: &BTreeSet<String>| clock.bodies.iter().any(|body| within.contains(body));
            clock.bodies.is_empty() || body.is_none_or(of)
        };
        instrument.clocks.iter().filter(is)
    }

    fn limb(&self, limb: &Limb, classes: &[Class]) -> Bound {
        let about = |ids: &[String]| {
            let named =
                classes.iter().filter(|class| ids.contains(&class.id)).map(|class| class.about.as_str());
            named.collect::<Vec<_>>().join(", or ")
        };
        let nothing = BTreeSet::new();
        let known = self.within.get(&limb.on).unwrap_or(&nothing);
        let is = |ids: &[String]| ids.iter().any(|id| known.contains(id));
        // Of what is stated only as a wider class nobody knows whether it is the narrower one.
        let stated = self.stated.get(&limb.on).map(Vec::as_slice).unwrap_or_default();
        let may_be = |ids: &[String]| {
            let wider = |id: &String| within(classes, id).iter().any(|id| stated.iter().any(|s| s == id));
            stated.is_empty() || ids.iter().any(wider)
        };
        let (wanted, spared) = (limb.any.is_empty() || is(&limb.any), is(&limb.none));
        if spared || !(wanted || may_be(&limb.any)) {
            return Bound::No(format!("the {} is {}; it binds: {}", limb.on, about(stated), limb.words));
        }
        if !wanted {
            return Bound::Assumed(format!("the {} is {}", limb.on, about(&limb.any)));
        }
        if !limb.none.is_empty() && may_be(&limb.none) {
            return Bound::Assumed(format!("the {} is not {}", limb.on, about(&limb.none)));
        }
        Bound::Yes
    }
}

/// A class and all that it is part of.
fn within<'a>(classes: &'a [Class], id: &'a str) -> Vec<&'a str> {
    reached(id, |id| {
        let named = classes.iter().filter(|class| class.id == id);
        named.flat_map(|class| &class.within).map(String::as_str).collect()
    })
}
