//! One session: its links, its windows, and what is unsettled.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use fe2o3_amqp_types::{
    definitions::{AmqpError, Error, Handle, Role, SessionError},
    messaging::DeliveryState,
    performatives::{Attach, Begin, Detach, End, Flow, Performative},
};

use super::{
    error::{Failure, Result},
    event::{Event, LinkId},
    limits::Limits,
    link::{Link, LinkState},
    output::Output,
};

/// One session. Its number is the same in both directions.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) channel: u16,
    /// We have ended it: what still comes is not looked at, until the peer has as well.
    pub(super) is_ending: bool,
    pub(super) links: BTreeMap<u32, Link>,
    /// The highest number of a link that the peer takes.
    handle_max: u32,
    pub(super) next_outgoing_id: u32,
    /// How many transfers the peer takes now.
    pub(super) remote_window: u32,
    pub(super) next_incoming_id: u32,
    /// How many transfers we take before we say more.
    pub(super) window: u32,
    pub(super) window_max: u32,
    /// The next number of a delivery from us, whose low half is what the peer sees.
    pub(super) next_delivery: u64,
    /// What we sent and is not settled.
    pub(super) unsettled: BTreeMap<u64, Unsettled>,
    /// What waits for the peer's window.
    pub(super) waiting: VecDeque<Waiting>,
    /// Answers in a row that are alike, which are written as one.
    pub(super) answers: Option<Answers>,
    /// Something was not sent since too much is unsettled.
    pub(super) is_full: bool,
}

/// A delivery from us that is not settled.
#[derive(Debug)]
pub(super) struct Unsettled {
    pub(super) handle: u32,
    pub(super) tag: Bytes,
}

/// A delivery from us, or the rest of one, that waits for the peer's window.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) handle: u32,
    pub(super) delivery: u64,
    pub(super) tag: Bytes,
    pub(super) format: u32,
    pub(super) is_settled: bool,
    pub(super) has_begun: bool,
    pub(super) payload: Bytes,
}

/// Deliveries in a row that were given the same state.
#[derive(Debug)]
pub(super) struct Answers {
    pub(super) role: Role,
    pub(super) first: u32,
    pub(super) last: u32,
    pub(super) state: DeliveryState,
}

impl Session {
    /// Begins a session, and says so.
    pub(super) fn begin(channel: u16, begin: &Begin, limits: &Limits, output: &mut Output) -> Self {
        let answer = Begin {
            remote_channel: Some(channel),
            next_outgoing_id: 0,
            incoming_window: limits.window,
            outgoing_window: limits.window,
            handle_max: Handle(limits.handle_max),
            offered_capabilities: None,
            desired_capabilities: None,
            properties: None,
        };
        output.frame(channel, &Performative::Begin(answer));
        Self {
            channel,
            is_ending: false,
            links: BTreeMap::new(),
            handle_max: begin.handle_max.0.min(limits.handle_max),
            next_outgoing_id: 0,
            remote_window: begin.incoming_window,
            next_incoming_id: begin.next_outgoing_id,
            window: limits.window,
            window_max: limits.window,
            next_delivery: 0,
            unsettled: BTreeMap::new(),
            waiting: VecDeque::new(),
            answers: None,
            is_full: false,
        }
    }

    /// Takes a link that the peer wants, which the owner is to decide on.
    pub(super) fn attach(
        &mut self,
        id: LinkId,
        attach: Attach,
        limits: &Limits,
        output: &mut Output,
    ) -> Result<u32> {
        let handle = attach.handle.0;
        if self.handle_max < handle {
            let description = format!("handle {handle} is above {}", self.handle_max);
            return Err(Failure::of_session(AmqpError::NotAllowed, description));
        }
        if self.links.contains_key(&handle) {
            let description = format!("handle {handle} has a link");
            return Err(Failure::of_session(SessionError::HandleInUse, description));
        }
        let link = Link::new(id, &attach, limits.message_bytes_max);
        self.links.insert(handle, link);
        let attach = Box::new(attach);
        output.event(Event::Attached { link: id, attach });
        Ok(handle)
    }

    /// Finds the link of a handle that the peer has named.
    pub(super) fn link_mut(&mut self, handle: u32) -> Result<&mut Link> {
        let link = self.links.get_mut(&handle);
        link.ok_or_else(|| {
            let description = format!("handle {handle} has no link");
            Failure::of_session(SessionError::UnattachedHandle, description)
        })
    }

    /// Ends a link that the peer has detached, and answers unless we detached first.
    pub(super) fn peer_detaches(
        &mut self,
        detach: Detach,
        output: &mut Output,
    ) -> Result<Option<LinkId>> {
        let handle = detach.handle.0;
        let state = self.link_mut(handle)?.state;
        self.flush(output);
        if state == LinkState::Wanted {
            self.write_attach(handle, Attached::default(), output);
        }
        if state != LinkState::Detaching {
            self.write_detach(handle, detach.closed, None, output);
        }
        let link = self.links.remove(&handle);
        let Some(link) = link.filter(|_| state != LinkState::Detaching) else {
            return Ok(None);
        };
        self.forget(&link, output);
        output.event(Event::Detached {
            link: link.id,
            error: detach.error.map(Box::new),
        });
        Ok(Some(link.id))
    }

    /// Detaches a link ourselves.
    pub(super) fn detach(&mut self, handle: u32, error: Option<Error>, output: &mut Output) {
        self.flush(output);
        self.write_detach(handle, true, error, output);
        let Some(mut link) = self.links.remove(&handle) else {
            return;
        };
        self.forget(&link, output);
        link.state = LinkState::Detaching;
        link.partial = None;
        self.links.insert(handle, link);
    }

    /// Lets go of everything of a link that is gone.
    fn forget(&mut self, link: &Link, output: &mut Output) {
        if let Some(partial) = &link.partial {
            output.unfinished_bytes -= partial.payload.len();
        }
        self.unsettled.retain(|_, it| it.handle != link.handle);
        self.waiting.retain(|it| it.handle != link.handle);
    }

    /// Lets go of everything, and returns the links that were alive.
    pub(super) fn forget_all(&mut self, output: &mut Output) -> Vec<LinkId> {
        let links = std::mem::take(&mut self.links);
        let alive = links
            .values()
            .filter(|link| link.state != LinkState::Detaching);
        let ids = alive
            .map(|link| {
                self.forget(link, output);
                link.id
            })
            .collect();
        self.answers = None;
        ids
    }

    pub(super) fn write_end(&mut self, error: Option<Error>, output: &mut Output) {
        self.flush(output);
        output.frame(self.channel, &Performative::End(End { error }));
    }

    pub(super) fn write_attach(&self, handle: u32, ours: Attached, output: &mut Output) {
        let Some(link) = self.links.get(&handle) else {
            return;
        };
        let attach = Attach {
            name: link.name.clone(),
            handle: Handle(handle),
            role: link.role.clone(),
            snd_settle_mode: link.sender_settles.clone(),
            rcv_settle_mode: link.receiver_settles.clone(),
            source: ours.source,
            target: ours.target,
            unsettled: None,
            incomplete_unsettled: false,
            initial_delivery_count: (link.role == Role::Sender).then_some(0),
            max_message_size: link.message_bytes_max,
            offered_capabilities: None,
            desired_capabilities: None,
            properties: ours.properties,
        };
        output.frame(self.channel, &Performative::Attach(attach));
    }

    fn write_detach(&self, handle: u32, closed: bool, error: Option<Error>, output: &mut Output) {
        let detach = Detach {
            handle: Handle(handle),
            closed,
            error,
        };
        output.frame(self.channel, &Performative::Detach(detach));
    }

    /// Tells the peer where the session is, and one of its links.
    pub(super) fn write_flow(&mut self, handle: Option<u32>, output: &mut Output) {
        self.flush(output);
        self.window = self.window_max;
        let link = handle.and_then(|handle| self.links.get(&handle));
        let flow = Flow {
            next_incoming_id: Some(self.next_incoming_id),
            incoming_window: self.window,
            next_outgoing_id: self.next_outgoing_id,
            outgoing_window: self.window_max,
            handle: link.map(|link| Handle(link.handle)),
            delivery_count: link.map(|link| link.delivery_count),
            link_credit: link.map(|link| link.credit),
            available: None,
            drain: link.is_some_and(|link| link.is_draining),
            echo: false,
            properties: None,
        };
        output.frame(self.channel, &Performative::Flow(flow));
    }
}

/// Our half of an attach; all of it null refuses the link.
#[derive(Debug, Default)]
pub(super) struct Attached {
    pub(super) source: Option<Box<fe2o3_amqp_types::messaging::Source>>,
    pub(super) target: Option<Box<fe2o3_amqp_types::messaging::TargetArchetype>>,
    pub(super) properties: Option<fe2o3_amqp_types::definitions::Fields>,
}
