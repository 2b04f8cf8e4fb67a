//! Authenticators with one planted mistake each.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use http::request::Parts;
use http::{HeaderValue, header};
use vestibule_host::{
    HostError, SessionId, SignInAsk, SignInMove, SignedInUser, Standing, StandingQuestion, UnixMillis,
    UserAuthenticator, UserId, UserKind,
};

use crate::suite::Arranged;
use crate::suite::users::UserWorld;

/// A planted mistake.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum UserMistake {
    /// An outage of the session store looks like a sign-out.
    FaultIsNobody,
    /// An outage looks like a locked account.
    FaultIsDenial,
    /// Who is not in the list of locked accounts may go on.
    UnknownGoesOn,
    /// A grant outlives its session.
    SessionsNeverEnd,
    /// Any live session will do.
    AnySession,
    /// The session keeps its id at a sign-in.
    SessionFixed,
    /// The subject is made anew at each sign-in.
    RestlessSubject,
    /// The user of a request is kept beside it, for a moment.
    MixedUp,
    /// The hint is pasted into the address.
    HintPasted,
    /// The way back is forgotten.
    NoWayBack,
    /// A locked account is only looked at while its session lives.
    LockedGoesOn,
    /// User ids are compared without regard to case.
    CaseFolding,
    /// A cookie that cannot be read is a fault.
    OddCookieFaults,
}

impl UserMistake {
    /// All of them.
    pub const ALL: [Self; 13] = [
        Self::FaultIsNobody,
        Self::FaultIsDenial,
        Self::UnknownGoesOn,
        Self::SessionsNeverEnd,
        Self::AnySession,
        Self::SessionFixed,
        Self::RestlessSubject,
        Self::MixedUp,
        Self::HintPasted,
        Self::NoWayBack,
        Self::LockedGoesOn,
        Self::CaseFolding,
        Self::OddCookieFaults,
    ];
}

const PEOPLE: [&str; 2] = ["alice", "ben"];

#[derive(Debug, Default)]
struct Rows {
    /// Session, person, how many sign-ins there were before.
    sessions: Vec<(String, usize, u32)>,
    sign_ins: u32,
    locked: Vec<usize>,
    last: Option<SignedInUser>,
    is_cut: bool,
}

/// A world of two people, whose authenticator has this mistake, or none.
#[derive(Clone, Debug)]
pub struct MutantUsers {
    mistake: Option<UserMistake>,
    rows: Arc<Mutex<Rows>>,
}

impl MutantUsers {
    /// Nobody is signed in.
    pub fn new(mistake: Option<UserMistake>) -> Self {
        Self { mistake, rows: Arc::default() }
    }

    fn has(&self, mistake: UserMistake) -> bool {
        self.mistake == Some(mistake)
    }

    fn rows(&self) -> MutexGuard<'_, Rows> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn session_of(&self, head: &Parts) -> Result<Option<(String, usize, u32)>, HostError> {
        let Some(cookie) = head.headers.get(header::COOKIE) else { return Ok(None) };
        let Ok(text) = cookie.to_str() else {
            let odd = Err(HostError::new("planted: an odd cookie"));
            return if self.has(UserMistake::OddCookieFaults) { odd } else { Ok(None) };
        };
        let found = text.strip_prefix("session=").unwrap_or_default();
        Ok(self.rows().sessions.iter().find(|(session, ..)| session == found).cloned())
    }
}

#[async_trait]
impl UserWorld for MutantUsers {
    async fn open(&self) -> Arc<dyn UserAuthenticator> {
        Arc::new(self.clone())
    }

    async fn sign_in(&self, person: usize) -> Option<Parts> {
        PEOPLE.get(person)?;
        let mut rows = self.rows();
        rows.sign_ins += 1;
        let number = if self.has(UserMistake::SessionFixed) { 0 } else { rows.sign_ins };
        let session = format!("a-long-random-session-{person}-{number}");
        let sign_ins = rows.sign_ins;
        rows.sessions.retain(|(known, ..)| *known != session);
        rows.sessions.push((session.clone(), person, sign_ins));
        let (mut head, ()) = http::Request::new(()).into_parts();
        head.headers.insert(header::COOKIE, HeaderValue::from_str(&format!("session={session}")).ok()?);
        Some(head)
    }

    async fn sign_out(&self, head: &Parts) -> Arranged {
        if let Ok(Some((session, ..))) = self.session_of(head) {
            self.rows().sessions.retain(|(known, ..)| *known != session);
        }
        Arranged::Done
    }

    async fn shut_out(&self, person: usize) -> Arranged {
        self.rows().locked.push(person);
        Arranged::Done
    }

    async fn cut(&self) -> Arranged {
        self.rows().is_cut = true;
        Arranged::Done
    }
}

#[async_trait]
impl UserAuthenticator for MutantUsers {
    async fn current_user(&self, head: &Parts) -> Result<Option<SignedInUser>, HostError> {
        if self.rows().is_cut {
            let answer = Err(HostError::new("planted: nobody answers"));
            return if self.has(UserMistake::FaultIsNobody) { Ok(None) } else { answer };
        }
        let Some((session, person, sign_in)) = self.session_of(head)? else { return Ok(None) };
        let Some(name) = PEOPLE.get(person) else { return Ok(None) };
        let subject = match self.has(UserMistake::RestlessSubject) {
            true => format!("subject-{person}-{sign_in}"),
            false => format!("subject-{person}"),
        };
        let since = UnixMillis(1_767_225_600_000 + i64::from(sign_in));
        let user =
            SignedInUser::new(UserId::new(*name), subject, SessionId::new(session), since, UserKind::Patient);
        if self.has(UserMistake::MixedUp) {
            self.rows().last = Some(user);
            for _ in 0..10 {
                tokio::task::yield_now().await;
            }
            return Ok(self.rows().last.clone());
        }
        Ok(Some(user))
    }

    async fn standing(&self, question: &StandingQuestion<'_>) -> Result<Standing, HostError> {
        let rows = self.rows();
        if rows.is_cut {
            let answer = Err(HostError::new("planted: nobody answers"));
            return if self.has(UserMistake::FaultIsDenial) { Ok(Standing::NotAllowed) } else { answer };
        }
        let asked = question.user.as_str();
        let is = |name: &&str| match self.has(UserMistake::CaseFolding) {
            true => name.eq_ignore_ascii_case(asked),
            false => *name == asked,
        };
        let person = PEOPLE.iter().position(is);
        match person {
            None if self.has(UserMistake::UnknownGoesOn) => return Ok(Standing::Active),
            None => return Ok(Standing::NotAllowed),
            Some(person) if rows.locked.contains(&person) => {
                let goes_on = self.has(UserMistake::LockedGoesOn) && question.session.is_none();
                return Ok(if goes_on { Standing::Active } else { Standing::NotAllowed });
            }
            Some(_) => {}
        }
        let Some(session) = question.session else { return Ok(Standing::Active) };
        let lives = rows.sessions.iter().any(|(known, whose, _)| {
            known == session.as_str() && (Some(*whose) == person || self.has(UserMistake::AnySession))
        });
        let active = lives || self.has(UserMistake::SessionsNeverEnd);
        Ok(if active { Standing::Active } else { Standing::SessionEnded })
    }

    fn sign_in(&self, ask: &SignInAsk<'_>) -> SignInMove {
        let mut query = form_urlencoded::Serializer::new(String::new());
        if !self.has(UserMistake::NoWayBack) {
            query.append_pair("resume", ask.resume);
        }
        let mut target = format!("/sign-in?{}", query.finish());
        if self.has(UserMistake::HintPasted) {
            target.push_str(ask.login_hint.unwrap_or_default());
        }
        SignInMove::Redirect(target)
    }
}
