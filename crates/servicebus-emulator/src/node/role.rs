//! What each link of a client is for.

use std::collections::VecDeque;

use bytes::Bytes;
use fe2o3_amqp_types::performatives::Attach;

use crate::{
    amqp::LinkId,
    model::{Address, Mode, Path, SessionKey, Time},
};

/// What a link is for.
#[derive(Debug)]
pub(super) enum Role {
    /// The client asks something of a node.
    Requests(Node),
    /// The client is answered.
    Replies(Replies),
    /// The client sends to an entity.
    Sender(Sender),
    /// The client receives from an entity.
    Receiver(Box<Receiver>),
    /// The client begins and ends transactions.
    Coordinator,
}

/// What answers requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Node {
    /// Tokens.
    Cbs,
    /// What is to be asked of an entity beside messages.
    Management(Address),
}

/// A link on which a client is answered.
#[derive(Debug)]
pub(super) struct Replies {
    pub(super) node: Node,
    /// The address that requests name to be answered here.
    pub(super) address: Option<String>,
    /// What waits for credit.
    pub(super) waiting: VecDeque<Bytes>,
}

/// A link on which a client sends.
#[derive(Clone, Debug)]
pub(super) struct Sender {
    pub(super) to: Path,
    /// The entity through which it goes.
    pub(super) via: Option<Path>,
}

/// A link on which a client receives, or wants to.
#[derive(Debug)]
pub(super) struct Receiver {
    pub(super) address: Address,
    pub(super) mode: Mode,
    pub(super) stage: Stage,
}

/// How far a receiver is.
#[derive(Debug)]
pub(super) enum Stage {
    /// It receives whatever comes.
    Plain,
    /// It waits for a session.
    Waiting(Waiting),
    /// It receives what is in a session.
    Holding {
        key: SessionKey,
        /// When the lock ends.
        until: Time,
    },
}

/// A receiver that waits for a session.
#[derive(Debug)]
pub(super) struct Waiting {
    /// The session that it wants; any if there is none.
    pub(super) id: Option<String>,
    pub(super) until: Time,
    /// What it has asked for, to be answered then.
    pub(super) attach: Box<Attach>,
}

impl Role {
    /// Returns the entities that the link is for.
    pub(super) fn paths(&self) -> impl Iterator<Item = &Path> {
        let (one, other) = match self {
            Self::Requests(Node::Management(address))
            | Self::Replies(Replies {
                node: Node::Management(address),
                ..
            }) => (Some(&address.path), None),
            Self::Sender(sender) => (Some(&sender.to), sender.via.as_ref()),
            Self::Receiver(receiver) => (Some(&receiver.address.path), None),
            Self::Requests(Node::Cbs) | Self::Replies(_) | Self::Coordinator => (None, None),
        };
        one.into_iter().chain(other)
    }
}

impl Receiver {
    pub(super) fn key(&self) -> Option<&SessionKey> {
        match &self.stage {
            Stage::Holding { key, .. } => Some(key),
            Stage::Plain | Stage::Waiting(_) => None,
        }
    }

    /// Returns when it is to be looked at, whether something rings or not.
    pub(super) fn due(&self) -> Option<Time> {
        match &self.stage {
            Stage::Plain => None,
            Stage::Waiting(waiting) => Some(waiting.until),
            Stage::Holding { until, .. } => Some(*until),
        }
    }
}

/// Something that a bell has said of a link.
#[derive(Debug)]
pub(super) struct Ring {
    pub(super) link: LinkId,
    pub(super) bell: tokio::sync::watch::Receiver<()>,
    /// The entity is gone.
    pub(super) is_gone: bool,
}
