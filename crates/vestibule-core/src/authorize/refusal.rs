//! Why the machine did not move, or nobody may be given anything: what it means for the app, and for what was granted before.

use vestibule_host::Standing;

use super::error::{AuthorizeCode, AuthorizeRefusal};

/// Why an event did not move the machine.
#[must_use]
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Refusal {
    /// The event came from another user or session. Nothing changes (A-CTX-18, -24).
    OtherUser,
    /// The event does not belong to this state. Nothing changes (INT-007).
    OutOfOrder,
    /// E6: an EHR launch has its patient. Nothing changes.
    OtherPatient,
    /// E7. Ends the interaction; the launch is not burned.
    LaunchUser,
    /// E2, S11, S12: the policy said no.
    PatientDenied,
    /// S1.
    NoRecord,
    /// E10: found after the launch was made. A bug in the host.
    EncounterMismatch,
    /// S5, or a refused consent.
    UserSaidNo,
    /// The ten minutes are over.
    TimedOut,
    /// The account or the session ended.
    NotAllowed,
    /// The user must sign in again, more strongly. That is over as soon as they did.
    SignInAgain,
    /// The consent was withdrawn in between.
    ConsentWithdrawn,
    /// Policy and consent leave nothing.
    NothingLeft,
    /// What could be granted is longer than an access token of the app may be (SMART-SCOPE-053).
    TooLong,
}

impl Refusal {
    /// What the app is told, if the refusal ends the interaction; `None` if the interaction goes on where it is.
    pub const fn for_app(self) -> Option<AuthorizeRefusal> {
        match self {
            Self::OtherUser | Self::OutOfOrder | Self::OtherPatient => None,
            Self::LaunchUser => Some(AuthorizeRefusal::denied("the launch belongs to another user")),
            Self::PatientDenied => {
                Some(AuthorizeRefusal::denied("access to this patient record is not allowed"))
            }
            Self::NoRecord => Some(AuthorizeRefusal::denied("no patient record available")),
            Self::EncounterMismatch => Some(AuthorizeRefusal::internal()),
            Self::UserSaidNo => Some(AuthorizeRefusal::denied("the user did not allow access")),
            // Shown as a page: an interaction that is over proves no address (AUTHZ-010).
            Self::TimedOut => None,
            Self::NotAllowed => Some(AuthorizeRefusal::denied("the user may not use this app")),
            // As when it shows right after signing in: this user may use the app, once signed in as it must be.
            Self::SignInAgain => Some(AuthorizeRefusal::new(
                AuthorizeCode::UnmetAuthenticationRequirements,
                "the user did not sign in as strongly as this app needs",
            )),
            Self::ConsentWithdrawn => Some(AuthorizeRefusal::denied("the consent was withdrawn")),
            Self::NothingLeft => Some(AuthorizeRefusal::new(
                AuthorizeCode::InvalidScope,
                "none of the requested scopes can be granted",
            )),
            Self::TooLong => Some(AuthorizeRefusal::new(
                AuthorizeCode::InvalidScope,
                "the scopes are too long for an access token, ask for fewer or for wider ones",
            )),
        }
    }

    /// What a user's standing refuses: the one place where it is judged, at issue, redemption and refresh (RT-010, INT-010).
    ///
    /// # Errors
    /// [`Refusal::NotAllowed`] or [`Refusal::SignInAgain`] for whoever may not go on.
    pub const fn of_standing(standing: Standing) -> Result<(), Self> {
        match standing {
            Standing::Active => Ok(()),
            Standing::SessionEnded | Standing::NotAllowed => Err(Self::NotAllowed),
            Standing::SignInAgain => Err(Self::SignInAgain),
        }
    }

    /// Whether what was granted is over for good: a user who may not go on, a session that ended, a consent that was withdrawn.
    /// None of it comes back, so the grant ends with it (A-RT-15 to -17). A policy's no about a patient may be a yes tomorrow,
    /// and a user may sign in again in a minute: that ends nothing (A-RT-18, SMART-REFRESH-022).
    pub const fn ends_the_grant(self) -> bool {
        matches!(self, Self::NotAllowed | Self::ConsentWithdrawn)
    }
}
