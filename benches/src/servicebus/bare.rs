//! The bare client: links, credit and settlements by hand, and nothing that looks at the answers.

use std::fmt::Debug;

use anyhow::{Context as _, Result, ensure};
use fe2o3_amqp::{
    Connection, Receiver, Sender, Session,
    connection::ConnectionHandle,
    link::{
        CreditMode, SendError,
        delivery::{DeliveryFut, DeliveryInfo, Sendable},
    },
    sasl_profile::SaslProfile,
    session::SessionHandle,
};
use fe2o3_amqp_types::{
    definitions::ReceiverSettleMode,
    messaging::{
        Batch, Body, Data, Header, Message, Outcome, Priority, Properties, Source,
        message::__private::Serializable,
    },
    primitives::{Binary, Value},
};
use futures_util::{StreamExt, stream::FuturesUnordered};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    runtime::Runtime,
};

use super::{BARE, BATCH, CALLS, SESSION, SINGLES, child::Emulator, queue_of, sessions_of};
use crate::remote::{body, runtime};

/// The format of a transfer of which each data section is a whole message.
const BATCH_FORMAT: u32 = 0x8001_3700;

/// The largest frame, as the adapter has it.
const FRAME_BYTES: u32 = 64 * 1024;

const FILTER: &str = "com.microsoft:session-filter";

/// As much credit as keeps the broker sending while a batch is settled: that of two.
const CREDIT: u32 = 200;

type Answers = FuturesUnordered<DeliveryFut<Result<Outcome, SendError>>>;

/// Sends, receives and settles by the client library alone.
#[derive(Debug)]
pub(super) struct Bare {
    session: SessionHandle<()>,
    sender: Sender,
    receiver: Receiver,
    messages: Messages,
    connection: ConnectionHandle<()>,
}

/// Makes messages with the bytes that the adapter sends.
#[derive(Debug)]
struct Messages {
    body: Vec<u8>,
    next: u128,
}

impl Bare {
    pub(super) async fn open(emulator: &Emulator) -> Result<Self> {
        Self::over(TcpStream::connect(address(emulator)?).await?, emulator).await
    }

    /// Opens a connection over `stream`.
    pub(super) async fn over(
        stream: impl AsyncRead + AsyncWrite + Send + Unpin + Debug + 'static,
        emulator: &Emulator,
    ) -> Result<Self> {
        let mut connection = connect(stream, emulator).await?;
        let mut session = Session::begin(&mut connection).await?;
        let queue = queue_of(BARE);
        let sender = Sender::attach(&mut session, "to", queue.as_str()).await?;
        let source = Source::builder().address(queue.as_str()).build();
        let receiver = attach(&mut session, "of", source).await?;
        Ok(Self {
            session,
            sender,
            receiver,
            messages: Messages::new(),
            connection,
        })
    }

    /// Sends by transfers of a batch.
    pub(super) async fn send_batches(&mut self, messages: usize) -> Result<()> {
        let mut answers = Answers::new();
        for _ in 0..messages / BATCH {
            let batch = self.messages.batch(BATCH, None)?;
            send(&mut self.sender, batch, &mut answers, CALLS).await?;
        }
        all_accepted(answers).await
    }

    /// Sends each message by a transfer of its own.
    pub(super) async fn send_singly(&mut self, messages: usize) -> Result<()> {
        let mut answers = Answers::new();
        for _ in 0..messages {
            let message = self.messages.next(None);
            send(&mut self.sender, message.into(), &mut answers, SINGLES).await?;
        }
        all_accepted(answers).await
    }

    /// Receives messages, and acks them by batches.
    pub(super) async fn receive(&mut self, messages: usize) -> Result<()> {
        for _ in 0..messages / BATCH {
            let taken = self.take().await?;
            self.accept(taken).await?;
        }
        Ok(())
    }

    /// Receives a batch, with credit for the next one.
    pub(super) async fn take(&mut self) -> Result<Vec<DeliveryInfo>> {
        if self.receiver.credit() <= CREDIT / 2 {
            self.receiver.set_credit(CREDIT).await?;
        }
        take(&mut self.receiver, BATCH).await
    }

    pub(super) async fn accept(&mut self, taken: Vec<DeliveryInfo>) -> Result<()> {
        Ok(self.receiver.accept_all(taken).await?)
    }

    /// Receives and acks all messages of so many sessions, one session after the other.
    pub(super) async fn receive_sessions(&mut self, sessions: usize) -> Result<()> {
        for number in 0..sessions {
            let source = Source::builder()
                .address(sessions_of(BARE))
                .add_to_filter_using_legacy_format(FILTER, Value::Null)
                .build();
            let name = format!("session-{number}");
            let mut receiver = attach(&mut self.session, &name, source).await?;
            receiver.set_credit(u32::try_from(SESSION)?).await?;
            let taken = take(&mut receiver, SESSION).await?;
            receiver.accept_all(taken).await?;
            receiver.close().await?;
        }
        Ok(())
    }
}

impl Bare {
    /// Closes the connection, after the broker has answered what was sent before.
    pub(super) async fn close(mut self) -> Result<()> {
        self.receiver.close().await?;
        self.sender.close().await?;
        self.session.end().await?;
        Ok(self.connection.close().await?)
    }
}

/// Fills queues before they are measured.
#[derive(Debug)]
pub(super) struct Filler {
    runtime: Runtime,
    session: SessionHandle<()>,
    messages: Messages,
    _connection: ConnectionHandle<()>,
}

impl Filler {
    pub(super) fn open(emulator: &Emulator) -> Result<Self> {
        let runtime = runtime()?;
        let (session, connection) = runtime.block_on(async {
            let stream = TcpStream::connect(address(emulator)?).await?;
            let mut connection = connect(stream, emulator).await?;
            let session = Session::begin(&mut connection).await?;
            anyhow::Ok((session, connection))
        })?;
        Ok(Self {
            runtime,
            session,
            messages: Messages::new(),
            _connection: connection,
        })
    }

    /// Sends so many messages to `queue`; where it has sessions, as many to each of them as a
    /// session has.
    pub(super) fn fill(&mut self, queue: &str, messages: usize, has_sessions: bool) -> Result<()> {
        let work = async {
            let mut sender = Sender::attach(&mut self.session, "fills", queue).await?;
            let mut answers = Answers::new();
            for number in 0..messages / BATCH {
                let session = format!("session-{number}");
                let session = has_sessions.then_some(session.as_str());
                let batch = self.messages.batch(BATCH, session)?;
                send(&mut sender, batch, &mut answers, CALLS).await?;
            }
            all_accepted(answers).await?;
            sender.close().await?;
            anyhow::Ok(())
        };
        self.runtime.block_on(work)
    }
}

impl Messages {
    fn new() -> Self {
        Self {
            body: body().into_bytes(),
            next: 1 << 64,
        }
    }

    fn next(&mut self, session: Option<&str>) -> Message<Data> {
        self.next += 1;
        Message {
            header: Some(Header {
                durable: true,
                priority: Priority(4),
                ..Header::default()
            }),
            delivery_annotations: None,
            message_annotations: None,
            properties: Some(Properties {
                message_id: Some(format!("{:032x}", self.next).into()),
                group_id: session.map(str::to_owned),
                ..Properties::default()
            }),
            application_properties: None,
            body: Data(Binary::from(self.body.clone())),
            footer: None,
        }
    }

    fn batch(&mut self, count: usize, session: Option<&str>) -> Result<Sendable<Batch<Data>>> {
        let mut sections = Vec::with_capacity(count);
        for _ in 0..count {
            let bytes = serde_amqp::to_vec(&Serializable(self.next(session)))?;
            sections.push(Data(Binary::from(bytes)));
        }
        Ok(Sendable {
            message: Message {
                header: None,
                delivery_annotations: None,
                message_annotations: None,
                properties: Some(Properties {
                    message_id: Some(format!("{:032x}", self.next).into()),
                    group_id: session.map(str::to_owned),
                    ..Properties::default()
                }),
                application_properties: None,
                body: Batch::new(sections),
                footer: None,
            },
            message_format: BATCH_FORMAT,
            settled: None,
        })
    }
}

/// Returns a field of the connection string.
fn field<'a>(emulator: &'a Emulator, name: &str) -> Result<&'a str> {
    let fields = emulator.connection().split(';');
    let mut fields = fields.filter_map(|field| field.split_once('='));
    let found = fields.find(|(other, _)| *other == name);
    found.map(|(_, value)| value).context("a field is missing")
}

/// Returns where the emulator listens.
pub(super) fn address(emulator: &Emulator) -> Result<&str> {
    let endpoint = field(emulator, "Endpoint")?;
    endpoint.strip_prefix("sb://").context("another scheme")
}

/// Opens a connection, and shows the key as a password.
async fn connect(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + Debug + 'static,
    emulator: &Emulator,
) -> Result<ConnectionHandle<()>> {
    let builder = Connection::builder().container_id("bare");
    let builder = builder.hostname("localhost").scheme("amqp");
    let builder = builder.max_frame_size(FRAME_BYTES);
    let builder = builder.sasl_profile(SaslProfile::Plain {
        username: field(emulator, "SharedAccessKeyName")?.to_owned(),
        password: field(emulator, "SharedAccessKey")?.to_owned(),
    });
    Ok(builder.open_with_stream(stream).await?)
}

/// Attaches a receiver that takes what it asks for, and leaves the last word to the broker.
async fn attach(session: &mut SessionHandle<()>, name: &str, source: Source) -> Result<Receiver> {
    let builder = Receiver::builder().name(name).source(source);
    let builder = builder.receiver_settle_mode(ReceiverSettleMode::Second);
    let builder = builder.credit_mode(CreditMode::Manual);
    Ok(builder.attach(session).await?)
}

/// Sends without waiting for the answer, but for those of which too many are under way.
async fn send<T: fe2o3_amqp_types::messaging::SerializableBody>(
    sender: &mut Sender,
    sendable: Sendable<T>,
    answers: &mut Answers,
    answers_max: usize,
) -> Result<()> {
    if answers_max <= answers.len() {
        accepted(answers.next().await)?;
    }
    answers.push(sender.send_batchable(sendable).await?);
    Ok(())
}

async fn all_accepted(mut answers: Answers) -> Result<()> {
    while !answers.is_empty() {
        accepted(answers.next().await)?;
    }
    Ok(())
}

fn accepted(answer: Option<Result<Outcome, SendError>>) -> Result<()> {
    let outcome = answer.context("nothing is under way")??;
    ensure!(outcome.is_accepted(), "the send came to {outcome:?}");
    Ok(())
}

async fn take(receiver: &mut Receiver, count: usize) -> Result<Vec<DeliveryInfo>> {
    let mut taken = Vec::with_capacity(count);
    for _ in 0..count {
        let (info, message) = receiver.recv::<Body<Value>>().await?.into_parts();
        let is_data = matches!(message.body, Body::Data(_));
        ensure!(is_data, "the body is no data");
        taken.push(info);
    }
    Ok(taken)
}
