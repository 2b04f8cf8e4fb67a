//! What a `GrantStore` must do.

mod advance;
mod cancel;
mod issue;
mod keys;
mod launch;
mod model;
mod purge;
mod redeem;
mod restart;
mod revoke;
mod rows;

pub use advance::*;
pub use cancel::*;
pub use issue::*;
pub use keys::*;
pub use launch::*;
pub use model::*;
pub use purge::*;
pub use redeem::*;
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
            tenants_do_not_see_each_other
            records_come_back_byte_for_byte
            only_the_told_time_counts
            a_purge_takes_only_what_is_over
            a_purge_is_bounded_and_can_be_continued
            a_spent_code_outlives_its_own_time
            a_full_store_refuses_and_evicts_nothing
            an_abandoned_issue_is_whole_or_not_at_all
            an_abandoned_redemption_is_whole_or_not_at_all
            an_abandoned_advance_is_whole_or_not_at_all
            what_was_acknowledged_survives
            handles_see_each_others_writes
            handles_do_not_both_win
            random_sequences_match_the_model
        }
    };
}

crate::__grant_cases! { __generate_list dyn GrantStore }
