//! The network between the SQS adapter and the emulator: a proxy that breaks it on demand, and
//! peers that must not be trusted.

use std::{
    io,
    net::SocketAddr,
    num::NonZeroU32,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use aws_sdk_sqs::config::SharedHttpClient;
use aws_smithy_http_client::tls::{
    Provider as TlsProvider, TlsContext, TrustStore, rustls_provider::CryptoMode,
};
use relayhouse_core::{
    BoxError, Clock, Context, Error, ErrorKind, Instant, MachineTime, Result, SeededRandom, Sleep,
    Timestamp,
    port::{Provider, Timeouts},
};
use relayhouse_sqs::{Config, Sqs};
use relayhouse_testkit::{
    Connections, Network, Untrusted,
    clock::{ManualClock, TestClock},
    proxy::{Fault, FaultProxy},
};

use super::{
    SEED, client,
    clock::{Waiting, Waits},
    traffic::Traffic,
};
use crate::tls::{Authority, Certificate, TlsFront};

/// An address that belongs to nobody, and is not this machine.
const ELSEWHERE: &str = "http://192.0.2.1:9324";
/// Twice as many as there are receivers in any case, and some more.
pub(super) const CONNECTIONS_MAX: NonZeroU32 = NonZeroU32::new(256).unwrap();
const HOST: &str = "127.0.0.1";

fn no_tls(error: impl Into<BoxError>) -> Error {
    Error::new(ErrorKind::Unexpected, "there is no TLS").with_source(error)
}

/// Is the network between the adapter and the emulator.
#[derive(Debug)]
pub(super) struct SqsNetwork {
    server: SocketAddr,
    proxy: FaultProxy,
    clock: TestClock,
    traffic: Traffic,
    /// They listen as long as this lives.
    fronts: Mutex<Vec<TlsFront>>,
}

impl SqsNetwork {
    /// Puts a proxy before the emulator at `server`.
    pub(super) async fn start(
        server: SocketAddr,
        manual: &ManualClock,
        clock: TestClock,
        traffic: Traffic,
    ) -> io::Result<Self> {
        let seen = ProxyClock {
            manual: manual.clone(),
            waiting: Arc::clone(traffic.waiting()),
        };
        let random = Arc::new(SeededRandom::new(SEED));
        Ok(Self {
            server,
            proxy: FaultProxy::start(server, Arc::new(seen), random).await?,
            clock,
            traffic,
            fronts: Mutex::default(),
        })
    }

    /// Opens a provider over TLS, to a server that it trusts.
    ///
    /// # Errors
    ///
    /// Returns an error if there is no port, or no randomness for keys.
    pub(super) async fn provider_over_trusted_tls(&self) -> Result<Arc<dyn Provider>> {
        let authority = Authority::new().map_err(no_tls)?;
        let certificate = authority.sign(HOST).map_err(no_tls)?;
        self.provider_over_tls(&certificate, &authority).await
    }

    fn fronts(&self) -> MutexGuard<'_, Vec<TlsFront>> {
        self.fronts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the URL at which the adapter finds the emulator.
    pub(super) fn endpoint(&self) -> String {
        format!("http://{}", self.proxy.address())
    }

    fn provider_at(&self, endpoint: &str, http: SharedHttpClient) -> Result<Arc<dyn Provider>> {
        let random = Arc::new(SeededRandom::new(SEED));
        let context = Context::new(Arc::new(self.clock.clone()), random);
        let client = client(endpoint, self.traffic.watch(http));
        Ok(Arc::new(Sqs::builder(context).client(client).build()?))
    }

    /// Opens a provider over TLS, to a server with `certificate`, and with a client that trusts
    /// `authority`.
    async fn provider_over_tls(
        &self,
        certificate: &Certificate,
        authority: &Authority,
    ) -> Result<Arc<dyn Provider>> {
        let front = TlsFront::start(certificate, self.server).await;
        let front = front.map_err(no_tls)?;
        let endpoint = format!("https://{HOST}:{}", front.address().port());
        self.fronts().push(front);
        let roots = TrustStore::empty().with_pem_certificate(authority.pem());
        let context = TlsContext::builder().with_trust_store(roots).build();
        let context = context.map_err(no_tls)?;
        let http = aws_smithy_http_client::Builder::new()
            .tls_provider(TlsProvider::Rustls(CryptoMode::Ring))
            .tls_context(context)
            .build_https();
        self.provider_at(&endpoint, http)
    }
}

#[async_trait]
impl Network for SqsNetwork {
    fn timeouts(&self) -> Timeouts {
        let Config {
            connect_timeout,
            call_timeout,
            receive_beyond_wait,
            ..
        } = Config::default();
        Timeouts {
            connect: connect_timeout,
            send: call_timeout,
            settle: call_timeout,
            admin: call_timeout,
            receive_beyond_wait,
        }
    }

    fn connections_max(&self) -> u64 {
        CONNECTIONS_MAX.get().into()
    }

    fn connections(&self) -> Connections {
        self.proxy.connections()
    }

    async fn silence(&self) {
        self.proxy.set(Fault::Silent);
    }

    async fn cut(&self) {
        self.proxy.set(Fault::Cut);
    }

    async fn restore(&self) {
        self.proxy.set(Fault::None);
    }

    async fn provider_over(&self, peer: Untrusted) -> Result<Arc<dyn Provider>> {
        let authority = Authority::new().map_err(no_tls)?;
        let certificate = match peer {
            Untrusted::SelfSigned => Certificate::self_signed(HOST),
            Untrusted::WrongHost => authority.sign("elsewhere.example"),
            Untrusted::PlainText => {
                let http = aws_smithy_http_client::Builder::new().build_http();
                return self.provider_at(ELSEWHERE, http);
            }
        };
        let certificate = certificate.map_err(no_tls)?;
        self.provider_over_tls(&certificate, &authority).await
    }
}

/// Shows the time of a manual clock to the proxy, where only what is held back sleeps.
#[derive(Debug)]
struct ProxyClock {
    manual: ManualClock,
    waiting: Arc<Waiting>,
}

impl Clock for ProxyClock {
    fn now(&self) -> Instant {
        self.manual.now()
    }

    fn wall(&self) -> Timestamp {
        self.manual.wall()
    }

    fn machine(&self) -> Option<MachineTime> {
        self.manual.machine()
    }

    fn sleep_until(&self, deadline: Instant) -> Sleep {
        let sleep = self.manual.sleep_until(deadline);
        let waits = Waits::of(&self.waiting);
        Box::pin(async move {
            sleep.await;
            drop(waits);
        })
    }
}
