//! The port that chooses which of the deliveries that wait for a handler starts next.

use std::fmt::Debug;

use crate::{delivery::Delivery, text::Text, time::Instant};

/// Is a policy by which consumers choose what starts next.
pub trait Dispatch: Debug + Send + Sync {
    /// Begins the line of one consumer.
    fn line(&self) -> Box<dyn DispatchLine>;
}

/// Knows what waits and what runs in one consumer, by key, and chooses what starts next.
///
/// The consumer keeps the deliveries: those of one key wait in the order they came, and the line
/// chooses among keys. Calls do not overlap, and do not block.
pub trait DispatchLine: Debug + Send {
    /// Returns the key under which `delivery` waits: the same whenever it is asked.
    fn key(&self, delivery: &Delivery) -> Text;

    /// Notes that `delivery` waits, behind the others of `key`.
    fn push(&mut self, key: &Text, delivery: &Delivery);

    /// Notes that the delivery of `key` that came last waits no more, and does not start.
    fn remove_last(&mut self, key: &Text);

    /// Chooses the key whose first delivery starts at `now`.
    ///
    /// Asked again without a start in between, at the same time, it chooses the same key.
    fn choose(&mut self, now: Instant) -> Choice;

    /// Notes that the first delivery of `key` starts at `now`.
    fn start(&mut self, key: &Text, now: Instant);

    /// Notes that a delivery of `key` that was started runs no more.
    fn end(&mut self, key: &Text);
}

/// Says what starts next.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Choice {
    /// The first delivery of this key.
    Start(Text),
    /// Nothing before this time, unless something ends or comes in.
    Wait(Instant),
    /// Nothing, until something ends or comes in.
    #[default]
    Nothing,
}
