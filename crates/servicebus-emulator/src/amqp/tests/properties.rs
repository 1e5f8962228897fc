//! Whatever comes, in whatever pieces.

use fe2o3_amqp_types::{
    definitions::{Handle, Role},
    messaging::{Accepted, DeliveryState},
    performatives::{Detach, Disposition, End, Performative, Transfer},
};
use proptest::prelude::*;

use super::peer::{Peer, attach, begin, flow, framed, next_transfer, open, transfer};
use crate::amqp::{Acceptance, Event, Limits, frame::Protocol};

fn limits() -> Limits {
    Limits {
        frame_bytes_max: 4_096,
        message_bytes_max: 8_192,
        unfinished_bytes_max: 10_000,
        credit: 5,
        window: 20,
        links_max: 3,
        channel_max: 3,
        ..Limits::default()
    }
}

/// Makes a client with two links in a session, one in each direction.
fn attached() -> Peer {
    let mut peer = Peer::begun(limits());
    peer.attach(0, Role::Sender);
    peer.attach(1, Role::Receiver);
    peer.said();
    peer
}

/// Acts on events as an owner would.
fn drive(peer: &mut Peer) {
    while let Some(event) = peer.engine.next_event() {
        match &event {
            Event::Login(_) => peer.engine.login(true),
            Event::Attached { link, .. } => peer.engine.accept(*link, Acceptance::default()),
            Event::Delivered(it) if !it.is_settled => {
                peer.engine.answer(it.link, it.delivery, Accepted {}.into());
            }
            Event::Disposed(it) if !it.is_settled => {
                peer.engine.settle(it.link, it.delivery, Accepted {}.into());
            }
            _ => {}
        }
    }
}

fn performative() -> impl Strategy<Value = (Performative, Vec<u8>)> {
    let handle = 0..4_u32;
    let role = prop::sample::select(vec![Role::Sender, Role::Receiver]);
    let payload = prop::collection::vec(any::<u8>(), 0..600);
    prop_oneof![
        Just((Performative::Begin(begin()), vec![])),
        (handle.clone(), role)
            .prop_map(|(it, role)| (Performative::Attach(attach(it, role)), vec![])),
        (
            handle.clone(),
            any::<bool>(),
            any::<bool>(),
            payload.clone()
        )
            .prop_map(|(handle, more, aborted, payload)| {
                let first = Transfer {
                    more,
                    aborted,
                    ..transfer(handle, handle)
                };
                (Performative::Transfer(first), payload)
            }),
        (handle.clone(), any::<bool>(), payload).prop_map(|(handle, more, payload)| {
            let next = Transfer {
                more,
                ..next_transfer(handle)
            };
            (Performative::Transfer(next), payload)
        }),
        (handle.clone(), any::<u32>(), any::<bool>()).prop_map(|(handle, credit, drain)| {
            let mut flow = flow();
            flow.handle = (handle < 3).then_some(Handle(handle));
            flow.link_credit = Some(credit);
            flow.drain = drain;
            flow.echo = credit % 2 == 0;
            (Performative::Flow(flow), vec![])
        }),
        (any::<u32>(), any::<Option<u32>>(), any::<bool>()).prop_map(|(first, last, settled)| {
            let disposition = Disposition {
                role: Role::Receiver,
                first,
                last,
                settled,
                state: Some(DeliveryState::Accepted(Accepted {})),
                batchable: false,
            };
            (Performative::Disposition(disposition), vec![])
        }),
        (handle, any::<bool>()).prop_map(|(handle, closed)| {
            let detach = Detach {
                handle: Handle(handle),
                closed,
                error: None,
            };
            (Performative::Detach(detach), vec![])
        }),
        Just((Performative::End(End { error: None }), vec![])),
    ]
}

/// Bytes of a client that mostly keeps to the protocol, and then in places does not.
fn conversation() -> impl Strategy<Value = Vec<u8>> {
    let frames = prop::collection::vec((0..4_u16, performative()), 0..40);
    let noise = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..3);
    (frames, noise).prop_map(|(frames, noise)| {
        let mut bytes = framed(1, &Performative::Begin(begin()), &[]);
        for (channel, (performative, payload)) in frames {
            bytes.extend(framed(channel % 2, &performative, &payload));
        }
        for (at, byte) in noise {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        bytes
    })
}

proptest! {
    /// How bytes are cut has nothing to do with what they say, nor with what is answered.
    #[test]
    fn any_split_gives_the_same_events(
        bytes in conversation(),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..20),
    ) {
        let mut whole = attached();
        whole.write(&bytes);
        let mut cuts = cuts.iter().map(|cut| cut.index(bytes.len())).collect::<Vec<_>>();
        cuts.sort_unstable();
        cuts.push(bytes.len());
        let (mut parts, mut from) = (attached(), 0);
        for to in cuts {
            parts.write(&bytes[from..to]);
            from = to;
        }
        let mut bytewise = attached();
        for byte in &bytes {
            bytewise.write(std::slice::from_ref(byte));
        }
        let expected = (whole.events(), whole.take_bytes(), whole.engine.is_over());
        let seen = (parts.events(), parts.take_bytes(), parts.engine.is_over());
        prop_assert_eq!(&seen, &expected);
        let seen = (bytewise.events(), bytewise.take_bytes(), bytewise.engine.is_over());
        prop_assert_eq!(&seen, &expected);
    }

    /// Noise is refused, and costs no more than was sent.
    #[test]
    fn noise_does_not_panic(
        bytes in prop::collection::vec(any::<u8>(), 0..2_000),
        has_header in any::<bool>(),
    ) {
        let mut peer = Peer::new(limits());
        if has_header {
            peer.write(&Protocol::Amqp.header());
            peer.say(0, &Performative::Open(open()), &[]);
            peer.say(0, &Performative::Begin(begin()), &[]);
        }
        peer.write(&bytes);
        drive(&mut peer);
        prop_assert!(peer.take_bytes().len() < 4_096);
    }
}
