//! The network between the Service Bus adapter and the emulator: a proxy that breaks it on demand.

use std::{
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use relayhouse_core::{
    BoxError, Clock, Context, Error, ErrorKind, Random, Result,
    port::{Provider, Timeouts},
};
use relayhouse_servicebus::{Config, ServiceBus};
use relayhouse_testkit::{
    Connections, Network, Untrusted,
    clock::TestClock,
    proxy::{Fault, FaultProxy},
};
use servicebus_emulator::ServiceBusEmulator;

use super::{Route, context};
use crate::tls::{Authority, Certificate, TlsFront};

/// The key of every emulator, which is no secret.
const KEY: &str = "SharedAccessKeyName=RootManageSharedAccessKey;SharedAccessKey=SAS_KEY_VALUE";

/// An address that belongs to nobody, and is not this machine.
const ELSEWHERE: &str = "192.0.2.1:5672";
const HOST: &str = "127.0.0.1";

/// One connection carries all links of a provider.
const CONNECTIONS_MAX: u64 = 1;

fn no_tls(error: impl Into<BoxError>) -> Error {
    Error::new(ErrorKind::Unexpected, "there is no TLS").with_source(error)
}

/// Is the network between the adapter and the emulator.
#[derive(Debug)]
pub(super) struct ServiceBusNetwork {
    server: SocketAddr,
    /// Where entities are administered, past the proxy.
    admin: String,
    proxy: FaultProxy,
    /// They listen as long as this lives.
    fronts: Mutex<Vec<TlsFront>>,
    clock: TestClock,
}

impl ServiceBusNetwork {
    /// Puts a proxy before `emulator`.
    pub(super) async fn start(
        emulator: &ServiceBusEmulator,
        proxy_clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
        clock: TestClock,
    ) -> io::Result<Self> {
        let server = emulator.address();
        Ok(Self {
            server,
            admin: emulator.http_endpoint().to_owned(),
            proxy: FaultProxy::start(server, proxy_clock, random).await?,
            fronts: Mutex::default(),
            clock,
        })
    }

    pub(super) const fn proxy(&self) -> &FaultProxy {
        &self.proxy
    }

    /// Opens a provider by `route`.
    pub(super) fn provider(&self, context: Context, route: Route) -> Result<Arc<dyn Provider>> {
        let address = match route {
            Route::Direct => self.server,
            Route::Proxied => self.proxy.address(),
        };
        let string = format!("Endpoint=sb://{address};{KEY};UseDevelopmentEmulator=true");
        let builder = ServiceBus::builder(context).connection_string(string);
        Ok(Arc::new(builder.admin_endpoint(&self.admin).build()?))
    }

    /// Opens a provider over TLS, to a server with `certificate`, that trusts `authority`.
    async fn provider_over_tls(
        &self,
        certificate: &Certificate,
        authority: &Authority,
    ) -> Result<Arc<dyn Provider>> {
        let front = TlsFront::start(certificate, self.server).await;
        let front = front.map_err(no_tls)?;
        let string = format!("Endpoint=sb://{HOST}:{};{KEY}", front.address().port());
        let mut fronts = self.fronts.lock().unwrap_or_else(PoisonError::into_inner);
        fronts.push(front);
        let builder = ServiceBus::builder(self.context()).connection_string(string);
        Ok(Arc::new(builder.authority(authority.pem()).build()?))
    }

    fn context(&self) -> Context {
        context(&self.clock)
    }
}

#[async_trait]
impl Network for ServiceBusNetwork {
    fn timeouts(&self) -> Timeouts {
        let Config {
            connect_timeout,
            call_timeout,
            admin_timeout,
            ..
        } = Config::default();
        Timeouts {
            connect: connect_timeout,
            send: call_timeout,
            settle: call_timeout,
            admin: admin_timeout,
            receive_beyond_wait: call_timeout,
        }
    }

    fn connections_max(&self) -> u64 {
        CONNECTIONS_MAX
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
                let string = format!("Endpoint=sb://{ELSEWHERE};{KEY};UseDevelopmentEmulator=true");
                let builder = ServiceBus::builder(self.context()).connection_string(string);
                return Ok(Arc::new(builder.build()?));
            }
        };
        let certificate = certificate.map_err(no_tls)?;
        self.provider_over_tls(&certificate, &authority).await
    }
}
