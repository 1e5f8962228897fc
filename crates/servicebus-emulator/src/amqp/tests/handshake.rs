//! From the first byte to a connection that is open, and its heartbeats.

use std::time::Duration;

use fe2o3_amqp_types::{
    definitions::{AmqpError, ConnectionError, ErrorCondition},
    performatives::{Close, Open, Performative},
    sasl::SaslInit,
};
use serde_amqp::primitives::{Binary, Symbol};

use super::peer::{Peer, encoded, framed, frames, open};
use crate::amqp::{Event, Limits, Login, frame::HEARTBEAT};

const SASL: &[u8] = b"AMQP\x03\x01\x00\x00";
const AMQP: &[u8] = b"AMQP\x00\x01\x00\x00";

fn init(mechanism: &str, response: Option<&[u8]>) -> Vec<u8> {
    let body = encoded(&SaslInit {
        mechanism: Symbol::from(mechanism),
        initial_response: response.map(Binary::from),
        hostname: None,
    });
    let size = u32::try_from(body.len() + 8).unwrap();
    [&size.to_be_bytes()[..], &[2, 1, 0, 0], &body].concat()
}

#[test]
fn login_is_asked_for_and_answered() {
    let mut peer = Peer::new(Limits::default());
    peer.write(SASL);
    let offered = peer.take_bytes();
    assert_eq!(&offered[..8], SASL);
    for mechanism in ["MSSBCBS", "PLAIN", "ANONYMOUS", "EXTERNAL"] {
        let name = mechanism.as_bytes();
        assert!(
            offered.windows(name.len()).any(|part| part == name),
            "{mechanism}"
        );
    }
    // The client does not wait for the answer before it goes on.
    let hasty = [&init("ANONYMOUS", None)[..], AMQP].concat();
    peer.write(&hasty);
    assert_eq!(peer.take_bytes().len(), 0);
    assert_eq!(peer.login(true), Login::Anonymous);
    let answer = peer.take_bytes();
    // An outcome whose code is a byte of 0, by hand from the specification.
    let outcome = [
        0, 0, 0, 16, 2, 1, 0, 0, 0x00, 0x53, 0x44, 0xc0, 0x03, 0x01, 0x50, 0x00,
    ];
    assert_eq!(&answer[..], [&outcome[..], AMQP].concat());
}

#[test]
fn passwords_are_handed_on() {
    let mut peer = Peer::new(Limits::default());
    peer.write(SASL);
    peer.write(&init("PLAIN", Some(b"\0name\0secret")));
    let login = peer.login(false);
    let (user, password) = ("name".to_owned(), "secret".to_owned());
    assert_eq!(login, Login::Plain { user, password });
    assert!(!format!("{login:?}").contains("secret"));
    let answer = peer.take_bytes();
    assert_eq!(
        answer.last(),
        Some(&1),
        "the code says that it is not known"
    );
    assert!(peer.engine.is_over());
}

#[test]
fn unknown_mechanisms_are_refused() {
    for init in [
        init("GSSAPI", None),
        init("PLAIN", Some(b"name")),
        init("PLAIN", None),
    ] {
        let mut peer = Peer::new(Limits::default());
        peer.write(SASL);
        peer.write(&init);
        assert_eq!(peer.take_bytes().last(), Some(&1));
        assert!(peer.engine.is_over());
    }
}

#[test]
fn other_protocols_are_told_ours() {
    for header in [
        b"AMQP\x02\x01\x00\x00",
        b"AMQP\x00\x00\x09\x01",
        b"GET / HT",
    ] {
        let mut peer = Peer::new(Limits::default());
        peer.write(header);
        assert_eq!(&peer.take_bytes()[..], SASL);
        assert!(peer.engine.is_over());
    }
}

#[test]
fn open_tells_our_limits() {
    let mut peer = Peer::new(Limits::default());
    peer.write(AMQP);
    peer.say(0, &Performative::Open(open()), &[]);
    let said = peer.take_bytes();
    let said = frames(&said[8..]);
    let [(0, Performative::Open(ours), _)] = &said[..] else {
        panic!("{said:?}");
    };
    assert_eq!(ours.max_frame_size, 65_536.into());
    assert_eq!(ours.channel_max, 4_999.into());
    assert_eq!(ours.idle_time_out, Some(120_000));
    let expected = Event::Opened {
        container: "client".to_owned(),
        hostname: Some("host".to_owned()),
    };
    assert_eq!(peer.events(), [expected]);
}

#[test]
fn close_is_answered() {
    let mut peer = Peer::opened(Limits::default());
    peer.say(0, &Performative::Close(Close { error: None }), &[]);
    let expected = Performative::Close(Close { error: None });
    assert_eq!(peer.said_one().1, expected);
    assert_eq!(peer.events(), [Event::Closed { error: None }]);
    assert!(peer.engine.is_over());
}

#[test]
fn our_close_waits_for_theirs() {
    let mut peer = Peer::opened(Limits::default());
    peer.engine.close(None);
    assert!(matches!(peer.said_one().1, Performative::Close(_)));
    assert!(!peer.engine.is_over());
    let due = peer.engine.due().unwrap();
    peer.say(0, &Performative::Close(Close { error: None }), &[]);
    assert!(peer.engine.is_over());
    assert_eq!(peer.said(), []);

    let mut silent = Peer::opened(Limits::default());
    silent.engine.close(None);
    silent.engine.wake(due);
    assert!(silent.engine.is_over());
}

fn refused(open: Open) -> ErrorCondition {
    let mut peer = Peer::new(Limits::default());
    peer.write(AMQP);
    peer.say(0, &Performative::Open(open), &[]);
    let said = frames(&peer.take_bytes()[8..]);
    match &said[..] {
        [
            (0, Performative::Open(_), _),
            (0, Performative::Close(close), _),
        ] => close.error.clone().unwrap().condition,
        other => panic!("{other:?}"),
    }
}

#[test]
fn opens_that_cannot_be_kept_are_refused() {
    let small = Open {
        max_frame_size: 511.into(),
        ..open()
    };
    assert_eq!(refused(small), AmqpError::InvalidField.into());
    let hasty = Open {
        idle_time_out: Some(99),
        ..open()
    };
    assert_eq!(refused(hasty), AmqpError::NotAllowed.into());
}

#[test]
fn heartbeats_keep_a_connection_alive() {
    let mut peer = Peer::new(Limits::default());
    peer.write(AMQP);
    let open = Open {
        idle_time_out: Some(10_000),
        ..open()
    };
    peer.say(0, &Performative::Open(open), &[]);
    peer.take_bytes();
    let due = peer.engine.due().unwrap();
    assert_eq!(due, peer.now + Duration::from_secs(5));
    peer.engine.wake(peer.now + Duration::from_secs(4));
    assert_eq!(peer.take_bytes().len(), 0);
    peer.now = due;
    peer.engine.wake(due);
    assert_eq!(peer.take_bytes()[..], HEARTBEAT);
    assert_eq!(peer.engine.due(), Some(due + Duration::from_secs(5)));
}

#[test]
fn silence_ends_a_connection() {
    let mut peer = Peer::opened(Limits::default());
    let due = peer.engine.due().unwrap();
    assert_eq!(due, peer.now + Limits::default().idle_time_out);
    // A heartbeat of the client says nothing but that it is there.
    peer.now = due - Duration::from_secs(1);
    peer.write(&HEARTBEAT);
    peer.engine.wake(due);
    assert!(!peer.engine.is_over());
    let due = peer.engine.due().unwrap();
    peer.engine.wake(due);
    assert!(peer.engine.is_over());
    let Performative::Close(Close { error: Some(error) }) = peer.said_one().1 else {
        panic!("it is closed without a reason");
    };
    assert_eq!(error.condition, AmqpError::ResourceLimitExceeded.into());
}

#[test]
fn frames_that_cannot_be_read_end_a_connection() {
    let oversized = [0xff, 0xff, 0xff, 0xff];
    let undersized = [0, 0, 0, 7];
    let beyond = [0, 0, 0, 8, 3, 0, 0, 0];
    let sasl = [0, 0, 0, 8, 2, 1, 0, 0];
    for bytes in [&oversized[..], &undersized, &beyond, &sasl] {
        let mut peer = Peer::opened(Limits::default());
        peer.write(bytes);
        let Performative::Close(Close { error: Some(error) }) = peer.said_one().1 else {
            panic!("it is closed without a reason");
        };
        assert_eq!(error.condition, ConnectionError::FramingError.into());
        assert!(peer.engine.is_over());
    }
}

#[test]
fn extended_headers_are_skipped() {
    let mut peer = Peer::opened(Limits::default());
    let mut frame = framed(0, &Performative::Close(Close { error: None }), &[]);
    frame.splice(8..8, [1, 2, 3, 4]);
    frame[3] += 4;
    frame[4] = 3;
    peer.write(&frame);
    assert_eq!(peer.events(), [Event::Closed { error: None }]);
}
