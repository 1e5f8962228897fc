//! Dedup ids of FIFO queues.

use super::*;

fn plain(url: &str, group: &str, body: &str) -> Send {
    Send {
        message_deduplication_id: None,
        ..send_to(url, group, body)
    }
}

#[test]
fn repeated_id_answers_with_the_first_message() {
    let mut world = World::new();
    let url = world.fifo("q.fifo", &[]);
    let first = world.send(send_to(&url, "g", "id")).unwrap();
    let mut other = send_to(&url, "h", "id");
    "other".clone_into(&mut other.message_body);
    let second = world.send(other).unwrap();
    assert_eq!(second.message_id, first.message_id);
    assert_eq!(second.sequence_number, first.sequence_number);
    assert_ne!(second.md5_of_body, first.md5_of_body);
    assert_eq!(bodies(&world.receive(&url, 10)), ["id"]);
}

#[test]
fn id_counts_for_five_minutes_whatever_became_of_the_message() {
    let mut world = World::new();
    let url = world.fifo("q.fifo", &[]);
    world.send(send_to(&url, "g", "id")).unwrap();
    let message = world.receive(&url, 1).remove(0);
    world.delete(&url, &message).unwrap();
    world.pass(299);
    world.send(send_to(&url, "g", "id")).unwrap();
    assert!(world.receive(&url, 1).is_empty());
    world.pass(1);
    world.send(send_to(&url, "g", "id")).unwrap();
    assert_eq!(world.receive(&url, 1).len(), 1);
}

#[test]
fn id_counts_within_its_group_if_the_scope_says_so() {
    let mut world = World::new();
    let url = world.fifo("q.fifo", &[("DeduplicationScope", "messageGroup")]);
    for group in ["g", "h", "g"] {
        world.send(send_to(&url, group, "id")).unwrap();
    }
    assert_eq!(world.receive(&url, 10).len(), 2);
}

#[test]
fn content_is_the_id_if_the_queue_says_so() {
    let mut world = World::new();
    let url = world.fifo("q.fifo", &[("ContentBasedDeduplication", "true")]);
    for body in ["a", "a", "b"] {
        world.send(plain(&url, "g", body)).unwrap();
    }
    let messages = world.receive(&url, 10);
    assert_eq!(bodies(&messages), ["a", "b"]);
    let sha256 = "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb";
    assert_eq!(messages[0].attributes["MessageDeduplicationId"], sha256);
    // An id goes before the content.
    let mut named = plain(&url, "g", "a");
    named.message_deduplication_id = Some("named".to_owned());
    let first = world.send(plain(&url, "g", "a")).unwrap();
    assert_ne!(world.send(named).unwrap().message_id, first.message_id);
}

#[test]
fn fifo_queue_wants_an_id_and_a_standard_queue_none() {
    let mut world = World::new();
    let (fifo, standard) = (world.fifo("q.fifo", &[]), world.queue("q"));
    let refused = code(world.send(plain(&fifo, "g", "a")));
    assert_eq!(refused, Some(Code::InvalidParameterValue));
    let refused = code(world.send(send_to(&standard, "g", "a")));
    assert_eq!(refused, Some(Code::InvalidParameterValue));
    let mut long = plain(&fifo, "g", "a");
    long.message_deduplication_id = Some("a".repeat(129));
    assert_eq!(code(world.send(long)), Some(Code::InvalidParameterValue));
}
