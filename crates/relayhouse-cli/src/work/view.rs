//! How far the work is.

use std::time::Duration;

use relayhouse::{
    Queue,
    runtime::{Report, Running},
};

use super::backlog;
use crate::progress::{Progress, View};

/// On a terminal what is left is counted this often.
const COUNT_EVERY: Duration = Duration::from_secs(1);

/// Shows how far the work is; it ends when it is dropped.
pub(super) async fn follow(progress: &Progress, queue: &Queue, running: &Running) {
    let clock = &queue.context().clock;
    let mut pulse = progress.pulse(clock);
    let mut left = None;
    let mut count_at = clock.now();
    loop {
        pulse.tick().await;
        if progress.is_live() && count_at <= clock.now() {
            // A queue that cannot be counted has no end to show.
            left = backlog(queue).await.ok().map(|left| left.messages);
            count_at = clock.now() + COUNT_EVERY;
        }
        pulse.show(&view(&running.report(), left));
    }
}

fn view(report: &Report, left: Option<u64>) -> View {
    let Report {
        acked,
        released,
        dead_lettered,
        ..
    } = report;
    let ended = acked + dead_lettered;
    let mut what = "done".to_owned();
    for (count, name) in [(released, "tried again"), (dead_lettered, "dead-lettered")] {
        if 0 < *count {
            what.push_str(&format!(", {count} {name}"));
        }
    }
    View {
        count: *acked,
        what,
        share: left.map(|left| (ended, ended + left)),
    }
}
