//! Dead letters: envelope, own leases, bounds, redrive.

use std::num::{NonZeroU32, NonZeroU64};

use relayhouse_core::{
    DeadLetter, ErrorKind, Message, Settlement,
    port::{Provider, Redrive, Stats},
};
use relayhouse_memory::Memory;

use crate::support::{
    SECOND, ack, bodies, builder, memory, receive, receiver, send, send_texts, sender, settle,
    source, texts, up_to,
};

async fn stats(memory: &Memory) -> Stats {
    let admin = memory.admin().expect("administration");
    admin.stats(&source("q")).await.expect("counts")
}

#[tokio::test(start_paused = true)]
async fn dead_letter_is_readable_with_its_envelope_and_comes_back_fresh() {
    let memory = memory();
    let sender = sender(&memory, "q").await;
    let live = receiver(&memory, "q").await;
    let dead = receiver(&memory, "q/$deadletterqueue").await;
    send(&*sender, [Message::new("a").header("k", "v")]).await;
    let first = receive(&*live, up_to(1)).await.remove(0);
    let letter = Settlement::dead_letter("rejected", "no such customer");
    assert_eq!(settle(&*live, &first, letter).await, Ok(()));
    assert_eq!(
        (stats(&memory).await.dead, stats(&memory).await.bytes),
        (1, Some(0))
    );

    let found = receive(&*dead, up_to(1)).await.remove(0);
    let envelope = found.envelope.clone().expect("an envelope");
    assert_eq!(envelope.dead_letter.reason, "rejected");
    assert_eq!(
        (envelope.attempts, envelope.source.clone()),
        (1, source("q"))
    );
    assert_eq!((found.id.clone(), found.attempt), (first.id.clone(), 1));
    let again = Settlement::dead_letter("x", "y");
    assert_eq!(
        settle(&*dead, &found, again).await,
        Err(ErrorKind::Unsupported)
    );
    assert_eq!(ack(&*live, &found).await, Err(ErrorKind::LeaseLost));
    assert_eq!(settle(&*dead, &found, Settlement::RELEASE).await, Ok(()));

    let admin = memory.admin().expect("administration");
    let count = admin.redrive(&source("q"), &Redrive::default()).await;
    assert_eq!(count.ok(), Some(1));
    let back = receive(&*live, up_to(1)).await.remove(0);
    assert_eq!((back.id.clone(), back.attempt), (first.id.clone(), 1));
    assert_eq!(back.message.headers().text("k"), Some("v"));
    assert!(back.envelope.is_none());
    assert!(
        found.lease.token() < back.lease.token(),
        "the token still grows"
    );
}

#[tokio::test(start_paused = true)]
async fn used_up_attempts_dead_letter_by_release_and_by_expiry() {
    let max = NonZeroU32::new(2).expect("not zero");
    let memory = builder().attempts_max(max).build().expect("options");
    let sender = sender(&memory, "q").await;
    let live = receiver(&memory, "q").await;
    let dead = receiver(&memory, "q/$deadletterqueue").await;
    send_texts(&*sender, &["released", "expired"]).await;
    for _ in 0..2 {
        let found = receive(&*live, up_to(2)).await;
        assert_eq!(bodies(&found), ["released", "expired"]);
        assert_eq!(settle(&*live, &found[0], Settlement::RELEASE).await, Ok(()));
        tokio::time::advance(SECOND * 300).await;
    }
    assert!(texts(&*live).await.is_empty());
    let found = receive(&*dead, up_to(2)).await;
    assert_eq!(bodies(&found), ["released", "expired"]);
    for delivery in found {
        let envelope = delivery.envelope.expect("an envelope");
        assert_eq!(envelope.dead_letter.reason, DeadLetter::ATTEMPTS_EXHAUSTED);
        assert_eq!(envelope.attempts, 2);
    }
}

#[tokio::test(start_paused = true)]
async fn full_dead_letter_queue_loses_nothing() {
    let one = NonZeroU64::new(2).expect("not zero");
    let options = builder()
        .messages_max(one)
        .attempts_max(NonZeroU32::MIN)
        .ttl(SECOND * 60)
        .dead_letter_expired(true);
    let memory = options.build().expect("options");
    let sender = sender(&memory, "q").await;
    let live = receiver(&memory, "q").await;
    let dead = receiver(&memory, "q/$deadletterqueue").await;
    send_texts(&*sender, &["a", "b"]).await;
    for delivery in receive(&*live, up_to(2)).await {
        let letter = Settlement::dead_letter("rejected", "no");
        assert_eq!(settle(&*live, &delivery, letter).await, Ok(()));
    }
    send_texts(&*sender, &["c", "d"]).await;
    let found = receive(&*live, up_to(1)).await.remove(0);
    let letter = Settlement::dead_letter("rejected", "no");
    assert_eq!(settle(&*live, &found, letter).await, Err(ErrorKind::Full));
    assert_eq!(settle(&*live, &found, Settlement::RELEASE).await, Ok(()));
    tokio::time::advance(SECOND * 60).await;
    assert!(
        texts(&*live).await.is_empty(),
        "one is exhausted, one expired"
    );
    assert_eq!(
        (stats(&memory).await.dead, stats(&memory).await.delayed),
        (2, 2)
    );
    for delivery in receive(&*dead, up_to(10)).await {
        assert_eq!(ack(&*dead, &delivery).await, Ok(()));
    }
    assert_eq!(texts(&*dead).await, ["c", "d"]);
    assert_eq!(
        (stats(&memory).await.dead, stats(&memory).await.delayed),
        (2, 0)
    );
}

#[tokio::test(start_paused = true)]
async fn redrive_keeps_the_order_of_the_first_send_within_a_key() {
    let memory = memory();
    let sender = sender(&memory, "q").await;
    let live = receiver(&memory, "q").await;
    let messages = ["1", "2", "3"].map(|text| Message::new(text).ordering_key("k"));
    send(&*sender, messages).await;
    let found = receive(&*live, up_to(2)).await;
    for at in [1, 0] {
        let letter = Settlement::dead_letter("rejected", "no");
        assert_eq!(settle(&*live, &found[at], letter).await, Ok(()));
    }
    let admin = memory.admin().expect("administration");
    let some = Redrive {
        max: NonZeroU32::new(5),
    };
    assert_eq!(admin.redrive(&source("q"), &some).await.ok(), Some(2));
    assert_eq!(texts(&*live).await, ["1", "2", "3"]);
}
