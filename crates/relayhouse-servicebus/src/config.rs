//! The options of a provider, from a builder, a URL or the environment.

use std::{fs, path::PathBuf, sync::Arc, time::Duration};

use relayhouse_core::{Address, Context, Result, Secret, config, config::Params};
use serde::Deserialize;
use url::Url;

use crate::{
    endpoint::{ConnectionString, Endpoint},
    error,
    link::Way,
    net::{Net, Proxy, Site, Tls},
    preset::{self, Preset},
    provider::ServiceBus,
    token::TokenProvider,
};

/// What the names of environment variables start with.
const ENVIRONMENT: &str = "RELAYHOUSE_SERVICEBUS_";

/// Holds the options of a provider.
///
/// As parameters of a URL and as environment variables
/// (`RELAYHOUSE_SERVICEBUS_CONNECTION_STRING`) they have the names of the fields. A URL is shown
/// and logged, so the connection string is better off in the environment.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where the namespace is and by which key to get in; without one, a namespace and a source of
    /// tokens are needed.
    pub connection_string: Option<Secret>,
    /// The namespace, such as `contoso` or `contoso.servicebus.windows.net`; that of the connection
    /// string.
    pub namespace: Option<String>,
    /// What is set together; nothing.
    pub preset: Option<Preset>,
    /// What AMQP goes over.
    pub transport: Transport,
    /// Who asks Entra ID for tokens; nobody. Needs the feature `entra`.
    pub identity: Option<Identity>,
    /// The tenant of the identity; that of the environment, where the identity looks there.
    pub tenant_id: Option<String>,
    /// The client id of the identity; of a managed one, that of the machine.
    pub client_id: Option<String>,
    /// The secret of an identity that has one.
    pub client_secret: Option<Secret>,
    /// The file of PEM with the certificate of an identity that has one, and its RSA key.
    pub client_certificate_file: Option<PathBuf>,
    /// Where Entra ID is, as `https://host`; that of the public cloud, or of the environment.
    pub authority_host: Option<String>,
    /// The proxy through which all connections go, as `http://user:password@host:port`; none. It
    /// must open tunnels to the port of the transport.
    pub proxy: Option<Secret>,
    /// A file of authorities in PEM that are trusted beside those of the machine; none.
    pub ca_file: Option<PathBuf>,
    /// Where the management API is, as `https://host:port`; port 443 of the namespace, or 5300 of an
    /// emulator.
    pub admin_endpoint: Option<String>,
    /// True to let messages and tokens leave this machine in plain text; false.
    pub plain_text: bool,
    /// How long a connection, with its token and a link, may take; 30 seconds.
    #[serde(deserialize_with = "config::duration")]
    pub connect_timeout: Duration,
    /// How long the broker may take to answer a send, a settlement or an extension; 10 seconds.
    #[serde(deserialize_with = "config::duration")]
    pub call_timeout: Duration,
    /// How long one call of administration may take; 30 seconds.
    #[serde(deserialize_with = "config::duration")]
    pub admin_timeout: Duration,
}

/// Says what AMQP goes over.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Transport {
    /// A connection of its own, at port 5671.
    #[default]
    Amqp,
    /// A WebSocket, at port 443, for networks that let nothing else pass. Needs the feature
    /// `websockets`.
    Websockets,
}

/// Says who asks Entra ID for tokens.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Identity {
    /// The managed identity of the machine, or of the app service.
    Managed,
    /// The identity of a workload on Kubernetes.
    Workload,
    /// Whoever is logged in by `az login`.
    Cli,
    /// A client with a secret.
    ClientSecret,
    /// A client with a certificate.
    ClientCertificate,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            connection_string: None,
            namespace: None,
            preset: None,
            transport: Transport::Amqp,
            identity: None,
            tenant_id: None,
            client_id: None,
            client_secret: None,
            client_certificate_file: None,
            authority_host: None,
            proxy: None,
            ca_file: None,
            admin_endpoint: None,
            plain_text: false,
            connect_timeout: Duration::from_secs(30),
            call_timeout: Duration::from_secs(10),
            admin_timeout: Duration::from_secs(30),
        }
    }
}

impl Config {
    /// Reads the options of `address`, and those of the environment that it does not have.
    pub(crate) fn of(address: &Address) -> Result<Self> {
        let params = address.params().clone();
        let mut config = preset::read(&params.or(Params::from_env(ENVIRONMENT)))?;
        let location = address.location();
        let Some((namespace, _)) = location.split_once('/') else {
            return Err(error::invalid(
                "queue URL has no queue, expected servicebus://namespace/queue",
            ));
        };
        if !namespace.is_empty() {
            config.namespace = Some(namespace.to_owned());
        }
        Ok(config)
    }

    fn check(&self) -> Result<()> {
        let durations = [
            ("connect_timeout", self.connect_timeout),
            ("call_timeout", self.call_timeout),
            ("admin_timeout", self.admin_timeout),
        ];
        match durations.iter().find(|(_, value)| value.is_zero()) {
            Some((key, _)) => Err(error::invalid(format!("option {key}: must not be zero"))),
            None => Ok(()),
        }
    }

    /// Decides where the namespace is, and who gives tokens.
    fn access(
        &self,
        tokens: Option<Arc<dyn TokenProvider>>,
    ) -> Result<(Endpoint, Arc<dyn TokenProvider>)> {
        let string = self.connection_string.as_ref();
        let string = string.map(|it| it.expose().parse::<ConnectionString>());
        let namespace = self.namespace.as_deref().map(Endpoint::of_namespace);
        let (endpoint, tokens) = match (string.transpose()?, namespace.transpose()?, tokens) {
            (Some(string), Some(namespace), _) if !is_same(&string.endpoint, &namespace) => {
                let (one, other) = (&string.endpoint, &namespace);
                return Err(error::invalid(format!(
                    "the connection string is for {}, and the namespace is {}",
                    one.host(),
                    other.host()
                )));
            }
            (Some(string), _, None) => (string.endpoint, Arc::new(string.access) as Arc<_>),
            (Some(string), _, Some(tokens)) => (string.endpoint, tokens),
            (None, Some(namespace), Some(tokens)) if self.plain_text => (namespace.plain(), tokens),
            (None, Some(namespace), Some(tokens)) => (namespace, tokens),
            (None, _, _) => {
                return Err(error::invalid(
                    "option connection_string: is needed, or a namespace and a source of tokens",
                ));
            }
        };
        if endpoint.is_plain() && !endpoint.is_local() && !self.plain_text {
            return Err(error::invalid(format!(
                "{endpoint} is not on this machine: plain text needs plain_text=true"
            )));
        }
        match self.transport {
            Transport::Amqp => Ok((endpoint, tokens)),
            Transport::Websockets => Ok((endpoint.websockets(), tokens)),
        }
    }

    /// Decides where the management API of the namespace at `endpoint` is.
    fn admin(&self, endpoint: &Endpoint) -> Result<Site> {
        let broken = |rule| error::invalid(format!("option admin_endpoint: {rule}"));
        let Some(text) = &self.admin_endpoint else {
            return Ok(endpoint.admin());
        };
        let url = Url::parse(text).map_err(|_| broken("is no URL"))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(broken("must begin with https:// or http://"));
        }
        let (Some(site), "/") = (Site::of(&url), url.path()) else {
            return Err(broken("must be a host and a port"));
        };
        if site.is_plain && !site.is_local() && !self.plain_text {
            return Err(broken("is not on this machine: http needs plain_text=true"));
        }
        Ok(site)
    }

    /// Decides how servers are reached, which trusts `authorities` as well.
    fn net(&self, authorities: &[Vec<u8>]) -> Result<Net> {
        let mut tls = Tls::default();
        if let Some(file) = &self.ca_file {
            let pem = fs::read(file).map_err(|error| {
                let text = format!("option ca_file: {} cannot be read", file.display());
                error::invalid(text).with_source(error)
            })?;
            tls.trust(&pem)?;
        }
        authorities.iter().try_for_each(|pem| tls.trust(pem))?;
        let proxy = self.proxy.as_ref().map(Proxy::parse);
        Ok(Net::new(tls, proxy.transpose()?))
    }
}

#[cfg(feature = "entra")]
fn identity_tokens(
    identity: Identity,
    config: &Config,
    net: &Arc<Net>,
    context: &Context,
) -> Result<Arc<dyn TokenProvider>> {
    let tokens = crate::token::entra::tokens(identity, config, net, context);
    Ok(Arc::new(tokens?))
}

#[cfg(not(feature = "entra"))]
fn identity_tokens(
    _: Identity,
    _: &Config,
    _: &Arc<Net>,
    _: &Context,
) -> Result<Arc<dyn TokenProvider>> {
    Err(error::invalid(
        "option identity: needs the feature entra of relayhouse-servicebus",
    ))
}

/// Compares hosts: a URL need not repeat the port.
fn is_same(one: &Endpoint, other: &Endpoint) -> bool {
    one.host() == other.host()
}

/// Builds a [`ServiceBus`].
#[derive(Clone, Debug)]
#[must_use]
pub struct ServiceBusBuilder {
    context: Context,
    config: Config,
    tokens: Option<Arc<dyn TokenProvider>>,
    authorities: Vec<Vec<u8>>,
}

impl ServiceBusBuilder {
    pub(crate) const fn new(context: Context, config: Config) -> Self {
        Self {
            context,
            config,
            tokens: None,
            authorities: Vec::new(),
        }
    }

    /// Sets all options at once.
    pub fn config(mut self, config: Config) -> Self {
        self.config = config;
        self
    }

    /// Sets where the namespace is, and by which key to get in.
    pub fn connection_string(mut self, text: impl Into<String>) -> Self {
        self.config.connection_string = Some(Secret::from(text.into()));
        self
    }

    /// Sets the namespace.
    pub fn namespace(mut self, namespace: impl Into<String>) -> Self {
        self.config.namespace = Some(namespace.into());
        self
    }

    /// Takes tokens from `tokens`, instead of signing them by the key of the connection string.
    pub fn tokens(mut self, tokens: Arc<dyn TokenProvider>) -> Self {
        self.tokens = Some(tokens);
        self
    }

    /// Trusts the authorities in `pem` beside those of the machine.
    pub fn authority(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.authorities.push(pem.into());
        self
    }

    /// Trusts the authorities in a file of PEM as well.
    pub fn ca_file(mut self, file: impl Into<PathBuf>) -> Self {
        self.config.ca_file = Some(file.into());
        self
    }

    /// Has `identity` ask Entra ID for tokens, with what [`Config`] says of it.
    pub fn identity(mut self, identity: Identity) -> Self {
        self.config.identity = Some(identity);
        self
    }

    /// Sets all options that `preset` is about; what is set afterwards overrides it.
    pub fn preset(mut self, preset: Preset) -> Self {
        preset.set(&mut self.config);
        self
    }

    /// Sets what AMQP goes over.
    pub fn transport(mut self, transport: Transport) -> Self {
        self.config.transport = transport;
        self
    }

    /// Sets the proxy through which all connections go, as `http://user:password@host:port`.
    pub fn proxy(mut self, url: impl Into<String>) -> Self {
        self.config.proxy = Some(Secret::from(url.into()));
        self
    }

    /// Sets whether messages and tokens may leave this machine in plain text.
    pub fn plain_text(mut self, plain_text: bool) -> Self {
        self.config.plain_text = plain_text;
        self
    }

    /// Sets how long a connection may take.
    pub fn connect_timeout(mut self, connect_timeout: Duration) -> Self {
        self.config.connect_timeout = connect_timeout;
        self
    }

    /// Sets how long the broker may take to answer.
    pub fn call_timeout(mut self, call_timeout: Duration) -> Self {
        self.config.call_timeout = call_timeout;
        self
    }

    /// Sets where the management API is, as `https://host:port`.
    pub fn admin_endpoint(mut self, url: impl Into<String>) -> Self {
        self.config.admin_endpoint = Some(url.into());
        self
    }

    /// Sets how long one call of administration may take.
    pub fn admin_timeout(mut self, admin_timeout: Duration) -> Self {
        self.config.admin_timeout = admin_timeout;
        self
    }

    /// Builds the provider. It connects when the first queue is opened.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::ConfigInvalid`](relayhouse_core::ErrorKind::ConfigInvalid) that names
    /// the option and what is wrong with it.
    pub fn build(self) -> Result<ServiceBus> {
        self.config.check()?;
        let net = Arc::new(self.config.net(&self.authorities)?);
        let tokens = match (self.tokens, self.config.identity) {
            (None, Some(identity)) => Some(identity_tokens(
                identity,
                &self.config,
                &net,
                &self.context,
            )?),
            (tokens, _) => tokens,
        };
        let (endpoint, tokens) = self.config.access(tokens)?;
        let admin = self.config.admin(&endpoint)?;
        let way = Way {
            endpoint,
            transport: self.config.transport,
            net,
        };
        Ok(ServiceBus::new(
            self.context,
            &self.config,
            way,
            admin,
            tokens,
        ))
    }
}

#[cfg(test)]
mod tests {
    use relayhouse_core::ErrorKind;

    use super::*;

    const EMULATOR: &str = "Endpoint=sb://localhost:40123;SharedAccessKeyName=x;\
                            SharedAccessKey=hunter2;UseDevelopmentEmulator=true;";

    fn config(pairs: &[(&str, &str)]) -> Result<Config> {
        Params::from_pairs(pairs.iter().copied())?.read()
    }

    fn access(pairs: &[(&str, &str)]) -> Result<Endpoint> {
        config(pairs)?.access(None).map(|(endpoint, _)| endpoint)
    }

    #[test]
    fn options_are_read_from_text() {
        let config = config(&[
            ("connection-string", EMULATOR),
            ("call_timeout", "2s"),
            ("plain_text", "true"),
            ("proxy", "http://ann:hunter2@proxy.example"),
            ("transport", "websockets"),
            ("ca_file", "/no/such/file"),
        ])
        .unwrap();
        assert_eq!(config.transport, Transport::Websockets);
        let error = config.net(&[]).unwrap_err();
        assert!(
            error.message().contains("ca_file: /no/such/file"),
            "{error}"
        );
        assert_eq!(config.call_timeout, Duration::from_secs(2));
        assert!(config.plain_text);
        assert!(!format!("{config:?}").contains("hunter2"));
    }

    #[test]
    fn an_address_names_the_namespace() {
        let address: Address = "servicebus://contoso/orders?call_timeout=3s"
            .parse()
            .unwrap();
        let config = Config::of(&address).unwrap();
        assert_eq!(config.namespace.as_deref(), Some("contoso"));
        assert_eq!(config.call_timeout, Duration::from_secs(3));
        let address: Address = "servicebus:///orders".parse().unwrap();
        assert_eq!(Config::of(&address).unwrap().namespace, None);
        let address: Address = "servicebus://contoso".parse().unwrap();
        let error = Config::of(&address).unwrap_err();
        assert!(error.message().contains("servicebus://namespace/queue"));
    }

    #[test]
    fn the_connection_string_says_where_the_namespace_is() {
        let endpoint = access(&[("connection_string", EMULATOR)]).unwrap();
        assert_eq!(endpoint.to_string(), "localhost:40123");
        let both = [("connection_string", EMULATOR), ("namespace", "localhost")];
        assert_eq!(access(&both).unwrap(), endpoint);
    }

    #[test]
    fn websockets_are_at_the_port_of_https_unless_another_is_named() {
        let string = "Endpoint=sb://contoso;SharedAccessKeyName=x;SharedAccessKey=y";
        let place = |string| {
            access(&[("connection_string", string), ("transport", "websockets")])
                .unwrap()
                .to_string()
        };
        assert_eq!(place(string), "contoso.servicebus.windows.net:443");
        assert_eq!(place(EMULATOR), "localhost:40123");
    }

    #[test]
    fn what_does_not_fit_together_is_refused() {
        let far = EMULATOR.replace("localhost", "far.example");
        let cases: [(&[(&str, &str)], &str); 4] = [
            (&[], "option connection_string: is needed"),
            (&[("namespace", "contoso")], "a source of tokens"),
            (
                &[("connection_string", EMULATOR), ("namespace", "contoso")],
                "is for localhost",
            ),
            (&[("connection_string", &far)], "needs plain_text=true"),
        ];
        for (pairs, expected) in cases {
            let error = access(pairs).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ConfigInvalid);
            assert!(error.message().contains(expected), "{error}");
        }
        assert!(access(&[("connection_string", &far), ("plain_text", "true")]).is_ok());
    }

    #[test]
    fn the_management_api_is_where_it_is_said_to_be() {
        let endpoint = access(&[("connection_string", EMULATOR)]).unwrap();
        let admin = |pairs: &[(&str, &str)]| config(pairs).unwrap().admin(&endpoint);
        assert_eq!(admin(&[]).unwrap().to_string(), "localhost:5300");
        let azure = Endpoint::of_namespace("contoso").unwrap().admin();
        assert_eq!(azure.to_string(), "contoso.servicebus.windows.net:443");
        assert!(!azure.is_plain);
        let near = admin(&[("admin_endpoint", "http://[::1]:81")]).unwrap();
        assert_eq!(
            (near.to_string(), near.is_plain),
            ("[::1]:81".to_owned(), true)
        );
        let far = ("admin_endpoint", "http://far.example");
        assert!(admin(&[far, ("plain_text", "true")]).is_ok());
        for (text, expected) in [
            ("http://far.example", "needs plain_text=true"),
            ("far", "is no URL"),
            ("ftp://far.example", "must begin with https://"),
            ("https://far.example/path", "must be a host and a port"),
        ] {
            let error = admin(&[("admin_endpoint", text)]).unwrap_err();
            assert!(error.message().contains(expected), "{error}");
        }
    }

    #[test]
    fn zero_is_no_time_limit() {
        let config = config(&[("call_timeout", "0s")]).unwrap();
        let error = config.check().unwrap_err();
        assert!(error.message().contains("call_timeout"), "{error}");
    }
}
