//! The authorize endpoint: parse → identify → prove → validate → hold → send the browser to its interaction.
//!
//! ```text
//!  query or form ─► Params ─► Identified ─► ProvenRedirect ─► PendingRequest ─► launch accepted ─► sealed ─► 303
//!                   └────── a page, never a redirect ──────┘└───────── a redirect with `error` ─────────┘
//! ```
//! Nothing is written here, except what is too large for a cookie.

use bytes::Bytes;
use http::request::Parts;
use http::{Method, Response};
use vestibule_core::authorize::launch::LaunchRecord;
use vestibule_core::authorize::{AuthorizeRefusal, Identified, PendingRequest, ProvenRedirect};
use vestibule_core::explain::{Endpoint, Outcome, Trail};
use vestibule_core::params::Params;
use vestibule_core::record;
use vestibule_host::pages::{BounceView, Problem, View};
use vestibule_host::{ClientId, RateAnswer, RatePoint, RateQuestion, RegisteredClient, Source, UnixMillis};

use crate::AuthorizationServer;
use crate::error::AuthorizeError;
use crate::explain::{named, told};
use crate::http_face::cookies::Site;
use crate::http_face::page::{PageKind, languages};
use crate::interaction::InteractionId;
use crate::interaction::answer::redirect;
use crate::interaction::held::site_of;

/// The longest query that a silent request is sent round with.
const MAX_ROUND: usize = 6 * 1024;

impl AuthorizationServer {
    /// Answers an authorize request (SMART-AUTHZ-017: by query or by form).
    pub(crate) async fn authorize(&self, head: &Parts, params: &Params) -> Response<Bytes> {
        let mut trail = self.inner().trail();
        match self.begin(head, params, &mut trail).await {
            Ok(response) => response,
            Err(error) => self.problem_page(head, &error.after(trail, Endpoint::Authorize)),
        }
    }

    async fn begin(
        &self,
        head: &Parts,
        params: &Params,
        trail: &mut Trail,
    ) -> Result<Response<Bytes>, AuthorizeError> {
        let inner = self.inner();
        let now = inner.now();
        // Nothing up to the proof may redirect (SMART-AUTHZ-030).
        let identified = Identified::read(params).map_err(AuthorizeError::new);
        let identified =
            trail.check("SMART-AUTHZ-002", "client_id and redirect_uri, once each", identified)?;
        let id = ClientId::new(identified.client_id());
        trail.check("GEN-013", "not too many requests", self.may_begin(head, &id).await)?;
        let client = inner.host.clients.client(&id).await?;
        let client = client.filter(RegisteredClient::is_enabled);
        if let Some(client) = &client {
            trail.client(&client.id);
        }
        let proven = ProvenRedirect::prove(client.as_ref(), &identified, params, inner.config.form_post)
            .map_err(AuthorizeError::new);
        let proven = trail.check("SMART-AUTHZ-030", "a known app, and an address of its own", proven)?;
        let client = client.ok_or(AuthorizeError::new(Problem::UnknownClient))?;
        // From here on the app is told what is wrong.
        let refusal = match self.hold(head, params, &client, &proven, now, trail).await {
            Ok(response) => return Ok(response),
            Err(refusal) => refusal,
        };
        // Told to the operator alone: refusals of one kind are the same to the byte, whatever stands behind them (A-TIME-07).
        inner.explain(trail.clone(), Endpoint::Authorize, told(refusal));
        let answer = proven.refuse(refusal, inner.issuer());
        self.answer_app(&languages(head), &client, &answer)
    }

    /// Asks the host's gate before anything is looked up or held. A page says no: no address is proven yet.
    async fn may_begin(&self, head: &Parts, client: &ClientId) -> Result<(), AuthorizeError> {
        let Some(gate) = &self.inner().rate else { return Ok(()) };
        let source = head.extensions.get::<Source>();
        match gate.ask(&RateQuestion::new(RatePoint::Authorize, Some(client), source)).await {
            RateAnswer::Go => Ok(()),
            RateAnswer::Wait(wait) => Err(AuthorizeError::too_many(wait)),
        }
    }

    async fn hold(
        &self,
        head: &Parts,
        params: &Params,
        client: &RegisteredClient,
        proven: &ProvenRedirect,
        now: UnixMillis,
        trail: &mut Trail,
    ) -> Result<Response<Bytes>, AuthorizeRefusal> {
        let inner = self.inner();
        let hint = |token: &str| inner.verified(token, &["JWT"], now);
        let rules = inner.config.rules();
        let pending = PendingRequest::validate(params, proven, client, &rules, &hint, now, trail)?;
        if let Some(hash) = pending.launch {
            // A fault is not "unknown launch" (principle 5).
            let call = inner.call(now).map_err(|_| AuthorizeRefusal::unavailable())?;
            let found = inner.host.grants.launch(&hash, &call).await.map_err(|fault| unavailable(&fault))?;
            let launch = match found {
                Some(stored) => {
                    Some(record::read::<LaunchRecord>(&stored).map_err(|_| AuthorizeRefusal::unavailable())?)
                }
                None => None,
            };
            let accepted = LaunchRecord::accept(launch.as_ref(), &client.id, &pending.base, now);
            trail.check("SMART-LAUNCH-014", "the launch is this app's, and in time", accepted)?;
        }
        if pending.sign_in.is_silent() {
            return match self.where_cookies_come(head, params).await {
                Ok(None) => self.answer_now(head, client, pending, now, trail).await,
                Ok(Some(again)) => {
                    inner.explain(trail.clone(), Endpoint::Authorize, Outcome::GoesOn("authorize"));
                    Ok(again)
                }
                Err(fault) => Err(told_to_app(&fault)),
            };
        }
        let id = InteractionId::fresh(inner).map_err(|_| AuthorizeRefusal::unavailable())?;
        let cookies = inner.hold(&id, pending, client, now).await.map_err(|error| {
            tracing::warn!(
                client = client.id.as_str(),
                error = &error as &dyn std::error::Error,
                "cannot hold"
            );
            AuthorizeRefusal::unavailable()
        })?;
        let path = inner.interaction_path(&id);
        // A framed browser gets a page of ours first, so that its next request is same-site (design §5).
        let mut response = match site_of(client) {
            Site::Framed => {
                let view = View::Bounce(BounceView { to: &path, app: self.app_view(client, proven) });
                self.page(head, &view, PageKind::of(client, proven))
            }
            Site::Lax => redirect(&path).ok_or(AuthorizeRefusal::internal())?,
        };
        for cookie in cookies {
            response.headers_mut().append(http::header::SET_COOKIE, cookie);
        }
        trail.flow(id.flow(inner.issuer()));
        inner.explain(trail.clone(), Endpoint::Authorize, Outcome::GoesOn("interaction"));
        Ok(named(response, trail.correlation()))
    }

    /// Answers a request that forbids every page: in this very answer, so that nothing can come in between (OIDC-001).
    async fn answer_now(
        &self,
        head: &Parts,
        client: &RegisteredClient,
        pending: PendingRequest,
        now: UnixMillis,
        trail: &mut Trail,
    ) -> Result<Response<Bytes>, AuthorizeRefusal> {
        let id = InteractionId::fresh(self.inner()).map_err(|_| AuthorizeRefusal::unavailable())?;
        match self.answer_silently(head, &id, pending, now, trail.clone()).await {
            Ok(turn) => Ok(self.show(head, turn)),
            Err(error) => {
                trail.client(&client.id);
                Err(told_to_app(&error))
            }
        }
    }

    /// A form from another site comes without the host's `Lax` cookies, so nobody seems to be signed in (SMART-AUTHZ-019). Such a
    /// silent request is sent round once, as a query: what it would be told without cookies might not be true. `None` for
    /// every other: it has its cookies, or has none.
    async fn where_cookies_come(
        &self,
        head: &Parts,
        params: &Params,
    ) -> Result<Option<Response<Bytes>>, AuthorizeError> {
        let from_here = || {
            let site = head.headers.get("sec-fetch-site").map(http::HeaderValue::as_bytes);
            matches!(site, Some(b"same-origin" | b"same-site" | b"none"))
        };
        if head.method == Method::GET || from_here() {
            return Ok(None);
        }
        if self.inner().host.users.current_user(head).await?.is_some() {
            return Ok(None);
        }
        // A query that a server on the way would not take is answered as it came.
        let query = params.to_query().filter(|query| query.len() <= MAX_ROUND);
        Ok(query.and_then(|query| {
            redirect(&format!("{}/auth/authorize?{query}", self.inner().config.issuer_path()))
        }))
    }
}

/// A page would have said it; the address is proven, so the app is told (OIDC-001).
fn told_to_app(error: &AuthorizeError) -> AuthorizeRefusal {
    tracing::warn!(error = error as &dyn std::error::Error, "a silent request cannot be answered");
    match error.problem {
        Problem::Unavailable => AuthorizeRefusal::unavailable(),
        _ => AuthorizeRefusal::internal(),
    }
}

fn unavailable(fault: &vestibule_host::StoreFault) -> AuthorizeRefusal {
    tracing::warn!(error = fault as &dyn std::error::Error, "the store cannot answer");
    AuthorizeRefusal::unavailable()
}
