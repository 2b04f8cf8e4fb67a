//! How long an answer may be used (RFC 9111, RFC 5861).
//!
//! The server says so, or the answer is used once. Nothing is guessed, and where a header is broken or says two things, the
//! shorter time holds.

use std::time::Duration;

use http::HeaderMap;
use http::header::{AGE, CACHE_CONTROL, VARY};

/// How long, counted from when it was asked for.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) struct Lifetime {
    /// Used without asking again. Zero: used once.
    pub(crate) fresh: Duration,
    /// Used while asking again fails. Never shorter than `fresh`.
    pub(crate) stale: Duration,
}

/// An hour, whatever the server says: a key that was withdrawn ends then (FETCH-005).
pub(crate) const LONGEST: Duration = Duration::from_secs(3600);

impl Lifetime {
    /// What the headers of an answer allow.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let once = Self::default();
        let Some(directives) = Directives::read(headers) else { return once };
        let Some(max_age) = directives.max_age.filter(|_| !directives.once) else { return once };
        if headers.get_all(VARY).iter().any(|value| value.as_bytes().contains(&b'*')) {
            return once;
        }
        let Some(age) = age(headers) else { return once };
        let fresh = Duration::from_secs(max_age.saturating_sub(age));
        let stale = match directives.stale_if_error.filter(|_| !directives.must_revalidate) {
            Some(more) => Duration::from_secs(max_age.saturating_add(more).saturating_sub(age)),
            None => Duration::ZERO,
        };
        let fresh = fresh.min(LONGEST);
        Self { fresh, stale: stale.min(LONGEST).max(fresh) }
    }

    /// Whether there is any later use.
    pub(crate) const fn is_once(&self) -> bool {
        self.stale.is_zero()
    }
}

/// What `Cache-Control` says, all its lines together.
#[derive(Default)]
struct Directives {
    once: bool,
    must_revalidate: bool,
    max_age: Option<u64>,
    stale_if_error: Option<u64>,
}

impl Directives {
    /// `None` if a line cannot be read.
    fn read(headers: &HeaderMap) -> Option<Self> {
        let mut read = Self::default();
        for line in headers.get_all(CACHE_CONTROL) {
            for directive in parts(line.to_str().ok()?)? {
                let (name, value) = directive.split_once('=').unwrap_or((directive, ""));
                let value = value.trim();
                match name.trim().to_ascii_lowercase().as_str() {
                    // `no-cache` would let us keep it and ask whether it still holds; asking for it again is the same.
                    "no-store" | "no-cache" => read.once = true,
                    "must-revalidate" => read.must_revalidate = true,
                    "max-age" => read.max_age = Some(shorter(read.max_age, seconds(value)?)),
                    "stale-if-error" => {
                        read.stale_if_error = Some(shorter(read.stale_if_error, seconds(value)?));
                    }
                    _ => {}
                }
            }
        }
        Some(read)
    }
}

/// How old the answer was already; `None` if that cannot be read.
fn age(headers: &HeaderMap) -> Option<u64> {
    let mut oldest = 0;
    for value in headers.get_all(AGE) {
        oldest = oldest.max(seconds(value.to_str().ok()?.trim())?);
    }
    Some(oldest)
}

/// What stands between commas that are not within quotes; `None` if a quote does not end.
fn parts(line: &str) -> Option<Vec<&str>> {
    let (mut quoted, mut escaped) = (false, false);
    let parts = line.split(|c| {
        let was_escaped = std::mem::take(&mut escaped);
        match c {
            '"' if !was_escaped => quoted = !quoted,
            '\\' if quoted && !was_escaped => escaped = true,
            _ => {}
        }
        c == ',' && !quoted
    });
    let parts = parts.collect();
    (!quoted).then_some(parts)
}

/// RFC 9111 §1.2.2: digits only; what does not fit is a very long time.
fn seconds(text: &str) -> Option<u64> {
    let plain = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    plain.then(|| text.parse().unwrap_or(u64::MAX))
}

fn shorter(known: Option<u64>, other: u64) -> u64 {
    known.map_or(other, |known| known.min(other))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn lifetime(lines: &[(&'static str, &str)]) -> (u64, u64) {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        let lifetime = Lifetime::of(&headers);
        (lifetime.fresh.as_secs(), lifetime.stale.as_secs())
    }

    /// FETCH-005
    #[test]
    fn an_answer_is_used_as_long_as_it_says() {
        const CC: &str = "cache-control";
        for (value, expected) in [
            ("max-age=60", (60, 60)),
            ("public, MAX-AGE = 60", (60, 60)),
            ("max-age=0", (0, 0)),
            ("max-age=3600", (3600, 3600)),
            ("max-age=86400", (3600, 3600)),
            ("max-age=99999999999999999999999", (3600, 3600)),
            ("private, max-age=5, immutable", (5, 5)),
            ("x=\"a, max-age=900\", max-age=5", (5, 5)),
            ("x=\"\\\", max-age=900\", max-age=5", (5, 5)),
            ("max-age=60, max-age=5", (5, 5)),
            ("max-age=60, s-maxage=900", (60, 60)),
            // Once.
            ("", (0, 0)),
            ("public", (0, 0)),
            ("no-store", (0, 0)),
            ("no-store, max-age=60", (0, 0)),
            ("max-age=60, No-Store", (0, 0)),
            ("max-age=60, no-cache", (0, 0)),
            ("no-cache=\"set-cookie\", max-age=60", (0, 0)),
            ("max-age", (0, 0)),
            ("max-age=", (0, 0)),
            ("max-age=-1", (0, 0)),
            ("max-age=\"60\"", (0, 0)),
            ("max-age=6e1", (0, 0)),
            ("max-age=60 000", (0, 0)),
            ("max-age=60, max-age=x", (0, 0)),
            ("s-maxage=900", (0, 0)),
            ("x-max-age=900", (0, 0)),
            ("x=\"max-age=900", (0, 0)),
            ("max-age=60, x=\"a, no-store", (0, 0)),
            // Stale.
            ("max-age=60, stale-if-error=600", (60, 660)),
            ("max-age=0, stale-if-error=600", (0, 600)),
            ("max-age=60, stale-if-error=86400", (60, 3600)),
            ("max-age=86400, stale-if-error=86400", (3600, 3600)),
            ("max-age=60, stale-if-error=600, must-revalidate", (60, 60)),
            ("max-age=60, stale-if-error=600, no-store", (0, 0)),
            ("max-age=60, stale-while-revalidate=600", (60, 60)),
            ("stale-if-error=600", (0, 0)),
        ] {
            assert_eq!(lifetime(&[(CC, value)]), expected, "{value}");
        }
        assert_eq!(lifetime(&[]), (0, 0));
        assert_eq!(lifetime(&[("expires", "Thu, 01 Jan 2099 00:00:00 GMT")]), (0, 0));
        assert_eq!(lifetime(&[(CC, "max-age=60"), (CC, "no-store")]), (0, 0));
        assert_eq!(lifetime(&[(CC, "max-age=60"), ("vary", "*")]), (0, 0));
        assert_eq!(lifetime(&[(CC, "max-age=60"), ("vary", "accept")]), (60, 60));
        assert_eq!(lifetime(&[(CC, "max-age=60\u{e4}")]), (0, 0));
    }

    /// FETCH-005: the time that an answer spent in somebody else's cache counts.
    #[test]
    fn age_is_subtracted() {
        const CC: &str = "cache-control";
        for (age, expected) in [
            ("0", (60, 660)),
            ("59", (1, 601)),
            ("60", (0, 600)),
            ("100", (0, 560)),
            ("900", (0, 0)),
            ("99999999999999999999999", (0, 0)),
            ("-1", (0, 0)),
            ("x", (0, 0)),
            ("", (0, 0)),
        ] {
            let lines = [(CC, "max-age=60, stale-if-error=600"), ("age", age)];
            assert_eq!(lifetime(&lines), expected, "{age:?}");
        }
        assert_eq!(lifetime(&[(CC, "max-age=60"), ("age", "10"), ("age", "50")]), (10, 10));
        assert_eq!(lifetime(&[(CC, "max-age=86400"), ("age", "7200")]), (3600, 3600));
    }
}
