//! A client that is written by hand.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::{Bytes, BytesMut};
use fe2o3_amqp_types::{
    definitions::{Handle, ReceiverSettleMode, Role, SenderSettleMode},
    messaging::{DeliveryState, Source, Target, TargetArchetype},
    performatives::{Attach, Begin, Disposition, Flow, Open, Performative, Transfer},
};
use serde_amqp::to_vec;
use serde_bytes::ByteBuf;

use crate::amqp::{
    Acceptance, Connection, Delivered, Event, Limits, LinkId, Login,
    frame::{self, Protocol},
    performative,
};

/// What an engine said: channel, performative, payload.
pub(super) type Said = (u16, Performative, Vec<u8>);

/// The other side of an engine.
#[derive(Debug)]
pub(super) struct Peer {
    pub(super) engine: Connection,
    pub(super) now: SystemTime,
}

impl Peer {
    /// Makes one that has said nothing.
    pub(super) fn new(limits: Limits) -> Self {
        let now = UNIX_EPOCH + Duration::from_secs(1_000);
        Self {
            engine: Connection::new(limits, now),
            now,
        }
    }

    /// Makes one that has opened a connection, without a login.
    pub(super) fn opened(limits: Limits) -> Self {
        let mut peer = Self::new(limits);
        peer.write(&Protocol::Amqp.header());
        peer.say(0, &Performative::Open(open()), &[]);
        peer.take_bytes();
        assert!(matches!(
            peer.engine.next_event(),
            Some(Event::Opened { .. })
        ));
        peer
    }

    /// Makes one that has opened a connection, and a session on channel 0.
    pub(super) fn begun(limits: Limits) -> Self {
        let mut peer = Self::opened(limits);
        peer.say(0, &Performative::Begin(begin()), &[]);
        assert!(matches!(peer.said()[..], [(0, Performative::Begin(_), _)]));
        peer
    }

    pub(super) fn write(&mut self, bytes: &[u8]) {
        self.engine.receive(self.now, bytes);
    }

    pub(super) fn say(&mut self, channel: u16, performative: &Performative, payload: &[u8]) {
        let bytes = framed(channel, performative, payload);
        self.write(&bytes);
    }

    pub(super) fn take_bytes(&mut self) -> Bytes {
        self.engine.take_output(self.now)
    }

    /// Returns what the engine has said since the last time.
    pub(super) fn said(&mut self) -> Vec<Said> {
        frames(&self.take_bytes())
    }

    /// Returns the one thing that it has said.
    pub(super) fn said_one(&mut self) -> Said {
        let mut said = self.said();
        assert_eq!(said.len(), 1, "{said:?}");
        said.remove(0)
    }

    pub(super) fn events(&mut self) -> Vec<Event> {
        std::iter::from_fn(|| self.engine.next_event()).collect()
    }

    /// Attaches a link on which this side has a role, and lets the engine accept it.
    pub(super) fn attach(&mut self, handle: u32, role: Role) -> LinkId {
        let link = self.want(attach(handle, role));
        self.engine.accept(link, Acceptance::default());
        link
    }

    /// Asks for a link, and returns what the engine knows it by.
    pub(super) fn want(&mut self, attach: Attach) -> LinkId {
        self.say(0, &Performative::Attach(attach), &[]);
        match self.events().pop() {
            Some(Event::Attached { link, .. }) => link,
            other => panic!("no link is wanted: {other:?}"),
        }
    }

    /// Returns the one message that has arrived.
    pub(super) fn delivered(&mut self) -> Box<Delivered> {
        match self.events().pop() {
            Some(Event::Delivered(delivered)) => delivered,
            other => panic!("no message: {other:?}"),
        }
    }

    pub(super) fn grant(&mut self, handle: u32, credit: u32) {
        let flow = Flow {
            handle: Some(Handle(handle)),
            delivery_count: Some(0),
            link_credit: Some(credit),
            ..flow()
        };
        self.say(0, &Performative::Flow(flow), &[]);
    }

    pub(super) fn dispose(&mut self, first: u32, last: u32, state: DeliveryState, settled: bool) {
        let disposition = Disposition {
            role: Role::Receiver,
            first,
            last: Some(last),
            settled,
            state: Some(state),
            batchable: false,
        };
        self.say(0, &Performative::Disposition(disposition), &[]);
    }

    /// Lets the engine decide on who this side says it is.
    pub(super) fn login(&mut self, is_known: bool) -> Login {
        match self.events().pop() {
            Some(Event::Login(login)) => {
                self.engine.login(is_known);
                login
            }
            other => panic!("no login: {other:?}"),
        }
    }
}

pub(super) fn framed(channel: u16, performative: &Performative, payload: &[u8]) -> Vec<u8> {
    let mut bytes = BytesMut::new();
    let place = (Protocol::Amqp, channel);
    frame::put(&mut bytes, place, usize::MAX, |_| performative, payload);
    bytes.to_vec()
}

pub(super) fn frames(bytes: &[u8]) -> Vec<Said> {
    let mut bytes = BytesMut::from(bytes);
    let mut said = Vec::new();
    while let Some(frame) = frame::take(&mut bytes, Protocol::Amqp, u32::MAX).unwrap() {
        let (performative, count) = performative::first(&frame.body).unwrap();
        said.push((frame.channel, performative, frame.body[count..].to_vec()));
    }
    assert!(bytes.is_empty(), "half a frame is left: {bytes:02x?}");
    said
}

pub(super) fn open() -> Open {
    Open {
        container_id: "client".to_owned(),
        hostname: Some("host".to_owned()),
        max_frame_size: 65_536.into(),
        channel_max: 100.into(),
        idle_time_out: None,
        outgoing_locales: None,
        incoming_locales: None,
        offered_capabilities: None,
        desired_capabilities: None,
        properties: None,
    }
}

pub(super) fn begin() -> Begin {
    Begin {
        remote_channel: None,
        next_outgoing_id: 7,
        incoming_window: 1_000,
        outgoing_window: 1_000,
        handle_max: Handle(100),
        offered_capabilities: None,
        desired_capabilities: None,
        properties: None,
    }
}

pub(super) fn attach(handle: u32, role: Role) -> Attach {
    Attach {
        name: format!("link-{handle}"),
        handle: Handle(handle),
        initial_delivery_count: (role == Role::Sender).then_some(0),
        role,
        snd_settle_mode: SenderSettleMode::Mixed,
        rcv_settle_mode: ReceiverSettleMode::First,
        source: Some(Box::new(Source::from("here"))),
        target: Some(Box::new(TargetArchetype::Target(Target::from("there")))),
        unsettled: None,
        incomplete_unsettled: false,
        max_message_size: None,
        offered_capabilities: None,
        desired_capabilities: None,
        properties: None,
    }
}

pub(super) fn flow() -> Flow {
    Flow {
        next_incoming_id: Some(0),
        incoming_window: 1_000,
        next_outgoing_id: 7,
        outgoing_window: 1_000,
        handle: None,
        delivery_count: None,
        link_credit: None,
        available: None,
        drain: false,
        echo: false,
        properties: None,
    }
}

/// The first frame of a message.
pub(super) fn transfer(handle: u32, delivery: u32) -> Transfer {
    Transfer {
        delivery_id: Some(delivery),
        delivery_tag: Some(ByteBuf::from(delivery.to_be_bytes())),
        message_format: Some(0),
        settled: Some(false),
        ..next_transfer(handle)
    }
}

/// A further frame of a message.
pub(super) fn next_transfer(handle: u32) -> Transfer {
    Transfer {
        handle: Handle(handle),
        delivery_id: None,
        delivery_tag: None,
        message_format: None,
        settled: None,
        more: false,
        rcv_settle_mode: None,
        state: None,
        resume: false,
        aborted: false,
        batchable: false,
    }
}

pub(super) fn encoded(value: &impl serde::Serialize) -> Vec<u8> {
    to_vec(value).unwrap()
}
