//! Identifiers, one type a kind: a value of one kind never passes for another (CODE-010, STORE-007, A-TYPE-04).
//!
//! A grant is found by the handle of a refresh token:
//!
//! ```
//! use vestibule_host::{CodeHash, GrantKey, RefreshHandle};
//!
//! fn by_refresh(handle: &RefreshHandle) -> GrantKey<'_> {
//!     GrantKey::Refresh(handle)
//! }
//! ```
//!
//! and a code is none:
//!
//! ```compile_fail,E0308
//! use vestibule_host::{CodeHash, GrantKey, RefreshHandle};
//!
//! fn by_refresh(handle: &CodeHash) -> GrantKey<'_> {
//!     GrantKey::Refresh(handle)
//! }
//! ```

use std::fmt;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Takes the text as it is: identifiers are compared byte for byte and never normalised (GEN-015).
            pub fn new(text: impl Into<String>) -> Self {
                Self(text.into())
            }

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
    };
}

/// Ids that may stand in a log.
macro_rules! shown_in_debug {
    ($($name:ident),*) => {
        $(impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({:?})"), self.0)
            }
        })*
    };
}

/// Identifiers of patients and their visits stay out of logs (LOG-001).
macro_rules! hidden_in_debug {
    ($($name:ident),*) => {
        $(impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "(..)"))
            }
        })*
    };
}

text_id! {
    /// The namespace that one issuer's rows live in. Part of every key in every store.
    Tenant
}
text_id! {
    /// An app's `client_id`.
    ClientId
}
text_id! {
    /// The host's stable key of a user. Never reassigned to another person.
    UserId
}
text_id! {
    /// One sign-in of one user. Must change whenever somebody signs in (INT-002).
    SessionId
}
text_id! {
    /// One authorization of one app by one user. The root of everything that was issued under it.
    GrantId
}
text_id! {
    /// One recorded answer to a consent question.
    ConsentId
}

text_id! {
    /// The `jti` of an access token in the form of a JWT.
    TokenId
}

text_id! {
    /// The logical id of a FHIR `Patient`, without the type name. Its `Debug` form does not show it (LOG-001).
    PatientId
}
text_id! {
    /// The logical id of a FHIR `Encounter`, without the type name. Its `Debug` form does not show it (LOG-001).
    EncounterId
}

shown_in_debug!(Tenant, ClientId, UserId, SessionId, GrantId, ConsentId, TokenId);
hidden_in_debug!(PatientId, EncounterId);

impl PatientId {
    /// Whether the text is a FHIR logical id: 1 to 64 characters of `[A-Za-z0-9.-]`.
    ///
    /// What a browser posts is checked with this before anybody is asked about it.
    pub fn is_logical_id(text: &str) -> bool {
        !text.is_empty()
            && text.len() <= 64
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'.')
    }
}

macro_rules! hash_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub struct $name([u8; 32]);

        impl $name {
            /// Wraps 32 bytes of a SHA-256.
            pub const fn new(bytes: [u8; 32]) -> Self {
                Self(bytes)
            }

            /// The bytes, for a store's key column.
            pub const fn as_bytes(&self) -> &[u8; 32] {
                &self.0
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                // Eight bytes tell rows apart in a log and open nothing (LOG-002).
                f.write_str(concat!(stringify!($name), "("))?;
                for byte in self.0.iter().take(8) {
                    write!(f, "{byte:02x}")?;
                }
                f.write_str("..)")
            }
        }
    };
}

hash_id! {
    /// The SHA-256 under which an authorization code is stored (CODE-001).
    CodeHash
}
hash_id! {
    /// The SHA-256 under which a launch handle is stored (SMART-LAUNCH-010).
    LaunchHash
}
hash_id! {
    /// The SHA-256 under which an interaction is stored (INT-001).
    InteractionHash
}
hash_id! {
    /// SHA-256 over client, redirect URI and PKCE challenge, each preceded by its length.
    ///
    /// The verb that spends a code repeats it as a precondition, so that a wrong verifier or a foreign client neither
    /// wins nor burns the code.
    Binding
}

hash_id! {
    /// The SHA-256 under which an opaque access token is stored.
    AccessHash
}
hash_id! {
    /// The SHA-256 under which the refresh tokens of one grant are found: the same for all generations.
    RefreshHandle
}
hash_id! {
    /// The SHA-256 of one refresh token, one generation.
    RefreshHash
}
hash_id! {
    /// SHA-256 over issuer, client and `jti` of a client assertion (JWTCA-009, JWTCA-010).
    ClaimKey
}

hash_id! {
    /// The SHA-256 under which a registration access token is stored (DCRM-001).
    RegistrationTokenHash
}
hash_id! {
    /// The SHA-256 under which a spent initial access token is remembered.
    InitialTokenHash
}

/// The random part from which a refresh token's successor is derived, together with the token itself. Alone it opens nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Salt([u8; 32]);

impl Salt {
    /// Wraps 32 random bytes.
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes, for a store's column.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// One event, forever: what a sink sees twice, it can tell by this.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct EventId([u8; 16]);

impl EventId {
    /// Wraps 16 random bytes.
    pub const fn new(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

/// One try of one engine call. A verb that is repeated with the same attempt returns what it returned first.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct AttemptId([u8; 16]);

impl AttemptId {
    /// Wraps 16 random bytes.
    pub const fn new(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

/// How often an interaction was saved. Saving is compare-and-swap on it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Revision(pub u64);

/// What a store keeps and never looks into. It begins with a version byte and is encoded by `vestibule-core`.
///
/// A stored record is as trustworthy as the store: whoever can write rows can write grants.
#[derive(Clone, PartialEq, Eq)]
pub struct Record(pub Bytes);

impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Record({} bytes)", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_no_patient_and_no_whole_hash() {
        assert_eq!(format!("{:?}", PatientId::new("alice")), "PatientId(..)");
        assert_eq!(format!("{:?}", EncounterId::new("e1")), "EncounterId(..)");
        assert_eq!(format!("{:?}", CodeHash::new([0xab; 32])), "CodeHash(abababababababab..)");
        assert_eq!(format!("{:?}", Record(Bytes::from_static(b"secret"))), "Record(6 bytes)");
    }

    #[test]
    fn logical_ids() {
        for good in ["a", "alice", "A.b-9", &"x".repeat(64)] {
            assert!(PatientId::is_logical_id(good), "{good}");
        }
        for bad in ["", "Patient/a", "a,b", "a b", "a\0", "*", "ä", "../a", &"x".repeat(65)] {
            assert!(!PatientId::is_logical_id(bad), "{bad}");
        }
    }
}
