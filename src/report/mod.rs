//! The answer, and the forms it is written in.
//!
//! A [`Report`] is made once, its verdict included; every format is a pure function of it (law 2).

mod csv;
mod cyclonedx;
mod each;
mod html;
mod intoto;
mod inventory;
mod json;
mod junit;
mod known;
mod markdown;
mod ndjson;
mod ocsf;
mod oscal;
mod paper;
pub mod remediation;
mod sarif;
mod spdx;
mod table;
pub mod template;

use std::io::{self, Write};

use jiff::Timestamp;
use jiff::civil::Date;

use crate::baseline::{Change, Comparison};
use crate::inventory::Inventory;
use crate::item::Item;
use crate::judge::{Judgment, Outcome, Ruling, RulingKind, Verdict};
use crate::organisation::Organisation;
use crate::recognise::{Finding, product_id};
use crate::rules::{PackRef, Protection, Removal, Rules};
use crate::sources::Depth;
use crate::text::Text;
use crate::waiver::Waived;

/// Who looked, when, how far, and by the law of which day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scan {
    /// When the scan began.
    pub started: Timestamp,
    /// When it ended.
    pub finished: Timestamp,
    /// The user it ran as.
    pub user: Option<Text>,
    /// Whether that user may see everything; unknown on some systems.
    pub elevated: Option<bool>,
    /// How far it went.
    pub depth: Depth,
    /// The day of the law.
    pub as_of: Date,
}

/// A finding with names and rulings.
#[derive(Debug, Clone)]
pub struct Reported {
    /// What was found.
    pub finding: Finding,
    /// The vendor's id.
    pub vendor: String,
    /// The vendor's name.
    pub vendor_name: String,
    /// The product's id.
    pub product: String,
    /// The product's name, or what stands for it.
    pub product_name: String,
    /// What the instruments say of it, strongest first.
    pub rulings: Vec<Ruling>,
    /// The tool by which its maker removes it.
    pub removal: Option<Removal>,
    /// What it protects the machine with.
    pub protects: Vec<Protection>,
}

impl Reported {
    /// The ruling that a reader must see first: the strongest that stands, and before what is only told that something
    /// is waived.
    #[must_use]
    pub fn weighs_most(&self) -> Option<RulingKind> {
        let strongest = self.rulings.first().map(|r| r.ruling)?;
        let is_waived = self.rulings.iter().any(|r| r.ruling == RulingKind::Excepted);
        Some(if is_waived && !strongest.stands() { RulingKind::Excepted } else { strongest })
    }
}

/// The whole answer.
#[derive(Debug, Clone)]
pub struct Report {
    /// The rule files it was judged by.
    pub rules: Vec<PackRef>,
    /// Those of them whose facts are older than the operator wants.
    pub old_rules: Vec<PackRef>,
    /// Who, when and how.
    pub scan: Scan,
    /// The verdict.
    pub verdict: Verdict,
    /// All verdicts that hold, strongest first.
    pub verdicts: Vec<Verdict>,
    /// What each instrument says.
    pub outcomes: Vec<Outcome>,
    /// Who uses the target.
    pub organisation: Organisation,
    /// What became of each waiver.
    pub waivers: Vec<Waived>,
    /// What was found, what weighs most first.
    pub findings: Vec<Reported>,
    /// What was seen.
    pub inventory: Inventory,
    /// Whether the items are written too.
    pub with_items: bool,
    /// Whether the table shows all evidence, and what removes a finding.
    pub verbose: bool,
    /// What changed since an earlier report; none, if none was given.
    pub baseline: Option<Comparison>,
}

impl Report {
    /// Puts the answer together.
    #[must_use]
    pub fn new(
        rules: &Rules,
        scan: Scan,
        inventory: Inventory,
        findings: Vec<Finding>,
        judgment: Judgment,
        organisation: Organisation,
    ) -> Self {
        let named = |(finding, rulings): (Finding, Vec<Ruling>)| {
            let vendor = rules.vendors.get(finding.vendor);
            let product = finding.product.and_then(|p| vendor?.products.get(p));
            let vendor_name = vendor.map(|v| v.name.clone()).unwrap_or_default();
            Reported {
                vendor: vendor.map(|v| v.id.clone()).unwrap_or_default(),
                product: product_id(rules, finding.vendor, finding.product).to_owned(),
                product_name: product
                    .map_or_else(|| format!("software by {vendor_name}"), |p| p.name.clone()),
                removal: product.and_then(|p| p.removal.clone()).or_else(|| vendor?.removal.clone()),
                protects: product.map(|p| p.protects.clone()).unwrap_or_default(),
                vendor_name,
                finding,
                rulings,
            }
        };
        let findings: Vec<Reported> = findings.into_iter().zip(judgment.rulings).map(named).collect();
        let mut report = Self {
            rules: rules.packs.clone(),
            old_rules: Vec::new(),
            scan,
            verdict: judgment.verdict,
            verdicts: judgment.verdicts,
            outcomes: judgment.outcomes,
            organisation,
            waivers: judgment.waivers,
            findings,
            inventory,
            with_items: true,
            verbose: false,
            baseline: None,
        };
        report.sort();
        report
    }

    /// Puts items and findings in their order, which that of the items must follow.
    pub(crate) fn sort(&mut self) {
        let items = &mut self.inventory.items;
        let mut order: Vec<usize> = (0..items.len()).collect();
        order.sort_by(|a, b| items.get(*a).map(Item::order).cmp(&items.get(*b).map(Item::order)));
        let mut moved: Vec<usize> = vec![0; order.len()];
        for (to, from) in order.iter().enumerate() {
            moved.get_mut(*from).into_iter().for_each(|at| *at = to);
        }
        let mut old: Vec<Option<Item>> = std::mem::take(items).into_iter().map(Some).collect();
        items.extend(order.iter().filter_map(|from| old.get_mut(*from)?.take()));
        for evidence in self.findings.iter_mut().flat_map(|f| &mut f.finding.evidence) {
            evidence.item = moved.get(evidence.item).copied().unwrap_or(evidence.item);
        }
        self.findings.sort_by_key(|f| {
            let ruling = f.rulings.first().map(|r| r.ruling);
            (ruling.is_none(), ruling, f.finding.state, f.finding.strength, f.finding.id.clone())
        });
    }

    /// What became of a finding since the earlier report, if there is one, and what of it is another one.
    #[must_use]
    pub fn change(&self, reported: &Reported) -> Option<(Change, &[String])> {
        let (change, other) = self.baseline.as_ref()?.changes.get(&reported.finding.id)?;
        Some((*change, other))
    }

    /// What a reader must know of the rules, and of an earlier report, before relying on the answer.
    pub fn warnings(&self) -> impl Iterator<Item = String> {
        let old = self.old_rules.iter().map(|pack| {
            let day = pack.as_of.map(|day| day.to_string()).unwrap_or_default();
            format!("the rules of {} were checked on {day}; what was banned since is not in them", pack.id)
        });
        old.chain(self.baseline.iter().flat_map(|b| b.warnings.clone()))
    }

    /// The exit code, when the verdicts in `accepted` are dropped.
    #[must_use]
    pub fn exit_code(&self, accepted: &[Verdict]) -> u8 {
        self.verdicts.iter().find(|v| !accepted.contains(v)).copied().unwrap_or(Verdict::Clean).exit_code()
    }
}

/// How a format for people is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    /// Columns.
    pub width: usize,
    /// Whether colours may be used.
    pub colour: bool,
}

/// A form of the report.
pub struct Format {
    /// Its name on the command line.
    pub id: &'static str,
    /// What it is, in a few words.
    pub about: &'static str,
    /// The ending of its files.
    pub extension: &'static str,
    /// Writes a report.
    pub write: fn(&Report, Style, &mut dyn Write) -> io::Result<()>,
}

/// Every form of the report.
pub const FORMATS: &[Format] = &[
    csv::FORMAT,
    cyclonedx::FORMAT,
    html::FORMAT,
    intoto::FORMAT,
    json::FORMAT,
    junit::FORMAT,
    markdown::FORMAT,
    ndjson::FORMAT,
    ocsf::FORMAT,
    oscal::ar::FORMAT,
    oscal::poam::FORMAT,
    sarif::FORMAT,
    spdx::FORMAT,
    table::FORMAT,
    template::FORMAT,
];

/// A form of an inventory, without any judgment.
pub struct ListFormat {
    /// Its name on the command line.
    pub id: &'static str,
    /// What it is, in a few words.
    pub about: &'static str,
    /// The ending of its files.
    pub extension: &'static str,
    /// Writes an inventory.
    pub write: fn(&Inventory, &Scan, Style, &mut dyn Write) -> io::Result<()>,
}

/// Every form of an inventory.
pub const LIST_FORMATS: &[ListFormat] = inventory::FORMATS;
