//! The service: reads a request, asks who and whether, and lets it through in the chosen way.

use std::future::{Future, poll_fn};
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll};

use async_trait::async_trait;
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::request::Parts;
use http::{Method, Request, Response};
use http_body::Body;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde_json::Value;
use tower_service::Service;
use vestibule_host::BoxError;

use super::enforce::{Asked, Behind, narrowed};
use super::refusal::Refusal;
use super::{Setup, batch, head, strict_json, write};
use crate::bearer;
use crate::decide::Decision;
use crate::denied::Denied;
use crate::interaction::{Act, Interaction, Write};
use crate::principal::Principal;
use crate::request::FhirRequest;

/// A guarded FHIR server. Always ready; what it guards is made ready for each request.
#[derive(Clone, Debug)]
pub struct GuardService<S> {
    inner: S,
    setup: Setup,
}

impl<S> GuardService<S> {
    pub(super) const fn new(inner: S, setup: Setup) -> Self {
        Self { inner, setup }
    }
}

impl<S, B, R> Service<Request<B>> for GuardService<S>
where
    S: Service<Request<B>, Response = Response<R>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Send,
    B: Body + From<Bytes> + Send + 'static,
    B::Data: Send,
    B::Error: Into<BoxError>,
    R: Body + From<Bytes> + Send + 'static,
    R::Data: Send,
    R::Error: Into<BoxError>,
{
    type Response = Response<R>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<R>, S::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let setup = self.setup.clone();
        let next =
            Next { inner: self.inner.clone(), error: None, largest: setup.max_answer, body: PhantomData };
        Box::pin(async move {
            let is_head = request.method() == Method::HEAD;
            let answer = guarded(&setup, request, next).await?;
            Ok(if is_head { answer.map(|_| R::from(Bytes::new())) } else { answer })
        })
    }
}

/// The service behind.
struct Next<S, B, E> {
    inner: S,
    /// Its own error, when a collected answer ended in one.
    error: Option<E>,
    largest: usize,
    body: PhantomData<fn(B)>,
}

impl<S, B, R> Next<S, B, S::Error>
where
    S: Service<Request<B>, Response = Response<R>>,
    B: From<Bytes>,
{
    async fn stream(&mut self, request: Request<Bytes>) -> Result<Response<R>, S::Error> {
        poll_fn(|context| self.inner.poll_ready(context)).await?;
        self.inner.call(request.map(B::from)).await
    }
}

#[async_trait]
impl<S, B, R> Behind for Next<S, B, S::Error>
where
    S: Service<Request<B>, Response = Response<R>> + Send,
    S::Future: Send,
    S::Error: Send,
    B: From<Bytes> + Send,
    R: Body + Send,
    R::Data: Send,
    R::Error: Into<BoxError>,
{
    async fn whole(&mut self, request: Request<Bytes>) -> Result<Response<Bytes>, Refusal> {
        let answer = match self.stream(request).await {
            Ok(answer) => answer,
            Err(error) => {
                self.error = Some(error);
                return Err(Refusal::Inner);
            }
        };
        let (head, body) = answer.into_parts();
        match Limited::new(body, self.largest).collect().await {
            Ok(body) => Ok(Response::from_parts(head, body.to_bytes())),
            Err(error) => {
                tracing::warn!(error = &*error as &dyn std::error::Error, "an answer could not be judged");
                Err(Refusal::BAD_ANSWER)
            }
        }
    }
}

async fn guarded<S, B, R>(
    setup: &Setup,
    request: Request<B>,
    mut next: Next<S, B, S::Error>,
) -> Result<Response<R>, S::Error>
where
    S: Service<Request<B>, Response = Response<R>> + Send,
    S::Future: Send,
    S::Error: Send,
    B: Body + From<Bytes> + Send,
    B::Data: Send,
    B::Error: Into<BoxError>,
    R: Body + From<Bytes> + Send,
    R::Data: Send,
    R::Error: Into<BoxError>,
{
    let (mut head, body) = request.into_parts();
    let read = match read(setup, &head, body).await {
        Ok(read) => read,
        Err(refusal) => return Ok(refused(&refusal)),
    };
    let Read { principal, path, body, json, form, interaction, decision } = read;
    let caller = principal.clone();
    if let Some(principal) = principal {
        head.extensions.insert(principal);
    }
    tracing::debug!(scopes = ?decision.scopes(), "decided");
    if let Decision::Deny(denial) = &decision {
        tracing::debug!(reason = denial as &dyn std::error::Error, "denied");
        return Ok(refused(&Refusal::Denied(Denied::InsufficientScope)));
    }
    let mut answer = if setup.enforces {
        let asked = Asked {
            setup,
            head: &head,
            caller: caller.as_ref(),
            method: head.method.clone(),
            path: &path,
            query: match head::pairs(head.uri.query()) {
                Ok(pairs) => pairs,
                Err(unreadable) => return Ok(refused(&unreadable.into())),
            },
            form,
            body,
            json: json.as_ref(),
        };
        let judged = match &decision {
            Decision::PermitNarrowed(narrowing) => {
                Some(narrowed(&asked, &interaction, narrowing, &mut next).await)
            }
            _ if !write::tells(&asked, &interaction) => None,
            open => Some(match &interaction {
                Interaction::Batch(entries) => {
                    let decisions = vec![open.clone(); entries.len()];
                    batch::batch(&asked, entries, &decisions, &mut next).await
                }
                Interaction::Transaction(entries) => {
                    let decisions = vec![open.clone(); entries.len()];
                    batch::transaction(&asked, entries, &decisions, &mut next).await
                }
                interaction => write::open(&asked, interaction, &mut next).await,
            }),
        };
        match judged {
            Some(Ok(answer)) => answer.map(R::from),
            Some(Err(refusal)) => match next.error.take() {
                Some(error) => return Err(error),
                None => refused(&refusal),
            },
            None => match asked.onward() {
                Ok(request) => next.stream(request).await?,
                Err(refusal) => refused(&refusal),
            },
        }
    } else {
        head.extensions.insert(interaction);
        head.extensions.insert(decision);
        next.stream(Request::from_parts(head, body)).await?
    };
    // For whoever is in front: audit, CORS by app.
    if let Some(caller) = caller {
        answer.extensions_mut().insert(caller);
    }
    Ok(answer)
}

fn refused<R: From<Bytes>>(refusal: &Refusal) -> Response<R> {
    tracing::debug!(?refusal, "refused");
    refusal.response()
}

/// A request that was read and decided on.
struct Read {
    principal: Option<Principal>,
    path: String,
    body: Bytes,
    json: Option<Value>,
    form: Option<Vec<(String, String)>>,
    interaction: Interaction,
    decision: Decision,
}

/// Cheap checks first, the token before the body: nobody without one has a body collected.
async fn read<B>(setup: &Setup, head: &Parts, body: B) -> Result<Read, Refusal>
where
    B: Body + Send,
    B::Data: Send,
    B::Error: Into<BoxError>,
{
    head::check(head)?;
    let path = head::relative(head.uri.path(), &setup.path)?.to_owned();
    let open = path == "/metadata" && matches!(head.method, Method::GET | Method::HEAD);
    let principal = if open && !head.headers.contains_key(AUTHORIZATION) {
        None
    } else {
        let token = bearer::bearer_token(head)?;
        Some(setup.tokens.verify(token, setup.clock.now()).await?)
    };
    let body = collect(body, setup.max_body).await?;
    let content_type = head::text(&head.headers, &CONTENT_TYPE)?;
    let parsed = Parsed::of(head, &path, content_type, &body)?;
    // RFC 6750 §2: one token, in one place.
    if let Some(form) = parsed.form
        && head::pairs(Some(form))?.iter().any(|(name, _)| name == "access_token")
    {
        return Err(Denied::InvalidRequest.into());
    }
    let request = FhirRequest::new(&head.method, &path)
        .with_query(head.uri.query())
        .with_content_type(content_type)
        .with_if_none_exist(head::text(&head.headers, &head::IF_NONE_EXIST)?)
        .with_body(parsed.json.as_ref())
        .with_form(parsed.form);
    let interaction = request.read(&setup.rules)?;
    if setup.enforces {
        // A resource in another format could say anything, for instance that it is found by a search. A Binary is just bytes.
        let is_binary = |write: &Write| write.resource_type.name() == "Binary" && !body.is_empty();
        let readable = match &interaction {
            Interaction::Write(write) if write.act == Act::Delete => body.is_empty(),
            Interaction::Write(write) => parsed.json.is_some() || is_binary(write),
            Interaction::Operation(_) => parsed.json.is_some() || body.is_empty(),
            _ => true,
        };
        if !readable {
            return Err(if body.is_empty() { Refusal::BROKEN } else { Refusal::NOT_JSON });
        }
    }
    let decision = match &principal {
        Some(principal) => principal.decide(&interaction, &setup.rules),
        None if interaction.is_open() => Decision::Permit(crate::decide::Grounds::default()),
        None => return Err(Denied::NoCredentials.into()),
    };
    let form = match parsed.form {
        Some(form) => Some(head::pairs(Some(form))?),
        None => None,
    };
    let json = parsed.json;
    Ok(Read { principal, path, json, form, interaction, decision, body })
}

/// A body as far as it is looked into.
struct Parsed<'b> {
    json: Option<Value>,
    form: Option<&'b str>,
}

impl<'b> Parsed<'b> {
    fn of(head: &Parts, path: &str, content_type: Option<&str>, body: &'b Bytes) -> Result<Self, Refusal> {
        let nothing = Self { json: None, form: None };
        if body.is_empty() {
            return Ok(nothing);
        }
        // What some servers read and others leave in the connection, for the next request to begin with.
        if matches!(head.method, Method::GET | Method::HEAD | Method::DELETE) {
            return Err(Refusal::BROKEN);
        }
        let kind = content_type.ok_or(Refusal::NOT_JSON)?;
        if path.ends_with("/_search") {
            if !head::is_form(kind) {
                return Err(Refusal::NOT_JSON);
            }
            let form = std::str::from_utf8(body).map_err(|_| Refusal::BROKEN)?;
            return Ok(Self { json: None, form: Some(form) });
        }
        if head::is_json(kind) {
            let json = strict_json::read(body).ok_or(Refusal::BROKEN)?;
            return Ok(Self { json: Some(json), form: None });
        }
        Ok(nothing)
    }
}

async fn collect<B>(body: B, largest: usize) -> Result<Bytes, Refusal>
where
    B: Body,
    B::Error: Into<BoxError>,
{
    // A body that announces too much is refused before a byte of it is read.
    if body.size_hint().lower() > u64::try_from(largest).unwrap_or(u64::MAX) {
        return Err(Refusal::TOO_LARGE);
    }
    match Limited::new(body, largest).collect().await {
        // Trailers say nothing that was judged.
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(Refusal::TOO_LARGE),
        // The client went away or sent something that is no body.
        Err(_) => Err(Refusal::BROKEN),
    }
}
