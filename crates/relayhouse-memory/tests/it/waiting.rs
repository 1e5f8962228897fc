//! Waiting receivers: woken, fair, quiet, and free to be dropped at any poll.

use std::{sync::Arc, task::Poll};

use relayhouse_core::{Message, Settlement, port::Receiver};

use crate::support::{
    Call, SECOND, Watch, ack, memory, nervous, pass, receive, receiver, send, send_texts, sender,
    settle, texts, up_to, wait_for_one,
};

#[tokio::test(start_paused = true)]
async fn as_many_are_woken_as_messages_came_and_the_first_to_wait_first() {
    let memory = memory();
    let sender = sender(&memory, "q").await;
    let receiver = receiver(&memory, "q").await;
    let mut calls: Vec<_> = (0..5)
        .map(|_| Call::new(wait_for_one(Arc::clone(&receiver))))
        .collect();
    for call in &mut calls {
        call.waits();
    }
    send_texts(&*sender, &["a", "b"]).await;
    let woken: Vec<usize> = calls.iter().map(|call| call.woken.count()).collect();
    assert_eq!(woken, [1, 1, 0, 0, 0]);
    assert_eq!(calls[1].poll(), Poll::Ready(vec!["a".to_owned()]));
    assert_eq!(calls[0].poll(), Poll::Ready(vec!["b".to_owned()]));
}

#[tokio::test(start_paused = true)]
async fn dropped_receiver_hands_its_wake_up_on() {
    for dropped in 0..3 {
        let memory = memory();
        let sender = sender(&memory, "q").await;
        let receiver = receiver(&memory, "q").await;
        let mut calls: Vec<_> = (0..3)
            .map(|_| Call::new(wait_for_one(Arc::clone(&receiver))))
            .collect();
        for call in &mut calls {
            call.waits();
        }
        send_texts(&*sender, &["a"]).await;
        for _ in 0..dropped {
            drop(calls.remove(0));
        }
        assert_eq!(calls[0].woken.count(), 1, "after {dropped} drops");
        assert_eq!(calls[0].poll(), Poll::Ready(vec!["a".to_owned()]));
    }
}

#[tokio::test(start_paused = true)]
async fn one_that_found_nothing_keeps_its_place() {
    let memory = memory();
    let sender = sender(&memory, "q").await;
    let receiver = receiver(&memory, "q").await;
    let mut first = Call::new(wait_for_one(Arc::clone(&receiver)));
    let mut second = Call::new(wait_for_one(Arc::clone(&receiver)));
    first.waits();
    second.waits();
    send_texts(&*sender, &["a"]).await;
    assert_eq!(texts(&*receiver).await, ["a"]);
    first.waits();
    send_texts(&*sender, &["b"]).await;
    assert_eq!(first.poll(), Poll::Ready(vec!["b".to_owned()]));
    second.waits();
}

#[tokio::test(start_paused = true)]
async fn wait_ends_at_its_deadline_with_nothing() {
    let memory = memory();
    let receiver = receiver(&memory, "q").await;
    let start = Watch::start();
    let found = receive(&*receiver, up_to(1).wait(SECOND * 20)).await;
    assert!(found.is_empty());
    assert_eq!(start.elapsed(), SECOND * 20);
}

#[tokio::test(start_paused = true)]
async fn lease_that_ends_wakes_one_of_a_thousand_once() {
    let memory = memory();
    let sender = sender(&memory, "q").await;
    let receiver = receiver(&memory, "q").await;
    let mut calls: Vec<_> = (0..1000)
        .map(|_| Call::new(wait_for_one(Arc::clone(&receiver))))
        .collect();
    send_texts(&*sender, &["a"]).await;
    assert_eq!(texts(&*receiver).await, ["a"]);
    for call in &mut calls {
        call.waits();
    }
    pass(SECOND * 299).await;
    let total = |calls: &[Call<_>]| -> usize { calls.iter().map(|call| call.woken.count()).sum() };
    assert_eq!(total(&calls), 0, "nobody wakes before the lease ends");
    pass(SECOND * 2).await;
    assert_eq!(total(&calls), 1);
    assert_eq!(calls[0].poll(), Poll::Ready(vec!["a".to_owned()]));
}

#[tokio::test(start_paused = true)]
async fn sleeping_receiver_sees_what_became_due_earlier_than_it_knew() {
    let memory = memory();
    let sender = sender(&memory, "q").await;
    let receiver = receiver(&memory, "q").await;
    let waiting = tokio::spawn(wait_for_one(Arc::clone(&receiver)));
    tokio::task::yield_now().await;
    let start = Watch::start();
    let later = Message::new("later").delay(SECOND * 50);
    send(&*sender, [later, Message::new("sooner").delay(SECOND * 5)]).await;
    assert_eq!(waiting.await.expect("no panic"), ["sooner"]);
    assert_eq!(start.elapsed().as_secs(), 5);
    assert_eq!(wait_for_one(Arc::clone(&receiver)).await, ["later"]);
    assert_eq!(start.elapsed().as_secs(), 50);
}

#[tokio::test(start_paused = true)]
async fn delayed_release_wakes_when_it_is_due_though_the_setter_of_the_alarm_is_gone() {
    let memory = memory();
    let sender = sender(&memory, "q").await;
    let receiver = receiver(&memory, "q").await;
    send_texts(&*sender, &["a"]).await;
    let delivery = receive(&*receiver, up_to(1)).await.remove(0);
    let delay = SECOND * 10;
    let mut first = Call::new(wait_for_one(Arc::clone(&receiver)));
    first.waits();
    assert_eq!(
        settle(&*receiver, &delivery, Settlement::Release { delay }).await,
        Ok(())
    );
    let second = tokio::spawn(wait_for_one(Arc::clone(&receiver)));
    tokio::task::yield_now().await;
    drop(first);
    let start = Watch::start();
    assert_eq!(second.await.expect("no panic"), ["a"]);
    assert_eq!(start.elapsed().as_secs(), 10);
}

/// Producers and receivers that are dropped at every possible poll lose nothing and stall nobody.
#[tokio::test(start_paused = true)]
async fn random_drops_lose_no_wake_up() {
    let memory = memory();
    let sender = sender(&memory, "q").await;
    let receiver: Arc<dyn Receiver> = receiver(&memory, "q").await;
    let random = relayhouse_core::SeededRandom::new(11);
    let random: &dyn relayhouse_core::Random = &random;
    let mut waiting = Vec::new();
    let (mut sent, mut received) = (0, 0);
    for _ in 0..5_000 {
        match random.below(4) {
            0 => {
                let mut call = Call::new(wait_for_one(Arc::clone(&receiver)));
                match call.poll() {
                    Poll::Ready(found) => received += found.len(),
                    Poll::Pending => waiting.push(call),
                }
            }
            1 => {
                send_texts(&*sender, &["x"]).await;
                sent += 1;
            }
            2 if !waiting.is_empty() => {
                let at = usize::try_from(random.below(waiting.len() as u64)).unwrap_or(0);
                drop(waiting.swap_remove(at));
            }
            _ => {
                waiting.retain_mut(|call| {
                    if call.woken.count() == 0 {
                        return true;
                    }
                    match call.poll() {
                        Poll::Ready(found) => {
                            received += found.len();
                            false
                        }
                        Poll::Pending => true,
                    }
                });
                let is_stalled = !waiting.is_empty() && received < sent;
                assert!(
                    !is_stalled,
                    "{sent} sent, {received} received, all woken were polled"
                );
            }
        }
    }
    received += texts(&*receiver).await.len();
    while received < sent {
        let more = texts(&*receiver).await.len();
        assert!(0 < more, "{sent} sent, {received} received");
        received += more;
    }
}

/// A timer that wakes before its time, as tokio's does when a task has used up its budget, ends
/// no lease.
#[tokio::test(start_paused = true)]
async fn early_wake_of_a_timer_ends_no_lease() {
    let memory = relayhouse_memory::Memory::builder(nervous());
    let memory = memory.build().expect("the default options");
    let sender = sender(&memory, "q").await;
    let receiver = receiver(&memory, "q").await;
    send_texts(&*sender, &["a"]).await;
    let delivery = receive(&*receiver, up_to(1)).await.remove(0);
    let mut waiting = Call::new(wait_for_one(Arc::clone(&receiver)));
    waiting.waits();
    waiting.waits();
    assert_eq!(ack(&*receiver, &delivery).await, Ok(()));
    send_texts(&*sender, &["b"]).await;
    assert_eq!(receive(&*receiver, up_to(1)).await.len(), 1);
    let waiting = tokio::spawn(wait_for_one(Arc::clone(&receiver)));
    let watch = Watch::start();
    assert_eq!(waiting.await.expect("no panic"), ["b"]);
    assert_eq!(watch.elapsed().as_secs(), 300);
}
