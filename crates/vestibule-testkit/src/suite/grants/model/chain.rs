//! A refresh chain as its whole history: slow, and in the words of design §8 rather than in those of `Family`.

use vestibule_host::{AttemptId, Call, NewRefresh, RefreshHash, RotateRefresh, Salt, UnixMillis};

/// One generation.
#[derive(Clone)]
struct Token {
    hash: RefreshHash,
    salt: Option<Salt>,
    born: UnixMillis,
    by: Option<AttemptId>,
    /// How often its predecessor was presented again while this one was the newest, after the first seconds.
    replays: u32,
    suspected: bool,
    /// The last one who was told something while this one was the newest, except by a rotation.
    told: Option<(AttemptId, Use)>,
}

#[derive(Clone)]
pub(super) struct Chain {
    tokens: Vec<Token>,
    idle_until: UnixMillis,
    until: UnixMillis,
}

/// What using a token comes to.
#[derive(Clone)]
pub(super) enum Use {
    Rotates,
    Repeats(Salt),
    /// Whether for the first time in its generation.
    Suspected(bool),
    Kills,
}

impl Chain {
    pub(super) fn open(op: &NewRefresh) -> Self {
        let mut chain = Self { tokens: Vec::new(), idle_until: op.idle_until, until: op.until };
        chain.push(op.current, None, UnixMillis(0), None);
        chain
    }

    fn push(&mut self, hash: RefreshHash, salt: Option<Salt>, born: UnixMillis, by: Option<AttemptId>) {
        self.tokens.push(Token { hash, salt, born, by, replays: 0, suspected: false, told: None });
    }

    pub(super) fn is_over(&self, now: UnixMillis) -> bool {
        self.idle_until.is_over(now) || self.until.is_over(now)
    }

    /// The tokens, the newest first.
    pub(super) fn newest_first(&self) -> Vec<RefreshHash> {
        self.tokens.iter().rev().map(|token| token.hash).collect()
    }

    /// What this very call was told before.
    pub(super) fn told(&self, op: &RotateRefresh, call: &Call) -> Option<Use> {
        let newest = self.tokens.last()?;
        if newest.by == Some(call.attempt) && newest.hash == op.next {
            return Some(Use::Rotates);
        }
        newest.told.as_ref().filter(|(by, _)| *by == call.attempt).map(|(_, told)| told.clone())
    }

    /// Judges and writes.
    pub(super) fn present(&mut self, op: &RotateRefresh, call: &Call) -> Use {
        let age = self.tokens.iter().rev().position(|token| token.hash == op.presented);
        if age == Some(0) {
            self.push(op.next, Some(op.salt), call.now, Some(call.attempt));
            self.idle_until = op.idle_until;
            return Use::Rotates;
        }
        let suspects = self.tokens.iter().rev().take(5).skip(1).filter(|token| token.suspected).count();
        let Some(newest) = self.tokens.last_mut() else { return Use::Kills };
        let since = call.now.0 - newest.born.0;
        let window = i64::try_from(op.window.as_millis()).unwrap_or(i64::MAX);
        let end = match newest.salt {
            Some(salt) if age == Some(1) && since < window => {
                if since < 5_000 {
                    Use::Repeats(salt)
                } else if newest.replays < u32::from(op.max_replays) {
                    newest.replays += 1;
                    Use::Repeats(salt)
                } else if suspects >= 2 {
                    Use::Kills
                } else {
                    Use::Suspected(!std::mem::replace(&mut newest.suspected, true))
                }
            }
            _ => Use::Kills,
        };
        if !matches!(end, Use::Suspected(false)) {
            newest.told = Some((call.attempt, end.clone()));
        }
        end
    }
}
