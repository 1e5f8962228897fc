//! Which of the messages that were taken may be under way together: pure.

use std::collections::BTreeSet;

use relayhouse_core::{Delivery, Text};

/// Holds what was taken from the local queue, in order, until it is forwarded.
#[derive(Debug)]
pub(super) struct Waves {
    waiting: Vec<Delivery>,
    /// Keys of which a message failed: nothing later of them is forwarded.
    stuck: BTreeSet<Text>,
    is_ordered: bool,
}

impl Waves {
    pub(super) const fn new(waiting: Vec<Delivery>, is_ordered: bool) -> Self {
        Self {
            waiting,
            stuck: BTreeSet::new(),
            is_ordered,
        }
    }

    /// Takes the next messages to forward together, within the limits of one send: one of each key,
    /// where the broker keeps an order, and none of a key that is stuck.
    pub(super) fn next(&mut self, count_max: usize, bytes_max: u64) -> Vec<Delivery> {
        let mut keys = BTreeSet::new();
        let (mut wave, mut later) = (Vec::new(), Vec::new());
        let mut bytes = 0_u64;
        let mut is_full = false;
        for delivery in std::mem::take(&mut self.waiting) {
            let size = bytes.saturating_add(delivery.message.size());
            is_full |= count_max <= wave.len() || (bytes_max < size && !wave.is_empty());
            let key = key_of(&delivery).filter(|_| self.is_ordered);
            let is_free = key.is_none_or(|key| !self.stuck.contains(key) && !keys.contains(key));
            if is_full || !is_free {
                // What is behind it waits as well.
                keys.extend(key.cloned());
                later.push(delivery);
            } else {
                bytes = size;
                keys.extend(key.cloned());
                wave.push(delivery);
            }
        }
        self.waiting = later;
        wave
    }

    /// Lets nothing later of the key of `delivery` go.
    pub(super) fn stick(&mut self, delivery: &Delivery) {
        if self.is_ordered {
            self.stuck.extend(key_of(delivery).cloned());
        }
    }

    /// Takes what is left, in order.
    pub(super) fn rest(self) -> Vec<Delivery> {
        self.waiting
    }
}

fn key_of(delivery: &Delivery) -> Option<&Text> {
    delivery.message.details().ordering_key.as_ref()
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};
    use relayhouse_core::{Instant, Message};

    use super::*;
    use crate::testing::delivery;

    const KEYS: [Option<&str>; 4] = [None, Some("a"), Some("b"), Some("c")];

    fn taken(keys: &[usize]) -> Vec<Delivery> {
        let numbered = keys.iter().enumerate();
        let deliveries = numbered.map(|(number, key)| {
            let message = Message::new("four");
            let message = match KEYS[key % KEYS.len()] {
                Some(key) => message.ordering_key(key),
                None => message,
            };
            Delivery {
                message,
                sequence: Some(number as u64),
                ..delivery("7", 1, Instant::NEVER)
            }
        });
        deliveries.collect()
    }

    fn numbers(deliveries: &[Delivery]) -> Vec<u64> {
        deliveries.iter().filter_map(|it| it.sequence).collect()
    }

    #[test]
    fn one_of_each_key_goes_at_a_time() {
        let mut waves = Waves::new(taken(&[1, 1, 2, 0, 1, 0]), true);
        let mut next = || numbers(&waves.next(10, u64::MAX));
        assert_eq!(next(), [0, 2, 3, 5]);
        assert_eq!(next(), [1]);
        assert_eq!(next(), [4]);
        assert!(next().is_empty());
    }

    #[test]
    fn all_go_together_where_nobody_keeps_an_order() {
        let mut waves = Waves::new(taken(&[1, 1, 1]), false);
        assert_eq!(numbers(&waves.next(10, u64::MAX)), [0, 1, 2]);
    }

    #[test]
    fn limits_of_a_send_are_kept() {
        let mut waves = Waves::new(taken(&[0, 0, 0, 0]), true);
        assert_eq!(numbers(&waves.next(2, u64::MAX)), [0, 1]);
        assert_eq!(numbers(&waves.next(2, 3)), [2], "one goes, however large");
    }

    #[test]
    fn stuck_key_waits_and_others_go_on() {
        let mut waves = Waves::new(taken(&[1, 2, 1, 2]), true);
        let wave = waves.next(10, u64::MAX);
        waves.stick(&wave[0]);
        assert_eq!(numbers(&waves.next(10, u64::MAX)), [3]);
        assert!(waves.next(10, u64::MAX).is_empty());
        assert_eq!(numbers(&waves.rest()), [2]);
    }

    proptest! {
        #[test]
        fn order_within_keys_is_kept_and_nothing_is_lost(
            keys in vec(0..4_usize, 0..40),
            count_max in 1..5_usize,
            fail in vec(0..40_u64, 0..5),
        ) {
            let mut waves = Waves::new(taken(&keys), true);
            let mut sent = Vec::new();
            let mut failed = BTreeSet::new();
            loop {
                let wave = waves.next(count_max, 12);
                if wave.is_empty() {
                    break;
                }
                prop_assert!(wave.len() <= count_max);
                for delivery in &wave {
                    let number = delivery.sequence.unwrap_or_default();
                    let key = key_of(delivery).cloned();
                    prop_assert!(key.as_ref().is_none_or(|key| !failed.contains(key)));
                    if fail.contains(&number) {
                        failed.extend(key);
                        waves.stick(delivery);
                    }
                    sent.push((key_of(delivery).cloned(), number));
                }
            }
            for key in KEYS.iter().flatten() {
                let of_key = sent.iter().filter(|(of, _)| of.as_deref() == Some(*key));
                prop_assert!(of_key.map(|(_, number)| number).is_sorted());
            }
            prop_assert_eq!(sent.len() + waves.rest().len(), keys.len());
        }
    }
}
