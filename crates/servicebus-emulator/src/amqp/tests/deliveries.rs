//! Messages in both directions, and what becomes of them.

use bytes::Bytes;
use fe2o3_amqp_types::{
    definitions::{Handle, Role},
    messaging::{Accepted, DeliveryState, Modified, Received, Rejected},
    performatives::{Flow, Performative, Transfer},
    transaction::TransactionalState,
};
use serde_amqp::primitives::Binary;

use super::peer::{Peer, Said, flow, next_transfer, transfer};
use crate::amqp::{Event, Limits, LinkId, Shipment};

fn accepted() -> DeliveryState {
    Accepted {}.into()
}

fn shipment(payload: impl Into<Bytes>) -> Shipment {
    Shipment {
        tag: Bytes::from_static(b"0123456789abcdef"),
        format: 0,
        is_settled: false,
        payload: payload.into(),
    }
}

fn sending(limits: Limits, credit: u32) -> (Peer, LinkId) {
    let mut peer = Peer::begun(limits);
    let link = peer.attach(0, Role::Receiver);
    peer.grant(0, credit);
    peer.said();
    peer.events();
    (peer, link)
}

fn receiving(limits: Limits) -> (Peer, LinkId) {
    let mut peer = Peer::begun(limits);
    let link = peer.attach(0, Role::Sender);
    peer.said();
    (peer, link)
}

#[test]
fn messages_arrive_whole() {
    let (mut peer, link) = receiving(Limits::default());
    let first = Transfer {
        more: true,
        message_format: Some(0x8001_3700),
        ..transfer(0, 5)
    };
    let more = Transfer {
        more: true,
        ..next_transfer(0)
    };
    peer.say(0, &Performative::Transfer(first), b"ab");
    peer.say(0, &Performative::Transfer(more), b"cd");
    assert_eq!(peer.events(), []);
    peer.say(0, &Performative::Transfer(next_transfer(0)), b"e");
    let delivered = peer.delivered();
    assert_eq!(&delivered.payload[..], b"abcde");
    assert_eq!(&delivered.tag[..], 5_u32.to_be_bytes());
    assert_eq!(
        (delivered.format, delivered.is_settled),
        (0x8001_3700, false)
    );
    peer.engine.answer(link, delivered.delivery, accepted());
    let (0, Performative::Disposition(answer), _) = peer.said_one() else {
        panic!("it is not answered");
    };
    assert_eq!(
        (answer.role, answer.first, answer.last),
        (Role::Receiver, 5, None)
    );
    assert!(answer.settled);
    assert_eq!(answer.state, Some(accepted()));
}

#[test]
fn answers_that_are_alike_are_one() {
    let (mut peer, link) = receiving(Limits::default());
    let mut deliveries = Vec::new();
    for delivery in [4_294_967_294, u32::MAX, 0, 1, 2] {
        peer.say(0, &Performative::Transfer(transfer(0, delivery)), b"it");
        deliveries.push(peer.delivered().delivery);
    }
    for (at, delivery) in deliveries.into_iter().enumerate() {
        let state = if at == 3 {
            Rejected { error: None }.into()
        } else {
            accepted()
        };
        peer.engine.answer(link, delivery, state);
    }
    let ranges = peer
        .said()
        .into_iter()
        .map(|(_, performative, _)| match performative {
            Performative::Disposition(answer) => (answer.first, answer.last),
            other => panic!("{other:?}"),
        });
    let expected = [(4_294_967_294, Some(0)), (1, None), (2, None)];
    assert_eq!(ranges.collect::<Vec<_>>(), expected);
}

#[test]
fn aborted_messages_never_were() {
    let (mut peer, _) = receiving(Limits::default());
    let first = Transfer {
        more: true,
        ..transfer(0, 0)
    };
    let aborted = Transfer {
        aborted: true,
        ..next_transfer(0)
    };
    peer.say(0, &Performative::Transfer(first), b"half");
    peer.say(0, &Performative::Transfer(aborted), b"");
    peer.say(0, &Performative::Transfer(transfer(0, 1)), b"whole");
    assert_eq!(&peer.delivered().payload[..], b"whole");
}

#[test]
fn settled_messages_want_no_answer() {
    let (mut peer, _) = receiving(Limits::default());
    let settled = Transfer {
        settled: Some(true),
        ..transfer(0, 0)
    };
    peer.say(0, &Performative::Transfer(settled), b"it");
    assert!(peer.delivered().is_settled);
    assert_eq!(peer.said(), []);
}

#[test]
fn transactions_are_handed_on() {
    let (mut peer, _) = receiving(Limits::default());
    let state: DeliveryState = DeliveryState::TransactionalState(TransactionalState {
        txn_id: Binary::from("7"),
        outcome: None,
    });
    let part = Transfer {
        state: Some(state.clone()),
        ..transfer(0, 0)
    };
    peer.say(0, &Performative::Transfer(part), b"it");
    assert_eq!(peer.delivered().state, Some(state));
}

/// Returns the transfers of what was said, and the payloads put together.
fn transfers(said: Vec<Said>) -> (Vec<Transfer>, Vec<u8>) {
    let mut payload = Vec::new();
    let transfers = said.into_iter().map(|(_, performative, part)| {
        payload.extend(part);
        match performative {
            Performative::Transfer(transfer) => transfer,
            other => panic!("{other:?}"),
        }
    });
    let transfers = transfers.collect();
    (transfers, payload)
}

#[test]
fn large_messages_are_cut_into_frames() {
    let limits = Limits {
        frame_bytes_max: 512,
        ..Limits::default()
    };
    let (mut peer, link) = sending(limits, 10);
    let payload = (0..2_000_u16)
        .map(|at| at.to_be_bytes()[1])
        .collect::<Vec<_>>();
    peer.engine.send(link, shipment(payload.clone())).unwrap();
    let bytes = peer.take_bytes();
    let sizes = (0..).scan(0, |at, _| {
        let size = bytes.get(*at..*at + 4)?;
        let size = u32::from_be_bytes(size.try_into().unwrap());
        *at += usize::try_from(size).unwrap();
        Some(size)
    });
    let sizes = sizes.collect::<Vec<_>>();
    assert!(sizes.iter().all(|&size| size <= 512), "{sizes:?}");
    assert_eq!(sizes[0], 512);
    let (transfers, sent) = transfers(super::peer::frames(&bytes));
    assert_eq!(sent, payload);
    let more = transfers
        .iter()
        .map(|transfer| transfer.more)
        .collect::<Vec<_>>();
    assert_eq!(more, [true, true, true, true, false]);
    assert_eq!(transfers[0].delivery_id, Some(0));
    assert_eq!(transfers[0].delivery_tag.as_ref().unwrap().len(), 16);
    assert_eq!(transfers[1].delivery_id, None);
}

#[test]
fn closed_windows_hold_frames_back() {
    let limits = Limits {
        frame_bytes_max: 512,
        ..Limits::default()
    };
    let (mut peer, link) = sending(limits, 10);
    let narrow = Flow {
        incoming_window: 2,
        ..flow()
    };
    peer.say(0, &Performative::Flow(narrow), &[]);
    peer.engine.send(link, shipment(vec![7; 2_000])).unwrap();
    peer.engine.send(link, shipment(vec![8; 10])).unwrap();
    assert_eq!(peer.said().len(), 2);
    assert_eq!(
        peer.engine.credit(link),
        0,
        "what is taken now would only wait"
    );
    let wider = Flow {
        next_incoming_id: Some(2),
        incoming_window: 3,
        ..flow()
    };
    peer.say(0, &Performative::Flow(wider), &[]);
    assert_eq!((peer.said().len(), peer.events()), (3, vec![]));
    // The client has not seen the last of them when it says that it takes two more.
    let wide = Flow {
        next_incoming_id: Some(4),
        incoming_window: 2,
        ..flow()
    };
    peer.say(0, &Performative::Flow(wide), &[]);
    let is_draining = false;
    assert_eq!(peer.events(), [Event::Credit { link, is_draining }]);
    let (rest, payload) = transfers(peer.said());
    assert_eq!((rest[0].delivery_id, payload), (Some(1), vec![8; 10]));
    assert_eq!(peer.engine.credit(link), 8);
}

#[test]
fn dispositions_name_ranges() {
    let (mut peer, link) = sending(Limits::default(), 10);
    let deliveries = (0..4).map(|_| peer.engine.send(link, shipment("it")).unwrap());
    let deliveries = deliveries.collect::<Vec<_>>();
    peer.said();
    peer.dispose(1, 2, accepted(), false);
    let disposed = peer.events().into_iter().map(|event| match event {
        Event::Disposed(disposed) => {
            assert_eq!(&disposed.tag[..], b"0123456789abcdef");
            assert_eq!(
                (disposed.state, disposed.is_settled),
                (Some(accepted()), false)
            );
            disposed.delivery
        }
        other => panic!("{other:?}"),
    });
    assert_eq!(disposed.collect::<Vec<_>>(), deliveries[1..3]);
    // The state that holds is ours, and it is said once.
    let lost: DeliveryState = Rejected { error: None }.into();
    assert!(peer.engine.settle(link, deliveries[1], lost.clone()));
    assert!(!peer.engine.settle(link, deliveries[1], accepted()));
    let (0, Performative::Disposition(answer), _) = peer.said_one() else {
        panic!("it is not settled");
    };
    assert_eq!(
        (answer.role, answer.first, answer.settled),
        (Role::Sender, 1, true)
    );
    assert_eq!(answer.state, Some(lost));
    // What is settled is not named again.
    peer.dispose(0, u32::MAX, accepted(), true);
    assert_eq!(peer.events().len(), 3);
    assert!(!peer.engine.settle(link, deliveries[0], accepted()));
}

#[test]
fn states_that_decide_nothing_are_passed_over() {
    let (mut peer, link) = sending(Limits::default(), 10);
    let delivery = peer.engine.send(link, shipment("it")).unwrap();
    let received = Received {
        section_number: 0,
        section_offset: 0,
    };
    peer.dispose(0, 0, received.into(), false);
    assert_eq!(peer.events(), []);
    let modified = Modified {
        delivery_failed: Some(true),
        undeliverable_here: None,
        message_annotations: None,
    };
    peer.dispose(0, 0, modified.into(), false);
    assert!(matches!(&peer.events()[..], [Event::Disposed(it)] if it.delivery == delivery));
}

#[test]
fn unsettled_deliveries_are_bounded() {
    let limits = Limits {
        unsettled_max: 2,
        ..Limits::default()
    };
    let (mut peer, link) = sending(limits, 10);
    assert_eq!(peer.engine.credit(link), 2);
    let first = peer.engine.send(link, shipment("it")).unwrap();
    peer.engine.send(link, shipment("it")).unwrap();
    assert_eq!(peer.engine.credit(link), 0);
    peer.engine.settle(link, first, accepted());
    let is_draining = false;
    assert_eq!(peer.events(), [Event::Credit { link, is_draining }]);
    assert_eq!(peer.engine.credit(link), 1);
}

#[test]
fn output_that_is_not_written_is_bounded() {
    let limits = Limits {
        output_bytes_max: 100,
        ..Limits::default()
    };
    let (mut peer, link) = sending(limits, 10);
    peer.engine.send(link, shipment(vec![0; 100])).unwrap();
    assert_eq!(peer.engine.credit(link), 0);
    peer.take_bytes();
    let is_draining = false;
    assert_eq!(peer.events(), [Event::Credit { link, is_draining }]);
    assert_eq!(peer.engine.credit(link), 9);
}

#[test]
fn windows_are_opened_again() {
    let limits = Limits {
        window: 4,
        ..Limits::default()
    };
    let (mut peer, _) = receiving(limits);
    peer.say(0, &Performative::Transfer(transfer(0, 0)), b"it");
    assert_eq!(peer.said(), []);
    peer.say(0, &Performative::Transfer(transfer(0, 1)), b"it");
    let (0, Performative::Flow(ours), _) = peer.said_one() else {
        panic!("the window is not opened");
    };
    assert_eq!((ours.next_incoming_id, ours.incoming_window), (Some(9), 4));
    assert_eq!(ours.handle, None::<Handle>);
}
