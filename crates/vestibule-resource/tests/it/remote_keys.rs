//! Tokens of an issuer elsewhere, by its published keys: over loopback, with the fetcher that is shipped.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use vestibule_fetch::{FetchOptions, GuardedFetcher};
use vestibule_host::{Alg, FetchError, FetchedKeySet, JwksFetcher, KeyRing, UnixMillis};
use vestibule_jose::{JwsError, KeyPlan, KeyRole, LocalKeyRing, SystemRandom};
use vestibule_resource::{Denied, JwksCheck, Outage, Staleness, TokenFault, TokenVerifier};

use crate::fixtures::{BASE, ISSUER, NOW, claims, fault, sign_with};

/// An issuer's key set behind a socket, and how often it was asked.
struct Published {
    url: String,
    asked: Arc<AtomicUsize>,
}

async fn publish(ring: Arc<LocalKeyRing>, max_age: u32) -> Published {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/keys", listener.local_addr().unwrap());
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            count.fetch_add(1, Ordering::SeqCst);
            let jwks = ring.snapshot().jwks.clone();
            tokio::spawn(async move {
                let mut request = Vec::new();
                while !request.ends_with(b"\r\n\r\n") {
                    request.push(socket.read_u8().await.unwrap());
                }
                let head = format!(
                    "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncache-control: public, \
                     max-age={max_age}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                    jwks.len()
                );
                socket.write_all(head.as_bytes()).await.unwrap();
                socket.write_all(&jwks).await.unwrap();
            });
        }
    });
    Published { url, asked }
}

fn fetcher() -> Arc<dyn JwksFetcher> {
    Arc::new(GuardedFetcher::new(FetchOptions::default().danger_allow_loopback()).unwrap())
}

fn ring_at(now: UnixMillis) -> Arc<LocalKeyRing> {
    let plan = KeyPlan::new(Alg::Es256, Alg::Rs256);
    Arc::new(LocalKeyRing::ephemeral_with(plan, Arc::new(SystemRandom::new()), now).unwrap())
}

fn token_at(ring: &dyn KeyRing, now: UnixMillis) -> String {
    let times = [("iat", json!(now.seconds())), ("exp", json!(now.seconds() + 300))];
    sign_with(ring, "at+jwt", &claims(&times))
}

/// KEY-001, KEY-002, ATJWT-004
#[tokio::test]
async fn a_rotation_under_load_refuses_nobody() {
    let start = UnixMillis::from_seconds(1_800_000_000);
    let ring = ring_at(start);
    let published = publish(Arc::clone(&ring), 300).await;
    let check = Arc::new(JwksCheck::new(ISSUER, BASE, &published.url, fetcher()).unwrap());
    let old = ring.snapshot().access_token.id.clone();

    let mut now = start;
    let mut tokens: Vec<(UnixMillis, String)> = Vec::new();
    let (mut announced, mut signing, mut retired) = (false, false, false);
    let mut accepted = 0;
    for step in 0..400 {
        if step == 10 {
            ring.announce(KeyRole::AccessToken, Alg::Es256, now).await.unwrap();
        }
        ring.tend(now).await.unwrap();
        let jwks = String::from_utf8(ring.snapshot().jwks.to_vec()).unwrap();
        announced |= jwks.contains(old.as_str()) && step >= 10;
        signing |= ring.snapshot().access_token.id != old;
        retired |= !jwks.contains(old.as_str());
        tokens.push((now, token_at(ring.as_ref(), now)));
        tokens.retain(|(made, _)| made.plus(Duration::from_secs(300)) > now);
        let mut requests = JoinSet::new();
        for (_, token) in &tokens {
            let (check, token) = (Arc::clone(&check), token.clone());
            requests.spawn(async move { check.verify(&token, now).await.map(|_| ()) });
        }
        while let Some(result) = requests.join_next().await {
            assert_eq!(result.unwrap(), Ok(()), "at step {step}");
            accepted += 1;
        }
        if retired {
            break;
        }
        now = now.plus(Duration::from_secs(30));
    }
    assert!(announced && signing && retired, "{announced} {signing} {retired}");
    assert!(accepted > 100);
    let minutes = usize::try_from((now.0 - start.0) / 60_000).unwrap();
    let asked = published.asked.load(Ordering::SeqCst);
    assert!(asked <= minutes / 5 + 3, "asked {asked} times in {minutes} minutes");
}

/// KEY-003, JWTCA-013
#[tokio::test]
async fn an_unknown_key_is_looked_for_once() {
    let now = UnixMillis::from_seconds(1_800_000_000);
    let ring = ring_at(now);
    let published = publish(Arc::clone(&ring), 300).await;
    let check = Arc::new(JwksCheck::new(ISSUER, BASE, &published.url, fetcher()).unwrap());
    assert!(check.verify(&token_at(ring.as_ref(), now), now).await.is_ok());
    assert_eq!(published.asked.load(Ordering::SeqCst), 1);

    // An emergency: the key is gone and its successor signs at once.
    ring.revoke_key(&ring.snapshot().access_token.id.clone(), now).await.unwrap();
    let mut requests = JoinSet::new();
    for _ in 0..20 {
        let (check, token) = (Arc::clone(&check), token_at(ring.as_ref(), now));
        requests.spawn(async move { check.verify(&token, now).await.map(|_| ()) });
    }
    while let Some(result) = requests.join_next().await {
        assert_eq!(result.unwrap(), Ok(()), "whoever waits for the same key waits for one fetch");
    }
    assert_eq!(published.asked.load(Ordering::SeqCst), 2);

    // Junk is told so, and has nobody asked within the cool-down.
    let foreign = ring_at(now);
    for _ in 0..20 {
        let judged = check.verify(&token_at(foreign.as_ref(), now), now).await;
        assert_eq!(fault(judged), TokenFault::Jws(JwsError::UnknownKey));
    }
    assert_eq!(published.asked.load(Ordering::SeqCst), 2);
}

/// SMART-AUTHZ-045, ATJWT-004
#[tokio::test]
async fn what_is_not_ours_has_nobody_asked() {
    let ring = ring_at(NOW);
    let published = publish(Arc::clone(&ring), 300).await;
    let check = JwksCheck::new(ISSUER, BASE, &published.url, fetcher()).unwrap();
    let signed = |change: &[(&str, Value)]| sign_with(ring.as_ref(), "at+jwt", &claims(change));
    for (change, wanted) in [
        (("iss", json!("https://ehr.example/other-tenant")), TokenFault::WrongIssuer),
        (("aud", json!("https://ehr.example/archive/fhir")), TokenFault::WrongAudience),
        (("exp", json!(1000)), TokenFault::Jws(JwsError::Expired)),
        (("nbf", json!(1001)), TokenFault::Jws(JwsError::NotYetValid)),
    ] {
        assert_eq!(fault(check.verify(&signed(&[change]), NOW).await), wanted);
    }
    for junk in ["", "x", "a.b.c", &"x".repeat(100_000)] {
        assert!(matches!(check.verify(junk, NOW).await, Err(Denied::InvalidToken(_))));
    }
    assert_eq!(published.asked.load(Ordering::SeqCst), 0);
    let other = fault(check.verify(&sign_with(ring.as_ref(), "JWT", &claims(&[])), NOW).await);
    assert_eq!(other, TokenFault::Jws(JwsError::WrongType));
    assert!(check.verify(&signed(&[]), NOW).await.is_ok());
    assert_eq!(check.staleness(), Staleness::TokenLife);
    // Two machines: five seconds, whatever is asked for.
    let lenient = check.with_leeway(Duration::from_secs(60));
    assert!(lenient.verify(&signed(&[("nbf", json!(1005))]), NOW).await.is_ok());
    assert!(lenient.verify(&signed(&[("nbf", json!(1006))]), NOW).await.is_err());
}

/// An issuer that cannot be asked, or answers nonsense.
#[derive(Debug)]
struct Broken(Option<&'static str>);

#[async_trait]
impl JwksFetcher for Broken {
    fn may_fetch(&self, url: &str) -> bool {
        url.starts_with("https://")
    }

    async fn key_set(
        &self,
        _: &str,
        _: UnixMillis,
        seen: Option<&FetchedKeySet>,
    ) -> Result<FetchedKeySet, FetchError> {
        match self.0 {
            None => Err(FetchError::refused("no connection")),
            Some(text) if seen.is_none() => Ok(FetchedKeySet::from_cache(text.into())),
            Some(text) => Ok(FetchedKeySet::from_network(text.into())),
        }
    }
}

#[tokio::test]
async fn an_absent_issuer_is_no_fact_about_a_token() {
    let ring = ring_at(NOW);
    let token = sign_with(ring.as_ref(), "at+jwt", &claims(&[]));
    for broken in [Broken(None), Broken(Some("{}")), Broken(Some("[]")), Broken(Some("{\"keys\":1}"))] {
        let check = JwksCheck::new(ISSUER, BASE, "https://as.example/keys", Arc::new(broken)).unwrap();
        let denied = check.verify(&token, NOW).await.unwrap_err();
        assert_eq!(denied, Denied::Unavailable(Outage::Keys));
        let answer: http::Response<&str> = denied.response();
        assert_eq!(answer.status(), 503);
        assert_eq!(answer.headers()["retry-after"], "5");
        assert!(!answer.headers().contains_key("www-authenticate"));
    }
    assert!(JwksCheck::new(ISSUER, BASE, "ftp://as.example/keys", Arc::new(Broken(None))).is_none());
}
