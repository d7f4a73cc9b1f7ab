//! interdict audits a machine, an image or a list for software that the law bans, and says what it could not see.
//!
//! ```text
//!  Target ──▶ SOURCES ──▶ Inventory ──▶ recognise ──▶ Findings ──▶ judge ──▶ Report ──▶ FORMATS
//!  the only    read,       items          who made      product +     which      verdict    pure
//!  door out    yield       + coverage     it (facts)    evidence      law says   drawn      bytes
//!                                                                     what       once       out
//! ```
//!
//! Everything right of the inventory is pure: no clock, no environment, no file. An error in the instructions stops the
//! run; an error in the evidence is part of the result. [`run`] is this picture in a few lines.

pub mod baseline;
pub mod clock;
pub mod error;
pub mod inventory;
pub mod item;
pub mod judge;
pub mod organisation;
pub mod parse;
pub mod proof;
pub mod recognise;
pub mod redact;
pub mod report;
pub mod rules;
pub mod sources;
pub mod target;
pub mod text;
pub mod waiver;
mod word;

use jiff::Timestamp;
use jiff::civil::Date;

use crate::organisation::Organisation;
use crate::report::{Report, Scan};
use crate::rules::{Instrument, Rules};
use crate::sources::{Depth, Progress};
use crate::target::Target;
use crate::text::Text;
use crate::waiver::Waiver;

/// What a scan is asked for.
pub struct Request<'a> {
    /// The denylist.
    pub rules: &'a Rules,
    /// The instruments to judge by.
    pub under: Vec<&'a Instrument>,
    /// Proposed instruments that count as passed.
    pub assume: &'a [String],
    /// The day of the law; today, where none is named.
    pub as_of: Option<Date>,
    /// Days after which a pack of rules is called old.
    pub max_rules_age: i32,
    /// Who uses the target.
    pub organisation: Organisation,
    /// Exceptions that were granted.
    pub waivers: Vec<Waiver>,
    /// How and by whom the target is looked at.
    pub look: Look<'a>,
}

/// How and by whom a target is looked at.
pub struct Look<'a> {
    /// How far.
    pub depth: Depth,
    /// The user.
    pub user: Option<Text>,
    /// Whether that user may see everything.
    pub elevated: Option<bool>,
    /// The clock.
    pub now: fn() -> Timestamp,
    /// Told when a source is done.
    pub done: Progress<'a>,
}

/// Looks at a target.
#[must_use]
pub fn look(target: &Target, look: &Look<'_>, as_of: Option<Date>) -> (inventory::Inventory, Scan) {
    let started = (look.now)();
    let inventory = sources::collect(target, look.depth, look.done);
    let scan = Scan {
        started,
        finished: (look.now)(),
        user: look.user.clone(),
        elevated: look.elevated,
        depth: look.depth,
        as_of: as_of.unwrap_or_else(|| jiff::tz::Offset::UTC.to_datetime(started).date()),
    };
    (inventory, scan)
}

/// Looks at a target, recognises what was found, judges it, and draws the verdict.
#[must_use]
pub fn run(target: &Target, request: &Request<'_>) -> Report {
    let (inventory, scan) = look(target, &request.look, request.as_of);
    let findings = recognise::recognise(request.rules, &inventory);
    let grounds = judge::Grounds {
        rules: request.rules,
        under: &request.under,
        as_of: scan.as_of,
        now: request.as_of.is_none().then_some(scan.started),
        assume: request.assume,
        organisation: &request.organisation,
        waivers: &request.waivers,
    };
    let judgment = judge::judge(&grounds, &findings, &inventory);
    // A pack ages by the calendar, whichever day the law is asked of.
    let today = jiff::tz::Offset::UTC.to_datetime(scan.started).date();
    let old = request.rules.older_than(today, request.max_rules_age).into_iter().cloned().collect();
    let mut report =
        Report::new(request.rules, scan, inventory, findings, judgment, request.organisation.clone());
    report.old_rules = old;
    report
}
