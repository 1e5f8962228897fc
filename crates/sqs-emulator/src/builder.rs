//! How an emulator is set up.

use std::{
    collections::BTreeMap,
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use tokio::net::TcpListener;

use crate::{
    clock::{Clock, MachineClock},
    emulator::SqsEmulator,
    fault::Rules,
    model::{Model, Site},
    record::Records,
    shared::{Accounts, Shared, State},
    wire,
};

/// What an emulator is to be like. Made by [`SqsEmulator::builder`].
#[derive(Clone, Debug)]
#[must_use = "an emulator runs when it is started"]
pub struct Builder {
    address: SocketAddr,
    host: Option<String>,
    region: String,
    accounts: Accounts,
    clock: Arc<dyn Clock>,
    skew_max: Option<Duration>,
    seed: u64,
    requests_max: usize,
}

impl Builder {
    pub(crate) fn new() -> Self {
        Self {
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            host: None,
            region: "us-east-1".to_owned(),
            accounts: Accounts {
                default: "000000000000".to_owned(),
                by_access_key: BTreeMap::new(),
            },
            clock: Arc::new(MachineClock::new()),
            skew_max: None,
            seed: 0,
            requests_max: 1_000,
        }
    }

    /// Sets where to listen; the default is a free port of 127.0.0.1.
    pub fn address(mut self, address: SocketAddr) -> Self {
        self.address = address;
        self
    }

    /// Sets the name of the host in the URLs of queues; the default is the address.
    pub fn host(mut self, host: impl Into<String>) -> Self {
        self.host = Some(host.into());
        self
    }

    /// Sets the region in the ARNs of queues; the default is `us-east-1`.
    pub fn region(mut self, region: impl Into<String>) -> Self {
        self.region = region.into();
        self
    }

    /// Sets the account of every access key that has no other; the default is twelve zeros.
    pub fn account(mut self, account: impl Into<String>) -> Self {
        self.accounts.default = account.into();
        self
    }

    /// Sets the account of one access key.
    pub fn access_key(mut self, key: impl Into<String>, account: impl Into<String>) -> Self {
        let accounts = &mut self.accounts.by_access_key;
        accounts.insert(key.into(), account.into());
        self
    }

    /// Sets the clock; the default is the machine's.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Refuses requests that were signed further from the clock than this; the default is that the
    /// time of a signature does not matter. AWS allows five minutes.
    pub fn skew_max(mut self, skew_max: Duration) -> Self {
        self.skew_max = Some(skew_max);
        self
    }

    /// Sets the seed of ids, of reordering and of faults with a chance; the default is 0.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Sets how many requests the log holds before it forgets the oldest; the default is 1,000.
    pub fn requests_max(mut self, requests_max: usize) -> Self {
        self.requests_max = requests_max;
        self
    }

    /// Starts the emulator, which serves when this returns. Needs a tokio runtime with IO and
    /// time enabled.
    ///
    /// # Errors
    ///
    /// Returns the error of the operating system if it cannot listen at the address.
    pub async fn start(self) -> io::Result<SqsEmulator> {
        let listener = TcpListener::bind(self.address).await?;
        let address = listener.local_addr()?;
        let endpoint = match self.host {
            Some(host) => format!("http://{host}:{}", address.port()),
            None => format!("http://{address}"),
        };
        let site = Site {
            region: self.region,
            endpoint,
        };
        let state = State {
            model: Model::new(site.clone(), self.seed),
            rules: Rules::new(!self.seed),
            records: Records::new(self.requests_max),
        };
        let shared = Arc::new(Shared::new(self.clock, self.accounts, self.skew_max, state));
        let server = tokio::spawn(wire::serve(listener, Arc::clone(&shared)));
        Ok(SqsEmulator::new(address, site.endpoint, shared, server))
    }
}
