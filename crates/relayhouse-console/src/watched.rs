//! A consumer that the console watches: what it reads of it, and how often.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use relayhouse_core::{
    Capabilities, Clock, ErrorKind, Instant,
    port::{Admin, Stats},
};
use relayhouse_runtime::Remote;

use crate::{
    scale::{Advice, Observation, ScaleConfig, Scaler},
    watch::Watch,
};

/// A provider is asked at most this often, however often the console is.
const ASK_EVERY: Duration = Duration::from_secs(5);
/// A provider that does not answer within this time is not reachable.
const ASK_TIMEOUT: Duration = Duration::from_secs(4);

/// Is a consumer for the console to watch, and what is known of its queue.
#[derive(Debug)]
pub struct Watched {
    pub(crate) remote: Remote,
    pub(crate) watch: Arc<Watch>,
    admin: Option<Arc<dyn Admin>>,
    in_flight_max: Option<u32>,
}

/// Says what a provider answered when it was asked last.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    /// The provider was not asked, since it has no admin port or does not count.
    Unknown,
    /// It answered.
    Stats(Box<Stats>),
    /// It answered with an error of this kind.
    Refused(ErrorKind),
    /// It did not answer.
    Unreachable,
}

/// Is what was read of a consumer, and what follows from it.
#[derive(Clone, Debug)]
pub(crate) struct Reading {
    pub(crate) answer: Answer,
    pub(crate) advice: Option<Advice>,
}

/// A watched consumer with what was read last.
#[derive(Debug)]
pub(crate) struct Post {
    pub(crate) watched: Watched,
    desk: Mutex<Desk>,
}

#[derive(Debug)]
struct Desk {
    asked_at: Option<Instant>,
    reading: Option<Reading>,
    scaler: Scaler,
}

impl Watched {
    /// Watches the consumer of `remote`, by what `watch` hears of it.
    #[must_use]
    pub const fn new(remote: Remote, watch: Arc<Watch>) -> Self {
        Self {
            remote,
            watch,
            admin: None,
            in_flight_max: None,
        }
    }

    /// Sets who counts the messages of its queue. Without, there is neither depth nor advice.
    #[must_use]
    pub fn admin(mut self, admin: Arc<dyn Admin>) -> Self {
        self.admin = Some(admin);
        self
    }

    /// Sets what the provider can do, for the leases that it gives at a time.
    #[must_use]
    pub fn capabilities(mut self, capabilities: &Capabilities) -> Self {
        self.in_flight_max = capabilities.in_flight_max.map(Into::into);
        self
    }
}

impl Post {
    pub(crate) fn new(watched: Watched, scale: ScaleConfig) -> Self {
        let desk = Desk {
            asked_at: None,
            reading: None,
            scaler: Scaler::new(scale),
        };
        Self {
            watched,
            desk: Mutex::new(desk),
        }
    }

    /// Returns what the provider says: what it said last, if it was asked a short while ago or is
    /// being asked. Dropping the future leaves that to the next one.
    pub(crate) async fn read(&self, clock: &dyn Clock) -> Reading {
        if let Some(reading) = self.recent(clock.now()) {
            return reading;
        }
        let answer = self.ask(clock).await;
        self.note(clock.now(), answer)
    }

    /// Returns the last reading, unless it is this caller's turn to ask.
    fn recent(&self, now: Instant) -> Option<Reading> {
        let mut desk = self.desk();
        let is_due = desk.asked_at.is_none_or(|at| at + ASK_EVERY <= now);
        if is_due {
            desk.asked_at = Some(now);
            return None;
        }
        desk.reading.clone()
    }

    async fn ask(&self, clock: &dyn Clock) -> Answer {
        let Some(admin) = &self.watched.admin else {
            return Answer::Unknown;
        };
        let stats = tokio::select! {
            stats = admin.stats(self.watched.remote.source()) => stats,
            () = clock.sleep_until(clock.now() + ASK_TIMEOUT) => return Answer::Unreachable,
        };
        match stats {
            Ok(stats) => Answer::Stats(Box::new(stats)),
            Err(error) => match error.kind() {
                ErrorKind::Unsupported => Answer::Unknown,
                ErrorKind::ConnectionFailed | ErrorKind::Timeout | ErrorKind::Unavailable => {
                    Answer::Unreachable
                }
                kind => Answer::Refused(kind),
            },
        }
    }

    fn note(&self, now: Instant, answer: Answer) -> Reading {
        let mut desk = self.desk();
        let advice = match &answer {
            Answer::Stats(stats) => {
                let observation = self.observation(now, stats);
                Some(desk.scaler.observe(&observation))
            }
            _ => desk.reading.as_ref().and_then(|last| last.advice),
        };
        let reading = Reading { answer, advice };
        desk.reading = Some(reading.clone());
        reading
    }

    fn observation(&self, at: Instant, stats: &Stats) -> Observation {
        let (remote, heard) = (&self.watched.remote, self.watched.watch.heard());
        let report = remote.report();
        Observation {
            at,
            ready: stats.ready,
            delayed: stats.delayed,
            leased: stats.leased,
            held: heard.running + heard.waiting,
            departed: report.acked + report.dead_lettered,
            handled: heard.handled,
            handler_time: heard.handler_time,
            concurrency: remote.concurrency().get(),
            in_flight_max: self.watched.in_flight_max,
            lease_total_max: remote.lease_total_max(),
        }
    }

    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
