//! `oscal-poam`: OSCAL plan of action and milestones, an item a product that somebody must deal with, and a source that
//! could not see all.
//!
//! A plan may not be empty, so one without anything to do says that.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::{Value, json};

use super::{Document, insert, is_risk, markup, plain, props};
use crate::inventory::Coverage;
use crate::judge::RulingKind;
use crate::report::each::{Each, Uuid};
use crate::report::json::Harmless;
use crate::report::{Format, Report, Reported, Style};

pub(in crate::report) const FORMAT: Format =
    Format { id: "oscal-poam", about: "NIST OSCAL plan of action and milestones", extension: "json", write };

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct File<T> {
    plan_of_action_and_milestones: T,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Plan<O, R, F, I> {
    uuid: Uuid,
    metadata: Value,
    system_id: Value,
    local_definitions: Value,
    observations: O,
    #[serde(skip_serializing_if = "Option::is_none")]
    risks: Option<R>,
    #[serde(skip_serializing_if = "Option::is_none")]
    findings: Option<F>,
    poam_items: I,
    back_matter: Value,
}

fn write(report: &Report, _: Style, out: &mut dyn Write) -> io::Result<()> {
    let document = Document::new(report, "oscal-poam")?;
    let stated = report.organisation.fields.get("system-id").and_then(|ids| ids.first());
    let system = stated.map(|id| plain(id)).filter(|id| !id.is_empty());
    let plan = Plan {
        uuid: document.id,
        metadata: document.metadata("Plan of action for banned software"),
        // Nobody but the operator knows the system that a machine is part of.
        system_id: json!({ "id": system.unwrap_or_else(|| plain(&document.machine())) }),
        local_definitions: document.definitions(),
        observations: Each(|| document.observations()),
        risks: document.rulings().any(|(_, r)| is_risk(r.ruling)).then_some(Each(|| document.risks(true))),
        findings: document.findings().next().map(|_| Each(|| document.findings())),
        poam_items: Each(|| items(&document)),
        back_matter: document.back_matter(),
    };
    let mut out = Harmless(out);
    serde_json::to_writer_pretty(&mut out, &File { plan_of_action_and_milestones: plan })?;
    writeln!(out)
}

fn items<'a>(document: &'a Document<'a>) -> impl Iterator<Item = Value> {
    let report = document.report;
    let to_do = report.findings.iter().filter(|f| f.rulings.iter().any(|r| is_risk(r.ruling)));
    let unseen = report.inventory.coverage.iter().filter(|row| row.gaps.iter().any(|gap| gap.blocks));
    let nothing = to_do.clone().next().is_none() && unseen.clone().next().is_none();
    let nothing = nothing.then(|| {
        json!({
            "uuid": document.id.named("nothing"),
            "title": "nothing to do",
            "description": "Nothing that must be dealt with was found within the coverage, which stands in the observations.",
            "props": props(&[("state", "closed"), ("verdict", report.verdict.word())]),
        })
    });
    to_do.map(|f| product(document, f)).chain(unseen.map(|row| source(document, row))).chain(nothing)
}

fn product(document: &Document<'_>, reported: &Reported) -> Value {
    let rulings = || reported.rulings.iter().filter(|r| is_risk(r.ruling));
    let due = rulings().filter_map(|r| r.due).min().map(|day| day.to_string()).unwrap_or_default();
    let weighs = reported.weighs_most().map_or("none", RulingKind::word);
    let all = [
        ("finding", reported.finding.id.raw()),
        ("ruling", weighs),
        ("due", &due),
        ("state", reported.finding.state.word()),
    ];
    let findings: Vec<Value> =
        rulings().map(|r| json!({ "finding-uuid": document.of_ruling(reported, r) })).collect();
    let risks: Vec<Value> =
        rulings().map(|r| json!({ "risk-uuid": document.of_risk(reported, r) })).collect();
    json!({
        "uuid": document.of_finding(&reported.finding.id).named("item"),
        "title": markup(&format!("{} by {}", reported.product_name, reported.vendor_name)),
        "description": markup(&format!("{weighs}: {} in {}", reported.product_name, reported.finding.place.raw())),
        "props": props(&all),
        "related-findings": findings,
        "related-observations": [{ "observation-uuid": document.of_finding(&reported.finding.id) }],
        "related-risks": risks,
    })
}

fn source(document: &Document<'_>, row: &Coverage) -> Value {
    let gaps = row.gaps.iter().enumerate().filter(|(_, gap)| gap.blocks);
    let related: Vec<Value> =
        gaps.map(|(number, _)| json!({ "observation-uuid": document.of_gap(&row.source, number) })).collect();
    let mut item = json!({
        "uuid": document.id.named("source").named(row.source.raw()),
        "title": markup(&format!("look again where {} could not", row.source.raw())),
        "description": "Something could not be looked at, so nobody knows whether banned software is there; the observations say where, and what to do.",
        "props": props(&[("source", row.source.raw()), ("state", row.state.word())]),
    });
    insert(&mut item, "related-observations", related.into());
    item
}
