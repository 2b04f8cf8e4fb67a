//! The suite of grant stores finds every planted mistake, and where it was planted.

use std::sync::Arc;

use vestibule_host::memory::MemoryLimits;
use vestibule_host::{GrantStore, MemoryGrants};
use vestibule_testkit::StoreFactory;
use vestibule_testkit::mutants::{Mistake, MutantGrants};
use vestibule_testkit::suite::failures;
use vestibule_testkit::suite::grants::{CASES, random_sequences};

struct Mutant(Mistake);

#[async_trait::async_trait]
impl StoreFactory<dyn GrantStore> for Mutant {
    async fn open(&self) -> Arc<dyn GrantStore> {
        Arc::new(MutantGrants::new(self.0))
    }

    async fn open_small(&self) -> Option<Arc<dyn GrantStore>> {
        Some(Arc::new(MutantGrants::with_limits(self.0, FEW)))
    }
}

const FEW: MemoryLimits = MemoryLimits::new(20, 10, 15).with_beside(30, 20, 40);

/// The case that must find a mistake, whoever else finds it too.
const fn found_by(mistake: Mistake) -> &'static str {
    match mistake {
        Mistake::UnguardedRedemption => "of_many_redemptions_one_wins",
        Mistake::LastWriterWins => "of_many_advances_one_wins",
        Mistake::ForgottenExpiry | Mistake::LateByOne => "a_code_ends_when_its_time_is_reached",
        Mistake::OneTenant => "tenants_do_not_see_each_other",
        Mistake::SwallowedError => "a_launch_is_put_once",
        Mistake::ReplayWithoutRevocation => "a_replay_kills_the_grant",
        Mistake::MismatchBurns => "a_wrong_binding_changes_nothing",
        Mistake::SpentCodesDeleted => "a_spent_code_outlives_its_own_time",
        Mistake::CaseFolding => "keys_are_compared_byte_for_byte",
        Mistake::LaggingRead => "each_revocation_reaches_its_grants_only",
        Mistake::ForgetfulAttempts => "a_repeated_redemption_answers_the_same",
        Mistake::NonAtomicIssue => "of_many_interactions_one_spends_the_launch",
        Mistake::HalfDoneWhenDropped => "an_abandoned_issue_is_whole_or_not_at_all",
        Mistake::GreedyPurge => "a_purge_takes_only_what_is_over",
        Mistake::UnboundedPurge => "a_purge_is_bounded_and_can_be_continued",
        Mistake::UncountedQuota => "a_quota_counts_what_nobody_signed_in_for",
        Mistake::SessionsNotRevoked => "each_revocation_reaches_its_grants_only",
        Mistake::LaunchNotSpent => "an_issue_is_there_as_a_whole",
        Mistake::FalseDurability => "what_was_acknowledged_survives",

        Mistake::IssuesAgainAfterPurge => "an_attempt_does_not_issue_again_after_a_purge",
        Mistake::NamesFreedEarly | Mistake::OverIssuesForgotten => "names_are_taken_until_a_purge",
        Mistake::LazyPurge | Mistake::HastyPurge => "a_purge_knows_the_last_millisecond",
        Mistake::QuotaJudgedAgain => "a_save_of_what_counts_is_not_one_more",
        Mistake::RevokesOnlyOnce => "a_repeated_revocation_looks_again",
        Mistake::UseNeverEarlier => "the_last_use_counts_whatever_its_clock",
        Mistake::NoRoomForEnds => "a_full_store_still_ends_what_must_end",

        Mistake::UnguardedRotation => "of_many_refreshes_one_wins",
        Mistake::ForkedChain
        | Mistake::ForgottenPredecessor
        | Mistake::EndlessWindow
        | Mistake::SaltOverwritten
        | Mistake::ReuseWithoutRevocation => "a_lost_answer_is_told_again",
        Mistake::UncountedReplays => "replays_are_counted",
        Mistake::SuspicionForgotten => "three_suspected_generations_of_five_kill",
        Mistake::RestIgnored | Mistake::AgeIgnored => "a_chain_ends_by_rest_and_by_age",
        Mistake::AnyClientRefreshes => "another_clients_refresh_changes_nothing",
        Mistake::RevokedChainsRotate => "a_returned_revocation_beats_every_later_refresh",
        Mistake::UseNotNoted | Mistake::KeepShortened => "a_use_is_noted_and_never_shortens",
        Mistake::KeepNotExtended => "a_purge_keeps_live_chains",

        Mistake::ClaimBurnsOnFault => "a_fault_spends_no_claim",
        Mistake::ClaimSpentByWinners => "every_outcome_spends_the_claim",
        Mistake::ClaimsAreOne | Mistake::ClaimsOfAllTenants => "a_claim_blocks_no_other",
        Mistake::ClaimOutsideCommit => "of_many_uses_of_a_claim_one_wins",
        Mistake::OwnClaimSeen => "a_repeated_attempt_has_not_seen_its_own_claim",
        Mistake::UncheckedWhenFull => "a_full_store_takes_no_assertion_unchecked",

        Mistake::TokensOutliveTheirApp => "a_clients_tokens_are_revoked_with_it",
        Mistake::TokensOutliveTheirGrant => "an_opaque_token_dies_with_its_grant",
        Mistake::OrphansPass => "a_token_does_not_outlive_its_grants_row",
        Mistake::TokenReplaced => "an_opaque_token_is_kept_once",
        Mistake::RevocationShortened => "a_token_is_revoked_alone",

        Mistake::EventLost => "a_token_and_a_revocation_are_told_once",
        Mistake::EventOutsideCommit => "an_abandoned_refresh_is_whole_or_not_at_all",
        Mistake::EventPerTry => "a_refresh_is_told_once",
        Mistake::RefusalTold => "a_redemption_is_told_once",
        Mistake::LeasedForever | Mistake::AcknowledgementIgnored | Mistake::EventsReversed => {
            "an_event_is_leased_until_its_time"
        }
        Mistake::LeasedTwice => "of_many_leases_each_event_has_one",
        Mistake::EventsPurged => "an_event_stays_until_it_is_acknowledged",
    }
}

/// STORE-001, STORE-003
#[test]
fn every_planted_mistake_is_found_where_it_was_planted() {
    let mut missed = Vec::new();
    for mistake in Mistake::ALL {
        let due = found_by(*mistake);
        let case: Vec<_> = CASES.iter().filter(|case| case.name == due).copied().collect();
        assert_eq!(case.len(), 1, "{due} is no case");
        if failures(&case, || Mutant(*mistake)).is_empty() {
            let found: Vec<_> = failures(CASES, || Mutant(*mistake)).iter().map(|(name, _)| *name).collect();
            missed.push(format!("{mistake:?} is not found by {due}, only by {found:?}"));
        }
    }
    assert_eq!(missed, Vec::<String>::new());
}

/// The model is no weaker than the cases: it finds what random sequences can find, and within a few dozen of them.
#[test]
fn the_model_finds_mistakes_that_no_case_names() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let missed: Vec<_> = [
        Mistake::ForgottenExpiry,
        Mistake::LateByOne,
        Mistake::OneTenant,
        Mistake::MismatchBurns,
        Mistake::ForkedChain,
        Mistake::SaltOverwritten,
        Mistake::EndlessWindow,
        Mistake::SuspicionForgotten,
        Mistake::RestIgnored,
        Mistake::AnyClientRefreshes,
        Mistake::RevokedChainsRotate,
        Mistake::UseNotNoted,
        Mistake::ClaimSpentByWinners,
        Mistake::ClaimsAreOne,
        Mistake::TokensOutliveTheirApp,
        Mistake::OrphansPass,
        Mistake::RevocationShortened,
        Mistake::EventPerTry,
        Mistake::RefusalTold,
        Mistake::LeasedTwice,
        Mistake::IssuesAgainAfterPurge,
        Mistake::NamesFreedEarly,
        Mistake::OverIssuesForgotten,
        Mistake::LazyPurge,
        Mistake::HastyPurge,
        Mistake::QuotaJudgedAgain,
        Mistake::RevokesOnlyOnce,
        Mistake::UseNeverEarlier,
    ]
    .into_iter()
    .filter(|mistake| runtime.block_on(random_sequences(&Mutant(*mistake), 0..40)).is_ok())
    .collect();
    assert_eq!(missed, Vec::new());
}

#[test]
fn a_store_without_a_mistake_passes() {
    assert_eq!(failures(CASES, || (MemoryGrants::new, || MemoryGrants::with_limits(FEW))), Vec::new());
}

/// A store without a bound fills the disk: what was not shown has not passed.
#[test]
fn a_store_without_a_bound_fails() {
    let failed: Vec<_> = failures(CASES, || MemoryGrants::new).into_iter().map(|(case, _)| case).collect();
    let due = [
        "a_full_store_refuses_and_evicts_nothing",
        "a_full_store_takes_no_assertion_unchecked",
        "a_full_store_keeps_no_token",
        "a_full_log_refuses_and_forgets_nothing",
        "a_full_store_still_ends_what_must_end",
    ];
    assert_eq!(failed, due);
}

/// Whoever reads a failure reads numbers and names, not hashes that look alike.
#[test]
fn a_failure_of_the_model_is_told_in_names() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let run = random_sequences(&Mutant(Mistake::OverIssuesForgotten), 0..40);
    let told = runtime.block_on(run).unwrap_err().to_string();
    assert!(told.contains("found Err(NotApplied), due is Ok(Won)"), "{told}");
    assert!(told.contains("issue code 0") && told.contains("grant-00000"), "{told}");
    for hidden in ["Hash(", "Handle(", "c0c0", "192, 192", "UnixMillis"] {
        assert!(!told.contains(hidden), "{hidden} in {told}");
    }
}
