//! The way to a server: through a proxy if there is one, and over TLS.

mod http;
mod proxy;
mod tls;
#[cfg(feature = "websockets")]
pub(crate) mod websocket;

use std::{
    fmt::{self, Debug, Display},
    io,
    net::IpAddr,
};

use relayhouse_core::{Error, ErrorKind, Result, Retry};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};
use url::Url;

pub(crate) use self::{
    http::{Http, Reply},
    proxy::Proxy,
    tls::Tls,
};

/// What bytes go over, both ways.
pub(crate) trait Io: AsyncRead + AsyncWrite + Debug + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Debug + Send + Unpin> Io for T {}

/// A stream of any kind.
pub(crate) type Stream = Box<dyn Io>;

/// Names a server: a host, a port, and whether it is spoken to in plain text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Site {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) is_plain: bool,
}

/// Connects to servers.
#[derive(Debug, Default)]
pub(crate) struct Net {
    tls: Tls,
    proxy: Option<Proxy>,
}

impl Net {
    pub(crate) const fn new(tls: Tls, proxy: Option<Proxy>) -> Self {
        Self { tls, proxy }
    }

    /// Connects to `site`.
    pub(crate) async fn connect(&self, site: &Site) -> Result<Stream> {
        let stream = match &self.proxy {
            Some(proxy) => self.through(proxy, site).await?,
            None => self.tcp(site).await?,
        };
        self.secured(site, stream).await
    }

    /// Asks `proxy` for a tunnel to `site`.
    async fn through(&self, proxy: &Proxy, site: &Site) -> Result<Stream> {
        let stream = self.tcp(proxy.site()).await?;
        let mut stream = self.secured(proxy.site(), stream).await?;
        proxy.tunnel(&mut stream, site).await?;
        Ok(stream)
    }

    async fn tcp(&self, site: &Site) -> Result<Stream> {
        let socket = TcpStream::connect((&*site.host, site.port)).await;
        let socket = socket.map_err(|error| failed(site, "cannot be reached", error))?;
        // A settlement must not wait for the answer to the one before.
        let set = socket.set_nodelay(true);
        set.map_err(|error| failed(site, "cannot be used", error))?;
        Ok(Box::new(socket))
    }

    async fn secured(&self, site: &Site, stream: Stream) -> Result<Stream> {
        if site.is_plain {
            return Ok(stream);
        }
        let secured = self.tls.connect(&site.host, stream).await?;
        secured.map_err(|error| failed(site, "does not agree on TLS", error))
    }
}

impl Site {
    /// Names the server of a URL of HTTP; `None` if it names no host.
    pub(crate) fn of(url: &Url) -> Option<Self> {
        let host = url.host_str()?;
        Some(Self {
            host: host
                .trim_start_matches('[')
                .trim_end_matches(']')
                .to_owned(),
            port: url.port_or_known_default()?,
            is_plain: url.scheme() == "http",
        })
    }

    /// Returns true if the host is this machine.
    pub(crate) fn is_local(&self) -> bool {
        let address = self.host.parse::<IpAddr>();
        self.host == "localhost" || address.is_ok_and(|address| address.is_loopback())
    }
}

impl Display for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            host,
            port,
            is_plain: _,
        } = self;
        match host.contains(':') {
            true => write!(f, "[{host}]:{port}"),
            false => write!(f, "{host}:{port}"),
        }
    }
}

fn failed(site: &Site, what: &str, error: io::Error) -> Error {
    Error::new(ErrorKind::ConnectionFailed, format!("{site} {what}"))
        .retry(Retry::Temporary)
        .with_source(error)
}
