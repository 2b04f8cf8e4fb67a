//! Hashes with a domain each: a value of one kind never resolves as another (CODE-010, CRYPTO-002).

use sha2::{Digest, Sha256};
use vestibule_host::{
    AccessHash, Binding, ClaimKey, CodeHash, InitialTokenHash, InteractionHash, LaunchHash, RefreshHandle,
    RefreshHash, RegistrationTokenHash,
};

/// SHA-256 over a label and parts, each preceded by its length, so that no two inputs run together.
pub fn parts(label: &str, parts: &[&[u8]]) -> [u8; 32] {
    let mut hash = Sha256::new();
    let mut add = |part: &[u8]| {
        hash.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        hash.update(part);
    };
    add(label.as_bytes());
    for part in parts {
        add(part);
    }
    hash.finalize().into()
}

/// Where an authorization code is stored. The issuer takes part, so that another issuer's code is unknown (A-MIX-05).
pub fn code(issuer: &str, code: &str) -> CodeHash {
    CodeHash::new(parts("vestibule code", &[issuer.as_bytes(), code.as_bytes()]))
}

/// Where a launch is stored.
pub fn launch(issuer: &str, handle: &str) -> LaunchHash {
    LaunchHash::new(parts("vestibule launch", &[issuer.as_bytes(), handle.as_bytes()]))
}

/// Where an opaque access token is stored.
pub fn access(issuer: &str, token: &str) -> AccessHash {
    AccessHash::new(parts("vestibule access token", &[issuer.as_bytes(), token.as_bytes()]))
}

/// Where a chain of refresh tokens is stored.
pub fn refresh_handle(issuer: &str, handle: &str) -> RefreshHandle {
    RefreshHandle::new(parts("vestibule refresh handle", &[issuer.as_bytes(), handle.as_bytes()]))
}

/// What a chain keeps of one of its tokens.
pub fn refresh_token(issuer: &str, token: &str) -> RefreshHash {
    RefreshHash::new(parts("vestibule refresh token", &[issuer.as_bytes(), token.as_bytes()]))
}

/// Where a spent client assertion is remembered: per client, so that nobody blocks another (JWTCA-010).
pub fn claim(issuer: &str, client: &str, jti: &str) -> ClaimKey {
    let (issuer, client, jti) = (issuer.as_bytes(), client.as_bytes(), jti.as_bytes());
    ClaimKey::new(parts("vestibule assertion", &[issuer, client, jti]))
}

/// What is kept of a registration access token (DCRM-001).
pub fn registration_token(issuer: &str, token: &str) -> RegistrationTokenHash {
    RegistrationTokenHash::new(parts("vestibule registration token", &[issuer.as_bytes(), token.as_bytes()]))
}

/// What is kept of an initial access token that was spent.
pub fn initial_token(issuer: &str, token: &str) -> InitialTokenHash {
    InitialTokenHash::new(parts("vestibule initial token", &[issuer.as_bytes(), token.as_bytes()]))
}

/// Where an interaction is stored.
pub fn interaction(issuer: &str, id: &str) -> InteractionHash {
    InteractionHash::new(parts("vestibule interaction", &[issuer.as_bytes(), id.as_bytes()]))
}

/// What a redemption must present: client, redirect URI and PKCE challenge (CODE-003).
pub fn binding(client: &str, redirect_uri: &str, challenge: &str) -> Binding {
    Binding::new(parts(
        "vestibule binding",
        &[client.as_bytes(), redirect_uri.as_bytes(), challenge.as_bytes()],
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_do_not_run_together() {
        assert_ne!(parts("x", &[b"ab", b"c"]), parts("x", &[b"a", b"bc"]));
        assert_ne!(parts("x", &[b"a"]), parts("y", &[b"a"]));
        assert_ne!(code("https://a", "v").as_bytes(), launch("https://a", "v").as_bytes());
        assert_ne!(code("https://a", "v"), code("https://b", "v"));
    }
}
