//! Running calls as groups of one store, on whichever thread has it: each group is answered after
//! its commit, and its news are told.

use std::{slice, sync::Arc};

use relayhouse_core::{Clock, Error, ErrorKind, Instant, Result, Timestamp};
use tracing::debug;

use super::{Job, quick::Quickness};
use crate::{
    bell::Bell,
    store::{Access, Moment, News, Store, Tick},
    wait::Waits,
};

/// Is the store of a file, as it was opened.
#[derive(Debug)]
pub(crate) struct Opening {
    pub(crate) store: Box<dyn Store>,
    pub(crate) bell: Arc<Bell>,
    /// Which tick was which instant of the clock.
    pub(crate) epoch: (Tick, Instant),
}

/// Runs the calls of one file, for one thread at a time.
#[derive(Debug)]
pub(super) struct Writer {
    store: Box<dyn Store>,
    bell: Arc<Bell>,
    epoch: (Tick, Instant),
    clock: Arc<dyn Clock>,
    waits: Arc<Waits>,
    /// When something was due next after the last group.
    next_wake: Option<Tick>,
    quickness: Quickness,
}

impl Writer {
    pub(super) fn new(opening: Opening, clock: Arc<dyn Clock>, waits: Arc<Waits>) -> Self {
        let Opening { store, bell, epoch } = opening;
        Self {
            store,
            bell,
            epoch,
            clock,
            waits,
            next_wake: None,
            quickness: Quickness::default(),
        }
    }

    fn moment(&self) -> Moment {
        let (epoch, start) = self.epoch;
        let tick = epoch + self.clock.now().since(start);
        Moment {
            tick,
            // The very instant of the tick: a lease ends when its tick comes, and is told so.
            now: self.instant(tick),
            wall: self.clock.wall(),
        }
    }

    /// Runs `jobs` as one group, and answers them after its end.
    pub(super) fn group(&mut self, mut jobs: Vec<Box<dyn Job>>) {
        let moment = self.moment();
        if jobs.is_empty() && !self.has_news_or_due(moment) {
            // It was this process's own bell.
            return;
        }
        // What is due is done first, so that whoever only looks sees it done.
        let needed = jobs.iter().map(|job| job.access()).max();
        let access = needed.unwrap_or(Access::Write).max(Access::Write);
        let failure = match self.try_group(&mut jobs, moment, access) {
            Ok(()) => {
                answer(jobs, &Ok(()));
                return self.shorten_log();
            }
            Err(failure) => failure,
        };
        let is_alone = jobs.iter().any(|job| job.is_alone());
        let (looks, others) = jobs.into_iter().partition(|job| job.is_look_to_come());
        let error = self.failed(failure, is_alone);
        answer(others, &Err(error.clone()));
        self.look(looks, moment, error);
    }

    /// Runs `job` as a group of its own if that takes but a moment; returns it if it does not.
    pub(super) fn group_at_once(&mut self, mut job: Box<dyn Job>) -> Option<Box<dyn Job>> {
        if !self.quickness.allow() {
            return Some(job);
        }
        let moment = self.moment();
        // Whatever is wrong, the storage thread finds as well, and tells.
        if !matches!(self.store.begin_at_once(moment), Ok(true)) {
            self.quickness.refuse();
            return Some(job);
        }
        let ran = self.run(slice::from_mut(&mut job), moment, Access::Write);
        job.answer(ran.map_err(|failure| self.failed(failure, false)));
        self.quickness.note(self.clock.now().since(moment.now));
        None
    }

    /// Returns true if there is something to do while nobody calls.
    pub(super) fn has_chores(&self) -> bool {
        self.store.has_chores()
    }

    /// Does some of what there is to do while nobody calls.
    pub(super) fn do_chores(&mut self) {
        self.shorten_log();
        if let Err(error) = self.store.give_space_back() {
            debug!(%error, "no space could be given back");
        }
    }

    /// Has the log written back if it is long.
    fn shorten_log(&mut self) {
        if let Err(error) = self.store.shorten_log() {
            debug!(%error, "the log could not be written back");
        }
    }

    /// Returns true if another process has changed the file, or something is due.
    fn has_news_or_due(&mut self, moment: Moment) -> bool {
        let is_due = self.next_wake.is_some_and(|wake| wake <= moment.tick);
        is_due || self.store.changed_elsewhere().unwrap_or(true)
    }

    /// Runs calls that only look on a file that cannot be written.
    fn look(&mut self, mut jobs: Vec<Box<dyn Job>>, moment: Moment, cause: Error) {
        if jobs.is_empty() {
            return;
        }
        let end = match self.waits.end().is_closed() {
            true => Err(cause),
            false => self
                .try_group(&mut jobs, moment, Access::Look)
                .map_err(Failure::into_error),
        };
        answer(jobs, &end);
    }

    fn try_group(
        &mut self,
        jobs: &mut [Box<dyn Job>],
        moment: Moment,
        access: Access,
    ) -> Result<(), Failure> {
        self.store.begin(moment, access).map_err(Failure::Begin)?;
        self.run(jobs, moment, access)
    }

    /// Runs `jobs` in the group that has begun, and commits it.
    fn run(
        &mut self,
        jobs: &mut [Box<dyn Job>],
        moment: Moment,
        access: Access,
    ) -> Result<(), Failure> {
        let is_changed = self.store.was_changed();
        if is_changed {
            self.next_wake = self.store.next_wake().map_err(Failure::Begin)?;
        }
        for job in jobs {
            if let Err(error) = job.run(&mut *self.store, moment) {
                self.store.roll_back();
                return Err(Failure::Call(error));
            }
        }
        let news = self.store.commit().map_err(Failure::Commit)?;
        self.tell(&news, access, is_changed);
        Ok(())
    }

    /// Tells those that wait here, and those in other processes.
    fn tell(&mut self, news: &News, access: Access, is_changed: bool) {
        let is_sooner = match (news.next_wake, self.next_wake) {
            (Some(next), Some(before)) => next < before,
            (next, None) => next.is_some(),
            (None, Some(_)) => false,
        };
        self.next_wake = news.next_wake;
        if is_changed {
            self.waits.tell_changed();
        }
        let due = news
            .next_wake
            .map_or(Instant::NEVER, |tick| self.instant(tick));
        self.waits.tell(news, due);
        let is_news = !news.ready.is_empty() || news.made_room || news.deleted || is_sooner;
        if access == Access::Flush || is_news {
            self.ring();
        }
    }

    /// Returns the instant of `tick`, the same whenever it is asked for.
    fn instant(&self, tick: Tick) -> Instant {
        let (epoch, start) = self.epoch;
        Moment {
            tick: epoch,
            now: start,
            wall: Timestamp::default(),
        }
        .instant(tick)
    }

    fn ring(&self) {
        if let Err(error) = self.bell.ring(&self.store.mark()) {
            debug!(%error, "other processes could not be told");
        }
    }

    /// Lets everybody that waits look when the file cannot be used: each hears of it by a call of
    /// its own.
    fn failed(&self, failure: Failure, is_alone: bool) -> Error {
        let is_deleted = matches!(&failure,
            Failure::Begin(error) if error.kind() == ErrorKind::QueueNotFound);
        let is_refusal = is_alone && matches!(failure, Failure::Call(_));
        if is_deleted {
            self.waits.deleted();
        } else if !is_refusal {
            self.waits.wake_all();
        }
        failure.into_error()
    }
}

/// Says where a group failed.
enum Failure {
    Begin(Error),
    Call(Error),
    Commit(Error),
}

impl Failure {
    fn into_error(self) -> Error {
        match self {
            Self::Begin(error) | Self::Call(error) | Self::Commit(error) => error,
        }
    }
}

pub(super) fn answer(jobs: Vec<Box<dyn Job>>, end: &Result<()>) {
    for job in jobs {
        job.answer(end.clone());
    }
}
