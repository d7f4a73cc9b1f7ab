//! Waivers: named, reasoned, approved, expiring exceptions. They hide nothing: what is waived stays in the report.
//!
//! The operator's file is TOML, a `[[waiver]]` each. Days are whole days, of UTC or of the stated offset, and the last
//! day still counts.

use std::path::Path;

use globset::{GlobBuilder, GlobMatcher};
use jiff::civil::Date;
use jiff::tz::Offset;
use jiff::{Timestamp, ToSpan};

use crate::error::Error;
use crate::rules::{Instrument, LOCAL_POLICY, Rules, Table, names, read};
use crate::text::Text;
use crate::word::words;

words! {
    /// What became of a waiver.
    WaiverState {
        /// It excepts something that was found.
        Used = "used",
        /// It is valid, and nothing that it speaks of was found.
        Unused = "unused",
        /// Its last day has passed.
        Expired = "expired",
        /// Its first day is yet to come.
        NotYetValid = "not-yet-valid",
        /// The instrument knows no such exception.
        Refused = "refused",
    }
}

/// An exception that somebody granted.
#[derive(Debug, Clone)]
pub struct Waiver {
    /// Its id.
    pub id: String,
    /// The instrument that it sets aside.
    pub instrument: String,
    /// The finding that it is of, by id.
    pub finding: Option<String>,
    /// The product (`vendor/product`) or vendor that it is of.
    pub product: Option<String>,
    /// The hosts that it holds on, as a glob; all, where none is named.
    pub host: Option<(String, GlobMatcher)>,
    /// Why.
    pub reason: String,
    /// Who granted it.
    pub approver: String,
    /// Where that is written.
    pub reference: String,
    /// Its first day.
    pub starts: Date,
    /// Its last day.
    pub expires: Date,
    /// The offset from UTC in which its days begin and end.
    pub zone: Offset,
}

/// What a report says of a waiver.
#[derive(Debug, Clone)]
pub struct Waived {
    /// The waiver.
    pub waiver: Waiver,
    /// What became of it.
    pub state: WaiverState,
    /// Why it was refused, or what it lacks.
    pub because: Option<String>,
    /// The findings that it excepts, by id.
    pub findings: Vec<Text>,
}

impl Waiver {
    /// Reads the operator's file.
    ///
    /// # Errors
    /// When it cannot be read, or any waiver of it is malformed or names what does not exist.
    pub fn read(path: &Path, rules: &Rules, colour: bool) -> Result<Vec<Self>, Error> {
        read(path, colour, |root| {
            let (mut waivers, mut places) = (Vec::<Self>::new(), Vec::new());
            for table in root.tables("waiver") {
                let (id, place) = (table.id(), table.place_of("id"));
                let Some(waiver) = id.and_then(|id| waiver(table, id.value, rules)) else { continue };
                let before = waivers.iter().position(|w| w.id == waiver.id);
                if let Some(first) = before.and_then(|at| places.get(at)) {
                    root.twice(&place, first, "waiver", &waiver.id);
                }
                places.push(place);
                waivers.push(waiver);
            }
            if !root.has("waiver") {
                root.error(
                    &root.place,
                    "nothing-defined",
                    "this file holds no waiver",
                    "expected `[[waiver]]`",
                );
            }
            waivers
        })
    }

    /// What becomes of it on a day before anything is looked at, and why; `now` is the time of a scan that named no day.
    #[must_use]
    pub fn standing(
        &self,
        instrument: Option<&Instrument>,
        as_of: Date,
        now: Option<Timestamp>,
    ) -> (WaiverState, Option<String>) {
        if let Some(because) = instrument.and_then(|instrument| self.refusal(instrument)) {
            return (WaiverState::Refused, Some(because));
        }
        let day = now.map_or(as_of, |now| self.zone.to_datetime(now).date());
        if day < self.starts {
            (WaiverState::NotYetValid, Some(format!("it begins on {}", self.starts)))
        } else if day > self.expires {
            (WaiverState::Expired, Some(format!("it ended on {}", self.expires)))
        } else {
            (
                WaiverState::Unused,
                instrument.is_none().then(|| format!("{} is not judged by here", self.instrument)),
            )
        }
    }

    /// Why an instrument knows no such exception.
    fn refusal(&self, instrument: &Instrument) -> Option<String> {
        if instrument.id == LOCAL_POLICY {
            return None;
        }
        if instrument.exceptions.is_empty() {
            return Some(format!("{} knows no waiver and no exception", instrument.id));
        }
        let longest = instrument
            .exceptions
            .iter()
            .map(|e| e.max_days)
            .max_by_key(|days| days.unwrap_or(i64::MAX))??;
        let last = self.starts.checked_add(longest.days()).unwrap_or(self.starts);
        (self.expires > last).then(|| {
            format!(
                "{} allows at most {longest} days, which end on {last}; it runs to {}",
                instrument.id, self.expires
            )
        })
    }

    /// Whether it speaks of a finding on a host.
    #[must_use]
    pub fn speaks_of(&self, finding: &str, vendor: &str, product: &str, host: Option<&Text>) -> bool {
        let host_fits =
            self.host.as_ref().is_none_or(|(_, glob)| host.is_some_and(|host| glob.is_match(host.raw())));
        let same = |id: &String| id == finding;
        host_fits
            && self.finding.as_ref().is_none_or(same)
            && (self.product.is_none() || names(&self.product, vendor, product))
    }
}

fn waiver(table: Table<'_>, id: String, rules: &Rules) -> Option<Waiver> {
    let required = |key| table.required(key);
    let instrument = required("instrument");
    if let Some(named) = &instrument {
        let ids = rules.instruments.iter().map(|i| i.id.as_str());
        table.known(named, "instrument", ids);
    }
    let (finding, product) = (table.text("finding"), table.text("product"));
    if finding.is_none() && product.is_none() {
        let label = "this needs `finding = \"…\"` or `product = \"…\"`";
        table.error(&table.place, "missing-key", "a waiver of everything", label);
    }
    if let Some(named) = &product {
        let vendors = rules.vendors.iter();
        let ids: Vec<String> = vendors
            .flat_map(|v| {
                let products = v.products.iter().map(|p| format!("{}/{}", v.id, p.id));
                std::iter::once(v.id.clone()).chain(products)
            })
            .collect();
        table.known(named, "vendor or product", ids.iter().map(String::as_str));
    }
    let host = table.text("host").and_then(|glob| {
        let built = GlobBuilder::new(&glob.value).case_insensitive(true).build();
        match built {
            Ok(built) => Some((glob.value, built.compile_matcher())),
            Err(e) => {
                table.error(&glob.place, "bad-glob", format!("`{}` is no glob", glob.value), e.to_string());
                None
            }
        }
    });
    let (reason, approver, reference) = (required("reason"), required("approver"), required("reference"));
    let day = |key| {
        if !table.has(key) {
            let label = format!("this needs `{key} = \"2026-12-31\"`");
            table.error(&table.place, "missing-key", format!("`{key}` is missing"), label);
        }
        table.date(key)
    };
    let (starts, expires) = (day("starts"), day("expires"));
    if let (Some(starts), Some(expires)) = (&starts, &expires)
        && starts.value > expires.value
    {
        table.error(
            &expires.place,
            "bad-term",
            "a waiver that ends before it begins",
            format!("it begins on {}", starts.value),
        );
    }
    let zone = table.text("zone").map_or(Some(Offset::UTC), |zone| {
        let offset = offset(&zone.value);
        if offset.is_none() {
            let label = "expected \"UTC\" or an offset, as in \"-05:00\"";
            table.error(&zone.place, "bad-zone", format!("`{}` is no zone", zone.value), label);
        }
        offset
    });
    table.end();
    Some(Waiver {
        id,
        instrument: instrument?.value,
        finding: finding.map(|f| f.value),
        product: product.map(|p| p.value),
        host,
        reason: reason?.value,
        approver: approver?.value,
        reference: reference?.value,
        starts: starts?.value,
        expires: expires?.value,
        zone: zone?,
    })
}

/// An offset from UTC, as in `UTC`, `Z` or `-05:00`.
fn offset(text: &str) -> Option<Offset> {
    if matches!(text, "UTC" | "Z") {
        return Some(Offset::UTC);
    }
    let (sign, rest) = text.strip_prefix('+').map(|r| (1, r)).or(text.strip_prefix('-').map(|r| (-1, r)))?;
    let (hours, minutes) = rest.split_once(':')?;
    let number = |text: &str, below: i32| {
        (text.len() == 2).then(|| text.parse::<i32>().ok()).flatten().filter(|n| (0..below).contains(n))
    };
    Offset::from_seconds(sign * (number(hours, 24)? * 3600 + number(minutes, 60)? * 60)).ok()
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn its_days_begin_where_its_zone_says() {
        let day = date(2026, 11, 24);
        let noon: Timestamp = "2026-11-24T12:00:00Z".parse().unwrap();
        for (zone, now, state) in [
            ("UTC", Some(noon), WaiverState::Unused),
            // There it is the 25th already.
            ("+14:00", Some(noon), WaiverState::Expired),
            // There it is the 23rd and five minutes to midnight.
            ("-12:05", Some(noon), WaiverState::NotYetValid),
            // A day of the law that was named is that day anywhere.
            ("+14:00", None, WaiverState::Unused),
        ] {
            let waiver = Waiver {
                id: "w".to_owned(),
                instrument: "law".to_owned(),
                finding: None,
                product: None,
                host: None,
                reason: String::new(),
                approver: String::new(),
                reference: String::new(),
                starts: day,
                expires: day,
                zone: offset(zone).unwrap(),
            };
            assert_eq!(waiver.standing(None, day, now).0, state, "{zone} {now:?}");
        }
    }

    #[test]
    fn offsets_are_hours_and_minutes() {
        for text in ["", "+1:00", "+24:00", "+01:60", "01:00", "+01", "+-1:00", "Europe/Berlin"] {
            assert_eq!(offset(text), None, "{text}");
        }
        assert_eq!(offset("-05:30").map(Offset::seconds), Some(-19_800));
    }
}
