//! `interdict rules diff`: what two sets of rules recognise and say differently.
//!
//! Both are taken apart into facts by subject, and the facts compared; texts of sources and examples are none, since
//! they change nothing that a scan finds.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Args;
use interdict::clock::{Clock, Term, Trigger};
use interdict::rules::{Instrument, Rules as Loaded, on_request};

use super::manner;
use crate::cli::World;
use crate::cli::output::{beside, standard};

#[derive(Args)]
pub(in crate::cli) struct Diff {
    /// The older rules: a file, a folder, or `builtin` for those that are part of interdict
    old: PathBuf,
    /// The newer rules, likewise
    new: PathBuf,
}

/// What something is called by: vendors with their products, instruments, profiles, in this order.
#[derive(PartialEq, Eq, PartialOrd, Ord, Clone, Copy)]
enum Sort {
    Maker,
    Instrument,
    Profile,
}

/// The facts of a subject: what they are of, and what is so.
type Facts = BTreeMap<(&'static str, String), String>;
type Subjects = BTreeMap<(Sort, String), Facts>;

impl Diff {
    pub(super) fn run(&self, world: &World) -> Result<()> {
        let read = |path: &Path| {
            if path == Path::new("builtin") {
                let paths: Vec<_> =
                    on_request().iter().map(|pack| format!("builtin:{}", pack.id).into()).collect();
                return Loaded::load(&paths, true, world.colour_errors);
            }
            Loaded::alone(&[path.to_owned()], world.colour_errors)
        };
        let (old, new) = (subjects(&read(&self.old)?), subjects(&read(&self.new)?));
        standard(|out| write_difference(&old, &new, world.style.width, out))
    }
}

fn write_difference(old: &Subjects, new: &Subjects, width: usize, out: &mut dyn Write) -> io::Result<()> {
    let (nothing, mut differ) = (Facts::new(), 0);
    let both: BTreeSet<_> = old.keys().chain(new.keys()).collect();
    for (sort, id) in both {
        let subject = (*sort, id.clone());
        let (before, after) = (old.get(&subject), new.get(&subject));
        if before == after {
            continue;
        }
        let mark = sign(before.is_some(), after.is_some());
        let what = match sort {
            Sort::Maker if id.contains('/') => "product",
            Sort::Maker => "vendor",
            Sort::Instrument => "instrument",
            Sort::Profile => "profile",
        };
        let gap = if differ == 0 { "" } else { "\n" };
        writeln!(out, "{gap}{mark} {what} {id}")?;
        differ += 1;
        let (before, after) = (before.unwrap_or(&nothing), after.unwrap_or(&nothing));
        let facts: BTreeSet<_> = before.keys().chain(after.keys()).collect();
        for fact in facts {
            let (was, is) = (before.get(fact), after.get(fact));
            if was == is {
                continue;
            }
            let (key, of) = fact;
            let text = match (was, is) {
                (Some(was), Some(is)) => format!("{of} {is}, was {was}"),
                (was, is) => format!("{of} {}", is.or(was).map_or("", String::as_str)),
            };
            let key = format!("  {} {key}", sign(was.is_some(), is.is_some()));
            beside(&key, 20, text.trim(), width, out)?;
        }
    }
    if differ == 0 {
        writeln!(out, "no difference in what is recognised and in what the law says of it")?;
    }
    Ok(())
}

fn sign(was: bool, is: bool) -> &'static str {
    match (was, is) {
        (false, _) => "+",
        (_, false) => "-",
        _ => "~",
    }
}

fn subjects(rules: &Loaded) -> Subjects {
    let mut subjects = Subjects::new();
    for vendor in &rules.vendors {
        let facts = subjects.entry((Sort::Maker, vendor.id.clone())).or_default();
        state(facts, "name", Some(&vendor.name));
        state(facts, "note", vendor.note.as_ref());
        state(facts, "removal", vendor.removal.as_ref().map(|removal| &removal.words));
        facts.extend(vendor.brand.iter().map(|brand| (("brand", brand.clone()), String::new())));
        for product in &vendor.products {
            let facts = subjects.entry((Sort::Maker, format!("{}/{}", vendor.id, product.id))).or_default();
            state(facts, "name", Some(&product.name));
            state(facts, "note", product.note.as_ref());
            state(facts, "removal", product.removal.as_ref().map(|removal| &removal.words));
            let protects =
                product.protects.iter().map(|p| (("protects", p.word().to_owned()), String::new()));
            facts.extend(protects);
        }
    }
    for signature in &rules.signatures {
        let Some(vendor) = rules.vendors.get(signature.vendor) else { continue };
        let product = signature.product.and_then(|p| vendor.products.get(p));
        let id = product.map_or_else(|| vendor.id.clone(), |p| format!("{}/{}", vendor.id, p.id));
        let facts = subjects.entry((Sort::Maker, id)).or_default();
        for value in &signature.values {
            let said = facts.entry((signature.on.word(), value.clone())).or_default();
            let more = format!("({})", manner(signature));
            // One value may stand in two signatures, of different kinds.
            *said = if said.is_empty() { more } else { format!("{said} {more}") };
        }
    }
    for instrument in &rules.instruments {
        subjects.insert((Sort::Instrument, instrument.id.clone()), law(instrument));
    }
    for profile in &rules.profiles {
        let named = profile.instruments.iter().map(|id| (("instrument", id.clone()), String::new()));
        subjects.insert((Sort::Profile, profile.id.clone()), named.collect());
    }
    subjects
}

/// A fact that there is one of at most.
fn state(facts: &mut Facts, key: &'static str, value: Option<&String>) {
    facts.extend(value.map(|value| ((key, String::new()), format!("\"{value}\""))));
}

fn law(instrument: &Instrument) -> Facts {
    let mut facts = Facts::new();
    for (key, text) in
        [("title", &instrument.title), ("words", &instrument.words), ("binds", &instrument.binds)]
    {
        state(&mut facts, key, Some(text));
    }
    state(&mut facts, "not", instrument.spares.as_ref());
    state(&mut facts, "mere use", instrument.mere_use.as_ref());
    let mut add = |key: &'static str, of: String, what: String| facts.insert((key, of), what);
    add("force", String::new(), instrument.force.to_string());
    add("scope", String::new(), instrument.scope.to_string());
    for (from, status) in &instrument.phases {
        add("phase", format!("from {from}:"), status.to_string());
    }
    for (from, names) in &instrument.lists {
        for name in names {
            add("covers", name.clone(), from.map(|from| format!("from {from}")).unwrap_or_default());
        }
    }
    if instrument.covers_rule_files {
        add("covers", "the vendors of --rules".to_owned(), String::new());
    }
    for (products, words) in &instrument.excludes {
        add("excludes", words.clone(), products.join(", "));
    }
    for limb in &instrument.limbs {
        let whom = format!("{} is {}, not {}", limb.on, limb.any.join(" or "), limb.none.join(" or "));
        add("limb", whom, String::new());
    }
    for exception in &instrument.exceptions {
        let days = exception.max_days.map(|days| format!("(at most {days} days)"));
        add("exception", exception.words.clone(), days.unwrap_or_default());
    }
    for clock in &instrument.clocks {
        add("duty", format!("{}:", clock.duty), term(clock));
    }
    for filing in &instrument.filings {
        let fields: Vec<&str> = filing.fields.iter().map(|field| field.words.as_str()).collect();
        add("report", filing.name.clone(), format!("to {}: {}", filing.to, fields.join("; ")));
    }
    facts
}

fn term(clock: &Clock) -> String {
    let from = match clock.trigger {
        Trigger::Issued(day) => format!("after {day}"),
        Trigger::Identification => "after identification".to_owned(),
        Trigger::Report => "after the first report".to_owned(),
    };
    let again = clock.every_days.map(|days| format!(", again every {days} days")).unwrap_or_default();
    match clock.term {
        Term::Days(n) => format!("{n} calendar days {from}{again}"),
        Term::BusinessDays(n) => format!("{n} business days {from}{again}"),
        Term::Hours(n) => format!("{n} hours {from}{again}"),
        Term::On(day) => format!("by {day}{again}"),
    }
}
