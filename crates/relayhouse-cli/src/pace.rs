//! How fast messages may leave.

use std::{sync::Arc, time::Duration};

use relayhouse::{Clock, Instant};

use crate::args::Rate;

/// Lets messages leave at a rate, evenly; time that was lost is not made up for.
#[derive(Debug)]
pub(crate) struct Pace {
    clock: Arc<dyn Clock>,
    gap: Duration,
    next: Instant,
}

impl Pace {
    pub(crate) fn new(rate: Rate, clock: &Arc<dyn Clock>) -> Self {
        Self {
            clock: Arc::clone(clock),
            gap: rate.per / rate.messages.get(),
            next: clock.now(),
        }
    }

    /// Ends when the next message may leave.
    pub(crate) async fn due(&self) {
        if self.clock.now() < self.next {
            self.clock.sleep_until(self.next).await;
        }
    }

    /// Takes note that a message leaves.
    pub(crate) fn left(&mut self) {
        // A timer wakes up to a millisecond late: within that, the gaps are made up for.
        let late = Duration::from_millis(10).max(self.gap);
        self.next = self.next.max(self.clock.now() - late) + self.gap;
    }
}

#[cfg(test)]
mod tests {
    use relayhouse::time;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn messages_leave_evenly_and_lost_time_is_lost() {
        let clock = time::context().unwrap().clock;
        let rate: Rate = "4/s".parse().unwrap();
        let mut pace = Pace::new(rate, &clock);
        let start = clock.now();
        for _ in 0..9 {
            pace.due().await;
            pace.left();
        }
        let quarter = Duration::from_millis(250);
        let went = |since| clock.now().since(since);
        assert!(went(start) < quarter * 9 && quarter * 8 <= went(start));

        clock.sleep_until(clock.now() + quarter * 100).await;
        let late = clock.now();
        for _ in 0..5 {
            pace.due().await;
            pace.left();
        }
        assert!(quarter * 3 <= went(late), "{:?}", went(late));
    }
}
