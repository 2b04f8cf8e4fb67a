//! What a validation may say where the app does not see everything.

use serde_json::{Value, json};

use super::Narrowing;
use crate::rule::{Rule, on};

/// Codes of issues that a submitted resource has by itself. Of the others each may be about somebody: `not-found` says which references lead somewhere,
/// `duplicate` and `conflict` which identifiers are taken, `processing` and `business-rule` anything.
const OWN: [&str; 11] = [
    "code-invalid",
    "extension",
    "informational",
    "invalid",
    "invariant",
    "not-supported",
    "required",
    "structure",
    "success",
    "too-long",
    "value",
];
const SEVERITIES: [&str; 5] = ["fatal", "error", "warning", "information", "success"];

impl Narrowing {
    /// What may be told of the outcome of a `$validate`: how severe its issues are and of which kind, where that kind is about the submitted resource
    /// alone. Never in the server's words, which may speak of others, and always with a remark that there may be more.
    ///
    /// Answer with status 200, whatever the server answered to the validation: 422 because an identifier is taken would say so.
    pub fn filter_outcome(&self, outcome: &Value) -> Value {
        let is_outcome = outcome.get("resourceType").and_then(Value::as_str) == Some("OperationOutcome");
        let issues = outcome.get("issue").and_then(Value::as_array).filter(|_| is_outcome);
        let told = issues.into_iter().flatten().filter_map(|issue| {
            let text = |name: &str| issue.get(name).and_then(Value::as_str);
            let severity = text("severity").filter(|severity| SEVERITIES.contains(severity))?;
            let code = text("code").filter(|code| OWN.contains(code) || !on(Rule::ValidateOutcome))?;
            Some(json!({"severity": severity, "code": code}))
        });
        let rest = json!({
            "severity": "information", "code": "suppressed",
            "diagnostics": "within the granted scopes, only what is wrong with the resource by itself is told",
        });
        let issues: Vec<Value> = told.chain([rest]).collect();
        json!({"resourceType": "OperationOutcome", "issue": issues})
    }
}
