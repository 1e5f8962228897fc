//! Who waits, in the order of arrival, and whom to wake once the lock is given back.

use std::{collections::BTreeMap, task::Waker};

/// Holds those that wait, first come first called.
///
/// A place in line is kept over calls that came to nothing: who is called and finds nothing
/// stands where it stood before.
#[derive(Debug, Default)]
pub(crate) struct Line {
    waiting: BTreeMap<u64, Waker>,
    next: u64,
}

/// Is a place in a line: a number once the line was joined.
pub(crate) type Place = Option<u64>;

impl Line {
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Joins the line, or stays in it with another waker; the earlier waker goes to `wakes` to
    /// be dropped without the lock.
    pub(crate) fn join(&mut self, place: &mut Place, waker: Waker, wakes: &mut Wakes) {
        let place = *place.get_or_insert_with(|| {
            self.next += 1;
            self.next
        });
        wakes.discard(self.waiting.insert(place, waker));
    }

    /// Leaves the line; returns true if the place was called and nobody has answered.
    pub(crate) fn leave(&mut self, place: &mut Place, wakes: &mut Wakes) -> bool {
        let Some(place) = place.take() else {
            return false;
        };
        let waker = self.waiting.remove(&place);
        let was_called = waker.is_none();
        wakes.discard(waker);
        was_called
    }

    /// Returns true if nobody in line stands before `place`.
    pub(crate) fn is_first(&self, place: Place) -> bool {
        let first = self.waiting.keys().next();
        match (first, place) {
            (None, _) => true,
            (Some(first), Some(place)) => place <= *first,
            (Some(_), None) => false,
        }
    }

    /// Calls up to `count`, the longest waiting first.
    #[inline]
    pub(crate) fn call(&mut self, count: usize, wakes: &mut Wakes) {
        if !self.waiting.is_empty() {
            self.call_some(count, wakes);
        }
    }

    fn call_some(&mut self, count: usize, wakes: &mut Wakes) {
        for _ in 0..count {
            let Some((_, waker)) = self.waiting.pop_first() else {
                return;
            };
            wakes.push(waker);
        }
    }

    /// Calls the first, and returns its place.
    pub(crate) fn call_first(&mut self, wakes: &mut Wakes) -> Place {
        let (place, waker) = self.waiting.pop_first()?;
        wakes.push(waker);
        Some(place)
    }

    /// Calls everybody.
    pub(crate) fn call_all(&mut self, wakes: &mut Wakes) {
        self.call(usize::MAX, wakes);
    }

    /// Wakes the first without calling it: it looks, and goes on waiting in its place.
    pub(crate) fn nudge(&self, wakes: &mut Wakes) -> bool {
        let first = self.waiting.values().next();
        if let Some(waker) = first {
            wakes.push(waker.clone());
        }
        first.is_some()
    }

    /// Wakes everybody without calling anybody.
    pub(crate) fn nudge_all(&self, wakes: &mut Wakes) {
        for waker in self.waiting.values() {
            wakes.push(waker.clone());
        }
    }
}

/// Collects wakers under a lock, to be woken without it.
#[derive(Debug, Default)]
pub(crate) struct Wakes {
    first: Option<Waker>,
    rest: Vec<Waker>,
    discarded: Option<Waker>,
}

impl Wakes {
    fn push(&mut self, waker: Waker) {
        if self.first.is_none() {
            self.first = Some(waker);
        } else {
            self.rest.push(waker);
        }
    }

    fn discard(&mut self, waker: Option<Waker>) {
        if waker.is_some() {
            self.discarded = waker;
        }
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.first.is_none() && self.discarded.is_none()
    }

    /// Wakes them, in order.
    pub(crate) fn wake(self) {
        if let Some(first) = self.first {
            first.wake();
        }
        for waker in self.rest {
            waker.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::{
            Arc,
            atomic::{AtomicUsize, Ordering},
        },
        task::Wake,
    };

    use super::*;

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    #[test]
    fn first_come_is_first_called_and_keeps_its_place() {
        let mut line = Line::default();
        let counts: Vec<Arc<Count>> = (0..3).map(|_| Arc::default()).collect();
        let mut places = [None; 3];
        let mut wakes = Wakes::default();
        for (place, count) in places.iter_mut().zip(&counts) {
            line.join(place, Waker::from(Arc::clone(count)), &mut wakes);
        }
        let woken = |wakes: Wakes| {
            wakes.wake();
            let woken = counts.iter().map(|count| count.0.swap(0, Ordering::SeqCst));
            woken.collect::<Vec<usize>>()
        };
        line.call(2, &mut wakes);
        assert_eq!(woken(wakes), [1, 1, 0]);

        let mut wakes = Wakes::default();
        assert!(line.is_first(places[0]) && !line.is_first(None));
        line.join(
            &mut places[0],
            Waker::from(Arc::clone(&counts[0])),
            &mut wakes,
        );
        assert!(line.leave(&mut places[1], &mut wakes), "it was called");
        assert!(!line.leave(&mut places[2], &mut wakes), "it was not");
        line.call(5, &mut wakes);
        assert_eq!(woken(wakes), [1, 0, 0]);
        assert!(line.is_empty());
    }
}
