//! `ndjson`: the same report as `json`, on one line, so that reports of many machines are one stream.

use std::io::{self, Write};

use super::json::{Harmless, ReportV1};
use super::{Format, Report, Style};

pub(super) const FORMAT: Format =
    Format { id: "ndjson", about: "one JSON report a line", extension: "ndjson", write };

fn write(report: &Report, _: Style, out: &mut dyn Write) -> io::Result<()> {
    let mut out = Harmless(out);
    serde_json::to_writer(&mut out, &ReportV1::of(report))?;
    writeln!(out)
}
