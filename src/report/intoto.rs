//! `intoto`: an in-toto Statement v1 with the predicate test-result v0.1, to be signed by a tool that signs.
//!
//! Its subject is the canonical inventory: the lines that `inventory -o ndjson` writes after its header, so that anyone
//! can compute the digest again. Tests are instruments; the predicate has no place for more, so findings, gaps and
//! waivers stand in the annotations of the subject.

use std::io::{self, Write};

use serde_json::{Value, json};

use super::each::{Digested, items};
use super::json::Harmless;
use super::known::{machine, told};
use super::{Format, Report, Style};
use crate::judge::Verdict;

pub(super) const FORMAT: Format = Format {
    id: "intoto",
    about: "in-toto statement with a test-result, over the digest of the inventory",
    extension: "json",
    write,
};

fn write(report: &Report, _: Style, out: &mut dyn Write) -> io::Result<()> {
    let mut digested = Digested::default();
    items(&report.inventory, &mut digested)?;
    let with = |result: &str| -> Vec<&str> {
        report.outcomes.iter().filter(|o| word(o.verdict) == result).map(|o| o.id.as_str()).collect()
    };
    let rules: Vec<Value> = report
        .rules
        .iter()
        .map(|r| json!({ "name": r.id, "digest": { "sha256": r.sha256 }, "annotations": { "version": r.version } }))
        .collect();
    let scan = &report.scan;
    let statement = json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{
            "name": format!("inventory of {}", machine(&report.inventory)),
            "digest": { "sha256": digested.finish() },
            "annotations": {
                "tool": concat!(env!("CARGO_PKG_NAME"), " ", env!("CARGO_PKG_VERSION")),
                "started": scan.started.to_string(),
                "finished": scan.finished.to_string(),
                "depth": scan.depth.word(),
                "asOf": scan.as_of.to_string(),
                "verdict": report.verdict.word(),
                "report": told(report).map(|told| told.text).collect::<Vec<_>>(),
            },
        }],
        "predicateType": "https://in-toto.io/attestation/test-result/v0.1",
        "predicate": {
            "result": word(report.verdict),
            "configuration": rules,
            "passedTests": with("PASSED"),
            "warnedTests": with("WARNED"),
            "failedTests": with("FAILED"),
        },
    });
    let mut out = Harmless(out);
    serde_json::to_writer_pretty(&mut out, &statement)?;
    writeln!(out)
}

/// A verdict in the words of the predicate.
fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Clean => "PASSED",
        Verdict::Incomplete | Verdict::Review => "WARNED",
        Verdict::Prohibited => "FAILED",
    }
}
