//! Every text of a report that came from evidence or from the operator, each told by what it is.
//!
//! Structures are taken apart field by field, so that a new field does not compile until it is decided on.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::baseline::{Baseline, Comparison, Earlier};
use crate::inventory::{Coverage, Gap, Host, Inventory, Subject};
use crate::item::{Item, Signature};
use crate::judge::Ruling;
use crate::recognise::{Evidence, Finding};
use crate::report::{Report, Reported, Scan};
use crate::text::Text;
use crate::waiver::{Waived, Waiver};

/// Looks at texts, or changes them.
pub(super) trait Visitor {
    /// Any text.
    fn text(&mut self, text: &mut String);
    /// The name of a user, and nothing else.
    fn user(&mut self, user: &mut String);
    /// The name of a host, and nothing else.
    fn host(&mut self, host: &mut String);
    /// The id of a machine, and nothing else.
    fn machine(&mut self, id: &mut String);
}

/// Lets a visitor see what a text holds.
fn within(text: &mut Text, see: impl FnOnce(&mut String)) {
    let mut string = text.raw().to_owned();
    see(&mut string);
    if string != text.raw() {
        *text = string.into();
    }
}

fn all<'a>(texts: impl IntoIterator<Item = &'a mut Text>, to: &mut impl Visitor) {
    for text in texts {
        within(text, |text| to.text(text));
    }
}

pub(super) fn report(report: &mut Report, to: &mut impl Visitor) {
    // The law is what it is: verdicts, what instruments are, and what the chosen rules say.
    let Report {
        rules,
        old_rules,
        scan: looked,
        verdict: _,
        verdicts: _,
        outcomes: _,
        organisation,
        waivers,
        findings,
        inventory: seen,
        with_items: _,
        verbose: _,
        baseline: compared,
    } = report;
    rules.iter_mut().chain(old_rules).for_each(|pack| to.text(&mut pack.id));
    scan(looked, to);
    inventory(seen, to);
    organisation.fields.values_mut().flatten().for_each(|value| to.text(value));
    for f in findings {
        finding(f, to);
    }
    for w in waivers {
        waiver(w, to);
    }
    if let Some(compared) = compared {
        comparison(compared, to);
    }
}

pub(super) fn scan(scan: &mut Scan, to: &mut impl Visitor) {
    let Scan { started: _, finished: _, user, elevated: _, depth: _, as_of: _ } = scan;
    if let Some(user) = user {
        within(user, |user| to.user(user));
    }
}

pub(super) fn inventory(inventory: &mut Inventory, to: &mut impl Visitor) {
    let Inventory { subject, host: Host { name, id, os, version }, items, coverage } = inventory;
    let Subject { kind, place, os: family } = subject;
    if let Some(name) = name {
        within(name, |name| to.host(name));
    }
    if let Some(id) = id {
        within(id, |id| to.machine(id));
    }
    all([kind, place, family].into_iter().chain(os).chain(version), to);
    for i in items {
        item(i, to);
    }
    for Coverage { source, state: _, items: _, reason, gaps } in coverage {
        all(std::iter::once(source).chain(reason), to);
        for Gap { place, reason, code: _, blocks: _ } in gaps {
            all([place, reason], to);
        }
    }
}

fn item(item: &mut Item, to: &mut impl Visitor) {
    let Item {
        kind: _,
        name,
        version,
        place,
        state: _,
        source,
        id,
        publisher,
        signer,
        signature,
        ids,
        paths,
        scope,
        user,
        owner,
        container,
        installed,
        homepage,
        ecosystem,
        product,
        original_name,
        service,
        command,
        enabled: _,
        deleted: _,
        uninstall,
        quiet_uninstall,
        role,
        reference,
        extra,
    } = item;
    if let Some(user) = user {
        within(user, |user| to.user(user));
    }
    // `user` is a word there, and not a name.
    let scope = scope.iter_mut().filter(|scope| !matches!(scope.raw(), "user" | "machine"));
    let may_be = [version, publisher, signer, owner, container, installed, homepage, ecosystem, product];
    let may_be = may_be
        .into_iter()
        .chain([original_name, service, command, uninstall, quiet_uninstall, role, reference])
        .flatten();
    all(
        [name, place, source, id].into_iter().chain(may_be).chain(scope).chain(paths).chain(ids.values_mut()),
        to,
    );
    if let Some(Signature { subject, organisation, serial, thumbprint, state: _ }) = signature {
        all([subject, organisation, serial, thumbprint].into_iter().flatten(), to);
    }
    let kept = std::mem::take(extra).into_iter().map(|(mut key, mut kept)| {
        to.text(&mut key);
        value(&mut kept, to);
        (key, kept)
    });
    *extra = kept.collect();
}

fn value(of: &mut Value, to: &mut impl Visitor) {
    match of {
        Value::String(text) => to.text(text),
        Value::Array(values) => values.iter_mut().for_each(|v| value(v, to)),
        Value::Object(object) => {
            let kept = std::mem::take(object).into_iter().map(|(mut key, mut kept)| {
                to.text(&mut key);
                value(&mut kept, to);
                (key, kept)
            });
            *object = kept.collect();
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// A place of findings: the host, or a container by its name.
fn spot(of: &mut Text, to: &mut impl Visitor) {
    if of.raw() != "host" {
        within(of, |place| to.text(place));
    }
}

/// The id of a finding: what rule files call the product, and behind an `@` the place.
fn finding_id(id: &mut Text, to: &mut impl Visitor) {
    if let Some((product, place)) = id.raw().split_once('@') {
        let (product, mut place) = (product.to_owned(), Text::from(place));
        spot(&mut place, to);
        *id = format!("{product}@{}", place.raw()).into();
    }
}

fn finding(reported: &mut Reported, to: &mut impl Visitor) {
    let Reported {
        finding,
        vendor: _,
        vendor_name: _,
        product: _,
        product_name: _,
        rulings,
        removal: _,
        protects: _,
    } = reported;
    let Finding { id, vendor: _, product: _, place, version, inside, state: _, strength: _, evidence } =
        finding;
    finding_id(id, to);
    spot(place, to);
    all(version.iter_mut().chain(inside), to);
    for Evidence { item: _, traits, state: _, strength: _, inside } in evidence {
        all(traits.iter_mut().map(|(_, value)| value).chain(inside), to);
    }
    for Ruling { instrument: _, ruling: _, reason, assumed: _, due: _ } in rulings {
        to.text(reason);
    }
}

fn waiver(waived: &mut Waived, to: &mut impl Visitor) {
    let Waived { waiver, state: _, because, findings } = waived;
    let Waiver {
        id,
        instrument: _,
        finding,
        product: _,
        host,
        reason,
        approver,
        reference,
        starts: _,
        expires: _,
        zone: _,
    } = waiver;
    [id, reason, approver, reference].into_iter().chain(because).for_each(|text| to.text(text));
    if let Some((glob, _)) = host {
        to.host(glob);
    }
    if let Some(finding) = finding {
        let mut id = Text::from(finding.as_str());
        finding_id(&mut id, to);
        id.raw().clone_into(finding);
    }
    for id in findings {
        finding_id(id, to);
    }
}

pub(super) fn baseline(baseline: &mut Baseline, to: &mut impl Visitor) {
    let Baseline { host, machine, finished, verdict: _, instruments: _, findings } = baseline;
    if let Some(host) = host {
        within(host, |host| to.host(host));
    }
    if let Some(id) = machine {
        within(id, |id| to.machine(id));
    }
    all([finished], to);
    let each = std::mem::take(findings).into_values().map(|mut f| {
        earlier(&mut f, to);
        (f.id.clone(), f)
    });
    *findings = each.collect();
}

fn earlier(earlier: &mut Earlier, to: &mut impl Visitor) {
    let Earlier {
        id,
        vendor: _,
        vendor_name: _,
        product: _,
        product_name: _,
        place,
        version,
        state: _,
        strength: _,
        rulings: _,
    } = earlier;
    finding_id(id, to);
    spot(place, to);
    all(version, to);
}

fn comparison(comparison: &mut Comparison, to: &mut impl Visitor) {
    let Comparison { finished, host, verdict: _, changes, gone, warnings } = comparison;
    all([finished], to);
    if let Some(host) = host {
        within(host, |host| to.host(host));
    }
    let kept = std::mem::take(changes).into_iter().map(|(mut id, kept)| {
        finding_id(&mut id, to);
        (id, kept)
    });
    *changes = kept.collect::<BTreeMap<_, _>>();
    for f in gone {
        earlier(f, to);
    }
    for warning in warnings {
        to.text(warning);
    }
}
