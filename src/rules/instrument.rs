//! Laws, directives and orders: what they cover, from when, and what they ask for.

use jiff::ToSpan;
use jiff::civil::Date;

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
    /// Vendors (`vendor`) and products (`vendor/product`) it covers.
    pub covers: Vec<String>,
    /// Whether it covers the vendors of the operator's own rule files.
    pub covers_rule_files: bool,
    /// What it does not cover, in its own words: these products, or where none are named, parts inside others' products.
    pub excludes: Vec<(Vec<String>, String)>,
    /// Whom it binds.
    pub binds: String,
    /// Whom it does not bind.
    pub spares: Option<String>,
    /// What must be done by when.
    pub clocks: Vec<Clock>,
    /// What a reader should know.
    pub note: Option<String>,
}

/// A duty with a term.
#[derive(Debug, Clone)]
pub struct Clock {
    /// The duty.
    pub duty: String,
    /// Calendar days from the day the instrument was issued.
    pub days: i64,
    /// That day.
    pub issued: Date,
}

impl Clock {
    /// The last day of the term.
    #[must_use]
    pub fn due(&self) -> Date {
        self.issued.checked_add(self.days.days()).unwrap_or(self.issued)
    }
}

/// Instruments that are chosen together.
#[derive(Debug, Clone)]
pub struct Profile {
    /// Its id.
    pub id: String,
    /// Its title.
    pub title: String,
    /// The ids of its instruments.
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

    /// Whether it covers a product of a vendor.
    #[must_use]
    pub fn covers(&self, vendor: &str, product: &str, builtin: bool) -> bool {
        let named = names(&self.covers, vendor, product);
        named || (self.covers_rule_files && !builtin)
    }
}

/// Whether a list of `vendor` and `vendor/product` names a product.
#[must_use]
pub fn names(list: &[String], vendor: &str, product: &str) -> bool {
    list.iter().any(|name| match name.split_once('/') {
        Some((v, p)) => v == vendor && p == product,
        None => name == vendor,
    })
}
