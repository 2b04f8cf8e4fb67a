//! Events: what is told to an audit log about every change.

use crate::{EventId, Record, UnixMillis};

/// What is appended to the event log in the same commit as a change, and delivered to a sink later (reliability 6.8).
///
/// The store writes down beside it what the verb turned out to be: an [`EventKind`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewEvent {
    /// Its id, unique forever.
    pub id: EventId,
    /// Who, which app, which record: encoded by `vestibule-core`.
    pub record: Record,
}

/// What happened: decided by the store, together with the outcome.
///
/// | verb | outcome | kind |
/// |---|---|---|
/// | `put_launch` | kept | `LaunchMade` |
/// | `advance_interaction` | `Saved` | `Refused`: an event comes only with the save that ends it |
/// | `issue_code` | `Won` | `CodeIssued` |
/// | `redeem_code` | `Won` | `CodeRedeemed` |
/// | | `Replayed`, and the grant was alive until now | `CodeReplayed` |
/// | `rotate_refresh` | `Won` | `Refreshed` |
/// | | `Same` | `RefreshRepeated` |
/// | | `Suspected`, the first time in a generation | `ReuseSuspected` |
/// | | `Reuse` | `ReuseDetected` |
/// | `issue_token` | `Won` | `TokenIssued` |
/// | `revoke` | `Done`, and something was alive until now | `Revoked` |
///
/// Everything else appends nothing, and neither does the repetition of an attempt. The kinds that begin with `Client` come from
/// no store of grants: the engine tells them itself, behind the commit of a registrar.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum EventKind {
    /// An EHR launch was made.
    LaunchMade,
    /// An interaction ended without a code.
    Refused,
    /// A code was issued: a user let an app in.
    CodeIssued,
    /// A code bought its tokens.
    CodeRedeemed,
    /// A spent code was presented again: its grant ended.
    CodeReplayed,
    /// A refresh token rotated.
    Refreshed,
    /// An answer to a refresh was repeated.
    RefreshRepeated,
    /// An answer to a refresh was asked for too often.
    ReuseSuspected,
    /// A refresh token was used twice: its grant ended.
    ReuseDetected,
    /// A token was issued without a user.
    TokenIssued,
    /// Something was revoked.
    Revoked,
    /// An app registered itself.
    ClientRegistered,
    /// An app changed its registration.
    ClientChanged,
    /// An operator changed an app's registration: let it in, shut it out.
    ClientReviewed,
    /// An app removed its registration.
    ClientRemoved,
}

impl EventKind {
    /// Every kind.
    pub const ALL: [Self; 15] = [
        Self::LaunchMade,
        Self::Refused,
        Self::CodeIssued,
        Self::CodeRedeemed,
        Self::CodeReplayed,
        Self::Refreshed,
        Self::RefreshRepeated,
        Self::ReuseSuspected,
        Self::ReuseDetected,
        Self::TokenIssued,
        Self::Revoked,
        Self::ClientRegistered,
        Self::ClientChanged,
        Self::ClientReviewed,
        Self::ClientRemoved,
    ];

    /// Whether something ended. A full event log must not keep a thief's grant alive: a store with a bound of its own keeps some
    /// room for these.
    pub const fn ends_something(self) -> bool {
        matches!(self, Self::CodeReplayed | Self::ReuseDetected | Self::Revoked)
    }

    /// A name for a store's column and a log.
    pub const fn name(self) -> &'static str {
        match self {
            Self::LaunchMade => "launch_made",
            Self::Refused => "refused",
            Self::CodeIssued => "code_issued",
            Self::CodeRedeemed => "code_redeemed",
            Self::CodeReplayed => "code_replayed",
            Self::Refreshed => "refreshed",
            Self::RefreshRepeated => "refresh_repeated",
            Self::ReuseSuspected => "reuse_suspected",
            Self::ReuseDetected => "reuse_detected",
            Self::TokenIssued => "token_issued",
            Self::Revoked => "revoked",
            Self::ClientRegistered => "client_registered",
            Self::ClientChanged => "client_changed",
            Self::ClientReviewed => "client_reviewed",
            Self::ClientRemoved => "client_removed",
        }
    }

    /// The kind with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// An event that was leased for delivery.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LeasedEvent {
    /// Its id.
    pub id: EventId,
    /// What happened.
    pub kind: EventKind,
    /// When it was appended.
    pub at: UnixMillis,
    /// The details.
    pub record: Record,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_leads_back_to_its_kind() {
        for kind in EventKind::ALL {
            assert_eq!(EventKind::from_name(kind.name()), Some(kind));
        }
        assert_eq!(EventKind::from_name("Revoked"), None);
    }
}
