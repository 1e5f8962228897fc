//! A consumer that is killed with -9 while it holds locks: its messages come again when those end.

use std::{
    io::{BufRead, BufReader},
    num::NonZeroU32,
    process::{Child, Command, Stdio},
    sync::Arc,
    time::{Duration, UNIX_EPOCH},
};

use relayhouse_core::{
    Delivery, Message, QueueName, Sending, Source,
    port::{Provider, ReceiveRequest, Receiver, ReceiverOptions},
};
use relayhouse_servicebus::ServiceBus;
use servicebus_emulator::{ManualClock, ServiceBusEmulator, model::QueueSettings};

const QUEUE: &str = "orders";
const HELD: u32 = 100;
const LOCK: Duration = Duration::from_secs(60);

/// Is a consumer in a process of its own.
struct Holder(Child);

impl Holder {
    /// Starts it, and waits until it holds messages.
    fn start(emulator: &ServiceBusEmulator, messages: u32) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_holder"))
            .args([&emulator.connection_string(), QUEUE, &messages.to_string()])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let held = stdout.lines().take(messages as usize).map(Result::unwrap);
        assert_eq!(held.count(), messages as usize, "the consumer has ended");
        Self(child)
    }
}

impl Drop for Holder {
    /// Kills the process, which so has no say in how it ends.
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

async fn receive(receiver: &dyn Receiver) -> Vec<Delivery> {
    let mut deliveries = Vec::new();
    loop {
        let before = deliveries.len();
        let max = NonZeroU32::new(HELD).unwrap();
        let request = ReceiveRequest::up_to(max);
        receiver.receive(request, &mut deliveries).await.unwrap();
        if deliveries.len() == before {
            return deliveries;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_killed_consumer_held_comes_again_with_one_attempt_more() {
    let context = relayhouse_time::context().unwrap();
    let now = context.clock.wall().as_micros();
    let clock = ManualClock::at(UNIX_EPOCH + Duration::from_micros(now));
    let mut settings = QueueSettings::default();
    settings.outlet.lock_duration = LOCK;
    let emulator = ServiceBusEmulator::builder()
        .queue(QUEUE, settings)
        .clock(clock.clone())
        .start()
        .await
        .unwrap();
    let string = emulator.connection_string();
    let provider = ServiceBus::builder(context).connection_string(string);
    let provider: Arc<dyn Provider> = Arc::new(provider.build().unwrap());
    let queue = QUEUE.parse::<QueueName>().unwrap();
    let sender = provider.sender(&queue).await.unwrap();
    let message = |number: u32| Sending::new(Message::new(number.to_string()));
    let mut batch: Vec<_> = (0..HELD).map(message).collect();
    sender.send(&mut batch).await.unwrap();
    assert!(batch.iter().all(|item| item.outcome.is_done()));
    drop(Holder::start(&emulator, HELD));
    let options = ReceiverOptions::default();
    let source = Source::from(queue);
    let receiver = provider.receiver(&source, options).await.unwrap();
    let early = receive(&*receiver).await;
    assert!(early.is_empty(), "the locks outlast the process: {early:?}");
    clock.advance(LOCK);
    let again = receive(&*receiver).await;
    let mut numbers: Vec<u32> = again
        .iter()
        .map(|it| {
            std::str::from_utf8(&it.message.body)
                .unwrap()
                .parse()
                .unwrap()
        })
        .collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (0..HELD).collect::<Vec<_>>());
    assert!(again.iter().all(|delivery| delivery.attempt == 2));
}
