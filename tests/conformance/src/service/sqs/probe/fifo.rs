//! FIFO queues: groups, deduplication, attempts.

use anyhow::{Context, Result};
use aws_sdk_sqs::{
    operation::send_message::{SendMessageOutput, builders::SendMessageFluentBuilder},
    types::{MessageSystemAttributeName, QueueAttributeName},
};

use super::{
    Probe,
    bench::{Bench, answer, bodies, system_attribute},
};
use crate::service::probe::probe;

pub(super) const PROBES: &[Probe] = &[
    probe!(
        message_in_flight_locks_its_group,
        "A receive while a message of the only group is in flight",
        "nothing, and after its deletion b"
    ),
    probe!(
        release_in_the_middle_keeps_the_lock,
        "A receive after the first of three in flight was released",
        "nothing"
    ),
    probe!(
        dedup_id_is_stored_once,
        "A second send with the same dedup id",
        "same message id, same sequence number, one message"
    ),
    probe!(
        dedup_id_outlives_its_message,
        "A send with the dedup id of a message that was deleted",
        "nothing"
    ),
    probe!(
        dedup_can_be_by_group,
        "The same dedup id in two groups, where the scope is the group",
        "2 messages"
    ),
    probe!(
        body_can_be_the_dedup_id,
        "The same body twice, on a queue with deduplication by content",
        "1 messages"
    ),
    probe!(
        sequence_numbers_grow,
        "Sequence numbers of two sends",
        "20 digits, growing"
    ),
    probe!(
        group_is_needed,
        "A send without a group",
        "refused: MissingParameter (400)"
    ),
    probe!(
        dedup_id_is_needed,
        "A send without a dedup id, on a queue without deduplication by content",
        "refused: InvalidParameterValue (400)"
    ),
    probe!(
        delay_of_a_message_is_refused,
        "A send with a delay to a FIFO queue",
        "refused: InvalidParameterValue (400)"
    ),
    probe!(
        standard_queue_takes_no_dedup_id,
        "A send with a dedup id to a standard queue",
        "refused: InvalidParameterValue (400)"
    ),
    probe!(
        standard_queue_takes_a_group,
        "A send with a group to a standard queue: the group on receipt",
        "tenant"
    ),
    probe!(
        attempt_is_played_again,
        "A second receive with the same attempt id",
        "the same message with the same receipt"
    ),
];

/// Begins a send to the group `g`.
fn send(bench: &Bench, url: &str, body: &str) -> SendMessageFluentBuilder {
    let send = bench.client.send_message().queue_url(url);
    send.message_group_id("g").message_body(body)
}

async fn message_in_flight_locks_its_group(bench: Bench) -> Result<String> {
    let url = bench.fifo(&[]).await?;
    bench.send_in_group(&url, "a").await?;
    bench.send_in_group(&url, "b").await?;
    let first = bench.one(&url).await?;
    let locked = bodies(&bench.now(&url).await?);
    bench.delete(&url, &first).await;
    let free = bodies(&[bench.one(&url).await?]);
    Ok(format!("{locked}, and after its deletion {free}"))
}

async fn release_in_the_middle_keeps_the_lock(bench: Bench) -> Result<String> {
    let url = bench.fifo(&[]).await?;
    for body in ["a", "b", "c", "d"] {
        bench.send_in_group(&url, body).await?;
    }
    let receive = bench.receive(&url).max_number_of_messages(3);
    let messages = receive.send().await?.messages.unwrap_or_default();
    let first = messages.first().context("no message came")?;
    bench.change(&url, first, 0).await;
    Ok(bodies(&bench.now(&url).await?))
}

async fn dedup_id_is_stored_once(bench: Bench) -> Result<String> {
    let url = bench.fifo(&[]).await?;
    let twice = || send(&bench, &url, "a").message_deduplication_id("d").send();
    let (first, second): (SendMessageOutput, _) = (twice().await?, twice().await?);
    let same = |is_same: bool| if is_same { "same" } else { "other" };
    Ok(format!(
        "{} message id, {} sequence number, {}",
        same(first.message_id == second.message_id),
        same(first.sequence_number == second.sequence_number),
        if bench.now(&url).await?.len() == 1 {
            "one message"
        } else {
            "not one message"
        }
    ))
}

async fn dedup_id_outlives_its_message(bench: Bench) -> Result<String> {
    let url = bench.fifo(&[]).await?;
    bench.send_in_group(&url, "a").await?;
    let message = bench.one(&url).await?;
    bench.delete(&url, &message).await;
    bench.send_in_group(&url, "a").await?;
    Ok(bodies(&bench.now(&url).await?))
}

async fn dedup_can_be_by_group(bench: Bench) -> Result<String> {
    let by_group = [
        (QueueAttributeName::DeduplicationScope, "messageGroup"),
        (QueueAttributeName::FifoThroughputLimit, "perMessageGroupId"),
    ];
    let url = bench.fifo(&by_group).await?;
    for group in ["g", "h"] {
        let send = send(&bench, &url, "a").message_group_id(group);
        send.message_deduplication_id("d").send().await?;
    }
    Ok(format!("{} messages", bench.now(&url).await?.len()))
}

async fn body_can_be_the_dedup_id(bench: Bench) -> Result<String> {
    let by_content = (QueueAttributeName::ContentBasedDeduplication, "true");
    let url = bench.fifo(&[by_content]).await?;
    for _ in 0..2 {
        send(&bench, &url, "a").send().await?;
    }
    Ok(format!("{} messages", bench.now(&url).await?.len()))
}

async fn sequence_numbers_grow(bench: Bench) -> Result<String> {
    let url = bench.fifo(&[]).await?;
    let mut numbers = Vec::new();
    for body in ["a", "b"] {
        let send = send(&bench, &url, body).message_deduplication_id(body);
        let sent = send.send().await?;
        numbers.push(sent.sequence_number.context("no sequence number")?);
    }
    let grow = if numbers.is_sorted() {
        "growing"
    } else {
        "not growing"
    };
    Ok(format!("{} digits, {grow}", numbers[0].len()))
}

async fn group_is_needed(bench: Bench) -> Result<String> {
    let url = bench.fifo(&[]).await?;
    let send = bench.client.send_message().queue_url(url);
    let send = send.message_body("a").message_deduplication_id("d");
    Ok(answer(send.send().await))
}

async fn dedup_id_is_needed(bench: Bench) -> Result<String> {
    let url = bench.fifo(&[]).await?;
    Ok(answer(send(&bench, &url, "a").send().await))
}

async fn delay_of_a_message_is_refused(bench: Bench) -> Result<String> {
    let url = bench.fifo(&[]).await?;
    let send = send(&bench, &url, "a").message_deduplication_id("d");
    Ok(answer(send.delay_seconds(1).send().await))
}

async fn standard_queue_takes_no_dedup_id(bench: Bench) -> Result<String> {
    let url = bench.standard(&[]).await?;
    let send = bench.client.send_message().queue_url(url);
    let send = send.message_body("a").message_deduplication_id("d");
    Ok(answer(send.send().await))
}

async fn standard_queue_takes_a_group(bench: Bench) -> Result<String> {
    let url = bench.standard(&[]).await?;
    let send = send(&bench, &url, "a").message_group_id("tenant");
    send.send().await?;
    let message = bench.one(&url).await?;
    let name = MessageSystemAttributeName::MessageGroupId;
    Ok(system_attribute(&message, &name))
}

async fn attempt_is_played_again(bench: Bench) -> Result<String> {
    let url = bench.fifo(&[]).await?;
    bench.send_in_group(&url, "a").await?;
    let mut received = Vec::new();
    for _ in 0..2 {
        let receive = bench.receive(&url).wait_time_seconds(0);
        let receive = receive.receive_request_attempt_id("attempt");
        let messages = receive.send().await?.messages.unwrap_or_default();
        received.push(messages.into_iter().next().map(|it| it.receipt_handle));
    }
    Ok(match &received[..] {
        [first, second] if first == second => "the same message with the same receipt",
        [_, Some(_)] => "another receipt",
        _ => "nothing",
    }
    .to_owned())
}
