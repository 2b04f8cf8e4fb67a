//! The segments of a path under the FHIR base.

use super::Unreadable;
use crate::rule::{Rule, on};

/// Most segments: `Patient/1/Observation/_search` and `Patient/1/_history/2` have four.
const MAX_SEGMENTS: usize = 4;

/// Splits a path. Nothing is normalised: what needs it is refused, since the server behind may do it differently or not at all.
pub(super) fn segments(path: &str) -> Result<Vec<&str>, Unreadable> {
    let path = path.strip_prefix('/').unwrap_or(path);
    if path.is_empty() {
        return Ok(Vec::new());
    }
    let segments: Vec<&str> = path
        .split('/')
        .filter(|segment| !segment.is_empty() || on(Rule::PathSlashes))
        .take(MAX_SEGMENTS + 1)
        .collect();
    let sound = segments.len() <= MAX_SEGMENTS && segments.iter().all(|segment| is_plain(segment));
    if sound { Ok(segments) } else { Err(Unreadable::Path) }
}

/// Letters, digits, `-`, `.`, `_`, `*`, and the `$` of operations, which many clients escape.
fn is_plain(segment: &str) -> bool {
    let text = segment.strip_prefix("%24").unwrap_or(segment);
    !text.is_empty()
        && !matches!(text, "." | "..")
        && text.bytes().all(|byte| {
            byte.is_ascii_alphanumeric()
                || matches!(byte, b'-' | b'.' | b'_' | b'*' | b'$')
                || byte == b'%' && !on(Rule::PathEscapes)
        })
        || segment.is_empty() && !on(Rule::PathSlashes)
}

/// The name of an operation, if the segment is one.
pub(super) fn operation(segment: &str) -> Option<&str> {
    let name = segment.strip_prefix('$').or_else(|| segment.strip_prefix("%24"))?;
    let sound = !name.is_empty()
        && name.len() <= 64
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    sound.then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_normalised() {
        for (path, expected) in [
            ("", &[][..]),
            ("/", &[]),
            ("Patient", &["Patient"]),
            ("/Patient/1", &["Patient", "1"]),
            ("/Patient/1/%24everything", &["Patient", "1", "%24everything"]),
            ("/Patient/1/_history/2", &["Patient", "1", "_history", "2"]),
        ] {
            assert_eq!(segments(path).unwrap(), expected, "{path}");
        }
        for bad in [
            "//Patient",
            "/Patient//1",
            "/Patient/",
            "/Patient/1/",
            "//",
            "/Patient/../Observation",
            "/./Patient",
            "/Patient/%31",
            "/Patient%2f1",
            "/Patient/1;a=b",
            "/Patient/1\\2",
            "/Patient/ä",
            "/Patient/1 ",
            "/a/b/c/d/e",
            "/Patient/%2e%2e",
            "/Patient/1?x",
            "/Patient/%24",
        ] {
            assert_eq!(segments(bad), Err(Unreadable::Path), "{bad}");
        }
    }
}
