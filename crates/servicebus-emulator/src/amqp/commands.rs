//! What the owner of a connection decides.

use bytes::Bytes;
use fe2o3_amqp_types::{
    definitions::{Error, Fields, Role},
    messaging::{DeliveryState, Source, TargetArchetype},
};

use super::{
    connection::Connection,
    event::{DeliveryId, Event, LinkId},
    link::LinkState,
    sasl,
    session::{Attached, Session, Unsettled, Waiting},
    state::State,
};

/// Our half of a link that is accepted.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Acceptance {
    /// Where messages come from.
    pub source: Option<Box<Source>>,
    /// Where they go.
    pub target: Option<Box<TargetArchetype>>,
    /// What else the client is told.
    pub properties: Option<Fields>,
    /// The largest message, in bytes; without it that of the limits for what comes in, and none for
    /// what goes out.
    pub message_bytes_max: Option<u64>,
}

/// A message for the client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shipment {
    /// What it is known by until it is settled.
    pub tag: Bytes,
    /// The format of the message.
    pub format: u32,
    /// Whether it needs no decision.
    pub is_settled: bool,
    /// The encoded message, which is not empty.
    pub payload: Bytes,
}

impl Connection {
    /// Answers a [`Event::Login`], and goes on with what the client sent after it.
    pub fn login(&mut self, is_known: bool) {
        if self.state != State::Deciding {
            return;
        }
        sasl::put_outcome(&mut self.output.bytes, is_known);
        self.state = if is_known {
            State::SecondHeader
        } else {
            State::Over
        };
        self.read();
    }

    /// Accepts a link. One on which the client sends gets credit at once.
    pub fn accept(&mut self, link: LinkId, acceptance: Acceptance) {
        let credit = self.limits.credit;
        let Some((session, handle)) = session_of(&mut self.sessions, &self.links, link) else {
            return;
        };
        let Some(accepted) = session.links.get_mut(&handle) else {
            return;
        };
        if accepted.state != LinkState::Wanted {
            return;
        }
        accepted.state = LinkState::Attached;
        accepted.message_bytes_max = acceptance.message_bytes_max.or(accepted.message_bytes_max);
        let has_credit = accepted.role == Role::Sender && 0 < accepted.credit;
        let is_draining = accepted.is_draining;
        let ours = Attached {
            source: acceptance.source,
            target: acceptance.target,
            properties: acceptance.properties,
        };
        session.write_attach(handle, ours, &mut self.output);
        session.top_up(handle, credit, &mut self.output);
        if has_credit || is_draining {
            self.output.event(Event::Credit { link, is_draining });
        }
    }

    /// Refuses a link that is wanted: it is attached to nothing, and detached with the error.
    pub fn refuse(&mut self, link: LinkId, error: Error) {
        let Some((session, handle)) = session_of(&mut self.sessions, &self.links, link) else {
            return;
        };
        if session
            .links
            .get(&handle)
            .is_some_and(|it| it.state == LinkState::Wanted)
        {
            session.write_attach(handle, Attached::default(), &mut self.output);
            session.detach(handle, Some(error), &mut self.output);
            self.links.remove(&link);
        }
    }

    /// Detaches a link; the owner hears nothing of it any more.
    pub fn detach(&mut self, link: LinkId, error: Option<Error>) {
        let Some((session, handle)) = session_of(&mut self.sessions, &self.links, link) else {
            return;
        };
        if session
            .links
            .get(&handle)
            .is_some_and(|it| it.state == LinkState::Wanted)
        {
            session.write_attach(handle, Attached::default(), &mut self.output);
        }
        session.detach(handle, error, &mut self.output);
        self.links.remove(&link);
    }

    /// Returns how many messages a link may send now. If that is none, an [`Event::Credit`] says
    /// when it is more.
    pub fn credit(&mut self, link: LinkId) -> u32 {
        let Some((session, handle)) = session_of(&mut self.sessions, &self.links, link) else {
            return 0;
        };
        let Some(sender) = session.links.get(&handle).filter(|it| it.is_sender()) else {
            return 0;
        };
        if !session.waiting.is_empty() {
            return 0;
        }
        if self.limits.output_bytes_max <= self.output.bytes.len() {
            self.is_throttled = true;
            return 0;
        }
        let room = self
            .limits
            .unsettled_max
            .saturating_sub(session.unsettled.len());
        session.is_full = room == 0;
        sender.credit.min(u32::try_from(room).unwrap_or(u32::MAX))
    }

    /// Sends a message on a link, and returns what it is known by; none without credit.
    pub fn send(&mut self, link: LinkId, shipment: Shipment) -> Option<DeliveryId> {
        let (session, handle) = session_of(&mut self.sessions, &self.links, link)?;
        let sender = session.links.get_mut(&handle)?;
        if !sender.is_sender() || sender.credit == 0 {
            return None;
        }
        sender.begin_delivery();
        let delivery = session.next_delivery;
        session.next_delivery += 1;
        if !shipment.is_settled {
            let tag = shipment.tag.clone();
            session
                .unsettled
                .insert(delivery, Unsettled { handle, tag });
        }
        session.waiting.push_back(Waiting {
            handle,
            delivery,
            tag: shipment.tag,
            format: shipment.format,
            is_settled: shipment.is_settled,
            has_begun: false,
            payload: shipment.payload,
        });
        session.send_new(&mut self.output);
        Some(DeliveryId(delivery))
    }

    /// Gives up what credit is left, if the client waits for that.
    pub fn drained(&mut self, link: LinkId) {
        let Some((session, handle)) = session_of(&mut self.sessions, &self.links, link) else {
            return;
        };
        let Some(sender) = session.links.get_mut(&handle) else {
            return;
        };
        if !sender.is_sender() || !sender.is_draining {
            return;
        }
        sender.delivery_count = sender.delivery_count.wrapping_add(sender.credit);
        sender.credit = 0;
        session.write_flow(Some(handle), &mut self.output);
        if let Some(sender) = session.links.get_mut(&handle) {
            sender.is_draining = false;
        }
    }

    /// Answers a message that came, once.
    pub fn answer(&mut self, link: LinkId, delivery: DeliveryId, state: DeliveryState) {
        let credit = self.limits.credit;
        if let Some((session, handle)) = session_of(&mut self.sessions, &self.links, link) {
            session.answer(handle, delivery, state, &mut self.output);
            session.top_up(handle, credit, &mut self.output);
        }
    }

    /// Settles a message that was sent, with the state that holds; false if it was settled before.
    pub fn settle(&mut self, link: LinkId, delivery: DeliveryId, state: DeliveryState) -> bool {
        let Some((session, _)) = session_of(&mut self.sessions, &self.links, link) else {
            return false;
        };
        let is_settled = session.settle(delivery, state, &mut self.output);
        session.tell_room(&mut self.output);
        is_settled
    }

    /// Closes the connection, and waits for the client to do the same.
    pub fn close(&mut self, error: Option<Error>) {
        if matches!(self.state, State::Running | State::Open) {
            self.write_close(error);
        } else if self.state != State::Closing {
            self.state = State::Over;
        }
    }
}

/// Finds the session and the handle of a link.
fn session_of<'a>(
    sessions: &'a mut super::connection::Sessions,
    links: &super::connection::Links,
    link: LinkId,
) -> Option<(&'a mut Session, u32)> {
    let &(channel, handle) = links.get(&link)?;
    Some((sessions.get_mut(&channel)?, handle))
}
