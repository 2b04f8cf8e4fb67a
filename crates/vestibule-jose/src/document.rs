//! The persisted key set: one version byte, then JSON. Private keys as PKCS#8, secrets in base64url.
//!
//! A key's `kid` is not stored: it is computed from the key, so that the two cannot disagree.

use std::fmt;

use serde::de::{self, Deserializer, Visitor};
use serde::{Deserialize, Serialize, Serializer};
use vestibule_host::{Alg, KeyDocument, KeyError, KeyId};
use zeroize::Zeroizing;

use crate::base64url;

const VERSION: u8 = 1;
/// Far more than a hundred RSA keys.
const MAX_LEN: usize = 1 << 20;

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StoredKeys {
    pub(crate) signing: Vec<StoredSigningKey>,
    /// The newest first.
    pub(crate) seal: Vec<StoredSealKey>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StoredSigningKey {
    pub(crate) role: Role,
    pub(crate) state: State,
    pub(crate) alg: Alg,
    pub(crate) pkcs8: SecretBytes,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StoredSealKey {
    pub(crate) id: KeyId,
    pub(crate) secret: SecretBytes,
}

/// What a signing key is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Role {
    AccessToken,
    IdToken,
}

/// Where a signing key stands in its life (KEY-001). All of them are published; only an active one signs.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum State {
    Pending,
    Active,
    Retired,
}

/// Bytes that are wiped when dropped and that `Debug` does not show.
pub(crate) struct SecretBytes(Zeroizing<Vec<u8>>);

impl SecretBytes {
    #[cfg_attr(not(feature = "generate"), allow(dead_code, reason = "only new keys are wrapped"))]
    pub(crate) fn new(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
    }

    pub(crate) fn expose_secret(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for SecretBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretBytes(..)")
    }
}

impl Serialize for SecretBytes {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        out.serialize_str(&Zeroizing::new(base64url::encode(&self.0)))
    }
}

impl<'de> Deserialize<'de> for SecretBytes {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = SecretBytes;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("base64url")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<SecretBytes, E> {
                // The error must not quote the text, as serde's own would.
                let bytes = base64url::decode(text).ok_or_else(|| E::custom("not base64url"))?;
                Ok(SecretBytes(Zeroizing::new(bytes)))
            }
        }
        from.deserialize_str(Text)
    }
}

impl StoredKeys {
    #[cfg_attr(not(feature = "generate"), allow(dead_code, reason = "only new keys are written"))]
    pub(crate) fn to_document(&self) -> Result<KeyDocument, KeyError> {
        // Room from the start, so that a growing vector leaves no copies behind.
        let mut bytes = Vec::with_capacity(16 * 1024);
        bytes.push(VERSION);
        serde_json::to_writer(&mut bytes, self)
            .map_err(|_| KeyError::Unusable("the keys cannot be written"))?;
        Ok(KeyDocument::new(bytes))
    }

    pub(crate) fn from_document(document: &KeyDocument) -> Result<Self, KeyError> {
        let bytes = document.expose_secret();
        if bytes.len() > MAX_LEN {
            return Err(KeyError::Unusable("the key document is too large"));
        }
        match bytes.split_first() {
            None => Err(KeyError::Unusable("the key document is empty")),
            // serde's message could quote what it stumbled over.
            Some((&VERSION, json)) => {
                serde_json::from_slice(json).map_err(|_| KeyError::Unusable("the key document is damaged"))
            }
            Some(_) => {
                Err(KeyError::Unusable("the key document was written by a newer version; upgrade first"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys() -> StoredKeys {
        StoredKeys {
            signing: vec![StoredSigningKey {
                role: Role::AccessToken,
                state: State::Active,
                alg: Alg::Es256,
                pkcs8: SecretBytes(Zeroizing::new(vec![0xfb, 0xff])),
            }],
            seal: vec![StoredSealKey {
                id: KeyId::new("s1"),
                secret: SecretBytes(Zeroizing::new(vec![7; 32])),
            }],
        }
    }

    /// What is stored today must be read by every later version.
    #[test]
    fn the_first_version_is_written_like_this() {
        let written = keys().to_document().unwrap();
        let expected = concat!(
            "\u{1}",
            r#"{"signing":[{"role":"access_token","state":"active","alg":"ES256","pkcs8":"-_8"}],"#,
            r#""seal":[{"id":"s1","secret":"BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc"}]}"#
        );
        assert_eq!(std::str::from_utf8(written.expose_secret()).unwrap(), expected);
        let read = StoredKeys::from_document(&written).unwrap();
        assert_eq!(read.seal[0].secret.expose_secret(), [7; 32]);
        assert_eq!(read.signing[0].pkcs8.expose_secret(), [0xfb, 0xff]);
    }

    #[test]
    fn anything_else_is_refused_with_a_reason() {
        let reason = |bytes: &[u8]| match StoredKeys::from_document(&KeyDocument::new(bytes.to_vec())) {
            Err(KeyError::Unusable(reason)) => reason,
            other => panic!("{other:?}"),
        };
        assert_eq!(reason(b""), "the key document is empty");
        assert_eq!(reason(b"\x02{}"), "the key document was written by a newer version; upgrade first");
        assert_eq!(reason(b"\x01{"), "the key document is damaged");
        assert_eq!(reason(br#"{"signing":[],"seal":[]}"#), reason(b"\x02"), "no version byte");
        assert_eq!(reason(b"\x01{\"signing\":[],\"seal\":[],\"x\":1}"), "the key document is damaged");
        assert_eq!(reason(&vec![1; MAX_LEN + 1]), "the key document is too large");
    }

    #[test]
    fn debug_shows_no_secret() {
        let shown = format!("{:?}", keys());
        assert!(shown.contains("SecretBytes(..)"));
        assert!(!shown.contains("251") && !shown.contains("BwcH") && !shown.contains("7, 7"));
    }
}
