//! Form and query parameters, strictly (GEN-003 to GEN-009, GEN-016).

/// At most so many parameters in a request, known or not.
pub const MAX_PARAMS: usize = 64;

/// Why a query or a form cannot be read at all.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ParamsError {
    /// More than [`MAX_PARAMS`], or than the given limit.
    #[error("too many parameters")]
    TooMany,
}

/// Why one parameter cannot be used.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ParamError {
    /// Sent more than once.
    #[error("a parameter was sent more than once")]
    Repeated,
    /// Broken percent-encoding, invalid UTF-8 or control characters.
    #[error("a parameter is not well-formed")]
    Malformed,
}

/// The parameters of one request, in the order in which they came.
///
/// Values keep their white space (GEN-016). An empty value counts as not sent (GEN-004).
///
/// ```
/// use vestibule_core::params::{ParamError, Params};
/// let params = Params::parse(b"a=1&b=&c=%00&d=x&d=y").unwrap();
/// assert_eq!(params.one("a"), Ok(Some("1")));
/// assert_eq!(params.one("b"), Ok(None));
/// assert_eq!(params.one("c"), Err(ParamError::Malformed));
/// assert_eq!(params.one("d"), Err(ParamError::Repeated));
/// ```
#[derive(Clone)]
pub struct Params {
    pairs: Vec<(String, Result<String, ParamError>)>,
    limit: usize,
}

impl Default for Params {
    fn default() -> Self {
        Self::up_to(MAX_PARAMS)
    }
}

impl std::fmt::Debug for Params {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Values are codes, verifiers, states: names only (LOG-001).
        f.debug_list().entries(self.pairs.iter().map(|(name, _)| name)).finish()
    }
}

impl Params {
    /// No parameters yet, and at most `limit`: for our own forms, which repeat a field for each box that was ticked.
    pub const fn up_to(limit: usize) -> Self {
        Self { pairs: Vec::new(), limit }
    }

    /// Reads `application/x-www-form-urlencoded` text.
    ///
    /// # Errors
    /// [`ParamsError::TooMany`], found by counting before anything is decoded.
    pub fn parse(text: &[u8]) -> Result<Self, ParamsError> {
        let mut params = Self::default();
        params.append(text)?;
        Ok(params)
    }

    /// Adds the parameters of a second part of the same request: a query beside a form (GEN-003).
    ///
    /// # Errors
    /// [`ParamsError::TooMany`] for both parts together.
    pub fn append(&mut self, text: &[u8]) -> Result<(), ParamsError> {
        let pieces = || text.split(|b| *b == b'&').filter(|piece| !piece.is_empty());
        if self.pairs.len().saturating_add(pieces().count()) > self.limit {
            return Err(ParamsError::TooMany);
        }
        for piece in pieces() {
            let well_formed = is_well_encoded(piece);
            for (name, value) in form_urlencoded::parse(piece) {
                let value = if well_formed && is_clean(&value) {
                    Ok(value.into_owned())
                } else {
                    Err(ParamError::Malformed)
                };
                self.pairs.push((name.into_owned(), value));
            }
        }
        Ok(())
    }

    /// The value of a parameter that may come once; `None` if it did not come or is empty.
    ///
    /// # Errors
    /// [`ParamError`] if it came more than once, empty or not, or cannot be read.
    pub fn one(&self, name: &str) -> Result<Option<&str>, ParamError> {
        let mut found = self.pairs.iter().filter(|(known, _)| known == name);
        let Some((_, value)) = found.next() else { return Ok(None) };
        if found.next().is_some() {
            return Err(ParamError::Repeated);
        }
        match value {
            Ok(text) if text.is_empty() => Ok(None),
            Ok(text) => Ok(Some(text)),
            Err(error) => Err(*error),
        }
    }

    /// Every non-empty value of a parameter that may repeat.
    ///
    /// # Errors
    /// [`ParamError::Malformed`] if one cannot be read.
    pub fn all(&self, name: &str) -> Result<Vec<&str>, ParamError> {
        self.pairs
            .iter()
            .filter(|(known, _)| known == name)
            .map(|(_, value)| value.as_deref().map_err(|error| *error))
            .filter(|value| *value != Ok(""))
            .collect()
    }

    /// The same parameters as a query, in the same order; `None` if one of them cannot be read.
    pub fn to_query(&self) -> Option<String> {
        let mut query = form_urlencoded::Serializer::new(String::new());
        for (name, value) in &self.pairs {
            query.append_pair(name, value.as_deref().ok()?);
        }
        Some(query.finish())
    }

    /// Whether any parameter other than `may_repeat` came more than once.
    pub fn repeats_any_but(&self, may_repeat: &str) -> bool {
        let mut names: Vec<&str> =
            self.pairs.iter().map(|(name, _)| name.as_str()).filter(|n| *n != may_repeat).collect();
        names.sort_unstable();
        names.windows(2).any(|pair| pair.first() == pair.last())
    }

    /// Whether a parameter came with a value, readable or not (GEN-004).
    pub fn has(&self, name: &str) -> bool {
        self.pairs.iter().any(|(known, value)| known == name && value.as_deref() != Ok(""))
    }
}

/// Each `%` is followed by two hexadecimal digits (GEN-008): the decoder itself would let `%zz` pass as text.
fn is_well_encoded(piece: &[u8]) -> bool {
    let mut bytes = piece.iter();
    while let Some(byte) = bytes.next() {
        if *byte == b'%' {
            let digits = [bytes.next(), bytes.next()];
            if !digits.iter().all(|digit| digit.is_some_and(u8::is_ascii_hexdigit)) {
                return false;
            }
        }
    }
    true
}

/// No control character, and no U+FFFD, which is what the decoder makes of invalid UTF-8.
fn is_clean(value: &str) -> bool {
    !value.chars().any(|c| c.is_control() || c == '\u{fffd}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn malformed_values_are_refused_not_repaired() {
        for bad in [
            "a=%",
            "a=%z1",
            "a=%1",
            "a=%ff",
            "a=%c3%28",
            "a=%00",
            "a=%0d%0a",
            "a=%7f",
            "a=%c2%85",
            "a=%ef%bf%bd",
        ] {
            let params = Params::parse(bad.as_bytes()).unwrap();
            assert_eq!(params.one("a"), Err(ParamError::Malformed), "{bad}");
        }
        assert_eq!(Params::parse(b"a=%20+b%26").unwrap().one("a"), Ok(Some("  b&")));
    }

    #[test]
    fn bounds_and_repeats() {
        assert!(Params::parse("a=1&".repeat(64).as_bytes()).is_ok());
        assert_eq!(Params::parse("a=1&".repeat(65).as_bytes()).unwrap_err(), ParamsError::TooMany);
        let mut both = Params::parse(b"client_id=a").unwrap();
        both.append(b"client_id=a").unwrap();
        assert_eq!(both.one("client_id"), Err(ParamError::Repeated));
        assert!(both.repeats_any_but("resource"));
        assert!(!Params::parse(b"resource=a&resource=b&x=1").unwrap().repeats_any_but("resource"));
        assert_eq!(Params::parse(b"a=&a=").unwrap().one("a"), Err(ParamError::Repeated));
        assert_eq!(Params::parse(b"scope=a&scope=&scope=b").unwrap().all("scope"), Ok(vec!["a", "b"]));
        let same = Params::parse(b"a=1+%26&b=&a=%C3%A9").unwrap();
        assert_eq!(same.to_query().unwrap(), "a=1+%26&b=&a=%C3%A9");
        let some = Params::parse(b"a=1&b=%zz&c=&d").unwrap();
        assert_eq!(some.to_query(), None);
        assert_eq!(["a", "b", "c", "d", "e"].map(|name| some.has(name)), [true, true, false, false, false]);
    }
}
