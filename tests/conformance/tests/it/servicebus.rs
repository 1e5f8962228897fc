//! The conformance suite on the Service Bus adapter, but for the cases that are still open.

use libtest_mimic::Trial;
use relayhouse_conformance::SERVICE_BUS;
use relayhouse_testkit::conformance;

/// The cases that the adapter does not pass yet, and why. Once none is left, the target is one of
/// all.
const OPEN: &[(&str, &str)] = &[
    ("close_ends_a_waiting_receive", "it ends with its wait"),
    (
        "cut_connection_is_no_success",
        "a cut ends the lease before the call",
    ),
    (
        "dedup_ends_with_its_window",
        "an answer tells of no duplicate",
    ),
    (
        "delay_of_a_release_is_honoured",
        "delayed releases come at once",
    ),
    (
        "delayed_message_holds_its_key_and_no_other",
        "delayed releases come at once",
    ),
    (
        "delayed_release_outlives_the_lease",
        "delayed releases come at once",
    ),
    (
        "dropped_ack_acks_or_redelivers",
        "a dropped call leaves the lease unclear",
    ),
    (
        "dropped_dead_letter_loses_no_message",
        "a dropped call leaves the lease unclear",
    ),
    (
        "dropped_extension_loses_no_message",
        "a dropped call leaves the lease unclear",
    ),
    (
        "dropped_release_loses_no_message",
        "a dropped call leaves the lease unclear",
    ),
    (
        "exhausted_message_is_dead_lettered_with_its_reason",
        "its attempts are not told",
    ),
    (
        "extension_can_shorten_nothing_else",
        "the queue sets the length of a lease",
    ),
    (
        "extension_ends_from_now",
        "the queue sets the length of a lease",
    ),
    (
        "known_dedup_id_is_dropped",
        "an answer tells of no duplicate",
    ),
    (
        "leased_key_is_closed_to_other_receives",
        "keys are those of sessions",
    ),
    (
        "long_handler_keeps_its_lease",
        "the queue sets the length of a lease",
    ),
    (
        "message_scheduled_at_a_time_comes_then",
        "what is scheduled comes late",
    ),
    ("random_history_keeps_every_rule", "the above"),
    ("receive_without_wait_looks_once", "it waits for a moment"),
    (
        "scheduled_message_is_held_back_until_due",
        "what is scheduled comes late",
    ),
    (
        "silent_server_ends_each_call_at_its_deadline",
        "a receive ends empty",
    ),
    (
        "stats_count_each_state",
        "leased messages are not told from ready ones",
    ),
    (
        "stats_of_an_empty_queue_are_zero",
        "bytes are told that the harness denies",
    ),
    (
        "stuck_key_does_not_hold_others_up",
        "keys are those of sessions",
    ),
    (
        "wall_clock_ahead_changes_no_lease",
        "leases end by the wall clock",
    ),
    (
        "wall_clock_behind_changes_no_lease",
        "leases end by the wall clock",
    ),
];

/// The cases that hold, and one test that the open ones are cases.
pub(crate) fn trials() -> anyhow::Result<Vec<Trial>> {
    let is_open = |name: &str| OPEN.iter().any(|(open, _)| *open == name);
    let mut trials = Vec::new();
    for (case, reason) in crate::reasons(SERVICE_BUS)? {
        if reason.is_none() && !is_open(case.name()) {
            trials.push(crate::trial(SERVICE_BUS, case));
        }
    }
    trials.push(Trial::test("servicebus::open_cases_are_cases", || {
        for (open, why) in OPEN {
            if !conformance::all().any(|case| case.name() == *open) {
                return Err(format!("{open} ({why}) is no case").into());
            }
        }
        Ok(())
    }));
    Ok(trials)
}
