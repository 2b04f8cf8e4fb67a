//! Spending a code.

use vestibule_host::{Call, Family, GrantId, RedeemCode, Redemption, StoreFault};

use crate::script::Ask;
use crate::{RedisStore, chain};

impl RedisStore {
    pub(super) async fn redeem(&self, op: &RedeemCode, call: &Call) -> Result<Redemption, StoreFault> {
        let mut ask = Ask::of(call)
            .with("code", op.code.as_bytes())
            .with("binding", op.binding.as_bytes())
            .time("keep", op.keep_until)
            .claim(op.claim.as_ref())
            .access(op.access.as_ref())
            .event(op.event.as_ref());
        if let Some(refresh) = &op.refresh {
            let family = Family::new(refresh.current, refresh.idle_until, refresh.until);
            ask = ask.with("handle", refresh.handle.as_bytes()).with("state", chain::encode(&family));
        }
        let mut reply = self.write(&self.scripts().redeem, &call.tenant, ask).await?;
        reply.outcome(|word, rest| {
            Ok(match word {
                "won" => Some(Redemption::Won),
                "replayed" => Some(Redemption::Replayed { grant: GrantId::new(rest.text()?) }),
                "mismatch" => Some(Redemption::Mismatch),
                "expired" => Some(Redemption::Expired),
                "revoked" => Some(Redemption::Revoked),
                "not found" => Some(Redemption::NotFound),
                "seen" => Some(Redemption::ClaimSeen),
                _ => None,
            })
        })
    }
}
