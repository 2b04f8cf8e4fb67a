//! The suite finds every planted mistake, and where it was planted.

use vestibule_host::{MemoryClients, StaticClients};
use vestibule_testkit::mutants::{
    KeyMistake, Mistake, MutantClients, MutantGrants, MutantKeysFactory, RegistrarMistake,
};
use vestibule_testkit::suite::grants::CASES;
use vestibule_testkit::suite::{failures, keys, registrations};

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
    }
}

#[test]
fn every_planted_mistake_is_found_where_it_was_planted() {
    let mut missed = Vec::new();
    for mistake in Mistake::ALL {
        let failed = failures(CASES, || move || MutantGrants::new(mistake));
        let names: Vec<_> = failed.iter().map(|(name, _)| *name).collect();
        if !names.contains(&found_by(mistake)) {
            missed.push(format!("{mistake:?} is not found by {}, only by {names:?}", found_by(mistake)));
        }
    }
    assert_eq!(missed, Vec::<String>::new());
}

#[test]
fn a_store_without_a_mistake_passes() {
    assert_eq!(failures(CASES, || vestibule_host::MemoryGrants::new), Vec::new());
}

/// The same for stores of keys: whatever a node could lose its keys by is found.
#[test]
fn every_mistake_planted_in_a_key_store_is_found() {
    for mistake in KeyMistake::ALL {
        let due = match mistake {
            KeyMistake::UnguardedSave => "of_many_rotations_one_saves",
            KeyMistake::LastWriterWins | KeyMistake::StuckRevision => {
                "a_document_is_saved_by_compare_and_swap"
            }
            KeyMistake::CaseFolding => "tenants_have_documents_of_their_own",
            KeyMistake::TextOnly => "a_document_comes_back_byte_for_byte",
            KeyMistake::LaggingRevision => "the_revision_is_that_of_the_document",
            KeyMistake::FalseDurability => "documents_survive",
        };
        let failed = failures(keys::CASES, || MutantKeysFactory::new(mistake));
        let names: Vec<_> = failed.iter().map(|(name, _)| *name).collect();
        assert!(names.contains(&due), "{mistake:?} is not found by {due}, only by {names:?}");
    }
    assert_eq!(failures(keys::CASES, || vestibule_host::MemoryKeys::new), Vec::new());
}

/// The case that must find a mistake of a registrar.
const fn registrar_found_by(mistake: RegistrarMistake) -> &'static str {
    match mistake {
        RegistrarMistake::TokensNotSpent => "an_initial_token_buys_one_registration",
        RegistrarMistake::SpentBeforeKept => "what_is_not_kept_spends_nothing",
        RegistrarMistake::CreateReplaces => "an_id_is_taken_once",
        RegistrarMistake::LastChangeWins => "of_many_changes_one_wins",
        RegistrarMistake::AnyTokenChanges => "a_change_names_revision_and_token",
        RegistrarMistake::AnyTokenRemoves | RegistrarMistake::TokenOutlivesClient => {
            "a_removed_client_is_unknown"
        }
        RegistrarMistake::LooseTokens => "a_token_finds_its_own_registration",
        RegistrarMistake::DetailsStay => "a_change_replaces_the_whole",
    }
}

#[test]
fn every_mistake_of_a_registrar_is_found() {
    for mistake in RegistrarMistake::ALL {
        let failed = failures(registrations::CASES, || move || MutantClients::new(mistake));
        let names: Vec<_> = failed.iter().map(|(name, _)| *name).collect();
        assert!(names.contains(&registrar_found_by(mistake)), "{mistake:?}: {names:?}");
    }
    let none = || || MemoryClients::new(StaticClients::default());
    assert_eq!(failures(registrations::CASES, none), Vec::new());
}
