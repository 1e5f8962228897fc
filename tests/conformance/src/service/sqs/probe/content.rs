//! Bodies, attributes and digests.

use anyhow::{Context, Result};
use aws_sdk_sqs::types::{
    MessageAttributeValue, MessageSystemAttributeName, MessageSystemAttributeNameForSends,
    MessageSystemAttributeValue,
};

use super::{
    Probe,
    bench::{Bench, answer, system_attribute},
};
use crate::service::probe::probe;

pub(super) const PROBES: &[Probe] = &[
    probe!(body_has_its_digest, "MD5 of the body `probe`", BODY_MD5),
    probe!(
        attributes_have_their_digest,
        "MD5 of an attribute `a` with the text `b`",
        ATTRIBUTES_MD5
    ),
    probe!(
        system_attributes_have_their_digest,
        "MD5 of the trace header `Root=1-2-3`",
        TRACE_MD5
    ),
    probe!(
        trace_header_comes_along,
        "Trace header on receipt",
        "Root=1-2-3"
    ),
    probe!(
        message_tells_its_history,
        "System attributes of a message received once",
        "count 1, sent at or before its first receive, a sender"
    ),
    probe!(
        attributes_are_chosen_by_prefix,
        "Attributes on receipt, asked for by `foo.*`",
        "foo.a, foo.b"
    ),
    probe!(
        empty_body_is_refused,
        "A send with an empty body",
        "refused"
    ),
    probe!(
        control_character_is_refused,
        "A send of the character U+0001",
        "refused: InvalidMessageContents (400)"
    ),
];

const BODY_MD5: &str = "8da843ff65205a61374b09b81ed0fa35";
const ATTRIBUTES_MD5: &str = "bef8bf215374a0a228d67533b1a488be";
const TRACE_MD5: &str = "3f71502e2b401dca4ffefa0d1f324c78";

fn text(value: &str) -> Result<MessageAttributeValue> {
    let text = MessageAttributeValue::builder().data_type("String");
    Ok(text.string_value(value).build()?)
}

fn trace() -> Result<MessageSystemAttributeValue> {
    let text = MessageSystemAttributeValue::builder().data_type("String");
    Ok(text.string_value("Root=1-2-3").build()?)
}

async fn body_has_its_digest(bench: Bench) -> Result<String> {
    let url = bench.standard(&[]).await?;
    let send = bench.client.send_message().queue_url(url);
    let sent = send.message_body("probe").send().await?;
    sent.md5_of_message_body.context("no digest")
}

async fn attributes_have_their_digest(bench: Bench) -> Result<String> {
    let url = bench.standard(&[]).await?;
    let send = bench.client.send_message().queue_url(url);
    let send = send.message_attributes("a", text("b")?);
    let sent = send.message_body("probe").send().await?;
    sent.md5_of_message_attributes.context("no digest")
}

async fn system_attributes_have_their_digest(bench: Bench) -> Result<String> {
    let url = bench.standard(&[]).await?;
    let send = bench.client.send_message().queue_url(url);
    let name = MessageSystemAttributeNameForSends::AwsTraceHeader;
    let send = send.message_system_attributes(name, trace()?);
    let sent = send.message_body("probe").send().await?;
    sent.md5_of_message_system_attributes.context("no digest")
}

async fn trace_header_comes_along(bench: Bench) -> Result<String> {
    let url = bench.standard(&[]).await?;
    let send = bench.client.send_message().queue_url(&url);
    let name = MessageSystemAttributeNameForSends::AwsTraceHeader;
    let send = send.message_system_attributes(name, trace()?);
    send.message_body("probe").send().await?;
    let message = bench.one(&url).await?;
    let name = MessageSystemAttributeName::AwsTraceHeader;
    Ok(system_attribute(&message, &name))
}

async fn message_tells_its_history(bench: Bench) -> Result<String> {
    let url = bench.standard(&[]).await?;
    bench.send(&url, "probe").await?;
    let message = bench.one(&url).await?;
    let told = |name| system_attribute(&message, &name);
    let count = told(MessageSystemAttributeName::ApproximateReceiveCount);
    let sent: u64 = told(MessageSystemAttributeName::SentTimestamp).parse()?;
    let first = told(MessageSystemAttributeName::ApproximateFirstReceiveTimestamp);
    let order = if sent <= first.parse()? {
        "at or before"
    } else {
        "after"
    };
    let sender = match told(MessageSystemAttributeName::SenderId).as_str() {
        "none" => "no sender",
        _ => "a sender",
    };
    Ok(format!(
        "count {count}, sent {order} its first receive, {sender}"
    ))
}

async fn attributes_are_chosen_by_prefix(bench: Bench) -> Result<String> {
    let url = bench.standard(&[]).await?;
    let mut send = bench.client.send_message().queue_url(&url);
    for name in ["foo.a", "foo.b", "bar"] {
        send = send.message_attributes(name, text("x")?);
    }
    send.message_body("probe").send().await?;
    let receive = bench.receive(&url);
    let receive = receive.set_message_attribute_names(Some(vec!["foo.*".to_owned()]));
    let messages = receive.send().await?.messages.unwrap_or_default();
    let message = messages.first().context("no message came")?;
    let attributes = message.message_attributes.clone().unwrap_or_default();
    let mut names: Vec<_> = attributes.into_keys().collect();
    names.sort();
    Ok(names.join(", "))
}

async fn empty_body_is_refused(bench: Bench) -> Result<String> {
    body(bench, "").await
}

async fn control_character_is_refused(bench: Bench) -> Result<String> {
    body(bench, "\u{1}").await
}

async fn body(bench: Bench, body: &str) -> Result<String> {
    let url = bench.standard(&[]).await?;
    let send = bench.client.send_message().queue_url(url);
    Ok(answer(send.message_body(body).send().await))
}
