//! A narrowed request: asked so that its answer can be judged, and answered with what may be shown.

use async_trait::async_trait;
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::request::Parts;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use serde_json::Value;
use vestibule_scope::ResourceType;

use super::refusal::Refusal;
use super::{Setup, answer, batch, bundle, head, write};
use crate::check::Narrowing;
use crate::element::Element;
use crate::interaction::{HistoryOf, Interaction, LogicalId, Operation, OperationLevel};
use crate::principal::Principal;
use crate::search::{Search, SearchOf};

/// The server behind, for requests whose answers are collected.
#[async_trait]
pub(super) trait Behind: Send {
    async fn whole(&mut self, request: Request<Bytes>) -> Result<Response<Bytes>, Refusal>;
}

/// A request as it was read.
pub(super) struct Asked<'a> {
    pub(super) setup: &'a Setup,
    pub(super) head: &'a Parts,
    /// Who asks; nobody for what is open to all.
    pub(super) caller: Option<&'a Principal>,
    pub(super) method: Method,
    /// Below the base.
    pub(super) path: &'a str,
    pub(super) query: Vec<(String, String)>,
    pub(super) form: Option<Vec<(String, String)>>,
    pub(super) body: Bytes,
    pub(super) json: Option<&'a Value>,
}

impl Asked<'_> {
    /// As it came, but for what is not for the server behind.
    pub(super) fn onward(&self) -> Result<Request<Bytes>, Refusal> {
        self.with_body(self.method.clone(), &self.query, self.sent_body())
    }

    /// Another query, the same path; whole and in JSON.
    fn in_full(
        &self,
        method: Method,
        query: &[(String, String)],
        body: Bytes,
    ) -> Result<Request<Bytes>, Refusal> {
        let mut request = self.with_body(method, query, body)?;
        head::in_full(&mut request);
        Ok(request)
    }

    pub(super) fn with_body(
        &self,
        method: Method,
        query: &[(String, String)],
        body: Bytes,
    ) -> Result<Request<Bytes>, Refusal> {
        let path = format!("{}{}", self.setup.path, self.path);
        head::onward(self.head, method, &path, query, body)
    }

    /// A form is written anew, like a query.
    fn sent_body(&self) -> Bytes {
        self.form.as_ref().map_or_else(|| self.body.clone(), |form| head::written(form).into())
    }

    /// The stored resource, whole; `None` if there is none.
    pub(super) async fn stored(
        &self,
        resource_type: ResourceType,
        id: &LogicalId,
        behind: &mut dyn Behind,
    ) -> Result<Option<Value>, Refusal> {
        if let Some(stored) = &self.setup.stored {
            return stored.stored(resource_type, id).await.map_err(|error| {
                tracing::warn!(error = &*error as &dyn std::error::Error, "no word of what is stored");
                Refusal::AWAY
            });
        }
        let path = format!("{}/{}/{}", self.setup.path, resource_type.name(), id.as_str());
        let mut request = head::onward(self.head, Method::GET, &path, &[], Bytes::new())?;
        request.headers_mut().remove(head::IF_NONE_EXIST);
        request.headers_mut().remove("prefer");
        head::in_full(&mut request);
        let answer = behind.whole(request).await?;
        match answer.status() {
            StatusCode::OK => {
                let found = answer::json(&answer).ok_or(Refusal::BAD_ANSWER)?;
                let is = |name: &str, value: &str| found.get(name).and_then(Value::as_str) == Some(value);
                // Of another one nothing must be concluded.
                let asked_for = is("resourceType", resource_type.name()) && is("id", id.as_str());
                if asked_for { Ok(Some(found)) } else { Err(Refusal::BAD_ANSWER) }
            }
            StatusCode::NOT_FOUND | StatusCode::GONE => Ok(None),
            _ => Err(Refusal::AWAY),
        }
    }
}

/// Asks the server behind within the limits of a decision.
pub(super) async fn narrowed(
    asked: &Asked<'_>,
    interaction: &Interaction,
    narrowing: &Narrowing,
    behind: &mut dyn Behind,
) -> Result<Response<Bytes>, Refusal> {
    match interaction {
        Interaction::Capabilities => behind.whole(asked.onward()?).await,
        Interaction::Read(_) | Interaction::Vread(..) => read(asked, narrowing, behind).await,
        Interaction::History(HistoryOf::Instance(_)) => {
            found(asked, narrowing, behind, asked.query.clone(), None, true).await
        }
        // Nothing limits what is on a page: that there is a next one would tell what changed for others.
        Interaction::History(_) => Err(Refusal::NO_NARROWING),
        Interaction::Search(search) => {
            if narrowing.counts_only() {
                return Err(Refusal::NO_COUNT);
            }
            let (mut query, mut form) = (asked.query.clone(), asked.form.clone());
            // Who reads the form alone finds in it all that narrows, also where none came.
            if asked.method == Method::POST {
                form.get_or_insert_default();
            }
            let pairs = within(asked, narrowing, search)?;
            form.as_mut().unwrap_or(&mut query).extend(pairs);
            found(asked, narrowing, behind, query, form, false).await
        }
        Interaction::Write(write) => write::write(asked, write, narrowing, behind).await,
        Interaction::Operation(operation) => called(asked, operation, narrowing, behind).await,
        Interaction::Batch(entries) => batch::batch(asked, entries, narrowing.entries(), behind).await,
        Interaction::Transaction(entries) => {
            batch::transaction(asked, entries, narrowing.entries(), behind).await
        }
    }
}

/// What limits the search of the server behind. What it would leave out only later decides which entries share a page and whether there is
/// a next one, and so tells whether something hidden matches: a search that cannot be limited is refused.
fn within(
    asked: &Asked<'_>,
    narrowing: &Narrowing,
    search: &Search,
) -> Result<Vec<(String, String)>, Refusal> {
    match search.of() {
        SearchOf::Type(_) | SearchOf::Compartment(_, Some(_)) => {
            let additions = narrowing.additions().ok_or(Refusal::NO_NARROWING)?;
            // Several scopes with parameters that have nothing in common: together they are no search, so the app says one of them.
            if !narrowing.searches_within_constraints() {
                return Err(Refusal::NO_COMMON_SEARCH);
            }
            Ok(additions.into_iter().map(|one| (one.name, one.value)).collect())
        }
        // In the patient's own compartment, all that is found is the patient's.
        SearchOf::Compartment(whose, None) if whose.resource_type.name() == "Patient" => Ok(Vec::new()),
        // The next page of a search that was limited, where the server's links name nothing but the page.
        SearchOf::System if search.filters().is_empty() && search.types().is_none() => {
            let paging = asked.setup.rules.paging_parameters();
            let pages = asked.query.iter().any(|(name, _)| paging.contains(name));
            if pages { Ok(Vec::new()) } else { Err(Refusal::NO_NARROWING) }
        }
        _ => Err(Refusal::NO_NARROWING),
    }
}

async fn read(
    asked: &Asked<'_>,
    narrowing: &Narrowing,
    behind: &mut dyn Behind,
) -> Result<Response<Bytes>, Refusal> {
    let mut query = asked.query.clone();
    head::in_full_query(&mut query)?;
    // Of a HEAD nothing can be judged.
    let answer = behind.whole(asked.in_full(Method::GET, &query, Bytes::new())?).await?;
    if answer.status() != StatusCode::OK {
        return Err(answer::instead_of_resource(answer.status()));
    }
    // What cannot be judged is not there: saying that it is broken would say that it is.
    let Some(resource) = answer::json(&answer) else {
        tracing::warn!("a resource came that is not plain JSON; it is not shown");
        return Err(Refusal::NOT_FOUND);
    };
    if !narrowing.check_result(&resource as &dyn Element).is_permitted() {
        return Err(Refusal::NOT_FOUND);
    }
    Ok(answer::resource(answer))
}

/// Searches, histories, and operations that answer with a Bundle.
async fn found(
    asked: &Asked<'_>,
    narrowing: &Narrowing,
    behind: &mut dyn Behind,
    mut query: Vec<(String, String)>,
    form: Option<Vec<(String, String)>>,
    of_one: bool,
) -> Result<Response<Bytes>, Refusal> {
    head::in_full_query(&mut query)?;
    let method = if asked.method == Method::HEAD { Method::GET } else { asked.method.clone() };
    let request = match form {
        Some(mut form) => {
            head::in_full_query(&mut form)?;
            let mut request = asked.in_full(method, &query, head::written(&form).into())?;
            request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(head::FORM));
            request
        }
        None => asked.in_full(method, &query, asked.body.clone())?,
    };
    let answer = behind.whole(request).await?;
    if answer.status() != StatusCode::OK {
        return Err(answer::instead_of_bundle(answer.status()));
    }
    let kept =
        answer::is_plain_json(answer.headers()).then(|| bundle::filter(narrowing, answer.body())).flatten();
    let kept = kept.ok_or(Refusal::BAD_ANSWER)?;
    // The history of what is hidden, or is not there: neither has one.
    if of_one && kept.entries == 0 {
        return Err(Refusal::NOT_FOUND);
    }
    Ok(answer::bundle(kept.body))
}

async fn called(
    asked: &Asked<'_>,
    operation: &Operation,
    narrowing: &Narrowing,
    behind: &mut dyn Behind,
) -> Result<Response<Bytes>, Refusal> {
    let checks = narrowing.checks();
    if checks.submitted {
        let submitted = Operation::submitted(asked.json.ok_or(Refusal::NOT_JSON)?);
        write::kept(submitted.ok_or(Refusal::BROKEN)?, narrowing)?;
    }
    if checks.stored {
        let OperationLevel::Instance(instance) = &operation.level else { return Err(Refusal::NO_NARROWING) };
        let stored = asked.stored(instance.resource_type, &instance.id, behind).await?;
        if !narrowing.check_stored(stored.as_ref().map(|it| it as &dyn Element)).is_permitted() {
            return Err(Refusal::NOT_FOUND);
        }
    }
    if checks.bundle {
        return found(asked, narrowing, behind, asked.query.clone(), None, false).await;
    }
    if checks.outcome {
        return validated(asked, narrowing, behind).await;
    }
    // An export comes later, and from elsewhere.
    if !checks.stored {
        return Err(Refusal::NO_NARROWING);
    }
    let mut query = asked.query.clone();
    head::in_full_query(&mut query)?;
    let answer = behind.whole(asked.in_full(asked.method.clone(), &query, asked.body.clone())?).await?;
    if !answer.status().is_success() {
        return Err(answer::instead_of_bundle(answer.status()));
    }
    // The one that it was called on may be read; what the operation says of it is the host's table's business.
    Ok(if answer::json(&answer).is_some() { answer::resource(answer) } else { answer::done(&answer) })
}

/// What a validation found wrong with the resource by itself. The status would tell whether there was more.
async fn validated(
    asked: &Asked<'_>,
    narrowing: &Narrowing,
    behind: &mut dyn Behind,
) -> Result<Response<Bytes>, Refusal> {
    let mut query = asked.query.clone();
    head::in_full_query(&mut query)?;
    let reply = behind.whole(asked.in_full(asked.method.clone(), &query, asked.body.clone())?).await?;
    match reply.status() {
        StatusCode::OK
        | StatusCode::BAD_REQUEST
        | StatusCode::CONFLICT
        | StatusCode::PRECONDITION_FAILED
        | StatusCode::UNPROCESSABLE_ENTITY => {
            let outcome = answer::json(&reply).unwrap_or(Value::Null);
            Ok(answer::bundle(narrowing.filter_outcome(&outcome).to_string().into_bytes()))
        }
        status => Err(answer::instead_of_bundle(status)),
    }
}
