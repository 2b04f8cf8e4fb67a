//! Every decision explains itself (principle 7): which checks were made and in which order, what became of each scope, what the
//! client was told, and what only the operator learns.
//!
//! The code that checks writes the [`Trail`]; there is no second list that could drift away from it. A trail holds constant
//! texts, client ids and scopes as apps wrote them: no secret, no name of a user, no id of a patient (LOG-001).

use std::fmt::Debug;

use vestibule_host::{ClientId, UnixMillis};
use vestibule_scope::{Scope, ScopeSet};

use crate::authorize::negotiate::Negotiation;
pub use crate::authorize::negotiate::{Fate, Reason, Stage};

/// At most so many checks are noted for one request.
const MAX_CHECKS: usize = 64;

/// At most so much of a requested scope is shown.
const MAX_SCOPE: usize = 200;

/// A check that was made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Check {
    /// The requirement that it enforces.
    pub requirement: &'static str,
    /// What was looked at, in a few constant words.
    pub what: &'static str,
    /// What came of it.
    pub passed: bool,
}

/// What became of a requested scope.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ScopeLine {
    /// The scope as the app wrote it.
    pub requested: String,
    /// What became of it, at which stage and why.
    pub fate: Fate,
    /// What is left of it.
    pub left: Vec<String>,
}

/// Which endpoint was asked.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Endpoint {
    /// An authorize request.
    Authorize,
    /// A page of an interaction, or a form of one.
    Interaction,
    /// A token request.
    Token,
    /// Introspection.
    Introspection,
    /// Revocation.
    Revocation,
    /// A question about the user behind an access token.
    UserInfo,
    /// An app that registers itself, or looks after its registration.
    Registration,
}

impl Endpoint {
    /// A word for a log or a page.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Authorize => "authorize",
            Self::Interaction => "interaction",
            Self::Token => "token",
            Self::Introspection => "introspection",
            Self::Revocation => "revocation",
            Self::UserInfo => "userinfo",
            Self::Registration => "registration",
        }
    }
}

/// How a request ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Outcome {
    /// The user goes on, to a page or to the sign-in.
    GoesOn(&'static str),
    /// It got what it asked for: a code, tokens, an answer.
    Granted,
    /// The client was told no, in these words.
    Refused {
        /// `error`.
        error: &'static str,
        /// `error_description`: constant.
        description: &'static str,
    },
    /// A page said so: there was no proven address, or the interaction cannot go on.
    Shown(&'static str),
}

impl Outcome {
    /// A word for a log or a page.
    pub const fn name(self) -> &'static str {
        match self {
            Self::GoesOn(to) => to,
            Self::Granted => "granted",
            Self::Refused { error, .. } => error,
            Self::Shown(problem) => problem,
        }
    }
}

/// What one request went through, as it is written down by the code that does it.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Trail {
    correlation: String,
    client: Option<ClientId>,
    flow: Option<String>,
    checks: Vec<Check>,
    scopes: Vec<ScopeLine>,
    reason: Option<String>,
}

impl Trail {
    /// The trail of one request, under the name by which it can be asked about.
    pub fn of_request(correlation: impl Into<String>) -> Self {
        Self { correlation: correlation.into(), ..Self::default() }
    }

    /// The name of the request; empty for a trail that belongs to none.
    pub fn correlation(&self) -> &str {
        &self.correlation
    }

    /// Notes a check, and hands its result on.
    ///
    /// # Errors
    /// Those of `result`.
    pub fn check<T, E>(
        &mut self,
        requirement: &'static str,
        what: &'static str,
        result: Result<T, E>,
    ) -> Result<T, E> {
        self.note(requirement, what, result.is_ok());
        result
    }

    /// Notes what came of a check, and hands it on.
    pub fn note(&mut self, requirement: &'static str, what: &'static str, passed: bool) -> bool {
        if self.checks.len() < MAX_CHECKS {
            self.checks.push(Check { requirement, what, passed });
        }
        passed
    }

    /// Notes whose request it is: a registered client.
    pub fn client(&mut self, client: &ClientId) {
        self.client = Some(client.clone());
    }

    /// Notes to which interaction it belongs, by a name that opens nothing.
    pub fn flow(&mut self, name: String) {
        self.flow = Some(name);
    }

    /// Notes how far the scopes are; a later note takes the place of an earlier one.
    pub fn scopes(&mut self, negotiation: &Negotiation) {
        let line = |line: &crate::authorize::Line| ScopeLine {
            requested: line.requested().chars().take(MAX_SCOPE).collect(),
            fate: line.fate(),
            left: line.left().iter().map(|scope| scope.as_str().to_owned()).collect(),
        };
        self.scopes = negotiation.lines().iter().map(line).collect();
    }

    /// Notes what is left of what was granted, at redemption and refresh: after each stage, in their order.
    pub fn kept(&mut self, granted: &ScopeSet, stages: &[(&ScopeSet, Stage, Reason)]) {
        let line = |scope: &Scope| {
            let (mut left, mut took) = (vec![scope.clone()], None);
            for (within, stage, reason) in stages {
                let narrowed: Vec<Scope> =
                    left.iter().flat_map(|scope| within.narrow(scope).into_scopes()).collect();
                if narrowed != left {
                    took = Some((*stage, *reason));
                }
                left = narrowed;
            }
            let fate = match (took, left.is_empty()) {
                (None, _) => Fate::Granted,
                (Some((stage, reason)), true) => Fate::Dropped(stage, reason),
                (Some((stage, reason)), false) => Fate::Narrowed(stage, reason),
            };
            let left = left.iter().map(|scope| scope.as_str().to_owned()).collect();
            ScopeLine { requested: scope.as_str().chars().take(MAX_SCOPE).collect(), fate, left }
        };
        self.scopes = granted.iter().map(line).collect();
    }

    /// Notes why, for the operator: a constant text, or the name of an engine's own refusal.
    pub fn reason(&mut self, reason: impl Into<String>) {
        self.reason = Some(reason.into());
    }

    /// The checks so far.
    pub fn checks(&self) -> &[Check] {
        &self.checks
    }

    /// The explanation that comes of it.
    pub fn explain(self, endpoint: Endpoint, at: UnixMillis, outcome: Outcome) -> Explanation {
        let Self { correlation, client, flow, checks, scopes, reason } = self;
        Explanation { correlation, endpoint, at, client, flow, checks, scopes, outcome, reason }
    }
}

/// What happened to one request, and why.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Explanation {
    /// The same id as in the log, in the audit events of what the request changed, on a page that says what is wrong, and in the
    /// header `x-correlation-id` of what a known client gets.
    pub correlation: String,
    /// Which endpoint.
    pub endpoint: Endpoint,
    /// When.
    pub at: UnixMillis,
    /// For which registered client, once that was known.
    pub client: Option<ClientId>,
    /// Which interaction: the same text for its authorize request, its pages and its forms. It opens nothing.
    pub flow: Option<String>,
    /// The checks, in the order in which they were made. The last one that failed is what the client was told.
    pub checks: Vec<Check>,
    /// What became of each requested scope, as far as it got.
    pub scopes: Vec<ScopeLine>,
    /// How it ended, and what the client was told.
    pub outcome: Outcome,
    /// What the client was not told.
    pub reason: Option<String>,
}

/// Takes explanations as they come: for an inspector, a support desk. Default: none.
///
/// ```
/// use std::sync::Mutex;
/// use vestibule_core::explain::{Explanation, Observer};
///
/// /// The last hundred, for a developer's page.
/// #[derive(Debug, Default)]
/// struct Recent(Mutex<std::collections::VecDeque<Explanation>>);
///
/// impl Observer for Recent {
///     fn explained(&self, explanation: &Explanation) {
///         let Ok(mut recent) = self.0.lock() else { return };
///         recent.truncate(99);
///         recent.push_front(explanation.clone());
///     }
/// }
/// ```
pub trait Observer: Debug + Send + Sync {
    /// Called once for each request, after its outcome is settled and before it is answered. It must not block.
    fn explained(&self, explanation: &Explanation);
}
