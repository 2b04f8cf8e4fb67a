//! Dates and spans of time in words. Days are days of UTC: the engine knows no time zone of its users.

use vestibule_host::UnixMillis;

use crate::language::Texts;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// A span, rounded up where it must be: what is promised to end is never said to end earlier than it does.
pub(crate) fn span(seconds: u64, texts: Texts<'_>) -> String {
    let (key, unit) = match seconds {
        HOUR => ("duration-hours", HOUR),
        s if s < 2 * HOUR => ("duration-minutes", MINUTE),
        s if s < 2 * DAY && s != DAY => ("duration-hours", HOUR),
        s if s < 60 * DAY => ("duration-days", DAY),
        s if s < 365 * DAY => ("duration-months", 30 * DAY),
        _ => ("duration-years", 365 * DAY),
    };
    texts.count(key, seconds.div_ceil(unit).max(1))
}

/// `14:05`.
pub(crate) fn time_of_day(moment: UnixMillis) -> String {
    let second = moment.seconds().rem_euclid(86_400);
    format!("{:02}:{:02}", second / 3_600, second / 60 % 60)
}

/// A day.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Day {
    year: i64,
    month: i64,
    day: i64,
}

impl Day {
    pub(crate) fn of(moment: UnixMillis) -> Self {
        // Civil date from a day count; the year starts in March so that the leap day is its last.
        let days = moment.seconds().div_euclid(86_400).clamp(-700_000, 2_900_000) + 719_468;
        let era = days.div_euclid(146_097);
        let day_of_era = days.rem_euclid(146_097);
        let year_of_era =
            (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let from_march = (5 * day_of_year + 2) / 153;
        let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
        Self {
            year: year_of_era + era * 400 + i64::from(month <= 2),
            month,
            day: day_of_year - (153 * from_march + 2) / 5 + 1,
        }
    }

    /// For people.
    pub(crate) fn in_words(self, texts: Texts<'_>) -> String {
        let month = texts.say(&format!("month-{}", self.month));
        let (day, year) = (self.day.to_string(), self.year.to_string());
        texts.join("date", &[("day", &day), ("month", &month), ("year", &year)])
    }

    /// For `datetime`.
    pub(crate) fn machine(self) -> String {
        format!("{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days() {
        let day = |seconds| Day::of(UnixMillis::from_seconds(seconds)).machine();
        assert_eq!(day(0), "1970-01-01");
        assert_eq!(day(-1), "1969-12-31");
        assert_eq!(time_of_day(UnixMillis::from_seconds(-1)), "23:59");
        assert_eq!(time_of_day(UnixMillis::from_seconds(951_782_400 + 3_900)), "01:05");
        assert_eq!(day(951_782_400), "2000-02-29");
        assert_eq!(day(951_868_800), "2000-03-01");
        assert_eq!(day(4_107_542_399), "2100-02-28");
        assert_eq!(day(1_795_392_000), "2026-11-23");
        // The ends of time are dates too.
        assert!(!Day::of(UnixMillis(i64::MAX)).machine().is_empty());
        assert!(!Day::of(UnixMillis(i64::MIN)).machine().is_empty());
    }
}
