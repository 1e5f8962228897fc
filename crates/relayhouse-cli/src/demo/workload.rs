//! What is played: a producer at a steady pace, a consumer that dies, and one that takes over.

use std::{num::NonZeroU32, time::Duration};

use bytes::Bytes;
use relayhouse::{
    DeadLetter, Error, ErrorKind, Message, MessageIds, Queue,
    runtime::{FailurePolicy, Report, Running},
};

use super::{
    data,
    display::Display,
    handler::{INDEX_HEADER, Shop, handle},
    plan::{Plan, Role},
    witness::Witness,
};
use crate::{args::Demo, console::Console};

/// Short, so that what a dead consumer held comes back while one watches.
const LEASE: Duration = Duration::from_secs(1);
/// How many messages a consumer may hold that wait for a handler.
const PREFETCH_MAX: u32 = 32;
const ATTEMPTS_MAX: NonZeroU32 = match NonZeroU32::new(5) {
    Some(max) => max,
    None => NonZeroU32::MIN,
};
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
    concurrency: u32,
    bodies: Vec<&'static [u8]>,
    shop: Shop,
    witness: &'a Witness,
}

impl<'a> Workload<'a> {
    pub(crate) fn new(
        demo: &Demo,
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
            concurrency: demo.concurrency,
            bodies,
            shop: Shop::new(Plan::new(messages, demo.seed), &queue.context().clock),
            witness,
        }
    }

    /// Plays until every message has ended.
    pub(crate) async fn play(&self) -> Result<(), Error> {
        let play = async {
            let ((), (first, second)) = tokio::try_join!(self.produce(), self.consume())?;
            self.witness.ledger.idle().await;
            let second = second.shutdown(STOP_MAX).await?;
            self.say_story(&first, &second).await
        };
        tokio::select! {
            played = play => played,
            error = self.still() => Err(error),
        }
    }

    /// Sends at a steady pace, whatever the consumers do.
    async fn produce(&self) -> Result<(), Error> {
        let context = self.queue.context();
        let (clock, ids) = (&context.clock, MessageIds::new(&*context.random));
        let producer = self.queue.producer();
        let pause = self.shop.plan.work_mean() * 100 / LOAD_PERCENT / self.concurrency;
        let start = clock.now();
        for index in 0..self.messages {
            let meant_at = start + pause * index;
            if clock.now() < meant_at {
                clock.sleep_until(meant_at).await;
            }
            let message = self.message(index).id(ids.next_id());
            self.witness.sending(clock.now(), &message, meant_at);
            producer.send(message).await?;
        }
        Ok(())
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

    /// Lets one consumer run until a handler hangs, and lets it die. Returns what it did, and the
    /// second one.
    async fn consume(&self) -> Result<(Report, Running), Error> {
        let first = self.start().await?;
        let is_hanging = tokio::select! {
            () = self.shop.hanging.notified() => true,
            () = first.failed() => false,
        };
        let report = first.report();
        if !is_hanging {
            // It says why.
            first.shutdown(STOP_MAX).await?;
            return Ok((report, self.start().await?));
        }
        // Dropped, not shut down: nothing is settled, nothing is given back.
        drop(first);
        let clock = &self.queue.context().clock;
        clock.sleep_until(clock.now() + LAST_BREATH).await;
        self.witness.crashed(clock.now());
        let leased = self.queue.admin()?.stats(self.queue.source()).await?.leased;
        self.display.say(&format!(
            "the first consumer died after {} acks, {leased} deliveries in its hands; a second \
             one takes over",
            report.acked
        ));
        Ok((report, self.start().await?))
    }

    async fn start(&self) -> Result<Running, Error> {
        let policy = FailurePolicy {
            attempts_max: Some(ATTEMPTS_MAX),
            delay_first: Duration::from_millis(40),
            delay_max: Duration::from_millis(400),
            ..FailurePolicy::default()
        };
        let consumer = self
            .queue
            .consumer()
            .concurrency(self.concurrency)
            .prefetch_max(PREFETCH_MAX)
            .lease(LEASE)
            .failure(policy)
            .state(self.shop.clone())
            .handler(handle);
        consumer.start().await
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
    async fn say_story(&self, first: &Report, second: &Report) -> Result<(), Error> {
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
