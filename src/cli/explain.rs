//! `interdict explain`: a vendor, product, instrument, profile, source, state or verdict in plain words.

use std::io::{self, Write};

use anyhow::Result;
use clap::Args;
use interdict::error::Error;
use interdict::rules::nearest;
use interdict::rules::{Instrument, LOCAL_POLICY, PackRef, Profile, Rules, on_request};
use interdict::sources::{SOURCES, Source};
use jiff::civil::Date;

use super::output::{beside, standard};
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
    /// What to explain: an id, `vendor/product`, a word of a report, or a file of yours: organisation, waiver, rule-file
    id: String,
    #[command(flatten)]
    rules: RuleArgs,
}

impl Explain {
    pub(super) fn run(self, world: &World) -> Result<u8> {
        let rules = self.rules.knowing(&self.id, world)?;
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
    Pack(&'a PackRef),
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
    if let Some(instrument) = rules.instruments.iter().find(|i| i.id == id) {
        return Ok(Subject::Instrument(instrument));
    }
    if let Some(pack) = rules.packs.iter().find(|p| p.id == id) {
        return Ok(Subject::Pack(pack));
    }
    let nothing =
        "is no vendor, product, instrument, profile, pack, source, file of yours or word of a report";
    let ids = rules.vendors.iter().map(|v| v.id.as_str());
    let ids = ids.chain(rules.instruments.iter().map(|i| i.id.as_str()));
    let ids = ids.chain(rules.profiles.iter().map(|p| p.id.as_str())).chain(SOURCES.iter().map(|s| s.id));
    let help = match nearest(id, ids.chain(WORDS.iter().map(|(word, _)| *word))) {
        Some(near) => format!("did you mean `{near}`?"),
        None => "see `interdict rules list`".to_owned(),
    };
    Err(Error::Usage(format!("`{id}` {nothing}; {help}")).into())
}

impl Subject<'_> {
    /// The vendor, and the product if one is meant.
    pub(super) fn vendor(&self) -> Option<(usize, Option<usize>)> {
        if let Self::Vendor(vendor, product) = self { Some((*vendor, *product)) } else { None }
    }

    /// Writes it in plain words.
    pub(super) fn write(&self, rules: &Rules, world: &World, out: &mut dyn Write) -> io::Result<()> {
        match self {
            Self::Vendor(vendor, product) => write_vendor(rules, *vendor, *product, world, out),
            Self::Instrument(instrument) => {
                super::law::write(rules, instrument, world, out)?;
                let pack = rules.pack_of("instrument", &instrument.id);
                pack.map_or(Ok(()), |pack| beside("  pack", 14, &age(pack, world), world.style.width, out))
            }
            Self::Profile(profile) => {
                writeln!(out, "{} - {}", profile.id, profile.title)?;
                beside("  judges by", 14, &profile.instruments.join(", "), world.style.width, out)
            }
            Self::Source(source) => {
                writeln!(out, "{} - {}", source.id, source.about)?;
                describe(source, out)
            }
            Self::Pack(pack) => write_pack(rules, pack, world, out),
        }
    }
}

fn write_vendor(
    rules: &Rules,
    number: usize,
    product: Option<usize>,
    world: &World,
    out: &mut dyn Write,
) -> io::Result<()> {
    let Some(vendor) = rules.vendors.get(number) else { return Ok(()) };
    let product = product.and_then(|p| vendor.products.get(p));
    match product {
        Some(product) => {
            writeln!(out, "{}/{} - {}, by {}", vendor.id, product.id, product.name, vendor.name)?;
        }
        None => writeln!(out, "{} - {}", vendor.id, vendor.name)?,
    }
    let mut line = |key: &str, text: &str| beside(&format!("  {key}"), 14, text, world.style.width, out);
    if let Some(note) = product.map_or(&vendor.note, |product| &product.note) {
        line("note", note)?;
    }
    if let Some(protects) = product.map(|p| &p.protects).filter(|protects| !protects.is_empty()) {
        let words: Vec<_> = protects.iter().map(|protects| protects.word()).collect();
        line("protects", &words.join(", "))?;
    }
    if let Some(removal) = product.and_then(|p| p.removal.as_ref()).or(vendor.removal.as_ref()) {
        let source = removal.source.as_ref().map(|source| format!(" ({source})")).unwrap_or_default();
        line("removal", &format!("{}{source}", removal.words))?;
    }
    if let Some(pack) = rules.pack_of("vendor", &vendor.id) {
        line("pack", &age(pack, world))?;
        if let Some(how) = on_request_only(pack) {
            line("on request", &how)?;
        }
    }
    let id = product.map_or(&vendor.id, |product| &product.id);
    let mut basis = 0;
    for instrument in &rules.instruments {
        // Some name only some of a vendor's products.
        let some: Vec<_> = instrument
            .covered(Date::MAX)
            .filter_map(|name| name.strip_prefix(vendor.id.as_str())?.strip_prefix('/'))
            .filter(|_| product.is_none())
            .collect();
        let only = match (instrument.names(&vendor.id, id, vendor.builtin), some.is_empty()) {
            (true, _) => String::new(),
            (false, false) => format!("; of its products only {}", some.join(", ")),
            (false, true) => continue,
        };
        basis += 1;
        let (status, force) = (instrument.status(world.today()), instrument.force);
        line(
            "covered by",
            &format!("{} ({status} today, {force}{only}): {}", instrument.id, instrument.title),
        )?;
    }
    if basis == 0 {
        line("covered by", "no instrument; what is found is told as not covered by the chosen instruments")?;
    }
    if product.is_none() {
        for product in &vendor.products {
            line("product", &format!("{}: {}", product.id, product.name))?;
        }
    }
    Ok(())
}

/// A pack, its version, and how old its facts are.
pub(super) fn age(pack: &PackRef, world: &World) -> String {
    let version = if pack.version.is_empty() { "none stated" } else { &pack.version };
    let (Some(day), Some(days)) = (pack.as_of, pack.days_old(world.today())) else {
        return format!("{}, version {version}", pack.id);
    };
    let days = match days {
        0 => "today".to_owned(),
        1 => "1 day ago".to_owned(),
        days if days < 0 => format!("{} days from now", -days),
        days => format!("{days} days ago"),
    };
    format!("{}, version {version}, its facts checked on {day}, {days}", pack.id)
}

/// How a pack is loaded that is not by itself.
fn on_request_only(pack: &PackRef) -> Option<String> {
    let id = &pack.id;
    let known = on_request().iter().any(|p| p.sha256 == pack.sha256);
    known.then(|| {
        format!("not loaded by itself; with `--rules builtin:{id}` it is, and {LOCAL_POLICY} prohibits what it names")
    })
}

fn write_pack(rules: &Rules, pack: &PackRef, world: &World, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{} - a pack of rules", pack.id)?;
    let mut line = |key: &str, text: &str| beside(&format!("  {key}"), 14, text, world.style.width, out);
    if let Some(about) = &pack.about {
        line("about", about)?;
    }
    line("pack", &age(pack, world))?;
    if let Some(how) = on_request_only(pack) {
        line("on request", &how)?;
    }
    for vendor in rules.vendors.iter().filter(|v| rules.pack_of("vendor", &v.id) == Some(pack)) {
        line("vendor", &format!("{}: {}", vendor.id, vendor.name))?;
        for product in &vendor.products {
            line("  product", &format!("{}: {}", product.id, product.name))?;
        }
    }
    for instrument in rules.instruments.iter().filter(|i| rules.pack_of("instrument", &i.id) == Some(pack)) {
        line("instrument", &format!("{}: {}", instrument.id, instrument.title))?;
    }
    for profile in rules.profiles.iter().filter(|p| rules.pack_of("instrument", &p.id) == Some(pack)) {
        line("profile", &format!("{}: {}", profile.id, profile.title))?;
    }
    Ok(())
}
