//! A part of the host is away: logged once, with its source; whoever asked is told 503 (principle 5).

use vestibule_core::authorize::Refusal;
use vestibule_core::explain::Trail;
use vestibule_core::grant::{Grantable, Reask};
use vestibule_core::record::Unreadable;
use vestibule_host::{
    BoxError, EntropyError, HostError, KeyError, PatientAnswer, PolicyError, StoreFault, UnixMillis,
};

use crate::server::Inner;

/// Nobody knows: nothing was decided, nothing was spent.
#[derive(Debug, thiserror::Error)]
#[error("a part of the host cannot answer")]
pub struct Away(#[source] BoxError);

impl Away {
    pub(crate) fn new(source: impl Into<BoxError>) -> Self {
        Self(source.into())
    }

    /// Tells the operator.
    pub(crate) fn log(&self) {
        tracing::warn!(error = &*self.0 as &dyn std::error::Error, "a part of the host cannot answer");
    }
}

macro_rules! away {
    ($($fault:ty),*) => {
        $(impl From<$fault> for Away {
            fn from(source: $fault) -> Self {
                Self::new(source)
            }
        })*
    };
}

// A row from a newer version, or a damaged one, is no fact about what it stands for.
away!(StoreFault, HostError, PolicyError, EntropyError, KeyError, Unreadable);

impl Inner {
    /// Asks everybody who must agree again: the user's standing, the patient policy, the consent (principle 8).
    pub(crate) async fn ask_again(
        &self,
        reask: Reask,
        now: UnixMillis,
        trail: &mut Trail,
    ) -> Result<Result<Grantable, Refusal>, Away> {
        let host = &self.host;
        let standing = host.users.standing(&reask.standing_question()).await?;
        let may_go_on = trail.check("RT-010", "the user may go on", Refusal::of_standing(standing));
        if let Err(refusal) = may_go_on {
            trail.reason(format!("{standing:?}"));
            // Nobody else is asked about a user who may not go on.
            return Ok(Err(refusal));
        }
        let patient = match reask.patient_question() {
            Some(question) => {
                let answer = host.patients.may_access(&question).await?; // S11, A-CTX-30
                let allowed = matches!(answer, PatientAnswer::Allowed(_));
                trail.note("INT-010", "the patient policy says yes", allowed);
                Some(answer)
            }
            None => None,
        };
        let given = match reask.consent() {
            Some(consent) => {
                let given = host.consents.given(self.tenant(), consent).await?;
                trail.note("INT-014", "the consent stands", given)
            }
            None => true,
        };
        let answered = reask.answered(standing, patient, given, now);
        if let Err(refusal) = &answered {
            trail.reason(format!("{refusal:?}"));
        }
        Ok(answered)
    }
}
