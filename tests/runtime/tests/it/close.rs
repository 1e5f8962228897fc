//! The end of a producer: everything is answered, and its task is gone.

use std::{
    future::{Future, poll_fn},
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering::SeqCst},
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    task::{Context, Poll, Waker},
    thread,
    time::Duration,
};

use async_trait::async_trait;
use relayhouse_core::{
    Capabilities, ErrorKind, Message, QueueName, Result, Sending, Sent, port::Sender,
};
use relayhouse_runtime::Producer;
use tokio::{runtime, task::yield_now};

use crate::{
    fixture::simulated,
    producer::{Gate, begin, builder},
};

/// As many turns as a task may need to come to rest.
const TURNS: usize = 10;

/// Takes its first call when others had their turn, and holds the thread of each further one.
#[derive(Debug)]
struct Holding {
    queue: QueueName,
    was_called: AtomicBool,
    began: SyncSender<()>,
    go_on: Mutex<Receiver<()>>,
}

#[async_trait]
impl Sender for Holding {
    fn queue(&self) -> &QueueName {
        &self.queue
    }

    fn capabilities(&self) -> &Capabilities {
        const { &Capabilities::NONE }
    }

    async fn send(&self, batch: &mut [Sending]) -> Result<()> {
        if self.was_called.swap(true, SeqCst) {
            self.began.send(()).unwrap();
            self.go_on.lock().unwrap().recv().unwrap();
        } else {
            yield_now().await;
        }
        for item in batch {
            item.done(Sent::default());
        }
        Ok(())
    }

    async fn close(&self) -> Result<()> {
        Ok(())
    }
}

/// Polls once.
async fn is_pending(mut future: Pin<&mut impl Future>) -> bool {
    poll_fn(|context| Poll::Ready(future.as_mut().poll(context).is_pending())).await
}

async fn rest() {
    for _ in 0..TURNS {
        yield_now().await;
    }
}

#[tokio::test(start_paused = true)]
async fn close_that_is_dropped_leaves_the_rest_to_the_next() {
    let gate = Gate::new(Capabilities::NONE);
    let producer = builder(&gate).build().unwrap();
    let send = begin(&producer, Message::new("a")).await;
    let mut dropped = Box::pin(producer.close());
    assert!(is_pending(dropped.as_mut()).await);
    drop(dropped);
    let mut close = Box::pin(producer.close());
    assert!(is_pending(close.as_mut()).await, "a call is in flight");
    gate.open();
    close.await.unwrap();
    send.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn no_task_outlives_the_close() {
    let gate = Gate::new(Capabilities::NONE);
    let producer = builder(&gate).build().unwrap();
    let first = begin(&producer, Message::new("a")).await;
    let second = begin(&producer, Message::new("b")).await;
    let mut close = Box::pin(producer.close());
    assert!(is_pending(close.as_mut()).await);
    gate.let_through(1);
    rest().await;
    gate.let_through(1);
    close.await.unwrap();
    first.await.unwrap().unwrap();
    second.await.unwrap().unwrap();
    let tasks = runtime::Handle::current().metrics().num_alive_tasks();
    assert_eq!(tasks, 0, "no task stays behind");
}

#[tokio::test(start_paused = true)]
async fn all_who_close_wait_for_the_end() {
    let gate = Gate::new(Capabilities::NONE);
    let producer = builder(&gate).build().unwrap();
    let send = begin(&producer, Message::new("a")).await;
    let mut first = Box::pin(producer.close());
    let mut second = Box::pin(producer.close());
    assert!(is_pending(first.as_mut()).await);
    assert!(is_pending(second.as_mut()).await, "a call is in flight");
    gate.open();
    first.await.unwrap();
    second.await.unwrap();
    send.await.unwrap().unwrap();
}

#[test]
fn close_beside_a_call_in_a_callers_thread_ends_with_it() {
    let runtime = runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    let ((began, has_begun), (go, go_on)) = (sync_channel(1), sync_channel(1));
    let sender: Arc<dyn Sender> = Arc::new(Holding {
        queue: QueueName::new("orders").unwrap(),
        was_called: AtomicBool::new(false),
        began,
        go_on: Mutex::new(go_on),
    });
    let entered = runtime.enter();
    let context = simulated();
    let clock = Arc::clone(&context.clock);
    let producer = Producer::builder(sender, context).build().unwrap();
    drop(entered);
    runtime.block_on(producer.send("in the task")).unwrap();
    thread::scope(|scope| {
        let send = scope.spawn(|| {
            let mut send = Box::pin(producer.send("in a thread"));
            send.as_mut().poll(&mut Context::from_waker(Waker::noop()))
        });
        has_begun.recv().unwrap();
        runtime.block_on(async {
            let mut close = Box::pin(producer.close());
            assert!(is_pending(close.as_mut()).await);
            rest().await;
            go.send(()).unwrap();
            assert!(matches!(send.join().unwrap(), Poll::Ready(Ok(_))));
            let end = clock.now() + Duration::from_secs(1);
            tokio::select! {
                biased;
                closed = close => closed.unwrap(),
                () = clock.sleep_until(end) => panic!("the task did not hear of the end"),
            }
        });
    });
}

#[tokio::test(start_paused = true)]
async fn call_that_panics_gives_its_place_back() {
    let gate = Gate::new(Capabilities::NONE);
    gate.open();
    let producer = builder(&gate).build().unwrap();
    let panics = begin(&producer, Message::new("panic")).await;
    let error = panics.await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::OutcomeUnknown);
    producer.send("after it").await.unwrap();
    producer.close().await.unwrap();
}
