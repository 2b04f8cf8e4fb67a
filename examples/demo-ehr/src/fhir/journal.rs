//! What the FHIR APIs decided in the last hour, for `/ehr/inspector`: which app asked for which interaction, what the scopes
//! said to it, and which scope gave it. Kept in memory. No ids, no names, nothing of a record.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use vestibule_host::{ClientId, Clock, UnixMillis};
use vestibule_resource::{Act, Decision, HistoryOf, Interaction, OperationLevel, SearchOf, Write};

/// For so long.
const KEPT_MILLIS: i64 = 60 * 60 * 1000;
/// At most so many.
const MOST: usize = 500;
/// Of so many scopes.
const MOST_SCOPES: usize = 8;
/// No scope that is shown is longer.
const LONGEST: usize = 200;

/// The decisions of the last hour.
#[derive(Debug)]
pub struct Journal {
    clock: Arc<dyn Clock>,
    kept: Mutex<VecDeque<Noted>>,
}

/// One decision, and when it was made.
#[derive(Clone, Debug)]
pub struct Noted {
    /// When.
    pub at: UnixMillis,
    /// What.
    pub judged: Judged,
}

/// What the scopes said to one request.
#[derive(Clone, Debug)]
pub struct Judged {
    /// The app.
    pub client: ClientId,
    /// What it asked for, without ids.
    pub interaction: String,
    /// What it was told.
    pub answer: Said,
    /// The scopes that gave it, or why there was none.
    pub why: String,
}

/// A decision in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Said {
    /// Everything the user may open.
    Permitted,
    /// Some of it.
    Narrowed,
    /// No.
    Denied,
}

impl Journal {
    /// Nothing was asked yet.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, kept: Mutex::default() }
    }

    /// Keeps a decision.
    pub(super) fn note(&self, judged: Judged) {
        let at = self.clock.now();
        let mut kept = self.kept();
        if kept.len() >= MOST {
            kept.pop_front();
        }
        kept.push_back(Noted { at, judged });
    }

    /// The newest first.
    #[must_use]
    pub fn newest(&self, limit: usize) -> Vec<Noted> {
        self.kept().iter().rev().take(limit).cloned().collect()
    }

    fn kept(&self) -> MutexGuard<'_, VecDeque<Noted>> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let oldest = self.clock.now().0.saturating_sub(KEPT_MILLIS);
        while kept.front().is_some_and(|noted| noted.at.0 < oldest) {
            kept.pop_front();
        }
        kept
    }
}

impl Judged {
    pub(super) fn of(client: &ClientId, interaction: &Interaction, decision: &Decision) -> Self {
        let answer = match decision {
            Decision::Permit(_) => Said::Permitted,
            Decision::PermitNarrowed(_) => Said::Narrowed,
            Decision::Deny(_) => Said::Denied,
        };
        let why = match decision {
            Decision::Deny(denial) => denial.to_string(),
            _ => scopes(&decision.scopes()),
        };
        Self { client: client.clone(), interaction: words(interaction), answer, why }
    }
}

impl Said {
    /// For a page.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Permitted => "permitted",
            Self::Narrowed => "narrowed",
            Self::Denied => "denied",
        }
    }
}

fn scopes(scopes: &[&str]) -> String {
    let shown = scopes.iter().take(MOST_SCOPES).map(|scope| scope.chars().take(LONGEST).collect::<String>());
    let mut text = shown.collect::<Vec<_>>().join(" ");
    if scopes.len() > MOST_SCOPES {
        text.push_str(&format!(" and {} more", scopes.len() - MOST_SCOPES));
    }
    text
}

/// The interaction as a developer would say it.
fn words(interaction: &Interaction) -> String {
    match interaction {
        Interaction::Capabilities => "metadata".to_owned(),
        Interaction::Read(of) => format!("read {}", of.resource_type.name()),
        Interaction::Vread(of, _) => format!("vread {}", of.resource_type.name()),
        Interaction::History(HistoryOf::Instance(of)) => {
            format!("history of one {}", of.resource_type.name())
        }
        Interaction::History(HistoryOf::Type(kind)) => format!("history of {}", kind.name()),
        Interaction::History(HistoryOf::System) => "history of everything".to_owned(),
        Interaction::Search(search) => match search.of() {
            SearchOf::System => "search everything".to_owned(),
            SearchOf::Type(kind) => format!("search {}", kind.name()),
            SearchOf::Compartment(of, kind) => {
                let kind = kind.map_or("everything", vestibule_scope::ResourceType::name);
                format!("search {kind} of one {}", of.resource_type.name())
            }
        },
        Interaction::Write(Write { act, resource_type, condition, .. }) => {
            let act = match act {
                Act::Create => "create",
                Act::Update => "update",
                Act::Patch => "patch",
                Act::Delete => "delete",
            };
            let how = if condition.is_some() { " conditionally" } else { "" };
            format!("{act} {}{how}", resource_type.name())
        }
        Interaction::Operation(operation) => match &operation.level {
            OperationLevel::System => format!("${}", operation.name),
            OperationLevel::Type(kind) => format!("${} on {}", operation.name, kind.name()),
            OperationLevel::Instance(of) => format!("${} on one {}", operation.name, of.resource_type.name()),
        },
        Interaction::Batch(entries) => format!("batch of {}", entries.len()),
        Interaction::Transaction(entries) => format!("transaction of {}", entries.len()),
        _ => "something else".to_owned(),
    }
}
