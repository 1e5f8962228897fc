//! Where a namespace is, and what a connection string says.

use std::{
    fmt::{self, Debug, Display},
    str::FromStr,
};

use relayhouse_core::{Error, Result, Secret};

use crate::{error, net::Site};

const PORT_TLS: u16 = 5671;
const PORT_PLAIN: u16 = 5672;
const PORT_HTTPS: u16 = 443;
/// Where the emulators have the management API.
const PORT_ADMIN: u16 = 5300;
const DOMAIN: &str = ".servicebus.windows.net";

/// Names a namespace: a host, a port, and whether it is spoken to in plain text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    host: String,
    port: u16,
    is_plain: bool,
}

/// Holds what a connection string of Service Bus says.
///
/// It is read by `parse`, as in
/// `Endpoint=sb://contoso.servicebus.windows.net/;SharedAccessKeyName=app;SharedAccessKey=..`.
/// `Debug` shows no key and no token.
#[derive(Clone, PartialEq, Eq)]
pub struct ConnectionString {
    /// Where the namespace is.
    pub endpoint: Endpoint,
    /// The queue or topic that it is for, if it names one.
    pub entity_path: Option<String>,
    /// How a client shows that it may do something.
    pub access: Access,
}

/// Says how a client shows that it may do something.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Access {
    /// By tokens that it signs with a key.
    Key {
        /// The name of the key.
        name: String,
        /// The key.
        key: Secret,
    },
    /// By a token that somebody has signed.
    Signature(Secret),
}

impl Endpoint {
    /// Names the namespace `text`: `contoso`, `contoso.servicebus.windows.net`, or any host with or
    /// without a port, spoken to over TLS.
    ///
    /// # Errors
    ///
    /// Returns `ConfigInvalid` if `text` is no host, or its port no port.
    pub fn of_namespace(text: &str) -> Result<Self> {
        let (host, port) = split_port(text)?;
        let is_short = !host.contains(['.', ':']) && host != "localhost" && port.is_none();
        let host = if is_short {
            format!("{host}{DOMAIN}")
        } else {
            host
        };
        Ok(Self {
            host,
            port: port.unwrap_or(PORT_TLS),
            is_plain: false,
        })
    }

    /// Speaks plain text, as the emulators do.
    #[must_use]
    pub fn plain(mut self) -> Self {
        if self.port == PORT_TLS {
            self.port = PORT_PLAIN;
        }
        self.is_plain = true;
        self
    }

    /// Speaks AMQP over a WebSocket, at the port of HTTPS if none was named.
    #[must_use]
    pub const fn websockets(mut self) -> Self {
        if self.port == PORT_TLS {
            self.port = PORT_HTTPS;
        }
        self
    }

    /// Returns the host, without a port.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Returns the port.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Returns true if nothing is encrypted.
    #[must_use]
    pub const fn is_plain(&self) -> bool {
        self.is_plain
    }

    /// Returns true if the host is this machine.
    #[must_use]
    pub fn is_local(&self) -> bool {
        self.site().is_local()
    }

    /// Returns where the management API is if nobody says otherwise.
    pub(crate) fn admin(&self) -> Site {
        Site {
            host: self.host.clone(),
            port: if self.is_plain {
                PORT_ADMIN
            } else {
                PORT_HTTPS
            },
            is_plain: self.is_plain,
        }
    }

    pub(crate) fn site(&self) -> Site {
        Site {
            host: self.host.clone(),
            port: self.port,
            is_plain: self.is_plain,
        }
    }

    /// Returns what a token for `path` is for.
    #[must_use]
    pub fn audience(&self, path: &str) -> String {
        format!("sb://{}/{path}", self.host)
    }
}

impl Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Display::fmt(&self.site(), f)
    }
}

fn split_port(text: &str) -> Result<(String, Option<u16>)> {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') || host.ends_with(']') => (host, Some(port)),
        _ => (text, None),
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let is_host = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':');
    if host.is_empty() || !host.chars().all(is_host) {
        return Err(error::invalid(
            "namespace is no host: letters, digits, points and hyphens are allowed",
        ));
    }
    let port = port.map(str::parse).transpose();
    let port = port.map_err(|error| {
        error::invalid("namespace has a port that is no number up to 65535").with_source(error)
    })?;
    Ok((host.to_ascii_lowercase(), port))
}

impl FromStr for ConnectionString {
    type Err = Error;

    /// Reads the text; what is wrong is told by the names of its parts, and never by their values.
    fn from_str(text: &str) -> Result<Self> {
        let mut parts = Parts::default();
        for part in text.split(';').map(str::trim) {
            if !part.is_empty() {
                parts.set(part)?;
            }
        }
        parts.finish()
    }
}

#[derive(Default)]
struct Parts {
    endpoint: Option<String>,
    entity_path: Option<String>,
    key_name: Option<String>,
    key: Option<Secret>,
    signature: Option<Secret>,
    is_emulator: bool,
}

impl Parts {
    fn set(&mut self, part: &str) -> Result<()> {
        // A key ends with signs of equality of its own.
        let Some((name, value)) = part.split_once('=') else {
            return Err(broken("has a part without ="));
        };
        let text = || Some(value.to_owned());
        let secret = || Some(Secret::from(value.to_owned()));
        match &*name.trim().to_ascii_lowercase() {
            "endpoint" => self.endpoint = text(),
            "entitypath" => self.entity_path = text(),
            "sharedaccesskeyname" => self.key_name = text(),
            "sharedaccesskey" => self.key = secret(),
            "sharedaccesssignature" => self.signature = secret(),
            "usedevelopmentemulator" => {
                self.is_emulator = value.trim().eq_ignore_ascii_case("true");
            }
            // Others have parts that say how their SDK should behave.
            _ => {}
        }
        Ok(())
    }

    fn finish(self) -> Result<ConnectionString> {
        let endpoint = self.endpoint.ok_or_else(|| broken("has no Endpoint"))?;
        let Some((_, host)) = endpoint.split_once("://") else {
            return Err(broken("has an Endpoint that does not start with sb://"));
        };
        let endpoint = Endpoint::of_namespace(host.trim_end_matches('/'))?;
        let endpoint = if self.is_emulator {
            endpoint.plain()
        } else {
            endpoint
        };
        let access = match (self.signature, self.key_name, self.key) {
            (Some(signature), _, _) => Access::Signature(signature),
            (None, Some(name), Some(key)) => Access::Key { name, key },
            (None, None, _) => return Err(broken("has no SharedAccessKeyName")),
            (None, _, None) => return Err(broken("has no SharedAccessKey")),
        };
        Ok(ConnectionString {
            endpoint,
            entity_path: self.entity_path,
            access,
        })
    }
}

fn broken(rule: &str) -> Error {
    error::invalid(format!("connection string {rule}"))
}

impl Debug for ConnectionString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            endpoint,
            entity_path,
            access,
        } = self;
        f.debug_struct("ConnectionString")
            .field("endpoint", endpoint)
            .field("entity_path", entity_path)
            .field("access", access)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use relayhouse_core::ErrorKind;

    use super::*;

    fn read(text: &str) -> ConnectionString {
        text.parse().unwrap()
    }

    #[test]
    fn a_connection_string_is_read() {
        let string = read(
            "Endpoint=sb://Contoso.servicebus.windows.net/;SharedAccessKeyName=app;\
             SharedAccessKey=abc=;EntityPath=orders;TransportType=Amqp",
        );
        let endpoint = Endpoint::of_namespace("contoso").unwrap();
        assert_eq!(string.endpoint, endpoint);
        assert_eq!(endpoint.to_string(), "contoso.servicebus.windows.net:5671");
        assert_eq!(string.entity_path.as_deref(), Some("orders"));
        let Access::Key { name, key } = &string.access else {
            panic!("{string:?}");
        };
        assert_eq!((&**name, key.expose()), ("app", "abc="));
        assert!(!string.endpoint.is_plain());
    }

    #[test]
    fn an_emulator_is_spoken_to_in_plain_text_at_any_port() {
        let tail = "SharedAccessKeyName=x;SharedAccessKey=y;UseDevelopmentEmulator=true;";
        let string = read(&format!("Endpoint=sb://localhost;{tail}"));
        assert_eq!(string.endpoint.to_string(), "localhost:5672");
        assert!(string.endpoint.is_plain() && string.endpoint.is_local());
        let string = read(&format!("Endpoint=sb://127.0.0.1:40123/;{tail}"));
        assert_eq!(string.endpoint.to_string(), "127.0.0.1:40123");
        let string = read(&format!("Endpoint=sb://[::1]:9;{tail}"));
        assert_eq!(string.endpoint.to_string(), "[::1]:9");
        assert!(string.endpoint.is_local());
    }

    #[test]
    fn a_token_may_stand_in_the_place_of_a_key() {
        let string =
            read("Endpoint=sb://a.example;SharedAccessSignature=SharedAccessSignature sr=1");
        assert!(matches!(string.access, Access::Signature(_)));
    }

    #[test]
    fn what_is_wrong_is_told_without_values() {
        let cases = [
            ("Endpoint", "has a part without ="),
            ("SharedAccessKey=hunter2", "has no Endpoint"),
            (
                "Endpoint=contoso;SharedAccessKey=hunter2",
                "does not start with sb://",
            ),
            (
                "Endpoint=sb://a;SharedAccessKey=hunter2",
                "has no SharedAccessKeyName",
            ),
            (
                "Endpoint=sb://a;SharedAccessKeyName=hunter2",
                "has no SharedAccessKey",
            ),
            (
                "Endpoint=sb://a:hunter2;SharedAccessKeyName=x",
                "no number up to 65535",
            ),
            ("Endpoint=sb://a/b hunter2", "is no host"),
        ];
        for (text, expected) in cases {
            let error = text.parse::<ConnectionString>().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ConfigInvalid, "{text}");
            assert!(error.message().contains(expected), "{error}");
            assert!(!error.to_string().contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn keys_and_tokens_are_not_shown() {
        for part in [
            "SharedAccessKeyName=x;SharedAccessKey=hunter2",
            "SharedAccessSignature=hunter2",
        ] {
            let string = read(&format!("Endpoint=sb://a;{part}"));
            assert!(!format!("{string:?}").contains("hunter2"));
        }
    }
}
