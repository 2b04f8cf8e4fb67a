//! Steps in words, for whoever has to find out why a store answered otherwise. Hashes have the numbers of the test data: their
//! first bytes, which is what a log would show of them, are all alike.

use std::fmt::Write as _;

use vestibule_host::{
    Advance, AssertionClaim, AttemptId, LaunchHash, NewAccess, NewEvent, Revocation, UnixMillis,
};

use super::{Done, JWTS, Step, TOKENS, USERS};
use crate::suite::grants::rows::{START, WRONG};

/// The number that a hash was made from.
fn number(bytes: &[u8]) -> u32 {
    let last = bytes.last_chunk::<4>();
    last.map_or(0, |last| u32::from_be_bytes(*last))
}

/// A refresh token or its salt: that of a chain when it was opened, or one of a rotation.
fn generation(bytes: &[u8]) -> String {
    let number = number(bytes);
    match number.checked_sub(900_000) {
        Some(rotation) => format!("r{rotation}"),
        None => format!("c{}.{}", number / 1_000, number % 1_000),
    }
}

const fn ms(at: UnixMillis) -> i64 {
    at.0 - START
}

/// What was done, and what was due. The last line is the step whose answer was another.
pub(super) fn told(done: &[Done]) -> String {
    let mut attempts: Vec<AttemptId> = Vec::new();
    let mut text = String::new();
    for Done { step, call, due } in done {
        let known = attempts.iter().position(|attempt| *attempt == call.attempt);
        let attempt = known.unwrap_or_else(|| {
            attempts.push(call.attempt);
            attempts.len() - 1
        });
        let due = match step {
            Step::Read(..) | Step::Purge(_) => "",
            _ => due,
        };
        let tenant = if call.tenant.as_str().starts_with('S') { " of the neighbour" } else { "" };
        let _ =
            writeln!(text, "  try {attempt}{tenant} at {}: {} -> {}", ms(call.now), words(step), plain(due));
    }
    text
}

/// Where two answers differ, part by part: a step that reads has many.
pub(super) fn difference(step: &Step, found: &str, due: &str) -> String {
    let parts = parts(step);
    let (mut found, mut due) = (found.lines(), due.lines());
    let mut text = String::new();
    for part in parts {
        let (found, due) = (found.next().unwrap_or("nothing"), due.next().unwrap_or("nothing"));
        if found != due {
            let _ = writeln!(text, "{part}: found {}, due is {}", plain(found), plain(due));
        }
    }
    text
}

fn parts(step: &Step) -> Vec<String> {
    let Step::Read(any, n) = step else { return vec![words(step)] };
    let mut parts = vec![
        format!("interaction {n}"),
        format!("whether launch {n} is free"),
        format!("the grant of code {any}"),
        format!("the grant of chain {any}"),
    ];
    parts.extend(USERS.iter().map(|user| format!("the grants of {user}")));
    parts.extend((0..TOKENS).map(|n| format!("opaque token {n}")));
    parts.extend((0..JWTS).map(|n| format!("JWT {n} under grant {any}")));
    parts
}

fn words(step: &Step) -> String {
    match step {
        Step::PutLaunch(op) => {
            format!(
                "put launch {} until {}{}",
                launch(&op.hash),
                ms(op.keep_until),
                told_as(op.event.as_ref())
            )
        }
        Step::Advance(op) => format!("save {}{}", save(op), told_as(op.event.as_ref())),
        Step::Issue(op) => {
            let grant = &op.grant;
            let spends = op.launch.as_ref().map(|hash| format!(", spending launch {}", launch(hash)));
            format!(
                "issue code {} until {} and {} to {} for {}, {:?}, until {}, saving {}{}{}",
                number(op.code.as_bytes()),
                ms(op.expires),
                grant.id.as_str(),
                grant.client.as_str(),
                grant.user.as_str(),
                grant.session.as_ref().map(vestibule_host::SessionId::as_str),
                ms(grant.keep_until),
                save(&op.interaction),
                spends.unwrap_or_default(),
                told_as(op.event.as_ref()),
            )
        }
        Step::Redeem(op) => {
            let wrong =
                op.binding.as_bytes().first() == Some(&WRONG) || op.binding.as_bytes().first() == Some(&9);
            let chain = op.refresh.as_ref().map(|refresh| {
                let (idle, end) = (ms(refresh.idle_until), ms(refresh.until));
                format!(", opening chain {} until {idle} or {end}", number(refresh.handle.as_bytes()))
            });
            format!(
                "redeem code {}{}, kept until {}{}{}",
                number(op.code.as_bytes()),
                if wrong { " with a wrong binding" } else { "" },
                ms(op.keep_until),
                chain.unwrap_or_default(),
                beside(op.access.as_ref(), op.claim.as_ref(), op.event.as_ref()),
            )
        }
        Step::Rotate(op) => format!(
            "rotate chain {} with token {} by {} to {} (window {} s, at most {}), unused until {}, kept until {}{}",
            number(op.handle.as_bytes()),
            generation(op.presented.as_bytes()),
            op.client.as_str(),
            generation(op.next.as_bytes()),
            op.window.as_secs(),
            op.max_replays,
            ms(op.idle_until),
            ms(op.keep_until),
            beside(op.access.as_ref(), op.claim.as_ref(), op.event.as_ref()),
        ),
        Step::IssueToken(op) => {
            format!("issue a token{}", beside(op.access.as_ref(), op.claim.as_ref(), op.event.as_ref()))
        }
        Step::Revoke(op) => {
            let what = match &op.what {
                Revocation::Access(hash) => format!("opaque token {}", number(hash.as_bytes())),
                Revocation::Token { id, until } => format!("{} until {}", id.as_str(), ms(*until)),
                other => format!("{other:?}"),
            };
            format!("revoke {what}{}", beside(None, op.claim.as_ref(), op.event.as_ref()))
        }
        Step::Lease(max, until) => format!("lease {max} events until {}", ms(*until)),
        Step::Acknowledge(ids) => {
            format!("acknowledge {:?}", ids.iter().map(|id| number(id.as_bytes())).collect::<Vec<_>>())
        }
        Step::Purge(before) => format!("purge what is over at {}", ms(*before)),
        Step::Read(any, n) => format!("read everything, code {any} and interaction {n}"),
    }
}

fn launch(hash: &LaunchHash) -> u32 {
    number(hash.as_bytes())
}

fn save(op: &Advance) -> String {
    let quota =
        op.quota.as_ref().map(|quota| format!(", at most {} of {}", quota.max, quota.client.as_str()));
    format!(
        "interaction {} over {:?} until {}{}",
        number(op.id.as_bytes()),
        op.expected.map(|revision| revision.0),
        ms(op.expires),
        quota.unwrap_or_default(),
    )
}

fn beside(access: Option<&NewAccess>, claim: Option<&AssertionClaim>, event: Option<&NewEvent>) -> String {
    let mut text = String::new();
    if let Some(token) = access {
        let (client, end) = (token.client.as_str(), ms(token.expires));
        let _ =
            write!(text, ", keeping opaque token {} of {client} until {end}", number(token.hash.as_bytes()));
    }
    if let Some(claim) = claim {
        let _ =
            write!(text, ", spending claim {} until {}", number(claim.key.as_bytes()), ms(claim.keep_until));
    }
    text + &told_as(event)
}

fn told_as(event: Option<&NewEvent>) -> String {
    event.map(|event| format!(", told as event {}", number(event.id.as_bytes()))).unwrap_or_default()
}

/// An answer with numbers in the place of bytes, and with times that begin at the start.
fn plain(answer: &str) -> String {
    let mut text = String::with_capacity(answer.len());
    let mut rest = answer;
    while let Some(at) = rest.find(['[', 'U']) {
        let (before, from) = rest.split_at(at);
        text.push_str(before);
        let (short, taken) = bytes(from).or_else(|| moment(from)).unwrap_or_else(|| {
            let first = from.chars().next().map_or(1, char::len_utf8);
            (from.get(..first).unwrap_or_default().to_owned(), first)
        });
        text.push_str(&short);
        rest = from.get(taken..).unwrap_or_default();
    }
    text + rest
}

/// `[90, 90, .., 0, 1]` is the number that the bytes were made from.
fn bytes(text: &str) -> Option<(String, usize)> {
    let inner = text.strip_prefix('[')?;
    let end = inner.find(']')?;
    let bytes: Vec<u8> = inner.get(..end)?.split(", ").map(str::parse).collect::<Result<_, _>>().ok()?;
    let short = match bytes.len() {
        16 => number(&bytes).to_string(),
        32 => generation(&bytes),
        _ => return None,
    };
    Some((short, end + 2))
}

fn moment(text: &str) -> Option<(String, usize)> {
    const BEGINS: &str = "UnixMillis(";
    let inner = text.strip_prefix(BEGINS)?;
    let end = inner.find(')')?;
    let at: i64 = inner.get(..end)?.parse().ok()?;
    Some((ms(UnixMillis(at)).to_string(), BEGINS.len() + end + 1))
}
