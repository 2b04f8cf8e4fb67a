//! Tokens: `code`, `system|code`, `|code`, `system|`. Codes compare exactly.

use crate::element::{Element, text_of};
use crate::reference::{self, Reader, Refers};
use crate::rules::Rules;

/// Whether a coded element has the value of a token parameter.
///
/// The element may be a `CodeableConcept`, `Coding`, `Identifier`, `CodeableReference`, or a plain code, whose system is known to
/// the server alone: it matches a bare code only.
pub(super) fn matches(value: &str, element: &dyn Element) -> bool {
    let Some(wanted) = Wanted::parse(value) else { return false };
    if let Some(code) = element.text() {
        return wanted.system.is_none() && wanted.code.as_deref() == Some(&*code);
    }
    let mut found = wanted.is(text_of(element, "system"), text_of(element, "code"))
        || wanted.is(text_of(element, "system"), text_of(element, "value"));
    element.each("coding", &mut |coding| {
        found = found || wanted.is(text_of(coding, "system"), text_of(coding, "code"));
    });
    element.each("concept", &mut |concept| {
        concept.each("coding", &mut |coding| {
            found = found || wanted.is(text_of(coding, "system"), text_of(coding, "code"));
        });
    });
    found
}

/// Whether a reference leads to the value of a reference parameter: `Type/id`, or an absolute URL on this base. A bare id says
/// no type, so it matches nothing.
pub(super) fn refers(value: &str, element: &dyn Element, reader: &Reader<'_>) -> bool {
    target(value, reader.rules).is_some_and(|wanted| reader.read(element) == wanted)
}

/// Whether something could match it.
pub(super) fn is_token(value: &str) -> bool {
    Wanted::parse(value).is_some()
}

/// The same for a reference.
pub(super) fn is_reference(value: &str, rules: &Rules) -> bool {
    target(value, rules).is_some()
}

fn target(value: &str, rules: &Rules) -> Option<Refers> {
    let wanted = reference::local(rules.relative(value)?, rules);
    matches!(wanted, Refers::To(..)).then_some(wanted)
}

struct Wanted {
    /// `Some(None)`: no system at all.
    system: Option<Option<String>>,
    code: Option<String>,
}

impl Wanted {
    fn parse(value: &str) -> Option<Self> {
        let mut parts = vec![String::new()];
        let mut characters = value.chars();
        while let Some(character) = characters.next() {
            let last = parts.last_mut()?;
            match character {
                '\\' => last.push(characters.next()?),
                '|' => parts.push(String::new()),
                // Commas were split off before; `$` separates composites.
                ',' | '$' => return None,
                other => last.push(other),
            }
        }
        let some = |text: &String| Some(text.clone()).filter(|text| !text.is_empty());
        match parts.as_slice() {
            [code] => Some(Self { system: None, code: Some(some(code)?) }),
            [system, code] if system.is_empty() => Some(Self { system: Some(None), code: Some(some(code)?) }),
            [system, code] => Some(Self { system: Some(some(system)), code: some(code) }),
            _ => None,
        }
    }

    fn is(&self, system: Option<String>, code: Option<String>) -> bool {
        // Nothing with neither is anything.
        (system.is_some() || code.is_some())
            && self.system.as_ref().is_none_or(|wanted| *wanted == system)
            && self.code.as_ref().is_none_or(|wanted| code.as_ref() == Some(wanted))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// SMART-SCOPE-040
    #[test]
    fn every_form_of_a_token() {
        let concept = json!({"coding": [{"system": "s", "code": "a"}, {"code": "b"}], "text": "c"});
        for (value, expected) in [
            ("a", true),
            ("s|a", true),
            ("s|", true),
            ("b", true),
            ("|b", true),
            ("t|a", false),
            ("|a", false),
            ("s|b", false),
            ("t|", false),
            ("c", false),
            ("A", false),
            ("|", false),
            ("", false),
            ("s|a|", false),
            ("a$b", false),
            ("s\\|a", false),
            ("a\\", false),
        ] {
            assert_eq!(matches(value, &concept), expected, "{value}");
        }
        assert!(matches("final", &json!("final")) && !matches("s|final", &json!("final")));
        assert!(!matches("|final", &json!("final")));
        assert!(matches("true", &json!(true)));
        assert!(matches("s|1", &json!({"system": "s", "value": "1"})));
        assert!(matches("s|1", &json!({"concept": {"coding": [{"system": "s", "code": "1"}]}})));
        assert!(matches("a\\|b", &json!({"code": "a|b"})) && matches("a\\,b", &json!({"code": "a,b"})));
        assert!(!matches("a", &json!({})) && !matches("s|", &json!({"code": "s"})));
    }
}
