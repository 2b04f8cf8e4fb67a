//! Who sits at the browser. Passwords, factors and sessions stay the host's.

use std::fmt::Debug;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::{HostError, SessionId, UnixMillis, UserId};

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
        }
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

/// Whether a user may go on, asked at issue and at redemption (catalogue row 20: policy is asked again, not remembered).
#[must_use]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Standing {
    /// The account may be used and, where a session was named, it is alive.
    Active,
    /// The account is fine, the named session is over.
    SessionEnded,
    /// The account is locked, disabled or gone.
    NotAllowed,
}

/// What the engine tells the host when it wants a user to sign in.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SignInAsk<'a> {
    /// Where the browser must come back to: an absolute path on the issuer's origin. It holds no secret and no patient.
    pub resume: &'a str,
    /// The app on whose behalf this happens, for the sign-in page; `None` on the engine's own pages.
    pub client_name: Option<&'a str>,
}

impl<'a> SignInAsk<'a> {
    /// A question that brings the browser back to `resume`.
    pub const fn new(resume: &'a str, client_name: Option<&'a str>) -> Self {
        Self { resume, client_name }
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
#[async_trait]
pub trait UserAuthenticator: Debug + Send + Sync {
    /// Who sent this request, judged by the host's own session.
    ///
    /// # Contract
    /// `None` means that nobody is signed in; the engine then calls [`sign_in`](Self::sign_in). Only the head is passed:
    /// a session lives in a cookie or a header.
    ///
    /// # Errors
    /// [`HostError`] when the session store cannot answer; never `None` in that case.
    ///
    /// # Security
    /// Everything downstream trusts this answer. An empty user id is refused by the engine.
    async fn current_user(&self, head: &http::request::Parts) -> Result<Option<SignedInUser>, HostError>;

    /// Whether the user may still go on, and whether the named session lives.
    ///
    /// # Errors
    /// [`HostError`] when nobody knows; the engine answers 503 and spends nothing.
    async fn standing(&self, user: &UserId, session: Option<&SessionId>) -> Result<Standing, HostError>;

    /// Where to send the browser so that somebody can sign in and come back to `ask.resume`.
    fn sign_in(&self, ask: &SignInAsk<'_>) -> SignInMove;
}
