//! The command line: one file a command. No other code knows that arguments exist.

mod explain;
mod forms;
mod inventory;
mod law;
mod manual;
mod output;
mod rules;
mod scan;
mod sources;

use std::io;
use std::path::PathBuf;

use anyhow::{Context, Result, anyhow};
use clap::{Args, Parser, Subcommand};
use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use indicatif::{ProgressBar, ProgressStyle};
use interdict::Look;
use interdict::error::Error;
use interdict::redact::LEAST_KEY;
use interdict::report::Style;
use interdict::rules::{Rules, on_request};
use interdict::sources::{Depth, Progress, SOURCES};
use interdict::target::{Target, operator};
use interdict::text::Text;
use jiff::Timestamp;
use jiff::civil::Date;

/// What main knows of the world.
pub(crate) struct World {
    pub(crate) style: Style,
    pub(crate) colour_errors: bool,
    pub(crate) progress: bool,
    pub(crate) user: Option<Text>,
    pub(crate) elevated: Option<bool>,
    pub(crate) now: fn() -> Timestamp,
    pub(crate) random: fn() -> Result<[u8; 32], String>,
}

impl World {
    /// The day it is in UTC.
    fn today(&self) -> Date {
        jiff::tz::Offset::UTC.to_datetime((self.now)()).date()
    }
}

const EXIT_CODES: &str = "\
Exit codes:
  0    clean: nothing prohibited was found within the coverage
  1    prohibited: something was found that must not be here
  2    the command line, a rule file, the target or an output is wrong
  3    incomplete: something could not be looked at
  4    review: a person must look at something
  5    interdict failed, or could not finish writing
  130  interrupted";

/// Audits machines and images for software that the law bans, and says what it could not see.
#[derive(Parser)]
#[command(name = "interdict", version, after_help = EXIT_CODES, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Audit a target and give a verdict
    #[command(after_help = EXIT_CODES)]
    Scan(Box<scan::Scan>),
    /// List what is installed and running, without any judgment
    Inventory(inventory::List),
    /// Look at and check the rules
    #[command(subcommand)]
    Rules(rules::Rules),
    /// Explain a vendor, product, instrument, profile, source, state, verdict, or a file that scan reads
    Explain(explain::Explain),
    /// List the places that are read, and how far they can be read here
    Sources(sources::Sources),
    /// Write shell completions
    Completions(manual::Completions),
    /// Write the manual page
    Man(manual::Man),
}

/// Runs the command of the process's arguments and gives its exit code.
pub(crate) fn run(world: &World) -> Result<u8> {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are answers; anything else is a wrong command line.
            let code = if error.use_stderr() { 2 } else { 0 };
            match error.print() {
                Err(e) if e.kind() != io::ErrorKind::BrokenPipe => {
                    return Err(e).context("cannot write the help");
                }
                _ => return Ok(code),
            }
        }
    };
    match cli.command {
        Command::Scan(command) => command.run(world),
        Command::Inventory(command) => command.run(world),
        Command::Rules(command) => command.run(world),
        Command::Explain(command) => command.run(world),
        Command::Sources(command) => command.run(world),
        Command::Completions(command) => command.run(),
        Command::Man(command) => command.run(),
    }
}

/// Which rules are loaded.
#[derive(Args)]
struct RuleArgs {
    /// Rule file or folder, added to the built-in rules, or builtin:ID for a pack that is loaded only on request (repeatable)
    #[arg(long, value_name = "PATH")]
    rules: Vec<PathBuf>,
    /// Leave out the built-in rules
    #[arg(long)]
    no_builtin_rules: bool,
}

impl RuleArgs {
    fn load(&self, world: &World) -> Result<Rules> {
        Ok(Rules::load(&self.rules, !self.no_builtin_rules, world.colour_errors)?)
    }

    /// The rules that know an id: those loaded, or with them the packs that are loaded only on request.
    fn knowing(&self, id: &str, world: &World) -> Result<Rules> {
        let rules = self.load(world)?;
        if explain::find(&rules, id).is_ok() {
            return Ok(rules);
        }
        let paths = with_all_on_request(&self.rules);
        let all = Rules::load(&paths, !self.no_builtin_rules, world.colour_errors);
        Ok(all.ok().filter(|all| explain::find(all, id).is_ok()).unwrap_or(rules))
    }
}

/// Rule files, and the packs that are loaded only on request.
fn with_all_on_request(paths: &[PathBuf]) -> Vec<PathBuf> {
    let packs = on_request().into_iter().map(|pack| format!("builtin:{}", pack.id).into());
    let more: Vec<PathBuf> = packs.filter(|path| !paths.contains(path)).collect();
    [paths, &more].concat()
}

/// What is looked at, and how far.
#[derive(Args)]
struct LookArgs {
    /// What to look at: a folder that holds the root of a system, or dir:PATH, or inventory:FILE; this machine, if left out
    target: Option<PathBuf>,
    /// How far to look: quick is package databases and processes, standard adds the places programs live in, full adds every local file
    #[arg(long, value_name = "DEPTH", default_value = "standard", value_parser = depth)]
    depth: Depth,
    /// Places not to look into; told in the coverage (repeatable)
    #[arg(long, value_name = "GLOB")]
    exclude: Vec<String>,
    /// Look into network file systems too, which otherwise are told in the coverage and left out
    #[arg(long)]
    include_network: bool,
}

/// Whether people and machines are named.
#[derive(Args)]
struct RedactArgs {
    /// Write tokens for user names, home folders, the host's name and id, and Windows SIDs
    #[arg(long)]
    redact: bool,
    /// Key of the tokens, a file of at least 16 bytes: the same key gives the same tokens; implies --redact [default: a random key for this run, which is not kept]
    #[arg(long, value_name = "FILE")]
    redact_key: Option<PathBuf>,
}

impl RedactArgs {
    /// The key, if tokens are asked for.
    fn key(&self, world: &World) -> Result<Option<Vec<u8>>> {
        if let Some(path) = &self.redact_key {
            let key = operator::bytes(path, MOST_KEY)?;
            if key.len() < LEAST_KEY {
                let path = path.display().to_string();
                let reason = format!("a key of fewer than {LEAST_KEY} bytes could be found out by trying");
                return Err(Error::Instruction { path, reason }.into());
            }
            return Ok(Some(key));
        }
        if !self.redact {
            return Ok(None);
        }
        let key = (world.random)()
            .map_err(|e| anyhow!("cannot make a random key: {e}; name one with --redact-key"))?;
        Ok(Some(key.to_vec()))
    }
}

/// Bytes of a key that are read.
const MOST_KEY: u64 = 1 << 16;

fn depth(word: &str) -> Result<Depth, String> {
    let words: Vec<_> = Depth::ALL.iter().map(|d| d.word()).collect();
    Depth::parse(word).ok_or_else(|| format!("a depth is one of: {}", words.join(", ")))
}

impl LookArgs {
    fn by<'a>(&self, world: &World, done: Progress<'a>) -> Look<'a> {
        Look { depth: self.depth, user: world.user.clone(), elevated: world.elevated, now: world.now, done }
    }

    fn target(&self) -> Result<Target> {
        let target = Target::named(self.target.as_deref(), self.excluded()?)?;
        Ok(if self.include_network { target.including_network() } else { target })
    }

    fn excluded(&self) -> Result<GlobSet> {
        let mut set = GlobSetBuilder::new();
        for glob in &self.exclude {
            let wrong = |e: globset::Error| Error::Usage(format!("--exclude {glob} is no glob: {e}"));
            set.add(GlobBuilder::new(glob).literal_separator(false).build().map_err(wrong)?);
            // What is in an excluded folder is excluded with it.
            let below = format!("{}/**", glob.trim_end_matches('/'));
            set.add(GlobBuilder::new(&below).literal_separator(false).build().map_err(wrong)?);
        }
        Ok(set.build().map_err(|e| Error::Usage(format!("--exclude: {e}")))?)
    }
}

/// Shows on a terminal which sources are still read, and nothing elsewhere.
struct Watch(ProgressBar);

impl Watch {
    fn new(world: &World) -> Self {
        if !world.progress {
            return Self(ProgressBar::hidden());
        }
        let bar = ProgressBar::new(u64::try_from(SOURCES.len()).unwrap_or_default());
        let style = ProgressStyle::with_template("{spinner} {pos}/{len} sources read {msg}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
        bar.enable_steady_tick(std::time::Duration::from_millis(100));
        Self(bar)
    }

    fn done(&self, source: &str) {
        self.0.set_message(format!("({source})"));
        self.0.inc(1);
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
