//! `interdict scan`: audit a target and give a verdict.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use interdict::Request;
use interdict::baseline::Baseline;
use interdict::error::Error;
use interdict::judge::Verdict;
use interdict::organisation::Organisation;
use interdict::redact;
use interdict::report::{FORMATS, Format, template};
use interdict::rules::{Instrument, Rules};
use interdict::waiver::Waiver;
use jiff::civil::Date;

use super::output::Outputs;
use super::{LookArgs, RedactArgs, RuleArgs, Watch, World};

#[derive(Args)]
pub(super) struct Scan {
    #[command(flatten)]
    look: LookArgs,
    #[command(flatten)]
    rules: RuleArgs,
    /// Instrument or profile to judge by, or `all` (repeatable) [default: us-federal]
    #[arg(long, value_name = "ID")]
    under: Vec<String>,
    /// Judge by the law as of this day [default: today]
    #[arg(long, value_name = "DATE", value_parser = date)]
    as_of: Option<Date>,
    /// Treat a proposed instrument as if it had passed (repeatable)
    #[arg(long, value_name = "ID")]
    assume: Vec<String>,
    /// Who uses the machine: body, system, device, contact, contracts (TOML); `interdict explain organisation` shows its keys
    #[arg(long, value_name = "FILE")]
    organisation: Option<PathBuf>,
    /// Exceptions that were granted (TOML); `interdict explain waiver` shows its keys
    #[arg(long, value_name = "FILE")]
    waivers: Option<PathBuf>,
    /// Earlier report (json or ndjson, in gzip too) to compare with: findings become new, changed, unchanged or gone, and the verdict stays what it is
    #[arg(long, value_name = "REPORT")]
    baseline: Option<PathBuf>,
    /// Warn of packs of rules whose facts were checked longer ago than so many days
    #[arg(long, value_name = "DAYS", default_value_t = 180, value_parser = clap::value_parser!(i32).range(0..=36_500))]
    max_rules_age: i32,
    /// Where to write what: table, csv, cyclonedx, html, intoto, json, junit, markdown, ndjson, ocsf, oscal-ar, oscal-poam,
    /// sarif, spdx, template or template:ID, on standard output or in a file (repeatable) [default: table]
    #[arg(short, long, value_name = "FORMAT[=PATH]")]
    output: Vec<String>,
    /// Verdicts that count as passed, by name: review, incomplete
    #[arg(long, value_name = "VERDICT", value_delimiter = ',', value_parser = acceptable)]
    accept: Vec<Verdict>,
    #[command(flatten)]
    redact: RedactArgs,
    /// Leave the items out of the report, which then cannot be judged again
    #[arg(long)]
    no_items: bool,
    /// Show all evidence in the table, and what removes each finding
    #[arg(short, long)]
    verbose: bool,
}

fn date(text: &str) -> Result<Date, String> {
    let date = text.parse::<Date>().ok().filter(|_| text.len() == 10);
    date.ok_or_else(|| "a day is written as in 2018-10-01".to_owned())
}

fn acceptable(word: &str) -> Result<Verdict, String> {
    let verdict = Verdict::parse(word).filter(|v| matches!(v, Verdict::Review | Verdict::Incomplete));
    verdict.ok_or_else(|| "only review and incomplete can be accepted".to_owned())
}

/// Whether an instrument that is judged by asks for reports.
fn has_template(rules: &Rules, under: &[&Instrument], id: &str) -> Result<(), Error> {
    let asks = |instrument: &&Instrument| !instrument.filings.is_empty();
    if !rules.instruments.iter().filter(asks).any(|i| i.id == id) {
        let known: Vec<_> =
            rules.instruments.iter().filter(asks).map(|i| format!("template:{}", i.id)).collect();
        return Err(Error::Usage(format!("there is no template `{id}`; there are: {}", known.join(", "))));
    }
    if !under.iter().any(|instrument| instrument.id == id) {
        let message =
            format!("nothing is judged by {id}, so its report cannot be filled in; add --under {id}");
        return Err(Error::Usage(message));
    }
    Ok(())
}

impl Scan {
    pub(super) fn run(self, world: &World) -> Result<u8> {
        let rules = self.rules.load(world)?;
        for id in &self.assume {
            rules.instrument(id)?;
        }
        let under = rules.choose(&self.under, !self.rules.no_builtin_rules)?;
        if under.is_empty() {
            let message = "there is no instrument to judge by; name one with --under, or give --rules that name vendors";
            return Err(Error::Usage(message.to_owned()).into());
        }
        let organisation = match &self.organisation {
            Some(path) => Organisation::read(path, &rules, world.colour_errors)?,
            None => Organisation::default(),
        };
        let waivers = match &self.waivers {
            Some(path) => Waiver::read(path, &rules, world.colour_errors)?,
            None => Vec::new(),
        };
        let key = self.redact.key(world)?;
        let mut baseline = self.baseline.as_deref().map(Baseline::read).transpose()?;
        let takes = |format: &Format, of: &str| match format.id {
            "template" => has_template(&rules, &under, of).map(|()| true),
            _ => Ok(false),
        };
        let outputs = Outputs::check(&self.output, FORMATS, |f: &Format| f.id, takes)?;
        let target = self.look.target()?;
        let watch = Watch::new(world);
        let done = |source: &str| watch.done(source);
        let look = self.look.by(world, &done);
        let request = Request {
            rules: &rules,
            under,
            assume: &self.assume,
            as_of: self.as_of,
            max_rules_age: self.max_rules_age,
            organisation,
            waivers,
            look,
        };
        let mut report = interdict::run(&target, &request);
        drop(watch);
        report.with_items = !self.no_items;
        if let Some(key) = key {
            report = redact::report(report, baseline.as_mut(), &key);
        }
        report.baseline = baseline.map(|baseline| baseline.compare(&report));
        report.verbose = self.verbose;
        outputs.write(|format, of, out| match of {
            Some(id) => template::write(&report, Some(id), out),
            None => (format.write)(&report, world.style, out),
        })?;
        Ok(report.exit_code(&self.accept))
    }
}
