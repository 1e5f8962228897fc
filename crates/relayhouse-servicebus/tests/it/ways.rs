//! The ways to a broker: TLS, a WebSocket, a proxy.

use std::io::Write as _;

use relayhouse_core::{ErrorKind, Message, Sending, Settlement, port::Provider};
use relayhouse_servicebus::{ServiceBus, ServiceBusBuilder, Transport};

use crate::{
    broker::{Broker, Script},
    fronts::{Authority, Front},
    receive, receiver, settle,
};

/// Starts a broker with one message.
async fn broker() -> (Broker, u16) {
    let broker = Broker::start(Script {
        queue: ["one"].into(),
        ..Script::default()
    });
    let broker = broker.await;
    let string = broker.connection_string();
    let port = string.split([':', ';']).find_map(|part| part.parse().ok());
    (broker, port.unwrap())
}

fn builder(port: u16) -> ServiceBusBuilder {
    let string = format!("Endpoint=sb://localhost:{port};SharedAccessKeyName=x;SharedAccessKey=y");
    ServiceBus::builder(relayhouse_time::context().unwrap()).connection_string(string)
}

/// Receives what there is, settles it, and sends something.
async fn use_it(builder: ServiceBusBuilder, broker: &Broker) {
    let servicebus = builder.build().unwrap();
    let receiver = receiver(&servicebus).await;
    let deliveries = receive(&*receiver, 1).await;
    assert_eq!(deliveries[0].message.body, "one");
    let outcomes = settle(&*receiver, deliveries, &Settlement::Ack).await;
    assert_eq!(outcomes, [None]);
    let sender = servicebus.sender(&"orders".parse().unwrap()).await.unwrap();
    let mut batch = [Sending::new(Message::new(vec![b'x'; 10_000]))];
    sender.send(&mut batch).await.unwrap();
    assert!(batch[0].outcome.is_done(), "{:?}", batch[0].outcome);
    assert_eq!(broker.script.lock().unwrap().sent.len(), 1);
    servicebus.close().await.unwrap();
}

async fn refusal(builder: ServiceBusBuilder) -> relayhouse_core::Error {
    let servicebus = builder.build().unwrap();
    let refused = servicebus.sender(&"orders".parse().unwrap()).await;
    let error = refused.unwrap_err();
    servicebus.close().await.unwrap();
    error
}

#[tokio::test]
async fn an_authority_is_trusted_that_was_named() {
    let (broker, port) = broker().await;
    let authority = Authority::new();
    let front = Front::tls(&authority, port).await;
    let error = refusal(builder(front.port)).await;
    assert_eq!(error.kind(), ErrorKind::ConnectionFailed);
    assert!(error.message().contains("does not agree on TLS"), "{error}");
    let stranger = Authority::new().pem();
    let error = refusal(builder(front.port).authority(stranger)).await;
    assert_eq!(error.kind(), ErrorKind::ConnectionFailed);
    use_it(builder(front.port).authority(authority.pem()), &broker).await;
}

#[tokio::test]
async fn authorities_are_read_from_a_file() {
    let (broker, port) = broker().await;
    let authority = Authority::new();
    let front = Front::tls(&authority, port).await;
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(authority.pem().as_bytes()).unwrap();
    let port = front.port;
    let config = format!(
        "servicebus://localhost:{port}/orders?ca_file={}",
        file.path().display()
    );
    // The key stands in the connection string, which is set apart.
    let address = config.parse().unwrap();
    assert!(ServiceBus::open(&address, relayhouse_time::context().unwrap()).is_err());
    let builder = builder(port).ca_file(file.path());
    use_it(builder, &broker).await;
}

#[tokio::test]
async fn amqp_goes_over_websockets() {
    let (broker, port) = broker().await;
    let authority = Authority::new();
    let front = Front::websocket(&authority, port).await;
    let builder = builder(front.port).authority(authority.pem());
    use_it(builder.transport(Transport::Websockets), &broker).await;
}

#[tokio::test]
async fn a_server_without_websockets_is_told_apart() {
    let (_broker, port) = broker().await;
    let authority = Authority::new();
    let proxy = Front::proxy("none").await.0;
    let front = Front::tls(&authority, proxy.port).await;
    let builder = builder(front.port).authority(authority.pem());
    let error = refusal(builder.transport(Transport::Websockets)).await;
    assert_eq!(error.kind(), ErrorKind::ConnectionFailed, "{port}");
    assert!(
        error.message().contains("does not open a WebSocket"),
        "{error}"
    );
}

#[tokio::test]
async fn a_proxy_is_gone_through() {
    let (broker, port) = broker().await;
    let authority = Authority::new();
    let front = Front::websocket(&authority, port).await;
    // What "ann:hunter2" is in base64.
    let (proxy, asked) = Front::proxy("Basic YW5uOmh1bnRlcjI=").await;
    let builder = |password: &str| {
        builder(front.port)
            .authority(authority.pem())
            .transport(Transport::Websockets)
            .proxy(format!("http://ann:{password}@localhost:{}", proxy.port))
    };
    let error = refusal(builder("hunter1")).await;
    assert_eq!(error.kind(), ErrorKind::Unauthorized);
    assert!(error.message().contains("credentials"), "{error}");
    assert!(!format!("{error:?}").contains("hunter1"), "{error:?}");
    use_it(builder("hunter2"), &broker).await;
    let line = format!("CONNECT localhost:{} HTTP/1.1", front.port);
    assert_eq!(*asked.lock().unwrap(), [line.clone(), line]);
}
