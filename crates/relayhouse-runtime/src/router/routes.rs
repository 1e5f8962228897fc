//! Which handler a message goes to, by its type or by what it holds.

use std::{
    collections::BTreeMap,
    fmt::{self, Debug},
    future::{Future, poll_fn},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use pin_project_lite::pin_project;
use relayhouse_core::{
    BoxError, DeadLetter, Delivery, Error, ErrorKind, Operation, Outgoing, Result, Settlement, Text,
};
use tower_service::Service;

use crate::handler::{Function, Handler};

/// The reason of a dead letter that no handler is there for.
const UNKNOWN_TYPE: Text = Text::from_static("unknown-type");

/// Finds the handler of each message of a queue: by the type that a header names, else by the first
/// rule that holds.
///
/// A message that none fits is dead-lettered with the reason `unknown-type`, or goes where
/// [`otherwise`](Self::otherwise) or [`otherwise_forward`](Self::otherwise_forward) says; it is
/// never acked unseen. It is a tower service: layers around it are shared by all its handlers, and
/// [`service`](Self::service) takes a handler with layers of its own. What such a layer waits for
/// is waited for within the call: it holds one of the consumer's handlers meanwhile.
///
/// ```
/// use relayhouse_core::{Message, Settlement};
/// use relayhouse_runtime::Routes;
///
/// async fn created(order: Message) {}
/// async fn cancelled(order: Message) -> Settlement {
///     Settlement::forward("refunds", order)
/// }
///
/// let routes = Routes::new()
///     .on("order.created", created)
///     .on("order.cancelled", cancelled)
///     .otherwise_forward("strange-orders");
/// # let _ = routes;
/// ```
#[derive(Clone)]
#[must_use]
pub struct Routes<S = ()> {
    state: S,
    header: Text,
    by_type: BTreeMap<Text, Box<dyn Route>>,
    rules: Vec<(Rule, Box<dyn Route>)>,
    otherwise: Option<Box<dyn Route>>,
    wrong: Option<Error>,
}

type Rule = Arc<dyn Fn(&Delivery) -> bool + Send + Sync>;
type Handling = Pin<Box<dyn Future<Output = Result<Settlement>> + Send>>;

/// Is a handler whose type was erased.
trait Route: Send + Sync {
    fn handle(&self, delivery: Delivery) -> Handling;
    fn boxed_clone(&self) -> Box<dyn Route>;
}

impl Clone for Box<dyn Route> {
    fn clone(&self) -> Self {
        (**self).boxed_clone()
    }
}

impl Routes {
    /// Knows no handler yet; the type of a message is its header `type`.
    pub fn new() -> Self {
        Self::with_state(())
    }
}

impl Default for Routes {
    fn default() -> Self {
        Self::new()
    }
}

impl<S: Clone + Send + Sync + 'static> Routes<S> {
    /// Knows no handler yet; handlers draw [`State`](relayhouse_core::extract::State) from `state`.
    pub fn with_state(state: S) -> Self {
        Self {
            state,
            header: Text::from_static("type"),
            by_type: BTreeMap::new(),
            rules: Vec::new(),
            otherwise: None,
            wrong: None,
        }
    }

    /// Sets the header that names the type of a message; `type`.
    pub fn header(mut self, header: impl Into<Text>) -> Self {
        self.header = header.into();
        self
    }

    /// Handles messages of type `name` by an async function with extractors.
    pub fn on<F, Args>(self, name: impl Into<Text>, handler: F) -> Self
    where
        F: Handler<Args, S> + Sync,
        Args: 'static,
    {
        let function = self.function(handler);
        self.service(name, function)
    }

    /// Handles messages of type `name` by a tower service.
    pub fn service<V>(mut self, name: impl Into<Text>, service: V) -> Self
    where
        V: Service<Delivery, Response = Settlement, Error: Into<BoxError>, Future: Send>
            + Clone
            + Send
            + Sync
            + 'static,
    {
        let name = name.into();
        if self.by_type.contains_key(&name) {
            let rule = format!("type {name} has two handlers");
            let error = Error::new(ErrorKind::ConfigInvalid, rule).operation(Operation::Open);
            self.wrong.get_or_insert(error);
        }
        self.by_type.insert(name, Box::new(Erased(service)));
        self
    }

    /// Handles messages that have no handler by type, and for which `rule` holds, by an async
    /// function with extractors. Rules are asked in the order in which they were added.
    pub fn when<F, Args>(
        mut self,
        rule: impl Fn(&Delivery) -> bool + Send + Sync + 'static,
        handler: F,
    ) -> Self
    where
        F: Handler<Args, S> + Sync,
        Args: 'static,
    {
        let function = Erased(self.function(handler));
        self.rules.push((Arc::new(rule), Box::new(function)));
        self
    }

    /// Handles all other messages by an async function with extractors.
    pub fn otherwise<F, Args>(mut self, handler: F) -> Self
    where
        F: Handler<Args, S> + Sync,
        Args: 'static,
    {
        self.otherwise = Some(Box::new(Erased(self.function(handler))));
        self
    }

    /// Sends all other messages on to the output `queue` of the consumer.
    pub fn otherwise_forward(mut self, queue: impl Into<Text>) -> Self {
        self.otherwise = Some(Box::new(Forward(queue.into())));
        self
    }

    fn function<F: Handler<Args, S>, Args>(&self, handler: F) -> Function<F, Args, S> {
        Function::new(handler, self.state.clone())
    }

    /// Returns the first thing that is wrong with the routes.
    pub(super) fn take_wrong(&mut self) -> Option<Error> {
        self.wrong.take()
    }

    fn find(&self, delivery: &Delivery) -> Option<&dyn Route> {
        let name = delivery.message.headers().text(&self.header);
        let by_type = name.and_then(|name| self.by_type.get(name));
        let by_rule = || self.rules.iter().find(|(rule, _)| rule(delivery));
        let route = by_type.or_else(|| by_rule().map(|(_, route)| route));
        route.or(self.otherwise.as_ref()).map(|route| &**route)
    }

    fn unknown(&self, delivery: &Delivery) -> Settlement {
        let headers = delivery.message.headers();
        let description = match headers.text(&self.header) {
            Some(name) => format!("no handler takes messages of type {name}"),
            None => format!("the message has no header {} with its type", self.header),
        };
        Settlement::DeadLetter(Box::new(DeadLetter::new(UNKNOWN_TYPE, description)))
    }
}

impl<S> Debug for Routes<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Routes")
            .field("types", &self.by_type.keys())
            .field("rules", &self.rules.len())
            .finish_non_exhaustive()
    }
}

impl<S: Clone + Send + Sync + 'static> Service<Delivery> for Routes<S> {
    type Response = Settlement;
    type Error = Error;
    type Future = RouteFuture;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, delivery: Delivery) -> RouteFuture {
        let stage = match self.find(&delivery) {
            Some(route) => Stage::Found {
                handling: route.handle(delivery),
            },
            None => Stage::Unknown {
                settlement: Some(self.unknown(&delivery)),
            },
        };
        RouteFuture { stage }
    }
}

pin_project! {
    /// Is the future of the handler that was found.
    pub struct RouteFuture {
        stage: Stage,
    }
}

enum Stage {
    Found { handling: Handling },
    Unknown { settlement: Option<Settlement> },
}

impl Debug for RouteFuture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RouteFuture")
    }
}

impl Future for RouteFuture {
    type Output = Result<Settlement>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().stage {
            Stage::Found { handling } => handling.as_mut().poll(context),
            Stage::Unknown { settlement } => settlement
                .take()
                .map_or(Poll::Pending, |settlement| Poll::Ready(Ok(settlement))),
        }
    }
}

#[derive(Clone)]
struct Erased<V>(V);

impl<V> Route for Erased<V>
where
    V: Service<Delivery, Response = Settlement, Error: Into<BoxError>, Future: Send>
        + Clone
        + Send
        + Sync
        + 'static,
{
    fn handle(&self, delivery: Delivery) -> Handling {
        let mut service = self.0.clone();
        Box::pin(async move {
            let settled = async {
                poll_fn(|context| service.poll_ready(context)).await?;
                service.call(delivery).await
            };
            settled
                .await
                .map_err(|error: V::Error| Error::from_boxed(error.into()))
        })
    }

    fn boxed_clone(&self) -> Box<dyn Route> {
        Box::new(self.clone())
    }
}

/// Sends messages on as they are.
#[derive(Clone)]
struct Forward(Text);

impl Route for Forward {
    fn handle(&self, delivery: Delivery) -> Handling {
        let outgoing = Outgoing::new().send(self.0.clone(), delivery.message);
        Box::pin(async move { Ok(outgoing.into()) })
    }

    fn boxed_clone(&self) -> Box<dyn Route> {
        Box::new(self.clone())
    }
}
