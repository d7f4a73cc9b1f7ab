//! Rule files read into vendors, instruments and profiles.
//!
//! All problems of all files are collected: a key that is not known, a value of the wrong type, a date that is none, a
//! pattern that would match everything, an id used twice or never defined, a built-in signature without its proof.

use std::cell::RefCell;
use std::collections::BTreeMap;

use jiff::civil::Date;
use toml::de::DeTable;

use super::document::{At, Table, nearest};
use super::instrument::{Class, Fact, Instrument, Profile};
use super::normal;
use super::problem::{Place, Problems, RuleFile};
use super::vendor::{Example, Expect, Product, Protection, Removal, Signature, Strength, Trait, Vendor};
use crate::item::Kind;

/// Letters and digits that a pattern with a wildcard must have, so that it cannot match everything; a letter beyond
/// ASCII says as much as two.
const MIN_LETTERS: usize = 3;

/// Characters of a day.
const DAY: usize = 10;

/// What findings that only name a vendor are called.
pub(crate) const MENTION: &str = "mention";
/// Characters of one value; no name of a maker or a product comes near.
const MAX_PATTERN: usize = 500;

/// What the rule files say.
#[derive(Debug, Default)]
pub(super) struct Packs {
    pub(super) vendors: Vec<Vendor>,
    pub(super) signatures: Vec<Signature>,
    pub(super) examples: Vec<Example>,
    pub(super) instruments: Vec<Instrument>,
    pub(super) classes: Vec<Class>,
    pub(super) profiles: Vec<Profile>,
    /// What each file says of itself.
    pub(super) heads: Vec<Head>,
    /// Where each signature and example stands, for the proof.
    pub(super) signature_places: Vec<Place>,
    pub(super) example_places: Vec<Place>,
    pub(super) ids: BTreeMap<(&'static str, String), Place>,
    pub(super) references: Vec<(At<String>, &'static str)>,
    /// What each profile includes, as it is written.
    pub(super) members: Vec<(String, At<String>)>,
    pub(super) class_references: Vec<(At<String>, Fact)>,
}

/// What a rule file says of itself.
#[derive(Debug, Default)]
pub(super) struct Head {
    pub(super) version: String,
    /// The day to which its facts were checked: that of the version, where no other is stated.
    pub(super) as_of: Option<Date>,
    pub(super) about: Option<String>,
}

impl Head {
    fn read(root: &Table<'_>) -> Self {
        let version = root.text("version").map(|v| v.value).unwrap_or_default();
        let day = version.parse().ok().filter(|_| version.len() == DAY);
        let as_of = root.date("as_of").map(|day| day.value).or(day);
        Self { version, as_of, about: root.text("about").map(|a| a.value) }
    }
}

/// Reads rule files, which may name what others define that stand beside them.
pub(super) fn read(files: &[RuleFile], beside: &Packs) -> (Packs, Problems) {
    let problems = RefCell::new(Problems::default());
    let mut packs = Packs::default();
    let mut all_toml = true;
    for (number, file) in files.iter().enumerate() {
        let (document, errors) = DeTable::parse_recoverable(&file.text);
        for error in &errors {
            let span = error.span().unwrap_or_default();
            let place = Place { file: number, span };
            problems.borrow_mut().error(&place, "toml", "this is not TOML", error.message());
        }
        // After a syntax error the rest of the document is a guess.
        if !errors.is_empty() {
            all_toml = false;
            packs.heads.push(Head::default());
            continue;
        }
        let place = Place { file: number, span: 0..0 };
        let root = Table::new(document.get_ref(), place, &problems);
        packs.heads.push(Head::read(&root));
        for table in root.tables("vendor") {
            packs.vendor(table, files, &problems);
        }
        for table in root.tables("instrument") {
            packs.instrument(table, &problems);
        }
        for table in root.tables("class") {
            packs.class(table, &problems);
        }
        for table in root.tables("profile") {
            packs.profile(table, &problems);
        }
        root.end();
        if !["vendor", "instrument", "class", "profile"]
            .iter()
            .any(|key| document.get_ref().contains_key(*key))
        {
            let (message, label) =
                ("this file defines nothing", "expected `[[vendor]]`, `[[instrument]]` or `[[profile]]`");
            problems.borrow_mut().lack(
                files,
                &Place { file: number, span: 0..0 },
                "nothing-defined",
                message,
                label,
            );
        }
    }
    if all_toml {
        packs.check_references(beside, &mut problems.borrow_mut());
        packs.check_circles(&mut problems.borrow_mut());
    }
    (packs, problems.into_inner())
}

impl Packs {
    /// Takes an id, unless it is taken.
    pub(super) fn define(
        &mut self,
        what: &'static str,
        id: &str,
        place: &Place,
        problems: &RefCell<Problems>,
    ) {
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
            check_pattern(Trait::Name, &table, pattern);
        }
        let mut vendor = Vendor {
            id: id.as_ref().map(|i| i.value.clone()).unwrap_or_default(),
            name: name.map(|n| n.value).unwrap_or_default(),
            note: table.text("note").map(|n| n.value),
            brand: brand.into_iter().map(|b| b.value).collect(),
            products: Vec::new(),
            removal: removal(table.table("removal"), files, problems),
            builtin,
        };
        if let Some(id) = &id {
            self.define("vendor", &id.value, &id.place, problems);
        }
        let before = self.signatures.len();
        self.signatures_of(&table, number, None, files, problems);
        for product in table.tables("product") {
            let (product_id, product_name) = (product.id(), product.required("name"));
            let at = vendor.products.len();
            if let (Some(vendor), Some(id)) = (&id, &product_id) {
                if id.value == vendor.value || id.value == MENTION {
                    let message = format!("a product cannot be called `{}`", id.value);
                    product.error(&id.place, "taken-id", message, "this stands for what is not told apart");
                }
                self.define("product", &format!("{}/{}", vendor.value, id.value), &id.place, problems);
            }
            vendor.products.push(Product {
                id: product_id.map(|i| i.value).unwrap_or_default(),
                name: product_name.map(|n| n.value).unwrap_or_default(),
                note: product.text("note").map(|n| n.value),
                removal: removal(product.table("removal"), files, problems),
                protects: product.words("protects", Protection::ALL, Protection::word),
            });
            self.signatures_of(&product, number, Some(at), files, problems);
            product.end();
        }
        for example in table.tables("example") {
            self.example(example, number);
        }
        if self.signatures.len() == before {
            let label = "expected at least one trait, as in `publisher = [\"…\"]`";
            let message = "this vendor has no trait, so it is never recognised";
            problems.borrow_mut().lack(files, &table.place, "no-trait", message, label);
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

    /// Takes ids of vendors and products that must be defined somewhere.
    pub(super) fn refer(&mut self, names: Vec<At<String>>) -> Vec<String> {
        let what = |name: &str| if name.contains('/') { "product" } else { "vendor" };
        self.references.extend(names.iter().map(|n| (n.clone(), what(&n.value))));
        names.into_iter().map(|n| n.value).collect()
    }

    fn check_references(&self, beside: &Self, problems: &mut Problems) {
        for (name, what) in &self.references {
            let key = (*what, name.value.clone());
            if self.ids.contains_key(&key) || beside.ids.contains_key(&key) {
                continue;
            }
            let known = self
                .ids
                .keys()
                .chain(beside.ids.keys())
                .filter(|(w, _)| w == what)
                .map(|(_, id)| id.as_str());
            let label = nearest(&name.value, known).map_or_else(
                || format!("no {what} of this id is defined in the rule files"),
                |near| format!("did you mean `{near}`?"),
            );
            problems.error(&name.place, "unknown-id", format!("there is no {what} `{}`", name.value), label);
        }
        for (name, of) in &self.class_references {
            let classes = || self.classes.iter().chain(&beside.classes);
            let known = || classes().filter(|class| class.of == *of).map(|class| class.id.as_str());
            if known().any(|id| id == name.value) {
                continue;
            }
            let label = nearest(&name.value, known()).map_or_else(
                || format!("no class of {of} of this id is defined in the rule files"),
                |near| format!("did you mean `{near}`?"),
            );
            problems.error(&name.place, "unknown-id", format!("there is no {of} `{}`", name.value), label);
        }
    }
}

/// The tool of a maker; one that nobody has published does not ship.
fn removal(table: Option<Table<'_>>, files: &[RuleFile], problems: &RefCell<Problems>) -> Option<Removal> {
    let table = table?;
    let words = table.required("words");
    let source = table.text("source").map(|s| s.value);
    if source.is_none() {
        let label = "expected `source = \"…\"`, the place where it was published";
        problems.borrow_mut().lack(files, &table.place, "no-proof", "this tool lacks a source", label);
    }
    table.end();
    Some(Removal { words: words?.value, source })
}

/// A signature as a plain list makes it.
fn plain(on: Trait, table: &Table<'_>) -> Signature {
    let values = table.texts(on.word());
    if table.is_empty_list(on.word()) {
        let (place, message) = (table.place_of(on.word()), format!("`{}` lists nothing", on.word()));
        table.error(&place, "empty-value", message, "expected at least one value");
    }
    for value in &values {
        check_pattern(on, table, value);
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

/// Refuses a pattern that would match everything, or that takes long to compile.
fn check_pattern(on: Trait, table: &Table<'_>, pattern: &At<String>) {
    if pattern.value.chars().count() > MAX_PATTERN {
        let label = format!("names have at most {MAX_PATTERN} characters here");
        table.error(&pattern.place, "too-long", "this value is too long", label);
    }
    // What does not count in a comparison makes nothing narrower.
    let compared = normal::normal(on, &pattern.value);
    if compared.is_empty() {
        let label = "write at least one letter or digit";
        table.error(&pattern.place, "empty-value", format!("`{}` names nothing", pattern.value), label);
    }
    if !normal::has_wildcard(&compared) {
        return;
    }
    let letters = compared.chars().filter(|c| c.is_alphanumeric()).map(|c| 1 + usize::from(!c.is_ascii()));
    if letters.sum::<usize>() < MIN_LETTERS {
        let message = format!("the pattern `{}` is too broad", pattern.value);
        let label = format!("would match almost everything; write at least {MIN_LETTERS} letters or digits");
        table.error(&pattern.place, "too-broad", message, label);
    }
}
