//! The one timer of all calls that are pending.

use std::{future::pending, time::Duration};

use relayhouse_core::{Clock, Error, ErrorKind, Message, Result, Sent};
use relayhouse_schedules::timeout::TimeoutLayer;
use shuttle::future::{spawn, yield_now};
use tower::{Layer, ServiceExt, service_fn};

use crate::support::{SECOND, Time, clock, context, explore, join, message, poll_and_drop};

const LIMIT: Duration = SECOND;

/// Makes a call that ends after so many steps, or hangs.
async fn call(layer: TimeoutLayer, steps: Option<u32>) -> Result<Sent> {
    let service = service_fn(move |_: Message| async move {
        match steps {
            Some(steps) => {
                for _ in 0..steps {
                    yield_now().await;
                }
                Ok::<_, Error>(Sent::default())
            }
            None => pending().await,
        }
    });
    layer.layer(service).oneshot(message()).await
}

/// Calls that hang end at their time, however others end, leave or come in between: whoever was
/// woken to look at the timer, and is gone by then, has passed that on.
#[test]
fn every_call_that_hangs_is_late_at_its_time() {
    explore(|| {
        let clock = clock();
        let layer = TimeoutLayer::new(LIMIT, &context(&clock));
        let hanging = (0..3_u32).map(|number| {
            let (layer, clock) = (layer.clone(), clock.clone());
            // Their deadlines differ.
            let later = clock.sleep_until(clock.now() + Duration::from_millis(100) * number);
            spawn(async move {
                later.await;
                let began = clock.now();
                let error = call(layer, None).await.unwrap_err();
                assert_eq!(error.kind(), ErrorKind::OutcomeUnknown);
                assert!(LIMIT <= clock.now().since(began));
            })
        });
        let others = [Some(0), Some(2), None].map(|steps| {
            let layer = layer.clone();
            spawn(async move {
                match steps {
                    // The clock may have moved before it came to its end.
                    Some(_) => drop(call(layer, steps).await),
                    None => drop(poll_and_drop(call(layer, steps)).await),
                }
            })
        });
        let tasks: Vec<_> = hanging.chain(others).collect();
        let _time = Time::pass(&clock);
        join(tasks);
        assert!(format!("{layer:?}").contains("pending: 0"), "{layer:?}");
    });
}
