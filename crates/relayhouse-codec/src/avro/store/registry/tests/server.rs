//! A schema registry in memory, which answers as Confluent documents its API.

use std::{
    convert::Infallible,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{
    Method, Request, Response, body::Incoming, header::AUTHORIZATION, server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpListener,
    task::JoinHandle,
};
use tokio_rustls::TlsAcceptor;

/// What the server answers, whatever it is asked.
#[derive(Clone, Debug)]
pub(super) enum Fault {
    /// This status and body.
    Answer(u16, Vec<u8>),
    /// Nothing, ever.
    Hang,
    /// The end of the connection.
    Drop,
}

#[derive(Debug, Default)]
pub(super) struct Model {
    /// A version's subject, id, and the body of its registration.
    versions: Vec<(String, u32, Value)>,
    /// The subjects that are shown to those alone who ask for what is deleted.
    deleted: Vec<String>,
    pub(super) fault: Option<Fault>,
    /// Method and path of each request, and what it has shown.
    pub(super) requests: Vec<(String, Option<String>)>,
}

/// A running server. It ends when it is dropped.
#[derive(Debug)]
pub(super) struct Server {
    pub(super) address: SocketAddr,
    pub(super) model: Arc<Mutex<Model>>,
    accepting: JoinHandle<()>,
}

impl Server {
    pub(super) async fn start(tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let model = Arc::<Mutex<Model>>::default();
        let shared = Arc::clone(&model);
        let accepting = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (model, tls) = (Arc::clone(&shared), tls.clone());
                tokio::spawn(async move {
                    match tls {
                        // A client that does not trust us goes away.
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                serve(stream, model).await;
                            }
                        }
                        None => serve(stream, model).await,
                    }
                });
            }
        });
        Self {
            address,
            model,
            accepting,
        }
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Stores a version with references, as `{subject}`, `{version}`.
    pub(super) fn store(&self, subject: &str, id: u32, registration: Value) {
        let version = (subject.to_owned(), id, registration);
        self.model.lock().unwrap().versions.push(version);
    }

    /// Deletes a subject softly: its versions are there for who refers to them.
    pub(super) fn delete(&self, subject: &str) {
        self.model.lock().unwrap().deleted.push(subject.to_owned());
    }

    pub(super) fn fail(&self, fault: Option<Fault>) {
        self.model.lock().unwrap().fault = fault;
    }

    /// Returns the requests so far, without what they have shown.
    pub(super) fn requests(&self) -> Vec<String> {
        let model = self.model.lock().unwrap();
        let lines = model.requests.iter().map(|(line, _)| line.clone());
        lines.collect()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn serve<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    stream: S,
    model: Arc<Mutex<Model>>,
) {
    let service = service_fn(move |request| answer(request, Arc::clone(&model)));
    // A fault may end the connection, as may the client.
    let _ = http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

async fn answer(
    request: Request<Incoming>,
    model: Arc<Mutex<Model>>,
) -> Result<Response<Full<Bytes>>, std::io::Error> {
    let (head, body) = request.into_parts();
    let body = body
        .collect()
        .await
        .map_err(std::io::Error::other)?
        .to_bytes();
    let shown = head.headers.get(AUTHORIZATION);
    let shown = shown.map(|value| value.to_str().unwrap().to_owned());
    let path = head.uri.path().to_owned();
    let finds_deleted = head.uri.query() == Some("deleted=true");
    let (fault, reply) = {
        let mut model = model.lock().unwrap();
        model
            .requests
            .push((format!("{} {path}", head.method), shown));
        let body = serde_json::from_slice(&body).unwrap_or_default();
        let is_hidden = model
            .deleted
            .iter()
            .any(|subject| !finds_deleted && path.starts_with(&format!("/subjects/{subject}/")));
        let reply = match is_hidden {
            true => Err((404, 40401)),
            false => model.answer(&head.method, &path, &body),
        };
        (model.fault.clone(), reply)
    };
    let (status, body) = match fault {
        Some(Fault::Answer(status, body)) => (status, body),
        Some(Fault::Hang) => std::future::pending::<Result<_, Infallible>>()
            .await
            .unwrap(),
        Some(Fault::Drop) => return Err(std::io::Error::other("dropped")),
        None => match reply {
            Ok(reply) => (200, reply.to_string().into_bytes()),
            Err((status, code)) => {
                let refusal = json!({"error_code": code, "message": "said the registry"});
                (status, refusal.to_string().into_bytes())
            }
        },
    };
    let reply = Response::builder().status(status);
    Ok(reply.body(Full::from(body)).unwrap())
}

impl Model {
    fn answer(&mut self, method: &Method, path: &str, body: &Value) -> Result<Value, (u16, u32)> {
        let path: Vec<_> = path.split('/').skip(1).collect();
        match (method.as_str(), &*path) {
            ("GET", ["schemas", "ids", id]) => {
                let mut versions = self.versions.iter();
                let found = versions.find(|(_, of, _)| of.to_string() == *id);
                found.map(|(.., schema)| schema.clone()).ok_or((404, 40403))
            }
            ("GET", ["subjects", subject, "versions", version]) => self.version(subject, version),
            ("POST", ["subjects", subject, "versions"]) => {
                if let Ok(found) = self.find(subject, body) {
                    return Ok(found);
                }
                let id = 100 + u32::try_from(self.versions.len()).unwrap();
                self.versions
                    .push(((*subject).to_owned(), id, body.clone()));
                Ok(json!({"id": id}))
            }
            ("POST", ["subjects", subject]) => self.find(subject, body),
            ("POST", ["compatibility", "subjects", subject, "versions", "latest"]) => {
                let latest = self.version(subject, "latest")?;
                Ok(json!({"is_compatible": latest["schema"] == body["schema"]}))
            }
            _ => Err((404, 404)),
        }
    }

    fn of<'a>(&'a self, subject: &'a str) -> impl Iterator<Item = &'a (String, u32, Value)> {
        self.versions.iter().filter(move |(of, ..)| of == subject)
    }

    fn version(&self, subject: &str, version: &str) -> Result<Value, (u16, u32)> {
        let count = self.of(subject).count();
        let number = match version {
            "latest" => count,
            version => version.parse().map_err(|_| (422, 42202))?,
        };
        if count == 0 {
            return Err((404, 40401));
        }
        let place = number.checked_sub(1).ok_or((404, 40402_u32))?;
        let (_, id, registration) = self.of(subject).nth(place).ok_or((404, 40402_u32))?;
        let mut reply = registration.clone();
        reply["subject"] = subject.into();
        reply["id"] = (*id).into();
        reply["version"] = number.into();
        Ok(reply)
    }

    fn find(&self, subject: &str, registration: &Value) -> Result<Value, (u16, u32)> {
        let schema = &registration["schema"];
        let found = self.of(subject).find(|(.., of)| &of["schema"] == schema);
        let (_, id, _) = found.ok_or((404, 40403_u32))?;
        Ok(json!({"id": id, "subject": subject, "version": 1, "schema": schema}))
    }
}
