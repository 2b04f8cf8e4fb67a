//! What a `GrantStore` must do.
//!
//! | part | what is shown |
//! |---|---|
//! | outcomes | each verb in each prior state, in the order in which the contract judges |
//! | ends | a millisecond before, at and after; only the told time counts, also backwards |
//! | races | a hundred of one kind, and different verbs beside each other: one wins, and a returned revocation beats what follows |
//! | attempts | a verb that is repeated is told the same, and has happened once |
//! | claims | spent by every outcome and by no fault, once, for one tenant |
//! | events | one for each change, none for anything else, in the same commit; leased to one, until it is acknowledged |
//! | bounds | full is said before anything is written; nothing is evicted; what must end still ends |
//! | names | taken until a purge; an attempt that comes back late does nothing twice |
//! | purges | what is over and nothing else, in small bites; what refreshes is kept |
//! | drops | a caller that goes away at any wait leaves a verb done or not done |
//! | restarts | what was acknowledged is there; two handles are one store |
//! | keys | byte for byte, tenant by tenant; records are opaque |
//! | model | random sequences of everything against a slow model |
//!
//! The cases about bounds take a store from [`open_small`](super::StoreFactory::open_small) and fail without one. For a long
//! run there are [`random_sequences`], [`racing_redemptions`] and [`racing_refreshes`].

mod access;
mod advance;
mod cancel;
mod claims;
mod full;
mod issue;
mod keys;
mod launch;
mod model;
mod names;
mod outbox;
mod purge;
mod redeem;
mod refresh;
mod restart;
mod revoke;
mod rows;

pub use access::*;
pub use advance::*;
pub use cancel::*;
pub use claims::*;
pub use full::*;
pub use issue::*;
pub use keys::*;
pub use launch::*;
pub use model::*;
pub use names::*;
pub use outbox::*;
pub use purge::*;
pub use redeem::*;
pub use refresh::*;
pub use restart::*;
pub use revoke::*;

use vestibule_host::GrantStore;

/// Makes the store of one case.
pub type Factory<'a> = &'a dyn super::StoreFactory<dyn GrantStore>;

#[doc(hidden)]
#[macro_export]
macro_rules! __grant_cases {
    ($then:ident $($argument:tt)*) => {
        $crate::$then! { $($argument)*; grants:
            a_redemption_has_the_outcome_of_its_state
            a_wrong_binding_changes_nothing
            a_replay_kills_the_grant
            a_code_ends_when_its_time_is_reached
            a_repeated_redemption_answers_the_same
            of_many_redemptions_one_wins
            a_returned_revocation_beats_every_later_redemption
            a_refresh_has_the_outcome_of_its_state
            a_chain_ends_by_rest_and_by_age
            a_lost_answer_is_told_again
            replays_are_counted
            three_suspected_generations_of_five_kill
            another_clients_refresh_changes_nothing
            a_repeated_refresh_answers_the_same
            of_many_refreshes_one_wins
            of_many_strict_refreshes_one_wins
            a_chain_has_one_end
            a_returned_revocation_beats_every_later_refresh
            a_use_is_noted_and_never_shortens
            the_last_use_counts_whatever_its_clock
            a_chain_is_opened_once
            every_outcome_spends_the_claim
            a_seen_claim_changes_nothing
            a_fault_spends_no_claim
            a_claim_ends_when_its_time_is_reached
            a_claim_blocks_no_other
            of_many_uses_of_a_claim_one_wins
            a_repeated_attempt_has_not_seen_its_own_claim
            an_opaque_token_is_found_with_its_grant
            an_opaque_token_dies_with_its_grant
            a_clients_tokens_are_revoked_with_it
            a_token_is_revoked_alone
            a_jwt_is_told_how_its_grant_is
            an_opaque_token_is_kept_once
            only_what_issues_keeps_a_token
            a_token_does_not_outlive_its_grants_row
            an_event_says_what_happened
            a_redemption_is_told_once
            a_refresh_is_told_once
            a_token_and_a_revocation_are_told_once
            a_race_is_told_as_it_ended
            a_fault_is_not_told
            an_event_is_leased_until_its_time
            of_many_leases_each_event_has_one
            an_event_stays_until_it_is_acknowledged
            a_verb_is_there_as_a_whole
            an_issue_has_the_outcome_of_its_state
            an_issue_is_there_as_a_whole
            a_lost_issue_changes_nothing
            a_repeated_issue_answers_the_same
            of_many_tabs_one_gets_a_code
            of_many_interactions_one_spends_the_launch
            an_advance_has_the_outcome_of_its_state
            an_interaction_ends_when_its_time_is_reached
            a_repeated_advance_answers_the_same
            of_many_advances_one_wins
            a_quota_counts_what_nobody_signed_in_for
            a_quota_holds_in_a_race
            reading_a_launch_spends_nothing
            a_launch_ends_when_its_time_is_reached
            a_launch_is_put_once
            each_revocation_reaches_its_grants_only
            a_revocation_stays
            grants_are_listed_in_the_order_of_their_ids
            keys_are_compared_byte_for_byte
            tokens_are_compared_byte_for_byte
            tenants_do_not_see_each_other
            records_come_back_byte_for_byte
            only_the_told_time_counts
            a_purge_takes_only_what_is_over
            a_purge_knows_the_last_millisecond
            a_purge_is_bounded_and_can_be_continued
            a_spent_code_outlives_its_own_time
            a_purge_keeps_live_chains
            a_purge_takes_tokens_and_claims_at_their_ends
            a_purge_beside_verbs_changes_nothing
            a_full_store_refuses_and_evicts_nothing
            a_full_store_takes_no_assertion_unchecked
            a_full_store_keeps_no_token
            a_full_log_refuses_and_forgets_nothing
            a_full_store_still_ends_what_must_end
            names_are_taken_until_a_purge
            an_attempt_does_not_issue_again_after_a_purge
            a_repeated_revocation_looks_again
            a_save_of_what_counts_is_not_one_more
            an_abandoned_issue_is_whole_or_not_at_all
            an_abandoned_redemption_is_whole_or_not_at_all
            an_abandoned_refresh_is_whole_or_not_at_all
            an_abandoned_token_or_revocation_is_whole_or_not_at_all
            an_abandoned_advance_is_whole_or_not_at_all
            what_was_acknowledged_survives
            what_goes_with_a_verb_survives
            handles_see_each_others_writes
            handles_do_not_both_win
            handles_share_chains_claims_and_events
            random_sequences_match_the_model
        }
    };
}

crate::__grant_cases! { __generate_list dyn GrantStore }
