//! The registration endpoint: apps register themselves, and look after their registration (RFC 7591, RFC 7592, oauth.md 13).
//!
//! Gather, decide, commit: who asks, what it may become (`vestibule_core::register`), one call of the registrar. Nothing that a
//! registration names is fetched (DCR-007).

use std::sync::Arc;

use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::request::Parts;
use vestibule_core::digest;
use vestibule_core::explain::{Endpoint, Outcome, Trail};
use vestibule_core::register::{self, Credentials, Fresh, RegisterError};
use vestibule_core::token::TokenError;
use vestibule_host::client::{Wrong, WrongField, generate_id, generate_secret};
use vestibule_host::registration::{
    Admission, Candidate, CreateClient, Created, DeleteClient, RegistrationAsk, RegistrationRequest, Review,
    Sent, StatementAnswer, Updated,
};
use vestibule_host::{
    ClientId, ClientRegistrar, ClientStatus, EventKind, RatePoint, RateQuestion, Registration,
    RegistrationPolicy, RegistrationTokenHash, Secret, Source, StoreFault, UnixMillis,
};

use crate::AuthorizationServer;
use crate::authenticate::away;
use crate::bearer::{Bearer, BearerError};
use crate::fault::Away;
use crate::registration_events::updated;
use crate::server::Inner;

/// What a host wires so that apps can register themselves.
#[derive(Clone, Debug)]
pub(crate) struct Registrations {
    pub(crate) registrar: Arc<dyn ClientRegistrar>,
    pub(crate) policy: Arc<dyn RegistrationPolicy>,
}

/// Why a request at the endpoint is refused.
#[derive(Debug)]
pub(crate) enum RegistrationRefusal {
    /// What RFC 7591 has a word for.
    Said(RegisterError),
    /// Not now: the gate, or a part of the host that is away.
    NotNow(TokenError),
}

impl From<RegisterError> for RegistrationRefusal {
    fn from(error: RegisterError) -> Self {
        Self::Said(error)
    }
}

impl From<TokenError> for RegistrationRefusal {
    fn from(error: TokenError) -> Self {
        Self::NotNow(error)
    }
}

impl RegistrationRefusal {
    /// What the operator reads. What is wrong with a registration is said in the words of the rules.
    fn told(&self, trail: &mut Trail) -> Outcome {
        match self {
            Self::Said(error) => {
                if error.description() != error.summary() {
                    trail.reason(error.description());
                }
                Outcome::Refused { error: error.code(), description: error.summary() }
            }
            Self::NotNow(error) => Outcome::Refused { error: error.code(), description: error.description() },
        }
    }
}

pub(crate) type Answer<T> = Result<T, RegistrationRefusal>;

fn absent(source: impl Into<Away>) -> RegistrationRefusal {
    RegistrationRefusal::NotNow(away(source))
}

fn wrong(wrongs: Vec<WrongField>) -> RegistrationRefusal {
    RegisterError::of(&wrongs).into()
}

impl AuthorizationServer {
    /// Tells what became of a request at the endpoint.
    pub(crate) fn explain_registration<T>(&self, mut trail: Trail, answer: &Answer<T>) {
        let outcome = match answer {
            Ok(_) => Outcome::Granted,
            Err(refused) => refused.told(&mut trail),
        };
        self.inner().explain(trail, Endpoint::Registration, outcome);
    }
}

impl Registrations {
    /// Registers an app (RFC 7591 §3).
    pub(crate) async fn register(
        &self,
        server: &AuthorizationServer,
        head: &Parts,
        body: &Bytes,
        trail: &mut Trail,
    ) -> Answer<Secret> {
        let inner = server.inner();
        let now = inner.now();
        let source = head.extensions.get::<Source>();
        let question = RateQuestion::new(RatePoint::Registration, None, source);
        trail.check("A-DCR-18", "not too many requests", inner.may_go_on(&question).await)?;
        let token = trail.check("BEARER-003", "at most one token, in the head", bearer(head))?;
        if token.is_none() && !trail.note("DCR-004", "anybody may register", self.policy.is_open()) {
            return Err(RegisterError::InvalidToken { sent: false }.into());
        }
        let ask = RegistrationAsk::new(token.as_ref(), source, now);
        let admission = self.policy.admit(&ask).await.map_err(absent)?;
        let is_admitted = matches!(admission, Admission::Admitted(_));
        trail.note("DCR-004", "the host admits whoever asks", is_admitted); // A-DCR-10
        let Admission::Admitted(admitted) = admission else {
            inner.failed(&question).await;
            return Err(RegisterError::InvalidToken { sent: token.is_some() }.into());
        };
        let sent = trail.check("DCR-010", "a registration that can be read", self.read(body, now).await)?;
        let initial =
            token.as_ref().map(|token| digest::initial_token(inner.issuer(), token.expose_secret()));
        let draft = register::create(sent, &admitted, initial, self.fresh(inner).await?, now);
        let mut draft = trail.check("DCR-006", "it keeps the rules", draft)?;
        // DCR-004: what came without a token is looked at first, whatever the policy says.
        if self.reviewed(inner, &draft.candidate(), trail).await? || token.is_none() {
            draft = draft.pending();
        }
        let client = &draft.op().registration.client;
        let (id, status) = (client.id.clone(), client.status);
        let told = inner.foretell(EventKind::ClientRegistered, client, None, Some(trail)).map_err(absent)?;
        let outcome = self.create(draft.op()).await;
        told.settle(&outcome, |created| *created == Created::Won);
        inner.tell_registrations().await;
        let outcome = outcome.map_err(absent)?;
        let answer = draft.settle(outcome, &inner.config.endpoints().registration);
        let answer = trail.check("DCR-003", "it is kept, under an id of nobody", answer)?;
        trail.client(&id);
        tracing::info!(client = id.as_str(), ?status, "an app registered itself");
        Ok(answer)
    }

    /// Reads a registration (RFC 7592 §2.1).
    pub(crate) async fn show(
        &self,
        server: &AuthorizationServer,
        head: &Parts,
        id: &ClientId,
        trail: &mut Trail,
    ) -> Answer<Secret> {
        let inner = server.inner();
        let (token, registration) = self.managed(inner, head, id, trail).await?;
        let may_see = registration.client.status != ClientStatus::Disabled;
        if !trail.note("DCRM-005", "no operator disabled it", may_see) {
            return Err(RegisterError::Forbidden.into());
        }
        let credentials = Credentials { token, secret: None };
        Ok(register::describe(&registration, &inner.config.endpoints().registration, &credentials))
    }

    /// Changes a registration (RFC 7592 §2.2).
    pub(crate) async fn change(
        &self,
        server: &AuthorizationServer,
        head: &Parts,
        id: &ClientId,
        body: &Bytes,
        trail: &mut Trail,
    ) -> Answer<Secret> {
        let inner = server.inner();
        let (token, current) = self.managed(inner, head, id, trail).await?;
        let now = inner.now();
        let sent = trail.check("DCR-010", "a registration that can be read", self.read(body, now).await)?;
        let fresh = generate_secret(inner.entropy()).map_err(absent)?;
        let draft = register::change(current, sent, token, fresh, now);
        let mut draft = trail.check("DCRM-002", "it keeps the rules", draft)?;
        if self.reviewed(inner, &draft.candidate(), trail).await? {
            draft = draft.pending();
        }
        let client = &draft.op().registration.client;
        let status = client.status;
        let told = inner.foretell(EventKind::ClientChanged, client, None, Some(trail)).map_err(absent)?;
        let outcome = updated(&*self.registrar, draft.op()).await;
        told.settle(&outcome, |updated| *updated == Updated::Won);
        inner.tell_registrations().await;
        let outcome = outcome.map_err(absent)?;
        let answer = draft.settle(outcome, &inner.config.endpoints().registration);
        let answer = trail.check("DCRM-002", "nobody changed it meanwhile", answer)?;
        tracing::info!(client = id.as_str(), ?status, "an app changed its registration");
        Ok(answer)
    }

    /// Removes a registration (RFC 7592 §2.3). Nothing of the app is left when this says so (DCRM-003, A-DCR-15).
    ///
    /// First the app becomes unknown, then everything that it has ends, then it is gone. Whatever fails, its token still works,
    /// and the same request goes on from there.
    pub(crate) async fn remove(
        &self,
        server: &AuthorizationServer,
        head: &Parts,
        id: &ClientId,
        trail: &mut Trail,
    ) -> Answer<()> {
        let inner = server.inner();
        let (_, registration) = self.managed(inner, head, id, trail).await?;
        let client = &registration.client;
        let told = inner.foretell(EventKind::ClientRemoved, client, None, Some(trail)).map_err(absent)?;
        if let Some(withdrawn) = register::withdraw(&registration) {
            let outcome = updated(&*self.registrar, &withdrawn).await;
            if !matches!(outcome, Ok(Updated::Won)) {
                told.settle(&outcome, |_| false);
                return Err(match outcome.map_err(absent)? {
                    Updated::Gone => RegisterError::InvalidToken { sent: true }.into(),
                    _ => RegisterError::TemporarilyUnavailable.into(),
                });
            }
        }
        // Whatever fails from here on, the app is unknown: the event says that its end is not certain.
        server.client_ended(id).await.map_err(absent)?;
        self.registrar.delete(&DeleteClient::new(id.clone(), registration.token)).await.map_err(absent)?;
        told.came_true();
        inner.tell_registrations().await;
        tracing::info!(client = id.as_str(), "an app removed its registration");
        Ok(())
    }

    /// The registration that a request may manage, and the token that says so.
    async fn managed(
        &self,
        inner: &Inner,
        head: &Parts,
        id: &ClientId,
        trail: &mut Trail,
    ) -> Answer<(Secret, Registration)> {
        let source = head.extensions.get::<Source>();
        let question = RateQuestion::new(RatePoint::Registration, Some(id), source);
        trail.check("A-DCR-18", "not too many requests", inner.may_go_on(&question).await)?;
        let token = trail.check("BEARER-003", "at most one token, in the head", bearer(head))?;
        let token = token.ok_or(RegisterError::InvalidToken { sent: false });
        let token = trail.check("BEARER-004", "a token", token)?;
        // DCRM-001: found by the token alone, so that no client's existence shows.
        let hash = digest::registration_token(inner.issuer(), token.expose_secret());
        let found = self.registrar.registration(&hash).await.map_err(absent)?;
        let managed = register::may_manage(found, id, &hash);
        match trail.check("DCRM-001", "the token is this registration's", managed) {
            Ok(registration) => {
                trail.client(id);
                Ok((token, registration))
            }
            Err(refused) => {
                inner.failed(&question).await;
                Err(refused.into())
            }
        }
    }

    /// What the app sent, with what a trusted software statement says in its place.
    async fn read(&self, body: &Bytes, now: UnixMillis) -> Answer<Sent> {
        let mut request = RegistrationRequest::from_json(body).map_err(wrong)?;
        if let Some(statement) = request.statement() {
            match self.policy.statement(statement, now).await.map_err(absent)? {
                StatementAnswer::Trusted(values) => {
                    request = request
                        .with_statement(&values)
                        .map_err(|_| RegisterError::InvalidSoftwareStatement)?;
                }
                StatementAnswer::Invalid => return Err(RegisterError::InvalidSoftwareStatement.into()),
                StatementAnswer::Unapproved => return Err(RegisterError::UnapprovedSoftwareStatement.into()),
            }
        }
        request.read().map_err(wrong)
    }

    /// An id of nobody, and secrets (DCR-003, A-DCR-20).
    async fn fresh(&self, inner: &Inner) -> Answer<Fresh> {
        let id = generate_id(inner.entropy()).map_err(absent)?;
        let is_client = inner.host.clients.client(&id).await.map_err(absent)?.is_some();
        if is_client || self.policy.is_taken(&id).await.map_err(absent)? {
            tracing::error!("a new client_id is taken: the random source may be broken");
            return Err(RegisterError::ServerError.into());
        }
        let token = generate_secret(inner.entropy()).map_err(absent)?;
        let token_hash: RegistrationTokenHash =
            digest::registration_token(inner.issuer(), token.expose_secret());
        Ok(Fresh { id, secret: generate_secret(inner.entropy()).map_err(absent)?, token, token_hash })
    }

    /// What the engine's parts and the host say about it. Returns whether somebody has to look at it.
    async fn reviewed(&self, inner: &Inner, candidate: &Candidate<'_>, trail: &mut Trail) -> Answer<bool> {
        let review = self.look_at(inner, candidate).await;
        trail.check("DCR-007", "the engine can serve it, and the host takes it", review)
    }

    async fn look_at(&self, inner: &Inner, candidate: &Candidate<'_>) -> Answer<bool> {
        // A-DCR-03, A-JWKS-01: the address is judged; nothing is fetched from it.
        if let Some(url) = candidate.client.authentication.key_set_url()
            && !inner.fetcher.as_ref().is_some_and(|fetcher| fetcher.may_fetch(url))
        {
            return Err(wrong(vec![WrongField::new("jwks_uri", Wrong::KeySetRefused)]));
        }
        // What discovery does not offer cannot be registered, so that no flow ends at the signature.
        let client = candidate.client;
        let signs = inner.host.keys.snapshot().id_token_key(client.id_token_alg).is_some();
        if client.grant_types.authorization_code && !signs {
            return Err(wrong(vec![WrongField::new("id_token_signed_response_alg", Wrong::NoSigningKey)]));
        }
        match self.policy.review(candidate).await.map_err(absent)? {
            Review::Accepted => Ok(false),
            Review::Pending => Ok(true),
            Review::Refused(text) => Err(RegisterError::metadata(text).into()),
        }
    }

    /// Keeps a registration. Where the registrar cannot say whether it did, the registration itself tells: nobody else has its
    /// token.
    async fn create(&self, op: &CreateClient) -> Result<Created, StoreFault> {
        match self.registrar.create(op).await {
            Err(StoreFault::OutcomeUnknown(source)) => {
                let kept = self.registrar.registration(&op.registration.token).await?;
                match kept {
                    Some(kept) if kept == op.registration => Ok(Created::Won),
                    _ => Err(StoreFault::OutcomeUnknown(source)),
                }
            }
            settled => settled,
        }
    }
}

/// The token of a request, if there is one. Nothing but a bearer token is one.
fn bearer(head: &Parts) -> Answer<Option<Secret>> {
    let has_header = head.headers.contains_key(AUTHORIZATION);
    match Bearer::read(head) {
        Ok(bearer) => Ok(Some(Secret::new(bearer.token()))),
        Err(BearerError::Missing) if !has_header => Ok(None),
        Err(BearerError::Missing) => Err(RegisterError::InvalidToken { sent: false }.into()),
        Err(_) => Err(RegisterError::InvalidRequest(
            "the token must come once, as Authorization: Bearer, and not in the URL",
        )
        .into()),
    }
}

impl Inner {
    /// Tells the gate that somebody proved nothing.
    async fn failed(&self, question: &RateQuestion<'_>) {
        if let Some(gate) = &self.rate {
            gate.failed(question).await;
        }
    }
}
