//! Several queues in one process: routes by type, shares, one drain.

use std::{future::pending, sync::Arc, time::Duration};

use relayhouse_core::{ErrorKind, Message, QueueName, Settlement, Source};
use relayhouse_runtime::{Consumer, ConsumerBuilder, Output, Producer, Router, Routes, Share};

use crate::fixture::{Fixture, Gauge, Latch, Log, text};

const LIMIT: Duration = Duration::from_secs(60);

impl Fixture {
    fn consumer_of(&self, queue: &'static str) -> ConsumerBuilder {
        let source = Source::queue(QueueName::new(queue).unwrap());
        Consumer::of(Arc::clone(&self.memory), source, self.context.clone())
    }

    async fn fill(&self, queue: &'static str, messages: impl IntoIterator<Item = Message>) {
        let queue = QueueName::new(queue).unwrap();
        let producer = Producer::of(Arc::clone(&self.memory), queue, self.context.clone());
        for answer in producer.build().unwrap().send_all(messages).await {
            answer.unwrap();
        }
    }
}

fn typed(name: &'static str) -> Message {
    Message::new(name).header("type", name)
}

/// Notes what it handles.
fn noting(
    log: &Log<String>,
    latch: &Latch,
    name: &'static str,
) -> impl Fn(Message) -> std::future::Ready<()> + Clone + Send + Sync + use<> {
    let (log, latch) = (log.clone(), latch.clone());
    move |message| {
        log.push(format!("{name} {}", text(&message)));
        latch.hit();
        std::future::ready(())
    }
}

#[tokio::test(start_paused = true)]
async fn each_type_has_its_handler_and_the_rest_is_kept() {
    let fixture = Fixture::new();
    let messages = ["created", "paid", "odd"].map(typed);
    fixture.fill("orders", messages).await;
    fixture.fill("orders", [Message::new("bare")]).await;
    let (log, latch) = (Log::default(), Latch::default());
    let routes = Routes::new()
        .on("created", noting(&log, &latch, "first"))
        .on("paid", noting(&log, &latch, "second"))
        .when(
            |delivery| delivery.message.body == "bare",
            noting(&log, &latch, "rule"),
        );
    let router = Router::new().queue(fixture.consumer_of("orders"), routes);
    let running = router.start().await.unwrap();
    latch.reached(3).await;
    fixture.pass(Duration::from_secs(1)).await;
    let reports = running.shutdown(LIMIT).await.unwrap();
    assert_eq!((reports[0].1.acked, reports[0].1.dead_lettered), (3, 1));
    let mut entries = log.entries();
    entries.sort();
    assert_eq!(entries, ["first created", "rule bare", "second paid"]);
    let letters = fixture.dead_letters().await;
    let letter = &letters[0].envelope.as_ref().unwrap().dead_letter;
    assert_eq!(letter.reason, "unknown-type");
    assert_eq!(letter.description, "no handler takes messages of type odd");
}

#[tokio::test(start_paused = true)]
async fn unknown_type_goes_to_the_chosen_place() {
    let fixture = Fixture::new();
    fixture.fill("orders", [typed("odd")]).await;
    let strange = QueueName::new("strange").unwrap();
    let output = Output::of(Arc::clone(&fixture.memory), strange, &fixture.context).unwrap();
    let routes = Routes::new().otherwise_forward("strange");
    let latch = Latch::default();
    let found = noting(&Log::default(), &latch, "strange");
    let router = Router::new()
        .queue(fixture.consumer_of("orders").output(output), routes)
        .queue(
            fixture.consumer_of("strange"),
            Routes::new().otherwise(found),
        );
    let reports = router.run_until(latch.reached(1), LIMIT).await.unwrap();
    assert!(reports.iter().all(|(_, report)| report.acked == 1));
}

#[tokio::test(start_paused = true)]
async fn handlers_of_all_queues_keep_one_bound() {
    let fixture = Fixture::new();
    let (gauge, latch) = (Gauge::default(), Latch::default());
    let mut router = Router::new().concurrency(3);
    for queue in ["a", "b", "c"] {
        let messages = (0..20).map(|number: u32| Message::new(number.to_string()));
        fixture.fill(queue, messages).await;
        let busy = fixture.busy(Duration::from_millis(10), &gauge, &latch);
        let routes = Routes::new().otherwise(busy);
        router = router.queue(fixture.consumer_of(queue), routes);
    }
    let reports = router.run_until(latch.reached(60), LIMIT).await.unwrap();
    assert_eq!(gauge.max(), 3);
    assert!(reports.iter().all(|(_, report)| report.acked == 20));
}

/// Runs two queues that have more to do than fits, and returns the starts of each after `starts`.
async fn compete(shares: [Share; 2], starts: usize) -> [usize; 2] {
    let fixture = Fixture::new();
    let (log, latch) = (Log::default(), Latch::default());
    let mut router = Router::new().concurrency(2);
    for (queue, share) in ["a", "b"].into_iter().zip(shares) {
        let messages = (0..starts).map(|number| Message::new(number.to_string()));
        fixture.fill(queue, messages).await;
        let (log, latch, clock) = (log.clone(), latch.clone(), fixture.context.clone().clock);
        let routes = Routes::new().otherwise(move || {
            log.push(queue);
            latch.hit();
            clock.sleep_until(clock.now() + Duration::from_millis(1))
        });
        router = router.share(share, fixture.consumer_of(queue), routes);
    }
    let running = router.start().await.unwrap();
    latch.reached(starts).await;
    drop(running);
    let entries = log.entries();
    let of = |queue| entries[..starts].iter().filter(|it| **it == queue).count();
    [of("a"), of("b")]
}

#[tokio::test(start_paused = true)]
async fn busy_queues_share_by_weight() {
    let [a, b] = compete([Share::new().weight(3), Share::new()], 400).await;
    assert!(a.abs_diff(300) <= 10, "{a} and {b}");
}

#[tokio::test(start_paused = true)]
async fn lower_rank_gets_its_floor() {
    let [a, b] = compete([Share::new().rank(1), Share::new().floor(10)], 400).await;
    // It also gets what the other leaves for the moment between two of its handlers.
    assert!((38..=60).contains(&b), "{a} and {b}");
}

#[tokio::test(start_paused = true)]
async fn idle_queue_leaves_everything_to_the_others() {
    let fixture = Fixture::new();
    let latch = Latch::default();
    fixture.fill("b", (0..100).map(|_| Message::new("b"))).await;
    let handler = noting(&Log::default(), &latch, "b");
    let router = Router::new()
        .concurrency(1)
        .share(
            Share::new().rank(9),
            fixture.consumer_of("a"),
            Routes::new().otherwise(handler.clone()),
        )
        .queue(fixture.consumer_of("b"), Routes::new().otherwise(handler));
    let reports = router.run_until(latch.reached(100), LIMIT).await.unwrap();
    assert_eq!(reports[1].1.acked, 100);
}

#[tokio::test(start_paused = true)]
async fn wrong_options_are_refused_by_name() {
    let fixture = Fixture::new();
    let nothing = || Routes::new().otherwise(|| async {});
    let kept = |share| Router::new().share(share, fixture.consumer_of("a"), nothing());
    let twice = Routes::new()
        .on("paid", || async {})
        .on("paid", || async { Settlement::RELEASE });
    for (router, rule) in [
        (Router::new().concurrency(0), "concurrency is 0"),
        (kept(Share::new().weight(0)), "weight is 0"),
        (kept(Share::new().floor(101)), "101 percent"),
        (
            Router::new().queue(fixture.consumer_of("a"), twice),
            "type paid has two handlers",
        ),
    ] {
        let error = router.run_until(pending::<()>(), LIMIT).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConfigInvalid);
        assert!(error.to_string().contains(rule), "{error}");
    }
}
