//! A clock that stands still until a test moves it, and tells who waits.

use std::time::Duration;

use relayhouse_core::{Clock, Instant, MachineTime, Sleep, Timestamp};
use tokio::sync::watch;

/// Moves when it is told to.
#[derive(Debug)]
pub(crate) struct ManualClock {
    now: watch::Sender<Instant>,
    /// The instants that were waited for.
    awaited: watch::Sender<Vec<Instant>>,
}

impl ManualClock {
    pub(crate) fn new() -> Self {
        Self {
            now: watch::Sender::new(Instant::START),
            awaited: watch::Sender::default(),
        }
    }

    /// Ends when somebody waits for the time that is `from_now` away.
    pub(crate) async fn awaited(&self, from_now: Duration) {
        let deadline = self.now() + from_now;
        let mut awaited = self.awaited.subscribe();
        let is_there = |awaited: &Vec<Instant>| awaited.contains(&deadline);
        awaited.wait_for(is_there).await.unwrap();
    }

    pub(crate) fn advance(&self, by: Duration) {
        self.now.send_modify(|now| *now = *now + by);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Instant {
        *self.now.borrow()
    }

    fn wall(&self) -> Timestamp {
        Timestamp::from_micros(self.now().as_nanos() / 1_000)
    }

    fn machine(&self) -> Option<MachineTime> {
        None
    }

    fn sleep_until(&self, deadline: Instant) -> Sleep {
        self.awaited.send_modify(|awaited| awaited.push(deadline));
        let mut now = self.now.subscribe();
        Box::pin(async move {
            if now.wait_for(|now| deadline <= *now).await.is_err() {
                std::future::pending::<()>().await;
            }
        })
    }
}
