//! Saved inventories: items that were found earlier, by interdict or by anything else that writes the same JSON.
//!
//! A file is one object a line, or one JSON document (a report, or an inventory with its items inside), either of them
//! in gzip too. A line that cannot be read is evidence that cannot be read: a gap, not an error.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use serde_json::{Map, Value};

use crate::error::Error;
use crate::inventory::{Coverage, CoverageState, Gap, GapCode, Inventory, Subject};
use crate::parse::saved::{Header, header, item};
use crate::sources::SOURCES;
use crate::target::operator;
use crate::text::Text;

/// Bytes of one line; an item is below 100 KiB.
const MAX_LINE: u64 = 64 << 20;
/// Bytes of a document that is not in lines.
const MAX_DOCUMENT: u64 = 256 << 20;
/// Bytes of a file, and of what a compressed one may become.
const MAX_BYTES: u64 = 8 << 30;
/// The row of items that say no source.
const SAVED: &str = "saved";

/// Whether the first bytes of a file could be those of a saved inventory.
pub(super) fn looks_saved(path: &Path) -> bool {
    let mut start = Vec::new();
    let read = operator::open(path).is_ok_and(|file| file.take(512).read_to_end(&mut start).is_ok());
    read && (start.starts_with(&[0x1f, 0x8b]) || bare(&start).starts_with(b"{"))
}

pub(super) fn load(path: &Path) -> Result<Inventory, Error> {
    let missing = |e: Error| match e {
        Error::Instruction { path, reason } => Error::Target { place: path, reason },
        other => other,
    };
    let mut file = BufReader::new(operator::open(path).map_err(missing)?);
    let packed = file.fill_buf().is_ok_and(|start| start.starts_with(&[0x1f, 0x8b]));
    let reader: Box<dyn BufRead> = if packed {
        Box::new(BufReader::new(flate2::bufread::MultiGzDecoder::new(file).take(MAX_BYTES)))
    } else {
        Box::new(file.take(MAX_BYTES))
    };
    let mut loading =
        Loading { path, header: Header::default(), items: Vec::new(), gaps: Vec::new(), reports: 0 };
    loading.read(reader)?;
    Ok(loading.finish())
}

struct Loading<'a> {
    path: &'a Path,
    header: Header,
    items: Vec<crate::item::Item>,
    gaps: Vec<Gap>,
    reports: usize,
}

impl Loading<'_> {
    fn gap(&mut self, code: GapCode, reason: String) {
        // A thousand bad lines are told once, by the first.
        if !self.gaps.iter().any(|g| g.code == code) {
            self.gaps.push(Gap::new(code, Text::from_path(self.path), reason));
        }
    }

    fn error(&self, reason: &str) -> Error {
        Error::Target { place: self.path.display().to_string(), reason: reason.to_owned() }
    }

    fn read(&mut self, mut from: Box<dyn BufRead>) -> Result<(), Error> {
        let (mut line, mut number, mut any) = (Vec::new(), 0_usize, false);
        loop {
            line.clear();
            match from.by_ref().take(MAX_LINE).read_until(b'\n', &mut line) {
                Ok(0) => return Ok(()),
                Ok(_) => number += 1,
                Err(e) => {
                    self.gap(GapCode::Truncated, format!("cannot read beyond line {number}: {e}"));
                    return Ok(());
                }
            }
            if bare(&line).is_empty() {
                continue;
            }
            match value(&line) {
                Ok(Value::Object(object)) => self.object(object, number)?,
                // The first line is not whole: a document over many lines, or a file cut in its first line.
                Err(e) if !any && e.is_eof() => return self.document(line, from),
                Ok(_) => {
                    self.gap(GapCode::Damaged, format!("line {number} is no object, so its item is unknown"));
                }
                Err(e) => {
                    let reason = format!("line {number} is no JSON, so its item is unknown: {e}");
                    self.gap(GapCode::Damaged, reason);
                }
            }
            any = true;
        }
    }

    /// Reads a document of which the first line was read.
    fn document(&mut self, mut text: Vec<u8>, from: Box<dyn BufRead>) -> Result<(), Error> {
        if let Err(e) = from.take(MAX_DOCUMENT).read_to_end(&mut text) {
            self.gap(GapCode::Truncated, format!("cannot read all of it: {e}"));
            return Ok(());
        }
        match value(&text) {
            Ok(Value::Object(object)) => self.object(object, 1)?,
            Ok(_) => self.gap(GapCode::Damaged, "it holds no object".to_owned()),
            Err(e) => self.gap(GapCode::Truncated, format!("it is no whole JSON document: {e}")),
        }
        Ok(())
    }

    fn object(&mut self, mut object: Map<String, Value>, line: usize) -> Result<(), Error> {
        let schema = match object.get("schema") {
            Some(Value::String(schema)) => Some(schema.clone()),
            _ => None,
        };
        match schema.as_deref() {
            Some("interdict.report/1" | "interdict.inventory/1") => {
                let is_report = schema.as_deref() == Some("interdict.report/1");
                self.reports += 1;
                if self.reports > 1 {
                    return Err(self.error("it holds several reports; give one of them at a time"));
                }
                let items = object.remove("items");
                match header(object) {
                    Ok(header) => self.header = header,
                    Err(what) => self.gap(GapCode::Damaged, format!("its header cannot be read: {what}")),
                }
                match items {
                    Some(Value::Array(items)) => {
                        for (number, value) in items.into_iter().enumerate() {
                            self.item(value, &format!("item {}", number + 1));
                        }
                    }
                    Some(_) => self.gap(GapCode::Damaged, "its `items` are no list".to_owned()),
                    None if is_report => {
                        return Err(self.error(
                            "it is a report without its items (--no-items), which cannot be judged again",
                        ));
                    }
                    None => {}
                }
            }
            Some(other) if other.starts_with("interdict.") => {
                return Err(self.error(&format!("this version does not read {other}")));
            }
            _ => self.item(Value::Object(object), &format!("line {line}")),
        }
        Ok(())
    }

    fn item(&mut self, value: Value, whence: &str) {
        let Value::Object(object) = value else {
            return self.gap(GapCode::Damaged, format!("{whence} is no object, so its item is unknown"));
        };
        match item(object) {
            Ok(item) => self.items.push(item),
            Err(what) => self.gap(GapCode::Damaged, format!("{whence} is no item: {what}")),
        }
    }

    fn finish(mut self) -> Inventory {
        let told = self.header.coverage.take();
        let nothing_read = |rows: &Vec<Coverage>| {
            rows.iter().all(|r| matches!(r.state, CoverageState::Absent | CoverageState::Skipped))
        };
        if self.items.is_empty() && self.gaps.is_empty() && told.as_ref().is_none_or(nothing_read) {
            self.gap(GapCode::Empty, "it holds no item, and tells of nothing that was read".to_owned());
        }
        let mut rows =
            told.is_some().then(BTreeMap::new).unwrap_or_else(|| self.rows(CoverageState::Covered));
        for row in told.into_iter().flatten() {
            merge(&mut rows, row);
        }
        let mut held: BTreeMap<&Text, usize> = BTreeMap::new();
        for item in &self.items {
            *held.entry(&item.source).or_default() += 1;
        }
        let held = |row: &Coverage| held.get(&row.source).copied().unwrap_or_default();
        let lost = rows.values().find(|row| row.source.raw() != SAVED && held(row) < row.items);
        let lost = lost.map(|row| {
            format!("it says that {} found {} items and holds {} of them", row.source, row.items, held(row))
        });
        if let Some(reason) = lost {
            self.gap(GapCode::Truncated, reason);
        }
        for source in SOURCES {
            let reason = Some("not in this list".into());
            let skipped =
                Coverage { source: source.id.into(), reason, ..Self::row(CoverageState::Skipped, 0) };
            rows.entry(skipped.source.clone()).or_insert(skipped);
        }
        if !self.gaps.is_empty() {
            let state = if self.items.is_empty() { CoverageState::Failed } else { CoverageState::Partial };
            let gaps = std::mem::take(&mut self.gaps);
            let row = Coverage { gaps, ..Self::row(state, self.items.len()) };
            rows.insert(row.source.clone(), row);
        }
        self.items.sort_by(|a, b| a.order().cmp(&b.order()));
        let place = Text::from_path(self.path);
        let os = self.header.subject.as_ref().map_or_else(|| "unknown".into(), |s| s.os.clone());
        let subject = Subject { kind: "inventory".into(), place, os };
        Inventory {
            subject,
            host: self.header.host,
            items: self.items,
            coverage: rows.into_values().collect(),
        }
    }

    /// The one row of a list that tells of no coverage.
    fn rows(&self, state: CoverageState) -> BTreeMap<Text, Coverage> {
        let row = Self::row(state, self.items.len());
        BTreeMap::from([(row.source.clone(), row)])
    }

    fn row(state: CoverageState, items: usize) -> Coverage {
        Coverage { source: SAVED.into(), state, items, reason: None, gaps: Vec::new() }
    }
}

/// Adds a row; of two of one source the one that saw less counts, with the gaps of both.
fn merge(rows: &mut BTreeMap<Text, Coverage>, row: Coverage) {
    let Some(first) = rows.get_mut(&row.source) else {
        rows.insert(row.source.clone(), row);
        return;
    };
    first.state = first.state.max(row.state);
    first.items = first.items.max(row.items);
    first.gaps.extend(row.gaps);
    first.gaps.sort();
    first.gaps.dedup();
}

/// Text without a byte order mark and the blanks around it.
fn bare(text: &[u8]) -> &[u8] {
    text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text).trim_ascii()
}

/// The value of a JSON text. One that is not whole is refused before anything of it is kept.
fn value(text: &[u8]) -> serde_json::Result<Value> {
    serde_json::from_slice::<serde::de::IgnoredAny>(bare(text))?;
    serde_json::from_slice(bare(text))
}
