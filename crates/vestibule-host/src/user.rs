//! Who sits at the browser. Passwords, factors and sessions stay the host's.

use std::fmt::Debug;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::{ClientId, HostError, Moment, SessionId, UnixMillis, UserId};

/// What sort of user is signed in. It decides which questions a consent page asks.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UserKind {
    /// A patient, or somebody acting for one.
    Patient,
    /// Somebody who works with patients.
    Clinician,
}

/// A reference to the user's own FHIR resource, relative to whichever FHIR base an app is talking to.
///
/// One of `Patient`, `Practitioner`, `PractitionerRole`, `RelatedPerson`, `Person` (SMART-IDT-008).
///
/// ```
/// use vestibule_host::user::FhirUser;
/// assert_eq!(FhirUser::new("Practitioner/lee").unwrap().as_str(), "Practitioner/lee");
/// assert!(FhirUser::new("Device/1").is_none());
/// ```
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FhirUser(String);

impl Debug for FhirUser {
    // It may be a patient's id (LOG-001).
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("FhirUser(..)")
    }
}

impl FhirUser {
    /// Checks a relative reference; `None` when it is not one of the five types with a logical id.
    pub fn new(reference: &str) -> Option<Self> {
        let (kind, id) = reference.split_once('/')?;
        let known =
            matches!(kind, "Patient" | "Practitioner" | "PractitionerRole" | "RelatedPerson" | "Person");
        (known && crate::PatientId::is_logical_id(id)).then(|| Self(reference.to_owned()))
    }

    /// `Type/id`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A user that the host has authenticated, as the engine sees one. Its `Debug` form names nobody (LOG-001).
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SignedInUser {
    /// The host's key of the user; asked about in every policy question.
    pub user: UserId,
    /// `sub` of ID and access tokens: stable, never reassigned, at most 255 ASCII characters, not a login name (SMART-IDT-018).
    pub subject: String,
    /// This sign-in. It must change whenever somebody signs in (INT-002).
    pub session: SessionId,
    /// When the user proved who they are.
    pub auth_time: UnixMillis,
    /// The user's FHIR resource. Without one the scope `fhirUser` cannot be granted (SMART-SCOPE-089).
    pub fhir_user: Option<FhirUser>,
    /// What sort of user.
    pub kind: UserKind,
    /// What to call the user on a page.
    pub display_name: String,
    /// How strongly the user was authenticated, where the host says so.
    pub acr: Option<String>,
    /// By which means, where the host says so.
    pub amr: Vec<String>,
    /// When the session ends by itself, where the host knows: nothing that hangs on the session outlives it.
    pub session_until: Option<UnixMillis>,
}

impl Debug for SignedInUser {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SignedInUser").field("kind", &self.kind).finish_non_exhaustive()
    }
}

impl SignedInUser {
    /// A user with the values that every host has.
    pub fn new(
        user: UserId,
        subject: impl Into<String>,
        session: SessionId,
        auth_time: UnixMillis,
        kind: UserKind,
    ) -> Self {
        Self {
            display_name: user.as_str().to_owned(),
            user,
            subject: subject.into(),
            session,
            auth_time,
            fhir_user: None,
            kind,
            acr: None,
            amr: Vec::new(),
            session_until: None,
        }
    }

    /// With how, and how strongly, the user was authenticated.
    #[must_use]
    pub fn with_authentication(mut self, acr: Option<String>, amr: Vec<String>) -> Self {
        self.acr = acr;
        self.amr = amr;
        self
    }

    /// With the end of the session.
    #[must_use]
    pub const fn with_session_until(mut self, until: Option<UnixMillis>) -> Self {
        self.session_until = until;
        self
    }

    /// With the user's FHIR resource.
    #[must_use]
    pub fn with_fhir_user(mut self, fhir_user: Option<FhirUser>) -> Self {
        self.fhir_user = fhir_user;
        self
    }

    /// With a name for pages.
    #[must_use]
    pub fn with_display_name(mut self, name: impl Into<String>) -> Self {
        self.display_name = name.into();
        self
    }
}

/// May this user go on with this app? Asked when an interaction begins, at issue, at redemption and at each refresh.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct StandingQuestion<'a> {
    /// The user.
    pub user: &'a UserId,
    /// The session that what is issued hangs on; `None` for what outlives its session (`offline_access`).
    pub session: Option<&'a SessionId>,
    /// For which app: a host may keep users from apps (OIDC-014, A-CTX-45).
    pub client: &'a ClientId,
    /// At which point of the flow.
    pub moment: Moment,
    /// `acr_values` of the request, in the order of preference; empty at redemption and refresh.
    pub acr_values: &'a [String],
}

impl<'a> StandingQuestion<'a> {
    /// A question.
    pub const fn new(
        user: &'a UserId,
        session: Option<&'a SessionId>,
        client: &'a ClientId,
        moment: Moment,
    ) -> Self {
        Self { user, session, client, moment, acr_values: &[] }
    }

    /// With the authentication context that the app would like.
    #[must_use]
    pub const fn with_acr_values(mut self, acr_values: &'a [String]) -> Self {
        self.acr_values = acr_values;
        self
    }
}

/// Whether a user may go on (catalogue row 20: policy is asked again, not remembered).
#[must_use]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Standing {
    /// The account may be used and, where a session was named, it is alive.
    Active,
    /// The account is fine, the named session is over.
    SessionEnded,
    /// The account is locked, disabled or gone, or its user may not use this app.
    NotAllowed,
    /// The user must sign in again, more strongly, before this app may be used: step-up. In an interaction the user is sent to
    /// sign in. At redemption and refresh, where no user is there, it is a no that passes: nothing is issued, and nothing is
    /// spent or ended, so that the app may come again once the user did.
    SignInAgain,
}

/// Why a user is sent to sign in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SignInReason {
    /// Nobody is signed in.
    NobodyIsSignedIn,
    /// The app wants a fresh sign-in: `prompt=login`, or `max_age` is over. A session that exists does not do; the engine checks
    /// `auth_time` afterwards (OIDC-002, A-OIDC-08).
    Again,
    /// The app wants the user to choose an account: `prompt=select_account`.
    SelectAccount,
    /// [`Standing::SignInAgain`] was the host's own answer.
    StepUp,
}

/// What the engine tells the host when it wants a user to sign in.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SignInAsk<'a> {
    /// Where the browser must come back to: an absolute path on the issuer's origin. It holds no secret and no patient.
    pub resume: &'a str,
    /// The app on whose behalf this happens, for the sign-in page; `None` on the engine's own pages.
    pub client_name: Option<&'a str>,
    /// Why.
    pub reason: SignInReason,
    /// `login_hint`: from the app, at most 512 bytes. It authenticates nobody; escape it before showing it.
    pub login_hint: Option<&'a str>,
    /// The `sub` of an `id_token_hint` that was verified: whom the app expects.
    pub expected_subject: Option<&'a str>,
    /// `acr_values`, in the order of preference.
    pub acr_values: &'a [String],
    /// `ui_locales`, in the order of preference.
    pub ui_locales: Option<&'a str>,
}

impl<'a> SignInAsk<'a> {
    /// A question that brings the browser back to `resume`.
    pub const fn new(resume: &'a str, client_name: Option<&'a str>) -> Self {
        Self {
            resume,
            client_name,
            reason: SignInReason::NobodyIsSignedIn,
            login_hint: None,
            expected_subject: None,
            acr_values: &[],
            ui_locales: None,
        }
    }
}

/// How the browser gets to the host's sign-in.
#[must_use]
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum SignInMove {
    /// Send the browser here with a 303.
    Redirect(String),
}

/// Knows who is signed in. **Required.**
///
/// Check an implementation with `vestibule_testkit::user_suite!`.
#[async_trait]
pub trait UserAuthenticator: Debug + Send + Sync {
    /// Who sent this request, judged by the host's own session.
    ///
    /// # Contract
    /// `None` means that nobody is signed in; the engine then calls [`sign_in`](Self::sign_in). Only the head is passed:
    /// a session lives in a cookie or a header. Whatever a browser sends that is no session is `None`, not a fault. While nobody
    /// signs in or out, the same request has the same answer.
    ///
    /// # Errors
    /// [`HostError`] when the session store cannot answer; never `None` in that case.
    ///
    /// # Security
    /// Everything downstream trusts this answer. An empty user id is refused by the engine.
    async fn current_user(&self, head: &http::request::Parts) -> Result<Option<SignedInUser>, HostError>;

    /// Whether the user may (still) go on with the app, and whether the named session lives.
    ///
    /// # Contract
    /// A user whom nobody knows is [`Standing::NotAllowed`]. A session that never was, or is another user's, is
    /// [`Standing::SessionEnded`]. Ids are compared byte for byte.
    ///
    /// # Errors
    /// [`HostError`] when nobody knows; the engine answers 503 and spends nothing.
    async fn standing(&self, question: &StandingQuestion<'_>) -> Result<Standing, HostError>;

    /// Where to send the browser so that somebody can sign in and come back to `ask.resume`: a URL in visible ASCII that carries
    /// it. What else `ask` says comes from an app; encode it.
    fn sign_in(&self, ask: &SignInAsk<'_>) -> SignInMove;
}
