//! Each kind of thing that is kept.

use bytes::Bytes;

use super::*;
use crate::model::{
    Browse, CorrelationFilter, DEAD_LETTER_REASON, Filter, Rule, SqlAction, SqlFilter, State,
    Status, Value,
};

#[test]
fn message_is_there_with_all_that_it_says() {
    let mut world = World::new();
    world.queue("q", |_| {});
    let values = [
        Value::Null,
        Value::Boolean(true),
        Value::Ubyte(1),
        Value::Ulong(u64::MAX),
        Value::Long(i64::MIN),
        Value::Float(1.5),
        Value::Double(f64::INFINITY),
        Value::Char('é'),
        Value::Timestamp(-1),
        Value::Uuid(Uuid::from_u128(1)),
        Value::Binary(Bytes::from_static(b"\0\xff")),
        Value::Symbol("symbol".into()),
        Value::Encoded(Bytes::from_static(b"\x45")),
    ];
    let named = (0..).zip(values);
    let named = named.map(|(number, value)| (number.to_string().into(), value));
    world.send(
        "q",
        Contents {
            message_id: Some("id".into()),
            subject: Some("subject".into()),
            time_to_live: Some(Duration::from_secs(100)),
            properties: named.collect(),
            extra: Bytes::from_static(b"extra"),
            ..text("body")
        },
    );
    let before = world.peek("q");
    world.restart();
    assert_eq!(world.peek("q"), before);
}

#[test]
fn message_of_every_state_is_in_it_still() {
    let mut world = World::new();
    world.queue("q", |_| {});
    world.send("q", text("deferred"));
    let delivery = world.receive("q", None).remove(0);
    let defer = Settlement::Defer {
        properties: [("why".into(), Value::from("later"))].into(),
    };
    world.settle("q", &delivery, defer).unwrap();
    world.send("q", text("dead"));
    let delivery = world.receive("q", None).remove(0);
    world.settle("q", &delivery, dead_letter()).unwrap();
    world.send("q", text("done"));
    let delivery = world.receive("q", None).remove(0);
    world.settle("q", &delivery, Settlement::Complete).unwrap();
    let due = world.now.after(Duration::from_secs(60));
    world.send(
        "q",
        Contents {
            scheduled: Some(due),
            ..text("scheduled")
        },
    );
    world.send("q", text("ready"));
    let before = [world.peek("q"), world.peek("q/$DeadLetterQueue")];
    world.restart();
    let after = [world.peek("q"), world.peek("q/$DeadLetterQueue")];
    assert_eq!(after, before);
    let states = after[0].iter().map(|it| it.state).collect::<Vec<_>>();
    assert_eq!(states, [State::Deferred, State::Scheduled, State::Active]);
    let reason = after[1][0]
        .message
        .contents
        .properties
        .get(DEAD_LETTER_REASON);
    assert_eq!(reason, Some(&Value::from("broken")));

    world.pass(60);
    let bodies = world.receive("q", None);
    let bodies = bodies.iter().map(|it| it.message.contents.body.clone());
    assert_eq!(bodies.collect::<Vec<_>>(), ["ready", "scheduled"]);
}

#[test]
fn lock_ends_with_the_process_and_the_count_stays() {
    let mut world = World::new();
    world.queue("q", |_| {});
    world.send("q", text("it"));
    let delivery = world.receive("q", None).remove(0);
    world.settle("q", &delivery, abandon()).unwrap();
    let delivery = world.receive("q", None).remove(0);
    world.restart();
    assert!(world.settle("q", &delivery, Settlement::Complete).is_err());
    let again = world.receive("q", None).remove(0);
    assert_eq!(again.message.delivery_count, 1);
    assert_ne!(token(&again), token(&delivery), "a token is given once");
}

#[test]
fn what_was_due_meanwhile_is_done() {
    let mut world = World::new();
    world.queue("q", |it| {
        it.outlet.dead_letters_expired = true;
        it.common.time_to_live = Some(Duration::from_secs(30));
    });
    world.send("q", text("it"));
    world.commit();
    world.pass(30);
    world.crash();
    assert_eq!(world.peek("q"), []);
    let dead = world.peek("q/$DeadLetterQueue");
    assert_eq!(dead.len(), 1);
    world.restart();
    assert_eq!(world.peek("q/$DeadLetterQueue"), dead, "it dies once");
}

#[test]
fn message_that_was_locked_is_forwarded_when_it_comes_back() {
    let mut world = World::new();
    for name in ["q", "next"] {
        world.queue(name, |_| {});
    }
    world.send("q", text("it"));
    assert_eq!(world.receive("q", None).len(), 1);
    let mut settings = QueueSettings::default();
    settings.outlet.forward_to = Some(Path::new("next"));
    let now = world.now;
    let updated = world.model.update_queue(now, &Path::new("q"), settings);
    updated.unwrap();
    world.restart();
    assert_eq!(world.receive("next", None).len(), 1);
}

#[test]
fn idle_time_does_not_pass_while_nobody_can_use_an_entity() {
    let mut world = World::new();
    let idle = Duration::from_secs(300);
    world.queue("q", |it| it.common.delete_on_idle = Some(idle));
    world.commit();
    world.pass(1_000);
    world.crash();
    world.pass(299);
    assert_eq!(world.peek("q"), []);
    world.pass(1);
    world.model.catch_up(world.now);
    assert!(world.model.queue_settings(&Path::new("q")).is_err());
    world.restart();
    assert!(world.model.queue_settings(&Path::new("q")).is_err());
}

#[test]
fn numbers_are_not_given_again() {
    let mut world = World::new();
    world.queue("q", |_| {});
    world.send("q", text("one"));
    let delivery = world.receive("q", None).remove(0);
    world.settle("q", &delivery, Settlement::Complete).unwrap();
    world.restart();
    world.send("q", text("two"));
    assert_eq!(world.peek("q")[0].message.sequence, 2);
}

#[test]
fn session_is_there_with_its_state() {
    let mut world = World::new();
    world.queue("q", |it| it.outlet.requires_session = true);
    world.send("q", in_session("full", "it"));
    for id in ["full", "empty"] {
        let session = world.accept("q", id);
        let (now, at) = (world.now, address("q"));
        let state = Some(Bytes::from_static(b"state"));
        let set = world.model.set_session_state(now, &at, &session.key, state);
        set.unwrap();
    }
    let gone = world.accept("q", "gone");
    let (now, at) = (world.now, address("q"));
    for state in [Some(Bytes::from_static(b"state")), None] {
        let set = world.model.set_session_state(now, &at, &gone.key, state);
        set.unwrap();
        world.commit();
    }
    world.restart();
    for (id, state) in [
        ("full", Some("state")),
        ("empty", Some("state")),
        ("gone", None),
    ] {
        let session = world.accept("q", id);
        let found = world.model.session_state(now, &at, &session.key).unwrap();
        assert_eq!(found, state.map(Bytes::from), "{id}");
    }
    let updated = Browse::UpdatedSince(Time::default());
    let listed = world.model.sessions(now, &at, updated, 0, 10).unwrap();
    assert_eq!(listed, ["empty".into(), "full".into()]);
    let session = world.model.accept_session(now, &at, Some("full"));
    assert!(session.is_err(), "it is held");
}

#[test]
fn session_without_a_state_is_forgotten_with_its_messages() {
    let mut world = World::new();
    world.queue("q", |it| it.outlet.requires_session = true);
    let (now, at) = (world.now, address("q"));
    let session = world.accept("q", "s");
    let cleared = world.model.set_session_state(now, &at, &session.key, None);
    cleared.unwrap();
    let rows = |world: &World| {
        let count = "SELECT count(*) FROM sessions";
        let connection = &world.store.as_ref().unwrap().connection;
        let count = connection.query_row(count, [], |row| row.get::<_, i64>(0));
        count.unwrap()
    };
    world.commit();
    assert_eq!(rows(&world), 0);
    world.send("q", in_session("s", "it"));
    world.commit();
    assert_eq!(rows(&world), 1);
    let delivery = world.receive("q", Some(&session.key)).remove(0);
    world.settle("q", &delivery, Settlement::Complete).unwrap();
    world.commit();
    assert_eq!(rows(&world), 0);
}

#[test]
fn duplicate_is_found_within_the_window_and_no_longer() {
    let mut world = World::new();
    let window = Duration::from_secs(20);
    world.queue("q", |it| {
        it.intake.detects_duplicates = true;
        it.intake.duplicate_window = window;
    });
    for id in ["a", "b"] {
        world.send("q", with_id(id));
        world.pass(10);
        world.restart();
    }
    world.send("q", with_id("b"));
    assert_eq!(world.peek("q").len(), 2);
    world.send("q", with_id("a"));
    assert_eq!(world.peek("q").len(), 3, "its window is over");
    world.restart();
    world.send("q", with_id("a"));
    assert_eq!(world.peek("q").len(), 3);
    let count = "SELECT count(*) FROM ids";
    let connection = &world.store.as_ref().unwrap().connection;
    let count = connection.query_row(count, [], |row| row.get::<_, i64>(0));
    assert_eq!(count.unwrap(), 2, "what is forgotten is deleted");
}

#[test]
fn settings_are_kept_when_they_change() {
    let mut world = World::new();
    world.queue("Queue", |_| {});
    world.topic();
    world.commit();
    let mut settings = QueueSettings::default();
    settings.common.status = Status::SendDisabled;
    settings.common.user_metadata = Some("text".into());
    settings.outlet.forward_dead_letters_to = Some(Path::new("t"));
    let (now, path) = (world.now, Path::new("queue"));
    let updated = world.model.update_queue(now, &path, settings.clone());
    updated.unwrap();
    let summary = world.model.summary(now, &path).unwrap();
    world.restart();
    assert_eq!(world.model.queue_settings(&path).unwrap(), settings);
    assert_eq!(world.model.summary(now, &path).unwrap(), summary);
    assert_eq!(summary.path.as_str(), "Queue");
    assert!(world.model.topic_settings(&Path::new("T")).is_ok());
}

#[test]
fn rules_are_kept_with_parameters_and_actions() {
    let mut world = World::new();
    world.topic();
    world.commit();
    let now = world.now;
    let filter = SqlFilter::parse("size < @max").unwrap();
    let parameters = [("@max".into(), Value::Int(10))].into();
    let filter = Filter::Sql(filter.with_parameters(parameters).unwrap());
    let rules = [
        Rule {
            action: Some(SqlAction::parse("SET seen = TRUE").unwrap()),
            ..Rule::new("sql", filter, now)
        },
        Rule::new("none", Filter::False, now),
        Rule::new(
            "equal",
            Filter::Correlation(Box::new(CorrelationFilter {
                properties: [("color".into(), Value::from("red"))].into(),
                ..CorrelationFilter::default()
            })),
            now,
        ),
    ];
    for rule in rules {
        world.model.add_rule(now, &subscription(), rule).unwrap();
    }
    let removed = world.model.remove_rule(now, &subscription(), "$Default");
    removed.unwrap();
    let rules = world.model.rules(now, &subscription(), 0, 10).unwrap();
    world.restart();
    let kept = world.model.rules(now, &subscription(), 0, 10).unwrap();
    assert_eq!(kept, rules);
    world.send(
        "t",
        Contents {
            properties: [("size".into(), Value::Int(9))].into(),
            ..text("it")
        },
    );
    let taken = world.peek("t/Subscriptions/a");
    let seen = taken[0].message.contents.properties.get("seen");
    assert_eq!(seen, Some(&Value::Boolean(true)));
}

#[test]
fn topic_keeps_what_is_scheduled() {
    let mut world = World::new();
    world.topic();
    let scheduled = Some(world.now.after(Duration::from_secs(5)));
    world.send(
        "t",
        Contents {
            scheduled,
            ..text("it")
        },
    );
    world.restart();
    world.pass(5);
    assert_eq!(world.receive("t/Subscriptions/a", None).len(), 1);
    world.restart();
    assert_eq!(world.peek("t"), []);
    assert_eq!(world.peek("t/Subscriptions/a").len(), 1);
}

#[test]
fn entity_that_was_deleted_leaves_nothing() {
    let mut world = World::new();
    world.topic();
    world.send("t", text("it"));
    world.queue("q", |it| it.intake.detects_duplicates = true);
    world.send("q", with_id("id"));
    world.commit();
    let now = world.now;
    for name in ["q", "t"] {
        world.model.delete(now, &Path::new(name)).unwrap();
    }
    world.restart();
    world.queue("q", |it| it.intake.detects_duplicates = true);
    world.topic();
    assert_eq!(world.peek("q"), []);
    world.send("q", with_id("id"));
    assert_eq!(world.peek("q").len(), 1);
    assert_eq!(world.peek("t/Subscriptions/a"), []);
}

#[test]
fn what_was_not_written_is_gone_as_a_whole() {
    let mut world = World::new();
    world.queue("q", |_| {});
    world.send("q", text("one"));
    world.commit();
    let delivery = world.receive("q", None).remove(0);
    world.settle("q", &delivery, Settlement::Complete).unwrap();
    world.send("q", text("two"));
    world.crash();
    let bodies = world.peek("q");
    let bodies = bodies.iter().map(|it| it.message.contents.body.clone());
    assert_eq!(bodies.collect::<Vec<_>>(), ["one"]);
}
