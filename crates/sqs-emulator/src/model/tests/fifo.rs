//! Order, groups and attempts of FIFO queues.

use super::*;

#[test]
fn group_is_locked_while_any_of_it_is_in_flight() {
    let mut world = World::new();
    let url = world.fifo("q.fifo", &[]);
    for body in ["0", "1", "2", "3"] {
        world.send(send_to(&url, "g", body)).unwrap();
    }
    let batch = world.receive(&url, 3);
    assert_eq!(bodies(&batch), ["0", "1", "2"]);
    assert!(world.receive(&url, 10).is_empty());
    world.delete(&url, &batch[0]).unwrap();
    assert!(world.receive(&url, 10).is_empty(), "two are in flight");
    world.delete(&url, &batch[1]).unwrap();
    world.delete(&url, &batch[2]).unwrap();
    assert_eq!(bodies(&world.receive(&url, 10)), ["3"]);
}

#[test]
fn release_in_the_middle_unlocks_nothing() {
    let mut world = World::new();
    let url = world.fifo("q.fifo", &[]);
    for body in ["0", "1", "2", "3"] {
        world.send(send_to(&url, "g", body)).unwrap();
    }
    let batch = world.receive(&url, 3);
    world.change(&url, &batch[0], 0).unwrap();
    assert!(world.receive(&url, 10).is_empty(), "1 and 2 are in flight");
    world.change(&url, &batch[1], 0).unwrap();
    world.change(&url, &batch[2], 0).unwrap();
    assert_eq!(bodies(&world.receive(&url, 10)), ["0", "1", "2", "3"]);
}

#[test]
fn expiry_unlocks_the_group_and_keeps_its_order() {
    let mut world = World::new();
    let url = world.fifo("q.fifo", &[]);
    for body in ["0", "1", "2"] {
        world.send(send_to(&url, "g", body)).unwrap();
    }
    assert_eq!(world.receive(&url, 2).len(), 2);
    world.pass(30);
    assert_eq!(bodies(&world.receive(&url, 10)), ["0", "1", "2"]);
}

#[test]
fn groups_do_not_wait_for_each_other() {
    let mut world = World::new();
    let url = world.fifo("q.fifo", &[]);
    for (group, body) in [("g", "g0"), ("h", "h0"), ("g", "g1"), ("h", "h1")] {
        world.send(send_to(&url, group, body)).unwrap();
    }
    assert_eq!(bodies(&world.receive(&url, 1)), ["g0"]);
    assert_eq!(bodies(&world.receive(&url, 10)), ["h0", "h1"]);
}

#[test]
fn receive_takes_as_many_of_one_group_as_it_can() {
    let mut world = World::new();
    let url = world.fifo("q.fifo", &[]);
    for (group, body) in [("g", "g0"), ("h", "h0"), ("g", "g1"), ("h", "h1")] {
        world.send(send_to(&url, group, body)).unwrap();
    }
    assert_eq!(bodies(&world.receive(&url, 10)), ["g0", "g1", "h0", "h1"]);
}

#[test]
fn fifo_queue_wants_a_group_and_no_delay() {
    let mut world = World::new();
    let url = world.fifo("q.fifo", &[]);
    let mut sending = send_to(&url, "g", "a");
    sending.delay_seconds = Some(1);
    let refused = code(world.send(sending.clone()));
    assert_eq!(refused, Some(Code::InvalidParameterValue));
    sending.delay_seconds = None;
    sending.message_group_id = None;
    let refused = code(world.send(sending.clone()));
    assert_eq!(refused, Some(Code::MissingParameter));
    let long = "a".repeat(129);
    for group in ["", "a b", "\u{e4}", &long] {
        sending.message_group_id = Some(group.to_owned());
        let refused = code(world.send(sending.clone()));
        assert_eq!(refused, Some(Code::InvalidParameterValue), "{group}");
    }
    sending.message_group_id = Some("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~aZ9".to_owned());
    assert_eq!(code(world.send(sending)), None);
}

#[test]
fn sequence_numbers_have_twenty_digits_and_grow() {
    let mut world = World::new();
    let url = world.fifo("q.fifo", &[]);
    let first = world.send(send_to(&url, "g", "a")).unwrap();
    let second = world.send(send_to(&url, "h", "b")).unwrap();
    let first = first.sequence_number.unwrap();
    assert_eq!(first.len(), 20);
    assert!(first < second.sequence_number.unwrap());
    let message = world.receive(&url, 1).remove(0);
    assert_eq!(message.attributes["SequenceNumber"], first);
    assert_eq!(message.attributes["MessageGroupId"], "g");
    assert_eq!(message.attributes["MessageDeduplicationId"], "a");
}

#[test]
fn new_delay_of_a_fifo_queue_is_for_all_its_messages() {
    let mut world = World::new();
    let url = world.fifo("q.fifo", &[("DelaySeconds", "10")]);
    world.send(send_to(&url, "g", "a")).unwrap();
    world.set(&url, "DelaySeconds", "5").unwrap();
    world.pass(4);
    assert!(world.receive(&url, 1).is_empty());
    world.pass(1);
    assert_eq!(world.receive(&url, 1).len(), 1);
}

fn attempt(url: &str, id: &str, max: i64) -> Receive {
    Receive {
        receive_request_attempt_id: Some(id.to_owned()),
        max_number_of_messages: Some(max),
        ..receive(url)
    }
}

#[test]
fn repeated_attempt_gets_the_same_receipts_and_a_new_time() {
    let mut world = World::new();
    let url = world.fifo("q.fifo", &[]);
    for body in ["0", "1", "2"] {
        world.send(send_to(&url, "g", body)).unwrap();
    }
    let first = world.receive_by(attempt(&url, "x", 2)).unwrap();
    world.pass(20);
    let second = world.receive_by(attempt(&url, "x", 2)).unwrap();
    assert_eq!(first, second);
    assert!(world.receive_by(attempt(&url, "y", 2)).unwrap().is_empty());
    world.pass(20);
    assert_eq!(world.counts(&url), ["1", "2", "0"], "it was counted anew");
    world.delete(&url, &second[0]).unwrap();
}

#[test]
fn touched_attempt_is_a_new_one() {
    for is_deleted in [true, false] {
        let mut world = World::new();
        let url = world.fifo("q.fifo", &[]);
        for body in ["0", "1"] {
            world.send(send_to(&url, "g", body)).unwrap();
        }
        let first = world.receive_by(attempt(&url, "x", 2)).unwrap();
        if is_deleted {
            world.delete(&url, &first[0]).unwrap();
        } else {
            world.change(&url, &first[0], 60).unwrap();
        }
        assert!(world.receive_by(attempt(&url, "x", 2)).unwrap().is_empty());
    }
}

#[test]
fn attempt_is_forgotten_after_its_messages_or_five_minutes() {
    let mut world = World::new();
    let url = world.fifo("q.fifo", &[("VisibilityTimeout", "600")]);
    world.send(send_to(&url, "g", "0")).unwrap();
    let first = world.receive_by(attempt(&url, "x", 1)).unwrap();
    world.pass(299);
    assert_eq!(world.receive_by(attempt(&url, "x", 1)).unwrap(), first);
    world.pass(1);
    assert!(world.receive_by(attempt(&url, "x", 1)).unwrap().is_empty());
    world.pass(599);
    let again = world.receive_by(attempt(&url, "x", 1)).unwrap();
    assert_ne!(again[0].receipt_handle, first[0].receipt_handle);
}
