//! Random sequences of verbs against a slow model of the contract.
//!
//! The model is lists that are searched from the front, as close to the words of the contract as code gets.

use vestibule_host::{
    Advance, Advanced, AttemptId, Call, ClientId, GrantKey, GrantStatus, InteractionHash, Issuance,
    IssueCode, LaunchHash, PutLaunch, Quota, RedeemCode, Redemption, Revision, Revocation, Revoke, Revoked,
    SessionId, StoreFault, StoredGrant, StoredInteraction, Tenant, UnixMillis, UserId,
};

use super::Factory;
use super::rows::{Rows, advance, at, code, grant_id, hash, interaction, issue, launch, record, redeem};
use crate::SeededEntropy;
use crate::suite::{Verdict, hold};

struct Saved {
    tenant: Tenant,
    id: InteractionHash,
    by: AttemptId,
    expires: UnixMillis,
    counted: Option<ClientId>,
    stored: StoredInteraction,
}

struct Launch {
    tenant: Tenant,
    hash: LaunchHash,
    by: AttemptId,
    keep_until: UnixMillis,
    spent: bool,
}

struct Issued {
    tenant: Tenant,
    op: IssueCode,
    by: AttemptId,
    grant: StoredGrant,
    spent_by: Option<AttemptId>,
}

/// What a fault says, without what it wraps.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Refused {
    NotApplied,
    Full,
    Other,
}

impl From<StoreFault> for Refused {
    fn from(fault: StoreFault) -> Self {
        match fault {
            StoreFault::NotApplied(_) => Self::NotApplied,
            StoreFault::Full => Self::Full,
            _ => Self::Other,
        }
    }
}

#[derive(Default)]
struct Model {
    saved: Vec<Saved>,
    launches: Vec<Launch>,
    issued: Vec<Issued>,
}

impl Model {
    fn saved(&mut self, id: &InteractionHash, call: &Call) -> Option<&mut Saved> {
        self.saved
            .iter_mut()
            .find(|row| row.tenant == call.tenant && row.id == *id && !row.expires.is_over(call.now))
    }

    fn free_launch(&mut self, hash: &LaunchHash, call: &Call) -> Option<&mut Launch> {
        let mut rows = self.launches.iter_mut();
        rows.find(|row| {
            row.tenant == call.tenant && row.hash == *hash && !row.keep_until.is_over(call.now) && !row.spent
        })
    }

    fn put_launch(&mut self, op: &PutLaunch, call: &Call) -> Result<(), Refused> {
        let same = |row: &&Launch| row.tenant == call.tenant && row.hash == op.hash;
        if let Some(row) = self.launches.iter().find(same)
            && !row.keep_until.is_over(call.now)
        {
            return if row.by == call.attempt { Ok(()) } else { Err(Refused::NotApplied) };
        }
        self.launches.retain(|row| !same(&row));
        let (tenant, by) = (call.tenant.clone(), call.attempt);
        self.launches.push(Launch { tenant, hash: op.hash, by, keep_until: op.keep_until, spent: false });
        Ok(())
    }

    fn advance(&mut self, op: &Advance, call: &Call) -> Result<Advanced, Refused> {
        let next = Revision(op.expected.map_or(0, |read| read.0) + 1);
        let expected = op.expected;
        match (self.saved(&op.id, call), expected) {
            (Some(row), _) if row.by == call.attempt && row.stored.revision == next => {
                return Ok(Advanced::Saved(next));
            }
            (Some(row), read) if Some(row.stored.revision) != read => {
                return Ok(Advanced::Stale(row.stored.clone()));
            }
            (None, Some(_)) => return Ok(Advanced::Gone),
            _ => {}
        }
        if let Some(quota) = &op.quota {
            let counts = |row: &&Saved| {
                row.tenant == call.tenant
                    && row.counted.as_ref() == Some(&quota.client)
                    && !row.expires.is_over(call.now)
            };
            let already = self.saved.iter().filter(counts).any(|row| row.id == op.id);
            if !already && self.saved.iter().filter(counts).count() >= usize::try_from(quota.max).unwrap_or(0)
            {
                return Err(Refused::Full);
            }
        }
        self.saved.retain(|row| row.tenant != call.tenant || row.id != op.id);
        self.saved.push(Saved {
            tenant: call.tenant.clone(),
            id: op.id,
            by: call.attempt,
            expires: op.expires,
            counted: op.quota.as_ref().map(|quota| quota.client.clone()),
            stored: StoredInteraction { revision: next, record: op.record.clone() },
        });
        Ok(Advanced::Saved(next))
    }

    fn issue(&mut self, op: &IssueCode, call: &Call) -> Result<Issuance, Refused> {
        let same = |row: &&Issued| row.tenant == call.tenant && row.op.code == op.code;
        if self.issued.iter().find(same).is_some_and(|row| row.by == call.attempt) {
            return Ok(Issuance::Won);
        }
        let read = op.interaction.expected;
        match (self.saved(&op.interaction.id, call), read) {
            (Some(row), read) if Some(row.stored.revision) != read => {
                return Ok(Issuance::Stale(row.stored.clone()));
            }
            (None, Some(_)) => return Ok(Issuance::Gone),
            _ => {}
        }
        if let Some(launch) = &op.launch
            && self.free_launch(launch, call).is_none()
        {
            return Ok(Issuance::LaunchGone);
        }
        if self
            .issued
            .iter()
            .any(|row| same(&row) || (row.tenant == call.tenant && row.grant.id == op.grant.id))
        {
            return Err(Refused::NotApplied);
        }
        let _ = self.advance(&op.interaction, call)?;
        if let Some(row) = op.launch.as_ref().and_then(|launch| self.free_launch(launch, call)) {
            row.spent = true;
        }
        let (tenant, grant) = (call.tenant.clone(), op.grant.clone());
        self.issued.push(Issued { tenant, op: op.clone(), by: call.attempt, grant, spent_by: None });
        Ok(Issuance::Won)
    }

    fn redeem(&mut self, op: &RedeemCode, call: &Call) -> Redemption {
        let kept = |row: &&mut Issued| row.tenant == call.tenant && !row.grant.keep_until.is_over(call.now);
        let Some(row) = self.issued.iter_mut().filter(kept).find(|row| row.op.code == op.code) else {
            return Redemption::NotFound;
        };
        match row.spent_by {
            _ if row.op.binding != op.binding => Redemption::Mismatch,
            Some(by) if by == call.attempt => Redemption::Won,
            Some(_) => {
                row.grant.status = GrantStatus::Revoked;
                Redemption::Replayed { grant: row.grant.id.clone() }
            }
            None if row.grant.status == GrantStatus::Revoked => Redemption::Revoked,
            None if row.op.expires.is_over(call.now) => Redemption::Expired,
            None => {
                row.spent_by = Some(call.attempt);
                row.grant.used = call.now;
                row.grant.keep_until = row.grant.keep_until.max(op.keep_until);
                Redemption::Won
            }
        }
    }

    fn revoke(&mut self, what: &Revocation, call: &Call) {
        for row in self.issued.iter_mut().filter(|row| row.tenant == call.tenant) {
            let grant = &mut row.grant;
            let hit = match what {
                Revocation::Grant(id) => grant.id == *id,
                Revocation::User(user) => grant.user == *user,
                Revocation::UserAndClient(user, client) => grant.user == *user && grant.client == *client,
                Revocation::Client(client) => grant.client == *client,
                Revocation::Session(session) => grant.session.as_ref() == Some(session),
                _ => false,
            };
            if hit {
                grant.status = GrantStatus::Revoked;
            }
        }
    }

    fn grants_of(&self, user: &UserId, call: &Call) -> Vec<StoredGrant> {
        let kept = |row: &&Issued| {
            row.tenant == call.tenant
                && row.grant.user == *user
                && row.grant.status == GrantStatus::Live
                && !row.grant.keep_until.is_over(call.now)
        };
        let mut grants: Vec<_> = self.issued.iter().filter(kept).map(|row| row.grant.clone()).collect();
        grants.sort_by(|one, other| one.id.cmp(&other.id));
        grants
    }

    fn grant(&self, n: u32, call: &Call) -> Option<StoredGrant> {
        let kept = |row: &&Issued| row.tenant == call.tenant && !row.grant.keep_until.is_over(call.now);
        self.issued.iter().filter(kept).find(|row| row.op.code == code(n)).map(|row| row.grant.clone())
    }
}

/// Chooses what happens next, out of few values, so that they meet.
struct Dice(SeededEntropy);

impl Dice {
    fn below(&self, bound: u32) -> u32 {
        u32::try_from(self.0.below(u64::from(bound))).unwrap_or(0)
    }

    fn pick<T: Clone>(&self, of: &[T], default: T) -> T {
        of.get(usize::try_from(self.below(u32::try_from(of.len()).unwrap_or(1))).unwrap_or(0))
            .cloned()
            .unwrap_or(default)
    }

    fn moment(&self) -> UnixMillis {
        at(i64::from(self.below(40)))
    }
}

/// Whatever the model answers, the store answers.
pub async fn random_sequences_match_the_model(factory: Factory<'_>) -> Verdict {
    let store = factory.open().await;
    for seed in 0..12_u64 {
        // A tenant for each sequence and its neighbour, so that one store serves all of them.
        let dice = Dice(SeededEntropy::new(seed));
        let tenants = [format!("sequence-{seed}"), format!("Sequence-{seed}")];
        let (mut model, mut calls) = (Model::default(), Vec::<Call>::new());
        let (mut issued, mut path) = (0, Vec::new());
        for _ in 0..100 {
            let rows =
                Rows::over(std::sync::Arc::clone(&store)).of_tenant(&dice.pick(&tenants, String::new()));
            let mut call = rows.call(0);
            call.now = dice.moment();
            // Now and then an earlier call is made again as it was.
            if dice.below(8) == 0 {
                call = dice.pick(&calls, call);
            }
            calls.push(call.clone());
            let (did, found, due) = step(&dice, &rows, &mut model, &call, &mut issued).await;
            path.push(format!("{did} at {} -> {due}", call.now.0 - at(0).0));
            hold!(found == due, "seed {seed}: found {found}, due is {due}, after\n  {}", path.join("\n  "));
        }
    }
    Ok(())
}

/// One verb or read on both sides: what was done, what the store said, what the model said.
async fn step(
    dice: &Dice,
    rows: &Rows,
    model: &mut Model,
    call: &Call,
    issued: &mut u32,
) -> (String, String, String) {
    fn show<T: std::fmt::Debug>(of: &Result<T, Refused>) -> String {
        format!("{of:?}")
    }
    let store = &rows.store;
    let any = dice.below((*issued).max(1));
    let user = || UserId::new(dice.pick(&["alice", "Alice"], ""));
    let client = || ClientId::new(dice.pick(&["app", "other"], ""));
    let expected = || dice.pick(&[None, Some(1), Some(2)], None);
    match dice.below(9) {
        0 => {
            let op = PutLaunch::new(launch(dice.below(3)), dice.moment(), record("launch"));
            let found = store.put_launch(&op, call).await.map_err(Refused::from);
            (format!("{op:?}"), show(&found), show(&model.put_launch(&op, call)))
        }
        1 | 2 => {
            let mut op = advance(dice.below(3), expected());
            op.expires = dice.moment();
            op.quota = (dice.below(3) == 0).then(|| Quota { client: client(), max: 1 });
            let found = store.advance_interaction(&op, call).await.map_err(Refused::from);
            (format!("{op:?}"), show(&found), show(&model.advance(&op, call)))
        }
        3 | 4 => {
            let mut op = issue(*issued, expected(), (dice.below(2) == 0).then(|| dice.below(3)));
            op.interaction.id = interaction(dice.below(3));
            op.interaction.expires = dice.moment();
            op.expires = dice.moment();
            op.grant.keep_until = dice.moment();
            (op.grant.user, op.grant.client) = (user(), client());
            op.grant.session = Some(SessionId::new(dice.pick(&["s1", "s2"], "")));
            if *issued > 0 && dice.below(6) == 0 {
                op.grant.id = grant_id(any);
            } else {
                *issued += 1;
            }
            // The same attempt for two verbs is no call that an engine makes.
            let mut call = call.clone();
            call.attempt = rows.call(0).attempt;
            let mut found = store.issue_code(&op, &call).await.map_err(Refused::from);
            let mut due = model.issue(&op, &call);
            if dice.below(4) == 0 && found == due && due == Ok(Issuance::Won) {
                found = store.issue_code(&op, &call).await.map_err(Refused::from);
                due = model.issue(&op, &call);
            }
            (format!("{op:?}"), show(&found), show(&due))
        }
        5 | 6 => {
            let mut op = redeem(any, 1);
            op.keep_until = dice.moment();
            if dice.below(4) == 0 {
                op.binding = vestibule_host::Binding::new(hash(9, any));
            }
            let found = store.redeem_code(&op, call).await.map_err(Refused::from);
            (format!("{op:?}"), show(&found), show(&Ok(model.redeem(&op, call))))
        }
        7 => {
            let what = match dice.below(6) {
                0 => Revocation::User(user()),
                1 => Revocation::Client(client()),
                2 => Revocation::UserAndClient(user(), client()),
                3 => Revocation::Session(SessionId::new("s1")),
                _ => Revocation::Grant(grant_id(any)),
            };
            let found = store.revoke(&Revoke::new(what.clone()), call).await.map_err(Refused::from);
            model.revoke(&what, call);
            (format!("{what:?}"), show(&found), show(&Ok(Revoked::Done)))
        }
        _ => {
            let (id, hash) = (interaction(dice.below(3)), launch(dice.below(3)));
            let user = user();
            let found = (
                store.interaction(&id, call).await.map_err(Refused::from),
                store.launch(&hash, call).await.map(|found| found.is_some()).map_err(Refused::from),
                store.grant(GrantKey::Code(&code(any)), call).await.map_err(Refused::from),
                store.grants_of(&user, None, 1_000, call).await.map_err(Refused::from),
            );
            let due = (
                Ok::<_, Refused>(model.saved(&id, call).map(|row| row.stored.clone())),
                Ok::<_, Refused>(model.free_launch(&hash, call).is_some()),
                Ok::<_, Refused>(model.grant(any, call)),
                Ok::<_, Refused>(model.grants_of(&user, call)),
            );
            ("reading".to_owned(), format!("{found:?}"), format!("{due:?}"))
        }
    }
}
