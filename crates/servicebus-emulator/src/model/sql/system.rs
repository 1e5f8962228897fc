//! The properties that Service Bus knows, by the names that its libraries give them.

use super::{
    super::{Contents, Time, Value},
    arithmetic::written,
    evaluate::EvaluationError,
};

/// Returns a system property, if the message has it.
pub(super) fn get(contents: &Contents, name: &str) -> Result<Option<Value>, EvaluationError> {
    if let Some(text) = text(contents, name) {
        return Ok(text.clone().map(Value::String));
    }
    match name.to_ascii_lowercase().as_str() {
        "scheduledenqueuetime" | "scheduledenqueuetimeutc" => Ok(contents
            .scheduled
            .and_then(|at| i64::try_from(at.millis()).ok())
            .map(Value::Timestamp)),
        "timetolive" => Ok(contents
            .time_to_live
            .and_then(|it| i64::try_from(it.as_millis()).ok())
            .map(Value::Long)),
        _ => Err(EvaluationError::SystemProperty(name.into())),
    }
}

/// Says whether an action may change a system property.
pub(super) fn can_set(name: &str) -> bool {
    text(&Contents::default(), name).is_some() || is_schedule(name)
}

/// Sets a system property, or takes it away.
pub(super) fn set(
    contents: &mut Contents,
    name: &str,
    value: Option<Value>,
) -> Result<(), EvaluationError> {
    let refusal = || EvaluationError::Assignment(name.into());
    if is_schedule(name) {
        contents.scheduled = match value {
            None => None,
            Some(Value::Timestamp(millis)) => {
                Some(Time::from_millis(u64::try_from(millis).unwrap_or_default()))
            }
            Some(_) => return Err(refusal()),
        };
        return Ok(());
    }
    let text = match value {
        Some(value) => Some(written(&value).ok_or_else(refusal)?.into()),
        None => None,
    };
    let Some(property) = text_mut(contents, name) else {
        return Err(EvaluationError::SystemProperty(name.into()));
    };
    *property = text;
    Ok(())
}

fn is_schedule(name: &str) -> bool {
    let names = ["ScheduledEnqueueTime", "ScheduledEnqueueTimeUtc"];
    names.iter().any(|it| it.eq_ignore_ascii_case(name))
}

fn text<'a>(contents: &'a Contents, name: &str) -> Option<&'a Option<Box<str>>> {
    Some(match name.to_ascii_lowercase().as_str() {
        "contenttype" => &contents.content_type,
        "correlationid" => &contents.correlation_id,
        "label" | "subject" => &contents.subject,
        "messageid" => &contents.message_id,
        "partitionkey" => &contents.partition_key,
        "replyto" => &contents.reply_to,
        "replytosessionid" => &contents.reply_to_session_id,
        "sessionid" => &contents.session_id,
        "to" => &contents.to,
        "transactionpartitionkey" | "viapartitionkey" => &contents.via_partition_key,
        _ => return None,
    })
}

fn text_mut<'a>(contents: &'a mut Contents, name: &str) -> Option<&'a mut Option<Box<str>>> {
    Some(match name.to_ascii_lowercase().as_str() {
        "contenttype" => &mut contents.content_type,
        "correlationid" => &mut contents.correlation_id,
        "label" | "subject" => &mut contents.subject,
        "messageid" => &mut contents.message_id,
        "partitionkey" => &mut contents.partition_key,
        "replyto" => &mut contents.reply_to,
        "replytosessionid" => &mut contents.reply_to_session_id,
        "sessionid" => &mut contents.session_id,
        "to" => &mut contents.to,
        "transactionpartitionkey" | "viapartitionkey" => &mut contents.via_partition_key,
        _ => return None,
    })
}
