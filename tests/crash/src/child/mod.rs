//! What a child does: one of a few ways to use a queue, and to tell of it.

mod build;
mod consume;
mod faulty;
mod produce;
mod record;
mod share;

use std::{
    io::{BufRead, stdin},
    num::NonZeroU64,
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use anyhow::Result;
use clap::{Args, Subcommand};
use relayhouse_core::{
    Context, QueueName, Random, SeededRandom, Source, Timestamp,
    port::{Provider, Receiver, ReceiverOptions, Sender, Stats},
};
use relayhouse_local::{Local, LocalBuilder};
use relayhouse_testkit::clock::ManualClock;
use tokio::runtime::{Builder, Runtime};

pub(crate) use self::build::{SESSIONS, SESSIONS_QUEUE};
use crate::{
    content::derive,
    report::{Teller, What},
};

/// The queue that children use.
pub(crate) const QUEUE: &str = "orders";

/// What a queue holds at most, so that it can be drained soon.
const MESSAGES_MAX: NonZeroU64 = NonZeroU64::new(5_000).unwrap();

/// When the clock that a test moves starts.
const START: Timestamp = Timestamp::from_micros(1_700_000_000_000_000);

/// What a child is told.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Where the queue is.
    #[arg(long)]
    directory: PathBuf,
    /// What all randomness and all messages are drawn from.
    #[arg(long)]
    seed: u64,
    #[command(subcommand)]
    command: Command,
}

/// What a child does.
#[derive(Debug, Subcommand)]
enum Command {
    /// Sends and receives until it is killed.
    Work {
        #[arg(long)]
        number: u64,
    },
    /// Receives without settling until it is killed.
    Hold,
    /// Sends a number of messages.
    Produce {
        #[arg(long)]
        producer: u64,
        #[arg(long)]
        count: u64,
        #[arg(long, default_value_t = 20)]
        batch_max: u64,
    },
    /// Receives and acks until it is told that no more is sent and nothing is left.
    Consume,
    /// Receives and acks until nothing is left.
    Drain,
    /// Sends one message after the other, with pauses.
    Ping {
        #[arg(long)]
        count: u64,
    },
    /// Receives and acks this many messages, one at a time.
    Pong {
        #[arg(long)]
        count: u64,
    },
    /// Waits for a message that does not come.
    Idle {
        #[arg(long)]
        seconds: u64,
    },
    /// Sends, receives and acks, and goes on after the first failure.
    Faulty {
        #[arg(long, default_value_t = 20)]
        rounds: u64,
        #[arg(long)]
        file_bytes_max: Option<NonZeroU64>,
    },
    /// Does one step after the other, each when it is told to.
    Record,
    /// Fills queues with messages in all states, and waits.
    Build,
}

/// Is what all children have.
#[derive(Clone, Debug)]
pub(crate) struct Child {
    directory: PathBuf,
    seed: u64,
    context: Context,
    teller: Arc<Teller>,
}

/// Does what it is told.
pub(crate) fn run(options: Options) -> Result<()> {
    let context = match options.command {
        Command::Record | Command::Build => manual(options.seed).1,
        _ => relayhouse_time::context()?,
    };
    let child = Child {
        directory: options.directory,
        seed: options.seed,
        teller: Arc::new(Teller::new(Arc::clone(&context.clock))),
        context,
    };
    let runtime = runtime()?;
    let done = runtime.block_on(child.run(options.command));
    // A thread that reads what the parent says is not waited for.
    runtime.shutdown_background();
    done
}

/// Makes a clock that stands still, and a context with it.
pub(crate) fn manual(seed: u64) -> (ManualClock, Context) {
    let clock = ManualClock::new(START);
    let random = Arc::new(SeededRandom::new(derive(seed, &[u64::from(b'm')])));
    (clock.clone(), Context::new(Arc::new(clock), random))
}

/// Makes what runs a child, or what reads the files of one.
pub(crate) fn runtime() -> Result<Runtime> {
    Ok(Builder::new_multi_thread()
        .worker_threads(2)
        .enable_time()
        .build()?)
}

pub(crate) fn queue() -> Result<QueueName> {
    Ok(QUEUE.parse()?)
}

impl Child {
    async fn run(self, command: Command) -> Result<()> {
        match command {
            Command::Work { number } => self.work(number).await,
            Command::Hold => self.hold().await,
            Command::Produce {
                producer,
                count,
                batch_max,
            } => self.produce(producer, count, batch_max).await,
            Command::Consume => self.consume_all(true).await,
            Command::Drain => self.consume_all(false).await,
            Command::Ping { count } => self.ping(count).await,
            Command::Pong { count } => self.pong(count).await,
            Command::Idle { seconds } => self.idle(Duration::from_secs(seconds)).await,
            Command::Faulty {
                rounds,
                file_bytes_max,
            } => self.faulty(rounds, file_bytes_max).await,
            Command::Record => self.record().await,
            Command::Build => self.build().await,
        }
    }

    fn builder(&self) -> LocalBuilder {
        Local::builder(self.context.clone(), self.directory.clone()).messages_max(MESSAGES_MAX)
    }

    async fn sender(&self, provider: &dyn Provider) -> Result<Arc<dyn Sender>> {
        Ok(provider.sender(&queue()?).await?)
    }

    async fn receiver(
        &self,
        provider: &dyn Provider,
        lease: Duration,
    ) -> Result<Arc<dyn Receiver>> {
        let options = ReceiverOptions { lease: Some(lease) };
        Ok(provider.receiver(&Source::queue(queue()?), options).await?)
    }

    async fn stats(&self, provider: &dyn Provider) -> Result<Stats> {
        let admin = provider
            .admin()
            .ok_or_else(|| anyhow::anyhow!("there is no admin port"))?;
        Ok(admin.stats(&Source::queue(queue()?)).await?)
    }

    /// Returns a source of chance of its own for what `parts` name.
    fn random(&self, parts: &[u64]) -> Box<dyn Random> {
        Box::new(SeededRandom::new(derive(self.seed, parts)))
    }

    async fn pause(&self, time: Duration) {
        let clock = &self.context.clock;
        clock.sleep_until(clock.now() + time).await;
    }

    fn tell(&self, task: u64, what: What) -> Result<()> {
        self.teller.tell(task, what)
    }
}

/// Waits for a word of the parent; false if it has no more to say.
fn may_go() -> Result<bool> {
    let mut line = String::new();
    Ok(stdin().lock().read_line(&mut line)? != 0)
}
