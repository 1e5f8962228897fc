//! The model: every message with its state, looked through from the start each time.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use super::{operation::End, shape::Shape};

/// The lease of the model's queue.
pub(super) const LEASE: Duration = Duration::from_millis(10_500);

/// Is a queue, as a list of messages.
#[derive(Debug, Default)]
pub struct Queue {
    messages: Vec<Message>,
    /// The message and the attempt of each delivery that there was.
    deliveries: Vec<(usize, u32)>,
    now: Duration,
    shape: Shape,
}

#[derive(Debug)]
struct Message {
    key: Option<u8>,
    attempt: u32,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Ready,
    /// Held back: by its send, or by a release.
    Held {
        until: Duration,
        end: Option<End>,
    },
    Leased {
        until: Duration,
    },
    Acked,
    Dead,
    Purged,
}

/// Counts what a model queue holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) ready: u64,
    pub(super) leased: u64,
    pub(super) delayed: u64,
    pub(super) dead: u64,
}

/// What the model makes of a settlement or an extension.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    Done,
    LeaseLost,
}

impl Queue {
    /// Starts with an empty queue.
    pub(super) fn new(shape: Shape) -> Self {
        Self {
            shape,
            ..Self::default()
        }
    }

    /// Adds a message, and returns its number.
    pub(super) fn send(&mut self, key: Option<u8>, held_for: Option<Duration>) -> usize {
        let state = held_for.map_or(State::Ready, |time| State::Held {
            until: self.now + time,
            end: None,
        });
        self.messages.push(Message {
            key,
            attempt: 0,
            state,
        });
        self.messages.len() - 1
    }

    /// Lets time pass: what is due is ready, and what was leased too long is ready again.
    pub(super) fn pass(&mut self, time: Duration) {
        self.now += time;
        for message in &mut self.messages {
            match message.state {
                State::Held { until, .. } | State::Leased { until } if until <= self.now => {
                    message.state = State::Ready;
                }
                _ => {}
            }
        }
    }

    /// Returns the messages that one receive may bring now, with their keys: those without a key,
    /// and of each key without a leased message the first ones, up to one that is held back.
    pub(super) fn available(&self) -> BTreeMap<usize, Option<u8>> {
        let is_leased = |it: &&Message| matches!(it.state, State::Leased { .. });
        let leased = self.messages.iter().filter(is_leased);
        let mut closed: BTreeSet<_> = leased.filter_map(|it| it.key).collect();
        let mut available = BTreeMap::new();
        for (number, message) in self.messages.iter().enumerate() {
            if message.key.is_some_and(|key| closed.contains(&key)) {
                continue;
            }
            if message.state == State::Ready {
                available.insert(number, message.key);
            } else if matches!(message.state, State::Held { .. }) {
                closed.extend(message.key);
            }
        }
        available
    }

    /// Hands a message out, and returns its attempt.
    pub(super) fn deliver(&mut self, number: usize) -> u32 {
        let message = &mut self.messages[number];
        message.attempt += 1;
        message.state = State::Leased {
            until: self.now + self.shape.lease(),
        };
        self.deliveries.push((number, message.attempt));
        message.attempt
    }

    /// Settles a delivery, if it has its lease.
    pub(super) fn settle(&mut self, delivery: usize, end: End) -> Effect {
        let state = match end {
            End::Ack => State::Acked,
            End::Release => State::Ready,
            End::Delay(seconds) => State::Held {
                until: self.now + self.shape.delay(seconds),
                end: Some(end),
            },
            End::DeadLetter => State::Dead,
        };
        self.replace(delivery, state)
    }

    /// Extends the lease of a delivery, if it has it.
    pub(super) fn extend(&mut self, delivery: usize) -> Effect {
        let until = self.now + self.shape.lease();
        self.replace(delivery, State::Leased { until })
    }

    fn replace(&mut self, delivery: usize, state: State) -> Effect {
        let (number, attempt) = self.deliveries[delivery];
        let message = &mut self.messages[number];
        let is_leased = matches!(message.state, State::Leased { .. });
        if !is_leased || message.attempt != attempt {
            return Effect::LeaseLost;
        }
        message.state = state;
        Effect::Done
    }

    /// Removes what nobody has leased, and returns how many.
    pub(super) fn purge(&mut self) -> u64 {
        let mut purged = 0;
        for message in &mut self.messages {
            if matches!(message.state, State::Ready | State::Held { .. }) {
                message.state = State::Purged;
                purged += 1;
            }
        }
        purged
    }

    pub(super) fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for message in &self.messages {
            match message.state {
                State::Ready => counts.ready += 1,
                State::Held { end: Some(_), .. } if self.shape.leases_what_it_holds_back() => {
                    counts.leased += 1;
                }
                State::Held { .. } => counts.delayed += 1,
                State::Leased { .. } => counts.leased += 1,
                State::Dead => counts.dead += 1,
                State::Acked | State::Purged => {}
            }
        }
        counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(queue: &Queue) -> Vec<usize> {
        queue.available().into_keys().collect()
    }

    #[test]
    fn leased_or_held_message_closes_its_key() {
        let mut queue = Queue::default();
        for key in [Some(1), Some(1), None, Some(2)] {
            queue.send(key, None);
        }
        assert_eq!(numbers(&queue), [0, 1, 2, 3]);
        assert_eq!(queue.deliver(0), 1);
        assert_eq!(numbers(&queue), [2, 3]);
        assert_eq!(queue.settle(0, End::Delay(1)), Effect::Done);
        assert_eq!(numbers(&queue), [2, 3]);
        queue.pass(Duration::from_secs(2));
        assert_eq!(numbers(&queue), [0, 1, 2, 3]);
        queue.deliver(0);
        queue.settle(1, End::DeadLetter);
        assert_eq!(numbers(&queue), [1, 2, 3]);
    }

    #[test]
    fn old_delivery_changes_nothing() {
        let mut queue = Queue::default();
        queue.send(None, None);
        queue.deliver(0);
        queue.pass(Duration::from_secs(11));
        assert_eq!(queue.settle(0, End::Ack), Effect::LeaseLost);
        assert_eq!(queue.deliver(0), 2);
        assert_eq!(queue.extend(0), Effect::LeaseLost);
        assert_eq!(queue.settle(1, End::Ack), Effect::Done);
        assert_eq!(queue.settle(1, End::Ack), Effect::LeaseLost);
        assert_eq!(queue.counts(), Counts::default());
    }
}
