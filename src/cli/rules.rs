//! `interdict rules`: look at and check the rules.

mod diff;
mod tried;

use std::io::{self, Write};
use std::path::PathBuf;

use anyhow::Result;
use clap::{Args, Subcommand};
use interdict::rules::{Rules as Loaded, Signature, on_request};
use interdict::{proof, recognise};

use super::explain::{self, Subject, age};
use super::output::{beside, plural, standard};
use super::{RuleArgs, World, with_all_on_request};

#[derive(Subcommand)]
pub(super) enum Rules {
    /// List vendors, instruments and profiles
    List(List),
    /// Show one vendor, product, instrument, profile or pack with its legal basis, traits and sources
    Show(Show),
    /// Check rule files, together with the built-in ones, and show every problem
    Check(Check),
    /// Try every example of the built-in rules and of rule files, or what rule files match in an inventory
    Test(Test),
    /// Show what two sets of rules recognise and say differently
    Diff(diff::Diff),
}

#[derive(Args)]
pub(super) struct List {
    #[command(flatten)]
    rules: RuleArgs,
}

#[derive(Args)]
pub(super) struct Show {
    /// The id: a vendor, `vendor/product`, an instrument, a profile or a pack
    id: String,
    #[command(flatten)]
    rules: RuleArgs,
}

#[derive(Args)]
pub(super) struct Check {
    /// Rule files or folders
    #[arg(required = true)]
    paths: Vec<PathBuf>,
}

#[derive(Args)]
pub(super) struct Test {
    /// Rule files or folders
    paths: Vec<PathBuf>,
    /// Then show what each of their signatures matches in a saved inventory or report, and which match nothing
    #[arg(long, value_name = "FILE")]
    inventory: Option<PathBuf>,
}

impl Rules {
    pub(super) fn run(self, world: &World) -> Result<u8> {
        match self {
            Self::List(list) => {
                let rules = list.rules.load(world)?;
                standard(|out| write_list(&rules, world, out))?;
            }
            Self::Show(show) => {
                let rules = show.rules.knowing(&show.id, world)?;
                let subject = explain::find(&rules, &show.id)?;
                standard(|out| write_whole(&rules, &subject, world, out))?;
            }
            Self::Check(check) => {
                let rules = Loaded::proven(&check.paths, world.colour_errors)?;
                if !rules.warnings.is_empty() {
                    writeln!(io::stderr(), "{}\n", rules.warnings)?;
                }
                standard(|out| writeln!(out, "the rules are right: {}", summary(&rules)))?;
            }
            Self::Test(test) => {
                // This tries them; what fails is an error.
                if let Some(file) = &test.inventory {
                    let rules = Loaded::proven(&test.paths, world.colour_errors)?;
                    let inventory = tried::read(file)?;
                    standard(|out| tried::write(&rules, &inventory, world.style.width, out))?;
                    return Ok(0);
                }
                let rules = Loaded::proven(&with_all_on_request(&test.paths), world.colour_errors)?;
                standard(|out| writeln!(out, "{} examples hold: {}", proof::count(&rules), summary(&rules)))?;
            }
            Self::Diff(diff) => diff.run(world)?,
        }
        Ok(0)
    }
}

fn summary(rules: &Loaded) -> String {
    format!(
        "files {}, vendors {}, signatures {}, instruments {}, profiles {}",
        rules.packs.len(),
        rules.vendors.len(),
        rules.signatures.len(),
        rules.instruments.len(),
        rules.profiles.len()
    )
}

fn write_list(rules: &Loaded, world: &World, out: &mut dyn Write) -> io::Result<()> {
    const COLUMN: usize = 26;
    let width = world.style.width;
    writeln!(out, "VENDORS")?;
    let mut vendors: Vec<_> = rules.vendors.iter().enumerate().collect();
    vendors.sort_by_key(|(_, vendor)| &vendor.id);
    for (number, vendor) in vendors {
        let signatures = rules.signatures.iter().filter(|s| s.vendor == number);
        let values: usize = signatures.map(|s| s.values.len()).sum();
        let products = plural(vendor.products.len(), "product");
        let own = if vendor.builtin { "" } else { " (from your rule files)" };
        let text = format!("{}, {products}, {}{own}", vendor.name, plural(values, "value"));
        beside(&format!("  {}", vendor.id), COLUMN, &text, width, out)?;
    }
    writeln!(out, "\nINSTRUMENTS")?;
    for instrument in &rules.instruments {
        let (status, force) = (instrument.status(world.today()), instrument.force);
        let text = format!("{} ({status} today, {force})", instrument.title);
        beside(&format!("  {}", instrument.id), COLUMN, &text, width, out)?;
    }
    writeln!(out, "\nPROFILES")?;
    for profile in &rules.profiles {
        let text = format!("{}: {}", profile.title, profile.instruments.join(", "));
        beside(&format!("  {}", profile.id), COLUMN, &text, width, out)?;
    }
    writeln!(out, "\nPACKS ON REQUEST (--rules builtin:ID)")?;
    for pack in on_request() {
        beside(&format!("  {}", pack.id), COLUMN, pack.about.as_deref().unwrap_or(""), width, out)?;
    }
    if let Some(oldest) = rules.packs.iter().filter(|pack| pack.as_of.is_some()).min_by_key(|p| p.as_of) {
        writeln!(out)?;
        let text = format!("{}; the oldest is {}", plural(rules.packs.len(), "pack"), age(oldest, world));
        beside("AGE", COLUMN, &text, width, out)?;
    }
    Ok(())
}

/// All that the rules say of something.
fn write_whole(rules: &Loaded, subject: &Subject<'_>, world: &World, out: &mut dyn Write) -> io::Result<()> {
    subject.write(rules, world, out)?;
    let Some((vendor, product)) = subject.vendor() else { return Ok(()) };
    let is_asked = |s: &&Signature| s.vendor == vendor && (product.is_none() || s.product == product);
    let mut chosen: Vec<_> = rules.signatures.iter().filter(is_asked).collect();
    // What shows the vendor alone, then product by product.
    chosen.sort_by_key(|signature| signature.product);
    let mut before = None;
    for signature in chosen {
        if before != Some(signature.product) {
            writeln!(out, "\n{} is recognised by", of(rules, signature))?;
            before = Some(signature.product);
        }
        writeln!(out, "  {} ({})", signature.on.word(), manner(signature))?;
        beside("", 6, &signature.values.join("; "), world.style.width, out)?;
        if let Some(source) = &signature.source {
            beside("      source:", 14, source, world.style.width, out)?;
        }
    }
    Ok(())
}

/// The vendor or product that a signature is of.
fn of(rules: &Loaded, signature: &Signature) -> String {
    let vendor = rules.vendors.get(signature.vendor).map_or("", |v| v.id.as_str());
    match signature.product {
        Some(_) => format!("{vendor}/{}", recognise::product_id(rules, signature.vendor, signature.product)),
        None => vendor.to_owned(),
    }
}

/// What a signature shows, and of which things.
fn manner(signature: &Signature) -> String {
    let mut said = vec![
        signature
            .strength
            .map_or("only supports others", |s| s.max(signature.on.ceiling()).word())
            .to_owned(),
    ];
    said.extend(signature.contested.then(|| "contested".to_owned()));
    said.extend(signature.component.then(|| "a part of others' products".to_owned()));
    if !signature.kinds.is_empty() {
        let kinds: Vec<_> = signature.kinds.iter().map(|kind| kind.word()).collect();
        said.push(format!("of kind {}", kinds.join(" or ")));
    }
    said.join(", ")
}
