//! Loads that are played through, second by second.

use std::collections::VecDeque;

use relayhouse_core::{Random, SeededRandom};

use super::*;

const HANDLER_SECONDS: f64 = 0.5;
const CONCURRENCY: u32 = 10;
/// What one consumer handles in a second when its handlers are as busy as they are to be.
const RATE_OF_ONE: f64 = CONCURRENCY as f64 * BUSY_SHARE / HANDLER_SECONDS;
/// How long a consumer takes to start after it was asked for.
const START_SECONDS: u64 = 20;
/// How often the advice is asked for.
const ASK_SECONDS: u64 = 15;

/// Is a queue with as many consumers as were advised, one of which observes.
struct World {
    now: u64,
    random: SeededRandom,
    live: f64,
    consumers: u32,
    starting: VecDeque<(u64, u32)>,
    /// What the consumer that observes has done.
    departed: f64,
    last_busy: f64,
    scaler: Scaler,
    advice: Vec<u32>,
}

impl World {
    fn new(seed: u64) -> Self {
        Self {
            now: 0,
            random: SeededRandom::new(seed),
            live: 0.0,
            consumers: 1,
            starting: VecDeque::new(),
            departed: 0.0,
            last_busy: 0.0,
            scaler: Scaler::new(ScaleConfig::default()),
            advice: Vec::new(),
        }
    }

    /// Plays `seconds` at a load for which so many consumers are just right, with noise of a tenth.
    fn play(&mut self, seconds: u64, load: f64) {
        for _ in 0..seconds {
            self.now += 1;
            let random: &dyn Random = &self.random;
            let noise = 0.9 + wide(random.below(1_000)) / 5_000.0;
            self.live += load * RATE_OF_ONE * noise;
            let slots = f64::from(self.consumers * CONCURRENCY);
            let done = self.live.min(slots / HANDLER_SECONDS);
            self.live -= done;
            self.last_busy = done * HANDLER_SECONDS;
            self.departed += done / f64::from(self.consumers);
            while self.starting.front().is_some_and(|(at, _)| *at <= self.now) {
                self.consumers = self.starting.pop_front().unwrap().1;
            }
            if self.now.is_multiple_of(ASK_SECONDS) {
                self.ask();
            }
        }
    }

    fn ask(&mut self) {
        let leased = self.last_busy;
        let count = |value: f64| u64::from(whole(value));
        let departed = count(self.departed);
        let observation = Observation {
            at: Instant::START + Duration::from_secs(self.now),
            ready: count(self.live),
            leased: Some(count(leased)),
            held: count(leased / f64::from(self.consumers)),
            departed,
            handled: departed,
            handler_time: Duration::from_secs_f64(HANDLER_SECONDS * wide(departed)),
            ..IDLE
        };
        let advice = self.scaler.observe(&observation).consumers;
        self.advice.push(advice);
        if advice < self.consumers {
            self.starting.clear();
            self.consumers = advice;
        } else {
            self.starting.push_back((self.now + START_SECONDS, advice));
        }
    }
}

const IDLE: Observation = Observation {
    at: Instant::START,
    ready: 0,
    delayed: 0,
    leased: None,
    held: 0,
    departed: 0,
    handled: 0,
    handler_time: Duration::ZERO,
    concurrency: CONCURRENCY,
    in_flight_max: None,
    lease_total_max: Duration::from_secs(3_600),
};

/// Returns a scaler that has seen that a handler takes a second, and the time of that.
fn warm(config: ScaleConfig) -> (Scaler, Observation) {
    let mut scaler = Scaler::new(config);
    scaler.observe(&IDLE);
    let seen = Observation {
        at: Instant::START + Duration::from_secs(60),
        departed: 60,
        handled: 60,
        handler_time: Duration::from_secs(60),
        ..IDLE
    };
    scaler.observe(&seen);
    (scaler, seen)
}

/// Returns how often the advice grew after it had shrunk, by more than a tenth and more than two.
fn turns(advice: &[u32]) -> usize {
    let mut lowest = None;
    let mut turns = 0;
    for pair in advice.windows(2) {
        if pair[1] < pair[0] {
            lowest = Some(pair[1]);
        } else if lowest.is_some_and(|lowest| lowest + (lowest / 10).max(2) < pair[1]) {
            lowest = None;
            turns += 1;
        }
    }
    turns
}

#[test]
fn advice_follows_a_load_of_1_50_1_without_oscillating() {
    for seed in 1..=20 {
        follow(&mut World::new(seed));
    }
}

fn follow(world: &mut World) {
    world.play(10 * 60, 1.0);
    let before = *world.advice.last().unwrap();
    assert!((1..=2).contains(&before), "{:?}", world.advice);
    let risen_at = world.advice.len();

    world.play(30 * 60, 50.0);
    assert!(world.live < 50.0 * RATE_OF_ONE, "the backlog is gone");
    let plateau = &world.advice[risen_at..];
    let up = plateau.iter().position(|it| 50 <= *it).unwrap();
    assert!(up <= 12, "50 within three minutes: {plateau:?}");
    let late = &plateau[plateau.len() / 2..];
    assert!(late.iter().all(|it| (50..=60).contains(it)), "{late:?}");

    world.play(15 * 60, 1.0);
    let after = *world.advice.last().unwrap();
    assert!((1..=2).contains(&after), "{:?}", world.advice);
    let since = &world.advice[risen_at..];
    assert_eq!(
        turns(since),
        0,
        "up and down, and never up again: {since:?}"
    );
}

#[test]
fn backlog_without_arrivals_is_spread_over_its_time() {
    let (mut scaler, seen) = warm(ScaleConfig::default());
    let mut now = Observation {
        at: seen.at + Duration::from_secs(3_600),
        ready: 4_800,
        ..seen
    };
    scaler.observe(&now);
    // Nothing more comes in: what is left is the backlog, 80 handlers' worth in a minute.
    for _ in 0..60 {
        now.at = now.at + Duration::from_secs(15);
        scaler.observe(&now);
    }
    assert_eq!(scaler.consumers, 10, "80 busy handlers, 8 at each");
}

#[test]
fn growth_at_most_doubles_at_a_time() {
    let (mut scaler, seen) = warm(ScaleConfig::default());
    let mut now = Observation {
        ready: 1_000_000,
        ..seen
    };
    let mut advice = Vec::new();
    for _ in 0..6 {
        now.at = now.at + Duration::from_secs(15);
        advice.push(scaler.observe(&now).consumers);
    }
    assert_eq!(advice, [5, 10, 20, 40, 80, 100]);
}

#[test]
fn leases_limit_the_advice() {
    let (mut scaler, seen) = warm(ScaleConfig::default());
    let now = |seconds: u64| Observation {
        at: seen.at + Duration::from_secs(seconds),
        ready: 1_000_000,
        in_flight_max: Some(30),
        ..seen
    };
    let advice = scaler.observe(&now(15));
    assert_eq!(advice.consumers, 3, "30 leases are three consumers of 10");
    assert_eq!(advice.limited_by, Some(Limit::InFlightMax));
    let outlived = Observation {
        lease_total_max: Duration::from_secs(1),
        ..now(30)
    };
    let advice = scaler.observe(&outlived);
    assert_eq!(advice.consumers, 3, "more of them would finish nothing");
    assert_eq!(advice.limited_by, Some(Limit::LeaseTime));
}

#[test]
fn configured_bounds_are_kept() {
    let config = ScaleConfig {
        consumers_min: 2,
        consumers_max: 7,
        ..ScaleConfig::default()
    };
    let (mut scaler, seen) = warm(config);
    assert_eq!(scaler.consumers, 2);
    let now = Observation {
        at: seen.at + Duration::from_secs(15),
        ready: 1_000_000,
        ..seen
    };
    scaler.observe(&now);
    let later = Observation {
        at: now.at + Duration::from_secs(15),
        ..now
    };
    let advice = scaler.observe(&later);
    assert_eq!(
        (advice.consumers, advice.limited_by),
        (7, Some(Limit::ConsumersMax))
    );
}

#[test]
fn nothing_is_advised_before_a_handler_has_ended() {
    let mut scaler = Scaler::new(ScaleConfig::default());
    for seconds in 0..10 {
        let now = Observation {
            at: Instant::START + Duration::from_secs(15 * seconds),
            ready: 1_000_000,
            ..IDLE
        };
        let advice = scaler.observe(&now);
        assert_eq!((advice.consumers, advice.handler_seconds), (1, None));
    }
}

#[test]
fn remembered_needs_are_bounded() {
    let mut scaler = Scaler::new(ScaleConfig::default());
    for step in 0..100_000_u32 {
        let at = Instant::START + Duration::from_millis(u64::from(step));
        scaler.remember(at, f64::from(100_000 - step));
    }
    assert!(scaler.needs.len() <= 66, "{}", scaler.needs.len());
}
