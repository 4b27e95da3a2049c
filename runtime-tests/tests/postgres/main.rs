//! `spin:postgres` against a real PostgreSQL: everything that the interface offers, what is refused, what a connection
//! takes along from one who had it to the next (nothing), and what becomes of it when PostgreSQL goes away and comes
//! back. The component does what a request says, so each case has its steps beside what they have to give.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod offers;
mod outages;
mod scene;
mod sessions;

use doorward_runtime_tests::servers::{Kind as _, PostgreSql};
use doorward_runtime_tests::{cases, run};
use offers::{
    a_password_can_be_bound_to_the_certificate,
    a_transaction_takes_several_statements_of_one_connection,
    an_address_behind_an_allowed_name_is_refused,
    an_instance_can_have_any_number_of_builders_one_after_the_other,
    an_older_version_has_the_same_connections_with_fewer_values,
    every_kind_of_value_goes_there_and_back, over_tls_a_component_says_who_vouches_for_the_server,
    rows_come_as_they_are_read_and_the_rest_does_not_matter, some_values_go_one_way_only,
    what_is_not_allowed_is_not_connected_to, what_is_too_large_is_refused_and_the_next_is_not,
    what_is_wrong_is_told_and_the_connection_goes_on, what_spin_cannot_give_is_given,
};
use outages::{
    a_server_that_says_nothing_is_given_up_in_time,
    when_it_is_killed_it_is_said_and_when_it_is_back_it_is_used,
    where_nobody_listens_there_is_no_connection,
};
use sessions::{
    a_migration_is_made_once_however_many_begin_it,
    a_request_that_is_cancelled_inside_a_transaction_leaves_nobody_inside,
    a_statement_behind_rows_that_nobody_reads_learns_it_in_time,
    a_statement_that_is_given_up_ends_and_its_connection_goes_on, idle_connections_are_closed,
    statements_of_requests_that_ended_keep_no_connection,
    what_a_session_has_set_reaches_no_later_caller, what_copies_is_an_error_and_hangs_nowhere,
    what_spin_leaves_to_a_later_caller_does_not_reach_him,
    who_finds_all_connections_in_use_learns_it_in_time,
};
use std::process::ExitCode;

fn main() -> ExitCode {
    run::main_with(
        PostgreSql::available,
        cases![
            every_kind_of_value_goes_there_and_back,
            some_values_go_one_way_only,
            an_older_version_has_the_same_connections_with_fewer_values,
            rows_come_as_they_are_read_and_the_rest_does_not_matter,
            what_is_wrong_is_told_and_the_connection_goes_on,
            a_transaction_takes_several_statements_of_one_connection,
            what_is_not_allowed_is_not_connected_to,
            over_tls_a_component_says_who_vouches_for_the_server,
            an_instance_can_have_any_number_of_builders_one_after_the_other,
            what_a_session_has_set_reaches_no_later_caller,
            what_spin_leaves_to_a_later_caller_does_not_reach_him,
            a_migration_is_made_once_however_many_begin_it,
            when_it_is_killed_it_is_said_and_when_it_is_back_it_is_used,
            where_nobody_listens_there_is_no_connection;
            both_manners:
            what_spin_cannot_give_is_given,
            an_address_behind_an_allowed_name_is_refused,
            a_password_can_be_bound_to_the_certificate,
            what_is_too_large_is_refused_and_the_next_is_not,
            a_statement_that_is_given_up_ends_and_its_connection_goes_on,
            who_finds_all_connections_in_use_learns_it_in_time,
            what_copies_is_an_error_and_hangs_nowhere,
            a_server_that_says_nothing_is_given_up_in_time;
            in_process:
            a_request_that_is_cancelled_inside_a_transaction_leaves_nobody_inside,
            statements_of_requests_that_ended_keep_no_connection,
            a_statement_behind_rows_that_nobody_reads_learns_it_in_time,
            idle_connections_are_closed,
        ],
    )
}
