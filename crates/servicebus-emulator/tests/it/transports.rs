//! One port, whatever clients speak there.

use std::{net::SocketAddr, sync::Arc};

use fe2o3_amqp::{Connection, sasl_profile::SaslProfile};
use futures_util::{SinkExt, StreamExt};
use servicebus_emulator::Authority;
use tokio::net::TcpStream;
use tokio_rustls::{
    TlsConnector,
    client::TlsStream,
    rustls::{
        ClientConfig, RootCertStore,
        crypto::ring,
        pki_types::{CertificateDer, ServerName, pem::PemObject},
    },
};
use tokio_tungstenite::{
    client_async,
    tungstenite::{ClientRequestBuilder, Error, Message, http::Uri},
};

use crate::client::{Client, builder, data, receive, send};

const SASL: &[u8] = b"AMQP\x03\x01\x00\x00";

/// Makes an authority, and the settings of a client that trusts it.
pub(crate) fn certified() -> (Authority, Arc<ClientConfig>) {
    let authority = Authority::new(&["localhost", "127.0.0.1"]).unwrap();
    let mut roots = RootCertStore::empty();
    let certificate = CertificateDer::from_pem_slice(authority.certificate().as_bytes()).unwrap();
    roots.add(certificate).unwrap();
    let client = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    (authority, Arc::new(client))
}

/// Connects with TLS.
pub(crate) async fn connect(
    address: SocketAddr,
    config: Arc<ClientConfig>,
) -> TlsStream<TcpStream> {
    let stream = TcpStream::connect(address).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let connector = TlsConnector::from(config);
    connector.connect(name, stream).await.unwrap()
}

#[tokio::test]
async fn tls_is_spoken_with_the_given_certificate() {
    let (authority, client) = certified();
    let emulator = builder().tls(authority.server()).start().await.unwrap();
    let stream = connect(emulator.address(), client).await;
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
    for protocol in ["amqp", "AMQPWSB10"] {
        let asked = request("/$servicebus/websocket/", protocol);
        let (mut socket, response) = client_async(asked, connect().await.unwrap()).await.unwrap();
        assert_eq!(response.headers()["sec-websocket-protocol"], protocol);
        socket.send(Message::from(SASL.to_vec())).await.unwrap();
        let Message::Binary(answer) = socket.next().await.unwrap().unwrap() else {
            panic!("it is not binary");
        };
        assert!(answer.starts_with(SASL), "{answer:02x?}");
    }

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
