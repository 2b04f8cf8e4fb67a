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
