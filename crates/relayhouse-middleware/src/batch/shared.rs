//! What services and worker share: the requests that wait.

use std::{collections::VecDeque, sync::Arc, task::Waker};

use relayhouse_core::{Context, Error, ErrorKind, Event, Instant, Result};
use tokio::sync::oneshot;

use super::BatchConfig;
use crate::{
    line::wake,
    permits::{Amount, Permit, Permits},
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
        lock,
    },
};

#[derive(Debug)]
pub(super) struct Shared<R, T> {
    pub(super) config: BatchConfig,
    pub(super) context: Context,
    pub(super) permits: Arc<Permits>,
    pub(super) state: Mutex<State<R, T>>,
    /// Whether requests are taken, for those who only ask.
    is_open: AtomicBool,
}

#[derive(Debug)]
pub(super) struct State<R, T> {
    pub(super) waiting: VecDeque<Item<R, T>>,
    pub(super) bytes: u64,
    pub(super) stage: Stage,
    /// How many requests the worker waits for.
    pub(super) wanted: u32,
    pub(super) worker: Option<Waker>,
}

/// How far a layer is on its way to the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stage {
    Open,
    /// Nothing more is taken; what waits leaves at once.
    Closing,
    /// The worker is gone.
    Ended,
}

/// A request that waits for its batch.
#[derive(Debug)]
pub(super) struct Item<R, T> {
    pub(super) request: R,
    pub(super) bytes: u64,
    pub(super) since: Instant,
    pub(super) answer: Answer<T>,
}

/// Where the answer of a request goes. The permit is given back with the answer.
#[derive(Debug)]
pub(super) struct Answer<T> {
    to: oneshot::Sender<Result<T>>,
    _permit: Permit,
}

impl<T> Answer<T> {
    pub(super) const fn new(to: oneshot::Sender<Result<T>>, permit: Permit) -> Self {
        Self {
            to,
            _permit: permit,
        }
    }

    /// Answers; it may be that nobody waits for it any more.
    pub(super) fn send(self, answer: Result<T>) {
        let _ = self.to.send(answer);
    }
}

impl<R, T> Shared<R, T> {
    pub(super) fn new(config: BatchConfig, context: Context, wanted: u32) -> Self {
        let max = Amount {
            messages: config.buffer_requests_max.get().into(),
            bytes: config.buffer_bytes_max.get(),
        };
        Self {
            config,
            context,
            permits: Permits::new(max),
            state: Mutex::new(State {
                waiting: VecDeque::new(),
                bytes: 0,
                stage: Stage::Open,
                wanted,
                worker: None,
            }),
            is_open: AtomicBool::new(true),
        }
    }

    /// Puts `item` in the line, and wakes the worker if it has a reason to look.
    pub(super) fn push(&self, item: Item<R, T>) {
        let (waker, refused) = {
            let mut state = lock(&self.state);
            if state.stage == Stage::Open {
                state.bytes = state.bytes.saturating_add(item.bytes);
                state.waiting.push_back(item);
                (state.reason_to_look(&self.config), None)
            } else {
                (None, Some(item))
            }
        };
        wake(waker);
        if let Some(item) = refused {
            item.answer.send(Err(closed()));
        }
    }

    /// Tells the observer, if there is one, of the call with a batch whose first request is here
    /// since `since`.
    pub(super) fn report(&self, requests: u32, since: Instant) {
        if let Some(observer) = &self.context.observer {
            let now = self.context.clock.now();
            let waited = now.since(since);
            observer.observe(now, &[Event::Gathered { requests, waited }]);
        }
    }

    /// Takes nothing more, and lets what waits leave.
    pub(super) fn start_closing(&self) {
        let waker = {
            let mut state = lock(&self.state);
            state.stage = state.stage.max(Stage::Closing);
            self.is_open.store(false, Ordering::Release);
            state.worker.take()
        };
        wake(waker);
        // Who waits for room is told, and tells the next by leaving.
        self.permits.wake_first();
    }

    pub(super) fn is_open(&self) -> bool {
        self.is_open.load(Ordering::Acquire)
    }

    /// Says that the worker is gone, and answers what it has left.
    pub(super) fn end(&self) {
        let left = {
            let mut state = lock(&self.state);
            state.stage = Stage::Ended;
            self.is_open.store(false, Ordering::Release);
            state.bytes = 0;
            std::mem::take(&mut state.waiting)
        };
        for item in left {
            item.answer.send(Err(closed()));
        }
        self.permits.wake_first();
    }
}

impl<R, T> State<R, T> {
    /// The worker sleeps until a first request comes, to mind its time, and until a batch is full.
    fn reason_to_look(&mut self, config: &BatchConfig) -> Option<Waker> {
        let count = self.waiting.len();
        let is_first = count == 1;
        (is_first || self.is_full(config))
            .then(|| self.worker.take())
            .flatten()
    }

    /// Returns true if a batch waits that has what is waited for.
    pub(super) fn is_full(&self, config: &BatchConfig) -> bool {
        let count = u32::try_from(self.waiting.len()).unwrap_or(u32::MAX);
        self.wanted <= count || config.bytes_max.get() <= self.bytes
    }

    /// Takes the next batch out of the line, within its bounds.
    pub(super) fn take(&mut self, config: &BatchConfig) -> Vec<Item<R, T>> {
        let count_max = usize::try_from(config.requests_max.get()).unwrap_or(usize::MAX);
        let mut bytes = 0_u64;
        let fits = |item: &&Item<R, T>| {
            bytes = bytes.saturating_add(item.bytes);
            bytes <= config.bytes_max.get()
        };
        let fitting = self.waiting.iter().take(count_max).take_while(fits);
        let count = fitting.count().max(1).min(self.waiting.len());
        let batch: Vec<Item<R, T>> = self.waiting.drain(..count).collect();
        let taken: u64 = batch.iter().map(|item| item.bytes).sum();
        self.bytes = self.bytes.saturating_sub(taken);
        batch
    }
}

pub(super) fn closed() -> Error {
    Error::new(ErrorKind::Closed, "batches are closed")
}
