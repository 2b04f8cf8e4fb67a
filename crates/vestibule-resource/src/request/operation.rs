//! Operations: `$name` on the server, a type or a resource.

use http::Method;
use serde_json::Value;

use super::{Reading, Unreadable, query};
use crate::interaction::{Interaction, Operation, OperationLevel};

/// Most parameters in a `Parameters` resource.
const MAX_PARAMETERS: usize = 256;

/// What a query may say where the body is the resource to validate.
const BESIDE_WHAT_IS_VALIDATED: [&str; 3] = ["profile", "_format", "_pretty"];

impl Reading<'_, '_> {
    pub(super) fn operation(&self, name: &str, level: &[&str]) -> Result<Interaction, Unreadable> {
        let level = match level {
            [] => OperationLevel::System,
            [of] => OperationLevel::Type(self.known(of)?),
            [of, id] => OperationLevel::Instance(self.instance(of, id)?),
            _ => return Err(Unreadable::NoInteraction),
        };
        let by_post = match *self.request.method {
            Method::GET | Method::HEAD => false,
            Method::POST => true,
            _ => return Err(Unreadable::NoInteraction),
        };
        if self.request.if_none_exist.is_some() || !by_post && self.request.body.is_some() {
            return Err(Unreadable::Body);
        }
        let mut parameters = query::pairs(self.request.query.unwrap_or_default())?;
        let mut has_complex_parameters = false;
        if let Some(body) = self.request.body {
            let is_list = body.get("resourceType").and_then(Value::as_str) == Some("Parameters");
            // A server may read both, or one. What is validated against a profile is the same either way.
            let changes_nothing = name == "validate"
                && !is_list
                && parameters.iter().all(|(name, _)| BESIDE_WHAT_IS_VALIDATED.contains(&&**name));
            if !parameters.is_empty() && !changes_nothing {
                return Err(Unreadable::QueryBesideForm);
            }
            // Otherwise it is the resource itself, as the operation's only parameter.
            has_complex_parameters = !is_list || read_parameters(body, &mut parameters)?;
        }
        let references = match self.request.body {
            // What validates a write may resolve what the write would.
            Some(body) if name == "validate" => self.references_by_search(body)?,
            _ => Vec::new(),
        };
        let name = name.to_owned();
        Ok(Interaction::Operation(Operation {
            name,
            level,
            by_post,
            parameters,
            has_complex_parameters,
            references,
        }))
    }
}

/// The parameters of primitive types; whether there are others.
fn read_parameters(body: &Value, into: &mut Vec<(String, String)>) -> Result<bool, Unreadable> {
    let list = match body.get("parameter") {
        None => return Ok(false),
        Some(Value::Array(list)) if list.len() <= MAX_PARAMETERS => list,
        Some(_) => return Err(Unreadable::Body),
    };
    let mut others = false;
    for parameter in list {
        let members = parameter.as_object().ok_or(Unreadable::Body)?;
        let name = members.get("name").and_then(Value::as_str).ok_or(Unreadable::Body)?;
        // With an id or an extension it still says what it says to the server.
        others |= members.len() != 2;
        for (member, value) in members.iter().filter(|(member, _)| member.as_str() != "name") {
            match value {
                Value::String(text) if member.starts_with("value") => {
                    into.push((name.to_owned(), text.clone()));
                }
                Value::Number(_) | Value::Bool(_) if member.starts_with("value") => {
                    into.push((name.to_owned(), value.to_string()));
                }
                _ => others = true,
            }
        }
    }
    Ok(others)
}
