//! What happens next: chosen at random out of few values, so that they meet.

use std::time::Duration;

use vestibule_host::{
    AssertionClaim, Binding, Call, ClientId, EventId, IssueCode, IssueToken, NewAccess, NewEvent, NewRefresh,
    PutLaunch, Quota, Revocation, Revoke, RotateRefresh, SessionId, UnixMillis, UserId,
};

use super::reference::Model;
use super::{Done, JWTS, Step, TOKENS, USERS};
use crate::SeededEntropy;
use crate::suite::grants::rows::{
    access, access_hash, advance, at, claim, code, event, event_id, grant_id, handle, hash, interaction,
    issue, jti, launch, record, redeem, rotate, salt, token,
};

/// Chooses.
pub(super) struct Dice(SeededEntropy);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self(SeededEntropy::new(seed))
    }

    pub(super) fn below(&self, bound: u32) -> u32 {
        u32::try_from(self.0.below(u64::from(bound))).unwrap_or(0)
    }

    pub(super) fn one_in(&self, bound: u32) -> bool {
        self.below(bound) == 0
    }

    pub(super) fn one_of<'a, T>(&self, of: &'a [T]) -> Option<&'a T> {
        let index = self.below(u32::try_from(of.len()).unwrap_or(u32::MAX));
        of.get(usize::try_from(index).unwrap_or(0))
    }

    fn pick<T: Clone>(&self, of: &[T], default: T) -> T {
        self.one_of(of).cloned().unwrap_or(default)
    }

    /// Half a second is a step, so that some replays fall into the uncounted first seconds and some do not.
    pub(super) fn moment(&self) -> UnixMillis {
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

/// What a sequence aims at.
pub(super) struct Aim {
    /// How many codes and grants have names. Most mistakes of real stores were with a name that had been somebody's before.
    names: Option<u32>,
    /// How eagerly predecessors are presented.
    greed: u32,
    /// One step in so many repeats an earlier one.
    pub(super) again: u32,
    /// One moment in so many is not the next.
    pub(super) jumps: u32,
}

impl Aim {
    /// Half of the sequences grow, as production does. The others stay with few names, repeat much, and live in a time that jumps
    /// and purges.
    pub(super) fn of(seed: u64, dice: &Dice) -> Self {
        let greed = dice.below(3) * 3;
        if seed.is_multiple_of(2) {
            Self { names: None, greed, again: 6, jumps: 6 }
        } else {
            Self { names: Some(1 + dice.below(3)), greed, again: 3, jumps: 3 }
        }
    }

    /// The revision of an interaction, or what somebody else might take for it.
    fn read(&self, dice: &Dice, model: &Model, number: u32, call: &Call) -> Option<u64> {
        let saved = model.saved(&interaction(number), call).map(|stored| stored.revision.0);
        if self.names.is_some() && !dice.one_in(4) { saved } else { dice.read() }
    }

    /// An end that is reached more often where time jumps.
    fn end(&self, dice: &Dice, bound: u32) -> UnixMillis {
        dice.end(if self.names.is_some() { 2 } else { bound })
    }
}

/// A sequence's own numbers.
#[derive(Default)]
pub(super) struct Counters {
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

/// An earlier call, as it comes again after an unknown outcome.
pub(super) fn again<'a>(dice: &Dice, aim: &Aim, done: &'a [Done]) -> Option<&'a Done> {
    let issues: Vec<&Done> = match aim.names {
        Some(_) if dice.one_in(3) => done.iter().filter(|one| matches!(one.step, Step::Issue(_))).collect(),
        _ => Vec::new(),
    };
    dice.one_of(&issues).copied().or_else(|| dice.one_of(done))
}

/// The next step.
pub(super) fn choose(
    dice: &Dice,
    aim: &Aim,
    model: &mut Model,
    call: &Call,
    counters: &mut Counters,
) -> Step {
    let any = choose_code(dice, aim, model, call, counters);
    let event = counters.event(dice);
    let kind = match dice.below(30) {
        // Most of the time there is something to refresh.
        kind @ 10..=21 if model.chains(call).is_empty() && !dice.one_in(6) => kind % 7 + 3,
        // Few names are issued, revoked and purged more often than they are used.
        10..=12 if aim.names.is_some() => 3,
        13 | 14 if aim.names.is_some() => 24,
        15..=17 if aim.names.is_some() => 27,
        18 if aim.names.is_some() => 1,
        kind => kind,
    };
    match kind {
        0 => {
            let op = PutLaunch::new(launch(dice.below(3)), dice.end(3), record("launch"));
            Step::PutLaunch(op.with_event(event))
        }
        1 | 2 => {
            let number = dice.below(3);
            let mut op = advance(number, aim.read(dice, model, number, call));
            op.expires = dice.moment();
            op.quota = dice
                .one_in(if aim.names.is_some() { 2 } else { 3 })
                .then(|| Quota { client: dice.client(), max: 1 + dice.below(2) });
            Step::Advance(op.with_event(event))
        }
        3..=5 => Step::Issue(choose_issue(dice, aim, any, counters).with_event(event)),
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
        10..=21 => Step::Rotate(choose_rotation(dice, aim, model, call, any, counters).with_event(event)),
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
            let ids: Vec<EventId> = (0..dice.below(4)).map(|_| id()).collect();
            Step::Acknowledge(ids)
        }
        // A millisecond before, at, and after what ends.
        27 if aim.names.is_some() || dice.one_in(3) => {
            Step::Purge(UnixMillis(dice.moment().0 - 1 + i64::from(dice.below(3))))
        }
        _ => Step::Read(any, dice.below(3)),
    }
}

/// Mostly one that nobody has spent, or one of the newest.
fn choose_code(dice: &Dice, aim: &Aim, model: &mut Model, call: &Call, counters: &Counters) -> u32 {
    if let Some(names) = aim.names {
        return dice.below(names);
    }
    let newest = dice.below(if dice.one_in(6) { counters.issued.max(1) } else { 3 });
    let newest = counters.issued.saturating_sub(1 + newest);
    if dice.one_in(4) {
        return newest;
    }
    (0..counters.issued).rev().find(|n| model.is_unspent(&code(*n), call)).unwrap_or(newest)
}

fn choose_issue(dice: &Dice, aim: &Aim, any: u32, counters: &mut Counters) -> IssueCode {
    let number = aim.names.map_or(counters.issued, |_| any);
    let mut op = issue(number, dice.read(), dice.one_in(4).then(|| dice.below(3)));
    op.interaction.id = interaction(dice.below(8));
    op.interaction.expires = dice.moment();
    op.interaction.expected = if dice.one_in(2) { None } else { op.interaction.expected };
    (op.expires, op.grant.keep_until) = (aim.end(dice, 4), aim.end(dice, 10));
    (op.grant.user, op.grant.client) = (dice.user(), dice.client());
    op.grant.session = dice.pick(&[None, Some("s1"), Some("s2")], None).map(SessionId::new);
    if let Some(names) = aim.names {
        // Now and then one of the two names is another's.
        if dice.one_in(4) {
            op.grant.id = grant_id(dice.below(names));
        }
        counters.issued = names;
    } else if counters.issued > 0 && dice.one_in(6) {
        op.grant.id = grant_id(any);
    } else {
        counters.issued += 1;
    }
    op
}

/// Mostly the newest token or the one before, by the app that it belongs to, with a successor that nobody has had.
fn choose_rotation(
    dice: &Dice,
    aim: &Aim,
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
        let age = usize::from(!dice.one_in(2 + aim.greed));
        op.presented = *tokens.get(age).or(tokens.first()).unwrap_or(&op.presented);
        if dice.one_in(30) {
            op.presented = dice.pick(&tokens, op.presented);
        }
        op.client = if dice.one_in(20) { dice.client() } else { owner };
    }
    op.with_access(dice.access()).with_claim(dice.claim())
}
