//! A client, and what it is set before.

use std::collections::BTreeMap;

use fe2o3_amqp::{
    Connection, Delivery, Receiver, Sender, Session,
    connection::{self, ConnectionHandle},
    link::receiver::CreditMode,
    sasl_profile::SaslProfile,
    session::SessionHandle,
    types::{
        definitions::ReceiverSettleMode,
        messaging::{ApplicationProperties, Body, Message, Outcome, Properties, Source},
        primitives::{OrderedMap, SimpleValue, Value},
    },
};
use servicebus_emulator::{
    Builder, ServiceBusEmulator,
    model::{Address, Peeked, QueueSettings},
};

pub(crate) type Received = Delivery<Body<Value>>;

/// Sets up an emulator that takes any token, and has a queue `orders` and one with sessions.
pub(crate) fn builder() -> Builder {
    let mut sessions = QueueSettings::default();
    sessions.outlet.requires_session = true;
    ServiceBusEmulator::builder()
        .any_token()
        .queue("orders", QueueSettings::default())
        .queue("carts", sessions)
}

/// Returns what is in a queue, received or not.
pub(crate) fn kept(emulator: &ServiceBusEmulator, address: &str) -> Vec<Peeked> {
    let address = Address::parse(address).unwrap();
    emulator.with_model(|model, now| model.peek(now, &address, 0, 100, None).unwrap())
}

/// A connection with one session.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) session: SessionHandle<()>,
    connection: ConnectionHandle<()>,
}

impl Client {
    pub(crate) async fn connect(emulator: &ServiceBusEmulator) -> Self {
        let url = format!("amqp://{}", emulator.address());
        let builder = Connection::builder().container_id("client");
        let builder = builder.sasl_profile(SaslProfile::Anonymous);
        Self::begin(builder.open(&url[..]).await.unwrap()).await
    }

    pub(crate) async fn begin(mut connection: ConnectionHandle<()>) -> Self {
        let session = Session::begin(&mut connection).await.unwrap();
        Self {
            session,
            connection,
        }
    }

    pub(crate) async fn sender(&mut self, address: &str) -> Sender {
        Sender::attach(&mut self.session, format!("to-{address}"), address)
            .await
            .unwrap()
    }

    /// Attaches a receiver that takes only what it asks for, and leaves the last word to us.
    pub(crate) async fn receiver(&mut self, source: impl Into<Source>) -> Receiver {
        let source = source.into();
        let name = format!("of-{:?}", source.address);
        Receiver::builder()
            .name(name)
            .source(source)
            .receiver_settle_mode(ReceiverSettleMode::Second)
            .credit_mode(CreditMode::Manual)
            .attach(&mut self.session)
            .await
            .unwrap()
    }

    /// Waits until the connection has ended.
    pub(crate) async fn closed(&mut self) -> Result<(), connection::Error> {
        self.connection.on_close().await
    }

    pub(crate) async fn close(mut self) {
        self.session.end().await.unwrap();
        self.connection.close().await.unwrap();
    }
}

/// Receives one message.
pub(crate) async fn receive(receiver: &mut Receiver) -> Received {
    receiver.set_credit(1).await.unwrap();
    receiver.recv().await.unwrap()
}

/// Returns the bytes of a body.
pub(crate) fn data(received: &Received) -> Vec<u8> {
    match received.body() {
        Body::Data(sections) => sections.iter().flat_map(|it| it.0.to_vec()).collect(),
        other => panic!("no data: {other:?}"),
    }
}

/// Sends a message of bytes.
pub(crate) async fn send(sender: &mut Sender, body: &[u8]) {
    let message = Message::builder().data(body.to_vec()).build();
    assert!(sender.send(message).await.unwrap().is_accepted());
}

/// A pair of links on which something is asked.
#[derive(Debug)]
pub(crate) struct Asking {
    requests: Sender,
    replies: Receiver,
}

/// What is answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: i32,
    pub(crate) condition: Option<String>,
    pub(crate) body: BTreeMap<String, Value>,
}

impl Asking {
    pub(crate) async fn attach(client: &mut Client, node: &str) -> Self {
        let requests = client.sender(node).await;
        let replies = Receiver::attach(&mut client.session, format!("of-{node}"), node);
        let replies = replies.await.unwrap();
        Self { requests, replies }
    }

    pub(crate) async fn ask(&mut self, operation: &str, body: impl Into<Value>) -> Answer {
        self.ask_with(operation, [], body).await
    }

    pub(crate) async fn ask_with<const N: usize>(
        &mut self,
        operation: &str,
        arguments: [(&str, &str); N],
        body: impl Into<Value>,
    ) -> Answer {
        let put = self.put(operation, arguments, body).await;
        assert!(put.is_accepted(), "{put:?}");
        let reply = self.replies.recv::<Body<Value>>().await.unwrap();
        Answer::read(reply)
    }

    /// Asks without waiting for the answer.
    pub(crate) async fn put<const N: usize>(
        &mut self,
        operation: &str,
        arguments: [(&str, &str); N],
        body: impl Into<Value>,
    ) -> Outcome {
        let mut properties = OrderedMap::<String, SimpleValue>::new();
        properties.insert("operation".to_owned(), operation.into());
        for (name, value) in arguments {
            properties.insert(name.to_owned(), value.into());
        }
        let message = Message::builder()
            .properties(
                Properties::builder()
                    .message_id("question".to_owned())
                    .build(),
            )
            .application_properties(ApplicationProperties(properties))
            .value(body.into())
            .build();
        self.requests.send(message).await.unwrap()
    }
}

impl Answer {
    fn read(reply: Received) -> Self {
        let message = reply.into_message();
        let properties = message.application_properties.unwrap().0;
        let status = match properties.get("statusCode") {
            Some(SimpleValue::Int(status)) => *status,
            other => panic!("no status: {other:?}"),
        };
        let condition = properties
            .get("errorCondition")
            .map(|condition| match condition {
                SimpleValue::Symbol(condition) => condition.to_string(),
                other => panic!("no condition: {other:?}"),
            });
        let body = match message.body {
            Body::Value(value) => match value.0 {
                Value::Map(map) => map.into_iter().map(named).collect(),
                _ => BTreeMap::new(),
            },
            other => panic!("no value: {other:?}"),
        };
        Self {
            status,
            condition,
            body,
        }
    }
}

fn named((key, value): (Value, Value)) -> (String, Value) {
    match key {
        Value::String(key) => (key, value),
        other => panic!("no name: {other:?}"),
    }
}

/// Makes the body of a request.
pub(crate) fn map<const N: usize>(fields: [(&str, Value); N]) -> Value {
    let fields = fields
        .into_iter()
        .map(|(name, value)| (Value::from(name), value));
    Value::Map(fields.collect())
}
