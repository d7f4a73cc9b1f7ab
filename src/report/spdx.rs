//! `spdx`: SPDX 2.3 in JSON (ISO/IEC 5962 is 2.2.1), a package an item.
//!
//! 2.3 and not 3.0: it is what the tools of today read, and validate. What was found and ruled stands in annotations of
//! the document; what SPDX has no key for in the comments of the packages.

use std::io::{self, Write};

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};
use serde_json::{Value, json};

use super::each::{Digested, Each, Uuid, items};
use super::json::{Harmless, content};
use super::known::{Told, fields, homepage, id, is_cpe23, listed, machine, of, second, seen, told};
use super::{Format, ListFormat, Report, Scan, Style};
use crate::inventory::Inventory;
use crate::item::{IdKind, Item, Kind};
use crate::text::Text;

pub(super) const FORMAT: Format = Format {
    id: "spdx",
    about: "SPDX 2.3 JSON, with findings as annotations",
    extension: "spdx.json",
    write,
};
pub(super) const LIST_FORMAT: ListFormat =
    ListFormat { id: "spdx", about: "SPDX 2.3 JSON, a package an item", extension: "spdx.json", write: list };

const TOOL: &str = concat!("Tool: ", env!("CARGO_PKG_NAME"), "-", env!("CARGO_PKG_VERSION"));
const TARGET: &str = "SPDXRef-target";

fn write(report: &Report, _: Style, out: &mut dyn Write) -> io::Result<()> {
    let (inventory, scan, evidence) = (&report.inventory, &report.scan, of(report));
    let package = |(number, item)| package(number, item, evidence.get(&number).map_or(&[], Vec::as_slice));
    let parts = Parts {
        packages: Each(|| std::iter::once_with(|| target(inventory)).chain(listed(report).map(package))),
        annotations: Each(|| told(report).map(|told| annotation(&told, scan))),
        relationships: Each(|| relationships(listed(report).map(|(number, _)| number))),
    };
    document(inventory, scan, &content(report)?, &parts, out)
}

fn list(inventory: &Inventory, scan: &Scan, _: Style, out: &mut dyn Write) -> io::Result<()> {
    let mut digested = Digested::default();
    items(inventory, &mut digested)?;
    let all = || inventory.items.iter().enumerate();
    let package = |(number, item)| package(number, item, &[]);
    let parts = Parts {
        packages: Each(|| std::iter::once_with(|| target(inventory)).chain(all().map(package))),
        annotations: Each(|| seen(inventory).map(|told| annotation(&told, scan))),
        relationships: Each(|| relationships(all().map(|(number, _)| number))),
    };
    document(inventory, scan, &digested.finish(), &parts, out)
}

/// The lists of a document.
struct Parts<P, A, R> {
    packages: P,
    annotations: A,
    relationships: R,
}

fn document<P: Serialize, A: Serialize, R: Serialize>(
    inventory: &Inventory,
    scan: &Scan,
    content: &str,
    parts: &Parts<P, A, R>,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut out = Harmless(out);
    let mut json = serde_json::Serializer::pretty(&mut out);
    let mut document = json.serialize_map(None)?;
    document.serialize_entry("spdxVersion", "SPDX-2.3")?;
    document.serialize_entry("dataLicense", "CC0-1.0")?;
    document.serialize_entry("SPDXID", "SPDXRef-DOCUMENT")?;
    document.serialize_entry("name", &machine(inventory))?;
    document.serialize_entry("documentNamespace", &format!("urn:uuid:{}", Uuid::of("spdx", content)))?;
    document.serialize_entry("creationInfo", &json!({ "created": second(scan), "creators": [TOOL] }))?;
    document.serialize_entry("packages", &parts.packages)?;
    document.serialize_entry("annotations", &parts.annotations)?;
    document.serialize_entry("relationships", &parts.relationships)?;
    document.end()?;
    writeln!(out)
}

/// The machine, which contains all.
fn target(inventory: &Inventory) -> Value {
    let (host, subject) = (&inventory.host, &inventory.subject);
    let raw = |text: &Option<Text>| text.as_ref().map(ToString::to_string).unwrap_or_default();
    json!({
        "SPDXID": TARGET,
        "name": machine(inventory),
        "downloadLocation": "NOASSERTION",
        "filesAnalyzed": false,
        "primaryPackagePurpose": "DEVICE",
        "comment": comment(&[
            ("target".to_owned(), format!("{}:{}", subject.kind.raw(), subject.place.raw())),
            ("machine-id".to_owned(), raw(&host.id)),
            ("os".to_owned(), raw(&host.os)),
            ("os-version".to_owned(), raw(&host.version)),
            ("os-family".to_owned(), subject.os.raw().to_owned()),
        ]),
    })
}

fn spdx_id(number: usize) -> String {
    format!("SPDXRef-item-{number}")
}

fn annotation(told: &Told, scan: &Scan) -> Value {
    let about: Vec<String> = told.items.iter().map(|number| spdx_id(*number)).collect();
    let about = if about.is_empty() { String::new() } else { format!(" [{}]", about.join(", ")) };
    json!({
        "annotationDate": second(scan),
        "annotationType": "OTHER",
        "annotator": TOOL,
        "comment": format!("{}{about}", told.text),
    })
}

fn relationships(numbers: impl Iterator<Item = usize>) -> impl Iterator<Item = Value> {
    let one = |from: &str, sort: &str, to: &str| json!({ "spdxElementId": from, "relationshipType": sort, "relatedSpdxElement": to });
    let whole = std::iter::once_with(move || one("SPDXRef-DOCUMENT", "DESCRIBES", TARGET));
    whole.chain(numbers.map(move |number| one(TARGET, "CONTAINS", &spdx_id(number))))
}

fn package(number: usize, item: &Item, findings: &[&str]) -> Value {
    let purpose = match item.kind {
        Kind::Package if item.is_of_language() => "LIBRARY",
        Kind::File => "FILE",
        Kind::Container => "CONTAINER",
        Kind::Driver | Kind::Certificate | Kind::Model | Kind::Key | Kind::Profile => "OTHER",
        Kind::Package | Kind::Application | Kind::Process | Kind::Service | Kind::Task | Kind::Extension => {
            "APPLICATION"
        }
    };
    let mut package = json!({
        "SPDXID": spdx_id(number),
        "name": if item.name.is_empty() { "(empty)" } else { item.name.raw() },
        "supplier": supplier(item),
        "downloadLocation": "NOASSERTION",
        "filesAnalyzed": false,
        "primaryPackagePurpose": purpose,
    });
    let mut told = vec!["name"];
    let mut add = |key: &str, field: &'static str, value: Option<Value>| {
        if let (Some(value), Value::Object(package)) = (value, &mut package) {
            package.insert(key.to_owned(), value);
            told.push(field);
        }
    };
    add("versionInfo", "version", item.version.as_ref().map(|v| v.raw().into()));
    add("homepage", "homepage", homepage(item).map(Value::from));
    let sha256 = id(item, IdKind::Sha256)
        .map(|id| json!([{ "algorithm": "SHA256", "checksumValue": id.to_lowercase() }]));
    add("checksums", "", sha256);
    let purl = id(item, IdKind::Purl).map(|purl| ("PACKAGE-MANAGER", "purl", purl));
    let cpe = id(item, IdKind::Cpe)
        .map(|cpe| ("SECURITY", if is_cpe23(cpe) { "cpe23Type" } else { "cpe22Type" }, cpe));
    let known: Vec<Value> = purl.into_iter().chain(cpe).map(|(category, sort, locator)| {
        json!({ "referenceCategory": category, "referenceType": sort, "referenceLocator": locator })
    }).collect();
    add("externalRefs", "", (!known.is_empty()).then(|| known.into()));
    let mut fields = fields(item, &told);
    fields.extend(findings.iter().map(|id| ("finding".to_owned(), (*id).to_owned())));
    if let Value::Object(package) = &mut package {
        package.insert("comment".to_owned(), comment(&fields).into());
    }
    package
}

/// Who made it. Whether a name is that of a person nobody tells, so all are organisations; a name that ends in a
/// bracket needs another one, or it would be read as an e-mail address.
fn supplier(item: &Item) -> String {
    let name = item.publisher.as_ref().map(|p| p.to_string().trim().to_owned()).unwrap_or_default();
    match name.as_str() {
        "" => "NOASSERTION".to_owned(),
        name if name.ends_with(')') => format!("Organization: {name} ()"),
        name => format!("Organization: {name}"),
    }
}

/// Fields, a line each.
fn comment(fields: &[(String, String)]) -> String {
    let lines = fields.iter().filter(|(_, value)| !value.is_empty());
    lines.map(|(key, value)| Text::from(format!("{key}: {value}")).to_string()).collect::<Vec<_>>().join("\n")
}
