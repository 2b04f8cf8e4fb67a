//! What happened to the requests of the last hour, and why: for `/ehr/inspector`.
//!
//! Kept in memory, for developers: what must be remembered is in the audit log. An explanation holds no secret and names no
//! user and no patient.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use vestibule::{Explanation, Observer, Outcome};
use vestibule_host::{Clock, UnixMillis};

/// For so long.
const KEPT_MILLIS: i64 = 60 * 60 * 1000;
/// At most so many.
const MOST: usize = 2000;
/// At most so much memory, roughly: a stranger may ask for five hundred long scopes at once.
const MOST_BYTES: usize = 8 * 1024 * 1024;

/// The requests of the last hour, as far as they fit.
#[derive(Debug)]
pub struct Recent {
    clock: Arc<dyn Clock>,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    /// The oldest first.
    entries: VecDeque<Entry>,
    /// How many came before.
    last: u64,
    bytes: usize,
}

/// One request.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Counts upwards, so that a page has a place to go on from.
    pub number: u64,
    /// What happened.
    pub explanation: Arc<Explanation>,
    bytes: usize,
}

/// Which requests somebody wants to see.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Of this app.
    pub client: Option<String>,
    /// That ended like this.
    pub ending: Option<Ending>,
    /// Of this correlation id, or of this launch.
    pub name: Option<String>,
}

/// How a request ended, in few kinds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// It got what it asked for.
    Granted,
    /// The user was led on.
    GoesOn,
    /// It was told no, or a page said why not.
    Refused,
}

impl Ending {
    /// The kind of an outcome.
    #[must_use]
    pub fn of(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Granted => Self::Granted,
            Outcome::GoesOn(_) => Self::GoesOn,
            _ => Self::Refused,
        }
    }
}

impl Wanted {
    fn fits(&self, explanation: &Explanation) -> bool {
        let client = explanation.client.as_ref().map(vestibule_host::ClientId::as_str);
        let named = |name: &str| explanation.correlation == name || explanation.flow.as_deref() == Some(name);
        self.client.as_deref().is_none_or(|wanted| client == Some(wanted))
            && self.ending.is_none_or(|wanted| Ending::of(explanation.outcome) == wanted)
            && self.name.as_deref().is_none_or(named)
    }
}

impl Recent {
    /// None yet.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, kept: Mutex::default() }
    }

    /// The newest that fit and came before `before`, and whether there are older ones.
    #[must_use]
    pub fn page(&self, wanted: &Wanted, before: Option<u64>, limit: usize) -> (Vec<Entry>, bool) {
        let kept = self.kept();
        let mut fitting = kept
            .entries
            .iter()
            .rev()
            .filter(|entry| before.is_none_or(|before| entry.number < before))
            .filter(|entry| wanted.fits(&entry.explanation));
        let page = fitting.by_ref().take(limit).cloned().collect();
        (page, fitting.next().is_some())
    }

    /// The apps among them.
    #[must_use]
    pub fn clients(&self) -> BTreeSet<String> {
        let kept = self.kept();
        let clients = kept.entries.iter().filter_map(|entry| entry.explanation.client.as_ref());
        clients.map(|client| client.as_str().to_owned()).collect()
    }

    /// What is not too old by now.
    fn kept(&self) -> MutexGuard<'_, Kept> {
        // Each change is whole before anything can go wrong.
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.forget(self.clock.now());
        kept
    }
}

impl Observer for Recent {
    fn explained(&self, explanation: &Explanation) {
        let (explanation, bytes) = (Arc::new(explanation.clone()), size(explanation));
        let mut kept = self.kept();
        kept.last += 1;
        kept.bytes += bytes;
        let number = kept.last;
        kept.entries.push_back(Entry { number, explanation, bytes });
        kept.forget(self.clock.now());
    }
}

impl Kept {
    fn forget(&mut self, now: UnixMillis) {
        while let Some(oldest) = self.entries.front() {
            let old = oldest.explanation.at.0.saturating_add(KEPT_MILLIS) <= now.0;
            if !old && self.entries.len() <= MOST && self.bytes <= MOST_BYTES {
                break;
            }
            self.bytes = self.bytes.saturating_sub(oldest.bytes);
            self.entries.pop_front();
        }
    }
}

/// What it takes in memory, roughly.
fn size(explanation: &Explanation) -> usize {
    let text = |text: &str| size_of::<String>() + text.len();
    let scopes = explanation.scopes.iter().map(|line| {
        size_of_val(line) + line.requested.len() + line.left.iter().map(|left| text(left)).sum::<usize>()
    });
    let texts = [Some(&explanation.correlation), explanation.flow.as_ref(), explanation.reason.as_ref()];
    size_of::<Explanation>()
        + size_of_val(explanation.checks.as_slice())
        + scopes.sum::<usize>()
        + texts.into_iter().flatten().map(String::len).sum::<usize>()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicI64, Ordering};

    use vestibule::Endpoint;
    use vestibule_core::explain::Trail;
    use vestibule_host::ClientId;

    use super::*;

    #[derive(Debug, Default)]
    struct Hand(AtomicI64);

    impl Clock for Hand {
        fn now(&self) -> UnixMillis {
            UnixMillis(self.0.load(Ordering::Relaxed))
        }
    }

    fn recent() -> (Arc<Hand>, Recent) {
        let hand = Arc::new(Hand::default());
        (Arc::clone(&hand), Recent::new(hand))
    }

    fn told(recent: &Recent, client: &str, name: &str, outcome: Outcome, reason: String) {
        let mut trail = Trail::of_request(name);
        trail.client(&ClientId::new(client));
        trail.flow(format!("flow-of-{client}"));
        trail.reason(reason);
        recent.explained(&trail.explain(Endpoint::Token, recent.clock.now(), outcome));
    }

    fn names(found: &(Vec<Entry>, bool)) -> Vec<&str> {
        found.0.iter().map(|entry| entry.explanation.correlation.as_str()).collect()
    }

    #[test]
    fn the_newest_come_first_page_by_page_and_by_what_is_wanted() {
        let (_, recent) = recent();
        let no = Outcome::Refused { error: "invalid_grant", description: "no" };
        for (client, name, outcome) in [
            ("a", "1", Outcome::Granted),
            ("b", "2", no),
            ("a", "3", Outcome::GoesOn("picker")),
            ("a", "4", Outcome::Shown("x")),
        ] {
            told(&recent, client, name, outcome, String::new());
        }
        let all = Wanted::default();
        let first = recent.page(&all, None, 3);
        assert_eq!((names(&first), first.1), (vec!["4", "3", "2"], true));
        told(&recent, "c", "5", Outcome::Granted, String::new());
        let second = recent.page(&all, Some(first.0[2].number), 3);
        assert_eq!((names(&second), second.1), (vec!["1"], false), "whatever came meanwhile");
        let of = |client: Option<&str>, ending, name: Option<&str>| Wanted {
            client: client.map(str::to_owned),
            ending,
            name: name.map(str::to_owned),
        };
        assert_eq!(names(&recent.page(&of(Some("a"), None, None), None, 9)), ["4", "3", "1"]);
        assert_eq!(names(&recent.page(&of(None, Some(Ending::Refused), None), None, 9)), ["4", "2"]);
        assert_eq!(names(&recent.page(&of(None, Some(Ending::GoesOn), None), None, 9)), ["3"]);
        assert_eq!(names(&recent.page(&of(None, None, Some("2")), None, 9)), ["2"]);
        assert_eq!(names(&recent.page(&of(None, None, Some("flow-of-b")), None, 9)), ["2"]);
        assert!(recent.page(&of(Some("b"), Some(Ending::Granted), None), None, 9).0.is_empty());
        assert_eq!(recent.clients().into_iter().collect::<Vec<_>>(), ["a", "b", "c"]);
    }

    #[test]
    fn an_hour_is_kept_and_no_more_than_fits() {
        let (hand, recent) = recent();
        told(&recent, "a", "old", Outcome::Granted, String::new());
        hand.0.store(KEPT_MILLIS - 1, Ordering::Relaxed);
        assert_eq!(recent.page(&Wanted::default(), None, 9).0.len(), 1);
        hand.0.store(KEPT_MILLIS, Ordering::Relaxed);
        assert!(recent.page(&Wanted::default(), None, 9).0.is_empty(), "nobody had to ask anything for that");

        for number in 0..MOST + 10 {
            told(&recent, "a", &number.to_string(), Outcome::Granted, String::new());
        }
        let (all, more) = recent.page(&Wanted::default(), None, MOST * 2);
        assert_eq!((all.len(), more), (MOST, false));
        assert_eq!(all[0].explanation.correlation, (MOST + 9).to_string());

        for number in 0..20 {
            told(&recent, "b", &number.to_string(), Outcome::Granted, "x".repeat(1024 * 1024));
        }
        let kept = recent.kept();
        assert!(kept.bytes <= MOST_BYTES && kept.entries.len() == 7, "{}", kept.entries.len());
    }
}
