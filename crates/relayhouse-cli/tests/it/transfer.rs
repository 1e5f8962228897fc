//! `move`: from one queue to another, of any two providers, whoever is killed meanwhile.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use relayhouse::{Context, Message, MessageId, Queue, Registry, Source, time};
use relayhouse_testkit::oracle::{Copies, Order, Rules, Verdict, Watch};
use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::{
    cloud::{Cloud, QUEUE as SQS},
    desk::{Desk, QUEUE, parsed},
    emulator_data::{Bus, QUEUE as BUS},
    program::end,
    stop::interrupt,
};

const TO: &str = "local:./other/orders";
const COUNT: u64 = 200;

fn report(text: &str) -> Value {
    parsed(text).remove(0)
}

fn bodies(lines: &[Value]) -> Vec<u64> {
    lines
        .iter()
        .filter_map(|line| line["body"].as_u64())
        .collect()
}

fn lines(count: u64) -> String {
    let line = |number| format!("{{\"body\":{number},\"key\":\"k{}\"}}\n", number % 3);
    (0..count).map(line).collect()
}

/// Asserts that all came, and those of each key in their order.
#[track_caller]
fn assert_all(bodies: &[u64], count: u64) {
    let mut keys = BTreeMap::<u64, Vec<u64>>::new();
    for body in bodies {
        keys.entry(body % 3).or_default().push(*body);
    }
    for (key, bodies) in keys {
        assert!(bodies.is_sorted(), "{key}: {bodies:?}");
    }
    let mut sorted = bodies.to_vec();
    sorted.sort_unstable();
    assert!(sorted.into_iter().eq(0..count));
}

/// Hears what is sent to one queue, and what comes out of another.
struct World {
    watch: Arc<Watch>,
    registry: Registry,
    context: Context,
    rules: Rules,
}

impl World {
    fn new() -> Self {
        let rules = Rules {
            order: Order::Key,
            copies: Copies::Dropped,
            ..Rules::default()
        };
        let source: Source = "orders".parse().unwrap();
        let watch = Arc::new(Watch::new(&source, rules.clone()));
        let context = time::context().unwrap();
        let observed = context.clone().observer(Arc::clone(&watch) as _);
        Self {
            watch,
            registry: Registry::with_context(observed),
            context,
            rules,
        }
    }

    async fn open(&self, desk: &Desk, directory: &str) -> Queue {
        let url = format!("local:{}/orders", desk.path(directory).display());
        self.registry.open(&url).await.unwrap()
    }

    async fn send(&self, queue: &Queue) {
        let messages = (0..COUNT).map(|number| {
            let id = MessageId::from((7_u128 << 64) | u128::from(number));
            let message = Message::new(number.to_string()).id(id);
            message
                .ordering_key(format!("k{}", number % 3))
                .header("tenant", "acme")
        });
        let messages: Vec<_> = messages.collect();
        for message in &messages {
            self.watch.sending(self.context.clock.now(), message);
        }
        for sent in queue.producer().send_all(messages).await {
            sent.unwrap();
        }
    }

    /// Handles all that is there, and returns what the oracle thinks of it.
    async fn handle(&self, queue: &Queue, count: usize) -> Verdict {
        let (handled, done) = (Arc::<AtomicUsize>::default(), Arc::<Notify>::default());
        let all = Arc::clone(&done);
        let consumer = queue.consumer().handler(move |_: Message| {
            let (handled, done) = (Arc::clone(&handled), Arc::clone(&done));
            async move {
                if handled.fetch_add(1, Ordering::SeqCst) + 1 == count {
                    done.notify_one();
                }
            }
        });
        consumer.run_until(all.notified()).await.unwrap();
        let stats = queue.admin().unwrap().stats(queue.source()).await.unwrap();
        self.watch
            .verdict(stats.live() + stats.dead, self.rules.clone())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn oracle_finds_nothing_wrong_though_the_mover_is_killed() {
    let (desk, world) = (Desk::new(), World::new());
    let from = world.open(&desk, "q").await;
    world.send(&from).await;
    let args = ["move", QUEUE, TO, "--lease", "200ms", "--rate", "100/s"];
    for kills in 1..=3 {
        let mut child = desk.command(&args).spawn().unwrap();
        while desk.audit().len() < kills * 40 {
            tokio::task::yield_now().await;
        }
        child.kill().unwrap();
        child.wait().unwrap();
    }
    // What the killed ones had leased comes back when their leases end.
    loop {
        let args = ["move", QUEUE, TO, "--lease", "200ms", "--output", "json"];
        let told = report(&desk.run(&args, "", 0).stdout);
        if told["left"] == 0 {
            break;
        }
    }
    let to = world.open(&desk, "other").await;
    let verdict = world.handle(&to, usize::try_from(COUNT).unwrap()).await;
    assert!(verdict.is_ok(), "{verdict:?}");
    assert_eq!(verdict.sent, COUNT);
    from.close().await.unwrap();
    to.close().await.unwrap();
}

#[test]
fn report_accounts_for_every_message() {
    let desk = Desk::new();
    desk.run(&["send", QUEUE, "--envelope"], &lines(30), 0);
    let some = ["move", QUEUE, TO, "--max", "10", "--output", "json"];
    let told = report(&desk.run(&some, "", 0).stdout);
    assert_eq!((&told["done"], &told["left"]), (&json!(10), &json!(20)));
    let told = report(
        &desk
            .run(&["move", QUEUE, TO, "--output", "json"], "", 0)
            .stdout,
    );
    let expected = json!({
        "done": 20, "unconfirmed": 0, "refused": 0, "unknown": 0, "behind": 0, "duplicates": 0,
        "left": 0,
    });
    assert_eq!(told, expected);
    assert_eq!(desk.audit().len(), 60);
    assert_all(&bodies(&desk.drain(TO)), 30);
}

#[test]
fn message_that_was_there_before_may_come_back() {
    let desk = Desk::new();
    desk.run(&["send", QUEUE, "--dedup-id", "once"], "1\n", 0);
    for _ in 0..2 {
        desk.run(&["move", QUEUE, TO], "", 0);
        desk.run(&["move", TO, QUEUE], "", 0);
    }
    assert_eq!(bodies(&desk.drain(QUEUE)), [1]);
    desk.run(&["move", QUEUE, QUEUE], "", 2);
    desk.run(&["move", QUEUE, "local:./q/orders/$deadletterqueue"], "", 2);
}

#[test]
fn bridge_goes_on_until_it_is_interrupted() {
    let desk = Desk::new();
    let bridge = ["move", QUEUE, TO, "--follow", "--output", "json"];
    let child = desk.command(&bridge).spawn().unwrap();
    for number in 0..3 {
        desk.run(&["send", QUEUE], &format!("{number}\n"), 0);
        let taken = desk.lines(&["receive", TO, "--wait", "20s", "--ack"]);
        assert_eq!(bodies(&taken), [number]);
    }
    interrupt(&child);
    assert_eq!(report(&end(child).ended(0).stdout)["done"], 3);
}

#[test]
fn what_the_far_side_does_not_take_stays_with_what_is_behind_it() {
    let desk = Desk::new();
    let cloud = Cloud::with_queue();
    // SQS takes a mebibyte, attributes included, and no time to live.
    let input = format!(
        "{{\"body\":1,\"key\":\"k\"}}\n{{\"body\":\"{}\",\"key\":\"k\"}}\n\
         {{\"body\":3,\"key\":\"k\"}}\n{{\"body\":4,\"ttl\":\"1h\"}}\n{{\"body\":5}}\n",
        "x".repeat(1 << 20)
    );
    desk.run(
        &["send", QUEUE, "--envelope", "--line-max", "2MiB"],
        &input,
        0,
    );
    let place = format!("local:{}/orders", desk.path("q").display());
    let ran = cloud
        .run(&["move", &place, SQS, "--output", "json"], "")
        .ended(65);
    let told = report(&ran.stdout);
    assert_eq!(
        (&told["done"], &told["refused"], &told["behind"]),
        (&json!(2), &json!(2), &json!(1))
    );
    assert_eq!(
        told["reasons"],
        json!({"MessageTooLarge": 1, "Unsupported": 1})
    );
    assert_eq!(told["left"].as_u64(), Some(3), "{told}");
    let mut moved = bodies(&cloud.receive(SQS, &["--max", "9", "--ack"]));
    moved.sort_unstable();
    assert_eq!(moved, [1, 5]);
    cloud.close();
}

#[test]
fn messages_go_from_sqs_to_files_and_back_through_service_bus() {
    let (desk, cloud) = (Desk::new(), Cloud::with_queue());
    cloud.run(&["send", SQS, "--envelope"], &lines(30)).ended(0);
    let place = format!("local:{}/orders", desk.path("q").display());
    let told = report(
        &cloud
            .run(&["move", SQS, &place, "--output", "json"], "")
            .ended(0)
            .stdout,
    );
    assert_eq!(told["done"], 30);
    cloud.close();

    let directory = tempfile::tempdir().unwrap();
    let bus = Bus::first(&directory);
    let audit = directory.path().join("audit.jsonl");
    let variables = [("RELAYHOUSE_AUDIT", &*audit)];
    for args in [["move", &place, BUS], ["move", BUS, &place]] {
        let args = [&args[..], &["--output", "json"]].concat();
        let told = report(&bus.run_with(&variables, &args, "").ended(0).stdout);
        assert_eq!(told["done"], 30);
    }
    bus.interrupt();
    let mut back = bodies(&desk.drain(QUEUE));
    back.sort_unstable();
    assert!(back.into_iter().eq(0..30));
}

/// More sessions than are handled at a time, so that each has to give way to others.
#[test]
fn messages_of_sessions_are_moved_in_their_order() {
    const SESSIONS: &str = "servicebus:///sessions";
    const COUNT: u64 = 120;
    let (desk, directory) = (Desk::new(), tempfile::tempdir().unwrap());
    let bus = Bus::first(&directory);
    let audit = desk.path(".local/state/relayhouse/audit.jsonl");
    let variables = [("RELAYHOUSE_AUDIT", &*audit)];
    let run = |args: &[&str], input: &str| bus.run_with(&variables, args, input);
    run(&["create", SESSIONS, "--sessions"], "").ended(0);
    let line = |number| format!("{{\"body\":{number},\"key\":\"k{}\"}}\n", number % 40);
    let input: String = (0..COUNT).map(line).collect();
    run(&["send", SESSIONS, "--envelope"], &input).ended(0);

    let place = format!("local:{}/orders", desk.path("q").display());
    let some = ["move", SESSIONS, &place, "--rate", "100/s"];
    let mut child = bus.started_with(&variables, &some);
    while desk.audit().len() < 60 {
        std::thread::yield_now();
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let args = ["move", SESSIONS, &place, "--output", "json"];
    while report(&run(&args, "").ended(0).stdout)["left"] != 0 {}
    bus.interrupt();

    let mut sessions = BTreeMap::<u64, Vec<u64>>::new();
    for body in bodies(&desk.drain(QUEUE)) {
        sessions.entry(body % 40).or_default().push(body);
    }
    assert_eq!(sessions.len(), 40);
    for (session, mut bodies) in sessions {
        // What was under way when it was killed is dropped there, or comes twice in a row.
        bodies.dedup();
        assert!(
            bodies.into_iter().eq((session..COUNT).step_by(40)),
            "{session}"
        );
    }
}

#[test]
fn move_goes_on_after_the_far_side_was_killed() {
    let desk = Desk::new();
    let directory = tempfile::tempdir().unwrap();
    let bus = Bus::first(&directory);
    let place = format!("local:{}/orders", desk.path("q").display());
    desk.run(&["send", QUEUE, "--envelope"], &lines(60), 0);
    let audit = desk.path(".local/state/relayhouse/audit.jsonl");
    let variables = [("RELAYHOUSE_AUDIT", &*audit)];
    let args = ["move", &place, BUS, "--lease", "200ms", "--output", "json"];
    // Whoever is dead answers nothing: the wait for that is short.
    let impatient = format!("{BUS}?call_timeout=1s&connect_timeout=1s");
    let slowly = ["--lease", "200ms", "--rate", "40/s", "--output", "json"];
    let slowly = [&["move", &place, &impatient][..], &slowly].concat();
    let child = bus.started_with(&variables, &slowly);
    while desk.audit().len() < 30 {
        std::thread::yield_now();
    }
    bus.kill();
    let told = report(&end(child).ended(69).stdout);
    assert!(told["done"].as_u64() < Some(60), "{told}");

    let bus = Bus::start(&directory, &[]);
    while report(&bus.run_with(&variables, &args, "").ended(0).stdout)["left"] != 0 {}
    let moved = bus.receive(BUS, &["--max", "100", "--ack"]);
    let mut moved = bodies(&moved);
    moved.sort_unstable();
    // Whatever was under way may be there twice: this queue drops no duplicates.
    moved.dedup();
    assert!(moved.into_iter().eq(0..60));
    bus.interrupt();
}
