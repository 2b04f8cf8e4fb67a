//! The two usual policies.

use async_trait::async_trait;
use vestibule_scope::ScopeSet;

use super::policy::{Admission, Admitted, RegistrationAsk, RegistrationPolicy};
use crate::client::SecretHash;
use crate::{HostError, UnixMillis};

/// Initial access tokens from a list: whoever has one may register apps.
///
/// ```
/// use vestibule_host::client::SecretHash;
/// use vestibule_host::registration::Admitted;
/// use vestibule_host::InitialTokens;
///
/// let ceiling: vestibule_scope::ScopeSet = "launch/patient openid fhirUser patient/*.rs".parse()?;
/// // What `generate_secret` made, and was handed over in person.
/// let token = SecretHash::of("4f1c2d0e8a7b6c5d4f1c2d0e8a7b6c5d").expect("long enough");
/// let policy = InitialTokens::new().with_token(token, None, Admitted::pending(ceiling).once(None));
/// # drop(policy);
/// # Ok::<(), vestibule_scope::SetError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct InitialTokens {
    tokens: Vec<InitialToken>,
}

#[derive(Clone, Debug)]
struct InitialToken {
    hash: SecretHash,
    ends: Option<UnixMillis>,
    admitted: Admitted,
}

impl InitialTokens {
    /// No tokens: nobody may register.
    pub fn new() -> Self {
        Self::default()
    }

    /// One more token, its end, and what it is good for.
    #[must_use]
    pub fn with_token(mut self, hash: SecretHash, ends: Option<UnixMillis>, admitted: Admitted) -> Self {
        self.tokens.push(InitialToken { hash, ends, admitted });
        self
    }
}

#[async_trait]
impl RegistrationPolicy for InitialTokens {
    async fn admit(&self, ask: &RegistrationAsk<'_>) -> Result<Admission, HostError> {
        let Some(presented) = ask.token else { return Ok(Admission::Refused) };
        // All are compared, so that time does not tell which one it was.
        let mut found = None;
        for token in &self.tokens {
            let over = token.ends.is_some_and(|end| end.is_over(ask.now));
            if token.hash.is(presented.expose_secret()) && !over {
                found = Some(token.admitted.clone());
            }
        }
        Ok(found.map_or(Admission::Refused, |admitted| Admission::Admitted(Box::new(admitted))))
    }
}

/// Anybody may register an app, and somebody has to look at it before it can be used (DCR-004).
#[derive(Clone, Debug)]
pub struct OpenRegistration {
    ceiling: ScopeSet,
}

impl OpenRegistration {
    /// What an app may ask for at most.
    pub const fn new(ceiling: ScopeSet) -> Self {
        Self { ceiling }
    }
}

#[async_trait]
impl RegistrationPolicy for OpenRegistration {
    fn is_open(&self) -> bool {
        true
    }

    async fn admit(&self, ask: &RegistrationAsk<'_>) -> Result<Admission, HostError> {
        // There are no tokens here: one that is sent means something elsewhere.
        Ok(match ask.token {
            None => Admission::Admitted(Box::new(Admitted::pending(self.ceiling.clone()))),
            Some(_) => Admission::Refused,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::*;
    use crate::{ClientStatus, Secret};

    const TOKEN: &str = "test-token-test-token-test-token-1";

    fn admit(policy: &dyn RegistrationPolicy, token: Option<&str>, at: i64) -> Option<Admitted> {
        let token = token.map(Secret::new);
        let ask = RegistrationAsk::new(token.as_ref(), None, UnixMillis(at));
        match pin!(policy.admit(&ask)).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(Ok(Admission::Admitted(admitted))) => Some(*admitted),
            Poll::Ready(Ok(Admission::Refused)) => None,
            other => panic!("{other:?}"),
        }
    }

    fn ceiling(text: &str) -> ScopeSet {
        text.parse().unwrap()
    }

    /// DCR-004, A-DCR-10
    #[test]
    fn tokens_open_what_they_were_made_for_until_their_end() {
        let other = "test-token-test-token-test-token-2";
        let hash = |text| SecretHash::of(text).unwrap();
        let policy = InitialTokens::new()
            .with_token(hash(TOKEN), Some(UnixMillis(10)), Admitted::pending(ceiling("openid")).once(None))
            .with_token(hash(other), None, Admitted::enabled(ceiling("patient/*.rs")));
        assert!(!policy.is_open());
        assert_eq!(admit(&policy, None, 1), None);
        assert_eq!(admit(&policy, Some("test-token-test-token-test-token-3"), 1), None);
        let first = admit(&policy, Some(TOKEN), 9).unwrap();
        assert_eq!((first.ceiling, first.status), (ceiling("openid"), ClientStatus::Pending));
        assert!(first.single_use.is_some());
        assert_eq!(admit(&policy, Some(TOKEN), 10), None, "its end has come");
        let second = admit(&policy, Some(other), 10).unwrap();
        assert_eq!((second.status, second.single_use), (ClientStatus::Enabled, None));
        assert!(!format!("{policy:?}").contains("test-token"));
    }

    /// DCR-004
    #[test]
    fn open_means_that_somebody_looks_at_it_first() {
        let policy = OpenRegistration::new(ceiling("openid"));
        assert!(policy.is_open());
        assert_eq!(admit(&policy, None, 1).unwrap().status, ClientStatus::Pending);
        assert_eq!(admit(&policy, Some(TOKEN), 1), None);
    }
}
