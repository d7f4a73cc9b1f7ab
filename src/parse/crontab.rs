//! Tables of cron and anacron: what is run when, and as whom.
//!
//! Format: crontab(5) of Vixie cron and cronie, anacrontab(5). A line is a comment, a setting or a job. A percent sign
//! ends the command, since what follows is its input. cron passes over a last line that nothing ends, or over the whole
//! table.

/// Bytes of a table that a reader should read; cron itself allows 256 KiB.
pub const MAX_BYTES: u64 = 1 << 20;

/// Which fields stand before a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fields {
    /// The time, as in a table of one user.
    Time,
    /// The time and the user, as in the tables of the system.
    TimeAndUser,
    /// Period, delay and name, as in the table of anacron.
    Anacron,
}

/// A job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job<'a> {
    /// The number of its line, from 1.
    pub line: usize,
    /// As whom it is run, if its line says so.
    pub user: Option<&'a [u8]>,
    /// What a shell is given.
    pub command: Vec<u8>,
}

/// A table.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Crontab<'a> {
    /// Its jobs in order.
    pub jobs: Vec<Job<'a>>,
    /// Names and values of its settings in order.
    pub settings: Vec<(&'a [u8], &'a [u8])>,
    /// The number of the first line that is neither a comment, a setting nor a job; from 1.
    pub damaged: Option<usize>,
    /// Whether nothing ends its last line.
    pub open_end: bool,
}

impl<'a> Crontab<'a> {
    /// Reads a table. What is damaged is passed over.
    #[must_use]
    pub fn parse(bytes: &'a [u8], fields: Fields) -> Self {
        let mut table = Self { open_end: bytes.last().is_some_and(|&b| b != b'\n'), ..Self::default() };
        for (number, line) in (1..).zip(bytes.split(|&b| b == b'\n')) {
            let line = line.trim_ascii();
            if line.is_empty() || line.starts_with(b"#") {
                continue;
            }
            if let Some(setting) = setting(line) {
                table.settings.push(setting);
            } else if let Some((user, command)) = job(line, fields).filter(|_| !line.contains(&0)) {
                table.jobs.push(Job { line: number, user, command });
            } else {
                table.damaged.get_or_insert(number);
            }
        }
        table
    }

    /// The value that a setting has at the end.
    #[must_use]
    pub fn setting(&self, name: &str) -> Option<&'a [u8]> {
        self.settings.iter().rev().find(|(key, _)| *key == name.as_bytes()).map(|(_, value)| *value)
    }
}

/// The name and the value of a setting, without quotes.
fn setting(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let (name, value) = line.split_at(line.iter().position(|&b| b == b'=')?);
    let name = unquoted(name.trim_ascii());
    let is_name = !name.is_empty()
        && name.iter().all(|b| !b.is_ascii_whitespace())
        && name.first().is_some_and(|b| !b.is_ascii_digit() && !b"*@-~".contains(b));
    is_name.then(|| (name, unquoted(value.get(1..).unwrap_or_default().trim_ascii())))
}

fn unquoted(text: &[u8]) -> &[u8] {
    let inside = |quote: &[u8]| text.strip_prefix(quote)?.strip_suffix(quote);
    inside(b"\"").or_else(|| inside(b"'")).unwrap_or(text)
}

/// The user and the command of a job.
fn job(line: &[u8], fields: Fields) -> Option<(Option<&[u8]>, Vec<u8>)> {
    // A dash before the time keeps a job of root out of the log.
    let mut rest = line.strip_prefix(b"-").unwrap_or(line);
    let (mut field, after) = next(rest);
    let is_named = field.starts_with(b"@");
    let is_time = |b: &u8| b.is_ascii_digit() || b"*,/-~?".contains(b);
    if field.is_empty() || !(is_named || field.iter().all(is_time)) {
        return None;
    }
    rest = after;
    let more = match fields {
        Fields::Anacron => 2,
        _ if is_named => 0,
        _ => 4,
    };
    for _ in 0..more {
        (field, rest) = next(rest);
        if field.is_empty() {
            return None;
        }
    }
    let user = if fields == Fields::TimeAndUser {
        (field, rest) = next(rest);
        Some(field)
    } else {
        None
    };
    let command = if fields == Fields::Anacron { rest.to_vec() } else { before_input(rest) };
    (!command.trim_ascii().is_empty()).then_some((user, command))
}

/// The first field and what comes after it.
fn next(text: &[u8]) -> (&[u8], &[u8]) {
    let end = text.iter().position(u8::is_ascii_whitespace).unwrap_or(text.len());
    let (field, rest) = text.split_at(end);
    (field, rest.trim_ascii_start())
}

/// A command without its input: up to the first percent sign that no backslash stands before.
fn before_input(text: &[u8]) -> Vec<u8> {
    let mut command = Vec::with_capacity(text.len());
    for &byte in text {
        if byte == b'%' {
            if command.last() != Some(&b'\\') {
                break;
            }
            command.pop();
        }
        command.push(byte);
    }
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAMPLE: &[u8] = b"# m h dom mon dow user command\nSHELL=/bin/sh\nPATH = \"/opt/k:/bin\"\n\n\
        17 *\t* * *\troot\tcd / && run-parts /etc/cron.hourly\n@reboot kesl /opt/k/kesl --now%input\n\
        */5 1-3,4 1 jan mon-fri root A=1 date +\\%F\n-0~30 0 * * * root x\n";

    fn jobs(bytes: &[u8], fields: Fields) -> Vec<String> {
        let table = Crontab::parse(bytes, fields);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let job = |j: &Job<'_>| format!("{} {} {}", j.line, text(j.user.unwrap_or(b"-")), text(&j.command));
        table.jobs.iter().map(job).collect()
    }

    #[test]
    fn a_table_is_settings_and_jobs() {
        let wanted = [
            "5 root cd / && run-parts /etc/cron.hourly",
            "6 kesl /opt/k/kesl --now",
            "7 root A=1 date +%F",
            "8 root x",
        ];
        assert_eq!(jobs(SAMPLE, Fields::TimeAndUser), wanted);
        let table = Crontab::parse(SAMPLE, Fields::TimeAndUser);
        assert_eq!((table.damaged, table.open_end), (None, false));
        assert_eq!(table.setting("PATH"), Some(&b"/opt/k:/bin"[..]));
        assert_eq!(jobs(b"* * * * * a b\n@daily c\n", Fields::Time), ["1 - a b", "2 - c"]);
        assert_eq!(
            jobs(b"1 5 cron.daily nice a%b\n@monthly 45 m b\n", Fields::Anacron),
            ["1 - nice a%b", "2 - b"]
        );
    }

    #[test]
    fn what_is_no_job_is_damage_and_an_open_end_is_told() {
        for line in [
            "hello world",
            "* * * *",
            "* * * * * root",
            "5x * * * * root a",
            "@daily root",
            "* * * * * r a\0",
        ] {
            assert_eq!(
                Crontab::parse(format!("\n{line}\n").as_bytes(), Fields::TimeAndUser).damaged,
                Some(2),
                "{line}"
            );
        }
        let cut = Crontab::parse(b"* * * * * /opt/k", Fields::Time);
        assert_eq!((cut.open_end, cut.jobs.len()), (true, 1));
        assert!(!Crontab::parse(b"", Fields::Time).open_end);
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_end_without_a_panic(bytes: Vec<u8>) {
            for fields in [Fields::Time, Fields::TimeAndUser, Fields::Anacron] {
                let table = Crontab::parse(&bytes, fields);
                proptest::prop_assert!(table.jobs.iter().all(|job| job.line > 0 && !job.command.is_empty()));
            }
        }

        #[test]
        fn any_changed_table_ends_without_a_panic(at in 0..SAMPLE.len(), to: u8, cut in 0..SAMPLE.len()) {
            let mut bytes = SAMPLE.to_vec();
            bytes[at] = to;
            let _ = (Crontab::parse(&bytes, Fields::Time), Crontab::parse(&bytes[..cut], Fields::TimeAndUser));
        }
    }
}
