//! Refresh families: one chain of refresh tokens a grant, one successor a generation (design §8, reliability 6.3).
//!
//! A successor is derived from its predecessor and a salt that the store keeps. Whoever holds the predecessor can therefore be
//! told the *same* successor again when an answer was lost, and nobody else can: no second chain exists to be forked.
//!
//! | what is presented | while | then |
//! |---|---|---|
//! | the current token | | it becomes the predecessor; its successor is current |
//! | the predecessor | its successor is unused and the window is open | the same successor again |
//! | the same, too often | as above | refused, and suspected; three suspected generations of five end the grant |
//! | the predecessor | its successor was used, or the window is over | reuse: the grant ends |
//! | anything older | | reuse: the grant ends |
//!
//! The whole decision is [`Family::answer`]: a pure function of what is stored and what is asked, so that no two stores decide
//! differently. A store reads the chain and its grant, calls it, and writes what it says in the same transaction.

use std::time::Duration;

use crate::{
    AttemptId, Call, EventKind, GrantStatus, RefreshHash, RotateRefresh, Rotation, Salt, StoredGrant,
    UnixMillis,
};

/// Replays in so many milliseconds are not counted: tabs that race, a client that retries at once.
pub const UNCOUNTED: Duration = Duration::from_secs(5);

/// How many suspected generations of the last five end a grant.
pub const MAX_SUSPECTED: u32 = 3;

/// The state of a refresh chain. Every store keeps these values, and judges a presented token as [`judge`](Self::judge) does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Family {
    /// Counts rotations. Decides order; times never do (row 7).
    pub generation: u64,
    /// The token that rotates next.
    pub current: RefreshHash,
    /// The one before it, unless the chain is new.
    pub previous: Option<Predecessor>,
    /// One bit for each of the last five generations in which replays were too many; the lowest is the present one.
    pub suspected: u8,
    /// When the chain ends unless it is used.
    pub idle_until: UnixMillis,
    /// When it ends whatever happens.
    pub until: UnixMillis,
    /// The newest answer of this generation that rotated nothing, so that its call can be repeated.
    pub answered: Option<Answered>,
}

/// The token that was rotated last.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Predecessor {
    /// Its hash.
    pub hash: RefreshHash,
    /// From which its successor is derived.
    pub salt: Salt,
    /// When it was rotated.
    pub rotated: UnixMillis,
    /// By which attempt.
    pub by: AttemptId,
    /// How often it was presented again, after the uncounted first seconds.
    pub replays: u8,
}

/// An answer that rotated nothing, and whose it was.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Answered {
    /// The attempt that was answered.
    pub by: AttemptId,
    /// What it was told.
    pub told: Told,
}

/// What a call was told that rotated nothing and yet changed the chain.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Told {
    /// The same successor again.
    Again,
    /// Too often.
    TooOften,
    /// Reuse: the grant ended.
    Reused,
}

/// What a store answers and writes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Answer {
    /// What the caller is told.
    pub outcome: Rotation,
    /// What is written in this commit; `None`: nothing but the claim.
    ///
    /// With [`Rotation::Won`] and [`Rotation::Same`] the opaque token is kept and the grant's `used` and `keep_until` move,
    /// with [`Rotation::Reuse`] the grant is revoked. With all of them the event is appended.
    pub change: Option<(Family, EventKind)>,
}

impl Answer {
    const fn unchanged(outcome: Rotation) -> Self {
        Self { outcome, change: None }
    }

    /// Whether tokens are issued by this call: the opaque one is then kept, and the grant's use noted.
    pub const fn issues(&self) -> bool {
        self.change.is_some() && matches!(self.outcome, Rotation::Won | Rotation::Same { .. })
    }
}

/// What a presented token is to a chain.
#[must_use]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Presented {
    /// The current one: it rotates. [`Family::rotated`] is the state afterwards.
    Current,
    /// The predecessor of an unused successor. [`Family::repeated`] is the state afterwards.
    Again(Salt),
    /// The same once too often. [`Family::suspect`] is the state afterwards.
    TooOften,
    /// Used before, or never: the grant ends.
    Reused,
}

impl Family {
    /// A new chain.
    pub const fn new(current: RefreshHash, idle_until: UnixMillis, until: UnixMillis) -> Self {
        Self { generation: 0, current, previous: None, suspected: 0, idle_until, until, answered: None }
    }

    /// Whether the chain has ended.
    pub fn is_over(&self, now: UnixMillis) -> bool {
        self.idle_until.is_over(now) || self.until.is_over(now)
    }

    /// The whole of [`rotate_refresh`](crate::GrantStore::rotate_refresh) for a chain and its grant: what the caller is told
    /// and what is written. The claim is the store's to judge, and comes before.
    pub fn answer(&self, op: &RotateRefresh, grant: &StoredGrant, call: &Call) -> Answer {
        if op.client != grant.client {
            return Answer::unchanged(Rotation::Mismatch); // RT-003
        }
        if let Some(outcome) = self.told_before(op, grant, call) {
            return Answer::unchanged(outcome);
        }
        if grant.status == GrantStatus::Revoked {
            return Answer::unchanged(Rotation::Revoked);
        }
        if self.is_over(call.now) {
            return Answer::unchanged(Rotation::Expired);
        }
        let id = || grant.id.clone();
        match self.judge(&op.presented, op.window, op.max_replays, call.now) {
            Presented::Current => Answer {
                outcome: Rotation::Won,
                change: Some((
                    self.rotated((op.next, op.salt), op.idle_until, call.attempt, call.now),
                    EventKind::Refreshed,
                )),
            },
            Presented::Again(salt) => Answer {
                outcome: Rotation::Same { salt },
                change: Some((
                    self.repeated(call.now).told(Told::Again, call.attempt),
                    EventKind::RefreshRepeated,
                )),
            },
            // Once suspected, a generation is not suspected again: whoever hammers fills no event log.
            Presented::TooOften if self.is_suspected() => {
                Answer::unchanged(Rotation::Suspected { grant: id() })
            }
            Presented::TooOften => Answer {
                outcome: Rotation::Suspected { grant: id() },
                change: Some((self.suspect().told(Told::TooOften, call.attempt), EventKind::ReuseSuspected)),
            },
            Presented::Reused => Answer {
                outcome: Rotation::Reuse { grant: id() },
                change: Some((self.told(Told::Reused, call.attempt), EventKind::ReuseDetected)),
            },
        }
    }

    /// What this attempt was told before, while nothing else has happened to the chain that would have overwritten it.
    fn told_before(&self, op: &RotateRefresh, grant: &StoredGrant, call: &Call) -> Option<Rotation> {
        let previous = self.previous.as_ref();
        if previous.is_some_and(|previous| previous.by == call.attempt) && self.current == op.next {
            return Some(Rotation::Won);
        }
        let answered = self.answered.filter(|answered| answered.by == call.attempt)?;
        match answered.told {
            Told::Again => previous.map(|previous| Rotation::Same { salt: previous.salt }),
            Told::TooOften => Some(Rotation::Suspected { grant: grant.id.clone() }),
            Told::Reused => Some(Rotation::Reuse { grant: grant.id.clone() }),
        }
    }

    const fn is_suspected(&self) -> bool {
        self.suspected & 1 == 1
    }

    const fn told(mut self, told: Told, by: AttemptId) -> Self {
        self.answered = Some(Answered { by, told });
        self
    }

    /// Judges a presented token. Changes nothing.
    pub fn judge(
        &self,
        presented: &RefreshHash,
        window: Duration,
        max_replays: u8,
        now: UnixMillis,
    ) -> Presented {
        if self.current == *presented {
            return Presented::Current;
        }
        let Some(previous) = self.previous.filter(|previous| previous.hash == *presented) else {
            return Presented::Reused;
        };
        // A clock that went back does not close a window: order comes from generations (A-KEY-08).
        if now.0 >= previous.rotated.plus(window).0 {
            return Presented::Reused;
        }
        if previous.is_uncounted(now) || previous.replays < max_replays {
            return Presented::Again(previous.salt);
        }
        let suspected = self.suspected | 1;
        if suspected.count_ones() >= MAX_SUSPECTED { Presented::Reused } else { Presented::TooOften }
    }

    /// After a rotation.
    #[must_use]
    pub fn rotated(
        self,
        (next, salt): (RefreshHash, Salt),
        idle_until: UnixMillis,
        by: AttemptId,
        now: UnixMillis,
    ) -> Self {
        let previous = Predecessor { hash: self.current, salt, rotated: now, by, replays: 0 };
        Self {
            generation: self.generation.saturating_add(1),
            current: next,
            previous: Some(previous),
            suspected: (self.suspected << 1) & 0b1_1111,
            idle_until,
            until: self.until,
            answered: None,
        }
    }

    /// After the same successor was given once more.
    #[must_use]
    pub fn repeated(mut self, now: UnixMillis) -> Self {
        if let Some(previous) = &mut self.previous
            && !previous.is_uncounted(now)
        {
            previous.replays = previous.replays.saturating_add(1);
        }
        self
    }

    /// After a replay too many.
    #[must_use]
    pub const fn suspect(mut self) -> Self {
        self.suspected |= 1;
        self
    }
}

impl Predecessor {
    fn is_uncounted(&self, now: UnixMillis) -> bool {
        now.0 < self.rotated.plus(UNCOUNTED).0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ClientId, GrantId, Record, RefreshHandle, Tenant, UserId};

    const WINDOW: Duration = Duration::from_secs(60);
    const FAR: UnixMillis = UnixMillis(i64::MAX / 2);

    fn hash(n: u8) -> RefreshHash {
        RefreshHash::new([n; 32])
    }

    fn attempt(n: u8) -> AttemptId {
        AttemptId::new([n; 16])
    }

    fn at(seconds: i64) -> UnixMillis {
        UnixMillis(1_000_000 + seconds * 1_000)
    }

    fn rotated_once() -> Family {
        Family::new(hash(0), FAR, FAR).rotated((hash(1), Salt::new([9; 32])), FAR, attempt(1), at(0))
    }

    #[test]
    fn one_successor_for_a_lost_answer() {
        let family = rotated_once();
        assert_eq!(family.judge(&hash(1), WINDOW, 2, at(1)), Presented::Current);
        assert_eq!(family.judge(&hash(0), WINDOW, 2, at(59)), Presented::Again(Salt::new([9; 32])));
        assert_eq!(family.judge(&hash(0), WINDOW, 2, at(60)), Presented::Reused);
        assert_eq!(family.judge(&hash(0), Duration::ZERO, 2, at(0)), Presented::Reused, "strict");
        assert_eq!(family.judge(&hash(7), WINDOW, 2, at(1)), Presented::Reused);
        let used = family.rotated((hash(2), Salt::new([8; 32])), FAR, attempt(2), at(2));
        assert_eq!(used.judge(&hash(0), WINDOW, 2, at(3)), Presented::Reused);
        assert_eq!(used.generation, 2);
    }

    #[test]
    fn replays_are_counted_after_the_first_seconds() {
        let mut family = rotated_once();
        for _ in 0..50 {
            assert!(matches!(family.judge(&hash(0), WINDOW, 2, at(4)), Presented::Again(_)));
            family = family.repeated(at(4));
        }
        for second in [6, 7] {
            assert!(matches!(family.judge(&hash(0), WINDOW, 2, at(second)), Presented::Again(_)));
            family = family.repeated(at(second));
        }
        assert_eq!(family.judge(&hash(0), WINDOW, 2, at(8)), Presented::TooOften);
        assert!(matches!(family.judge(&hash(0), WINDOW, 2, at(4)), Presented::Again(_)), "not counted");
    }

    #[test]
    fn three_suspected_generations_of_five_end_it() {
        let mut family = Family::new(hash(0), FAR, FAR);
        let mut verdicts = Vec::new();
        for generation in 1..=3_u8 {
            let now = at(i64::from(generation) * 100);
            family = family.rotated(
                (hash(generation), Salt::new([generation; 32])),
                FAR,
                attempt(generation),
                now,
            );
            let later = now.plus(Duration::from_secs(10));
            family = family.repeated(later).repeated(later);
            let verdict = family.judge(&hash(generation - 1), WINDOW, 2, later);
            verdicts.push(verdict);
            family = family.suspect();
        }
        assert_eq!(verdicts, [Presented::TooOften, Presented::TooOften, Presented::Reused]);
        // Five quiet generations later it is forgotten.
        for generation in 4..=9 {
            family =
                family.rotated((hash(generation), Salt::new([0; 32])), FAR, attempt(generation), at(1_000));
        }
        assert_eq!(family.suspected, 0);
    }

    #[test]
    fn a_chain_ends_by_rest_and_by_age() {
        let family = Family::new(hash(0), at(10), at(20));
        assert!(!family.is_over(at(9)) && family.is_over(at(10)));
        let renewed = family.rotated((hash(1), Salt::new([1; 32])), at(100), attempt(1), at(9));
        assert!(!renewed.is_over(at(19)) && renewed.is_over(at(20)));
    }

    fn grant(status: GrantStatus) -> StoredGrant {
        StoredGrant {
            id: GrantId::new("g"),
            user: UserId::new("alice"),
            client: ClientId::new("app"),
            session: None,
            keep_until: FAR,
            used: at(0),
            status,
            record: Record(bytes::Bytes::new()),
        }
    }

    fn answer(family: &Family, presented: u8, n: u8, second: i64) -> Answer {
        let next = (hash(100 + n), Salt::new([n; 32]));
        let handle = RefreshHandle::new([0; 32]);
        let op =
            RotateRefresh::new(handle, hash(presented), ClientId::new("app"), next, (WINDOW, 2), (FAR, FAR));
        let call = Call { tenant: Tenant::new("t"), attempt: attempt(n), now: at(second) };
        family.answer(&op, &grant(GrantStatus::Live), &call)
    }

    #[test]
    fn an_attempt_that_is_repeated_is_answered_as_before() {
        let before = Family::new(hash(0), FAR, FAR);
        let won = answer(&before, 0, 1, 0);
        assert!(won.outcome == Rotation::Won && won.issues());
        let Some((after, EventKind::Refreshed)) = won.change else { panic!("{won:?}") };
        assert_eq!(answer(&after, 0, 1, 10), Answer::unchanged(Rotation::Won));
        // Another attempt is told the winner's salt, and so is its repetition, which counts no more.
        let told = answer(&after, 0, 2, 10);
        assert!(told.outcome == Rotation::Same { salt: Salt::new([1; 32]) } && told.issues());
        let Some((counted, EventKind::RefreshRepeated)) = told.change else { panic!("{told:?}") };
        assert_eq!(
            answer(&counted, 0, 2, 10),
            Answer::unchanged(Rotation::Same { salt: Salt::new([1; 32]) })
        );
        assert_eq!(answer(&counted, 0, 1, 10), Answer::unchanged(Rotation::Won), "the first one still");
        let reuse = answer(&counted, 7, 3, 10);
        let Some((ended, EventKind::ReuseDetected)) = reuse.change else { panic!("{reuse:?}") };
        let again = answer(&ended, 7, 3, 10);
        assert_eq!(again, Answer::unchanged(Rotation::Reuse { grant: GrantId::new("g") }));
    }

    #[test]
    fn client_and_status_and_age_are_judged_before_the_token() {
        let family = Family::new(hash(0), at(10), FAR);
        let handle = RefreshHandle::new([0; 32]);
        let next = (hash(1), Salt::new([1; 32]));
        let judge = |client: &str, status, second| {
            let op =
                RotateRefresh::new(handle, hash(9), ClientId::new(client), next, (WINDOW, 2), (FAR, FAR));
            let call = Call { tenant: Tenant::new("t"), attempt: attempt(1), now: at(second) };
            family.answer(&op, &grant(status), &call)
        };
        let due = |outcome| Answer::unchanged(outcome);
        assert_eq!(judge("other", GrantStatus::Revoked, 10), due(Rotation::Mismatch));
        assert_eq!(judge("app", GrantStatus::Revoked, 10), due(Rotation::Revoked));
        assert_eq!(judge("app", GrantStatus::Live, 10), due(Rotation::Expired));
        assert!(matches!(judge("app", GrantStatus::Live, 9).outcome, Rotation::Reuse { .. }));
    }
}
