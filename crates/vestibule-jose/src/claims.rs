//! What a token says, and until when.

use std::fmt;
use std::time::Duration;

use serde_json::{Map, Value};
use vestibule_host::UnixMillis;

use crate::jws::JwsError;

/// Beyond this a JSON number is no longer exact everywhere (JWTCA-008).
const MAX_SECONDS: u64 = 1 << 53;

/// The claims of a token whose signature was verified.
///
/// Only [`VerifyKeys`](crate::VerifyKeys) makes them. Times are not judged yet: call [`check_times`](Self::check_times).
/// `Debug` shows names alone, since values may be patient data.
#[derive(Clone, PartialEq)]
pub struct Claims(Map<String, Value>);

/// How strictly times are judged. There is no default: who made the token decides.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Validity {
    /// How far the two clocks may differ. Zero for what we issued ourselves.
    pub leeway: Duration,
    /// `exp` may lie at most this far ahead, plus the leeway. `None`: as far as it likes.
    pub longest: Option<Duration>,
}

impl Claims {
    pub(crate) const fn new(map: Map<String, Value>) -> Self {
        Self(map)
    }

    /// A claim, whatever its type.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// A claim that is text. `None` if it is absent or something else; where that differs, use [`get`](Self::get).
    pub fn text(&self, name: &str) -> Option<&str> {
        self.get(name).and_then(Value::as_str)
    }

    /// All claims.
    pub fn into_map(self) -> Map<String, Value> {
        self.0
    }

    /// Judges `exp` (required), `nbf` and `iat` (if there) at `now`.
    ///
    /// # Errors
    /// [`JwsError::BadTime`] for a claim of another type, else what is wrong with the time.
    pub fn check_times(&self, now: UnixMillis, rules: &Validity) -> Result<(), JwsError> {
        check_times(&self.0, now, rules)
    }
}

impl fmt::Debug for Claims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.keys()).finish()
    }
}

pub(crate) fn check_times(
    claims: &Map<String, Value>,
    now: UnixMillis,
    rules: &Validity,
) -> Result<(), JwsError> {
    let exp = moment(claims, "exp")?.ok_or(JwsError::BadTime)?;
    // An end has no grace beyond the leeway: a token ends at `exp`, not after it.
    if exp.plus(rules.leeway).is_over(now) {
        return Err(JwsError::Expired);
    }
    let latest = now.plus(rules.leeway);
    if rules.longest.is_some_and(|longest| exp > latest.plus(longest)) {
        return Err(JwsError::LivesTooLong);
    }
    for name in ["nbf", "iat"] {
        if moment(claims, name)?.is_some_and(|start| start > latest) {
            return Err(JwsError::NotYetValid);
        }
    }
    Ok(())
}

/// JWTCA-008: a time of a wrong JSON type is an error, not "absent".
pub(crate) fn moment(claims: &Map<String, Value>, name: &str) -> Result<Option<UnixMillis>, JwsError> {
    let Some(value) = claims.get(name) else { return Ok(None) };
    let seconds = value.as_u64().filter(|seconds| *seconds <= MAX_SECONDS).ok_or(JwsError::BadTime)?;
    let seconds = i64::try_from(seconds).map_err(|_| JwsError::BadTime)?;
    Ok(Some(UnixMillis::from_seconds(seconds)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);
    const OURS: Validity = Validity { leeway: Duration::ZERO, longest: None };
    const THEIRS: Validity = Validity { leeway: MINUTE, longest: Some(Duration::from_secs(300)) };

    fn at(claims: &str, seconds: i64, rules: &Validity) -> Result<(), JwsError> {
        let claims = crate::strict_json::object(claims.as_bytes()).unwrap();
        check_times(&claims, UnixMillis::from_seconds(seconds), rules)
    }

    #[test]
    fn an_end_is_an_end() {
        assert_eq!(at(r#"{"exp":1000}"#, 999, &OURS), Ok(()));
        assert_eq!(at(r#"{"exp":1000}"#, 1000, &OURS), Err(JwsError::Expired));
        assert_eq!(at(r#"{"exp":1000}"#, 1059, &THEIRS), Ok(()));
        assert_eq!(at(r#"{"exp":1000}"#, 1060, &THEIRS), Err(JwsError::Expired));
    }

    #[test]
    fn the_life_is_bounded_only_where_asked() {
        assert_eq!(at(r#"{"exp":1360}"#, 1000, &THEIRS), Ok(()));
        assert_eq!(at(r#"{"exp":1361}"#, 1000, &THEIRS), Err(JwsError::LivesTooLong));
        assert_eq!(at(r#"{"exp":9007199254740992}"#, 1000, &OURS), Ok(()));
        assert_eq!(at(r#"{"exp":9007199254740993}"#, 1000, &OURS), Err(JwsError::BadTime));
    }

    #[test]
    fn a_start_in_the_future_is_refused() {
        for name in ["nbf", "iat"] {
            assert_eq!(at(&format!(r#"{{"exp":2000,"{name}":1000}}"#), 1000, &OURS), Ok(()));
            assert_eq!(
                at(&format!(r#"{{"exp":2000,"{name}":1001}}"#), 1000, &OURS),
                Err(JwsError::NotYetValid)
            );
        }
        assert_eq!(at(r#"{"exp":1200,"iat":1060}"#, 1000, &THEIRS), Ok(()));
    }

    #[test]
    fn a_wrong_type_is_not_absent() {
        for claims in [
            "{}",
            r#"{"exp":"2000"}"#,
            r#"{"exp":-1}"#,
            r#"{"exp":2000.5}"#,
            r#"{"exp":null}"#,
            r#"{"exp":[2000]}"#,
            r#"{"exp":18446744073709551616}"#,
            r#"{"exp":2000,"nbf":"1"}"#,
            r#"{"exp":2000,"iat":null}"#,
        ] {
            assert_eq!(at(claims, 1000, &OURS), Err(JwsError::BadTime), "{claims}");
        }
    }

    #[test]
    fn huge_rules_do_not_overflow() {
        let rules = Validity { leeway: Duration::MAX, longest: Some(Duration::MAX) };
        assert_eq!(at(r#"{"exp":1000}"#, 5, &rules), Ok(()));
    }
}
