//! The README's program, on files, on Amazon SQS and on Azure Service Bus, with nothing changed but
//! the URL.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use relayhouse::{Event, Instant, Observer, Registry, Settlement, runtime::Report, time};
use sqs_emulator::{ManualClock, SqsEmulator};
use tokio::{select, sync::Notify};

use crate::{amazon, azure};

#[path = "../../examples/switch_provider.rs"]
#[expect(dead_code, reason = "its `main` and its URL are for who runs it")]
mod example;

const README: &str = include_str!("../../../../README.md");
const EXAMPLE: &str = include_str!("../../examples/switch_provider.rs");

/// Hears what became of each message.
#[derive(Debug, Default)]
struct Heard {
    settled: Mutex<Vec<(String, u32, bool)>>,
    one: Notify,
}

impl Observer for Heard {
    fn observe(&self, _: Instant, events: &[Event<'_>]) {
        for event in events {
            if let Event::Settled {
                delivery,
                settlement,
                result: Ok(()),
                ..
            } = event
            {
                let body = String::from_utf8_lossy(&delivery.message.body).into_owned();
                let is_acked = matches!(settlement, Settlement::Ack);
                let settled = (body, delivery.attempt, is_acked);
                self.settled.lock().unwrap().push(settled);
                self.one.notify_one();
            }
        }
    }
}

/// Runs the example on the queue at `url`, until its message is settled.
async fn run(registry: &Registry, heard: &Heard, url: &str, emulated: &ManualClock) -> Report {
    let queue = registry.open(url).await.unwrap();
    let clock = &*queue.context().clock;
    let is_stopping = Notify::new();
    let program = example::run(&queue, async {
        heard.one.notified().await;
        is_stopping.notify_one();
    });
    // A receive that waits is waited for: its time passes at once.
    let time = async {
        is_stopping.notified().await;
        loop {
            emulated.advance(Duration::from_secs(1));
            clock
                .sleep_until(clock.now() + Duration::from_millis(1))
                .await;
        }
    };
    let report = select! {
        report = program => report.unwrap(),
        () = time => unreachable!("time does not end"),
    };
    let stats = queue.admin().unwrap().stats(queue.source()).await.unwrap();
    assert_eq!((stats.live(), stats.dead), (0, 0));
    queue.close().await.unwrap();
    report
}

#[tokio::test]
async fn same_program_does_the_same_on_every_provider() {
    let directory = tempfile::tempdir().unwrap();
    let emulated = ManualClock::new();
    let emulator = SqsEmulator::builder().clock(emulated.clone());
    let emulator = emulator.start().await.unwrap();
    let servicebus = azure::builder().start().await.unwrap();
    let heard = Arc::new(Heard::default());
    let context = time::context().unwrap().observer(Arc::clone(&heard) as _);
    let registry = amazon::registry(&emulator, context);
    let files = format!("local:{}/orders", directory.path().display());
    let queue = azure::url(&servicebus);
    for url in [&*files, "sqs://us-east-1/orders?create=true", &queue] {
        let report = run(&registry, &heard, url, &emulated).await;
        assert_eq!((report.received, report.acked, report.failed), (1, 1, 0));
        let settled = heard.settled.lock().unwrap().pop().unwrap();
        assert_eq!(settled, (r#"{"id":7,"total":1999}"#.to_owned(), 1, true));
    }
    emulator.close().await;
    servicebus.close().await;
}

/// All is the same up to what names the queue, and from there up to what says when it ends.
#[test]
fn program_is_the_one_of_the_readme() {
    let squeezed = |text: &str| text.split_whitespace().collect::<String>();
    let (_, program) = README.split_once("```rust,no_run\n").unwrap();
    let (program, _) = program.split_once("```").unwrap();
    let program = squeezed(program);
    let (start, rest) = program.split_once("\"local:./queues/orders\")").unwrap();
    let (rest, _) = rest.split_once(".run_until(ctrl_c())").unwrap();
    let rest = rest.strip_prefix(".await?;").unwrap();
    let example = squeezed(EXAMPLE);
    for part in [start, rest] {
        assert!(example.contains(part), "{part}\nis not in\n{example}");
    }
}
