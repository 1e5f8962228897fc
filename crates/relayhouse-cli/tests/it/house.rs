//! Several commands on one registry, in this process: what one sends the other gets.

use std::{
    fs,
    future::ready,
    io::{self, Write},
    path::PathBuf,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use relayhouse::{
    Address, Capabilities, Clock, Opened, QueueName, Registry, Result, Source,
    memory::{Memory, Profile},
    port::{Admin, Provider, Receiver, ReceiverOptions, Sender, Sessions, Transactional},
    time,
};
use serde_json::Value;
use tempfile::TempDir;

use crate::flaky::flaky;

/// Is a registry whose queues outlive a command, and a place for files.
pub(crate) struct House {
    registry: Registry,
    clock: Arc<dyn Clock>,
    directory: TempDir,
}

/// Is how a command ended, and what it printed.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: u8,
    pub(crate) stdout: String,
}

/// Is standard output, which can be read afterwards.
#[derive(Clone, Debug, Default)]
pub(crate) struct Page(Arc<Mutex<Vec<u8>>>);

/// Is a standard output whose reader goes away after so many writes.
#[derive(Debug)]
pub(crate) struct Leaving(pub(crate) usize);

impl House {
    pub(crate) fn new() -> Self {
        Self::like(Profile::Native)
    }

    /// Makes a house whose queues behave as those of `profile`.
    pub(crate) fn like(profile: Profile) -> Self {
        Self::of(profile, "flaky", |provider, _| Arc::new(flaky(provider)))
    }

    /// Makes a house whose queues of `scheme` are those of `memory:`, but for what `around` makes
    /// of their provider.
    pub(crate) fn with(
        scheme: &'static str,
        around: impl Fn(Arc<dyn Provider>, &Arc<dyn Clock>) -> Arc<dyn Provider> + Send + Sync + 'static,
    ) -> Self {
        Self::of(Profile::Native, scheme, around)
    }

    fn of(
        profile: Profile,
        scheme: &'static str,
        around: impl Fn(Arc<dyn Provider>, &Arc<dyn Clock>) -> Arc<dyn Provider> + Send + Sync + 'static,
    ) -> Self {
        let context = time::context().unwrap();
        let clock = Arc::clone(&context.clock);
        let memory = Memory::builder(context.clone()).profile(profile);
        let memory = memory.build().unwrap();
        let (steady, other) = (memory.clone(), memory);
        let registry = Registry::empty(context)
            .with("memory", move |address, _| ready(open(&steady, &address)))
            .with(scheme, move |address, context| {
                let opened = open(&other, &address).map(|opened| Opened {
                    provider: around(opened.provider, &context.clock),
                    ..opened
                });
                ready(opened)
            });
        Self {
            registry,
            clock,
            directory: tempfile::tempdir().unwrap(),
        }
    }

    pub(crate) fn clock(&self) -> &dyn Clock {
        &*self.clock
    }

    /// Runs a command to its end.
    pub(crate) async fn run(&self, args: &[&str]) -> Ended {
        let page = Page::default();
        let code = self.run_to(args, page.clone()).await;
        let stdout = page.text();
        Ended { code, stdout }
    }

    /// Runs a command whose results go to `stdout`.
    pub(crate) async fn run_to(&self, args: &[&str], stdout: impl Write + Send + 'static) -> u8 {
        // Nothing of whoever runs the tests.
        let none = self.file("none.toml", "");
        let args = [&["relayhouse", "-q", "--config", &none], args].concat();
        relayhouse_cli::run(args, &self.registry, stdout).await
    }

    /// Writes a file, and returns its path.
    pub(crate) fn file(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        let path = self.path(name);
        fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Sends `input` with more arguments, and returns the counts.
    pub(crate) async fn send(&self, url: &str, input: &str, args: &[&str], code: u8) -> Value {
        let file = self.file("input", input);
        let all = ["send", url, "--file", &file, "--output", "json"];
        self.run(&[&all[..], args].concat())
            .await
            .ended(code)
            .json()
    }

    /// Takes all messages of a queue for good, as `receive` prints them.
    pub(crate) async fn drain(&self, url: &str) -> Vec<Value> {
        let args = ["receive", url, "--max", "1000000", "--ack", "--wait", "0s"];
        self.run(&args).await.ended(0).lines()
    }

    pub(crate) async fn stats(&self, url: &str) -> Value {
        let args = ["stats", url, "--output", "json"];
        self.run(&args).await.ended(0).json()
    }
}

impl Ended {
    #[track_caller]
    pub(crate) fn ended(self, code: u8) -> Self {
        assert_eq!(self.code, code, "{self:?}");
        self
    }

    /// Reads the one JSON value that was printed.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).expect(&self.stdout)
    }

    /// Reads a JSON value from each line.
    #[track_caller]
    pub(crate) fn lines(&self) -> Vec<Value> {
        let lines = self.stdout.lines();
        lines
            .map(|line| serde_json::from_str(line).expect(line))
            .collect()
    }
}

impl Page {
    /// Returns what was printed.
    pub(crate) fn text(&self) -> String {
        let bytes = self.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }
}

impl Write for Page {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Write for Leaving {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let left = self.0.checked_sub(1);
        self.0 = left.ok_or(io::ErrorKind::BrokenPipe)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn open(memory: &Memory, address: &Address) -> Result<Opened> {
    // A scheme of ours is the memory's own for what is behind it.
    let inner: Address = format!("memory://{}", address.location()).parse()?;
    let inner = if address.scheme() == "memory" {
        address
    } else {
        &inner
    };
    let provider = Arc::new(Lasting(memory.join(inner)?));
    let source = address.source()?;
    Ok(Opened { provider, source })
}

/// Is a provider that stays open when a command closes it, as a server would.
#[derive(Debug)]
struct Lasting(Memory);

#[async_trait]
impl Provider for Lasting {
    fn scheme(&self) -> &'static str {
        self.0.scheme()
    }

    fn capabilities(&self) -> &Capabilities {
        Provider::capabilities(&self.0)
    }

    async fn sender(&self, queue: &QueueName) -> Result<Arc<dyn Sender>> {
        self.0.sender(queue).await
    }

    async fn receiver(
        &self,
        source: &Source,
        options: ReceiverOptions,
    ) -> Result<Arc<dyn Receiver>> {
        self.0.receiver(source, options).await
    }

    async fn sessions(
        &self,
        source: &Source,
        options: ReceiverOptions,
    ) -> Result<Arc<dyn Sessions>> {
        self.0.sessions(source, options).await
    }

    fn admin(&self) -> Option<Arc<dyn Admin>> {
        self.0.admin()
    }

    fn transactional(&self) -> Option<Arc<dyn Transactional>> {
        self.0.transactional()
    }

    async fn close(&self) -> Result<()> {
        Ok(())
    }
}
