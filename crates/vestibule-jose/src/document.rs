//! The persisted key set: one version byte, then JSON. Private keys as PKCS#8, secrets in base64url.
//!
//! A key's `kid` is not stored: it is computed from the key, so that the two cannot disagree.

use std::fmt;
use std::time::Duration;

use serde::de::{self, Deserializer, Visitor};
use serde::{Deserialize, Serialize, Serializer};
use vestibule_host::{Alg, KeyDocument, KeyError, KeyId, UnixMillis};
use zeroize::Zeroizing;

use crate::base64url;
use crate::key_plan::{KeyPhase, KeyRole};
use crate::private_key::PrivateKey;

/// Without phases; read, no longer written.
const FIRST_VERSION: u8 = 1;
const VERSION: u8 = 2;
/// Far more than a hundred RSA keys.
const MAX_LEN: usize = 1 << 20;

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StoredKeys {
    pub(crate) signing: Vec<StoredSigningKey>,
    /// The one that seals first, then the old ones from new to old; a pending one stands last.
    pub(crate) seal: Vec<StoredSealKey>,
    /// The ids of signing keys that are no more. None of them may come back (KEY-006).
    pub(crate) gone: Vec<KeyId>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StoredSigningKey {
    pub(crate) role: KeyRole,
    pub(crate) alg: Alg,
    pub(crate) phase: KeyPhase,
    /// The longest life that a token under this key was ever planned to have, in milliseconds.
    pub(crate) longest_life: u64,
    pub(crate) pkcs8: SecretBytes,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StoredSealKey {
    pub(crate) id: KeyId,
    pub(crate) phase: SealPhase,
    pub(crate) secret: SecretBytes,
}

/// Where a seal master stands. All of them open; only the active one seals.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum SealPhase {
    Pending { seals_from: UnixMillis },
    Active { since: UnixMillis },
    Old,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FirstKeys {
    signing: Vec<FirstSigningKey>,
    seal: Vec<FirstSealKey>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FirstSigningKey {
    role: KeyRole,
    /// Nothing else was ever written.
    #[serde(rename = "state")]
    _state: AlwaysActive,
    alg: Alg,
    pkcs8: SecretBytes,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum AlwaysActive {
    Active,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FirstSealKey {
    id: KeyId,
    secret: SecretBytes,
}

/// Bytes that are wiped when dropped and that `Debug` does not show.
pub(crate) struct SecretBytes(Zeroizing<Vec<u8>>);

impl SecretBytes {
    pub(crate) fn new(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
    }

    pub(crate) fn expose_secret(&self) -> &[u8] {
        &self.0
    }

    pub(crate) fn expose_secret_mut(&mut self) -> &mut [u8] {
        &mut self.0
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
    pub(crate) fn to_document(&self) -> Result<KeyDocument, KeyError> {
        // Room from the start, so that a growing vector leaves no copies behind.
        let mut bytes = Vec::with_capacity(16 * 1024 + self.signing.len() * 4 * 1024 + self.gone.len() * 64);
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
        // serde's message could quote what it stumbled over.
        let damaged = |_| KeyError::Unusable("the key document is damaged");
        match bytes.split_first() {
            None => Err(KeyError::Unusable("the key document is empty")),
            Some((&FIRST_VERSION, json)) => {
                serde_json::from_slice::<FirstKeys>(json).map(Self::from).map_err(damaged)
            }
            Some((&VERSION, json)) => serde_json::from_slice(json).map_err(damaged),
            Some(_) => {
                Err(KeyError::Unusable("the key document was written by a newer version; upgrade first"))
            }
        }
    }
}

impl StoredSigningKey {
    /// The key, parsed: expensive, and needed only when keys change.
    pub(crate) fn private(&self) -> Result<PrivateKey, KeyError> {
        PrivateKey::from_pkcs8(self.alg, self.pkcs8.expose_secret())
    }

    pub(crate) fn id(&self) -> Result<KeyId, KeyError> {
        Ok(self.private()?.public()?.thumbprint())
    }

    pub(crate) const fn longest_life(&self) -> Duration {
        Duration::from_millis(self.longest_life)
    }
}

pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

impl From<FirstKeys> for StoredKeys {
    fn from(first: FirstKeys) -> Self {
        // Nobody wrote down since when. Tokens lived for an hour at most.
        let since = UnixMillis(0);
        let signing = first.signing.into_iter().map(|key| StoredSigningKey {
            role: key.role,
            alg: key.alg,
            phase: KeyPhase::Active { since },
            longest_life: millis(Duration::from_secs(3600)),
            pkcs8: key.pkcs8,
        });
        let seal = first.seal.into_iter().enumerate().map(|(at, key)| StoredSealKey {
            id: key.id,
            phase: if at == 0 { SealPhase::Active { since } } else { SealPhase::Old },
            secret: key.secret,
        });
        Self { signing: signing.collect(), seal: seal.collect(), gone: Vec::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys() -> StoredKeys {
        let signing = |role, phase, byte| StoredSigningKey {
            role,
            alg: Alg::Es256,
            phase,
            longest_life: 3_600_000,
            pkcs8: SecretBytes::new(vec![0xfb, byte]),
        };
        let seal = |id: &str, phase| StoredSealKey {
            id: KeyId::new(id),
            phase,
            secret: SecretBytes::new(vec![7; 32]),
        };
        let at = UnixMillis(5);
        StoredKeys {
            signing: vec![
                signing(KeyRole::AccessToken, KeyPhase::Active { since: at }, 0xff),
                signing(KeyRole::AccessToken, KeyPhase::Pending { signs_from: at }, 0xfe),
                signing(KeyRole::IdToken, KeyPhase::Retired { published_until: at }, 0xfd),
            ],
            seal: vec![
                seal("s1", SealPhase::Active { since: at }),
                seal("s0", SealPhase::Old),
                seal("s2", SealPhase::Pending { seals_from: at }),
            ],
            gone: vec![KeyId::new("k0")],
        }
    }

    fn text(document: &KeyDocument) -> &str {
        std::str::from_utf8(document.expose_secret()).unwrap()
    }

    const SECRET: &str = "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc";

    /// What is stored today must be read by every later version.
    #[test]
    fn the_present_version_is_written_like_this() {
        let written = keys().to_document().unwrap();
        let expected = concat!(
            "\u{2}",
            r#"{"signing":[{"role":"access_token","alg":"ES256","phase":{"active":{"since":5}},"longest_life":3600000,"pkcs8":"-_8"},"#,
            r#"{"role":"access_token","alg":"ES256","phase":{"pending":{"signs_from":5}},"longest_life":3600000,"pkcs8":"-_4"},"#,
            r#"{"role":"id_token","alg":"ES256","phase":{"retired":{"published_until":5}},"longest_life":3600000,"pkcs8":"-_0"}],"#,
            r#""seal":[{"id":"s1","phase":{"active":{"since":5}},"secret":"SECRET"},"#,
            r#"{"id":"s0","phase":"old","secret":"SECRET"},"#,
            r#"{"id":"s2","phase":{"pending":{"seals_from":5}},"secret":"SECRET"}],"gone":["k0"]}"#
        );
        assert_eq!(text(&written), expected.replace("SECRET", SECRET));
        let read = StoredKeys::from_document(&written).unwrap();
        assert_eq!(read.seal[0].secret.expose_secret(), [7; 32]);
        assert_eq!(read.signing[0].pkcs8.expose_secret(), [0xfb, 0xff]);
        assert_eq!(text(&read.to_document().unwrap()), text(&written));
    }

    /// Documents of the first version are out there.
    #[test]
    fn the_first_version_is_still_read() {
        let first = concat!(
            "\u{1}",
            r#"{"signing":[{"role":"access_token","state":"active","alg":"ES256","pkcs8":"-_8"},"#,
            r#"{"role":"id_token","state":"active","alg":"RS256","pkcs8":"-_4"}],"#,
            r#""seal":[{"id":"s1","secret":"SECRET"},{"id":"s0","secret":"SECRET"}]}"#
        );
        let document = KeyDocument::new(first.replace("SECRET", SECRET).into_bytes());
        let read = StoredKeys::from_document(&document).unwrap();
        assert_eq!(read.signing[1].role, KeyRole::IdToken);
        assert_eq!(read.signing[1].alg, Alg::Rs256);
        assert_eq!(read.signing[1].pkcs8.expose_secret(), [0xfb, 0xfe]);
        for key in &read.signing {
            assert_eq!(key.phase, KeyPhase::Active { since: UnixMillis(0) });
            assert_eq!(key.longest_life(), Duration::from_secs(3600));
        }
        assert_eq!(read.seal[0].phase, SealPhase::Active { since: UnixMillis(0) });
        assert_eq!(read.seal[1].phase, SealPhase::Old);
        assert!(read.gone.is_empty());
    }

    #[test]
    fn anything_else_is_refused_with_a_reason() {
        let reason = |bytes: &[u8]| match StoredKeys::from_document(&KeyDocument::new(bytes.to_vec())) {
            Err(KeyError::Unusable(reason)) => reason,
            other => panic!("{other:?}"),
        };
        let newer = "the key document was written by a newer version; upgrade first";
        assert_eq!(reason(b""), "the key document is empty");
        assert_eq!(reason(b"\x03{}"), newer);
        assert_eq!(reason(br#"{"signing":[],"seal":[]}"#), newer, "no version byte");
        for version in [1, 2] {
            let with = |json: &[u8]| reason(&[&[version], json].concat());
            assert_eq!(with(b"{"), "the key document is damaged");
            assert_eq!(with(br#"{"signing":[],"seal":[],"gone":[],"x":1}"#), "the key document is damaged");
            assert_eq!(with(br#"{"signing":[]}"#), "the key document is damaged");
        }
        assert_eq!(reason(&vec![1; MAX_LEN + 1]), "the key document is too large");
    }

    #[test]
    fn debug_shows_no_secret() {
        let shown = format!("{:?}", keys());
        assert!(shown.contains("SecretBytes(..)"));
        assert!(!shown.contains("251") && !shown.contains("BwcH") && !shown.contains("7, 7"));
    }
}
