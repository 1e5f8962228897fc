//! Tests of the client against a small server of our own.

mod server;

use std::{future::poll_fn, sync::Arc, task::Poll, time::Duration};

use relayhouse_core::{Error, ErrorKind, Secret};
use serde_json::json;
use tokio_rustls::{
    TlsAcceptor,
    rustls::{ServerConfig, crypto::ring, pki_types::PrivateKeyDer},
};

use self::server::{Fault, Server};
use super::*;

const INT: &str = r#""int""#;

fn schema(text: &str) -> Schema {
    Schema::parse(text).unwrap()
}

fn builder(url: &str) -> RegistryBuilder {
    let context = relayhouse_time::context().unwrap();
    SchemaRegistry::builder(url, context.clock)
}

async fn start() -> (Server, SchemaRegistry) {
    let server = Server::start(None).await;
    let registry = builder(&server.url()).build().unwrap();
    (server, registry)
}

/// The error of fetching the schema 7.
async fn refused(registry: &SchemaRegistry) -> Error {
    registry.fetch(SchemaId::Number(7)).await.unwrap_err()
}

#[tokio::test]
async fn registered_schema_is_known_by_its_number() {
    let (server, registry) = start().await;
    let id = registry
        .register("orders/value ä", &schema(INT))
        .await
        .unwrap();
    assert_eq!(id, SchemaId::Number(100));
    assert_eq!(registry.known(id).unwrap().unwrap().text(), INT);
    assert_eq!(
        server.requests(),
        ["POST /subjects/orders%2Fvalue%20%C3%A4/versions"]
    );
    let found = registry
        .look_up("orders/value ä", &schema(INT))
        .await
        .unwrap();
    assert_eq!(found, id);
    let error = registry.look_up("other", &schema(INT)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Codec);
    let count = server.requests().len();
    for subject in ["", ".", ".."] {
        assert!(registry.latest(subject).await.is_err(), "{subject}");
    }
    assert_eq!(
        server.requests().len(),
        count,
        "nothing is asked of another path"
    );
}

#[tokio::test]
async fn latest_version_and_its_compatibility_are_asked_for() {
    let (server, registry) = start().await;
    server.store("orders", 7, json!({"schema": r#""long""#}));
    server.store("orders", 8, json!({"schema": INT, "schemaType": "AVRO"}));
    let latest = registry.latest("orders").await.unwrap();
    assert_eq!((latest.id, latest.version), (SchemaId::Number(8), 2));
    assert_eq!(latest.schema.text(), INT);
    assert!(
        registry
            .is_compatible("orders", &schema(INT))
            .await
            .unwrap()
    );
    assert!(
        !registry
            .is_compatible("orders", &schema(r#""long""#))
            .await
            .unwrap()
    );
    assert_eq!(
        registry.latest("nothing").await.unwrap_err().kind(),
        ErrorKind::Codec
    );
}

#[tokio::test]
async fn schema_is_fetched_once_for_all_who_wait() {
    let (server, registry) = start().await;
    server.store("orders", 7, json!({"schema": INT}));
    let id = SchemaId::Number(7);
    assert!(registry.known(id).unwrap().is_none());
    let fetches = (0..8).map(|_| registry.fetch(id));
    for fetched in futures_util::future::join_all(fetches).await {
        assert_eq!(fetched.unwrap().text(), INT);
    }
    registry.fetch(id).await.unwrap();
    assert_eq!(server.requests(), ["GET /schemas/ids/7"]);
}

#[tokio::test]
async fn fetch_goes_on_when_the_first_of_those_who_wait_leaves() {
    let (server, registry) = start().await;
    server.store("orders", 7, json!({"schema": INT}));
    let mut first = registry.fetch(SchemaId::Number(7));
    let mut second = registry.fetch(SchemaId::Number(7));
    poll_fn(|context| {
        assert!(first.as_mut().poll(context).is_pending());
        assert!(second.as_mut().poll(context).is_pending());
        Poll::Ready(())
    })
    .await;
    drop(first);
    assert_eq!(second.await.unwrap().text(), INT);
    assert_eq!(server.requests(), ["GET /schemas/ids/7"]);
}

#[tokio::test]
async fn missing_schema_is_permanent_and_asked_for_once_in_a_while() {
    let (server, registry) = start().await;
    for _ in 0..2 {
        let error = refused(&registry).await;
        assert_eq!(error.kind(), ErrorKind::Codec);
        assert!(error.is_permanent());
        assert_eq!(error.to_string(), "schema id:7 is not in the store");
    }
    assert!(registry.known(SchemaId::Number(7)).is_err());
    assert_eq!(server.requests(), ["GET /schemas/ids/7"]);
}

#[tokio::test]
async fn references_are_fetched_and_put_into_the_schema() {
    let (server, registry) = start().await;
    let order =
        r#"{"type": "record", "name": "Order", "fields": [{"name": "price", "type": "Money"}]}"#;
    let money =
        r#"{"type": "record", "name": "Money", "fields": [{"name": "in", "type": "Currency"}]}"#;
    let currency = r#"{"type": "enum", "name": "Currency", "symbols": ["EUR"]}"#;
    let reference = |name, subject| json!([{"name": name, "subject": subject, "version": 1}]);
    server.store("currency", 5, json!({"schema": currency}));
    let references = reference("Currency", "currency");
    server.store(
        "money",
        6,
        json!({"schema": money, "references": references}),
    );
    let references = reference("Money", "money");
    server.store(
        "order",
        7,
        json!({"schema": order, "references": references}),
    );
    let schema = registry.fetch(SchemaId::Number(7)).await.unwrap();
    assert_eq!(schema.names().len(), 3);
    assert_eq!(
        registry.latest("order").await.unwrap().schema.names().len(),
        3
    );
}

#[tokio::test]
async fn references_that_go_in_circles_end() {
    let (server, registry) = start().await;
    let of = |name, other| {
        json!({
            "schema": format!(
                r#"{{"type": "record", "name": "{name}", "fields":
                    [{{"name": "f", "type": ["null", "{other}"]}}]}}"#
            ),
            "references": [{"name": other, "subject": other, "version": 1}],
        })
    };
    server.store("A", 7, of("A", "B"));
    server.store("B", 8, of("B", "A"));
    let schema = registry.fetch(SchemaId::Number(7)).await.unwrap();
    assert_eq!(schema.names().len(), 2);
}

#[tokio::test]
async fn wrong_answers_are_temporary_and_not_repeated_in_errors() {
    let (server, registry) = start().await;
    for (status, body, kind) in [
        (200, "", ErrorKind::Unexpected),
        (200, "<secret>", ErrorKind::Unexpected),
        (200, r#"{"scheme": "secret"}"#, ErrorKind::Unexpected),
        (301, "", ErrorKind::Unexpected),
        (404, "<secret>", ErrorKind::Unexpected),
        (401, "{}", ErrorKind::Unauthorized),
        (500, "{}", ErrorKind::Unavailable),
        (429, "{}", ErrorKind::Throttled),
    ] {
        server.fail(Some(Fault::Answer(status, body.into())));
        let error = refused(&registry).await;
        assert_eq!(error.kind(), kind, "{status} {body}");
        assert!(error.is_temporary(), "{error}");
        assert!(!error.to_string().contains("secret"), "{error}");
    }
    server.fail(None);
    server.store("orders", 7, json!({"schema": INT}));
    assert!(
        registry.fetch(SchemaId::Number(7)).await.is_ok(),
        "nothing of it is kept"
    );
}

#[tokio::test]
async fn what_is_stored_and_is_no_avro_is_permanent() {
    let (server, registry) = start().await;
    server.store(
        "a",
        7,
        json!({"schema": "message A {}", "schemaType": "PROTOBUF"}),
    );
    server.store("b", 8, json!({"schema": "{\"type\": \"recor\"}"}));
    for (id, reason) in [(7, "of the type PROTOBUF"), (8, "not Avro")] {
        let error = registry.fetch(SchemaId::Number(id)).await.unwrap_err();
        assert!(error.is_permanent(), "{error}");
        assert!(error.to_string().contains(reason), "{error}");
        let again = registry.known(SchemaId::Number(id)).unwrap_err();
        assert_eq!(again.to_string(), error.to_string());
    }
    assert_eq!(
        server.requests(),
        ["GET /schemas/ids/7", "GET /schemas/ids/8"]
    );
}

/// A version that is deleted is read by whoever refers to it.
#[tokio::test]
async fn deleted_version_is_found_by_a_reference() {
    let (server, registry) = start().await;
    let order = r#"{"type": "array", "items": "Money"}"#;
    let money = r#"{"type": "fixed", "name": "Money", "size": 8}"#;
    server.store("money", 6, json!({"schema": money}));
    let references = json!([{"name": "Money", "subject": "money", "version": 1}]);
    server.store(
        "order",
        7,
        json!({"schema": order, "references": references}),
    );
    server.delete("money");
    assert!(registry.latest("money").await.is_err());
    let schema = registry.fetch(SchemaId::Number(7)).await.unwrap();
    assert_eq!(schema.names().len(), 1);
}

#[tokio::test]
async fn references_are_no_larger_together_than_a_schema() {
    let (server, registry) = start().await;
    let half = format!(
        r#"{{"type": "fixed", "name": "F", "size": 8, "doc": "{}"}}"#,
        "x".repeat(600 << 10)
    );
    let reference = |subject| json!({"name": "F", "subject": subject, "version": 1});
    for (subject, id) in [("a", 5), ("b", 6)] {
        server.store(subject, id, json!({"schema": half}));
    }
    let references = json!([reference("a"), reference("b")]);
    server.store(
        "order",
        7,
        json!({"schema": r#""F""#, "references": references}),
    );
    let error = refused(&registry).await;
    assert!(error.is_permanent());
    assert_eq!(
        error.to_string(),
        "schema needs others of more than 1048576 bytes"
    );
}

#[tokio::test]
async fn answer_beyond_the_bound_is_not_read_to_its_end() {
    let (server, registry) = start().await;
    server.fail(Some(Fault::Answer(200, vec![b' '; 8 << 20])));
    let error = refused(&registry).await;
    assert!(error.is_temporary());
    assert!(
        error.to_string().contains("more than 2097152 bytes"),
        "{error}"
    );
}

#[tokio::test]
async fn connection_that_is_refused_or_lost_is_temporary() {
    let (server, registry) = start().await;
    server.fail(Some(Fault::Drop));
    assert_eq!(refused(&registry).await.kind(), ErrorKind::ConnectionFailed);
    let url = server.url();
    drop(server);
    tokio::task::yield_now().await;
    let registry = builder(&url).build().unwrap();
    let error = refused(&registry).await;
    assert_eq!(error.kind(), ErrorKind::ConnectionFailed);
    assert!(error.is_temporary());
}

#[tokio::test(start_paused = true)]
async fn server_that_hangs_is_given_up_on() {
    let server = Server::start(None).await;
    server.fail(Some(Fault::Hang));
    let timeout = Duration::from_secs(3);
    let registry = builder(&server.url()).timeout(timeout).build().unwrap();
    let error = refused(&registry).await;
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert!(error.is_temporary());
    assert_eq!(
        error.to_string(),
        "schema registry has not answered within 3s"
    );
}

#[tokio::test]
async fn credentials_are_shown_to_the_server_and_to_nobody_else() {
    let server = Server::start(None).await;
    let secret = || Secret::from("hunter2".to_owned());
    let basic = builder(&server.url()).basic("me", secret());
    let bearer = builder(&server.url()).bearer(secret());
    for builder in [basic, bearer] {
        let registry = builder.build().unwrap();
        assert!(!format!("{registry:?}").contains("hunter2"));
        refused(&registry).await;
    }
    let model = server.model.lock().unwrap();
    let shown: Vec<_> = model
        .requests
        .iter()
        .map(|(_, shown)| shown.as_deref())
        .collect();
    assert_eq!(
        shown,
        [Some("Basic bWU6aHVudGVyMg=="), Some("Bearer hunter2")]
    );
}

#[test]
fn credentials_that_no_header_can_have_are_refused_at_once_and_not_shown() {
    let url = builder("https://me:hunter2@registry.example");
    assert!(!format!("{url:?}").contains("hunter2"), "{url:?}");
    let token = builder("http://localhost").bearer("hunter2\n".to_owned().into());
    let error = token.build().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConfigInvalid);
    assert!(!error.to_string().contains("hunter2"), "{error}");
}

#[tokio::test]
async fn tls_is_spoken_with_who_is_trusted() {
    let certified = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(certified.signing_key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certified.cert.der().clone()], key)
        .unwrap();
    let server = Server::start(Some(TlsAcceptor::from(Arc::new(config)))).await;
    server.store("orders", 7, json!({"schema": INT}));
    let url = format!("https://localhost:{}", server.address.port());
    let trusting = builder(&url)
        .authority(certified.cert.pem())
        .build()
        .unwrap();
    assert!(trusting.fetch(SchemaId::Number(7)).await.is_ok());

    let other = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let careful = builder(&url).authority(other.cert.pem()).build().unwrap();
    assert_eq!(refused(&careful).await.kind(), ErrorKind::ConnectionFailed);
    let wrong = builder(&url)
        .authority("no certificate")
        .build()
        .unwrap_err();
    assert_eq!(wrong.kind(), ErrorKind::ConfigInvalid);
}
