//! The half of the JSON report that is law: instruments, rulings, duties, waivers, and who is bound.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::judge::{Outcome, Ruling};
use crate::organisation::Organisation;
use crate::text::Text;
use crate::waiver::Waived;

#[derive(Serialize)]
pub(super) struct InstrumentV1<'a> {
    id: &'a str,
    title: &'a str,
    citation: &'a str,
    status: &'static str,
    verdict: &'static str,
    assumed: &'a [String],
    unbound: Option<&'a str>,
    duties: Vec<DutyV1<'a>>,
}

#[derive(Serialize)]
struct DutyV1<'a> {
    duty: &'a str,
    due: String,
    rule: &'a str,
    on_finding: bool,
}

/// What the operator said of the body, the system and the device, and in which words it was filed.
pub(super) fn organisation(organisation: &Organisation) -> BTreeMap<&'static str, &[String]> {
    let stated = organisation.stated.iter().map(|(fact, classes)| (fact.word(), classes.as_slice()));
    let fields = organisation.fields.iter().map(|(key, values)| (*key, values.as_slice()));
    stated.chain(fields).collect()
}

#[derive(Serialize)]
pub(super) struct WaiverV1<'a> {
    id: &'a str,
    state: &'static str,
    because: Option<&'a str>,
    instrument: &'a str,
    finding: Option<&'a str>,
    product: Option<&'a str>,
    host: Option<&'a str>,
    reason: &'a str,
    approver: &'a str,
    reference: &'a str,
    starts: String,
    expires: String,
    zone: String,
    findings: Vec<&'a str>,
}

impl<'a> WaiverV1<'a> {
    pub(super) fn of(of: &'a Waived) -> Self {
        let waiver = &of.waiver;
        Self {
            id: &waiver.id,
            state: of.state.word(),
            because: of.because.as_deref(),
            instrument: &waiver.instrument,
            finding: waiver.finding.as_deref(),
            product: waiver.product.as_deref(),
            host: waiver.host.as_ref().map(|(glob, _)| glob.as_str()),
            reason: &waiver.reason,
            approver: &waiver.approver,
            reference: &waiver.reference,
            starts: waiver.starts.to_string(),
            expires: waiver.expires.to_string(),
            zone: waiver.zone.to_string(),
            findings: of.findings.iter().map(Text::raw).collect(),
        }
    }
}

impl<'a> InstrumentV1<'a> {
    pub(super) fn of(outcome: &'a Outcome) -> Self {
        Self {
            id: &outcome.id,
            title: &outcome.title,
            citation: &outcome.citation,
            status: outcome.status.word(),
            verdict: outcome.verdict.word(),
            assumed: &outcome.assumed,
            unbound: outcome.unbound.as_deref(),
            duties: outcome
                .duties
                .iter()
                .map(|duty| DutyV1 {
                    duty: &duty.duty,
                    due: duty.due.to_string(),
                    rule: &duty.rule,
                    on_finding: duty.on_finding,
                })
                .collect(),
        }
    }
}

#[derive(Serialize)]
pub(super) struct RulingV1<'a> {
    instrument: &'a str,
    ruling: &'static str,
    reason: &'a str,
    assumed: &'a [String],
    due: Option<String>,
}

impl<'a> RulingV1<'a> {
    pub(super) fn of(ruling: &'a Ruling) -> Self {
        Self {
            instrument: &ruling.instrument,
            ruling: ruling.ruling.word(),
            reason: &ruling.reason,
            assumed: &ruling.assumed,
            due: ruling.due.map(|day| day.to_string()),
        }
    }
}
