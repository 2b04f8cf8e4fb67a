//! The pairs of a query string or form, read as strictly as any server could.

use super::Unreadable;
use crate::rule::{Rule, on};

/// Most bytes of a query or form. Lists of ids are long, nothing else is.
const MAX_LEN: usize = 64 * 1024;
/// Most pairs.
const MAX_PAIRS: usize = 256;

/// Name and value, decoded once.
pub(crate) type Pair = (String, String);

/// Reads the pairs in their order. What two readers could read differently is refused: broken escapes, other encodings than
/// UTF-8, control characters, and `;`, which separates pairs for some.
pub(crate) fn pairs(text: &str) -> Result<Vec<Pair>, Unreadable> {
    if text.len() > MAX_LEN || text.contains(';') && on(Rule::Semicolons) || text.contains('#') {
        return Err(Unreadable::Query);
    }
    let mut pairs = Vec::new();
    for piece in text.split('&').filter(|piece| !piece.is_empty()) {
        if pairs.len() == MAX_PAIRS {
            return Err(Unreadable::Query);
        }
        let (name, value) = piece.split_once('=').unwrap_or((piece, ""));
        pairs.push((decoded(name)?, decoded(value)?));
    }
    Ok(pairs)
}

/// Decodes once, `+` as a space.
fn decoded(text: &str) -> Result<String, Unreadable> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let mut digit = || rest.next().and_then(|digit| char::from(digit).to_digit(16));
                let (Some(high), Some(low)) = (digit(), digit()) else { return Err(Unreadable::Query) };
                u8::try_from(high * 16 + low).map_err(|_| Unreadable::Query)?
            }
            byte => byte,
        });
    }
    String::from_utf8(bytes).ok().filter(|text| !text.chars().any(char::is_control)).ok_or(Unreadable::Query)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decoded_once_and_strictly() {
        let read = |text| pairs(text).unwrap();
        assert_eq!(
            read("a=1&&b=x+y%2B%25&c"),
            [("a".into(), "1".into()), ("b".into(), "x y+%".into()), ("c".into(), String::new()),]
        );
        assert_eq!(read("a%5Fb=%5fc=d"), [("a_b".into(), "_c=d".into())]);
        for bad in ["a=%", "a=%4", "a=%zz", "a=%+1", "a=%ff", "a=%00", "a%0a=1", "a=1;b=2", "a=1#b"] {
            assert_eq!(pairs(bad), Err(Unreadable::Query), "{bad}");
        }
        assert!(pairs(&"a=1&".repeat(256)).is_ok());
        assert!(pairs(&"a=1&".repeat(257)).is_err());
        assert!(pairs(&"a".repeat(MAX_LEN + 1)).is_err());
    }
}
