//! Requests and their answers, over two queues.

use std::{sync::Arc, time::Duration};

use futures_util::future::join_all;
use relayhouse_core::{ErrorKind, Message, QueueName, Source, extract::Deadline};
use relayhouse_runtime::{Consumer, ConsumerBuilder, Requester, Running, reply};

use crate::fixture::{Fixture, text};

const LIMIT: Duration = Duration::from_secs(10);

impl Fixture {
    fn answers(&self, source: Source) -> ConsumerBuilder {
        Consumer::of(Arc::clone(&self.memory), source, self.context.clone())
    }

    async fn requester(&self) -> Requester {
        let answers = Source::queue(QueueName::new("answers").unwrap());
        let answers = self.answers(answers);
        let context = self.context.clone();
        let requester = Requester::start(self.producer(), answers, context);
        requester.await.unwrap()
    }

    /// Answers each request after the milliseconds that it names, twice if asked to.
    async fn responder(&self) -> Running {
        let clock = Arc::clone(&self.context.clock);
        let consumer = self.consumer().outputs_of(Arc::clone(&self.memory));
        let consumer = consumer.concurrency(128).handler(move |request: Message| {
            let takes = text(&request).parse().unwrap();
            let sleep = clock.sleep_until(clock.now() + Duration::from_millis(takes));
            async move {
                sleep.await;
                reply(&request, Message::new(format!("{takes} done")))
            }
        });
        consumer.start().await.unwrap()
    }
}

#[tokio::test(start_paused = true)]
async fn each_request_gets_its_answer_in_whatever_order_they_come() {
    let fixture = Fixture::new();
    let responder = fixture.responder().await;
    let requester = fixture.requester().await;
    let requests = (0..100).map(|number| {
        let requester = requester.clone();
        let takes = 1000 - 10 * number;
        async move {
            let answer = requester.request(takes.to_string(), LIMIT).await.unwrap();
            assert_eq!(text(&answer), format!("{takes} done"));
        }
    });
    join_all(requests).await;
    assert_eq!(requester.waiting(), 0);
    let report = requester.shutdown(LIMIT).await.unwrap().unwrap();
    assert_eq!((report.answers.acked, report.unclaimed), (100, 0));
    assert_eq!(requester.shutdown(LIMIT).await.unwrap(), None);
    responder.shutdown(LIMIT).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn answer_that_comes_too_late_is_unknown_and_counted() {
    let fixture = Fixture::new();
    let responder = fixture.responder().await;
    let requester = fixture.requester().await;
    let error = requester.request("5000", Duration::from_secs(2)).await;
    assert_eq!(error.unwrap_err().kind(), ErrorKind::OutcomeUnknown);
    assert_eq!(requester.waiting(), 0);
    fixture.pass(Duration::from_secs(4)).await;
    let report = requester.shutdown(LIMIT).await.unwrap().unwrap();
    assert_eq!((report.answers.acked, report.unclaimed), (1, 1));
    responder.shutdown(LIMIT).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn request_tells_until_when_its_answer_is_of_use() {
    let fixture = Fixture::new();
    let requester = fixture.requester().await;
    let until = fixture.context.clock.wall() + LIMIT;
    requester.request("0", LIMIT).await.unwrap_err();
    let requests = fixture.take(&fixture.source()).await;
    assert_eq!(Deadline::of(&requests[0].message).0, Some(until));
    let details = requests[0].message.details();
    assert_eq!(details.reply_to.as_deref(), Some("answers"));
}

#[tokio::test(start_paused = true)]
async fn request_that_waits_ends_with_the_requester() {
    let fixture = Fixture::new();
    let requester = fixture.requester().await;
    let request = tokio::spawn({
        let requester = requester.clone();
        async move { requester.request("0", LIMIT).await }
    });
    while requester.waiting() == 0 {
        tokio::task::yield_now().await;
    }
    requester.shutdown(LIMIT).await.unwrap();
    let error = request.await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Closed);
    let error = requester.request("0", LIMIT).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Closed);
}

#[tokio::test(start_paused = true)]
async fn request_that_wants_no_answer_is_acked() {
    let fixture = Fixture::new();
    fixture.send(["0"]).await;
    let responder = fixture.responder().await;
    fixture.pass(Duration::from_secs(1)).await;
    let report = responder.shutdown(LIMIT).await.unwrap();
    assert_eq!(report.acked, 1);
}

#[tokio::test(start_paused = true)]
async fn answers_need_a_queue_that_can_be_sent_to() {
    let fixture = Fixture::new();
    let answers = fixture.answers(fixture.source().dead_letters());
    let requester = Requester::start(fixture.producer(), answers, fixture.context.clone());
    let error = requester.await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConfigInvalid);
}
