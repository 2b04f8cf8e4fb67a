//! What of a registration a consent, and a reviewer's approval, speak of.

use sha2::{Digest, Sha256};

use super::{ClientAuthentication, KeySource, RegisteredClient};
use crate::redirect_uri::AppKind;

impl RegisteredClient {
    /// A short name for what users and reviewers agreed to: the app's name, where its answers go, how it proves who it is, and
    /// what it may ask for (INT-014, DCRM-004). Equal registrations have equal fingerprints, on every node and after a restart.
    ///
    /// Secrets take no part: one that is replaced in good time changes nothing for anybody.
    pub fn fingerprint(&self) -> String {
        let mut hash = Lengths(Sha256::new());
        hash.add(b"vestibule client 1");
        hash.add(self.name.as_bytes());
        hash.add(self.authentication.method().as_bytes());
        if let ClientAuthentication::PrivateKeyJwt(keys) = &self.authentication {
            match &keys.source {
                KeySource::Inline(document) => hash.add(document),
                KeySource::Url(url) => hash.add(url.as_bytes()),
            }
            hash.add(keys.alg.as_deref().unwrap_or_default().as_bytes());
        }
        hash.add(if self.app_kind() == AppKind::Native { b"native" } else { b"web" });
        hash.all(self.redirect_uris.iter().map(String::as_str).collect());
        let scopes = self.scopes.canonical();
        hash.all(scopes.iter().map(|scope| scope.as_str()).collect());
        let bytes: [u8; 32] = hash.0.finalize().into();
        bytes.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
    }
}

/// Each part preceded by its length, so that no two registrations run together.
struct Lengths(Sha256);

impl Lengths {
    fn add(&mut self, part: &[u8]) {
        self.0.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        self.0.update(part);
    }

    /// A set: its order says nothing.
    fn all(&mut self, mut parts: Vec<&str>) {
        parts.sort_unstable();
        parts.dedup();
        self.0.update(u64::try_from(parts.len()).unwrap_or(u64::MAX).to_be_bytes());
        for part in parts {
            self.add(part.as_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::{ClientKeys, ClientSecret, ConsentRule, SecretHash};
    use crate::{ClientId, UnixMillis};

    fn client() -> RegisteredClient {
        let scopes = "openid patient/Observation.read".parse().unwrap();
        let secret = SecretHash::of("test-secret-test-secret-test-secret").unwrap();
        let authentication = ClientAuthentication::SecretBasic(vec![ClientSecret::new(secret)]);
        RegisteredClient::new(ClientId::new("app"), authentication, "https://app.example/cb", scopes)
    }

    fn changed(change: impl FnOnce(&mut RegisteredClient)) -> bool {
        let mut other = client();
        change(&mut other);
        other.fingerprint() != client().fingerprint()
    }

    /// INT-014, DCRM-004
    #[test]
    fn changes_with_what_was_agreed_to_and_with_nothing_else() {
        assert_eq!(client().fingerprint(), client().fingerprint());
        assert!(changed(|it| it.name = "Other".to_owned()));
        assert!(changed(|it| it.redirect_uris.push("https://other.example/".to_owned())));
        assert!(changed(|it| it.kind = Some(AppKind::Native)));
        assert!(changed(|it| it.authentication = ClientAuthentication::Public));
        assert!(changed(|it| it.scopes = "openid".parse().unwrap()));
        let keys = |source| ClientAuthentication::PrivateKeyJwt(ClientKeys::new(source));
        let mut by_url = client();
        by_url.authentication = keys(KeySource::Url("https://app.example/jwks".into()));
        let mut inline = client();
        inline.authentication = keys(KeySource::Inline("https://app.example/jwk".into()));
        assert_ne!(by_url.fingerprint(), inline.fingerprint());

        assert!(!changed(|it| it.scopes = "patient/Observation.rs openid".parse().unwrap()));
        assert!(!changed(|it| it.consent = ConsentRule::Remember));
        assert!(!changed(|it| {
            let ClientAuthentication::SecretBasic(secrets) = &mut it.authentication else { return };
            secrets.push(ClientSecret { not_after: Some(UnixMillis(1)), ..secrets[0].clone() });
        }));
        let mut two = client();
        two.redirect_uris.insert(0, "https://a.example/".to_owned());
        assert!(!changed(|it| it.launch_uris.push("https://app.example/launch".to_owned())));
        let mut reversed = two.clone();
        reversed.redirect_uris.reverse();
        assert_eq!(two.fingerprint(), reversed.fingerprint());
    }
}
