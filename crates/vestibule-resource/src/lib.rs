//! What a FHIR server needs to honour the tokens of a SMART authorization server.
//!
//! Two steps, both plain functions without I/O:
//!
//! ```text
//!   Authorization: Bearer …  ──TokenCheck──►  Principal     who may act: or Denied, with status and WWW-Authenticate
//!   Principal + what is asked ──Principal::may──►  Decision  yes, for one patient, for some resources, or no
//! ```
//!
//! A [`Principal`] exists only for a token that was signed by us, for this FHIR base, that has not ended and that carries what
//! its scopes need: a `patient/` scope without a patient is no token at all.
//!
//! ```
//! use http::StatusCode;
//! use vestibule_host::{KeyRing, UnixMillis};
//! use vestibule_resource::{Decision, Denied, Interaction, TokenCheck};
//! use vestibule_scope::ResourceType;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let keys: std::sync::Arc<dyn KeyRing> =
//! #     std::sync::Arc::new(vestibule_jose::LocalKeyRing::ephemeral(&vestibule_jose::SystemRandom::new())?);
//! let check = TokenCheck::new("https://ehr.example", "https://ehr.example/fhir", keys)?;
//! let observation = ResourceType::from_name("Observation").ok_or("not a resource type")?;
//!
//! let search = |authorization: Option<&str>, now: UnixMillis| -> Result<String, Denied> {
//!     let principal = check.check(authorization, now)?;
//!     match principal.may(Interaction::Search, observation) {
//!         Decision::Permit => Ok("every Observation that this user may see".to_owned()),
//!         Decision::PermitForPatient(patient) => Ok(format!("those in the compartment of {}", patient.as_str())),
//!         Decision::PermitFiltered(parts) => Ok(format!("those that match any of {} parts", parts.len())),
//!         Decision::Deny => Err(Denied::InsufficientScope),
//!     }
//! };
//!
//! let denied = search(None, UnixMillis(0)).err().ok_or("no token, no data")?;
//! assert_eq!(denied.status(), StatusCode::UNAUTHORIZED);
//! assert_eq!(denied.challenge(), "Bearer");
//! # Ok(())
//! # }
//! ```
//!
//! # What stays with the server
//!
//! Scopes never raise anybody's rights (`SMART-SCOPE-025`): what the user may not see, the app may not either. A decision is
//! therefore an upper bound, and the server applies its own rules below it. It also applies what a decision names: the patient
//! compartment, the search parameters of granular scopes.
//!
//! # Revoked tokens
//!
//! [`TokenCheck`] looks at signature and end: a token that was revoked a moment ago is noticed when it ends. A server in the
//! engine's own process knows at once (SMART-REVOKE-005): it hands the [`bearer_token`] to `AuthorizationServer::access_token` and
//! reads what comes back with [`Principal::of_living_token`]. Opaque tokens work that way too.

mod bearer;
mod decision;
mod denied;
#[cfg(feature = "in-process")]
mod engine_check;
mod fhir_user;
#[cfg(feature = "http-client")]
mod http_client;
#[cfg(feature = "introspection")]
mod introspection;
mod jwks_check;
mod principal;
mod signed;
mod token_check;
mod transport;
mod verifier;

pub use bearer::bearer_token;
pub use decision::{Decision, Interaction, Part};
pub use denied::{Denied, Outage, TokenFault};
#[cfg(feature = "in-process")]
pub use engine_check::EngineCheck;
#[cfg(feature = "http-client")]
pub use http_client::HttpClient;
#[cfg(feature = "introspection")]
pub use introspection::{IntrospectionCheck, IntrospectionClient};
pub use jwks_check::JwksCheck;
pub use principal::Principal;
pub use token_check::TokenCheck;
pub use transport::Transport;
pub use verifier::{Staleness, TokenVerifier};
