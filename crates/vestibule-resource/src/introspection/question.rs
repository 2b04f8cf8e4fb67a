//! The question, and how we show that we may ask it.

use std::fmt::Write as _;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use form_urlencoded::{Serializer, byte_serialize};
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, Uri};
use serde_json::json;
use vestibule_host::{BoxError, ClientId, Entropy, KeyRing, Secret, UnixMillis};
use vestibule_jose::jws;

/// Who we are to the issuer: a client that was registered to introspect (RFC 7662 §2.1).
#[derive(Clone, Debug)]
pub struct IntrospectionClient {
    id: ClientId,
    proof: Proof,
}

#[derive(Clone, Debug)]
enum Proof {
    Secret(Secret),
    Key { ring: Arc<dyn KeyRing>, entropy: Arc<dyn Entropy> },
}

impl IntrospectionClient {
    /// A client with a secret (`client_secret_basic`).
    pub const fn with_secret(id: ClientId, secret: Secret) -> Self {
        Self { id, proof: Proof::Secret(secret) }
    }

    /// A client with a key (`private_key_jwt`): the key of `ring` that signs access tokens, whose public half was registered for the
    /// client, by its `jwks` or at its `jwks_uri`.
    pub const fn with_key(id: ClientId, ring: Arc<dyn KeyRing>, entropy: Arc<dyn Entropy>) -> Self {
        Self { id, proof: Proof::Key { ring, entropy } }
    }

    pub(super) async fn question(
        &self,
        endpoint: &Uri,
        issuer: &str,
        token: &str,
        now: UnixMillis,
    ) -> Result<Request<Bytes>, BoxError> {
        let assertion = match &self.proof {
            Proof::Secret(_) => None,
            Proof::Key { ring, entropy } => {
                Some(self.assertion(ring.as_ref(), entropy.as_ref(), issuer, now).await?)
            }
        };
        let mut form = Serializer::new(String::new());
        form.append_pair("token", token).append_pair("token_type_hint", "access_token");
        if let Some(assertion) = &assertion {
            form.append_pair("client_id", self.id.as_str())
                .append_pair("client_assertion_type", ASSERTION_TYPE)
                .append_pair("client_assertion", assertion);
        }
        let mut request = Request::new(Bytes::from(form.finish()));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = endpoint.clone();
        let headers = request.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        if let Proof::Secret(secret) = &self.proof {
            headers.insert(AUTHORIZATION, self.basic(secret)?);
        }
        Ok(request)
    }

    /// RFC 6749 §2.3.1: each half is form-encoded first.
    fn basic(&self, secret: &Secret) -> Result<HeaderValue, BoxError> {
        let encode = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
        let pair = format!("{}:{}", encode(self.id.as_str()), encode(secret.expose_secret()));
        let mut header = HeaderValue::try_from(format!("Basic {}", STANDARD.encode(pair)))?;
        header.set_sensitive(true);
        Ok(header)
    }

    /// RFC 7523 §3: for this issuer, for a minute, once.
    async fn assertion(
        &self,
        ring: &dyn KeyRing,
        entropy: &dyn Entropy,
        issuer: &str,
        now: UnixMillis,
    ) -> Result<String, BoxError> {
        let mut random = [0; 16];
        entropy.fill(&mut random)?;
        let mut jti = String::with_capacity(32);
        for byte in random {
            write!(jti, "{byte:02x}")?;
        }
        let (id, seconds) = (self.id.as_str(), now.seconds());
        let claims = json!({
            "iss": id, "sub": id, "aud": issuer, "jti": jti, "iat": seconds,
            "exp": seconds.saturating_add(ASSERTION_LIFE),
        });
        let key = ring.snapshot().access_token.clone();
        Ok(jws::encode(ring, &key, "JWT", &claims).await?)
    }
}

const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
const ASSERTION_LIFE: i64 = 60;
