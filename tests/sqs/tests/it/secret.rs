//! No secret is ever printed: not by an error, an event, a `Debug` or a line of a log.

use std::{
    error::Error as _,
    fmt::Write as _,
    io::{self, Write},
    sync::{Arc, Mutex},
    time::Duration,
};

use relayhouse_core::{Error, Message};
use relayhouse_runtime::Producer;
use relayhouse_testkit::proxy::{Direction, Fault as Harmful, Harm, Strike};
use sqs_emulator::{Fault, Operation, Refusal, Times};
use tracing::{Level, subscriber};

use crate::world::{ACCESS_KEY, Kind, SECRET_KEY, TOKEN, World, simulate};

/// Keeps every line of every log.
#[derive(Clone, Debug, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The lines that hold one of `secrets`.
fn leaks<'a>(text: &'a str, secrets: &[&str]) -> Vec<&'a str> {
    let lines = text.lines();
    lines
        .filter(|line| secrets.iter().any(|secret| line.contains(secret)))
        .collect()
}

/// Everything that can be read off an error.
fn print(error: &Error, into: &mut String) {
    writeln!(into, "{error} {error:?} {error:#?}").unwrap();
    let mut cause = error.source();
    while let Some(error) = cause {
        writeln!(into, "{error} {error:?} {error:#?}").unwrap();
        cause = error.source();
    }
}

/// Sends and consumes while everything fails that can, and returns every error in words.
async fn fail(world: &World) -> String {
    let mut words = String::new();
    let faults = world.emulator.faults();
    let running = world.consume().await;
    let provider = Arc::clone(&world.provider);
    let producer = Producer::of(provider, world.queue.clone(), world.context.clone());
    let producer = producer.build().unwrap();
    for fault in [
        Fault::Refuse(Refusal::Throttled),
        Fault::Refuse(Refusal::Unavailable),
        Fault::Refuse(Refusal::Internal),
        Fault::Refuse(Refusal::AccessDenied),
        Fault::Refuse(Refusal::ExpiredToken),
        Fault::DropRequest,
        Fault::DropAnswer,
        Fault::FailEntries(vec![0]),
        Fault::Delay(Duration::from_secs(10)),
    ] {
        faults.inject(Operation::SendMessageBatch, fault, Times::Next(1));
        let error = producer.send(Message::new("x")).await.unwrap_err();
        print(&error, &mut words);
    }
    for after in [0, 200, 400, 600] {
        for direction in [Direction::Requests, Direction::Answers] {
            for harm in [Harm::Cut, Harm::HalfOpen, Harm::Flip] {
                world.proxy.set(Harmful::Once(Strike {
                    direction,
                    after,
                    harm,
                }));
                if let Err(error) = producer.send(Message::new("x")).await {
                    print(&error, &mut words);
                }
            }
        }
    }
    world.proxy.set(Harmful::Cut);
    print(
        &producer.send(Message::new("x")).await.unwrap_err(),
        &mut words,
    );
    world.proxy.set(Harmful::None);
    writeln!(words, "{:?} {:#?}", world.provider, world.context).unwrap();
    writeln!(words, "{producer:?} {running:?}").unwrap();
    world.produce(1, 100).await;
    drop(running);
    words
}

#[test]
fn nothing_that_is_printed_holds_a_secret() {
    let lines = Lines::default();
    let writer = lines.clone();
    let everything = tracing_subscriber::fmt()
        .with_ansi(false)
        .with_max_level(Level::TRACE)
        .with_writer(move || writer.clone());
    let (words, events) = subscriber::with_default(everything.finish(), || {
        simulate(Kind::Standard, 81, async |world| {
            world.record.keep_words();
            let words = fail(&world).await;
            (words, world.record.words())
        })
    });
    let lines = lines.0.lock().unwrap();
    let lines = str::from_utf8(&lines).unwrap();
    println!(
        "{} bytes of errors, {} of events, {} lines of logs",
        words.len(),
        events.len(),
        lines.lines().count()
    );
    assert!(!words.is_empty() && !events.is_empty() && !lines.is_empty());
    let none = Vec::<&str>::new();
    let secrets = [SECRET_KEY, TOKEN, ACCESS_KEY];
    assert_eq!(leaks(&words, &secrets), none);
    assert_eq!(leaks(&events, &secrets), none);
    let ours = |line: &&str| line.contains(" relayhouse");
    let leaked = leaks(lines, &secrets).into_iter().filter(ours);
    assert_eq!(leaked.collect::<Vec<_>>(), none);
    // The SDK names the access key, which is no secret. What it traces below `debug` is its own: it
    // shows what it signs to whoever asks for it.
    let theirs = |line: &&str| !line.contains(" TRACE ");
    let leaked = leaks(lines, &[SECRET_KEY, TOKEN])
        .into_iter()
        .filter(theirs);
    assert_eq!(leaked.collect::<Vec<_>>(), none);
}
