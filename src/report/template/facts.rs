//! The facts that fill the fields of a report: of the operator, of the scan, of a finding, of a waiver.

use crate::item::{Item, State};
use crate::judge::{Outcome, Ruling, RulingKind};
use crate::report::remediation::remediation;
use crate::report::{Report, Reported};
use crate::rules::{Filing, Fill, Status};
use crate::waiver::Waived;

/// What is known under one instrument.
pub(super) struct Facts<'a> {
    pub(super) report: &'a Report,
    pub(super) outcome: &'a Outcome,
}

/// What a record of a report is of.
#[derive(Clone, Copy)]
pub(super) enum Of<'a> {
    Report,
    Finding(&'a Reported),
    Waiver(&'a Waived),
}

impl<'a> Facts<'a> {
    /// The ruling of the instrument on a finding, where it makes it a matter of the report; what it only tells of is none.
    fn ruling(&self, reported: &'a Reported) -> Option<&'a Ruling> {
        let of = reported.rulings.iter().find(|ruling| ruling.instrument == self.outcome.id)?;
        (of.ruling.stands() || of.ruling == RulingKind::Excepted).then_some(of)
    }

    /// The findings that the report is of.
    pub(super) fn findings(&self) -> Vec<&'a Reported> {
        self.report.findings.iter().filter(|reported| self.ruling(reported).is_some()).collect()
    }

    /// The waivers of the instrument, whatever became of them.
    pub(super) fn waivers(&self) -> Vec<&'a Waived> {
        self.report.waivers.iter().filter(|waived| waived.waiver.instrument == self.outcome.id).collect()
    }

    /// The findings that the instrument only tells of, or excludes, with its rulings.
    fn told(&self) -> Vec<(&'a Reported, &'a Ruling)> {
        let told = |reported: &'a Reported| {
            let of = reported.rulings.iter().find(|ruling| ruling.instrument == self.outcome.id)?;
            self.ruling(reported).is_none().then_some((reported, of))
        };
        self.report.findings.iter().filter_map(told).collect()
    }

    /// Whether the instrument speaks on the day, and nothing that it covers is here: what it excludes does not count, and
    /// what is left after removal is told beside it.
    fn is_nothing(&self) -> bool {
        let speaks = !matches!(self.outcome.status, Status::NotYet | Status::Superseded | Status::Expired);
        let counts = |(reported, ruling): &(&Reported, &Ruling)| {
            ruling.ruling != RulingKind::Excluded && reported.finding.state != State::Remnant
        };
        speaks && self.findings().is_empty() && !self.told().iter().any(counts)
    }

    /// That nothing was found, where that is so, and how far it reaches.
    pub(super) fn nothing(&self, filing: &Filing) -> String {
        let words = filing.none.as_deref().unwrap_or("nothing that this instrument covers was found");
        let said = if self.is_nothing() {
            format!("{words}, within the coverage of this scan")
        } else {
            "nothing that was found is a matter of this report on the day".to_owned()
        };
        let told = self.told().into_iter().map(|(reported, ruling)| {
            format!("; not counted: {} ({}: {})", product(reported), ruling.ruling, ruling.reason)
        });
        format!("{said}{}{}", told.collect::<String>(), self.unseen())
    }

    /// What takes the ground from a statement that nothing was found.
    fn unseen(&self) -> String {
        match self.report.inventory.gaps().filter(|(_, gap)| gap.blocks).count() {
            0 => String::new(),
            gaps => format!(
                "; the scan is incomplete: in {gaps} of the places under Coverage software may be that it could not see, so this is no statement that there is none"
            ),
        }
    }

    /// What fills a field; nothing, where it is not known.
    pub(super) fn fill(&self, fill: Fill, filing: &Filing, of: Of<'a>) -> Vec<String> {
        match (fill, of) {
            (Fill::Name, _) => self.stated(&["name"]),
            (Fill::Component, _) => self.stated(&["component"]),
            (Fill::Contact, _) => self.stated(&["contact-name", "contact-telephone", "contact-email"]),
            (Fill::ContractNumbers, _) => self.stated(&["contract-numbers"]),
            (Fill::OrderNumbers, _) => self.stated(&["order-numbers"]),
            (Fill::MissionFunction, _) => self.stated(&["mission-function"]),
            (Fill::Products, _) => self.products(filing),
            (Fill::Endpoints, _) => self.endpoints(),
            (Fill::Method, _) => self.method(),
            (Fill::Status, _) => self.status(filing),
            (Fill::Protections, _) => self.protections(),
            (Fill::Exceptions, _) => self.waivers().into_iter().map(exception).collect(),
            (Fill::Device, _) => self.device(),
            (_, Of::Finding(reported)) => self.of_finding(fill, reported),
            (_, Of::Waiver(waived)) => of_waiver(fill, waived),
            (_, Of::Report) => Vec::new(),
        }
    }

    /// What the operator said.
    fn stated(&self, keys: &[&str]) -> Vec<String> {
        let fields = &self.report.organisation.fields;
        let said: Vec<&str> =
            keys.iter().filter_map(|key| fields.get(key)).flatten().map(String::as_str).collect();
        if said.is_empty() { Vec::new() } else { vec![said.join(", ")] }
    }

    fn products(&self, filing: &Filing) -> Vec<String> {
        let findings = self.findings();
        if findings.is_empty() {
            return vec![self.nothing(filing)];
        }
        let one = |reported: &&Reported| {
            let ruling = self.ruling(reported).map_or("", |ruling| ruling.ruling.word());
            let unsure = if ruling == "review" { ", to be confirmed by a person" } else { "" };
            format!(
                "{} by {}, {}: {ruling}{unsure}",
                product(reported),
                reported.vendor_name,
                reported.finding.state
            )
        };
        let incomplete = self.unseen();
        let incomplete = incomplete.strip_prefix("; ").map(str::to_owned);
        findings.iter().map(one).chain(incomplete).collect()
    }

    fn endpoints(&self) -> Vec<String> {
        let device = self.device().join(", ");
        let one = |reported: &Reported| format!("{}: 1 endpoint, {device}", product(reported));
        let mut told: Vec<String> = self.findings().into_iter().map(one).collect();
        if told.is_empty() && !self.is_nothing() {
            return told;
        }
        if told.is_empty() {
            told.push(format!("0 of the 1 endpoint that was scanned, {device}"));
        }
        told.push("this report is of that endpoint alone".to_owned());
        told
    }

    fn device(&self) -> Vec<String> {
        let host = &self.report.inventory.host;
        let host = [host.name.as_ref(), host.os.as_ref()].into_iter().flatten().map(ToString::to_string);
        let mut told: Vec<String> = host.collect();
        told.extend(self.stated(&["asset-tag"]).into_iter().map(|tag| format!("asset {tag}")));
        told.extend(self.stated(&["system-name", "system-id"]));
        if told.is_empty() { told } else { vec![told.join(", ")] }
    }

    fn method(&self) -> Vec<String> {
        let scan = &self.report.scan;
        let inventory = &self.report.inventory;
        let read = inventory.coverage.iter().filter(|row| row.items > 0).map(|row| row.source.to_string());
        let read = read.collect::<Vec<_>>().join(", ");
        let rights = match scan.elevated {
            Some(true) => "with the rights of an administrator",
            Some(false) => "without the rights of an administrator",
            None => "with unknown rights",
        };
        vec![
            format!(
                "scan by interdict {} at {}, depth {}, {rights}, with the rules and their digests below",
                env!("CARGO_PKG_VERSION"),
                scan.started,
                scan.depth
            ),
            format!("software was found in: {}", if read.is_empty() { "no source" } else { &read }),
            format!("{} things could not be looked at, all of them under Coverage", inventory.gaps().count()),
        ]
    }

    fn status(&self, filing: &Filing) -> Vec<String> {
        let findings = self.findings();
        let count = |states: &[State]| findings.iter().filter(|f| states.contains(&f.finding.state)).count();
        let there = count(&[State::Running, State::Installed, State::Present, State::Component]);
        let mentioned = self.report.findings.iter().filter(|reported| {
            reported.finding.state == State::Remnant
                && reported.rulings.iter().any(|ruling| ruling.instrument == self.outcome.id)
        });
        let left = mentioned.count();
        let mut told = if there == 0 {
            vec![self.nothing(filing)]
        } else {
            let running = count(&[State::Running]);
            vec![format!("{there} still there, {running} of them running")]
        };
        told.extend((left > 0).then(|| format!("{left} removed, with remnants that are left")));
        told
    }

    fn protections(&self) -> Vec<String> {
        let of = |reported: &&'a Reported| {
            let product = product(reported);
            reported.protects.iter().map(move |protects| {
                let control = protects.control().map(|control| format!(" ({control})")).unwrap_or_default();
                format!("{}{control}, by {product}", protects.word().replace('-', " "))
            })
        };
        self.findings().iter().flat_map(of).collect()
    }

    fn of_finding(&self, fill: Fill, reported: &'a Reported) -> Vec<String> {
        let finding = &reported.finding;
        let items = || finding.evidence.iter().filter_map(|e| self.report.inventory.items.get(e.item));
        match fill {
            Fill::Product => vec![reported.product_name.clone()],
            Fill::Maker => vec![format!("made by {}", reported.vendor_name)],
            Fill::Version => finding.version.iter().map(|version| format!("version {version}")).collect(),
            Fill::Description => {
                let place = |item: &Item| format!("{} {} at {}", item.kind, item.name, item.place);
                let device = self.device().join(", ");
                let what = format!("software, {} on {device}", finding.state);
                std::iter::once(what).chain(items().take(1).map(place)).collect()
            }
            Fill::Mitigation => {
                let told = remediation(reported, &self.report.inventory);
                let steps = told.into_iter().flat_map(|told| told.steps);
                steps.map(|step| format!("recommended: {}", step.words)).collect()
            }
            Fill::Prohibition => {
                let reason = self.ruling(reported).map(|ruling| ruling.reason.clone());
                std::iter::once(self.outcome.citation.clone()).chain(reason).collect()
            }
            Fill::Waiver => {
                let of = |waived: &&Waived| waived.findings.contains(&finding.id);
                self.waivers().into_iter().filter(of).map(|waived| waived.waiver.reference.clone()).collect()
            }
            _ => Vec::new(),
        }
    }
}

/// A product with its version.
fn product(reported: &Reported) -> String {
    match &reported.finding.version {
        Some(version) => format!("{} {version}", reported.product_name),
        None => reported.product_name.clone(),
    }
}

/// A waiver in one line.
fn exception(Waived { waiver, state, .. }: &Waived) -> String {
    format!(
        "{} ({}): {}, approved by {}, from {} to {}, {state}",
        waiver.id, waiver.reference, waiver.reason, waiver.approver, waiver.starts, waiver.expires
    )
}

fn of_waiver(fill: Fill, Waived { waiver, state, because, .. }: &Waived) -> Vec<String> {
    match fill {
        Fill::Waived => waiver.product.iter().chain(&waiver.finding).cloned().collect(),
        Fill::Reason => vec![waiver.reason.clone()],
        Fill::Approver => vec![format!("{} ({})", waiver.approver, waiver.reference)],
        Fill::Scope => vec![waiver.host.as_ref().map_or_else(
            || "every host that the scan was given this waiver for".to_owned(),
            |(glob, _)| format!("hosts {glob}"),
        )],
        Fill::Starts => vec![waiver.starts.to_string()],
        Fill::Expires => {
            let because = because.as_ref().map(|because| format!(": {because}")).unwrap_or_default();
            vec![format!("{} ({state}{because})", waiver.expires)]
        }
        _ => Vec::new(),
    }
}
