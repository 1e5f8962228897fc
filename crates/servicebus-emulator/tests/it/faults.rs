//! What goes wrong on purpose.

use std::time::Duration;

use fe2o3_amqp::{
    Sender,
    types::{
        messaging::{Body, Message, Outcome},
        primitives::Value,
    },
};
use servicebus_emulator::{Fault, ManualClock, Operation, ServiceBusEmulator, Times};

use crate::client::{Asking, Client, builder, data, kept, map, receive, send};

fn inject(emulator: &ServiceBusEmulator, operation: Operation, fault: Fault) {
    emulator
        .faults()
        .inject(operation, fault, Times::Next(1))
        .unwrap();
}

#[tokio::test]
async fn sends_are_throttled_doubled_and_left_without_an_answer() {
    let emulator = builder().start().await.unwrap();
    let mut client = Client::connect(&emulator).await;
    let mut sender = client.sender("orders").await;
    inject(&emulator, Operation::Send, Fault::Throttle);
    let message = || Message::builder().data(b"it".to_vec()).build();
    let Outcome::Rejected(rejected) = sender.send(message()).await.unwrap() else {
        panic!("it is not rejected");
    };
    let condition = format!("{:?}", rejected.error.unwrap().condition);
    assert!(
        condition.contains("com.microsoft:server-busy"),
        "{condition}"
    );
    assert_eq!(kept(&emulator, "orders").len(), 0);

    inject(&emulator, Operation::Send, Fault::Duplicate);
    send(&mut sender, b"it").await;
    assert_eq!(kept(&emulator, "orders").len(), 2);

    inject(&emulator, Operation::Send, Fault::DropAnswer);
    let unanswered = sender.send_batchable(message()).await.unwrap();
    send(&mut sender, b"it").await;
    assert_eq!(kept(&emulator, "orders").len(), 4);
    drop(unanswered);
    client.close().await;
}

#[tokio::test]
async fn locks_are_lost_before_their_time() {
    let emulator = builder().start().await.unwrap();
    let mut client = Client::connect(&emulator).await;
    let mut sender = client.sender("orders").await;
    send(&mut sender, b"it").await;
    let mut receiver = client.receiver("orders").await;
    for (operation, count) in [(Operation::Settle, 1), (Operation::Deliver, 2)] {
        inject(&emulator, operation, Fault::LoseLock);
        let received = receive(&mut receiver).await;
        receiver.accept(&received).await.unwrap();
        let again = receive(&mut receiver).await;
        assert_eq!(data(&again), b"it");
        assert_eq!(
            again.message().header.as_ref().unwrap().delivery_count,
            count
        );
        receiver.release(&again).await.unwrap();
    }
    client.close().await;
}

#[tokio::test]
async fn links_are_detached_and_refused() {
    let emulator = builder().start().await.unwrap();
    let mut client = Client::connect(&emulator).await;
    inject(&emulator, Operation::Attach, Fault::Throttle);
    let refused = Sender::attach(&mut client.session, "busy", "orders")
        .await
        .unwrap_err();
    let refused = format!("{refused:?}");
    assert!(refused.contains("com.microsoft:server-busy"), "{refused}");
    drop(client);
    let mut client = Client::connect(&emulator).await;
    let mut sender = client.sender("orders").await;
    send(&mut sender, b"it").await;
    inject(&emulator, Operation::Deliver, Fault::Detach);
    let mut receiver = client.receiver("orders").await;
    let received = receive(&mut receiver).await;
    assert_eq!(data(&received), b"it");
    let detached = receiver.recv::<Body<Value>>().await;
    let detached = format!("{:?}", detached.unwrap_err());
    assert!(detached.contains("Detach"), "{detached}");
    drop(client);
}

#[tokio::test]
async fn connections_break_off() {
    let emulator = builder().start().await.unwrap();
    let mut client = Client::connect(&emulator).await;
    let mut sender = client.sender("orders").await;
    inject(&emulator, Operation::Send, Fault::Cut);
    let message = Message::builder().data(b"it".to_vec()).build();
    let ended = tokio::select! {
        sent = sender.send(message) => sent.is_err(),
        closed = client.closed() => closed.is_err(),
    };
    assert!(ended);
    assert_eq!(kept(&emulator, "orders"), []);
    drop(client);
    let mut client = Client::connect(&emulator).await;
    let mut sender = client.sender("orders").await;
    send(&mut sender, b"it").await;
    client.close().await;
}

#[tokio::test]
async fn what_is_delayed_is_done_when_time_has_passed() {
    let clock = ManualClock::new();
    let emulator = builder().clock(clock.clone()).start().await.unwrap();
    let mut client = Client::connect(&emulator).await;
    let mut sender = client.sender("orders").await;
    inject(
        &emulator,
        Operation::Send,
        Fault::Delay(Duration::from_secs(5)),
    );
    let message = |body: &[u8]| Message::builder().data(body.to_vec()).build();
    let late = sender.send_batchable(message(b"late")).await.unwrap();
    send(&mut sender, b"soon").await;
    assert_eq!(kept(&emulator, "orders").len(), 1);
    clock.advance(Duration::from_secs(5));
    assert!(late.await.unwrap().is_accepted());
    assert_eq!(kept(&emulator, "orders").len(), 2);
    client.close().await;
}

#[tokio::test]
async fn faults_that_mean_nothing_are_refused() {
    let emulator = builder().start().await.unwrap();
    let refused = emulator
        .faults()
        .inject(Operation::Attach, Fault::LoseLock, Times::Always);
    let refused = refused.unwrap_err().to_string();
    assert_eq!(
        refused,
        "cannot inject fault: LoseLock does not happen to Attach"
    );
}

#[tokio::test]
async fn settlement_that_is_throttled_is_not_done() {
    let clock = ManualClock::new();
    let emulator = builder().clock(clock.clone()).start().await.unwrap();
    let mut client = Client::connect(&emulator).await;
    let mut sender = client.sender("orders").await;
    send(&mut sender, b"it").await;
    let mut receiver = client.receiver("orders").await;
    let received = receive(&mut receiver).await;
    inject(&emulator, Operation::Settle, Fault::Throttle);
    receiver.accept(&received).await.unwrap();
    // What is sent after it is done after it.
    send(&mut sender, b"next").await;
    assert_eq!(kept(&emulator, "orders").len(), 2);
    clock.advance(Duration::from_secs(60));
    let again = receive(&mut receiver).await;
    assert_eq!(data(&again), b"it");
    receiver.accept(&again).await.unwrap();
    client.close().await;
    assert_eq!(kept(&emulator, "orders").len(), 1);
}

#[tokio::test]
async fn settlement_without_an_answer_is_done() {
    let emulator = builder().start().await.unwrap();
    let mut client = Client::connect(&emulator).await;
    let mut sender = client.sender("orders").await;
    send(&mut sender, b"it").await;
    let mut receiver = client.receiver("orders").await;
    let received = receive(&mut receiver).await;
    inject(&emulator, Operation::Settle, Fault::DropAnswer);
    receiver.accept(&received).await.unwrap();
    client.close().await;
    assert_eq!(kept(&emulator, "orders"), []);
}

#[tokio::test]
async fn requests_are_throttled_and_left_without_an_answer() {
    let emulator = builder().start().await.unwrap();
    let mut client = Client::connect(&emulator).await;
    let mut sender = client.sender("orders").await;
    send(&mut sender, b"it").await;
    let mut asking = Asking::attach(&mut client, "orders/$management").await;
    let peek = || {
        map([
            ("from-sequence-number", Value::Long(1)),
            ("message-count", Value::Int(1)),
        ])
    };
    inject(&emulator, Operation::Request, Fault::Throttle);
    let refused = asking.put("com.microsoft:peek-message", [], peek()).await;
    let refused = format!("{refused:?}");
    assert!(refused.contains("com.microsoft:server-busy"), "{refused}");

    inject(&emulator, Operation::Request, Fault::DropAnswer);
    let cancel = map([("sequence-numbers", Value::from(vec![7_i64]))]);
    let unanswered = asking.put("com.microsoft:cancel-scheduled-message", [], cancel);
    assert!(unanswered.await.is_accepted());
    // The one answer is that to the next question.
    let answer = asking.ask("com.microsoft:peek-message", peek()).await;
    assert_eq!(answer.status, 200);
    assert!(answer.body.contains_key("messages"));
    client.close().await;
}
