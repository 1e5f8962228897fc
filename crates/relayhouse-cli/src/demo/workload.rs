//! What is played: a producer at a steady pace, a consumer that dies, and one that takes over.

use std::{num::NonZeroU32, time::Duration};

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use relayhouse::{
    DeadLetter, Error, ErrorKind, Message, MessageIds, Queue,
    runtime::{Report, Running},
};
use tokio::sync::Mutex;

use super::{
    aftermath,
    consumer::{self, ATTEMPTS_MAX},
    data,
    display::Display,
    handler::{INDEX_HEADER, Shop},
    plan::{Plan, Role},
    process::Process,
    wire::Order,
    witness::Witness,
};
use crate::{args::Demo, console::Console};

/// The scheme of the queues that no other process can open.
const SCHEME_OF_ONE_PROCESS: &str = "memory";
/// How many sends may wait for their answer: those of a durable queue share a flush.
const SENDS_MAX: usize = 256;
/// How long the dead consumer's tasks may take to end.
const LAST_BREATH: Duration = Duration::from_millis(20);
const DEAD_LETTERS_SAID_MAX: NonZeroU32 = match NonZeroU32::new(10) {
    Some(max) => max,
    None => NonZeroU32::MIN,
};
const STOP_MAX: Duration = Duration::from_secs(5);
/// The share of the handlers' capacity that the producer asks for, in percent.
const LOAD_PERCENT: u32 = 40;
/// The longest time in which no message ends before the demonstration gives up.
const STILL_MAX: Duration = Duration::from_secs(20);

/// Everything that the demonstration is played with.
#[derive(Debug)]
pub(crate) struct Workload<'a> {
    pub(crate) queue: &'a Queue,
    pub(crate) messages: u32,
    pub(crate) display: Display,
    order: Order,
    console: Console,
    bodies: Vec<&'static [u8]>,
    shop: Shop,
    witness: &'a Witness,
    /// The first consumer, while it is a process that runs.
    first: Mutex<Option<Process>>,
}

/// Counts what went wrong in the handlers of one consumer.
#[derive(Clone, Copy, Debug)]
struct Wrong {
    failed: u64,
    panicked: u64,
}

impl From<Report> for Wrong {
    fn from(report: Report) -> Self {
        Self {
            failed: report.failed,
            panicked: report.panicked,
        }
    }
}

impl<'a> Workload<'a> {
    pub(crate) fn new(
        demo: &Demo,
        url: &str,
        console: Console,
        queue: &'a Queue,
        witness: &'a Witness,
    ) -> Self {
        let bodies = data::bodies();
        let all = u32::try_from(bodies.len()).unwrap_or(u32::MAX);
        let messages = demo.messages.unwrap_or(all);
        witness.watch(queue, demo.concurrency, ATTEMPTS_MAX);
        Self {
            queue,
            messages,
            display: Display::new(console, messages.into()),
            order: Order {
                url: url.to_owned(),
                messages,
                concurrency: demo.concurrency,
                seed: demo.seed,
            },
            console,
            bodies,
            shop: Shop::new(Plan::new(messages, demo.seed), &queue.context().clock),
            witness,
            first: Mutex::default(),
        }
    }

    /// Plays until every message has ended.
    pub(crate) async fn play(&self) -> Result<(), Error> {
        let play = async {
            let ((), (first, second)) = tokio::try_join!(self.produce(), self.consume())?;
            self.witness.ledger.idle().await;
            let second = second.shutdown(STOP_MAX).await?;
            self.say_story(first, second.into()).await
        };
        tokio::select! {
            played = play => played,
            error = self.still() => Err(error),
        }
    }

    /// Cleans up after a play that was broken off: ends the first consumer's process, and
    /// completes the history by what the queue shows.
    pub(crate) async fn break_off(&self) -> Result<(), Error> {
        if let Some(mut process) = self.first.lock().await.take() {
            process.kill(self.witness).await?;
        }
        let clock = &self.queue.context().clock;
        clock.sleep_until(clock.now() + LAST_BREATH).await;
        aftermath::complete(self.queue, self.witness).await
    }

    /// Sends at a steady pace, whatever the consumers do.
    async fn produce(&self) -> Result<(), Error> {
        let context = self.queue.context();
        let (clock, ids) = (&context.clock, &MessageIds::new(&*context.random));
        let producer = self.queue.producer();
        let pause = self.shop.plan.work_mean() * 100 / LOAD_PERCENT / self.order.concurrency;
        let start = clock.now();
        let messages = stream::iter(0..self.messages).then(|index| async move {
            let meant_at = start + pause * index;
            if clock.now() < meant_at {
                clock.sleep_until(meant_at).await;
            }
            let message = self.message(index).id(ids.next_id());
            self.witness.sending(clock.now(), &message, meant_at);
            message
        });
        messages
            .map(|message| producer.send(message))
            .buffer_unordered(SENDS_MAX)
            .try_for_each(|_| async { Ok(()) })
            .await
    }

    fn message(&self, index: u32) -> Message {
        let body = self.bodies[index as usize % self.bodies.len()];
        let body = match self.shop.plan.role(index) {
            Role::Poison => &body[..body.len() / 2],
            _ => body,
        };
        Message::new(Bytes::from_static(body))
            .content_type("application/json")
            .header(INDEX_HEADER, index.to_string())
    }

    /// Lets one consumer run until a handler hangs, and lets it die. Returns what went wrong in
    /// it, and the second one.
    async fn consume(&self) -> Result<(Wrong, Running), Error> {
        let scheme = self.queue.provider().scheme();
        let wrong = if scheme == SCHEME_OF_ONE_PROCESS {
            self.first_here().await?
        } else {
            self.first_elsewhere().await?
        };
        Ok((wrong, self.start().await?))
    }

    /// Plays the first consumer in a process of its own, which is killed.
    async fn first_elsewhere(&self) -> Result<Wrong, Error> {
        let mut first = self.first.lock().await;
        let clock = &self.queue.context().clock;
        let process = Process::spawn(self.console, self.queue.source(), clock)?;
        let process = first.insert(process);
        process.begin(&self.order).await?;
        self.display
            .say_detail(&format!("the first consumer is process {}", process.id));
        process.listen(self.witness).await?;
        let status = process.kill(self.witness).await?;
        aftermath::complete(self.queue, self.witness).await?;
        self.say_death(&format!(", process {}, was killed ({status})", process.id))
            .await?;
        let wrong = Wrong {
            failed: process.replay.failed,
            panicked: process.replay.panicked,
        };
        if 0 < wrong.panicked {
            self.shop.has_panicked_elsewhere();
        }
        *first = None;
        Ok(wrong)
    }

    /// Plays the first consumer in this process, where it is dropped.
    async fn first_here(&self) -> Result<Wrong, Error> {
        let first = self.start().await?;
        let is_hanging = tokio::select! {
            () = self.shop.hanging.notified() => true,
            () = first.failed() => false,
        };
        let report = first.report();
        if !is_hanging {
            // It says why.
            first.shutdown(STOP_MAX).await?;
            return Ok(report.into());
        }
        // Dropped, not shut down: nothing is settled, nothing is given back.
        drop(first);
        let clock = &self.queue.context().clock;
        clock.sleep_until(clock.now() + LAST_BREATH).await;
        self.witness.crashed(clock.now());
        self.say_death(" died").await?;
        Ok(report.into())
    }

    async fn say_death(&self, how: &str) -> Result<(), Error> {
        let acked = self.witness.ledger.counts().acked;
        let stats = self.queue.admin()?.stats(self.queue.source()).await?;
        let leased = stats.leased.unwrap_or(0);
        self.display.say(&format!(
            "the first consumer{how} after {acked} acks with {leased} deliveries in its hands; \
             a second one takes over"
        ));
        Ok(())
    }

    async fn start(&self) -> Result<Running, Error> {
        consumer::start(self.queue, self.order.concurrency, self.shop.clone()).await
    }

    /// Ends when nothing has ended for a long time.
    async fn still(&self) -> Error {
        let clock = &self.queue.context().clock;
        let ended = || {
            let counts = self.witness.ledger.counts();
            counts.acked + counts.dead
        };
        let mut last = None;
        while last != Some(ended()) {
            last = Some(ended());
            clock.sleep_until(clock.now() + STILL_MAX).await;
        }
        Error::new(
            ErrorKind::Timeout,
            format!("no message has ended for {STILL_MAX:?}"),
        )
    }

    /// Says what went wrong on the way, and shows the dead letters.
    async fn say_story(&self, first: Wrong, second: Wrong) -> Result<(), Error> {
        let failed = first.failed + second.failed;
        let panicked = first.panicked + second.panicked;
        self.display.say(&format!(
            "handlers failed {failed} times, {panicked} of them by a panic"
        ));
        let dead = self.queue.source().dead_letters();
        for letter in self
            .queue
            .admin()?
            .peek(&dead, 0, DEAD_LETTERS_SAID_MAX)
            .await?
        {
            if let Some(envelope) = letter.envelope {
                let DeadLetter {
                    reason,
                    description,
                    ..
                } = &envelope.dead_letter;
                let attempts = envelope.attempts;
                self.display.say(&format!(
                    "dead letter: {reason}, in attempt {attempts}: {description}"
                ));
            }
        }
        Ok(())
    }
}
