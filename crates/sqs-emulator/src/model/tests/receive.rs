//! Receive.

use super::*;

#[test]
fn every_receive_has_a_receipt_of_its_own() {
    let mut world = World::new();
    let url = world.queue("q");
    world.send(send(&url, "a")).unwrap();
    let first = world.receive(&url, 1).remove(0);
    assert_eq!(first.attributes["ApproximateReceiveCount"], "1");
    assert!(world.receive(&url, 1).is_empty(), "it is in flight");
    world.pass(30);
    let second = world.receive(&url, 1).remove(0);
    assert_eq!(second.message_id, first.message_id);
    assert_ne!(second.receipt_handle, first.receipt_handle);
    assert_eq!(second.attributes["ApproximateReceiveCount"], "2");
    let at = &second.attributes["ApproximateFirstReceiveTimestamp"];
    assert_eq!(*at, first.attributes["SentTimestamp"]);
}

#[test]
fn visibility_is_that_of_the_receive_or_the_queue() {
    let mut world = World::new();
    let url = world.create("q", &[("VisibilityTimeout", "5")]).unwrap();
    world.send(send(&url, "a")).unwrap();
    assert_eq!(world.receive(&url, 1).len(), 1);
    world.pass(4);
    assert!(world.receive(&url, 1).is_empty());
    world.pass(1);
    let with = |seconds| Receive {
        visibility_timeout: Some(seconds),
        ..receive(&url)
    };
    assert_eq!(world.receive_by(with(2)).unwrap().len(), 1);
    world.pass(2);
    assert_eq!(world.receive_by(with(0)).unwrap().len(), 1);
    assert_eq!(world.receive(&url, 1).len(), 1, "it stayed visible");
    for seconds in [-1, 43_201] {
        let refused = code(world.receive_by(with(seconds)));
        assert_eq!(refused, Some(Code::InvalidParameterValue));
    }
}

#[test]
fn bounds_of_a_receive() {
    let mut world = World::new();
    let url = world.queue("q");
    for max in [0, 11] {
        let max = Receive {
            max_number_of_messages: Some(max),
            ..receive(&url)
        };
        assert_eq!(
            code(world.receive_by(max)),
            Some(Code::InvalidParameterValue)
        );
    }
    for wait in [-1, 21] {
        let wait = Receive {
            wait_time_seconds: Some(wait),
            ..receive(&url)
        };
        assert_eq!(
            code(world.receive_by(wait)),
            Some(Code::InvalidParameterValue)
        );
    }
    let attempt = Receive {
        receive_request_attempt_id: Some("a".to_owned()),
        ..receive(&url)
    };
    let refused = code(world.receive_by(attempt));
    assert_eq!(
        refused,
        Some(Code::InvalidParameterValue),
        "it is for FIFO queues"
    );
}

#[test]
fn one_message_comes_unless_more_are_asked_for() {
    let mut world = World::new();
    let url = world.queue("q");
    for body in ["a", "b", "c"] {
        world.send(send(&url, body)).unwrap();
    }
    assert_eq!(world.receive_by(receive(&url)).unwrap().len(), 1);
    assert_eq!(bodies(&world.receive(&url, 10)), ["b", "c"]);
}

#[test]
fn attributes_come_if_they_are_asked_for() {
    let mut world = World::new();
    let url = world.queue("q");
    let mut sending = send(&url, "a");
    for name in ["foo.one", "foo.two", "bar"] {
        let value = crate::api::messages::AttributeValue {
            data_type: "String".to_owned(),
            string_value: Some("v".to_owned()),
            ..Default::default()
        };
        sending.message_attributes.insert(name.to_owned(), value);
    }
    world.send(sending).unwrap();
    for (wanted, names) in [
        (&[][..], &[][..]),
        (&["bar"], &["bar"]),
        (&["foo.*"], &["foo.one", "foo.two"]),
        (&["All"], &["bar", "foo.one", "foo.two"]),
        (&[".*"], &["bar", "foo.one", "foo.two"]),
    ] {
        let receiving = Receive {
            message_attribute_names: wanted.iter().map(|it| (*it).to_owned()).collect(),
            message_system_attribute_names: Vec::new(),
            attribute_names: vec!["SenderId".to_owned()],
            visibility_timeout: Some(0),
            ..receive(&url)
        };
        let message = world.receive_by(receiving).unwrap().remove(0);
        let got = message.message_attributes.keys().collect::<Vec<_>>();
        assert_eq!(got, names);
        assert_eq!(
            message.md5_of_message_attributes.is_some(),
            !names.is_empty()
        );
        assert_eq!(message.attributes.len(), 1);
    }
    let unknown = Receive {
        attribute_names: vec!["Color".to_owned()],
        ..receive(&url)
    };
    let refused = code(world.receive_by(unknown));
    assert_eq!(refused, Some(Code::InvalidAttributeName));
}

#[test]
fn full_flight_refuses_short_polls_and_empties_long_ones() {
    let mut world = World::new();
    let url = world.queue("q");
    world.model.chaos().in_flight_max = 2;
    for body in ["a", "b", "c"] {
        world.send(send(&url, body)).unwrap();
    }
    assert_eq!(world.receive(&url, 10).len(), 2);
    let refused = code(world.receive_by(receive(&url)));
    assert_eq!(refused, Some(Code::OverLimit));
    let long = Receive {
        wait_time_seconds: Some(1),
        ..receive(&url)
    };
    assert!(world.receive_by(long).unwrap().is_empty());
}

#[test]
fn full_flight_of_a_fifo_queue_is_no_error() {
    let mut world = World::new();
    let url = world.fifo("q.fifo", &[]);
    world.model.chaos().in_flight_max = 1;
    world.send(send_to(&url, "g", "a")).unwrap();
    world.send(send_to(&url, "h", "b")).unwrap();
    assert_eq!(world.receive(&url, 10).len(), 1);
    assert!(world.receive_by(receive(&url)).unwrap().is_empty());
}

#[test]
fn message_ends_with_its_retention() {
    let mut world = World::new();
    let url = world
        .create("q", &[("MessageRetentionPeriod", "60")])
        .unwrap();
    world.send(send(&url, "flying")).unwrap();
    assert_eq!(world.receive(&url, 1).len(), 1);
    world.send(send(&url, "lying")).unwrap();
    world.pass(59);
    assert_eq!(world.receive(&url, 10).len(), 2);
    world.pass(1);
    assert_eq!(world.counts(&url), ["0", "0", "0"]);
}

#[test]
fn reordering_stays_within_its_window() {
    let mut world = World::new();
    let url = world.queue("q");
    world.model.chaos().reordering = 4;
    let sent = (0..40).map(|it| it.to_string()).collect::<Vec<_>>();
    for body in &sent {
        world.send(send(&url, body)).unwrap();
    }
    let mut got = Vec::new();
    for _ in 0..4 {
        got.extend(world.receive(&url, 10));
    }
    let order = bodies(&got);
    assert_ne!(order, sent);
    for (index, body) in order.iter().enumerate() {
        assert!(body.parse::<usize>().unwrap() <= index + 3, "{order:?}");
    }
}

#[test]
fn empty_receive_says_what_to_wait_for() {
    let mut world = World::new();
    let url = world.queue("q");
    world.send(send(&url, "a")).unwrap();
    world.receive(&url, 1);
    let long = Receive {
        wait_time_seconds: Some(20),
        ..receive(&url)
    };
    let long = world.model.start_receive(&mut world.call, long).unwrap();
    assert_eq!(
        long.deadline,
        Some(world.call.now + Duration::from_secs(20))
    );
    let wait = world.model.receive(&mut world.call, &long).unwrap();
    let wait = wait.unwrap_err();
    assert_eq!(wait.due, Some(world.call.now + Duration::from_secs(30)));
    assert!(!wait.bell.has_changed().unwrap());
    world.send(send(&url, "b")).unwrap();
    assert!(wait.bell.has_changed().unwrap());
    world.delete_queue(&url).unwrap();
    assert!(wait.bell.has_changed().is_err());
}

#[test]
fn wait_is_that_of_the_queue_if_the_receive_names_none() {
    let mut world = World::new();
    let name = "ReceiveMessageWaitTimeSeconds";
    let url = world.create("q", &[(name, "7")]).unwrap();
    let long = world.model.start_receive(&mut world.call, receive(&url));
    let seven = Duration::from_secs(7);
    assert_eq!(long.unwrap().deadline, Some(world.call.now + seven));
    let short = Receive {
        wait_time_seconds: Some(0),
        ..receive(&url)
    };
    let short = world.model.start_receive(&mut world.call, short);
    assert_eq!(short.unwrap().deadline, None);
}
