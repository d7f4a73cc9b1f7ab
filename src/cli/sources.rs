//! `interdict sources`: the places that are read, and how far they can be read here.

use std::io::Write;

use anyhow::Result;
use clap::Args;
use interdict::sources::{SOURCES, Source};
use interdict::target::Target;

use super::output::standard;
use super::{LookArgs, Watch, World};

#[derive(Args)]
pub(super) struct Sources {
    #[command(flatten)]
    look: LookArgs,
}

impl Sources {
    pub(super) fn run(self, world: &World) -> Result<u8> {
        let target = Target::named(self.look.target.as_deref(), self.look.excluded()?)?;
        let watch = Watch::new(world);
        let done = |source: &str| watch.done(source);
        let look = self.look.by(world, &done);
        let (inventory, _) = interdict::look(&target, &look, None);
        drop(watch);
        standard(|out| {
            for (number, row) in inventory.coverage.iter().enumerate() {
                let source = SOURCES.iter().find(|s| row.source.raw() == s.id);
                let about = source.map_or("items of a saved inventory", |s| s.about);
                let gap = if number == 0 { "" } else { "\n" };
                writeln!(out, "{gap}{} - {about}", row.source)?;
                if let Some(source) = source {
                    describe(source, out)?;
                }
                let reason = row.reason.as_ref().map(|r| format!(" ({r})")).unwrap_or_default();
                writeln!(out, "  here        {}{reason}, {} items", row.state, row.items)?;
                for gap in &row.gaps {
                    writeln!(out, "  not seen    {}: {}", gap.place, gap.reason)?;
                }
            }
            Ok(())
        })?;
        Ok(0)
    }
}

/// What a source reads, needs and cannot notice.
pub(super) fn describe(source: &Source, out: &mut dyn Write) -> std::io::Result<()> {
    let words =
        |kinds: &[interdict::item::Kind]| kinds.iter().map(|k| k.word()).collect::<Vec<_>>().join(", ");
    writeln!(out, "  yields      {}", words(source.yields))?;
    writeln!(out, "  needs       {}; from depth {} on", source.needs, source.depth)?;
    writeln!(out, "  rights      {}", source.rights)?;
    if !source.expects.is_empty() {
        let systems: Vec<_> = source.expects.iter().map(|p| p.word()).collect();
        writeln!(out, "  expected    on systems of the kind: {}", systems.join(", "))?;
    }
    if !source.blind.is_empty() {
        writeln!(out, "  blind to    {}", source.blind)?;
    }
    Ok(())
}
