//! Items, coverage and hosts as JSON objects: the saved inventory that INTERFACE describes, also inside reports.
//!
//! Only `kind` and `name` must be there. Keys that are not known are kept as they are.

use serde_json::{Map, Value};

use crate::inventory::{Coverage, CoverageState, Gap, GapCode, Host, Subject};
use crate::item::{IdKind, Item, Kind, Signature, SignatureState, State};
use crate::text::Text;

type Object = Map<String, Value>;

/// Takes a text out of an object; numbers are taken as they are written.
fn text(object: &mut Object, key: &str) -> Result<Option<Text>, String> {
    match object.remove(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.into())),
        Some(Value::Number(number)) => Ok(Some(number.to_string().into())),
        Some(_) => Err(format!("`{key}` is no string")),
    }
}

fn flag(object: &mut Object, key: &str) -> Result<Option<bool>, String> {
    match object.remove(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Bool(flag)) => Ok(Some(flag)),
        Some(_) => Err(format!("`{key}` is neither true nor false")),
    }
}

fn number(object: &mut Object, key: &str) -> Result<usize, String> {
    match object.remove(key) {
        None | Some(Value::Null) => Ok(0),
        Some(value) => {
            let number = value.as_u64().and_then(|n| usize::try_from(n).ok());
            number.ok_or_else(|| format!("`{key}` is no number of things"))
        }
    }
}

fn object(of: &mut Object, key: &str) -> Result<Option<Object>, String> {
    match of.remove(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Object(object)) => Ok(Some(object)),
        Some(_) => Err(format!("`{key}` is no object")),
    }
}

fn list(of: &mut Object, key: &str) -> Result<Vec<Value>, String> {
    match of.remove(key) {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Array(list)) => Ok(list),
        Some(_) => Err(format!("`{key}` is no list")),
    }
}

fn word<T>(text: Option<&Text>, key: &str, parse: fn(&str) -> Option<T>) -> Result<Option<T>, String> {
    let Some(text) = text else { return Ok(None) };
    parse(text.raw()).map(Some).ok_or_else(|| format!("`{key}` is `{text}`, which is not known"))
}

/// Reads an item.
///
/// # Errors
/// What is wrong with it, in words.
pub fn item(mut from: Object) -> Result<Item, String> {
    let from = &mut from;
    let kind = word(text(from, "kind")?.as_ref(), "kind", Kind::parse)?.ok_or("`kind` is missing")?;
    let name = text(from, "name")?.ok_or("`name` is missing")?;
    let mut item = Item::new(kind, name, Text::default());
    item.version = text(from, "version")?;
    if let Some(state) = word(text(from, "state")?.as_ref(), "state", State::parse)? {
        // Whether it is a part, or only named, is what recognising finds out.
        if matches!(state, State::Component | State::Mention) {
            return Err(format!("`state` is `{state}`, which is a finding's and no item's"));
        }
        item.state = state;
    }
    item.source = text(from, "source")?.unwrap_or_else(|| "saved".into());
    item.id = text(from, "id")?.unwrap_or_default();
    item.publisher = text(from, "publisher")?.filter(|t| !t.is_empty());
    item.signer = text(from, "signer")?.filter(|t| !t.is_empty());
    for (key, value) in object(from, "ids")?.unwrap_or_default() {
        match (IdKind::parse(&key), value) {
            (Some(kind), Value::String(id)) => {
                item.ids.insert(kind, id.into());
            }
            (_, value) => {
                let kept = item.extra.entry("ids".to_owned()).or_insert_with(|| Value::Object(Map::new()));
                if let Value::Object(kept) = kept {
                    kept.insert(key, value);
                }
            }
        }
    }
    for path in list(from, "paths")? {
        let Value::String(path) = path else {
            return Err("`paths` holds something that is no string".to_owned());
        };
        item.paths.push(path.into());
    }
    item.place = text(from, "place")?.or_else(|| item.paths.first().cloned()).unwrap_or_default();
    if let Some(mut signed) = object(from, "signature")? {
        item.signature = Some(signature(&mut signed)?);
        if !signed.is_empty() {
            item.extra.insert("signature".to_owned(), Value::Object(signed));
        }
    }
    item.enabled = flag(from, "enabled")?;
    item.deleted = flag(from, "deleted")?.unwrap_or_default();
    for (field, key) in [
        (&mut item.scope, "scope"),
        (&mut item.user, "user"),
        (&mut item.owner, "owner"),
        (&mut item.container, "container"),
        (&mut item.installed, "installed"),
        (&mut item.homepage, "homepage"),
        (&mut item.ecosystem, "ecosystem"),
        (&mut item.product, "product"),
        (&mut item.original_name, "original-name"),
        (&mut item.service, "service"),
        (&mut item.command, "command"),
        (&mut item.uninstall, "uninstall"),
        (&mut item.quiet_uninstall, "quiet-uninstall"),
        (&mut item.role, "role"),
        (&mut item.reference, "ref"),
    ] {
        *field = text(from, key)?;
    }
    item.extra.extend(std::mem::take(from));
    Ok(item)
}

fn signature(from: &mut Object) -> Result<Signature, String> {
    let state = word(text(from, "state")?.as_ref(), "signature.state", SignatureState::parse)?;
    Ok(Signature {
        subject: text(from, "subject")?,
        organisation: text(from, "organisation")?,
        serial: text(from, "serial")?,
        thumbprint: text(from, "thumbprint")?,
        state: state.unwrap_or(SignatureState::Claimed),
    })
}

/// What a header says of an inventory; what it does not say is not there.
#[derive(Debug, Default)]
pub struct Header {
    /// What was looked at.
    pub subject: Option<Subject>,
    /// The machine.
    pub host: Host,
    /// The coverage, if it is told.
    pub coverage: Option<Vec<Coverage>>,
}

/// Reads the header of an inventory, or the parts of a report that are one.
///
/// # Errors
/// What is wrong with it, in words.
pub fn header(mut from: Object) -> Result<Header, String> {
    let from = &mut from;
    let mut header = Header::default();
    if let Some(mut target) = object(from, "target")? {
        let mut part = |key| Ok::<_, String>(text(&mut target, key)?.unwrap_or_default());
        header.subject = Some(Subject { kind: part("kind")?, place: part("place")?, os: part("os")? });
    }
    match from.remove("host") {
        Some(Value::Object(mut host)) => {
            let host = &mut host;
            let (name, id) = (text(host, "name")?, text(host, "id")?);
            header.host = Host { name, id, os: text(host, "os")?, version: text(host, "version")? };
        }
        Some(Value::String(name)) => header.host.name = Some(name.into()),
        _ => {}
    }
    if from.contains_key("coverage") {
        header.coverage = Some(list(from, "coverage")?.into_iter().map(coverage).collect::<Result<_, _>>()?);
    }
    Ok(header)
}

fn coverage(row: Value) -> Result<Coverage, String> {
    let Value::Object(mut row) = row else {
        return Err("`coverage` holds something that is no object".to_owned());
    };
    let row = &mut row;
    let source = text(row, "source")?.ok_or("a row of `coverage` has no `source`")?;
    let state = word(text(row, "state")?.as_ref(), "state", CoverageState::parse)?;
    let state = state.ok_or("a row of `coverage` has no `state`")?;
    let items = number(row, "items")?;
    let reason = text(row, "reason")?;
    let mut gaps = list(row, "gaps")?.into_iter().map(gap).collect::<Result<Vec<_>, _>>()?;
    let told = matches!(state, CoverageState::Failed | CoverageState::Partial);
    if told && !gaps.iter().any(|gap| gap.blocks) {
        gaps.push(Gap::new(GapCode::Io, source.clone(), "the list says that it is incomplete, and not why"));
    }
    gaps.sort();
    Ok(Coverage { source, state, items, reason, gaps })
}

fn gap(gap: Value) -> Result<Gap, String> {
    let Value::Object(mut gap) = gap else {
        return Err("`gaps` holds something that is no object".to_owned());
    };
    let gap = &mut gap;
    let code = word(text(gap, "code")?.as_ref(), "code", GapCode::parse)?.unwrap_or(GapCode::Io);
    Ok(Gap {
        place: text(gap, "place")?.unwrap_or_default(),
        reason: text(gap, "reason")?.unwrap_or_default(),
        code,
        blocks: flag(gap, "blocks")?.unwrap_or(true),
    })
}
