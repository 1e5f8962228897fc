//! Azure Service Bus by URL: the emulator, in this process.

use std::{
    future::{pending, ready},
    time::Duration,
};

use relayhouse::{
    Message, Settlement, extract::Attempt, runtime::ConsumerConfig, servicebus::Preset,
};
use servicebus_emulator::{Builder, ServiceBusEmulator, model::QueueSettings};
use tokio::sync::mpsc::channel;

/// Sets up an emulator that has the queue `orders`.
pub(crate) fn builder() -> Builder {
    ServiceBusEmulator::builder().queue("orders", QueueSettings::default())
}

/// Returns the URL of its queue, with all that is set elsewhere in earnest.
pub(crate) fn url(emulator: &ServiceBusEmulator) -> String {
    let quoted = |text: &str| {
        let bytes = text.bytes().map(|byte| format!("%{byte:02X}"));
        bytes.collect::<String>()
    };
    format!(
        "servicebus:///orders?connection_string={}&admin_endpoint={}",
        quoted(&emulator.connection_string()),
        quoted(emulator.http_endpoint()),
    )
}

/// Every preset is read as what the runtime can be set to.
#[test]
fn presets_are_options_of_the_runtime() {
    for preset in Preset::ALL {
        let options = preset.consumer();
        let config: ConsumerConfig = options.params().unwrap().read().unwrap();
        assert_eq!(config.concurrency, options.concurrency);
        assert_eq!(config.prefetch_max, options.prefetch_max);
        assert_eq!(config.lease_total_max, options.lease_total_max);
        let sessions = options.sessions;
        assert_eq!(config.sessions_max, sessions.map(|it| it.sessions_max));
        let age = sessions.map_or(ConsumerConfig::default().session_age_max, |it| {
            it.session_age_max
        });
        assert_eq!(config.session_age_max, age);
    }
}

/// A consumer of the preset takes what its handlers have and one message more, and leaves the rest
/// to others.
#[tokio::test]
async fn low_latency_takes_no_more_than_it_says() {
    const MESSAGES: usize = 20;
    const TAKEN: usize = 4 + 1;
    let emulator = builder().start().await.unwrap();
    let queue = relayhouse::open(&format!("{}&preset=low_latency", url(&emulator))).await;
    let queue = queue.unwrap();
    let orders = (0..MESSAGES).map(|_| Message::new("an order"));
    for sent in queue.producer().send_all(orders).await {
        sent.unwrap();
    }
    let (begins, mut begun) = channel(MESSAGES);
    let config: ConsumerConfig = Preset::LowLatency
        .consumer()
        .params()
        .unwrap()
        .read()
        .unwrap();
    let slow = queue.consumer().config(config).handler(move |_: Attempt| {
        begins.try_send(()).unwrap();
        pending::<Settlement>()
    });
    let slow = slow.start().await.unwrap();
    for _ in 0..TAKEN - 1 {
        begun.recv().await.unwrap();
    }

    let (acks, mut acked) = channel(MESSAGES);
    let quick = queue.consumer().handler(move |_: Attempt| {
        acks.try_send(()).unwrap();
        ready(Settlement::Ack)
    });
    let quick = quick.start().await.unwrap();
    for _ in 0..MESSAGES - TAKEN {
        acked.recv().await.unwrap();
    }
    assert!(begun.try_recv().is_err(), "a fifth handler began");
    quick.shutdown(Duration::from_secs(5)).await.unwrap();
    drop(slow);
    queue.close().await.unwrap();
    emulator.close().await;
}
