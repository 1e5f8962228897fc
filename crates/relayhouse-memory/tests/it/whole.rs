//! The life of a message, from one end to the other.

use relayhouse_core::{ErrorKind, Message, Previous, Settlement};

use crate::support::{
    SECOND, ack, memory, receive, receiver, send, send_texts, sender, settle, texts, up_to,
};

#[tokio::test(start_paused = true)]
async fn message_is_sent_received_and_acked() {
    let memory = memory();
    let sender = sender(&memory, "orders").await;
    let receiver = receiver(&memory, "orders").await;
    let sent = send(&*sender, [Message::new("a").header("tenant", "acme")]).await;
    let deliveries = receive(&*receiver, up_to(10)).await;
    let [delivery] = &deliveries[..] else {
        panic!("one delivery, not {deliveries:?}");
    };
    assert_eq!(delivery.message.body, "a");
    assert_eq!(delivery.message.headers().text("tenant"), Some("acme"));
    assert_eq!((delivery.attempt, delivery.previous), (1, Previous::None));
    let sent = sent[0].clone().expect("it was sent");
    assert_eq!(sent.id.as_ref(), Some(&delivery.id));
    assert_eq!(sent.sequence, delivery.sequence);
    assert_eq!(ack(&*receiver, delivery).await, Ok(()));
    assert_eq!(ack(&*receiver, delivery).await, Err(ErrorKind::LeaseLost));
    assert!(texts(&*receiver).await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_comes_back_comes_back_first_and_in_order() {
    let memory = memory();
    let sender = sender(&memory, "orders").await;
    let receiver = receiver(&memory, "orders").await;
    send_texts(&*sender, &["a", "b", "c", "d"]).await;
    let first = receive(&*receiver, up_to(3)).await;
    for at in [0, 2, 1] {
        let released = settle(&*receiver, &first[at], Settlement::RELEASE).await;
        assert_eq!(released, Ok(()));
    }
    let second = receive(&*receiver, up_to(4)).await;
    assert_eq!(crate::support::bodies(&second), ["a", "b", "c", "d"]);
    assert_eq!((second[0].attempt, second[3].attempt), (2, 1));
    assert_eq!(second[0].previous, Previous::Released);
    assert!(first[0].lease.token() < second[0].lease.token());

    tokio::time::advance(SECOND * 300).await;
    assert_eq!(ack(&*receiver, &second[0]).await, Err(ErrorKind::LeaseLost));
    let third = receive(&*receiver, up_to(4)).await;
    assert_eq!(crate::support::bodies(&third), ["a", "b", "c", "d"]);
    assert_eq!(
        (third[0].attempt, third[0].previous),
        (3, Previous::Expired)
    );
}
