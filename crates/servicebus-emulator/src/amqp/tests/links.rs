//! Sessions, links, and their credit.

use bytes::Bytes;
use fe2o3_amqp_types::{
    definitions::{AmqpError, Handle, Role},
    messaging::{Accepted, DeliveryState, Source, TargetArchetype},
    performatives::{Detach, End, Flow, Performative},
    transaction::Coordinator,
};

use super::peer::{Peer, attach, flow, transfer};
use crate::amqp::{Acceptance, Event, Limits, Shipment, error};

fn shipment(payload: &'static [u8]) -> Shipment {
    Shipment {
        tag: Bytes::from_static(b"0123456789abcdef"),
        format: 0,
        is_settled: false,
        payload: Bytes::from_static(payload),
    }
}

fn detach(handle: u32) -> Performative {
    Performative::Detach(Detach {
        handle: Handle(handle),
        closed: true,
        error: None,
    })
}

#[test]
fn accepted_links_are_attached() {
    let mut peer = Peer::begun(Limits::default());
    let link = peer.want(attach(3, Role::Receiver));
    assert_eq!(peer.said(), [], "the owner has not decided");
    peer.engine.accept(
        link,
        Acceptance {
            source: Some(Box::new(Source::from("elsewhere"))),
            message_bytes_max: Some(99),
            ..Acceptance::default()
        },
    );
    let (0, Performative::Attach(ours), _) = peer.said_one() else {
        panic!("it is not attached");
    };
    assert_eq!((ours.name.as_str(), ours.handle), ("link-3", Handle(3)));
    assert_eq!(
        (ours.role, ours.initial_delivery_count),
        (Role::Sender, Some(0))
    );
    assert_eq!(ours.source.unwrap().address.as_deref(), Some("elsewhere"));
    assert_eq!((ours.target, ours.max_message_size), (None, Some(99)));
}

#[test]
fn refused_links_are_attached_to_nothing_and_detached() {
    let mut peer = Peer::begun(Limits::default());
    let link = peer.want(attach(0, Role::Receiver));
    peer.engine
        .refuse(link, error(AmqpError::NotFound, "there is no such queue"));
    let said = peer.said();
    let [
        (0, Performative::Attach(ours), _),
        (0, Performative::Detach(detached), _),
    ] = &said[..]
    else {
        panic!("{said:?}");
    };
    assert_eq!((&ours.source, &ours.target), (&None, &None));
    let error = detached.error.as_ref().unwrap();
    assert_eq!(error.condition, AmqpError::NotFound.into());
    // What the client said before it knew is passed over, and the handle is free after its detach.
    peer.grant(0, 10);
    peer.say(0, &detach(0), &[]);
    assert_eq!((peer.said(), peer.events()), (vec![], vec![]));
    let again = peer.want(attach(0, Role::Receiver));
    assert_ne!(again, link);
}

#[test]
fn detach_is_answered() {
    let mut peer = Peer::begun(Limits::default());
    let link = peer.attach(0, Role::Receiver);
    peer.said();
    peer.say(0, &detach(0), &[]);
    assert_eq!(peer.said_one().1, detach(0));
    assert_eq!(peer.events(), [Event::Detached { link, error: None }]);
    assert_eq!(peer.engine.credit(link), 0);
    assert_eq!(peer.engine.send(link, shipment(b"late")), None);
}

#[test]
fn detach_before_the_decision_is_answered() {
    let mut peer = Peer::begun(Limits::default());
    let link = peer.want(attach(0, Role::Receiver));
    peer.say(0, &detach(0), &[]);
    let said = peer.said();
    assert!(matches!(
        said[..],
        [
            (0, Performative::Attach(_), _),
            (0, Performative::Detach(_), _)
        ]
    ));
    peer.engine.accept(link, Acceptance::default());
    assert_eq!(peer.said(), []);
}

#[test]
fn end_takes_links_with_it() {
    let mut peer = Peer::begun(Limits::default());
    let link = peer.attach(0, Role::Receiver);
    peer.said();
    peer.say(0, &Performative::End(End { error: None }), &[]);
    assert_eq!(peer.said_one().1, Performative::End(End { error: None }));
    assert_eq!(peer.events(), [Event::Detached { link, error: None }]);
}

#[test]
fn credit_is_counted_from_where_the_client_knows_us() {
    let mut peer = Peer::begun(Limits::default());
    let link = peer.attach(0, Role::Receiver);
    assert_eq!(peer.engine.credit(link), 0);
    peer.grant(0, 3);
    let is_draining = false;
    assert_eq!(peer.events(), [Event::Credit { link, is_draining }]);
    assert_eq!(peer.engine.credit(link), 3);
    assert!(peer.engine.send(link, shipment(b"one")).is_some());
    assert!(peer.engine.send(link, shipment(b"two")).is_some());
    assert_eq!(peer.engine.credit(link), 1);
    // The client has seen none of them when it grants again.
    peer.grant(0, 3);
    assert_eq!(peer.engine.credit(link), 1);
    peer.grant(0, 1);
    assert_eq!(peer.engine.credit(link), 0);
    assert_eq!(peer.engine.send(link, shipment(b"three")), None);
}

#[test]
fn credit_granted_before_the_decision_holds() {
    let mut peer = Peer::begun(Limits::default());
    let link = peer.want(attach(0, Role::Receiver));
    peer.grant(0, 2);
    assert_eq!(peer.events(), []);
    peer.engine.accept(link, Acceptance::default());
    let is_draining = false;
    assert_eq!(peer.events(), [Event::Credit { link, is_draining }]);
    assert_eq!(peer.engine.credit(link), 2);
}

#[test]
fn drain_uses_up_credit() {
    let mut peer = Peer::begun(Limits::default());
    let link = peer.attach(0, Role::Receiver);
    peer.said();
    let drain = Flow {
        handle: Some(Handle(0)),
        delivery_count: Some(0),
        link_credit: Some(10),
        drain: true,
        ..flow()
    };
    peer.say(0, &Performative::Flow(drain), &[]);
    let is_draining = true;
    assert_eq!(peer.events(), [Event::Credit { link, is_draining }]);
    assert!(peer.engine.send(link, shipment(b"one")).is_some());
    peer.engine.drained(link);
    peer.engine.drained(link);
    let said = peer.said();
    let [
        (0, Performative::Transfer(_), _),
        (0, Performative::Flow(ours), _),
    ] = &said[..]
    else {
        panic!("{said:?}");
    };
    assert!(ours.drain);
    assert_eq!((ours.delivery_count, ours.link_credit), (Some(10), Some(0)));
    assert_eq!(peer.engine.credit(link), 0);
}

#[test]
fn echo_is_answered() {
    let mut peer = Peer::begun(Limits::default());
    peer.attach(0, Role::Receiver);
    peer.said();
    let echo = Flow {
        echo: true,
        ..flow()
    };
    peer.say(0, &Performative::Flow(echo.clone()), &[]);
    let (0, Performative::Flow(ours), _) = peer.said_one() else {
        panic!("it has no echo");
    };
    assert_eq!((ours.handle, ours.next_incoming_id), (None, Some(7)));
    let of_link = Flow {
        handle: Some(Handle(0)),
        link_credit: Some(5),
        ..echo
    };
    peer.say(0, &Performative::Flow(of_link), &[]);
    let (0, Performative::Flow(ours), _) = peer.said_one() else {
        panic!("it has no echo");
    };
    assert_eq!((ours.handle, ours.link_credit), (Some(Handle(0)), Some(5)));
}

#[test]
fn senders_get_credit_and_get_it_again() {
    let limits = Limits {
        credit: 4,
        ..Limits::default()
    };
    let mut peer = Peer::begun(limits);
    let link = peer.attach(0, Role::Sender);
    let said = peer.said();
    let [
        (0, Performative::Attach(_), _),
        (0, Performative::Flow(flow), _),
    ] = &said[..]
    else {
        panic!("{said:?}");
    };
    assert_eq!((flow.delivery_count, flow.link_credit), (Some(0), Some(4)));
    for delivery in 0..2 {
        peer.say(0, &Performative::Transfer(transfer(0, delivery)), b"it");
    }
    // Two are unanswered, so that no more than two may come.
    assert_eq!(peer.said(), []);
    let delivered = peer.delivered();
    peer.engine.answer(link, delivered.delivery, accepted());
    let said = peer.said();
    let [
        (0, Performative::Disposition(_), _),
        (0, Performative::Flow(flow), _),
    ] = &said[..]
    else {
        panic!("{said:?}");
    };
    assert_eq!((flow.delivery_count, flow.link_credit), (Some(2), Some(3)));
}

#[test]
fn coordinators_are_told_apart() {
    let mut peer = Peer::begun(Limits::default());
    let mut wanted = attach(0, Role::Sender);
    let coordinator = Coordinator::new(None);
    wanted.target = Some(Box::new(TargetArchetype::Coordinator(coordinator)));
    let link = peer.want(wanted);
    peer.engine.accept(link, Acceptance::default());
    // A value as the body, which is a list of no fields, by hand from the specification.
    let payload = [0x00, 0x53, 0x77, 0x00, 0x53, 0x31, 0x45];
    peer.say(0, &Performative::Transfer(transfer(0, 0)), &payload);
    assert!(matches!(peer.events()[..], [Event::Declare { .. }]));
    // The transaction of two bytes, to be undone.
    let payload = [
        0x00, 0x53, 0x77, 0x00, 0x53, 0x32, 0xc0, 6, 2, 0xa0, 2, 7, 8, 0x41,
    ];
    peer.say(0, &Performative::Transfer(transfer(0, 1)), &payload);
    let events = peer.events();
    let [
        Event::Discharge {
            transaction,
            is_rollback: true,
            ..
        },
    ] = &events[..]
    else {
        panic!("{events:?}");
    };
    assert_eq!(&transaction[..], [7, 8]);
    // Nothing else is said to it.
    peer.said();
    peer.say(
        0,
        &Performative::Transfer(transfer(0, 2)),
        &[0x00, 0x53, 0x77, 0x41],
    );
    assert!(matches!(peer.said()[..], [(0, Performative::Detach(_), _)]));
}

fn accepted() -> DeliveryState {
    Accepted {}.into()
}
