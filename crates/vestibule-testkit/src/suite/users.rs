//! What a `UserAuthenticator` must do.
//!
//! Passwords and sessions are the host's, so the cases meet people who sign in and out the host's own way, through a
//! [`UserWorld`].

use std::sync::Arc;

use async_trait::async_trait;
use http::HeaderValue;
use http::request::Parts;
use vestibule_host::user::SignInReason;
use vestibule_host::{
    ClientId, Moment, SessionId, SignInAsk, SignInMove, SignedInUser, Standing, StandingQuestion,
    UserAuthenticator, UserId,
};

use super::{Arranged, Broken, Verdict, hold, race, same};
use crate::drops::{at_every_wait, drop_after};

/// The world of one case: a host's users and their browsers.
#[async_trait]
pub trait UserWorld: Send + Sync {
    /// What the engine asks.
    async fn open(&self) -> Arc<dyn UserAuthenticator>;

    /// A person signs in with a new browser; the head of that browser's next request. There is a person 0, and if the host knows
    /// more than one, a person 1.
    async fn sign_in(&self, person: usize) -> Option<Parts>;

    /// The browser that sent this signs out.
    async fn sign_out(&self, head: &Parts) -> Arranged;

    /// A person's account is locked or removed. `Never`: the host cannot do that.
    async fn shut_out(&self, person: usize) -> Arranged;

    /// Takes away what the host asks, a session store say. `Never`: it asks nobody.
    async fn cut(&self) -> Arranged;
}

type World<'a> = &'a dyn UserWorld;

#[doc(hidden)]
#[macro_export]
macro_rules! __user_cases {
    ($then:ident $($argument:tt)*) => {
        $crate::$then! { $($argument)*; users:
            nobody_is_signed_in_without_a_session
            a_session_that_resembles_one_is_none
            who_signs_in_is_fit_for_tokens
            an_answer_stays_while_nobody_moves
            each_sign_in_is_a_session_of_its_own
            two_people_are_two
            who_is_signed_in_may_go_on
            nobody_knows_who_never_was
            a_session_that_never_was_is_over
            who_signs_out_is_gone
            who_is_shut_out_may_not_go_on
            sign_in_leads_back
            many_browsers_are_told_apart
            a_caller_that_goes_away_harms_nobody
            an_outage_is_not_a_sign_out
        }
    };
}

crate::__user_cases! { __generate_world_list dyn UserWorld }

/// Each moment at which the engine asks.
const MOMENTS: [Moment; 8] = [
    Moment::SignIn,
    Moment::Launch,
    Moment::Pick,
    Moment::Consent,
    Moment::Issue,
    Moment::Redeem,
    Moment::Refresh,
    Moment::Use,
];

/// Whom the engine asks, and about whom.
struct Asked {
    users: Arc<dyn UserAuthenticator>,
    client: ClientId,
}

impl Asked {
    async fn open(world: World<'_>) -> Self {
        Self { users: world.open().await, client: ClientId::new("app") }
    }

    async fn standing(
        &self,
        user: &UserId,
        session: Option<&SessionId>,
        moment: Moment,
    ) -> Result<Standing, Broken> {
        let question = StandingQuestion::new(user, session, &self.client, moment);
        Ok(self.users.standing(&question).await?)
    }
}

async fn signed_in(world: World<'_>, person: usize) -> Result<Parts, Broken> {
    let head = world.sign_in(person).await;
    head.ok_or_else(|| Broken(format!("the world has no person {person} who could sign in")))
}

async fn present(users: &Arc<dyn UserAuthenticator>, head: &Parts) -> Result<SignedInUser, Broken> {
    let user = users.current_user(head).await?;
    user.ok_or_else(|| Broken("nobody is signed in, right after a sign-in".to_owned()))
}

fn head(cookie: Option<&[u8]>) -> Parts {
    let (mut parts, ()) = http::Request::new(()).into_parts();
    if let Some(Ok(cookie)) = cookie.map(HeaderValue::from_bytes) {
        parts.headers.insert(http::header::COOKIE, cookie);
    }
    parts
}

/// What a browser without a session, or an attacker, sends. None of it is a fault.
pub async fn nobody_is_signed_in_without_a_session(world: World<'_>) -> Verdict {
    let users = world.open().await;
    let long = [b"session=".to_vec(), vec![b'x'; 100_000]].concat();
    let cookies: [Option<&[u8]>; 9] = [
        None,
        Some(b""),
        Some(b"session"),
        Some(b"session="),
        Some(b"session=x; session=y"),
        Some(b"=; ;=;"),
        Some(b"session=\xff\xfe"),
        Some(b"session=' OR '1'='1"),
        Some(&long),
    ];
    for cookie in cookies {
        let user = users.current_user(&head(cookie)).await?;
        let shown =
            cookie.map(|bytes| String::from_utf8_lossy(bytes.get(..20).unwrap_or(bytes)).into_owned());
        hold!(user.is_none(), "somebody is signed in by the cookie {shown:?}");
    }
    Ok(())
}

/// A header of a session, off by a character, is nobody's.
pub async fn a_session_that_resembles_one_is_none(world: World<'_>) -> Verdict {
    let users = world.open().await;
    let good = signed_in(world, 0).await?;
    for (name, value) in &good.headers {
        let value = value.as_bytes();
        let Some((last, rest)) = value.split_last() else { continue };
        let flipped = [rest, &[if *last == b'a' { b'b' } else { b'a' }]].concat();
        for near in [flipped, rest.to_vec(), [value, b"0"].concat()] {
            let mut parts = good.clone();
            let Ok(near) = HeaderValue::from_bytes(&near) else { continue };
            parts.headers.insert(name.clone(), near);
            let session = users.current_user(&parts).await?.map(|user| user.session);
            let real = present(&users, &good).await?.session;
            hold!(session.is_none_or(|session| session == real), "the header {name} opens another session");
        }
        let mut parts = good.clone();
        parts.headers.remove(name);
        parts.headers.insert(name.clone(), HeaderValue::from_static("session=0000000000000000"));
        if name == http::header::COOKIE || name == http::header::AUTHORIZATION {
            hold!(users.current_user(&parts).await?.is_none(), "a session that somebody guessed is one");
        }
    }
    hold!(!good.headers.is_empty(), "whoever is signed in sends nothing to be known by");
    Ok(())
}

/// SMART-IDT-018: a subject is 1 to 255 characters of ASCII. A user without an id is refused by the engine.
pub async fn who_signs_in_is_fit_for_tokens(world: World<'_>) -> Verdict {
    let users = world.open().await;
    for person in [0, 1] {
        let Some(head) = world.sign_in(person).await else { continue };
        let user = present(&users, &head).await?;
        hold!(!user.user.as_str().is_empty(), "a user without an id");
        hold!(!user.session.as_str().is_empty(), "a session without an id");
        hold!(!user.display_name.is_empty(), "a user without a name for pages");
        let subject = &user.subject;
        hold!(!subject.is_empty() && subject.len() <= 255 && subject.is_ascii(), "the subject {subject:?}");
        hold!(user.auth_time.0 > 0, "a sign-in before there were computers: {:?}", user.auth_time);
        let ends_late = user.session_until.is_none_or(|until| until.0 > user.auth_time.0);
        hold!(ends_late, "a session that is over before it began");
    }
    Ok(())
}

/// Within an interaction the engine compares: whoever answered is whoever decides (INT-002).
pub async fn an_answer_stays_while_nobody_moves(world: World<'_>) -> Verdict {
    let users = world.open().await;
    let head = signed_in(world, 0).await?;
    let first = present(&users, &head).await?;
    for _ in 0..5 {
        let again = present(&users, &head).await?;
        let same = again == first;
        hold!(same, "another answer for the same browser, and nobody signed in or out");
    }
    Ok(())
}

/// A session id that survives a sign-in lets an attacker plant one (INT-002). The person stays the same.
pub async fn each_sign_in_is_a_session_of_its_own(world: World<'_>) -> Verdict {
    let users = world.open().await;
    let mut seen: Vec<SignedInUser> = Vec::new();
    for _ in 0..3 {
        let head = signed_in(world, 0).await?;
        let user = present(&users, &head).await?;
        hold!(seen.iter().all(|before| before.session != user.session), "two sign-ins have one session id");
        if let Some(first) = seen.first() {
            same!(user.user, first.user, "the id of a person who signed in again");
            same!(user.subject, first.subject, "the subject of a person who signed in again");
            hold!(user.auth_time >= first.auth_time, "a later sign-in was earlier");
        }
        seen.push(user);
    }
    Ok(())
}

/// In everything that tokens and rows are made of.
pub async fn two_people_are_two(world: World<'_>) -> Verdict {
    let asked = Asked::open(world).await;
    let one = present(&asked.users, &signed_in(world, 0).await?).await?;
    let Some(head) = world.sign_in(1).await else { return Ok(()) };
    let other = present(&asked.users, &head).await?;
    hold!(one.user != other.user, "two people have one user id");
    hold!(one.subject != other.subject, "two people have one subject");
    hold!(one.session != other.session, "two people have one session");
    let standing = asked.standing(&one.user, Some(&other.session), Moment::Issue).await?;
    hold!(standing != Standing::Active, "one person goes on with the other's session");
    Ok(())
}

/// At every moment, with the session and beyond it.
pub async fn who_is_signed_in_may_go_on(world: World<'_>) -> Verdict {
    let asked = Asked::open(world).await;
    let user = present(&asked.users, &signed_in(world, 0).await?).await?;
    for moment in MOMENTS {
        for session in [Some(&user.session), None] {
            let standing = asked.standing(&user.user, session, moment).await?;
            same!(standing, Standing::Active, "who is signed in, at {moment:?}, {}", with(session));
        }
    }
    Ok(())
}

const fn with(session: Option<&SessionId>) -> &'static str {
    if session.is_some() { "with a session" } else { "beyond the session" }
}

/// An account that is gone is a no, and so is a name that merely resembles one. It is an answer, not a fault.
pub async fn nobody_knows_who_never_was(world: World<'_>) -> Verdict {
    let asked = Asked::open(world).await;
    let user = present(&asked.users, &signed_in(world, 0).await?).await?;
    let name = user.user.as_str();
    let others = [
        String::new(),
        "nobody-of-that-name".to_owned(),
        name.to_uppercase(),
        format!("{name} "),
        format!(" {name}"),
        format!("{name}\0"),
        format!("{name}'--"),
        "x".repeat(100_000),
    ];
    for other in others.into_iter().filter(|other| other != name) {
        let shown: String = other.chars().take(30).collect();
        let other = UserId::new(other);
        for moment in [Moment::Issue, Moment::Refresh] {
            for session in [None, Some(&user.session)] {
                let standing = asked.standing(&other, session, moment).await?;
                hold!(
                    standing != Standing::Active,
                    "{shown:?}, whom nobody knows, goes on at {moment:?}, {}",
                    with(session)
                );
            }
            let standing = asked.standing(&other, None, moment).await?;
            same!(standing, Standing::NotAllowed, "{shown:?}, whom nobody knows, at {moment:?}");
        }
    }
    Ok(())
}

/// Nothing that hangs on a session outlives one that nobody has.
pub async fn a_session_that_never_was_is_over(world: World<'_>) -> Verdict {
    let asked = Asked::open(world).await;
    let user = present(&asked.users, &signed_in(world, 0).await?).await?;
    let real = user.session.as_str();
    for session in [String::new(), "never-was".to_owned(), format!("{real}0"), format!("{real} ")] {
        let standing =
            asked.standing(&user.user, Some(&SessionId::new(session.clone())), Moment::Refresh).await?;
        let what = if session.starts_with(real) {
            "a session that resembles one"
        } else {
            "a session that never was"
        };
        same!(standing, Standing::SessionEnded, "{what}");
    }
    Ok(())
}

/// What was granted beyond the session stays (`offline_access`); everything else is over.
pub async fn who_signs_out_is_gone(world: World<'_>) -> Verdict {
    let asked = Asked::open(world).await;
    let head = signed_in(world, 0).await?;
    let user = present(&asked.users, &head).await?;
    if world.sign_out(&head).await == Arranged::Never {
        return Ok(());
    }
    hold!(asked.users.current_user(&head).await?.is_none(), "somebody is signed in after signing out");
    for moment in [Moment::Issue, Moment::Redeem, Moment::Refresh, Moment::Use] {
        let standing = asked.standing(&user.user, Some(&user.session), moment).await?;
        same!(standing, Standing::SessionEnded, "the session after a sign-out, at {moment:?}");
        let standing = asked.standing(&user.user, None, moment).await?;
        same!(standing, Standing::Active, "the account after a sign-out, at {moment:?}");
    }
    Ok(())
}

/// Catalogue row 20: at redemption and refresh as well, and whether or not the session is still there.
pub async fn who_is_shut_out_may_not_go_on(world: World<'_>) -> Verdict {
    let asked = Asked::open(world).await;
    let user = present(&asked.users, &signed_in(world, 0).await?).await?;
    if world.shut_out(0).await == Arranged::Never {
        return Ok(());
    }
    for moment in MOMENTS {
        for session in [Some(&user.session), None] {
            let standing = asked.standing(&user.user, session, moment).await?;
            hold!(standing != Standing::Active, "who was shut out goes on at {moment:?}, {}", with(session));
        }
        let standing = asked.standing(&user.user, None, moment).await?;
        same!(standing, Standing::NotAllowed, "who was shut out, at {moment:?}");
    }
    Ok(())
}

/// The browser must find its way back, and what an app says about the user must not break out of the address.
pub async fn sign_in_leads_back(world: World<'_>) -> Verdict {
    let users = world.open().await;
    let resume = "/auth/interaction/AbC-123_xyz";
    let encoded: String = form_urlencoded::byte_serialize(resume.as_bytes()).collect();
    let hints = [
        None,
        Some("alice"),
        Some("a&resume=https://evil.example/"),
        Some("a\r\nSet-Cookie: x=1"),
        Some("\"><script>"),
        Some("\u{1F600} \u{202e}"),
        Some("%0d%0a"),
        Some("#"),
    ];
    let reasons = [
        SignInReason::NobodyIsSignedIn,
        SignInReason::Again,
        SignInReason::SelectAccount,
        SignInReason::StepUp,
    ];
    let acr = ["a\r\nb".to_owned(), "urn:b".to_owned()];
    for hint in hints {
        for reason in reasons {
            let mut ask = SignInAsk::new(resume, Some("App \r\n<b>"));
            (ask.reason, ask.login_hint, ask.acr_values, ask.ui_locales) =
                (reason, hint, &acr, Some("de\r\nen"));
            let SignInMove::Redirect(target) = users.sign_in(&ask) else { continue };
            let plain = !target.is_empty() && target.bytes().all(|byte| (0x21..0x7f).contains(&byte));
            hold!(plain, "the address to sign in at cannot be sent: {target:?}");
            hold!(
                target.contains(resume) || target.contains(&encoded),
                "nobody is sent back from {target:?}"
            );
            let first = target.split('?').next().unwrap_or_default();
            hold!(!first.contains("evil.example"), "the app's hint is where people sign in: {target:?}");
        }
    }
    Ok(())
}

/// Each is told who sits at it.
pub async fn many_browsers_are_told_apart(world: World<'_>) -> Verdict {
    let users = world.open().await;
    let mut browsers = Vec::new();
    for person in [0, 1] {
        if let Some(head) = world.sign_in(person).await {
            let user = present(&users, &head).await?;
            browsers.push((head, Some(user)));
        }
    }
    browsers.push((head(None), None));
    let answers = race(60, |index| {
        let browser = browsers.get(index % browsers.len()).cloned();
        let users = Arc::clone(&users);
        async move {
            let Some((head, due)) = browser else { return Ok(true) };
            Ok::<_, Broken>(users.current_user(&head).await? == due)
        }
    });
    for right in answers.await? {
        hold!(right?, "a browser was taken for another, of many at once");
    }
    Ok(())
}

/// Dropped at each of its waits, a call leaves nothing behind that the next one would meet.
pub async fn a_caller_that_goes_away_harms_nobody(world: World<'_>) -> Verdict {
    let asked = Asked::open(world).await;
    let head = signed_in(world, 0).await?;
    let first = present(&asked.users, &head).await?;
    let mut verdict = Ok(());
    at_every_wait(async |waits| {
        let question =
            StandingQuestion::new(&first.user, Some(&first.session), &asked.client, Moment::Refresh);
        let finished = drop_after(waits, asked.users.current_user(&head)).await.is_some();
        let finished = drop_after(waits, asked.users.standing(&question)).await.is_some() && finished;
        let next = async {
            let same = present(&asked.users, &head).await? == first;
            hold!(same, "another answer after a call that was dropped");
            let standing = asked.standing(&first.user, Some(&first.session), Moment::Refresh).await?;
            same!(standing, Standing::Active, "the standing after a call that was dropped");
            Ok(())
        };
        verdict = next.await;
        finished || verdict.is_err()
    })
    .await;
    verdict
}

/// The engine answers 503 and spends nothing. An outage that looks like a sign-out ends grants; one that looks like a no locks
/// people out.
pub async fn an_outage_is_not_a_sign_out(world: World<'_>) -> Verdict {
    let asked = Asked::open(world).await;
    let head = signed_in(world, 0).await?;
    let user = present(&asked.users, &head).await?;
    if world.cut().await == Arranged::Never {
        return Ok(());
    }
    let found = asked.users.current_user(&head).await;
    hold!(found.is_err(), "who is signed in, while nobody can know");
    for session in [Some(&user.session), None] {
        let question = StandingQuestion::new(&user.user, session, &asked.client, Moment::Refresh);
        hold!(
            asked.users.standing(&question).await.is_err(),
            "a standing that nobody can know, {}",
            with(session)
        );
    }
    Ok(())
}
