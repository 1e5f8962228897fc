//! Links: what they are told, and when they are refused.

use anyhow::Result;
use fe2o3_amqp::{Receiver, Sender};
use relayhouse_bare_amqp::Client;

use super::{
    Probe,
    bench::{Bench, attached_from, attached_to},
};
use crate::service::probe::probe;

pub(super) const PROBES: &[Probe] = &[
    probe!(wrong_key_is_refused, "A login with a wrong key", "refused"),
    probe!(
        sender_to_nowhere_is_refused,
        "A sender to a queue that is not there",
        "refused: amqp:not-found"
    ),
    probe!(
        receiver_from_nowhere_is_refused,
        "A receiver from a queue that is not there",
        "refused: amqp:not-found"
    ),
    probe!(
        receiver_without_a_session_is_refused,
        "A receiver without a session from a queue that requires sessions",
        "refused: amqp:not-allowed"
    ),
    probe!(
        largest_message_is_told,
        "The largest message that a sender is told of, in the standard tier",
        "262144"
    ),
];

async fn wrong_key_is_refused(bench: Bench) -> Result<String> {
    let ended = Client::connect(&bench.place().with_key("wrong")).await;
    Ok(if ended.is_ok() { "let in" } else { "refused" }.to_owned())
}

async fn sender_to_nowhere_is_refused(bench: Bench) -> Result<String> {
    let mut client = bench.connect().await?;
    let attached = Sender::attach(&mut client.session, "it", bench.missing()?).await;
    Ok(attached_to(attached))
}

async fn receiver_from_nowhere_is_refused(bench: Bench) -> Result<String> {
    let mut client = bench.connect().await?;
    let attached = Receiver::attach(&mut client.session, "it", bench.missing()?).await;
    Ok(attached_from(attached))
}

async fn receiver_without_a_session_is_refused(bench: Bench) -> Result<String> {
    let queue = bench.queue(|it| it.requires_session = Some(true)).await?;
    let mut client = bench.connect().await?;
    let attached = Receiver::attach(&mut client.session, "it", queue).await;
    Ok(attached_from(attached))
}

async fn largest_message_is_told(bench: Bench) -> Result<String> {
    let queue = bench.queue(|_| {}).await?;
    let mut client = bench.connect().await?;
    let sender = client.sender(&queue).await?;
    let bytes = sender.max_message_size();
    Ok(bytes.map_or_else(|| "nothing".to_owned(), |bytes| bytes.to_string()))
}
