//! Batches that leave in one transfer, and those that do not.

use relayhouse_core::{Message, MessageId, Timestamp};

use super::*;

fn packed(messages: &[Message], bytes_max: u64) -> Vec<Group> {
    let mut packing = Packing::new(bytes_max);
    for (place, message) in messages.iter().enumerate() {
        let id = MessageId::from(place as u128);
        let packet = write(message, &id, &CAPABILITIES, Timestamp::default()).unwrap();
        let member = Member { place, id };
        packing.add(Written { member, packet });
    }
    packing.end()
}

fn shape(groups: &[Group]) -> Vec<Vec<usize>> {
    let places = |group: &Group| group.members.iter().map(|it| it.place).collect();
    groups.iter().map(places).collect()
}

fn keyed(key: &'static str) -> Message {
    Message::new("x").ordering_key(key)
}

#[test]
fn messages_of_one_key_leave_together() {
    let messages = [
        keyed("a"),
        keyed("a"),
        keyed("b"),
        keyed("a"),
        Message::new("x"),
    ];
    let groups = packed(&messages, 262_144);
    assert_eq!(shape(&groups), [vec![0, 1], vec![2], vec![3], vec![4]]);
    let formats = groups.iter().map(|group| group.cargo.message_format);
    assert_eq!(formats.collect::<Vec<_>>(), [0x8001_3700, 0, 0, 0]);
    let of_batch = groups[0].cargo.message.properties.as_ref().unwrap();
    assert_eq!(of_batch.group_id.as_deref(), Some("a"));
}

/// The messages of a batch may have to be sent again, so that what follows of their key waits.
#[test]
fn what_follows_a_batch_of_its_key_waits_for_it() {
    let messages = [keyed("a"), keyed("a"), keyed("b"), keyed("a")];
    let groups = packed(&messages, 262_144);
    assert!(groups[2].waits_for(&groups[0]));
    assert!(!groups[1].waits_for(&groups[0]), "another key");
    assert!(!groups[2].waits_for(&groups[1]), "no batch");
}

#[test]
fn a_batch_is_no_larger_than_the_broker_allows() {
    let messages: Vec<_> = (0..10).map(|_| Message::new(vec![7; 1000])).collect();
    let max = 6 * 1024;
    let groups = packed(&messages, max);
    for group in &groups {
        let message =
            fe2o3_amqp_types::messaging::message::__private::Serializable(&group.cargo.message);
        let bytes = serde_amqp::to_vec(&message).unwrap();
        assert!(bytes.len() as u64 <= max);
    }
    let counts: Vec<_> = groups.iter().map(|group| group.members.len()).collect();
    assert_eq!(counts.iter().sum::<usize>(), 10);
    assert!(counts.iter().all(|count| *count <= 4), "{counts:?}");
    assert!(counts.len() <= 5, "{counts:?}");
}
