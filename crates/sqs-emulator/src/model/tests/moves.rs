//! Tasks that move dead messages.

use super::*;
use crate::api::moves::{ListMoves, MoveHandle, MoveView, StartMove};

/// A world with `count` dead messages of the queue `q` in the queue `dead`.
fn dead(count: usize) -> (World, String, String) {
    let mut world = World::new();
    let dead = world.queue("dead");
    let url = world.source("q", "dead", 1);
    for index in 0..count {
        world.send(send(&url, &index.to_string())).unwrap();
        assert_eq!(world.receive(&url, 1).len(), 1);
    }
    world.pass(30);
    world.receive(&url, 10);
    (world, url, dead)
}

fn start(rate: Option<i64>) -> StartMove {
    StartMove {
        source_arn: arn("dead"),
        destination_arn: None,
        max_number_of_messages_per_second: rate,
    }
}

impl World {
    fn start_move(&mut self, start: StartMove) -> Result<MoveHandle> {
        self.model.start_move(&mut self.call, start)
    }

    fn last_move(&mut self) -> MoveView {
        let list = ListMoves {
            source_arn: arn("dead"),
            max_results: None,
        };
        let mut list = self.model.list_moves(&mut self.call, &list).unwrap();
        list.results.remove(0)
    }
}

#[test]
fn messages_go_back_to_where_they_died_as_new_ones() {
    let (mut world, url, dead) = dead(3);
    assert_eq!(world.counts(&dead), ["3", "0", "0"]);
    world.start_move(start(None)).unwrap();
    let view = world.last_move();
    assert_eq!((view.status, view.task_handle), ("COMPLETED", None));
    assert_eq!(view.approximate_number_of_messages_moved, 3);
    assert_eq!(view.approximate_number_of_messages_to_move, 3);
    assert_eq!(world.counts(&dead), ["0", "0", "0"]);
    let messages = world.receive(&url, 10);
    assert_eq!(bodies(&messages), ["0", "1", "2"]);
    let attributes = &messages[0].attributes;
    assert_eq!(attributes["ApproximateReceiveCount"], "1");
    assert!(!attributes.contains_key("DeadLetterQueueSourceArn"));
}

#[test]
fn messages_go_to_the_destination_if_one_is_named() {
    let (mut world, url, _) = dead(2);
    let other = world.queue("other");
    let start = StartMove {
        destination_arn: Some(arn("other")),
        ..start(None)
    };
    world.start_move(start).unwrap();
    assert_eq!(world.counts(&other), ["2", "0", "0"]);
    assert_eq!(world.counts(&url), ["0", "0", "0"]);
}

#[test]
fn task_keeps_its_rate_and_can_be_cancelled() {
    let (mut world, url, _) = dead(10);
    let handle = world.start_move(start(Some(2))).unwrap();
    assert_eq!(world.counts(&url), ["1", "0", "0"]);
    world.pass(2);
    assert_eq!(world.counts(&url), ["5", "0", "0"]);
    let view = world.last_move();
    assert_eq!(view.status, "RUNNING");
    assert_eq!(view.max_number_of_messages_per_second, Some(2));
    assert_eq!(view.task_handle.as_ref(), Some(&handle.task_handle));
    let refused = code(world.start_move(start(None)));
    assert_eq!(refused, Some(Code::InvalidParameterValue), "one at a time");
    let cancelled = world.model.cancel_move(&mut world.call, &handle.clone());
    assert_eq!(cancelled.unwrap().approximate_number_of_messages_moved, 5);
    world.pass(60);
    assert_eq!(world.counts(&url), ["5", "0", "0"]);
    assert_eq!(world.last_move().status, "CANCELLED");
    let again = world.model.cancel_move(&mut world.call, &handle);
    assert_eq!(code(again), Some(Code::ResourceNotFound));
}

#[test]
fn waiting_receive_is_told_when_the_next_message_is_moved() {
    let (mut world, url, _) = dead(3);
    world.start_move(start(Some(1))).unwrap();
    assert_eq!(world.receive(&url, 10).len(), 1);
    let long = Receive {
        wait_time_seconds: Some(20),
        ..receive(&url)
    };
    let long = world.model.start_receive(&mut world.call, long).unwrap();
    let wait = world.model.receive(&mut world.call, &long).unwrap();
    let second = Duration::from_secs(1);
    assert_eq!(wait.unwrap_err().due, Some(world.call.now + second));
}

#[test]
fn message_that_did_not_die_fails_the_task() {
    let (mut world, _, dead) = dead(0);
    world.send(send(&dead, "a")).unwrap();
    world.start_move(start(None)).unwrap();
    let view = world.last_move();
    assert_eq!(view.status, "FAILED");
    assert_eq!(view.failure_reason, Some("CouldNotDetermineMessageSource"));
    assert_eq!(world.counts(&dead), ["1", "0", "0"]);
}

#[test]
fn task_is_checked() {
    let (mut world, ..) = dead(0);
    world.fifo("other.fifo", &[]);
    let mut wrong = start(None);
    wrong.source_arn = arn("missing");
    let refused = code(world.start_move(wrong.clone()));
    assert_eq!(refused, Some(Code::ResourceNotFound));
    wrong.source_arn = arn("q");
    let refused = code(world.start_move(wrong.clone()));
    assert_eq!(
        refused,
        Some(Code::InvalidParameterValue),
        "nothing dies into it"
    );
    wrong.source_arn.clear();
    let refused = code(world.start_move(wrong));
    assert_eq!(refused, Some(Code::MissingParameter));
    for rate in [0, 501] {
        let refused = code(world.start_move(start(Some(rate))));
        assert_eq!(refused, Some(Code::InvalidParameterValue));
    }
    for (destination, expected) in [
        ("missing", Code::ResourceNotFound),
        ("other.fifo", Code::InvalidParameterValue),
    ] {
        let start = StartMove {
            destination_arn: Some(arn(destination)),
            ..start(None)
        };
        assert_eq!(code(world.start_move(start)), Some(expected));
    }
    for handle in ["garbage", ""] {
        let task_handle = handle.to_owned();
        let cancel = MoveHandle { task_handle };
        assert!(world.model.cancel_move(&mut world.call, &cancel).is_err());
    }
}

#[test]
fn last_ten_tasks_are_known() {
    let (mut world, ..) = dead(0);
    for _ in 0..12 {
        world.start_move(start(None)).unwrap();
    }
    let mut list = ListMoves {
        source_arn: arn("dead"),
        max_results: Some(10),
    };
    let tasks = world.model.list_moves(&mut world.call, &list).unwrap();
    assert_eq!(tasks.results.len(), 10);
    list.max_results = Some(11);
    let refused = code(world.model.list_moves(&mut world.call, &list));
    assert_eq!(refused, Some(Code::InvalidParameterValue));
}

#[test]
fn messages_do_not_move_to_where_they_are() {
    let (mut world, _, dead) = dead(2);
    let start = StartMove {
        destination_arn: Some(arn("dead")),
        ..start(None)
    };
    let refused = code(world.start_move(start));
    assert_eq!(refused, Some(Code::InvalidParameterValue));
    assert_eq!(world.counts(&dead), ["2", "0", "0"]);
}

#[test]
fn task_ends_with_its_queue() {
    let (mut world, url, dead) = dead(10);
    world.start_move(start(Some(1))).unwrap();
    world.delete_queue(&dead).unwrap();
    world.pass(60);
    assert_eq!(world.queue("dead"), dead);
    world.send(send(&dead, "new")).unwrap();
    world.pass(60);
    assert_eq!(world.counts(&dead), ["1", "0", "0"]);
    assert_eq!(world.counts(&url), ["1", "0", "0"], "what was moved before");
    assert_eq!(world.last_move().status, "FAILED");
}

#[test]
fn queues_of_another_region_are_not_there() {
    let (mut world, ..) = dead(1);
    let elsewhere = |name: &str| arn(name).replace("us-east-1", "eu-west-1");
    let source = StartMove {
        source_arn: elsewhere("dead"),
        ..start(None)
    };
    let destination = StartMove {
        destination_arn: Some(elsewhere("q")),
        ..start(None)
    };
    for wrong in [source, destination] {
        let refused = code(world.start_move(wrong));
        assert_eq!(refused, Some(Code::ResourceNotFound));
    }
}
