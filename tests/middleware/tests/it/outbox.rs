//! An outbox on the local adapter, through outages and ends of the program.

use std::{path::Path, sync::Arc, time::Duration};

use relayhouse_core::{
    Capabilities, Context, ErrorKind, Message, Sending, Support,
    port::{Provider, ReceiverOptions, Sender},
};
use relayhouse_local::Local;
use relayhouse_middleware::outbox::{Outbox, OutboxConfig};
use relayhouse_testkit::hostile::{Call, HostileSender, Script};
use tokio::runtime::Runtime;

const MESSAGES: u32 = 60;
const KEYS: u32 = 4;
const LEASE: Duration = Duration::from_millis(500);

const ORDERED: Capabilities = Capabilities {
    key_order: Support::Native,
    dedup: Support::Native,
    ..Capabilities::NONE
};

/// One run of a program: its own runtime, its own view of the files, and a broker.
struct Program {
    runtime: Runtime,
    context: Context,
    local: Local,
    broker: Arc<HostileSender>,
    outbox: Outbox,
}

impl Program {
    fn start(directory: &Path, script: Script) -> Self {
        let runtime = Runtime::new().unwrap();
        let context = relayhouse_time::context().unwrap();
        let local = Local::builder(context.clone(), directory).build().unwrap();
        let orders = "orders".parse().unwrap();
        let clock = Arc::clone(&context.clock);
        let broker = Arc::new(HostileSender::new(orders, ORDERED, clock, script));
        let to: Arc<dyn Sender> = Arc::<HostileSender>::clone(&broker);
        let outbox = runtime.block_on(async {
            let store = local.sender(&"outbox".parse().unwrap()).await.unwrap();
            let options = ReceiverOptions { lease: Some(LEASE) };
            let source = "outbox".parse().unwrap();
            let stored = local.receiver(&source, options).await.unwrap();
            let config = OutboxConfig {
                send_timeout: LEASE / 2,
                delay_first: Duration::from_millis(1),
                delay_max: Duration::from_millis(5),
                ..OutboxConfig::default()
            };
            let builder = Outbox::builder(store, stored, to).config(config);
            builder.start(&context).await.unwrap()
        });
        Self {
            runtime,
            context,
            local,
            broker,
            outbox,
        }
    }

    fn send(&self, numbers: std::ops::Range<u32>) {
        let messages = numbers.map(|number| {
            let message = Message::new(number.to_string()).id(u128::from(number));
            Sending::new(message.ordering_key(format!("key-{}", number % KEYS)))
        });
        let mut batch: Vec<Sending> = messages.collect();
        let sender = self.outbox.sender();
        self.runtime.block_on(sender.send(&mut batch)).unwrap();
        assert!(batch.iter().all(|item| item.outcome.is_done()));
    }

    /// Waits until `done` says so: files and their threads keep real time.
    fn until(&self, done: impl Fn(&Self) -> bool) {
        let clock = &self.context.clock;
        let end = clock.now() + Duration::from_secs(60);
        self.runtime.block_on(async {
            while !done(self) {
                assert!(clock.now() < end, "it never came");
                // Nothing tells of a broker's calls but looking.
                clock
                    .sleep_until(clock.now() + Duration::from_millis(1))
                    .await;
            }
        });
    }

    fn taken(&self) -> Vec<u32> {
        let number = |message: &Message| std::str::from_utf8(&message.body).unwrap().parse();
        let taken = self.broker.taken();
        taken.iter().map(number).collect::<Result<_, _>>().unwrap()
    }

    fn close(&self) {
        self.runtime.block_on(async {
            self.outbox.close().await.unwrap();
            self.local.close().await.unwrap();
        });
    }

    /// Ends as a program does that crashes: nothing is closed, and what was leased stays so.
    fn crash(self) {
        let Self {
            runtime, outbox, ..
        } = self;
        runtime.shutdown_background();
        std::mem::forget(outbox);
    }
}

fn outage() -> Script {
    (0..10_000).fold(Script::new(), |script, _| {
        script.then(Call::fails(ErrorKind::ConnectionFailed))
    })
}

/// Checks that each message arrived, and those of a key in their order, copies aside.
fn check(mut taken: Vec<u32>) {
    let mut seen = std::collections::BTreeSet::new();
    taken.retain(|number| seen.insert(*number));
    assert!(seen.into_iter().eq(0..MESSAGES));
    for key in 0..KEYS {
        let of_key = taken.iter().filter(|number| *number % KEYS == key);
        assert!(of_key.is_sorted(), "{taken:?}");
    }
}

#[test]
fn outbox_survives_an_outage_and_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let program = Program::start(directory.path(), outage());
    program.send(0..MESSAGES / 2);
    program.until(|it| 3 < it.outbox.gauges().failures);
    program.close();
    assert!(program.taken().is_empty());

    let program = Program::start(directory.path(), Script::new());
    program.send(MESSAGES / 2..MESSAGES);
    program.until(|it| it.taken().len() == MESSAGES as usize);
    program.close();
    let taken = program.taken();
    assert_eq!(taken.len(), MESSAGES as usize, "none twice");
    check(taken);
}

#[test]
fn outbox_survives_a_crash_in_the_middle_of_a_send() {
    let directory = tempfile::tempdir().unwrap();
    let program = Program::start(directory.path(), Script::new().then(Call::hangs()));
    program.send(0..MESSAGES);
    program.until(|it| !it.broker.batches().is_empty());
    program.crash();

    let program = Program::start(directory.path(), Script::new());
    program.until(|it| MESSAGES as usize <= it.taken().len());
    program.close();
    check(program.taken());
}
