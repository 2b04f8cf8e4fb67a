//! The suites of what a host writes itself find every planted mistake, and pass what has none.

use vestibule_host::StaticClients;
use vestibule_testkit::mutants::{
    MutantOperators, MutantPatients, MutantRegistries, MutantUsers, OperatorMistake, PatientMistake,
    RegistryMistake, UserMistake,
};
use vestibule_testkit::suite::operators::AsRegistry;
use vestibule_testkit::suite::{failures_in, operators, patients, registries, users};

/// A registry of a file, and one that changes.
mod registries_pass {
    use super::{MutantRegistries, StaticClients};

    mod of_a_list {
        vestibule_testkit::registry_suite!(|apps| super::StaticClients::new(apps).unwrap());
    }

    mod that_changes {
        vestibule_testkit::registry_suite!(super::MutantRegistries::new(None));
    }
}

/// Registrations in memory, and the registry that they are.
mod operators_pass {
    use super::{AsRegistry, MutantOperators};

    vestibule_testkit::operator_suite!(MutantOperators::new(None));

    mod as_a_registry {
        vestibule_testkit::registry_suite!(super::AsRegistry(super::MutantOperators::new(None)));
    }
}

mod users_pass {
    vestibule_testkit::user_suite!(super::MutantUsers::new(None));
}

mod patients_pass {
    vestibule_testkit::patient_suite!(super::MutantPatients::new(None));
}

/// The case that must find a mistake of a registry.
const fn registry_found_by(mistake: RegistryMistake) -> &'static str {
    match mistake {
        RegistryMistake::FaultIsUnknown => "what_nobody_knows_is_not_unknown",
        RegistryMistake::CaseFolding => "ids_are_compared_byte_for_byte",
        RegistryMistake::Trimmed | RegistryMistake::LongIdsFault => "an_unknown_id_is_no_app",
        RegistryMistake::OneTenant => "issuers_do_not_see_each_others_apps",
        RegistryMistake::StaleCache => "a_change_is_seen_at_once",
        RegistryMistake::EveryoneEnabled => "an_app_that_is_not_enabled_never_looks_enabled",
        RegistryMistake::OriginsByPrefix => "an_origin_is_known_if_an_enabled_app_has_it",
        RegistryMistake::TornWrites => "a_reader_sees_the_old_app_or_the_new_one",
        RegistryMistake::RestlessVersion => "a_version_stays_while_nothing_changes",
    }
}

#[test]
fn every_mistake_of_a_registry_is_found() {
    for mistake in RegistryMistake::ALL {
        let failed = failures_in(registries::CASES, || Box::new(MutantRegistries::new(Some(mistake))));
        let names: Vec<_> = failed.iter().map(|(name, _)| *name).collect();
        assert!(names.contains(&registry_found_by(mistake)), "{mistake:?}: {failed:?}");
    }
}

/// The case that must find a mistake of an authenticator.
const fn user_found_by(mistake: UserMistake) -> &'static str {
    match mistake {
        UserMistake::FaultIsNobody | UserMistake::FaultIsDenial => "an_outage_is_not_a_sign_out",
        UserMistake::UnknownGoesOn | UserMistake::CaseFolding => "nobody_knows_who_never_was",
        UserMistake::SessionsNeverEnd => "a_session_that_never_was_is_over",
        UserMistake::AnySession => "two_people_are_two",
        UserMistake::SessionFixed | UserMistake::RestlessSubject => "each_sign_in_is_a_session_of_its_own",
        UserMistake::MixedUp => "many_browsers_are_told_apart",
        UserMistake::HintPasted | UserMistake::NoWayBack => "sign_in_leads_back",
        UserMistake::LockedGoesOn => "who_is_shut_out_may_not_go_on",
        UserMistake::OddCookieFaults => "nobody_is_signed_in_without_a_session",
    }
}

#[test]
fn every_mistake_of_an_authenticator_is_found() {
    for mistake in UserMistake::ALL {
        let failed = failures_in(users::CASES, || Box::new(MutantUsers::new(Some(mistake))));
        let names: Vec<_> = failed.iter().map(|(name, _)| *name).collect();
        assert!(names.contains(&user_found_by(mistake)), "{mistake:?}: {failed:?}");
    }
}

/// The case that must find a mistake of a policy.
const fn patient_found_by(mistake: PatientMistake) -> &'static str {
    match mistake {
        PatientMistake::FaultIsDenial | PatientMistake::FaultIsEmptyList => "an_outage_is_not_a_denial",
        PatientMistake::AllowsTheUnknown | PatientMistake::CaseFolding => "what_does_not_exist_is_denied",
        PatientMistake::UsersFolded => "whom_nobody_knows_is_denied",
        PatientMistake::EndlessPage => "a_page_is_as_long_as_asked",
        PatientMistake::RepeatingPages => "pages_go_on_without_gap_or_repeat",
        PatientMistake::NamingCursor => "a_cursor_names_no_patient",
        PatientMistake::OddCursorFaults => "a_hostile_query_opens_nothing",
        PatientMistake::CeilingForgotten => "a_ceiling_never_widens_on_the_way",
        PatientMistake::CachedYes => "what_has_ended_is_denied",
        PatientMistake::AnyonesEncounter => "encounters_are_a_patients_own",
        PatientMistake::MixedUp => "many_questions_get_their_own_answers",
        PatientMistake::ShowsEverybody => "what_is_not_theirs_is_denied",
    }
}

#[test]
fn every_mistake_of_a_policy_is_found() {
    for mistake in PatientMistake::ALL {
        let failed = failures_in(patients::CASES, || Box::new(MutantPatients::new(Some(mistake))));
        let names: Vec<_> = failed.iter().map(|(name, _)| *name).collect();
        assert!(names.contains(&patient_found_by(mistake)), "{mistake:?}: {failed:?}");
    }
}

/// The case that must find a mistake around a registrar.
const fn operator_found_by(mistake: OperatorMistake) -> &'static str {
    match mistake {
        OperatorMistake::FileForgotten => "clients_of_a_file_stand_beside_and_are_never_replaced",
        OperatorMistake::OneIssuer => "issuers_share_nothing",
        OperatorMistake::OldestFirst | OperatorMistake::PagesByMoment => "the_newest_come_first_page_by_page",
        OperatorMistake::NoBound => "spent_tokens_have_a_bound_of_their_own",
    }
}

#[test]
fn every_mistake_around_a_registrar_is_found() {
    for mistake in OperatorMistake::ALL {
        let failed = failures_in(operators::CASES, || Box::new(MutantOperators::new(Some(mistake))));
        let names: Vec<_> = failed.iter().map(|(name, _)| *name).collect();
        assert!(names.contains(&operator_found_by(mistake)), "{mistake:?}: {failed:?}");
    }
}
