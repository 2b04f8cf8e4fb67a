//! Mistakes with what goes with a verb: assertions and events.

use std::pin::Pin;

use vestibule_host::{
    AssertionClaim, Call, ClaimKey, EventId, EventKind, GrantStore, IssueToken, LeasedEvent, NewEvent,
    Redemption, Revoked, Rotation, StoreFault, Tenant, TokenIssuance,
};

use super::Mistake;
use super::store::MutantGrants;

/// What the mutants have to know of an outcome.
pub(super) trait Outcome: Send + 'static {
    /// What a seen assertion is told.
    const SEEN: Self;

    /// What happened, if tokens were issued or something was revoked.
    fn kind(&self) -> Option<EventKind>;
}

impl Outcome for Redemption {
    const SEEN: Self = Self::ClaimSeen;

    fn kind(&self) -> Option<EventKind> {
        match self {
            Self::Won => Some(EventKind::CodeRedeemed),
            Self::Replayed { .. } => Some(EventKind::CodeReplayed),
            _ => None,
        }
    }
}

impl Outcome for Rotation {
    const SEEN: Self = Self::ClaimSeen;

    fn kind(&self) -> Option<EventKind> {
        match self {
            Self::Won => Some(EventKind::Refreshed),
            Self::Same { .. } => Some(EventKind::RefreshRepeated),
            Self::Suspected { .. } => Some(EventKind::ReuseSuspected),
            Self::Reuse { .. } => Some(EventKind::ReuseDetected),
            _ => None,
        }
    }
}

impl Outcome for TokenIssuance {
    const SEEN: Self = Self::ClaimSeen;

    fn kind(&self) -> Option<EventKind> {
        (*self == Self::Won).then_some(EventKind::TokenIssued)
    }
}

impl Outcome for Revoked {
    const SEEN: Self = Self::ClaimSeen;

    fn kind(&self) -> Option<EventKind> {
        (*self == Self::Done).then_some(EventKind::Revoked)
    }
}

/// A verb that waits for the assertion and the event that it is to bring along.
pub(super) type Verb<'a, T> = dyn Fn(
        Option<AssertionClaim>,
        Option<NewEvent>,
    ) -> Pin<Box<dyn Future<Output = Result<T, StoreFault>> + Send + 'a>>
    + Send
    + Sync
    + 'a;

impl MutantGrants {
    /// Runs a verb with the mistakes that concern what it brings along.
    pub(super) async fn along<T: Outcome>(
        &self,
        claim: Option<AssertionClaim>,
        event: Option<NewEvent>,
        call: &Call,
        verb: &Verb<'_, T>,
    ) -> Result<T, StoreFault> {
        let late = event.clone().filter(|_| self.has(Mistake::EventOutsideCommit));
        let inside = event.clone().filter(|_| late.is_none());
        let end = self.with_claim(claim, inside, call, verb).await;
        if matches!(end, Err(StoreFault::Full)) {
            self.notes().full = true;
        }
        let end = end?;
        if let (Some(event), Some(kind)) = (late, end.kind()) {
            tokio::task::yield_now().await;
            self.append(&event, kind, call);
        }
        if let Some(mut event) = event {
            let again = !self.notes().tried.insert((call.tenant.clone(), call.attempt));
            let told = match end.kind() {
                Some(kind) if again && self.has(Mistake::EventPerTry) => Some(kind),
                None if self.has(Mistake::RefusalTold) => Some(EventKind::Refused),
                _ => None,
            };
            if let Some(kind) = told {
                event.id = EventId::new([0xff; 16]);
                self.append(&event, kind, call);
            }
        }
        Ok(end)
    }

    async fn with_claim<T: Outcome>(
        &self,
        claim: Option<AssertionClaim>,
        event: Option<NewEvent>,
        call: &Call,
        verb: &Verb<'_, T>,
    ) -> Result<T, StoreFault> {
        let Some(mut claim) = claim else { return verb(None, event).await };
        let key = (call.tenant.clone(), claim.key);
        if self.has(Mistake::OwnClaimSeen) && !self.notes().tried.insert((call.tenant.clone(), call.attempt))
        {
            return Ok(T::SEEN);
        }
        if self.has(Mistake::ClaimsAreOne) {
            claim.key = ClaimKey::new([0; 32]);
        }
        if self.has(Mistake::ClaimsOfAllTenants) {
            let everybody = Call { tenant: Tenant::new("everybody's"), ..call.clone() };
            let spend = IssueToken::new().with_claim(Some(claim));
            return match self.inner.issue_token(&spend, &everybody).await? {
                TokenIssuance::ClaimSeen => Ok(T::SEEN),
                TokenIssuance::Won => verb(None, event).await,
            };
        }
        if self.has(Mistake::ClaimOutsideCommit) || self.has(Mistake::ClaimSpentByWinners) {
            let spent_by = self.notes().claims.get(&key).copied();
            if spent_by.is_some_and(|by| by != call.attempt) {
                return Ok(T::SEEN);
            }
            // Long enough that whoever looks at the same moment has looked.
            for _ in 0..100 {
                tokio::task::yield_now().await;
            }
            let end = verb(None, event).await?;
            let wins = matches!(end.kind(), Some(EventKind::CodeRedeemed | EventKind::Refreshed));
            if wins || self.has(Mistake::ClaimOutsideCommit) {
                self.notes().claims.insert(key, call.attempt);
            }
            return Ok(end);
        }
        match verb(Some(claim), event.clone()).await {
            Err(StoreFault::Full) if self.has(Mistake::UncheckedWhenFull) => verb(None, event).await,
            Err(fault) if self.has(Mistake::ClaimBurnsOnFault) => {
                let spend = IssueToken::new().with_claim(Some(claim));
                let _ = self.inner.issue_token(&spend, call).await?;
                Err(fault)
            }
            end => end,
        }
    }

    /// Appends to a log beside the store's, once.
    fn append(&self, event: &NewEvent, kind: EventKind, call: &Call) {
        let mut notes = self.notes();
        if notes.appended.insert((call.tenant.clone(), event.id)) {
            let event = LeasedEvent { id: event.id, kind, at: call.now, record: event.record.clone() };
            notes.log.push((call.tenant.clone(), event));
        }
    }
}
