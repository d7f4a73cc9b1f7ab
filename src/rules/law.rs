//! The half of rule files that is law: instruments, the classes of bodies, systems and devices they bind, and profiles.

use std::cell::RefCell;

use super::document::{At, Table};
use super::filing::{Each, Field, Filing, Fill};
use super::instrument::{
    Class, Exception, Fact, Force, Instrument, Limb, Mark, Profile, Scope, Status, reached,
};
use super::pack::Packs;
use super::problem::Problems;
use crate::clock::{Clock, Term, Trigger};

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
            lists: vec![(None, self.refer(covers))],
            covers_rule_files,
            excludes: Vec::new(),
            binds: text("binds"),
            spares: optional("spares"),
            limbs: Vec::new(),
            unread_list: optional("unread-list"),
            mere_use: optional("mere-use"),
            exceptions: Vec::new(),
            clocks: Vec::new(),
            filings: Vec::new(),
            controls: plain(table.texts("controls")),
            legal_review: optional("legal-review"),
            note: optional("note"),
        };
        read_sources(&table, &mut instrument);
        read_phases(&table, &mut instrument);
        for list in table.tables("list") {
            let from = list.date("from").map(|d| d.value);
            if from.is_none() {
                list.error(
                    &list.place,
                    "missing-key",
                    "`from` is missing",
                    "a list has the day since which it holds",
                );
            }
            let names = self.refer(list.texts("covers"));
            instrument.lists.push((from, names));
            list.end();
        }
        for exclusion in table.tables("exclude") {
            let products = exclusion.texts("products");
            let products = self.refer(products);
            let words = exclusion.required("words").map(|w| w.value).unwrap_or_default();
            instrument.excludes.push((products, words));
            exclusion.end();
        }
        for limb in table.tables("limb") {
            let on = limb.required_word("on", Fact::ALL, Fact::word);
            let (any, none) = (limb.texts("any"), limb.texts("none"));
            if any.is_empty() && none.is_empty() {
                limb.error(
                    &limb.place,
                    "missing-key",
                    "`any` is missing",
                    "a limb names classes: `any = […]` or `none = […]`",
                );
            }
            let words = limb.required("words").map(|w| w.value).unwrap_or_default();
            if let Some(on) = on {
                self.class_references.extend(any.iter().chain(&none).map(|class| (class.clone(), on)));
                instrument.limbs.push(Limb { on, any: plain(any), none: plain(none), words });
            }
            limb.end();
        }
        instrument.exceptions = table.tables("exception").into_iter().filter_map(exception).collect();
        instrument.filings = table.tables("report").into_iter().map(filing).collect();
        for clock in table.tables("clock") {
            self.class_references.extend(clock.texts("bodies").into_iter().map(|body| (body, Fact::Body)));
            instrument.clocks.extend(read_clock(clock));
        }
        if let Some(id) = &id {
            self.define("instrument", &id.value, &id.place, problems);
        }
        table.end();
        self.instruments.push(instrument);
    }

    pub(super) fn class(&mut self, table: Table<'_>, problems: &RefCell<Problems>) {
        let id = table.id();
        let of = table.required_word("of", Fact::ALL, Fact::word);
        let about = table.required("about").map(|a| a.value).unwrap_or_default();
        let within = table.texts("within");
        let contractor = table.flag("contractor");
        if let (Some(id), Some(of)) = (&id, of) {
            self.define("class", &id.value, &id.place, problems);
            self.class_references.extend(within.iter().map(|class| (class.clone(), of)));
            self.classes.push(Class { id: id.value.clone(), of, about, within: plain(within), contractor });
        }
        table.end();
    }

    pub(super) fn profile(&mut self, table: Table<'_>, problems: &RefCell<Problems>) {
        let id = table.id();
        let title = table.required("title").map(|t| t.value).unwrap_or_default();
        let instruments = table.texts("instruments");
        if let Some(id) = &id {
            self.members.extend(instruments.iter().map(|member| (id.value.clone(), member.clone())));
        }
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

impl Packs {
    /// Refuses a profile that includes itself, by whatever way.
    pub(super) fn check_circles(&self, problems: &mut Problems) {
        for (profile, member) in &self.members {
            let within = members(&self.profiles, &member.value);
            if within.contains(&profile.as_str()) {
                let message = format!("the profile `{profile}` includes itself");
                let label = format!("`{}` is or includes `{profile}`", member.value);
                problems.error(&member.place, "circular-profile", message, label);
            }
        }
    }
}

/// All that a profile includes, itself and other profiles with what they include.
pub(super) fn members<'a>(profiles: &'a [Profile], id: &'a str) -> Vec<&'a str> {
    reached(id, |id| {
        let named = profiles.iter().filter(|profile| profile.id == id);
        named.flat_map(|profile| &profile.instruments).map(String::as_str).collect()
    })
}

fn plain(texts: Vec<At<String>>) -> Vec<String> {
    texts.into_iter().map(|text| text.value).collect()
}

fn exception(table: Table<'_>) -> Option<Exception> {
    let words = table.required("words");
    let optional = |key| table.text(key).map(|t| t.value);
    let (approver, reported_to) = (optional("approver"), optional("reported-to"));
    let max_days = table.number("max-days");
    table.end();
    Some(Exception { words: words?.value, approver, reported_to, max_days })
}

fn filing(table: Table<'_>) -> Filing {
    let text = |key| table.required(key).map(|t| t.value).unwrap_or_default();
    let optional = |key| table.text(key).map(|t| t.value);
    let (name, to) = (text("name"), text("to"));
    let each = table.word("each", Each::ALL, Each::word).unwrap_or(Each::Report);
    let field = |field: Table<'_>| {
        let words = field.required("words").map(|w| w.value).unwrap_or_default();
        let fills = field.words("fills", Fill::ALL, Fill::word);
        for fill in fills.iter().filter(|fill| fill.of() != Each::Report && fill.of() != each) {
            let label = format!("the report needs `each = \"{}\"` for it", fill.of());
            let message = format!("`{fill}` is nothing that the report as a whole has");
            field.error(&field.place_of("fills"), "bad-fill", message, label);
        }
        field.end();
        Field { words, fills }
    };
    let fields = table.tables("fields").into_iter().map(field).collect();
    let by = optional("by").unwrap_or_else(|| "body that files it".to_owned());
    let (none, draft) = (optional("none"), optional("draft"));
    table.end();
    Filing { name, to, by, each, none, fields, draft }
}

/// A duty with its term: `on` a day, or a number of `days`, `business-days` or `hours` after a trigger.
fn read_clock(table: Table<'_>) -> Option<Clock> {
    let duty = table.required("duty").map(|d| d.value).unwrap_or_default();
    let number = |key| table.number(key).filter(|n| (0..=36_500).contains(n));
    let terms = [
        number("days").map(Term::Days),
        number("business-days").map(Term::BusinessDays),
        number("hours").map(Term::Hours),
        table.date("on").map(|day| Term::On(day.value)),
    ];
    let mut terms = terms.into_iter().flatten();
    let issued = table.date("issued").map(|day| Trigger::Issued(day.value));
    let from = table.word("from", Trigger::WORDS, |(word, _)| word).map(|(_, trigger)| trigger);
    let every_days = number("every-days").filter(|n| *n > 0);
    let bodies = plain(table.texts("bodies"));
    let (clause_from, clause_until) = (table.date("clause-from"), table.date("clause-until"));
    // Of terms and of triggers there is one; a day of the calendar is both.
    let counted = match (terms.next(), terms.next()) {
        (Some(Term::On(day)), None) if issued.or(from).is_none() => {
            Some((Term::On(day), Trigger::Issued(day)))
        }
        (Some(Term::On(_)) | None, _) | (_, Some(_)) => None,
        (Some(term), None) => issued.xor(from).map(|trigger| (term, trigger)),
    };
    if counted.is_none() {
        let label =
            "a clock has `on`, or one of `days`, `business-days`, `hours` and one of `issued`, `from`";
        table.error(&table.place, "bad-clock", "this is no term", label);
    }
    table.end();
    let clause = (clause_from.map(|d| d.value), clause_until.map(|d| d.value));
    let (term, trigger) = counted?;
    Some(Clock { duty, term, trigger, every_days, clause, bodies })
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
