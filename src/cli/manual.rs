//! `interdict completions` and `interdict man`: generated from the one definition of the command line.

use anyhow::Result;
use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::Cli;
use super::output::standard;

#[derive(Args)]
pub(super) struct Completions {
    /// The shell
    shell: Shell,
}

impl Completions {
    pub(super) fn run(&self) -> Result<u8> {
        let mut bytes = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), "interdict", &mut bytes);
        standard(|out| out.write_all(&bytes))?;
        Ok(0)
    }
}

#[derive(Args)]
pub(super) struct Man {}

impl Man {
    pub(super) fn run(&self) -> Result<u8> {
        let Self {} = self;
        standard(|out| clap_mangen::Man::new(Cli::command()).render(&mut &mut *out))?;
        Ok(0)
    }
}
