//! The one error of the workspace: a kind, a retry hint, an operation, a queue and a source.

use std::{
    error::Error as StdError,
    fmt::{self, Debug, Display},
    sync::Arc,
    time::Duration,
};

use crate::text::Text;

/// Any error, as foreign code hands it over.
pub type BoxError = Box<dyn StdError + Send + Sync>;

/// The result of everything that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Says what went wrong, where, and whether trying again can help.
///
/// Programs decide by [`kind`](Self::kind), middleware by [`is_temporary`](Self::is_temporary),
/// people by reading. An error is one pointer wide; a clone shares it, because one failed call
/// answers many callers.
#[derive(Clone)]
pub struct Error(Arc<Inner>);

#[derive(Clone)]
struct Inner {
    kind: ErrorKind,
    retry: Retry,
    operation: Option<Operation>,
    queue: Option<Text>,
    message: Text,
    source: Option<Arc<dyn StdError + Send + Sync>>,
}

/// Names what went wrong, the same for every provider.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// A URL, an option or a combination of them is wrong.
    ConfigInvalid,
    /// The provider lacks this ability.
    Unsupported,
    /// The queue, topic or subscription does not exist.
    QueueNotFound,
    /// A queue of this name exists and is another kind of entity.
    QueueConflict,
    /// The credentials are missing, wrong or not allowed to do this.
    Unauthorized,
    /// A message breaks a rule of the provider or of its headers.
    MessageInvalid,
    /// A message or a batch is larger than the limit.
    MessageTooLarge,
    /// No message with this id or sequence number is there.
    MessageNotFound,
    /// The lease of a delivery, or of its session, has ended.
    LeaseLost,
    /// Somebody else holds the session.
    SessionBusy,
    /// A bound on messages or bytes is reached.
    Full,
    /// The provider asks to slow down.
    Throttled,
    /// The call did not end in time, and nothing of it left this process.
    Timeout,
    /// The connection failed before the request left.
    ConnectionFailed,
    /// What is called has failed lately, and is left alone for a while: nothing left this process.
    Unavailable,
    /// The request may or may not have taken effect.
    OutcomeUnknown,
    /// The producer, consumer or adapter is closed.
    Closed,
    /// The body cannot be decoded into, or the value encoded from, the type asked for.
    Codec,
    /// The handler returned an error.
    Handler,
    /// The handler panicked.
    Panicked,
    /// The data at rest is damaged.
    Corrupt,
    /// The blob that a message names is not in its store.
    BlobNotFound,
    /// No key with the id that a message names is known: it may be on its way, or removed.
    KeyNotFound,
    /// A message fails its authentication: it was altered, or made without the key.
    Forged,
    /// A message was seen before, or is older than it may be.
    Replayed,
    /// A message is plain text where it must be encrypted.
    NotEncrypted,
    /// Anything else.
    Unexpected,
}

/// Says whether trying again can help.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Retry {
    /// Trying again will fail again.
    Permanent,
    /// Trying again may succeed.
    Temporary,
    /// Somebody has tried again until the budget was spent; outer layers must not start over.
    Exhausted,
    /// Trying again may succeed after this time.
    After(Duration),
}

/// Names what was attempted.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    /// Opening a queue, or reading its settings.
    Open,
    /// Sending messages.
    Send,
    /// Receiving messages.
    Receive,
    /// Settling deliveries.
    Settle,
    /// Extending leases.
    Extend,
    /// Accepting, renewing or reading a session.
    Session,
    /// Handling a delivery.
    Handle,
    /// Administration: creating, deleting, purging, peeking, counting, redriving.
    Admin,
}

impl Error {
    /// Makes an error with the retry hint that is usual for its kind.
    #[must_use]
    pub fn new(kind: ErrorKind, message: impl Into<Text>) -> Self {
        Self(Arc::new(Inner {
            kind,
            retry: kind.retry(),
            operation: None,
            queue: None,
            message: message.into(),
            source: None,
        }))
    }

    /// Takes a foreign error: one of ours comes back as it was, another becomes a temporary
    /// [`ErrorKind::Handler`] with the foreign error as its source.
    #[must_use]
    pub fn from_boxed(error: BoxError) -> Self {
        match error.downcast::<Self>() {
            Ok(error) => *error,
            Err(error) => Self::new(ErrorKind::Handler, "handler failed").with_source(error),
        }
    }

    /// Sets the operation that was attempted.
    #[must_use]
    pub fn operation(mut self, operation: Operation) -> Self {
        self.inner().operation = Some(operation);
        self
    }

    /// Sets the queue, topic or source that was used.
    #[must_use]
    pub fn queue(mut self, queue: impl Into<Text>) -> Self {
        self.inner().queue = Some(queue.into());
        self
    }

    /// Sets the operation and the queue, where they are not known yet: who is nearer knows better.
    #[must_use]
    pub fn at(mut self, operation: Operation, queue: impl Into<Text>) -> Self {
        let inner = self.inner();
        inner.operation.get_or_insert(operation);
        inner.queue.get_or_insert_with(|| queue.into());
        self
    }

    /// Sets the retry hint.
    #[must_use]
    pub fn retry(mut self, retry: Retry) -> Self {
        self.inner().retry = retry;
        self
    }

    /// Sets the error that caused this one.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<BoxError>) -> Self {
        self.inner().source = Some(source.into().into());
        self
    }

    fn inner(&mut self) -> &mut Inner {
        Arc::make_mut(&mut self.0)
    }

    /// Returns what went wrong.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Returns whether trying again can help.
    #[must_use]
    pub fn retry_hint(&self) -> Retry {
        self.0.retry
    }

    /// Returns what was attempted, if that is known.
    #[must_use]
    pub fn attempted(&self) -> Option<Operation> {
        self.0.operation
    }

    /// Returns the queue, topic or source that was used, if that is known.
    #[must_use]
    pub fn queue_name(&self) -> Option<&str> {
        self.0.queue.as_deref()
    }

    /// Returns the text of this level, without operation and queue.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// Returns true if trying again may succeed.
    #[must_use]
    pub fn is_temporary(&self) -> bool {
        matches!(self.0.retry, Retry::Temporary | Retry::After(_))
    }

    /// Returns true if trying again will fail again.
    #[must_use]
    pub fn is_permanent(&self) -> bool {
        self.0.retry == Retry::Permanent
    }
}

impl ErrorKind {
    /// Returns the retry hint that is usual for this kind.
    const fn retry(self) -> Retry {
        match self {
            Self::Full
            | Self::Throttled
            | Self::Timeout
            | Self::ConnectionFailed
            | Self::Unavailable
            | Self::SessionBusy
            | Self::Handler
            | Self::Panicked
            | Self::KeyNotFound
            | Self::OutcomeUnknown => Retry::Temporary,
            _ => Retry::Permanent,
        }
    }
}

impl Operation {
    const fn phrase(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Send => "send to",
            Self::Receive => "receive from",
            Self::Settle => "settle on",
            Self::Extend => "extend a lease on",
            Self::Session => "hold a session of",
            Self::Handle => "handle a delivery of",
            Self::Admin => "administer",
        }
    }
}

impl Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner {
            operation,
            queue,
            message,
            ..
        } = &*self.0;
        match (operation, queue) {
            (Some(operation), Some(queue)) => {
                write!(f, "cannot {} {queue}: {message}", operation.phrase())
            }
            (Some(operation), None) => {
                write!(f, "cannot {} the queue: {message}", operation.phrase())
            }
            (None, Some(queue)) => write!(f, "{queue}: {message}"),
            (None, None) => Display::fmt(message, f),
        }
    }
}

impl Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner {
            kind,
            retry,
            operation,
            queue,
            message,
            source,
        } = &*self.0;
        f.debug_struct("Error")
            .field("kind", kind)
            .field("retry", retry)
            .field("operation", operation)
            .field("queue", queue)
            .field("message", message)
            .field("source", source)
            .finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        let source = self.0.source.as_deref()?;
        Some(source)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn error_is_one_pointer_wide() {
        assert_eq!(size_of::<Error>(), size_of::<usize>());
        assert_eq!(size_of::<Result<()>>(), size_of::<usize>());
    }

    #[test]
    fn display_says_what_was_attempted_and_not_the_source() {
        let error = Error::new(ErrorKind::LeaseLost, "lease ran out")
            .operation(Operation::Settle)
            .queue("orders")
            .with_source(std::io::Error::other("inner"));
        assert_eq!(error.to_string(), "cannot settle on orders: lease ran out");
        assert_eq!(
            error.source().map(ToString::to_string).as_deref(),
            Some("inner")
        );
    }

    #[test]
    fn what_is_known_of_the_place_stays() {
        let error = Error::new(ErrorKind::LeaseLost, "lease ran out").queue("orders");
        let error = error.at(Operation::Settle, "elsewhere");
        assert_eq!(error.to_string(), "cannot settle on orders: lease ran out");
    }

    #[test]
    fn changing_a_clone_leaves_the_first_alone() {
        let first = Error::new(ErrorKind::Throttled, "slow down");
        let second = first.clone().retry(Retry::Exhausted);
        assert!(first.is_temporary());
        assert!(!second.is_temporary());
    }

    #[test]
    fn our_own_error_comes_back_from_a_box() {
        let boxed: BoxError = Error::new(ErrorKind::Codec, "not json").into();
        assert_eq!(Error::from_boxed(boxed).kind(), ErrorKind::Codec);
        let foreign: BoxError = "no stock".into();
        let error = Error::from_boxed(foreign);
        assert_eq!(error.kind(), ErrorKind::Handler);
        assert!(error.is_temporary());
    }
}
