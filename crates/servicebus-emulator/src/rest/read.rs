//! Descriptions that are sent: what they set.

use std::time::Duration;

use roxmltree::Node;

use super::{
    DESCRIPTION_BYTES_MAX, Failure, Request, date,
    xml::{child, parse, text_of, type_of},
};
use crate::model::{
    Address, Common, CorrelationFilter, Filter, Intake, Outlet, Parameters, Path, QueueSettings,
    Rule, SqlAction, SqlFilter, Status, SubscriptionSettings, Time, TopicSettings, Value,
    finite_duration, parse_duration, parse_ticks,
};

type Result<T> = std::result::Result<T, Failure>;

/// What a request describes.
#[derive(Clone, Debug)]
pub(super) enum Description {
    Queue(Box<QueueSettings>),
    Topic(Box<TopicSettings>),
    Subscription(Box<SubscriptionSettings>, Option<Box<Rule>>),
    Rule(Box<Rule>),
}

/// What the settings that a description leaves out are.
#[derive(Clone, Debug, Default)]
pub(super) struct Defaults {
    pub(super) queue: QueueSettings,
    pub(super) topic: TopicSettings,
    pub(super) subscription: SubscriptionSettings,
}

/// Reads the description in the body of a request.
pub(super) fn description(request: &Request, defaults: Defaults, now: Time) -> Result<Description> {
    let bytes = request.body.len();
    if DESCRIPTION_BYTES_MAX < bytes {
        let detail =
            format!("The body has {bytes} bytes, and {DESCRIPTION_BYTES_MAX} are possible.");
        return Err(Failure::new(413, detail));
    }
    let text = std::str::from_utf8(&request.body);
    let text = text.map_err(|_| Failure::bad("The body is no UTF-8."))?;
    let document = parse(text)?;
    let content = child(document.root_element(), "content");
    let node = content.and_then(|content| content.first_element_child());
    let node = node.ok_or_else(|| Failure::bad("The entry has no content."))?;
    match node.tag_name().name() {
        "QueueDescription" => queue(node, defaults.queue).map(Description::Queue),
        "TopicDescription" => topic(node, defaults.topic).map(Description::Topic),
        "SubscriptionDescription" => subscription(node, defaults.subscription, now),
        "RuleDescription" => rule(node, now).map(Description::Rule),
        other => Err(Failure::bad(format!(
            "{other} is no description of an entity."
        ))),
    }
}

fn queue(node: Node<'_, '_>, mut settings: QueueSettings) -> Result<Box<QueueSettings>> {
    common(node, &mut settings.common)?;
    intake(node, &mut settings.intake)?;
    outlet(node, &mut settings.outlet)?;
    Ok(Box::new(settings))
}

fn topic(node: Node<'_, '_>, mut settings: TopicSettings) -> Result<Box<TopicSettings>> {
    common(node, &mut settings.common)?;
    intake(node, &mut settings.intake)?;
    Ok(Box::new(settings))
}

fn subscription(
    node: Node<'_, '_>,
    mut settings: SubscriptionSettings,
    now: Time,
) -> Result<Description> {
    common(node, &mut settings.common)?;
    outlet(node, &mut settings.outlet)?;
    let name = "DeadLetteringOnFilterEvaluationExceptions";
    set(
        &mut settings.dead_letters_filter_errors,
        boolean(node, name)?,
    );
    let rule = child(node, "DefaultRuleDescription").map(|node| rule(node, now));
    Ok(Description::Subscription(
        Box::new(settings),
        rule.transpose()?,
    ))
}

fn common(node: Node<'_, '_>, common: &mut Common) -> Result<()> {
    if let Some(time_to_live) = duration(node, "DefaultMessageTimeToLive")? {
        common.time_to_live = finite_duration(time_to_live);
    }
    if let Some(idle) = duration(node, "AutoDeleteOnIdle")? {
        common.delete_on_idle = finite_duration(idle);
    }
    if let Some(text) = text_of(node, "UserMetadata") {
        common.user_metadata = Some(text.into());
    }
    common.status = match text_of(node, "Status") {
        None => common.status,
        Some("Active") => Status::Active,
        Some("Disabled") => Status::Disabled,
        Some("SendDisabled") => Status::SendDisabled,
        Some("ReceiveDisabled") => Status::ReceiveDisabled,
        Some(other) => return Err(wrong("Status", other)),
    };
    Ok(())
}

fn intake(node: Node<'_, '_>, intake: &mut Intake) -> Result<()> {
    let window = duration(node, "DuplicateDetectionHistoryTimeWindow")?;
    set(&mut intake.duplicate_window, window);
    let detects = boolean(node, "RequiresDuplicateDetection")?;
    set(&mut intake.detects_duplicates, detects);
    set(
        &mut intake.megabytes_max,
        number(node, "MaxSizeInMegabytes")?,
    );
    let kilobytes = number(node, "MaxMessageSizeInKilobytes")?;
    set(&mut intake.message_kilobytes_max, kilobytes);
    Ok(())
}

fn outlet(node: Node<'_, '_>, outlet: &mut Outlet) -> Result<()> {
    set(&mut outlet.lock_duration, duration(node, "LockDuration")?);
    set(
        &mut outlet.delivery_count_max,
        number(node, "MaxDeliveryCount")?,
    );
    set(
        &mut outlet.requires_session,
        boolean(node, "RequiresSession")?,
    );
    let expired = boolean(node, "DeadLetteringOnMessageExpiration")?;
    set(&mut outlet.dead_letters_expired, expired);
    // An update without a target takes it away.
    outlet.forward_to = path(node, "ForwardTo")?;
    outlet.forward_dead_letters_to = path(node, "ForwardDeadLetteredMessagesTo")?;
    Ok(())
}

fn rule(node: Node<'_, '_>, now: Time) -> Result<Box<Rule>> {
    let name = text_of(node, "Name").unwrap_or_default();
    let filter = match child(node, "Filter") {
        Some(node) => filter(node)?,
        None => Filter::True,
    };
    let action = child(node, "Action").map(action).transpose()?.flatten();
    Ok(Box::new(Rule {
        action,
        ..Rule::new(name, filter, now)
    }))
}

fn filter(node: Node<'_, '_>) -> Result<Filter> {
    match type_of(node) {
        Some("TrueFilter") => Ok(Filter::True),
        Some("FalseFilter") => Ok(Filter::False),
        Some("SqlFilter") => {
            let text = text_of(node, "SqlExpression").unwrap_or_default();
            let filter = SqlFilter::parse(text)
                .map_err(|error| Failure::bad(format!("The filter {text:?}: {error}")))?;
            let filter = filter.with_parameters(key_values(node, "Parameters")?);
            Ok(Filter::Sql(
                filter.map_err(|error| Failure::bad(error.to_string()))?,
            ))
        }
        Some("CorrelationFilter") => {
            let text = |name| text_of(node, name).map(Into::into);
            Ok(Filter::Correlation(Box::new(CorrelationFilter {
                correlation_id: text("CorrelationId"),
                message_id: text("MessageId"),
                to: text("To"),
                reply_to: text("ReplyTo"),
                subject: text("Label"),
                session_id: text("SessionId"),
                reply_to_session_id: text("ReplyToSessionId"),
                content_type: text("ContentType"),
                properties: key_values(node, "Properties")?,
            })))
        }
        other => Err(wrong("The type of a filter", other.unwrap_or_default())),
    }
}

fn action(node: Node<'_, '_>) -> Result<Option<SqlAction>> {
    match type_of(node) {
        None | Some("EmptyRuleAction") => Ok(None),
        Some("SqlRuleAction") => {
            let text = text_of(node, "SqlExpression").unwrap_or_default();
            let action = SqlAction::parse(text)
                .map_err(|error| Failure::bad(format!("The action {text:?}: {error}")))?;
            let action = action.with_parameters(key_values(node, "Parameters")?);
            Ok(Some(
                action.map_err(|error| Failure::bad(error.to_string()))?,
            ))
        }
        Some(other) => Err(wrong("The type of an action", other)),
    }
}

fn key_values(node: Node<'_, '_>, name: &str) -> Result<Parameters> {
    let Some(node) = child(node, name) else {
        return Ok(Parameters::new());
    };
    let pairs = node.children().filter(Node::is_element).map(|pair| {
        let key = text_of(pair, "Key").unwrap_or_default();
        let value = child(pair, "Value");
        let value = value.ok_or_else(|| Failure::bad(format!("{key:?} has no value.")))?;
        Ok((key.into(), typed(key, value)?))
    });
    pairs.collect()
}

/// Reads a value by the type that it names.
fn typed(key: &str, node: Node<'_, '_>) -> Result<Value> {
    let text = node.text().unwrap_or_default();
    let kind = type_of(node).unwrap_or("string");
    let value = match kind {
        "string" => Some(Value::from(text)),
        "boolean" => as_boolean(text).map(Value::Boolean),
        "int" => text.parse().ok().map(Value::Int),
        "long" => text.parse().ok().map(Value::Long),
        "double" => text.parse().ok().map(Value::Double),
        "dateTime" => date::read(text)
            .and_then(|time| i64::try_from(time.millis()).ok())
            .map(Value::Timestamp),
        "duration" => parse_ticks(text).map(Value::Duration),
        _ => None,
    };
    value.ok_or_else(|| {
        Failure::bad(format!(
            "{key:?} is {text:?}, which cannot be read as {kind:?}."
        ))
    })
}

fn path(node: Node<'_, '_>, name: &str) -> Result<Option<Path>> {
    let address = text_of(node, name).map(Address::parse).transpose()?;
    Ok(address.map(|address| address.path))
}

fn duration(node: Node<'_, '_>, name: &str) -> Result<Option<Duration>> {
    read(node, name, parse_duration)
}

fn number(node: Node<'_, '_>, name: &str) -> Result<Option<u32>> {
    read(node, name, |text| text.parse().ok())
}

fn boolean(node: Node<'_, '_>, name: &str) -> Result<Option<bool>> {
    read(node, name, as_boolean)
}

fn read<T>(
    node: Node<'_, '_>,
    name: &str,
    convert: impl FnOnce(&str) -> Option<T>,
) -> Result<Option<T>> {
    let Some(text) = text_of(node, name) else {
        return Ok(None);
    };
    convert(text).map(Some).ok_or_else(|| wrong(name, text))
}

fn as_boolean(text: &str) -> Option<bool> {
    match text {
        "true" | "1" => Some(true),
        "false" | "0" => Some(false),
        _ => None,
    }
}

fn set<T>(place: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *place = value;
    }
}

fn wrong(name: &str, text: &str) -> Failure {
    Failure::bad(format!("{name} is {text:?}, which cannot be."))
}
