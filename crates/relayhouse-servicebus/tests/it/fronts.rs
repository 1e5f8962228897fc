//! What may stand before a broker: TLS, a WebSocket, a proxy.

use std::{
    future::Future,
    io,
    sync::{Arc, Mutex},
};

use futures_util::{SinkExt, StreamExt};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, copy_bidirectional},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        crypto::ring,
        pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
    },
};
use tokio_tungstenite::{
    accept_hdr_async,
    tungstenite::{
        Message,
        handshake::server::{ErrorResponse, Request, Response},
        http::HeaderValue,
    },
};

/// Listens at a port of its own. It ends when it is dropped.
pub(crate) struct Front {
    pub(crate) port: u16,
    task: JoinHandle<()>,
}

impl Drop for Front {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Front {
    async fn start<F>(serve: impl Fn(TcpStream) -> F + Send + 'static) -> Self
    where
        F: Future<Output = io::Result<()>> + Send,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let task = tokio::spawn(async move {
            loop {
                let (client, _) = listener.accept().await.unwrap();
                // A client that does not trust it goes away.
                let _ = serve(client).await;
            }
        });
        Self { port, task }
    }

    /// Speaks TLS as `localhost`, before the server at `to`.
    pub(crate) async fn tls(authority: &Authority, to: u16) -> Self {
        let acceptor = authority.acceptor();
        Self::start(move |client| {
            let acceptor = acceptor.clone();
            async move { forward(acceptor.accept(client).await?, to).await }
        })
        .await
    }

    /// Speaks TLS as `localhost`, and WebSocket in it, before the server at `to`.
    pub(crate) async fn websocket(authority: &Authority, to: u16) -> Self {
        let acceptor = authority.acceptor();
        Self::start(move |client| {
            let acceptor = acceptor.clone();
            async move { unwrap_messages(acceptor.accept(client).await?, to).await }
        })
        .await
    }

    /// Is a proxy that lets through who has `credentials`, and keeps what it was asked.
    pub(crate) async fn proxy(credentials: &'static str) -> (Self, Arc<Mutex<Vec<String>>>) {
        let asked = Arc::<Mutex<Vec<String>>>::default();
        let shared = Arc::clone(&asked);
        let front = Self::start(move |client| tunnel(client, credentials, Arc::clone(&shared)));
        (front.await, asked)
    }
}

async fn forward<S: AsyncRead + AsyncWrite + Unpin>(mut client: S, to: u16) -> io::Result<()> {
    let mut server = TcpStream::connect(("127.0.0.1", to)).await?;
    copy_bidirectional(&mut client, &mut server).await.map(drop)
}

async fn tunnel(
    mut client: TcpStream,
    credentials: &str,
    asked: Arc<Mutex<Vec<String>>>,
) -> io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(client.read_u8().await?);
    }
    let head = String::from_utf8(head).unwrap();
    let line = head.lines().next().unwrap().to_owned();
    asked.lock().unwrap().push(line.clone());
    if !head.contains(&format!("Proxy-Authorization: {credentials}\r\n")) {
        let refusal = b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n";
        return client.write_all(refusal).await;
    }
    let (_, port) = line.split(' ').nth(1).unwrap().rsplit_once(':').unwrap();
    client
        .write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")
        .await?;
    forward(client, port.parse().unwrap()).await
}

#[expect(
    clippy::result_large_err,
    reason = "the type of the error is that of the library"
)]
fn agree(request: &Request, mut response: Response) -> Result<Response, ErrorResponse> {
    assert_eq!(request.uri().path(), "/$servicebus/websocket");
    assert_eq!(request.headers()["sec-websocket-protocol"], "amqp");
    let protocol = HeaderValue::from_static("amqp");
    response
        .headers_mut()
        .insert("sec-websocket-protocol", protocol);
    Ok(response)
}

/// Passes on the bytes of messages, and answers in messages of odd sizes, with pings between them.
async fn unwrap_messages<S>(client: S, to: u16) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let socket = accept_hdr_async(client, agree).await;
    let (mut out, mut messages) = socket.map_err(io::Error::other)?.split();
    let mut server = TcpStream::connect(("127.0.0.1", to)).await?;
    let mut buffer = [0; 7];
    loop {
        tokio::select! {
            message = messages.next() => match message {
                Some(Ok(Message::Binary(bytes))) => server.write_all(&bytes).await?,
                Some(Ok(Message::Close(_)) | Err(_)) | None => return Ok(()),
                Some(Ok(_)) => {}
            },
            count = server.read(&mut buffer) => {
                let bytes = buffer[..count?].to_vec();
                if bytes.is_empty() {
                    return out.close().await.map_err(io::Error::other);
                }
                for message in [Message::Ping(vec![1].into()), Message::Binary(bytes.into())] {
                    out.send(message).await.map_err(io::Error::other)?;
                }
            }
        }
    }
}

/// Signs the certificate of `localhost`.
pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::new(["authority.example".to_owned()]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        Self(CertifiedIssuer::self_signed(params, key).unwrap())
    }

    pub(crate) fn pem(&self) -> String {
        self.0.pem()
    }

    fn acceptor(&self) -> TlsAcceptor {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(["localhost".to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        let chain = vec![certificate.der().clone()];
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(chain, key);
        TlsAcceptor::from(Arc::new(config.unwrap()))
    }
}
