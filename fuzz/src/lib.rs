//! The bodies of the fuzz targets: each takes any bytes, and neither panics nor breaks what it states about the answer. The result says
//! whether the bytes were accepted, so that the replay can tell whether its seeds get that far.
//!
//! `cargo fuzz run TARGET` explores (with `RUSTC_BOOTSTRAP=1` on a stable compiler). `cargo test --lib` replays the seeds in
//! `corpus/` and 20 000 mutants of them, the same ones each time.

use std::sync::LazyLock;
use std::time::Duration;

use vestibule_core::audience::FhirBase;
use vestibule_core::authorize::launch::LaunchRecord;
use vestibule_core::authorize::{Identified, PendingRequest, Progress, ProvenRedirect, Rules};
use vestibule_core::explain::Trail;
use vestibule_core::grant::GrantRecord;
use vestibule_core::params::Params;
use vestibule_core::record;
use vestibule_core::token::{Presented, RefreshToken, TokenRequest};
use vestibule_host::client::SecretHash;
use vestibule_host::redirect_uri::{self, AppKind};
use vestibule_host::{
    Alg, ClientAuthentication, ClientId, ClientSecret, Entropy, EntropyError, KeyId, KeySet, Record,
    RegisteredClient, Registration, Salt, SealKey, SigningKey, StaticClients, UnixMillis,
};
use vestibule_jose::assertion::{self, AssertionRules};
use vestibule_jose::{Expect, Purpose, SealContext, Sealer, VerifyKeys};
use vestibule_scope::{Narrowed, Scope, ScopeList, ScopeSet};

mod engine;
mod fhir;
mod http_request;
mod registration;
#[cfg(test)]
mod replay;

pub use engine::engine;
pub use fhir::{fhir_request, fhir_search};
pub use http_request::http_request;
pub use registration::registration;

const ISSUER: &str = "https://ehr.example";
const REDIRECT: &str = "https://app.example/callback";
const LOOPBACK: &str = "http://127.0.0.1/callback";
/// Of the fixed confidential client; in the seeds, and nowhere else.
const SECRET: &str = "an-invented-secret-for-fuzzing-only";
const NOW: UnixMillis = UnixMillis::from_seconds(1_800_000_000);
/// When the published examples of client assertions were good.
const PUBLISHED: UnixMillis = UnixMillis::from_seconds(1_422_568_800);

fn set(text: &str) -> ScopeSet {
    ScopeSet::parse(text).expect("a fixed list of scopes")
}

fn client(authentication: ClientAuthentication) -> RegisteredClient {
    let scopes = set("launch launch/patient openid fhirUser patient/*.rs user/Observation.cruds");
    let mut client = RegisteredClient::new(ClientId::new("app"), authentication, REDIRECT, scopes);
    client.redirect_uris.push(LOOPBACK.to_owned());
    client.loopback_ports = true;
    client
}

/// The text of a `scope` parameter: printing and reading are inverse, and narrowing never widens.
pub fn scope(data: &[u8]) -> bool {
    static CEILINGS: LazyLock<[ScopeSet; 2]> = LazyLock::new(|| {
        [
            set("openid launch/patient patient/*.rs"),
            set("patient/Observation.cruds?category=vital-signs user/*.cud"),
        ]
    });
    let Ok(text) = std::str::from_utf8(data) else { return false };
    let Ok(list) = ScopeList::parse(text) else { return false };
    for scope in list.scopes().take(32) {
        let again = Scope::parse(scope.as_str()).expect("what was read once is read again");
        assert_eq!(again, *scope);
        assert!(again.same_meaning(scope));
        for ceiling in &*CEILINGS {
            match ceiling.narrow(scope) {
                Narrowed::Whole(left) => assert_eq!(left, *scope),
                Narrowed::Parts(parts) => {
                    let asked: ScopeSet = [scope.clone()].into_iter().collect();
                    for part in parts {
                        assert!(ceiling.covers(&part), "{part:?} is beyond {ceiling:?}");
                        assert!(asked.covers(&part), "{part:?} is beyond {scope:?}");
                    }
                }
                Narrowed::Nothing => assert!(!ceiling.covers(scope)),
            }
        }
    }
    true
}

/// The query of an authorize request: an answer goes to a registered address only, and nothing is granted beyond the client.
pub fn authorize_query(data: &[u8]) -> bool {
    static CLIENT: LazyLock<RegisteredClient> = LazyLock::new(|| client(ClientAuthentication::Public));
    static BASES: LazyLock<[FhirBase; 2]> = LazyLock::new(|| {
        [FhirBase::new("https://ehr.example/fhir"), FhirBase::new("https://ehr.example/archive")]
    });
    let rules = Rules {
        issuer: ISSUER,
        bases: &*BASES,
        interaction_life: Duration::from_secs(600),
        ehr_launch: true,
        standalone_encounters: true,
        v1_scopes: true,
    };
    let Ok(params) = Params::parse(data) else { return false };
    let Ok(identified) = Identified::read(&params) else { return false };
    let known = (identified.client_id() == "app").then_some(&*CLIENT);
    let Ok(proven) = ProvenRedirect::prove(known, &identified, &params, true) else { return false };
    let at = |location: &str| {
        [REDIRECT, LOOPBACK, "http://127.0.0.1:"].iter().any(|uri| location.starts_with(uri))
    };
    assert!(at(proven.uri()));
    let _ = (proven.form_action(), proven.answers_to());
    let (unverified, mut trail) = (|_: &str| None, Trail::default());
    match PendingRequest::validate(&params, &proven, &CLIENT, &rules, &unverified, NOW, &mut trail) {
        Err(refusal) => {
            let response = proven.refuse(refusal, ISSUER);
            assert_eq!(response.to(), proven.uri());
            let location = response.location();
            assert!(at(&location) && location.is_ascii() && !location.contains(char::is_control));
            false
        }
        Ok(pending) => {
            let base = rules.base(&pending.base).expect("one of the bases");
            let granted = pending.negotiate(&CLIENT, base, &rules).granted();
            assert!(!granted.is_empty() && CLIENT.scopes.covers_set(&granted));
            let sealed = record::write(&pending).expect("what is validated can be written");
            assert!(record::read::<PendingRequest>(&sealed) == Ok(pending));
            true
        }
    }
}

/// A token request: the first line is the `Authorization` header (empty: none), the rest is the form.
pub fn token_form(data: &[u8]) -> bool {
    static CLIENTS: LazyLock<[RegisteredClient; 2]> = LazyLock::new(|| {
        let secret = ClientSecret::new(SecretHash::of(SECRET).expect("long enough"));
        [client(ClientAuthentication::Public), client(ClientAuthentication::SecretBasic(vec![secret]))]
    });
    let mut parts = data.splitn(2, |byte| *byte == b'\n');
    let (header, form) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let Ok(form) = Params::parse(form) else { return false };
    let _ = TokenRequest::check_form(&form, None);
    for registered in &*CLIENTS {
        let _ = TokenRequest::read(&form, registered);
    }
    let headers: &[&[u8]] = if header.is_empty() { &[] } else { &[header] };
    let mut accepted = false;
    for registered in &*CLIENTS {
        let Ok(presented) = Presented::read(&form, headers, assertion::named_client) else { return false };
        let named = presented.client_id().as_str() == "app";
        let proven = presented.authenticate(Some(registered.clone()), None, NOW).is_ok();
        assert!(named || !proven);
        // A header proves nothing for a public client, and no header proves nothing for a confidential one.
        assert!(!proven || registered.authentication.is_confidential() != headers.is_empty());
        accepted |= proven;
    }
    accepted
}

const JWKS: &str = include_str!("../corpus/jwks/published");

/// A compact JWS under fixed keys: only what their owner signed is accepted.
pub fn jws(data: &[u8]) -> bool {
    static KEYS: LazyLock<VerifyKeys> =
        LazyLock::new(|| VerifyKeys::from_jwks(JWKS.as_bytes()).expect("the published keys"));
    let Ok(token) = std::str::from_utf8(data) else { return false };
    let expect = Expect { typ: &["JWT"], algs: &[Alg::Rs384, Alg::Es384] };
    let Ok(claims) = KEYS.verify(token, &expect, NOW) else { return false };
    assert_eq!(claims.text("iss"), Some("https://bili-monitor.example.com"));
    true
}

/// A client assertion under fixed keys, at the time of the published examples: only what their owner signed is accepted, and only
/// for its own client.
pub fn client_assertion(data: &[u8]) -> bool {
    static KEYS: LazyLock<VerifyKeys> =
        LazyLock::new(|| VerifyKeys::from_jwks(JWKS.as_bytes()).expect("the published keys"));
    let Ok(text) = std::str::from_utf8(data) else { return false };
    let named = assertion::named_client(text);
    let rules = AssertionRules {
        audiences: &["https://authorize.smarthealthit.org/token"],
        issuer: ISSUER,
        strict_aud: false,
        now: PUBLISHED,
        leeway: assertion::LEEWAY,
        longest: assertion::LONGEST,
        jwks_uri: None,
        alg: None,
        untyped: false,
    };
    let owner = ClientId::new("https://bili-monitor.example.com");
    assert!(assertion::check(text, &ClientId::new("somebody else"), &KEYS, &rules).is_err());
    match assertion::check(text, &owner, &KEYS, &rules) {
        Ok(checked) => {
            assert_eq!(named.as_deref(), Some(owner.as_str()));
            assert!((1..=256).contains(&checked.jti().len()));
            true
        }
        Err(_) => named.is_some(),
    }
}

/// The text of a refresh token: one spelling each, and nothing that was cut or changed passes.
pub fn refresh_token(data: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(data) else { return false };
    let Some(token) = RefreshToken::parse(text) else { return false };
    assert_eq!(token.text().expose_secret(), text);
    let next = token.successor(&Salt::new([1; 32]));
    assert_eq!(next.handle(ISSUER), token.handle(ISSUER));
    assert_ne!(next.hash(ISSUER), token.hash(ISSUER));
    true
}

/// A JWKS document.
pub fn jwks(data: &[u8]) -> bool {
    let Ok(keys) = VerifyKeys::from_jwks(data) else { return false };
    assert!(keys.len() <= 100);
    !keys.is_empty()
}

#[derive(Debug)]
struct Fixed;

impl Entropy for Fixed {
    fn fill(&self, out: &mut [u8]) -> Result<(), EntropyError> {
        out.fill(7);
        Ok(())
    }
}

/// What every seal in the corpus holds.
const SEALED: &[u8] = b"an invented pending request";

/// The seed of the corpus.
fn seal() -> String {
    Sealer::new(&KEY_SET).seal(&PLACE, SEALED, &Fixed).expect("a fixed key and a short text")
}

const PLACE: SealContext<'_> =
    SealContext { purpose: Purpose::new("fuzz"), issuer: ISSUER, name: "cookie", id: &[9; 32] };

static KEY_SET: LazyLock<KeySet> = LazyLock::new(|| {
    let key = |id: &str, alg| SigningKey { id: KeyId::new(id), alg };
    KeySet {
        revision: 1,
        access_token: key("access", Alg::Es256),
        id_token: key("id", Alg::Rs256),
        more_access_token: Vec::new(),
        more_id_token: Vec::new(),
        jwks: Default::default(),
        seal: vec![SealKey::new(KeyId::new("master"), [5; 32])],
        next_seal: None,
    }
});

/// A cookie: nothing opens but what was sealed.
pub fn sealed_cookie(data: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(data) else { return false };
    let sealer = Sealer::new(&KEY_SET);
    assert!(sealer.verify_mac(PLACE.purpose, &[SEALED], data).is_err());
    let Ok(opened) = sealer.open(&PLACE, text) else { return false };
    assert_eq!(opened, SEALED);
    assert_eq!(text, seal(), "one seal has one spelling");
    let elsewhere = SealContext { name: "another cookie", ..PLACE };
    assert!(sealer.open(&elsewhere, text).is_err());
    true
}

/// A registered redirect URI, a line feed, and the presented one.
pub fn redirect_uri(data: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(data) else { return false };
    let (registered, presented) = text.split_once('\n').unwrap_or((text, text));
    assert_eq!(redirect_uri::matches(registered, presented, false), registered == presented);
    let by_port = redirect_uri::matches(registered, presented, true);
    if by_port && registered != presented {
        for uri in [registered, presented] {
            assert!(uri.starts_with("http://127.0.0.1") || uri.starts_with("http://[::1]"));
        }
    }
    for kind in [AppKind::Web, AppKind::Native] {
        if redirect_uri::check(registered, kind).is_ok() {
            assert!(registered.is_ascii() && !registered.contains(['#', '\\']));
            assert!(redirect_uri::matches(registered, registered, true));
        }
    }
    let _ = redirect_uri::check_launch(registered);
    if let Some(origin) = redirect_uri::origin(registered) {
        assert_eq!(redirect_uri::origin(&origin), Some(origin));
    }
    redirect_uri::check(registered, AppKind::Native).is_ok()
}

/// A clients file: whatever is accepted keeps the rules for redirect URIs.
pub fn clients_file(data: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(data) else { return false };
    match StaticClients::from_json(text) {
        Ok(clients) => {
            for client in &clients {
                let in_browser = client.grant_types.authorization_code;
                assert!(!(in_browser && client.redirect_uris.is_empty()) && !client.scopes.is_empty());
                assert!(client.hazards().iter().all(|hazard| !hazard.to_string().contains('\n')));
                for uri in &client.redirect_uris {
                    assert!(redirect_uri::check(uri, AppKind::Native).is_ok(), "{uri}");
                }
            }
            clients.iter().count() > 0
        }
        Err(error) => {
            assert!(!error.to_string().is_empty());
            false
        }
    }
}

/// A stored record of each kind: what can be read can be written and read again.
pub fn record(data: &[u8]) -> bool {
    let stored = Record(data.to_vec().into());
    let mut accepted = false;
    if let Ok(registration) = Registration::from_record(&stored) {
        let again = registration.to_record().expect("what was read can be written");
        assert_eq!(Registration::from_record(&again), Ok(registration));
        accepted = true;
    }
    if let Ok(grant) = record::read::<GrantRecord>(&stored) {
        let _ = grant.context.members();
        let again = record::write(&grant).expect("what was read can be written");
        assert!(record::read::<GrantRecord>(&again) == Ok(grant));
        accepted = true;
    }
    if let Ok(launch) = record::read::<LaunchRecord>(&stored) {
        let _ = launch.other_types_in_context();
        let again = record::write(&launch).expect("what was read can be written");
        assert!(record::read::<LaunchRecord>(&again) == Ok(launch));
        accepted = true;
    }
    if let Ok(pending) = record::read::<PendingRequest>(&stored) {
        let again = record::write(&pending).expect("what was read can be written");
        assert!(record::read::<PendingRequest>(&again) == Ok(pending));
        accepted = true;
    }
    if let Ok(progress) = record::read::<Progress>(&stored) {
        let again = record::write(&progress).expect("what was read can be written");
        assert!(record::read::<Progress>(&again) == Ok(progress));
        accepted = true;
    }
    accepted
}
