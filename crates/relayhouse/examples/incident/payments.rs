//! The service that handlers call, and how it is from which minute on.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use relayhouse::{Clock, Error, ErrorKind, Instant, Result, Settlement};

/// One order in so many is paid with a voucher.
const VOUCHERS: u32 = 8;

/// Is how the service is from some minute on.
pub(crate) struct Phase {
    pub(crate) from: u64,
    pub(crate) about: &'static str,
    pub(crate) places: usize,
    call: Duration,
    is_down: bool,
    knows_vouchers: bool,
}

pub(crate) const WELL: Phase = Phase {
    from: 0,
    about: "all is well",
    places: 12,
    call: Duration::from_millis(800),
    is_down: false,
    knows_vouchers: true,
};

pub(crate) const PHASES: [Phase; 5] = [
    WELL,
    Phase {
        from: 20,
        about: "payments gets slow: it has lost three of four replicas",
        places: 3,
        call: Duration::from_millis(1_600),
        ..WELL
    },
    Phase {
        from: 36,
        about: "payments fails",
        is_down: true,
        ..WELL
    },
    Phase {
        from: 44,
        about: "payments is back with more replicas, in an older version that knows no vouchers",
        places: 24,
        knows_vouchers: false,
        ..WELL
    },
    Phase {
        from: 62,
        about: "payments is mended",
        places: 24,
        ..WELL
    },
];

/// Is the service: it works on calls in their order, as many at a time as it has places.
pub(crate) struct Payments {
    clock: Arc<dyn Clock>,
    state: Mutex<(Vec<Instant>, &'static Phase)>,
}

impl Payments {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        let places = vec![Instant::START; WELL.places];
        let state = Mutex::new((places, &PHASES[0]));
        Self { clock, state }
    }

    fn state(&self) -> MutexGuard<'_, (Vec<Instant>, &'static Phase)> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn become_as(&self, phase: &'static Phase) {
        let mut state = self.state();
        state.0.resize(phase.places, self.clock.now());
        state.1 = phase;
    }

    pub(crate) async fn pay(&self, order: u32) -> Result<Settlement> {
        let (phase, end) = {
            let mut state = self.state();
            let (now, phase) = (self.clock.now(), state.1);
            let mut end = now;
            if let Some(place) = state.0.iter_mut().min().filter(|_| !phase.is_down) {
                *place = now.max(*place) + phase.call;
                end = *place;
            }
            (phase, end)
        };
        if phase.is_down {
            return Err(Error::new(ErrorKind::Handler, "payments answers 503"));
        }
        self.clock.sleep_until(end).await;
        if !phase.knows_vouchers && order.is_multiple_of(VOUCHERS) {
            let text = "payments answers 422: it knows no vouchers";
            return Ok(Settlement::dead_letter("voucher-unknown", text));
        }
        Ok(Settlement::Ack)
    }
}
