//! `oscal-ar`: OSCAL assessment results, in which one result holds the whole scan.
//!
//! Results must follow a plan; there is none, so they point to a resource that says so.

use std::collections::BTreeSet;
use std::io::{self, Write};

use serde::Serialize;
use serde_json::{Value, json};

use super::{CONTROL, Document, controls, is_risk, markup, props, time};
use crate::report::each::{Each, Uuid};
use crate::report::json::Harmless;
use crate::report::{Format, Report, Style};

pub(in crate::report) const FORMAT: Format =
    Format { id: "oscal-ar", about: "NIST OSCAL assessment results", extension: "json", write };

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct File<T> {
    assessment_results: T,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Assessment<T> {
    uuid: Uuid,
    metadata: Value,
    import_ap: Value,
    results: [T; 1],
    back_matter: Value,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Whole<O, R, F> {
    uuid: Uuid,
    title: String,
    description: String,
    start: String,
    end: String,
    props: Vec<Value>,
    local_definitions: Value,
    reviewed_controls: Value,
    observations: O,
    #[serde(skip_serializing_if = "Option::is_none")]
    risks: Option<R>,
    #[serde(skip_serializing_if = "Option::is_none")]
    findings: Option<F>,
}

fn write(report: &Report, _: Style, out: &mut dyn Write) -> io::Result<()> {
    let document = Document::new(report, "oscal-ar")?;
    let named: BTreeSet<String> = report.outcomes.iter().flat_map(controls).collect();
    let named = if named.is_empty() { BTreeSet::from([CONTROL.to_owned()]) } else { named };
    let reviewed: Vec<Value> = named.iter().map(|control| json!({ "control-id": control })).collect();
    let scan = &report.scan;
    let whole = Whole {
        uuid: document.id.named("result"),
        title: markup(&format!("audit of {}", document.machine())),
        description: format!(
            "Verdict: {}. What was found and what was not seen stand in the observations; a clean verdict says that nothing was found within the coverage.",
            report.verdict
        ),
        start: scan.started.to_string(),
        end: time(report),
        props: props(&[
            ("verdict", report.verdict.word()),
            ("law-as-of", &scan.as_of.to_string()),
            ("content-sha256", &document.content),
        ]),
        local_definitions: document.definitions(),
        reviewed_controls: json!({ "control-selections": [{ "include-controls": reviewed }] }),
        observations: Each(|| document.observations()),
        risks: document.rulings().any(|(_, r)| is_risk(r.ruling)).then_some(Each(|| document.risks(false))),
        findings: document.findings().next().map(|_| Each(|| document.findings())),
    };
    let results = Assessment {
        uuid: document.id,
        metadata: document.metadata("Audit for banned software"),
        import_ap: json!({ "href": format!("#{}", document.id.named("plan")) }),
        results: [whole],
        back_matter: document.back_matter(),
    };
    let mut out = Harmless(out);
    serde_json::to_writer_pretty(&mut out, &File { assessment_results: results })?;
    writeln!(out)
}
