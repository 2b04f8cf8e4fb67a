//! Batches, each entry as if sent alone (SMART-SCOPE-022), and transactions, of which nothing can be taken apart.

use bytes::Bytes;
use http::header::{ETAG, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED, LOCATION};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::enforce::{Asked, Behind, narrowed};
use super::refusal::{FHIR_JSON, Refusal};
use super::write::{self, Only};
use super::{answer, head, strict_json};
use crate::decide::Decision;
use crate::interaction::{Act, BatchEntry, Interaction};
use crate::request::Unreadable;

/// Sends the entries one after the other.
pub(super) async fn batch(
    asked: &Asked<'_>,
    entries: &[BatchEntry],
    decisions: &[Decision],
    behind: &mut dyn Behind,
) -> Result<Response<Bytes>, Refusal> {
    let sent = Sent::of(asked)?;
    let mut out = br#"{"resourceType":"Bundle","type":"batch-response","entry":["#.to_vec();
    for (at, (entry, decision)) in entries.iter().zip(decisions).enumerate() {
        if at > 0 {
            out.push(b',');
        }
        let outcome = match sent.get(at) {
            // Earlier entries may have changed something, so they are answered.
            _ if out.len() > asked.setup.max_answer => Err(Refusal::TOO_MUCH),
            Some(sent) => one(asked, sent, entry, decision, behind).await,
            None => Err(Refusal::Unreadable(Unreadable::Batch)),
        };
        // The service behind is gone, for all that is left.
        if let Err(Refusal::Inner) = outcome {
            return Err(Refusal::Inner);
        }
        respond(outcome, &mut out);
    }
    out.extend_from_slice(b"]}");
    Ok(answer::bundle(out))
}

async fn one(
    asked: &Asked<'_>,
    sent: &Sent<'_>,
    entry: &BatchEntry,
    decision: &Decision,
    behind: &mut dyn Behind,
) -> Result<Response<Bytes>, Refusal> {
    let interaction = entry.interaction.as_ref().map_err(|unreadable| Refusal::Unreadable(*unreadable))?;
    let head = sent.head(asked.head)?;
    let (path, query) = sent.target(asked)?;
    let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
    let single = Asked {
        setup: asked.setup,
        head: &head,
        caller: asked.caller,
        method: sent.method()?,
        path: &path,
        query: head::pairs(query)?,
        form: None,
        body: sent.resource.map_or_else(Bytes::new, |raw| Bytes::copy_from_slice(raw.get().as_bytes())),
        json: sent.json.as_ref(),
    };
    match decision {
        Decision::Deny(_) => Err(Refusal::FORBIDDEN),
        Decision::Permit(_) if write::tells(&single, interaction) => {
            write::open(&single, interaction, behind).await
        }
        Decision::Permit(_) => {
            let mut request = single.onward()?;
            head::in_full(&mut request);
            for name in [IF_MATCH, IF_NONE_MATCH, IF_MODIFIED_SINCE] {
                if let Some(value) = head.headers.get(&name) {
                    request.headers_mut().insert(name, value.clone());
                }
            }
            behind.whole(request).await
        }
        Decision::PermitNarrowed(narrowing) => {
            Box::pin(narrowed(&single, interaction, narrowing, behind)).await
        }
    }
}

/// An entry of the response.
fn respond(outcome: Result<Response<Bytes>, Refusal>, out: &mut Vec<u8>) {
    let mut response = Map::new();
    let mut resource = None;
    match outcome {
        Ok(answer) => {
            response.insert("status".into(), answer.status().as_u16().to_string().into());
            for (name, member) in [(ETAG, "etag"), (LOCATION, "location")] {
                if let Some(text) = answer.headers().get(name).and_then(|value| value.to_str().ok()) {
                    response.insert(member.into(), text.into());
                }
            }
            let json = answer::json(&answer).filter(|value| value.get("resourceType").is_some());
            match json {
                // What went wrong is an outcome, also where the server behind may say it in its own words.
                Some(outcome) if !answer.status().is_success() => {
                    response.insert("outcome".into(), outcome);
                }
                Some(_) => resource = Some(answer.into_body()),
                None => (),
            }
        }
        Err(refusal) => {
            response.insert("status".into(), refusal.status().as_u16().to_string().into());
            let outcome = serde_json::from_str(&refusal.outcome()).unwrap_or(Value::Null);
            response.insert("outcome".into(), outcome);
        }
    }
    out.extend_from_slice(br#"{"response":"#);
    out.extend_from_slice(Value::Object(response).to_string().as_bytes());
    if let Some(resource) = resource {
        out.extend_from_slice(br#","resource":"#);
        out.extend_from_slice(&resource);
    }
    out.push(b'}');
}

/// All or nothing, so it goes on as one. Only writes that were judged, each bound to the version that was; the answer says what was
/// done and shows no resource.
pub(super) async fn transaction(
    asked: &Asked<'_>,
    entries: &[BatchEntry],
    decisions: &[Decision],
    behind: &mut dyn Behind,
) -> Result<Response<Bytes>, Refusal> {
    let sent = Sent::of(asked)?;
    let mut bound: Vec<Map<String, Value>> = Vec::with_capacity(sent.len());
    let mut creates_by_id = false;
    for ((sent, entry), decision) in sent.iter().zip(entries).zip(decisions) {
        let mut request = sent.request.clone();
        let interaction =
            entry.interaction.as_ref().map_err(|unreadable| Refusal::Unreadable(*unreadable))?;
        match decision {
            Decision::Deny(_) => return Err(Refusal::FORBIDDEN),
            Decision::Permit(_) => {}
            Decision::PermitNarrowed(narrowing) => {
                let Interaction::Write(it) = interaction else { return Err(Refusal::NO_NARROWING) };
                if it.condition.is_some() || it.act == Act::Patch {
                    return Err(Refusal::NO_NARROWING);
                }
                let head = sent.head(asked.head)?;
                let single = Asked {
                    setup: asked.setup,
                    head: &head,
                    caller: asked.caller,
                    method: sent.method()?,
                    path: "",
                    query: Vec::new(),
                    form: None,
                    body: Bytes::new(),
                    json: sent.json.as_ref(),
                };
                write::submitted(&single, narrowing)?;
                match write::stored(&single, it, narrowing, behind).await? {
                    Only::Anything => {}
                    Only::Nothing => {
                        creates_by_id = true;
                        request.insert("ifNoneMatch".into(), "*".into());
                    }
                    Only::Version(version) => {
                        request.insert("ifMatch".into(), write::tag(&version).into());
                    }
                }
            }
        }
        bound.push(request);
    }
    let body = rewritten(asked, &sent, &bound).ok_or(Refusal::BROKEN)?;
    let mut request = asked.with_body(Method::POST, &[], body.into())?;
    head::in_full(&mut request);
    let reply = behind.whole(request).await?;
    if reply.status() != StatusCode::OK {
        let only = if creates_by_id { Only::Nothing } else { Only::Anything };
        return Err(only.instead_of_write(reply.status()));
    }
    let outcome = answer::json(&reply).ok_or(Refusal::BAD_ANSWER)?;
    Ok(answer::bundle(bare(&outcome).to_string().into_bytes()))
}

/// What was done, without what it was done to.
fn bare(outcome: &Value) -> Value {
    let entries = outcome.get("entry").and_then(Value::as_array);
    let entries: Vec<Value> = entries
        .into_iter()
        .flatten()
        .map(|entry| {
            let text = |name: &str| {
                let value = entry.get("response")?.get(name)?.as_str()?;
                Some((name.to_owned(), Value::from(value)))
            };
            let mut response: Map<String, Value> =
                ["status", "location", "etag", "lastModified"].into_iter().filter_map(text).collect();
            let done = response.get("status").and_then(Value::as_str).is_some_and(write::is_done);
            if !done {
                response.retain(|name, _| name == "status");
            }
            json!({ "response": response })
        })
        .collect();
    json!({ "resourceType": "Bundle", "type": "transaction-response", "entry": entries })
}

/// The Bundle as it came, with the requests as they are bound now.
fn rewritten(asked: &Asked<'_>, sent: &[Sent<'_>], bound: &[Map<String, Value>]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(asked.body.len());
    let mut begin = b'{';
    for (name, raw) in strict_json::members(&asked.body)? {
        out.push(begin);
        begin = b',';
        serde_json::to_writer(&mut out, &name).ok()?;
        out.push(b':');
        if name != "entry" {
            out.extend_from_slice(raw.get().as_bytes());
            continue;
        }
        out.push(b'[');
        for (at, (sent, request)) in sent.iter().zip(bound).enumerate() {
            if at > 0 {
                out.push(b',');
            }
            out.extend_from_slice(br#"{"request":"#);
            serde_json::to_writer(&mut out, request).ok()?;
            for (name, raw) in sent.members.iter().filter(|(name, _)| name != "request") {
                out.push(b',');
                serde_json::to_writer(&mut out, name).ok()?;
                out.push(b':');
                out.extend_from_slice(raw.get().as_bytes());
            }
            out.push(b'}');
        }
        out.push(b']');
    }
    out.push(b'}');
    Some(out)
}

/// An entry as it came.
struct Sent<'b> {
    members: Vec<(String, &'b RawValue)>,
    request: Map<String, Value>,
    resource: Option<&'b RawValue>,
    json: Option<Value>,
}

impl<'b> Sent<'b> {
    fn of(asked: &'b Asked<'_>) -> Result<Vec<Self>, Refusal> {
        let read = || {
            let bundle = strict_json::members(&asked.body)?;
            let Some((_, entries)) = bundle.into_iter().find(|(name, _)| name == "entry") else {
                return Some(Vec::new());
            };
            let entries: Vec<&'b RawValue> = serde_json::from_str(entries.get()).ok()?;
            entries.into_iter().map(Self::read).collect()
        };
        read().ok_or(Refusal::Unreadable(Unreadable::Batch))
    }

    fn read(entry: &'b RawValue) -> Option<Self> {
        let members = strict_json::members(entry.get().as_bytes())?;
        let find = |wanted: &str| members.iter().find(|(name, _)| name == wanted).map(|(_, raw)| *raw);
        let request = find("request").and_then(|raw| strict_json::read(raw.get().as_bytes()));
        let resource = find("resource");
        let json = match resource {
            Some(raw) => Some(strict_json::read(raw.get().as_bytes())?),
            None => None,
        };
        let request = match request {
            Some(Value::Object(request)) => request,
            _ => Map::new(),
        };
        Some(Self { members, request, resource, json })
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.request.get(name).and_then(Value::as_str)
    }

    fn method(&self) -> Result<Method, Refusal> {
        let method = self.text("method").and_then(|method| Method::from_bytes(method.as_bytes()).ok());
        method.ok_or(Refusal::Unreadable(Unreadable::Batch))
    }

    /// Below the base, as it was judged.
    fn target<'s>(&'s self, asked: &'s Asked<'_>) -> Result<(&'s str, Option<&'s str>), Refusal> {
        let url = self.text("url").unwrap_or_default();
        let (path, query) = url.split_once('?').map_or((url, None), |(path, query)| (path, Some(query)));
        let path = asked.setup.rules.relative(path).ok_or(Refusal::Unreadable(Unreadable::Batch))?;
        Ok((path, query))
    }

    /// The headers that a request of its own would have.
    fn head(&self, outer: &Parts) -> Result<Parts, Refusal> {
        let (mut head, ()) = Request::new(()).into_parts();
        head.version = outer.version;
        head.extensions = outer.extensions.clone();
        head.headers = outer.headers.clone();
        head.headers.remove(LAST_MODIFIED);
        for (name, member) in [
            (IF_MATCH, "ifMatch"),
            (IF_NONE_MATCH, "ifNoneMatch"),
            (IF_MODIFIED_SINCE, "ifModifiedSince"),
            (head::IF_NONE_EXIST, "ifNoneExist"),
        ] {
            put(&mut head.headers, name, self.text(member))?;
        }
        head.headers.insert("content-type", HeaderValue::from_static(FHIR_JSON));
        Ok(head)
    }
}

fn put(headers: &mut HeaderMap, name: HeaderName, value: Option<&str>) -> Result<(), Refusal> {
    headers.remove(&name);
    if let Some(value) = value {
        let value = HeaderValue::from_str(value).map_err(|_| Refusal::Unreadable(Unreadable::Batch))?;
        headers.insert(name, value);
    }
    Ok(())
}
