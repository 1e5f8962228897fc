//! Descriptions: entities, rules and the namespace as XML.

use std::time::Duration;

use super::{
    Site,
    date::write_iso,
    xml::{ATOM, CONNECT, COUNTS, INSTANCE, SCHEMA, SERIALIZATION, Writer, escape},
};
use crate::model::{
    Common, Counts, Filter, Intake, Outlet, Parameters, Path, QueueSettings, Rule, SqlAction,
    SqlFilter, Stamps, Status, SubscriptionSettings, Summary, Time, TopicSettings, Value,
    write_duration, write_ticks,
};

/// Writes what is described into an entry, which names it and says when it was made.
pub(super) fn entry(
    site: &Site,
    path: &str,
    title: &str,
    stamps: Stamps,
    content: &Writer,
) -> Writer {
    let mut writer = Writer::default();
    let address = format!("{}/{path}", site.endpoint);
    writer.open(&format!("entry xmlns=\"{ATOM}\""));
    writer.leaf("id", &address);
    writer.leaf_with("title", " type=\"text\"", title);
    writer.leaf("published", &write_iso(stamps.created));
    writer.leaf("updated", &write_iso(stamps.updated));
    writer.open("author");
    writer.leaf("name", &site.namespace);
    writer.close("author");
    writer.empty(&format!("link rel=\"self\" href=\"{}\"", escape(&address)));
    writer.open("content type=\"application/xml\"");
    writer.append(content);
    writer.close("content");
    writer.close("entry");
    writer
}

/// Writes entries into a feed, which says where it goes on.
pub(super) fn feed(
    site: &Site,
    path: &str,
    now: Time,
    next: Option<(usize, usize)>,
    entries: &[Writer],
) -> Writer {
    let mut writer = Writer::default();
    let address = format!("{}/{path}", site.endpoint);
    writer.open(&format!("feed xmlns=\"{ATOM}\""));
    writer.leaf_with(
        "title",
        " type=\"text\"",
        path.rsplit('/').next().unwrap_or(path),
    );
    writer.leaf("id", &address);
    writer.leaf("updated", &write_iso(now));
    writer.empty(&format!("link rel=\"self\" href=\"{}\"", escape(&address)));
    if let Some((skip, top)) = next {
        let address = format!("{address}?$skip={skip}&$top={top}");
        writer.empty(&format!("link rel=\"next\" href=\"{}\"", escape(&address)));
    }
    for entry in entries {
        writer.append(entry);
    }
    writer.close("feed");
    writer
}

pub(super) fn namespace(site: &Site) -> Writer {
    let mut writer = begin("NamespaceInfo");
    writer.leaf("CreatedTime", &write_iso(site.created));
    writer.leaf("MessagingSKU", "Standard");
    writer.leaf("MessagingUnits", "0");
    writer.leaf("ModifiedTime", &write_iso(site.created));
    writer.leaf("Name", &site.namespace);
    writer.leaf("NamespaceType", "Messaging");
    writer.close("NamespaceInfo");
    writer
}

pub(super) fn queue(settings: &QueueSettings, summary: &Summary, site: &Site) -> Writer {
    let QueueSettings {
        common,
        intake,
        outlet,
    } = settings;
    let mut writer = begin("QueueDescription");
    writer.leaf("LockDuration", &duration(Some(outlet.lock_duration)));
    writer.leaf("MaxSizeInMegabytes", &intake.megabytes_max.to_string());
    writer.leaf(
        "RequiresDuplicateDetection",
        boolean(intake.detects_duplicates),
    );
    writer.leaf("RequiresSession", boolean(outlet.requires_session));
    writer.leaf("DefaultMessageTimeToLive", &duration(common.time_to_live));
    writer.leaf(
        "DeadLetteringOnMessageExpiration",
        boolean(outlet.dead_letters_expired),
    );
    duplicate_window(&mut writer, intake);
    writer.leaf("MaxDeliveryCount", &outlet.delivery_count_max.to_string());
    writer.leaf("EnableBatchedOperations", "true");
    writer.leaf("SizeInBytes", &summary.bytes.to_string());
    writer.leaf("MessageCount", &summary.counts.total().to_string());
    writer.leaf("IsAnonymousAccessible", "false");
    status(&mut writer, common);
    forward(&mut writer, "ForwardTo", outlet.forward_to.as_ref(), site);
    writer.optional("UserMetadata", common.user_metadata.as_deref());
    stamps(&mut writer, summary.stamps);
    writer.leaf("SupportOrdering", "true");
    counts(&mut writer, summary.counts);
    writer.leaf("AutoDeleteOnIdle", &duration(common.delete_on_idle));
    writer.leaf("EnablePartitioning", "false");
    writer.leaf("EntityAvailabilityStatus", "Available");
    forward_dead(&mut writer, outlet, site);
    writer.leaf("EnableExpress", "false");
    let kilobytes = intake.message_kilobytes_max.to_string();
    writer.leaf("MaxMessageSizeInKilobytes", &kilobytes);
    writer.close("QueueDescription");
    writer
}

/// How many filters of each kind a topic has, in all of its subscriptions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct FilterCounts {
    pub(super) sql: usize,
    pub(super) correlation: usize,
}

pub(super) fn topic(settings: &TopicSettings, summary: &Summary, filters: FilterCounts) -> Writer {
    let TopicSettings { common, intake } = settings;
    let mut writer = begin("TopicDescription");
    writer.leaf("DefaultMessageTimeToLive", &duration(common.time_to_live));
    writer.leaf("MaxSizeInMegabytes", &intake.megabytes_max.to_string());
    writer.leaf(
        "RequiresDuplicateDetection",
        boolean(intake.detects_duplicates),
    );
    duplicate_window(&mut writer, intake);
    writer.leaf("EnableBatchedOperations", "true");
    writer.leaf("SizeInBytes", &summary.bytes.to_string());
    writer.leaf("FilteringMessagesBeforePublishing", "false");
    writer.leaf("IsAnonymousAccessible", "false");
    status(&mut writer, common);
    writer.optional("UserMetadata", common.user_metadata.as_deref());
    stamps(&mut writer, summary.stamps);
    writer.leaf("SupportOrdering", "true");
    counts(&mut writer, summary.counts);
    writer.leaf("SubscriptionCount", &summary.subscription_count.to_string());
    writer.leaf("SqlFilterCount", &filters.sql.to_string());
    writer.leaf("CorrelationFilterCount", &filters.correlation.to_string());
    writer.leaf("AutoDeleteOnIdle", &duration(common.delete_on_idle));
    writer.leaf("EnablePartitioning", "false");
    writer.leaf("EntityAvailabilityStatus", "Available");
    writer.leaf("EnableSubscriptionPartitioning", "false");
    writer.leaf("EnableExpress", "false");
    let kilobytes = intake.message_kilobytes_max.to_string();
    writer.leaf("MaxMessageSizeInKilobytes", &kilobytes);
    writer.close("TopicDescription");
    writer
}

pub(super) fn subscription(
    settings: &SubscriptionSettings,
    summary: &Summary,
    site: &Site,
) -> Writer {
    let SubscriptionSettings {
        common,
        outlet,
        dead_letters_filter_errors,
    } = settings;
    let mut writer = begin("SubscriptionDescription");
    writer.leaf("LockDuration", &duration(Some(outlet.lock_duration)));
    writer.leaf("RequiresSession", boolean(outlet.requires_session));
    writer.leaf("DefaultMessageTimeToLive", &duration(common.time_to_live));
    writer.leaf(
        "DeadLetteringOnMessageExpiration",
        boolean(outlet.dead_letters_expired),
    );
    writer.leaf(
        "DeadLetteringOnFilterEvaluationExceptions",
        boolean(*dead_letters_filter_errors),
    );
    writer.leaf("MessageCount", &summary.counts.total().to_string());
    writer.leaf("MaxDeliveryCount", &outlet.delivery_count_max.to_string());
    writer.leaf("EnableBatchedOperations", "true");
    status(&mut writer, common);
    forward(&mut writer, "ForwardTo", outlet.forward_to.as_ref(), site);
    stamps(&mut writer, summary.stamps);
    writer.optional("UserMetadata", common.user_metadata.as_deref());
    counts(&mut writer, summary.counts);
    forward_dead(&mut writer, outlet, site);
    writer.leaf("AutoDeleteOnIdle", &duration(common.delete_on_idle));
    writer.leaf("EntityAvailabilityStatus", "Available");
    writer.close("SubscriptionDescription");
    writer
}

pub(super) fn rule(rule: &Rule) -> Writer {
    let mut writer = begin("RuleDescription");
    filter(&mut writer, &rule.filter);
    match &rule.action {
        Some(action) => sql_action(&mut writer, action),
        None => writer.empty("Action i:type=\"EmptyRuleAction\""),
    }
    writer.leaf("CreatedAt", &write_iso(rule.created));
    writer.leaf("Name", &rule.name);
    writer.close("RuleDescription");
    writer
}

fn filter(writer: &mut Writer, filter: &Filter) {
    match filter {
        Filter::True => fixed_filter(writer, "TrueFilter", "1=1"),
        Filter::False => fixed_filter(writer, "FalseFilter", "1=0"),
        Filter::Sql(filter) => sql_filter(writer, filter),
        Filter::Correlation(filter) => {
            writer.open("Filter i:type=\"CorrelationFilter\"");
            writer.optional("CorrelationId", filter.correlation_id.as_deref());
            writer.optional("MessageId", filter.message_id.as_deref());
            writer.optional("To", filter.to.as_deref());
            writer.optional("ReplyTo", filter.reply_to.as_deref());
            writer.optional("Label", filter.subject.as_deref());
            writer.optional("SessionId", filter.session_id.as_deref());
            writer.optional("ReplyToSessionId", filter.reply_to_session_id.as_deref());
            writer.optional("ContentType", filter.content_type.as_deref());
            key_values(writer, "Properties", &filter.properties);
            writer.close("Filter");
        }
    }
}

fn fixed_filter(writer: &mut Writer, kind: &str, expression: &str) {
    writer.open(&format!("Filter i:type=\"{kind}\""));
    writer.leaf("SqlExpression", expression);
    writer.leaf("CompatibilityLevel", "20");
    writer.close("Filter");
}

fn sql_filter(writer: &mut Writer, filter: &SqlFilter) {
    writer.open("Filter i:type=\"SqlFilter\"");
    writer.leaf("SqlExpression", filter.text());
    writer.leaf("CompatibilityLevel", "20");
    key_values(writer, "Parameters", filter.parameters());
    writer.close("Filter");
}

fn sql_action(writer: &mut Writer, action: &SqlAction) {
    writer.open("Action i:type=\"SqlRuleAction\"");
    writer.leaf("SqlExpression", action.text());
    writer.leaf("CompatibilityLevel", "20");
    key_values(writer, "Parameters", action.parameters());
    writer.close("Action");
}

fn key_values(writer: &mut Writer, name: &str, values: &Parameters) {
    if values.is_empty() {
        return;
    }
    writer.open(name);
    for (key, value) in values {
        let (kind, text) = typed(value);
        writer.open("KeyValueOfstringanyType");
        writer.leaf("Key", key);
        let schema = if kind == "duration" {
            SERIALIZATION
        } else {
            SCHEMA
        };
        let attributes = format!(" xmlns:d6p1=\"{schema}\" i:type=\"d6p1:{kind}\"");
        writer.leaf_with("Value", &attributes, &text);
        writer.close("KeyValueOfstringanyType");
    }
    writer.close(name);
}

/// Returns the type of a value in XML, and its text.
fn typed(value: &Value) -> (&'static str, String) {
    match value {
        Value::Boolean(value) => ("boolean", value.to_string()),
        Value::Int(number) => ("int", number.to_string()),
        Value::Long(number) => ("long", number.to_string()),
        Value::Double(number) => ("double", number.to_string()),
        Value::Timestamp(millis) => {
            let millis = u64::try_from(*millis).unwrap_or_default();
            ("dateTime", write_iso(Time::from_millis(millis)))
        }
        Value::Duration(ticks) => ("duration", write_ticks(*ticks)),
        Value::String(text) | Value::Symbol(text) => ("string", text.to_string()),
        // The others come by AMQP alone, and are told by what is nearest to them.
        Value::Ubyte(number) => ("int", number.to_string()),
        Value::Ushort(number) => ("int", number.to_string()),
        Value::Byte(number) => ("int", number.to_string()),
        Value::Short(number) => ("int", number.to_string()),
        Value::Uint(number) => ("long", number.to_string()),
        Value::Ulong(number) => ("unsignedLong", number.to_string()),
        Value::Float(number) => ("double", number.to_string()),
        Value::Char(character) => ("string", character.to_string()),
        Value::Uuid(uuid) => ("string", uuid.to_string()),
        Value::Null | Value::Binary(_) | Value::Encoded(_) => ("string", String::new()),
    }
}

fn begin(name: &str) -> Writer {
    let mut writer = Writer::default();
    writer.open(&format!(
        "{name} xmlns=\"{CONNECT}\" xmlns:i=\"{INSTANCE}\""
    ));
    writer
}

fn duplicate_window(writer: &mut Writer, intake: &Intake) {
    let window = duration(Some(intake.duplicate_window));
    writer.leaf("DuplicateDetectionHistoryTimeWindow", &window);
}

fn status(writer: &mut Writer, common: &Common) {
    let status = match common.status {
        Status::Active => "Active",
        Status::Disabled => "Disabled",
        Status::SendDisabled => "SendDisabled",
        Status::ReceiveDisabled => "ReceiveDisabled",
    };
    writer.leaf("Status", status);
}

fn forward(writer: &mut Writer, name: &str, path: Option<&Path>, site: &Site) {
    if let Some(path) = path {
        writer.leaf(name, &format!("{}/{path}", site.endpoint));
    }
}

fn forward_dead(writer: &mut Writer, outlet: &Outlet, site: &Site) {
    let target = outlet.forward_dead_letters_to.as_ref();
    forward(writer, "ForwardDeadLetteredMessagesTo", target, site);
}

fn stamps(writer: &mut Writer, stamps: Stamps) {
    writer.leaf("CreatedAt", &write_iso(stamps.created));
    writer.leaf("UpdatedAt", &write_iso(stamps.updated));
    writer.leaf("AccessedAt", &write_iso(stamps.accessed));
}

fn counts(writer: &mut Writer, counts: Counts) {
    writer.open(&format!("CountDetails xmlns:d2p1=\"{COUNTS}\""));
    let leaves = [
        ("d2p1:ActiveMessageCount", counts.active),
        ("d2p1:DeadLetterMessageCount", counts.dead_letter),
        ("d2p1:ScheduledMessageCount", counts.scheduled),
        (
            "d2p1:TransferDeadLetterMessageCount",
            counts.transfer_dead_letter,
        ),
        ("d2p1:TransferMessageCount", 0),
    ];
    for (name, count) in leaves {
        writer.leaf(name, &count.to_string());
    }
    writer.close("CountDetails");
}

fn duration(duration: Option<Duration>) -> String {
    write_duration(duration)
}

const fn boolean(value: bool) -> &'static str {
    if value { "true" } else { "false" }
}
