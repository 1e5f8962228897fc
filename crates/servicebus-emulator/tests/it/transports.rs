//! One port, whatever clients speak there.

use std::sync::Arc;

use fe2o3_amqp::{Connection, sasl_profile::SaslProfile};
use futures_util::{SinkExt, StreamExt};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use tokio::net::TcpStream;
use tokio_rustls::{
    TlsConnector,
    rustls::{
        ClientConfig, RootCertStore, ServerConfig,
        crypto::ring,
        pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer, ServerName},
    },
};
use tokio_tungstenite::{
    client_async,
    tungstenite::{ClientRequestBuilder, Error, Message, http::Uri},
};

use crate::client::{Client, builder, data, receive, send};

const SASL: &[u8] = b"AMQP\x03\x01\x00\x00";

#[tokio::test]
async fn tls_is_spoken_with_the_given_certificate() {
    let names = vec!["localhost".to_owned()];
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(names).unwrap();
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(signing_key.serialize_der()));
    let ring = Arc::new(ring::default_provider());
    let config = ServerConfig::builder_with_provider(Arc::clone(&ring))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .unwrap();
    let emulator = builder().tls(Arc::new(config)).start().await.unwrap();

    let mut roots = RootCertStore::empty();
    roots.add(cert.der().clone()).unwrap();
    let config = ClientConfig::builder_with_provider(ring)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let stream = TcpStream::connect(emulator.address()).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let stream = TlsConnector::from(Arc::new(config))
        .connect(name, stream)
        .await
        .unwrap();
    let builder = Connection::builder().container_id("client").scheme("amqp");
    let builder = builder
        .hostname("localhost")
        .sasl_profile(SaslProfile::Anonymous);
    let mut client = Client::begin(builder.open_with_stream(stream).await.unwrap()).await;
    let mut sender = client.sender("orders").await;
    send(&mut sender, b"it").await;
    client.close().await;

    // Clients without TLS are served as well.
    let mut client = Client::connect(&emulator).await;
    let mut receiver = client.receiver("orders").await;
    assert_eq!(data(&receive(&mut receiver).await), b"it");
    client.close().await;
}

#[tokio::test]
async fn websockets_carry_amqp() {
    let emulator = builder().start().await.unwrap();
    let request = |path: &str, protocol: &str| {
        let uri = format!("ws://{}{path}", emulator.address())
            .parse::<Uri>()
            .unwrap();
        ClientRequestBuilder::new(uri).with_sub_protocol(protocol)
    };
    let connect = || TcpStream::connect(emulator.address());
    let asked = request("/$servicebus/websocket/", "amqp");
    let (mut socket, response) = client_async(asked, connect().await.unwrap()).await.unwrap();
    assert_eq!(response.headers()["sec-websocket-protocol"], "amqp");
    socket.send(Message::from(SASL.to_vec())).await.unwrap();
    let Message::Binary(answer) = socket.next().await.unwrap().unwrap() else {
        panic!("it is not binary");
    };
    assert!(answer.starts_with(SASL), "{answer:02x?}");

    for (asked, status) in [
        (request("/elsewhere", "amqp"), 404),
        (request("/$servicebus/websocket", "mqtt"), 400),
    ] {
        let refused = client_async(asked, connect().await.unwrap())
            .await
            .unwrap_err();
        assert!(matches!(refused, Error::Http(it) if it.status().as_u16() == status));
    }
}
