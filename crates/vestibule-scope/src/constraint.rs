//! The search constraint of a granular scope: what stands behind `?` (`SMART-SCOPE-040`…`-050`).
//!
//! A constraint is a conjunction of pairs; a plain pair is a disjunction of comma-separated values, as in FHIR search
//! (`SMART-SCOPE-044`). It is compared in a normal form: values decoded once, sorted and without doubles; pairs that
//! another pair already implies left out. The spelling is kept beside it.

use alloc::borrow::ToOwned;
use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use crate::error::ScopeError;
use crate::list::ScopeList;

/// The search constraint of a granular scope.
///
/// ```
/// use vestibule_scope::Constraint;
///
/// let lab = Constraint::parse("category=laboratory").unwrap();
/// let lab_or_vitals = Constraint::parse("category=vital-signs,laboratory").unwrap();
/// assert!(lab_or_vitals.covers(&lab) && !lab.covers(&lab_or_vitals));
/// assert_eq!(lab.params().collect::<Vec<_>>(), ["category"]);
/// ```
#[derive(Clone)]
pub struct Constraint {
    raw: Box<str>,
    pairs: Vec<Pair>,
    /// Indexes into `pairs`, sorted by meaning, without pairs that another one implies.
    normal: Vec<usize>,
}

impl Constraint {
    /// Most pairs in one constraint. More are refused, so that comparing stays cheap.
    pub const MAX_PAIRS: usize = 16;
    /// Most comma-separated values in one constraint.
    pub const MAX_VALUES: usize = 128;
    /// Longest constraint, in bytes: with level, type and permissions before it, it still fits into a list.
    pub const MAX_LEN: usize = ScopeList::MAX_LEN - 64;

    /// Reads what stands behind the `?` of a granular scope.
    ///
    /// Parameters that shape a result, such as `_count`, are read too; a scope with one is refused.
    ///
    /// # Errors
    /// The [`ScopeError`] that says what is malformed.
    pub fn parse(text: &str) -> Result<Self, ScopeError> {
        if text.len() > Self::MAX_LEN {
            return Err(ScopeError::TooLong);
        }
        if !text.bytes().all(crate::parse::is_token_character) {
            return Err(ScopeError::Character);
        }
        let mut pairs = Vec::new();
        let mut values = 0;
        for pair in text.split('&') {
            let pair = Pair::parse(pair)?;
            values += pair.values.len();
            pairs.push(pair);
            if pairs.len() > Self::MAX_PAIRS || values > Self::MAX_VALUES {
                return Err(ScopeError::TooManyConditions);
            }
        }
        let normal = normal_form(&pairs);
        Ok(Self { raw: text.into(), pairs, normal })
    }

    /// The text behind the `?`, as it was written (`SMART-SCOPE-010`).
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.raw
    }

    /// The pairs in the order they were written.
    pub fn pairs(&self) -> impl Iterator<Item = &Pair> {
        self.pairs.iter()
    }

    /// The names of the search parameters, so that a server can say which it supports (`SMART-SCOPE-041`).
    pub fn params(&self) -> impl Iterator<Item = &str> {
        self.pairs.iter().map(Pair::name)
    }

    /// Whether a pair uses a modifier, a chain, `_filter` or `_has`: experimental, off unless a server turns it on
    /// (`SMART-SCOPE-042`).
    #[must_use]
    pub fn is_experimental(&self) -> bool {
        self.pairs.iter().any(Pair::is_experimental)
    }

    /// Whether a pair is a parameter that shapes results instead of filtering them (`SMART-SCOPE-050`).
    #[must_use]
    pub fn is_result_parameter(&self) -> bool {
        self.pairs.iter().any(Pair::is_result_parameter)
    }

    /// Whether both let the same resources through, as far as this crate can prove.
    #[must_use]
    pub fn same_meaning(&self, other: &Self) -> bool {
        self.normal.len() == other.normal.len()
            && self.normal_pairs().zip(other.normal_pairs()).all(|(a, b)| a.meaning() == b.meaning())
    }

    /// Whether everything that matches `other` matches this constraint too, as far as this crate can prove.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        self.normal_pairs().all(|wide| other.normal_pairs().any(|narrow| wide.covers(narrow)))
    }

    /// The conjunction. `None` where it would break one of the limits above: what cannot be written cannot be granted.
    ///
    /// Written as this constraint, or as `other`, where that one alone means the same.
    #[must_use]
    pub fn and(&self, other: &Self) -> Option<Self> {
        if other.covers(self) {
            return Some(self.clone());
        }
        if self.covers(other) {
            return Some(other.clone());
        }
        let mine = self
            .normal_in_order()
            .filter(|pair| !other.pairs.iter().any(|it| pair.covers(it) && !it.covers(pair)));
        let theirs = other.normal_in_order().filter(|pair| !self.pairs.iter().any(|it| pair.covers(it)));
        let raws: Vec<&str> = mine.chain(theirs).map(|pair| &*pair.raw).collect();
        Self::parse(&raws.join("&")).ok()
    }

    /// One spelling for everything of this meaning: pairs and values sorted, nothing escaped without need.
    #[must_use]
    pub fn canonical(&self) -> Self {
        let pairs: Vec<Pair> = self.normal_pairs().map(Pair::canonical).collect();
        let raws: Vec<&str> = pairs.iter().map(|pair| &*pair.raw).collect();
        let raw = raws.join("&").into_boxed_str();
        let normal = (0..pairs.len()).collect();
        Self { raw, pairs, normal }
    }

    fn normal_pairs(&self) -> impl Iterator<Item = &Pair> {
        self.normal.iter().filter_map(|at| self.pairs.get(*at))
    }

    fn normal_in_order(&self) -> impl Iterator<Item = &Pair> {
        self.pairs.iter().enumerate().filter(|(at, _)| self.normal.contains(at)).map(|(_, pair)| pair)
    }
}

impl fmt::Display for Constraint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.raw)
    }
}

impl fmt::Debug for Constraint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Constraint({})", self.raw)
    }
}

/// One `parameter=value` of a [`Constraint`].
#[derive(Clone)]
pub struct Pair {
    raw: Box<str>,
    name: Box<str>,
    modifier: Option<Box<str>>,
    /// Decoded, sorted, without doubles. An experimental pair has its whole value as the only one: what a comma
    /// means there depends on the modifier.
    values: Vec<String>,
}

impl Pair {
    fn parse(raw: &str) -> Result<Self, ScopeError> {
        if raw.is_empty() {
            return Err(ScopeError::EmptyConstraint);
        }
        let (key, value) = raw.split_once('=').ok_or(ScopeError::PairWithoutValue)?;
        let (name, modifier) = match key.split_once(':') {
            Some((name, modifier)) => (name, Some(modifier)),
            None => (key, None),
        };
        if !name.split('.').all(is_search_parameter)
            || modifier.is_some_and(|modifier| !is_modifier(modifier))
        {
            return Err(ScopeError::ParameterName);
        }
        if value.is_empty() {
            return Err(ScopeError::EmptyValue);
        }
        let value = percent_decode(value)?;
        let mut pair = Self {
            raw: raw.into(),
            name: name.into(),
            modifier: modifier.map(Into::into),
            values: Vec::new(),
        };
        pair.values = if pair.is_experimental() { alloc::vec![value] } else { split_alternatives(&value)? };
        Ok(pair)
    }

    /// The pair as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.raw
    }

    /// The name of the search parameter, with its chain, without its modifier.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The modifier behind `:`.
    #[must_use]
    pub fn modifier(&self) -> Option<&str> {
        self.modifier.as_deref()
    }

    /// The values of which one must match, percent-decoded once (`SMART-SCOPE-049`); FHIR's own escapes such as `\,`
    /// are left in. An experimental pair has one value, commas included.
    pub fn values(&self) -> impl Iterator<Item = &str> {
        self.values.iter().map(String::as_str)
    }

    /// Whether the pair uses a modifier, a chain, `_filter` or `_has` (`SMART-SCOPE-042`).
    #[must_use]
    pub fn is_experimental(&self) -> bool {
        self.modifier.is_some()
            || self.name.contains('.')
            || matches!(&*self.name, "_filter" | "_has" | "_query")
    }

    /// Whether the parameter shapes results instead of filtering them (`SMART-SCOPE-050`).
    #[must_use]
    pub fn is_result_parameter(&self) -> bool {
        RESULT_PARAMETERS.contains(&&*self.name)
    }

    /// What matches `narrow` matches this pair too: the same parameter, and no value that this one lacks.
    fn covers(&self, narrow: &Self) -> bool {
        self.name == narrow.name
            && self.modifier == narrow.modifier
            && is_subset(&narrow.values, &self.values)
    }

    fn meaning(&self) -> (&str, Option<&str>, &[String]) {
        (&self.name, self.modifier.as_deref(), &self.values)
    }

    fn canonical(&self) -> Self {
        let mut raw = String::from(&*self.name);
        if let Some(modifier) = &self.modifier {
            raw.push(':');
            raw.push_str(modifier);
        }
        for (at, value) in self.values.iter().enumerate() {
            raw.push(if at == 0 { '=' } else { ',' });
            percent_encode(value, &mut raw);
        }
        Self { raw: raw.into_boxed_str(), ..self.clone() }
    }
}

impl fmt::Debug for Pair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pair({})", self.raw)
    }
}

/// Parameters of a FHIR search that sort, page or dress the result.
const RESULT_PARAMETERS: [&str; 16] = [
    "_contained",
    "_containedType",
    "_count",
    "_elements",
    "_format",
    "_graph",
    "_include",
    "_maxresults",
    "_offset",
    "_page",
    "_pretty",
    "_revinclude",
    "_score",
    "_sort",
    "_summary",
    "_total",
];

/// Sorted by meaning, without pairs that another one implies; of equals the first stays.
fn normal_form(pairs: &[Pair]) -> Vec<usize> {
    let implied = |at: usize, pair: &Pair| {
        pairs.iter().enumerate().any(|(other_at, other)| {
            at != other_at && pair.covers(other) && (other_at < at || !other.covers(pair))
        })
    };
    let mut kept: Vec<(usize, &Pair)> =
        pairs.iter().enumerate().filter(|(at, pair)| !implied(*at, pair)).collect();
    kept.sort_by(|(_, a), (_, b)| a.meaning().cmp(&b.meaning()));
    kept.into_iter().map(|(at, _)| at).collect()
}

/// Both sorted and without doubles.
fn is_subset(small: &[String], large: &[String]) -> bool {
    let mut rest = large.iter();
    small.iter().all(|value| rest.any(|it| it == value))
}

fn is_search_parameter(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

/// Modifiers (`in`, `of-type`), and what FHIR hangs on `:` in chains (`subject:Patient.name`, `_has:A:b:c`).
fn is_modifier(modifier: &str) -> bool {
    let mut bytes = modifier.bytes();
    bytes.next().is_some_and(|first| first.is_ascii_alphabetic())
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b':'))
}

/// Splits at commas that no backslash escapes. The result is sorted and without doubles.
fn split_alternatives(value: &str) -> Result<Vec<String>, ScopeError> {
    let mut values = Vec::new();
    let mut current = String::new();
    let mut escaped = false;
    for character in value.chars() {
        if character == ',' && !escaped {
            values.push(core::mem::take(&mut current));
        } else {
            current.push(character);
        }
        escaped = character == '\\' && !escaped;
    }
    // A lone escape at the end would swallow the comma of another spelling.
    if escaped {
        return Err(ScopeError::Escape);
    }
    values.push(current);
    // An empty alternative could be read as "anything".
    if values.iter().any(String::is_empty) {
        return Err(ScopeError::EmptyValue);
    }
    values.sort_unstable();
    values.dedup();
    Ok(values)
}

/// Decodes once; `+` is itself (`SMART-SCOPE-049`).
fn percent_decode(text: &str) -> Result<String, ScopeError> {
    if !text.contains('%') {
        return Ok(text.to_owned());
    }
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            decoded.push(byte);
            continue;
        }
        let high = bytes.next().and_then(hex_digit).ok_or(ScopeError::Escape)?;
        let low = bytes.next().and_then(hex_digit).ok_or(ScopeError::Escape)?;
        decoded.push(high << 4 | low);
    }
    let decoded = String::from_utf8(decoded).map_err(|_| ScopeError::Escape)?;
    // The value is shown at consent and written to logs.
    if decoded.chars().any(char::is_control) {
        return Err(ScopeError::Escape);
    }
    Ok(decoded)
}

fn hex_digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

/// Escapes what a scope token, or a pair, cannot hold.
fn percent_encode(text: &str, into: &mut String) {
    const HEX: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F'];
    let hex = |digit: u8| HEX.get(usize::from(digit)).copied().unwrap_or('0');
    for byte in text.bytes() {
        if crate::parse::is_token_character(byte) && !matches!(byte, b'&' | b'%') {
            into.push(char::from(byte));
        } else {
            into.push('%');
            into.push(hex(byte >> 4));
            into.push(hex(byte & 0xF));
        }
    }
}
