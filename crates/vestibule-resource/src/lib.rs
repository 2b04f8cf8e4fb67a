//! What a FHIR server needs to honour the tokens of a SMART authorization server.
//!
//! Three steps, all plain functions without I/O:
//!
//! ```text
//!   Authorization: Bearer …  ──TokenCheck──►         Principal    who may act: or Denied, with status and WWW-Authenticate
//!   method, path, query, body ──FhirRequest::read──► Interaction  what is asked: or Unreadable, if it has not exactly one reading
//!   Principal::decide(Interaction, Rules)        ──► Decision     yes, yes within a Narrowing, or no
//! ```
//!
//! A [`Principal`] exists only for a token that was signed by us, for this FHIR base, that has not ended and that carries what
//! its scopes need: a `patient/` scope without a patient is no token at all.
//!
//! ```
//! use http::{Method, StatusCode};
//! use serde_json::{Value, json};
//! use vestibule_resource::{Decision, Denied, FhirRequest, FhirVersion, Principal, Rules};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let rules = Rules::new(FhirVersion::R4, "https://ehr.example/fhir");
//!
//! /// The answer to a read: the status, and the resource if it may be shown.
//! fn read(principal: &Principal, rules: &Rules, path: &str, stored: Value) -> (StatusCode, Option<Value>) {
//!     let interaction = match FhirRequest::new(&Method::GET, path).read(rules) {
//!         Ok(interaction) => interaction,
//!         Err(unreadable) => return (unreadable.status(), None),
//!     };
//!     match principal.decide(&interaction, rules) {
//!         Decision::Permit(_) => (StatusCode::OK, Some(stored)),
//!         // What is hidden looks like what is missing.
//!         Decision::PermitNarrowed(narrowing) if narrowing.check_result(&stored).is_permitted() => (StatusCode::OK, Some(stored)),
//!         Decision::PermitNarrowed(_) => (StatusCode::NOT_FOUND, None),
//!         Decision::Deny(_) => (Denied::InsufficientScope.status(), None),
//!     }
//! }
//!
//! // What the engine says of a living token; `TokenCheck` reads the same from a signed one.
//! let claims = json!({
//!     "aud": "https://ehr.example/fhir", "sub": "u-1", "client_id": "app", "jti": "t-1", "exp": 2_000_000_000,
//!     "scope": "patient/Observation.rs?category=laboratory", "patient": "ann",
//! });
//! let principal = Principal::of_living_token(claims.as_object().ok_or("no object")?, "https://ehr.example/fhir")?;
//!
//! let observation = |subject: &str, category: &str| json!({
//!     "resourceType": "Observation", "id": "o", "subject": {"reference": subject},
//!     "category": [{"coding": [{"code": category}]}],
//! });
//! let status = |path: &str, stored| read(&principal, &rules, path, stored).0;
//! assert_eq!(status("/Observation/o", observation("Patient/ann", "laboratory")), StatusCode::OK);
//! assert_eq!(status("/Observation/o", observation("Patient/ben", "laboratory")), StatusCode::NOT_FOUND);
//! assert_eq!(status("/Observation/o", observation("Patient/ann", "survey")), StatusCode::NOT_FOUND);
//! assert_eq!(status("/Condition/c", Value::Null), StatusCode::FORBIDDEN);
//! assert_eq!(status("/Patient/../Observation/o", Value::Null), StatusCode::BAD_REQUEST);
//! # Ok(())
//! # }
//! ```
//!
//! # What stays with the server
//!
//! Scopes never raise anybody's rights (`SMART-SCOPE-025`): what the user may not see, the app may not either. A decision is
//! therefore an upper bound, and the server applies its own rules below it. It also applies what a [`Narrowing`] asks:
//! [`Narrowing::checks`] lists it.
//!
//! # What is left to know
//!
//! * A read that is hidden and one that is missing are both 404, with one body. A narrowed write answers 403 to both.
//! * To write is not to read: [`Principal::check_read`] says whether the answer to a write may hold the resource.
//! * A server that checks whether references lead somewhere tells by its refusals what is there. Let it not, or let it answer as if nothing did.
//! * A search parameter of the server's own must look at the found resource alone. One that looks into others is a chain that
//!   nobody sees here.
//! * A request is forwarded as it was judged: no header may change its method, its format of parameters or its user.
//!
//! # Revoked tokens
//!
//! Each way of checking a token ([`TokenVerifier`]) says how soon it notices that one was revoked ([`TokenVerifier::staleness`],
//! SMART-REVOKE-005): `EngineCheck` and an `IntrospectionCheck` that keeps nothing at once, an `IntrospectionCheck` within its staleness,
//! [`TokenCheck`] and [`JwksCheck`] when the token ends. The guide *Protect your FHIR server* (`docs/protect-your-fhir-server.md`) has the table.
//!
//! A server in the engine's own process may also hand the [`bearer_token`] to `AuthorizationServer::access_token` and read what comes back
//! with [`Principal::of_living_token`].
//!
//! # Features
//!
//! None is on by default; each adds and changes nothing else.
//!
//! * `tower`: `layer::GuardLayer`, the whole way of a request in front of a FHIR server.
//! * `in-process`: `EngineCheck`, for tokens of the engine in this process.
//! * `introspection`: `IntrospectionCheck`, for tokens of an issuer elsewhere.
//! * `http-client`: `HttpClient`, a small client for introspection and proxies, on tokio.

mod bearer;
mod check;
mod compartment;
mod constraint;
mod decide;
mod denied;
mod element;
#[cfg(feature = "in-process")]
mod engine_check;
mod fhir_user;
mod grants;
#[cfg(feature = "http-client")]
mod http_client;
mod interaction;
#[cfg(feature = "introspection")]
mod introspection;
mod jwks_check;
mod known;
#[cfg(feature = "tower")]
pub mod layer;
mod principal;
mod reach;
mod reference;
mod request;
mod rule;
mod rules;
mod search;
mod signed;
mod token_check;
mod transport;
#[cfg(test)]
mod vectors;
mod verifier;
mod version;

pub use bearer::bearer_token;
pub use check::{Addition, Checks, Filtered, Hidden, Narrowing, Verdict};
pub use decide::{Decision, Denial, Grounds};
pub use denied::{Denied, Outage, TokenFault};
pub use element::Element;
#[cfg(feature = "in-process")]
pub use engine_check::EngineCheck;
#[cfg(feature = "http-client")]
pub use http_client::HttpClient;
pub use interaction::{
    Act, BatchEntry, HistoryOf, Instance, Interaction, LogicalId, Operation, OperationLevel, Write,
};
#[cfg(feature = "introspection")]
pub use introspection::{IntrospectionCheck, IntrospectionClient};
pub use jwks_check::JwksCheck;
pub use known::{Known, Loaded};
pub use principal::Principal;
pub use reach::{Part, Reach};
pub use request::{FhirRequest, Unreadable};
pub use rules::{OperationRule, Rules, Target};
pub use search::{Filter, Include, Key, Link, Search, SearchOf};
pub use token_check::TokenCheck;
pub use transport::Transport;
pub use verifier::{Staleness, TokenVerifier};
pub use version::FhirVersion;

#[cfg(doctest)]
#[doc = include_str!("../../../docs/protect-your-fhir-server.md")]
struct Guide;
