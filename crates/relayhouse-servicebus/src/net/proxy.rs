//! A proxy that opens tunnels: `CONNECT` of HTTP.

use std::{
    fmt::{self, Debug},
    io,
};

use base64::{Engine, prelude::BASE64_STANDARD};
use percent_encoding::percent_decode_str;
use relayhouse_core::{Error, ErrorKind, Result, Retry, Secret};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use url::Url;

use super::{Site, failed};
use crate::error;

/// The most bytes with which a proxy may answer.
const HEAD_BYTES_MAX: usize = 8 * 1024;

/// Opens tunnels to servers.
#[derive(PartialEq, Eq)]
pub(crate) struct Proxy {
    site: Site,
    /// What it asks for, as the value of a header.
    credentials: Option<Secret>,
}

impl Proxy {
    /// Reads `http://user:password@host:port`. What is wrong is told without the text.
    pub(crate) fn parse(text: &Secret) -> Result<Self> {
        let broken = |rule| error::invalid(format!("option proxy: {rule}"));
        let url = Url::parse(text.expose()).map_err(|_| broken("is no URL"))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(broken("must begin with http:// or https://"));
        }
        let has_more = url.path() != "/" || url.query().is_some() || url.fragment().is_some();
        if has_more {
            return Err(broken("must end with the port"));
        }
        Ok(Self {
            site: Site::of(&url).ok_or_else(|| broken("has no host"))?,
            credentials: credentials(&url),
        })
    }

    pub(super) const fn site(&self) -> &Site {
        &self.site
    }

    /// Has what goes over `stream` from now on go to `to`.
    pub(super) async fn tunnel<S>(&self, stream: &mut S, to: &Site) -> Result<()>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let lost = |error| failed(&self.site, "is lost", error);
        let request = self.request(to);
        let written = stream.write_all(request.expose().as_bytes()).await;
        written.map_err(lost)?;
        stream.flush().await.map_err(lost)?;
        let head = head(stream).await.map_err(lost)?;
        match status(&head) {
            Some(200..300) => Ok(()),
            Some(407) => Err(self.refused(ErrorKind::Unauthorized, "wants other credentials")),
            Some(status) => Err(self
                .refused(
                    ErrorKind::ConnectionFailed,
                    &format!("refuses a way to {to} with status {status}"),
                )
                .retry(Retry::Temporary)),
            None => Err(self.refused(
                ErrorKind::ConnectionFailed,
                "does not answer as a proxy does",
            )),
        }
    }

    fn request(&self, to: &Site) -> Secret {
        let mut text = format!("CONNECT {to} HTTP/1.1\r\nHost: {to}\r\n");
        if let Some(credentials) = &self.credentials {
            let header = format!("Proxy-Authorization: {}\r\n", credentials.expose());
            text.push_str(&header);
        }
        text.push_str("\r\n");
        Secret::from(text)
    }

    fn refused(&self, kind: ErrorKind, what: &str) -> Error {
        Error::new(kind, format!("proxy {} {what}", self.site))
    }
}

fn credentials(url: &Url) -> Option<Secret> {
    if url.username().is_empty() && url.password().is_none() {
        return None;
    }
    let decode = |text: &str| percent_decode_str(text).collect::<Vec<u8>>();
    let mut both = decode(url.username());
    both.push(b':');
    both.extend(decode(url.password().unwrap_or_default()));
    Some(Secret::from(format!(
        "Basic {}",
        BASE64_STANDARD.encode(both)
    )))
}

/// Reads up to the empty line: what is behind the tunnel does not speak before it is spoken to.
async fn head<S: AsyncRead + Unpin>(stream: &mut S) -> io::Result<Vec<u8>> {
    let mut head = Vec::with_capacity(256);
    while !head.ends_with(b"\r\n\r\n") {
        if HEAD_BYTES_MAX <= head.len() {
            return Err(io::Error::other("the answer is too long"));
        }
        head.push(stream.read_u8().await?);
    }
    Ok(head)
}

fn status(head: &[u8]) -> Option<u16> {
    let line = head.strip_prefix(b"HTTP/1.")?;
    let digits = line.get(2..5)?;
    std::str::from_utf8(digits).ok()?.parse().ok()
}

impl Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { site, credentials } = self;
        f.debug_struct("Proxy")
            .field("site", site)
            .field("credentials", credentials)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::duplex;

    use super::*;

    fn parse(text: &str) -> Result<Proxy> {
        Proxy::parse(&Secret::from(text.to_owned()))
    }

    fn site() -> Site {
        Site {
            host: "contoso.example".to_owned(),
            port: 5671,
            is_plain: false,
        }
    }

    #[test]
    fn a_proxy_is_read_and_its_password_is_not_shown() {
        let proxy = parse("http://ann:hunter%32@proxy.example:3128").unwrap();
        assert_eq!(proxy.site.to_string(), "proxy.example:3128");
        assert!(proxy.site.is_plain);
        let text = proxy.request(&site());
        let expected = format!(
            "CONNECT contoso.example:5671 HTTP/1.1\r\nHost: contoso.example:5671\r\n\
             Proxy-Authorization: Basic {}\r\n\r\n",
            BASE64_STANDARD.encode("ann:hunter2")
        );
        assert_eq!(text.expose(), expected);
        assert!(!format!("{proxy:?}").contains("hunter2"));
        let proxy = parse("https://[::1]").unwrap();
        assert_eq!(proxy.site.to_string(), "[::1]:443");
        assert!(!proxy.site.is_plain && proxy.credentials.is_none());
    }

    #[test]
    fn what_is_no_proxy_is_refused_and_not_repeated() {
        for text in [
            "hunter2",
            "socks5://hunter2",
            "http://a/hunter2",
            "http://a?hunter2",
        ] {
            let error = parse(text).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ConfigInvalid, "{text}");
            assert!(!error.to_string().contains("hunter2"), "{error}");
        }
    }

    async fn answered(answer: &str) -> Result<()> {
        let (mut near, mut far) = duplex(64 * 1024);
        far.write_all(answer.as_bytes()).await.unwrap();
        far.shutdown().await.unwrap();
        let proxy = parse("http://proxy.example:3128").unwrap();
        proxy.tunnel(&mut near, &site()).await
    }

    #[tokio::test]
    async fn only_a_proxy_that_agrees_is_gone_through() {
        assert!(answered("HTTP/1.1 200 OK\r\nx: y\r\n\r\n").await.is_ok());
        let long = format!("HTTP/1.1 200 OK\r\nx: {}", "y".repeat(HEAD_BYTES_MAX));
        for (answer, kind, expected) in [
            (
                "HTTP/1.1 407 No\r\n\r\n",
                ErrorKind::Unauthorized,
                "credentials",
            ),
            (
                "HTTP/1.0 403 No\r\n\r\n",
                ErrorKind::ConnectionFailed,
                "status 403",
            ),
            (
                "SSH-2.0\r\n\r\n",
                ErrorKind::ConnectionFailed,
                "as a proxy does",
            ),
            ("HTTP/1.1 200", ErrorKind::ConnectionFailed, "is lost"),
            (&long, ErrorKind::ConnectionFailed, "is lost"),
        ] {
            let error = answered(answer).await.unwrap_err();
            assert_eq!(error.kind(), kind, "{answer}");
            assert!(error.message().contains(expected), "{error}");
        }
    }
}
