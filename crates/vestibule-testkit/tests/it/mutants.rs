//! The suites of keys and registrars find every planted mistake, and where it was planted.

use vestibule_host::{MemoryClients, StaticClients};
use vestibule_testkit::mutants::{KeyMistake, MutantClients, MutantKeysFactory, RegistrarMistake};
use vestibule_testkit::suite::{failures, keys, registrations};

/// Stores of keys: whatever a node could lose its keys by is found.
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
