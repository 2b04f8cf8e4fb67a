//! The rules by name, so that a test can switch off one at a time and show that somebody notices.
//!
//! Outside this crate's own tests every rule is on, and that is a constant.

/// A rule whose absence is a leak, or a breach of the protocol.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Rule {
    /// Only ids that FHIR allows, and none that is a dot segment.
    PathIds,
    /// Nothing percent-encoded in a path but the dollar sign of an operation.
    PathEscapes,
    /// No empty segment.
    PathSlashes,
    /// Names of parameters have FHIR's characters only.
    ParameterNames,
    /// A parameter that counts once comes once.
    SingleParameters,
    /// `;` separates parameters for some servers and not for others.
    Semicolons,
    /// Parameters that begin with `_` are known ones.
    UnknownResultParameters,
    /// What narrows a POST `_search` is in its form.
    FormBesideQuery,
    /// A submitted resource is of the path's type, and has its id.
    BodyIsPath,
    /// Only patches in formats that FHIR defines.
    PatchFormats,
    /// A permission is a letter (SMART-SCOPE-020).
    Letters,
    /// A scope is for one type, or for all.
    Types,
    /// `patient/` is the patient in context (SMART-SCOPE-060).
    Patient,
    /// The constraint of a granular scope (SMART-SCOPE-040).
    Constraint,
    /// Repeated or different parameters are ANDed (SMART-SCOPE-044).
    EveryPair,
    /// What a constraint's parameter is not known to mean matches nothing.
    UnknownConstraint,
    /// Types outside the compartment are reached by `patient/` only if they are listed (SMART-SCOPE-064).
    OutsideTypes,
    /// A listed type that names another patient is that patient's.
    OutsideNamesOther,
    /// Nobody's resources are not written under `patient/`.
    OutsideReadOnly,
    /// A resource about several patients is nobody's.
    SeveralPatients,
    /// Participants count only where no subject is named.
    ParticipantsLast,
    /// References to other servers are not references to ours.
    ForeignReferences,
    /// Contained patients are not the patient in context.
    ContainedPatients,
    /// Another patient's compartment or record is refused before anybody looks.
    OtherPatient,
    /// A chain reads what it goes through.
    Chains,
    /// `_has` reads what points here.
    ReverseChains,
    /// `_sort` along a chain too.
    SortChains,
    /// `_filter` and what else reads anything.
    FarParameters,
    /// `_list` reads the list.
    Lists,
    /// `:in`, `:above` and `:below` on references read what they point to.
    FarModifiers,
    /// What a search finds needs `s`, whatever may come along with it.
    Matches,
    /// Included resources need a scope (SMART-SCOPE-023).
    Includes,
    /// An include is reached through what is shown.
    IncludePaths,
    /// A `_type` list is covered, each of it.
    TypeLists,
    /// Totals count what is hidden.
    Totals,
    /// What the server says of a search speaks of what is hidden too.
    Outcomes,
    /// Deletions in a history say nothing about whose it was.
    Deletions,
    /// A Binary is what its security context says.
    Binary,
    /// A Provenance is as visible as all its targets.
    Provenance,
    /// Conditional interactions search (SMART-SCOPE-023).
    ConditionalSearch,
    /// A reference by search in a submitted resource searches.
    ConditionalReferences,
    /// No new patients under `patient/`.
    NewPatients,
    /// The submitted resource is judged (SMART-SCOPE-048).
    Submitted,
    /// The stored one too.
    Stored,
    /// And what a write results in.
    Resulting,
    /// Only operations in the table (SMART-SCOPE-024).
    UnknownOperations,
    /// `$export` is for `system/` scopes.
    ExportLevel,
    /// `$everything` needs `r` and `s`.
    EverythingLetters,
    /// `$validate` on an instance reads it.
    ValidateReads,
    /// `$validate` is judged as the write that it asks about.
    ValidateNarrows,
    /// What a validation says of others is not told.
    ValidateOutcome,
    /// One refused entry refuses a transaction.
    Transactions,
    /// What an entry calls itself cannot be mistaken for a patient that it is not.
    FullUrls,
    /// A document is not a way to open somebody's Binary.
    DocumentWrites,
    /// Batches do not nest, and are of a bounded size.
    BatchBounds,
    /// The user's own resource is for reading only (SMART-IDT-014).
    OwnResource,
}

#[cfg(test)]
impl Rule {
    /// All of them.
    pub(crate) const ALL: &[Self] = &[
        Self::PathIds,
        Self::PathEscapes,
        Self::PathSlashes,
        Self::ParameterNames,
        Self::SingleParameters,
        Self::Semicolons,
        Self::UnknownResultParameters,
        Self::FormBesideQuery,
        Self::BodyIsPath,
        Self::PatchFormats,
        Self::Letters,
        Self::Types,
        Self::Patient,
        Self::Constraint,
        Self::EveryPair,
        Self::UnknownConstraint,
        Self::OutsideTypes,
        Self::OutsideNamesOther,
        Self::OutsideReadOnly,
        Self::SeveralPatients,
        Self::ParticipantsLast,
        Self::ForeignReferences,
        Self::ContainedPatients,
        Self::OtherPatient,
        Self::Chains,
        Self::ReverseChains,
        Self::SortChains,
        Self::FarParameters,
        Self::Lists,
        Self::FarModifiers,
        Self::Matches,
        Self::Includes,
        Self::IncludePaths,
        Self::TypeLists,
        Self::Totals,
        Self::Outcomes,
        Self::Deletions,
        Self::Binary,
        Self::Provenance,
        Self::ConditionalSearch,
        Self::ConditionalReferences,
        Self::NewPatients,
        Self::Submitted,
        Self::Stored,
        Self::Resulting,
        Self::UnknownOperations,
        Self::ExportLevel,
        Self::EverythingLetters,
        Self::ValidateReads,
        Self::ValidateNarrows,
        Self::ValidateOutcome,
        Self::Transactions,
        Self::BatchBounds,
        Self::FullUrls,
        Self::DocumentWrites,
        Self::OwnResource,
    ];
}

#[cfg(not(test))]
pub(crate) const fn on(_: Rule) -> bool {
    true
}

#[cfg(test)]
thread_local! {
    static OFF: std::cell::Cell<Option<Rule>> = const { std::cell::Cell::new(None) };
}

#[cfg(test)]
pub(crate) fn on(rule: Rule) -> bool {
    OFF.get() != Some(rule)
}

/// Runs `what` without one of the rules.
#[cfg(test)]
pub(crate) fn without<T>(rule: Rule, what: impl FnOnce() -> T) -> T {
    OFF.set(Some(rule));
    let done = what();
    OFF.set(None);
    done
}
