//! Entra ID, against a server of tokens on this machine.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use async_trait::async_trait;
use azure_core::{
    credentials::{AccessToken, TokenCredential, TokenRequestOptions},
    time::OffsetDateTime,
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use relayhouse_core::{ErrorKind, Timestamp, port::Provider};
use relayhouse_servicebus::{Config, EntraTokens, Identity, ServiceBus, TokenKind, TokenProvider};
use serde_json::Value;
use tokio_rustls::rustls::{SignatureScheme, crypto::ring};

use crate::{
    fronts::{Authority, Front},
    http::{Answer, Server, say},
};

/// A certificate with its key, made for these tests alone.
const CLIENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/entra/client.pem");
const PUBLIC_KEY: &[u8] = include_bytes!("entra/client.der");

/// Starts a server of tokens behind TLS, and a server of management.
async fn servers(tokens: Vec<Answer>) -> (Server, Front, Authority, Server) {
    let tokens = Server::start(tokens).await;
    let authority = Authority::new();
    let front = Front::tls(&authority, tokens.port).await;
    let admin = Server::start([say(200, ""), say(200, "")]).await;
    (tokens, front, authority, admin)
}

fn config(front: &Front, admin: &Server, identity: Identity) -> Config {
    let mut config = Config::default();
    config.namespace = Some("contoso.example".to_owned());
    config.identity = Some(identity);
    config.tenant_id = Some("tenant".to_owned());
    config.client_id = Some("client".to_owned());
    config.authority_host = Some(format!("https://localhost:{}", front.port));
    config.admin_endpoint = Some(format!("http://127.0.0.1:{}", admin.port));
    config
}

fn build(config: Config, authority: &Authority) -> relayhouse_core::Result<ServiceBus> {
    ServiceBus::builder(relayhouse_time::context().unwrap())
        .config(config)
        .authority(authority.pem())
        .build()
}

fn token(text: &str) -> Answer {
    say(
        200,
        format!(r#"{{"token_type":"Bearer","expires_in":3600,"access_token":"{text}"}}"#),
    )
}

/// Deletes a queue, which shows a token.
async fn delete(servicebus: &ServiceBus) -> relayhouse_core::Result<()> {
    let entity = relayhouse_core::Entity::Queue("orders".parse().unwrap());
    servicebus.admin().unwrap().delete(&entity).await
}

#[tokio::test]
async fn a_token_is_asked_for_by_a_secret_and_kept() {
    let (tokens, front, authority, admin) = servers(vec![token("first")]).await;
    let mut config = config(&front, &admin, Identity::ClientSecret);
    config.client_secret = Some("hunter2".to_owned().into());
    let servicebus = build(config, &authority).unwrap();
    for _ in 0..2 {
        delete(&servicebus).await.unwrap();
    }
    let asked = tokens.requests();
    assert_eq!(asked.len(), 1, "the second call shows the same token");
    assert_eq!(asked[0].line, "POST /tenant/oauth2/v2.0/token");
    for part in [
        "client_id=client",
        "client_secret=hunter2",
        "scope=https%3A%2F%2Fservicebus.azure.net%2F.default",
    ] {
        assert!(asked[0].body.contains(part), "{}", asked[0].body);
    }
    for request in admin.requests() {
        assert_eq!(request.header("authorization"), Some("Bearer first"));
    }
    assert!(!format!("{servicebus:?}").contains("hunter2"));
}

#[tokio::test]
async fn a_token_is_asked_for_by_a_certificate() {
    let (tokens, front, authority, admin) = servers(vec![token("first")]).await;
    let mut config = config(&front, &admin, Identity::ClientCertificate);
    config.client_certificate_file = Some(CLIENT.into());
    delete(&build(config, &authority).unwrap()).await.unwrap();
    let body = tokens.requests()[0].body.clone();
    let assertion = body
        .split('&')
        .find_map(|it| it.strip_prefix("client_assertion="));
    let (text, signature) = assertion.unwrap().rsplit_once('.').unwrap();
    let decode = |part: &str| BASE64_URL_SAFE_NO_PAD.decode(part).unwrap();
    let algorithms = ring::default_provider().signature_verification_algorithms;
    let (_, ways) = algorithms
        .mapping
        .iter()
        .find(|(scheme, _)| *scheme == SignatureScheme::RSA_PSS_SHA256)
        .unwrap();
    let verified = ways[0].verify_signature(PUBLIC_KEY, text.as_bytes(), &decode(signature));
    assert!(verified.is_ok());
    let (header, claims) = text.split_once('.').unwrap();
    let header: Value = serde_json::from_slice(&decode(header)).unwrap();
    let claims: Value = serde_json::from_slice(&decode(claims)).unwrap();
    assert_eq!(header["alg"], "PS256");
    let port = front.port;
    assert_eq!(
        claims["aud"],
        format!("https://localhost:{port}/tenant/oauth2/v2.0/token")
    );
    assert_eq!(
        (&claims["iss"], &claims["sub"]),
        (&"client".into(), &"client".into())
    );
}

#[tokio::test]
async fn a_refusal_of_entra_is_told() {
    let no = r#"{"error":"invalid_client","error_description":"no","error_codes":[7000215]}"#;
    let (_tokens, front, authority, admin) = servers(vec![say(401, no), Answer::Cut]).await;
    let mut config = config(&front, &admin, Identity::ClientSecret);
    config.client_secret = Some("hunter2".to_owned().into());
    let servicebus = build(config, &authority).unwrap();
    let error = delete(&servicebus).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthorized);
    assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
    let error = delete(&servicebus).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionFailed);
    assert!(admin.requests().is_empty());
}

#[tokio::test]
async fn what_an_identity_needs_is_asked_for_at_once() {
    let (_tokens, front, authority, admin) = servers(Vec::new()).await;
    let cases = [
        (Identity::ClientSecret, "client_secret: is needed"),
        (
            Identity::ClientCertificate,
            "client_certificate_file: is needed",
        ),
    ];
    for (identity, expected) in cases {
        let error = build(config(&front, &admin, identity), &authority).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConfigInvalid);
        assert!(error.message().contains(expected), "{error}");
    }
    let key_of_another_kind = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(key_of_another_kind.path(), authority.pem()).unwrap();
    let mut config = config(&front, &admin, Identity::ClientCertificate);
    config.client_certificate_file = Some(key_of_another_kind.path().to_owned());
    let error = build(config, &authority).unwrap_err();
    assert!(error.message().contains("has no key"), "{error}");
}

#[tokio::test]
async fn identities_that_need_no_secret_are_built() {
    let (_tokens, front, authority, admin) = servers(Vec::new()).await;
    for identity in [Identity::Managed, Identity::Cli] {
        build(config(&front, &admin, identity), &authority).unwrap();
    }
}

/// A credential that counts how often it is asked.
#[derive(Debug, Default)]
struct Counting(AtomicU64);

#[async_trait]
impl TokenCredential for Counting {
    async fn get_token(
        &self,
        scopes: &[&str],
        _: Option<TokenRequestOptions<'_>>,
    ) -> azure_core::Result<AccessToken> {
        assert_eq!(scopes, ["https://servicebus.azure.net/.default"]);
        let count = self.0.fetch_add(1, Ordering::Relaxed);
        let end = OffsetDateTime::from_unix_timestamp(1_000_000 + 3600).unwrap();
        Ok(AccessToken::new(format!("token {count}"), end))
    }
}

#[tokio::test]
async fn a_token_is_renewed_before_its_end() {
    let tokens = EntraTokens::new(Arc::new(Counting::default()));
    let at = |seconds: u64| Timestamp::from_micros((1_000_000 + seconds) * 1_000_000);
    let shown = async |seconds| {
        let token = tokens
            .token("sb://contoso.example/orders", at(seconds))
            .await
            .unwrap();
        assert_eq!(token.kind, TokenKind::Jwt);
        assert_eq!(token.expires_at, at(3600));
        token.text.expose().to_owned()
    };
    assert_eq!(shown(0).await, "token 0");
    assert_eq!(shown(3299).await, "token 0");
    assert_eq!(shown(3300).await, "token 1");
    assert!(!format!("{tokens:?}").contains("token 0"));
}
