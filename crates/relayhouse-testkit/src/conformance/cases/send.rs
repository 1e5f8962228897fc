//! Cases about sending: batches, answers, and what is refused.

use std::collections::BTreeSet;

use relayhouse_core::{
    ErrorKind, HEADER_COUNT_MAX, HEADER_KEY_BYTES_MAX, HEADER_VALUE_BYTES_MAX, Message, Outcome,
    Priority, Sending,
};

use crate::{
    conformance::{
        Case, Fixture, Need, Verdict,
        fixture::chunk,
        violation::{Violation, ensure, equal, fails, fails_with_any},
    },
    harness::Harness,
};

const SOURCE: &str = include_str!("send.rs");

pub(super) const CASES: &[Case] = &[
    case!(sent_message_is_received, &[]),
    case!(many_messages_are_received_once_each, &[]),
    case!(
        full_batch_is_sent_in_one_call,
        &[Need::LimitIfAny("send_batch_max")]
    ),
    case!(
        full_bytes_are_sent_in_one_call,
        &[Need::Limit("send_bytes_max")]
    ),
    case!(answers_stand_in_input_order, &[]),
    case!(
        messages_of_one_call_arrive_in_its_order,
        &[Need::Ability("queue_order")]
    ),
    case!(empty_send_does_nothing, &[]),
    case!(message_without_id_gets_one, &[]),
    case!(equal_ids_are_both_delivered, &[]),
    case!(
        oversized_message_is_refused_with_both_sizes,
        &[Need::Limit("message_bytes_max")]
    ),
    case!(
        too_many_headers_are_refused,
        &[Need::LimitIfAny("header_count_max")]
    ),
    case!(control_characters_in_headers_are_refused, &[]),
    case!(long_header_keys_and_values_are_refused, &[]),
    case!(bad_message_leaves_its_neighbours_alone, &[]),
    case!(failed_item_keeps_its_message, &[]),
    case!(unknown_queue_is_named, &[Need::MissingQueue]),
    case!(unknown_source_is_named, &[Need::MissingQueue]),
    case!(
        higher_priority_is_delivered_first,
        &[Need::Ability("priority")]
    ),
    case!(
        lowest_priority_is_not_starved_when_alone,
        &[Need::Ability("priority")]
    ),
];

/// A message that was sent is received, with the id it was sent with.
pub async fn sent_message_is_received(harness: &dyn Harness) -> Verdict {
    let fixture = Fixture::new(harness).await?;
    let message = fixture.message("hello");
    fixture.send(message.clone()).await?;
    let delivery = fixture.receive().await?;
    equal("id", Some(delivery.id.clone()), message.id)?;
    equal("body", &delivery.message.body[..], b"hello")?;
    fixture.ack(&delivery).await?;
    fixture.drained().await
}

/// Each of many messages is received, and none is made up.
pub async fn many_messages_are_received_once_each(harness: &dyn Harness) -> Verdict {
    let fixture = Fixture::new(harness).await?;
    let messages = fixture.messages(57);
    let sent: BTreeSet<_> = messages.iter().map(|it| it.body.clone()).collect();
    fixture.send_all(messages).await?;
    let mut received = BTreeSet::new();
    while received.len() < sent.len() {
        let delivery = fixture.receive().await?;
        ensure(sent.contains(&delivery.message.body), "nobody sent this")?;
        let is_new = received.insert(delivery.message.body.clone());
        let may_repeat = !fixture.capabilities().lease_exclusive.is_supported();
        ensure(is_new || may_repeat, "a leased message came twice")?;
        fixture.ack(&delivery).await?;
    }
    Ok(())
}

/// As many messages as the target declares go in one call, and all of them are taken but those
/// that it asks to send again.
pub async fn full_batch_is_sent_in_one_call(harness: &dyn Harness) -> Verdict {
    let fixture = Fixture::new(harness).await?;
    let count = chunk(fixture.sender.capabilities().send_batch_max).min(1_000);
    let mut batch: Vec<_> = fixture
        .messages(count)
        .into_iter()
        .map(Sending::new)
        .collect();
    fixture.sender.send(&mut batch).await?;
    let mut taken = 0;
    for item in batch {
        match item.outcome.settle(&Ok(())) {
            Ok(_) => taken += 1,
            Err(error) => ensure(super::is_passing(&error), format!("not taken: {error}"))?,
        }
    }
    let deliveries = fixture.receive_all(taken).await?;
    Ok(fixture.ack_all(deliveries).await?)
}

/// As many bytes as the target declares go in one call.
pub async fn full_bytes_are_sent_in_one_call(harness: &dyn Harness) -> Verdict {
    let fixture = Fixture::new(harness).await?;
    let bytes = fixture.sender.capabilities().send_bytes_max;
    let bytes = bytes.map_or(0, |bytes| {
        usize::try_from(bytes.get()).unwrap_or(usize::MAX)
    });
    let body = || vec![b'x'; bytes / 2];
    let mut batch = [fixture.message(body()), fixture.message(body())].map(Sending::new);
    let call = fixture.sender.send(&mut batch).await;
    for item in batch {
        if let Err(error) = item.outcome.settle(&call) {
            ensure(super::is_passing(&error), format!("not taken: {error}"))?;
        }
    }
    Ok(())
}

/// A batch has one answer for each item, in the order of the items.
pub async fn answers_stand_in_input_order(harness: &dyn Harness) -> Verdict {
    let fixture = Fixture::new(harness).await?;
    let good = || fixture.message("good");
    let bad = || fixture.message("bad").header("a b", "v");
    let mut batch = [good(), bad(), good(), bad()].map(Sending::new);
    let call = fixture.sender.send(&mut batch).await;
    let is_done = batch.map(|item| item.outcome.settle(&call).is_ok());
    equal("answers", is_done, [true, false, true, false])
}

/// The messages of one call arrive in the order in which they stand in it.
pub async fn messages_of_one_call_arrive_in_its_order(harness: &dyn Harness) -> Verdict {
    let fixture = Fixture::new(harness).await?;
    let messages = fixture.messages(30);
    let bodies: Vec<_> = messages.iter().map(|it| it.body.clone()).collect();
    let results = fixture.try_send_all(messages).await;
    let pairs = bodies.into_iter().zip(results);
    let taken = pairs.filter_map(|(body, result)| result.ok().map(|_| body));
    let bodies: Vec<_> = taken.collect();
    let deliveries = fixture.receive_all(bodies.len()).await?;
    let received: Vec<_> = deliveries.into_iter().map(|it| it.message.body).collect();
    equal("order", received, bodies)
}

/// An empty batch is sent without effect.
pub async fn empty_send_does_nothing(harness: &dyn Harness) -> Verdict {
    let fixture = Fixture::new(harness).await?;
    fixture.sender.send(&mut []).await?;
    fixture.nothing().await
}

/// A message without an id gets one that no other message has, and keeps it.
pub async fn message_without_id_gets_one(harness: &dyn Harness) -> Verdict {
    let fixture = Fixture::new(harness).await?;
    let mut ids = BTreeSet::new();
    for _ in 0..5 {
        fixture.send(harness.dress(Message::new("x"))).await?;
        let delivery = fixture.receive().await?;
        ids.insert(delivery.id.to_string());
        fixture.ack(&delivery).await?;
    }
    equal("different ids", ids.len(), 5)
}

/// Two messages with the same id and no dedup id are both delivered.
pub async fn equal_ids_are_both_delivered(harness: &dyn Harness) -> Verdict {
    let fixture = Fixture::new(harness).await?;
    let id = fixture.message("x").id;
    for body in ["first", "second"] {
        let mut message = fixture.message(body);
        message.id.clone_from(&id);
        fixture.send(message).await?;
    }
    let deliveries = fixture.receive_all(2).await?;
    let bodies: BTreeSet<_> = deliveries.iter().map(|it| &it.message.body[..]).collect();
    equal("bodies", bodies.len(), 2)?;
    Ok(fixture.ack_all(deliveries).await?)
}

/// A message over the limit is refused, the error names both sizes, and nothing is sent; one of
/// exactly the limit is taken.
pub async fn oversized_message_is_refused_with_both_sizes(harness: &dyn Harness) -> Verdict {
    let fixture = Fixture::new(harness).await?;
    let max = fixture.sender.capabilities().message_bytes_max;
    let max = max.map_or(0, |max| usize::try_from(max.get()).unwrap_or(usize::MAX));
    let over = fixture.message(vec![b'x'; max + 1]);
    let size = over.size();
    let error = fails(
        "a send",
        fixture.send(over).await,
        ErrorKind::MessageTooLarge,
    )?;
    let text = error.to_string();
    ensure(
        text.contains(&size.to_string()),
        format!("no size in: {text}"),
    )?;
    ensure(
        text.contains(&max.to_string()),
        format!("no limit in: {text}"),
    )?;
    fixture.nothing().await?;
    let dressed = fixture.message("").size();
    let rest = max.saturating_sub(usize::try_from(dressed).unwrap_or(0));
    fixture.send(fixture.message(vec![b'x'; rest])).await?;
    let delivery = fixture.receive().await?;
    equal("length", delivery.message.body.len(), rest)
}

async fn refused(fixture: &Fixture<'_>, what: &str, message: Message) -> Verdict {
    fails(what, fixture.send(message).await, ErrorKind::MessageInvalid)?;
    fixture.nothing().await
}

/// More headers than the limit are refused before anything is sent.
pub async fn too_many_headers_are_refused(harness: &dyn Harness) -> Verdict {
    let fixture = Fixture::new(harness).await?;
    let max = fixture.sender.capabilities().header_count_max;
    let max = max.map_or(HEADER_COUNT_MAX, |max| chunk(Some(max)));
    let mut message = fixture.message("x");
    for index in 0..=max {
        message = message.header(format!("key-{index}"), "v");
    }
    refused(&fixture, "headers over the limit", message).await
}

/// Control characters, line ends among them, are refused in header keys and text values.
pub async fn control_characters_in_headers_are_refused(harness: &dyn Harness) -> Verdict {
    let fixture = Fixture::new(harness).await?;
    for (key, value) in [
        ("k\r\nx", "v"),
        ("k\0", "v"),
        ("", "v"),
        ("a b", "v"),
        ("k", "v\r\nx: y"),
        ("k", "v\n"),
        ("k", "\u{7f}"),
        ("k", "\u{1b}[2J"),
    ] {
        let what = format!("header {key:?}: {value:?}");
        refused(&fixture, &what, fixture.message("x").header(key, value)).await?;
    }
    Ok(())
}

/// Header keys and values over their length are refused.
pub async fn long_header_keys_and_values_are_refused(harness: &dyn Harness) -> Verdict {
    let fixture = Fixture::new(harness).await?;
    let key = "k".repeat(HEADER_KEY_BYTES_MAX + 1);
    refused(
        &fixture,
        "a long key",
        fixture.message("x").header(key, "v"),
    )
    .await?;
    let value = "v".repeat(HEADER_VALUE_BYTES_MAX + 1);
    refused(
        &fixture,
        "a long value",
        fixture.message("x").header("k", value),
    )
    .await
}

/// One bad message of a batch fails alone: the others are sent, and delivered once.
pub async fn bad_message_leaves_its_neighbours_alone(harness: &dyn Harness) -> Verdict {
    let fixture = Fixture::new(harness).await?;
    let mut messages = fixture.messages(5);
    messages[2] = fixture.message("bad").header("k", "line\nfeed");
    let results = fixture.try_send_all(messages).await;
    for (index, result) in results.into_iter().enumerate() {
        if index == 2 {
            fails("the bad message", result, ErrorKind::MessageInvalid)?;
        } else {
            result?;
        }
    }
    let deliveries = fixture.receive_all(4).await?;
    ensure(
        deliveries.iter().all(|it| it.message.body != "bad"),
        "the bad message was sent",
    )?;
    fixture.ack_all(deliveries).await?;
    fixture.drained().await
}

/// An item that failed still has its message, and one that is done has it no more.
pub async fn failed_item_keeps_its_message(harness: &dyn Harness) -> Verdict {
    let fixture = Fixture::new(harness).await?;
    let bad = fixture.message("bad").header("a b", "v");
    let mut batch = [fixture.message("good"), bad].map(Sending::new);
    // The answers are in the items, whatever the call says.
    drop(fixture.sender.send(&mut batch).await);
    let [good, bad] = batch;
    ensure(good.outcome.is_done(), "the good message was not sent")?;
    equal("body of a sent item", &good.message.body[..], b"")?;
    match bad.outcome {
        Outcome::Failed(_) => equal("body of a failed item", &bad.message.body[..], b"bad"),
        other => Err(Violation::new(format!("the bad message is {other:?}"))),
    }
}

/// A queue that does not exist fails the first call that needs it, and the error names it.
pub async fn unknown_queue_is_named(harness: &dyn Harness) -> Verdict {
    let provider = harness.provider().await?;
    let missing = harness.missing().ok_or_else(|| Violation::new("no name"))?;
    let result = match provider.sender(&missing).await {
        Ok(sender) => {
            let mut batch = [Sending::new(harness.dress(Message::new("x")))];
            let call = sender.send(&mut batch).await;
            let [item] = batch;
            item.outcome.settle(&call).map(drop)
        }
        Err(error) => Err(error),
    };
    let error = fails("a send to nowhere", result, ErrorKind::QueueNotFound)?;
    let text = error.to_string();
    ensure(
        text.contains(missing.as_str()),
        format!("not named in: {text}"),
    )
}

/// Receiving from a queue that does not exist fails, and the error names it.
pub async fn unknown_source_is_named(harness: &dyn Harness) -> Verdict {
    use relayhouse_core::{
        Source,
        port::{ReceiveRequest, ReceiverOptions},
    };
    let provider = harness.provider().await?;
    let missing = harness.missing().ok_or_else(|| Violation::new("no name"))?;
    let source = Source::queue(missing.clone());
    let result = match provider.receiver(&source, ReceiverOptions::default()).await {
        Ok(receiver) => receiver.receive(ReceiveRequest::ONE, &mut Vec::new()).await,
        Err(error) => Err(error),
    };
    let kinds = [ErrorKind::QueueNotFound, ErrorKind::Unsupported];
    let error = fails_with_any("a receive from nowhere", result, &kinds)?;
    let text = error.to_string();
    ensure(
        text.contains(missing.as_str()),
        format!("not named in: {text}"),
    )
}

/// Of the messages that wait, those of a higher priority are delivered first.
pub async fn higher_priority_is_delivered_first(harness: &dyn Harness) -> Verdict {
    let fixture = Fixture::new(harness).await?;
    for priority in [Priority::MIN, Priority::DEFAULT, Priority::MAX] {
        let body = priority.level().to_string();
        fixture
            .send(fixture.message(body).priority(priority))
            .await?;
    }
    for body in ["9", "4", "0"] {
        let delivery = fixture.receive().await?;
        equal("body", &delivery.message.body[..], body.as_bytes())?;
        fixture.ack(&delivery).await?;
    }
    Ok(())
}

/// A message of the lowest priority is delivered when nothing else waits.
pub async fn lowest_priority_is_not_starved_when_alone(harness: &dyn Harness) -> Verdict {
    let fixture = Fixture::new(harness).await?;
    fixture
        .send(fixture.message("low").priority(Priority::MIN))
        .await?;
    equal("body", &fixture.receive().await?.message.body[..], b"low")
}
