//! The half of rule files that is law: instruments and profiles.

use std::cell::RefCell;

use super::document::Table;
use super::instrument::{Clock, Force, Instrument, Mark, Profile, Scope, Status};
use super::pack::Packs;
use super::problem::Problems;

impl Packs {
    pub(super) fn instrument(&mut self, table: Table<'_>, problems: &RefCell<Problems>) {
        let id = table.id();
        let text = |key| table.required(key).map(|t| t.value).unwrap_or_default();
        let optional = |key| table.text(key).map(|t| t.value);
        let covers = table.texts("covers");
        let covers_rule_files = table.flag("covers-rule-files");
        if covers.is_empty() && !covers_rule_files {
            table.error(
                &table.place,
                "missing-key",
                "`covers` is missing",
                "this needs `covers = [\"vendor\"]`",
            );
        }
        let mut instrument = Instrument {
            id: id.as_ref().map(|i| i.value.clone()).unwrap_or_default(),
            title: text("title"),
            jurisdiction: text("jurisdiction"),
            issuer: text("issuer"),
            citation: text("citation"),
            links: table.texts("links").into_iter().map(|l| l.value).collect(),
            sources: Vec::new(),
            phases: Vec::new(),
            force: table.required_word("force", Force::ALL, Force::word).unwrap_or(Force::UseBan),
            scope: table.word("scope", Scope::ALL, Scope::word).unwrap_or(Scope::WholeOrPart),
            words: text("words"),
            covers: Vec::new(),
            covers_rule_files,
            excludes: Vec::new(),
            binds: text("binds"),
            spares: optional("spares"),
            clocks: Vec::new(),
            note: optional("note"),
        };
        instrument.covers = self.refer(covers);
        read_sources(&table, &mut instrument);
        read_phases(&table, &mut instrument);
        for exclusion in table.tables("exclude") {
            let products = exclusion.texts("products");
            let products = self.refer(products);
            let words = exclusion.required("words").map(|w| w.value).unwrap_or_default();
            instrument.excludes.push((products, words));
            exclusion.end();
        }
        for clock in table.tables("clock") {
            let duty = clock.required("duty").map(|d| d.value).unwrap_or_default();
            let days = clock.number("days").filter(|d| (0..=36_500).contains(d));
            let issued = clock.date("issued").map(|d| d.value);
            match (days, issued) {
                (Some(days), Some(issued)) => instrument.clocks.push(Clock { duty, days, issued }),
                _ => clock.error(&clock.place, "bad-clock", "a clock has `days` and `issued`", "not a term"),
            }
            clock.end();
        }
        if let Some(id) = &id {
            self.define("instrument", &id.value, &id.place, problems);
        }
        table.end();
        self.instruments.push(instrument);
    }

    pub(super) fn profile(&mut self, table: Table<'_>, problems: &RefCell<Problems>) {
        let id = table.id();
        let title = table.required("title").map(|t| t.value).unwrap_or_default();
        let instruments = table.texts("instruments");
        self.references.extend(instruments.iter().map(|i| (i.clone(), "instrument")));
        if let Some(id) = &id {
            // Profiles and instruments are named by the same option.
            self.define("instrument", &id.value, &id.place, problems);
        }
        let id = id.map(|i| i.value).unwrap_or_default();
        self.profiles.push(Profile {
            id,
            title,
            instruments: instruments.into_iter().map(|i| i.value).collect(),
        });
        table.end();
    }
}

/// Where the statements of an instrument were read.
fn read_sources(table: &Table<'_>, instrument: &mut Instrument) {
    for source in table.tables("source") {
        let mark = source.word("read", Mark::ALL, Mark::word);
        let place = source.required("place");
        if !source.has("read") {
            let label = "this needs `read = \"T\"`, \"O\" or \"S\"; what was not read does not ship";
            source.error(&source.place, "missing-key", "`read` is missing", label);
        }
        if let (Some(mark), Some(place)) = (mark, place) {
            instrument.sources.push((mark, place.value));
        }
        source.end();
    }
    if !table.has("source") {
        let label = "this needs `[[instrument.source]]`";
        table.error(&table.place, "no-source", "an instrument without a source", label);
    }
}

/// The days on which the status of an instrument changes.
fn read_phases(table: &Table<'_>, instrument: &mut Instrument) {
    for phase in table.tables("phase") {
        let (from, status) = (phase.date("from"), phase.word("status", Status::ALL, Status::word));
        for key in ["from", "status"] {
            if !phase.has(key) {
                phase.error(
                    &phase.place,
                    "missing-key",
                    format!("`{key}` is missing"),
                    "a phase has a day and a status",
                );
            }
        }
        if let (Some(from), Some(status)) = (from, status) {
            if instrument.phases.last().is_some_and(|(before, _)| *before >= from.value) {
                phase.error(
                    &from.place,
                    "phase-order",
                    "phases go forward in time",
                    "not after the phase before it",
                );
            }
            instrument.phases.push((from.value, status));
        }
        phase.end();
    }
    if !table.has("phase") {
        table.error(&table.place, "missing-key", "`phase` is missing", "this needs `[[instrument.phase]]`");
    }
}
