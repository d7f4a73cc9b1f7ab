//! Terms of law: what must be done by which day, counted in calendar days, business days or hours.
//!
//! Business days are those on which the Government of the United States works: neither weekends nor the holidays of
//! 5 U.S.C. 6103, one on a Saturday being kept on the Friday before it, one on a Sunday on the Monday after it
//! (<https://www.okwb.uscourts.gov/holidays>). The day of the trigger is not counted.

use jiff::ToSpan;
use jiff::civil::{Date, Weekday};

/// How long a duty may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Term {
    /// Calendar days.
    Days(i64),
    /// Business days of the Government of the United States.
    BusinessDays(i64),
    /// Hours.
    Hours(i64),
    /// A day of the calendar.
    On(Date),
}

/// What a term is counted from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trigger {
    /// The day the instrument, or its list, was issued.
    Issued(Date),
    /// The day something was found, or somebody told of it.
    Identification,
    /// The day the report of the clock before was submitted.
    Report,
}

impl Trigger {
    /// The triggers that are no day of the calendar, as rule files spell them.
    pub const WORDS: &[(&'static str, Self)] =
        &[("identification", Self::Identification), ("report", Self::Report)];
}

/// A duty with a term.
#[derive(Debug, Clone)]
pub struct Clock {
    /// The duty.
    pub duty: String,
    /// How long it may take.
    pub term: Term,
    /// From when.
    pub trigger: Trigger,
    /// After how many days it comes again.
    pub every_days: Option<i64>,
    /// The dates of the clause that it stands in: from the first, and before the second.
    pub clause: (Option<Date>, Option<Date>),
    /// The classes of bodies whose duty it is; none named is all that the instrument binds.
    pub bodies: Vec<String>,
}

/// A duty as it falls due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Duty {
    /// What must be done.
    pub duty: String,
    /// The last day for it.
    pub due: Date,
    /// How that day was counted, and from what.
    pub rule: String,
    /// Whether it stands only where something was found.
    pub on_finding: bool,
    /// Whether it comes again.
    pub repeats: bool,
}

/// The duties of clocks as of a day, on which something counts as found. Of clocks that stand in clauses of several
/// dates those of the clause count.
#[must_use]
pub fn duties<'a>(
    clocks: impl IntoIterator<Item = &'a Clock>,
    as_of: Date,
    clause: Option<Date>,
) -> Vec<Duty> {
    let mut duties: Vec<Duty> = Vec::new();
    for clock in clocks {
        let day = clause.unwrap_or(as_of);
        let (from, until) = clock.clause;
        if from.is_some_and(|from| day < from) || until.is_some_and(|until| day >= until) {
            continue;
        }
        let (start, of) = match clock.trigger {
            Trigger::Issued(day) => (day, "issue".to_owned()),
            Trigger::Identification => (
                as_of,
                "identification; the day of the law is taken for that, which need not be it".to_owned(),
            ),
            Trigger::Report => {
                let before = duties.last().map_or(as_of, |duty| duty.due);
                (before, "the first report; the last day for that is taken".to_owned())
            }
        };
        let first = last_day(start, clock.term);
        let (due, again) = match clock.every_days {
            Some(every) => (next(first, every, as_of), format!(", then every {every} calendar days")),
            None => (first, String::new()),
        };
        let rule = match clock.term {
            Term::On(_) => "a day that it names".to_owned(),
            Term::Days(n) => format!("{n} calendar days after {start}, the day of {of}{again}"),
            Term::BusinessDays(n) => {
                format!("{n} business {} after {start}, the day of {of}{again}", plural(n, "day"))
            }
            Term::Hours(n) => format!("{n} {} after {start}, the day of {of}{again}", plural(n, "hour")),
        };
        let on_finding = !matches!(clock.trigger, Trigger::Issued(_));
        duties.push(Duty {
            duty: clock.duty.clone(),
            due,
            rule,
            on_finding,
            repeats: clock.every_days.is_some(),
        });
    }
    duties
}

fn plural(n: i64, word: &str) -> String {
    if n == 1 { word.to_owned() } else { format!("{word}s") }
}

/// The last day of a term that begins after a day.
fn last_day(start: Date, term: Term) -> Date {
    let after = |days: i64| start.checked_add(days.days()).unwrap_or(start);
    match term {
        Term::On(day) => day,
        Term::Days(days) => after(days),
        // The hour is not known, so the day on which the last of them may fall counts.
        Term::Hours(hours) => after(hours.saturating_add(23) / 24),
        Term::BusinessDays(days) => {
            let mut day = start;
            for _ in 0..days {
                loop {
                    let Ok(next) = day.tomorrow() else { return day };
                    day = next;
                    if is_business_day(day) {
                        break;
                    }
                }
            }
            day
        }
    }
}

/// The first of the days that come every so often which has not passed.
fn next(first: Date, every: i64, as_of: Date) -> Date {
    let passed = i64::from(first.until(as_of).map_or(0, |span| span.get_days()));
    if passed <= 0 {
        return first;
    }
    let rounds = passed.saturating_add(every.saturating_sub(1)) / every.max(1);
    first.checked_add(rounds.saturating_mul(every).days()).unwrap_or(first)
}

fn is_business_day(day: Date) -> bool {
    let is_weekend = |day: Date| matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday);
    let kept = match day.weekday() {
        Weekday::Friday => day.tomorrow().is_ok_and(is_holiday),
        Weekday::Monday => day.yesterday().is_ok_and(is_holiday),
        _ => false,
    };
    !is_weekend(day) && !is_holiday(day) && !kept
}

/// Whether a day is a holiday of 5 U.S.C. 6103 itself, not one kept for it.
fn is_holiday(day: Date) -> bool {
    // The first Monday of a month is one of its days 1 to 7, and so on.
    let week = (day.day() - 1) / 7 + 1;
    let monday = day.weekday() == Weekday::Monday;
    match (day.month(), day.day()) {
        (1, 1) | (7, 4) | (11, 11) | (12, 25) => true,
        // Since Pub. L. 117-17.
        (6, 19) => day.year() >= 2021,
        (1 | 2, _) => monday && week == 3,
        (5, number) => monday && number > 24,
        (9, _) => monday && week == 1,
        (10, _) => monday && week == 2,
        (11, _) => day.weekday() == Weekday::Thursday && week == 4,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    /// The federal holidays of 2023 as the Office of Personnel Management lists them, those kept on other days too.
    #[test]
    fn holidays_are_those_of_the_list() {
        let days = [
            (1, 2),
            (1, 16),
            (2, 20),
            (5, 29),
            (6, 19),
            (7, 4),
            (9, 4),
            (10, 9),
            (11, 10),
            (11, 23),
            (12, 25),
        ];
        let mut off: Vec<Date> = Vec::new();
        let mut day = date(2023, 1, 1);
        while day < date(2024, 1, 1) {
            if !is_business_day(day) && !matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday) {
                off.push(day);
            }
            day = day.tomorrow().unwrap();
        }
        let wanted: Vec<Date> = days.iter().map(|(month, day)| date(2023, *month, *day)).collect();
        assert_eq!(off, wanted);
        assert!(is_business_day(date(2020, 6, 19)) && !is_business_day(date(2026, 6, 19)));
        // The holiday of 2022 is kept in 2021.
        assert!(!is_business_day(date(2021, 12, 31)));
    }

    #[test]
    fn terms_end_on_the_day_that_their_unit_makes() {
        for (start, term, end) in [
            (date(2017, 9, 13), Term::Days(30), date(2017, 10, 13)),
            (date(2017, 9, 13), Term::Days(60), date(2017, 11, 12)),
            (date(2017, 9, 13), Term::Days(90), date(2017, 12, 12)),
            // Over Thanksgiving.
            (date(2026, 11, 24), Term::BusinessDays(3), date(2026, 11, 30)),
            (date(2026, 11, 24), Term::BusinessDays(1), date(2026, 11, 25)),
            (date(2026, 11, 27), Term::BusinessDays(1), date(2026, 11, 30)),
            (date(2026, 11, 28), Term::BusinessDays(1), date(2026, 11, 30)),
            (date(2026, 11, 24), Term::Hours(72), date(2026, 11, 27)),
            (date(2026, 11, 24), Term::Hours(1), date(2026, 11, 25)),
            (date(2026, 11, 24), Term::On(date(2025, 4, 1)), date(2025, 4, 1)),
            (date(2024, 2, 28), Term::Days(1), date(2024, 2, 29)),
        ] {
            assert_eq!(last_day(start, term), end, "{start} {term:?}");
        }
    }

    #[test]
    fn what_comes_again_is_due_on_its_next_day() {
        let first = date(2017, 12, 12);
        for (as_of, due) in [
            (date(2017, 9, 13), first),
            (first, first),
            (date(2017, 12, 13), date(2018, 1, 11)),
            (date(2018, 1, 11), date(2018, 1, 11)),
            (date(2018, 1, 12), date(2018, 2, 10)),
        ] {
            assert_eq!(next(first, 30, as_of), due, "{as_of}");
        }
    }
}
