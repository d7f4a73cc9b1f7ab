//! `json`: the report as one document, `interdict.report/1`, with types of its own.
//!
//! Characters that would mislead a terminal or an eye are written as `\u` escapes, which mean the same in JSON.

mod law;
mod removal;
mod since;

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde::Serialize;
use serde_json::Value;

use self::law::{InstrumentV1, RulingV1, WaiverV1, organisation};
use self::removal::RemediationV1;
use self::since::{BaselineV1, GoneV1};
use super::each::Digested;
use super::{Format, Report, Reported, Scan, Style};
use crate::inventory::{Coverage, Host, Subject};
use crate::item::Item;
use crate::text::{Text, is_deceptive};

pub(super) const FORMAT: Format =
    Format { id: "json", about: "one JSON document, interdict.report/1", extension: "json", write };

fn write(report: &Report, _: Style, out: &mut dyn Write) -> io::Result<()> {
    let mut out = Harmless(out);
    serde_json::to_writer_pretty(&mut out, &ReportV1::of(report))?;
    writeln!(out)
}

/// The digest of what a report says, whenever it was made: of its JSON without the times of the scan.
pub(super) fn content(report: &Report) -> io::Result<String> {
    let mut document = ReportV1::of(report);
    document.scan.started.clear();
    document.scan.finished.clear();
    let mut digested = Digested::default();
    serde_json::to_writer(&mut digested, &document)?;
    Ok(digested.finish())
}

/// Writes JSON with deceptive characters escaped. Outside strings JSON has none.
pub(super) struct Harmless<'a>(pub(super) &'a mut dyn Write);

impl Write for Harmless<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // Those below a blank are escaped already, or stand between values.
        let misleads = |c: char| c > ' ' && is_deceptive(c);
        match std::str::from_utf8(bytes) {
            Ok(text) if text.chars().any(misleads) => {
                for c in text.chars() {
                    let mut units = [0; 2];
                    if misleads(c) {
                        for unit in c.encode_utf16(&mut units) {
                            write!(self.0, "\\u{unit:04x}")?;
                        }
                    } else {
                        write!(self.0, "{c}")?;
                    }
                }
            }
            _ => self.0.write_all(bytes)?,
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[derive(Serialize)]
pub(super) struct ReportV1<'a> {
    schema: &'static str,
    tool: ToolV1,
    rules: Vec<RulesV1<'a>>,
    warnings: Vec<String>,
    target: TargetV1<'a>,
    host: HostV1<'a>,
    scan: ScanV1<'a>,
    verdict: &'static str,
    instruments: Vec<InstrumentV1<'a>>,
    findings: Vec<FindingV1<'a>>,
    coverage: Vec<CoverageV1<'a>>,
    organisation: BTreeMap<&'static str, &'a [String]>,
    waivers: Vec<WaiverV1<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    baseline: Option<BaselineV1<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    gone: Option<Vec<GoneV1<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    items: Option<Vec<ItemV1<'a>>>,
}

impl<'a> ReportV1<'a> {
    pub(super) fn of(report: &'a Report) -> Self {
        let inventory = &report.inventory;
        Self {
            schema: "interdict.report/1",
            tool: TOOL,
            rules: report
                .rules
                .iter()
                .map(|r| RulesV1 { id: &r.id, version: &r.version, sha256: &r.sha256 })
                .collect(),
            warnings: report.warnings().collect(),
            target: TargetV1::of(&inventory.subject),
            host: HostV1::of(&inventory.host),
            scan: ScanV1::of(&report.scan),
            verdict: report.verdict.word(),
            instruments: report.outcomes.iter().map(InstrumentV1::of).collect(),
            findings: report.findings.iter().map(|f| FindingV1::of(f, report)).collect(),
            coverage: inventory.coverage.iter().map(CoverageV1::of).collect(),
            organisation: organisation(&report.organisation),
            waivers: report.waivers.iter().map(WaiverV1::of).collect(),
            baseline: report.baseline.as_ref().map(BaselineV1::of),
            gone: report.baseline.as_ref().map(|b| b.gone.iter().map(GoneV1::of).collect()),
            items: report.with_items.then(|| inventory.items.iter().map(ItemV1::of).collect()),
        }
    }
}

#[derive(Serialize)]
pub(super) struct ToolV1 {
    name: &'static str,
    version: &'static str,
}

pub(super) const TOOL: ToolV1 = ToolV1 { name: env!("CARGO_PKG_NAME"), version: env!("CARGO_PKG_VERSION") };

#[derive(Serialize)]
struct RulesV1<'a> {
    id: &'a str,
    version: &'a str,
    sha256: &'a str,
}

#[derive(Serialize)]
pub(super) struct TargetV1<'a> {
    kind: &'a str,
    place: &'a str,
    os: &'a str,
}

impl<'a> TargetV1<'a> {
    pub(super) fn of(subject: &'a Subject) -> Self {
        Self { kind: subject.kind.raw(), place: subject.place.raw(), os: subject.os.raw() }
    }
}

#[derive(Serialize)]
pub(super) struct HostV1<'a> {
    name: Option<&'a str>,
    id: Option<&'a str>,
    os: Option<&'a str>,
    version: Option<&'a str>,
}

impl<'a> HostV1<'a> {
    pub(super) fn of(host: &'a Host) -> Self {
        let raw = |text: &'a Option<Text>| text.as_ref().map(Text::raw);
        Self { name: raw(&host.name), id: raw(&host.id), os: raw(&host.os), version: raw(&host.version) }
    }
}

#[derive(Serialize)]
pub(super) struct ScanV1<'a> {
    started: String,
    finished: String,
    user: Option<&'a str>,
    elevated: Option<bool>,
    depth: &'static str,
    as_of: String,
}

impl<'a> ScanV1<'a> {
    pub(super) fn of(scan: &'a Scan) -> Self {
        Self {
            started: scan.started.to_string(),
            finished: scan.finished.to_string(),
            user: scan.user.as_ref().map(Text::raw),
            elevated: scan.elevated,
            depth: scan.depth.word(),
            as_of: scan.as_of.to_string(),
        }
    }
}

#[derive(Serialize)]
struct FindingV1<'a> {
    id: &'a str,
    vendor: &'a str,
    vendor_name: &'a str,
    product: &'a str,
    product_name: &'a str,
    version: Option<&'a str>,
    #[serde(rename = "where")]
    place: &'a str,
    inside: Option<&'a str>,
    state: &'static str,
    strength: &'static str,
    evidence: Vec<EvidenceV1<'a>>,
    rulings: Vec<RulingV1<'a>>,
    remediation: Option<RemediationV1>,
    #[serde(skip_serializing_if = "Option::is_none")]
    change: Option<&'static str>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    changed: &'a [String],
}

impl<'a> FindingV1<'a> {
    fn of(reported: &'a Reported, report: &'a Report) -> Self {
        let (finding, inventory) = (&reported.finding, &report.inventory);
        let change = report.change(reported);
        let evidence = finding.evidence.iter().filter_map(|e| {
            let item = inventory.items.get(e.item)?;
            Some(EvidenceV1 {
                source: item.source.raw(),
                kind: item.kind.word(),
                name: item.name.raw(),
                version: item.version.as_ref().map(Text::raw),
                place: item.place.raw(),
                state: e.state.word(),
                traits: e.traits.iter().map(|(on, value)| TraitV1 { on, value: value.raw() }).collect(),
                strength: e.strength.word(),
                reference: item.reference.as_ref().map(Text::raw),
                paths: item.paths.iter().map(Text::raw).collect(),
            })
        });
        Self {
            id: finding.id.raw(),
            vendor: &reported.vendor,
            vendor_name: &reported.vendor_name,
            product: &reported.product,
            product_name: &reported.product_name,
            version: finding.version.as_ref().map(Text::raw),
            place: finding.place.raw(),
            inside: finding.inside.as_ref().map(Text::raw),
            state: finding.state.word(),
            strength: finding.strength.word(),
            evidence: evidence.collect(),
            rulings: reported.rulings.iter().map(RulingV1::of).collect(),
            remediation: RemediationV1::of(reported, inventory),
            change: change.map(|(change, _)| change.word()),
            changed: change.map(|(_, other)| other).unwrap_or_default(),
        }
    }
}

#[derive(Serialize)]
struct EvidenceV1<'a> {
    source: &'a str,
    kind: &'static str,
    name: &'a str,
    version: Option<&'a str>,
    place: &'a str,
    state: &'static str,
    traits: Vec<TraitV1<'a>>,
    strength: &'static str,
    #[serde(rename = "ref")]
    reference: Option<&'a str>,
    paths: Vec<&'a str>,
}

#[derive(Serialize)]
struct TraitV1<'a> {
    #[serde(rename = "trait")]
    on: &'a str,
    value: &'a str,
}

#[derive(Serialize)]
pub(super) struct CoverageV1<'a> {
    source: &'a str,
    state: &'static str,
    items: usize,
    reason: Option<&'a str>,
    gaps: Vec<GapV1<'a>>,
}

impl<'a> CoverageV1<'a> {
    pub(super) fn of(row: &'a Coverage) -> Self {
        let gap = |gap: &'a crate::inventory::Gap| GapV1 {
            place: gap.place.raw(),
            reason: gap.reason.raw(),
            code: gap.code.word(),
            blocks: gap.blocks,
        };
        Self {
            source: row.source.raw(),
            state: row.state.word(),
            items: row.items,
            reason: row.reason.as_ref().map(Text::raw),
            gaps: row.gaps.iter().map(gap).collect(),
        }
    }
}

#[derive(Serialize)]
struct GapV1<'a> {
    place: &'a str,
    reason: &'a str,
    code: &'static str,
    blocks: bool,
}

/// An item as a saved inventory writes it; what is not known is left out.
pub(super) struct ItemV1<'a>(&'a Item);

impl<'a> ItemV1<'a> {
    pub(super) fn of(item: &'a Item) -> Self {
        Self(item)
    }
}

impl Serialize for ItemV1<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeMap;
        let item = self.0;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("kind", item.kind.word())?;
        map.serialize_entry("name", item.name.raw())?;
        let text = |text: &'_ Option<Text>| text.as_ref().map(|t| t.raw().to_owned());
        let some = |t: &Text| (!t.is_empty()).then(|| t.raw().to_owned());
        let texts = [
            ("version", text(&item.version)),
            ("publisher", text(&item.publisher)),
            ("signer", text(&item.signer)),
            ("state", Some(item.state.word().to_owned())),
            ("source", some(&item.source)),
            ("id", some(&item.id)),
            ("place", some(&item.place)),
            ("owner", text(&item.owner)),
            ("container", text(&item.container)),
            ("scope", text(&item.scope)),
            ("user", text(&item.user)),
            ("installed", text(&item.installed)),
            ("homepage", text(&item.homepage)),
            ("ecosystem", text(&item.ecosystem)),
            ("product", text(&item.product)),
            ("original-name", text(&item.original_name)),
            ("service", text(&item.service)),
            ("command", text(&item.command)),
            ("uninstall", text(&item.uninstall)),
            ("quiet-uninstall", text(&item.quiet_uninstall)),
            ("role", text(&item.role)),
            ("ref", text(&item.reference)),
        ];
        for (key, value) in texts {
            if let Some(value) = value {
                map.serialize_entry(key, &value)?;
            }
        }
        let mut extra = item.extra.clone();
        let mut ids = serde_json::Map::new();
        ids.extend(item.ids.iter().map(|(kind, id)| (kind.word().to_owned(), id.raw().into())));
        if let Some(Value::Object(kept)) = extra.remove("ids") {
            ids.extend(kept);
        }
        if !ids.is_empty() {
            map.serialize_entry("ids", &ids)?;
        }
        if !item.paths.is_empty() {
            map.serialize_entry("paths", &item.paths.iter().map(Text::raw).collect::<Vec<_>>())?;
        }
        if let Some(enabled) = item.enabled {
            map.serialize_entry("enabled", &enabled)?;
        }
        if item.deleted {
            map.serialize_entry("deleted", &true)?;
        }
        if let Some(signature) = &item.signature {
            let part = |text: &'_ Option<Text>| text.as_ref().map_or(Value::Null, |t| t.raw().into());
            let fields = [
                ("subject", part(&signature.subject)),
                ("organisation", part(&signature.organisation)),
                ("serial", part(&signature.serial)),
                ("thumbprint", part(&signature.thumbprint)),
                ("state", signature.state.word().into()),
            ];
            let fields = fields.into_iter().filter(|(_, v)| !v.is_null()).map(|(k, v)| (k.to_owned(), v));
            let mut fields: serde_json::Map<_, _> = fields.collect();
            if let Some(Value::Object(kept)) = extra.remove("signature") {
                fields.extend(kept);
            }
            map.serialize_entry("signature", &fields)?;
        }
        for (key, value) in &extra {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}
