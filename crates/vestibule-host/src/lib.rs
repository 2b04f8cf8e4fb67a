//! The vocabulary and the traits between Vestibule and the system that embeds it.
//!
//! Adapters (stores, key services, page sets) depend on this crate alone, so that the engine may change without breaking
//! them. Hosts usually meet it through the re-exports of the `vestibule` crate.
//!
//! # What a host implements, in the order it meets them
//!
//! | trait | the question it answers |
//! |---|---|
//! | [`UserAuthenticator`] | who sits at this browser, and where may they sign in? |
//! | [`PatientAccessPolicy`] | whose records may this user open? |
//! | [`ConsentStore`] | what did this user agree to? |
//! | [`ClientRegistry`] | which apps do we know? |
//! | [`GrantStore`] | the transactions: launches, interactions, codes, grants (usually an adapter crate) |
//! | [`KeyRing`] | signing and sealing keys (usually an adapter crate) |
//!
//! Everything is spoken in newtypes: a [`CodeHash`] cannot be used where a [`LaunchHash`] is wanted, and a secret has no
//! `Debug` or `Display` that would show it.
//!
//! # Rules that hold for every trait
//!
//! * **Absent is not failed.** "Not found" is `Ok(None)` or an outcome; an `Err` means that nobody knows.
//! * **Any future may be dropped at any await.** A writing method is then wholly done or not done at all.
//! * **Time is an argument.** Nothing here reads a clock, except an implementation of [`Clock`].

pub mod access;
pub mod audit;
pub mod client;
pub mod compute;
pub mod consent;
pub mod entropy;
pub mod family;
pub mod fault;
pub mod grant_store;
pub mod ids;
pub mod jwks;
pub mod keys;
pub mod launch;
pub mod memory;
pub mod pages;
pub mod rate;
pub mod redirect_uri;
pub mod registration;
pub mod scope_policy;
pub mod secret;
pub mod static_clients;
pub mod time;
pub mod user;

pub use access::{
    AllowedPatient, EncounterPage, EncounterQuery, EncounterSummary, Moment, PatientAccessPolicy,
    PatientAnswer, PatientPage, PatientQuery, PatientQuestion, PatientSummary, PolicyError, Reach,
};
pub use audit::{AuditDetails, AuditEvent, AuditSink};
pub use client::{
    ClientAuthentication, ClientKeys, ClientRegistry, ClientSecret, ClientStatus, ConsentRule, Framing,
    GrantTypes, Hazard, KeySource, RegisteredClient, TokenFormat,
};
pub use compute::Compute;
pub use consent::{ConsentAsked, ConsentRecord, ConsentStore, RememberedConsent};
pub use entropy::{Entropy, EntropyError};
pub use family::Family;
pub use fault::{BoxError, HostError, StoreFault};
pub use grant_store::{
    AccessKey, Advance, Advanced, AssertionClaim, Call, Durability, EventKind, GrantKey, GrantStatus,
    GrantStore, Issuance, IssueCode, IssueToken, LeasedEvent, NewAccess, NewEvent, NewRefresh, Purged,
    PutLaunch, Quota, RedeemCode, Redemption, Revocation, Revoke, Revoked, RotateRefresh, Rotation, Sharing,
    StoreFacts, StoredAccess, StoredGrant, StoredInteraction, TokenIssuance,
};
pub use ids::{
    AccessHash, AttemptId, Binding, ClaimKey, ClientId, CodeHash, ConsentId, EncounterId, EventId, GrantId,
    InitialTokenHash, InteractionHash, LaunchHash, PatientId, Record, RefreshHandle, RefreshHash,
    RegistrationTokenHash, Revision, Salt, SessionId, Tenant, TokenId, UserId,
};
pub use jwks::{FetchError, FetchedKeySet, JwksFetcher};
pub use keys::{Alg, KeyDocument, KeyError, KeyId, KeyRing, KeySaved, KeySet, KeyStore, SealKey, SigningKey};
pub use launch::{ExtensionError, Extensions, FhirContextItem, LaunchContext};
pub use memory::{MemoryClients, MemoryConsents, MemoryGrants, MemoryKeys};
pub use pages::{Pages, View};
pub use rate::{RateAnswer, RateGate, RatePoint, RateQuestion, Source};
pub use registration::{ClientRegistrar, InitialTokens, OpenRegistration, Registration, RegistrationPolicy};
pub use scope_policy::{ScopePolicy, ScopeQuestion};
pub use secret::Secret;
pub use static_clients::{ClientsError, StaticClients};
pub use time::{Clock, SystemClock, UnixMillis};
pub use user::{
    SignInAsk, SignInMove, SignInReason, SignedInUser, Standing, StandingQuestion, UserAuthenticator,
    UserKind,
};
