//! "Apps with access": what a user granted, and the way to take it back (SMART-MGMT-001, SMART-DISC-031).

use bytes::Bytes;
use http::request::Parts;
use http::{Method, Response};
use vestibule_core::authorize::Who;
use vestibule_core::grant::GrantRecord;
use vestibule_core::params::Params;
use vestibule_core::record;
use vestibule_host::pages::{Form, GrantLine, ManageView, Problem, View, field};
use vestibule_host::{
    GrantId, Moment, PatientAnswer, PatientQuestion, PatientSummary, SignInAsk, SignInMove, SignedInUser,
    StoredGrant,
};
use vestibule_jose::seal::Sealer;

use super::form;
use super::page::PageKind;
use crate::AuthorizationServer;
use crate::error::AuthorizeError;
use crate::interaction::answer::redirect;
use crate::interaction::step_token::{is_manage_token, manage_token};

/// Rows that one read brings.
const CHUNK: u16 = 100;

/// Grants that the page shows at most; the rest follows when some are revoked or end.
const MAX_SHOWN: usize = 500;

impl AuthorizationServer {
    pub(crate) async fn handle_manage(&self, head: &Parts, body: &Bytes) -> Response<Bytes> {
        let answer = match head.method {
            Method::GET => self.show_grants(head).await,
            Method::POST => self.revoke_from_form(head, body).await,
            _ => return self.method_page(head, "GET, POST"),
        };
        answer.unwrap_or_else(|error| self.problem_page(head, &error))
    }

    async fn show_grants(&self, head: &Parts) -> Result<Response<Bytes>, AuthorizeError> {
        let Some(user) = self.inner().host.users.current_user(head).await? else {
            return self.sign_in_to_manage();
        };
        let (action, who) = (self.manage_path(), who_of(&user));
        let mut lines = Vec::new();
        for stored in self.grants_of(&user).await? {
            let record: GrantRecord = record::read(&stored.record)?;
            lines.push(GrantLine {
                id: stored.id.as_str().to_owned(),
                patient: self.still_visible(&user, &record).await?,
                app: record.client_name,
                scopes: record.scopes.iter().cloned().collect(),
                since: record.issued,
                until: stored.keep_until,
            });
        }
        let keys = self.inner().host.keys.snapshot();
        let step = manage_token(&Sealer::new(&keys), self.inner().issuer(), &who)?;
        let view = View::Manage(ManageView {
            user: &user.display_name,
            form: Form { action: &action, step: &step },
            grants: &lines,
            revoked: head.uri.query() == Some("revoked"),
        });
        Ok(self.page(head, &view, PageKind::default()))
    }

    async fn revoke_from_form(&self, head: &Parts, body: &Bytes) -> Result<Response<Bytes>, AuthorizeError> {
        let Some(user) = self.inner().host.users.current_user(head).await? else {
            return self.sign_in_to_manage();
        };
        let mut params = Params::default();
        form::append(head, body, &mut params).map_err(|error| AuthorizeError::new(error.into()))?;
        let one = |name| params.one(name).map_err(|_| AuthorizeError::new(Problem::Malformed));
        let keys = self.inner().host.keys.snapshot();
        let token = one(field::STEP)?.unwrap_or_default();
        let ours = is_manage_token(&Sealer::new(&keys), self.inner().issuer(), &who_of(&user), token);
        if !ours || !self.is_from_here(head) {
            return Err(AuthorizeError::new(Problem::Forged).going_on_at(self.manage_path()));
        }
        let Some(grant) = one(field::REVOKE)? else {
            return Err(AuthorizeError::new(Problem::Malformed).going_on_at(self.manage_path()));
        };
        match self.revoke_grant(&user.user, &GrantId::new(grant)).await {
            // Ended or revoked in another tab: the user has what they want.
            Ok(()) | Err(AuthorizeError { problem: Problem::NotFound, .. }) => {}
            Err(error) => return Err(error),
        }
        redirect(&format!("{}?revoked", self.manage_path())).ok_or(AuthorizeError::new(Problem::Internal))
    }

    async fn grants_of(&self, user: &SignedInUser) -> Result<Vec<StoredGrant>, AuthorizeError> {
        let inner = self.inner();
        let call = inner.call(inner.now())?;
        let mut found: Vec<StoredGrant> = Vec::new();
        loop {
            let after = found.last().map(|grant| grant.id.clone());
            let chunk = inner.host.grants.grants_of(&user.user, after.as_ref(), CHUNK, &call).await?;
            let full = chunk.len() == usize::from(CHUNK);
            found.extend(chunk);
            if !full || found.len() >= MAX_SHOWN {
                return Ok(found);
            }
        }
    }

    /// The patient's name, if the user may still see it.
    async fn still_visible(
        &self,
        user: &SignedInUser,
        record: &GrantRecord,
    ) -> Result<Option<PatientSummary>, AuthorizeError> {
        let Some(patient) = &record.context.patient else { return Ok(None) };
        let question = PatientQuestion::new(&user.user, patient, &record.client, Moment::Consent);
        Ok(match self.inner().host.patients.may_access(&question).await? {
            PatientAnswer::Allowed(allowed) if allowed.summary.id == *patient => Some(allowed.summary),
            _ => None,
        })
    }

    fn sign_in_to_manage(&self) -> Result<Response<Bytes>, AuthorizeError> {
        let path = self.manage_path();
        let SignInMove::Redirect(location) = self.inner().host.users.sign_in(&SignInAsk::new(&path, None))
        else {
            return Err(AuthorizeError::new(Problem::Internal));
        };
        redirect(&location).ok_or(AuthorizeError::new(Problem::Internal))
    }

    fn manage_path(&self) -> String {
        format!("{}/auth/manage", self.config().issuer_path())
    }
}

fn who_of(user: &SignedInUser) -> Who {
    Who { user: user.user.clone(), session: user.session.clone() }
}
