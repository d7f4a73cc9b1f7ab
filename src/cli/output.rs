//! `-o FORMAT[=PATH]`: where the bytes go.

use std::io::{self, BufWriter, Write};
use std::path::Path;

use anyhow::Result;
use interdict::error::Error;
use interdict::target::operator::Output;
use unicode_width::UnicodeWidthStr;

/// An output that was asked for.
struct Asked<F: 'static> {
    format: &'static F,
    /// Of what it is, in a form as `template:ID`.
    of: Option<String>,
    /// Its file, or standard output.
    path: Option<String>,
}

/// The outputs that were asked for.
pub(super) struct Outputs<F: 'static>(Vec<Asked<F>>);

impl<F> Outputs<F> {
    /// Checks the outputs, before anything is scanned; `table` on standard output where none is asked for.
    /// `takes` says whether a format takes what stands behind a colon.
    pub(super) fn check(
        asked: &[String],
        formats: &'static [F],
        id: fn(&F) -> &'static str,
        takes: impl Fn(&F, &str) -> Result<bool, Error>,
    ) -> Result<Self> {
        let default = ["table".to_owned()];
        let asked = if asked.is_empty() { &default } else { asked };
        let mut outputs = Vec::new();
        for asked in asked {
            let (name, path) =
                asked.split_once('=').map_or((asked.as_str(), None), |(name, path)| (name, Some(path)));
            let (before, of) = name.split_once(':').map_or((name, None), |(name, of)| (name, Some(of)));
            let format = formats.iter().find(|f| id(f) == before);
            let known = match (format, of) {
                (Some(format), Some(of)) => takes(format, of)?.then_some(format),
                (format, _) => format,
            };
            let Some(format) = known else {
                let known: Vec<_> = formats.iter().map(id).collect();
                return Err(Error::Usage(format!(
                    "there is no format `{name}`; there are: {}",
                    known.join(", ")
                ))
                .into());
            };
            match path.filter(|path| *path != "-") {
                Some("") => return Err(Error::Usage(format!("-o {asked} names no file")).into()),
                Some(path) => Output::check(Path::new(path))?,
                None => {}
            }
            let path = path.filter(|path| *path != "-").map(str::to_owned);
            outputs.push(Asked { format, of: of.map(str::to_owned), path });
        }
        for (number, Asked { path, .. }) in outputs.iter().enumerate() {
            let twice = path.is_some() && outputs.iter().skip(number + 1).any(|other| other.path == *path);
            if let (true, Some(path)) = (twice, path) {
                return Err(Error::Usage(format!("two formats cannot go to one file: {path}")).into());
            }
        }
        if outputs.iter().filter(|asked| asked.path.is_none()).count() > 1 {
            let message = "only one format can go to standard output; give the others a file, as in -o json=report.json";
            return Err(Error::Usage(message.to_owned()).into());
        }
        Ok(Self(outputs))
    }

    /// Writes each output whole. A reader that went away does not change the verdict.
    pub(super) fn write(
        self,
        mut write: impl FnMut(&F, Option<&str>, &mut dyn Write) -> io::Result<()>,
    ) -> Result<()> {
        for Asked { format, of, path } in self.0 {
            let of = of.as_deref();
            match path {
                None => standard(|out| write(format, of, out))?,
                Some(path) => {
                    let mut output = Output::create(Path::new(&path))?;
                    let done = write(format, of, &mut output).and_then(|()| output.finish());
                    done.map_err(|e| Error::Writing { path, reason: e.to_string() })?;
                }
            }
        }
        Ok(())
    }
}

/// Writes to standard output; that its reader went away is no failure.
pub(super) fn standard(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<()> {
    let mut out = BufWriter::with_capacity(1 << 16, io::stdout().lock());
    match write(&mut out).and_then(|()| out.flush()) {
        Err(e) if e.kind() != io::ErrorKind::BrokenPipe => {
            Err(Error::Writing { path: "standard output".to_owned(), reason: e.to_string() }.into())
        }
        _ => {
            // What is left in the buffer of a closed pipe must not be tried again.
            drop(out.into_parts());
            Ok(())
        }
    }
}

/// Writes a key, and beside it, from a column on, a text that is broken at blanks. What has no blank is not broken.
pub(super) fn beside(
    key: &str,
    column: usize,
    text: &str,
    width: usize,
    out: &mut dyn Write,
) -> io::Result<()> {
    let room = width.saturating_sub(column).max(20);
    let (mut line, mut first) = (String::new(), true);
    let mut write = |line: &str| {
        let key = if std::mem::take(&mut first) { key } else { "" };
        writeln!(out, "{}", format!("{key:w$} {line}", w = column.saturating_sub(1)).trim_end())
    };
    for word in text.split_whitespace() {
        if !line.is_empty() && line.width() + 1 + word.width() > room {
            write(&line)?;
            line.clear();
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    write(&line)
}

/// A number of things in words.
pub(super) fn plural(number: usize, word: &str) -> String {
    if number == 1 { format!("1 {word}") } else { format!("{number} {word}s") }
}
