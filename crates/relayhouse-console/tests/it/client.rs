//! A client that writes bytes and reads them, right or wrong.

use std::net::SocketAddr;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// Is one connection.
pub(crate) struct Client {
    stream: TcpStream,
    /// What was read beyond the last answer.
    rest: Vec<u8>,
}

/// Is an answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Client {
    pub(crate) async fn new(address: SocketAddr) -> Self {
        Self {
            stream: TcpStream::connect(address).await.unwrap(),
            rest: Vec::new(),
        }
    }

    pub(crate) async fn write(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).await.unwrap();
    }

    /// Asks, and reads the answer.
    pub(crate) async fn ask(&mut self, request: &str, headers: &str) -> Answer {
        let request = format!("{request} HTTP/1.1\r\nhost: localhost\r\n{headers}\r\n");
        self.write(&request).await;
        let mut answer = self.head().await;
        // An answer to HEAD says how long the body would be.
        if !request.starts_with("HEAD ") {
            self.read_body(&mut answer).await;
        }
        answer
    }

    /// Reads an answer that says how long it is.
    pub(crate) async fn answer(&mut self) -> Answer {
        let mut answer = self.head().await;
        self.read_body(&mut answer).await;
        answer
    }

    async fn head(&mut self) -> Answer {
        let head = self.read_until("\r\n\r\n").await;
        Answer {
            status: head[9..12].parse().unwrap(),
            head,
            body: String::new(),
        }
    }

    async fn read_body(&mut self, answer: &mut Answer) {
        let length = answer.header("content-length");
        let length = length.map_or(0, |length| length.parse().unwrap());
        while self.rest.len() < length {
            assert_ne!(self.more().await, 0, "it goes on: {answer:?}");
        }
        let body = self.rest.drain(..length).collect();
        answer.body = String::from_utf8(body).unwrap();
    }

    /// Reads up to and with `end`.
    pub(crate) async fn read_until(&mut self, end: &str) -> String {
        let end = end.as_bytes();
        loop {
            let found = self.rest.windows(end.len()).position(|it| it == end);
            if let Some(at) = found {
                let text = self.rest.drain(..at + end.len()).collect();
                return String::from_utf8(text).unwrap();
            }
            let text = String::from_utf8_lossy(&self.rest);
            let text = text.into_owned();
            assert_ne!(self.more().await, 0, "it goes on: {text}");
        }
    }

    /// Reads until the server closes the connection.
    pub(crate) async fn read_to_end(&mut self) -> String {
        while 0 < self.more().await {}
        String::from_utf8(std::mem::take(&mut self.rest)).unwrap()
    }

    /// Whether nothing has come in.
    pub(crate) fn is_silent(&self) -> bool {
        self.rest.is_empty() && self.stream.try_read(&mut [0]).is_err()
    }

    async fn more(&mut self) -> usize {
        self.stream.read_buf(&mut self.rest).await.unwrap()
    }
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines();
        lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }
}
