//! Tokens of Entra ID, from the credentials of Microsoft's library over an HTTP client of our own.

use std::{
    collections::HashMap,
    fmt::Debug,
    future::ready,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use azure_core::{
    cloud::{CloudConfiguration, CustomConfiguration},
    credentials::{Secret as AzureSecret, TokenCredential},
    error::ErrorKind as AzureKind,
    http::{
        AsyncRawResponse, Body, ClientOptions, HttpClient, Request, RetryOptions, Transport,
        headers::{HeaderName, HeaderValue, Headers},
    },
};
use azure_identity::{
    AzureCliCredential, AzureCliCredentialOptions, ClientAssertionCredential,
    ClientAssertionCredentialOptions, ClientSecretCredential, ClientSecretCredentialOptions,
    ManagedIdentityCredential, ManagedIdentityCredentialOptions, UserAssignedId,
    WorkloadIdentityCredential, WorkloadIdentityCredentialOptions,
};
use futures_util::stream;
use http_body_util::Full;
use relayhouse_core::{Context, Error, Result, Secret, Timestamp};
use url::Position;

use super::{Token, TokenKind, TokenProvider, certificate::Certificate};
use crate::{
    config::{Config, Identity},
    error,
    net::{Http, Net, Site},
};

/// What a token is asked for that lets somebody at any entity of any namespace.
const SCOPE: &str = "https://servicebus.azure.net/.default";

/// Who gives tokens in the public cloud.
const AUTHORITY: &str = "https://login.microsoftonline.com";

/// The most bytes with which Entra ID, or the service of a managed identity, answers.
const ANSWER_BYTES_MAX: usize = 256 * 1024;

/// How long before its end a token is asked for anew: not later than a link shows a new one.
const MARGIN: Duration = Duration::from_secs(5 * 60);

const MICROS: u64 = 1_000_000;

/// Gives tokens of Entra ID, from any credential of `azure_identity` or one of your own.
///
/// A token is kept until five minutes before its end.
#[derive(Debug)]
pub struct EntraTokens {
    credential: Arc<dyn TokenCredential>,
    known: Mutex<Option<Token>>,
}

impl EntraTokens {
    /// Asks `credential` for tokens.
    #[must_use]
    pub fn new(credential: Arc<dyn TokenCredential>) -> Self {
        Self {
            credential,
            known: Mutex::new(None),
        }
    }

    fn known(&self) -> MutexGuard<'_, Option<Token>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl TokenProvider for EntraTokens {
    async fn token(&self, _audience: &str, now: Timestamp) -> Result<Token> {
        let holds = |token: &Token| now + MARGIN < token.expires_at;
        if let Some(token) = self.known().clone().filter(holds) {
            return Ok(token);
        }
        let given = self.credential.get_token(&[SCOPE], None).await;
        let given = given.map_err(error::of_azure)?;
        let seconds = u64::try_from(given.expires_on.unix_timestamp()).unwrap_or(0);
        let token = Token {
            kind: TokenKind::Jwt,
            text: Secret::from(given.token.secret().to_owned()),
            expires_at: Timestamp::from_micros(seconds.saturating_mul(MICROS)),
        };
        *self.known() = Some(token.clone());
        Ok(token)
    }
}

/// Makes the source of tokens that `config` names.
pub(crate) fn tokens(
    identity: Identity,
    config: &Config,
    net: &Arc<Net>,
    context: &Context,
) -> Result<EntraTokens> {
    let credential = credential(identity, config, net, context);
    Ok(EntraTokens::new(credential?))
}

fn credential(
    identity: Identity,
    config: &Config,
    net: &Arc<Net>,
    context: &Context,
) -> Result<Arc<dyn TokenCredential>> {
    let options = || options(config, net, context);
    let (tenant, client) = (config.tenant_id.clone(), config.client_id.clone());
    Ok(match identity {
        Identity::Managed => {
            let options = ManagedIdentityCredentialOptions {
                user_assigned_id: client.map(UserAssignedId::ClientId),
                client_options: options(),
            };
            ManagedIdentityCredential::new(Some(options)).map_err(refused)?
        }
        Identity::Workload => {
            let options = WorkloadIdentityCredentialOptions {
                credential_options: ClientAssertionCredentialOptions {
                    client_options: options(),
                },
                client_id: client,
                tenant_id: tenant,
                ..WorkloadIdentityCredentialOptions::default()
            };
            WorkloadIdentityCredential::new(Some(options)).map_err(refused)?
        }
        Identity::Cli => {
            let options = AzureCliCredentialOptions {
                tenant_id: tenant,
                ..AzureCliCredentialOptions::default()
            };
            AzureCliCredential::new(Some(options)).map_err(refused)?
        }
        Identity::ClientSecret => {
            let secret = needed(config.client_secret.as_ref(), "client_secret")?;
            let secret = AzureSecret::new(secret.expose().to_owned());
            let (tenant, client) = (needed(tenant, "tenant_id")?, needed(client, "client_id")?);
            let options = ClientSecretCredentialOptions {
                client_options: options(),
            };
            ClientSecretCredential::new(&tenant, client, secret, Some(options)).map_err(refused)?
        }
        Identity::ClientCertificate => {
            let file = needed(
                config.client_certificate_file.as_deref(),
                "client_certificate_file",
            )?;
            let (tenant, client) = (needed(tenant, "tenant_id")?, needed(client, "client_id")?);
            let authority = config.authority_host.as_deref().unwrap_or(AUTHORITY);
            let authority = authority.trim_end_matches('/');
            let audience = format!("{authority}/{tenant}/oauth2/v2.0/token");
            let certificate = Certificate::read(file, &client, audience, context)?;
            let options = ClientAssertionCredentialOptions {
                client_options: options(),
            };
            ClientAssertionCredential::new(tenant, client, certificate, Some(options))
                .map_err(refused)?
        }
    })
}

fn needed<T>(value: Option<T>, key: &str) -> Result<T> {
    value.ok_or_else(|| error::invalid(format!("option {key}: is needed for this identity")))
}

fn refused(azure: azure_core::Error) -> Error {
    error::invalid("an identity cannot be used").with_source(azure)
}

fn options(config: &Config, net: &Arc<Net>, context: &Context) -> ClientOptions {
    let http = |net: Arc<Net>| Http {
        net,
        clock: Arc::clone(&context.clock),
        timeout: config.connect_timeout,
        reply_bytes_max: ANSWER_BYTES_MAX,
    };
    let client = Client {
        far: http(Arc::clone(net)),
        near: http(Arc::default()),
    };
    ClientOptions {
        // Whoever uses the adapter decides about retries.
        retry: RetryOptions::none(),
        transport: Some(Transport::new(Arc::new(client))),
        cloud: config.authority_host.as_ref().map(|host| {
            let mut custom = CustomConfiguration::default();
            custom.authority_host.clone_from(host);
            Arc::new(CloudConfiguration::Custom(custom))
        }),
        ..ClientOptions::default()
    }
}

/// Makes the calls of Microsoft's library.
#[derive(Debug)]
struct Client {
    /// For what is on the network.
    far: Http,
    /// For the service of a managed identity, which is on this machine, in plain text, and behind
    /// no proxy.
    near: Http,
}

#[async_trait]
impl HttpClient for Client {
    async fn execute_request(&self, request: &Request) -> azure_core::Result<AsyncRawResponse> {
        let url = request.url();
        let site = Site::of(url).ok_or_else(|| {
            azure_core::Error::with_message(AzureKind::Other, "a URL names no host")
        })?;
        let Body::Bytes(body) = request.body() else {
            let text = "a body that is a stream is not sent";
            return Err(azure_core::Error::with_message(AzureKind::Other, text));
        };
        let mut ours = hyper::Request::builder()
            .method(request.method().as_str())
            .uri(&url[Position::BeforePath..Position::AfterQuery]);
        for (name, value) in request.headers().iter() {
            ours = ours.header(name.as_str(), value.as_str());
        }
        let ours = ours.body(Full::new(body.clone()));
        let ours = ours.map_err(|error| {
            azure_core::Error::with_error(AzureKind::Other, error, "a request cannot be made")
        })?;
        let http = if site.is_plain { &self.near } else { &self.far };
        let reply = http.call(&site, ours).await.map_err(|error| {
            azure_core::Error::with_error(AzureKind::Io, error, "a token cannot be asked for")
        })?;
        let headers = reply.headers.iter().filter_map(|(name, value)| {
            let (name, value) = (name.as_str().to_owned(), value.to_str().ok()?.to_owned());
            Some((HeaderName::from(name), HeaderValue::from(value)))
        });
        let headers = Headers::from(headers.collect::<HashMap<_, _>>());
        let body = Box::pin(stream::once(ready(Ok(reply.body))));
        Ok(AsyncRawResponse::new(
            reply.status.as_u16().into(),
            headers,
            body,
        ))
    }
}
