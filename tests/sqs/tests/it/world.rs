//! An emulator, a proxy before it, and an adapter with a queue there.

use std::{
    ops::Deref,
    sync::{Arc, Mutex},
    time::Duration,
};

use aws_credential_types::provider::ProvideCredentials;
use aws_sdk_sqs::{
    Client,
    config::{BehaviorVersion, Credentials, Region, SharedHttpClient},
};
use aws_smithy_http_client::tls::{
    Provider as TlsProvider, TlsContext, TrustStore, rustls_provider::CryptoMode,
};
use relayhouse_conformance::tls::{Authority, TlsFront};
use relayhouse_core::{
    Context, Entity, QueueName, Random, SeededRandom, Source,
    port::{Provider as _, QueueConfig},
};
use relayhouse_load::{Load, Record};
use relayhouse_runtime::FailurePolicy;
use relayhouse_sqs::{Sqs, SqsBuilder};
use relayhouse_telemetry::{Metrics, Snapshot, Tee};
use relayhouse_testkit::{
    clock::{ManualClock, TestClock},
    oracle::{Rules, Watch},
    proxy::FaultProxy,
};
use sqs_emulator::SqsEmulator;

use crate::time::{EmulatorClock, START, drive};

pub(crate) const ACCESS_KEY: &str = "AKIDCANARY";
pub(crate) const SECRET_KEY: &str = "SECRETCANARY";
pub(crate) const TOKEN: &str = "TOKENCANARY";

/// How far from its own time the emulator lets a request be signed, as AWS does.
const SKEW_MAX: Duration = Duration::from_secs(300);

/// The lease of every queue here.
pub(crate) const LEASE: Duration = Duration::from_secs(30);

/// The ordering keys on a FIFO queue.
const KEYS: u64 = 40;

/// Is a kind of queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Standard,
    Fifo,
}

impl Kind {
    const fn queue(self) -> &'static str {
        match self {
            Self::Standard => "orders",
            Self::Fifo => "orders.fifo",
        }
    }
}

/// Says how the adapter talks to the emulator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Over {
    PlainText,
    Tls,
}

/// Is everything that one test has.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) kind: Kind,
    pub(crate) manual: ManualClock,
    /// The clock of the adapter, whose wall-clock time can be wrong.
    pub(crate) clock: TestClock,
    pub(crate) emulator: SqsEmulator,
    pub(crate) proxy: FaultProxy,
    /// The provider goes through the proxy.
    pub(crate) load: Load,
    /// Counts what the oracle hears as well.
    pub(crate) metrics: Metrics,
    /// What the metrics said when they were last compared with the oracle.
    pub(crate) compared: Mutex<Option<Snapshot>>,
    /// Listens behind the proxy, where there is TLS.
    _front: Option<TlsFront>,
}

/// Runs `work` in a world of its own, with a queue of `kind`, whose chance is drawn from `seed`.
pub(crate) fn simulate<T>(kind: Kind, seed: u64, work: impl AsyncFnOnce(World) -> T) -> T {
    simulate_over(Over::PlainText, kind, seed, work)
}

/// Does the same over a connection of that kind.
pub(crate) fn simulate_over<T>(
    over: Over,
    kind: Kind,
    seed: u64,
    work: impl AsyncFnOnce(World) -> T,
) -> T {
    let manual = ManualClock::new(START);
    let clock = manual.clone();
    drive(&clock, async {
        let world = World::new(over, kind, seed, manual).await;
        work(world).await
    })
}

impl World {
    async fn new(over: Over, kind: Kind, seed: u64, manual: ManualClock) -> Self {
        let seen = EmulatorClock {
            manual: manual.clone(),
            start: START.into(),
        };
        let emulator = SqsEmulator::builder().clock(seen).seed(seed);
        let emulator = emulator.skew_max(SKEW_MAX).start().await.unwrap();
        let authority = Authority::new().unwrap();
        let front = match over {
            Over::PlainText => None,
            Over::Tls => {
                let certificate = authority.sign("127.0.0.1").unwrap();
                Some(
                    TlsFront::start(&certificate, emulator.address())
                        .await
                        .unwrap(),
                )
            }
        };
        let server = front.as_ref().map_or(emulator.address(), TlsFront::address);
        let random: Arc<dyn Random> = Arc::new(SeededRandom::new(seed));
        let proxy = FaultProxy::start(server, Arc::new(manual.clone()), Arc::clone(&random));
        let proxy = proxy.await.unwrap();
        let queue: QueueName = kind.queue().parse().unwrap();
        let source = Source::queue(queue.clone());
        let watch = Arc::new(Watch::new(&source, Rules::default()));
        let record = Arc::new(Record::new(Arc::clone(&watch)));
        let clock = TestClock::new(Arc::new(manual.clone()));
        let context = Context::new(Arc::new(clock.clone()), random);
        let metrics = Metrics::new(Arc::clone(&context.clock));
        let observers = [Arc::clone(&record) as _, metrics.observer("sqs")];
        let context = context.observer(Arc::new(Tee::new(observers)));
        let client = match over {
            Over::PlainText => client(&format!("http://{}", proxy.address()), credentials()),
            Over::Tls => tls_client(&format!("https://{}", proxy.address()), &authority),
        };
        let direct = self::client(emulator.endpoint(), credentials());
        // Its clock is right, and nobody listens to it.
        let right = Context::new(Arc::new(manual.clone()), Arc::clone(&context.random));
        let provider = |context, client| builder(kind, context).client(client).build().unwrap();
        let direct = provider(right, direct);
        let load = Load {
            provider: Arc::new(provider(context.clone(), client)),
            rules: Rules::of(direct.capabilities()),
            direct: Arc::new(direct),
            context,
            queue,
            source,
            keys: (kind == Kind::Fifo).then_some(KEYS),
            failure: FailurePolicy::default(),
            lease: LEASE,
            watch,
            record,
        };
        let world = Self {
            kind,
            manual,
            clock,
            emulator,
            proxy,
            load,
            metrics,
            compared: Mutex::default(),
            _front: front,
        };
        // Nothing was watched so far; from now on the rules are known.
        drop(world.verdict(0));
        world.create().await;
        world
    }

    pub(crate) async fn create(&self) {
        let config = QueueConfig {
            lease: Some(LEASE),
            ..QueueConfig::default()
        };
        let entity = Entity::Queue(self.queue.clone());
        let admin = self.direct.admin().unwrap();
        admin.create(&entity, &config).await.unwrap();
    }

    /// Makes a further provider, with a client of its own.
    pub(crate) fn provider_with(&self, client: Client) -> Sqs {
        let builder = builder(self.kind, self.context.clone());
        builder.client(client).build().unwrap()
    }
}

impl Deref for World {
    type Target = Load;

    fn deref(&self) -> &Load {
        &self.load
    }
}

fn builder(kind: Kind, context: Context) -> SqsBuilder {
    match kind {
        Kind::Standard => Sqs::builder(context),
        Kind::Fifo => Sqs::builder(context).fifo(),
    }
}

/// The credentials that every client here has.
pub(crate) fn credentials() -> Credentials {
    let token = Some(TOKEN.to_owned());
    Credentials::new(ACCESS_KEY, SECRET_KEY, token, None, "test")
}

fn tls_client(endpoint: &str, authority: &Authority) -> Client {
    let roots = TrustStore::empty().with_pem_certificate(authority.pem());
    let context = TlsContext::builder().with_trust_store(roots).build();
    let http = aws_smithy_http_client::Builder::new()
        .tls_provider(TlsProvider::Rustls(CryptoMode::Ring))
        .tls_context(context.unwrap())
        .build_https();
    client_with(endpoint, credentials(), http)
}

/// Makes a client in plain text.
pub(crate) fn client(endpoint: &str, credentials: impl ProvideCredentials + 'static) -> Client {
    let http = aws_smithy_http_client::Builder::new().build_http();
    client_with(endpoint, credentials, http)
}

fn client_with(
    endpoint: &str,
    credentials: impl ProvideCredentials + 'static,
    http: SharedHttpClient,
) -> Client {
    let config = aws_sdk_sqs::Config::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::new("us-east-1"))
        .credentials_provider(credentials)
        .endpoint_url(endpoint)
        .http_client(http);
    Client::from_conf(config.build())
}
