//! Rule files read into vendors, instruments and profiles.
//!
//! All problems of all files are collected: a key that is not known, a value of the wrong type, a date that is none, a
//! pattern that would match everything, an id used twice or never defined, a built-in signature without its proof.

use std::cell::RefCell;
use std::collections::BTreeMap;

use toml::de::DeTable;

use super::document::{At, Table, nearest};
use super::instrument::{Clock, Force, Instrument, Mark, Profile, Scope, Status};
use super::normal;
use super::problem::{Place, Problems, RuleFile};
use super::vendor::{Example, Expect, Product, Signature, Strength, Trait, Vendor};
use crate::item::Kind;

/// Letters and digits that a pattern with a wildcard must have, so that it cannot match everything; a letter beyond
/// ASCII says as much as two.
const MIN_LETTERS: usize = 3;

/// What the rule files say.
#[derive(Debug, Default)]
pub(super) struct Packs {
    pub(super) vendors: Vec<Vendor>,
    pub(super) signatures: Vec<Signature>,
    pub(super) examples: Vec<Example>,
    pub(super) instruments: Vec<Instrument>,
    pub(super) profiles: Vec<Profile>,
    /// The version each file states, by number of the file.
    pub(super) versions: BTreeMap<usize, String>,
    /// Where each signature and example stands, for the proof.
    pub(super) signature_places: Vec<Place>,
    pub(super) example_places: Vec<Place>,
    ids: BTreeMap<(&'static str, String), Place>,
    references: Vec<(At<String>, &'static str)>,
}

pub(super) fn read(files: &[RuleFile]) -> (Packs, Problems) {
    let problems = RefCell::new(Problems::default());
    let mut packs = Packs::default();
    for (number, file) in files.iter().enumerate() {
        let (document, errors) = DeTable::parse_recoverable(&file.text);
        for error in &errors {
            let span = error.span().unwrap_or_default();
            let place = Place { file: number, span };
            problems.borrow_mut().error(&place, "toml", "this is not TOML", error.message());
        }
        let place = Place { file: number, span: 0..0 };
        let root = Table::new(document.get_ref(), place, &problems);
        if let Some(version) = root.text("version") {
            packs.versions.insert(number, version.value);
        }
        for table in root.tables("vendor") {
            packs.vendor(table, files, &problems);
        }
        for table in root.tables("instrument") {
            packs.instrument(table, &problems);
        }
        for table in root.tables("profile") {
            packs.profile(table, &problems);
        }
        // After a syntax error the rest of the document is a guess.
        if errors.is_empty() {
            root.end();
        }
    }
    packs.check_references(&mut problems.borrow_mut());
    (packs, problems.into_inner())
}

impl Packs {
    /// Takes an id, unless it is taken.
    fn define(&mut self, what: &'static str, id: &str, place: &Place, problems: &RefCell<Problems>) {
        match self.ids.get(&(what, id.to_owned())) {
            Some(first) => problems.borrow_mut().twice(place, first, what, id),
            None => {
                self.ids.insert((what, id.to_owned()), place.clone());
            }
        }
    }

    fn vendor(&mut self, table: Table<'_>, files: &[RuleFile], problems: &RefCell<Problems>) {
        let (id, name) = (table.id(), table.required("name"));
        let number = self.vendors.len();
        let builtin = files.get(table.place.file).is_some_and(|f| f.builtin);
        let brand = table.texts("brand");
        for pattern in &brand {
            check_pattern(&table, pattern);
        }
        let mut vendor = Vendor {
            id: id.as_ref().map(|i| i.value.clone()).unwrap_or_default(),
            name: name.map(|n| n.value).unwrap_or_default(),
            note: table.text("note").map(|n| n.value),
            brand: brand.into_iter().map(|b| b.value).collect(),
            products: Vec::new(),
            builtin,
        };
        if let Some(id) = &id {
            self.define("vendor", &id.value, &id.place, problems);
        }
        self.signatures_of(&table, number, None, files, problems);
        for product in table.tables("product") {
            let (product_id, product_name) = (product.id(), product.required("name"));
            let at = vendor.products.len();
            if let (Some(vendor), Some(id)) = (&id, &product_id) {
                self.define("product", &format!("{}/{}", vendor.value, id.value), &id.place, problems);
            }
            vendor.products.push(Product {
                id: product_id.map(|i| i.value).unwrap_or_default(),
                name: product_name.map(|n| n.value).unwrap_or_default(),
                note: product.text("note").map(|n| n.value),
            });
            self.signatures_of(&product, number, Some(at), files, problems);
            product.end();
        }
        for example in table.tables("example") {
            self.example(example, number);
        }
        table.end();
        self.vendors.push(vendor);
    }

    /// The signatures of a vendor or product: plain lists under a trait's name, and `[[…signature]]` tables.
    fn signatures_of(
        &mut self,
        table: &Table<'_>,
        vendor: usize,
        product: Option<usize>,
        files: &[RuleFile],
        problems: &RefCell<Problems>,
    ) {
        for on in Trait::all() {
            if table.has(on.word()) {
                let mut signature = plain(on, table);
                (signature.vendor, signature.product) = (vendor, product);
                self.push_signature(signature, &table.place_of(on.word()), files, problems);
            }
        }
        for row in table.tables("signature") {
            let mut on = Trait::all().filter(|t| row.has(t.word()));
            match (on.next(), on.next()) {
                (Some(on), None) => {
                    let mut signature = plain(on, &row);
                    (signature.vendor, signature.product) = (vendor, product);
                    let weak = row.text("strength").filter(|s| s.value == "weak");
                    signature.strength = match weak {
                        Some(_) => None,
                        None => row.word("strength", Strength::ALL, Strength::word).or(Some(on.ceiling())),
                    };
                    signature.contested = row.flag("contested");
                    signature.component = row.flag("component");
                    signature.kinds = row.words("kinds", Kind::ALL, Kind::word);
                    signature.source = row.text("source").map(|s| s.value);
                    signature.hit = row.texts("hit").into_iter().map(|t| t.value).collect();
                    signature.miss = row.texts("miss").into_iter().map(|t| t.value).collect();
                    let place = row.place_of(on.word());
                    row.end();
                    self.push_signature(signature, &place, files, problems);
                }
                (None, _) => {
                    let words: Vec<_> = Trait::all().map(Trait::word).collect();
                    let label = format!("this needs one of: {}", words.join(", "));
                    row.error(&row.place, "missing-key", "a signature says what it looks at", label);
                    row.end();
                }
                (Some(_), Some(second)) => {
                    let label = format!("`{}` belongs into a signature of its own", second.word());
                    row.error(&row.place, "two-traits", "a signature looks at one trait", label);
                }
            }
        }
    }

    fn push_signature(
        &mut self,
        signature: Signature,
        place: &Place,
        files: &[RuleFile],
        problems: &RefCell<Problems>,
    ) {
        let mut lacks = Vec::new();
        if signature.source.is_none() {
            lacks.push("a source");
        }
        if signature.hit.is_empty() || signature.miss.is_empty() {
            lacks.push("examples");
        }
        if !lacks.is_empty() {
            let message = format!("this signature lacks {}", lacks.join(" and "));
            let label = "a `signature` table says them: `source = \"…\"`, `hit = [\"…\"]`, `miss = [\"…\"]`";
            problems.borrow_mut().lack(files, place, "no-proof", &message, label);
        }
        self.signatures.push(signature);
        self.signature_places.push(place.clone());
    }

    fn example(&mut self, table: Table<'_>, vendor: usize) {
        let item = table.map("item");
        if item.is_none() {
            table.error(&table.place, "missing-key", "`item` is missing", "this needs `item = { … }`");
        }
        let expect = table.word("expect", Expect::ALL, Expect::word);
        if !table.has("expect") {
            table.error(&table.place, "missing-key", "`expect` is missing", "this needs `expect = \"…\"`");
        }
        let product = table.text("product").map(|p| p.value);
        if let (Some(item), Some(expect)) = (item, expect) {
            self.examples.push(Example { vendor, item, expect, product });
            self.example_places.push(table.place.clone());
        }
        table.end();
    }

    fn instrument(&mut self, table: Table<'_>, problems: &RefCell<Problems>) {
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
            force: table.word("force", Force::ALL, Force::word).unwrap_or(Force::UseBan),
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

    fn profile(&mut self, table: Table<'_>, problems: &RefCell<Problems>) {
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

    /// Takes ids of vendors and products that must be defined somewhere.
    fn refer(&mut self, names: Vec<At<String>>) -> Vec<String> {
        let what = |name: &str| if name.contains('/') { "product" } else { "vendor" };
        self.references.extend(names.iter().map(|n| (n.clone(), what(&n.value))));
        names.into_iter().map(|n| n.value).collect()
    }

    fn check_references(&self, problems: &mut Problems) {
        for (name, what) in &self.references {
            if self.ids.contains_key(&(*what, name.value.clone())) {
                continue;
            }
            let known = self.ids.keys().filter(|(w, _)| w == what).map(|(_, id)| id.as_str());
            let label = nearest(&name.value, known).map_or_else(
                || format!("no {what} of this id is defined in the rule files"),
                |near| format!("did you mean `{near}`?"),
            );
            problems.error(&name.place, "unknown-id", format!("there is no {what} `{}`", name.value), label);
        }
    }
}

/// A signature as a plain list makes it.
fn plain(on: Trait, table: &Table<'_>) -> Signature {
    let values = table.texts(on.word());
    if values.is_empty() {
        table.error(
            &table.place,
            "empty-value",
            format!("`{}` lists nothing", on.word()),
            "expected at least one value",
        );
    }
    for value in &values {
        check_pattern(table, value);
    }
    // What a person writes down stands alone; the kind of trait sets the most it can show.
    let strength = on.ceiling().max(Strength::Likely);
    Signature {
        vendor: 0,
        product: None,
        on,
        values: values.into_iter().map(|v| v.value).collect(),
        strength: Some(strength),
        contested: false,
        component: false,
        kinds: Vec::new(),
        source: None,
        hit: Vec::new(),
        miss: Vec::new(),
    }
}

/// Refuses a pattern that would match everything.
fn check_pattern(table: &Table<'_>, pattern: &At<String>) {
    if !normal::has_wildcard(&pattern.value) {
        return;
    }
    let letters =
        pattern.value.chars().filter(|c| c.is_alphanumeric()).map(|c| 1 + usize::from(!c.is_ascii()));
    if letters.sum::<usize>() < MIN_LETTERS {
        let message = format!("the pattern `{}` is too broad", pattern.value);
        let label = format!("would match almost everything; write at least {MIN_LETTERS} letters or digits");
        table.error(&pattern.place, "too-broad", message, label);
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
    if instrument.sources.is_empty() {
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
    if instrument.phases.is_empty() {
        table.error(&table.place, "missing-key", "`phase` is missing", "this needs `[[instrument.phase]]`");
    }
}
