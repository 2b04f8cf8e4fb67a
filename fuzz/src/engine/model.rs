//! The reference: what must be true of every grant, in the plainest words. It knows nothing of stores, rows and hashes.
//!
//! It is told each answer of the engine and says what is wrong with it. Two requests at once are right if either order explains
//! both answers.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use vestibule_host::{ConsentId, EventKind};

use super::commands::{Ask, Redeeming, Refreshing, Revoking};
use super::hospital::{APPS, PATIENTS, SCOPES};

const SECOND: i64 = 1_000;
const HOUR: i64 = 3_600 * SECOND;
const DAY: i64 = 24 * HOUR;

/// A sentence about what is wrong.
pub(super) type Wrong = String;

macro_rules! hold {
    ($condition:expr, $($words:tt)+) => {
        if !$condition {
            return Err(format!($($words)+));
        }
    };
}
pub(super) use hold;

/// What a request was answered.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) json: Value,
}

impl Answer {
    fn text(&self, name: &str) -> Option<&str> {
        self.json.get(name).and_then(Value::as_str)
    }
}

/// What the host thinks of a grant at the moment of a request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Facts {
    pub(super) now: i64,
    /// The user, and the session where the grant hangs on one.
    pub(super) active: bool,
    pub(super) given: bool,
    pub(super) may_open: bool,
    pub(super) enabled: bool,
}

#[derive(Clone, Debug)]
pub(super) struct Access {
    pub(super) text: String,
    pub(super) grant: usize,
    pub(super) scope: String,
    /// The first millisecond at which it is over.
    pub(super) ends: i64,
}

/// The tokens of a chain, the oldest first.
#[derive(Clone, Debug)]
struct Chain {
    tokens: Vec<String>,
    rotated: i64,
    replays: u32,
    /// Generations that were suspected, by their number.
    suspected: BTreeSet<usize>,
    rests_until: i64,
    until: i64,
}

#[derive(Clone, Debug)]
pub(super) struct Grant {
    pub(super) code: String,
    pub(super) app: usize,
    pub(super) user: usize,
    pub(super) session: String,
    /// Whose record the user chose, or the EHR had open.
    pub(super) patient: Option<&'static str>,
    /// No more than this was agreed to.
    pub(super) agreed: BTreeSet<String>,
    pub(super) consent: Option<ConsentId>,
    pub(super) issued: i64,
    /// What was granted, once a redemption has said so.
    scope: Option<String>,
    pub(super) dead: bool,
    /// Whether nobody may have noticed its end: of what is over, a replay may find nothing more, and whoever ends it next does.
    unsure: bool,
    chain: Option<Chain>,
}

impl Grant {
    pub(super) fn new(code: &str, app: usize, (user, session): (usize, &str), issued: i64) -> Self {
        Self {
            code: code.to_owned(),
            app,
            user,
            session: session.to_owned(),
            patient: None,
            agreed: BTreeSet::new(),
            consent: None,
            issued,
            scope: None,
            dead: false,
            unsure: false,
            chain: None,
        }
    }

    /// Before its redemption nobody here knows what was granted, only what was agreed to.
    fn has(&self, scope: &str) -> bool {
        match &self.scope {
            Some(granted) => granted.split(' ').any(|one| one == scope),
            None => self.agreed.contains(scope),
        }
    }

    /// What was granted; empty before its redemption.
    pub(super) fn scope(&self) -> &str {
        self.scope.as_deref().unwrap_or_default()
    }

    /// The session that it ends with.
    pub(super) fn session(&self) -> Option<&str> {
        (!self.has("offline_access")).then_some(self.session.as_str())
    }

    fn code_ends(&self) -> i64 {
        self.issued + 60 * SECOND
    }

    /// The patient, if what was granted is about one.
    pub(super) fn patient_shared(&self) -> Option<&'static str> {
        let about = ["launch", "launch/patient", "patient/Observation.rs", "patient/Condition.rs"];
        self.patient.filter(|_| about.into_iter().any(|scope| self.has(scope)))
    }

    /// Whether something under it can still be used.
    pub(super) fn lives(&self, now: i64) -> bool {
        let code = self.scope.is_none() && now < self.code_ends();
        !self.dead && (code || self.chain.as_ref().is_some_and(|chain| !chain.is_over(now)))
    }

    /// A refresh token of so many generations back.
    pub(super) fn refresh_token(&self, back: usize) -> Option<&str> {
        let tokens = &self.chain.as_ref()?.tokens;
        tokens.get(tokens.len().checked_sub(back + 1)?).map(String::as_str)
    }
}

impl Chain {
    fn is_over(&self, now: i64) -> bool {
        now >= self.rests_until || now >= self.until
    }
}

/// What the use of a refresh token leads to.
enum Turn {
    Next,
    Again,
    No,
    Theft,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Model {
    pub(super) grants: Vec<Grant>,
    pub(super) tokens: Vec<Access>,
    seen: BTreeSet<String>,
    /// How many events of each kind there must be: at least, at most.
    pub(super) events: BTreeMap<&'static str, (usize, usize)>,
}

impl Model {
    pub(super) fn told(&mut self, kind: EventKind, surely: bool) {
        let (least, most) = self.events.entry(kind.name()).or_default();
        *least += usize::from(surely);
        *most += 1;
    }

    pub(super) fn issued(&mut self, grant: Grant) -> Result<(), Wrong> {
        hold!(self.seen.insert(grant.code.clone()), "a code was issued twice");
        self.grants.push(grant);
        self.told(EventKind::CodeIssued, true);
        Ok(())
    }

    /// Two orders that lead to the same answers differ in the events that tell of them.
    pub(super) fn or(mut self, other: Self) -> Self {
        for kind in EventKind::ALL.map(EventKind::name) {
            let known = self.events.get(kind).copied().unwrap_or_default();
            let (least, most) = other.events.get(kind).copied().unwrap_or_default();
            if most > 0 || known.1 > 0 {
                self.events.insert(kind, (known.0.min(least), known.1.max(most)));
            }
        }
        self
    }

    /// Ends some grants in one commit, of which one event tells if any of them was alive.
    pub(super) fn end(&mut self, now: i64, which: impl Fn(&Grant) -> bool) {
        let ended: Vec<&mut Grant> =
            self.grants.iter_mut().filter(|grant| which(grant) && (!grant.dead || grant.unsure)).collect();
        let (some, surely) = (!ended.is_empty(), ended.iter().any(|grant| grant.lives(now)));
        ended.into_iter().for_each(|grant| (grant.dead, grant.unsure) = (true, false));
        if some {
            self.told(EventKind::Revoked, surely);
        }
    }

    /// Judges the answer to a request of an app's server, and remembers what it changed.
    pub(super) fn judge(
        &mut self,
        ask: Ask,
        (grant, presented): &(usize, String),
        facts: Facts,
        answer: &Answer,
    ) -> Result<(), Wrong> {
        let grant = *grant;
        match ask {
            Ask::Redeem { way, .. } => self.redeemed(grant, way, facts, answer),
            Ask::Refresh { way, .. } => self.refreshed(grant, (presented, way), facts, answer),
            Ask::Revoke { what, by_another, .. } => self.revoked(grant, what, by_another, facts, answer),
        }
    }

    fn redeemed(&mut self, grant: usize, way: Redeeming, facts: Facts, answer: &Answer) -> Result<(), Wrong> {
        let known = &self.grants[grant];
        if way == Redeeming::WrongSecret && known.app >= 3 || !facts.enabled {
            return refused(answer, 401, "invalid_client");
        }
        let right = matches!(way, Redeeming::Right | Redeeming::WrongSecret);
        // Nothing of this says whether the code is good, and none of it spends it (CODE-007).
        if !right || !facts.active || !facts.given || !facts.may_open {
            return refused(answer, 400, "invalid_grant");
        }
        if known.scope.is_some() {
            // A replay by whoever could have redeemed it: everything under it dies (CODE-005).
            let (alive, surely) = (!known.dead, known.lives(facts.now));
            if alive {
                self.told(EventKind::CodeReplayed, surely);
            }
            let known = &mut self.grants[grant];
            (known.dead, known.unsure) = (true, known.unsure || alive && !surely);
            return refused(answer, 400, "invalid_grant");
        }
        if known.dead || facts.now >= known.code_ends() {
            return refused(answer, 400, "invalid_grant");
        }
        let scope = self.tokens_are_right(grant, facts.now, answer)?;
        let now = facts.now;
        let known = &mut self.grants[grant];
        known.scope = Some(scope);
        let (offline, online) = (known.has("offline_access"), known.has("online_access"));
        let refresh = answer.text("refresh_token");
        hold!(refresh.is_some() == (offline || online), "a refresh token without its scope, or the reverse");
        if let Some(refresh) = refresh {
            let cap = if known.app < 3 { known.issued + 365 * DAY } else { i64::MAX };
            let until = if offline { cap } else { cap.min(known.issued + 12 * HOUR) };
            let idle = if offline { 180 * DAY } else { 12 * HOUR };
            known.chain = Some(Chain {
                tokens: vec![refresh.to_owned()],
                rotated: i64::MIN,
                replays: 0,
                suspected: BTreeSet::new(),
                rests_until: until.min(now + idle),
                until,
            });
            hold!(self.seen.insert(refresh.to_owned()), "a refresh token was issued twice");
        }
        self.told(EventKind::CodeRedeemed, true);
        Ok(())
    }

    fn refreshed(
        &mut self,
        grant: usize,
        (presented, way): (&str, Refreshing),
        facts: Facts,
        answer: &Answer,
    ) -> Result<(), Wrong> {
        let known = &self.grants[grant];
        if way == Refreshing::WrongSecret && known.app >= 3 || !facts.enabled {
            return refused(answer, 401, "invalid_client");
        }
        let Some(chain) = known.chain.clone() else { return Err("asked without a token".to_owned()) };
        if way == Refreshing::OtherClient || known.dead {
            return refused(answer, 400, "invalid_grant");
        }
        if way == Refreshing::Wider {
            // Its row may be gone where everything under it is over.
            let error = answer.text("error").unwrap_or_default();
            let gone = !known.lives(facts.now) && error == "invalid_grant";
            return if gone { Ok(()) } else { refused(answer, 400, "invalid_scope") };
        }
        if !facts.active || !facts.given {
            // It does not come back (A-RT-15 to -17).
            let issued = known.issued;
            self.end(facts.now, |grant| grant.issued == issued);
            return refused(answer, 400, "invalid_grant");
        }
        if !facts.may_open || chain.is_over(facts.now) {
            return refused(answer, 400, "invalid_grant");
        }
        let window = if APPS[known.app] == "strict" { 0 } else { 60 * SECOND };
        // How many generations ago it was the current one, which may have changed while the request was on its way.
        let Some(back) = chain.tokens.iter().rev().position(|token| token == presented) else {
            return Err("asked with a token of another grant".to_owned());
        };
        match self.turn(grant, back, window, facts.now) {
            Turn::Next => {
                self.narrowed_tokens_are_right(grant, way, facts.now, answer)?;
                let Some(next) = answer.text("refresh_token") else { return Err("no successor".to_owned()) };
                hold!(self.seen.insert(next.to_owned()), "a successor that was a token before");
                let idle = if self.grants[grant].has("offline_access") { 180 * DAY } else { 12 * HOUR };
                if let Some(chain) = &mut self.grants[grant].chain {
                    chain.tokens.push(next.to_owned());
                    (chain.rotated, chain.replays) = (facts.now, 0);
                    chain.rests_until = chain.until.min(facts.now + idle);
                }
                self.told(EventKind::Refreshed, true);
            }
            Turn::Again => {
                self.narrowed_tokens_are_right(grant, way, facts.now, answer)?;
                let same = answer.text("refresh_token") == self.grants[grant].refresh_token(0);
                hold!(same, "a lost answer was repeated with another successor: two chains");
                self.told(EventKind::RefreshRepeated, true);
            }
            Turn::No => return refused(answer, 400, "invalid_grant"),
            Turn::Theft => {
                self.grants[grant].dead = true;
                self.told(EventKind::ReuseDetected, true);
                return refused(answer, 400, "invalid_grant");
            }
        }
        Ok(())
    }

    /// Design §8: the current token goes on; its predecessor gets the same answer for a while and not too often; anything else is
    /// theft.
    fn turn(&mut self, grant: usize, back: usize, window: i64, now: i64) -> Turn {
        let Some(chain) = &mut self.grants[grant].chain else { return Turn::No };
        if back == 0 {
            return Turn::Next;
        }
        if back > 1 || now >= chain.rotated + window {
            return Turn::Theft;
        }
        if now < chain.rotated + 5 * SECOND {
            return Turn::Again;
        }
        if chain.replays < 2 {
            chain.replays += 1;
            return Turn::Again;
        }
        let generation = chain.tokens.len();
        let first = chain.suspected.insert(generation);
        if chain.suspected.range(generation.saturating_sub(4)..).count() >= 3 {
            return Turn::Theft;
        }
        if first {
            self.told(EventKind::ReuseSuspected, true);
        }
        Turn::No
    }

    fn revoked(
        &mut self,
        grant: usize,
        what: Revoking,
        by_another: bool,
        facts: Facts,
        answer: &Answer,
    ) -> Result<(), Wrong> {
        if !facts.enabled {
            return refused(answer, 401, "invalid_client");
        }
        hold!(answer.status == 200, "a revocation was answered with {}", answer.status);
        let readable = APPS[self.grants[grant].app] != "secret";
        if !by_another && (readable || what != Revoking::Access) {
            let issued = self.grants[grant].issued;
            self.end(facts.now, |grant| grant.issued == issued);
        }
        Ok(())
    }

    fn narrowed_tokens_are_right(
        &mut self,
        grant: usize,
        way: Refreshing,
        now: i64,
        answer: &Answer,
    ) -> Result<(), Wrong> {
        let scope = self.tokens_are_right(grant, now, answer)?;
        let granted = self.grants[grant].scope.clone().unwrap_or_default();
        match way {
            Refreshing::Narrower => hold!(scope == narrower(&granted), "not as narrow as was asked: {scope}"),
            _ => hold!(scope == granted, "{scope} instead of {granted}"),
        }
        Ok(())
    }

    /// A token response: for this app's grant, its patient and no more than was agreed to. Returns its scopes.
    fn tokens_are_right(&mut self, grant: usize, now: i64, answer: &Answer) -> Result<String, Wrong> {
        let known = &self.grants[grant];
        hold!(answer.status == 200, "{} {} for a good request", answer.status, answer.json);
        let scope = answer.text("scope").unwrap_or_default().to_owned();
        hold!(!scope.is_empty(), "tokens for nothing");
        for one in scope.split(' ') {
            hold!(known.agreed.contains(one), "{one} was granted, and nobody agreed to it (I6)");
        }
        let mut as_granted = known.clone();
        as_granted.scope.get_or_insert_with(|| scope.clone());
        let patient = as_granted.patient_shared();
        hold!(
            answer.text("patient") == patient,
            "tokens for {:?}, and the user chose {patient:?} (I7)",
            answer.text("patient")
        );
        let seconds = answer.json.get("expires_in").and_then(Value::as_i64).unwrap_or_default();
        hold!((1..=300).contains(&seconds), "tokens for {seconds} s");
        let Some(text) = answer.text("access_token") else { return Err("no access token".to_owned()) };
        hold!(self.seen.insert(text.to_owned()), "an access token was issued twice");
        let ends = (now.div_euclid(SECOND) + seconds) * SECOND;
        self.tokens.push(Access { text: text.to_owned(), grant, scope: scope.clone(), ends });
        Ok(scope)
    }

    /// Judges what a resource server was told.
    pub(super) fn introspected(&self, token: usize, facts: Facts, answer: &Answer) -> Result<(), Wrong> {
        hold!(answer.status == 200, "introspection was answered with {}", answer.status);
        let token = &self.tokens[token];
        let grant = &self.grants[token.grant];
        let lives = APPS[grant.app] != "secret"
            && facts.now < token.ends
            && !grant.dead
            && facts.active
            && facts.enabled;
        if !lives {
            hold!(
                answer.json == serde_json::json!({"active": false}),
                "a dead token lives: {} (I4, I5)",
                answer.json
            );
            return Ok(());
        }
        hold!(answer.json.get("active") == Some(&Value::Bool(true)), "a living token is dead");
        hold!(answer.text("scope") == Some(token.scope.as_str()), "other scopes than were issued");
        hold!(answer.text("client_id") == Some(APPS[grant.app]), "another app's token (I7)");
        let patient = grant.patient_shared();
        hold!(answer.text("patient") == patient, "introspected for another patient (I7): {}", answer.json);
        Ok(())
    }
}

/// What a request for less asks for: something that every set begins to grant, or the first of it.
pub(super) fn narrower(granted: &str) -> &str {
    let mut scopes = granted.split(' ');
    scopes
        .clone()
        .find(|scope| scope.contains('/') && scope.ends_with(".rs"))
        .or(scopes.next())
        .unwrap_or_default()
}

fn refused(answer: &Answer, status: u16, error: &str) -> Result<(), Wrong> {
    hold!(
        answer.status == status && answer.text("error") == Some(error),
        "{} {} instead of {status} {error}",
        answer.status,
        answer.json
    );
    hold!(answer.json.get("access_token").is_none(), "a refusal with a token");
    Ok(())
}

pub(super) fn patient_named(id: &str) -> Option<&'static str> {
    PATIENTS.into_iter().find(|known| *known == id)
}

/// Whether an app that asks for this needs the EHR to have opened it.
pub(super) fn is_ehr(scopes: usize) -> bool {
    SCOPES[scopes].split(' ').any(|scope| scope == "launch")
}
