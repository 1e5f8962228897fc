//! The state machine of a breaker, without time of its own and without waiting.

use std::collections::VecDeque;

use relayhouse_core::Instant;

use super::BreakerConfig;
use crate::verdict::Verdict;

/// Is what a breaker knows of its service.
#[derive(Debug)]
pub(super) struct Circuit {
    config: BreakerConfig,
    phase: Phase,
    /// Grows with each change of phase: what belongs to an earlier one changes nothing.
    generation: u64,
    window: Window,
}

/// Says whether a breaker lets calls through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// All calls go through.
    Closed,
    /// No call goes through.
    Open,
    /// A few calls go through, to see whether the service works again.
    HalfOpen,
}

#[derive(Debug)]
enum Phase {
    Closed,
    Open { until: Instant },
    HalfOpen { probing: u32, succeeded: u32 },
}

/// Is the permission to make one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Admitted {
    pub(super) generation: u64,
    pub(super) is_probe: bool,
}

/// Says why a call is not made now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// The breaker is open until then.
    Until(Instant),
    /// As many probes are under way as may be.
    Probing,
}

/// Is a change that others hear of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    Opened { until: Instant },
    HalfOpened,
    Closed,
}

/// Holds how the latest calls ended.
#[derive(Debug, Default)]
struct Window {
    calls: VecDeque<Call>,
    failures: u32,
    slow: u32,
    in_a_row: u32,
}

#[derive(Clone, Copy, Debug)]
struct Call {
    is_failure: bool,
    is_slow: bool,
}

impl Circuit {
    pub(super) fn new(config: BreakerConfig) -> Self {
        Self {
            config,
            phase: Phase::Closed,
            generation: 0,
            window: Window::default(),
        }
    }

    pub(super) fn generation(&self) -> u64 {
        self.generation
    }

    pub(super) fn is_closed(&self) -> bool {
        matches!(self.phase, Phase::Closed)
    }

    /// Returns true if the breaker is closed, and one more success changes nothing: as many as are
    /// remembered were successes.
    pub(super) fn is_clean(&self) -> bool {
        let Window {
            calls,
            failures,
            slow,
            ..
        } = &self.window;
        let is_full = self.config.window.get() as usize <= calls.len();
        self.is_closed() && is_full && *failures == 0 && *slow == 0
    }

    pub(super) fn state(&self, now: Instant) -> State {
        match self.phase {
            Phase::Closed => State::Closed,
            Phase::Open { until } if now < until => State::Open,
            Phase::Open { .. } | Phase::HalfOpen { .. } => State::HalfOpen,
        }
    }

    /// Lets a call through, or says why not. The first one after the breaker was open changes it.
    pub(super) fn admit(&mut self, now: Instant) -> Result<(Admitted, Option<Change>), Refused> {
        let mut change = None;
        if let Phase::Open { until } = self.phase {
            if now < until {
                return Err(Refused::Until(until));
            }
            change = Some(self.half_open());
        }
        let mut is_probe = false;
        if let Phase::HalfOpen { probing, succeeded } = &mut self.phase {
            if self.config.probes.get() <= *probing + *succeeded {
                return Err(Refused::Probing);
            }
            *probing += 1;
            is_probe = true;
        }
        let admitted = Admitted {
            generation: self.generation,
            is_probe,
        };
        Ok((admitted, change))
    }

    /// Takes back the permission of a call that was not made, or of which nothing is known.
    pub(super) fn give_back(&mut self, admitted: Admitted) {
        if let Phase::HalfOpen { probing, .. } = &mut self.phase
            && admitted.generation == self.generation
        {
            *probing -= 1;
        }
    }

    /// Learns how a call ended. The time is asked for when the breaker opens.
    pub(super) fn record(
        &mut self,
        now: impl FnOnce() -> Instant,
        admitted: Admitted,
        verdict: Verdict,
        is_slow: bool,
    ) -> Option<Change> {
        let is_failure = match verdict {
            Verdict::Failure => true,
            Verdict::Success => false,
            Verdict::Neutral => {
                self.give_back(admitted);
                return None;
            }
        };
        if admitted.generation != self.generation {
            return None;
        }
        let call = Call {
            is_failure,
            is_slow,
        };
        match &mut self.phase {
            Phase::Closed => {
                self.window.push(call, self.config.window.get());
                self.window.opens(&self.config).then(|| self.open(now()))
            }
            Phase::HalfOpen { .. } if is_failure || is_slow => Some(self.open(now())),
            Phase::HalfOpen { probing, succeeded } => {
                *probing -= 1;
                *succeeded += 1;
                let is_done = self.config.probes.get() <= *succeeded;
                is_done.then(|| self.close())
            }
            Phase::Open { .. } => None,
        }
    }

    fn open(&mut self, now: Instant) -> Change {
        let until = now + self.config.open_for;
        self.enter(Phase::Open { until });
        Change::Opened { until }
    }

    fn half_open(&mut self) -> Change {
        self.enter(Phase::HalfOpen {
            probing: 0,
            succeeded: 0,
        });
        Change::HalfOpened
    }

    fn close(&mut self) -> Change {
        self.enter(Phase::Closed);
        Change::Closed
    }

    fn enter(&mut self, phase: Phase) {
        self.phase = phase;
        self.generation += 1;
        self.window = Window::default();
    }
}

impl Window {
    fn push(&mut self, call: Call, max: u32) {
        if max as usize <= self.calls.len()
            && let Some(oldest) = self.calls.pop_front()
        {
            self.failures -= u32::from(oldest.is_failure);
            self.slow -= u32::from(oldest.is_slow);
        }
        self.calls.push_back(call);
        self.failures += u32::from(call.is_failure);
        self.slow += u32::from(call.is_slow);
        self.in_a_row = if call.is_failure {
            self.in_a_row + 1
        } else {
            0
        };
    }

    fn opens(&self, config: &BreakerConfig) -> bool {
        if config.failures_in_a_row.get() <= self.in_a_row {
            return true;
        }
        let window = config.window.get();
        let is_full = window as usize <= self.calls.len();
        let reaches =
            |count: u32, share: f64| 0 < count && share * f64::from(window) <= f64::from(count);
        is_full
            && (reaches(self.failures, config.failure_share)
                || (config.slow_after.is_some() && reaches(self.slow, config.slow_share)))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::{collection::vec, prelude::*};

    use super::*;

    const OPEN_FOR: Duration = Duration::from_secs(30);

    fn at(seconds: u64) -> Instant {
        Instant::START + Duration::from_secs(seconds)
    }

    fn circuit() -> Circuit {
        Circuit::new(BreakerConfig {
            slow_after: Some(Duration::from_secs(1)),
            ..BreakerConfig::default()
        })
    }

    fn admit(circuit: &mut Circuit, now: Instant) -> Admitted {
        circuit.admit(now).unwrap().0
    }

    fn call(
        circuit: &mut Circuit,
        now: Instant,
        verdict: Verdict,
        is_slow: bool,
    ) -> Option<Change> {
        let admitted = admit(circuit, now);
        circuit.record(|| now, admitted, verdict, is_slow)
    }

    #[test]
    fn five_failures_in_a_row_open() {
        let mut circuit = circuit();
        for _ in 0..4 {
            assert_eq!(call(&mut circuit, at(0), Verdict::Failure, false), None);
        }
        // A message that is at fault itself says nothing, and a success starts the row anew.
        assert_eq!(call(&mut circuit, at(0), Verdict::Neutral, false), None);
        assert_eq!(call(&mut circuit, at(0), Verdict::Success, false), None);
        for _ in 0..4 {
            assert_eq!(call(&mut circuit, at(0), Verdict::Failure, false), None);
        }
        let until = at(0) + OPEN_FOR;
        let change = call(&mut circuit, at(0), Verdict::Failure, false);
        assert_eq!(change, Some(Change::Opened { until }));
        assert_eq!(circuit.admit(at(29)), Err(Refused::Until(until)));
        assert_eq!(circuit.state(at(29)), State::Open);
        assert_eq!(circuit.state(at(30)), State::HalfOpen);
    }

    /// Every second call fails: never two in a row, and half of twenty.
    #[test]
    fn half_of_the_latest_twenty_open() {
        let mut circuit = circuit();
        for number in 0..19 {
            let verdict = if number % 2 == 0 {
                Verdict::Failure
            } else {
                Verdict::Success
            };
            assert_eq!(call(&mut circuit, at(0), verdict, false), None, "{number}");
        }
        let change = call(&mut circuit, at(0), Verdict::Success, false);
        assert!(matches!(change, Some(Change::Opened { .. })));
    }

    /// A clean circuit is one that a success leaves as it is, and a failure makes it another.
    #[test]
    fn clean_is_a_window_of_successes() {
        let mut circuit = circuit();
        for _ in 0..20 {
            assert!(!circuit.is_clean());
            call(&mut circuit, at(0), Verdict::Success, false);
        }
        assert!(circuit.is_clean());
        call(&mut circuit, at(0), Verdict::Failure, false);
        assert!(!circuit.is_clean());
        for _ in 0..19 {
            call(&mut circuit, at(0), Verdict::Success, false);
            assert!(!circuit.is_clean());
        }
        call(&mut circuit, at(0), Verdict::Success, false);
        assert!(circuit.is_clean());
    }

    #[test]
    fn half_slow_calls_open() {
        let mut circuit = circuit();
        let mut changes = (0..20).map(|n| call(&mut circuit, at(0), Verdict::Success, n % 2 == 0));
        assert!(changes.by_ref().take(19).all(|change| change.is_none()));
        assert!(matches!(changes.next(), Some(Some(Change::Opened { .. }))));
    }

    #[test]
    fn share_of_zero_is_one_failure() {
        let mut circuit = Circuit::new(BreakerConfig {
            failure_share: 0.0,
            ..BreakerConfig::default()
        });
        for _ in 0..40 {
            assert_eq!(call(&mut circuit, at(0), Verdict::Success, false), None);
        }
        assert!(call(&mut circuit, at(0), Verdict::Failure, false).is_some());
    }

    fn opened() -> Circuit {
        let mut circuit = circuit();
        for _ in 0..5 {
            call(&mut circuit, at(0), Verdict::Failure, false);
        }
        circuit
    }

    #[test]
    fn three_probes_that_succeed_close() {
        let mut circuit = opened();
        let probes = [(); 3].map(|()| circuit.admit(at(30)).unwrap());
        assert_eq!(
            probes.map(|(_, change)| change),
            [Some(Change::HalfOpened), None, None]
        );
        let probes = probes.map(|(probe, _)| probe);
        assert!(probes.iter().all(|probe| probe.is_probe));
        assert_eq!(circuit.admit(at(30)), Err(Refused::Probing));
        let mut end = |probe| circuit.record(|| at(31), probe, Verdict::Success, false);
        assert_eq!(probes.map(&mut end), [None, None, Some(Change::Closed)]);
        assert!(!admit(&mut circuit, at(31)).is_probe);
    }

    #[test]
    fn one_probe_that_fails_or_is_slow_opens_again() {
        for (verdict, is_slow) in [(Verdict::Failure, false), (Verdict::Success, true)] {
            let mut circuit = opened();
            let early = admit(&mut circuit, at(30));
            let change = call(&mut circuit, at(31), verdict, is_slow);
            assert_eq!(change, Some(Change::Opened { until: at(61) }));
            // The other probe ends afterwards, and changes nothing.
            let late = circuit.record(|| at(32), early, Verdict::Success, false);
            assert_eq!(late, None);
            assert_eq!(circuit.state(at(60)), State::Open);
        }
    }

    #[test]
    fn probe_that_says_nothing_gives_its_place_back() {
        let mut circuit = opened();
        for _ in 0..10 {
            let probes = [(); 3].map(|()| admit(&mut circuit, at(30)));
            let [dropped, neutral, other] = probes;
            circuit.give_back(dropped);
            circuit.record(|| at(30), neutral, Verdict::Neutral, false);
            circuit.give_back(other);
        }
        assert_eq!(circuit.state(at(30)), State::HalfOpen);
    }

    /// A call from before the breaker opened ends when it has closed again.
    #[test]
    fn late_ends_change_nothing() {
        let mut circuit = circuit();
        let late = [(); 5].map(|()| admit(&mut circuit, at(0)));
        for _ in 0..5 {
            call(&mut circuit, at(0), Verdict::Failure, false);
        }
        for _ in 0..3 {
            call(&mut circuit, at(30), Verdict::Success, false);
        }
        for admitted in late {
            let change = circuit.record(|| at(31), admitted, Verdict::Failure, false);
            assert_eq!(change, None);
        }
        assert_eq!(circuit.state(at(31)), State::Closed);
    }

    #[derive(Clone, Debug)]
    enum Step {
        Admit,
        End(usize, Verdict, bool),
        Drop(usize),
        Pass(u64),
    }

    fn step() -> impl Strategy<Value = Step> {
        let verdict = prop_oneof![
            2 => Just(Verdict::Success),
            3 => Just(Verdict::Failure),
            1 => Just(Verdict::Neutral),
        ];
        prop_oneof![
            4 => Just(Step::Admit),
            4 => (any::<usize>(), verdict, any::<bool>())
                .prop_map(|(index, verdict, is_slow)| Step::End(index, verdict, is_slow)),
            1 => any::<usize>().prop_map(Step::Drop),
            1 => (0..40_u64).prop_map(Step::Pass),
        ]
    }

    proptest! {
        /// Nothing goes through while it is open, at most three probes are under way, and once
        /// all calls have ended and the time is over, the next one goes through.
        #[test]
        fn no_call_slips_through_and_no_probe_is_lost(steps in vec(step(), 0..300)) {
            let mut circuit = circuit();
            let mut now = 0;
            let mut out: Vec<Admitted> = Vec::new();
            let mut until = at(0);
            for step in steps {
                match step {
                    Step::Admit => if let Ok((admitted, _)) = circuit.admit(at(now)) {
                        prop_assert!(until <= at(now), "open until {until:?}");
                        out.push(admitted);
                        let probes = out.iter().filter(|other| {
                            other.is_probe && other.generation == circuit.generation()
                        });
                        prop_assert!(probes.count() <= 3);
                    },
                    Step::End(index, verdict, is_slow) if !out.is_empty() => {
                        let admitted = out.swap_remove(index % out.len());
                        let change = circuit.record(|| at(now), admitted, verdict, is_slow);
                        if let Some(Change::Opened { until: end }) = change {
                            until = end;
                        }
                    }
                    Step::Drop(index) if !out.is_empty() => {
                        circuit.give_back(out.swap_remove(index % out.len()));
                    }
                    Step::Pass(seconds) => now += seconds,
                    Step::End(..) | Step::Drop(_) => {}
                }
            }
            out.into_iter().for_each(|admitted| circuit.give_back(admitted));
            prop_assert!(circuit.admit(at(now) + OPEN_FOR).is_ok());
        }
    }
}
