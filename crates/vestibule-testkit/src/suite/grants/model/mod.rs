//! Random sequences of verbs against a slow model of the contract.

//!
//! * `reference`, `chain`: the model
//! * `dice`: what happens next
//! * `told`: what happened, in words

mod chain;
mod dice;
mod reference;
mod told;

use std::ops::Range;
use std::sync::Arc;

use vestibule_host::{
    AccessKey, Advance, Call, EventId, GrantKey, IssueCode, IssueToken, PutLaunch, RedeemCode, Revoke,
    RotateRefresh, UnixMillis, UserId,
};

use self::dice::{Aim, Counters, Dice, again, choose};
use self::reference::{Model, Refused};
use self::told::{difference, told};
use super::Factory;
use super::rows::{Rows, access_hash, at, code, grant_id, handle, interaction, jti, launch};
use crate::Broken;
use crate::suite::Verdict;

/// How many steps a sequence has.
const STEPS: u32 = 150;

/// How many there are of what is read all at once.
const TOKENS: u32 = 12;
const JWTS: u32 = 3;
const USERS: [&str; 2] = ["alice", "Alice"];

/// What is done to both. Kept, so that it can be done again exactly as it was.
#[derive(Clone, Debug)]
enum Step {
    PutLaunch(PutLaunch),
    Advance(Advance),
    Issue(IssueCode),
    Redeem(RedeemCode),
    Rotate(RotateRefresh),
    IssueToken(IssueToken),
    Revoke(Revoke),
    Lease(u16, UnixMillis),
    Acknowledge(Vec<EventId>),
    Purge(UnixMillis),
    Read(u32, u32),
}

/// A step, by whom, and what it should have come to.
struct Done {
    step: Step,
    call: Call,
    due: String,
}

/// Whatever the model answers, the store answers.
pub async fn random_sequences_match_the_model(factory: Factory<'_>) -> Verdict {
    random_sequences(factory, 0..20).await
}

/// The same for the sequences that begin with these seeds: as many as there is time for.
///
/// Those with an odd seed stay with very few names, repeat much, and live in a time that jumps: whatever a store gets wrong about
/// names that were somebody's before shows there first.
pub async fn random_sequences(factory: Factory<'_>, seeds: Range<u64>) -> Verdict {
    let store = factory.open().await;
    for seed in seeds {
        // A tenant for each sequence and its neighbour, so that one store serves all of them.
        let dice = Dice::new(seed);
        let tenants = (format!("sequence-{seed}"), format!("Sequence-{seed}"));
        let aim = Aim::of(seed, &dice);
        let (mut model, mut counters) = (Model::default(), Counters::default());
        let mut done = Vec::<Done>::new();
        for n in 0..STEPS {
            let tenant = if dice.one_in(8) { &tenants.1 } else { &tenants.0 };
            let rows = Rows::over(Arc::clone(&store)).of_tenant(tenant);
            let mut call = rows.call(0);
            // Time goes on, and now and then it jumps.
            call.now = if dice.one_in(aim.jumps) { dice.moment() } else { at(i64::from(n / 2) * 500) };
            let mut step = choose(&dice, &aim, &mut model, &call, &mut counters);
            // Now and then an earlier call is made again as it was, as after an unknown outcome; sometimes by a later clock.
            if dice.one_in(aim.again)
                && let Some(before) = again(&dice, &aim, &done)
            {
                step = before.step.clone();
                let now = if dice.one_in(3) { call.now } else { before.call.now };
                call = Call { now, ..before.call.clone() };
            }
            let rows = rows.of_tenant(call.tenant.as_str());
            let found = on_store(&rows, &step, &call).await;
            let due = on_model(&mut model, &step, &call);
            let differs = (found != due).then(|| difference(&step, &found, &due));
            done.push(Done { step, call, due });
            if let Some(differs) = differs {
                return Err(Broken(format!("seed {seed}, step {n}: {differs}after:\n{}", told(&done))));
            }
        }
    }
    Ok(())
}

fn show<T: std::fmt::Debug>(of: Result<T, impl Into<Refused>>) -> String {
    format!("{:?}", of.map_err(Into::into))
}

async fn on_store(rows: &Rows, step: &Step, call: &Call) -> String {
    let store = &rows.store;
    match step {
        Step::PutLaunch(op) => show(store.put_launch(op, call).await),
        Step::Advance(op) => show(store.advance_interaction(op, call).await),
        Step::Issue(op) => show(store.issue_code(op, call).await),
        Step::Redeem(op) => show(store.redeem_code(op, call).await),
        Step::Rotate(op) => show(store.rotate_refresh(op, call).await),
        Step::IssueToken(op) => show(store.issue_token(op, call).await),
        Step::Revoke(op) => show(store.revoke(op, call).await),
        Step::Lease(max, until) => show(store.lease_events(*max, *until, call).await),
        Step::Acknowledge(ids) => show(store.ack_events(ids, call).await),
        Step::Purge(before) => {
            while let Ok(purged) = store.purge(*before, 1_000).await
                && purged.more
            {}
            String::new()
        }
        Step::Read(any, n) => {
            let mut seen = vec![
                show(store.interaction(&interaction(*n), call).await),
                show(store.launch(&launch(*n), call).await.map(|found| found.is_some())),
                show(store.grant(GrantKey::Code(&code(*any)), call).await),
                show(store.grant(GrantKey::Refresh(&handle(*any)), call).await),
            ];
            for user in USERS {
                seen.push(show(store.grants_of(&UserId::new(user), None, 1_000, call).await));
            }
            for n in 0..TOKENS {
                seen.push(show(store.access(AccessKey::Opaque(&access_hash(n)), call).await));
            }
            for n in 0..JWTS {
                let key = AccessKey::Jwt { id: &jti(n), grant: Some(&grant_id(*any)) };
                seen.push(show(store.access(key, call).await));
            }
            seen.join("\n")
        }
    }
}

fn on_model(model: &mut Model, step: &Step, call: &Call) -> String {
    fn sure<T>(of: T) -> Result<T, Refused> {
        Ok(of)
    }
    match step {
        Step::PutLaunch(op) => show(model.put_launch(op, call)),
        Step::Advance(op) => show(model.advance(op, call)),
        Step::Issue(op) => show(model.issue(op, call)),
        Step::Redeem(op) => show(model.redeem(op, call)),
        Step::Rotate(op) => show(model.rotate(op, call)),
        Step::IssueToken(op) => show(model.issue_token(op, call)),
        Step::Revoke(op) => show(model.revoke(op, call)),
        Step::Lease(max, until) => show(sure(model.lease(*max, *until, call))),
        Step::Acknowledge(ids) => {
            model.acknowledge(ids, call);
            show(sure(()))
        }
        Step::Purge(before) => {
            model.purge(*before);
            String::new()
        }
        Step::Read(any, n) => {
            let mut seen = vec![
                show(sure(model.saved(&interaction(*n), call).cloned())),
                show(sure(model.launch_is_free(&launch(*n), call))),
                show(sure(model.grant(GrantKey::Code(&code(*any)), call))),
                show(sure(model.grant(GrantKey::Refresh(&handle(*any)), call))),
            ];
            for user in USERS {
                seen.push(show(sure(model.grants_of(&UserId::new(user), call))));
            }
            for n in 0..TOKENS {
                seen.push(show(sure(model.access(AccessKey::Opaque(&access_hash(n)), call))));
            }
            for n in 0..JWTS {
                let key = AccessKey::Jwt { id: &jti(n), grant: Some(&grant_id(*any)) };
                seen.push(show(sure(model.access(key, call))));
            }
            seen.join("\n")
        }
    }
}
