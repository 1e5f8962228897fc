//! Dead letters.

use super::*;
use crate::api::queues::ListSources;

#[test]
fn message_dies_at_the_receive_after_its_last() {
    let mut world = World::new();
    let dead = world.queue("dead");
    let url = world.source("q", "dead", 2);
    let sent = world.send(send(&url, "a")).unwrap();
    for _ in 0..2 {
        assert_eq!(world.receive(&url, 1).len(), 1);
        world.pass(30);
    }
    assert_eq!(world.counts(&dead), ["0", "0", "0"], "it dies at a receive");
    assert!(world.receive(&url, 1).is_empty());
    let message = world.receive(&dead, 1).remove(0);
    assert_eq!(message.message_id, sent.message_id);
    assert_eq!(message.attributes["DeadLetterQueueSourceArn"], arn("q"));
    assert_eq!(message.attributes["ApproximateReceiveCount"], "3");
}

#[test]
fn dead_message_of_a_standard_queue_keeps_its_age() {
    let mut world = World::new();
    let dead = world
        .create("dead", &[("MessageRetentionPeriod", "100")])
        .unwrap();
    let url = world.source("q", "dead", 1);
    world.send(send(&url, "a")).unwrap();
    world.receive(&url, 1);
    world.pass(60);
    world.receive(&url, 1);
    assert_eq!(world.counts(&dead), ["1", "0", "0"]);
    world.pass(40);
    assert_eq!(world.counts(&dead), ["0", "0", "0"]);
}

#[test]
fn dead_message_of_a_fifo_queue_begins_anew_and_frees_its_group() {
    let mut world = World::new();
    let dead = world.fifo("dead.fifo", &[]);
    let url = world.source("q.fifo", "dead.fifo", 1);
    world.send(send_to(&url, "g", "0")).unwrap();
    world.receive(&url, 1);
    world.send(send_to(&url, "g", "1")).unwrap();
    world.pass(30);
    assert_eq!(bodies(&world.receive(&url, 10)), ["1"]);
    let message = world.receive(&dead, 1).remove(0);
    assert_eq!(message.body, "0");
    let now = super::super::message::milliseconds(world.call.now).to_string();
    assert_eq!(message.attributes["SentTimestamp"], now);
}

#[test]
fn message_lives_on_if_the_target_is_gone() {
    let mut world = World::new();
    let dead = world.queue("dead");
    let url = world.source("q", "dead", 1);
    world.send(send(&url, "a")).unwrap();
    world.delete_queue(&dead).unwrap();
    for _ in 0..3 {
        assert_eq!(world.receive(&url, 1).len(), 1);
        world.pass(30);
    }
}

#[test]
fn policy_is_checked_and_can_be_taken_away() {
    let mut world = World::new();
    world.queue("dead");
    world.fifo("dead.fifo", &[]);
    let ours = std::mem::replace(&mut world.call.account, "111111111111".to_owned());
    world.queue("dead");
    world.call.account = ours;
    let url = world.queue("q");
    let text = policy("dead", 3).replace(":3", ":\"3\"");
    world.set(&url, "RedrivePolicy", &text).unwrap();
    assert_eq!(world.get(&url, "RedrivePolicy"), policy("dead", 3));
    for bad in [
        "nothing",
        "{}",
        r#"{"deadLetterTargetArn":"here","maxReceiveCount":1}"#,
        &policy("dead", 0),
        &policy("dead", 1001),
        &policy("missing", 1),
        &policy("dead.fifo", 1),
        &policy("dead", 1).replace("us-east-1", "eu-west-1"),
        &policy("dead", 1).replace("000000000000", "111111111111"),
    ] {
        let refused = code(world.set(&url, "RedrivePolicy", bad));
        assert_eq!(refused, Some(Code::InvalidParameterValue), "{bad}");
    }
    assert_eq!(world.get(&url, "RedrivePolicy"), policy("dead", 3));
    world.set(&url, "RedrivePolicy", "").unwrap();
    assert_eq!(world.get(&url, "RedrivePolicy"), "");
}

#[test]
fn target_chooses_its_sources() {
    let mut world = World::new();
    let dead = world.queue("dead");
    let url = world.queue("q");
    let permit = |permission: &str| format!(r#"{{"redrivePermission":"{permission}"}}"#);
    let by_queue = format!(
        r#"{{"redrivePermission":"byQueue","sourceQueueArns":["{}"]}}"#,
        arn("other")
    );
    for refusing in [permit("denyAll"), by_queue] {
        world.set(&dead, "RedriveAllowPolicy", &refusing).unwrap();
        let refused = code(world.set(&url, "RedrivePolicy", &policy("dead", 1)));
        assert_eq!(refused, Some(Code::InvalidParameterValue), "{refusing}");
    }
    world
        .set(&dead, "RedriveAllowPolicy", &permit("allowAll"))
        .unwrap();
    world
        .set(&url, "RedrivePolicy", &policy("dead", 1))
        .unwrap();
    let refused = code(world.set(&dead, "RedriveAllowPolicy", &permit("byQueue")));
    assert_eq!(refused, Some(Code::InvalidParameterValue));
}

#[test]
fn sources_of_a_target_are_listed_in_pages() {
    let mut world = World::new();
    let dead = world.queue("dead");
    let sources = ["a", "b", "c"].map(|name| world.source(name, "dead", 1));
    let mut list = ListSources {
        queue_url: dead,
        max_results: Some(2),
        next_token: None,
    };
    let page = world
        .model
        .list_sources(&mut world.call, list.clone())
        .unwrap();
    assert_eq!(page.queue_urls, sources[..2]);
    list.next_token = page.next_token;
    let page = world.model.list_sources(&mut world.call, list).unwrap();
    assert_eq!(page.queue_urls, sources[2..]);
    assert_eq!(page.next_token, None);
}
