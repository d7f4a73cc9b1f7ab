//! `interdict completions` and `interdict man`: generated from the one definition of the command line.

use anyhow::Result;
use clap::{Args, Command, CommandFactory};
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
        let mut command = Cli::command();
        command.build();
        let mut bytes = Vec::new();
        page(&command, &mut bytes)?;
        standard(|out| out.write_all(&bytes))?;
        Ok(0)
    }
}

/// The page of a command, and behind it those of its subcommands.
fn page(command: &Command, out: &mut Vec<u8>) -> std::io::Result<()> {
    clap_mangen::Man::new(command.clone()).render(out)?;
    command.get_subcommands().filter(|c| c.get_name() != "help").try_for_each(|c| page(c, out))
}
