//! The process of the first consumer: it consumes until it is killed, and tells what happens.
//!
//! It tells on standard output, each event before whatever follows from it: that a delivery was
//! received before a handler has it, how a handler ended before the delivery is settled. It ends
//! when its standard input does, so that it never outlives who started it.

use std::{
    io::{self, Read, Write},
    sync::{Arc, Mutex, PoisonError},
};

use relayhouse::{Event, Instant, Observer, Registry, ctrl_c};
use tokio::{sync::Notify, task::spawn_blocking};

use super::{
    consumer,
    handler::{Hushed, Shop},
    plan::Plan,
    wire::{Line, Order, What},
};
use crate::{
    Stdout,
    exit::{Code, Failure},
    open,
};

/// Runs the consumer that is to die.
pub(crate) async fn run(registry: &Registry, stdout: Stdout) -> Result<Code, Failure> {
    // Ctrl-C reaches the whole group: who started this process decides what it means.
    let _deaf = ctrl_c();
    let _hushed = Hushed::new();
    let teller = Arc::new(Teller::new(stdout));
    let Err(failure) = consume(registry, &teller).await else {
        return Ok(Code::Done);
    };
    let text = failure.text;
    teller.say(&Line::Failed { text });
    Ok(failure.code)
}

async fn consume(registry: &Registry, teller: &Arc<Teller>) -> Result<(), Failure> {
    let order: Order = serde_json::from_str(&line().await?)
        .map_err(|error| Failure::new(Code::Usage, format!("not a consumer's order: {error}")))?;
    let queue = open::observed(registry, &order.url, Arc::clone(teller) as _).await?;
    let clock = Arc::clone(&queue.context().clock);
    let shop = Shop::new(Plan::new(order.messages, order.seed), &clock);
    teller.say(&Line::Ready);
    line().await?;
    let at = clock.now().as_nanos();
    teller.say(&Line::Begun { at });
    let running = consumer::start(&queue, order.concurrency, shop.clone()).await?;
    let hang = async {
        shop.hanging.notified().await;
        teller.say(&Line::Hanging);
        std::future::pending::<()>().await;
    };
    tokio::select! {
        () = hang => {}
        () = running.failed() => {
            // It says why.
            running.shutdown(std::time::Duration::ZERO).await?;
        }
        () = teller.broken.notified() => {}
        () = input_ended() => {}
    }
    Ok(())
}

/// Reads a line of standard input.
async fn line() -> Result<String, Failure> {
    let read = spawn_blocking(|| {
        let mut line = String::new();
        io::stdin().read_line(&mut line).map(|_| line)
    });
    let read = read.await.map_err(io::Error::from).flatten();
    read.map_err(|error| Failure::io("cannot read standard input", &error))
}

/// Waits for the end of standard input; what comes before it means nothing.
async fn input_ended() {
    let end = spawn_blocking(|| {
        let mut bytes = [0; 64];
        while io::stdin().read(&mut bytes).is_ok_and(|count| 0 < count) {}
    });
    // An input that cannot be read has ended as well.
    let _ = end.await;
}

/// Tells what happens, line by line.
struct Teller {
    stdout: Mutex<Stdout>,
    /// Told when nobody listens any more.
    broken: Notify,
}

impl Teller {
    fn new(stdout: Stdout) -> Self {
        Self {
            stdout: Mutex::new(stdout),
            broken: Notify::new(),
        }
    }

    fn say(&self, line: &Line) {
        self.write(|text| push(text, line));
    }

    /// Writes what `fill` puts there, and returns when the reader has it, or can have it.
    fn write(&self, fill: impl FnOnce(&mut Vec<u8>) -> serde_json::Result<()>) {
        let mut stdout = self.stdout.lock().unwrap_or_else(PoisonError::into_inner);
        let mut text = Vec::new();
        let written = fill(&mut text)
            .map_err(io::Error::from)
            .and_then(|()| stdout.write_all(&text))
            .and_then(|()| stdout.flush());
        if written.is_err() {
            self.broken.notify_one();
        }
    }
}

fn push(text: &mut Vec<u8>, line: &Line) -> serde_json::Result<()> {
    serde_json::to_writer(&mut *text, line)?;
    text.push(b'\n');
    Ok(())
}

impl std::fmt::Debug for Teller {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Teller")
    }
}

impl Observer for Teller {
    /// Waits for the reader where it is slow: what was not told must not happen.
    fn observe(&self, now: Instant, events: &[Event<'_>]) {
        let at = now.as_nanos();
        self.write(|text| {
            for event in events {
                if let Some(what) = What::of(event)? {
                    push(text, &Line::Happened { at, what })?;
                }
            }
            Ok(())
        });
    }
}
