//! The console: what it shows, and to whom.

use std::{collections::BTreeSet, fmt, future::Future, sync::Arc};

use axum::Router;
use relayhouse_core::{Clock, Context, Error, ErrorKind, Random, Result};
use tokio::{
    net::TcpListener,
    sync::{Semaphore, watch},
};

use crate::{
    Limits, ScaleConfig, Watched,
    access::Token,
    routes, serve,
    watch::Breaker,
    watched::{Post, Reading},
};

/// Returns metrics as Prometheus reads them.
type Metrics = Box<dyn Fn() -> String + Send + Sync>;

/// Shows the consumers of a program over HTTP, and pauses and resumes them.
///
/// A clone is of the same console. See the [crate](crate) for its routes.
///
/// ```
/// use std::sync::Arc;
///
/// use relayhouse_console::{Console, Token, Watch, Watched};
/// use relayhouse_core::{Context, Error, Secret};
/// use relayhouse_runtime::Running;
///
/// # fn program(context: &Context, running: &Running, watch: Arc<Watch>, secret: &Secret)
/// # -> Result<(), Error> {
/// // The consumer was built with a context whose observer is, or passes on to, `watch`.
/// let console = Console::builder(context)
///     .consumer(Watched::new(running.remote(), watch))
///     .token(Token::new(secret)?)
///     .build()?;
/// let router = console.router();
/// # let _: axum::Router = router;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Console {
    shared: Arc<Shared>,
}

/// Makes a [`Console`].
#[must_use]
pub struct ConsoleBuilder {
    context: Context,
    consumers: Vec<Watched>,
    metrics: Option<Metrics>,
    token: Option<Token>,
    limits: Limits,
    scale: ScaleConfig,
}

/// Is what all requests share.
pub(crate) struct Shared {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) random: Arc<dyn Random>,
    pub(crate) posts: Vec<Post>,
    pub(crate) metrics: Option<Metrics>,
    pub(crate) token: Option<Token>,
    pub(crate) limits: Limits,
    /// Tells streams that something was changed.
    pub(crate) changes: watch::Sender<()>,
    /// The streams that may still be opened.
    pub(crate) streams: Arc<Semaphore>,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Shared");
        shown
            .field("posts", &self.posts)
            .field("token", &self.token);
        shown.field("limits", &self.limits).finish_non_exhaustive()
    }
}

impl fmt::Debug for ConsoleBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("ConsoleBuilder");
        shown.field("consumers", &self.consumers);
        shown.field("token", &self.token);
        shown
            .field("limits", &self.limits)
            .field("scale", &self.scale);
        shown.finish_non_exhaustive()
    }
}

impl Console {
    /// Starts to build a console that reads the time and draws ids of requests by `context`.
    pub fn builder(context: &Context) -> ConsoleBuilder {
        ConsoleBuilder {
            context: context.clone(),
            consumers: Vec::new(),
            metrics: None,
            token: None,
            limits: Limits::default(),
            scale: ScaleConfig::default(),
        }
    }

    /// Returns the routes, for a program that has a server of its own.
    ///
    /// Without a [token](ConsoleBuilder::token) the router lets everybody do everything: put a
    /// layer of your own around it then, which may name who asks by a
    /// [`Principal`](crate::Principal) in the extensions of the request.
    pub fn router(&self) -> Router {
        routes::router(&self.shared)
    }

    /// Serves HTTP/1.1 on `listener` until `end` ends; requests under way then have a second.
    ///
    /// Without a [token](ConsoleBuilder::token) it serves programs of this machine alone: the
    /// address must be a loopback one, and requests that pages of other sites send are refused.
    /// Nothing is spawned: dropping the future ends all connections at once.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::ConfigInvalid`] for an address that is not a loopback one where there
    /// is no token, and [`ErrorKind::Unavailable`] if the address of `listener` cannot be read.
    pub async fn serve(&self, listener: TcpListener, end: impl Future<Output = ()>) -> Result<()> {
        let address = listener.local_addr().map_err(|error| {
            Error::new(ErrorKind::Unavailable, "cannot read the console's address")
                .with_source(error)
        })?;
        if self.shared.token.is_none() && !address.ip().is_loopback() {
            let rule = format!("cannot serve the console at {address} without a token");
            return Err(Error::new(ErrorKind::ConfigInvalid, rule));
        }
        serve::serve(&self.shared, listener, end).await;
        Ok(())
    }
}

impl ConsoleBuilder {
    /// Watches a consumer as well.
    pub fn consumer(mut self, consumer: Watched) -> Self {
        self.consumers.push(consumer);
        self
    }

    /// Sets what `/metrics` shows beside the advice: text as Prometheus reads it.
    pub fn metrics(mut self, metrics: impl Fn() -> String + Send + Sync + 'static) -> Self {
        self.metrics = Some(Box::new(metrics));
        self
    }

    /// Sets the token that requests must carry.
    pub const fn token(mut self, token: Token) -> Self {
        self.token = Some(token);
        self
    }

    /// Sets how much clients may ask.
    pub const fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Sets how consumers are counted out, for each queue.
    pub const fn scale(mut self, scale: ScaleConfig) -> Self {
        self.scale = scale;
        self
    }

    /// Makes the console.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::ConfigInvalid`] if two consumers have the same source, or if the bounds
    /// of the scale are upside down.
    pub fn build(self) -> Result<Console> {
        let sources = self
            .consumers
            .iter()
            .map(|it| it.remote.source().to_string());
        if sources.collect::<BTreeSet<_>>().len() < self.consumers.len() {
            let rule = "a console watches one consumer of each source";
            return Err(Error::new(ErrorKind::ConfigInvalid, rule));
        }
        if self.scale.consumers_max < self.scale.consumers_min {
            let rule = "the most consumers of a console's scale are fewer than the fewest";
            return Err(Error::new(ErrorKind::ConfigInvalid, rule));
        }
        let posts = self.consumers.into_iter();
        let shared = Shared {
            clock: self.context.clock,
            random: self.context.random,
            posts: posts.map(|it| Post::new(it, self.scale)).collect(),
            metrics: self.metrics,
            token: self.token,
            limits: self.limits,
            changes: watch::Sender::new(()),
            streams: Arc::new(Semaphore::new(self.limits.streams_max)),
        };
        Ok(Console {
            shared: Arc::new(shared),
        })
    }
}

impl Shared {
    /// Reads all consumers, at the same time.
    pub(crate) async fn read(&self) -> Vec<(&Post, Reading)> {
        let readings = self.posts.iter().map(async |post| {
            let reading = post.read(&*self.clock).await;
            (post, reading)
        });
        futures_util::future::join_all(readings).await
    }

    /// Returns the names of the breakers that are in `state`.
    pub(crate) fn breakers_in(&self, state: Breaker) -> BTreeSet<String> {
        let posts = self.posts.iter();
        posts
            .flat_map(|post| post.watched.watch.breakers_in(state))
            .collect()
    }
}
