//! Applications that may receive, and administer nothing; and those that may nothing at all.

use std::{net::TcpListener, sync::Arc, time::Duration};

use relayhouse_core::{
    ErrorKind, Message, Operation, QueueName, Sending, Source,
    port::{Provider, ReceiverOptions},
};
use relayhouse_runtime::{Consumer, ConsumerConfig, FailurePolicy};
use relayhouse_servicebus::ServiceBus;
use servicebus_emulator::{ServiceBusEmulator, model::QueueSettings};
use tokio::sync::Notify;

const LIMIT: Duration = Duration::from_secs(60);

/// Returns an address where nobody listens.
fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

/// Sends one message to a queue, and has it handled, while nobody answers at the management API.
async fn handles(has_sessions: bool) {
    let mut settings = QueueSettings::default();
    settings.outlet.requires_session = has_sessions;
    let emulator = ServiceBusEmulator::builder().queue("orders", settings);
    let emulator = emulator.start().await.unwrap();
    let context = relayhouse_time::context().unwrap();
    let builder = ServiceBus::builder(context.clone());
    let builder = builder.connection_string(emulator.connection_string());
    let provider = builder.admin_endpoint(nobody()).build().unwrap();
    let provider: Arc<dyn Provider> = Arc::new(provider);
    let queue = "orders".parse::<QueueName>().unwrap();
    let sender = provider.sender(&queue).await.unwrap();
    let message = Message::new("order").ordering_key("7");
    let mut batch = [Sending::new(message)];
    sender.send(&mut batch).await.unwrap();
    assert!(batch[0].outcome.is_done(), "{batch:?}");
    let handled = Arc::new(Notify::new());
    let tells = Arc::clone(&handled);
    let config = ConsumerConfig {
        failure: FailurePolicy {
            delay_max: Duration::ZERO,
            ..FailurePolicy::default()
        },
        ..ConsumerConfig::default()
    };
    let consumer = Consumer::of(provider, Source::from(queue), context);
    let consumer = consumer.config(config).handler(move || {
        tells.notify_one();
        async {}
    });
    let running = consumer.start().await.unwrap();
    handled.notified().await;
    let report = running.shutdown(LIMIT).await.unwrap();
    assert_eq!(report.acked, 1, "{report:?}");
}

#[tokio::test]
async fn queue_is_received_from_without_the_management_api() {
    handles(false).await;
}

#[tokio::test]
async fn sessions_are_found_out_without_the_management_api() {
    handles(true).await;
}

#[tokio::test]
async fn wrong_key_names_what_was_tried_and_where() {
    let emulator = ServiceBusEmulator::builder().queue("orders", QueueSettings::default());
    let emulator = emulator.start().await.unwrap();
    let string = emulator.connection_string();
    let wrong = string.replace("SharedAccessKey=", "SharedAccessKey=another");
    assert_ne!(wrong, string);
    let context = relayhouse_time::context().unwrap();
    let provider = ServiceBus::builder(context).connection_string(wrong);
    let provider = provider.build().unwrap();
    let queue = "orders".parse::<QueueName>().unwrap();
    let of_sender = provider.sender(&queue).await.unwrap_err();
    let source = Source::from(queue);
    let receiver = provider.receiver(&source, ReceiverOptions::default()).await;
    for error in [of_sender, receiver.unwrap_err()] {
        assert_eq!(error.kind(), ErrorKind::Unauthorized, "{error}");
        assert_eq!(error.attempted(), Some(Operation::Open), "{error}");
        let text = format!("{error} {error:?}");
        assert!(text.contains("orders"), "{text}");
        assert!(!text.contains("another"), "{text}");
    }
}
