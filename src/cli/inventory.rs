//! `interdict inventory`: what is installed and running, without any judgment.

use anyhow::Result;
use clap::Args;
use interdict::judge::Verdict;
use interdict::report::{LIST_FORMATS, ListFormat};

use super::output::Outputs;
use super::{LookArgs, Watch, World};

#[derive(Args)]
pub(super) struct List {
    #[command(flatten)]
    look: LookArgs,
    /// Where to write what: table, csv, json or ndjson, on standard output or in a file (repeatable) [default: table]
    #[arg(short, long, value_name = "FORMAT[=PATH]")]
    output: Vec<String>,
}

impl List {
    pub(super) fn run(self, world: &World) -> Result<u8> {
        let outputs = Outputs::check(&self.output, LIST_FORMATS, |f: &ListFormat| f.id, |_, _| Ok(false))?;
        let target = self.look.target()?;
        let watch = Watch::new(world);
        let done = |source: &str| watch.done(source);
        let look = self.look.by(world, &done);
        let (inventory, scan) = interdict::look(&target, &look, None);
        drop(watch);
        outputs.write(|format, _, out| (format.write)(&inventory, &scan, world.style, out))?;
        Ok(if inventory.is_incomplete() { Verdict::Incomplete.exit_code() } else { 0 })
    }
}
