//! Who uses the machine: what the operator says of the body, the system and the device, as far as they say it.
//!
//! What instruments ask before they bind is known only to people. What is not said is unknown, never guessed.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use jiff::civil::Date;

use crate::clock::Clock;
use crate::error::Error;
use crate::rules::{Class, Fact, Instrument, Limb, Rules, Table, read};

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
                self.join(rules, class);
            }
        }
        for (id, date) in table.table("clauses").map(Table::dates).unwrap_or_default() {
            let ids = rules.instruments.iter().map(|i| i.id.as_str());
            table.known(&id, "instrument", ids);
            self.clauses.insert(id.value, date);
        }
    }

    /// Adds a class and all that it is part of.
    fn join(&mut self, rules: &Rules, class: &Class) {
        self.is_contractor |= class.contractor;
        if self.within.entry(class.of).or_default().insert(class.id.clone()) {
            for outer in rules.classes.iter().filter(|c| class.within.contains(&c.id)) {
                self.join(rules, outer);
            }
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
        let Some(within) = self.within.get(&limb.on) else {
            let is = if limb.any.is_empty() {
                format!("is not {}", about(&limb.none))
            } else {
                format!("is {}", about(&limb.any))
            };
            return Bound::Assumed(format!("the {} {is}", limb.on));
        };
        let is = |ids: &[String]| ids.iter().any(|id| within.contains(id));
        if is(&limb.none) || !(limb.any.is_empty() || is(&limb.any)) {
            let stated = self.stated.get(&limb.on).map(|ids| about(ids)).unwrap_or_default();
            return Bound::No(format!("the {} is {stated}; it binds: {}", limb.on, limb.words));
        }
        Bound::Yes
    }
}
