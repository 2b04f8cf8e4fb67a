//! What an app does with its own registration (RFC 7592).

use vestibule_host::client::SecretHash;
use vestibule_host::registration::{Candidate, Sent, UpdateClient, Updated};
use vestibule_host::{
    ClientAuthentication, ClientId, ClientSecret, ClientStatus, Registration, RegistrationTokenHash,
    Revision, Secret, UnixMillis,
};

use super::answer::{self, Credentials};
use super::create::{client, secret_of};
use super::error::RegisterError;

/// The registration that a request may manage: the one that its token is for, if that is the client in the URL.
///
/// # Errors
/// [`RegisterError::InvalidToken`] whatever else the token or the URL may name (DCRM-001, A-TIME-08).
pub fn may_manage(
    found: Option<Registration>,
    id: &ClientId,
    token: &RegistrationTokenHash,
) -> Result<Registration, RegisterError> {
    found
        .filter(|registration| registration.client.id == *id && registration.token == *token)
        .ok_or(RegisterError::InvalidToken { sent: true })
}

/// A changed registration that breaks no rule. What comes of it is known when it is kept.
#[derive(Debug)]
pub struct ChangeDraft {
    operation: UpdateClient,
    current: Registration,
    credentials: Credentials,
}

/// Decides what a changed registration becomes: the one that was sent, in the place of the one before (DCRM-002).
///
/// `token` is the one that was presented, `fresh` a secret should the app need a new one.
///
/// # Errors
/// Every rule that it breaks, at once. The registration before it stands.
pub fn change(
    current: Registration,
    sent: Sent,
    token: Secret,
    fresh: Secret,
    now: UnixMillis,
) -> Result<ChangeDraft, RegisterError> {
    if current.client.status == ClientStatus::Disabled {
        return Err(RegisterError::Forbidden);
    }
    if sent.client_id.as_deref() != Some(current.client.id.as_str()) {
        return Err(RegisterError::metadata("client_id: must be the one of this registration"));
    }
    if let Some(name) = sent.of_the_server {
        return Err(RegisterError::metadata(&format!("{name}: only the server says this")));
    }
    let held = secrets(&current.client.authentication);
    if sent.client_secret.as_ref().is_some_and(|secret| !opens(held, secret, now)) {
        return Err(RegisterError::metadata("client_secret: must be the current one, or left out"));
    }
    // The same method keeps its secret; another one gets its own, and the old one opens nothing any more.
    let method = sent.metadata.method;
    let (kept, secret) = match method.has_secret() {
        true if method.name() == current.client.authentication.method() => (held.to_vec(), None),
        true => (vec![secret_of(&fresh)?], Some(fresh)),
        false => (Vec::new(), None),
    };
    let (next, details) = client(sent.metadata, current.client.id.clone(), kept, &current.ceiling)?;
    let looked_at_again = next.needs_review_after(&current.client);
    let mut next = next.with_settings_of(&current.client);
    next.status = if looked_at_again { ClientStatus::Pending } else { current.client.status };
    let mut registration = current.clone();
    registration.client = next;
    registration.details = details;
    // A statement that was trusted once is not what the app says now.
    registration.software_statement = sent.statement;
    registration.revision = Revision(current.revision.0.saturating_add(1));
    Ok(ChangeDraft {
        operation: UpdateClient::new(current.revision, registration),
        current,
        credentials: Credentials { token, secret },
    })
}

/// The first step of a removal: from here on the app is unknown everywhere, so that what is revoked next stays revoked. The
/// registration itself goes last, and its token still works until then: a removal that was interrupted can be repeated (DCRM-003).
///
/// `None`: it was taken already.
pub fn withdraw(current: &Registration) -> Option<UpdateClient> {
    let mut registration = current.clone();
    if registration.client.status == ClientStatus::Disabled {
        return None;
    }
    registration.client.status = ClientStatus::Disabled;
    registration.revision = Revision(current.revision.0.saturating_add(1));
    Some(UpdateClient::new(current.revision, registration))
}

const fn secrets(authentication: &ClientAuthentication) -> &[ClientSecret] {
    match authentication {
        ClientAuthentication::SecretBasic(secrets) | ClientAuthentication::SecretPost(secrets) => {
            secrets.as_slice()
        }
        _ => &[],
    }
}

fn opens(secrets: &[ClientSecret], presented: &Secret, now: UnixMillis) -> bool {
    let is = |hash: &SecretHash| hash.is(presented.expose_secret());
    secrets.iter().fold(false, |right, secret| right | (is(&secret.hash) & secret.is_valid(now)))
}

impl ChangeDraft {
    /// What the host's policy may look at.
    pub const fn candidate(&self) -> Candidate<'_> {
        let registration = &self.operation.registration;
        Candidate::new(&registration.client, &registration.details, Some(&self.current.client))
    }

    /// Leaves it to somebody to look at it first.
    #[must_use]
    pub fn pending(mut self) -> Self {
        self.operation.registration.client.status = ClientStatus::Pending;
        self
    }

    /// The one commit.
    pub const fn op(&self) -> &UpdateClient {
        &self.operation
    }

    /// What the app is told.
    ///
    /// # Errors
    /// [`RegisterError`] when nothing was changed.
    pub fn settle(self, outcome: Updated, endpoint: &str) -> Result<Secret, RegisterError> {
        match outcome {
            Updated::Won => Ok(answer::describe(&self.operation.registration, endpoint, &self.credentials)),
            Updated::Stale => Err(RegisterError::TemporarilyUnavailable),
            Updated::Gone => Err(RegisterError::InvalidToken { sent: true }),
        }
    }
}
