//! What all clones share: the circuit, and who waits for it to let calls through.

use std::{sync::Arc, task::Waker};

use relayhouse_core::{Context, Event, Instant, Observer, Text};

use super::{
    BreakerConfig, State,
    circuit::{Admitted, Change, Circuit, Refused},
};
use crate::{
    line::Line,
    news::News,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
        lock,
    },
    verdict::Verdict,
};

/// Is shared by all clones of a breaker.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) context: Context,
    pub(super) config: BreakerConfig,
    pub(super) name: Text,
    inner: Mutex<Inner>,
    news: News<Change>,
    /// The generation, whether the circuit is closed, and whether it is clean, so that a call that
    /// just goes through and succeeds takes no lock to do so.
    marks: AtomicU64,
}

#[derive(Debug)]
struct Inner {
    circuit: Circuit,
    line: Line,
}

/// Is the permission to make one call. Dropping it gives a probe's place back.
#[derive(Debug)]
pub(super) struct Pass {
    shared: Arc<Shared>,
    admitted: Option<Admitted>,
}

/// Is a place among those who wait. Dropping it leaves.
#[derive(Debug)]
pub(super) struct Place {
    shared: Arc<Shared>,
    ticket: u64,
}

/// Marks the generation of a circuit that is closed.
const IS_CLOSED: u64 = 1;
/// Marks that of a closed circuit that one more success does not change.
const IS_CLEAN: u64 = 2;
const MARK_BITS: u32 = 2;

impl Shared {
    pub(super) fn new(config: BreakerConfig, name: Text, context: Context) -> Self {
        Self {
            context,
            name,
            inner: Mutex::new(Inner {
                circuit: Circuit::new(config.clone()),
                line: Line::default(),
            }),
            config,
            news: News::default(),
            marks: AtomicU64::new(IS_CLOSED),
        }
    }

    pub(super) fn state(&self) -> State {
        let now = self.context.clock.now();
        lock(&self.inner).circuit.state(now)
    }

    /// Lets a call through, or says why not.
    #[inline]
    pub(super) fn admit(self: &Arc<Self>) -> Result<Pass, Refused> {
        let marks = self.marks.load(Ordering::Acquire);
        if marks & IS_CLOSED != IS_CLOSED {
            return self.admit_by_circuit();
        }
        Ok(self.pass(Admitted {
            generation: marks >> MARK_BITS,
            is_probe: false,
        }))
    }

    /// Asks the circuit, and tells if it is half open by that.
    fn admit_by_circuit(self: &Arc<Self>) -> Result<Pass, Refused> {
        let now = self.context.clock.now();
        let (admitted, is_news) = {
            let circuit = &mut lock(&self.inner).circuit;
            let (admitted, change) = circuit.admit(now)?;
            (admitted, self.note(change))
        };
        // First the pass, then the news: an observer that panics costs no probe its place.
        let pass = self.pass(admitted);
        if is_news {
            self.tell();
        }
        Ok(pass)
    }

    #[inline]
    fn pass(self: &Arc<Self>, admitted: Admitted) -> Pass {
        Pass {
            shared: Arc::clone(self),
            admitted: Some(admitted),
        }
    }

    /// Waits until something has changed.
    pub(super) fn wait(self: &Arc<Self>, place: &mut Option<Place>, waker: &Waker) {
        let line = &mut lock(&self.inner).line;
        match place {
            Some(place) => line.stay(place.ticket, waker),
            None => {
                *place = Some(Place {
                    shared: Arc::clone(self),
                    ticket: line.join(waker),
                });
            }
        }
    }

    /// Does what `act` does to the circuit, wakes who waits if that may let calls through, and
    /// tells of a change.
    fn change(&self, act: impl FnOnce(&mut Circuit) -> Option<Change>) {
        let (is_news, wakers) = {
            let mut inner = lock(&self.inner);
            let change = act(&mut inner.circuit);
            self.marks.store(marks(&inner.circuit), Ordering::Release);
            (self.note(change), inner.line.all())
        };
        wakers.into_iter().for_each(Waker::wake);
        if is_news {
            self.tell();
        }
    }

    /// Notes a change of the circuit, which is still locked; returns true if it is to be told.
    fn note(&self, change: Option<Change>) -> bool {
        let Some(change) = change.filter(|_| self.context.observer.is_some()) else {
            return false;
        };
        self.news.add(change);
        true
    }

    fn tell(&self) {
        let Some(observer) = &self.context.observer else {
            return;
        };
        self.news.tell(|change| self.tell_one(&**observer, change));
    }

    fn tell_one(&self, observer: &dyn Observer, change: Change) {
        let name = self.name.as_str();
        let event = match change {
            Change::Opened { until } => Event::BreakerOpened { name, until },
            Change::HalfOpened => Event::BreakerHalfOpened { name },
            Change::Closed => Event::BreakerClosed { name },
        };
        observer.observe(self.context.clock.now(), &[event]);
    }
}

impl Pass {
    /// Returns true if the circuit is still as it was when it gave the pass.
    #[inline]
    pub(super) fn is_current(&self) -> bool {
        let Some(admitted) = self.admitted else {
            return false;
        };
        if admitted.is_probe {
            let generation = lock(&self.shared.inner).circuit.generation();
            return admitted.generation == generation;
        }
        let marks = self.shared.marks.load(Ordering::Acquire);
        marks & !IS_CLEAN == admitted.generation << MARK_BITS | IS_CLOSED
    }

    /// Says how the call ended. It was slow if it ends at `slow_at` or later.
    #[inline]
    pub(super) fn record(mut self, verdict: Verdict, slow_at: Option<Instant>) {
        let Some(admitted) = self.admitted.take() else {
            return;
        };
        if self.changes_nothing(admitted, verdict, slow_at) {
            return;
        }
        let clock = &self.shared.context.clock;
        let is_slow = slow_at.is_some_and(|slow_at| slow_at <= clock.now());
        let now = || clock.now();
        self.shared
            .change(|circuit| circuit.record(now, admitted, verdict, is_slow));
    }
}

impl Pass {
    /// Returns true for a success while all that is remembered is as good.
    #[inline]
    fn changes_nothing(
        &self,
        admitted: Admitted,
        verdict: Verdict,
        slow_at: Option<Instant>,
    ) -> bool {
        if verdict != Verdict::Success || slow_at.is_some() {
            return false;
        }
        let clean = admitted.generation << MARK_BITS | IS_CLOSED | IS_CLEAN;
        self.shared.marks.load(Ordering::Acquire) == clean
    }
}

/// Returns the generation of `circuit` with its marks.
fn marks(circuit: &Circuit) -> u64 {
    let closed = u64::from(circuit.is_closed()) * IS_CLOSED;
    let clean = u64::from(circuit.is_clean()) * IS_CLEAN;
    circuit.generation() << MARK_BITS | closed | clean
}

impl Drop for Pass {
    #[inline]
    fn drop(&mut self) {
        if let Some(admitted) = self.admitted.take()
            && admitted.is_probe
        {
            self.shared.change(|circuit| {
                circuit.give_back(admitted);
                None
            });
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // Whoever waits is woken by each change, and so no place passes anything on.
        drop(lock(&self.shared.inner).line.leave(self.ticket));
    }
}
