//! What a job of launchd starts.
//!
//! Format: launchd.plist(5). The first argument is only what the program is told it is called, if `Program` names the
//! program itself; a program within an application may be named relative to it (`BundleProgram`).

use crate::parse::plist::{Value, flag, list, text};
use crate::text::Text;

/// Arguments of a job that are read.
const MAX_ARGUMENTS: usize = 4096;

/// One job.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Job {
    /// The name by which launchd knows it, without which it loads none.
    pub label: Option<Text>,
    /// The program and its arguments; empty, if it names none.
    pub command: Vec<Text>,
    /// Whether the file asks that it is not loaded.
    pub disabled: bool,
    /// The user whom it runs as, if it is another than whom it is of.
    pub user: Option<Text>,
}

impl Job {
    /// Takes a job out of its property list.
    #[must_use]
    pub fn of(job: &Value) -> Self {
        let arguments = list(job, "ProgramArguments").iter().take(MAX_ARGUMENTS);
        let mut command: Vec<Text> = arguments.filter_map(Value::as_string).map(Text::from).collect();
        if let Some(program) = text(job, "Program").or_else(|| text(job, "BundleProgram")) {
            command.splice(..command.len().min(1), [program]);
        }
        Self {
            label: text(job, "Label"),
            command,
            disabled: flag(job, "Disabled").unwrap_or_default(),
            user: text(job, "UserName"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::plist::parse;

    fn job(body: &str) -> Job {
        Job::of(&parse(format!("<plist><dict>{body}</dict></plist>").as_bytes()).unwrap())
    }

    #[test]
    fn the_program_is_the_one_that_is_named_as_such() {
        let arguments = "<key>ProgramArguments</key><array><string>kav</string><string>-d</string></array>";
        let texts = |words: &[&str]| words.iter().map(|word| Text::from(*word)).collect::<Vec<_>>();
        assert_eq!(job(arguments).command, texts(&["kav", "-d"]));
        let both =
            format!("{arguments}<key>Program</key><string>/Library/kav</string><key>Disabled</key><true/>");
        assert_eq!((job(&both).command, job(&both).disabled), (texts(&["/Library/kav", "-d"]), true));
        let alone = job("<key>Program</key><string>/k</string><key>Label</key><string>l</string>");
        assert_eq!((alone.command, alone.label, alone.disabled), (texts(&["/k"]), Some("l".into()), false));
        assert_eq!(job(""), Job::default());
        assert_eq!(Job::of(&Value::Boolean(true)), Job::default());
    }
}
