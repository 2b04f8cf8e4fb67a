//! Step 4: what becomes of each requested scope.
//!
//! A pipeline that may only narrow (SMART-SCOPE-110 to -117):
//! requested → grammar → client → server and FHIR base → kind of launch and user → context → relationship → consent.
//! Every requested scope keeps a line that says what is left of it, and which stage took the rest away, for which reason.

use std::fmt;

use vestibule_host::RegisteredClient;
use vestibule_scope::{
    ContextScope, IdentityScope, Level, Narrowed, RefreshScope, Scope, ScopeError, ScopeKind, ScopeList,
    ScopeSet,
};

use super::consent::ConsentChoice;
use super::validate::Rules;
use crate::audience::FhirBase;
use crate::grant::is_worth_a_grant;

/// A stage of the pipeline.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stage {
    /// What the text means.
    Grammar,
    /// What the app is registered for.
    Client,
    /// What this server does on this FHIR base.
    Base,
    /// Who signed in.
    User,
    /// What is in context.
    Context,
    /// What the user's relationship to the patient allows.
    Relationship,
    /// What the user agreed to.
    Consent,
}

/// For a developer's page or a log.
impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Grammar => "the text itself",
            Self::Client => "the app's registration",
            Self::Base => "this server and its FHIR base",
            Self::User => "the user",
            Self::Context => "the context",
            Self::Relationship => "the relationship to the patient",
            Self::Consent => "the user's consent",
        })
    }
}

/// Why a stage took something away.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reason {
    /// Not a scope that anybody knows here.
    NotAScope(ScopeError),
    /// The app's registration does not hold it.
    NotRegistered,
    /// The FHIR base does not hold it.
    NotOnThisBase,
    /// The type is not in this FHIR version.
    TypeNotInVersion,
    /// The search parameter cannot constrain a scope here; the scope is dropped, never widened (SMART-SCOPE-050).
    ConstraintNotSupported,
    /// `system/` scopes are for backend services (SMART-SCOPE-068).
    NoSystemHere,
    /// A backend service has no user behind it: `system/` scopes and those of the host's own are for it (SCOPE-005).
    NeedsAUser,
    /// The app may not have refresh tokens.
    NoRefreshTokens,
    /// This server does not offer it.
    NotOffered,
    /// Only an EHR launch has it.
    OnlyInEhrLaunch,
    /// The user has no FHIR resource (SMART-SCOPE-089).
    NoFhirUser,
    /// `fhirUser` and `profile` need `openid` to be carried (SMART-SCOPE-090).
    NeedsOpenId,
    /// The host's policy keeps it from this user.
    NotForThisUser,
    /// Nothing of the kind is in context.
    NotInContext,
    /// The relationship does not allow it.
    BeyondRelationship,
    /// The user said no.
    Refused,
}

/// For a developer's page or a log.
impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotAScope(error) => return error.fmt(f),
            Self::NotRegistered => "the app is not registered for it",
            Self::NotOnThisBase => "the FHIR base does not have it",
            Self::TypeNotInVersion => "this version of FHIR has no such type",
            Self::ConstraintNotSupported => "scopes cannot be constrained by this search parameter here",
            Self::NoSystemHere => "system scopes are for backend services",
            Self::NeedsAUser => "it needs a user, and a backend service has none",
            Self::NoRefreshTokens => "the app may not have refresh tokens",
            Self::NotOffered => "this server does not offer it",
            Self::OnlyInEhrLaunch => "only a launch from the EHR has it",
            Self::NoFhirUser => "the user has no FHIR resource",
            Self::NeedsOpenId => "it needs openid beside it",
            Self::NotForThisUser => "this user may not hand it on",
            Self::NotInContext => "nothing of the kind is in context",
            Self::BeyondRelationship => "the relationship does not allow it",
            Self::Refused => "the user said no",
        })
    }
}

/// What became of a requested scope.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fate {
    /// Granted as asked.
    Granted,
    /// Granted in part.
    Narrowed(Stage, Reason),
    /// Not granted.
    Dropped(Stage, Reason),
}

/// One requested scope.
#[derive(Clone, PartialEq, Debug)]
pub struct Line {
    requested: String,
    left: Vec<Scope>,
    took: Option<(Stage, Reason)>,
}

impl Line {
    /// The text that was requested.
    pub fn requested(&self) -> &str {
        &self.requested
    }

    /// What is left of it, in the app's spelling where it is untouched.
    pub fn left(&self) -> &[Scope] {
        &self.left
    }

    /// What became of it.
    pub fn fate(&self) -> Fate {
        match (self.took, self.left.is_empty()) {
            (None, _) => Fate::Granted,
            (Some((stage, reason)), true) => Fate::Dropped(stage, reason),
            (Some((stage, reason)), false) => Fate::Narrowed(stage, reason),
        }
    }
}

/// The lines of a request, and how far they are.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Negotiation {
    lines: Vec<Line>,
}

impl Negotiation {
    /// The stages that need nobody to sign in: grammar, client, base, kind of launch.
    pub(crate) fn start(
        list: &ScopeList,
        client: &RegisteredClient,
        base: &FhirBase,
        ehr: bool,
        rules: &Rules<'_>,
    ) -> Self {
        let mut this = Self::read(list, rules);
        this.drop_if(Stage::Base, |scope| match scope.kind() {
            ScopeKind::Resource(resource) if resource.level() == Level::System => Some(Reason::NoSystemHere),
            ScopeKind::Resource(resource) if !base.knows_type(resource) => Some(Reason::TypeNotInVersion),
            ScopeKind::Resource(resource) if !base.supports_constraint(resource) => {
                Some(Reason::ConstraintNotSupported)
            }
            // RT-001
            ScopeKind::Refresh(_) if !client.grant_types.refresh_token => Some(Reason::NoRefreshTokens),
            // SMART-SCOPE-093, AMB-14
            ScopeKind::Refresh(RefreshScope::Online) if !ehr => Some(Reason::OnlyInEhrLaunch),
            ScopeKind::Identity(IdentityScope::OpenId | IdentityScope::FhirUser | IdentityScope::Profile) => {
                None
            }
            ScopeKind::Identity(_) => Some(Reason::NotOffered),
            ScopeKind::Context(context) if !ehr && is_other_context(context) => Some(Reason::OnlyInEhrLaunch),
            ScopeKind::Context(context)
                if !ehr && context.is_launch_encounter() && !rules.standalone_encounters =>
            {
                Some(Reason::NotOffered)
            }
            _ => None,
        });
        this.narrow(Stage::Client, Reason::NotRegistered, |scope| client.scopes.narrow(scope));
        this.narrow(Stage::Base, Reason::NotOnThisBase, |scope| match scope.kind() {
            ScopeKind::Resource(_) | ScopeKind::Extension => base.scopes().narrow(scope),
            _ => Narrowed::Whole(scope.clone()),
        });
        this.cohere();
        this
    }

    /// The whole of it for a backend service: grammar, base, what it was authorized for beforehand (SMART-BACK-005, -006).
    pub(crate) fn for_backend(
        list: &ScopeList,
        registered: &RegisteredClient,
        base: &FhirBase,
        rules: &Rules<'_>,
    ) -> Self {
        let mut this = Self::read(list, rules);
        this.drop_if(Stage::Base, |scope| match scope.kind() {
            ScopeKind::Resource(resource) if resource.level() != Level::System => Some(Reason::NeedsAUser),
            ScopeKind::Resource(resource) if !base.knows_type(resource) => Some(Reason::TypeNotInVersion),
            ScopeKind::Resource(resource) if !base.supports_constraint(resource) => {
                Some(Reason::ConstraintNotSupported)
            }
            ScopeKind::Resource(_) | ScopeKind::Extension => None,
            _ => Some(Reason::NeedsAUser),
        });
        this.narrow(Stage::Base, Reason::NotOnThisBase, |scope| match scope.kind() {
            ScopeKind::Resource(_) => base.scopes().narrow(scope),
            _ => Narrowed::Whole(scope.clone()),
        });
        this.narrow(Stage::Client, Reason::NotRegistered, |scope| registered.scopes.narrow(scope));
        this
    }

    /// What the words mean, and whether anybody knows them here.
    fn read(list: &ScopeList, rules: &Rules<'_>) -> Self {
        let line = |one: &vestibule_scope::Requested| {
            let (left, took) = match &one.parsed {
                Ok(scope) if rules.knows(scope) => (vec![scope.clone()], None),
                Ok(_) => (Vec::new(), Some((Stage::Grammar, Reason::NotOffered))), // A-SCOPE-08
                // An extension that the app is registered for, and that the base knows, is spelled as it is (SMART-SCOPE-095).
                Err(error) => (Vec::new(), Some((Stage::Grammar, Reason::NotAScope(*error)))),
            };
            Line { requested: one.text.to_string(), left, took }
        };
        Self { lines: list.iter().map(line).collect() }
    }

    /// After sign-in: what this user cannot have.
    #[must_use]
    pub fn for_user(mut self, has_fhir_user: bool) -> Self {
        self.drop_if(Stage::User, |scope| match scope.kind() {
            ScopeKind::Identity(IdentityScope::FhirUser) if !has_fhir_user => Some(Reason::NoFhirUser),
            _ => None,
        });
        self
    }

    /// What the host's policy leaves for this user. It cannot widen: what was not asked for has no line.
    #[must_use]
    pub fn within_policy(mut self, left: Option<&ScopeSet>) -> Self {
        if let Some(left) = left {
            self.narrow(Stage::User, Reason::NotForThisUser, |scope| {
                if left.contains(scope) { Narrowed::Whole(scope.clone()) } else { left.narrow(scope) }
            });
            self.cohere();
        }
        self
    }

    /// After context is settled: context scopes that nothing stands behind (S8, E4), and `patient/` scopes without a patient.
    #[must_use]
    pub fn in_context(mut self, patient: bool, encounter: bool, other_types: &[String]) -> Self {
        self.drop_if(Stage::Context, |scope| {
            let there = match scope.kind() {
                ScopeKind::Context(ContextScope::Launch) => true,
                ScopeKind::Context(context) if context.is_launch_patient() => patient,
                ScopeKind::Context(context) if context.is_launch_encounter() => encounter,
                // SMART-SCOPE-086: any context of that type will do for a role that nobody knows.
                ScopeKind::Context(ContextScope::LaunchType { resource_type, .. }) => {
                    other_types.iter().any(|kind| kind == resource_type.name())
                }
                // SMART-CTX-060
                _ => patient || !scope.is_patient_level(),
            };
            (!there).then_some(Reason::NotInContext)
        });
        self
    }

    /// What the user's relationship to the patient allows: a ceiling on `patient/` scopes.
    #[must_use]
    pub fn within_relationship(mut self, ceiling: Option<&ScopeSet>) -> Self {
        if let Some(ceiling) = ceiling {
            self.narrow(Stage::Relationship, Reason::BeyondRelationship, |scope| {
                if scope.is_patient_level() { ceiling.narrow(scope) } else { Narrowed::Whole(scope.clone()) }
            });
        }
        self
    }

    /// What the user agreed to.
    #[must_use]
    pub fn consented(mut self, choice: &ConsentChoice) -> Self {
        self.narrow(Stage::Consent, Reason::Refused, |scope| {
            if choice.granted().contains(scope) {
                Narrowed::Whole(scope.clone())
            } else {
                choice.granted().narrow(scope)
            }
        });
        self.cohere();
        self
    }

    /// What is left, in the order of the request, each once.
    pub fn granted(&self) -> ScopeSet {
        self.lines.iter().flat_map(|line| line.left.iter().cloned()).collect()
    }

    /// Whether what is left is worth asking anybody about.
    pub fn is_worth_asking(&self) -> bool {
        is_worth_a_grant(&self.granted())
    }

    /// The lines, for a log, an inspector, a host.
    pub fn lines(&self) -> &[Line] {
        &self.lines
    }

    /// Whether nothing was taken away.
    pub fn is_untouched(&self) -> bool {
        self.lines.iter().all(|line| line.took.is_none())
    }

    /// Whether the app asked for bare `launch`, granted or not.
    pub(crate) fn asked_bare_launch(&self) -> bool {
        self.lines.iter().any(|line| line.requested == "launch")
    }

    pub(crate) fn wants_patient_data(&self) -> bool {
        self.lines.iter().flat_map(Line::left).any(Scope::is_patient_level)
    }

    pub(crate) fn wants_context(&self, which: impl Fn(&ContextScope) -> bool) -> bool {
        let matches = |scope: &Scope| scope.as_context().is_some_and(&which);
        self.lines.iter().flat_map(Line::left).any(matches)
    }

    fn narrow(&mut self, stage: Stage, reason: Reason, by: impl Fn(&Scope) -> Narrowed) {
        for line in &mut self.lines {
            let mut took = false;
            let mut left = Vec::new();
            for scope in &line.left {
                let narrowed = by(scope);
                took |= !matches!(narrowed, Narrowed::Whole(_));
                left.extend(narrowed.into_scopes());
            }
            line.left = left;
            if took {
                line.took = Some((stage, reason));
            }
        }
    }

    fn drop_if(&mut self, stage: Stage, why: impl Fn(&Scope) -> Option<Reason>) {
        for line in &mut self.lines {
            let mut took = None;
            line.left.retain(|scope| {
                let reason = why(scope);
                took = took.or(reason);
                reason.is_none()
            });
            if let Some(reason) = took {
                line.took = Some((stage, reason));
            }
        }
    }

    fn cohere(&mut self) {
        let has_open_id = self.granted().iter().any(|scope| is_open_id(scope.kind()));
        if !has_open_id {
            self.drop_if(Stage::Grammar, |scope| {
                matches!(scope.kind(), ScopeKind::Identity(_)).then_some(Reason::NeedsOpenId)
            });
        }
    }
}

/// Any context besides bare `launch`, the patient and the encounter.
fn is_other_context(context: &ContextScope) -> bool {
    !matches!(context, ContextScope::Launch) && !context.is_launch_patient() && !context.is_launch_encounter()
}

pub(crate) const fn is_open_id(kind: &ScopeKind) -> bool {
    matches!(kind, ScopeKind::Identity(IdentityScope::OpenId))
}
