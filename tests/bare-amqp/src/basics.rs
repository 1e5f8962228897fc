//! What every client does: sends, receives and settlements.

use anyhow::{Context, Result, ensure};
use fe2o3_amqp::{
    Sendable,
    types::{
        definitions::{Error, ErrorCondition, Fields},
        messaging::{Data, Message, Modified},
        primitives::{Binary, SimpleValue, Symbol, Value},
    },
};
use relayhouse_bare_amqp::{Client, Place, nothing, receive, send, text};

use crate::QUEUE;

/// The format of a transfer in which each section is a message.
const FORMAT_BATCH: u32 = 0x8001_3700;

pub(crate) async fn completes(place: &Place) -> Result<()> {
    let mut client = Client::connect(place).await?;
    send(&mut client.sender(QUEUE).await?, "it").await?;
    let mut receiver = client.receiver(QUEUE).await?;
    let received = receive(&mut receiver).await?;
    ensure!(text(&received)? == "it", "another message came");
    receiver.accept(&received).await?;
    nothing(&mut receiver).await?;
    client.close().await
}

pub(crate) async fn abandons(place: &Place) -> Result<()> {
    let mut client = Client::connect(place).await?;
    send(&mut client.sender(QUEUE).await?, "it").await?;
    let mut receiver = client.receiver(QUEUE).await?;
    for expected in 0..3 {
        let received = receive(&mut receiver).await?;
        let header = received.message().header.as_ref();
        let count = header.context("there is no header")?.delivery_count;
        ensure!(count == expected, "it was delivered {count} times before");
        let abandoned = Modified {
            delivery_failed: Some(true),
            undeliverable_here: None,
            message_annotations: None,
        };
        receiver.modify(&received, abandoned).await?;
    }
    let received = receive(&mut receiver).await?;
    receiver.accept(&received).await?;
    client.close().await
}

pub(crate) async fn buries(place: &Place) -> Result<()> {
    let mut client = Client::connect(place).await?;
    send(&mut client.sender(QUEUE).await?, "it").await?;
    let mut receiver = client.receiver(QUEUE).await?;
    let received = receive(&mut receiver).await?;
    let mut info = Fields::new();
    info.insert(Symbol::from("DeadLetterReason"), Value::from("bad"));
    info.insert(
        Symbol::from("DeadLetterErrorDescription"),
        Value::from("too bad"),
    );
    let condition = ErrorCondition::Custom(Symbol::from("com.microsoft:dead-letter"));
    let error = Error::new(condition, None, Some(info));
    receiver.reject(&received, error).await?;
    let mut dead = client
        .receiver(&format!("{QUEUE}/$DeadLetterQueue"))
        .await?;
    let received = receive(&mut dead).await?;
    let properties = &received.message().application_properties;
    let properties = &properties.as_ref().context("it has no properties")?.0;
    for (name, value) in [
        ("DeadLetterReason", "bad"),
        ("DeadLetterErrorDescription", "too bad"),
    ] {
        let found = properties.get(name);
        let is_right = found == Some(&SimpleValue::String(value.to_owned()));
        ensure!(is_right, "{name} is {found:?}");
    }
    dead.accept(&received).await?;
    client.close().await
}

pub(crate) async fn sends_a_batch(place: &Place) -> Result<()> {
    let mut client = Client::connect(place).await?;
    // Two messages of one byte each, by hand from the specification.
    let parts = [*b"\x00\x53\x75\xa0\x01a", *b"\x00\x53\x75\xa0\x01b"];
    let parts = parts.map(|part| Data(Binary::from(part.to_vec())));
    let batch = Sendable::builder()
        .message(Message::builder().data_batch(parts.to_vec()).build())
        .message_format(FORMAT_BATCH)
        .build();
    let outcome = client.sender(QUEUE).await?.send(batch).await?;
    ensure!(outcome.is_accepted(), "the send came to {outcome:?}");
    let mut receiver = client.receiver(QUEUE).await?;
    for expected in ["a", "b"] {
        let received = receive(&mut receiver).await?;
        ensure!(text(&received)? == expected, "another message came");
        receiver.accept(&received).await?;
    }
    client.close().await
}

pub(crate) async fn drains(place: &Place) -> Result<()> {
    let mut client = Client::connect(place).await?;
    let mut receiver = client.receiver(QUEUE).await?;
    receiver.set_credit(10).await?;
    receiver.drain().await?;
    // The credit was given back: a message goes to who asks for it.
    send(&mut client.sender(QUEUE).await?, "it").await?;
    let mut other = Client::connect(place).await?;
    let mut second = other.receiver(QUEUE).await?;
    let received = receive(&mut second).await?;
    second.accept(&received).await?;
    other.close().await?;
    client.close().await
}

pub(crate) async fn is_refused(place: &Place) -> Result<()> {
    let refused = Client::connect(&place.with_key("wrong")).await;
    ensure!(refused.is_err(), "it is let in");
    Ok(())
}
