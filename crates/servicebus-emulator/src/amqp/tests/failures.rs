//! What clients do wrong, and what that takes down.

use fe2o3_amqp_types::{
    definitions::{AmqpError, ErrorCondition, LinkError, Role, SessionError},
    messaging::{DeliveryState, Rejected},
    performatives::{Begin, Performative, Transfer},
};

use super::peer::{Peer, attach, begin, next_transfer, open, transfer};
use crate::amqp::{Event, Limits};

/// What the last thing that was said takes down, and why.
#[derive(Debug, PartialEq)]
enum Down {
    Connection(ErrorCondition),
    Session(ErrorCondition),
    Link(u32, ErrorCondition),
}

fn down(peer: &mut Peer) -> Down {
    match peer.said().pop() {
        Some((_, Performative::Close(it), _)) => Down::Connection(it.error.unwrap().condition),
        Some((_, Performative::End(it), _)) => Down::Session(it.error.unwrap().condition),
        Some((_, Performative::Detach(it), _)) => {
            Down::Link(it.handle.0, it.error.unwrap().condition)
        }
        other => panic!("nothing is taken down: {other:?}"),
    }
}

#[test]
fn bodies_that_are_no_performatives_close_the_connection() {
    for body in [
        &[0x40][..],
        &[0x00, 0x53, 0x77, 0x45],
        &[0xc0, 9, 9],
        b"\x00\x53\x12\x45",
    ] {
        let mut peer = Peer::opened(Limits::default());
        let size = u8::try_from(body.len() + 8).unwrap();
        peer.write(&[&[0, 0, 0, size, 2, 0, 0, 0], body].concat());
        assert_eq!(
            down(&mut peer),
            Down::Connection(AmqpError::DecodeError.into())
        );
    }
}

#[test]
fn frames_out_of_place_close_the_connection() {
    let mut peer = Peer::opened(Limits::default());
    peer.say(3, &Performative::Attach(attach(0, Role::Sender)), &[]);
    assert_eq!(
        down(&mut peer),
        Down::Connection(AmqpError::NotAllowed.into())
    );

    let mut peer = Peer::begun(Limits::default());
    peer.say(0, &Performative::Open(open()), &[]);
    assert_eq!(
        down(&mut peer),
        Down::Connection(AmqpError::IllegalState.into())
    );

    let mut peer = Peer::begun(Limits::default());
    peer.say(0, &Performative::Begin(begin()), &[]);
    assert_eq!(
        down(&mut peer),
        Down::Connection(AmqpError::NotAllowed.into())
    );

    let mut peer = Peer::begun(Limits::default());
    let answer = Begin {
        remote_channel: Some(0),
        ..begin()
    };
    peer.say(1, &Performative::Begin(answer), &[]);
    assert_eq!(
        down(&mut peer),
        Down::Connection(AmqpError::NotAllowed.into())
    );
}

#[test]
fn handles_out_of_place_end_the_session() {
    let mut peer = Peer::begun(Limits::default());
    let link = peer.attach(0, Role::Sender);
    peer.say(0, &Performative::Transfer(transfer(1, 0)), b"it");
    let unattached = Down::Session(SessionError::UnattachedHandle.into());
    assert_eq!(down(&mut peer), unattached);
    assert_eq!(peer.events(), [Event::Detached { link, error: None }]);
    // The session is over for us, and what was on the way is passed over.
    peer.say(0, &Performative::Transfer(transfer(0, 0)), b"it");
    assert_eq!((peer.said(), peer.events()), (vec![], vec![]));

    let mut peer = Peer::begun(Limits::default());
    peer.attach(0, Role::Sender);
    peer.say(0, &Performative::Attach(attach(0, Role::Sender)), &[]);
    assert_eq!(
        down(&mut peer),
        Down::Session(SessionError::HandleInUse.into())
    );

    let mut peer = Peer::begun(Limits::default());
    peer.say(0, &Performative::Attach(attach(101, Role::Sender)), &[]);
    assert_eq!(down(&mut peer), Down::Session(AmqpError::NotAllowed.into()));
}

#[test]
fn links_are_bounded() {
    let limits = Limits {
        links_max: 2,
        ..Limits::default()
    };
    let mut peer = Peer::begun(limits);
    peer.attach(0, Role::Sender);
    peer.attach(1, Role::Sender);
    peer.say(0, &Performative::Attach(attach(2, Role::Sender)), &[]);
    assert_eq!(
        down(&mut peer),
        Down::Session(AmqpError::ResourceLimitExceeded.into())
    );
}

#[test]
fn channels_are_bounded() {
    let limits = Limits {
        channel_max: 1,
        ..Limits::default()
    };
    let mut peer = Peer::begun(limits);
    peer.say(2, &Performative::Begin(begin()), &[]);
    assert!(matches!(down(&mut peer), Down::Connection(_)));
}

#[test]
fn windows_are_held_to() {
    let mut peer = Peer::begun(Limits {
        window: 0,
        ..Limits::default()
    });
    peer.attach(0, Role::Sender);
    peer.say(0, &Performative::Transfer(transfer(0, 0)), b"it");
    assert_eq!(
        down(&mut peer),
        Down::Session(SessionError::WindowViolation.into())
    );
}

#[test]
fn messages_without_credit_detach_the_link() {
    let mut peer = Peer::begun(Limits {
        credit: 1,
        ..Limits::default()
    });
    let link = peer.attach(0, Role::Sender);
    peer.say(0, &Performative::Transfer(transfer(0, 0)), b"it");
    peer.events();
    peer.say(0, &Performative::Transfer(transfer(0, 1)), b"it");
    let exceeded = Down::Link(0, LinkError::TransferLimitExceeded.into());
    assert_eq!(down(&mut peer), exceeded);
    assert_eq!(peer.events(), [Event::Detached { link, error: None }]);
}

#[test]
fn large_messages_are_rejected() {
    let mut peer = Peer::begun(Limits {
        message_bytes_max: 10,
        ..Limits::default()
    });
    peer.attach(0, Role::Sender);
    peer.said();
    let large = |settled| Transfer {
        more: true,
        settled: Some(settled),
        ..transfer(0, 0)
    };
    peer.say(0, &Performative::Transfer(large(false)), &[0; 11]);
    peer.say(0, &Performative::Transfer(next_transfer(0)), &[0; 1]);
    let (0, Performative::Disposition(answer), _) = peer.said_one() else {
        panic!("it is not answered");
    };
    let Some(DeliveryState::Rejected(Rejected { error: Some(error) })) = answer.state else {
        panic!("it is not rejected: {:?}", answer.state);
    };
    assert_eq!(error.condition, LinkError::MessageSizeExceeded.into());
    assert_eq!(peer.events(), []);
    // Who wants no answer can be told in no other way.
    peer.say(0, &Performative::Transfer(large(true)), &[0; 11]);
    peer.say(0, &Performative::Transfer(next_transfer(0)), &[]);
    assert_eq!(
        down(&mut peer),
        Down::Link(0, LinkError::MessageSizeExceeded.into())
    );
}

#[test]
fn unfinished_messages_are_bounded_together() {
    let mut peer = Peer::begun(Limits {
        unfinished_bytes_max: 10,
        ..Limits::default()
    });
    let half = |handle| Transfer {
        more: true,
        ..transfer(handle, handle)
    };
    for handle in 0..3 {
        peer.attach(handle, Role::Sender);
    }
    peer.say(0, &Performative::Transfer(half(0)), &[0; 6]);
    peer.said();
    peer.say(0, &Performative::Transfer(half(1)), &[0; 6]);
    assert_eq!(
        down(&mut peer),
        Down::Link(1, AmqpError::ResourceLimitExceeded.into())
    );
    // The end of one makes room for another.
    peer.say(0, &Performative::Transfer(next_transfer(0)), &[0; 1]);
    peer.say(0, &Performative::Transfer(half(2)), &[0; 10]);
    assert_eq!(peer.said(), []);
}

#[test]
fn messages_the_wrong_way_detach_the_link() {
    let mut peer = Peer::begun(Limits::default());
    peer.attach(0, Role::Receiver);
    peer.say(0, &Performative::Transfer(transfer(0, 0)), b"it");
    assert_eq!(down(&mut peer), Down::Link(0, AmqpError::NotAllowed.into()));

    let mut peer = Peer::begun(Limits::default());
    peer.attach(0, Role::Sender);
    let nameless = Transfer {
        delivery_id: None,
        ..transfer(0, 0)
    };
    peer.say(0, &Performative::Transfer(nameless), b"it");
    assert_eq!(
        down(&mut peer),
        Down::Link(0, AmqpError::InvalidField.into())
    );
}
