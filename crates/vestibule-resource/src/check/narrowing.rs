//! The limits within which something is permitted.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use vestibule_scope::{Permission, ResourceType};

use super::permitted::Checker;
use super::{Hidden, Need, Verdict};
use crate::decide::{Decision, Grounds};
use crate::element::{Element, text_of};
use crate::grants::Grants;
use crate::interaction::{Act, LogicalId};
use crate::known::Known;
use crate::reach::Reach;
use crate::rule::{Rule, on};
use crate::rules::Rules;
use crate::search::{Filter, Include, Key, Search, SearchOf};

/// What a server must apply to an interaction that is permitted within limits. [`checks`](Self::checks) says what there is to do.
///
/// A server that can search within limits adds [`additions`](Self::additions) to the search; any other lets the answer through
/// [`filter_bundle`](Self::filter_bundle).
#[derive(Clone)]
pub struct Narrowing {
    grants: Arc<Grants>,
    rules: Rules,
    /// The types that were asked for; none where any type was.
    roots: Option<Vec<ResourceType>>,
    need: Need,
    grounds: Grounds,
    pub(crate) includes: Arc<[Include]>,
    pub(crate) history: bool,
    pub(crate) everything: bool,
    pub(crate) pages: bool,
    pub(crate) later_page: bool,
    pub(crate) counts: bool,
    pub(crate) partial: bool,
    pub(crate) bundle: bool,
    /// What the search itself says, in parameters without modifiers.
    pub(crate) says: Arc<[(String, String)]>,
    pub(crate) act: Option<Act>,
    pub(crate) validates: bool,
    pub(crate) submits: bool,
    pub(crate) stored: Option<Need>,
    pub(crate) condition: Option<Box<Self>>,
    pub(crate) entries: Vec<Decision>,
    pub(crate) full_urls: Arc<BTreeMap<String, (ResourceType, LogicalId)>>,
}

/// What is left to be checked.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct Checks {
    /// The resource of the answer, with [`Narrowing::check_result`].
    pub result: bool,
    /// The Bundle of the answer, with [`Narrowing::filter_bundle`], unless the search itself was narrowed.
    pub bundle: bool,
    /// The submitted resource, with [`Narrowing::check_submitted`].
    pub submitted: bool,
    /// The stored resource, before anything is done to it, with [`Narrowing::check_stored`].
    pub stored: bool,
    /// The resource that a write leaves, before it is kept, with [`Narrowing::check_resulting`].
    pub resulting: bool,
    /// The search of a conditional interaction: only what [`Narrowing::condition`] lets through has been found.
    pub condition: bool,
    /// The outcome of a `$validate`, with [`Narrowing::filter_outcome`]. What was submitted to it is found by
    /// [`Operation::submitted`](crate::Operation::submitted).
    pub outcome: bool,
    /// The entries, each with its own decision: [`Narrowing::entries`].
    pub entries: bool,
}

impl Narrowing {
    pub(crate) fn new(
        grants: &Arc<Grants>,
        rules: &Rules,
        roots: Option<Vec<ResourceType>>,
        need: Need,
        grounds: Grounds,
    ) -> Self {
        Self {
            grants: Arc::clone(grants),
            rules: rules.clone(),
            roots,
            need,
            grounds,
            includes: Arc::default(),
            history: false,
            everything: false,
            pages: false,
            later_page: false,
            counts: false,
            partial: false,
            bundle: false,
            says: Arc::default(),
            act: None,
            validates: false,
            submits: false,
            stored: None,
            condition: None,
            entries: Vec::new(),
            full_urls: Arc::default(),
        }
    }

    pub(crate) fn searches(&mut self, search: &Search) {
        self.bundle = true;
        self.includes = search.includes().into();
        self.counts = search.counts_only();
        self.pages = search.pages;
        let asks_all = matches!(search.of(), SearchOf::System) && search.types().is_none();
        self.later_page = search.pages && asks_all && search.filters().is_empty();
        self.partial = search.wants_parts_only();
        let plain = |filter: &Filter| match &filter.key {
            Key::Plain { name, modifier: None } => Some((name.clone(), filter.value.clone())),
            _ => None,
        };
        // What only the query of a form says, not every server hears.
        let filters = if search.is_split { &[][..] } else { search.filters() };
        self.says = filters.iter().filter_map(plain).collect();
    }

    /// What there is to check.
    pub const fn checks(&self) -> Checks {
        let entries = !self.entries.is_empty();
        let bundle = self.bundle || self.history || self.everything;
        let act = self.act;
        Checks {
            result: act.is_none() && !bundle && !entries && self.stored.is_none() && !self.validates,
            bundle,
            submitted: matches!(act, Some(Act::Create | Act::Update)) || self.submits,
            stored: matches!(act, Some(Act::Update | Act::Patch | Act::Delete)) || self.stored.is_some(),
            resulting: matches!(act, Some(Act::Update | Act::Patch)),
            condition: self.condition.is_some(),
            outcome: self.validates,
            entries,
        }
    }

    /// The scopes that give what is permitted.
    pub const fn grounds(&self) -> &Grounds {
        &self.grounds
    }

    /// The types that were asked for and may be in the answer; `None` where any type may that [`reach`](Self::reach) lets through.
    pub fn types(&self) -> Option<&[ResourceType]> {
        self.roots.as_deref()
    }

    /// What of a type may be in the answer, for a server that searches within limits: resources that every one of these lets
    /// through.
    pub fn reach(&self, resource_type: ResourceType) -> Vec<Reach> {
        let of = |permission| self.grants.reach(resource_type, permission, &self.rules);
        match self.need {
            Need::All(permissions) => permissions.iter().map(|permission| of(*permission)).collect(),
            Need::Set(permissions) => permissions.iter().map(of).collect(),
            Need::Any => vec![match of(Permission::Read) {
                Reach::Nothing => of(Permission::Search),
                reach => reach,
            }],
            Need::Either(permissions) => {
                let mut reaches = permissions.iter().map(|permission| of(*permission));
                vec![reaches.find(|reach| !reach.is_nothing()).unwrap_or(Reach::Nothing)]
            }
        }
    }

    /// Whether only a number was asked for. If the search was not narrowed, that number counts what is hidden: refuse.
    pub const fn counts_only(&self) -> bool {
        self.counts
    }

    /// Whether only parts of the resources were asked for. What is left out cannot be judged, and is then hidden: let the server behind
    /// answer in full, or search within the limits.
    pub const fn needs_whole_resources(&self) -> bool {
        self.partial
    }

    /// Whether this is a search of the base with nothing but paging parameters (`?_getpages=..`): a later page of a search that was judged
    /// when it was made. It selects nothing by itself, so its own `next` tells no more than the link did that led here.
    pub const fn is_later_page(&self) -> bool {
        self.later_page
    }

    /// What limits the search of a conditional interaction.
    pub fn condition(&self) -> Option<&Self> {
        self.condition.as_deref()
    }

    /// The decisions on the entries of a batch or transaction, in their order.
    pub fn entries(&self) -> &[Decision] {
        &self.entries
    }

    /// Whether a resource of the answer may be shown (SMART-SCOPE-046, SMART-SCOPE-048). What a search finds needs `s`; where the
    /// searched type may also come along, ask [`check_included`](Self::check_included) for that.
    pub fn check_result(&self, resource: &dyn Element) -> Verdict {
        self.check_result_among(resource, &())
    }

    /// The same, where other resources are at hand: for a Binary its documents, for a Provenance its targets.
    pub fn check_result_among(&self, resource: &dyn Element, known: &dyn Known) -> Verdict {
        let Some(kind) = self.type_of(resource) else { return Verdict::Hidden(Hidden::Unexpected) };
        let is_root = self.roots.as_ref().is_none_or(|roots| roots.contains(&kind));
        if !is_root || !on(Rule::Matches) {
            return self.check_included_among(resource, known);
        }
        self.checker(known, false).judge(self.need, kind, resource)
    }

    /// Whether a resource may come along with what a search finds (SMART-SCOPE-023): for entries whose search mode is `include`.
    /// `r` or `s` is enough for them.
    pub fn check_included(&self, resource: &dyn Element) -> Verdict {
        self.check_included_among(resource, &())
    }

    /// The same, where other resources are at hand.
    pub fn check_included_among(&self, resource: &dyn Element, known: &dyn Known) -> Verdict {
        // Which includes a later page is of, only the server knows.
        let asked = !self.includes.is_empty() || self.pages;
        let kind = self.type_of(resource).filter(|_| asked);
        let Some(kind) = kind else { return Verdict::Hidden(Hidden::Unexpected) };
        if !on(Rule::Includes) {
            return Verdict::Permitted;
        }
        self.checker(known, false).judge(Need::Any, kind, resource)
    }

    /// Whether a resource may be submitted: for a create or update, or to `$validate` one.
    pub fn check_submitted(&self, resource: &dyn Element) -> Verdict {
        self.check_submitted_among(resource, &())
    }

    /// The same, where the targets of a Provenance, or the Binaries of a document, are at hand.
    pub fn check_submitted_among(&self, resource: &dyn Element, known: &dyn Known) -> Verdict {
        if !on(Rule::Submitted) {
            return Verdict::Permitted;
        }
        self.check_written(resource, known, true)
    }

    /// Whether the stored resource may be changed, deleted, or given to an operation. `None` where there is none yet, for an update
    /// that then creates (SMART-SCOPE-021).
    pub fn check_stored(&self, resource: Option<&dyn Element>) -> Verdict {
        self.check_stored_among(resource, &())
    }

    /// The same, where the targets of a Provenance are at hand.
    pub fn check_stored_among(&self, resource: Option<&dyn Element>, known: &dyn Known) -> Verdict {
        if !on(Rule::Stored) {
            return Verdict::Permitted;
        }
        match (resource, self.stored, self.act) {
            (Some(resource), Some(need), _) => {
                let Some(kind) = self.type_of(resource) else { return Verdict::Hidden(Hidden::Unexpected) };
                self.checker(known, false).judge(need, kind, resource)
            }
            (Some(resource), None, _) => self.check_written(resource, known, false),
            // A patient scope is for a patient who is there.
            (None, None, Some(Act::Update)) if !self.is_of_patients() => Verdict::Permitted,
            (None, ..) => Verdict::Hidden(Hidden::Missing),
        }
    }

    /// Whether the resource that a write leaves may be kept: nothing is given away, and nothing taken out of the scope.
    pub fn check_resulting(&self, resource: &dyn Element) -> Verdict {
        self.check_resulting_among(resource, &())
    }

    /// The same, where the targets of a Provenance, or the Binaries of a document, are at hand.
    pub fn check_resulting_among(&self, resource: &dyn Element, known: &dyn Known) -> Verdict {
        if !on(Rule::Resulting) {
            return Verdict::Permitted;
        }
        self.check_written(resource, known, true)
    }

    fn check_written(&self, resource: &dyn Element, known: &dyn Known, keeps: bool) -> Verdict {
        match self.type_of(resource) {
            Some(kind) if self.roots.as_ref().is_none_or(|roots| roots.contains(&kind)) => {
                Checker { keeps, ..self.checker(known, true) }.judge(self.need, kind, resource)
            }
            _ => Verdict::Hidden(Hidden::Unexpected),
        }
    }

    fn is_of_patients(&self) -> bool {
        let patient = |roots: &Vec<ResourceType>| roots.iter().any(|root| root.name() == "Patient");
        on(Rule::NewPatients) && self.roots.as_ref().is_none_or(patient)
    }

    pub(crate) fn type_of(&self, resource: &dyn Element) -> Option<ResourceType> {
        text_of(resource, "resourceType").and_then(|name| self.rules.version().resource_type(&name))
    }

    pub(crate) const fn rules(&self) -> &Rules {
        &self.rules
    }

    fn checker<'a>(&'a self, known: &'a dyn Known, writes: bool) -> Checker<'a> {
        Checker {
            grants: &self.grants,
            rules: &self.rules,
            full_urls: &self.full_urls,
            known,
            writes,
            keeps: false,
        }
    }
}

impl fmt::Debug for Narrowing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Scopes name no patient.
        f.debug_struct("Narrowing")
            .field("types", &self.roots)
            .field("scopes", &self.grounds)
            .field("checks", &self.checks())
            .finish_non_exhaustive()
    }
}
