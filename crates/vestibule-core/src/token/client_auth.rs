//! Which app asks, and does it prove it (oauth.md 5 and 6, SMART-CAUTH-001 to -012, -030 to -033).
//!
//! One authenticator for every endpoint (CAUTH-010). Its result, [`AuthenticatedClient`], has no other constructor. A client
//! assertion is verified by whoever has keys; what is left of it here is [`Asserted`].

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use vestibule_host::{
    AssertionClaim, ClientAuthentication, ClientId, RegisteredClient, Secret, UnixMillis, client::SecretHash,
};

use super::error::TokenError;
use crate::params::{ParamError, Params};

/// What a request presents as client authentication. Nothing is proven yet.
#[derive(Debug)]
pub struct Presented {
    client_id: ClientId,
    proof: Proof,
}

#[derive(Debug)]
enum Proof {
    None,
    /// The secret as RFC 6749 §2.3.1 decodes it, and as it stands.
    Basic {
        decoded: Option<Secret>,
        raw: Secret,
    },
    Post(Secret),
    Assertion(Secret),
}

/// The only type of assertion (SMART-CAUTH-020, RFC 7523 §2.2).
const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// A client assertion whose signature, header and claims were verified with this client's keys.
#[derive(Debug)]
pub struct Asserted {
    client: ClientId,
    claim: AssertionClaim,
}

impl Asserted {
    /// Says that an assertion of this client was verified, and how it is spent.
    ///
    /// # Security
    /// Whoever calls this vouches for the assertion: the engine calls it after the signature check, and nowhere else.
    pub const fn verified(client: ClientId, claim: AssertionClaim) -> Self {
        Self { client, claim }
    }
}

impl Presented {
    /// Reads the credentials of a request. `named` says whom an assertion is about, unverified: good for looking up a client,
    /// and for nothing else (JWTCA-004).
    ///
    /// # Errors
    /// `invalid_request` for two mechanisms or a repeated parameter (CAUTH-001), `invalid_client` for a header that is not
    /// Basic or cannot be read (CAUTH-003, CAUTH-004), and for an assertion about nobody.
    pub fn read(
        params: &Params,
        authorization: &[&[u8]],
        named: impl FnOnce(&str) -> Option<String>,
    ) -> Result<Self, TokenError> {
        let one = |name| {
            params.one(name).map_err(|error| match error {
                ParamError::Repeated => TokenError::repeated(),
                ParamError::Malformed => TokenError::malformed(),
            })
        };
        let body_id = one("client_id")?;
        let secret = one("client_secret")?;
        let assertion = one("client_assertion")?;
        let assertion_type = one("client_assertion_type")?;
        let asserted = assertion.is_some() || assertion_type.is_some();
        let header = match authorization {
            [] => None,
            [one] => Some(*one),
            _ => return Err(TokenError::InvalidRequest("more than one Authorization header")),
        };
        if usize::from(header.is_some()) + usize::from(secret.is_some()) + usize::from(asserted) > 1 {
            return Err(TokenError::InvalidRequest("more than one way of client authentication"));
        }
        if let Some(header) = header {
            let basic = Basic::read(header).ok_or(TokenError::InvalidClient { header: true })?;
            // CAUTH-009, SMART-TOKEN-025: a client_id beside the header must agree with it.
            if body_id.is_some_and(|id| id != basic.client_id) {
                return Err(TokenError::InvalidRequest("client_id differs from the authenticated client"));
            }
            let proof = Proof::Basic { decoded: basic.decoded, raw: basic.raw };
            return Ok(Self { client_id: ClientId::new(basic.client_id), proof });
        }
        if asserted {
            // JWTCA-002
            let (Some(assertion), Some(JWT_BEARER)) = (assertion, assertion_type) else {
                return Err(TokenError::InvalidRequest(
                    "client_assertion needs the client_assertion_type of a JWT, and the reverse",
                ));
            };
            let client_id = named(assertion).ok_or(TokenError::InvalidClient { header: false })?;
            // JWTCA-001, SMART-CAUTH-031
            if body_id.is_some_and(|id| id != client_id) {
                return Err(TokenError::InvalidRequest("client_id differs from the client of the assertion"));
            }
            let proof = Proof::Assertion(Secret::new(assertion));
            return Ok(Self { client_id: ClientId::new(client_id), proof });
        }
        let Some(client_id) = body_id else {
            return Err(TokenError::InvalidClient { header: false });
        };
        let proof = match secret {
            Some(secret) => Proof::Post(Secret::new(secret)),
            None => Proof::None,
        };
        Ok(Self { client_id: ClientId::new(client_id), proof })
    }

    /// The client to look up.
    pub const fn client_id(&self) -> &ClientId {
        &self.client_id
    }

    /// The assertion to be verified, if there is one.
    pub fn assertion(&self) -> Option<&str> {
        match &self.proof {
            Proof::Assertion(assertion) => Some(assertion.expose_secret()),
            _ => None,
        }
    }

    const fn header(&self) -> bool {
        matches!(self.proof, Proof::Basic { .. })
    }

    /// Checks the proof against the registration.
    ///
    /// # Errors
    /// `invalid_client`, the same for an unknown client and a wrong secret, after the same work (CAUTH-005, CRYPTO-004).
    pub fn authenticate(
        self,
        client: Option<RegisteredClient>,
        asserted: Option<Asserted>,
        now: UnixMillis,
    ) -> Result<AuthenticatedClient, TokenError> {
        let refused = TokenError::InvalidClient { header: self.header() };
        let client = client.filter(|client| client.is_enabled() && client.id == self.client_id);
        let no_secrets = Vec::new();
        let (secrets, presented) = match (client.as_ref().map(|client| &client.authentication), &self.proof) {
            (Some(ClientAuthentication::Public), Proof::None) => {
                return client.map(|client| AuthenticatedClient { client, claim: None }).ok_or(refused);
            }
            (Some(ClientAuthentication::PrivateKeyJwt(_)), Proof::Assertion(_)) => {
                return match (client, asserted) {
                    (Some(client), Some(asserted)) if asserted.client == client.id => {
                        Ok(AuthenticatedClient { client, claim: Some(asserted.claim) })
                    }
                    _ => Err(refused),
                };
            }
            (Some(ClientAuthentication::SecretBasic(secrets)), Proof::Basic { decoded, raw }) => {
                let raw_allowed = client.as_ref().is_some_and(|client| client.danger_raw_basic);
                (secrets, if raw_allowed { Some(raw) } else { decoded.as_ref() })
            }
            (Some(ClientAuthentication::SecretPost(secrets)), Proof::Post(secret)) => (secrets, Some(secret)),
            // CAUTH-002, CAUTH-007: any other method is refused, also a secret from a public client.
            (_, Proof::Basic { raw: secret, .. } | Proof::Post(secret)) => (&no_secrets, Some(secret)),
            (_, Proof::None | Proof::Assertion(_)) => return Err(refused),
        };
        let Some(presented) = presented else { return Err(refused) };
        if secrets.is_empty() {
            // An unknown client costs one hash and one comparison, like a known one.
            let _ = SecretHash::of("a text that is no secret of any client at all")
                .is_some_and(|hash| hash.is(presented.expose_secret()));
            return Err(refused);
        }
        let mut right = false;
        for secret in secrets {
            // A-CAUTH-22: a secret that has ended is compared all the same, and opens nothing.
            right |= secret.hash.is(presented.expose_secret()) & secret.is_valid(now);
        }
        match client {
            Some(client) if right => Ok(AuthenticatedClient { client, claim: None }),
            _ => Err(refused),
        }
    }
}

/// A client that proved who it is, or is public and named itself.
#[derive(Clone, Debug)]
pub struct AuthenticatedClient {
    client: RegisteredClient,
    claim: Option<AssertionClaim>,
}

impl AuthenticatedClient {
    /// The assertion that must be spent with whatever it buys (JWTCA-009).
    pub const fn claim(&self) -> Option<AssertionClaim> {
        self.claim
    }

    /// Its registration.
    pub const fn client(&self) -> &RegisteredClient {
        &self.client
    }
}

struct Basic {
    client_id: String,
    decoded: Option<Secret>,
    raw: Secret,
}

impl Basic {
    /// CAUTH-003: strict base64, split at the first colon, both halves form-decoded.
    fn read(header: &[u8]) -> Option<Self> {
        let (scheme, value) = std::str::from_utf8(header).ok()?.split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("basic") {
            return None;
        }
        let bytes = STANDARD.decode(value).ok()?;
        let text = std::str::from_utf8(&bytes).ok()?;
        if text.chars().any(char::is_control) {
            return None;
        }
        let (id, secret) = text.split_once(':')?;
        Some(Self {
            // An id that does not decode is looked up as it stands: only a client with the raw switch can then match.
            client_id: form_decode(id).unwrap_or_else(|| id.to_owned()),
            decoded: form_decode(id).and_then(|_| form_decode(secret)).map(Secret::new),
            raw: Secret::new(secret),
        })
    }
}

fn form_decode(half: &str) -> Option<String> {
    if half.contains(['&', '=']) {
        // Not what a form-encoder leaves; the pair would be read as several.
        return None;
    }
    let params = Params::parse(format!("v={half}").as_bytes()).ok()?;
    params.one("v").ok()?.map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use vestibule_host::ClientSecret;

    use super::*;

    const SECRET: &str = "test-secret-0123456789-0123456789";

    fn client(authentication: ClientAuthentication) -> RegisteredClient {
        RegisteredClient::new(
            ClientId::new("my-app"),
            authentication,
            "https://app.example/cb",
            Default::default(),
        )
    }

    const NOW: UnixMillis = UnixMillis(1_000);

    fn secrets() -> Vec<ClientSecret> {
        ["test-secret-that-is-an-older-one-0123", SECRET]
            .map(|text| ClientSecret::new(SecretHash::of(text).unwrap()))
            .to_vec()
    }

    fn read(form: &str, header: Option<&str>) -> Result<Presented, TokenError> {
        let params = Params::parse(form.as_bytes()).unwrap();
        let headers: Vec<&[u8]> = header.iter().map(|h| h.as_bytes()).collect();
        Presented::read(&params, &headers, |_| None)
    }

    fn basic(id: &str, secret: &str) -> String {
        format!("Basic {}", STANDARD.encode(format!("{id}:{secret}")))
    }

    /// SMART-CAUTH-004
    #[test]
    fn published_vector() {
        // SMART-CAUTH-003
        let presented = read("", Some("Basic bXktYXBwOm15LWFwcC1zZWNyZXQtMTIz")).unwrap();
        assert_eq!(presented.client_id().as_str(), "my-app");
    }

    /// CAUTH-013
    #[test]
    fn each_method_for_its_own_clients_only() {
        let public = || Some(client(ClientAuthentication::Public));
        let by_basic = || Some(client(ClientAuthentication::SecretBasic(secrets())));
        let by_post = || Some(client(ClientAuthentication::SecretPost(secrets())));
        let id = "client_id=my-app";
        let post = format!("client_id=my-app&client_secret={SECRET}");
        let head = basic("my-app", SECRET);
        let header_refused = Some(TokenError::InvalidClient { header: true });
        let body_refused = Some(TokenError::InvalidClient { header: false });
        for (form, header, registered, expected) in [
            (id, None, public(), None),
            (id, None, by_basic(), body_refused),
            (id, None, by_post(), body_refused),
            (id, None, None, body_refused),
            (post.as_str(), None, by_post(), None),
            (post.as_str(), None, by_basic(), body_refused),
            (post.as_str(), None, public(), body_refused),
            ("", Some(&head), by_basic(), None),
            (id, Some(&head), by_basic(), None),
            ("", Some(&head), by_post(), header_refused),
            ("", Some(&head), public(), header_refused),
            ("", Some(&head), None, header_refused),
        ] {
            let result = read(form, header.map(String::as_str)).unwrap().authenticate(registered, None, NOW);
            assert_eq!(result.as_ref().err().copied(), expected, "{form} {header:?}");
        }
    }

    /// CAUTH-011
    #[test]
    fn wrong_secrets_and_broken_headers() {
        let by_basic = || Some(client(ClientAuthentication::SecretBasic(secrets())));
        let wrong = read("", Some(&basic("my-app", &SECRET.replace('9', "8")))).unwrap();
        assert!(wrong.authenticate(by_basic(), None, NOW).is_err());
        for broken in ["Basic", "Basic !!!", "Basic bXk", "Bearer abc", "Basic AA==", "Basic  bXktYXBwOng="] {
            assert_eq!(
                read("", Some(broken)).unwrap_err(),
                TokenError::InvalidClient { header: true },
                "{broken}"
            );
        }
        assert_eq!(read("client_id=other", Some(&basic("my-app", SECRET))).unwrap_err().status(), 400);
        let two = format!("client_id=my-app&client_secret={SECRET}");
        assert_eq!(read(&two, Some(&basic("my-app", SECRET))).unwrap_err().code(), "invalid_request");
        assert_eq!(read("client_id=a&client_id=a", None).unwrap_err().code(), "invalid_request");
        assert_eq!(read("", None).unwrap_err(), TokenError::InvalidClient { header: false });
        let mut off = client(ClientAuthentication::SecretBasic(secrets()));
        off.status = vestibule_host::ClientStatus::Disabled;
        assert!(
            read("", Some(&basic("my-app", SECRET))).unwrap().authenticate(Some(off), None, NOW).is_err()
        );
    }

    /// A-CAUTH-22
    #[test]
    fn a_secret_opens_nothing_from_its_end_on() {
        let mut ending = secrets();
        ending[1].not_after = Some(NOW);
        let at = |text, now| {
            let client = client(ClientAuthentication::SecretBasic(ending.clone()));
            read("", Some(&basic("my-app", text))).unwrap().authenticate(Some(client), None, now)
        };
        assert!(at(SECRET, UnixMillis(NOW.0 - 1)).is_ok());
        assert_eq!(at(SECRET, NOW).unwrap_err(), TokenError::InvalidClient { header: true });
        assert!(at("test-secret-that-is-an-older-one-0123", NOW).is_ok(), "the other one goes on");
    }

    /// SMART-CAUTH-005
    #[test]
    fn basic_is_form_decoded_unless_the_client_never_encoded() {
        let secret = "test+secret%2B0123456789-0123456789-0";
        let hash = |text: &str| vec![ClientSecret::new(SecretHash::of(text).unwrap())];
        let mut decoded =
            client(ClientAuthentication::SecretBasic(hash("test secret+0123456789-0123456789-0")));
        let mut raw = client(ClientAuthentication::SecretBasic(hash(secret)));
        let present = || read("", Some(&basic("my-app", secret))).unwrap();
        assert!(present().authenticate(Some(decoded.clone()), None, NOW).is_ok());
        assert!(present().authenticate(Some(raw.clone()), None, NOW).is_err());
        raw.danger_raw_basic = true;
        decoded.danger_raw_basic = true;
        assert!(present().authenticate(Some(raw), None, NOW).is_ok());
        assert!(present().authenticate(Some(decoded), None, NOW).is_err());
    }
}
