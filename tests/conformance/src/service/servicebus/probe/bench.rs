//! What probes work with: queues of their own, connections, and words for answers.

use std::{env, fmt::Debug, time::Duration};

use anyhow::{Context, Result};
use fe2o3_amqp::{
    Sender,
    link::{DetachError, ReceiverAttachError, SendError, SenderAttachError},
    types::{
        definitions::{Error, ErrorCondition},
        messaging::{Data, Message, Outcome, annotations::OwnedKey},
        primitives::{SimpleValue, Symbol, Value},
    },
};
use relayhouse_bare_amqp::{Client, Place, Received};
use relayhouse_core::{Clock, Entity};
use relayhouse_servicebus::EntityProperties;
use relayhouse_time::TokioClock;

use crate::service::servicebus::Namespace;

const CONNECTION_STRING: &str = "RELAYHOUSE_SERVICEBUS_CONNECTION_STRING";
/// What stands in the connection strings of emulators.
const EMULATOR: &str = "UseDevelopmentEmulator=true";

/// Is where a service is, and names that nobody else uses.
#[derive(Clone, Debug)]
pub(super) struct Bench {
    place: Place,
    namespace: Namespace,
}

impl Bench {
    /// Finds the service; none, if it wants TLS.
    #[expect(
        clippy::disallowed_methods,
        reason = "a bare client reads no configuration of the adapter"
    )]
    pub(super) fn new(namespace: Namespace) -> Result<Option<Self>> {
        let connection = env::var(CONNECTION_STRING);
        let connection = connection.with_context(|| format!("{CONNECTION_STRING} is not set"))?;
        if !connection.contains(EMULATOR) {
            return Ok(None);
        }
        let place = Place::parse(&connection).context("the connection string is incomplete")?;
        Ok(Some(Self { place, namespace }))
    }

    pub(super) const fn place(&self) -> &Place {
        &self.place
    }

    pub(super) async fn connect(&self) -> Result<Client> {
        Client::connect(&self.place).await
    }

    /// Names a queue that is not there.
    pub(super) fn missing(&self) -> Result<String> {
        Ok(self.namespace.queue_name()?.to_string())
    }

    /// Creates a queue that is set as `set` says, and returns its name.
    pub(super) async fn queue(&self, set: impl FnOnce(&mut EntityProperties)) -> Result<String> {
        let name = self.namespace.queue_name()?;
        let mut properties = EntityProperties::default();
        set(&mut properties);
        let provider = self.namespace.open(relayhouse_time::context()?)?;
        let entity = Entity::Queue(name.clone());
        provider.management().create(&entity, &properties).await?;
        Ok(name.to_string())
    }
}

/// Says how a send ended.
pub(super) async fn send(sender: &mut Sender, message: Message<Data>) -> String {
    match sender.send(message).await {
        Ok(Outcome::Accepted(_)) => "accepted".to_owned(),
        Ok(Outcome::Rejected(rejected)) => refused(rejected.error.as_ref()),
        Err(SendError::Detached(
            DetachError::RemoteClosedWithError(error) | DetachError::RemoteDetachedWithError(error),
        )) => refused(Some(&error)),
        other => format!("{other:?}"),
    }
}

/// Says how a link to a queue was attached.
pub(super) fn attached_to<T>(result: Result<T, SenderAttachError>) -> String {
    match result {
        Ok(_) => "attached".to_owned(),
        Err(SenderAttachError::RemoteClosedWithError(error)) => refused(Some(&error)),
        Err(other) => format!("{other:?}"),
    }
}

/// Says how a link from a queue was attached.
pub(super) fn attached_from<T>(result: Result<T, ReceiverAttachError>) -> String {
    match result {
        Ok(_) => "attached".to_owned(),
        Err(ReceiverAttachError::RemoteClosedWithError(error)) => refused(Some(&error)),
        Err(other) => format!("{other:?}"),
    }
}

fn refused(error: Option<&Error>) -> String {
    let condition = error.map(|error| match &error.condition {
        ErrorCondition::AmqpError(error) => Symbol::from(error),
        ErrorCondition::ConnectionError(error) => Symbol::from(error),
        ErrorCondition::SessionError(error) => Symbol::from(error),
        ErrorCondition::LinkError(error) => Symbol::from(error),
        ErrorCondition::TransactionError(error) => Symbol::from(error),
        ErrorCondition::Custom(condition) => condition.clone(),
    });
    match condition {
        Some(condition) => format!("refused: {}", condition.as_str()),
        None => "refused".to_owned(),
    }
}

/// How often it was delivered before, as its header says.
pub(super) fn count(received: &Received) -> String {
    let header = received.message().header.as_ref();
    header.map_or_else(
        || "no header".to_owned(),
        |header| format!("delivery-count {}", header.delivery_count),
    )
}

/// An annotation of a message.
pub(super) fn annotation(received: &Received, name: &str) -> Option<Value> {
    let annotations = received.message().message_annotations.as_ref()?;
    let key = OwnedKey::Symbol(Symbol::from(name));
    let mut all = annotations.0.iter();
    all.find_map(|(other, value)| (*other == key).then(|| value.clone()))
}

/// A property that an application, or the service, has given to a message.
pub(super) fn property(received: &Received, name: &str) -> String {
    let properties = received.message().application_properties.as_ref();
    match properties.and_then(|properties| properties.0.get(name)) {
        Some(SimpleValue::String(text)) => text.clone(),
        other => format!("{other:?}"),
    }
}

pub(super) async fn wait(time: Duration) {
    let clock = TokioClock::new();
    clock.sleep_until(clock.now() + time).await;
}
