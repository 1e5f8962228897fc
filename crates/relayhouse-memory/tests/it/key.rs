//! Ordering keys: order within one, freedom across them.

use relayhouse_core::{Message, Settlement};

use crate::support::{
    SECOND, ack, bodies, memory, receive, receiver, send, sender, settle, texts, up_to,
};

fn keyed(key: &'static str, text: &'static str) -> Message {
    Message::new(text).ordering_key(key)
}

#[tokio::test(start_paused = true)]
async fn key_is_locked_while_one_of_it_is_leased_and_others_go_on() {
    let memory = memory();
    let sender = sender(&memory, "q").await;
    let receiver = receiver(&memory, "q").await;
    let messages = [
        keyed("a", "a1"),
        keyed("a", "a2"),
        keyed("b", "b1"),
        Message::new("x"),
    ];
    send(&*sender, messages).await;
    let first = receive(&*receiver, up_to(1)).await.remove(0);
    assert_eq!(texts(&*receiver).await, ["b1", "x"]);
    assert_eq!(ack(&*receiver, &first).await, Ok(()));
    assert_eq!(texts(&*receiver).await, ["a2"]);
}

#[tokio::test(start_paused = true)]
async fn one_receive_brings_several_of_a_key_each_key_in_turn() {
    let memory = memory();
    let sender = sender(&memory, "q").await;
    let receiver = receiver(&memory, "q").await;
    let messages = [
        keyed("a", "a1"),
        keyed("a", "a2"),
        keyed("a", "a3"),
        keyed("b", "b1"),
        keyed("b", "b2"),
    ];
    send(&*sender, messages).await;
    assert_eq!(texts(&*receiver).await, ["a1", "b1", "a2", "b2", "a3"]);
}

#[tokio::test(start_paused = true)]
async fn released_message_comes_before_its_successors_and_overtakes_none_that_is_leased() {
    let memory = memory();
    let sender = sender(&memory, "q").await;
    let receiver = receiver(&memory, "q").await;
    let messages = ["a1", "a2", "a3", "a4"].map(|text| keyed("a", text));
    send(&*sender, messages).await;
    let leased = receive(&*receiver, up_to(3)).await;
    assert_eq!(
        settle(&*receiver, &leased[1], Settlement::RELEASE).await,
        Ok(())
    );
    assert!(texts(&*receiver).await.is_empty(), "a1 and a3 are out");
    assert_eq!(ack(&*receiver, &leased[0]).await, Ok(()));
    assert!(texts(&*receiver).await.is_empty(), "a3 is out");
    assert_eq!(
        settle(&*receiver, &leased[2], Settlement::RELEASE).await,
        Ok(())
    );
    assert_eq!(texts(&*receiver).await, ["a2", "a3", "a4"]);
}

#[tokio::test(start_paused = true)]
async fn delayed_release_holds_its_key_back_and_no_other() {
    let memory = memory();
    let sender = sender(&memory, "q").await;
    let receiver = receiver(&memory, "q").await;
    send(
        &*sender,
        [keyed("a", "a1"), keyed("a", "a2"), keyed("b", "b1")],
    )
    .await;
    let first = receive(&*receiver, up_to(1)).await.remove(0);
    let delay = SECOND * 30;
    assert_eq!(
        settle(&*receiver, &first, Settlement::Release { delay }).await,
        Ok(())
    );
    assert_eq!(texts(&*receiver).await, ["b1"]);
    tokio::time::advance(SECOND * 30).await;
    assert_eq!(texts(&*receiver).await, ["a1", "a2"]);
}

#[tokio::test(start_paused = true)]
async fn expired_leases_of_a_key_come_back_in_order() {
    let memory = memory();
    let sender = sender(&memory, "q").await;
    let receiver = receiver(&memory, "q").await;
    send(&*sender, ["a1", "a2", "a3"].map(|text| keyed("a", text))).await;
    let first = receive(&*receiver, up_to(2)).await;
    tokio::time::advance(SECOND * 300).await;
    let again = receive(&*receiver, up_to(10)).await;
    assert_eq!(bodies(&again), ["a1", "a2", "a3"]);
    assert_eq!((again[0].attempt, again[2].attempt), (2, 1));
    assert!(ack(&*receiver, &first[0]).await.is_err());
    assert_eq!(ack(&*receiver, &again[0]).await, Ok(()));
}

#[tokio::test(start_paused = true)]
async fn first_of_a_key_that_expires_lets_the_next_one_out() {
    let memory = memory();
    let sender = sender(&memory, "q").await;
    let receiver = receiver(&memory, "q").await;
    let short = keyed("a", "a1").ttl(SECOND);
    let middle = keyed("a", "a3").ttl(SECOND * 2);
    send(
        &*sender,
        [short, keyed("a", "a2"), middle, keyed("a", "a4")],
    )
    .await;
    tokio::time::advance(SECOND).await;
    let first = receive(&*receiver, up_to(1)).await.remove(0);
    assert_eq!(first.message.body, "a2");
    tokio::time::advance(SECOND).await;
    assert_eq!(ack(&*receiver, &first).await, Ok(()));
    assert_eq!(texts(&*receiver).await, ["a4"]);
}

#[tokio::test(start_paused = true)]
async fn low_priorities_are_not_starved_and_keys_keep_order_over_priorities() {
    let memory = memory();
    let sender = sender(&memory, "q").await;
    let receiver = receiver(&memory, "q").await;
    let (low, high) = (
        relayhouse_core::Priority::MIN,
        relayhouse_core::Priority::MAX,
    );
    send(&*sender, [Message::new("low").priority(low)]).await;
    let highs = (0..30).map(|_| Message::new("high").priority(high));
    send(&*sender, highs).await;
    let order = texts(&*receiver).await;
    assert_eq!(order.iter().position(|text| text == "low"), Some(9));

    let keyed_low = keyed("k", "k1").priority(low);
    send(&*sender, [keyed_low, keyed("k", "k2").priority(high)]).await;
    assert_eq!(texts(&*receiver).await, ["k1", "k2"]);
}
