//! Cases about what a message carries, which comes out as it went in.

use std::time::Duration;

use bytes::Bytes;
use relayhouse_core::{HEADER_KEY_BYTES_MAX, HEADER_VALUE_BYTES_MAX, HeaderValue, Message};

use crate::{
    conformance::{
        Case, Fixture, Need, Verdict,
        violation::{ensure, equal},
    },
    harness::Harness,
};

const SOURCE: &str = include_str!("content.rs");

pub(super) const CASES: &[Case] = &[
    case!(empty_body_survives, &[]),
    case!(any_bytes_survive, &[]),
    case!(large_body_survives, &[]),
    case!(headers_survive, &[Need::Ability("headers")]),
    case!(unicode_headers_survive, &[Need::Ability("headers")]),
    case!(binary_headers_survive, &[Need::Ability("headers")]),
    case!(longest_headers_survive, &[Need::Ability("headers")]),
    case!(empty_header_value_survives, &[Need::Ability("headers")]),
    case!(
        headers_that_are_not_supported_are_refused,
        &[Need::Lack("headers")]
    ),
    case!(details_survive, &[Need::Ability("headers")]),
    case!(
        content_is_the_same_in_each_delivery,
        &[Need::Ability("release")]
    ),
    case!(enqueued_time_is_that_of_the_send, &[]),
    case!(sequence_grows, &[Need::Ability("queue_order")]),
];

/// Sends `message`, and returns it as it is received.
async fn round_trip(harness: &dyn Harness, message: Message) -> Result<Message, super::Violation> {
    let fixture = Fixture::new(harness).await?;
    let mut message = harness.dress(message);
    message.id = fixture.message("").id;
    fixture.send(message).await?;
    let delivery = fixture.receive().await?;
    fixture.ack(&delivery).await?;
    Ok(delivery.message)
}

async fn body_survives(harness: &dyn Harness, body: Bytes) -> Verdict {
    let received = round_trip(harness, Message::new(body.clone())).await?;
    ensure(received.body == body, "the body was changed")
}

async fn headers_are_kept(harness: &dyn Harness, message: Message) -> Verdict {
    let received = round_trip(harness, message.clone()).await?;
    for (key, value) in message.headers().iter() {
        equal(key, received.headers().get(key), Some(value))?;
    }
    Ok(())
}

/// An empty body is a body.
pub async fn empty_body_survives(harness: &dyn Harness) -> Verdict {
    body_survives(harness, Bytes::new()).await
}

/// A body may be any bytes, valid UTF-8 or not.
pub async fn any_bytes_survive(harness: &dyn Harness) -> Verdict {
    body_survives(harness, (0..=255).collect()).await
}

/// A body of 200 KiB, or of the limit where that is less, comes out whole.
pub async fn large_body_survives(harness: &dyn Harness) -> Verdict {
    const LARGE: u64 = 200 * 1024;
    let provider = harness.provider().await?;
    let max = provider.capabilities().message_bytes_max;
    let size = max.map_or(LARGE, |max| max.get().min(LARGE));
    let bytes = (0..size).map(|index| u8::try_from(index % 251).unwrap_or(0));
    body_survives(harness, bytes.collect()).await
}

/// Headers come out with their keys and values as they were set.
pub async fn headers_survive(harness: &dyn Harness) -> Verdict {
    let message = Message::new("x")
        .header("tenant", "acme")
        .header("Trace-Id", "00-4bf92f3577b34da6")
        .header("x", "a value, with \"quotes\"; and = signs");
    headers_are_kept(harness, message).await
}

/// A header value may be any text without control characters.
pub async fn unicode_headers_survive(harness: &dyn Harness) -> Verdict {
    let message = Message::new("x").header("greeting", "größe ✓ 你好 👋🏽 \u{202e}");
    headers_are_kept(harness, message).await
}

/// A header value may be any bytes, and stays apart from text.
pub async fn binary_headers_survive(harness: &dyn Harness) -> Verdict {
    let message = Message::new("x")
        .header("bytes", HeaderValue::Bytes((0..=255).collect()))
        .header(
            "text-as-bytes",
            HeaderValue::Bytes(Bytes::from_static(b"plain")),
        );
    headers_are_kept(harness, message).await
}

/// The longest key and the longest value come out whole.
pub async fn longest_headers_survive(harness: &dyn Harness) -> Verdict {
    let message = Message::new("x")
        .header("k".repeat(HEADER_KEY_BYTES_MAX), "v")
        .header("value", "v".repeat(HEADER_VALUE_BYTES_MAX));
    headers_are_kept(harness, message).await
}

/// A header with an empty value is there.
pub async fn empty_header_value_survives(harness: &dyn Harness) -> Verdict {
    headers_are_kept(harness, Message::new("x").header("empty", "")).await
}

/// A target that declares no headers refuses a message that has some.
pub async fn headers_that_are_not_supported_are_refused(harness: &dyn Harness) -> Verdict {
    let fixture = Fixture::new(harness).await?;
    let result = fixture
        .send(fixture.message("x").header("tenant", "acme"))
        .await;
    super::unsupported("a message with headers", result)
}

/// Content type, correlation id, reply-to and ordering key come out as they were set.
pub async fn details_survive(harness: &dyn Harness) -> Verdict {
    let message = Message::new("{}")
        .content_type("application/json")
        .correlation_id("exchange-7")
        .reply_to("answers")
        .ordering_key("only");
    let received = round_trip(harness, message.clone()).await?;
    let (sent, received) = (message.details(), received.details());
    equal("content type", &received.content_type, &sent.content_type)?;
    equal(
        "correlation id",
        &received.correlation_id,
        &sent.correlation_id,
    )?;
    equal("reply-to", &received.reply_to, &sent.reply_to)?;
    equal("ordering key", &received.ordering_key, &sent.ordering_key)
}

/// Body and headers are the same in every delivery of a message.
pub async fn content_is_the_same_in_each_delivery(harness: &dyn Harness) -> Verdict {
    let fixture = Fixture::new(harness).await?;
    let message = fixture.message("same");
    let message = if fixture.capabilities().headers.is_supported() {
        message.header("tenant", "acme")
    } else {
        message
    };
    fixture.send(message).await?;
    let first = fixture.receive().await?;
    fixture.settle(&first, super::RELEASE).await?;
    let second = fixture.receive().await?;
    equal("id", &second.id, &first.id)?;
    equal("message", &second.message, &first.message)
}

/// A delivery tells when its message was first enqueued, whatever came between.
pub async fn enqueued_time_is_that_of_the_send(harness: &dyn Harness) -> Verdict {
    const HOUR: Duration = Duration::from_secs(3600);
    let fixture = Fixture::new(harness).await?;
    let before = harness.clock().wall();
    fixture.send(fixture.message("x")).await?;
    let after = harness.clock().wall();
    harness.pass(Duration::from_secs(30)).await;
    let delivery = fixture.receive().await?;
    let slack = harness.tolerance().min(HOUR);
    ensure(
        before <= delivery.enqueued_at + slack && delivery.enqueued_at <= after + slack,
        format!("sent at {before}, enqueued at {}", delivery.enqueued_at),
    )
}

/// The sequence number of a message is greater than that of every message before it.
pub async fn sequence_grows(harness: &dyn Harness) -> Verdict {
    let fixture = Fixture::new(harness).await?;
    fixture.send_all(fixture.messages(10)).await?;
    let mut last = None;
    for delivery in fixture.receive_all(10).await? {
        ensure(
            last < delivery.sequence,
            "the sequence number does not grow",
        )?;
        last = delivery.sequence;
        fixture.ack(&delivery).await?;
    }
    Ok(())
}
