//! An emulator, a proxy before it, and an adapter with a queue there.

use std::{collections::HashSet, num::NonZeroU32, ops::Deref, sync::Arc, time::Duration};

use relayhouse_conformance::{Route, ServiceBusHarness};
use relayhouse_core::{Attempts, Context, Source, port::QueueConfig};
use relayhouse_load::{Load, Outcome, Record};
use relayhouse_runtime::{FailurePolicy, Running};
use relayhouse_testkit::{
    Harness as _,
    oracle::{Copies, Extensions, Leases, Rules, Watch},
};
use tokio::runtime::Builder;

/// The lease of every queue here.
pub(crate) const LEASE: Duration = Duration::from_secs(30);

/// No message is delivered as often as that.
const ATTEMPTS_MAX: NonZeroU32 = NonZeroU32::new(1_000).unwrap();

/// A copy of a message that was sent again is dropped within this time.
const DEDUP_WINDOW: Duration = Duration::from_secs(24 * 60 * 60);

/// The ordering keys on a queue with sessions.
const KEYS: u64 = 40;

/// Is a kind of queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Plain,
    Sessions,
}

/// Is everything that one test has.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) harness: ServiceBusHarness,
    /// The provider goes through the proxy.
    pub(crate) load: Load,
}

impl Deref for World {
    type Target = Load;

    fn deref(&self) -> &Load {
        &self.load
    }
}

/// Runs `work` in a world of its own, with a queue of `kind`, whose chance is drawn from `seed`, on
/// one thread whose time jumps when nothing can go on.
pub(crate) fn simulate<T>(kind: Kind, seed: u64, work: impl AsyncFnOnce(World) -> T) -> T {
    let mut builder = Builder::new_current_thread();
    let runtime = builder.enable_all().start_paused(true).build().unwrap();
    runtime.block_on(async { work(World::new(kind, seed).await).await })
}

impl World {
    async fn new(kind: Kind, seed: u64) -> Self {
        let harness = ServiceBusHarness::seeded("orders", kind == Kind::Sessions, seed).await;
        let harness = harness.unwrap();
        let config = QueueConfig {
            lease: Some(LEASE),
            attempts_max: Some(ATTEMPTS_MAX),
            dedup_window: Some(DEDUP_WINDOW),
            ..QueueConfig::default()
        };
        let right = harness.context();
        let direct = harness.provider_with(right, Route::Direct).unwrap();
        let queue = harness.queue(&*direct, &config).await.unwrap();
        let source = Source::queue(queue.clone());
        let watch = Arc::new(Watch::new(&source, Rules::default()));
        let record = Arc::new(Record::new(Arc::clone(&watch)));
        let context: Context = harness.context().observer(Arc::clone(&record) as _);
        let provider = harness.provider_with(context.clone(), Route::Proxied);
        let load = Load {
            provider: provider.unwrap(),
            rules: Rules {
                // Locks end with their link, and the broker counts what was lost on its way.
                leases: Leases::MayEndEarly,
                extensions: match kind {
                    Kind::Plain => Extensions::Told,
                    Kind::Sessions => Extensions::Untold,
                },
                attempts: Attempts::Approximate,
                copies: Copies::Dropped,
                ..Rules::of(&harness.capabilities(&*direct))
            },
            direct,
            context,
            queue,
            source,
            keys: (kind == Kind::Sessions).then_some(KEYS),
            failure: FailurePolicy {
                // A session holds nothing back.
                delay_max: match kind {
                    Kind::Plain => FailurePolicy::default().delay_max,
                    Kind::Sessions => Duration::ZERO,
                },
                ..FailurePolicy::default()
            },
            lease: LEASE,
            watch,
            record,
        };
        // Nothing was watched so far; from now on the rules are known.
        drop(load.verdict(0));
        Self { harness, load }
    }

    /// Waits until nothing is left, and tells what was found.
    pub(crate) async fn finish(&self, running: Running) -> Outcome {
        self.load.finish(running, HashSet::new).await
    }
}
