//! Profiles: the limits and habits of other providers, the same for the same seed.

use std::time::Duration;

use relayhouse_core::{
    Capabilities, ErrorKind, Extending, Message, Outcome, Settlement,
    port::{Provider, ReceiverOptions},
};
use relayhouse_memory::{Memory, Profile};

use crate::support::{
    SECOND, ack, bodies, builder, name, receive, receiver, send, sender, settle, source, up_to,
};

/// A namespace of `profile` without failures by chance.
fn calm(profile: Profile) -> Memory {
    let options = builder().profile(profile).failures(0.0).duplicates(0.0);
    options.build().expect("options")
}

fn numbered(count: usize) -> impl Iterator<Item = Message> {
    (0..count).map(|n| Message::new(n.to_string()))
}

#[tokio::test(start_paused = true)]
async fn sqs_refuses_what_sqs_refuses() {
    let memory = calm(Profile::SqsStandard);
    let sender = sender(&memory, "q").await;
    let receiver = receiver(&memory, "q").await;
    let answers = send(&*sender, numbered(11)).await;
    assert!(
        answers
            .iter()
            .all(|answer| *answer == Err(ErrorKind::MessageInvalid))
    );
    let large = || Message::new(vec![0; 600 * 1024]);
    let answers = send(&*sender, [large(), large()]).await;
    assert_eq!(answers[0], Err(ErrorKind::MessageTooLarge));
    for (message, kind) in [
        (
            Message::new("x").delay(SECOND * 901),
            ErrorKind::MessageInvalid,
        ),
        (Message::new("x").ttl(SECOND), ErrorKind::Unsupported),
        (Message::new("x").dedup_id("d"), ErrorKind::Unsupported),
        (
            Message::new(vec![0; 1024 * 1024 + 1]),
            ErrorKind::MessageTooLarge,
        ),
    ] {
        assert_eq!(send(&*sender, [message]).await, [Err(kind)]);
    }
    for _ in 0..2 {
        send(&*sender, numbered(10)).await;
    }
    let found = receive(&*receiver, up_to(100)).await;
    assert_eq!(found.len(), 10);
    let until = found[0].lease.until() - SECOND * 30;
    let mut batch = [Extending::new(found[0].receipt.clone())];
    let half = Duration::from_secs(43_200);
    assert!(receiver.extend(&mut batch, half).await.is_ok());
    assert!(matches!(batch[0].outcome, Outcome::Done(end) if end == until + half));
    tokio::time::advance(SECOND).await;
    let mut batch = [Extending::new(found[0].receipt.clone())];
    assert!(receiver.extend(&mut batch, half).await.is_ok());
    assert!(batch[0].outcome.error().is_some(), "12 hours in total");
}

#[tokio::test(start_paused = true)]
async fn sqs_standard_delivers_out_of_order_and_twice_the_same_for_one_seed() {
    let mut runs = Vec::new();
    for _ in 0..2 {
        let options = builder().profile(Profile::SqsStandard).failures(0.0);
        let memory = options.duplicates(0.2).build().expect("options");
        let sender = sender(&memory, "q").await;
        let receiver = receiver(&memory, "q").await;
        for start in 0..20 {
            let batch = (0..10).map(|n| Message::new((start * 10 + n).to_string()));
            send(&*sender, batch).await;
        }
        let mut seen = Vec::new();
        for _ in 0..60 {
            let found = receive(&*receiver, up_to(10)).await;
            seen.extend(bodies(&found));
            for delivery in &found {
                assert_eq!(ack(&*receiver, delivery).await, Ok(()));
            }
            tokio::time::advance(SECOND).await;
        }
        runs.push(seen);
    }
    assert_eq!(runs[0], runs[1]);
    let mut unique = runs[0].clone();
    unique.sort_unstable();
    unique.dedup();
    assert_eq!(unique.len(), 200, "nothing is lost");
    assert!(200 < runs[0].len(), "something came twice");
    let in_order: Vec<String> = (0..10).map(|n| n.to_string()).collect();
    assert_ne!(runs[0][..10], in_order[..]);
}

#[tokio::test(start_paused = true)]
async fn items_of_a_batch_fail_by_chance_and_others_do_not() {
    let options = builder().profile(Profile::SqsStandard).failures(0.3);
    let memory = options.duplicates(0.0).build().expect("options");
    let sender = sender(&memory, "q").await;
    let mut failed = 0;
    for _ in 0..20 {
        let answers = send(&*sender, numbered(10)).await;
        failed += answers
            .iter()
            .filter(|answer| **answer == Err(ErrorKind::Throttled))
            .count();
    }
    assert!((30..90).contains(&failed), "{failed}");
    for _ in 0..20 {
        assert!(send(&*sender, numbered(1)).await[0].is_ok());
    }
}

#[tokio::test(start_paused = true)]
async fn sqs_fifo_groups_locks_and_knows_an_id_for_five_minutes() {
    let memory = calm(Profile::SqsFifo);
    let sender = sender(&memory, "q.fifo").await;
    let receiver = receiver(&memory, "q.fifo").await;
    let of = |group: &'static str, text: &'static str| Message::new(text).ordering_key(group);
    let refused = [
        (Message::new("x"), ErrorKind::MessageInvalid),
        (of("a", "x").delay(SECOND), ErrorKind::MessageInvalid),
    ];
    for (message, kind) in refused {
        let answer = send(&*sender, [message]).await;
        let is_refused = answer[0] == Err(kind) || answer[0] == Err(ErrorKind::Unsupported);
        assert!(is_refused, "{answer:?}");
    }
    send(&*sender, [of("a", "a1"), of("b", "b1"), of("a", "a2")]).await;
    let found = receive(&*receiver, up_to(10)).await;
    assert_eq!(
        bodies(&found),
        ["a1", "a2", "b1"],
        "one group after the other"
    );
    send(&*sender, [of("a", "a3")]).await;
    assert_eq!(
        settle(&*receiver, &found[0], Settlement::RELEASE).await,
        Ok(())
    );
    assert!(receive(&*receiver, up_to(10)).await.is_empty(), "a2 is out");

    let once = || of("c", "c").dedup_id("once");
    send(&*sender, [once()]).await;
    assert!(
        send(&*sender, [once()]).await[0]
            .clone()
            .expect("sent")
            .deduplicated
    );
    tokio::time::advance(SECOND * 300).await;
    assert!(
        !send(&*sender, [once()]).await[0]
            .clone()
            .expect("sent")
            .deduplicated
    );
}

#[tokio::test(start_paused = true)]
async fn service_bus_has_its_lock_its_sizes_and_its_delivery_count() {
    let memory = calm(Profile::ServiceBus);
    let sender = sender(&memory, "q").await;
    let live = receiver(&memory, "q").await;
    let dead = receiver(&memory, "q/$deadletterqueue").await;
    let large = Message::new(vec![0; 256 * 1024 + 1]);
    assert_eq!(
        send(&*sender, [large]).await,
        [Err(ErrorKind::MessageTooLarge)]
    );
    let options = ReceiverOptions {
        lease: Some(SECOND * 301),
    };
    assert!(memory.receiver(&source("q"), options).await.is_err());
    send(&*sender, [Message::new("x")]).await;
    for _ in 0..10 {
        let found = receive(&*live, up_to(1)).await;
        let delay = Settlement::Release { delay: SECOND };
        assert_eq!(
            settle(&*live, &found[0], delay).await,
            Err(ErrorKind::Unsupported)
        );
        assert_eq!(settle(&*live, &found[0], Settlement::RELEASE).await, Ok(()));
    }
    assert!(receive(&*live, up_to(1)).await.is_empty());
    assert_eq!(receive(&*dead, up_to(1)).await.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn service_bus_sessions_need_sessions() {
    let memory = calm(Profile::ServiceBusSessions);
    let opened = memory
        .receiver(&source("q"), ReceiverOptions::default())
        .await;
    assert_eq!(
        opened.err().map(|error| error.kind()),
        Some(ErrorKind::Unsupported)
    );
    let sessions = memory
        .sessions(&source("q"), ReceiverOptions::default())
        .await;
    let declared: Capabilities = sessions.expect("sessions").capabilities().clone();
    assert_eq!(declared.lease, relayhouse_core::LeaseKind::Session);
    drop(memory.sender(&name("q")).await);
}
