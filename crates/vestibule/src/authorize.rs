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
use vestibule_core::explain::Trail;
use vestibule_core::params::Params;
use vestibule_core::record;
use vestibule_host::pages::{BounceView, Problem, View};
use vestibule_host::{ClientId, RegisteredClient, UnixMillis};

use crate::AuthorizationServer;
use crate::error::AuthorizeError;
use crate::http_face::cookies::Site;
use crate::http_face::page::{PageKind, languages};
use crate::interaction::InteractionId;
use crate::interaction::answer::redirect;
use crate::interaction::held::site_of;

impl AuthorizationServer {
    /// Answers an authorize request (SMART-AUTHZ-017: by query or by form).
    pub(crate) async fn authorize(&self, head: &Parts, params: &Params) -> Response<Bytes> {
        match self.begin(head, params).await {
            Ok(response) => response,
            Err(error) => self.problem_page(head, &error),
        }
    }

    async fn begin(&self, head: &Parts, params: &Params) -> Result<Response<Bytes>, AuthorizeError> {
        let inner = self.inner();
        let now = inner.now();
        // Nothing up to the proof may redirect (SMART-AUTHZ-030).
        let identified = Identified::read(params).map_err(AuthorizeError::new)?;
        let client = inner.host.clients.client(&ClientId::new(identified.client_id())).await?;
        let proven = ProvenRedirect::prove(client.as_ref(), &identified, params, inner.config.form_post)
            .map_err(AuthorizeError::new)?;
        let client = client.ok_or(AuthorizeError::new(Problem::UnknownClient))?;
        // From here on the app is told what is wrong.
        let outcome = self.hold(head, params, &client, &proven, now).await;
        let refusal = match outcome {
            Ok(response) => return Ok(response),
            Err(refusal) => refusal,
        };
        tracing::info!(
            client = client.id.as_str(),
            error = refusal.code.as_str(),
            description = refusal.description,
            "authorize request refused"
        );
        self.answer_app(&languages(head), &client, &proven.refuse(refusal, inner.issuer()))
    }

    async fn hold(
        &self,
        head: &Parts,
        params: &Params,
        client: &RegisteredClient,
        proven: &ProvenRedirect,
        now: UnixMillis,
    ) -> Result<Response<Bytes>, AuthorizeRefusal> {
        let inner = self.inner();
        let mut trail = Trail::default();
        let hint = |token: &str| inner.verified(token, &["JWT"], now);
        let rules = inner.config.rules();
        let pending = PendingRequest::validate(params, proven, client, &rules, &hint, now, &mut trail)?;
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
            LaunchRecord::accept(launch.as_ref(), &client.id, &pending.base, now)?;
        }
        let id = InteractionId::fresh(inner).map_err(|_| AuthorizeRefusal::unavailable())?;
        let silent = pending.sign_in.is_silent();
        // A form from another site comes without its cookies, so it goes round once as others do (SMART-AUTHZ-019).
        if silent && head.method == Method::GET {
            return match self.answer_silently(head, &id, pending, now).await {
                Ok(turn) => Ok(self.show(head, turn)),
                Err(error) => Err(told_to_app(&error)),
            };
        }
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
            Site::Framed if !silent => {
                let view = View::Bounce(BounceView { to: &path, app: self.app_view(client, proven) });
                self.page(head, &view, PageKind::of(client, proven))
            }
            Site::Framed | Site::Lax => redirect(&path).ok_or(AuthorizeRefusal::internal())?,
        };
        for cookie in cookies {
            response.headers_mut().append(http::header::SET_COOKIE, cookie);
        }
        Ok(response)
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
