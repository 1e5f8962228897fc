//! Turns, weights and limits of keys.

use std::{
    collections::BTreeMap,
    num::{NonZeroU32, NonZeroU64},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use proptest::{collection::vec, prelude::*};
use relayhouse_core::{
    Delivery, Instant, Message, Text,
    config::Params,
    port::{Choice, Dispatch, DispatchLine},
};

use super::{Cost, Fair, FairConfig};
use crate::testing::delivery;

const NOW: Instant = Instant::START;

fn of(tenant: &'static str, bytes: usize) -> Delivery {
    let mut delivery = delivery("7", 1, Instant::NEVER);
    delivery.message = Message::new(vec![0; bytes]).header("tenant", tenant);
    delivery
}

fn push(line: &mut dyn DispatchLine, tenant: &'static str, bytes: usize, count: usize) {
    let delivery = of(tenant, bytes);
    let key = line.key(&delivery);
    (0..count).for_each(|_| line.push(&key, &delivery));
}

/// Starts what the line chooses, up to `count`, and ends each at once.
fn serve(line: &mut dyn DispatchLine, count: usize) -> Vec<Text> {
    let mut served = Vec::new();
    while served.len() < count {
        let Choice::Start(key) = line.choose(NOW) else {
            break;
        };
        line.start(&key, NOW);
        line.end(&key);
        served.push(key);
    }
    served
}

fn count(served: &[Text], key: &str) -> usize {
    served.iter().filter(|served| *served == key).count()
}

#[test]
fn keys_take_turns_whatever_they_have() {
    let mut line = Fair::by_header("tenant").line();
    push(&mut *line, "a", 1, 1_000);
    push(&mut *line, "b", 1, 10);
    let served = serve(&mut *line, 20);
    assert_eq!((count(&served, "a"), count(&served, "b")), (10, 10));
    assert_eq!(serve(&mut *line, 5_000).len(), 990);
    // A key that comes back has saved nothing up.
    push(&mut *line, "a", 1, 10);
    push(&mut *line, "b", 1, 10);
    assert_eq!(count(&serve(&mut *line, 10), "b"), 5);
}

#[test]
fn weights_are_kept() {
    let weight = |key: &str| NonZeroU32::new(if key == "gold" { 3 } else { 1 }).unwrap();
    let mut line = Fair::by_header("tenant").weight(weight).line();
    push(&mut *line, "gold", 1, 100);
    push(&mut *line, "plain", 1, 100);
    assert_eq!(count(&serve(&mut *line, 40), "gold"), 30);
}

/// Where bytes are counted, ten small messages weigh as much as a great one.
#[test]
fn bytes_are_shared_where_they_are_counted() {
    let config = FairConfig {
        cost: Cost::Bytes,
        turn_bytes: NonZeroU64::new(100).unwrap(),
        ..FairConfig::default()
    };
    let mut line = Fair::by_header("tenant").config(config).line();
    // With the header, which has 7 bytes.
    push(&mut *line, "b", 993, 100);
    push(&mut *line, "s", 93, 1_000);
    let served = serve(&mut *line, 110);
    assert_eq!((count(&served, "b"), count(&served, "s")), (10, 100));
}

/// A message may cost millions of turns, which are not taken one by one.
#[test]
fn many_turns_pass_at_once() {
    let asked = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&asked);
    let config = FairConfig {
        cost: Cost::Bytes,
        turn_bytes: NonZeroU64::MIN,
        ..FairConfig::default()
    };
    let weight = move |key: &str| {
        count.fetch_add(1, Ordering::Relaxed);
        NonZeroU32::new(if key == "gold" { 3 } else { 1 }).unwrap()
    };
    let fair = Fair::by_header("tenant").weight(weight);
    let mut line = fair.config(config).line();
    // With the header 3,000,000 bytes, of which three pass in a turn, and 1,500,000.
    push(&mut *line, "gold", 3_000_000 - 10, 2);
    push(&mut *line, "plain", 1_500_000 - 11, 1);
    let served = serve(&mut *line, 3);
    let served: Vec<&str> = served.iter().map(Text::as_str).collect();
    assert_eq!(served, ["gold", "plain", "gold"]);
    let asked = asked.load(Ordering::Relaxed);
    assert!(asked < 50, "asked {asked} times");
}

#[test]
fn key_at_its_concurrency_lets_the_others_go_on() {
    let config = FairConfig {
        concurrency_max: NonZeroU32::new(2),
        ..FairConfig::default()
    };
    let mut line = Fair::by_header("tenant").config(config).line();
    push(&mut *line, "a", 1, 10);
    push(&mut *line, "b", 1, 1);
    let mut running = Vec::new();
    while let Choice::Start(key) = line.choose(NOW) {
        line.start(&key, NOW);
        running.push(key);
    }
    assert_eq!((count(&running, "a"), count(&running, "b")), (2, 1));
    assert_eq!(line.choose(NOW), Choice::Nothing);
    line.end(&"b".into());
    assert_eq!(line.choose(NOW), Choice::Nothing);
    line.end(&"a".into());
    assert_eq!(line.choose(NOW), Choice::Start("a".into()));
}

#[test]
fn key_at_its_rate_waits_for_its_time() {
    let config = FairConfig {
        rate_max: NonZeroU64::new(10),
        rate_burst: NonZeroU64::new(1),
        ..FairConfig::default()
    };
    let mut line = Fair::by_header("tenant").config(config).line();
    push(&mut *line, "a", 1, 10);
    assert_eq!(serve(&mut *line, 10).len(), 1);
    let at = NOW + Duration::from_millis(100);
    assert_eq!(line.choose(NOW), Choice::Wait(at));
    push(&mut *line, "b", 1, 1);
    assert_eq!(line.choose(NOW), Choice::Start("b".into()));
    assert_eq!(line.choose(at), Choice::Start("b".into()));
    line.start(&"b".into(), at);
    assert_eq!(line.choose(at), Choice::Start("a".into()));
}

#[test]
fn messages_without_the_header_have_a_share_together() {
    let mut line = Fair::by_header("other").line();
    push(&mut *line, "a", 1, 1);
    assert_eq!(line.choose(NOW), Choice::Start(Text::default()));
}

/// Of a million keys that came and went, few are remembered.
#[test]
fn keys_that_are_gone_are_forgotten() {
    let fair = Fair::by(|delivery| Some(delivery.id.to_string().into()));
    let mut line = fair.line();
    for number in 0..10_000_u128 {
        let mut delivery = of("a", 1);
        delivery.id = number.into();
        let key = line.key(&delivery);
        line.push(&key, &delivery);
        assert_eq!(serve(&mut *line, 1), [key]);
    }
    let kept = format!("{line:?}").matches("Share {").count();
    assert!(kept <= 65, "{kept} are kept");
}

#[derive(Clone, Debug)]
enum Step {
    Push(u8, usize),
    Start,
    End(usize),
    Remove(u8),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (0..4_u8, 1..500_usize).prop_map(|(key, bytes)| Step::Push(key, bytes)),
        3 => Just(Step::Start),
        2 => any::<usize>().prop_map(Step::End),
        1 => (0..4_u8).prop_map(Step::Remove),
    ]
}

proptest! {
    /// Whatever comes and goes, no key runs more than it may, only what waits is chosen, the
    /// choice is the same when it is asked for again, and something is chosen if anything may run.
    #[test]
    fn line_chooses_what_may_run(steps in vec(step(), 0..300), counts_bytes: bool) {
        const KEYS: [&str; 4] = ["a", "b", "c", "d"];
        let config = FairConfig {
            cost: if counts_bytes { Cost::Bytes } else { Cost::Messages },
            turn_bytes: NonZeroU64::new(50).unwrap(),
            concurrency_max: NonZeroU32::new(3),
            ..FairConfig::default()
        };
        let mut line = Fair::by_header("tenant").config(config).line();
        let mut waiting: BTreeMap<&str, usize> = BTreeMap::new();
        let mut running: Vec<Text> = Vec::new();
        for step in steps {
            match step {
                Step::Push(key, bytes) => {
                    let key = KEYS[usize::from(key)];
                    push(&mut *line, key, bytes, 1);
                    *waiting.entry(key).or_default() += 1;
                }
                Step::Start => if let Choice::Start(key) = line.choose(NOW) {
                    prop_assert_eq!(line.choose(NOW), Choice::Start(key.clone()));
                    let count = waiting.get_mut(key.as_str());
                    prop_assert!(count.as_ref().is_some_and(|count| 0 < **count));
                    count.into_iter().for_each(|count| *count -= 1);
                    line.start(&key, NOW);
                    running.push(key);
                },
                Step::End(index) => if !running.is_empty() {
                    let key = running.swap_remove(index % running.len());
                    line.end(&key);
                },
                Step::Remove(key) => {
                    let key = KEYS[usize::from(key)];
                    if let Some(count) = waiting.get_mut(key).filter(|count| 0 < **count) {
                        *count -= 1;
                        line.remove_last(&key.into());
                    }
                }
            }
            let room = |key: &str| count(&running, key) < 3;
            prop_assert!(KEYS.iter().all(|key| count(&running, key) <= 3));
            let can_start = waiting.iter().any(|(key, count)| 0 < *count && room(key));
            prop_assert_eq!(line.choose(NOW) != Choice::Nothing, can_start);
        }
    }

    /// While all keys have something to do, each gets its share by weight, within one turn.
    #[test]
    fn backlogged_keys_get_their_shares(weights in vec(1..5_u32, 2..5), turns in 1..20_usize) {
        const KEYS: [&str; 4] = ["a", "b", "c", "d"];
        let of_key = weights.clone();
        let weight = move |key: &str| {
            let index = KEYS.iter().position(|other| *other == key).unwrap();
            NonZeroU32::new(of_key[index]).unwrap()
        };
        let mut line = Fair::by_header("tenant").weight(weight).line();
        for (key, _) in KEYS.iter().zip(&weights) {
            push(&mut *line, key, 1, 1_000);
        }
        let round: u32 = weights.iter().sum();
        let served = serve(&mut *line, round as usize * turns);
        for (key, weight) in KEYS.iter().zip(&weights) {
            prop_assert_eq!(count(&served, key), *weight as usize * turns);
        }
    }
}

#[test]
fn options_are_read_from_text() {
    let params = Params::from_pairs([
        ("cost", "bytes"),
        ("turn_bytes", "1KiB"),
        ("concurrency_max", "4"),
        ("rate_max", "100"),
    ]);
    let config: FairConfig = params.unwrap().read().unwrap();
    assert_eq!(config.cost, Cost::Bytes);
    assert_eq!(config.turn_bytes.get(), 1_024);
    assert_eq!(config.concurrency_max, NonZeroU32::new(4));
    assert_eq!(config.rate_max, NonZeroU64::new(100));
}
