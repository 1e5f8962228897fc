//! What subscriptions take, and what they make of it.

use super::*;

const SUBSCRIPTION: &str = "t/Subscriptions/s";

fn world() -> World {
    let mut world = World::new();
    world.topic("t", |_| ());
    world.subscription("s", |_| ());
    world
}

fn sql(text: &str) -> Filter {
    Filter::Sql(SqlFilter::parse(text).unwrap())
}

impl World {
    fn rule(&mut self, name: &str, filter: Filter, action: Option<&str>) -> Result<()> {
        let action = action.map(|text| SqlAction::parse(text).unwrap());
        let rule = Rule {
            action,
            ..Rule::new(name, filter, self.now)
        };
        let path = Path::new(SUBSCRIPTION);
        self.model.add_rule(self.now, &path, rule)
    }

    /// Puts rules in the place of the one that takes everything.
    fn rules(&mut self, rules: &[(&str, Filter, Option<&str>)]) {
        let path = Path::new(SUBSCRIPTION);
        self.model
            .remove_rule(self.now, &path, DEFAULT_RULE)
            .unwrap();
        for (name, filter, action) in rules {
            self.rule(name, filter.clone(), *action).unwrap();
        }
    }
}

#[test]
fn new_subscription_takes_everything_from_then_on() {
    let mut world = World::new();
    world.topic("t", |_| ());
    world.send_all("t", &["early"]);
    world.subscription("s", |_| ());
    world.subscription("r", |_| ());
    world.send_all("t", &["a"]);
    assert_eq!(bodies(&world.receive(SUBSCRIPTION, 9)), ["a"]);
    assert_eq!(bodies(&world.receive("t/Subscriptions/r", 9)), ["a"]);
}

#[test]
fn subscription_without_rules_takes_nothing() {
    let mut world = world();
    world.rules(&[]);
    world.send_all("t", &["a"]);
    assert_eq!(world.counts(SUBSCRIPTION).total(), 0);
}

#[test]
fn rules_without_actions_make_one_copy_and_each_with_an_action_makes_its_own() {
    let mut world = world();
    world.rules(&[
        ("one", Filter::True, None),
        ("two", sql("1 = 1"), None),
        ("three", sql("size > 1"), Some("SET size = size * 2")),
        (
            "four",
            sql("size > 1"),
            Some("REMOVE size; SET sys.Label = 'x'"),
        ),
        ("five", Filter::False, None),
    ]);
    world.send("t", with_property("size", 4)).unwrap();
    let messages = world.receive(SUBSCRIPTION, 9);
    let size = |it: &Delivery| it.message.contents.properties.get("size").cloned();
    let sizes = messages.iter().map(size).collect::<Vec<_>>();
    assert_eq!(
        sizes,
        [Some(Value::Int(4)), None, Some(Value::Int(8))],
        "the rules are in the order of their names"
    );
    let names = messages.iter().map(|it| property(&it.message, "RuleName"));
    assert_eq!(
        names.collect::<Vec<_>>(),
        [None, Some("four"), Some("three")]
    );
    assert_eq!(messages[1].message.contents.subject.as_deref(), Some("x"));
}

#[test]
fn correlation_filter_wants_all_of_what_it_names() {
    let filter = CorrelationFilter {
        correlation_id: Some("order".into()),
        subject: Some("red".into()),
        properties: [("size".into(), Value::Long(4))].into(),
        ..CorrelationFilter::default()
    };
    let mut world = world();
    world.rules(&[("one", Filter::Correlation(Box::new(filter)), None)]);
    let matching = || Contents {
        correlation_id: Some("order".into()),
        subject: Some("red".into()),
        ..with_property("size", 4)
    };
    world.send("t", matching()).unwrap();
    assert_eq!(world.counts(SUBSCRIPTION).active, 1);
    let others = [
        Contents {
            correlation_id: None,
            ..matching()
        },
        Contents {
            subject: Some("Red".into()),
            ..matching()
        },
        Contents {
            properties: indexmap::IndexMap::new(),
            ..matching()
        },
        Contents {
            properties: [("size".into(), Value::from("4"))].into(),
            ..matching()
        },
    ];
    for other in others {
        world.send("t", other).unwrap();
    }
    assert_eq!(world.counts(SUBSCRIPTION).active, 1);
}

#[test]
fn message_on_which_a_filter_fails_is_dead_or_left_out() {
    for keeps in [true, false] {
        let mut world = World::new();
        world.topic("t", |_| ());
        world.subscription("s", |it| it.dead_letters_filter_errors = keeps);
        world.rules(&[("bad", sql("1 / size = 1"), None)]);
        world.send("t", with_property("size", 0)).unwrap();
        world.send("t", with_property("size", 1)).unwrap();
        let counts = world.counts(SUBSCRIPTION);
        assert_eq!((counts.active, counts.dead_letter), (1, usize::from(keeps)));
    }
}

#[test]
fn changes_are_private_to_the_copy() {
    let mut world = world();
    world.subscription("r", |_| ());
    world.rules(&[("one", Filter::True, Some("SET color = 'blue'"))]);
    world.send("t", with_property("color", "red")).unwrap();
    let changed = world.receive(SUBSCRIPTION, 1).remove(0);
    assert_eq!(property(&changed.message, "color"), Some("blue"));
    let plain = world.receive("t/Subscriptions/r", 1).remove(0);
    assert_eq!(property(&plain.message, "color"), Some("red"));
}

#[test]
fn rules_are_named_in_any_case_and_listed() {
    let mut world = world();
    world.rule("Two", Filter::False, None).unwrap();
    let refused = kind(world.rule("tWO", Filter::True, None));
    assert_eq!(refused, Some(ErrorKind::EntityExists));
    let path = Path::new(SUBSCRIPTION);
    let rules = world.model.rules(world.now, &path, 0, 9).unwrap();
    let names = rules.iter().map(|rule| &*rule.name).collect::<Vec<_>>();
    assert_eq!(names, [DEFAULT_RULE, "Two"]);
    let page = world.model.rules(world.now, &path, 1, 1).unwrap();
    assert_eq!(page, [rules[1].clone()]);
    let new = Rule::new("TWO", Filter::True, Time::MAX);
    world.model.update_rule(world.now, &path, new).unwrap();
    let updated = world.model.rule(world.now, &path, "two").unwrap();
    assert_eq!(
        (&updated.filter, updated.created),
        (&Filter::True, world.now)
    );
    world.model.remove_rule(world.now, &path, "two").unwrap();
    let missing = kind(world.model.remove_rule(world.now, &path, "two"));
    assert_eq!(missing, Some(ErrorKind::EntityNotFound));
}

#[test]
fn rule_that_is_no_good_is_refused() {
    let mut world = world();
    let empty = Filter::Correlation(Box::default());
    assert_eq!(
        kind(world.rule("r", empty, None)),
        Some(ErrorKind::Argument)
    );
    let long = "x".repeat(51);
    for name in ["", &long] {
        let refused = kind(world.rule(name, Filter::True, None));
        assert_eq!(refused, Some(ErrorKind::ArgumentOutOfRange));
    }
    world.queue("q", |_| ());
    let rule = Rule::new("r", Filter::True, world.now);
    let refused = kind(world.model.add_rule(world.now, &Path::new("q"), rule));
    assert_eq!(refused, Some(ErrorKind::NotAllowed));
}

#[test]
fn topic_limits_how_long_messages_live_in_subscriptions() {
    let mut world = World::new();
    world.topic("t", |it| {
        it.common.time_to_live = Some(Duration::from_secs(5));
    });
    world.subscription("s", |it| {
        it.common.time_to_live = Some(Duration::from_secs(9));
    });
    world.send_all("t", &["a"]);
    world.pass(5);
    assert_eq!(world.counts(SUBSCRIPTION).total(), 0);
}

#[test]
fn message_without_a_session_dies_in_a_subscription_with_sessions() {
    let mut world = World::new();
    world.topic("t", |_| ());
    world.subscription("s", |it| it.outlet.requires_session = true);
    world.send("t", text("a")).unwrap();
    world.send("t", in_session("x", "b")).unwrap();
    let counts = world.counts(SUBSCRIPTION);
    assert_eq!((counts.active, counts.dead_letter), (1, 1));
}

#[test]
fn full_topic_is_full_by_what_its_subscriptions_hold() {
    let mut world = World::new();
    world.topic("t", |it| it.intake.megabytes_max = 1);
    world.subscription("s", |_| ());
    world.subscription("r", |_| ());
    let large = || Contents::of_body(vec![0; 250_000]);
    world.send("t", large()).unwrap();
    world.send("t", large()).unwrap();
    assert_eq!(
        kind(world.send("t", large())),
        Some(ErrorKind::QuotaExceeded)
    );
}

#[test]
fn subscription_takes_no_sends_and_topic_gives_no_messages() {
    let mut world = world();
    let refused = Some(ErrorKind::NotAllowed);
    assert_eq!(kind(world.send(SUBSCRIPTION, text("a"))), refused);
    assert_eq!(
        kind(world.try_receive("t", 1, Mode::PeekLock, None)),
        refused
    );
}

#[test]
fn subscription_forwards_what_it_takes() {
    let mut world = World::with_queue(|_| ());
    world.topic("t", |_| ());
    world.subscription("s", |it| it.outlet.forward_to = Some(Path::new("q")));
    world.send_all("t", &["a", "b"]);
    let deliveries = world.receive("q", 9);
    assert_eq!(bodies(&deliveries), ["a", "b"]);
    assert_eq!(deliveries[1].message.enqueued_sequence, 2);
}
