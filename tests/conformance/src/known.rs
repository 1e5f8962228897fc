//! What is known to be wrong, and asserted as it is until it is mended.

/// The cases that fail, as `target::case`. One that passes fails its test until it is taken out
/// here.
pub const KNOWN: &[&str] = &[
    "servicebus-sessions::close_ends_a_waiting_receive",
    "servicebus-sessions::nothing_is_left_after_close",
    "servicebus-sessions::purge_that_is_not_supported_is_refused",
    "servicebus-sessions::redrive_that_is_not_supported_is_refused",
    "servicebus-sessions::stats_tell_the_age_of_the_oldest",
    "servicebus::purge_that_is_not_supported_is_refused",
    "servicebus::redrive_that_is_not_supported_is_refused",
    "sqs-fifo::cancel_that_is_not_supported_is_refused",
    "sqs-fifo::peek_that_is_not_supported_is_refused",
    "sqs-fifo::topics_that_are_not_supported_are_refused",
    "sqs-standard::cancel_that_is_not_supported_is_refused",
    "sqs-standard::peek_that_is_not_supported_is_refused",
    "sqs-standard::topics_that_are_not_supported_are_refused",
];

/// Whether the case is known to fail on the target.
#[must_use]
pub fn is_known(target: &str, case: &str) -> bool {
    KNOWN.contains(&format!("{target}::{case}").as_str())
}
