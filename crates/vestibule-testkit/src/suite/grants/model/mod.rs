//! Random sequences of verbs against a slow model of the contract.

mod chain;
mod reference;

use std::ops::Range;
use std::time::Duration;

use vestibule_host::{
    AccessKey, Advance, AssertionClaim, Binding, Call, ClientId, EventId, GrantKey, IssueCode, IssueToken,
    NewAccess, NewEvent, NewRefresh, PutLaunch, Quota, RedeemCode, Revocation, Revoke, RotateRefresh,
    SessionId, UnixMillis, UserId,
};

use self::reference::{Model, Refused};
use super::Factory;
use super::rows::{
    Rows, access, access_hash, advance, at, claim, code, event, event_id, grant_id, handle, hash,
    interaction, issue, jti, launch, record, redeem, rotate, salt, token,
};
use crate::SeededEntropy;
use crate::suite::{Verdict, hold};

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

/// Chooses what happens next, out of few values, so that they meet.
struct Dice(SeededEntropy);

impl Dice {
    fn below(&self, bound: u32) -> u32 {
        u32::try_from(self.0.below(u64::from(bound))).unwrap_or(0)
    }

    fn one_in(&self, bound: u32) -> bool {
        self.below(bound) == 0
    }

    fn one_of<'a, T>(&self, of: &'a [T]) -> Option<&'a T> {
        let index = self.below(u32::try_from(of.len()).unwrap_or(u32::MAX));
        of.get(usize::try_from(index).unwrap_or(0))
    }

    fn pick<T: Clone>(&self, of: &[T], default: T) -> T {
        self.one_of(of).cloned().unwrap_or(default)
    }

    /// Half a second is a step, so that some replays fall into the uncounted first seconds and some do not.
    fn moment(&self) -> UnixMillis {
        at(i64::from(self.below(40)) * 500)
    }

    /// An end that no moment reaches, except one in so many.
    fn end(&self, bound: u32) -> UnixMillis {
        if self.one_in(bound) { self.moment() } else { at(100_000) }
    }

    fn user(&self) -> UserId {
        UserId::new(self.pick(&USERS, ""))
    }

    fn client(&self) -> ClientId {
        ClientId::new(self.pick(&["app", "app", "other"], ""))
    }

    fn read(&self) -> Option<u64> {
        self.pick(&[None, Some(1), Some(2)], None)
    }

    fn claim(&self) -> Option<AssertionClaim> {
        self.one_in(5).then(|| AssertionClaim { keep_until: self.end(3), ..claim(self.below(8)) })
    }

    fn access(&self) -> Option<NewAccess> {
        self.one_in(3).then(|| {
            let (client, expires) = (self.client(), self.end(3));
            NewAccess { client, expires, ..access(self.below(TOKENS)) }
        })
    }
}

/// A sequence's own numbers.
#[derive(Default)]
struct Counters {
    greed: u32,
    issued: u32,
    rotated: u32,
    events: u32,
}

impl Counters {
    fn event(&mut self, dice: &Dice) -> Option<NewEvent> {
        dice.one_in(2).then(|| {
            self.events += 1;
            event(self.events)
        })
    }
}

/// Whatever the model answers, the store answers.
pub async fn random_sequences_match_the_model(factory: Factory<'_>) -> Verdict {
    random_sequences(factory, 0..20).await
}

/// The same for the sequences that begin with these seeds: as many as there is time for.
pub async fn random_sequences(factory: Factory<'_>, seeds: Range<u64>) -> Verdict {
    let store = factory.open().await;
    for seed in seeds {
        // A tenant for each sequence and its neighbour, so that one store serves all of them.
        let dice = Dice(SeededEntropy::new(seed));
        let tenants = (format!("sequence-{seed}"), format!("Sequence-{seed}"));
        let greed = dice.below(3) * 3;
        let (mut model, mut counters) = (Model::default(), Counters { greed, ..Counters::default() });
        let mut done = Vec::<(Step, Call, String)>::new();
        for n in 0..STEPS {
            let tenant = if dice.one_in(8) { &tenants.1 } else { &tenants.0 };
            let rows = Rows::over(std::sync::Arc::clone(&store)).of_tenant(tenant);
            let mut call = rows.call(0);
            // Time goes on, and now and then it jumps.
            call.now = if dice.one_in(6) { dice.moment() } else { at(i64::from(n / 2) * 500) };
            let (mut step, mut call) = (choose(&dice, &mut model, &call, &mut counters), call);
            // Now and then an earlier call is made again as it was, as after an unknown outcome.
            if dice.one_in(6)
                && let Some((done, by, _)) = dice.one_of(&done)
            {
                (step, call) = (done.clone(), by.clone());
            }
            let found = on_store(&rows, &step, &call).await;
            let due = on_model(&mut model, &step, &call);
            let good = found == due;
            done.push((step, call, due));
            hold!(good, "seed {seed}: found {found}, where this was due:\n{}", told(&done));
        }
    }
    Ok(())
}

/// What was done, and what was due, for whoever has to find out why.
fn told(done: &[(Step, Call, String)]) -> String {
    let line = |(step, call, due): &(Step, Call, String)| {
        format!("  {:?} {step:?} at {} -> {due}\n", call.attempt, call.now.0 - at(0).0)
    };
    done.iter().map(line).collect()
}

fn choose(dice: &Dice, model: &mut Model, call: &Call, counters: &mut Counters) -> Step {
    let any = choose_code(dice, model, call, counters);
    let event = counters.event(dice);
    let kind = match dice.below(30) {
        // Most of the time there is something to refresh.
        kind @ 10..=21 if model.chains(call).is_empty() && !dice.one_in(6) => kind % 7 + 3,
        kind => kind,
    };
    match kind {
        0 => {
            let op = PutLaunch::new(launch(dice.below(3)), dice.end(3), record("launch"));
            Step::PutLaunch(op.with_event(event))
        }
        1 | 2 => {
            let mut op = advance(dice.below(3), dice.read());
            op.expires = dice.moment();
            op.quota = dice.one_in(3).then(|| Quota { client: dice.client(), max: 1 });
            Step::Advance(op.with_event(event))
        }
        3..=5 => Step::Issue(choose_issue(dice, any, counters).with_event(event)),
        6..=9 => {
            let mut op = redeem(any, 1);
            op.keep_until = dice.moment();
            if dice.one_in(6) {
                op.binding = Binding::new(hash(9, any));
            }
            if !dice.one_in(4) {
                let of = if dice.one_in(8) { dice.below(counters.issued.max(1)) } else { any };
                let (idle_until, until) = (dice.end(8), dice.end(8));
                op.refresh =
                    Some(NewRefresh { handle: handle(of), current: token(of, 0), idle_until, until });
            }
            Step::Redeem(op.with_access(dice.access()).with_claim(dice.claim()).with_event(event))
        }
        10..=21 => Step::Rotate(choose_rotation(dice, model, call, any, counters).with_event(event)),
        22 | 23 => {
            let op = IssueToken::new().with_access(dice.access()).with_claim(dice.claim());
            Step::IssueToken(op.with_event(event))
        }
        24 => {
            let what = match dice.below(12) {
                0 => Revocation::User(dice.user()),
                1 | 2 => Revocation::Client(dice.client()),
                3 => Revocation::UserAndClient(dice.user(), dice.client()),
                4 => Revocation::Session(SessionId::new("s1")),
                5 | 6 => Revocation::Access(access_hash(dice.below(TOKENS))),
                7..=9 => Revocation::Token { id: jti(dice.below(JWTS)), until: dice.moment() },
                _ => Revocation::Grant(grant_id(any)),
            };
            Step::Revoke(Revoke::new(what).with_claim(dice.claim()).with_event(event))
        }
        25 => Step::Lease(u16::try_from(dice.below(5)).unwrap_or(0), dice.moment()),
        26 => {
            let id = || event_id(dice.below(counters.events + 2));
            Step::Acknowledge((0..dice.below(4)).map(|_| id()).collect())
        }
        27 if dice.one_in(3) => Step::Purge(dice.moment()),
        _ => Step::Read(any, dice.below(3)),
    }
}

/// Mostly one that nobody has spent, or one of the newest.
fn choose_code(dice: &Dice, model: &mut Model, call: &Call, counters: &Counters) -> u32 {
    let newest = dice.below(if dice.one_in(6) { counters.issued.max(1) } else { 3 });
    let newest = counters.issued.saturating_sub(1 + newest);
    if dice.one_in(4) {
        return newest;
    }
    (0..counters.issued).rev().find(|n| model.is_unspent(&code(*n), call)).unwrap_or(newest)
}

fn choose_issue(dice: &Dice, any: u32, counters: &mut Counters) -> IssueCode {
    let mut op = issue(counters.issued, dice.read(), dice.one_in(4).then(|| dice.below(3)));
    op.interaction.id = interaction(dice.below(8));
    op.interaction.expires = dice.moment();
    op.interaction.expected = if dice.one_in(2) { None } else { op.interaction.expected };
    (op.expires, op.grant.keep_until) = (dice.end(4), dice.end(10));
    (op.grant.user, op.grant.client) = (dice.user(), dice.client());
    op.grant.session = dice.pick(&[None, Some("s1"), Some("s2")], None).map(SessionId::new);
    if counters.issued > 0 && dice.one_in(6) {
        op.grant.id = grant_id(any);
    } else {
        counters.issued += 1;
    }
    op
}

/// Mostly the newest token or the one before, by the app that it belongs to, with a successor that nobody has had.
fn choose_rotation(
    dice: &Dice,
    model: &mut Model,
    call: &Call,
    any: u32,
    counters: &mut Counters,
) -> RotateRefresh {
    counters.rotated += 1;
    let open = model.chains(call);
    let at_random = handle(any);
    let mut op = rotate(any, 0);
    op.handle = if dice.one_in(8) { at_random } else { dice.pick(open.get(..2).unwrap_or(&open), at_random) };
    (op.next, op.salt) = (token(900, counters.rotated), salt(900, counters.rotated));
    (op.idle_until, op.keep_until) = (dice.end(12), dice.moment());
    op.window = Duration::from_secs(dice.pick(&[0, 8, 60, 60, 60, 60], 60));
    if let Some((owner, tokens)) = model.tokens(&op.handle, call) {
        // The newest, or the one before, and in some sequences that one mostly.
        let age = usize::from(!dice.one_in(2 + counters.greed));
        op.presented = *tokens.get(age).or(tokens.first()).unwrap_or(&op.presented);
        if dice.one_in(30) {
            op.presented = dice.pick(&tokens, op.presented);
        }
        op.client = if dice.one_in(20) { dice.client() } else { owner };
    }
    op.with_access(dice.access()).with_claim(dice.claim())
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
            seen.join(" ")
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
            seen.join(" ")
        }
    }
}
