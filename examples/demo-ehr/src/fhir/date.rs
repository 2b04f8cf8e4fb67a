//! FHIR dates as spans of time, and the comparison prefixes of a date search (FHIR R4 search 3.1.1.4.7).

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};

/// A span of seconds since 1970: from the first second, up to but not including the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Range {
    pub(crate) start: i64,
    pub(crate) end: i64,
}

impl Range {
    /// Everything a `date`, `dateTime` or `instant` can mean: `2026` is the whole year.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        if text.contains('T') {
            let start = text.parse::<Timestamp>().ok()?.as_second();
            return Some(Self { start, end: start.checked_add(1)? });
        }
        let (first, length) = match text.len() {
            4 => (format!("{text}-01-01"), Span::new().years(1)),
            7 => (format!("{text}-01"), Span::new().months(1)),
            10 => (text.to_owned(), Span::new().days(1)),
            _ => return None,
        };
        let first: Date = first.parse().ok()?;
        let second = |date: Date| Some(date.to_zoned(TimeZone::UTC).ok()?.timestamp().as_second());
        Some(Self { start: second(first)?, end: second(first.checked_add(length).ok()?)? })
    }
}

/// A search value: `ge2026-01` and its kin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sought {
    prefix: Prefix,
    range: Range,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Prefix {
    Equal,
    NotEqual,
    Greater,
    Less,
    GreaterOrEqual,
    LessOrEqual,
    StartsAfter,
    EndsBefore,
}

impl Sought {
    /// Reads a value; `None` for anything that is not a date with a known prefix.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (prefix, rest) = match text.get(..2) {
            Some("eq") => (Prefix::Equal, text.get(2..)?),
            Some("ne") => (Prefix::NotEqual, text.get(2..)?),
            Some("gt") => (Prefix::Greater, text.get(2..)?),
            Some("lt") => (Prefix::Less, text.get(2..)?),
            Some("ge") => (Prefix::GreaterOrEqual, text.get(2..)?),
            Some("le") => (Prefix::LessOrEqual, text.get(2..)?),
            Some("sa") => (Prefix::StartsAfter, text.get(2..)?),
            Some("eb") => (Prefix::EndsBefore, text.get(2..)?),
            _ => (Prefix::Equal, text),
        };
        Some(Self { prefix, range: Range::parse(rest)? })
    }

    /// Whether a resource's span is what the search asks for.
    pub(crate) fn matches(self, target: Range) -> bool {
        let Range { start, end } = self.range;
        let contained = start <= target.start && target.end <= end;
        match self.prefix {
            Prefix::Equal => contained,
            Prefix::NotEqual => !contained,
            Prefix::Greater => target.end > end,
            Prefix::Less => target.start < start,
            Prefix::GreaterOrEqual => target.end > end || contained,
            Prefix::LessOrEqual => target.start < start || contained,
            Prefix::StartsAfter => target.start >= end,
            Prefix::EndsBefore => target.end <= start,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_partial_date_is_the_whole_span() {
        assert_eq!(Range::parse("1970").unwrap(), Range { start: 0, end: 365 * 86_400 });
        assert_eq!(Range::parse("1970-02").unwrap(), Range { start: 31 * 86_400, end: 59 * 86_400 });
        assert_eq!(Range::parse("1970-01-02").unwrap(), Range { start: 86_400, end: 2 * 86_400 });
        assert_eq!(Range::parse("1970-01-01T02:00:00+02:00").unwrap(), Range { start: 0, end: 1 });
    }

    #[test]
    fn nonsense_is_refused() {
        for text in
            ["", "xx", "2026-13", "2026-02-30", "20260101", "yesterday", "ge", "2026-01-01Tnoon", "é2026"]
        {
            assert_eq!(Sought::parse(text), None, "{text}");
        }
    }

    #[test]
    fn prefixes_compare_spans() {
        let june = Range::parse("2026-06-15").unwrap();
        for (sought, expected) in [
            ("2026", true),
            ("eq2026-06", true),
            ("2026-06-15T10:00:00Z", false),
            ("ne2026", false),
            ("gt2026-06-14", true),
            ("gt2026-06-15", false),
            ("ge2026-06-15", true),
            ("lt2026-06-15", false),
            ("le2026-06-15", true),
            ("lt2026-07", true),
            ("sa2026-06-15", false),
            ("sa2026-05", true),
            ("eb2026-07", true),
            ("eb2026-06", false),
        ] {
            assert_eq!(Sought::parse(sought).unwrap().matches(june), expected, "{sought}");
        }
    }
}
