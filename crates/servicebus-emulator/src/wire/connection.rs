//! One connection: read, acted on, written, until it is over.

use std::{future, io, sync::Arc, time::Duration};

use bytes::{Bytes, BytesMut};
use fe2o3_amqp_types::definitions::ConnectionError;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, join, split},
    net::TcpStream,
    select,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

use super::{
    http,
    pipe::{Reader, StreamReader, StreamWriter, Writer},
    server::Protocol,
    websocket,
};
use crate::{
    amqp::error,
    clock::{Clock, MachineClock},
    node::Client,
    shared::Shared,
};

/// How many bytes may wait to be written before no more is read.
const UNWRITTEN_BYTES_MAX: usize = 8 << 20;
/// How long a client has for its first byte and the handshake of TLS, by the machine's clock.
const HANDSHAKE_TIME_MAX: Duration = Duration::from_secs(60);
/// What a client begins with that wants TLS.
const TLS_HANDSHAKE: u8 = 0x16;
/// What a client begins with that wants a WebSocket: `GET`.
const HTTP_GET: u8 = b'G';

/// Serves one connection, over whatever its first byte asks for.
pub(super) async fn serve(
    stream: TcpStream,
    protocol: Protocol,
    tls: Option<TlsAcceptor>,
    shared: Arc<Shared>,
) {
    // Without it, it is only slower.
    let _ = stream.set_nodelay(true);
    // What a connection ends with is the client's to know.
    let _: io::Result<()> = async {
        match begin(stream, tls).await? {
            // Boxed, since it is much larger than a connection without.
            Begun::Tls(stream) => Box::pin(speak(*stream, protocol, shared)).await,
            Begun::Plain(stream) => speak(stream, protocol, shared).await,
        }
    }
    .await;
}

/// A connection after its first byte, and what comes before the protocol.
#[derive(Debug)]
enum Begun {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// Finds out whether a client wants TLS, which it has some time to say.
async fn begin(stream: TcpStream, tls: Option<TlsAcceptor>) -> io::Result<Begun> {
    let Some(tls) = tls else {
        return Ok(Begun::Plain(stream));
    };
    let begun = async {
        let mut first = [0];
        let has_first = stream.peek(&mut first).await? != 0;
        if !has_first || first[0] != TLS_HANDSHAKE {
            return Ok(Begun::Plain(stream));
        }
        Ok(Begun::Tls(Box::new(tls.accept(stream).await?)))
    };
    let clock = MachineClock::new();
    let late = clock.sleep_until(clock.now() + HANDSHAKE_TIME_MAX);
    select! {
        begun = begun => begun,
        () = late => Err(io::ErrorKind::TimedOut.into()),
    }
}

async fn speak<S>(stream: S, protocol: Protocol, shared: Arc<Shared>) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    match protocol {
        Protocol::Amqp => speak_amqp(stream, shared).await,
        Protocol::Http(site) => http::serve(stream, &site, &shared).await,
    }
}

/// Finds out whether it is a WebSocket, and serves it.
async fn speak_amqp<S>(stream: S, shared: Arc<Shared>) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let (mut reader, writer) = split(stream);
    let mut first = [0];
    if reader.read(&mut first).await? == 0 {
        return Ok(());
    }
    let reader = io::Cursor::new(first).chain(reader);
    if first[0] == HTTP_GET {
        let (reader, writer) = websocket::accept(join(reader, writer)).await?;
        return run(reader, writer, shared).await;
    }
    run(StreamReader(reader), StreamWriter::new(writer), shared).await
}

async fn run<R: Reader, W: Writer>(
    mut reader: R,
    mut writer: W,
    shared: Arc<Shared>,
) -> io::Result<()> {
    let mut client = Client::new(Arc::clone(&shared));
    let mut closing = shared.closing.subscribe();
    let mut input = BytesMut::new();
    let mut output = Bytes::new();
    // What the disk must have before the output leaves.
    let mut owed = None;
    let mut has_told = false;
    let result = loop {
        if client.is_cut() {
            break Ok(());
        }
        if output.is_empty() && !writer.is_busy() {
            output = client.take_output();
            owed = shared.owed();
        }
        let has_output = !output.is_empty() || writer.is_busy();
        if client.is_over() && !has_output {
            break Ok(());
        }
        let takes_input = !client.is_over() && client.output_bytes() < UNWRITTEN_BYTES_MAX;
        let due = client.due();
        let due = async {
            match due {
                Some(due) => shared.clock.sleep_until(due).await,
                None => future::pending().await,
            }
        };
        select! {
            read = reader.read(&mut input), if takes_input => match read {
                Ok(0) => break Ok(()),
                Ok(_) => {
                    client.receive(&input);
                    input.clear();
                }
                Err(error) => break Err(error),
            },
            paid = shared.pay(owed), if owed.is_some() => {
                if let Err(error) = paid {
                    break Err(error);
                }
                owed = None;
            }
            written = writer.write(&mut output), if has_output && owed.is_none() => {
                if let Err(error) = written {
                    break Err(error);
                }
            }
            () = client.ring() => client.look(),
            () = due => client.wake(),
            _ = closing.wait_for(|closing| *closing), if !has_told => {
                has_told = true;
                let description = "the emulator ends";
                client.close(Some(error(ConnectionError::ConnectionForced, description)));
            }
        }
    };
    client.leave();
    result
}
