//! Deliveries that the client library is given as the bytes of a body.

use fe2o3_amqp_types::{
    messaging::{Accepted, Data, Message, message::__private::Deserializable},
    performatives::{Detach, End},
};
use proptest::{collection::vec, option, prelude::*};

use super::*;

/// Returns what the client library makes of a frame: the transfer, and the message it reads.
fn unwrap(frame: &[u8]) -> (Transfer, Vec<u8>) {
    let size = u32::from_be_bytes(frame[..4].try_into().unwrap());
    assert_eq!(usize::try_from(size), Ok(frame.len()));
    let body = &frame[usize::from(frame[4]) * 4..];
    let transfer: Transfer = serde_amqp::from_slice(body).unwrap();
    let length = serde_amqp::to_vec(&transfer).unwrap().len();
    let data: Deserializable<Message<Data>> = serde_amqp::from_slice(&body[length..]).unwrap();
    (transfer, data.0.body.0.into_vec())
}

proptest! {
    /// The client library reads the same transfer, but for its format, and the same bytes.
    #[test]
    fn whatever_comes_in_one_frame_comes_through(
        tag in vec(any::<u8>(), 0..33),
        id in any::<u32>(),
        format in option::of(Just(0_u32)),
        settled in option::of(any::<bool>()),
        payload in vec(any::<u8>(), 1..2000),
    ) {
        let sent = Transfer { settled, message_format: format, ..transfer(id, &tag) };
        let (_, read) = pass(&[&frame(1, &sent, &payload)]).unwrap();
        let expected = Transfer { message_format: Some(WRAPPED), ..sent };
        prop_assert_eq!(unwrap(&read), (expected, payload));
    }

    #[test]
    fn nothing_else_is_changed(
        offset in 2_u8..5,
        what in 0_usize..6,
        payload in vec(any::<u8>(), 1..200),
    ) {
        let usual = transfer(1, &[1; 16]);
        let transfer = match what {
            0 => Transfer { more: true, ..usual },
            1 => Transfer { resume: true, ..usual },
            2 => Transfer { aborted: true, ..usual },
            3 => Transfer { message_format: Some(1), ..usual },
            4 => Transfer { delivery_id: None, ..usual },
            _ => Transfer { state: Some(DeliveryState::Accepted(Accepted {})), ..usual },
        };
        let body = serde_amqp::to_vec(&transfer).unwrap();
        let frame = frame_of(0, 1, offset, &[&body[..], &payload].concat());
        prop_assert_eq!(pass(&[&frame]).unwrap().1, frame);
    }
}

#[test]
fn delivery_in_several_frames_is_not_wrapped_in_any_of_them() {
    let part = |more| Transfer {
        more,
        ..transfer(1, &[1; 16])
    };
    // Whether the later frames name the delivery again is theirs.
    let several = [
        frame(1, &part(true), b"one"),
        frame(1, &part(true), b"two"),
        frame(1, &part(false), b"three"),
    ];
    let whole = frame(1, &transfer(2, &[2; 16]), b"whole");
    let bytes = [&several.concat()[..], &whole].concat();
    let (_, read) = pass(&[&bytes]).unwrap();
    let (first, last) = read.split_at(several.concat().len());
    assert_eq!(first, several.concat());
    assert_eq!(unwrap(last).1, b"whole");
}

/// What was under way on a link is nothing to the next one of that number.
#[test]
fn delivery_that_stops_with_its_link_wraps_the_next_ones() {
    let first = Transfer {
        more: true,
        ..transfer(1, &[1; 16])
    };
    let detach = Detach {
        handle: Handle(3),
        closed: true,
        error: None,
    };
    let ends = [frame(1, &detach, &[]), frame(1, &End { error: None }, &[])];
    for end in ends {
        let before = [frame(1, &first, b"one"), end].concat();
        let next = frame(1, &transfer(2, &[2; 16]), b"next");
        let (_, read) = pass(&[&before, &next]).unwrap();
        assert_eq!(unwrap(&read[before.len()..]).1, b"next");
    }
}

#[test]
fn frame_that_would_be_longer_than_agreed_on_stays_as_it_is() {
    let transfer = transfer(1, &[1; 16]);
    let max = usize::try_from(WRAPPED_BYTES_MAX).unwrap();
    let overhead = frame(1, &transfer, &[]).len();
    let longest = frame(1, &transfer, &vec![7; max - overhead - 9]);
    let (_, read) = pass(&[&longest]).unwrap();
    assert_eq!(read.len(), max);
    let longer = frame(1, &transfer, &vec![7; max - overhead - 8]);
    assert_eq!(pass(&[&longer]).unwrap().1, longer);
}

#[test]
fn format_that_is_ours_comes_from_nobody_else() {
    let wrapped = Transfer {
        message_format: Some(WRAPPED),
        ..transfer(1, &[1; 16])
    };
    assert_eq!(follow(&[&frame(1, &wrapped, b"x")]), Err(Fault::Content));
}
