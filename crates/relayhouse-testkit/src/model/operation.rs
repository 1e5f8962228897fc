//! The operations that a queue and its model are put through.

use std::time::Duration;

use proptest::{
    collection::vec,
    prelude::{Just, Strategy, any, prop_oneof},
    sample::Index,
};

/// Is one operation.
#[derive(Clone, Debug)]
pub enum Operation {
    /// Sends a batch of messages: each with the number of its ordering key, or without one.
    Send(Vec<Option<u8>>),
    /// Sends one message that is held back for a quarter more than these seconds.
    Schedule(u8),
    /// Receives up to this many messages.
    Receive(u8),
    /// Settles a batch of deliveries, of all that there ever were.
    Settle(Vec<Index>, End),
    /// Extends the lease of one delivery, of all that there ever were.
    Extend(Index),
    /// Lets these seconds pass.
    Pass(u8),
    /// Removes what nobody has leased.
    Purge,
}

/// Says how deliveries are settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// They are acked.
    Ack,
    /// They are released at once.
    Release,
    /// They are released for a quarter more than these seconds.
    Delay(u8),
    /// They are dead-lettered.
    DeadLetter,
}

/// The time that a delay asks for.
pub(super) const fn delay(seconds: u8) -> Duration {
    Duration::from_millis(1_000 * seconds as u64 + 250)
}

/// Gives sequences of up to `max` operations, with messages of up to `keys` ordering keys.
pub fn operations(max: usize, keys: u8) -> impl Strategy<Value = Vec<Operation>> {
    vec(operation(keys), 1..=max)
}

fn operation(keys: u8) -> impl Strategy<Value = Operation> {
    let keyed = if keys == 0 { 0 } else { 2 };
    let key = prop_oneof![
        1 => Just(None),
        keyed => (0..keys.max(1)).prop_map(Some),
    ];
    prop_oneof![
        4 => vec(key, 1..5).prop_map(Operation::Send),
        1 => (1_u8..8).prop_map(Operation::Schedule),
        6 => (1_u8..6).prop_map(Operation::Receive),
        6 => (vec(any::<Index>(), 1..4), end()).prop_map(|(which, end)| Operation::Settle(which, end)),
        2 => any::<Index>().prop_map(Operation::Extend),
        4 => (1_u8..13).prop_map(Operation::Pass),
        1 => Just(Operation::Purge),
    ]
}

fn end() -> impl Strategy<Value = End> {
    prop_oneof![
        4 => Just(End::Ack),
        2 => Just(End::Release),
        2 => (0_u8..8).prop_map(End::Delay),
        1 => Just(End::DeadLetter),
    ]
}
