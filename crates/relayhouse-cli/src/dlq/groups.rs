//! Dead letters grouped by what failed: an entry for each group, and none for each of them.

use std::{cmp::Reverse, collections::BTreeMap};

use relayhouse::{Delivery, Fingerprint, Timestamp};
use serde::Serialize;

use super::which::NO_REASON;
use crate::{audit::short, print::shortened};

/// So many groups are told apart; what is beyond is counted together.
const GROUPS_MAX: usize = 10_000;

const TEXT_CHARS: usize = 200;
const ROW_CHARS: usize = 60;

/// Counts dead letters by group.
#[derive(Debug, Default)]
pub(super) struct Groups {
    groups: BTreeMap<Fingerprint, Group>,
    /// Those whose group is one too many.
    beyond: u64,
}

/// Is what is known of one group; texts and id are those of the first one seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Group {
    group: String,
    count: u64,
    first: String,
    last: String,
    reason: String,
    description: String,
    sample: String,
    #[serde(skip)]
    seen: (Timestamp, Timestamp),
}

impl Groups {
    /// Counts `delivery`.
    pub(super) fn add(&mut self, delivery: &Delivery) {
        let envelope = delivery.envelope.as_deref();
        let fingerprint = envelope
            .map(|it| it.dead_letter.fingerprint)
            .unwrap_or_default();
        let at = envelope.map_or(delivery.enqueued_at, |it| it.dead_lettered_at);
        let has_room = self.groups.len() < GROUPS_MAX;
        match self.groups.get_mut(&fingerprint) {
            Some(group) => group.add(at),
            None if has_room => {
                self.groups
                    .insert(fingerprint, Group::of(delivery, fingerprint, at));
            }
            None => self.beyond += 1,
        }
    }

    /// Returns how many dead letters belong to no group that is told apart.
    pub(super) const fn beyond(&self) -> u64 {
        self.beyond
    }

    /// Returns the groups, the largest first.
    pub(super) fn into_sorted(self) -> Vec<Group> {
        let mut groups: Vec<_> = self.groups.into_values().map(Group::told).collect();
        groups.sort_by_key(|group| Reverse(group.count));
        groups
    }
}

impl Group {
    fn of(delivery: &Delivery, fingerprint: Fingerprint, at: Timestamp) -> Self {
        let letter = delivery.envelope.as_deref().map(|it| &it.dead_letter);
        let text = |text: &str| shortened(text, TEXT_CHARS);
        Self {
            group: short(fingerprint),
            count: 1,
            first: String::new(),
            last: String::new(),
            reason: text(letter.map_or(NO_REASON, |it| &it.reason)),
            description: text(letter.map_or("", |it| &it.description)),
            sample: delivery.id.to_string(),
            seen: (at, at),
        }
    }

    fn add(&mut self, at: Timestamp) {
        let (first, last) = self.seen;
        self.count += 1;
        self.seen = (first.min(at), last.max(at));
    }

    fn told(mut self) -> Self {
        let (first, last) = self.seen;
        (self.first, self.last) = (first.to_string(), last.to_string());
        self
    }

    /// Returns the heading of [`row`](Self::row).
    pub(super) fn heading() -> String {
        format!(
            "{:<8}  {:>8}  {:<27}  {:<27}  {:<20}  {:<ROW_CHARS$}  SAMPLE\n",
            "GROUP", "COUNT", "FIRST", "LAST", "REASON", "DESCRIPTION"
        )
    }

    /// Makes a line of the group for a person.
    pub(super) fn row(&self) -> String {
        let Self {
            group,
            count,
            first,
            last,
            reason,
            description,
            sample,
            seen: _,
        } = self;
        let (reason, description) = (shortened(reason, 20), shortened(description, ROW_CHARS));
        format!(
            "{group:<8}  {count:>8}  {first:<27}  {last:<27}  {reason:<20}  \
             {description:<ROW_CHARS$}  {sample}\n"
        )
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use relayhouse::{
        DeadLetter, Envelope, Instant, Lease, Message, MessageId, Previous, Receipt, Settlement,
    };

    use super::*;

    /// Makes a dead letter that died at `second`.
    fn letter(description: &str, second: u64) -> Delivery {
        let at = |second: u64| Timestamp::from_micros(1_700_000_000_000_000 + second * 1_000_000);
        let Settlement::DeadLetter(dead_letter) =
            Settlement::dead_letter(DeadLetter::REJECTED, description.to_owned())
        else {
            panic!("it is one");
        };
        Delivery {
            id: MessageId::from(u128::from(second)),
            message: Message::new("{}"),
            receipt: Receipt::from_bytes([0; 16]),
            lease: Lease::new(Instant::NEVER, 1),
            attempt: 1,
            previous: Previous::None,
            sequence: Some(second),
            enqueued_at: at(0),
            envelope: Some(Arc::new(Envelope {
                dead_letter: *dead_letter,
                source: "orders".parse().unwrap(),
                attempts: 3,
                enqueued_at: at(0),
                dead_lettered_at: at(second),
            })),
        }
    }

    #[test]
    fn group_tells_when_it_was_seen_first_and_last() {
        let mut groups = Groups::default();
        groups.add(&letter("order 7 not paid", 5));
        for (order, second) in [(1, 9), (2, 3), (3, 6)] {
            groups.add(&letter(&format!("order {order} not found"), second));
        }
        let sorted = groups.into_sorted();
        let told: Vec<_> = sorted
            .iter()
            .map(|group| (group.count, &group.first[17..19], &group.last[17..19]))
            .collect();
        assert_eq!(told, [(3, "23", "29"), (1, "25", "25")]);
        assert_eq!(sorted[0].description, "order 1 not found");
        assert_eq!(sorted[0].sample, MessageId::from(9_u128).to_string());
    }

    #[test]
    fn too_many_groups_are_counted_together() {
        let mut groups = Groups::default();
        let text = |number: usize| {
            let letter =
                |place: usize| char::from(b'a' + u8::try_from(number / place % 26).unwrap());
            [letter(1), letter(26), letter(676), letter(17_576)]
                .iter()
                .collect::<String>()
        };
        for number in 0..GROUPS_MAX + 7 {
            groups.add(&letter(&text(number), 0));
        }
        assert_eq!(groups.beyond(), 7);
        assert_eq!(groups.into_sorted().len(), GROUPS_MAX);
    }
}
