//! `ocsf`: events of the Open Cybersecurity Schema Framework 1.8, one a line.
//!
//! A Compliance Finding (class 2003) is what an instrument says of all or of one product, a source, a gap or a waiver; a
//! Software Inventory Info (class 5020) is an item. Times are milliseconds since 1970.

use std::io::{self, Write};

use serde_json::{Value, json};

use super::each::{Digested, Uuid, items};
use super::json::{Harmless, ItemV1, content};
use super::known::{id, listed, machine};
use super::{Format, ListFormat, Report, Reported, Scan, Style};
use crate::baseline::Change;
use crate::inventory::{CoverageState, Inventory};
use crate::item::{IdKind, Item, Kind};
use crate::judge::{Outcome, Ruling, RulingKind, Verdict};
use crate::rules::Strength;
use crate::text::Text;
use crate::waiver::{Waived, WaiverState};

pub(super) const FORMAT: Format =
    Format { id: "ocsf", about: "OCSF 1.8 events, one a line", extension: "ndjson", write };
pub(super) const LIST_FORMAT: ListFormat =
    ListFormat { id: "ocsf", about: "OCSF 1.8 events, one a line", extension: "ndjson", write: list };

/// What a check ended with, as the framework numbers it.
#[derive(Clone, Copy)]
enum Status {
    Pass = 1,
    Warning = 2,
    Fail = 3,
    Other = 99,
}

fn write(report: &Report, _: Style, out: &mut dyn Write) -> io::Result<()> {
    let mut events = Events::new(&report.inventory, &report.scan, &content(report)?, out);
    for outcome in &report.outcomes {
        events.outcome(outcome)?;
    }
    for reported in &report.findings {
        if reported.rulings.is_empty() {
            events.finding(report, reported, None)?;
        }
        for ruling in &reported.rulings {
            events.finding(report, reported, Some(ruling))?;
        }
    }
    for earlier in report.baseline.iter().flat_map(|b| &b.gone) {
        events.check(&Check {
            uid: format!("finding {}", earlier.id.raw()),
            title: format!("gone: {} by {}", earlier.product_name, earlier.vendor_name),
            status: Status::Pass,
            details: vec![format!("gone since the earlier report, was {}", earlier.state)],
            change: Some(Change::Gone),
            more: json!({ "change": "gone", "finding": earlier.id.raw(), "vendor": earlier.vendor, "product": earlier.product }),
            ..Check::default()
        })?;
    }
    for waived in &report.waivers {
        events.waiver(waived)?;
    }
    for (number, warning) in report.warnings().enumerate() {
        events.check(&Check {
            uid: format!("warning {number}"),
            title: warning,
            status: Status::Warning,
            ..Check::default()
        })?;
    }
    events.coverage()?;
    for (_, item) in listed(report) {
        events.item(item)?;
    }
    Ok(())
}

fn list(inventory: &Inventory, scan: &Scan, _: Style, out: &mut dyn Write) -> io::Result<()> {
    let mut digested = Digested::default();
    items(inventory, &mut digested)?;
    let mut events = Events::new(inventory, scan, &digested.finish(), out);
    events.coverage()?;
    for item in &inventory.items {
        events.item(item)?;
    }
    Ok(())
}

/// What becomes one Compliance Finding.
struct Check<'a> {
    uid: String,
    title: String,
    status: Status,
    details: Vec<String>,
    severity: u8,
    confidence: Option<u8>,
    suppressed: bool,
    outcome: Option<&'a Outcome>,
    change: Option<Change>,
    sources: Vec<&'a str>,
    place: &'a str,
    evidence: Vec<Value>,
    more: Value,
}

impl Default for Check<'_> {
    fn default() -> Self {
        Self {
            uid: String::new(),
            title: String::new(),
            status: Status::Other,
            details: Vec::new(),
            severity: 1,
            confidence: None,
            suppressed: false,
            outcome: None,
            change: None,
            sources: Vec::new(),
            place: "host",
            evidence: Vec::new(),
            more: Value::Null,
        }
    }
}

struct Events<'a> {
    inventory: &'a Inventory,
    scan: &'a Scan,
    /// The id of the report, by which its events belong together.
    id: Uuid,
    device: Value,
    out: Harmless<'a>,
}

impl<'a> Events<'a> {
    fn new(inventory: &'a Inventory, scan: &'a Scan, content: &str, out: &'a mut dyn Write) -> Self {
        let host = &inventory.host;
        let mut device = json!({ "type_id": 0, "name": machine(inventory) });
        let family = match inventory.subject.os.raw() {
            "windows" => 100,
            "linux" => 200,
            "macos" => 300,
            _ => 0,
        };
        if let Some(os) = &host.os {
            let mut known = json!({ "name": os.raw(), "type_id": family });
            set(&mut known, "version", host.version.as_ref().map(|v| v.raw().into()));
            set(&mut device, "os", Some(known));
        }
        set(&mut device, "uid", host.id.as_ref().filter(|id| !id.is_empty()).map(|id| id.raw().into()));
        Self { inventory, scan, id: Uuid::of("ocsf", content), device, out: Harmless(out) }
    }

    /// Writes an event of a class.
    fn event(&mut self, class: u32, activity: u32, severity: u8, more: Value) -> io::Result<()> {
        let mut event = json!({
            "activity_id": activity,
            "category_uid": class / 1000,
            "class_uid": class,
            "type_uid": class * 100 + activity,
            "severity_id": severity,
            "time": self.scan.finished.as_millisecond(),
            "metadata": {
                "version": "1.8.0",
                "product": {
                    "name": env!("CARGO_PKG_NAME"),
                    "vendor_name": env!("CARGO_PKG_NAME"),
                    "version": env!("CARGO_PKG_VERSION"),
                },
                "profiles": if class == 2003 { vec!["host"] } else { Vec::new() },
                "correlation_uid": self.id,
            },
            "device": self.device,
        });
        if let (Value::Object(event), Value::Object(more)) = (&mut event, more) {
            event.extend(more);
        }
        serde_json::to_writer(&mut self.out, &event)?;
        writeln!(self.out)
    }

    fn check(&mut self, check: &Check<'_>) -> io::Result<()> {
        let (activity, status) = match check.change {
            Some(Change::Gone) => (3, 4),
            _ if check.suppressed => (1, 3),
            Some(Change::Unchanged | Change::Changed) => (2, 2),
            Some(Change::New) | None => (1, 1),
        };
        let word = match check.status {
            Status::Pass => "Pass",
            Status::Warning => "Warning",
            Status::Fail => "Fail",
            Status::Other => "Other",
        };
        let mut compliance = json!({ "status_id": check.status as u8, "status": word });
        if !check.details.is_empty() {
            let details: Vec<String> = check.details.iter().map(|d| shown(d)).collect();
            set(&mut compliance, "status_details", Some(json!(details)));
        }
        if let Some(outcome) = check.outcome {
            set(&mut compliance, "standards", Some(json!([shown(&outcome.title)])));
            set(&mut compliance, "requirements", Some(json!([shown(&outcome.citation)])));
            set(&mut compliance, "control", outcome.controls.first().map(|c| c.as_str().into()));
        }
        let mut info = json!({ "uid": check.uid, "title": shown(&check.title) });
        if !check.sources.is_empty() {
            set(&mut info, "data_sources", Some(json!(check.sources)));
        }
        let name = if check.place == "host" { machine(self.inventory) } else { shown(check.place) };
        let mut more = json!({
            "message": shown(&check.title),
            "status_id": status,
            "compliance": compliance,
            "finding_info": info,
            "resources": [{ "name": name, "uid": check.place }],
        });
        set(&mut more, "confidence_id", check.confidence.map(Value::from));
        set(&mut more, "evidences", (!check.evidence.is_empty()).then(|| check.evidence.clone().into()));
        set(&mut more, "unmapped", (!check.more.is_null()).then(|| check.more.clone()));
        self.event(2003, activity, check.severity, more)
    }

    fn outcome(&mut self, outcome: &Outcome) -> io::Result<()> {
        let (status, severity) = match outcome.verdict {
            Verdict::Clean => (Status::Pass, 1),
            Verdict::Prohibited => (Status::Fail, 4),
            Verdict::Incomplete | Verdict::Review => (Status::Warning, 3),
        };
        let duties: Vec<Value> = outcome
            .duties
            .iter()
            .map(|d| json!({ "duty": d.duty, "due": d.due.to_string(), "rule": d.rule, "on_finding": d.on_finding }))
            .collect();
        self.check(&Check {
            uid: format!("instrument {}", outcome.id),
            title: format!("{}: {}", outcome.id, outcome.verdict),
            status,
            severity,
            outcome: Some(outcome),
            more: json!({
                "instrument": outcome.id, "verdict": outcome.verdict.word(), "status": outcome.status.word(),
                "assumed": outcome.assumed, "unbound": outcome.unbound, "duties": duties,
                "as_of": self.scan.as_of.to_string(),
            }),
            ..Check::default()
        })
    }

    fn finding(&mut self, report: &Report, reported: &Reported, ruling: Option<&Ruling>) -> io::Result<()> {
        let finding = &reported.finding;
        let (status, severity) = match ruling.map(|r| r.ruling) {
            Some(RulingKind::Prohibited) => (Status::Fail, 4),
            Some(RulingKind::Review | RulingKind::Indicator) => (Status::Warning, 3),
            Some(RulingKind::Excepted) => (Status::Warning, 2),
            Some(RulingKind::Advisory | RulingKind::Excluded) => (Status::Pass, 1),
            None => (Status::Other, 1),
        };
        let confidence = match finding.strength {
            Strength::Certain => 3,
            Strength::Likely => 2,
            Strength::Possible => 1,
        };
        let items = finding.evidence.iter().filter_map(|e| Some((e, report.inventory.items.get(e.item)?)));
        let evidence = items.clone().map(|(evidence, item)| {
            let traits: Vec<String> =
                evidence.traits.iter().map(|(on, value)| format!("{on}: {}", value.raw())).collect();
            json!({ "name": item.name.raw(), "data": {
                "source": item.source.raw(), "kind": item.kind.word(), "version": item.version.as_ref().map(Text::raw),
                "place": item.place.raw(), "state": evidence.state.word(), "strength": evidence.strength.word(),
                "traits": traits, "paths": item.paths.iter().map(Text::raw).collect::<Vec<_>>(),
            } })
        });
        let mut sources: Vec<&str> = items.clone().map(|(_, item)| item.source.raw()).collect();
        sources.sort_unstable();
        sources.dedup();
        let change = report.change(reported);
        let under = ruling.map_or_else(
            || "not covered by the chosen instruments".to_owned(),
            |r| format!("{} under {}", r.ruling, r.instrument),
        );
        let outcome = ruling.and_then(|r| report.outcomes.iter().find(|o| o.id == r.instrument));
        self.check(&Check {
            uid: format!("finding {} {}", finding.id.raw(), ruling.map_or("", |r| &r.instrument)),
            title: format!("{} by {}: {under}", reported.product_name, reported.vendor_name),
            status,
            details: ruling.iter().map(|r| r.reason.clone()).collect(),
            severity,
            confidence: Some(confidence),
            suppressed: ruling.is_some_and(|r| r.ruling == RulingKind::Excepted),
            outcome,
            change: change.map(|(change, _)| change),
            sources,
            place: finding.place.raw(),
            evidence: evidence.collect(),
            more: json!({
                "finding": finding.id.raw(), "vendor": reported.vendor, "product": reported.product,
                "version": finding.version.as_ref().map(Text::raw), "state": finding.state.word(),
                "strength": finding.strength.word(), "inside": finding.inside.as_ref().map(Text::raw),
                "instrument": ruling.map(|r| &r.instrument), "ruling": ruling.map(|r| r.ruling.word()),
                "assumed": ruling.map(|r| &r.assumed), "due": ruling.and_then(|r| r.due).map(|day| day.to_string()),
                "change": change.map(|(change, _)| change.word()), "changed": change.map(|(_, other)| other),
            }),
        })
    }

    fn waiver(&mut self, waived: &Waived) -> io::Result<()> {
        let granted = &waived.waiver;
        let host = granted.host.as_ref().map(|(glob, _)| glob);
        self.check(&Check {
            uid: format!("waiver {}", granted.id),
            title: format!("waiver {}: {}", granted.id, waived.state),
            details: std::iter::once(granted.reason.clone()).chain(waived.because.clone()).collect(),
            suppressed: waived.state == WaiverState::Used,
            more: json!({
                "waiver": granted.id, "state": waived.state.word(), "instrument": granted.instrument,
                "finding": granted.finding, "product": granted.product, "host": host, "approver": granted.approver,
                "reference": granted.reference, "starts": granted.starts.to_string(),
                "expires": granted.expires.to_string(), "zone": granted.zone.to_string(),
                "excepts": waived.findings.iter().map(Text::raw).collect::<Vec<_>>(),
            }),
            ..Check::default()
        })
    }

    /// Every source, and every gap of it.
    fn coverage(&mut self) -> io::Result<()> {
        for row in &self.inventory.coverage {
            let status = match row.state {
                CoverageState::Covered | CoverageState::Absent => Status::Pass,
                CoverageState::Partial | CoverageState::Failed => Status::Warning,
                CoverageState::Skipped => Status::Other,
            };
            self.check(&Check {
                uid: format!("source {}", row.source.raw()),
                title: format!("{}: {}", row.source.raw(), row.state),
                status,
                details: row.reason.iter().map(|r| r.raw().to_owned()).collect(),
                sources: vec![row.source.raw()],
                more: json!({ "source": row.source.raw(), "state": row.state.word(), "items": row.items }),
                ..Check::default()
            })?;
            for (number, gap) in row.gaps.iter().enumerate() {
                self.check(&Check {
                    uid: format!("gap {} {number}", row.source.raw()),
                    title: format!("{} was not looked at by {}", gap.place.raw(), row.source.raw()),
                    status: if gap.blocks { Status::Warning } else { Status::Other },
                    details: vec![gap.reason.raw().to_owned()],
                    severity: if gap.blocks { 3 } else { 1 },
                    sources: vec![row.source.raw()],
                    more: json!({ "place": gap.place.raw(), "code": gap.code.word(), "blocks": gap.blocks }),
                    ..Check::default()
                })?;
            }
        }
        Ok(())
    }

    fn item(&mut self, item: &Item) -> io::Result<()> {
        let raw = |text: &Option<Text>| text.as_ref().filter(|t| !t.is_empty()).map(|t| Value::from(t.raw()));
        let is_application =
            matches!(item.kind, Kind::Package | Kind::Application | Kind::Process | Kind::Service);
        let mut package = json!({
            "name": item.name.raw(),
            // The framework asks for one.
            "version": raw(&item.version).unwrap_or_else(|| "unknown".into()),
            "type_id": if is_application { 1 } else { 99 },
            "type": item.kind.word(),
        });
        set(&mut package, "uid", (!item.id.is_empty()).then(|| item.id.raw().into()));
        set(&mut package, "vendor_name", raw(&item.publisher));
        set(&mut package, "package_manager", raw(&item.ecosystem));
        set(&mut package, "purl", id(item, IdKind::Purl).map(Value::from));
        set(&mut package, "cpe_name", id(item, IdKind::Cpe).map(Value::from));
        let hash = |value| json!({ "algorithm_id": 3, "algorithm": "SHA-256", "value": value });
        set(&mut package, "hash", id(item, IdKind::Sha256).map(hash));
        let whole = serde_json::to_value(ItemV1::of(item))?;
        let more = json!({ "sbom": { "package": package, "software_components": [] }, "unmapped": { "item": whole } });
        self.event(5020, 2, 1, more)
    }
}

fn set(object: &mut Value, key: &str, value: Option<Value>) {
    if let (Value::Object(object), Some(value)) = (object, value) {
        object.insert(key.to_owned(), value);
    }
}

/// Text for people, without what would mislead them.
fn shown(text: &str) -> String {
    Text::from(text).to_string()
}
