//! From what is held to an [`Interaction`] in the hands of its user: everything is looked up again, and somebody signs in first.

use http::HeaderValue;
use http::request::Parts;
use vestibule_core::authorize::{AuthorizeRefusal, PendingRequest, Progress, ProvenRedirect, Verdict};
use vestibule_core::explain::{Endpoint, Outcome, Trail};
use vestibule_core::record;
use vestibule_host::pages::Problem;
use vestibule_host::{
    Moment, RegisteredClient, SignInMove, SignInReason, SignedInUser, StandingQuestion, UnixMillis,
};

use super::answer;
use super::drive::Interaction;
use super::held::Found;
use super::id::InteractionId;
use super::prompt::{AuthorizeStep, SignInPrompt, Turn};
use crate::AuthorizationServer;
use crate::error::AuthorizeError;
use crate::explain::{named, told};
use crate::http_face::page::languages;

/// What the resume URL carries when the browser comes back from the host's sign-in, and what a mere reload lacks.
const BACK: &str = "signed-in";

/// What restoring an interaction leads to.
pub(super) enum Restored {
    /// The browser goes elsewhere first: to sign in, or here again with the cookie that it just got. Or the app is answered.
    Before(Box<Turn>),
    /// Somebody is, and may go on.
    Ready(Box<Interaction>),
}

/// An interaction before anybody's it is.
struct Waiting<'a> {
    server: &'a AuthorizationServer,
    head: &'a Parts,
    id: &'a InteractionId,
    pending: &'a PendingRequest,
    client: &'a RegisteredClient,
    redirect: &'a ProvenRedirect,
    endpoint: Endpoint,
}

impl AuthorizationServer {
    /// Answers a request that forbids every page, in the request itself (OIDC-001): there is no form, and so nothing to hold.
    pub(crate) async fn answer_silently(
        &self,
        head: &Parts,
        id: &InteractionId,
        pending: PendingRequest,
        now: UnixMillis,
        trail: Trail,
    ) -> Result<Turn, AuthorizeError> {
        let found = Found::Pending {
            pending,
            browser: String::new(),
            is_new_browser: false,
            revision: None,
            cookies: Vec::new(),
        };
        match self.restore(head, id, found, now, (trail, Endpoint::Authorize)).await? {
            Restored::Before(turn) => Ok(*turn),
            Restored::Ready(mut interaction) => {
                interaction.cookies.clear();
                interaction.settle().await
            }
        }
    }

    pub(super) async fn restore(
        &self,
        head: &Parts,
        id: &InteractionId,
        found: Found,
        now: UnixMillis,
        (mut trail, endpoint): (Trail, Endpoint),
    ) -> Result<Restored, AuthorizeError> {
        let restored = self.look_up_again(head, id, found, now, (&mut trail, endpoint)).await;
        restored.map_err(|error| error.after(trail, endpoint))
    }

    async fn look_up_again(
        &self,
        head: &Parts,
        id: &InteractionId,
        found: Found,
        now: UnixMillis,
        (trail, endpoint): (&mut Trail, Endpoint),
    ) -> Result<Restored, AuthorizeError> {
        let inner = self.inner();
        trail.flow(id.flow(inner.issuer()));
        let (pending, browser, is_new_browser, revision, progress, mut cookies) = match found {
            Found::Pending { pending, browser, is_new_browser, revision, cookies } => {
                (pending, browser, is_new_browser, revision, Progress::SignIn, cookies)
            }
            Found::Open { pending, browser, revision, progress } => {
                (pending, browser, false, Some(revision), progress, Vec::new())
            }
            Found::Finished(_) => return Err(AuthorizeError::new(Problem::Finished)), // INT-016
        };
        // INT-019, REDIR-010: the client and its address are looked up again at each step.
        let client = inner.host.clients.client(&pending.client).await?;
        let redirect = pending.prove(client.as_ref()).map_err(AuthorizeError::new);
        let redirect = trail.check("REDIR-010", "the app and its address are still registered", redirect)?;
        let client = client.ok_or(AuthorizeError::new(Problem::UnknownClient))?;
        trail.client(&client.id);
        let waiting = Waiting {
            server: self,
            head,
            id,
            pending: &pending,
            client: &client,
            redirect: &redirect,
            endpoint,
        };
        let back = is_back(head);
        let signed_in = inner.host.users.current_user(head).await?;
        let user = match (signed_in, progress.who()) {
            (None, None) => {
                trail.note("INT-002", "somebody is signed in", false);
                return waiting.follow(pending.sign_in.judge(None, back), cookies, trail.clone());
            }
            // INT-002, A-CTX-24: the interaction belongs to one user in one session.
            (None, Some(_)) => {
                trail.note("INT-002", "somebody is signed in", false);
                return Err(AuthorizeError::new(Problem::OtherUser).of(&client));
            }
            (Some(user), Some(who)) if user.user != who.user || user.session != who.session => {
                trail.note("INT-002", "it is the user and the session that began it", false);
                return Err(AuthorizeError::new(Problem::OtherUser).of(&client));
            }
            (Some(user), _) => user,
        };
        // A-CODE-19: an authenticator that names nobody has authenticated nobody.
        if user.user.as_str().is_empty() || user.session.as_str().is_empty() || user.subject.is_empty() {
            return Err(AuthorizeError::new(Problem::Internal).of(&client));
        }
        // A new browser comes back with its cookie before anything is stored for it: should this answer get lost on its way,
        // the interaction is not bound to a cookie that nobody has.
        if is_new_browser {
            let again = answer::redirect(&inner.interaction_path(id))
                .ok_or(AuthorizeError::new(Problem::Internal))?;
            inner.explain(trail.clone(), endpoint, Outcome::GoesOn("interaction"));
            return Ok(Restored::Before(Box::new(Turn { step: AuthorizeStep::Respond(again), cookies })));
        }
        // From here on the interaction is stored, or it ends: its cookie has done its work.
        let saved = !matches!(progress, Progress::SignIn);
        if !saved {
            match waiting.judge(&user, back, trail).await? {
                Verdict::GoOn => {}
                verdict => return waiting.follow(verdict, cookies, trail.clone()),
            }
            // One value for a cookie in one answer: not bound and cleared at once (RFC 6265 §4.1.1).
            let pending = format!("{}=", inner.documents.cookies.pending());
            cookies.retain(|cookie| !cookie.as_bytes().starts_with(pending.as_bytes()));
            cookies.extend(inner.clear_pending(id, &client));
        }
        let launch = match pending.launch {
            Some(hash) => {
                let stored = inner.host.grants.launch(&hash, &inner.call(now)?).await?;
                stored.map(|stored| record::read(&stored)).transpose()?
            }
            None => None,
        };
        let interaction = Interaction {
            server: self.clone(),
            id: id.clone(),
            pending,
            client,
            redirect,
            user,
            progress,
            now,
            answered: None,
            revision,
            saved,
            browser,
            launch,
            cookies,
            languages: languages(head),
            trail: trail.clone(),
            endpoint,
            answering: head.method == http::Method::POST,
            explained: false,
            allowed: None,
        };
        Ok(Restored::Ready(Box::new(interaction.with_policy().await?)))
    }
}

impl Waiting<'_> {
    /// Whether the interaction may be this user's: by what the app asks for, then by what the host says (OIDC-014).
    async fn judge(
        &self,
        user: &SignedInUser,
        back: bool,
        trail: &mut Trail,
    ) -> Result<Verdict, AuthorizeError> {
        let wish = &self.pending.sign_in;
        let verdict = wish.judge(Some(user), back);
        if !trail.note("OIDC-002", "the sign-in is what the app asked for", verdict == Verdict::GoOn) {
            return Ok(verdict);
        }
        let session = Some(&user.session);
        let question = StandingQuestion::new(&user.user, session, &self.client.id, Moment::SignIn)
            .with_acr_values(wish.acr_values());
        let standing = self.server.inner().host.users.standing(&question).await?;
        let verdict = wish.judge_standing(standing, back);
        if !trail.note("OIDC-014", "the host lets the user use this app", verdict == Verdict::GoOn) {
            trail.reason(format!("{standing:?}"));
        }
        Ok(verdict)
    }

    fn follow(
        &self,
        verdict: Verdict,
        cookies: Vec<HeaderValue>,
        trail: Trail,
    ) -> Result<Restored, AuthorizeError> {
        let turn = match verdict {
            // Judged by nobody but a user who is there.
            Verdict::GoOn => return Err(AuthorizeError::new(Problem::Internal).of(self.client)),
            Verdict::SignIn(reason) => self.sign_in(reason, cookies, trail)?,
            Verdict::Refuse(refusal) => self.refuse(refusal, trail)?,
        };
        Ok(Restored::Before(Box::new(turn)))
    }

    fn sign_in(
        &self,
        reason: SignInReason,
        cookies: Vec<HeaderValue>,
        mut trail: Trail,
    ) -> Result<Turn, AuthorizeError> {
        let inner = self.server.inner();
        let resume = format!("{}?{BACK}", inner.interaction_path(self.id));
        let ask = self.pending.sign_in.ask(&resume, Some(&self.client.name), reason);
        let SignInMove::Redirect(location) = inner.host.users.sign_in(&ask) else {
            return Err(AuthorizeError::new(Problem::Internal).of(self.client));
        };
        trail.reason(format!("{reason:?}"));
        inner.explain(trail, self.endpoint, Outcome::GoesOn("sign-in"));
        let step = AuthorizeStep::SignIn(SignInPrompt::new(location, self.client.name.clone()));
        Ok(Turn { step, cookies })
    }

    /// Nothing was anybody's yet, so nothing is closed: the cookie is cleared, and a copy of it meets the same refusal.
    fn refuse(&self, refusal: AuthorizeRefusal, trail: Trail) -> Result<Turn, AuthorizeError> {
        let inner = self.server.inner();
        let answer = self.redirect.refuse(refusal, inner.issuer());
        let response = self.server.answer_app(&languages(self.head), self.client, &answer)?;
        let step = AuthorizeStep::Respond(named(response, trail.correlation()));
        inner.explain(trail, self.endpoint, told(refusal));
        Ok(Turn { step, cookies: inner.clear_pending(self.id, self.client).into_iter().collect() })
    }
}

fn is_back(head: &Parts) -> bool {
    let query = head.uri.query().unwrap_or_default();
    query.split('&').any(|pair| pair.split('=').next() == Some(BACK))
}
