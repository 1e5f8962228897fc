//! The operations endpoint beside the work: `--http`.

use std::{fs, future::pending, io, net::SocketAddr, path::Path, sync::Arc};

use relayhouse::{
    Error, Observer, Queue, Secret,
    config::Params,
    runtime::Remote,
    telemetry::{Metrics, prometheus},
};
use relayhouse_console::{Console as Endpoint, Token, Watch, Watched};
use serde::Deserialize;
use tokio::net::TcpListener;

use crate::{
    args::Work,
    console::Console,
    exec::HTTP_VARIABLES,
    exit::{Code, Failure},
};

/// A file with more than this has no token.
const TOKEN_FILE_BYTES_MAX: u64 = 4 << 10;

/// Is an endpoint that listens, and hears what the work is.
#[derive(Debug)]
pub(super) struct Http {
    listener: TcpListener,
    token: Option<Token>,
    metrics: Metrics,
    watch: Arc<Watch>,
}

/// Is an endpoint that only has to be served.
#[derive(Debug)]
pub(super) struct Serving {
    endpoint: Endpoint,
    listener: TcpListener,
}

/// Is what the environment says of the endpoint.
#[derive(Deserialize)]
struct Environment {
    token: Option<Secret>,
}

/// Is where to listen, and the token that requests must carry.
#[derive(Debug)]
pub(super) struct Door {
    listener: TcpListener,
    token: Option<Token>,
}

impl Door {
    /// Listens, if that is asked for. An address that other machines reach needs a token.
    pub(super) async fn open(args: &Work, console: Console) -> Result<Option<Self>, Failure> {
        let Some(address) = args.http else {
            return Ok(None);
        };
        let token = token(args)?;
        if token.is_none() && !address.ip().is_loopback() {
            let text = format!(
                "{address} is reached from other machines, which --http allows with a token only: \
                 use --http-token-file FILE or {HTTP_VARIABLES}TOKEN, or listen on 127.0.0.1"
            );
            return Err(Failure::new(Code::Usage, text));
        }
        let cannot = |error: io::Error| {
            Failure::new(
                Code::Unavailable,
                format!("cannot listen on {address}: {error}"),
            )
        };
        let listener = TcpListener::bind(address).await.map_err(cannot)?;
        let address: SocketAddr = listener.local_addr().map_err(cannot)?;
        console.note(&format!("shows how it goes at http://{address}"));
        Ok(Some(Self { listener, token }))
    }

    /// Hears of what is done with `queue`.
    pub(super) fn watch(self, queue: &Queue) -> Http {
        Http {
            listener: self.listener,
            token: self.token,
            metrics: Metrics::new(Arc::clone(&queue.context().clock)),
            watch: Arc::new(Watch::new(queue.source().clone())),
        }
    }
}

impl Http {
    /// Returns those who are to hear what is done with `queue`.
    pub(super) fn observers(&self, queue: &Queue) -> [Arc<dyn Observer>; 2] {
        let metrics = self.metrics.observer(queue.provider().scheme());
        [metrics, Arc::clone(&self.watch) as _]
    }

    /// Makes the endpoint for the consumer of `remote`, which is of `queue`.
    pub(super) fn endpoint(self, queue: &Queue, remote: Remote) -> Result<Serving, Error> {
        let provider = queue.provider();
        let watched = Watched::new(remote, self.watch).capabilities(provider.capabilities());
        let watched = match provider.admin() {
            Some(admin) => watched.admin(admin),
            None => watched,
        };
        let metrics = self.metrics;
        let endpoint = Endpoint::builder(queue.context())
            .consumer(watched)
            .metrics(move || prometheus::render(&metrics.snapshot()));
        let endpoint = match self.token {
            Some(token) => endpoint.token(token),
            None => endpoint,
        };
        Ok(Serving {
            endpoint: endpoint.build()?,
            listener: self.listener,
        })
    }
}

/// Serves until the future is dropped; it ends if that fails, and never where there is nothing to
/// serve.
pub(super) async fn serve(serving: Option<Serving>) -> Error {
    if let Some(Serving { endpoint, listener }) = serving
        && let Err(error) = endpoint.serve(listener, pending()).await
    {
        return error;
    }
    pending().await
}

/// Reads the token from its file, or else from the environment.
fn token(args: &Work) -> Result<Option<Token>, Failure> {
    let secret = match &args.http_token_file {
        Some(path) => Some(secret_in(path)?),
        None => {
            Params::from_env(HTTP_VARIABLES)
                .read::<Environment>()?
                .token
        }
    };
    let token = secret.as_ref().map(Token::new).transpose()?;
    Ok(token)
}

fn secret_in(path: &Path) -> Result<Secret, Failure> {
    let no_input =
        |text: String| Failure::new(Code::NoInput, format!("{}: {text}", path.display()));
    let bytes = fs::metadata(path)
        .map_err(|error| no_input(error.to_string()))?
        .len();
    if TOKEN_FILE_BYTES_MAX < bytes {
        return Err(no_input("this is too large for a token".to_owned()));
    }
    let text = fs::read_to_string(path).map_err(|error| no_input(error.to_string()))?;
    Ok(Secret::from(text.trim_end_matches(['\r', '\n']).to_owned()))
}
