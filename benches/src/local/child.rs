//! What this program does as a child of itself: another process that has a queue open.

use std::{
    io::{self, BufRead, BufReader, Write},
    num::{NonZeroU32, NonZeroU64},
    path::{Path, PathBuf},
    process::{Child as Process, ChildStdout, Command, Stdio},
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use clap::{Args, ValueEnum};
use relayhouse_core::{
    Delivery,
    port::{ReceiveRequest, ReceiverOptions},
};

use super::{Bodies, TAKEN, queue::Queue};
use crate::{
    machine,
    subject::{Consume, World},
};

/// How many messages a batch of a fill has.
const FILL_BATCH: usize = 1000;

/// Longer than any child waits for its next message.
const WAIT: Duration = Duration::from_secs(600);

/// Short, since who is killed does not give back what it holds.
const LEASE: Duration = Duration::from_secs(1);

/// Says what to do as a child, and where.
#[derive(Args, Clone, Debug)]
pub struct Task {
    /// What to do, as a child of this program.
    #[arg(long, hide = true, requires = "directory")]
    child: Option<Role>,
    /// Where the child's queue is.
    #[arg(long, hide = true)]
    directory: Option<PathBuf>,
    /// How many messages.
    #[arg(long, hide = true, default_value_t = 0)]
    count: usize,
}

/// Says what a child does.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum Role {
    /// Sends messages by batches of 1,000, and waits to be killed.
    Fill,
    /// Sends messages, each by itself.
    Send,
    /// Leases ten messages, tells how much memory that took, and waits to be killed.
    Lease,
    /// Receives single messages, and tells how long after its time each came.
    Wait,
}

impl Task {
    /// Does it; returns false if there is nothing to do.
    ///
    /// # Errors
    ///
    /// Returns the error of the queue.
    pub fn run(&self) -> Result<bool> {
        let (Some(role), Some(directory)) = (self.child, &self.directory) else {
            return Ok(false);
        };
        let world = World::new()?;
        world
            .runtime
            .block_on(run(role, directory, self.count, &world))?;
        Ok(true)
    }
}

async fn run(role: Role, directory: &Path, count: usize, world: &World) -> Result<()> {
    let options = ReceiverOptions { lease: Some(LEASE) };
    let queue = Queue::open_with(directory, &world.context, options).await?;
    match role {
        Role::Fill => fill(&queue, count, world).await,
        Role::Send => {
            let mut producer = queue.producer();
            let mut bodies = Bodies::new(&world.context);
            for _ in 0..count {
                producer.send_bodies(bodies.take(1)).await?;
            }
            queue.close().await
        }
        Role::Lease => lease(&queue).await,
        Role::Wait => wait(&queue, count, world).await,
    }
}

async fn fill(queue: &Queue, count: usize, world: &World) -> Result<()> {
    let mut producer = queue.producer();
    let mut bodies = Bodies::new(&world.context);
    for _ in 0..count / FILL_BATCH {
        producer.send_bodies(bodies.take(FILL_BATCH)).await?;
    }
    tell("filled")?;
    until_killed()
}

async fn lease(queue: &Queue) -> Result<()> {
    let deliveries = receive(queue, TAKEN).await?;
    ensure!(
        deliveries.len() == TAKEN,
        "{} messages came",
        deliveries.len()
    );
    tell(&machine::resident_peak().unwrap_or_default().to_string())?;
    until_killed()
}

async fn wait(queue: &Queue, count: usize, world: &World) -> Result<()> {
    tell("open")?;
    let mut consumer = queue.consumer();
    for _ in 0..count {
        let mut late = None;
        let seen = |body: &[u8]| {
            let sent = body.first_chunk().copied().map(u64::from_le_bytes);
            let now = machine_nanos(world).ok();
            late = now.zip(sent).map(|(now, sent)| now.saturating_sub(sent));
        };
        consumer.take(1, seen).await?;
        tell(&late.context("a message has no time")?.to_string())?;
    }
    // One that waits for nothing more.
    receive(queue, 1).await.map(drop)
}

async fn receive(queue: &Queue, max: usize) -> Result<Vec<Delivery>> {
    let request = ReceiveRequest {
        messages_max: NonZeroU32::new(u32::try_from(max)?).context("no messages wanted")?,
        bytes_max: NonZeroU64::MAX,
        wait: WAIT,
    };
    let mut deliveries = Vec::new();
    queue
        .ports
        .receiver()
        .receive(request, &mut deliveries)
        .await?;
    Ok(deliveries)
}

/// Returns the nanoseconds since the machine was started, which all processes count alike.
pub(super) fn machine_nanos(world: &World) -> Result<u64> {
    let time = world.context.clock.machine();
    let time = time.context("this machine does not tell its time")?;
    Ok(u64::try_from(time.since.as_nanos())?)
}

fn tell(line: &str) -> Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}")?;
    Ok(out.flush()?)
}

/// Waits for an end that does not come by itself.
fn until_killed() -> Result<()> {
    io::stdin().lock().read_line(&mut String::new())?;
    Ok(())
}

/// Is a child that runs, which is killed when this is dropped.
#[derive(Debug)]
pub(super) struct Child {
    process: Process,
    out: BufReader<ChildStdout>,
}

/// Makes the command that starts a child.
pub(super) fn arguments(
    role: Role,
    directory: &Path,
    count: usize,
) -> Result<Vec<std::ffi::OsString>> {
    let name = role.to_possible_value().context("a role has a name")?;
    Ok(vec![
        std::env::current_exe()?.into_os_string(),
        "--child".into(),
        name.get_name().into(),
        "--directory".into(),
        directory.as_os_str().to_owned(),
        "--count".into(),
        count.to_string().into(),
    ])
}

impl Child {
    pub(super) fn start(role: Role, directory: &Path, count: usize) -> Result<Self> {
        let arguments = arguments(role, directory, count)?;
        let mut process = Command::new(&arguments[0])
            .args(&arguments[1..])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let out = process.stdout.take().context("a child has no output")?;
        Ok(Self {
            process,
            out: BufReader::new(out),
        })
    }

    /// Waits for the next line that it tells.
    pub(super) fn hear(&mut self) -> Result<String> {
        let mut line = String::new();
        let length = self.out.read_line(&mut line)?;
        ensure!(0 < length, "a child ended");
        line.truncate(line.trim_end().len());
        Ok(line)
    }

    pub(super) fn id(&self) -> u32 {
        self.process.id()
    }

    /// Kills it, by the signal that no process hears, and waits for its end.
    pub(super) fn kill(&mut self) -> Result<()> {
        self.process.kill()?;
        self.process.wait()?;
        Ok(())
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // One that has ended cannot be killed.
        _ = self.kill();
    }
}
