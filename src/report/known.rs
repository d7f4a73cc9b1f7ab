//! What the formats of lists of components share: identifiers that are what they claim to be, the fields that these
//! formats have no key for, and in sentences all that is no component.
//!
//! An identifier that does not follow its own specification would make a whole document invalid, so it is written as
//! a property like any other, and none is ever made up.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::json::ItemV1;
use super::{Report, Scan};
use crate::inventory::Inventory;
use crate::item::{IdKind, Item};
use crate::judge::Verdict;
use crate::text::Text;

/// An identifier of an item, if it is one.
pub(super) fn id(item: &Item, kind: IdKind) -> Option<&str> {
    let id = item.ids.get(&kind)?.raw();
    let is_one = match kind {
        IdKind::Purl => is_purl(id),
        IdKind::Cpe => is_cpe23(id) || is_cpe22(id),
        IdKind::Sha256 => id.len() == 64 && id.bytes().all(|b| b.is_ascii_hexdigit()),
        _ => true,
    };
    is_one.then_some(id)
}

/// A package URL (purl-spec): a type and a name, in printable ASCII.
fn is_purl(text: &str) -> bool {
    let Some((sort, name)) = text.strip_prefix("pkg:").and_then(|rest| rest.split_once('/')) else {
        return false;
    };
    let is_sort = sort.bytes().all(|b| b.is_ascii_alphanumeric() || b".+-".contains(&b));
    !sort.is_empty() && is_sort && !name.is_empty() && name.bytes().all(|b| b.is_ascii_graphic())
}

/// A formatted string of CPE 2.3 (NISTIR 7695): eleven attributes, none with a wildcard inside.
pub(super) fn is_cpe23(text: &str) -> bool {
    let Some(rest) = text.strip_prefix("cpe:2.3:") else { return false };
    let (mut parts, mut quoted) = (vec![String::new()], false);
    for c in rest.chars() {
        match (c, parts.last_mut()) {
            (':', _) if !quoted => parts.push(String::new()),
            (_, Some(part)) => {
                let fits = if quoted {
                    c.is_ascii_punctuation()
                } else {
                    c.is_ascii_alphanumeric() || "-._\\*".contains(c)
                };
                if !fits {
                    return false;
                }
                part.push(c);
            }
            _ => return false,
        }
        quoted = c == '\\' && !quoted;
    }
    let whole = |part: &String| part == "*" || !(part.is_empty() || part.contains('*'));
    let language = parts.get(6).is_some_and(|l| {
        matches!(l.as_str(), "*" | "-") || (l.len() == 2 && l.bytes().all(|b| b.is_ascii_alphabetic()))
    });
    let first = parts.first().is_some_and(|part| matches!(part.as_str(), "a" | "h" | "o" | "*" | "-"));
    parts.len() == 11 && !quoted && first && language && parts.iter().all(whole)
}

/// A URI of CPE 2.2.
fn is_cpe22(text: &str) -> bool {
    let Some((sort, rest)) =
        text.strip_prefix("cpe:/").map(|rest| rest.split_once(':').unwrap_or((rest, "")))
    else {
        return false;
    };
    let fits = |b: u8| b.is_ascii_alphanumeric() || b"._-~%:".contains(&b);
    matches!(sort, "a" | "h" | "o") && rest.split(':').count() <= 6 && rest.bytes().all(fits)
}

/// A web address whose host has a name.
pub(super) fn homepage(item: &Item) -> Option<&str> {
    let url = item.homepage.as_ref()?.raw();
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"))?;
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let (labels, last) = host.rsplit_once('.')?;
    let is_label = |l: &str| {
        !l.is_empty()
            && !l.starts_with('-')
            && !l.ends_with('-')
            && l.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    let is_host = labels.split('.').all(is_label)
        && (2..=5).contains(&last.len())
        && last.bytes().all(|b| b.is_ascii_lowercase());
    let fits = |b: u8| b.is_ascii_alphanumeric() || b"-._~:/?#@!$&'()*+,;=".contains(&b);
    (is_host && rest.bytes().all(fits)).then_some(url)
}

/// The fields of an item that a format has no key for, by the names of `inventory -o json`.
pub(super) fn fields(item: &Item, but: &[&str]) -> Vec<(String, String)> {
    let mut fields = Vec::new();
    let Ok(Value::Object(all)) = serde_json::to_value(ItemV1::of(item)) else { return fields };
    let mut add = |key: String, value: Value| match value {
        Value::String(text) => fields.push((key, text)),
        other => fields.push((key, other.to_string())),
    };
    for (key, value) in all.into_iter().filter(|(key, _)| !but.contains(&key.as_str())) {
        match (key.as_str(), value) {
            ("paths", Value::Array(paths)) => paths.into_iter().for_each(|path| add("path".to_owned(), path)),
            ("ids" | "signature", Value::Object(parts)) => {
                parts.into_iter().for_each(|(part, value)| add(format!("{key}:{part}"), value));
            }
            (_, value) => add(key, value),
        }
    }
    fields
}

/// The items that are written: all, or, where the items are left out, those that are evidence.
pub(super) fn listed(report: &Report) -> impl Iterator<Item = (usize, &Item)> {
    let all = report.with_items;
    let evidence: BTreeSet<usize> = if all { BTreeSet::new() } else { of(report).into_keys().collect() };
    report.inventory.items.iter().enumerate().filter(move |(number, _)| all || evidence.contains(number))
}

/// The ids of the findings that each item is evidence of.
pub(super) fn of(report: &Report) -> BTreeMap<usize, Vec<&str>> {
    let mut of: BTreeMap<usize, Vec<&str>> = BTreeMap::new();
    for reported in &report.findings {
        for evidence in &reported.finding.evidence {
            of.entry(evidence.item).or_default().push(reported.finding.id.raw());
        }
    }
    of
}

/// A sentence about some items, or about the whole.
pub(super) struct Told {
    /// The numbers of the items.
    pub(super) items: Vec<usize>,
    /// The sentence, without what would mislead a reader.
    pub(super) text: String,
}

impl Told {
    fn whole(text: String) -> Self {
        Self { items: Vec::new(), text: Text::from(text).to_string() }
    }
}

/// All that a report says, except for its items.
pub(super) fn told(report: &Report) -> impl Iterator<Item = Told> {
    let verdict = std::iter::once_with(|| {
        let beside = report.verdicts.iter().filter(|v| **v != Verdict::Clean && **v != report.verdict);
        let all: Vec<_> = std::iter::once(&report.verdict).chain(beside).map(|v| v.word()).collect();
        Told::whole(format!("verdict: {}, by the law as of {}", all.join(", "), report.scan.as_of))
    });
    let warnings = report.warnings().map(|warning| Told::whole(format!("warning: {warning}")));
    let instruments = report.outcomes.iter().map(|o| {
        let unbound =
            o.unbound.as_ref().map(|why| format!("; does not bind here: {why}")).unwrap_or_default();
        let assumed =
            if o.assumed.is_empty() { String::new() } else { format!("; assumed: {}", o.assumed.join("; ")) };
        Told::whole(format!(
            "instrument {}: {}, {} ({}; {}){unbound}{assumed}",
            o.id, o.verdict, o.status, o.title, o.citation
        ))
    });
    let findings = report.findings.iter().flat_map(|reported| {
        let finding = &reported.finding;
        let items: Vec<usize> = finding.evidence.iter().map(|e| e.item).collect();
        let change =
            report.change(reported).map(|(change, other)| format!(", {change} {}", other.join("; ")));
        let first = format!(
            "finding {}: {} by {}, {}, {}{}",
            finding.id.raw(),
            reported.product_name,
            reported.vendor_name,
            finding.state,
            finding.strength,
            change.unwrap_or_default().trim_end()
        );
        let rulings = reported.rulings.iter().map(move |r| {
            let due = r.due.map(|day| format!(" (due {day})")).unwrap_or_default();
            let assumed = if r.assumed.is_empty() {
                String::new()
            } else {
                format!("; assumed: {}", r.assumed.join("; "))
            };
            format!(
                "ruling on {}: {} under {}{due}: {}{assumed}",
                finding.id.raw(),
                r.ruling,
                r.instrument,
                r.reason
            )
        });
        std::iter::once(first)
            .chain(rulings)
            .map(move |text| Told { items: items.clone(), text: Text::from(text).to_string() })
    });
    let gone = report.baseline.iter().flat_map(|b| &b.gone).map(|f| {
        Told::whole(format!(
            "gone since the earlier report: {}: {} by {}, was {}",
            f.id.raw(),
            f.product_name,
            f.vendor_name,
            f.state
        ))
    });
    let waivers = report.waivers.iter().map(|w| {
        let (state, waiver) = (w.state, &w.waiver);
        let because = w.because.as_ref().map(|why| format!(" ({why})")).unwrap_or_default();
        let host = waiver.host.as_ref().map(|(glob, _)| format!(" on {glob}")).unwrap_or_default();
        Told::whole(format!(
            "waiver {}: {state}{because}: under {}{host}, from {} to {}, approved by {} ({}): {}",
            waiver.id,
            waiver.instrument,
            waiver.starts,
            waiver.expires,
            waiver.approver,
            waiver.reference,
            waiver.reason
        ))
    });
    verdict
        .chain(warnings)
        .chain(instruments)
        .chain(findings)
        .chain(gone)
        .chain(waivers)
        .chain(seen(&report.inventory))
}

/// How far the looking went: every source and every gap.
pub(super) fn seen(inventory: &Inventory) -> impl Iterator<Item = Told> {
    let rows = inventory.coverage.iter().map(|row| {
        let reason = row.reason.as_ref().map(|r| format!(": {}", r.raw())).unwrap_or_default();
        Told::whole(format!("source {}: {}, {} items{reason}", row.source.raw(), row.state, row.items))
    });
    let gaps = inventory.gaps().map(|(row, gap)| {
        let weight = if gap.blocks { "gap" } else { "note" };
        let (source, place, reason) = (row.source.raw(), gap.place.raw(), gap.reason.raw());
        Told::whole(format!("{weight} [{}] of {source}: {place}: {reason}", gap.code))
    });
    rows.chain(gaps)
}

/// What the machine is called, or where it is.
pub(super) fn machine(inventory: &Inventory) -> String {
    let host = &inventory.host;
    let named = host.name.as_ref().or(host.id.as_ref()).unwrap_or(&inventory.subject.place);
    if named.is_empty() { "a machine without a name".to_owned() } else { named.to_string() }
}

/// The second in which a scan ended.
pub(super) fn second(scan: &Scan) -> String {
    format!("{:.0}", scan.finished)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identifier_is_what_it_claims() {
        for (cpe, is) in [
            ("cpe:2.3:a:tencent:wechat:3.9:*:*:*:*:*:*:*", true),
            ("cpe:2.3:a:x:y\\:z:1.0\\+1:*:*:en:*:*:*:-", true),
            ("cpe:2.3:a:x:y", false),
            ("cpe:2.3:a:x:y z:1:*:*:*:*:*:*:*", false),
            ("cpe:2.3:a:x::1:*:*:*:*:*:*:*", false),
            ("cpe:2.3:a:x:y:1:*:*:*:*:*:*:\\", false),
        ] {
            assert_eq!(is_cpe23(cpe), is, "{cpe}");
        }
        assert!(is_cpe22("cpe:/a:kaspersky:anti-virus") && !is_cpe22("cpe:/x:y") && !is_cpe22("cpe"));
        assert!(
            is_purl("pkg:npm/%40a/b@1") && !is_purl("pkg:npm") && !is_purl("8") && !is_purl("pkg:deb/a b")
        );
    }

    #[test]
    fn a_homepage_is_a_web_address() {
        let of = |url: &str| {
            let mut item = Item::new(crate::item::Kind::Package, "x".into(), "y".into());
            item.homepage = Some(url.into());
            homepage(&item).is_some()
        };
        assert!(of("https://www.example.org/a?b") && of("http://example.org"));
        for url in [
            "javascript:alert(1)",
            "https://localhost/",
            "https://a b.org",
            "https://x.org/<",
            "https://x..org",
        ] {
            assert!(!of(url), "{url}");
        }
    }
}
