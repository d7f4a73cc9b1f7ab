//! Observations, risks and findings.

use serde_json::{Value, json};

use super::{CONTROL, Document, controls, end_of, insert, is_risk, markup, props, time};
use crate::inventory::{Coverage, Gap};
use crate::judge::{Outcome, Ruling, RulingKind, Verdict};
use crate::report::Reported;
use crate::text::Text;
use crate::waiver::{Waived, WaiverState};

impl Document<'_> {
    /// Every observation. The coverage is always one.
    pub(super) fn observations(&self) -> impl Iterator<Item = Value> {
        let report = self.report;
        let gone = report.baseline.iter().flat_map(|b| &b.gone);
        std::iter::once_with(|| self.coverage())
            .chain(report.findings.iter().map(|f| self.product(f)))
            .chain(
                report.inventory.coverage.iter().flat_map(|row| {
                    row.gaps.iter().enumerate().map(|(number, gap)| self.gap(row, number, gap))
                }),
            )
            .chain(report.waivers.iter().map(|w| self.waiver(w)))
            .chain(gone.map(|f| self.gone(f)))
    }

    fn product(&self, reported: &Reported) -> Value {
        let finding = &reported.finding;
        let raw = |text: &Option<Text>| text.as_ref().map(|t| t.raw().to_owned()).unwrap_or_default();
        let (version, inside) = (raw(&finding.version), raw(&finding.inside));
        let mut all = vec![
            ("finding", finding.id.raw()),
            ("vendor", &reported.vendor),
            ("product", &reported.product),
            ("version", &version),
            ("where", finding.place.raw()),
            ("inside", &inside),
            ("state", finding.state.word()),
            ("strength", finding.strength.word()),
        ];
        let (change, other) = self.report.change(reported).unzip();
        all.extend(change.map(|change| ("change", change.word())));
        all.extend(other.unwrap_or_default().iter().map(|other| ("changed", other.as_str())));
        let evidence = finding.evidence.iter().filter_map(|evidence| {
            let item = self.report.inventory.items.get(evidence.item)?;
            let version = raw(&item.version);
            let mut all = vec![
                ("source", item.source.raw()),
                ("kind", item.kind.word()),
                ("name", item.name.raw()),
                ("version", &version),
                ("place", item.place.raw()),
                ("state", evidence.state.word()),
                ("strength", evidence.strength.word()),
            ];
            let traits: Vec<String> =
                evidence.traits.iter().map(|(on, value)| format!("{on}: {}", value.raw())).collect();
            all.extend(traits.iter().map(|value| ("trait", value.as_str())));
            all.extend(item.paths.iter().map(|path| ("path", path.raw())));
            let description = format!("{} {} in {}", item.kind, item.name.raw(), item.place.raw());
            Some(json!({ "description": markup(&description), "props": props(&all) }))
        });
        let evidence: Vec<Value> = evidence.collect();
        let title = format!("{} by {}", reported.product_name, reported.vendor_name);
        let description = format!("{title}: {}, {}", finding.strength, finding.state);
        let mut observation =
            self.observation(self.of_finding(&finding.id), &title, &description, "finding", &all);
        insert(&mut observation, "subjects", json!([self.subject(finding.place.raw())]));
        if !evidence.is_empty() {
            insert(&mut observation, "relevant-evidence", evidence.into());
        }
        observation
    }

    fn gone(&self, earlier: &crate::baseline::Earlier) -> Value {
        let title = format!("gone: {} by {}", earlier.product_name, earlier.vendor_name);
        let all = [
            ("finding", earlier.id.raw()),
            ("vendor", &earlier.vendor),
            ("product", &earlier.product),
            ("state", earlier.state.word()),
            ("strength", earlier.strength.word()),
            ("change", "gone"),
        ];
        let description = "an earlier report has it, and this one has not";
        let mut observation =
            self.observation(self.of_finding(&earlier.id), &title, description, "historic", &all);
        insert(&mut observation, "subjects", json!([self.subject(earlier.place.raw())]));
        observation
    }

    fn gap(&self, row: &Coverage, number: usize, gap: &Gap) -> Value {
        let weight = if gap.blocks { "could not be looked at" } else { "was not looked at" };
        let title = format!("{}: {} {weight}", row.source.raw(), gap.place.raw());
        let all = [
            ("source", row.source.raw()),
            ("place", gap.place.raw()),
            ("code", gap.code.word()),
            ("blocks", if gap.blocks { "true" } else { "false" }),
        ];
        self.observation(self.of_gap(&row.source, number), &title, gap.reason.raw(), "discovery", &all)
    }

    fn coverage(&self) -> Value {
        let scan = &self.report.scan;
        let user = scan.user.as_ref().map_or("", Text::raw);
        let elevated = scan.elevated.map_or("unknown", |is| if is { "true" } else { "false" });
        let all = [("depth", scan.depth.word()), ("user", user), ("elevated", elevated)];
        let rows = self.report.inventory.coverage.iter().map(|row| {
            let (items, reason) = (row.items.to_string(), row.reason.as_ref().map_or("", Text::raw));
            let all = [
                ("source", row.source.raw()),
                ("state", row.state.word()),
                ("items", &items),
                ("reason", reason),
            ];
            let description = format!("{}: {}", row.source.raw(), row.state);
            json!({ "description": markup(&description), "props": props(&all) })
        });
        let rows: Vec<Value> = rows.collect();
        let (id, description) = (self.id.named("coverage"), "which places were read, and how far");
        let mut observation = self.observation(id, "coverage", description, "discovery", &all);
        if !rows.is_empty() {
            insert(&mut observation, "relevant-evidence", rows.into());
        }
        observation
    }

    fn waiver(&self, waived: &Waived) -> Value {
        let granted = &waived.waiver;
        let (starts, expires, zone) =
            (granted.starts.to_string(), granted.expires.to_string(), granted.zone.to_string());
        let mut all = vec![
            ("waiver", granted.id.as_str()),
            ("state", waived.state.word()),
            ("because", waived.because.as_deref().unwrap_or_default()),
            ("instrument", &granted.instrument),
            ("finding", granted.finding.as_deref().unwrap_or_default()),
            ("product", granted.product.as_deref().unwrap_or_default()),
            ("host", granted.host.as_ref().map_or("", |(glob, _)| glob)),
            ("approver", &granted.approver),
            ("reference", &granted.reference),
            ("starts", &starts),
            ("expires", &expires),
            ("zone", &zone),
        ];
        all.extend(waived.findings.iter().map(|id| ("excepts", id.raw())));
        let title = format!("waiver {}: {}", granted.id, waived.state);
        self.observation(
            self.id.named("waiver").named(&granted.id),
            &title,
            &granted.reason,
            "mitigation",
            &all,
        )
    }

    fn observation(
        &self,
        id: super::Uuid,
        title: &str,
        description: &str,
        sort: &str,
        all: &[(&str, &str)],
    ) -> Value {
        json!({
            "uuid": id,
            "title": markup(title),
            "description": markup(description),
            "props": props(all),
            "methods": ["EXAMINE"],
            "types": [sort],
            "origins": [{ "actors": [{ "type": "tool", "actor-uuid": self.id.named("tool") }] }],
            "collected": time(self.report),
        })
    }

    fn subject(&self, place: &str) -> Value {
        json!({ "subject-uuid": self.place(place), "type": "inventory-item" })
    }

    /// What somebody must deal with; with the milestones that the instrument sets, where a plan is wanted.
    pub(super) fn risks(&self, with_plan: bool) -> impl Iterator<Item = Value> {
        let risks = self.rulings().filter(|(_, ruling)| is_risk(ruling.ruling));
        risks.map(move |(reported, ruling)| self.risk(reported, ruling, with_plan))
    }

    fn risk(&self, reported: &Reported, ruling: &Ruling, with_plan: bool) -> Value {
        let id = self.of_risk(reported, ruling);
        let status = match ruling.ruling {
            RulingKind::Excepted => "deviation-approved",
            RulingKind::Review | RulingKind::Indicator => "investigating",
            _ => "open",
        };
        let title = format!("{} under {}", reported.product_name, ruling.instrument);
        let mut risk = json!({
            "uuid": id,
            "title": markup(&title),
            "description": markup(&format!("{} by {} in {}", reported.product_name, reported.vendor_name, reported.finding.place.raw())),
            "statement": markup(&ruling.reason),
            "props": props(&[("ruling", ruling.ruling.word()), ("instrument", &ruling.instrument)]),
            "status": status,
        });
        let used = |w: &&Waived| {
            w.state == WaiverState::Used
                && w.waiver.instrument == ruling.instrument
                && w.findings.contains(&reported.finding.id)
        };
        let factors: Vec<Value> = self.report.waivers.iter().filter(used).map(|w| json!({
            "uuid": id.named("waiver").named(&w.waiver.id),
            "description": markup(&format!("waiver {}: {}", w.waiver.id, w.waiver.reason)),
            "props": props(&[("approver", &w.waiver.approver), ("reference", &w.waiver.reference), ("expires", &w.waiver.expires.to_string())]),
        })).collect();
        if !factors.is_empty() {
            insert(&mut risk, "mitigating-factors", factors.into());
        }
        if let Some(day) = ruling.due {
            insert(&mut risk, "deadline", end_of(day).into());
        }
        if with_plan {
            insert(&mut risk, "remediations", json!([self.remediation(id, reported, ruling)]));
        }
        insert(&mut risk, "related-observations", self.related(reported));
        risk
    }

    /// What is asked for, and by when; what the body does of it only its people know.
    fn remediation(&self, id: super::Uuid, reported: &Reported, ruling: &Ruling) -> Value {
        let (title, description) = match ruling.ruling {
            RulingKind::Excepted => ("keep the waiver's term in sight", "remove it before the waiver ends"),
            RulingKind::Review | RulingKind::Indicator => {
                ("look at it", "find out whether it is what it seems to be; remove it if so")
            }
            _ => ("remove it", "remove it, or have an exception granted where the instrument knows one"),
        };
        let id = id.named("remediation");
        let mut response = json!({
            "uuid": id,
            "lifecycle": "recommendation",
            "title": title,
            "description": markup(&format!("{} in {}: {description}", reported.product_name, reported.finding.place.raw())),
        });
        let outcome = self.outcome(&ruling.instrument).filter(|outcome| outcome.unbound.is_none());
        let duties = outcome.iter().flat_map(|outcome| &outcome.duties);
        let tasks: Vec<Value> = duties
            .filter(|duty| duty.due >= self.report.scan.as_of)
            .enumerate()
            .map(|(number, duty)| {
                json!({
                    "uuid": id.named(&number.to_string()),
                    "type": "milestone",
                    "title": markup(&duty.duty),
                    "description": markup(&duty.rule),
                    "timing": { "on-date": { "date": end_of(duty.due) } },
                })
            })
            .collect();
        if !tasks.is_empty() {
            insert(&mut response, "tasks", tasks.into());
        }
        response
    }

    fn related(&self, reported: &Reported) -> Value {
        json!([{ "observation-uuid": self.of_finding(&reported.finding.id) }])
    }

    /// What each instrument says of all, what it says of each product, and the products that none speaks of.
    pub(super) fn findings(&self) -> impl Iterator<Item = Value> {
        let silent = self.report.findings.iter().filter(|f| f.rulings.is_empty());
        let outcomes = self.report.outcomes.iter().map(|outcome| self.whole(outcome));
        let rulings = self.rulings().map(|(reported, ruling)| self.ruling(reported, ruling));
        outcomes.chain(rulings).chain(silent.map(|f| self.silent(f)))
    }

    fn whole(&self, outcome: &Outcome) -> Value {
        let (state, reason) = match outcome.verdict {
            Verdict::Clean => ("satisfied", "pass"),
            Verdict::Prohibited => ("not-satisfied", "fail"),
            Verdict::Incomplete | Verdict::Review => ("not-satisfied", "other"),
        };
        let mut all = vec![
            ("instrument", outcome.id.as_str()),
            ("verdict", outcome.verdict.word()),
            ("status", outcome.status.word()),
            ("citation", &outcome.citation),
            ("unbound", outcome.unbound.as_deref().unwrap_or_default()),
        ];
        all.extend(outcome.assumed.iter().map(|assumed| ("assumed", assumed.as_str())));
        let controls: Vec<String> = controls(outcome).collect();
        all.extend(controls.iter().map(|control| ("control", control.as_str())));
        let description = match outcome.verdict {
            Verdict::Clean => "nothing that it prohibits was found within the coverage",
            Verdict::Prohibited => "something that it prohibits was found",
            Verdict::Review => "a person must look at something",
            Verdict::Incomplete => "not all could be looked at",
        };
        let id = self.id.named("instrument").named(&outcome.id);
        let title = format!("{}: {}", outcome.id, outcome.title);
        let mut finding = self.finding(id, &title, description, &all, Some(outcome), (state, reason));
        let related = json!([{ "observation-uuid": self.id.named("coverage") }]);
        insert(&mut finding, "related-observations", related);
        finding
    }

    fn ruling(&self, reported: &Reported, ruling: &Ruling) -> Value {
        let status = match ruling.ruling {
            RulingKind::Prohibited => ("not-satisfied", "fail"),
            RulingKind::Advisory | RulingKind::Excluded => ("satisfied", "other"),
            _ => ("not-satisfied", "other"),
        };
        let due = ruling.due.map(|day| day.to_string()).unwrap_or_default();
        let mut all = vec![
            ("finding", reported.finding.id.raw()),
            ("instrument", &ruling.instrument),
            ("ruling", ruling.ruling.word()),
            ("due", &due),
        ];
        all.extend(ruling.assumed.iter().map(|assumed| ("assumed", assumed.as_str())));
        let title = format!("{}: {} under {}", ruling.ruling, reported.product_name, ruling.instrument);
        let (id, outcome) = (self.of_ruling(reported, ruling), self.outcome(&ruling.instrument));
        let mut finding = self.finding(id, &title, &ruling.reason, &all, outcome, status);
        insert(&mut finding, "related-observations", self.related(reported));
        if is_risk(ruling.ruling) {
            let risk = json!([{ "risk-uuid": self.of_risk(reported, ruling) }]);
            insert(&mut finding, "related-risks", risk);
        }
        finding
    }

    fn silent(&self, reported: &Reported) -> Value {
        let id = self.of_finding(&reported.finding.id).named("silent");
        let all = [("finding", reported.finding.id.raw()), ("state", reported.finding.state.word())];
        let description = "not covered by the chosen instruments";
        let title = format!("{} by {}", reported.product_name, reported.vendor_name);
        let mut finding = self.finding(id, &title, description, &all, None, ("satisfied", "other"));
        insert(&mut finding, "related-observations", self.related(reported));
        finding
    }

    fn finding(
        &self,
        id: super::Uuid,
        title: &str,
        description: &str,
        all: &[(&str, &str)],
        outcome: Option<&Outcome>,
        (state, reason): (&str, &str),
    ) -> Value {
        let control = outcome.and_then(|outcome| controls(outcome).next());
        json!({
            "uuid": id,
            "title": markup(title),
            "description": markup(description),
            "props": props(all),
            "origins": [{ "actors": [{ "type": "tool", "actor-uuid": self.id.named("tool") }] }],
            "target": {
                "type": "statement-id",
                "target-id": format!("{}_smt", control.as_deref().unwrap_or(CONTROL)),
                "status": { "state": state, "reason": reason },
            },
        })
    }
}
