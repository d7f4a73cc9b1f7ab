//! `interdict explain`: a vendor, product, instrument, profile, source, state or verdict in plain words.

use std::io::{self, Write};

use anyhow::Result;
use clap::Args;
use interdict::error::Error;
use interdict::rules::{Instrument, Profile, Rules};
use interdict::sources::{SOURCES, Source};

use super::output::standard;
use super::sources::describe;
use super::{RuleArgs, World};

/// Words of reports that are not defined in rules, in plain ones.
const WORDS: &[(&str, &str)] = &[
    (
        "clean",
        "verdict, exit code 0: nothing that the chosen instruments prohibit was found within the coverage, and all that should be looked at was.",
    ),
    (
        "prohibited",
        "verdict, exit code 1, and ruling: something was found, surely or likely, that an instrument in force does not allow to be here.",
    ),
    (
        "incomplete",
        "verdict, exit code 3: something could not be looked at in which software may be hidden; the coverage names it and says what to do.",
    ),
    (
        "review",
        "verdict, exit code 4, and ruling: one weak trait points to a flagged vendor; a person must confirm it or rule it out.",
    ),
    (
        "indicator",
        "ruling: the software shows that equipment or a purchase that an instrument bans is likely there; a person must look.",
    ),
    (
        "advisory",
        "ruling: told for information, because the instrument does not bind yet, only warns, or finds leftovers.",
    ),
    ("excluded", "ruling: the instrument says in so many words that it does not cover this."),
    ("excepted", "ruling: a waiver allows it."),
    ("running", "state: it runs now."),
    ("installed", "state: a package manager or installer lists it."),
    ("present", "state: its files or its start-up entry are there, without an installation."),
    ("component", "state: it is a part inside another maker's product."),
    ("remnant", "state: it was left after removal, and nothing of it was found that runs or starts."),
    ("mention", "state: it names the vendor and is not by it; it never counts."),
    ("certain", "strength: an identifier that only this maker has."),
    ("likely", "strength: a name that only this maker uses, or two weaker traits that agree."),
    ("possible", "strength: one weak trait, such as a bare file name."),
    ("covered", "coverage: the source was read, all of it."),
    ("absent", "coverage: the source is not there, and need not be."),
    ("skipped", "coverage: the source was not read, on request or because it does not apply."),
    ("partial", "coverage: the source was read in part; its gaps say what is missing."),
    ("failed", "coverage: the source could not be read; its gaps say why."),
];

#[derive(Args)]
pub(super) struct Explain {
    /// What to explain: an id, `vendor/product`, a word of a report, or a file of yours: organisation, waiver
    id: String,
    #[command(flatten)]
    rules: RuleArgs,
}

impl Explain {
    pub(super) fn run(self, world: &World) -> Result<u8> {
        let rules = self.rules.load(world)?;
        if let Some((word, text)) = WORDS.iter().find(|(word, _)| *word == self.id) {
            standard(|out| writeln!(out, "{word} - {text}"))?;
            return Ok(0);
        }
        if super::forms::FORMS.contains(&self.id.as_str()) {
            standard(|out| super::forms::write(&self.id, &rules, out))?;
            return Ok(0);
        }
        let subject = find(&rules, &self.id)?;
        standard(|out| subject.write(&rules, world, out))?;
        Ok(0)
    }
}

/// Something that an id names.
pub(super) enum Subject<'a> {
    Vendor(usize, Option<usize>),
    Instrument(&'a Instrument),
    Profile(&'a Profile),
    Source(&'static Source),
}

/// What an id names.
pub(super) fn find<'a>(rules: &'a Rules, id: &str) -> Result<Subject<'a>> {
    let (vendor, product) = id.split_once('/').map_or((id, None), |(v, p)| (v, Some(p)));
    if let Some(number) = rules.vendors.iter().position(|v| v.id == vendor) {
        let products = rules.vendors.get(number).map(|v| v.products.as_slice()).unwrap_or_default();
        match product.map(|p| products.iter().position(|q| q.id == p)) {
            None => return Ok(Subject::Vendor(number, None)),
            Some(Some(product)) => return Ok(Subject::Vendor(number, Some(product))),
            Some(None) => {
                let known: Vec<_> = products.iter().map(|p| p.id.as_str()).collect();
                let message = format!(
                    "`{vendor}` has no product `{}`; it has: {}",
                    product.unwrap_or(""),
                    known.join(", ")
                );
                return Err(Error::Usage(message).into());
            }
        }
    }
    if let Some(profile) = rules.profiles.iter().find(|p| p.id == id) {
        return Ok(Subject::Profile(profile));
    }
    if let Some(source) = SOURCES.iter().find(|s| s.id == id) {
        return Ok(Subject::Source(source));
    }
    let instrument = rules.instruments.iter().find(|i| i.id == id).map(Subject::Instrument);
    let nothing = "is no vendor, product, instrument, profile, source, file of yours or word of a report; see `interdict rules list`";
    Ok(instrument.ok_or_else(|| Error::Usage(format!("`{id}` {nothing}")))?)
}

impl Subject<'_> {
    /// The vendor, and the product if one is meant.
    pub(super) fn vendor(&self, _: &Rules) -> Option<(usize, Option<usize>)> {
        if let Self::Vendor(vendor, product) = self { Some((*vendor, *product)) } else { None }
    }

    /// Writes it in plain words.
    pub(super) fn write(&self, rules: &Rules, world: &World, out: &mut dyn Write) -> io::Result<()> {
        match self {
            Self::Vendor(vendor, product) => write_vendor(rules, *vendor, *product, out),
            Self::Instrument(instrument) => super::law::write(rules, instrument, world, out),
            Self::Profile(profile) => {
                writeln!(out, "{} - {}", profile.id, profile.title)?;
                writeln!(out, "  judges by   {}", profile.instruments.join(", "))
            }
            Self::Source(source) => {
                writeln!(out, "{} - {}", source.id, source.about)?;
                describe(source, out)
            }
        }
    }
}

fn write_vendor(rules: &Rules, number: usize, product: Option<usize>, out: &mut dyn Write) -> io::Result<()> {
    let Some(vendor) = rules.vendors.get(number) else { return Ok(()) };
    let (id, builtin) = (&vendor.id, vendor.builtin);
    if let Some(product) = product.and_then(|p| vendor.products.get(p)) {
        writeln!(out, "{id}/{} - {}, by {}", product.id, product.name, vendor.name)?;
        if let Some(note) = &product.note {
            writeln!(out, "  note        {note}")?;
        }
        return covered_by(rules, id, &product.id, builtin, out);
    }
    writeln!(out, "{id} - {}", vendor.name)?;
    if let Some(note) = &vendor.note {
        writeln!(out, "  note        {note}")?;
    }
    for product in &vendor.products {
        writeln!(out, "  product     {:20} {}", product.id, product.name)?;
    }
    covered_by(rules, id, id, builtin, out)
}

fn covered_by(
    rules: &Rules,
    vendor: &str,
    product: &str,
    builtin: bool,
    out: &mut dyn Write,
) -> io::Result<()> {
    for instrument in rules.instruments.iter().filter(|i| i.names(vendor, product, builtin)) {
        writeln!(out, "  covered by  {:20} {}", instrument.id, instrument.title)?;
    }
    Ok(())
}
