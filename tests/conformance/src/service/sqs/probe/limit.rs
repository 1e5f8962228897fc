//! Numbers at and over their limits.

use anyhow::Result;
use aws_sdk_sqs::types::{MessageAttributeValue, QueueAttributeName};

use super::{
    Probe,
    bench::{Bench, answer},
};
use crate::service::probe::probe;

pub(super) const PROBES: &[Probe] = &[
    probe!(
        visibility_over_12_hours_is_refused,
        "A change of visibility to 12 hours and a second",
        REFUSED
    ),
    probe!(
        receive_for_over_12_hours_is_refused,
        "A receive with a visibility timeout of 12 hours and a second",
        REFUSED
    ),
    probe!(
        delay_over_15_minutes_is_refused,
        "A send with a delay of 15 minutes and a second",
        REFUSED
    ),
    probe!(
        wait_over_20_seconds_is_refused,
        "A receive that waits for 21 seconds",
        REFUSED
    ),
    probe!(
        eleven_messages_are_refused,
        "A receive of up to 11 messages",
        REFUSED
    ),
    probe!(
        eleven_attributes_are_refused,
        "A send with 11 attributes",
        REFUSED
    ),
    probe!(
        mebibyte_is_accepted,
        "A send of a body of 1 MiB",
        "accepted"
    ),
    probe!(
        byte_more_is_refused,
        "A send of a body of 1 MiB and a byte",
        REFUSED
    ),
    probe!(
        attributes_count_as_bytes,
        "A send of a body of 1 MiB less 8 bytes, with 9 bytes of attributes",
        REFUSED
    ),
    probe!(
        limit_of_a_queue_is_kept,
        "A send of 1,025 bytes to a queue that takes 1,024",
        REFUSED
    ),
];

const REFUSED: &str = "refused: InvalidParameterValue (400)";
const MEBIBYTE: usize = 1024 * 1024;

async fn visibility_over_12_hours_is_refused(bench: Bench) -> Result<String> {
    let url = bench.standard(&[]).await?;
    bench.send(&url, "probe").await?;
    let message = bench.one(&url).await?;
    Ok(bench.change(&url, &message, 43_201).await)
}

async fn receive_for_over_12_hours_is_refused(bench: Bench) -> Result<String> {
    let url = bench.standard(&[]).await?;
    let receive = bench.receive(&url).wait_time_seconds(0);
    Ok(answer(receive.visibility_timeout(43_201).send().await))
}

async fn delay_over_15_minutes_is_refused(bench: Bench) -> Result<String> {
    let url = bench.standard(&[]).await?;
    let send = bench.client.send_message().queue_url(url);
    let send = send.message_body("probe").delay_seconds(901);
    Ok(answer(send.send().await))
}

async fn wait_over_20_seconds_is_refused(bench: Bench) -> Result<String> {
    let url = bench.standard(&[]).await?;
    bench.send(&url, "probe").await?;
    Ok(answer(
        bench.receive(&url).wait_time_seconds(21).send().await,
    ))
}

async fn eleven_messages_are_refused(bench: Bench) -> Result<String> {
    let url = bench.standard(&[]).await?;
    bench.send(&url, "probe").await?;
    let receive = bench.receive(&url).max_number_of_messages(11);
    Ok(answer(receive.send().await))
}

async fn eleven_attributes_are_refused(bench: Bench) -> Result<String> {
    let url = bench.standard(&[]).await?;
    let mut send = bench.client.send_message().queue_url(url);
    for index in 0..11 {
        send = send.message_attributes(format!("a{index}"), text("b")?);
    }
    Ok(answer(send.message_body("probe").send().await))
}

async fn mebibyte_is_accepted(bench: Bench) -> Result<String> {
    bytes(bench, MEBIBYTE, &[]).await
}

async fn byte_more_is_refused(bench: Bench) -> Result<String> {
    bytes(bench, MEBIBYTE + 1, &[]).await
}

async fn attributes_count_as_bytes(bench: Bench) -> Result<String> {
    let url = bench.standard(&[]).await?;
    let send = bench.client.send_message().queue_url(url);
    // The name has one byte, its type six, its value two.
    let send = send.message_attributes("a", text("bc")?);
    let send = send.message_body("x".repeat(MEBIBYTE - 8));
    Ok(answer(send.send().await))
}

async fn limit_of_a_queue_is_kept(bench: Bench) -> Result<String> {
    let limit = [(QueueAttributeName::MaximumMessageSize, "1024")];
    bytes(bench, 1025, &limit).await
}

async fn bytes(
    bench: Bench,
    count: usize,
    attributes: &[(QueueAttributeName, &str)],
) -> Result<String> {
    let url = bench.standard(attributes).await?;
    let send = bench.client.send_message().queue_url(url);
    Ok(answer(send.message_body("x".repeat(count)).send().await))
}

fn text(value: &str) -> Result<MessageAttributeValue> {
    let text = MessageAttributeValue::builder().data_type("String");
    Ok(text.string_value(value).build()?)
}
