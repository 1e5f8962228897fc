//! Every fault of the emulator with the full runtime: 105,000 messages in all, none lost, every
//! duplicate explained, and order kept on FIFO queues.

use std::time::Duration;

use relayhouse_load::Outcome;
use sqs_emulator::{Fault, Faults, Operation, Refusal, Times};

use crate::{
    load::run,
    world::{Kind, simulate},
};

/// Of each of the fifteen runs.
const MESSAGES: u64 = 7_000;

const SEND: Operation = Operation::SendMessageBatch;
const RECEIVE: Operation = Operation::ReceiveMessage;
const DELETE: Operation = Operation::DeleteMessageBatch;
const CHANGE: Operation = Operation::ChangeMessageVisibilityBatch;

/// What a consumer and a producer call all the time.
const HOT: [Operation; 4] = [SEND, RECEIVE, DELETE, CHANGE];

fn shown(kind: Kind, seed: u64, messages: u64, inject: fn(&Faults)) -> Outcome {
    let outcome = simulate(kind, seed, async |world| {
        run(&world, messages, inject).await
    });
    println!("{outcome}");
    assert!(outcome.is_sound(messages), "{outcome}\n{outcome:?}");
    outcome
}

fn inject(faults: &Faults, operations: &[Operation], fault: &Fault, chance: f64) {
    for operation in operations {
        faults.inject(*operation, fault.clone(), Times::Chance(chance));
    }
}

fn throttle(faults: &Faults) {
    for refusal in [
        Refusal::Throttled,
        Refusal::TooManyRequests,
        Refusal::Unavailable,
    ] {
        inject(faults, &HOT, &Fault::Refuse(refusal), 0.05);
    }
}

fn refuse(faults: &Faults) {
    for refusal in [Refusal::Internal, Refusal::ExpiredToken] {
        inject(faults, &HOT, &Fault::Refuse(refusal), 0.05);
    }
    // A caller without a right is told for good, and so are its messages.
    inject(
        faults,
        &[DELETE, CHANGE],
        &Fault::Refuse(Refusal::AccessDenied),
        0.03,
    );
}

fn drop_sends(faults: &Faults) {
    inject(faults, &[SEND], &Fault::DropAnswer, 0.1);
    inject(faults, &[SEND], &Fault::DropRequest, 0.1);
}

fn drop_receives(faults: &Faults) {
    inject(faults, &[RECEIVE], &Fault::DropAnswer, 0.1);
    inject(faults, &[RECEIVE], &Fault::DropRequest, 0.1);
}

fn drop_settles(faults: &Faults) {
    inject(faults, &[DELETE, CHANGE], &Fault::DropAnswer, 0.1);
    inject(faults, &[DELETE, CHANGE], &Fault::DropRequest, 0.1);
}

fn fail_entries(faults: &Faults) {
    let some = Fault::FailEntries(vec![0, 3, 7]);
    inject(faults, &[SEND, DELETE, CHANGE], &some, 0.2);
}

fn delay(faults: &Faults) {
    inject(
        faults,
        &HOT,
        &Fault::Delay(Duration::from_millis(300)),
        0.05,
    );
    // Longer than a call may take.
    inject(faults, &HOT, &Fault::Delay(Duration::from_secs(8)), 0.01);
}

fn duplicate(faults: &Faults) {
    faults.duplicate(0.1);
}

fn reorder(faults: &Faults) {
    faults.reorder(1_000);
    faults.limit_in_flight(200);
}

fn everything(faults: &Faults) {
    inject(faults, &HOT, &Fault::Refuse(Refusal::Throttled), 0.02);
    inject(faults, &HOT, &Fault::Refuse(Refusal::Internal), 0.02);
    inject(faults, &HOT, &Fault::DropAnswer, 0.03);
    inject(faults, &HOT, &Fault::DropRequest, 0.03);
    inject(faults, &HOT, &Fault::Delay(Duration::from_secs(8)), 0.005);
    inject(
        faults,
        &[SEND, DELETE, CHANGE],
        &Fault::FailEntries(vec![2]),
        0.05,
    );
    duplicate(faults);
    reorder(faults);
}

#[test]
fn throttling_loses_nothing() {
    let outcome = shown(Kind::Standard, 1, MESSAGES, throttle);
    assert_eq!(outcome.causes.unknown_send, 0, "{outcome}");
}

#[test]
fn refusals_lose_nothing() {
    shown(Kind::Standard, 2, MESSAGES, refuse);
}

#[test]
fn lost_answers_to_sends_lose_nothing_and_double_some() {
    let outcome = shown(Kind::Standard, 3, MESSAGES, drop_sends);
    assert!(0 < outcome.causes.unknown_send, "{outcome}");
}

#[test]
fn lost_answers_to_receives_lose_nothing() {
    let outcome = shown(Kind::Standard, 4, MESSAGES, drop_receives);
    assert_eq!(outcome.causes.unknown_send, 0, "{outcome}");
}

#[test]
fn lost_answers_to_settles_lose_nothing() {
    shown(Kind::Standard, 5, MESSAGES, drop_settles);
}

#[test]
fn failed_entries_lose_nothing() {
    shown(Kind::Standard, 6, MESSAGES, fail_entries);
}

#[test]
fn latency_loses_nothing() {
    shown(Kind::Standard, 7, MESSAGES, delay);
}

#[test]
fn messages_that_sqs_keeps_twice_are_handled_twice_at_most() {
    let outcome = shown(Kind::Standard, 8, MESSAGES, duplicate);
    assert!(0 < outcome.causes.provider, "{outcome}");
}

#[test]
fn other_order_and_few_in_flight_lose_nothing() {
    shown(Kind::Standard, 9, MESSAGES, reorder);
}

#[test]
fn everything_at_once_loses_nothing() {
    shown(Kind::Standard, 10, MESSAGES, everything);
}

#[test]
fn lost_answers_to_everything_lose_nothing() {
    shown(Kind::Standard, 11, MESSAGES, |faults| {
        drop_sends(faults);
        drop_receives(faults);
        drop_settles(faults);
    });
}

#[test]
fn refusals_and_latency_lose_nothing() {
    shown(Kind::Standard, 12, MESSAGES, |faults| {
        throttle(faults);
        fail_entries(faults);
        delay(faults);
    });
}

/// Runs on a FIFO queue, where nothing is doubled by a send, and each key is handled in its order.
fn ordered(seed: u64, inject: fn(&Faults)) {
    let outcome = shown(Kind::Fifo, seed, MESSAGES, inject);
    assert_eq!(outcome.causes.unknown_send, 0, "{outcome}");
}

#[test]
fn order_by_key_outlives_lost_answers() {
    ordered(13, |faults| {
        drop_sends(faults);
        drop_receives(faults);
        drop_settles(faults);
    });
}

#[test]
fn order_by_key_outlives_refusals_and_latency() {
    ordered(14, |faults| {
        throttle(faults);
        fail_entries(faults);
        delay(faults);
    });
}

#[test]
fn order_by_key_outlives_everything_at_once() {
    ordered(15, everything);
}
