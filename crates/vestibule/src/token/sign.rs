//! From content to tokens: signed, or kept behind a random text.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use vestibule_core::token::content::OPAQUE_PREFIX;
use vestibule_core::token::{IssuedAccess, TokenContent};
use vestibule_host::{KeyError, RegisteredClient, Secret, TokenFormat};
use vestibule_jose::jws;

use crate::fault::Away;
use crate::server::Inner;

impl Inner {
    /// Choosing the keys and signing use one snapshot: no rotation comes in between.
    pub(super) async fn sign(
        &self,
        content: &TokenContent,
        client: &RegisteredClient,
    ) -> Result<(IssuedAccess, Option<String>), Away> {
        let keys = self.host.keys.snapshot();
        let ring = &*self.host.keys;
        let mut jti = [0; 16];
        self.entropy().fill(&mut jti)?;
        let jti = URL_SAFE_NO_PAD.encode(jti);
        let text = match client.token_format {
            TokenFormat::Jwt => {
                let claims = content.access_claims(&jti);
                jws::encode(ring, &keys.access_token, "at+jwt", &claims).await? // ATJWT-001
            }
            TokenFormat::Opaque => self.secret(OPAQUE_PREFIX)?,
        };
        let id_token = match content.id_claims(&jws::at_hash(client.id_token_alg, &text)) {
            Some(claims) => {
                // A-OIDC-20, OIDC-007: what the client registered, or nothing is signed.
                let key = keys.id_token_key(client.id_token_alg).ok_or(KeyError::NoSuchKey)?;
                Some(jws::encode(ring, key, "JWT", &claims).await?)
            }
            None => None,
        };
        let text = Secret::new(text);
        let access = match client.token_format {
            TokenFormat::Jwt => content.as_jwt(text),
            TokenFormat::Opaque => content.as_opaque(text, &jti)?,
        };
        Ok((access, id_token))
    }
}
