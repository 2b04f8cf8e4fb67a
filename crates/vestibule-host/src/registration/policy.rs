//! Who may register what.

use std::fmt::Debug;

use async_trait::async_trait;
use vestibule_scope::ScopeSet;

use crate::client::AppDetails;
use crate::{ClientId, ClientStatus, HostError, RegisteredClient, Secret, Source, UnixMillis};

/// Who wants to register an app.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct RegistrationAsk<'a> {
    /// The initial access token, if there is one. Nothing is known about it.
    pub token: Option<&'a Secret>,
    /// From where, if the host said so.
    pub source: Option<&'a Source>,
    /// The present moment.
    pub now: UnixMillis,
}

impl<'a> RegistrationAsk<'a> {
    /// A question.
    pub const fn new(token: Option<&'a Secret>, source: Option<&'a Source>, now: UnixMillis) -> Self {
        Self { token, source, now }
    }
}

/// Whether somebody may register an app.
#[must_use]
#[derive(Clone, PartialEq, Debug)]
pub enum Admission {
    /// Yes, within these limits.
    Admitted(Box<Admitted>),
    /// No. Unknown, ended and foreign tokens are not told apart (A-DCR-10).
    Refused,
}

/// What the registration may become.
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub struct Admitted {
    /// What the app may ask for at most, ever: also after it changed its registration. `system/` scopes and those of the host's
    /// own are registered only if they stand here (DCR-005).
    pub ceiling: ScopeSet,
    /// Whether somebody has to look at it first.
    pub status: ClientStatus,
    /// The token registers one app and no more; its end, if it has one.
    pub single_use: Option<SingleUse>,
}

/// A token that buys one registration.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SingleUse {
    /// When the token ends by itself, so that nobody has to remember it any longer. `None`: it is remembered forever.
    pub token_ends: Option<UnixMillis>,
}

impl Admitted {
    /// Within this ceiling, and not to be used before somebody looked at it (SMART-REG-014).
    pub const fn pending(ceiling: ScopeSet) -> Self {
        Self { ceiling, status: ClientStatus::Pending, single_use: None }
    }

    /// To be used at once. Only for a token that was given to somebody in person.
    pub const fn enabled(ceiling: ScopeSet) -> Self {
        Self { ceiling, status: ClientStatus::Enabled, single_use: None }
    }

    /// The token buys nothing after this. The registrar sees to that, in the commit that keeps the registration.
    #[must_use]
    pub const fn once(mut self, token_ends: Option<UnixMillis>) -> Self {
        self.single_use = Some(SingleUse { token_ends });
        self
    }
}

/// What a policy says about a software statement (RFC 7591 §2.3).
#[must_use]
#[derive(Clone, PartialEq, Debug)]
pub enum StatementAnswer {
    /// Signed by somebody who is trusted: a JSON object, whose members win over those that the app sent beside it.
    Trusted(String),
    /// Not signed, not well-formed, ended: `invalid_software_statement`.
    Invalid,
    /// Signed by nobody who is trusted here: `unapproved_software_statement`.
    Unapproved,
}

/// A registration that is otherwise in order.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Candidate<'a> {
    /// The app as it would be registered.
    pub client: &'a RegisteredClient,
    /// What it tells people.
    pub details: &'a AppDetails,
    /// What is registered now, if this is a change.
    pub current: Option<&'a RegisteredClient>,
}

impl<'a> Candidate<'a> {
    /// A candidate.
    pub const fn new(
        client: &'a RegisteredClient,
        details: &'a AppDetails,
        current: Option<&'a RegisteredClient>,
    ) -> Self {
        Self { client, details, current }
    }
}

/// A host's own opinion of a registration.
#[must_use]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Review {
    /// No objection.
    Accepted,
    /// Only after somebody looked at it, whatever the admission says.
    Pending,
    /// Refused: `invalid_client_metadata`, with this text for the app's developer.
    Refused(&'static str),
}

/// Decides who may register an app. There is no default: without a policy, nobody may (A-DCR-01).
///
/// [`InitialTokens`](crate::InitialTokens) and [`OpenRegistration`](crate::OpenRegistration) are the two usual ones.
///
/// # Security
/// A registered app is a stranger with a redirect URI and a name of its own choosing. Let somebody look at it before users see
/// it: [`Admitted::pending`].
#[async_trait]
pub trait RegistrationPolicy: Debug + Send + Sync {
    /// Whether a request without an initial access token is considered at all. The engine refuses such requests otherwise,
    /// leaves what is registered without a token pending whatever the policy says, and does not start without a
    /// [`RateGate`](crate::RateGate) (DCR-004, A-DCR-18).
    fn is_open(&self) -> bool {
        false
    }

    /// Whether this request may register an app, and within which limits. Asked first, before the request is read. Nothing is
    /// spent by asking.
    ///
    /// # Errors
    /// [`HostError`] when nobody knows; nothing is registered.
    async fn admit(&self, ask: &RegistrationAsk<'_>) -> Result<Admission, HostError>;

    /// Judges a software statement. By default nobody's is trusted.
    ///
    /// # Errors
    /// [`HostError`] when nobody knows.
    ///
    /// # Security
    /// The statement is a JWT from the network: check its signature under a key that you trust, before anything in it.
    async fn statement(&self, statement: &str, now: UnixMillis) -> Result<StatementAnswer, HostError> {
        let _ = (statement, now);
        Ok(StatementAnswer::Unapproved)
    }

    /// Looks at a registration, new or changed, that breaks no rule: at its name, for example. By default there is no objection.
    ///
    /// # Errors
    /// [`HostError`] when nobody knows; nothing is registered.
    async fn review(&self, candidate: &Candidate<'_>) -> Result<Review, HostError> {
        let _ = candidate;
        Ok(Review::Accepted)
    }

    /// Whether this id means something else in this system, such as a user: what is true of the user must not become true of
    /// the app (DCR-003, A-DCR-20). Ids are 128 random bits, so that by default none does.
    ///
    /// # Errors
    /// [`HostError`] when nobody knows.
    async fn is_taken(&self, id: &ClientId) -> Result<bool, HostError> {
        let _ = id;
        Ok(false)
    }
}
