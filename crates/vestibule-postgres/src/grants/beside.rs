//! What goes with a verb, as parameters. What is absent is NULL, and the statement leaves it out.

use vestibule_host::{AssertionClaim, Call, NewAccess, NewEvent};

/// Whose call it is: the first three parameters of every verb.
#[derive(Debug)]
pub(super) struct Caller<'a> {
    pub(super) tenant: &'a [u8],
    pub(super) now: i64,
    pub(super) attempt: &'a [u8],
}

impl<'a> Caller<'a> {
    pub(super) fn of(call: &'a Call) -> Self {
        Self { tenant: call.tenant.as_str().as_bytes(), now: call.now.0, attempt: call.attempt.as_bytes() }
    }
}

#[derive(Debug)]
pub(super) struct Claim<'a> {
    pub(super) key: Option<&'a [u8]>,
    pub(super) keep_until: Option<i64>,
}

impl<'a> Claim<'a> {
    pub(super) fn of(claim: Option<&'a AssertionClaim>) -> Self {
        Self {
            key: claim.map(|claim| claim.key.as_bytes().as_slice()),
            keep_until: claim.map(|claim| claim.keep_until.0),
        }
    }
}

#[derive(Debug)]
pub(super) struct Event<'a> {
    pub(super) id: Option<&'a [u8]>,
    pub(super) record: Option<&'a [u8]>,
}

impl<'a> Event<'a> {
    pub(super) fn of(event: Option<&'a NewEvent>) -> Self {
        Self {
            id: event.map(|event| event.id.as_bytes().as_slice()),
            record: event.map(|event| event.record.0.as_ref()),
        }
    }
}

#[derive(Debug)]
pub(super) struct Access<'a> {
    pub(super) hash: Option<&'a [u8]>,
    pub(super) client: Option<&'a [u8]>,
    pub(super) expires: Option<i64>,
    pub(super) record: Option<&'a [u8]>,
}

impl<'a> Access<'a> {
    pub(super) fn of(access: Option<&'a NewAccess>) -> Self {
        Self {
            hash: access.map(|access| access.hash.as_bytes().as_slice()),
            client: access.map(|access| access.client.as_str().as_bytes()),
            expires: access.map(|access| access.expires.0),
            record: access.map(|access| access.record.0.as_ref()),
        }
    }
}
