//! The course of a run, from its first batch until nothing more is to come.

use std::{future::Future, pin::Pin, time::Duration};

use relayhouse::{Error, Queue, ctrl_c, port};

use super::{book::Book, consumers::Consumers, cost, senders::Senders};
use crate::{
    args::Bench,
    progress::{Progress, Pulse, View},
};

/// For so long it looks for what comes twice, after the last one that came.
const AFTER: Duration = Duration::from_secs(1);

/// Is somebody's wish that it ends; it is listened for from the start.
pub(super) type Wish = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Says why a run is over.
#[derive(Debug)]
pub(super) enum End {
    /// All that was sent came.
    Done,
    /// Something did not come in time.
    Missing,
    /// A message of somebody else came.
    Foreign,
    /// Somebody wants it, and what was under way came.
    Interrupted,
    /// Somebody wants it at once.
    Aborted,
    /// A sender or a consumer cannot go on.
    Failed(Option<Error>),
}

/// Is a run whose connections are open.
pub(super) struct Course<'a> {
    pub(super) args: &'a Bench,
    pub(super) queue: &'a Queue,
    pub(super) book: &'a Book,
    pub(super) consumers: &'a Consumers,
    pub(super) progress: Progress,
    pub(super) senders: Senders,
    pub(super) wish: Wish,
}

impl Course<'_> {
    /// Runs to its end, and tells what its calls cost, as far as the provider charges for them.
    pub(super) async fn run(mut self) -> (End, Option<port::Cost>) {
        let before = cost(self.queue).await;
        let clock = &self.queue.context().clock;
        let start = clock.now();
        self.book.start(start);
        let pulse = self.progress.pulse(clock);
        self.progress.detail(&format!(
            "connections are open, run {} begins",
            self.book.run()
        ));
        self.senders.start(start, self.args.rate);
        let end = self.follow(pulse).await;
        self.progress.end();
        self.senders.stop();
        if matches!(end, End::Aborted) {
            return (end, None);
        }
        let closed = self.senders.close().await;
        let end = match (end, closed) {
            (End::Done, Err(error)) => End::Failed(Some(error)),
            (end, _) => end,
        };
        let after = cost(self.queue).await;
        let again = cost(self.queue).await;
        let sent = self.book.counts().sent;
        (end, between(before, after, again, sent))
    }

    async fn follow(&mut self, mut pulse: Pulse) -> End {
        let clock = &self.queue.context().clock;
        let (mut is_interrupted, mut is_foreign) = (false, false);
        let (mut are_sent, mut failure) = (false, None);
        loop {
            let counts = self.book.counts();
            if 0 < counts.foreign && !self.args.shared {
                is_foreign = true;
                self.senders.stop();
            }
            let patience = match counts.missing {
                0 => AFTER,
                _ => self.args.patience,
            };
            let due = self.book.last_news() + patience;
            if are_sent && due <= clock.now() {
                return match failure {
                    Some(error) => End::Failed(Some(error)),
                    None if is_foreign => End::Foreign,
                    None if is_interrupted => End::Interrupted,
                    None if 0 < counts.missing => End::Missing,
                    None => End::Done,
                };
            }
            // Nobody says that the last one came.
            let look = due.min(clock.now() + AFTER);
            tokio::select! {
                biased;
                () = &mut self.wish => {
                    if is_interrupted {
                        return End::Aborted;
                    }
                    is_interrupted = true;
                    // It listens before anybody is told to use it.
                    self.wish = Box::pin(ctrl_c());
                    self.senders.stop();
                    self.progress
                        .note("interrupted: waits for what is under way; once more does not");
                }
                ended = self.senders.ended(), if !are_sent => {
                    are_sent = true;
                    failure = ended.err();
                }
                () = self.consumers.failed() => return End::Failed(failure),
                () = self.book.until(|counts| 0 < counts.foreign),
                    if !self.args.shared && !is_foreign => {}
                () = clock.sleep_until(look), if are_sent => {}
                () = pulse.tick() => self.show(&mut pulse),
            }
        }
    }

    fn show(&self, pulse: &mut Pulse) {
        let count = self.book.counts().received;
        pulse.show(&View {
            count,
            what: "received".to_owned(),
            share: Some((count, u64::from(self.args.count))),
        });
    }
}

/// Returns what was spent on `messages` between two looks, without what a look itself takes.
fn between(
    before: Option<port::Cost>,
    after: Option<port::Cost>,
    again: Option<port::Cost>,
    messages: u64,
) -> Option<port::Cost> {
    let (before, after, again) = (before?, after?, again?);
    let a_look = again.requests - after.requests;
    Some(port::Cost {
        requests: (after.requests - before.requests).saturating_sub(a_look),
        messages,
        price: after.price,
        ..port::Cost::default()
    })
}
