//! `cyclonedx`: `CycloneDX` 1.6 (ECMA-424), a component an item.
//!
//! What was found and ruled stands in annotations: the standard's VEX is for vulnerabilities, and a banned product is
//! none. The serial number is made of the content, so that the same scan gives the same document.

use std::io::{self, Write};

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};
use serde_json::{Value, json};

use super::each::{Digested, Each, Uuid, items};
use super::json::{Harmless, content};
use super::known::{Told, fields, homepage, id, listed, machine, of, second, seen, told};
use super::{Format, ListFormat, Report, Scan, Style};
use crate::inventory::Inventory;
use crate::item::{IdKind, Item, Kind};
use crate::text::Text;

pub(super) const FORMAT: Format = Format {
    id: "cyclonedx",
    about: "CycloneDX 1.6, with findings as annotations",
    extension: "json",
    write,
};
pub(super) const LIST_FORMAT: ListFormat = ListFormat {
    id: "cyclonedx",
    about: "CycloneDX 1.6, a component an item",
    extension: "json",
    write: list,
};

fn write(report: &Report, _: Style, out: &mut dyn Write) -> io::Result<()> {
    let (evidence, scan) = (of(report), &report.scan);
    let verdict = [("verdict", report.verdict.to_string()), ("law-as-of", scan.as_of.to_string())];
    let rules = report.rules.iter().map(|r| ("rules", format!("{} {} sha256:{}", r.id, r.version, r.sha256)));
    let more: Vec<_> = verdict.into_iter().chain(rules).collect();
    let component =
        |(number, item)| component(number, item, evidence.get(&number).map_or(&[], Vec::as_slice));
    let head = Head { inventory: &report.inventory, scan, content: content(report)?, more: &more };
    document(
        &head,
        Each(|| listed(report).map(component)),
        Each(|| told(report).map(|t| annotation(&t, scan))),
        out,
    )
}

fn list(inventory: &Inventory, scan: &Scan, _: Style, out: &mut dyn Write) -> io::Result<()> {
    let mut digested = Digested::default();
    items(inventory, &mut digested)?;
    let head = Head { inventory, scan, content: digested.finish(), more: &[] };
    let all = || inventory.items.iter().enumerate();
    let components = Each(|| all().map(|(number, item)| component(number, item, &[])));
    document(&head, components, Each(|| seen(inventory).map(|t| annotation(&t, scan))), out)
}

/// What stands before the components.
struct Head<'a> {
    inventory: &'a Inventory,
    scan: &'a Scan,
    /// The digest of the content.
    content: String,
    /// Properties of the whole.
    more: &'a [(&'a str, String)],
}

fn document(
    head: &Head<'_>,
    components: impl Serialize,
    annotations: impl Serialize,
    out: &mut dyn Write,
) -> io::Result<()> {
    let Head { inventory, scan, content, more } = head;
    let (host, subject) = (&inventory.host, &inventory.subject);
    let mut target = json!({ "type": "device", "bom-ref": "target", "name": machine(inventory) });
    let raw = |text: &Option<Text>| text.as_ref().map(|t| t.raw().to_owned()).unwrap_or_default();
    let known = [
        ("kind", subject.kind.raw().to_owned()),
        ("place", subject.place.raw().to_owned()),
        ("machine-id", raw(&host.id)),
        ("os", raw(&host.os)),
        ("os-version", raw(&host.version)),
        ("os-family", subject.os.raw().to_owned()),
    ];
    insert(&mut target, "properties", properties(known.iter().map(|(k, v)| (*k, v.as_str()))));
    let depth = [("depth", scan.depth.word().to_owned()), ("content-sha256", content.clone())];
    let metadata = json!({
        "timestamp": second(scan),
        "tools": { "components": [tool()] },
        "component": target,
        "properties": properties(depth.iter().chain(*more).map(|(k, v)| (*k, v.as_str()))),
    });
    // Nobody knows that a list is complete; that one is not is known.
    let aggregate = if inventory.is_incomplete() { "incomplete" } else { "unknown" };
    let mut out = Harmless(out);
    let mut json = serde_json::Serializer::pretty(&mut out);
    let mut bom = json.serialize_map(None)?;
    bom.serialize_entry("$schema", "http://cyclonedx.org/schema/bom-1.6.schema.json")?;
    bom.serialize_entry("bomFormat", "CycloneDX")?;
    bom.serialize_entry("specVersion", "1.6")?;
    bom.serialize_entry("serialNumber", &format!("urn:uuid:{}", Uuid::of("cyclonedx", content)))?;
    bom.serialize_entry("version", &1)?;
    bom.serialize_entry("metadata", &metadata)?;
    bom.serialize_entry("components", &components)?;
    bom.serialize_entry("compositions", &json!([{ "aggregate": aggregate, "assemblies": ["target"] }]))?;
    bom.serialize_entry("annotations", &annotations)?;
    bom.end()?;
    writeln!(out)
}

fn tool() -> Value {
    json!({ "type": "application", "name": env!("CARGO_PKG_NAME"), "version": env!("CARGO_PKG_VERSION") })
}

fn bom_ref(number: usize) -> String {
    format!("item-{number}")
}

fn annotation(told: &Told, scan: &Scan) -> Value {
    let subjects: Vec<String> = match told.items.as_slice() {
        [] => vec!["target".to_owned()],
        items => items.iter().map(|number| bom_ref(*number)).collect(),
    };
    json!({ "subjects": subjects, "annotator": { "component": tool() }, "timestamp": second(scan), "text": told.text })
}

fn component(number: usize, item: &Item, findings: &[&str]) -> Value {
    let sort = match item.kind {
        Kind::Package if item.is_of_language() => "library",
        Kind::Driver => "device-driver",
        Kind::File => "file",
        Kind::Certificate => "cryptographic-asset",
        Kind::Model => "machine-learning-model",
        Kind::Container => "container",
        Kind::Key | Kind::Profile => "data",
        Kind::Package | Kind::Application | Kind::Process | Kind::Service | Kind::Task | Kind::Extension => {
            "application"
        }
    };
    let mut component = json!({ "type": sort, "bom-ref": bom_ref(number), "name": item.name.raw() });
    let mut told = vec!["name"];
    let mut add = |key: &str, field: &'static str, value: Option<Value>| {
        if let Some(value) = value {
            insert(&mut component, key, value);
            told.push(field);
        }
    };
    add("version", "version", item.version.as_ref().map(|v| v.raw().into()));
    let maker = item.publisher.as_ref().filter(|p| !p.is_empty());
    add("supplier", "publisher", maker.map(|p| json!({ "name": p.raw() })));
    add("publisher", "publisher", maker.map(|p| p.raw().into()));
    add("purl", "", id(item, IdKind::Purl).map(Value::from));
    add("cpe", "", id(item, IdKind::Cpe).map(Value::from));
    let sha256 = id(item, IdKind::Sha256).map(|sha256| json!([{ "alg": "SHA-256", "content": sha256 }]));
    add("hashes", "", sha256);
    add(
        "externalReferences",
        "homepage",
        homepage(item).map(|url| json!([{ "type": "website", "url": url }])),
    );
    let certificate = (item.kind == Kind::Certificate).then(|| json!({ "assetType": "certificate" }));
    add("cryptoProperties", "", certificate);
    let fields = fields(item, &told);
    let all = fields.iter().map(|(key, value)| (key.as_str(), value.as_str()));
    insert(&mut component, "properties", properties(all.chain(findings.iter().map(|id| ("finding", *id)))));
    component
}

/// Properties with a prefix, as the standard's taxonomy asks for; what is empty is left out.
fn properties<'a>(all: impl Iterator<Item = (&'a str, &'a str)>) -> Value {
    let all = all.filter(|(_, value)| !value.is_empty());
    all.map(|(key, value)| json!({ "name": format!("interdict:{key}"), "value": value })).collect()
}

fn insert(object: &mut Value, key: &str, value: Value) {
    if let Value::Object(object) = object {
        object.insert(key.to_owned(), value);
    }
}
