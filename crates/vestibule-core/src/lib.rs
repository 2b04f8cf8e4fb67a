//! The rules of a SMART on FHIR authorization server, pure: no async, no clock, no randomness, no I/O.
//!
//! ```text
//!  query ─► authorize::request ─► authorize::redirect ─► authorize::validate ─► PendingRequest
//!                                  (client and address      (PKCE, aud, scope,      │
//!                                   proven here)             launch)                ▼
//!            token::response ◄── token::code ◄── grant ◄── authorize::issue ◄── authorize::progress
//!             (JSON answer)      (redemption)   (record)    (code and grant)    (who, whose record,
//!                                                                                which visit, consent)
//! ```
//!
//! # Reading order
//! [`params`], then [`authorize`] file by file as its own page lists them, [`grant`], then [`token`], then [`discovery`]; [`register`] stands beside them.
//!
//! # What the types promise
//! * An error can be sent to an app only through a [`authorize::ProvenRedirect`], which exists only for a registered address.
//! * A code and a token can be made only from a [`grant::Grantable`], which exists only after user, patient policy and consent
//!   were asked again.
//! * A token's body can be read only from a settled [`token::Draft`], and only a won redemption settles it.

pub mod access;
pub mod audience;
pub mod authorize;
pub mod digest;
pub mod discovery;
pub mod explain;
pub mod grant;
pub mod params;
pub mod record;
pub mod register;
pub mod token;
