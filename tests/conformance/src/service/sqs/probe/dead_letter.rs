//! Dead letters, and moving them back.

use anyhow::{Context, Result};
use aws_sdk_sqs::types::{MessageSystemAttributeName, QueueAttributeName};

use super::{
    Probe,
    bench::{Bench, answer, bodies, system_attribute},
};
use crate::service::probe::probe;

pub(super) const PROBES: &[Probe] = &[
    probe!(
        message_is_received_as_often_as_allowed,
        "A message released at once, where 2 receives are allowed",
        "2 receives, then a dead letter"
    ),
    probe!(
        dead_letter_names_its_source,
        "The source that a dead letter names",
        "the queue it came from"
    ),
    probe!(
        dead_letter_keeps_its_time,
        "The sent time of a dead letter of a standard queue",
        "as it was"
    ),
    probe!(
        sources_are_listed,
        "The sources of a dead-letter queue",
        "the one"
    ),
    probe!(
        dead_letters_are_moved_back,
        "A move task over one dead letter",
        "COMPLETED, and back: dead"
    ),
    probe!(
        move_from_another_queue_is_refused,
        "A move task over a queue that is nobody's dead-letter queue",
        "refused: InvalidParameterValue (400)"
    ),
    probe!(
        move_from_nowhere_is_refused,
        "A move task over a queue that does not exist",
        "refused: ResourceNotFoundException"
    ),
];

/// Has one message become a dead letter; returns its queue, the dead letters' one, and how often it
/// was received before.
async fn bury(bench: &Bench) -> Result<(String, String, Vec<String>)> {
    let (url, dead) = bench.with_dead_letters(2).await?;
    bench.send(&url, "dead").await?;
    let mut sent = Vec::new();
    for _ in 0..5 {
        let receive = bench.receive(&url).wait_time_seconds(1);
        let messages = receive.send().await?.messages.unwrap_or_default();
        for message in &messages {
            let name = MessageSystemAttributeName::SentTimestamp;
            sent.push(system_attribute(message, &name));
            bench.change(&url, message, 0).await;
        }
        if messages.is_empty() {
            break;
        }
    }
    Ok((url, dead, sent))
}

async fn message_is_received_as_often_as_allowed(bench: Bench) -> Result<String> {
    let (_, dead, sent) = bury(&bench).await?;
    let end = match bodies(&[bench.one(&dead).await?]).as_str() {
        "dead" => "a dead letter",
        _ => "another message",
    };
    Ok(format!("{} receives, then {end}", sent.len()))
}

async fn dead_letter_names_its_source(bench: Bench) -> Result<String> {
    let (url, dead, _) = bury(&bench).await?;
    let letter = bench.one(&dead).await?;
    let name = MessageSystemAttributeName::DeadLetterQueueSourceArn;
    let named = system_attribute(&letter, &name);
    Ok(if named == bench.arn(&url).await? {
        "the queue it came from".to_owned()
    } else {
        named
    })
}

async fn dead_letter_keeps_its_time(bench: Bench) -> Result<String> {
    let (_, dead, sent) = bury(&bench).await?;
    let letter = bench.one(&dead).await?;
    let now = system_attribute(&letter, &MessageSystemAttributeName::SentTimestamp);
    let first = sent.first().context("it was never received")?;
    Ok(if *first == now {
        "as it was"
    } else {
        "another"
    }
    .to_owned())
}

async fn sources_are_listed(bench: Bench) -> Result<String> {
    let (url, dead) = bench.with_dead_letters(2).await?;
    let list = bench.client.list_dead_letter_source_queues();
    let sources = list.queue_url(dead).send().await?.queue_urls;
    Ok(if sources == [url] {
        "the one"
    } else {
        "others"
    }
    .to_owned())
}

async fn dead_letters_are_moved_back(bench: Bench) -> Result<String> {
    let (url, dead, _) = bury(&bench).await?;
    let arn = bench.arn(&dead).await?;
    let start = bench.client.start_message_move_task();
    start.source_arn(&arn).send().await?;
    let back = bodies(&[bench.one(&url).await?]);
    let list = bench.client.list_message_move_tasks().source_arn(arn);
    let tasks = list.send().await?.results.unwrap_or_default();
    let status = tasks.first().and_then(|task| task.status.clone());
    let status = status.unwrap_or_default();
    Ok(format!("{status}, and back: {back}"))
}

async fn move_from_another_queue_is_refused(bench: Bench) -> Result<String> {
    let url = bench.standard(&[]).await?;
    let arn = bench.attribute(&url, QueueAttributeName::QueueArn).await?;
    let start = bench.client.start_message_move_task();
    Ok(answer(start.source_arn(arn).send().await))
}

async fn move_from_nowhere_is_refused(bench: Bench) -> Result<String> {
    let url = bench.standard(&[]).await?;
    let arn = bench.arn(&url).await?;
    let start = bench.client.start_message_move_task();
    Ok(answer(
        start.source_arn(format!("{arn}-nowhere")).send().await,
    ))
}
