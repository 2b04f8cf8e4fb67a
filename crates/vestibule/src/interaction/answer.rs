//! Ends an interaction: an error for the app, or a code. Gather → decide → commit → release.

use bytes::Bytes;
use http::header::{CACHE_CONTROL, LOCATION, PRAGMA, REFERRER_POLICY};
use http::{HeaderValue, Response, StatusCode};
use vestibule_core::authorize::issue::{CodeDraft, CodeLife, CodeParts, PREFIX};
use vestibule_core::authorize::launch::LaunchRecord;
use vestibule_core::authorize::{AuthorizeRefusal, AuthorizeResponse, Refusal};
use vestibule_core::explain::Outcome;
use vestibule_host::pages::Problem;
use vestibule_host::{Advanced, AuditDetails, GrantId, Issuance};

use super::drive::Interaction;
use super::held;
use super::prompt::{AuthorizeStep, Turn};
use crate::error::AuthorizeError;
use crate::events::details_of;
use crate::explain::{named, told};
use crate::server::Inner;

/// A grant's row outlives the last token that its code can buy, so that a replay still finds it.
const GRANT_MARGIN: std::time::Duration = std::time::Duration::from_secs(60);

/// The same form once more: the same redirect, whatever it says (INT-015).
pub(crate) const AGAIN: Outcome = Outcome::GoesOn("the answer before");

impl Interaction {
    /// Ends the interaction with an error for the app, or stops this request where the refusal ends nothing.
    pub(crate) async fn refuse(mut self, refusal: Refusal) -> Result<Turn, AuthorizeError> {
        self.trail.reason(format!("{refusal:?}"));
        match refusal.for_app() {
            Some(for_app) => self.answer_refusal(for_app).await,
            None => Err(match refusal {
                Refusal::TimedOut => self.stopped(Problem::Expired),
                Refusal::OtherUser => self.stopped(Problem::OtherUser),
                _ => self.stale(),
            }),
        }
    }

    pub(super) async fn launch_gone(self) -> Result<Turn, AuthorizeError> {
        let refusal = LaunchRecord::accept(None, &self.client.id, &self.pending.base, self.now);
        match refusal {
            Err(refusal) => self.answer_refusal(refusal).await,
            Ok(()) => Err(AuthorizeError::new(Problem::Internal)),
        }
    }

    pub(super) async fn answer_refusal(self, refusal: AuthorizeRefusal) -> Result<Turn, AuthorizeError> {
        let answer = self.redirect.refuse(refusal, self.inner().issuer());
        // What was never stored has nothing to close: its cookie is cleared, and a copy of it meets the same refusal.
        if self.revision.is_some() {
            let inner = self.inner();
            let answered = self.answered.as_ref();
            let event = inner.event(self.details(refusal), Some(&self.trail))?;
            let row = inner.finished_row(&self.held(), &self.who(), &answer, answered, self.now)?;
            let row = row.with_event(event);
            let call = inner.call(self.now)?;
            match held::certain(|| inner.host.grants.advance_interaction(&row, &call)).await? {
                Advanced::Saved(_) => {}
                Advanced::Stale(row) => return self.like_the_winner(&row),
                Advanced::Gone => return Err(self.stopped(Problem::Expired)),
            }
        }
        self.respond(&answer, told(refusal))
    }

    /// What the audit log is told of an interaction that ends without a code.
    fn details(&self, refusal: AuthorizeRefusal) -> AuditDetails {
        let mut details = AuditDetails::default();
        details.client = Some(self.client.id.clone());
        details.user = Some(self.user.user.clone());
        details.session = Some(self.user.session.clone());
        details.patient = self.progress.patient().cloned();
        details.encounter = self.progress.encounter().cloned();
        details.base = Some(self.pending.base.clone());
        details.reason = Some(format!("{}: {}", refusal.code.as_str(), refusal.description));
        details
    }

    /// Gather → decide → commit → release: asks everybody again, then issues the code in one commit.
    pub(super) async fn issue(mut self) -> Result<Turn, AuthorizeError> {
        let reask = match self.progress.reask(&self.client.id) {
            Ok(reask) => reask,
            Err(refusal) => return self.refuse(refusal).await,
        };
        let mut trail = std::mem::take(&mut self.trail);
        let agreed = self.inner().ask_again(reask, self.now, &mut trail).await;
        self.trail = trail;
        let grantable = match agreed? {
            Ok(grantable) => grantable,
            Err(refusal) => return self.refuse(refusal).await,
        };
        let inner = self.inner();
        let host = &inner.host;
        let code = vestibule_host::Secret::new(inner.secret(PREFIX)?);
        let parts = CodeParts {
            issuer: inner.issuer(),
            client: &self.client,
            request: &self.pending,
            progress: &self.progress,
            user: &self.user,
            launch: self.launch.as_ref().map(|launch| &launch.context),
            code: code.expose_secret(),
            grant: GrantId::new(inner.secret("g_")?),
            life: CodeLife {
                code: inner.config.code_life,
                grant: inner.config.unrefreshed_life() + GRANT_MARGIN,
            },
            now: self.now,
        };
        let draft = match CodeDraft::new(parts, grantable) {
            Ok(draft) => draft,
            Err(refusal) => return self.refuse(refusal).await,
        };
        let answered = self.answered.as_ref();
        let finished = inner.finished_row(&self.held(), &self.who(), draft.answer(), answered, self.now)?;
        let operation = draft.operation(finished, &self.pending)?;
        let event = inner.event(details_of(&operation.grant.id, draft.record()), Some(&self.trail))?;
        let operation = operation.with_event(event);
        let call = inner.call(self.now)?;
        match held::certain(|| host.grants.issue_code(&operation, &call)).await? {
            Issuance::Won => {
                tracing::info!(
                    client = self.client.id.as_str(),
                    grant = operation.grant.id.as_str(),
                    "code issued"
                );
                self.respond(draft.answer(), Outcome::Granted)
            }
            Issuance::Stale(row) => self.like_the_winner(&row),
            Issuance::LaunchGone => self.launch_gone().await, // A-LAUNCH-02
            Issuance::Gone => Err(self.stopped(Problem::Expired)),
        }
    }

    /// Another request of the same form was first: the same redirect (INT-015). Any other: a page.
    fn like_the_winner(self, row: &vestibule_host::StoredInteraction) -> Result<Turn, AuthorizeError> {
        let (Some(finished), Some(step)) = (Inner::as_finished(row), &self.answered) else {
            return Err(self.stale());
        };
        match self.inner().replay_of(&finished, &self.browser, &self.who(), step, self.now) {
            Some(answer) => self.respond(&answer, AGAIN),
            None => Err(self.stopped(Problem::Finished)),
        }
    }

    fn respond(self, answer: &AuthorizeResponse, outcome: Outcome) -> Result<Turn, AuthorizeError> {
        let response = self.server.answer_app(&self.languages, &self.client, answer)?;
        let response = named(response, self.trail.correlation());
        self.server.inner().explain(self.trail, self.endpoint, outcome);
        Ok(Turn { step: AuthorizeStep::Respond(response), cookies: self.cookies })
    }
}

/// A 303 that nobody keeps and that tells no referrer (GEN-014, SMART-AUTHZ-034, HDR-001).
pub(crate) fn redirect(location: &str) -> Option<Response<Bytes>> {
    Response::builder()
        .status(StatusCode::SEE_OTHER)
        .header(LOCATION, HeaderValue::try_from(location).ok()?)
        .header(CACHE_CONTROL, "no-store")
        .header(PRAGMA, "no-cache")
        .header(REFERRER_POLICY, "no-referrer")
        .header("x-content-type-options", "nosniff")
        .header("x-frame-options", "DENY")
        .body(Bytes::new())
        .ok()
}
