//! One link of a session.

use bytes::BytesMut;
use fe2o3_amqp_types::{
    definitions::{ReceiverSettleMode, Role, SenderSettleMode},
    messaging::{DeliveryState, TargetArchetype},
    performatives::Attach,
};

use super::event::{DeliveryId, LinkId};

/// One link, from our side.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) id: LinkId,
    pub(super) state: LinkState,
    /// The number of the link in both directions: ours is the peer's.
    pub(super) handle: u32,
    pub(super) name: String,
    /// Our role: the other one than the peer's.
    pub(super) role: Role,
    pub(super) sender_settles: SenderSettleMode,
    pub(super) receiver_settles: ReceiverSettleMode,
    pub(super) is_coordinator: bool,
    /// The largest message. What we send has no bound, unless the owner gives one.
    pub(super) message_bytes_max: Option<u64>,
    /// How many deliveries the sender has begun or given up, modulo 2^32.
    pub(super) delivery_count: u32,
    /// How many more it may begin.
    pub(super) credit: u32,
    pub(super) is_draining: bool,
    /// How many deliveries have arrived that were not answered.
    pub(super) unanswered: u32,
    /// The delivery that has begun to arrive.
    pub(super) partial: Option<Partial>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LinkState {
    /// The owner has not decided.
    Wanted,
    Attached,
    /// We have detached: what still comes is not looked at, until the peer has as well.
    Detaching,
}

/// A delivery that has begun to arrive.
#[derive(Debug)]
pub(super) struct Partial {
    pub(super) delivery: DeliveryId,
    pub(super) tag: Vec<u8>,
    pub(super) format: u32,
    pub(super) is_settled: bool,
    pub(super) state: Option<DeliveryState>,
    pub(super) payload: BytesMut,
    /// It was larger than the link takes: what has come of it is gone.
    pub(super) is_oversized: bool,
}

impl Link {
    pub(super) fn new(id: LinkId, attach: &Attach, message_bytes_max: u64) -> Self {
        let role = match attach.role {
            Role::Sender => Role::Receiver,
            Role::Receiver => Role::Sender,
        };
        let target = attach.target.as_deref();
        let (delivery_count, message_bytes_max) = match role {
            Role::Sender => (0, None),
            Role::Receiver => (
                attach.initial_delivery_count.unwrap_or(0),
                Some(message_bytes_max),
            ),
        };
        Self {
            id,
            state: LinkState::Wanted,
            handle: attach.handle.0,
            name: attach.name.clone(),
            role,
            sender_settles: attach.snd_settle_mode.clone(),
            receiver_settles: attach.rcv_settle_mode.clone(),
            is_coordinator: matches!(target, Some(TargetArchetype::Coordinator(_))),
            message_bytes_max,
            delivery_count,
            credit: 0,
            is_draining: false,
            unanswered: 0,
            partial: None,
        }
    }

    pub(super) fn is_sender(&self) -> bool {
        self.role == Role::Sender && self.state == LinkState::Attached
    }

    /// Counts a delivery that begins, on either side.
    pub(super) fn begin_delivery(&mut self) {
        self.delivery_count = self.delivery_count.wrapping_add(1);
        self.credit = self.credit.saturating_sub(1);
    }
}
