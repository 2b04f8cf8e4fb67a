//! Who sits at the browser: the EHR's own session, shown to Vestibule.

use async_trait::async_trait;
use form_urlencoded::Serializer;
use rusqlite::OptionalExtension as _;
use vestibule_host::user::FhirUser;
use vestibule_host::{
    HostError, SessionId, SignInAsk, SignInMove, SignInReason, SignedInUser, Standing, StandingQuestion,
    UnixMillis, UserAuthenticator, UserId, UserKind,
};

use crate::database::Database;
use crate::ehr::session::{self, Cookie};

/// The hospital's sign-in, as Vestibule sees it.
#[derive(Debug)]
pub struct EhrUsers {
    /// The hospital's tables.
    pub database: Database,
    /// The EHR's session cookie.
    pub cookie: Cookie,
}

#[async_trait]
impl UserAuthenticator for EhrUsers {
    async fn current_user(&self, head: &http::request::Parts) -> Result<Option<SignedInUser>, HostError> {
        let found = session::current(&self.database, &head.headers, &self.cookie).await;
        let Some(session) = found.map_err(HostError::new)? else { return Ok(None) };
        let kind = if session.clinician { UserKind::Clinician } else { UserKind::Patient };
        let auth_time = UnixMillis::from_seconds(session.signed_in);
        let user = SignedInUser::new(
            UserId::new(session.user),
            session.subject,
            SessionId::new(session.id),
            auth_time,
            kind,
        );
        Ok(Some(user.with_fhir_user(FhirUser::new(&session.fhir_user))))
    }

    async fn standing(&self, question: &StandingQuestion<'_>) -> Result<Standing, HostError> {
        let name = question.user.as_str().to_owned();
        let find = "SELECT 1 FROM ehr_user WHERE name = ?1";
        let found = self.database.run(move |c| c.query_row(find, [name], |_| Ok(())).optional()).await;
        if found.map_err(HostError::new)?.is_none() {
            return Ok(Standing::NotAllowed);
        }
        let Some(session) = question.session else { return Ok(Standing::Active) };
        match session::is_open(&self.database, session.as_str(), question.user.as_str()).await {
            Ok(true) => Ok(Standing::Active),
            Ok(false) => Ok(Standing::SessionEnded),
            Err(error) => Err(HostError::new(error)),
        }
    }

    fn sign_in(&self, ask: &SignInAsk<'_>) -> SignInMove {
        let mut query = Serializer::new(String::new());
        query.append_pair("resume", ask.resume);
        // The page asks for a password whoever is signed in, so an app that wants a fresh sign-in gets one.
        match ask.reason {
            SignInReason::NobodyIsSignedIn => {}
            SignInReason::Again | SignInReason::StepUp => drop(query.append_pair("why", "again")),
            SignInReason::SelectAccount => drop(query.append_pair("why", "account")),
        }
        if let Some(hint) = ask.login_hint {
            query.append_pair("login_hint", hint);
        }
        SignInMove::Redirect(format!("/sign-in?{}", query.finish()))
    }
}
