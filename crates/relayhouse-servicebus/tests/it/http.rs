//! A server of HTTP by hand, that answers as a test has it.

use std::{
    io,
    sync::{Arc, Mutex},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::Notify,
    task::JoinHandle,
};

/// What the server got.
#[derive(Clone, Debug, Default)]
pub(crate) struct Request {
    /// The method and the target.
    pub(crate) line: String,
    /// The headers, by names in small letters.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(it, _)| it == name);
        found.map(|(_, value)| value.as_str())
    }
}

/// What the server answers.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    /// A status with a body.
    Say(u16, String),
    /// Nothing: it ends the connection.
    Cut,
    /// Nothing, ever.
    Hang,
}

pub(crate) fn say(status: u16, body: impl Into<String>) -> Answer {
    Answer::Say(status, body.into())
}

/// Answers one request after the other. It ends when it is dropped.
pub(crate) struct Server {
    pub(crate) port: u16,
    /// Rings when a request is not answered.
    pub(crate) hung: Arc<Notify>,
    requests: Arc<Mutex<Vec<Request>>>,
    task: JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    /// Gives `answers`, each once; further requests are cut.
    pub(crate) async fn start(answers: impl IntoIterator<Item = Answer>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let requests = Arc::<Mutex<Vec<Request>>>::default();
        let shared = Arc::clone(&requests);
        let hung = Arc::new(Notify::new());
        let bell = Arc::clone(&hung);
        let mut answers: Vec<_> = answers.into_iter().collect();
        answers.reverse();
        let task = tokio::spawn(async move {
            let mut kept = Vec::new();
            loop {
                let (mut client, _) = listener.accept().await.unwrap();
                let Ok(request) = read(&mut client).await else {
                    continue;
                };
                shared.lock().unwrap().push(request);
                match answers.pop() {
                    Some(Answer::Say(status, body)) => {
                        let length = body.len();
                        let head =
                            format!("HTTP/1.1 {status} x\r\ncontent-length: {length}\r\n\r\n");
                        // The other side may have had enough.
                        let _ = client.write_all((head + &body).as_bytes()).await;
                    }
                    Some(Answer::Hang) => {
                        kept.push(client);
                        bell.notify_one();
                    }
                    Some(Answer::Cut) | None => {}
                }
            }
        });
        Self {
            port,
            hung,
            requests,
            task,
        }
    }

    /// Returns what came so far.
    pub(crate) fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }

    /// Returns the first lines of what came so far.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.requests().into_iter().map(|it| it.line).collect()
    }
}

async fn read(client: &mut TcpStream) -> io::Result<Request> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(client.read_u8().await?);
    }
    let head = String::from_utf8(head).unwrap();
    let mut lines = head.lines();
    let line = lines
        .next()
        .unwrap()
        .trim_end_matches(" HTTP/1.1")
        .to_owned();
    let headers = lines.filter_map(|line| line.split_once(": "));
    let headers = headers.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()));
    let mut request = Request {
        line,
        headers: headers.collect(),
        body: String::new(),
    };
    let length = request
        .header("content-length")
        .map_or(0, |it| it.parse().unwrap());
    let mut body = vec![0; length];
    client.read_exact(&mut body).await?;
    request.body = String::from_utf8(body).unwrap();
    Ok(request)
}
