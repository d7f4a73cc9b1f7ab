//! What the law says of what was found: a ruling for each finding under each instrument, and the verdict.

use jiff::civil::Date;

use crate::inventory::Inventory;
use crate::item::State;
use crate::recognise::{Evidence, Finding, product_id};
use crate::rules::{Force, Instrument, LOCAL_POLICY, Rules, Scope, Status, Strength, names};
use crate::text::Text;
use crate::word::words;

words! {
    /// What an instrument says of a finding, strongest first.
    RulingKind {
        /// It must not be there.
        Prohibited = "prohibited",
        /// A person must look, because it is not sure.
        Review = "review",
        /// It shows that something banned is likely there.
        Indicator = "indicator",
        /// It is told, and nothing forbids it.
        Advisory = "advisory",
        /// The instrument excludes it in so many words.
        Excluded = "excluded",
        /// It is waived.
        Excepted = "excepted",
    }
}

words! {
    /// The answer, in the order in which one outweighs another.
    Verdict {
        /// Something that is prohibited was found.
        Prohibited = "prohibited",
        /// Something could not be looked at.
        Incomplete = "incomplete",
        /// A person must look at something.
        Review = "review",
        /// Nothing was found within the coverage.
        Clean = "clean",
    }
}

impl Verdict {
    /// The exit code.
    #[must_use]
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Clean => 0,
            Self::Prohibited => 1,
            Self::Incomplete => 3,
            Self::Review => 4,
        }
    }
}

/// What one instrument says of one finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ruling {
    /// The instrument's id.
    pub instrument: String,
    /// What it says.
    pub ruling: RulingKind,
    /// The words and facts that decide.
    pub reason: String,
    /// The day by which the instrument asks for something.
    pub due: Option<Date>,
}

/// What one instrument says of all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The instrument's id.
    pub id: String,
    /// Its title.
    pub title: String,
    /// How it is cited.
    pub citation: String,
    /// Where it stands on the day of the law.
    pub status: Status,
    /// The day on which that changes next, and to what.
    pub next: Option<(Date, Status)>,
    /// What is taken for true because nobody said otherwise.
    pub assumed: Option<String>,
    /// Its verdict.
    pub verdict: Verdict,
}

/// The judgment of a scan.
#[derive(Debug, Clone)]
pub struct Judgment {
    /// Rulings, a list a finding.
    pub rulings: Vec<Vec<Ruling>>,
    /// Each chosen instrument.
    pub outcomes: Vec<Outcome>,
    /// The verdict of the whole.
    pub verdict: Verdict,
    /// The verdicts that hold beside it, strongest first.
    pub verdicts: Vec<Verdict>,
}

/// Judges findings by instruments as of a day; `assume` names proposed ones that count as passed.
#[must_use]
pub fn judge(
    rules: &Rules,
    chosen: &[&Instrument],
    findings: &[Finding],
    inventory: &Inventory,
    as_of: Date,
    assume: &[String],
) -> Judgment {
    let rule = |finding: &Finding| {
        // A part that is excluded must not hide a program that may run: the strongest of what each piece of evidence
        // is by itself counts.
        let mut shown: Vec<Shown<'_>> = finding.evidence.iter().map(Shown::of).collect();
        shown.sort();
        shown.dedup();
        let strongest = |instrument: &&Instrument| {
            let each =
                shown.iter().filter_map(|shown| ruling(rules, instrument, finding, *shown, as_of, assume));
            each.min_by_key(|ruling| ruling.ruling)
        };
        let mut rulings: Vec<Ruling> = chosen.iter().filter_map(strongest).collect();
        rulings.sort_by(|a, b| (a.ruling, &a.instrument).cmp(&(b.ruling, &b.instrument)));
        rulings
    };
    let rulings: Vec<Vec<Ruling>> = findings.iter().map(rule).collect();
    let incomplete = inventory.is_incomplete();
    let verdicts = |of: &dyn Fn(&Ruling) -> bool| {
        let found =
            |wanted: &[RulingKind]| rulings.iter().flatten().any(|r| of(r) && wanted.contains(&r.ruling));
        let all = [
            (found(&[RulingKind::Prohibited]), Verdict::Prohibited),
            (incomplete, Verdict::Incomplete),
            (found(&[RulingKind::Review, RulingKind::Indicator]), Verdict::Review),
            (true, Verdict::Clean),
        ];
        all.into_iter().filter(|(holds, _)| *holds).map(|(_, verdict)| verdict).collect::<Vec<_>>()
    };
    let strongest = |verdicts: &[Verdict]| verdicts.first().copied().unwrap_or(Verdict::Clean);
    let outcome = |instrument: &&Instrument| Outcome {
        id: instrument.id.clone(),
        title: instrument.title.clone(),
        citation: instrument.citation.clone(),
        status: instrument.status(as_of),
        next: instrument.next_change(as_of),
        assumed: (instrument.id != LOCAL_POLICY)
            .then(|| format!("this machine is used by or for {}", instrument.binds)),
        verdict: strongest(&verdicts(&|r: &Ruling| r.instrument == instrument.id)),
    };
    let outcomes = chosen.iter().map(outcome).collect();
    let verdicts = verdicts(&|_| true);
    Judgment { verdict: strongest(&verdicts), verdicts, outcomes, rulings }
}

/// What a piece of evidence shows of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Shown<'a> {
    state: State,
    strength: Strength,
    inside: Option<&'a Text>,
}

impl<'a> Shown<'a> {
    fn of(evidence: &'a Evidence) -> Self {
        Self { state: evidence.state, strength: evidence.strength, inside: evidence.inside.as_ref() }
    }
}

fn ruling(
    rules: &Rules,
    instrument: &Instrument,
    finding: &Finding,
    shown: Shown<'_>,
    as_of: Date,
    assume: &[String],
) -> Option<Ruling> {
    let vendor = rules.vendors.get(finding.vendor)?;
    let product = product_id(rules, finding.vendor, finding.product);
    if shown.state == State::Mention || !instrument.covers(&vendor.id, product, vendor.builtin) {
        return None;
    }
    let say =
        |ruling, reason: String, due| Some(Ruling { instrument: instrument.id.clone(), ruling, reason, due });
    let status = instrument.status(as_of);
    let since = instrument.phases.iter().rev().find(|(from, _)| *from <= as_of).map(|(from, _)| *from);
    let since = since.map_or_else(String::new, |day| format!(" since {day}"));
    let words = &instrument.words;
    match status {
        Status::NotYet | Status::Superseded | Status::Expired => return None,
        Status::Proposed if !assume.contains(&instrument.id) => {
            return say(
                RulingKind::Advisory,
                format!("proposed{since} and not law; it would cover: {words}"),
                None,
            );
        }
        Status::Enacted => {
            let from = instrument.next_change(as_of).map(|(day, _)| day);
            let takes = from.map_or_else(String::new, |day| format!("; takes effect on {day}"));
            return say(
                RulingKind::Advisory,
                format!("enacted{since}, not yet effective{takes}; it covers: {words}"),
                from,
            );
        }
        Status::Proposed | Status::InForce | Status::Overtaken => {}
    }
    let excludes = |products: &[String]| match products {
        [] => shown.state == State::Component,
        products => names(products, &vendor.id, product),
    };
    if let Some((_, words)) = instrument.excludes.iter().find(|(products, _)| excludes(products)) {
        return say(RulingKind::Excluded, format!("excluded: {words}"), None);
    }
    if shown.state == State::Component && instrument.scope == Scope::Branded {
        let inside = shown.inside.map_or_else(|| "another product".to_owned(), ToString::to_string);
        return say(RulingKind::Excluded, format!("a part inside {inside}; it covers only: {words}"), None);
    }
    if shown.state == State::Remnant {
        let reason = "left after removal; nothing of it was found that runs or starts".to_owned();
        return say(RulingKind::Advisory, reason, None);
    }
    // The next term that ends, or the last one that ended.
    let mut terms: Vec<Date> = instrument.clocks.iter().map(crate::rules::Clock::due).collect();
    terms.sort_unstable();
    let due = terms.iter().find(|day| **day >= as_of).or(terms.last()).copied();
    let assumed = if status == Status::Proposed {
        "as if passed (--assume)".to_owned()
    } else {
        format!("{status}{since}")
    };
    let bound = if instrument.id == LOCAL_POLICY { "" } else { "; assumed to bind this machine" };
    let basis = format!("{assumed}: {words}{bound}");
    match instrument.force {
        Force::UseBan if shown.strength == Strength::Possible => {
            let reason = format!("one weak trait only, to be confirmed by a person; {basis}");
            say(RulingKind::Review, reason, due)
        }
        Force::UseBan => say(RulingKind::Prohibited, basis, due),
        Force::Indicator | Force::ProcurementBan | Force::SupplyBan => {
            say(RulingKind::Indicator, format!("shows that what it bans is likely there; {basis}"), due)
        }
        Force::Warning | Force::Advice => {
            say(RulingKind::Advisory, format!("{}; {basis}", instrument.force), due)
        }
    }
}
