//! Properties: the arithmetic of batches, and the order of FIFO queues under anything.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::api::{
    batches::Batch,
    messages::{AttributeValue, Attributes},
};

const BYTES_MAX: usize = 1_048_576;

/// What a test does with a FIFO queue.
#[derive(Clone, Copy, Debug)]
enum Step {
    Send { group: u8 },
    Receive { max: i64 },
    Delete { index: usize },
    Release { index: usize, seconds: i64 },
    Pass { seconds: u64 },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (0..3_u8).prop_map(|group| Step::Send { group }),
        3 => (1..=10_i64).prop_map(|max| Step::Receive { max }),
        3 => any::<usize>().prop_map(|index| Step::Delete { index }),
        1 => (any::<usize>(), 0..3_i64).prop_map(|(index, seconds)| Step::Release { index, seconds }),
        1 => (1..15_u64).prop_map(|seconds| Step::Pass { seconds }),
    ]
}

/// What a FIFO queue owes: of each group, the messages that are not deleted, in order.
#[derive(Debug, Default)]
struct Expected {
    groups: BTreeMap<String, Vec<String>>,
    sent: usize,
}

impl Expected {
    /// Checks that a receive took the first messages of each of its groups, in order.
    fn check(&self, messages: &[Message]) -> Result<(), TestCaseError> {
        let mut taken = BTreeMap::<&str, Vec<&str>>::new();
        for message in messages {
            let group = message.attributes["MessageGroupId"].as_str();
            taken.entry(group).or_default().push(&message.body);
        }
        for (group, bodies) in taken {
            let line = &self.groups[group];
            prop_assert_eq!(&line[..bodies.len()], bodies.as_slice());
        }
        Ok(())
    }

    fn delete(&mut self, message: &Message) {
        let group = &message.attributes["MessageGroupId"];
        if let Some(line) = self.groups.get_mut(group) {
            line.retain(|body| *body != message.body);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn fifo_queue_keeps_order_and_loses_nothing(steps in prop::collection::vec(step(), 1..80)) {
        let mut world = World::new();
        let url = world.fifo("q.fifo", &[("VisibilityTimeout", "10")]);
        let mut expected = Expected::default();
        let mut held = Vec::<Message>::new();
        for step in steps {
            match step {
                Step::Send { group } => {
                    let (group, body) = (group.to_string(), expected.sent.to_string());
                    world.send(send_to(&url, &group, &body)).unwrap();
                    expected.sent += 1;
                    expected.groups.entry(group).or_default().push(body);
                }
                Step::Receive { max } => {
                    let messages = world.receive(&url, max);
                    expected.check(&messages)?;
                    held.extend(messages);
                }
                Step::Delete { index } if !held.is_empty() => {
                    let message = held.swap_remove(index % held.len());
                    if world.delete(&url, &message).is_ok() {
                        expected.delete(&message);
                    }
                }
                Step::Release { index, seconds } if !held.is_empty() => {
                    let message = held.swap_remove(index % held.len());
                    let _ = world.change(&url, &message, seconds);
                }
                Step::Delete { .. } | Step::Release { .. } => {}
                Step::Pass { seconds } => world.pass(seconds),
            }
        }
        // Whoever holds something gives up; then each group comes out as it is owed.
        world.pass(43_200);
        let mut rest = BTreeMap::<String, Vec<String>>::new();
        loop {
            let messages = world.receive(&url, 10);
            if messages.is_empty() {
                break;
            }
            for message in &messages {
                let group = message.attributes["MessageGroupId"].clone();
                rest.entry(group).or_default().push(message.body.clone());
                world.delete(&url, message).unwrap();
            }
        }
        expected.groups.retain(|_, line| !line.is_empty());
        prop_assert_eq!(rest, expected.groups);
    }

    #[test]
    fn standard_queue_loses_nothing_and_has_one_holder(
        steps in prop::collection::vec(step(), 1..80),
    ) {
        let mut world = World::new();
        let url = world.create("q", &[("VisibilityTimeout", "10")]).unwrap();
        let mut alive = BTreeSet::<String>::new();
        let mut held = Vec::<(u64, Message)>::new();
        let (mut now, mut sent) = (0, 0);
        for step in steps {
            match step {
                Step::Send { .. } => {
                    sent += 1;
                    world.send(send(&url, &sent.to_string())).unwrap();
                    alive.insert(sent.to_string());
                }
                Step::Receive { max } => {
                    held.retain(|(end, _)| now < *end);
                    for message in world.receive(&url, max) {
                        prop_assert!(alive.contains(&message.body), "it was deleted");
                        let is_held = held.iter().any(|(_, it)| it.body == message.body);
                        prop_assert!(!is_held, "it is in flight");
                        held.push((now + 10, message));
                    }
                }
                Step::Delete { index } if !held.is_empty() => {
                    let (_, message) = held.swap_remove(index % held.len());
                    world.delete(&url, &message).unwrap();
                    alive.remove(&message.body);
                }
                Step::Release { index, seconds } if !held.is_empty() => {
                    let (end, message) = held.swap_remove(index % held.len());
                    let result = world.change(&url, &message, seconds);
                    prop_assert_eq!(result.is_ok(), now < end);
                    if result.is_ok() {
                        held.push((now + seconds.unsigned_abs(), message));
                    }
                }
                Step::Delete { .. } | Step::Release { .. } => {}
                Step::Pass { seconds } => {
                    world.pass(seconds);
                    now += seconds;
                }
            }
            let counts = world.counts(&url).map(|it| it.parse::<usize>().unwrap());
            prop_assert_eq!(counts.iter().sum::<usize>(), alive.len());
        }
    }

    #[test]
    fn batch_holds_one_mebibyte_and_no_more(
        parts in prop::collection::vec((1..100_000_usize, 0..2_000_usize), 1..=10),
        slack in -3..=3_i64,
    ) {
        let mut world = World::new();
        let url = world.queue("q");
        let mut entries = parts
            .iter()
            .enumerate()
            .map(|(index, (body, attribute))| sized(index, *body, *attribute))
            .collect::<Vec<_>>();
        // The first entry fills the batch up to its bound, or misses it by a few bytes.
        let bytes = parts.iter().map(|(body, attribute)| {
            // The name, the type and the value of the attribute, if there is one.
            body + if *attribute == 0 { 0 } else { 4 + 6 + attribute }
        });
        let rest = i64::try_from(BYTES_MAX - bytes.sum::<usize>()).unwrap() + slack;
        let filler = "b".repeat(usize::try_from(rest).unwrap());
        entries[0].message_body.push_str(&filler);
        let batch = Batch { queue_url: url, entries };
        let result = code(world.model.send_batch(&mut world.call, batch));
        let expected = (0 < slack).then_some(Code::BatchRequestTooLong);
        prop_assert_eq!(result, expected);
    }
}

fn sized(index: usize, body: usize, attribute: usize) -> Send {
    let mut attributes = Attributes::new();
    if attribute != 0 {
        let value = AttributeValue {
            data_type: "String".to_owned(),
            string_value: Some("v".repeat(attribute)),
            ..AttributeValue::default()
        };
        attributes.insert("name".to_owned(), value);
    }
    Send {
        id: index.to_string(),
        message_body: "a".repeat(body),
        message_attributes: attributes,
        ..Send::default()
    }
}
