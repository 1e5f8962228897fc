//! As little of an HTTP client as it takes, so that every byte of a request is a test's own.

use std::net::SocketAddr;

use serde_json::{Value, json};
use sqs_emulator::{Builder, ManualClock, Operation, SqsEmulator};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::{self, JoinHandle},
};

/// What came back.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines();
        lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }
}

/// An emulator whose time stands still, and one queue of it.
pub(crate) struct Fixture {
    pub(crate) emulator: SqsEmulator,
    pub(crate) clock: ManualClock,
    pub(crate) queue_url: String,
}

impl Fixture {
    pub(crate) async fn new() -> Self {
        let clock = ManualClock::new();
        Self::of(SqsEmulator::builder().clock(clock.clone()), clock).await
    }

    pub(crate) async fn of(builder: Builder, clock: ManualClock) -> Self {
        let emulator = builder.start().await.unwrap();
        let create = json!({"QueueName": "q"});
        let created = call(emulator.address(), "CreateQueue", &create).await;
        assert_eq!(created["QueueUrl"], emulator.queue_url("q"));
        Self {
            queue_url: emulator.queue_url("q"),
            emulator,
            clock,
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.emulator.address()
    }

    /// Calls an operation that must go well.
    pub(crate) async fn call(&self, operation: &str, body: Value) -> Value {
        call(self.address(), operation, &self.with_url(body)).await
    }

    /// Calls an operation; none is an answer that never came.
    pub(crate) async fn try_call(&self, operation: &str, body: Value) -> Option<Answer> {
        request(self.address(), operation, &self.with_url(body).to_string()).await
    }

    pub(crate) async fn send(&self, body: &str) {
        self.call("SendMessage", json!({"MessageBody": body})).await;
    }

    pub(crate) async fn receive(&self) -> Vec<Value> {
        let body = json!({"MaxNumberOfMessages": 10});
        messages(&self.call("ReceiveMessage", body).await)
    }

    /// Begins a long poll, and returns when it waits.
    pub(crate) async fn poll(&self, seconds: u64) -> JoinHandle<Option<Answer>> {
        let calls = self.emulator.count(Operation::ReceiveMessage).calls;
        let body = self.with_url(json!({"WaitTimeSeconds": seconds}));
        let address = self.address();
        let poll =
            tokio::spawn(
                async move { request(address, "ReceiveMessage", &body.to_string()).await },
            );
        // On one thread, what has been counted has run up to where it waits.
        while self.emulator.count(Operation::ReceiveMessage).calls == calls {
            task::yield_now().await;
        }
        poll
    }

    fn with_url(&self, mut body: Value) -> Value {
        body["QueueUrl"] = json!(self.queue_url);
        body
    }
}

pub(crate) fn messages(answer: &Value) -> Vec<Value> {
    answer["Messages"].as_array().cloned().unwrap_or_default()
}

async fn call(address: SocketAddr, operation: &str, body: &Value) -> Value {
    let answer = request(address, operation, &body.to_string())
        .await
        .unwrap();
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

/// Calls an operation; none is an answer that never came.
pub(crate) async fn request(address: SocketAddr, operation: &str, body: &str) -> Option<Answer> {
    let head = format!(
        "POST / HTTP/1.1\r\nhost: sqs\r\nconnection: close\r\n\
         content-type: application/x-amz-json-1.0\r\nx-amz-target: AmazonSQS.{operation}\r\n\
         content-length: {}\r\n\r\n",
        body.len()
    );
    exchange(address, &format!("{head}{body}")).await
}

/// Writes a request, and reads until the other side closes.
pub(crate) async fn exchange(address: SocketAddr, request: &str) -> Option<Answer> {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.ok()?;
    let answer = String::from_utf8(answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?;
    Some(Answer {
        status: status.parse().unwrap(),
        head: head.to_owned(),
        body: body.to_owned(),
    })
}
