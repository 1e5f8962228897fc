//! Texts that people write: expressions of rules, and the configuration.

use servicebus_emulator::model::{
    Call, Config, Contents, Filter, Model, Path, Rule, SqlAction, SqlFilter, SubscriptionSettings,
    Time, TopicSettings, Value,
};

/// The text is a filter or an action, or both; what can be read is what it says, and is applied to
/// messages.
pub(crate) fn sql(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else {
        return;
    };
    if let Ok(filter) = SqlFilter::parse(text) {
        assert_eq!(filter.text(), text);
        publish(Filter::Sql(filter), None);
    }
    if let Ok(action) = SqlAction::parse(text) {
        assert_eq!(action.text(), text);
        publish(Filter::True, Some(action));
    }
}

/// Sends messages through a rule. Each is taken, left out, or dead with the reason.
fn publish(filter: Filter, action: Option<SqlAction>) {
    let (mut model, now) = (Model::new(0), Time::default());
    let (topic, path) = (Path::new("t"), Path::of_subscription("t", "s"));
    let rule = Rule {
        action,
        ..Rule::new("rule", filter, now)
    };
    let settings = SubscriptionSettings::default();
    let made = model
        .create_topic(now, &topic, TopicSettings::default())
        .and_then(|()| model.create_subscription(now, &path, settings, Some(rule)));
    assert_eq!(made, Ok(()));
    for message in [Contents::default(), rich()] {
        let sent = model.send(Call::at(now), &topic, None, vec![message]);
        assert_eq!(sent, Ok(()));
    }
    let counts = model.summary(now, &path).map(|summary| summary.counts);
    assert!(counts.is_ok_and(|counts| counts.total() <= 2));
}

/// A message with a property of many a type.
fn rich() -> Contents {
    let properties = [
        ("text", Value::from("red")),
        ("whole", Value::Long(i64::MIN)),
        ("small", Value::Byte(-1)),
        ("most", Value::Ulong(u64::MAX)),
        ("part", Value::Double(0.5)),
        ("yes", Value::Boolean(true)),
        ("none", Value::Null),
    ];
    let properties = properties.map(|(name, value)| (name.into(), value));
    Contents {
        message_id: Some("id".into()),
        subject: Some("subject".into()),
        properties: properties.into(),
        ..Contents::of_body("body")
    }
}

/// A configuration that is read can be used.
pub(crate) fn config(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else {
        return;
    };
    let Ok(config) = Config::parse(text) else {
        return;
    };
    let (mut model, now) = (Model::new(0), Time::default());
    assert_eq!(model.configure(now, &config), Ok(()));
    for (path, settings) in &config.queues {
        assert_eq!(model.queue_settings(path).as_ref(), Ok(settings));
    }
}
