//! A bare client of AMQP: a connection with one session, and links to and from queues of a service
//! that speaks as Azure Service Bus.

use std::{
    fmt::{self, Debug},
    time::Duration,
};

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

/// Nothing here takes a tenth of it.
const PATIENCE: Duration = Duration::from_secs(30);

/// A message as it came.
pub type Received = Delivery<Body<Value>>;

/// Where the namespace is, and with which key.
#[derive(Clone)]
pub struct Place {
    address: String,
    key_name: String,
    key: String,
}

impl Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            address,
            key_name,
            // It is not printed.
            key: _,
        } = self;
        f.debug_struct("Place")
            .field("address", address)
            .field("key_name", key_name)
            .finish_non_exhaustive()
    }
}

impl Place {
    /// Reads a connection string; `None` if it is not as it should be.
    #[must_use]
    pub fn parse(connection: &str) -> Option<Self> {
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
    #[must_use]
    pub fn with_key(&self, key: &str) -> Self {
        Self {
            key: key.to_owned(),
            ..self.clone()
        }
    }
}

/// A connection with one session.
#[derive(Debug)]
pub struct Client {
    /// The session, for what else is to be attached.
    pub session: SessionHandle<()>,
    connection: ConnectionHandle<()>,
}

impl Client {
    /// Connects without TLS, and shows the key as a password.
    ///
    /// # Errors
    ///
    /// Returns what the service, or the client library, says.
    pub async fn connect(place: &Place) -> Result<Self> {
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

    /// Attaches a sender.
    ///
    /// # Errors
    ///
    /// Returns what the service, or the client library, says.
    pub async fn sender(&mut self, target: &str) -> Result<Sender> {
        let sender = Sender::attach(&mut self.session, format!("to-{target}"), target).await;
        sender.context("cannot attach a sender")
    }

    /// Attaches a receiver that takes what it asks for, and leaves the last word to the broker.
    ///
    /// # Errors
    ///
    /// Returns what the service, or the client library, says.
    pub async fn receiver(&mut self, source: &str) -> Result<Receiver> {
        let builder = Receiver::builder()
            .name(format!("of-{source}"))
            .source(source);
        let builder = builder.receiver_settle_mode(ReceiverSettleMode::Second);
        let builder = builder.credit_mode(CreditMode::Manual);
        let receiver = builder.attach(&mut self.session).await;
        receiver.context("cannot attach a receiver")
    }

    /// Ends the session and the connection.
    ///
    /// # Errors
    ///
    /// Returns what the service, or the client library, says.
    pub async fn close(mut self) -> Result<()> {
        self.session.end().await?;
        Ok(self.connection.close().await?)
    }
}

/// Makes a message of a text.
#[must_use]
pub fn message(body: &str) -> Message<Data> {
    Message::builder().data(body.as_bytes().to_vec()).build()
}

/// Sends a message, which must be accepted.
///
/// # Errors
///
/// Returns what the service, or the client library, says.
pub async fn send(sender: &mut Sender, body: &str) -> Result<()> {
    let outcome = sender.send(message(body)).await?;
    ensure!(outcome.is_accepted(), "the send came to {outcome:?}");
    Ok(())
}

/// Receives one message.
///
/// # Errors
///
/// Returns an error if none comes.
#[expect(
    clippy::disallowed_methods,
    reason = "the service is another program, and goes by the machine's time"
)]
pub async fn receive(receiver: &mut Receiver) -> Result<Received> {
    receiver.set_credit(1).await?;
    let received = timeout(PATIENCE, receiver.recv()).await;
    Ok(received.context("no message came")??)
}

/// Fails if there is a message to receive.
///
/// # Errors
///
/// Returns an error if one comes.
#[expect(
    clippy::disallowed_methods,
    reason = "the service is another program, and goes by the machine's time"
)]
pub async fn nothing(receiver: &mut Receiver) -> Result<()> {
    receiver.set_credit(1).await?;
    receiver.drain().await?;
    let waited = timeout(Duration::from_millis(200), receiver.recv::<Body<Value>>()).await;
    ensure!(waited.is_err(), "a message came that should not be there");
    Ok(())
}

/// Returns the text of a body.
///
/// # Errors
///
/// Returns an error if the body is no text.
pub fn text(received: &Received) -> Result<String> {
    let Body::Data(sections) = received.body() else {
        anyhow::bail!("the body is no data");
    };
    let bytes = sections.iter().flat_map(|it| it.0.to_vec()).collect();
    Ok(String::from_utf8(bytes)?)
}
