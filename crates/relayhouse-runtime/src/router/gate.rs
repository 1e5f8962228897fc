//! The gate through which all handlers of a router pass: who is next when one may start.

use std::{
    cmp::Reverse,
    collections::VecDeque,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    task::{Context, Poll},
};

use futures_util::task::AtomicWaker;

use super::share::Share;
use crate::sync::lock;

/// What a start costs a queue of weight 1.
const STRIDE: u64 = 1 << 20;
/// The credit, in percent of a start, at which the floor of a queue is due.
const DUE: u32 = 100;

/// Lets handlers start, at most so many at a time.
#[derive(Debug, Default)]
pub(super) struct Gate(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    free: u32,
    seats: Vec<Seat>,
    /// The pass of the last start.
    pass: u64,
}

/// Is one queue at the gate.
#[derive(Debug)]
struct Seat {
    share: Share,
    /// Grows with each start, the less the greater the weight: the least is next.
    pass: u64,
    /// What the floor has earned while the queue waited.
    credit: u32,
    waiting: VecDeque<Arc<Waiter>>,
}

#[derive(Debug, Default)]
struct Waiter {
    is_granted: AtomicBool,
    waker: AtomicWaker,
}

/// Is the leave to run one handler, given back when it is dropped.
#[derive(Debug)]
pub(super) struct Permit {
    gate: Arc<Gate>,
    /// The queue that pays for it again if it was not used.
    refund: Option<usize>,
}

/// Is a place in the line of one queue.
#[derive(Debug)]
pub(super) struct Place {
    gate: Arc<Gate>,
    seat: usize,
    waiter: Arc<Waiter>,
}

impl Gate {
    /// Adds a queue, and returns its seat.
    pub(super) fn add(&self, share: Share) -> usize {
        let mut state = lock(&self.0);
        state.seats.push(Seat {
            share,
            pass: 0,
            credit: 0,
            waiting: VecDeque::new(),
        });
        state.seats.len() - 1
    }

    /// Lets `handlers` more run at a time.
    pub(super) fn widen(&self, handlers: u32) {
        lock(&self.0).free += handlers;
    }

    /// Asks for a permit for the queue at `seat`, behind the place it may have in the line.
    pub(super) fn poll_enter(
        self: &Arc<Self>,
        seat: usize,
        place: &mut Option<Place>,
        context: &Context<'_>,
    ) -> Poll<Permit> {
        if let Some(waiting) = place {
            waiting.waiter.waker.register(context.waker());
            if !waiting.waiter.is_granted.swap(false, SeqCst) {
                return Poll::Pending;
            }
            *place = None;
            return Poll::Ready(self.permit(Some(seat)));
        }
        let mut state = lock(&self.0);
        if 0 < state.free {
            state.free -= 1;
            return Poll::Ready(self.permit(None));
        }
        let waiter = Arc::<Waiter>::default();
        waiter.waker.register(context.waker());
        state.wait(seat, Arc::clone(&waiter));
        *place = Some(Place {
            gate: Arc::clone(self),
            seat,
            waiter,
        });
        Poll::Pending
    }

    fn permit(self: &Arc<Self>, refund: Option<usize>) -> Permit {
        Permit {
            gate: Arc::clone(self),
            refund,
        }
    }

    fn leave(&self, refund: Option<usize>) {
        let mut state = lock(&self.0);
        if let Some(seat) = refund {
            state.refund(seat);
        }
        let next = state.grant();
        match &next {
            // Under the lock, so that a place that is given up sees it.
            Some(waiter) => waiter.is_granted.store(true, SeqCst),
            None => state.free += 1,
        }
        drop(state);
        if let Some(waiter) = next {
            waiter.waker.wake();
        }
    }
}

impl State {
    fn wait(&mut self, seat: usize, waiter: Arc<Waiter>) {
        let pass = self.pass;
        let seat = &mut self.seats[seat];
        if seat.waiting.is_empty() {
            // Who comes back claims nothing for the time it was away.
            seat.pass = seat.pass.max(pass);
        }
        seat.waiting.push_back(waiter);
    }

    /// Returns whose turn it is, and has the queue pay for it.
    fn grant(&mut self) -> Option<Arc<Waiter>> {
        let seat = self.next()?;
        for seat in &mut self.seats {
            if !seat.waiting.is_empty() {
                seat.credit = (seat.credit + seat.share.floor).min(2 * DUE);
            }
        }
        let seat = &mut self.seats[seat];
        let waiter = seat.waiting.pop_front();
        self.pass = seat.pass;
        seat.pass += seat.stride();
        seat.credit = seat.credit.saturating_sub(DUE);
        waiter
    }

    /// Returns the queue that is next: one whose floor is due, else the first by rank and pass.
    fn next(&self) -> Option<usize> {
        let waits = |seat: &Seat| !seat.waiting.is_empty();
        let waiting = || (0..).zip(&self.seats).filter(|(_, seat)| waits(seat));
        let due = waiting().filter(|(_, seat)| DUE <= seat.credit + seat.share.floor);
        let due = due.max_by_key(|(_, seat)| seat.credit);
        let first = || waiting().min_by_key(|(_, seat)| (Reverse(seat.share.rank), seat.pass));
        due.or_else(first).map(|(seat, _)| seat)
    }

    /// Gives back what a start cost that was none.
    fn refund(&mut self, seat: usize) {
        let seat = &mut self.seats[seat];
        seat.pass = seat.pass.saturating_sub(seat.stride());
        seat.credit = (seat.credit + DUE - seat.share.floor).min(2 * DUE);
    }
}

impl Seat {
    fn stride(&self) -> u64 {
        STRIDE / u64::from(self.share.weight)
    }
}

impl Permit {
    /// Says that the handler starts.
    pub(super) fn used(mut self) -> Self {
        self.refund = None;
        self
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.gate.leave(self.refund);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut state = lock(&self.gate.0);
        let waiting = &mut state.seats[self.seat].waiting;
        waiting.retain(|waiter| !Arc::ptr_eq(waiter, &self.waiter));
        drop(state);
        if self.waiter.is_granted.load(SeqCst) {
            self.gate.leave(Some(self.seat));
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Serves queues that all have always something to do, and returns the starts of each.
    fn serve(shares: &[Share], starts: usize) -> Vec<usize> {
        let mut state = State::default();
        for &share in shares {
            state.seats.push(Seat {
                share,
                pass: 0,
                credit: 0,
                waiting: VecDeque::new(),
            });
        }
        let mut counts = vec![0; shares.len()];
        for _ in 0..starts {
            for seat in 0..shares.len() {
                if state.seats[seat].waiting.is_empty() {
                    state.wait(seat, Arc::default());
                }
            }
            let before: Vec<_> = state.seats.iter().map(|it| it.waiting.len()).collect();
            state.grant().unwrap();
            let served = (0..shares.len()).find(|&at| state.seats[at].waiting.len() < before[at]);
            counts[served.unwrap()] += 1;
        }
        counts
    }

    #[test]
    fn weights_share_out() {
        let counts = serve(&[Share::new().weight(3), Share::new()], 1000);
        assert!(counts[0].abs_diff(750) <= 1, "{counts:?}");
    }

    #[test]
    fn rank_comes_first_and_floors_stay() {
        let high = Share::new().rank(1);
        let counts = serve(&[high, Share::new().floor(10), Share::new().floor(5)], 1000);
        assert!(counts[1].abs_diff(100) <= 2, "{counts:?}");
        assert!(counts[2].abs_diff(50) <= 2, "{counts:?}");
        let counts = serve(&[high, Share::new().floor(0)], 1000);
        assert_eq!(counts, [1000, 0], "no floor is no promise");
    }

    #[test]
    fn start_that_was_none_costs_nothing() {
        let gate = Arc::<Gate>::default();
        let seats = [gate.add(Share::new()), gate.add(Share::new())];
        let context = Context::from_waker(std::task::Waker::noop());
        let mut places = [None, None];
        for (seat, place) in seats.iter().zip(&mut places) {
            assert!(gate.poll_enter(*seat, place, &context).is_pending());
        }
        gate.leave(None);
        let before = lock(&gate.0).seats[0].pass;
        drop(gate.poll_enter(0, &mut places[0], &context));
        let state = lock(&gate.0);
        assert_eq!(state.seats[0].pass + STRIDE, before, "paid back");
        drop(state);
        assert!(gate.poll_enter(1, &mut places[1], &context).is_ready());
    }

    proptest! {
        #[test]
        fn nobody_starves(
            ranks in prop::collection::vec((0_u8..3, 1_u32..50, 1_u32..10), 1..10)
        ) {
            let share = |&(rank, weight, floor): &(u8, u32, u32)| {
                Share::new().rank(rank).weight(weight).floor(floor)
            };
            let shares: Vec<Share> = ranks.iter().map(share).collect();
            let counts = serve(&shares, 2000);
            for (share, count) in shares.iter().zip(&counts) {
                let floor = 20 * share.floor as usize;
                prop_assert!(floor <= count + 10, "{shares:?}: {counts:?}");
            }
        }

        #[test]
        fn never_more_than_allowed_run(moves in prop::collection::vec((0_usize..3, 0_u8..3), 0..200)) {
            let gate = Arc::<Gate>::default();
            (0..3).for_each(|_| { gate.add(Share::new()); });
            gate.widen(2);
            let context = Context::from_waker(std::task::Waker::noop());
            let mut places: Vec<Option<Place>> = vec![None, None, None];
            let mut running: Vec<Permit> = Vec::new();
            for (seat, what) in moves {
                match what {
                    0 => if let Poll::Ready(permit) = gate.poll_enter(seat, &mut places[seat], &context) {
                        running.push(permit.used());
                    },
                    1 => drop(running.pop()),
                    _ => places[seat] = None,
                }
                prop_assert!(running.len() <= 2);
            }
            places.clear();
            running.clear();
            prop_assert_eq!(lock(&gate.0).free, 2, "every leave came back");
        }
    }
}
