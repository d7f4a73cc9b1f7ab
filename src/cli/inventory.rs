//! `interdict inventory`: what is installed and running, without any judgment.

use anyhow::Result;
use clap::Args;
use interdict::judge::Verdict;
use interdict::redact;
use interdict::report::{LIST_FORMATS, ListFormat};

use super::output::Outputs;
use super::{LookArgs, RedactArgs, Watch, World};

#[derive(Args)]
pub(super) struct List {
    #[command(flatten)]
    look: LookArgs,
    #[command(flatten)]
    redact: RedactArgs,
    /// Where to write what: table, csv, cyclonedx, json, ndjson, ocsf or spdx, on standard output or in a file (repeatable) [default: table]
    #[arg(short, long, value_name = "FORMAT[=PATH]")]
    output: Vec<String>,
}

impl List {
    pub(super) fn run(self, world: &World) -> Result<u8> {
        let key = self.redact.key(world)?;
        let outputs = Outputs::check(&self.output, LIST_FORMATS, |f: &ListFormat| f.id, |_, _| Ok(false))?;
        let target = self.look.target()?;
        let watch = Watch::new(world);
        let done = |source: &str| watch.done(source);
        let look = self.look.by(world, &done);
        let (mut inventory, mut scan) = interdict::look(&target, &look, None);
        if let Some(key) = key {
            (inventory, scan) = redact::inventory(inventory, scan, &key);
        }
        drop(watch);
        outputs.write(|format, _, out| (format.write)(&inventory, &scan, world.style, out))?;
        Ok(if inventory.is_incomplete() { Verdict::Incomplete.exit_code() } else { 0 })
    }
}
