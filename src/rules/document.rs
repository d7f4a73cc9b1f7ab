//! A TOML document read key by key, with every problem of it collected and every value's place kept.
//!
//! Each key that is asked for is a key that may stand there; what else stands in the table is reported by
//! [`Table::end`], with the nearest key as a proposal.

use std::cell::RefCell;
use std::path::Path;

use jiff::civil::Date;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::problem::{Place, Problems, RuleFile};
use crate::error::Error;
use crate::target::operator;
use crate::text::is_deceptive;

/// Ids that a message may list.
const FEW: usize = 24;

/// Reads a file of the operator's that holds no rules, with every problem of it.
///
/// # Errors
/// When it cannot be read, or anything in it is wrong.
pub(crate) fn read<T: Default>(
    path: &Path,
    colour: bool,
    take: impl FnOnce(&Table<'_>) -> T,
) -> Result<T, Error> {
    let file = RuleFile { path: path.display().to_string(), text: operator::text(path)?, builtin: false };
    let problems = RefCell::new(Problems::default());
    let (document, errors) = DeTable::parse_recoverable(&file.text);
    for error in &errors {
        let place = Place { file: 0, span: error.span().unwrap_or_default() };
        problems.borrow_mut().error(&place, "toml", "this is not TOML", error.message());
    }
    let mut value = T::default();
    if errors.is_empty() {
        let table = Table::new(document.get_ref(), Place { file: 0, span: 0..0 }, &problems);
        value = take(&table);
        table.end();
    }
    let problems = problems.into_inner();
    if problems.has_errors() {
        return Err(Error::Rules(problems.render(std::slice::from_ref(&file), false, colour)));
    }
    Ok(value)
}

/// A value and where it stands.
#[derive(Debug, Clone)]
pub(crate) struct At<T> {
    pub(crate) value: T,
    pub(crate) place: Place,
}

/// A table of a document.
pub(crate) struct Table<'a> {
    keys: &'a DeTable<'a>,
    /// Where it begins: its header, or the whole document.
    pub(crate) place: Place,
    asked: RefCell<Vec<&'static str>>,
    problems: &'a RefCell<Problems>,
}

impl<'a> Table<'a> {
    pub(crate) fn new(table: &'a DeTable<'a>, place: Place, problems: &'a RefCell<Problems>) -> Self {
        Self { keys: table, place, asked: RefCell::default(), problems }
    }

    pub(crate) fn error(
        &self,
        place: &Place,
        code: &'static str,
        message: impl Into<String>,
        label: impl Into<String>,
    ) {
        self.problems.borrow_mut().error(place, code, message, label);
    }

    /// Reports an id that is defined a second time.
    pub(crate) fn twice(&self, place: &Place, first: &Place, what: &str, id: &str) {
        self.problems.borrow_mut().twice(place, first, what, id);
    }

    fn get(&self, key: &'static str) -> Option<&'a Spanned<DeValue<'a>>> {
        self.asked.borrow_mut().push(key);
        self.keys.get(key)
    }

    fn at(&self, value: &Spanned<DeValue<'_>>) -> Place {
        Place { file: self.place.file, span: value.span() }
    }

    fn wrong_type(&self, key: &str, value: &Spanned<DeValue<'_>>, wanted: &str) {
        let found = value.get_ref().type_str();
        self.error(
            &self.at(value),
            "wrong-type",
            format!("`{key}` is of the wrong type"),
            format!("expected {wanted}, found {found}"),
        );
    }

    /// Whether the key stands there.
    pub(crate) fn has(&self, key: &'static str) -> bool {
        self.get(key).is_some()
    }

    /// Where the value of a key stands; the table, if it does not.
    pub(crate) fn place_of(&self, key: &'static str) -> Place {
        self.get(key).map_or_else(|| self.place.clone(), |value| self.at(value))
    }

    /// A text.
    pub(crate) fn text(&self, key: &'static str) -> Option<At<String>> {
        let value = self.get(key)?;
        let Some(text) = value.get_ref().as_str() else {
            self.wrong_type(key, value, "a string");
            return None;
        };
        if text.trim().is_empty() {
            self.error(&self.at(value), "empty-value", format!("`{key}` is empty"), "expected some text");
            return None;
        }
        self.harmless(value, text);
        Some(At { value: text.to_owned(), place: self.at(value) })
    }

    /// Refuses what would mislead a reader or a terminal; rules say nothing in such characters.
    fn harmless(&self, value: &Spanned<DeValue<'_>>, text: &str) {
        if text.chars().any(is_deceptive) {
            let message = "a control or invisible character in a text";
            self.error(&self.at(value), "deceptive-text", message, "write it without that character");
        }
    }

    /// A text that must stand there.
    pub(crate) fn required(&self, key: &'static str) -> Option<At<String>> {
        if self.get(key).is_none() {
            self.error(
                &self.place,
                "missing-key",
                format!("`{key}` is missing"),
                format!("this needs `{key} = \"…\"`"),
            );
        }
        self.text(key)
    }

    /// An id: a short word of small letters, digits and hyphens, usable in paths and on command lines.
    pub(crate) fn id(&self) -> Option<At<String>> {
        let id = self.required("id")?;
        let ok = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '.';
        if !id.value.chars().all(ok) {
            self.error(&id.place, "bad-id", "an id has only a-z, 0-9, `-` and `.`", "not an id");
        }
        Some(id)
    }

    /// Whether the key has a list of nothing.
    pub(crate) fn is_empty_list(&self, key: &'static str) -> bool {
        self.get(key).and_then(|v| v.get_ref().as_array()).is_some_and(|list| list.is_empty())
    }

    /// A list of texts, or none.
    pub(crate) fn texts(&self, key: &'static str) -> Vec<At<String>> {
        let Some(value) = self.get(key) else { return Vec::new() };
        let Some(list) = value.get_ref().as_array() else {
            self.wrong_type(key, value, "a list of strings, as in `[\"…\"]`");
            return Vec::new();
        };
        let mut texts = Vec::new();
        for entry in list {
            match entry.get_ref().as_str() {
                Some(text) if !text.trim().is_empty() => {
                    self.harmless(entry, text);
                    texts.push(At { value: text.to_owned(), place: self.at(entry) });
                }
                Some(_) => self.error(
                    &self.at(entry),
                    "empty-value",
                    "an empty text in a list",
                    "expected some text",
                ),
                None => self.wrong_type(key, entry, "a string"),
            }
        }
        texts
    }

    /// A text, or a list of texts; nothing, where the key does not stand.
    pub(crate) fn one_or_more(&self, key: &'static str) -> Vec<At<String>> {
        let is_list = self.get(key).is_some_and(|value| value.get_ref().as_array().is_some());
        if is_list { self.texts(key) } else { self.text(key).into_iter().collect() }
    }

    /// A table of its own.
    pub(crate) fn table(&self, key: &'static str) -> Option<Table<'a>> {
        let value = self.get(key)?;
        let Some(table) = value.get_ref().as_table() else {
            self.wrong_type(key, value, "a table");
            return None;
        };
        Some(Table::new(table, self.at(value), self.problems))
    }

    /// A yes or no; no, where it does not stand.
    pub(crate) fn flag(&self, key: &'static str) -> bool {
        let Some(value) = self.get(key) else { return false };
        value.get_ref().as_bool().unwrap_or_else(|| {
            self.wrong_type(key, value, "true or false");
            false
        })
    }

    /// A whole number.
    pub(crate) fn number(&self, key: &'static str) -> Option<i64> {
        let value = self.get(key)?;
        let number =
            value.get_ref().as_integer().and_then(|i| i64::from_str_radix(i.as_str(), i.radix()).ok());
        if number.is_none() {
            self.wrong_type(key, value, "a whole number");
        }
        number
    }

    /// A day, as a text or a TOML date.
    pub(crate) fn date(&self, key: &'static str) -> Option<At<Date>> {
        self.date_of(key, self.get(key)?)
    }

    /// The days of a table whose keys are free.
    pub(crate) fn dates(self) -> Vec<(At<String>, Date)> {
        let entry = |(key, value): (&Spanned<std::borrow::Cow<'a, str>>, &Spanned<DeValue<'a>>)| {
            let place = Place { file: self.place.file, span: key.span() };
            let date = self.date_of(key.get_ref(), value)?;
            Some((At { value: key.get_ref().to_string(), place }, date.value))
        };
        self.keys.iter().filter_map(entry).collect()
    }

    fn date_of(&self, key: &str, value: &Spanned<DeValue<'_>>) -> Option<At<Date>> {
        let text = match value.get_ref() {
            DeValue::String(text) => text.to_string(),
            DeValue::Datetime(date) => date.to_string(),
            _ => {
                self.wrong_type(key, value, "a date, as in \"2018-10-01\"");
                return None;
            }
        };
        match text.parse::<Date>() {
            Ok(date) if text.len() == 10 => Some(At { value: date, place: self.at(value) }),
            _ => {
                let message = format!("`{text}` is no date");
                self.error(
                    &self.at(value),
                    "bad-date",
                    message,
                    "expected a day of the calendar, as in \"2018-10-01\"",
                );
                None
            }
        }
    }

    /// A word of a closed set that must stand there.
    pub(crate) fn required_word<T: Copy>(
        &self,
        key: &'static str,
        all: &[T],
        spell: fn(T) -> &'static str,
    ) -> Option<T> {
        if self.get(key).is_none() {
            let words: Vec<_> = all.iter().map(|word| spell(*word)).collect();
            let label = format!("this needs `{key}`, one of: {}", words.join(", "));
            self.error(&self.place, "missing-key", format!("`{key}` is missing"), label);
        }
        self.word(key, all, spell)
    }

    /// A word of a closed set.
    pub(crate) fn word<T: Copy>(
        &self,
        key: &'static str,
        all: &[T],
        spell: fn(T) -> &'static str,
    ) -> Option<T> {
        let text = self.text(key)?;
        self.word_of(&text, all, spell)
    }

    /// A list of words of a closed set.
    pub(crate) fn words<T: Copy>(
        &self,
        key: &'static str,
        all: &[T],
        spell: fn(T) -> &'static str,
    ) -> Vec<T> {
        self.texts(key).iter().filter_map(|text| self.word_of(text, all, spell)).collect()
    }

    fn word_of<T: Copy>(&self, text: &At<String>, all: &[T], spell: fn(T) -> &'static str) -> Option<T> {
        let found = all.iter().copied().find(|word| spell(*word) == text.value);
        if found.is_none() {
            let words: Vec<_> = all.iter().map(|word| spell(*word)).collect();
            let label = format!("expected one of: {}", words.join(", "));
            self.error(&text.place, "unknown-word", format!("`{}` is not known here", text.value), label);
        }
        found
    }

    /// The tables of an array of tables.
    pub(crate) fn tables(&self, key: &'static str) -> Vec<Table<'a>> {
        let Some(value) = self.get(key) else { return Vec::new() };
        let Some(list) = value.get_ref().as_array() else {
            self.wrong_type(key, value, &format!("tables, each under its own `[[{key}]]`"));
            return Vec::new();
        };
        let table = |entry: &'a Spanned<DeValue<'a>>| {
            let Some(table) = entry.get_ref().as_table() else {
                self.wrong_type(key, entry, "a table");
                return None;
            };
            Some(Table::new(table, self.at(entry), self.problems))
        };
        list.iter().filter_map(table).collect()
    }

    /// The keys of a free table with their texts.
    pub(crate) fn map(&self, key: &'static str) -> Option<serde_json::Map<String, serde_json::Value>> {
        let value = self.get(key)?;
        let json = json(value.get_ref());
        let serde_json::Value::Object(map) = json else {
            self.wrong_type(key, value, "a table, as in `{ kind = \"package\", name = \"…\" }`");
            return None;
        };
        Some(map)
    }

    /// Reports an id that nothing has, with the nearest that something has.
    pub(crate) fn known<'k>(
        &self,
        named: &At<String>,
        what: &str,
        ids: impl Iterator<Item = &'k str> + Clone,
    ) {
        if ids.clone().any(|id| id == named.value) {
            return;
        }
        let label = match nearest(&named.value, ids.clone()) {
            Some(near) => format!("did you mean `{near}`?"),
            None if ids.clone().nth(FEW).is_some() => {
                "`interdict rules list` shows those there are".to_owned()
            }
            None => format!("known here: {}", ids.collect::<Vec<_>>().join(", ")),
        };
        self.error(&named.place, "unknown-id", format!("there is no {what} `{}`", named.value), label);
    }

    /// Reports every key that nobody asked for.
    pub(crate) fn end(self) {
        let asked = self.asked.into_inner();
        for (key, _) in self.keys {
            let name = key.get_ref().as_ref();
            if asked.contains(&name) {
                continue;
            }
            let place = Place { file: self.place.file, span: key.span() };
            let near = nearest(name, asked.iter().copied());
            let label = near.map_or_else(
                || {
                    let mut known = asked.clone();
                    known.sort_unstable();
                    known.dedup();
                    format!("known here: {}", known.join(", "))
                },
                |near| format!("did you mean `{near}`?"),
            );
            self.problems.borrow_mut().error(
                &place,
                "unknown-key",
                format!("the key `{name}` is not known here"),
                label,
            );
        }
    }
}

/// The known word nearest to one that is not known, if one is near enough to be meant.
#[must_use]
pub fn nearest<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let scored = known.map(|k| (strsim::damerau_levenshtein(word, k), k));
    scored.filter(|(distance, k)| *distance <= 1 + k.len().min(word.len()) / 4).min().map(|(_, k)| k)
}

fn json(value: &DeValue<'_>) -> serde_json::Value {
    match value {
        DeValue::String(text) => text.to_string().into(),
        DeValue::Boolean(flag) => (*flag).into(),
        DeValue::Integer(number) => {
            i64::from_str_radix(number.as_str(), number.radix()).unwrap_or_default().into()
        }
        DeValue::Float(number) => number.as_str().into(),
        DeValue::Datetime(date) => date.to_string().into(),
        DeValue::Array(list) => list.iter().map(|v| json(v.get_ref())).collect(),
        DeValue::Table(table) => {
            let entries = table.iter().map(|(k, v)| (k.get_ref().to_string(), json(v.get_ref())));
            serde_json::Value::Object(entries.collect())
        }
    }
}
