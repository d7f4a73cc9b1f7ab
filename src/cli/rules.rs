//! `interdict rules`: look at and check the rules.

use std::io::{self, Write};
use std::path::PathBuf;

use anyhow::Result;
use clap::{Args, Subcommand};
use interdict::rules::Rules as Loaded;
use interdict::{proof, recognise};

use super::explain::{self, Subject};
use super::output::standard;
use super::{RuleArgs, World};

#[derive(Subcommand)]
pub(super) enum Rules {
    /// List vendors, instruments and profiles
    List(List),
    /// Show one vendor, product, instrument or profile with all its traits and sources
    Show(Show),
    /// Check rule files, together with the built-in ones, and show every problem
    Check(Check),
    /// Try every example of the built-in rules and of rule files
    Test(Test),
}

#[derive(Args)]
pub(super) struct List {
    #[command(flatten)]
    rules: RuleArgs,
}

#[derive(Args)]
pub(super) struct Show {
    /// The id: a vendor, `vendor/product`, an instrument or a profile
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
}

impl Rules {
    pub(super) fn run(self, world: &World) -> Result<u8> {
        match self {
            Self::List(list) => {
                let rules = list.rules.load(world)?;
                standard(|out| write_list(&rules, world, out))?;
            }
            Self::Show(show) => {
                let rules = show.rules.load(world)?;
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
                let rules = Loaded::proven(&test.paths, world.colour_errors)?;
                standard(|out| writeln!(out, "{} examples hold: {}", proof::count(&rules), summary(&rules)))?;
            }
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
    let today = jiff::tz::Offset::UTC.to_datetime((world.now)()).date();
    writeln!(out, "VENDORS")?;
    for (number, vendor) in rules.vendors.iter().enumerate() {
        let signatures = rules.signatures.iter().filter(|s| s.vendor == number);
        let values: usize = signatures.map(|s| s.values.len()).sum();
        let products = vendor.products.len();
        let own = if vendor.builtin { "" } else { " (from your rule files)" };
        writeln!(out, "  {:24}{}, {products} products, {values} values{own}", vendor.id, vendor.name)?;
    }
    writeln!(out, "\nINSTRUMENTS")?;
    for instrument in &rules.instruments {
        writeln!(
            out,
            "  {:24}{} [{}, {}]",
            instrument.id,
            instrument.title,
            instrument.status(today),
            instrument.force
        )?;
    }
    writeln!(out, "\nPROFILES")?;
    for profile in &rules.profiles {
        writeln!(out, "  {:24}{}: {}", profile.id, profile.title, profile.instruments.join(", "))?;
    }
    Ok(())
}

/// All that the rules say of something.
fn write_whole(rules: &Loaded, subject: &Subject<'_>, world: &World, out: &mut dyn Write) -> io::Result<()> {
    subject.write(rules, world, out)?;
    let Some((vendor, product)) = subject.vendor(rules) else { return Ok(()) };
    writeln!(out, "\nRecognised by:")?;
    let chosen =
        rules.signatures.iter().filter(|s| s.vendor == vendor && (product.is_none() || s.product == product));
    for signature in chosen {
        let shows = signature.strength.map_or("supports others", |s| s.max(signature.on.ceiling()).word());
        let contested = if signature.contested { ", contested" } else { "" };
        let component = if signature.component { ", a part of others' products" } else { "" };
        let of = recognise::product_id(rules, vendor, signature.product);
        writeln!(
            out,
            "  {} ({shows}{contested}{component}; {of}): {}",
            signature.on.word(),
            signature.values.join("; ")
        )?;
        if let Some(source) = &signature.source {
            writeln!(out, "      source: {source}")?;
        }
    }
    Ok(())
}
