//! Deletion and change of visibility.

use super::*;

#[test]
fn deleted_message_is_gone_and_deleting_it_again_is_no_error() {
    let mut world = World::new();
    let url = world.queue("q");
    world.send(send(&url, "a")).unwrap();
    let message = world.receive(&url, 1).remove(0);
    world.delete(&url, &message).unwrap();
    world.delete(&url, &message).unwrap();
    world.pass(30);
    assert_eq!(world.counts(&url), ["0", "0", "0"]);
}

#[test]
fn old_receipt_deletes_nothing_from_a_standard_queue() {
    let mut world = World::new();
    let url = world.queue("q");
    world.send(send(&url, "a")).unwrap();
    let old = world.receive(&url, 1).remove(0);
    world.pass(30);
    world.receive(&url, 1);
    world.delete(&url, &old).unwrap();
    assert_eq!(world.counts(&url), ["0", "1", "0"]);
}

#[test]
fn last_receipt_deletes_also_after_its_time_from_a_standard_queue() {
    let mut world = World::new();
    let url = world.queue("q");
    world.send(send(&url, "a")).unwrap();
    let message = world.receive(&url, 1).remove(0);
    world.pass(30);
    assert_eq!(world.counts(&url), ["1", "0", "0"]);
    world.delete(&url, &message).unwrap();
    assert_eq!(world.counts(&url), ["0", "0", "0"]);
}

#[test]
fn expired_receipt_is_an_error_on_a_fifo_queue() {
    let mut world = World::new();
    let url = world.fifo("q.fifo", &[]);
    world.send(send_to(&url, "g", "a")).unwrap();
    let message = world.receive(&url, 1).remove(0);
    world.pass(30);
    let refused = code(world.delete(&url, &message));
    assert_eq!(refused, Some(Code::InvalidParameterValue));
    let again = world.receive(&url, 1).remove(0);
    let refused = code(world.delete(&url, &message));
    assert_eq!(refused, Some(Code::InvalidParameterValue));
    world.delete(&url, &again).unwrap();
}

#[test]
fn receipt_is_checked() {
    let mut world = World::new();
    let (url, other) = (world.queue("q"), world.queue("other"));
    world.send(send(&url, "a")).unwrap();
    let message = world.receive(&url, 1).remove(0);
    let refused = code(world.delete(&other, &message));
    assert_eq!(refused, Some(Code::ReceiptHandleIsInvalid));
    for text in ["garbage", "AAAA", &message.receipt_handle.replace('=', "")] {
        let mut forged = message.clone();
        text.clone_into(&mut forged.receipt_handle);
        let refused = code(world.delete(&url, &forged));
        assert_eq!(refused, Some(Code::ReceiptHandleIsInvalid), "{text}");
        let refused = code(world.change(&url, &forged, 1));
        assert_eq!(refused, Some(Code::ReceiptHandleIsInvalid), "{text}");
    }
    let mut none = message;
    none.receipt_handle.clear();
    assert_eq!(
        code(world.delete(&url, &none)),
        Some(Code::MissingParameter)
    );
}

#[test]
fn receipt_of_a_queue_that_was_made_again_is_invalid() {
    let mut world = World::new();
    let url = world.queue("q");
    world.send(send(&url, "a")).unwrap();
    let message = world.receive(&url, 1).remove(0);
    world.delete_queue(&url).unwrap();
    world.pass(60);
    world.queue("q");
    let refused = code(world.delete(&url, &message));
    assert_eq!(refused, Some(Code::ReceiptHandleIsInvalid));
}

#[test]
fn visibility_is_counted_from_the_change() {
    let mut world = World::new();
    let url = world.queue("q");
    world.send(send(&url, "a")).unwrap();
    let message = world.receive(&url, 1).remove(0);
    world.pass(20);
    world.change(&url, &message, 30).unwrap();
    world.pass(29);
    assert!(world.receive(&url, 1).is_empty());
    world.pass(1);
    assert_eq!(world.receive(&url, 1).len(), 1);
}

#[test]
fn released_message_is_visible_at_once() {
    let mut world = World::new();
    let url = world.queue("q");
    world.send(send(&url, "a")).unwrap();
    let message = world.receive(&url, 1).remove(0);
    world.change(&url, &message, 0).unwrap();
    assert_eq!(world.counts(&url), ["1", "0", "0"]);
    let refused = code(world.change(&url, &message, 0));
    assert_eq!(refused, Some(Code::MessageNotInflight));
}

#[test]
fn message_that_is_not_in_flight_cannot_be_changed() {
    let mut world = World::new();
    let url = world.queue("q");
    world.send(send(&url, "a")).unwrap();
    let old = world.receive(&url, 1).remove(0);
    world.pass(30);
    let refused = code(world.change(&url, &old, 1));
    assert_eq!(refused, Some(Code::MessageNotInflight));
    let new = world.receive(&url, 1).remove(0);
    let refused = code(world.change(&url, &old, 1));
    assert_eq!(refused, Some(Code::MessageNotInflight));
    world.delete(&url, &new).unwrap();
    let refused = code(world.change(&url, &new, 1));
    assert_eq!(refused, Some(Code::InvalidParameterValue));
}

#[test]
fn flight_ends_twelve_hours_after_the_receive() {
    let mut world = World::new();
    let url = world.queue("q");
    world.send(send(&url, "a")).unwrap();
    let message = world.receive(&url, 1).remove(0);
    for seconds in [-1, 43_201] {
        let refused = code(world.change(&url, &message, seconds));
        assert_eq!(refused, Some(Code::InvalidParameterValue));
    }
    world.change(&url, &message, 43_200).unwrap();
    world.pass(3_600);
    let refused = code(world.change(&url, &message, 39_601));
    assert_eq!(refused, Some(Code::InvalidParameterValue));
    world.change(&url, &message, 39_600).unwrap();
}
