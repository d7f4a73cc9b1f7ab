//! `sarif`: SARIF 2.1.0 (OASIS), as GitHub code scanning takes it in: a result a finding, a notification a gap.
//!
//! Code scanning shows files of a repository, so a place is written relative to the root of what was audited. A waived
//! finding is suppressed, with its justification, and stays in the list.

use std::io::{self, Write};

use serde_json::{Value, json};

use super::json::Harmless;
use super::{Format, Report, Reported, Style};
use crate::baseline::{Change, Earlier};
use crate::inventory::{Gap, Inventory};
use crate::judge::RulingKind;
use crate::text::{Text, hex};
use crate::waiver::WaiverState;

pub(super) const FORMAT: Format =
    Format { id: "sarif", about: "SARIF 2.1.0, for code scanning", extension: "sarif", write };

const SCHEMA: &str =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

fn write(report: &Report, _: Style, out: &mut dyn Write) -> io::Result<()> {
    let inventory = &report.inventory;
    let absent = || report.baseline.iter().flat_map(|b| &b.gone);
    let results = report.findings.iter().map(|f| result(report, inventory, f)).chain(absent().map(gone));
    let mut rules: Vec<(&str, &str, &str, &str)> = report
        .findings
        .iter()
        .map(|f| (f.vendor.as_str(), f.product.as_str(), f.product_name.as_str(), f.vendor_name.as_str()))
        .chain(absent().map(|f| {
            (f.vendor.as_str(), f.product.as_str(), f.product_name.as_str(), f.vendor_name.as_str())
        }))
        .collect();
    rules.sort_unstable();
    rules.dedup();
    let rule = |(vendor, product, name, maker): &(&str, &str, &str, &str)| {
        json!({
            "id": format!("{vendor}/{product}"),
            "shortDescription": { "text": shown(name) },
            "fullDescription": { "text": shown(&format!("{name}, by {maker}")) },
            "help": { "text": format!("`interdict explain {vendor}` says how it is recognised and which law names it.") },
        })
    };
    let waivers = report.waivers.iter().map(|waived| {
        json!({
            "id": waived.waiver.id,
            "state": waived.state.word(),
            "because": waived.because,
            "instrument": waived.waiver.instrument,
            "expires": waived.waiver.expires.to_string(),
            "approver": waived.waiver.approver,
            "reason": waived.waiver.reason,
        })
    });
    let instruments = report.outcomes.iter().map(|outcome| {
        json!({ "id": outcome.id, "title": outcome.title, "status": outcome.status.word(), "verdict": outcome.verdict.word() })
    });
    let coverage = inventory.coverage.iter().map(|row| {
        json!({ "source": row.source.raw(), "state": row.state.word(), "reason": row.reason.as_ref().map(Text::raw) })
    });
    let run = json!({
        "tool": { "driver": {
            "name": env!("CARGO_PKG_NAME"),
            "semanticVersion": env!("CARGO_PKG_VERSION"),
            "rules": rules.iter().map(rule).collect::<Vec<_>>(),
        } },
        "invocations": [{
            "executionSuccessful": true,
            "exitCode": report.exit_code(&[]),
            "startTimeUtc": format!("{:.0}", report.scan.started),
            "endTimeUtc": format!("{:.0}", report.scan.finished),
            "toolExecutionNotifications":
                inventory.gaps().map(|(row, gap)| notification(row.source.raw(), gap)).collect::<Vec<_>>(),
            "toolConfigurationNotifications": report
                .warnings()
                .map(|warning| json!({ "level": "warning", "message": { "text": shown(&warning) } }))
                .collect::<Vec<_>>(),
        }],
        "results": results.collect::<Vec<_>>(),
        "columnKind": "utf16CodeUnits",
        "properties": {
            "verdict": report.verdict.word(),
            "asOf": report.scan.as_of.to_string(),
            "instruments": instruments.collect::<Vec<_>>(),
            "coverage": coverage.collect::<Vec<_>>(),
            "waivers": waivers.collect::<Vec<_>>(),
        },
    });
    let mut out = Harmless(out);
    let sarif = json!({ "$schema": SCHEMA, "version": "2.1.0", "runs": [run] });
    serde_json::to_writer_pretty(&mut out, &sarif)?;
    writeln!(out)
}

fn result(report: &Report, inventory: &Inventory, reported: &Reported) -> Value {
    let finding = &reported.finding;
    let strongest = reported.weighs_most();
    let level = match strongest {
        Some(RulingKind::Prohibited | RulingKind::Excepted) => "error",
        Some(RulingKind::Review | RulingKind::Indicator) => "warning",
        _ => "note",
    };
    let version = finding.version.as_ref().map(|v| format!(" {v}")).unwrap_or_default();
    let said: Vec<String> = reported
        .rulings
        .iter()
        .map(|r| format!("{} under {}: {}.", r.ruling, r.instrument, r.reason))
        .collect();
    let message = format!(
        "{}{version} by {}: {}, {} in {}. {}",
        reported.product_name,
        reported.vendor_name,
        finding.strength,
        finding.state,
        finding.place,
        said.join(" ")
    );
    let items = finding.evidence.iter().filter_map(|e| Some((e, inventory.items.get(e.item)?)));
    let evidence = items.clone().map(|(evidence, item)| {
        json!({
            "source": item.source.raw(), "kind": item.kind.word(), "name": item.name.raw(),
            "version": item.version.as_ref().map(Text::raw), "place": item.place.raw(),
            "state": evidence.state.word(), "strength": evidence.strength.word(),
        })
    });
    let rulings = reported.rulings.iter().map(|ruling| {
        json!({
            "instrument": ruling.instrument, "ruling": ruling.ruling.word(), "reason": ruling.reason,
            "assumed": ruling.assumed, "due": ruling.due.map(|day| day.to_string()),
        })
    });
    let place = items.clone().map(|(_, item)| item.paths.first().unwrap_or(&item.place)).next();
    let mut result = json!({
        "ruleId": format!("{}/{}", reported.vendor, reported.product),
        "level": level,
        "message": { "text": shown(message.trim_end()) },
        "locations": [location(place.unwrap_or(&finding.place))],
        "partialFingerprints": { "finding/v1": finding.id.raw() },
        "properties": {
            "state": finding.state.word(), "strength": finding.strength.word(), "where": finding.place.raw(),
            "evidence": evidence.collect::<Vec<_>>(), "rulings": rulings.collect::<Vec<_>>(),
        },
    });
    if let (Some((change, other)), Value::Object(result)) = (report.change(reported), &mut result) {
        let state = match change {
            Change::New => "new",
            Change::Unchanged => "unchanged",
            Change::Changed => "updated",
            Change::Gone => "absent",
        };
        result.insert("baselineState".to_owned(), state.into());
        if let Some(Value::Object(properties)) = result.get_mut("properties") {
            properties.insert("changed".to_owned(), json!(other));
        }
    }
    let used =
        report.waivers.iter().filter(|w| w.state == WaiverState::Used && w.findings.contains(&finding.id));
    let suppressions: Vec<_> = used
        .map(
            |w| json!({ "kind": "external", "status": "accepted", "justification": shown(&w.waiver.reason) }),
        )
        .collect();
    // Only what no instrument still prohibits is suppressed.
    if let (Some(RulingKind::Excepted), Value::Object(result)) = (strongest, &mut result) {
        result.insert("suppressions".to_owned(), suppressions.into());
    }
    result
}

/// What an earlier report has and this one has not.
fn gone(earlier: &Earlier) -> Value {
    let message =
        format!("{} by {}: gone, was {}.", earlier.product_name, earlier.vendor_name, earlier.state);
    json!({
        "ruleId": format!("{}/{}", earlier.vendor, earlier.product),
        "level": "note",
        "message": { "text": shown(&message) },
        "partialFingerprints": { "finding/v1": earlier.id.raw() },
        "baselineState": "absent",
        "properties": { "state": earlier.state.word(), "strength": earlier.strength.word(), "where": earlier.place.raw() },
    })
}

fn notification(source: &str, gap: &Gap) -> Value {
    json!({
        "descriptor": { "id": gap.code.word() },
        "level": if gap.blocks { "error" } else { "note" },
        "message": { "text": shown(&format!("{source}: {}: {}", gap.place.raw(), gap.reason.raw())) },
        "locations": [location(&gap.place)],
    })
}

/// One place, as a file below the root of what was audited.
fn location(place: &Text) -> Value {
    json!({ "physicalLocation": {
        "artifactLocation": { "uri": uri(place) },
        "region": { "startLine": 1 },
    } })
}

/// A relative reference of RFC 3986: the bytes of a path, percent-encoded where they are not unreserved.
fn uri(place: &Text) -> String {
    let bytes = place.to_bytes();
    let mut uri = String::new();
    for byte in bytes.iter().skip_while(|byte| matches!(byte, b'/' | b'\\')) {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                uri.push(char::from(*byte));
            }
            b'\\' => uri.push('/'),
            _ => {
                uri.push('%');
                uri.push_str(&hex(&[*byte]).to_uppercase());
            }
        }
    }
    // An empty reference would be the document itself.
    if uri.is_empty() { ".".to_owned() } else { uri }
}

/// Text for people, without what would mislead them.
fn shown(text: &str) -> String {
    Text::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_relative_reference() {
        for (place, wanted) in [
            ("/opt/a b", "opt/a%20b"),
            ("C:\\Program Files\\x", "C%3A/Program%20Files/x"),
            ("//host/x", "host/x"),
            ("/", "."),
            ("/ü%?#", "%C3%BC%25%3F%23"),
            ("/\\xff", "%FF"),
        ] {
            assert_eq!(uri(&Text::from(place)), wanted);
        }
    }
}
