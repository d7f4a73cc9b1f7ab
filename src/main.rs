//! `interdict`: arguments in, report out, verdict as the exit code. Reads the clock and the environment, once.
#![allow(clippy::disallowed_methods, reason = "main reads the environment and the clock, and hands them on")]

mod cli;

use std::io::{IsTerminal, Write};
use std::process::ExitCode;

use interdict::error::Error;
use interdict::report::Style;
use interdict::text::Text;

/// Columns of a table that goes into a file or a pipe.
const PIPED: usize = 80;

fn main() -> ExitCode {
    // An interrupted scan has no answer, and no output is left half.
    let caught = ctrlc::set_handler(|| {
        interdict::target::operator::abandon();
        std::process::exit(130);
    });
    let world = cli::World {
        style: Style { width: width(), colour: coloured(std::io::stdout().is_terminal()) },
        colour_errors: coloured(std::io::stderr().is_terminal()),
        progress: std::io::stderr().is_terminal() && caught.is_ok(),
        user: user(),
        elevated: elevated(),
        now: jiff::Timestamp::now,
        random: || {
            let mut key = [0; 32];
            getrandom::fill(&mut key).map(|()| key).map_err(|e| e.to_string())
        },
    };
    match cli::run(&world) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            let known = error.downcast_ref::<Error>();
            let text = match known {
                // These show themselves, each with its place.
                Some(Error::Rules(text)) => {
                    format!("{text}\n\nerror: what is underlined is wrong, so nothing was scanned")
                }
                _ => format!("error: {}", Text::from(format!("{error:#}"))),
            };
            // Nothing is left to be done if standard error is closed.
            let written = writeln!(std::io::stderr(), "{text}");
            let code = known.map_or(5, Error::exit_code);
            ExitCode::from(if written.is_ok() { code } else { code.max(1) })
        }
    }
}

fn coloured(terminal: bool) -> bool {
    let set = |name| std::env::var_os(name).is_some_and(|v| !v.is_empty());
    terminal && !set("NO_COLOR") && std::env::var_os("TERM").is_none_or(|t| t != "dumb")
}

fn width() -> usize {
    if let Some(columns) = std::env::var("COLUMNS").ok().and_then(|c| c.parse().ok()).filter(|c| *c >= 40) {
        return columns;
    }
    if !std::io::stdout().is_terminal() {
        return PIPED;
    }
    comfy_table::Table::new().width().map_or(PIPED, usize::from).max(40)
}

/// The user's name: what the system knows by the number it runs as, or what the environment says.
#[cfg(unix)]
fn user() -> Option<Text> {
    let number = rustix::process::geteuid().as_raw().to_string();
    let passwd = std::fs::read_to_string("/etc/passwd").ok()?;
    let is_me = |line: &&str| line.split(':').nth(2) == Some(&number);
    let name = passwd.lines().find(is_me).and_then(|line| line.split(':').next());
    Some(name.unwrap_or(&number).into())
}

#[cfg(not(unix))]
fn user() -> Option<Text> {
    std::env::var("USERNAME").ok().map(Text::from)
}

/// Whether the process has the rights of an administrator, where that can be told.
fn elevated() -> Option<bool> {
    #[cfg(unix)]
    let elevated = Some(rustix::process::geteuid().is_root());
    #[cfg(not(unix))]
    let elevated = None;
    elevated
}
