//! What the law says of what was found: a ruling for each finding under each instrument, and the verdict.

use jiff::Timestamp;
use jiff::civil::Date;

use crate::clock::{self, Duty};
use crate::inventory::Inventory;
use crate::item::State;
use crate::organisation::{Bound, Organisation};
use crate::recognise::{Evidence, Finding, product_id};
use crate::rules::{Filing, Force, Instrument, LOCAL_POLICY, Rules, Scope, Status, Strength, names};
use crate::text::Text;
use crate::waiver::{Waived, Waiver, WaiverState};
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

impl RulingKind {
    /// Whether a person must act on it.
    #[must_use]
    pub fn stands(self) -> bool {
        matches!(self, Self::Prohibited | Self::Review | Self::Indicator)
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
    /// What is taken for true because nobody said otherwise.
    pub assumed: Vec<String>,
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
    pub assumed: Vec<String>,
    /// Why it does not bind here, where that is known.
    pub unbound: Option<String>,
    /// What must be done by when.
    pub duties: Vec<Duty>,
    /// The reports it asks for.
    pub filings: Vec<Filing>,
    /// The controls of NIST SP 800-53 that a finding bears on, as the catalogue writes them: CM-7(4).
    pub controls: Vec<String>,
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
    /// What became of each waiver.
    pub waivers: Vec<Waived>,
}

/// What findings are judged by.
pub struct Grounds<'a> {
    /// The rules.
    pub rules: &'a Rules,
    /// The instruments that were chosen.
    pub under: &'a [&'a Instrument],
    /// The day of the law.
    pub as_of: Date,
    /// The time of the scan, where no day of the law was named.
    pub now: Option<Timestamp>,
    /// Proposed instruments that count as passed, by id.
    pub assume: &'a [String],
    /// Who uses the machine.
    pub organisation: &'a Organisation,
    /// Exceptions that were granted.
    pub waivers: &'a [Waiver],
}

/// An instrument as it stands towards the machine.
struct Standing<'a> {
    instrument: &'a Instrument,
    status: Status,
    assumed: Vec<String>,
    unbound: Option<String>,
    duties: Vec<Duty>,
}

impl<'a> Standing<'a> {
    fn of(grounds: &Grounds<'a>, instrument: &'a Instrument) -> Self {
        let Grounds { rules, as_of, organisation, .. } = grounds;
        let (mut assumed, mut unbound) = (Vec::new(), None);
        for bound in organisation.bound(instrument, &rules.classes) {
            match bound {
                Bound::Yes => {}
                Bound::No(reason) => unbound = unbound.or(Some(reason)),
                Bound::Assumed(words) => assumed.push(words),
            }
        }
        if instrument.limbs.is_empty() && instrument.id != LOCAL_POLICY {
            assumed.push(format!("this machine is used by or for {}", instrument.binds));
        }
        let clause = organisation.clauses.get(&instrument.id).copied();
        let duties = clock::duties(organisation.clocks(instrument), *as_of, clause);
        Self { instrument, status: instrument.status(*as_of), assumed, unbound, duties }
    }

    /// The next term that ends, or the last one that ended; what comes again has no end.
    fn due(&self, as_of: Date) -> Option<Date> {
        let mut terms: Vec<Date> = self.duties.iter().filter(|d| !d.repeats).map(|d| d.due).collect();
        terms.sort_unstable();
        terms.iter().find(|day| **day >= as_of).or(terms.last()).copied()
    }
}

/// Judges findings.
#[must_use]
pub fn judge(grounds: &Grounds<'_>, findings: &[Finding], inventory: &Inventory) -> Judgment {
    let standings: Vec<Standing<'_>> = grounds.under.iter().map(|i| Standing::of(grounds, i)).collect();
    let waived = |waiver: &Waiver| {
        let instrument = standings.iter().map(|s| s.instrument).find(|i| i.id == waiver.instrument);
        let (state, because) = waiver.standing(instrument, grounds.as_of, grounds.now);
        Waived { waiver: waiver.clone(), state, because, findings: Vec::new() }
    };
    let mut waivers: Vec<Waived> = grounds.waivers.iter().map(waived).collect();
    let mut rule = |finding: &Finding| {
        // A part that is excluded must not hide a program that may run: the strongest of what each piece of evidence
        // is by itself counts.
        let mut shown: Vec<Shown<'_>> = finding.evidence.iter().map(Shown::of).collect();
        shown.sort();
        shown.dedup();
        let strongest = |standing: &Standing<'_>| {
            let each = shown.iter().filter_map(|shown| ruling(grounds, standing, finding, *shown));
            each.min_by_key(|ruling| ruling.ruling)
        };
        let mut rulings: Vec<Ruling> = standings.iter().filter_map(strongest).collect();
        for ruling in &mut rulings {
            waive(&mut waivers, grounds.rules, finding, inventory.host.name.as_ref(), ruling);
        }
        rulings.sort_by(|a, b| (a.ruling, &a.instrument).cmp(&(b.ruling, &b.instrument)));
        rulings
    };
    let rulings: Vec<Vec<Ruling>> = findings.iter().map(&mut rule).collect();
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
    let outcome = |standing: &Standing<'_>| Outcome {
        id: standing.instrument.id.clone(),
        title: standing.instrument.title.clone(),
        citation: standing.instrument.citation.clone(),
        status: standing.status,
        next: standing.instrument.next_change(grounds.as_of),
        assumed: standing.assumed.clone(),
        unbound: standing.unbound.clone(),
        duties: standing.duties.clone(),
        filings: standing.instrument.filings.clone(),
        controls: standing.instrument.controls.clone(),
        verdict: strongest(&verdicts(&|r: &Ruling| r.instrument == standing.instrument.id)),
    };
    let outcomes = standings.iter().map(outcome).collect();
    let verdicts = verdicts(&|_| true);
    Judgment { verdict: strongest(&verdicts), verdicts, outcomes, rulings, waivers }
}

/// Excepts what a valid waiver speaks of. Nothing is hidden: what it would be is still said.
fn waive(waivers: &mut [Waived], rules: &Rules, finding: &Finding, host: Option<&Text>, ruling: &mut Ruling) {
    if !ruling.ruling.stands() {
        return;
    }
    let vendor = rules.vendors.get(finding.vendor).map_or("", |v| v.id.as_str());
    let product = product_id(rules, finding.vendor, finding.product);
    let valid = |w: &&mut Waived| matches!(w.state, WaiverState::Used | WaiverState::Unused);
    for waived in waivers.iter_mut().filter(valid).filter(|w| w.waiver.instrument == ruling.instrument) {
        let waiver = &waived.waiver;
        if !waiver.speaks_of(finding.id.raw(), vendor, product, host) {
            continue;
        }
        waived.state = WaiverState::Used;
        waived.findings.push(finding.id.clone());
        // The first one says why; the others are used as well.
        if ruling.ruling != RulingKind::Excepted {
            let Waiver { id, approver, reference, expires, reason, .. } = waiver;
            ruling.reason = format!(
                "waived by {approver} until {expires} ({id}, {reference}): {reason}; without that {}: {}",
                ruling.ruling, ruling.reason
            );
            ruling.ruling = RulingKind::Excepted;
        }
    }
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
    grounds: &Grounds<'_>,
    standing: &Standing<'_>,
    finding: &Finding,
    shown: Shown<'_>,
) -> Option<Ruling> {
    let Grounds { rules, as_of, assume, organisation, .. } = grounds;
    let instrument = standing.instrument;
    let vendor = rules.vendors.get(finding.vendor)?;
    let product = product_id(rules, finding.vendor, finding.product);
    let covers = |product: &str| instrument.covers(&vendor.id, product, vendor.builtin, *as_of);
    // Of a maker's product that is not told apart nobody knows whether it is one of those that are named.
    let may_cover = || vendor.products.iter().any(|product| covers(&product.id));
    let untold = finding.product.is_none() && !covers(product) && may_cover();
    if shown.state == State::Mention || !(covers(product) || untold) {
        return None;
    }
    let say = |ruling, reason: String, due, assumed: &[String]| {
        let instrument = instrument.id.clone();
        Some(Ruling { instrument, ruling, reason, due, assumed: assumed.to_vec() })
    };
    let tell = |reason: String| say(RulingKind::Advisory, reason, None, &[]);
    let since = instrument.since(*as_of).map_or_else(String::new, |day| format!(" since {day}"));
    let words = &instrument.words;
    match standing.status {
        Status::NotYet | Status::Superseded | Status::Expired => return None,
        Status::Proposed if !assume.contains(&instrument.id) => {
            return tell(format!("proposed{since} and not law; it would cover: {words}"));
        }
        Status::Enacted => {
            let from = instrument.next_change(*as_of).map(|(day, _)| day);
            let takes = from.map_or_else(String::new, |day| format!("; takes effect on {day}"));
            let reason = format!("enacted{since}, not yet effective{takes}; it covers: {words}");
            return say(RulingKind::Advisory, reason, from, &[]);
        }
        Status::Proposed | Status::InForce | Status::Overtaken => {}
    }
    if let Some(reason) = &standing.unbound {
        return tell(format!("does not bind here: {reason}"));
    }
    let inside = shown.inside.map_or_else(|| "another product".to_owned(), ToString::to_string);
    let is_part = shown.state == State::Component;
    let excludes = |products: &[String]| match products {
        [] => is_part,
        products => names(products, &vendor.id, product),
    };
    let exclude = |reason: String| say(RulingKind::Excluded, reason, None, &standing.assumed);
    if let Some((_, words)) = instrument.excludes.iter().find(|(products, _)| excludes(products)) {
        return exclude(format!("excluded: {words}"));
    }
    if is_part && matches!(instrument.scope, Scope::Branded | Scope::Category) {
        return exclude(format!("a part inside {inside}; it covers only: {words}"));
    }
    if shown.state == State::Remnant {
        return tell("left after removal; nothing of it was found that runs or starts".to_owned());
    }
    let status = if standing.status == Status::Proposed {
        "as if passed (--assume)".to_owned()
    } else {
        format!("{}{since}", standing.status)
    };
    let part =
        if is_part { format!("; a part inside {inside} is reached by these words") } else { String::new() };
    let lawyer =
        instrument.legal_review.as_ref().map_or_else(String::new, |words| format!("; legal review: {words}"));
    let basis = format!("{status}: {words}{part}{lawyer}");
    let rule = |ruling, reason| say(ruling, reason, standing.due(*as_of), &standing.assumed);
    match instrument.force {
        Force::Warning | Force::Advice => {
            rule(RulingKind::Advisory, format!("{}; {basis}", instrument.force))
        }
        Force::ProcurementBan | Force::SupplyBan
            if instrument.mere_use.is_some() && !standing.assumed.is_empty() =>
        {
            let mere_use = instrument.mere_use.as_deref().unwrap_or_default();
            rule(RulingKind::Advisory, format!("{}: {mere_use}; {basis}", instrument.force))
        }
        _ if shown.strength == Strength::Possible => {
            rule(RulingKind::Review, format!("one weak trait only, to be confirmed by a person; {basis}"))
        }
        _ if untold => {
            let reason = "which product of the maker this is was not told apart, and only some are covered";
            rule(RulingKind::Review, format!("{reason}; {basis}"))
        }
        _ if instrument.unread_list.is_some() => {
            let list = instrument.unread_list.as_deref().unwrap_or_default();
            rule(RulingKind::Review, format!("to be confirmed by a person: {list}; {basis}"))
        }
        Force::UseBan => rule(RulingKind::Prohibited, basis),
        Force::ProcurementBan | Force::SupplyBan if organisation.is_contractor => {
            rule(RulingKind::Prohibited, format!("{basis}; the body is a contractor"))
        }
        Force::Indicator | Force::ProcurementBan | Force::SupplyBan => {
            rule(RulingKind::Indicator, format!("shows that what it bans is likely there; {basis}"))
        }
    }
}
