//! Step 6: what is offered on the consent page, and what was ticked.

use vestibule_host::RegisteredClient;
use vestibule_scope::{
    Category, IdentityScope, Level, Permission, Scope, ScopeKind, ScopeSet, TypeSpec, categories_of,
};

use super::negotiate::{Negotiation, is_open_id};
use super::refusal::Refusal;
use crate::grant::{fits_a_token, max_scope, text_len};

/// Everything that can be granted, as boxes to tick.
#[derive(Clone, PartialEq, Debug)]
pub struct Offer {
    items: Vec<OfferItem>,
}

/// A box, and the narrower boxes below it.
#[derive(Clone, PartialEq, Debug)]
pub struct OfferItem {
    /// The scope.
    pub scope: Scope,
    /// Narrower scopes, ignored while `scope` itself is ticked (SMART-SCOPE-115).
    pub parts: Vec<(Scope, &'static Category)>,
    /// Data that people guard more closely, or access that lasts.
    pub sensitive: bool,
    /// The right to change data.
    pub changes_data: bool,
    /// Everything of its kind, also what is added later (SMART-AUTHZ-071).
    pub everything: bool,
}

impl Offer {
    /// The offer that a negotiation leaves, for an app whose access tokens can carry every answer to it. Boxes for categories are left
    /// out where ticking them all would be too long (SMART-SCOPE-053).
    ///
    /// # Errors
    /// [`Refusal::TooLong`] when a token cannot carry all that is offered: nobody is asked for what cannot be had.
    pub fn to(client: &RegisteredClient, negotiation: &Negotiation) -> Result<Self, Refusal> {
        if !fits_a_token(&negotiation.granted(), client) {
            return Err(Refusal::TooLong);
        }
        let mut offer = Self::of(negotiation);
        if offer.longest() > max_scope(client) {
            offer.items.iter_mut().for_each(|item| item.parts.clear());
        }
        Ok(offer)
    }

    /// The longest answer: in place of each box itself, all below it.
    fn longest(&self) -> usize {
        let item = |item: &OfferItem| {
            text_len(std::iter::once(&item.scope)).max(text_len(item.parts.iter().map(|(part, _)| part))) + 1
        };
        self.items.iter().map(item).sum()
    }

    /// The offer that a negotiation leaves.
    pub fn of(negotiation: &Negotiation) -> Self {
        let item = |scope: &Scope| OfferItem {
            parts: parts_of(scope),
            sensitive: is_sensitive(scope),
            changes_data: changes_data(scope),
            everything: matches!(scope.as_resource(), Some(resource) if resource.resource_type() == TypeSpec::Any),
            scope: scope.clone(),
        };
        Self { items: negotiation.granted().iter().map(item).collect() }
    }

    /// The boxes.
    pub fn items(&self) -> &[OfferItem] {
        &self.items
    }

    /// What was ticked. Texts that were not offered are ignored: a posted scope never widens anything (INT-009, A-CTX-07).
    pub fn choose(&self, ticked: &[&str]) -> ConsentChoice {
        let is_ticked = |scope: &Scope| ticked.contains(&scope.as_str());
        let mut granted = ScopeSet::new();
        for item in &self.items {
            if is_ticked(&item.scope) {
                granted.insert(item.scope.clone());
            } else {
                for (part, _) in item.parts.iter().filter(|(part, _)| is_ticked(part)) {
                    granted.insert(part.clone());
                }
            }
        }
        ConsentChoice::new(granted)
    }

    /// The choice that an earlier answer makes unnecessary to ask for: only if it covers all that is offered now (S13).
    pub fn remembered(&self, granted: &[String]) -> Option<ConsentChoice> {
        let earlier: ScopeSet = granted
            .iter()
            .filter_map(|text| Scope::parse(text).or_else(|_| Scope::extension(text)).ok())
            .collect();
        let covered = self.items.iter().all(|item| earlier.covers(&item.scope));
        (covered && !self.items.is_empty()).then(|| self.all())
    }

    /// The choice for an app that an administrator approved beforehand.
    pub fn all(&self) -> ConsentChoice {
        ConsentChoice::new(self.items.iter().map(|item| item.scope.clone()).collect())
    }

    /// The offered scopes that a choice leaves out, for the consent record.
    pub fn refused(&self, choice: &ConsentChoice) -> Vec<String> {
        let refused = |item: &&OfferItem| !choice.granted.contains(&item.scope);
        self.items.iter().filter(refused).map(|item| item.scope.as_str().to_owned()).collect()
    }
}

/// What was agreed to: always a part of what was offered. Made only by an [`Offer`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ConsentChoice {
    granted: ScopeSet,
}

impl ConsentChoice {
    fn new(granted: ScopeSet) -> Self {
        // SMART-SCOPE-090: without `openid` there is no ID token to carry the user.
        let has_open_id = granted.iter().any(|scope| is_open_id(scope.kind()));
        let keep = |scope: &&Scope| has_open_id || !matches!(scope.kind(), ScopeKind::Identity(_));
        Self { granted: granted.iter().filter(keep).cloned().collect() }
    }

    /// The scopes.
    pub const fn granted(&self) -> &ScopeSet {
        &self.granted
    }

    pub(crate) fn into_granted(self) -> ScopeSet {
        self.granted
    }

    /// Whether something was agreed to that is of use: the right to come back alone is not.
    pub fn is_worth_a_grant(&self) -> bool {
        crate::grant::is_worth_a_grant(&self.granted)
    }
}

fn parts_of(scope: &Scope) -> Vec<(Scope, &'static Category)> {
    let Some(resource) = scope.as_resource() else { return Vec::new() };
    let TypeSpec::Named(named) = resource.resource_type() else { return Vec::new() };
    if resource.constraint().is_some() {
        return Vec::new();
    }
    categories_of(named).iter().filter_map(|category| Some((scope.refined(category)?, category))).collect()
}

/// Types whose content people guard more closely than a list of medications.
const GUARDED: [&str; 8] = [
    "Binary",
    "Communication",
    "Consent",
    "DocumentReference",
    "FamilyMemberHistory",
    "MolecularSequence",
    "QuestionnaireResponse",
    "RiskAssessment",
];

fn changes_data(scope: &Scope) -> bool {
    let may = |permission| scope.as_resource().is_some_and(|one| one.permissions().contains(permission));
    [Permission::Create, Permission::Update, Permission::Delete].into_iter().any(may)
}

fn is_sensitive(scope: &Scope) -> bool {
    match scope.kind() {
        ScopeKind::Resource(resource) => {
            let guarded = match resource.resource_type() {
                TypeSpec::Any => true,
                TypeSpec::Named(named) => GUARDED.contains(&named.name()),
            };
            guarded || resource.level() == Level::System
        }
        ScopeKind::Refresh(_) => true,
        ScopeKind::Identity(IdentityScope::OpenId | IdentityScope::FhirUser | IdentityScope::Profile) => {
            false
        }
        _ => false,
    }
}
