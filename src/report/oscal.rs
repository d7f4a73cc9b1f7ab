//! What the two OSCAL documents share (NIST OSCAL 1.2.1): metadata, the machine, observations, risks and findings.
//!
//! An observation is a product with its evidence, a gap, a waiver, or the coverage; a finding is what one instrument
//! says of one product, or of all; a risk is a finding that somebody must deal with. Lists may not be empty, titles
//! hold no line break, and what is written as Markdown is escaped, so that a name is nothing but a name.

pub(super) mod ar;
mod parts;
pub(super) mod poam;

use std::collections::BTreeSet;
use std::io;

use serde_json::{Value, json};

use super::each::Uuid;
use super::known::machine;
use super::{Report, Reported, json};
use crate::judge::{Outcome, Ruling, RulingKind};
use crate::text::Text;

/// The version of the standard.
const OSCAL: &str = "1.2.1";
/// The namespace of properties that are not the standard's.
const OURS: &str = "urn:interdict:report:1";
/// The control that a finding bears on where its instrument names none: automated detection of unauthorized components.
const CONTROL: &str = "cm-8.3";

/// A report on its way into a document.
struct Document<'a> {
    report: &'a Report,
    /// The id of the document, of which all other ids are made.
    id: Uuid,
    /// The digest of its content.
    content: String,
}

impl<'a> Document<'a> {
    fn new(report: &'a Report, format: &str) -> io::Result<Self> {
        let content = json::content(report)?;
        Ok(Self { report, id: Uuid::of(format, &content), content })
    }

    fn metadata(&self, title: &str) -> Value {
        let report = self.report;
        let target = &report.inventory.subject;
        let mut all = vec![
            ("tool", env!("CARGO_PKG_NAME")),
            ("tool-version", env!("CARGO_PKG_VERSION")),
            ("target-kind", target.kind.raw()),
            ("target", target.place.raw()),
        ];
        let organisation = &report.organisation;
        for (key, values) in &organisation.fields {
            all.extend(values.iter().map(|value| (*key, value.as_str())));
        }
        for (fact, classes) in &organisation.stated {
            all.extend(classes.iter().map(|class| (fact.word(), class.as_str())));
        }
        let mut metadata = json!({
            "title": markup(&format!("{title} of {}", self.machine())),
            "last-modified": time(report),
            "version": self.content.get(..12),
            "oscal-version": OSCAL,
            "props": props(&all),
        });
        let first = |key: &str| organisation.fields.get(key).and_then(|values| values.first());
        if let Some(name) = first("name").map(|name| plain(name)).filter(|name| !name.is_empty()) {
            let mut party = json!({ "uuid": self.id.named("party"), "type": "organization", "name": name });
            if let Some(email) = first("contact-email")
                .filter(|e| e.split_once('@').is_some_and(|(a, b)| !a.is_empty() && !b.is_empty()))
            {
                insert(&mut party, "email-addresses", json!([plain(email)]));
            }
            if let Some(number) = first("contact-telephone").map(|n| plain(n)).filter(|n| !n.is_empty()) {
                insert(&mut party, "telephone-numbers", json!([{ "number": number }]));
            }
            insert(&mut metadata, "parties", json!([party]));
        }
        let warnings: Vec<String> = report.warnings().map(|warning| markup(&warning)).collect();
        if !warnings.is_empty() {
            insert(&mut metadata, "remarks", warnings.join("\n\n").into());
        }
        metadata
    }

    /// The packs of rules; and, by the first id, why there is no plan that this assessment follows.
    fn back_matter(&self) -> Value {
        let plan = json!({
            "uuid": self.id.named("plan"),
            "title": "no assessment plan",
            "description": "No assessment plan was given. What was looked for is in the packs of rules that are named here, and where it was looked for is in the observation of the coverage.",
        });
        let pack = |pack: &crate::rules::PackRef| {
            json!({
                "uuid": self.id.named(&format!("rules/{}", pack.id)),
                "title": markup(&format!("rules {}", pack.id)),
                "props": props(&[("id", &pack.id), ("version", &pack.version), ("sha256", &pack.sha256)]),
            })
        };
        let resources: Vec<Value> = std::iter::once(plan).chain(self.report.rules.iter().map(pack)).collect();
        json!({ "resources": resources })
    }

    fn machine(&self) -> String {
        machine(&self.report.inventory)
    }

    /// The host and the containers that something was found in, and the program that looked.
    fn definitions(&self) -> Value {
        let host = &self.report.inventory.host;
        let raw = |text: &'a Option<Text>| text.as_ref().map_or("", Text::raw);
        let known = props(&[
            ("host-name", raw(&host.name)),
            ("machine-id", raw(&host.id)),
            ("os", raw(&host.os)),
            ("os-version", raw(&host.version)),
            ("os-family", self.report.inventory.subject.os.raw()),
        ]);
        let mut first = json!({ "uuid": self.place("host"), "description": markup(&self.machine()) });
        if !known.is_empty() {
            insert(&mut first, "props", known.into());
        }
        let places: BTreeSet<&str> = self.places().filter(|place| *place != "host").collect();
        let inside = places
            .into_iter()
            .map(|place| json!({ "uuid": self.place(place), "description": markup(place) }));
        let items: Vec<Value> = std::iter::once(first).chain(inside).collect();
        let tool = self.id.named("tool");
        json!({
            "inventory-items": items,
            "assessment-assets": {
                "components": [{
                    "uuid": tool, "type": "software", "title": env!("CARGO_PKG_NAME"),
                    "description": "the program that looked",
                    "props": props(&[("version", env!("CARGO_PKG_VERSION"))]),
                    "status": { "state": "operational" },
                }],
                "assessment-platforms": [{
                    "uuid": self.id.named("platform"),
                    "uses-components": [{ "component-uuid": tool }],
                }],
            },
        })
    }

    fn places(&self) -> impl Iterator<Item = &str> {
        let gone = self.report.baseline.iter().flat_map(|b| &b.gone).map(|f| f.place.raw());
        self.report.findings.iter().map(|f| f.finding.place.raw()).chain(gone)
    }

    fn place(&self, place: &str) -> Uuid {
        self.id.named("place").named(place)
    }

    /// The id of the observation of a finding.
    fn of_finding(&self, id: &Text) -> Uuid {
        self.id.named("finding").named(id.raw())
    }

    /// The id of the observation of a gap, by its source and its number there.
    fn of_gap(&self, source: &Text, number: usize) -> Uuid {
        self.id.named("gap").named(source.raw()).named(&number.to_string())
    }

    fn of_risk(&self, reported: &Reported, ruling: &Ruling) -> Uuid {
        self.of_finding(&reported.finding.id).named("risk").named(&ruling.instrument)
    }

    fn of_ruling(&self, reported: &Reported, ruling: &Ruling) -> Uuid {
        self.of_finding(&reported.finding.id).named("ruling").named(&ruling.instrument)
    }

    fn outcome(&self, instrument: &str) -> Option<&'a Outcome> {
        self.report.outcomes.iter().find(|outcome| outcome.id == instrument)
    }

    /// Every finding with what each instrument says of it.
    fn rulings(&self) -> impl Iterator<Item = (&'a Reported, &'a Ruling)> {
        self.report.findings.iter().flat_map(|f| f.rulings.iter().map(move |ruling| (f, ruling)))
    }
}

/// Whether somebody must deal with what is ruled so, or has.
fn is_risk(kind: RulingKind) -> bool {
    use RulingKind::{Excepted, Indicator, Prohibited, Review};
    matches!(kind, Prohibited | Review | Indicator | Excepted)
}

/// When the scan ended.
fn time(report: &Report) -> String {
    report.scan.finished.to_string()
}

/// The last moment of a day.
fn end_of(day: jiff::civil::Date) -> String {
    format!("{day}T23:59:59Z")
}

/// The ids of controls as the catalogue in OSCAL has them: `CM-7(4)` is `cm-7.4`. What cannot be one is left out.
fn controls(outcome: &Outcome) -> impl Iterator<Item = String> {
    outcome.controls.iter().filter_map(|control| {
        let id = control.trim().to_lowercase().replace('(', ".").replace(')', "");
        let is_token = id.starts_with(|c: char| c.is_ascii_lowercase())
            && id.chars().all(|c| c.is_ascii_alphanumeric() || ".-_".contains(c));
        is_token.then_some(id)
    })
}

/// Text as OSCAL's strings are: on one line, without blanks around it.
fn plain(text: &str) -> String {
    Text::from(text).to_string().trim().to_owned()
}

/// Text as a line of Markdown that means nothing but itself, never empty.
fn markup(text: &str) -> String {
    let mut out = String::new();
    for c in plain(text).chars() {
        if "\\`*_[]<>{}&|~#!".contains(c) {
            out.push('\\');
        }
        out.push(c);
    }
    if out.is_empty() { "(empty)".to_owned() } else { out }
}

/// Properties in our namespace; what is empty is left out.
fn props(all: &[(&str, &str)]) -> Vec<Value> {
    let all = all.iter().map(|(name, value)| (name, plain(value))).filter(|(_, value)| !value.is_empty());
    all.map(|(name, value)| json!({ "name": name, "ns": OURS, "value": value })).collect()
}

fn insert(object: &mut Value, key: &str, value: Value) {
    if let Value::Object(object) = object {
        object.insert(key.to_owned(), value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_means_nothing() {
        assert_eq!(markup("<b>*a*</b> [x](y)\n"), "\\<b\\>\\*a\\*\\</b\\> \\[x\\](y)\\\\u\\{a\\}");
        assert_eq!(markup(" \u{a0}"), "(empty)");
    }
}
