//! A new registration.

use vestibule_host::client::{AppDetails, ClientMetadata, SecretHash, Wrong, WrongField, default_scopes};
use vestibule_host::redirect_uri::AppKind;
use vestibule_host::registration::{Admitted, Candidate, CreateClient, Created, Sent, SpendToken};
use vestibule_host::{
    ClientId, ClientSecret, ClientStatus, GrantTypes, InitialTokenHash, RegisteredClient, Registration,
    RegistrationTokenHash, Secret, UnixMillis,
};
use vestibule_scope::{Level, Scope, ScopeKind, ScopeSet};

use super::answer::{self, Credentials};
use super::error::RegisterError;

/// A registration that breaks no rule. What comes of it is known when it is kept.
#[derive(Debug)]
pub struct RegistrationDraft {
    operation: CreateClient,
    credentials: Credentials,
}

/// What a registration is made of that nobody chose.
#[derive(Debug)]
pub struct Fresh {
    /// Its `client_id` (DCR-003).
    pub id: ClientId,
    /// Its secret, should it need one.
    pub secret: Secret,
    /// Its registration access token.
    pub token: Secret,
    /// What is kept of that.
    pub token_hash: RegistrationTokenHash,
}

/// Decides what a request for a registration becomes. `initial`: the initial access token that it came with.
///
/// # Errors
/// Every rule that it breaks, at once.
pub fn create(
    sent: Sent,
    admitted: &Admitted,
    initial: Option<InitialTokenHash>,
    fresh: Fresh,
    now: UnixMillis,
) -> Result<RegistrationDraft, RegisterError> {
    let statement = sent.statement;
    let (secrets, secret) = if sent.metadata.method.has_secret() {
        (vec![secret_of(&fresh.secret)?], Some(fresh.secret))
    } else {
        (Vec::new(), None)
    };
    let (mut client, details) = client(sent.metadata, fresh.id, secrets, &admitted.ceiling)?;
    client.status = admitted.status;
    let registration = Registration::new(client, details, admitted.ceiling.clone(), now, fresh.token_hash)
        .with_statement(statement);
    let spends = admitted.single_use.zip(initial);
    let spends = spends.map(|(once, hash)| SpendToken { hash, keep_until: once.token_ends });
    Ok(RegistrationDraft {
        operation: CreateClient::new(registration, spends, now),
        credentials: Credentials { token: fresh.token, secret },
    })
}

/// CAUTH-012: what the engine made is long enough.
pub(super) fn secret_of(secret: &Secret) -> Result<ClientSecret, RegisterError> {
    SecretHash::of(secret.expose_secret()).map(ClientSecret::new).ok_or(RegisterError::ServerError)
}

/// The client that the metadata describes, under a ceiling and the rules of every client (DCR-006).
///
/// A member that was left out has the default of RFC 7591, at a change as well (DCRM-002, A-DCR-13).
pub(super) fn client(
    mut metadata: ClientMetadata,
    id: ClientId,
    secrets: Vec<ClientSecret>,
    ceiling: &ScopeSet,
) -> Result<(RegisteredClient, AppDetails), RegisterError> {
    let grants = *metadata.grant_types.get_or_insert(RFC_DEFAULT);
    if !grants.authorization_code {
        // Nobody signs in at a service: there is no ID token to ask something of, and the answer names nothing of it.
        (metadata.id_token_alg, metadata.require_auth_time) = (None, false);
    }
    let asked = match metadata.scopes.take() {
        Some(scopes) => scopes,
        // A service without users has nothing by default.
        None if !grants.authorization_code => ScopeSet::new(),
        None => default_scopes(),
    };
    let named_scopes = !asked.is_empty();
    let scopes: ScopeSet = asked.intersect(ceiling).into_iter().filter(|scope| fits(scope, grants)).collect();
    let nothing_left = named_scopes && (scopes.is_empty() || !scopes.is_within_limits());
    // What was asked for and is not for apps of this kind is an error and not a narrower answer: DCR-006.
    let system = asked.iter().find(|scope| is_system(scope) && !grants.client_credentials).cloned();
    metadata.scopes = Some(scopes);
    let (mut client, details) = metadata.into_client(id, secrets);
    // What the app is told is what is kept: sent back, it changes nothing.
    let kind = client.app_kind();
    client.kind = Some(kind);
    // RFC 8252 §7.3 wants any port for a native app; a public one has nothing to lose by it.
    client.loopback_ports = kind == AppKind::Native && !client.authentication.is_confidential();
    client.version = client.fingerprint();
    let mut wrongs = client.wrongs();
    wrongs.extend(details.wrongs());
    if let Some(scope) = system {
        wrongs.retain(|wrong| wrong.field != "scope");
        wrongs.push(WrongField::new("scope", Wrong::SystemScope(scope.as_str().to_owned())));
    } else if nothing_left {
        wrongs.retain(|wrong| wrong.field != "scope");
        wrongs.push(WrongField::new("scope", Wrong::NothingAllowed));
    }
    if wrongs.is_empty() { Ok((client, details)) } else { Err(RegisterError::of(&wrongs)) }
}

/// RFC 7591 §2: what a registration means that names no grants.
const RFC_DEFAULT: GrantTypes =
    GrantTypes { authorization_code: true, refresh_token: false, client_credentials: false };

/// A service without users can have nothing that a user would have to give.
fn fits(scope: &Scope, grants: GrantTypes) -> bool {
    grants.authorization_code || is_system(scope) || matches!(scope.kind(), ScopeKind::Extension)
}

fn is_system(scope: &Scope) -> bool {
    scope.as_resource().is_some_and(|resource| resource.level() == Level::System)
}

impl RegistrationDraft {
    /// What the host's policy may look at.
    pub const fn candidate(&self) -> Candidate<'_> {
        let registration = &self.operation.registration;
        Candidate::new(&registration.client, &registration.details, None)
    }

    /// Leaves it to somebody to look at it first.
    #[must_use]
    pub fn pending(mut self) -> Self {
        self.operation.registration.client.status = ClientStatus::Pending;
        self
    }

    /// The one commit.
    pub const fn op(&self) -> &CreateClient {
        &self.operation
    }

    /// What the app is told, which can be read only when the registration is kept. `endpoint`: the URL of the registration
    /// endpoint.
    ///
    /// # Errors
    /// [`RegisterError`] when nothing was kept.
    pub fn settle(self, outcome: Created, endpoint: &str) -> Result<Secret, RegisterError> {
        match outcome {
            Created::Won => Ok(answer::describe(&self.operation.registration, endpoint, &self.credentials)),
            // A-DCR-10
            Created::TokenSpent => Err(RegisterError::InvalidToken { sent: true }),
            // DCR-003: 128 random bits that are taken mean that the random source is broken.
            Created::IdTaken => Err(RegisterError::ServerError),
        }
    }
}
