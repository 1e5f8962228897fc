//! Idempotency on the local adapter, through crashes and restarts: a consumer with the layer, and
//! its keys in the file of its queue.

use std::{
    collections::BTreeMap,
    future::pending,
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use relayhouse_core::{
    Context, Message, Sending, Settlement,
    port::{Provider, ReceiveRequest, ReceiverOptions},
};
use relayhouse_local::Local;
use relayhouse_middleware::idempotency::IdempotencyLayer;
use relayhouse_runtime::{Consumer, FailurePolicy, Output, Running};
use tokio::runtime::Runtime;

const PAYMENTS: u32 = 20;
/// The lease of messages and the hold of claims: a crash is waited for so long.
const LEASE: Duration = Duration::from_secs(1);

/// Is what happened outside of all programs: which payments handlers have made.
#[derive(Clone, Default)]
struct Ledger(Arc<Mutex<Vec<u32>>>);

impl Ledger {
    fn len(&self) -> usize {
        self.0.lock().unwrap().len()
    }

    fn counts(&self) -> BTreeMap<u32, u32> {
        count(self.0.lock().unwrap().iter().copied())
    }
}

fn count(payments: impl Iterator<Item = u32>) -> BTreeMap<u32, u32> {
    let mut counts = BTreeMap::new();
    payments.for_each(|payment| *counts.entry(payment).or_default() += 1);
    counts
}

fn number(message: &Message) -> u32 {
    std::str::from_utf8(&message.body).unwrap().parse().unwrap()
}

/// One run of a program: its own runtime, its own view of the files, and a consumer of orders.
struct Program {
    runtime: Runtime,
    context: Context,
    local: Local,
    running: Running,
}

impl Program {
    /// Starts a consumer that makes each payment, and a charge of each odd one. The handler that
    /// comes to `stuck` never ends.
    fn start(directory: &Path, ledger: &Ledger, stuck: Option<u32>) -> Self {
        let runtime = Runtime::new().unwrap();
        let context = relayhouse_time::context().unwrap();
        let builder = Local::builder(context.clone(), directory);
        let local = builder.lease(LEASE).build().unwrap();
        let ledger = ledger.clone();
        let handler = move |message: Message| {
            let ledger = ledger.clone();
            async move {
                let payment = number(&message);
                if stuck == Some(payment) {
                    pending::<()>().await;
                }
                ledger.0.lock().unwrap().push(payment);
                match payment % 2 {
                    0 => Settlement::Ack,
                    _ => Settlement::forward("charges", Message::new(message.body)),
                }
            }
        };
        let running = runtime.block_on(async {
            let store = local.dedup_store(&"orders".parse().unwrap()).await.unwrap();
            let layer = IdempotencyLayer::new(store, &context).header("payment");
            let provider: Arc<dyn Provider> = Arc::new(local.clone());
            let charges = "charges".parse().unwrap();
            let charges = Output::of(Arc::clone(&provider), charges, &context).unwrap();
            let orders = "orders".parse().unwrap();
            let patient = FailurePolicy {
                attempts_max: None,
                ..FailurePolicy::default()
            };
            let consumer = Consumer::of(provider, orders, context.clone()).failure(patient);
            let consumer = consumer.layer(layer.hold(LEASE)).output(charges);
            consumer.handler(handler).start().await.unwrap()
        });
        Self {
            runtime,
            context,
            local,
            running,
        }
    }

    /// Sends a message for each payment: another one each time, with the same key.
    fn send(&self, payments: impl Iterator<Item = u32>) {
        let message = |payment: u32| {
            let body = payment.to_string();
            Sending::new(Message::new(body.clone()).header("payment", body))
        };
        let mut batch: Vec<Sending> = payments.map(message).collect();
        self.runtime.block_on(async {
            let sender = self.local.sender(&"orders".parse().unwrap()).await.unwrap();
            sender.send(&mut batch).await.unwrap();
        });
        assert!(batch.iter().all(|item| item.outcome.is_done()));
    }

    /// Waits until `done` says so: files and their threads keep real time.
    fn until(&self, done: impl Fn(&Self) -> bool) {
        let clock = &self.context.clock;
        let end = clock.now() + Duration::from_secs(60);
        while !done(self) {
            assert!(clock.now() < end, "it never came");
            self.runtime.block_on(async {
                // Nothing tells of what a consumer does but looking.
                clock
                    .sleep_until(clock.now() + Duration::from_millis(1))
                    .await;
            });
        }
    }

    fn acked(&self) -> u64 {
        self.running.report().acked
    }

    /// Returns how many messages are there, handled or not.
    fn left(&self) -> u64 {
        let admin = self.local.admin().unwrap();
        let orders = "orders".parse().unwrap();
        let stats = self.runtime.block_on(admin.stats(&orders)).unwrap();
        stats.live()
    }

    fn close(self) {
        let Self {
            runtime,
            local,
            running,
            ..
        } = self;
        runtime.block_on(async {
            running.shutdown(LEASE).await.unwrap();
            local.close().await.unwrap();
        });
    }

    /// Ends as a program does that crashes: nothing is closed, and what was leased or claimed
    /// stays so.
    fn crash(self) {
        let Self {
            runtime, running, ..
        } = self;
        runtime.shutdown_background();
        std::mem::forget(running);
    }
}

/// Opens the directory when no program uses it any more, and returns the charges of each payment.
fn charges(directory: &Path) -> BTreeMap<u32, u32> {
    let context = relayhouse_time::context().unwrap();
    let local = Local::builder(context, directory).build().unwrap();
    Runtime::new().unwrap().block_on(async {
        let options = ReceiverOptions::default();
        // What a crash has left of a transaction is finished when its source is opened.
        let orders = local.receiver(&"orders".parse().unwrap(), options).await;
        let charges = local.receiver(&"charges".parse().unwrap(), options).await;
        let (orders, charges) = (orders.unwrap(), charges.unwrap());
        let mut deliveries = Vec::new();
        let request = ReceiveRequest::up_to(1000.try_into().unwrap());
        orders.receive(request, &mut deliveries).await.unwrap();
        assert!(deliveries.is_empty(), "all orders were handled");
        charges.receive(request, &mut deliveries).await.unwrap();
        local.close().await.unwrap();
        count(deliveries.iter().map(|it| number(&it.message)))
    })
}

fn once(payments: impl Iterator<Item = u32>) -> BTreeMap<u32, u32> {
    payments.map(|payment| (payment, 1)).collect()
}

#[test]
fn what_is_done_is_skipped_by_the_program_after_the_crash() {
    const STUCK: u32 = 7;
    let (directory, ledger) = (tempfile::tempdir().unwrap(), Ledger::default());
    let others = || (0..PAYMENTS).filter(|payment| *payment != STUCK);
    let program = Program::start(directory.path(), &ledger, Some(STUCK));
    program.send(0..PAYMENTS);
    program.until(|it| it.acked() == u64::from(PAYMENTS) - 1);
    program.send(others());
    program.until(|it| it.acked() == 2 * (u64::from(PAYMENTS) - 1));
    assert_eq!(ledger.counts(), once(others()), "copies are skipped");
    program.crash();

    let program = Program::start(directory.path(), &ledger, None);
    program.send(0..PAYMENTS);
    // The copies, and the message that the crash has left.
    program.until(|it| it.acked() == u64::from(PAYMENTS) + 1);
    program.close();
    assert_eq!(ledger.counts(), once(0..PAYMENTS), "none is made twice");
    let odd = (0..PAYMENTS).filter(|payment| payment % 2 == 1);
    assert_eq!(charges(directory.path()), once(odd));
}

#[test]
fn answers_are_sent_once_wherever_programs_end() {
    let (directory, ledger) = (tempfile::tempdir().unwrap(), Ledger::default());
    for crash in 0..3 {
        let program = Program::start(directory.path(), &ledger, None);
        let enough = ledger.len() + 4 * crash;
        let first = PAYMENTS * u32::try_from(crash).unwrap();
        program.send(first..first + PAYMENTS);
        program.until(|_| enough < ledger.len());
        program.crash();
    }
    let program = Program::start(directory.path(), &ledger, None);
    let all = 0..3 * PAYMENTS;
    program.send(all.clone());
    program.until(|it| it.left() == 0);
    program.close();
    // A handler may have run again, since what it did came before its answer.
    assert!(ledger.counts().into_keys().eq(all.clone()), "none is lost");
    let odd = all.filter(|payment| payment % 2 == 1);
    assert_eq!(charges(directory.path()), once(odd));
}
