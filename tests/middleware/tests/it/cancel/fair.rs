//! Fair shares: a handler that is dropped frees the place of its key.

use std::{
    num::NonZeroU32,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use relayhouse_core::{Delivery, Error, Sending, Settlement, port::Provider};
use relayhouse_memory::Memory;
use relayhouse_middleware::fair::{Fair, FairConfig};
use relayhouse_runtime::Consumer;
use tokio::sync::Semaphore;
use tower::service_fn;

use crate::cancel::harness::{STEP, context, message, pass};

const MESSAGES: u32 = 3;
/// How many steps a handler takes, of twice the length: it is dropped in the middle of one.
const STEPS: u32 = 3;

/// The handlers of a key, of which one may run at a time, are dropped at their first, their second
/// and their last step: each time the next one starts.
#[tokio::test(start_paused = true)]
async fn dropped_handler_frees_the_place_of_its_key() {
    for steps in 0..=STEPS {
        let context = context();
        let memory = Memory::builder(context.clone()).build().unwrap();
        let sender = memory.sender(&"orders".parse().unwrap()).await.unwrap();
        let mut batch = [(); MESSAGES as usize].map(|()| Sending::new(message()));
        sender.send(&mut batch).await.unwrap();

        let (running, dropped) = (Arc::<AtomicU32>::default(), Arc::<AtomicU32>::default());
        let done = Arc::new(Semaphore::new(0));
        let handler = {
            let (context, running, dropped) = (context.clone(), running, Arc::clone(&dropped));
            let done = Arc::clone(&done);
            service_fn(move |delivery: Delivery| {
                let handler = Handler::begin(&running, &dropped);
                let (context, done) = (context.clone(), Arc::clone(&done));
                async move {
                    // The first time it is too slow.
                    let steps = if delivery.attempt == 1 { STEPS } else { 0 };
                    for _ in 0..steps {
                        pass(&context, 2 * STEP).await;
                    }
                    handler.end();
                    done.add_permits(1);
                    Ok::<_, Error>(Settlement::Ack)
                }
            })
        };
        let config = FairConfig {
            concurrency_max: Some(NonZeroU32::MIN),
            ..FairConfig::default()
        };
        let consumer = Consumer::of(Arc::new(memory), "orders".parse().unwrap(), context.clone())
            .dispatch(Fair::by(|_| Some("acme".into())).config(config))
            .handler_timeout(2 * STEP * steps + STEP)
            .service(handler);
        let stop = async {
            let late = pass(&context, Duration::from_secs(60));
            let all = done.acquire_many(MESSAGES);
            tokio::select! {
                all = all => all.unwrap().forget(),
                () = late => panic!("a place was not freed after {steps} steps"),
            }
        };
        let report = consumer.run_until(stop).await.unwrap();
        assert_eq!(report.acked, u64::from(MESSAGES));
        let expected = if steps < STEPS { MESSAGES } else { 0 };
        assert_eq!(dropped.load(Ordering::Relaxed), expected);
    }
}

/// Is one handler: no two run at a time.
struct Handler {
    running: Arc<AtomicU32>,
    dropped: Arc<AtomicU32>,
    has_ended: bool,
}

impl Handler {
    fn begin(running: &Arc<AtomicU32>, dropped: &Arc<AtomicU32>) -> Self {
        assert_eq!(
            running.fetch_add(1, Ordering::Relaxed),
            0,
            "two run at a time"
        );
        Self {
            running: Arc::clone(running),
            dropped: Arc::clone(dropped),
            has_ended: false,
        }
    }

    fn end(mut self) {
        self.has_ended = true;
    }
}

impl Drop for Handler {
    fn drop(&mut self) {
        self.running.fetch_sub(1, Ordering::Relaxed);
        self.dropped
            .fetch_add(u32::from(!self.has_ended), Ordering::Relaxed);
    }
}
