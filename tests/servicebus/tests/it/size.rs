//! Messages as large as the broker says, and larger ones.

use std::{num::NonZeroU32, sync::Arc, time::Duration};

use relayhouse_core::{
    ErrorKind, Message, Outcome, QueueName, Sending, Source,
    port::{Provider, ReceiveRequest, ReceiverOptions, Sender},
};
use relayhouse_servicebus::ServiceBus;
use servicebus_emulator::{ServiceBusEmulator, model::QueueSettings};

const WAIT: Duration = Duration::from_secs(10);

async fn send(sender: &dyn Sender, bytes: usize) -> Sending {
    let mut batch = [Sending::new(Message::new(vec![7; bytes]))];
    sender.send(&mut batch).await.unwrap();
    let [sent] = batch;
    sent
}

/// A queue of the Premium tier can be set to messages of far more than 256 KiB.
#[tokio::test]
async fn message_may_be_as_large_as_the_queue_takes() {
    let mut large = QueueSettings::default();
    large.intake.message_kilobytes_max = 4 * 1024;
    let emulator = ServiceBusEmulator::builder().queue("large", large);
    let emulator = emulator.queue("usual", QueueSettings::default());
    let emulator = emulator.start().await.unwrap();
    let context = relayhouse_time::context().unwrap();
    let provider = ServiceBus::builder(context).connection_string(emulator.connection_string());
    let provider: Arc<dyn Provider> = Arc::new(provider.build().unwrap());
    let [large, usual] = ["large", "usual"].map(|name| name.parse::<QueueName>().unwrap());

    let to_large = provider.sender(&large).await.unwrap();
    let max = to_large.capabilities().message_bytes_max.unwrap().get();
    let max = usize::try_from(max).unwrap();
    assert_eq!(max, (4 * 1024 - 8) * 1024);
    let sent = send(&*to_large, max).await;
    assert!(sent.outcome.is_done(), "{:?}", sent.outcome);
    let source = Source::from(large);
    let receiver = provider.receiver(&source, ReceiverOptions::default()).await;
    let receiver = receiver.unwrap();
    let request = ReceiveRequest::up_to(NonZeroU32::MIN).wait(WAIT);
    let mut received = Vec::new();
    receiver.receive(request, &mut received).await.unwrap();
    assert_eq!(received[0].message.body, vec![7; max]);

    let to_usual = provider.sender(&usual).await.unwrap();
    for (sender, bytes) in [(to_large, max + 1), (to_usual, max)] {
        let Outcome::Failed(error) = send(&*sender, bytes).await.outcome else {
            panic!("a message of {bytes} bytes was taken");
        };
        assert_eq!(error.kind(), ErrorKind::MessageTooLarge, "{error}");
    }
    provider.close().await.unwrap();
}
