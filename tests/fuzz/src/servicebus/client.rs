//! A client of an emulator that runs, over a socket of this machine.

use std::{
    cell::RefCell,
    io, panic,
    sync::{
        Once,
        atomic::{AtomicBool, Ordering},
    },
};

use fe2o3_amqp_types::definitions::Role;
use servicebus_emulator::{
    ManualClock, ServiceBusEmulator,
    model::{QueueSettings, SubscriptionSettings, TopicSettings},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    runtime::{Builder, Runtime},
};

use super::frames;

/// The format of a batch.
const BATCH: u32 = 0x8001_3700;

thread_local! {
    /// Is kept, since making one takes longer than an input.
    static RUNTIME: RefCell<Option<Runtime>> = const { RefCell::new(None) };
}

/// Whether anything has panicked: a task does so without a word to whoever waits for it.
static HAS_PANICKED: AtomicBool = AtomicBool::new(false);
static HOOK: Once = Once::new();

/// The first byte says what the rest is: all that the client says, frames of a session, a message,
/// a batch, or a question.
pub(crate) fn client(input: &[u8]) {
    let Some((first, rest)) = input.split_first() else {
        return;
    };
    let said = match first % 7 {
        0 => rest.to_vec(),
        1 => [frames::begun(), rest.to_vec()].concat(),
        2 => message("orders", 0, rest),
        3 => message("orders", BATCH, rest),
        4 => message("news", 0, rest),
        5 => question("orders/$management", rest),
        _ => question("$cbs", rest),
    };
    HOOK.call_once(watch);
    RUNTIME.with_borrow_mut(|runtime| {
        let made = match runtime.take() {
            Some(made) => Ok(made),
            None => Builder::new_current_thread().enable_all().build(),
        };
        if let Ok(made) = made {
            // No socket, no input: a fuzzer goes on.
            _ = made.block_on(talk(&said));
            *runtime = Some(made);
        }
    });
    assert!(!HAS_PANICKED.load(Ordering::Relaxed), "the emulator panics");
}

/// Takes note of panics, besides what is done with them anyway.
fn watch() {
    let hook = panic::take_hook();
    panic::set_hook(Box::new(move |what| {
        HAS_PANICKED.store(true, Ordering::Relaxed);
        hook(what);
    }));
}

/// Sends a message, and receives it where it arrives.
fn message(to: &str, format: u32, message: &[u8]) -> Vec<u8> {
    let from = match to {
        "news" => "news/Subscriptions/all",
        other => other,
    };
    let said = [
        frames::begun(),
        frames::attach(0, Role::Sender, to),
        frames::attach(1, Role::Receiver, from),
        frames::credit(1),
        frames::transfer(0, format, message),
    ];
    said.concat()
}

fn question(node: &str, message: &[u8]) -> Vec<u8> {
    let said = [
        frames::begun(),
        frames::attach(0, Role::Sender, node),
        frames::attach(1, Role::Receiver, node),
        frames::credit(1),
        frames::transfer(0, 0, message),
    ];
    said.concat()
}

async fn talk(said: &[u8]) -> io::Result<()> {
    let emulator = ServiceBusEmulator::builder()
        .any_token()
        .clock(ManualClock::new())
        .queue("orders", QueueSettings::default())
        .topic("news", TopicSettings::default())
        .subscription("news", "all", SubscriptionSettings::default())
        .start()
        .await?;
    let stream = TcpStream::connect(emulator.address()).await?;
    let (mut reader, mut writer) = stream.into_split();
    let write = async {
        writer.write_all(said).await?;
        writer.shutdown().await
    };
    let mut answer = Vec::new();
    let (_, read) = tokio::join!(write, reader.read_to_end(&mut answer));
    emulator.close().await;
    read.map(drop)
}
