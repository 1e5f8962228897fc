//! The rules that an oracle holds a history to.

use std::{num::NonZeroU32, time::Duration};

use relayhouse_core::{Attempts, Capabilities};

/// Says what a history must keep, beyond that nothing is lost, made up or changed.
#[derive(Clone, Debug)]
pub struct Rules {
    /// Whether a message has at most one lease at a time.
    pub leases: Leases,
    /// Whether every extension of a lease is told.
    pub extensions: Extensions,
    /// How deliveries are counted.
    pub attempts: Attempts,
    /// The deliveries after which a message is dead-lettered.
    pub attempts_max: Option<NonZeroU32>,
    /// Whether messages of one key start in their order, and one at a time.
    pub order: Order,
    /// What of a message must come out as it went in.
    pub compare: Compare,
    /// Whether each send is announced before it begins.
    pub sends: Sends,
    /// What becomes of a message that is sent again.
    pub copies: Copies,
    /// By how much clocks may differ.
    pub skew: Duration,
    /// What must be left of a lease when a handler starts.
    pub start_margin: Duration,
    /// The most handlers at a time.
    pub handlers_max: Option<u64>,
    /// The most deliveries that are neither settled nor given up.
    pub in_flight_max: Option<u64>,
    /// The most bytes of such deliveries.
    pub in_flight_bytes_max: Option<u64>,
}

/// Says whether leases exclude each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leases {
    /// A message has at most one lease at a time.
    Exclusive,
    /// As that, but a lease may end before its time, and who holds it hears of it later.
    MayEndEarly,
    /// The provider may deliver a message that is leased.
    MayRepeat,
}

/// Says whether the history has the extensions of leases.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extensions {
    /// Each is told.
    Told,
    /// They are not: the lease is that of a session, which is renewed as a whole.
    Untold,
}

/// Says what order is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// None.
    None,
    /// Within an ordering key and a producer, by the sequence in the id.
    Key,
}

/// Says what is compared between a send and a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compare {
    /// Body, headers and details.
    All,
    /// The body alone: layers may add headers.
    Body,
}

/// Says whether the history has the beginnings of sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sends {
    /// Each is told, so that a delivery of anything else is made up.
    Told,
    /// They are not, and a delivery may be of a message that nobody told of.
    Untold,
}

/// Says what becomes of a message that is sent again, since nobody knows whether it was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Copies {
    /// It may be in the queue twice.
    Kept,
    /// The queue drops the second copy.
    Dropped,
}

impl Default for Rules {
    /// Asks for everything that needs no number.
    fn default() -> Self {
        Self {
            leases: Leases::Exclusive,
            extensions: Extensions::Told,
            attempts: Attempts::Exact,
            attempts_max: None,
            order: Order::None,
            compare: Compare::All,
            sends: Sends::Told,
            copies: Copies::Kept,
            skew: Duration::ZERO,
            start_margin: Duration::ZERO,
            handlers_max: None,
            in_flight_max: None,
            in_flight_bytes_max: None,
        }
    }
}

impl Rules {
    /// Asks for what a queue with `capabilities` promises.
    #[must_use]
    pub fn of(capabilities: &Capabilities) -> Self {
        let leases = if capabilities.lease_exclusive.is_supported() {
            Leases::Exclusive
        } else {
            Leases::MayRepeat
        };
        Self {
            leases,
            attempts: capabilities.attempts,
            ..Self::default()
        }
    }
}
