//! What rules cost as they grow: loading, and matching an item (`cargo bench --bench rules`).
//!
//! DESIGN's budget: matching does not grow with the number of rules. Sets of 10 to 100,000 signatures of all forms are
//! laid over the same items, in turn; the shortest of several runs is compared, because what else a machine does only
//! makes a run longer. The built-in rules must load within 20 ms.
#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    missing_docs,
    reason = "a benchmark reads the clock, prints what it measured and fails by panicking"
)]

use std::fmt::Write;
use std::hint::black_box;
use std::time::{Duration, Instant};

use interdict::item::{IdKind, Item, Kind};
use interdict::rules::{RuleFile, Rules};
use interdict::text::Text;

const SIZES: [usize; 3] = [10, 1_000, 100_000];
const ITEMS: usize = 20_000;
const RUNS: usize = 5;
/// An item's cost at the largest size, in times of that at the smallest.
const GROWTH: f64 = 2.0;
/// The time that the built-in rules may take to load.
const LOADING: Duration = Duration::from_millis(20);

/// Numbers that look random and are the same in every run (a linear congruential generator, Knuth's constants).
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % end
    }

    /// One of two thousand words, so that rules and items share many.
    fn word(&mut self) -> String {
        const PARTS: [&str; 13] =
            ["ka", "sper", "lo", "mi", "tra", "ne", "vo", "shu", "qi", "ber", "do", "ant", "is"];
        (0..3).map(|_| PARTS[self.below(PARTS.len())]).collect()
    }

    fn name(&mut self) -> String {
        let version = self.below(1000);
        format!("{} {} {version}", self.word(), self.word())
    }
}

/// A rule file of so many signatures: exact names, patterns with `*` behind, before, and both, identifiers and paths.
fn rule_file(signatures: usize) -> (RuleFile, Vec<String>) {
    let (mut random, mut text, mut names) = (Random(1), String::new(), Vec::new());
    for number in 0..signatures {
        if number.is_multiple_of(10) {
            let brand = random.name();
            writeln!(text, "[[vendor]]\nid = \"v{number}\"\nname = \"{brand}\"\nbrand = [\"*{brand}*\"]")
                .unwrap();
        }
        let name = random.name();
        let (on, value) = match number % 10 {
            0 => ("publisher", format!("{name} Co., Ltd.")),
            1 => ("signer", format!("{name} Inc.")),
            2 => ("publisher", format!("{name}*")),
            3 => ("signer", format!("{name}*")),
            4 => ("name-match", format!("*{name}")),
            5 => ("name-match", format!("*{name}*")),
            6 => ("product-code", format!("{{{number:08X}-0000-4000-8000-{number:012X}}}")),
            7 => ("bundle-id", format!("com.{}*", name.replace(' ', "."))),
            8 => ("path", format!("/opt/{name}")),
            _ => ("path", format!("C:\\\\Users\\\\*\\\\AppData\\\\{name}*")),
        };
        writeln!(text, "[[vendor.signature]]\n{on} = [\"{value}\"]").unwrap();
        names.push(name);
    }
    (RuleFile { path: "generated.toml".to_owned(), text, builtin: false }, names)
}

/// Items, of which one in a hundred is called as a rule names it.
fn items(of_rules: &[String]) -> Vec<Item> {
    let mut random = Random(2);
    let mut item = |number: usize| {
        let kinds = [Kind::Package, Kind::Application, Kind::Process, Kind::File];
        let named = number.is_multiple_of(100).then(|| of_rules[number / 100 % of_rules.len()].clone());
        let name = named.unwrap_or_else(|| random.name());
        let mut item = Item::new(kinds[number % kinds.len()], name.as_str().into(), Text::default());
        item.publisher = Some(format!("{} Corporation", random.name()).into());
        item.signer = number.is_multiple_of(3).then(|| format!("{} LLC", random.name()).into());
        item.ids.insert(IdKind::ProductCode, format!("{{{number:08X}-1}}").into());
        item.ids.insert(IdKind::BundleId, format!("com.{}.app", name.replace(' ', ".")).into());
        let path = if number.is_multiple_of(2) {
            format!("/usr/lib/{name}/{}/bin/tool", random.word())
        } else {
            format!("C:\\Users\\ann\\AppData\\{name}\\{}\\tool.exe", random.word())
        };
        item.paths = vec![path.into()];
        item
    };
    (0..ITEMS).map(&mut item).collect()
}

fn main() {
    let mut least = Duration::MAX;
    for _ in 0..RUNS {
        let start = Instant::now();
        black_box(Rules::load(&[], true, false).unwrap());
        least = least.min(start.elapsed());
    }
    println!("built-in rules: loaded in {:.1} ms (budget {} ms)", millis(least), LOADING.as_millis());
    let start = Instant::now();
    black_box(Rules::proven(&[], false).unwrap());
    println!("built-in rules: loaded and proven in {:.1} ms", millis(start.elapsed()));

    let mut names = Vec::new();
    let sets = SIZES.map(|size| {
        let (file, of_set) = rule_file(size);
        if size == SIZES[0] {
            names = of_set;
        }
        let start = Instant::now();
        let rules = Rules::of(std::slice::from_ref(&file), false).unwrap();
        println!("{size} signatures: loaded in {:.1} ms", millis(start.elapsed()));
        rules
    });
    let items = items(&names);
    let mut costs = [Duration::MAX; SIZES.len()];
    let mut found = [0; SIZES.len()];
    for _ in 0..RUNS {
        for ((rules, cost), found) in sets.iter().zip(&mut costs).zip(&mut found) {
            let start = Instant::now();
            let of = |item: &Item| {
                rules.matcher.hits(&rules.signatures, item).len() + rules.matcher.brands(item).len()
            };
            *found = items.iter().map(of).sum();
            *cost = start.elapsed().min(*cost);
        }
    }
    let an_item = |cost: &Duration| cost.as_secs_f64() * 1e6 / ITEMS as f64;
    for ((size, cost), found) in SIZES.iter().zip(&costs).zip(found) {
        println!("{size} signatures: {:.2} µs an item, {found} matches in {ITEMS} items", an_item(cost));
    }
    let growth = an_item(&costs[SIZES.len() - 1]) / an_item(&costs[0]);
    println!("an item costs {growth:.2} times as much at the largest as at the smallest (budget {GROWTH})");
    assert!(growth <= GROWTH && least <= LOADING, "over budget");
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
