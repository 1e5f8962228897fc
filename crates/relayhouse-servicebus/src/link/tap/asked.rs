//! Hearing what the broker decided of deliveries that are settled together.

use std::{
    future::poll_fn,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Poll, Waker},
};

use super::follow::Answer;

/// Is what is heard of one delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    /// Nothing so far.
    Nothing,
    /// The broker has decided.
    Answer(Answer),
    /// No answer will come: the link or the connection has ended, or the broker had settled the
    /// delivery before it was asked.
    Gone,
}

/// Hears what the broker decides of deliveries, each of which has a place.
#[derive(Clone, Debug)]
pub(crate) struct Asked(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    heard: Vec<Heard>,
    /// How many of which nothing was heard.
    left: usize,
    waker: Option<Waker>,
}

/// Is who tells of one delivery. Dropped without an answer, it tells that none will come.
#[derive(Debug)]
pub(super) struct Teller {
    /// Nobody once it has told.
    asked: Option<Asked>,
    place: usize,
}

impl Asked {
    pub(super) fn new(places: usize) -> Self {
        Self(Arc::new(Mutex::new(State {
            heard: vec![Heard::Nothing; places],
            left: places,
            waker: None,
        })))
    }

    pub(super) fn teller(&self, place: usize) -> Teller {
        Teller {
            asked: Some(self.clone()),
            place,
        }
    }

    /// Ends when something was heard of every delivery. Dropping the future loses nothing.
    pub(crate) async fn all(&self) {
        poll_fn(|context| {
            let mut state = self.lock();
            if state.left == 0 {
                return Poll::Ready(());
            }
            state.waker = Some(context.waker().clone());
            Poll::Pending
        })
        .await;
    }

    /// Returns what was heard so far, by places.
    pub(crate) fn heard(&self) -> Vec<Heard> {
        self.lock().heard.clone()
    }

    pub(super) fn tell(&self, place: usize, heard: Heard) {
        let mut state = self.lock();
        let Some(Heard::Nothing) = state.heard.get(place) else {
            return;
        };
        state.heard[place] = heard;
        state.left -= 1;
        let is_last = state.left == 0;
        let waker = state.waker.take_if(|_| is_last);
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Teller {
    pub(super) fn tell(mut self, answer: Answer) {
        if let Some(asked) = self.asked.take() {
            asked.tell(self.place, Heard::Answer(answer));
        }
    }
}

impl Drop for Teller {
    fn drop(&mut self) {
        if let Some(asked) = self.asked.take() {
            asked.tell(self.place, Heard::Gone);
        }
    }
}
