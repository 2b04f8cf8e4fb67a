//! The launch of an EHR launch: bound to user, client and base when it is made, spent when a code is issued.

use serde::{Deserialize, Serialize};
use vestibule_host::{ClientId, LaunchContext, LaunchHash, SessionId, UnixMillis, UserId};

use super::error::AuthorizeRefusal;
use crate::digest;

/// What every launch handle begins with; the rest is 43 characters of base64url.
pub const PREFIX: &str = "vl_";

/// What is stored for a launch (SMART-LAUNCH-011).
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct LaunchRecord {
    /// Whose EHR session opened the app.
    pub user: UserId,
    /// Which session.
    pub session: Option<SessionId>,
    /// The only app that may use it.
    pub client: ClientId,
    /// The only FHIR base.
    pub base: String,
    /// What is open in the EHR.
    pub context: LaunchContext,
    /// Until when an authorize request must have come with it (SMART-LAUNCH-012); afterwards the interaction's life governs.
    pub usable_until: UnixMillis,
}

impl LaunchRecord {
    /// Judges a launch when the authorize request is received (E8, SMART-LAUNCH-014, SMART-AUTHZ-042).
    ///
    /// # Errors
    /// One and the same refusal for unknown, expired, spent and foreign launches (A-TIME-07).
    pub fn accept(
        found: Option<&Self>,
        client: &ClientId,
        base: &str,
        now: UnixMillis,
    ) -> Result<(), AuthorizeRefusal> {
        match found {
            Some(launch)
                if launch.client == *client && launch.base == base && !launch.usable_until.is_over(now) =>
            {
                Ok(())
            }
            _ => Err(not_usable()),
        }
    }

    /// The types of the other resources in this launch, for `launch/<type>` scopes.
    pub fn other_types_in_context(&self) -> Vec<String> {
        Self::other_types(&self.context)
    }

    pub(crate) fn other_types(context: &LaunchContext) -> Vec<String> {
        let of = |item: &vestibule_host::FhirContextItem| {
            let text =
                |name: &str| item.members().get(name).and_then(|value| value.as_str()).map(str::to_owned);
            text("type").or_else(|| {
                text("reference").and_then(|r| r.split_once('/').map(|(kind, _)| kind.to_owned()))
            })
        };
        context.fhir_context.iter().filter_map(of).collect()
    }
}

/// The hash of a handle of the right form; `None` for anything else (A-LAUNCH-14, -15).
pub(crate) fn hash(issuer: &str, handle: &str) -> Option<LaunchHash> {
    let secret = handle.strip_prefix(PREFIX)?;
    let right =
        secret.len() == 43 && secret.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    right.then(|| digest::launch(issuer, handle))
}

/// The one refusal of launches.
pub(crate) const fn not_usable() -> AuthorizeRefusal {
    AuthorizeRefusal::invalid(
        "the launch is unknown, expired, already used, or not for this app and FHIR server",
    )
}
