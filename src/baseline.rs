//! What changed since an earlier report, finding by finding. It is told, and never weighs: verdict and exit code are
//! those of the scan alone.
//!
//! The earlier report is `interdict.report/1`, as `-o json` and `-o ndjson` write it, in gzip too. Findings are matched
//! by their ids, which are stable over upgrades.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use serde::Deserialize;

use crate::error::Error;
use crate::item::State;
use crate::judge::{RulingKind, Verdict};
use crate::report::Report;
use crate::rules::Strength;
use crate::target::operator;
use crate::text::Text;
use crate::word::words;

/// Bytes of an earlier report, unpacked.
const MAX_BYTES: u64 = 1 << 30;

words! {
    /// What became of a finding since the earlier report.
    Change {
        /// It was not there.
        New = "new",
        /// It is there as it was.
        Unchanged = "unchanged",
        /// Its state, its strength, or what an instrument says of it is another one.
        Changed = "changed",
        /// It was there and is no more.
        Gone = "gone",
    }
}

/// A finding as the earlier report has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Earlier {
    /// Its id.
    pub id: Text,
    /// The vendor's id.
    pub vendor: String,
    /// The vendor's name.
    pub vendor_name: String,
    /// The product's id.
    pub product: String,
    /// The product's name.
    pub product_name: String,
    /// The host, or a container.
    pub place: Text,
    /// Its version.
    pub version: Option<Text>,
    /// How much of it was there.
    pub state: State,
    /// How sure that was.
    pub strength: Strength,
    /// What each instrument said of it.
    pub rulings: BTreeMap<String, RulingKind>,
}

/// An earlier report, as far as it is compared.
#[derive(Debug, Clone)]
pub struct Baseline {
    /// The host name of its machine.
    pub host: Option<Text>,
    /// The machine id.
    pub machine: Option<Text>,
    /// When it was made, in its own words.
    pub finished: Text,
    /// Its verdict.
    pub verdict: Verdict,
    /// The instruments it judged by.
    pub instruments: BTreeSet<String>,
    /// Its findings by id.
    pub findings: BTreeMap<Text, Earlier>,
}

/// What a report says in comparison with an earlier one.
#[derive(Debug, Clone)]
pub struct Comparison {
    /// When the earlier one was made.
    pub finished: Text,
    /// The host name of its machine.
    pub host: Option<Text>,
    /// Its verdict.
    pub verdict: Verdict,
    /// What became of each finding, and what of it is another one.
    pub changes: BTreeMap<Text, (Change, Vec<String>)>,
    /// What was found earlier and no more, in order of id.
    pub gone: Vec<Earlier>,
    /// Why the two may not be of one thing.
    pub warnings: Vec<String>,
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = self.host.as_ref().map(|host| format!(" of {host}")).unwrap_or_default();
        let of = |change: Change| self.changes.values().filter(move |(c, _)| *c == change).count();
        write!(
            f,
            "{} new, {} changed, {} unchanged, {} gone, compared with the report{host} of {}, which was {}; none of this changes the verdict",
            of(Change::New),
            of(Change::Changed),
            of(Change::Unchanged),
            self.gone.len(),
            self.finished,
            self.verdict
        )
    }
}

impl Baseline {
    /// Reads an earlier report.
    ///
    /// # Errors
    /// When it cannot be read, is larger than a gibibyte, or is no report of this program.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let wrong = |reason: String| Error::Instruction { path: path.display().to_string(), reason };
        let mut file = BufReader::new(operator::open(path)?);
        let is_packed = file.fill_buf().is_ok_and(|start| start.starts_with(&[0x1f, 0x8b]));
        let unpacked: Box<dyn Read> =
            if is_packed { Box::new(flate2::bufread::MultiGzDecoder::new(file)) } else { Box::new(file) };
        let mut bounded = unpacked.take(MAX_BYTES);
        let read = serde_json::from_reader(BufReader::new(&mut bounded));
        if bounded.limit() == 0 {
            return Err(wrong(format!("it is larger than {MAX_BYTES} bytes")));
        }
        let no_report =
            "--baseline takes an earlier report, as `interdict scan -o json=report.json` writes it";
        let report: ReportV1 = read.map_err(|e| wrong(format!("it is no report: {e}; {no_report}")))?;
        if report.schema != "interdict.report/1" {
            let schema = Text::from(report.schema);
            return Err(wrong(format!("it is {schema} and not interdict.report/1; {no_report}")));
        }
        report.known().map_err(|what| wrong(format!("it is no report that this version knows: {what}")))
    }

    /// Compares a report with this one.
    #[must_use]
    pub fn compare(&self, report: &Report) -> Comparison {
        let judged: BTreeSet<String> = report.outcomes.iter().map(|o| o.id.clone()).collect();
        let both: BTreeSet<&String> = judged.intersection(&self.instruments).collect();
        let change = |now: &crate::report::Reported| {
            let id = now.finding.id.clone();
            let Some(before) = self.findings.get(&id) else { return (id, (Change::New, Vec::new())) };
            let mut other = Vec::new();
            if before.state != now.finding.state {
                other.push(format!("{}, was {}", now.finding.state, before.state));
            }
            if before.strength != now.finding.strength {
                other.push(format!("{}, was {}", now.finding.strength, before.strength));
            }
            for instrument in &both {
                let is = now.rulings.iter().find(|r| &&r.instrument == instrument).map(|r| r.ruling);
                let was = before.rulings.get(*instrument).copied();
                if is != was {
                    let word = |kind: Option<RulingKind>| kind.map_or("no ruling", RulingKind::word);
                    other.push(format!("{} under {instrument}, was {}", word(is), word(was)));
                }
            }
            (id, (if other.is_empty() { Change::Unchanged } else { Change::Changed }, other))
        };
        let changes: BTreeMap<_, _> = report.findings.iter().map(change).collect();
        let gone = self.findings.values().filter(|f| !changes.contains_key(&f.id)).cloned().collect();
        let mut warnings = Vec::new();
        let (host, named) = (&report.inventory.host, |text: &Option<Text>| {
            text.as_ref().map_or_else(|| "a machine without a name".to_owned(), ToString::to_string)
        });
        // The machine id decides where both have one; a host may be renamed.
        let other_machine = match (&host.id, &self.machine) {
            (Some(is), Some(was)) => is != was,
            _ => host.name != self.host,
        };
        if other_machine {
            let (is, was) = (named(&host.name), named(&self.host));
            warnings
                .push(format!("the earlier report is of another machine: {was}, and this one is of {is}"));
        }
        if judged != self.instruments {
            let others: Vec<_> = judged.symmetric_difference(&self.instruments).map(String::as_str).collect();
            warnings.push(format!(
                "only one of the two reports is judged by {}; what these say is not compared",
                Text::from(others.join(", "))
            ));
        }
        let Self { finished, host, verdict, .. } = self;
        Comparison {
            finished: finished.clone(),
            host: host.clone(),
            verdict: *verdict,
            changes,
            gone,
            warnings,
        }
    }
}

#[derive(Deserialize)]
struct ReportV1 {
    schema: String,
    #[serde(default)]
    host: HostV1,
    scan: ScanV1,
    verdict: String,
    instruments: Vec<InstrumentV1>,
    findings: Vec<FindingV1>,
}

#[derive(Deserialize, Default)]
struct HostV1 {
    name: Option<String>,
    id: Option<String>,
}

#[derive(Deserialize)]
struct ScanV1 {
    finished: String,
}

#[derive(Deserialize)]
struct InstrumentV1 {
    id: String,
}

#[derive(Deserialize)]
struct FindingV1 {
    id: String,
    vendor: String,
    vendor_name: String,
    product: String,
    product_name: String,
    version: Option<String>,
    #[serde(rename = "where")]
    place: String,
    state: String,
    strength: String,
    rulings: Vec<RulingV1>,
}

#[derive(Deserialize)]
struct RulingV1 {
    instrument: String,
    ruling: String,
}

impl ReportV1 {
    /// With words that this version knows; the first that it does not know is the error.
    fn known(self) -> Result<Baseline, String> {
        fn known<T>(word: &str, parsed: Option<T>) -> Result<T, String> {
            parsed.ok_or_else(|| format!("the word `{}`", Text::from(word)))
        }
        let mut findings = BTreeMap::new();
        for f in self.findings {
            let rulings = f.rulings.into_iter().map(|r| {
                let kind = known(&r.ruling, RulingKind::parse(&r.ruling))?;
                Ok((r.instrument, kind))
            });
            let earlier = Earlier {
                state: known(&f.state, State::parse(&f.state))?,
                strength: known(&f.strength, Strength::parse(&f.strength))?,
                rulings: rulings.collect::<Result<_, String>>()?,
                id: f.id.into(),
                vendor: f.vendor,
                vendor_name: f.vendor_name,
                product: f.product,
                product_name: f.product_name,
                place: f.place.into(),
                version: f.version.map(Text::from),
            };
            findings.insert(earlier.id.clone(), earlier);
        }
        Ok(Baseline {
            host: self.host.name.map(Text::from),
            machine: self.host.id.map(Text::from),
            finished: self.scan.finished.into(),
            verdict: known(&self.verdict, Verdict::parse(&self.verdict))?,
            instruments: self.instruments.into_iter().map(|i| i.id).collect(),
            findings,
        })
    }
}
