//! The invariants, each as a function over what a test saw.
//!
//! A test of races, crashes, faults or time records a [`History`] of facts in the words of the protocol, and asks at its end what
//! must never have happened. What a fact is made of is the test's own: a code, a chain or a grant is whatever text names it.
//!
//! | | must hold |
//! |---|---|
//! | I1 | [a code has at most one winner](a_code_has_one_winner) |
//! | I2 | [a generation of a chain has at most one successor](a_generation_has_one_successor) |
//! | I3 | [what was acknowledged is durable](what_was_acknowledged_is_there) |
//! | I4 | [what is revoked stays revoked](what_is_revoked_stays_revoked) |
//! | I5 | [nothing is issued after a revocation or an end](nothing_is_issued_after_the_end) |
//! | I6 | [granted, within consent, within the request, within the registration](a_grant_is_within_its_consent) |
//! | I7 | [patient, user and app of a grant never change](a_grant_stays_whose_it_is) |
//! | I8 | [an assertion is spent once](an_assertion_is_spent_once) |
//! | I9 | [every change has its event, every event its change](every_change_is_told_once) |
//! | I10 | [no secret in clear, at rest or in output](no_secret_is_seen) |
//! | I11 | [nothing is held after a call](nothing_is_held) |
//! | I12 | [a fault is not a denial, and a denial is no fault](answers_are_of_the_facts_class) |
//!
//! ```
//! use vestibule_testkit::invariants::{History, Seen};
//!
//! let mut history = History::default();
//! history.saw(Seen::CodeWon { code: "7".into(), attempt: "a".into() });
//! history.saw(Seen::CodeWon { code: "7".into(), attempt: "a".into() }); // the same attempt, told again
//! history.check().unwrap();
//! history.saw(Seen::CodeWon { code: "7".into(), attempt: "b".into() });
//! assert_eq!(history.check().unwrap_err().0, "I1: code 7 was won by the attempts a and b");
//! ```

use std::collections::{BTreeMap, BTreeSet};

use crate::Broken;
use crate::suite::{Verdict, hold};

/// A fact that a test saw, in the order in which it saw them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Seen {
    /// An attempt was told that it had redeemed a code.
    CodeWon {
        /// Which.
        code: String,
        /// Who: an attempt that is told again is one.
        attempt: String,
    },
    /// Somebody who presented a token of a chain was given its successor.
    Successor {
        /// Of which chain.
        chain: String,
        /// What was presented.
        presented: String,
        /// What came of it.
        successor: String,
    },
    /// A store said that something was done.
    Acknowledged(String),
    /// After a crash or a restart: something is there.
    There(String),
    /// After a crash or a restart: something is not there.
    Missing(String),
    /// A revocation of a grant, or of what it belongs to, has returned.
    Revoked {
        /// Which grant.
        grant: String,
    },
    /// A grant was looked at, and lives.
    Lives {
        /// Which grant.
        grant: String,
    },
    /// A grant's time was over.
    Ended {
        /// Which grant.
        grant: String,
    },
    /// A token was issued under a grant, by a call that began after whatever was seen before.
    Issued {
        /// Which grant.
        grant: String,
    },
    /// What a grant allows, and why. Scopes are compared as texts: list what they cover.
    Granted {
        /// What the app is registered for.
        registered: BTreeSet<String>,
        /// What it asked for.
        requested: BTreeSet<String>,
        /// What the user agreed to.
        consented: BTreeSet<String>,
        /// What it got.
        granted: BTreeSet<String>,
    },
    /// Whose a grant is, wherever that shows: in a token, an introspection, a refresh.
    Whose {
        /// Which grant.
        grant: String,
        /// Who granted.
        user: String,
        /// To whom.
        client: String,
        /// Whose record, if it speaks of one.
        patient: Option<String>,
    },
    /// An attempt bought something with an assertion.
    AssertionSpent {
        /// Of which app.
        client: String,
        /// Its `jti`.
        jti: String,
        /// Who.
        attempt: String,
    },
    /// Something changed, and this event is to tell of it.
    Changed {
        /// The event's id.
        event: String,
    },
    /// An event was delivered. Delivery is at least once: twice is fine.
    Told {
        /// The event's id.
        event: String,
    },
    /// Something that opens something. It must be seen nowhere.
    Secret(String),
    /// What was written to a log, a page of an error, a debug form, a row.
    Output {
        /// Where.
        place: String,
        /// What.
        text: String,
    },
    /// After a call: so many connections in a transaction, locks, tasks are still held.
    Held {
        /// What.
        what: String,
        /// How many.
        count: usize,
    },
    /// A request was answered.
    Answered {
        /// What was so.
        fact: Fact,
        /// What was said.
        answer: Answer,
    },
}

/// What was so when a request was answered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fact {
    /// It could be granted.
    Good,
    /// It could not: unknown, over, spent, revoked, not allowed.
    Bad,
    /// Nobody could know: a part did not answer.
    Unknown,
}

/// What was said.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Answer {
    /// Tokens, a page, a redirect with a code.
    Yes,
    /// An OAuth error that names a fact: `invalid_grant`, `invalid_client`, `access_denied`.
    No,
    /// 503 `temporarily_unavailable`.
    Later,
    /// 500, or nothing.
    Broken,
}

/// What a test saw.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct History(Vec<Seen>);

/// One of the invariants: its number in the list, and the function.
pub type Invariant = (&'static str, fn(&History) -> Verdict);

/// All of them.
pub const ALL: [Invariant; 12] = [
    ("I1", a_code_has_one_winner),
    ("I2", a_generation_has_one_successor),
    ("I3", what_was_acknowledged_is_there),
    ("I4", what_is_revoked_stays_revoked),
    ("I5", nothing_is_issued_after_the_end),
    ("I6", a_grant_is_within_its_consent),
    ("I7", a_grant_stays_whose_it_is),
    ("I8", an_assertion_is_spent_once),
    ("I9", every_change_is_told_once),
    ("I10", no_secret_is_seen),
    ("I11", nothing_is_held),
    ("I12", answers_are_of_the_facts_class),
];

impl History {
    /// Records a fact.
    pub fn saw(&mut self, seen: Seen) {
        self.0.push(seen);
    }

    /// Records that something was looked for, and whether it was there.
    pub fn looked_for(&mut self, what: impl Into<String>, there: bool) {
        self.saw(if there { Seen::There(what.into()) } else { Seen::Missing(what.into()) });
    }

    /// What was recorded, in its order.
    pub fn seen(&self) -> &[Seen] {
        &self.0
    }

    /// Holds the history to all invariants.
    ///
    /// # Errors
    /// The first one that is broken, and by what.
    pub fn check(&self) -> Verdict {
        for (name, invariant) in ALL {
            invariant(self).map_err(|broken| Broken(format!("{name}: {broken}")))?;
        }
        Ok(())
    }
}

impl Extend<Seen> for History {
    fn extend<T: IntoIterator<Item = Seen>>(&mut self, seen: T) {
        self.0.extend(seen);
    }
}

/// I1: whoever else presents a code gets nothing.
///
/// # Errors
/// A code and two of its winners.
pub fn a_code_has_one_winner(history: &History) -> Verdict {
    let mut winners = BTreeMap::new();
    for seen in history.seen() {
        if let Seen::CodeWon { code, attempt } = seen {
            let first = winners.entry(code).or_insert(attempt);
            hold!(*first == attempt, "code {code} was won by the attempts {first} and {attempt}");
        }
    }
    Ok(())
}

/// I2: two successors are two chains, of which one is a thief's. The same one may be told again.
///
/// # Errors
/// A token and two of its successors.
pub fn a_generation_has_one_successor(history: &History) -> Verdict {
    let mut successors = BTreeMap::new();
    for seen in history.seen() {
        if let Seen::Successor { chain, presented, successor } = seen {
            let first = successors.entry((chain, presented)).or_insert(successor);
            hold!(
                *first == successor,
                "token {presented} of chain {chain} has the successors {first} and {successor}"
            );
        }
    }
    Ok(())
}

/// I3: in whatever a crash leaves.
///
/// # Errors
/// What was acknowledged, and is missing later on.
pub fn what_was_acknowledged_is_there(history: &History) -> Verdict {
    let mut acknowledged = BTreeSet::new();
    for seen in history.seen() {
        match seen {
            Seen::Acknowledged(what) => {
                acknowledged.insert(what);
            }
            Seen::Missing(what) => {
                hold!(!acknowledged.contains(what), "{what} was acknowledged, and is lost")
            }
            _ => {}
        }
    }
    Ok(())
}

/// I4: no read, node or restart brings a grant back.
///
/// # Errors
/// A grant that lives after a revocation of it had returned.
pub fn what_is_revoked_stays_revoked(history: &History) -> Verdict {
    let mut revoked = BTreeSet::new();
    for seen in history.seen() {
        match seen {
            Seen::Revoked { grant } => {
                revoked.insert(grant);
            }
            Seen::Lives { grant } => hold!(!revoked.contains(grant), "grant {grant} was revoked, and lives"),
            _ => {}
        }
    }
    Ok(())
}

/// I5: for calls that began after it.
///
/// # Errors
/// A grant under which something was issued after its revocation or its end.
pub fn nothing_is_issued_after_the_end(history: &History) -> Verdict {
    let mut over = BTreeSet::new();
    for seen in history.seen() {
        match seen {
            Seen::Revoked { grant } | Seen::Ended { grant } => {
                over.insert(grant);
            }
            Seen::Issued { grant } => {
                hold!(!over.contains(grant), "a token was issued under grant {grant}, which is over")
            }
            _ => {}
        }
    }
    Ok(())
}

/// I6: each within the one before.
///
/// # Errors
/// A scope that was granted, and the first of the three that it is not in.
pub fn a_grant_is_within_its_consent(history: &History) -> Verdict {
    for seen in history.seen() {
        if let Seen::Granted { registered, requested, consented, granted } = seen {
            for scope in granted {
                hold!(consented.contains(scope), "{scope} was granted, and nobody agreed to it");
                hold!(requested.contains(scope), "{scope} was granted, and nobody asked for it");
                hold!(
                    registered.contains(scope),
                    "{scope} was granted to an app that is not registered for it"
                );
            }
        }
    }
    Ok(())
}

/// I7: at issue, at each refresh, at each introspection.
///
/// # Errors
/// A grant that was two people's, two apps' or of two records.
pub fn a_grant_stays_whose_it_is(history: &History) -> Verdict {
    let mut owners = BTreeMap::new();
    for seen in history.seen() {
        if let Seen::Whose { grant, user, client, patient } = seen {
            let now = (user, client, patient);
            let first = owners.entry(grant).or_insert(now);
            hold!(*first == now, "grant {grant} is of {now:?}, and was of {first:?}");
        }
    }
    Ok(())
}

/// I8: of one app; another app's with the same `jti` is another.
///
/// # Errors
/// An assertion that two attempts bought something with.
pub fn an_assertion_is_spent_once(history: &History) -> Verdict {
    let mut spent = BTreeMap::new();
    for seen in history.seen() {
        if let Seen::AssertionSpent { client, jti, attempt } = seen {
            let first = spent.entry((client, jti)).or_insert(attempt);
            hold!(
                *first == attempt,
                "assertion {jti} of {client} was spent by the attempts {first} and {attempt}"
            );
        }
    }
    Ok(())
}

/// I9: once the log was delivered to its end. A history without [`Told`](Seen::Told) speaks of no delivery, and is not asked.
///
/// # Errors
/// A change that nobody was told of, or an event of no change.
pub fn every_change_is_told_once(history: &History) -> Verdict {
    let (mut changed, mut told) = (BTreeMap::new(), BTreeSet::new());
    for seen in history.seen() {
        match seen {
            Seen::Changed { event } => *changed.entry(event).or_insert(0_u32) += 1,
            Seen::Told { event } => {
                told.insert(event);
            }
            _ => {}
        }
    }
    for (event, changes) in &changed {
        hold!(*changes == 1, "event {event} is of {changes} changes");
        hold!(told.is_empty() || told.contains(*event), "a change was not told: event {event} is missing");
    }
    for event in told {
        hold!(changed.contains_key(event), "event {event} is of no change");
    }
    Ok(())
}

/// I10: whatever was recorded first.
///
/// # Errors
/// The place where a secret was seen; not the secret.
pub fn no_secret_is_seen(history: &History) -> Verdict {
    let secrets: Vec<_> = history
        .seen()
        .iter()
        .filter_map(|seen| if let Seen::Secret(secret) = seen { Some(secret.as_str()) } else { None })
        .filter(|secret| !secret.is_empty())
        .collect();
    for seen in history.seen() {
        if let Seen::Output { place, text } = seen {
            hold!(!secrets.iter().any(|secret| text.contains(secret)), "a secret is in {place}");
        }
    }
    Ok(())
}

/// I11: no connection in a transaction, no lock, no task.
///
/// # Errors
/// What is held.
pub fn nothing_is_held(history: &History) -> Verdict {
    for seen in history.seen() {
        if let Seen::Held { what, count } = seen {
            hold!(*count == 0, "{count} of {what} held after the call");
        }
    }
    Ok(())
}

/// I12: `invalid_grant` for an outage makes apps throw good tokens away; an outage for a bad grant makes them come again for ever.
///
/// # Errors
/// The fact and what was said of it.
pub fn answers_are_of_the_facts_class(history: &History) -> Verdict {
    for seen in history.seen() {
        if let Seen::Answered { fact, answer } = seen {
            let right = match fact {
                Fact::Good => *answer == Answer::Yes,
                Fact::Bad => *answer == Answer::No,
                Fact::Unknown => *answer == Answer::Later,
            };
            hold!(right, "{fact:?} was answered {answer:?}");
        }
    }
    Ok(())
}
