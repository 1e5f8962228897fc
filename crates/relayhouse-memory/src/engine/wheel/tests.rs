//! The wheel against a simple list of timers.

use proptest::prelude::{ProptestConfig, any, prop_assert, prop_assert_eq, prop_oneof, proptest};
use proptest::strategy::Strategy;

use super::*;

fn at(nanos: u64) -> Instant {
    Instant::from_nanos(nanos)
}

#[test]
fn leases_of_one_length_end_in_order() {
    let mut wheel = Wheel::new(Instant::START);
    for n in 0..100_u32 {
        let n64 = u64::from(n);
        wheel.lease(at(n64), at(1_000 + n64), Owner::Slot(n));
    }
    assert_eq!(wheel.next_due(), at(1_000));
    assert_eq!(wheel.pop_due(at(999)), None);
    for n in 0..100 {
        assert_eq!(wheel.pop_due(at(2_000)), Some(Due::Slot(n)));
    }
    assert_eq!(wheel.next_due(), Instant::NEVER);
}

#[test]
fn timers_are_used_again() {
    let mut wheel = Wheel::new(Instant::START);
    for n in 0..10_000_u64 {
        let lease = wheel.lease(at(n), at(n + 1_000_000_000), Owner::Slot(1));
        let other = wheel.add(at(n + 5_000_000), Owner::Slot(2));
        wheel.cancel(lease);
        wheel.cancel(other);
    }
    assert!(wheel.timers.len() <= 2, "{}", wheel.timers.len());
}

#[derive(Clone, Debug)]
enum Step {
    Add(u64),
    Lease(u64),
    Cancel(usize),
    Extend(usize, u64),
    Pass(u64),
}

fn span() -> impl Strategy<Value = u64> {
    prop_oneof![0..3_000_000_u64, 0..10_000_000_000_u64, 0..1_u64 << 55]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        span().prop_map(Step::Add),
        span().prop_map(Step::Lease),
        any::<usize>().prop_map(Step::Cancel),
        (any::<usize>(), span()).prop_map(|(n, span)| Step::Extend(n, span)),
        span().prop_map(Step::Pass),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn each_timer_ends_once_and_exactly_when_due(
        steps in proptest::collection::vec(step(), 1..80)
    ) {
        let mut wheel = Wheel::new(Instant::START);
        let mut now = Instant::START;
        let mut model: Vec<(Instant, u32, u32)> = Vec::new();
        for (number, step) in (0_u32..).zip(steps) {
            match step {
                Step::Add(span) => {
                    let due = now + std::time::Duration::from_nanos(span);
                    model.push((due, number, wheel.add(due, Owner::Slot(number))));
                }
                Step::Lease(span) => {
                    let due = now + std::time::Duration::from_nanos(span);
                    model.push((due, number, wheel.lease(now, due, Owner::Slot(number))));
                }
                Step::Cancel(n) if !model.is_empty() => {
                    let (_, _, timer) = model.swap_remove(n % model.len());
                    wheel.cancel(timer);
                }
                Step::Extend(n, span) if !model.is_empty() => {
                    let at = n % model.len();
                    let due = now + std::time::Duration::from_nanos(span);
                    let owner = Owner::Slot(model[at].1);
                    let timer = wheel.extend(model[at].2, due, owner);
                    model[at] = (due, model[at].1, timer);
                }
                Step::Cancel(_) | Step::Extend(..) => {}
                Step::Pass(span) => {
                    now = now + std::time::Duration::from_nanos(span);
                    while !wheel.is_quiet(now) {
                        let Some(owner) = wheel.pop_due(now) else {
                            prop_assert!(wheel.is_quiet(now));
                            break;
                        };
                        let earliest = model.iter().map(|(due, ..)| *due).min();
                        let at = model.iter().position(|(_, n, _)| Due::Slot(*n) == owner);
                        prop_assert!(at.is_some(), "nobody waits for {owner:?}");
                        let (due, ..) = model.swap_remove(at.unwrap_or_default());
                        prop_assert_eq!(Some(due), earliest);
                        prop_assert!(due <= now);
                    }
                    prop_assert!(model.iter().all(|(due, ..)| now < *due));
                }
            }
            let earliest = model.iter().map(|(due, ..)| *due).min();
            prop_assert!(wheel.next_due() <= earliest.unwrap_or(Instant::NEVER));
            prop_assert_eq!(wheel.next_due() == Instant::NEVER, model.is_empty());
            prop_assert!(!wheel.is_quiet(now) || now < wheel.next_due());
        }
    }
}
