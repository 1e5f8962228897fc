//! A connector whose requests never leave.

use std::{
    fmt::{self, Debug},
    sync::Arc,
};

use aws_credential_types::Credentials;
use aws_smithy_runtime_api::{
    client::{
        http::{
            HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings,
            SharedHttpClient, SharedHttpConnector,
        },
        orchestrator::{HttpRequest, HttpResponse},
        runtime_components::RuntimeComponents,
    },
    http::StatusCode,
};
use aws_smithy_types::body::SdkBody;

/// The key, the secret and the token of requests: nothing may show them.
pub(crate) const SECRETS: [&str; 3] = ["AKIDCANARY", "SECRETCANARY", "TOKENCANARY"];

type Answer = dyn Fn(&HttpRequest) -> HttpConnectorFuture + Send + Sync;

/// Hands requests to a function.
#[derive(Clone)]
struct Nowhere(Arc<Answer>);

/// Returns a client of HTTP that answers as `answer` does.
pub(crate) fn http(
    answer: impl Fn(&HttpRequest) -> HttpConnectorFuture + Send + Sync + 'static,
) -> SharedHttpClient {
    SharedHttpClient::new(Nowhere(Arc::new(answer)))
}

/// Returns credentials of [`SECRETS`].
pub(crate) fn credentials() -> Credentials {
    let [key, secret, token] = SECRETS;
    Credentials::new(key, secret, Some(token.to_owned()), None, "test")
}

pub(crate) fn response(status: u16, body: String) -> HttpResponse {
    HttpResponse::new(StatusCode::try_from(status).unwrap(), SdkBody::from(body))
}

impl Debug for Nowhere {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Nowhere")
    }
}

impl HttpClient for Nowhere {
    fn http_connector(
        &self,
        _settings: &HttpConnectorSettings,
        _components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Nowhere {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        (self.0)(&request)
    }
}
