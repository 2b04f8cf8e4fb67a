//! What a `KeyRing` must do.
//!
//! The cases play a year of a ring's life with clocks of their own, look at what is published as a verifier with a cache does, and
//! check each signature with the published key by other code than the ring's.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use vestibule_host::{Alg, KeyError, KeyId, KeyRing, KeySet, SigningKey, UnixMillis};

use super::published::{Published, verify};
use super::{Arranged, Broken, Verdict, hold, race, same, shape};
use crate::drops::{at_every_wait, drop_after};

/// The world of one case: one issuer's keys, and nodes that use them.
#[async_trait]
pub trait RingWorld: Send + Sync {
    /// The ring of a node, over the keys of this world: made the first time, the same ones later on. The ring is ready when
    /// this returns.
    async fn open(&self, now: UnixMillis) -> Arc<dyn KeyRing>;

    /// Begins a rotation of the key that signs access tokens, the way an operator would. `Never`: keys are looked after elsewhere.
    async fn rotate(&self, now: UnixMillis) -> Arranged;

    /// Takes away where the keys are kept. `Never`: in this process alone.
    async fn cut(&self) -> Arranged;

    /// For how long the published keys may be cached.
    fn cached_for(&self) -> Duration {
        Duration::from_secs(300)
    }

    /// The longest life of a token.
    fn longest_life(&self) -> Duration {
        Duration::from_secs(3600)
    }
}

type World<'a> = &'a dyn RingWorld;

#[doc(hidden)]
#[macro_export]
macro_rules! __ring_cases {
    ($then:ident $($argument:tt)*) => {
        $crate::$then! { $($argument)*; rings:
            every_signing_key_is_published_once
            a_signature_is_good_by_the_published_key
            a_key_signs_with_its_algorithm_only
            only_public_parts_are_published
            secrets_are_not_shown
            nodes_have_the_same_keys
            a_key_is_announced_then_signs_then_retires
            a_chosen_key_can_sign_after_it_was_succeeded
            the_revision_grows_with_each_change
            many_sign_while_keys_rotate
            a_caller_that_goes_away_harms_nobody
            an_unknown_key_signs_nothing
            an_outage_changes_no_key
        }
    };
}

crate::__ring_cases! { __generate_world_list dyn RingWorld }

const START: UnixMillis = UnixMillis(1_767_225_600_123);

fn after(duration: Duration) -> UnixMillis {
    START.plus(duration)
}

/// Everything that a snapshot lets sign.
fn signing(keys: &KeySet) -> Vec<SigningKey> {
    let first = [&keys.access_token, &keys.id_token].into_iter().cloned();
    first.chain(keys.more_access_token.iter().cloned()).chain(keys.more_id_token.iter().cloned()).collect()
}

async fn signature(ring: &Arc<dyn KeyRing>, key: &KeyId, input: &[u8]) -> Result<Vec<u8>, Broken> {
    let signed = ring.sign(key, input).await;
    signed.map_err(|error| Broken(format!("{key:?} does not sign: {error:?}")))
}

async fn tend(ring: &Arc<dyn KeyRing>, now: UnixMillis) -> Result<Option<Duration>, Broken> {
    ring.tend(now).await.map_err(|error| Broken(format!("keys are not looked after: {error:?}")))
}

/// A `kid` is one key (KEY-006), and no key is for both kinds of token (KEY-005).
pub async fn every_signing_key_is_published_once(world: World<'_>) -> Verdict {
    let ring = world.open(START).await;
    let keys = ring.snapshot();
    let published = Published::read(&keys.jwks)?;
    for key in signing(&keys) {
        let found = published.with_id(key.id.as_str());
        same!(found.len(), 1, "the published keys with the kid {:?}", key.id);
        hold!(
            found.iter().all(|one| one.alg() == Some(key.alg.name())),
            "{:?} is published for another algorithm",
            key.id
        );
        hold!(
            found.iter().all(|one| one.usage().is_none_or(|usage| usage == "sig")),
            "{:?} is not for signing",
            key.id
        );
    }
    let mut ids = published.ids();
    let all = ids.len();
    ids.sort();
    ids.dedup();
    same!(ids.len(), all, "the published kids, each once");
    let of = |first: &SigningKey, more: &[SigningKey]| -> Vec<KeyId> {
        std::iter::once(first).chain(more).map(|key| key.id.clone()).collect()
    };
    let access = of(&keys.access_token, &keys.more_access_token);
    let identity = of(&keys.id_token, &keys.more_id_token);
    hold!(!access.iter().any(|id| identity.contains(id)), "one key signs access tokens and ID tokens");
    Ok(())
}

/// By its own published key, over the very bytes, and by no other.
pub async fn a_signature_is_good_by_the_published_key(world: World<'_>) -> Verdict {
    let ring = world.open(START).await;
    let keys = ring.snapshot();
    let published = Published::read(&keys.jwks)?;
    for key in signing(&keys) {
        for input in [&b"header.payload"[..], b"", &[0; 10_000]] {
            let signed = signature(&ring, &key.id, input).await?;
            hold!(
                verify(&published, key.id.as_str(), key.alg, input, &signed),
                "the signature of {:?} is not good",
                key.id
            );
            let mut other = input.to_vec();
            other.push(b'x');
            hold!(
                !verify(&published, key.id.as_str(), key.alg, &other, &signed),
                "{:?} signs anything",
                key.id
            );
            let elsewhere = published.ids().into_iter().filter(|id| id != key.id.as_str());
            for id in elsewhere {
                hold!(
                    !verify(&published, &id, key.alg, input, &signed),
                    "{:?} signed with the key {id:?}",
                    key.id
                );
            }
        }
    }
    Ok(())
}

/// What a snapshot says of a key is what the key is.
pub async fn a_key_signs_with_its_algorithm_only(world: World<'_>) -> Verdict {
    let ring = world.open(START).await;
    let keys = ring.snapshot();
    let published = Published::read(&keys.jwks)?;
    for key in signing(&keys) {
        hold!(key.alg.can_sign(), "{:?} signs with {}, which is for clients", key.id, key.alg.name());
        hold!(
            published.with_id(key.id.as_str()).iter().all(|one| one.fits(key.alg)),
            "{:?} is no key for {}",
            key.id,
            key.alg.name()
        );
        let signed = signature(&ring, &key.id, b"input").await?;
        for alg in Alg::ALL.into_iter().filter(|alg| *alg != key.alg) {
            hold!(
                !verify(&published, key.id.as_str(), alg, b"input", &signed),
                "{:?} signs with {} too",
                key.id,
                alg.name()
            );
        }
    }
    let mut algs: Vec<_> = keys.id_token_algs().map(Alg::name).collect();
    let all = algs.len();
    algs.sort_unstable();
    algs.dedup();
    same!(algs.len(), all, "the algorithms of ID tokens, each with one key");
    Ok(())
}

/// Before and after a rotation.
pub async fn only_public_parts_are_published(world: World<'_>) -> Verdict {
    let ring = world.open(START).await;
    for turn in 0..2 {
        let published = Published::read(&ring.snapshot().jwks)?;
        for private in ["d", "p", "q", "dp", "dq", "qi", "oth", "k"] {
            hold!(!published.any_has(private), "the published key set has the private member {private:?}");
        }
        let (Arranged::Done | Arranged::Never) = world.rotate(after(Duration::from_secs(turn))).await;
        tend(&ring, after(Duration::from_secs(turn + 1))).await?;
    }
    Ok(())
}

/// Neither the ring nor a snapshot shows a seal master, whichever way bytes are written (LOG-002).
pub async fn secrets_are_not_shown(world: World<'_>) -> Verdict {
    let ring = world.open(START).await;
    let keys = ring.snapshot();
    let text = format!("{ring:?} {keys:?} {:#?}", keys.seal);
    for master in keys.seal.iter().chain(&keys.next_seal) {
        let bytes = master.expose_secret();
        let plain: Vec<_> = bytes.iter().map(u8::to_string).collect();
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        hold!(!text.contains(&plain.join(", ")), "a seal master is shown");
        hold!(!text.to_lowercase().contains(&hex), "a seal master is shown in hexadecimal");
    }
    hold!(!text.contains("PRIVATE KEY"), "a private key is shown");
    for shown in
        text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-' || c == '_' || c == '+' || c == '/'))
    {
        let public = String::from_utf8_lossy(&keys.jwks).contains(shown);
        hold!(
            shown.len() < 64 || public,
            "something long is shown that is not published: {} characters",
            shown.len()
        );
    }
    Ok(())
}

/// The same kids, the same published keys, and what one signs the others' readers accept; also after a rotation.
pub async fn nodes_have_the_same_keys(world: World<'_>) -> Verdict {
    let one = world.open(START).await;
    let other = world.open(START).await;
    let (Arranged::Done | Arranged::Never) = world.rotate(START).await;
    for minute in [0, 1, 30, 600] {
        let now = after(Duration::from_secs(minute * 60));
        tend(&one, now).await?;
        tend(&other, now).await?;
        let (mine, its) = (one.snapshot(), other.snapshot());
        same!(signing(&mine), signing(&its), "the signing keys of two nodes");
        same!(
            Published::read(&mine.jwks)?.ids(),
            Published::read(&its.jwks)?.ids(),
            "the kids that two nodes publish"
        );
        let signed = signature(&one, &mine.access_token.id, b"input").await?;
        let published = Published::read(&its.jwks)?;
        let key = &mine.access_token;
        hold!(
            verify(&published, key.id.as_str(), key.alg, b"input", &signed),
            "one node's signature by the other's key set"
        );
    }
    Ok(())
}

/// What a verifier saw and when, as one that caches as long as it may.
struct Seen {
    history: Vec<(UnixMillis, Published)>,
}

impl Seen {
    /// The key set that a verifier may still be using, the oldest and the newest.
    fn in_use(&self, now: UnixMillis, cached_for: Duration) -> impl Iterator<Item = &Published> {
        let oldest = self.history.iter().find(|(at, _)| at.plus(cached_for).0 > now.0);
        oldest.into_iter().chain(self.history.last()).map(|(_, published)| published)
    }
}

/// A key that signs at once is refused by whoever has cached the key set (KEY-001); one that goes at once takes its tokens along
/// (KEY-002).
pub async fn a_key_is_announced_then_signs_then_retires(world: World<'_>) -> Verdict {
    const STEP: Duration = Duration::from_secs(30);
    let ring = world.open(START).await;
    let first = ring.snapshot().access_token.id.clone();
    let mut seen = Seen { history: Vec::new() };
    let mut tokens: Vec<(UnixMillis, SigningKey, Vec<u8>)> = Vec::new();
    let (cached, life) = (world.cached_for(), world.longest_life());
    let end = cached.saturating_add(life).saturating_mul(4).saturating_add(Duration::from_secs(3 * 3600));
    let mut rotated = Arranged::Never;
    let mut signs_since = None;
    let steps = u32::try_from(end.as_secs() / STEP.as_secs()).unwrap_or(u32::MAX);
    for step in 0..steps {
        let now = after(STEP.saturating_mul(step));
        if step == 20 {
            rotated = world.rotate(now).await;
        }
        tend(&ring, now).await?;
        let keys = ring.snapshot();
        seen.history.push((now, Published::read(&keys.jwks)?));
        if keys.access_token.id != first && signs_since.is_none() {
            signs_since = Some(now);
            hold!(rotated == Arranged::Done, "another key signs, and nobody has rotated");
        }
        if step % 10 == 0 || signs_since == Some(now) {
            let input = format!("token {step}").into_bytes();
            let signed = signature(&ring, &keys.access_token.id, &input).await?;
            for published in seen.in_use(now, cached) {
                let key = &keys.access_token;
                let good = verify(published, key.id.as_str(), key.alg, &input, &signed);
                hold!(good, "{:?} signs before everybody who may cache the key set has seen it", key.id);
            }
            tokens.push((now, keys.access_token.clone(), signed));
        }
        for (signed_at, key, _) in tokens.iter().filter(|(at, ..)| at.plus(life).0 > now.0) {
            let there = seen.history.last().is_some_and(|(_, now)| !now.with_id(key.id.as_str()).is_empty());
            hold!(there, "{:?} is gone while what it signed at {} lives", key.id, signed_at.0 - START.0);
        }
    }
    if rotated == Arranged::Never {
        same!(ring.snapshot().access_token.id, first, "the key of a ring that nobody rotates");
        return Ok(());
    }
    hold!(signs_since.is_some(), "the announced key never signs");
    let gone = seen.history.last().is_some_and(|(_, last)| last.with_id(first.as_str()).is_empty());
    hold!(gone, "a retired key is still published long after the last token that it signed");
    // A kid is one key forever: what is gone does not come back, and what is there has not changed.
    for (index, (_, earlier)) in seen.history.iter().enumerate() {
        for (_, later) in seen.history.iter().skip(index + 1).take(1) {
            for id in later.ids() {
                let (now, before) = (later.with_id(&id), earlier.with_id(&id));
                hold!(before.is_empty() || before == now, "the key with the kid {id:?} is another one now");
            }
        }
    }
    Ok(())
}

/// Choosing and signing use one snapshot; a rotation in between must not hurt (design §5).
pub async fn a_chosen_key_can_sign_after_it_was_succeeded(world: World<'_>) -> Verdict {
    let ring = world.open(START).await;
    let chosen = ring.snapshot();
    let rotated = world.rotate(START).await;
    let mut now = START;
    for minute in 1..600 {
        now = after(Duration::from_secs(60 * minute));
        tend(&ring, now).await?;
        if ring.snapshot().access_token != chosen.access_token {
            break;
        }
    }
    let succeeded = ring.snapshot().access_token != chosen.access_token;
    hold!(succeeded == (rotated == Arranged::Done), "whether a successor signs at {}", now.0 - START.0);
    let key = &chosen.access_token;
    let signed = signature(&ring, &key.id, b"input").await?;
    let published = Published::read(&ring.snapshot().jwks)?;
    hold!(
        verify(&published, key.id.as_str(), key.alg, b"input", &signed),
        "what a key signs that was just succeeded"
    );
    Ok(())
}

/// Whoever holds an older set can tell.
pub async fn the_revision_grows_with_each_change(world: World<'_>) -> Verdict {
    let ring = world.open(START).await;
    let mut before = ring.snapshot();
    let (Arranged::Done | Arranged::Never) = world.rotate(START).await;
    for minute in 0..180 {
        tend(&ring, after(Duration::from_secs(60 * minute))).await?;
        let now = ring.snapshot();
        let same = signing(&now) == signing(&before) && now.jwks == before.jwks;
        hold!(
            now.revision >= before.revision,
            "the revision went back from {} to {}",
            before.revision,
            now.revision
        );
        hold!(
            same || now.revision > before.revision,
            "the keys changed, and the revision {} stayed",
            now.revision
        );
        before = now;
    }
    Ok(())
}

/// On two nodes, with tends in between: each signature is good by the key set that its caller looked at.
pub async fn many_sign_while_keys_rotate(world: World<'_>) -> Verdict {
    let nodes = [world.open(START).await, world.open(START).await];
    let (Arranged::Done | Arranged::Never) = world.rotate(START).await;
    let ends = race(32, |index| {
        let node = nodes.get(index % 2).map(Arc::clone);
        async move {
            let Some(ring) = node else { return Ok(()) };
            for turn in 0..6_u64 {
                if index % 8 == 0 {
                    tend(&ring, after(Duration::from_secs(turn * 900))).await?;
                }
                let keys = ring.snapshot();
                let published = Published::read(&keys.jwks)?;
                let input = format!("{index} {turn}").into_bytes();
                let key = &keys.access_token;
                let signed = signature(&ring, &key.id, &input).await?;
                hold!(
                    verify(&published, key.id.as_str(), key.alg, &input, &signed),
                    "a signature of many at once"
                );
            }
            Ok(())
        }
    });
    ends.await?.into_iter().collect()
}

/// Signing has no effect to undo, and tending is done or not done.
pub async fn a_caller_that_goes_away_harms_nobody(world: World<'_>) -> Verdict {
    let ring = world.open(START).await;
    let mut verdict = Ok(());
    let mut turn = 0;
    at_every_wait(async |waits| {
        turn += 60;
        let now = after(Duration::from_secs(turn));
        let key = ring.snapshot().access_token.clone();
        let finished = drop_after(waits, ring.sign(&key.id, b"input")).await.is_some();
        let (Arranged::Done | Arranged::Never) = world.rotate(now).await;
        let finished = drop_after(waits, ring.tend(now)).await.is_some() && finished;
        let next = async {
            tend(&ring, now).await?;
            let keys = ring.snapshot();
            let signed = signature(&ring, &keys.access_token.id, b"input").await?;
            let good = verify(
                &Published::read(&keys.jwks)?,
                keys.access_token.id.as_str(),
                keys.access_token.alg,
                b"input",
                &signed,
            );
            hold!(good, "a signature after calls that were dropped");
            Ok(())
        };
        verdict = next.await;
        finished || verdict.is_err()
    })
    .await;
    verdict
}

/// Not with whatever key there is.
pub async fn an_unknown_key_signs_nothing(world: World<'_>) -> Verdict {
    let ring = world.open(START).await;
    let known = ring.snapshot().access_token.id.as_str().to_owned();
    for id in [String::new(), "nobody's".to_owned(), known.to_uppercase() + "x", format!("{known} ")] {
        let signed = ring.sign(&KeyId::new(id.clone()), b"input").await;
        shape!(signed, Err(KeyError::NoSuchKey), "a signature with {id:?}");
    }
    Ok(())
}

/// The present keys stay in use, and nobody is told that all is well (KEY-007).
pub async fn an_outage_changes_no_key(world: World<'_>) -> Verdict {
    let ring = world.open(START).await;
    let before = ring.snapshot();
    if world.cut().await == Arranged::Never {
        return Ok(());
    }
    let far = after(Duration::from_secs(365 * 24 * 3600));
    let tended = ring.tend(far).await;
    hold!(tended.is_err(), "tending keys that cannot be reached");
    let now = ring.snapshot();
    same!(signing(&now), signing(&before), "the signing keys after an outage");
    same!(now.jwks, before.jwks, "the published keys after an outage");
    let key = &now.access_token;
    let signed = signature(&ring, &key.id, b"input").await?;
    let published = Published::read(&now.jwks)?;
    hold!(verify(&published, key.id.as_str(), key.alg, b"input", &signed), "a signature during an outage");
    Ok(())
}
