//! Laws, directives and orders: what they cover, from when, and what they ask for.

use jiff::civil::Date;

use super::filing::Filing;
use crate::clock::Clock;
use crate::word::words;

words! {
    /// Where an instrument stands on a day.
    Status {
        /// It is a bill or a draft.
        Proposed = "proposed",
        /// It is made and does not bind yet.
        Enacted = "enacted",
        /// It binds.
        InForce = "in-force",
        /// Another instrument asks for the same and more; it still binds.
        Overtaken = "overtaken",
        /// Another instrument took its place.
        Superseded = "superseded",
        /// It ended.
        Expired = "expired",
        /// Nobody had proposed it yet.
        NotYet = "not-yet",
    }
}

words! {
    /// What an instrument does to what it covers.
    Force {
        /// Nobody it binds may use it.
        UseBan = "use-ban",
        /// Nobody it binds may buy it.
        ProcurementBan = "procurement-ban",
        /// Nobody may supply it.
        SupplyBan = "supply-ban",
        /// Software shows that equipment it bans is likely there.
        Indicator = "indicator",
        /// An authority warns of it.
        Warning = "warning",
        /// An authority advises against it.
        Advice = "advice",
    }
}

words! {
    /// How deep an instrument looks into a product.
    Scope {
        /// What is sold under the maker's name.
        Branded = "branded",
        /// What the maker made in whole or in part, inside others' products too.
        WholeOrPart = "whole-or-part",
        /// What contains components that the maker made in whole or in part.
        Components = "components",
        /// Products of some sort only; one that is not told apart is to be looked at.
        Category = "category",
    }
}

words! {
    /// How a statement of a rule file was read.
    Mark {
        /// In the legal text itself.
        Text = "T",
        /// On an official page.
        Official = "O",
        /// In a secondary source.
        Secondary = "S",
    }
}

words! {
    /// What of an organisation, a system or a device an instrument asks before it binds.
    Fact {
        /// What kind of body uses the machine.
        Body = "body",
        /// What kind of system it is part of.
        System = "system",
        /// What kind of device it is.
        Device = "device",
        /// Whose device it is.
        Ownership = "ownership",
    }
}

/// A class of bodies, systems, devices or owners that limbs of instruments speak of.
#[derive(Debug, Clone)]
pub struct Class {
    /// Its id.
    pub id: String,
    /// What it is a class of.
    pub of: Fact,
    /// What it is, as the end of "the body is …".
    pub about: String,
    /// Classes that it is part of.
    pub within: Vec<String>,
    /// Whether such a body works under contracts, so that bans of procurement and supply reach what it uses.
    pub contractor: bool,
}

/// One condition under which an instrument binds.
#[derive(Debug, Clone)]
pub struct Limb {
    /// What it asks.
    pub on: Fact,
    /// Classes that it binds; none named binds all.
    pub any: Vec<String>,
    /// Classes that it does not bind.
    pub none: Vec<String>,
    /// The words of the instrument, or of those who report it.
    pub words: String,
}

/// How an instrument may be set aside for a finding.
#[derive(Debug, Clone)]
pub struct Exception {
    /// What for, in the words of the instrument or of those who report it.
    pub words: String,
    /// Who may grant it.
    pub approver: Option<String>,
    /// To whom it must be reported.
    pub reported_to: Option<String>,
    /// The longest term, in days.
    pub max_days: Option<i64>,
}

/// A law, directive or order.
#[derive(Debug, Clone)]
pub struct Instrument {
    /// Its id.
    pub id: String,
    /// Its title.
    pub title: String,
    /// The country or state.
    pub jurisdiction: String,
    /// Who made it.
    pub issuer: String,
    /// How it is cited.
    pub citation: String,
    /// Where it can be read.
    pub links: Vec<String>,
    /// Where its statements were read, and how.
    pub sources: Vec<(Mark, String)>,
    /// Status by day, in order.
    pub phases: Vec<(Date, Status)>,
    /// What it does.
    pub force: Force,
    /// How deep it looks.
    pub scope: Scope,
    /// The words that decide the scope.
    pub words: String,
    /// Vendors (`vendor`) and products (`vendor/product`) it covers, by the day from which it does; those without a day
    /// come first.
    pub lists: Vec<(Option<Date>, Vec<String>)>,
    /// Whether it covers the vendors of the operator's own rule files.
    pub covers_rule_files: bool,
    /// What it does not cover, in its own words: these products, or where none are named, parts inside others' products.
    pub excludes: Vec<(Vec<String>, String)>,
    /// Whom it binds.
    pub binds: String,
    /// Whom it does not bind.
    pub spares: Option<String>,
    /// The conditions under which it binds, all of which must hold.
    pub limbs: Vec<Limb>,
    /// Which list it refers to that was not read, so that a person must look there.
    pub unread_list: Option<String>,
    /// What it says of mere use, where that is not what it forbids.
    pub mere_use: Option<String>,
    /// How it may be set aside; without any it knows no waiver.
    pub exceptions: Vec<Exception>,
    /// What must be done by when.
    pub clocks: Vec<Clock>,
    /// The reports it asks for.
    pub filings: Vec<Filing>,
    /// The controls of NIST SP 800-53 that a finding bears on.
    pub controls: Vec<String>,
    /// What a lawyer must decide before it is relied on.
    pub legal_review: Option<String>,
    /// What a reader should know.
    pub note: Option<String>,
}

/// Instruments that are chosen together.
#[derive(Debug, Clone)]
pub struct Profile {
    /// Its id.
    pub id: String,
    /// Its title.
    pub title: String,
    /// The ids of its instruments, and of profiles that it includes.
    pub instruments: Vec<String>,
}

impl Instrument {
    /// Where it stands on a day.
    #[must_use]
    pub fn status(&self, day: Date) -> Status {
        self.phases.iter().rev().find(|(from, _)| *from <= day).map_or(Status::NotYet, |(_, status)| *status)
    }

    /// The next day on which its status changes.
    #[must_use]
    pub fn next_change(&self, day: Date) -> Option<(Date, Status)> {
        self.phases.iter().find(|(from, _)| *from > day).copied()
    }

    /// The day since which its status is what it is on a day.
    #[must_use]
    pub fn since(&self, day: Date) -> Option<Date> {
        self.phases.iter().rev().find(|(from, _)| *from <= day).map(|(from, _)| *from)
    }

    /// What it names, vendors and products, on a day.
    pub fn covered(&self, day: Date) -> impl Iterator<Item = &String> {
        self.lists
            .iter()
            .filter(move |(from, _)| from.is_none_or(|from| from <= day))
            .flat_map(|(_, names)| names)
    }

    /// Whether it covers a product of a vendor on any day.
    #[must_use]
    pub fn names(&self, vendor: &str, product: &str, builtin: bool) -> bool {
        self.covers(vendor, product, builtin, Date::MAX)
    }

    /// Whether it covers a product of a vendor on a day.
    #[must_use]
    pub fn covers(&self, vendor: &str, product: &str, builtin: bool, day: Date) -> bool {
        names(self.covered(day), vendor, product) || (self.covers_rule_files && !builtin)
    }
}

/// All that an id leads to, itself first, each once, though they lead in a circle.
pub(crate) fn reached<'a>(id: &'a str, next: impl Fn(&str) -> Vec<&'a str>) -> Vec<&'a str> {
    let mut all = vec![id];
    let mut at = 0;
    while let Some(id) = all.get(at).copied() {
        at += 1;
        let new: Vec<_> = next(id).into_iter().filter(|id| !all.contains(id)).collect();
        all.extend(new);
    }
    all
}

/// Whether a list of `vendor` and `vendor/product` names a product.
#[must_use]
pub fn names<'a>(list: impl IntoIterator<Item = &'a String>, vendor: &str, product: &str) -> bool {
    list.into_iter().any(|name| match name.split_once('/') {
        Some((v, p)) => v == vendor && p == product,
        None => name == vendor,
    })
}
