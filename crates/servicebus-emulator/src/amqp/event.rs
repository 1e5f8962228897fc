//! What a peer wants.

use std::fmt;

use bytes::Bytes;
use fe2o3_amqp_types::{definitions::Error, messaging::DeliveryState, performatives::Attach};

/// A link of a connection. The number is not used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkId(pub(super) u64);

/// A delivery of a link, in one of the two directions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeliveryId(pub(super) u64);

/// Who a client says it is.
#[derive(Clone, PartialEq, Eq)]
pub enum Login {
    /// It says nothing, and shows a token later.
    Anonymous,
    /// A name with its password.
    Plain {
        /// The name.
        user: String,
        /// The password.
        password: String,
    },
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Anonymous => f.write_str("Anonymous"),
            Self::Plain { user, password: _ } => f
                .debug_struct("Plain")
                .field("user", user)
                .finish_non_exhaustive(),
        }
    }
}

/// Something to act on.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Event {
    /// To be answered by [`login`](super::Connection::login).
    Login(Login),
    /// The connection is open.
    Opened {
        /// The name of the client.
        container: String,
        /// The host that it wants to talk to.
        hostname: Option<String>,
    },
    /// A link is wanted, to be answered by [`accept`](super::Connection::accept) or
    /// [`refuse`](super::Connection::refuse), now or later.
    Attached {
        /// The link.
        link: LinkId,
        /// What the client said.
        attach: Box<Attach>,
    },
    /// A link may send: ask [`credit`](super::Connection::credit) how much.
    Credit {
        /// The link.
        link: LinkId,
        /// Whether the client waits for [`drained`](super::Connection::drained).
        is_draining: bool,
    },
    /// A message has arrived, to be answered by [`answer`](super::Connection::answer) unless it is
    /// settled.
    Delivered(Box<Delivered>),
    /// A transaction is to begin, to be answered by [`answer`](super::Connection::answer).
    Declare {
        /// The link to the coordinator.
        link: LinkId,
        /// What is answered.
        delivery: DeliveryId,
    },
    /// A transaction is to end, to be answered by [`answer`](super::Connection::answer).
    Discharge {
        /// The link to the coordinator.
        link: LinkId,
        /// What is answered.
        delivery: DeliveryId,
        /// Which transaction.
        transaction: Bytes,
        /// Whether it is to be undone.
        is_rollback: bool,
    },
    /// The client has decided on a delivery that was sent to it.
    Disposed(Box<Disposed>),
    /// A link is gone.
    Detached {
        /// The link.
        link: LinkId,
        /// Why, if the client said so.
        error: Option<Box<Error>>,
    },
    /// The connection is gone, and all links with it.
    Closed {
        /// Why, if the client said so.
        error: Option<Box<Error>>,
    },
}

/// A message from the client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivered {
    /// The link that it came on.
    pub link: LinkId,
    /// What is answered.
    pub delivery: DeliveryId,
    /// The tag that the client gave it.
    pub tag: Bytes,
    /// The format of the message.
    pub format: u32,
    /// Whether the client wants no answer.
    pub is_settled: bool,
    /// The state that it came with: that of a transaction, if it is part of one.
    pub state: Option<DeliveryState>,
    /// The encoded message.
    pub payload: Bytes,
}

/// What the client decided on a delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disposed {
    /// The link that it was sent on.
    pub link: LinkId,
    /// The delivery.
    pub delivery: DeliveryId,
    /// The tag that it was sent with.
    pub tag: Bytes,
    /// What was decided.
    pub state: Option<DeliveryState>,
    /// The encoded disposition: what the state holds is there as it came.
    pub disposition: Bytes,
    /// Whether the client wants no answer; else [`settle`](super::Connection::settle) is one.
    pub is_settled: bool,
}
