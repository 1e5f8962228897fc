//! A connection with one session, and links to and from a queue.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use fe2o3_amqp::{
    Connection, Delivery, Receiver, Sender, Session,
    connection::ConnectionHandle,
    link::receiver::CreditMode,
    sasl_profile::SaslProfile,
    session::SessionHandle,
    types::{
        definitions::ReceiverSettleMode,
        messaging::{Body, Data, Message},
        primitives::Value,
    },
};
use tokio::time::timeout;

/// The queue of these cases, which is empty between two of them.
pub(crate) const QUEUE: &str = "bare";

/// Nothing here takes a tenth of it.
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) type Received = Delivery<Body<Value>>;

/// Where the namespace is, and with which key.
#[derive(Clone)]
pub(crate) struct Place {
    address: String,
    key_name: String,
    key: String,
}

impl Place {
    /// Reads a connection string.
    pub(crate) fn parse(connection: &str) -> Option<Self> {
        let field = |name: &str| {
            let mut fields = connection
                .split(';')
                .filter_map(|field| field.split_once('='));
            fields.find_map(|(other, value)| (other == name).then(|| value.to_owned()))
        };
        let endpoint = field("Endpoint")?;
        Some(Self {
            address: endpoint
                .strip_prefix("sb://")?
                .trim_end_matches('/')
                .to_owned(),
            key_name: field("SharedAccessKeyName")?,
            key: field("SharedAccessKey")?,
        })
    }

    /// Returns the same place with another key.
    pub(crate) fn with_key(&self, key: &str) -> Self {
        Self {
            key: key.to_owned(),
            ..self.clone()
        }
    }
}

/// A connection with one session.
pub(crate) struct Client {
    pub(crate) session: SessionHandle<()>,
    connection: ConnectionHandle<()>,
}

impl Client {
    /// Connects, and shows the key as a password.
    pub(crate) async fn connect(place: &Place) -> Result<Self> {
        let url = format!("amqp://{}", place.address);
        let builder = Connection::builder().container_id("bare");
        let builder = builder.sasl_profile(SaslProfile::Plain {
            username: place.key_name.clone(),
            password: place.key.clone(),
        });
        let mut connection = builder.open(&url[..]).await?;
        let session = Session::begin(&mut connection).await?;
        Ok(Self {
            session,
            connection,
        })
    }

    pub(crate) async fn sender(&mut self) -> Result<Sender> {
        let sender = Sender::attach(&mut self.session, "to", QUEUE).await;
        sender.context("cannot attach a sender")
    }

    /// Attaches a receiver that takes what it asks for, and leaves the last word to the broker.
    pub(crate) async fn receiver(&mut self, source: &str) -> Result<Receiver> {
        let builder = Receiver::builder()
            .name(format!("of-{source}"))
            .source(source);
        let builder = builder.receiver_settle_mode(ReceiverSettleMode::Second);
        let builder = builder.credit_mode(CreditMode::Manual);
        let receiver = builder.attach(&mut self.session).await;
        receiver.context("cannot attach a receiver")
    }

    pub(crate) async fn close(mut self) -> Result<()> {
        self.session.end().await?;
        Ok(self.connection.close().await?)
    }
}

/// Makes a message of a text.
pub(crate) fn message(body: &str) -> Message<Data> {
    Message::builder().data(body.as_bytes().to_vec()).build()
}

/// Sends a message, which must be accepted.
pub(crate) async fn send(sender: &mut Sender, body: &str) -> Result<()> {
    let outcome = sender.send(message(body)).await?;
    ensure!(outcome.is_accepted(), "the send came to {outcome:?}");
    Ok(())
}

/// Receives one message.
#[expect(
    clippy::disallowed_methods,
    reason = "the service is another program, and goes by the machine's time"
)]
pub(crate) async fn receive(receiver: &mut Receiver) -> Result<Received> {
    receiver.set_credit(1).await?;
    let received = timeout(PATIENCE, receiver.recv()).await;
    Ok(received.context("no message came")??)
}

/// Fails if there is a message to receive.
#[expect(
    clippy::disallowed_methods,
    reason = "the service is another program, and goes by the machine's time"
)]
pub(crate) async fn nothing(receiver: &mut Receiver) -> Result<()> {
    receiver.set_credit(1).await?;
    receiver.drain().await?;
    let waited = timeout(Duration::from_millis(200), receiver.recv::<Body<Value>>()).await;
    ensure!(waited.is_err(), "a message came that should not be there");
    Ok(())
}

/// Returns the text of a body.
pub(crate) fn text(received: &Received) -> Result<String> {
    let Body::Data(sections) = received.body() else {
        anyhow::bail!("the body is no data");
    };
    let bytes = sections.iter().flat_map(|it| it.0.to_vec()).collect();
    Ok(String::from_utf8(bytes)?)
}
