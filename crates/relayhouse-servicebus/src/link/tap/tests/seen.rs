//! What is seen of what goes by.

use fe2o3_amqp_types::{
    messaging::{Accepted, Modified, Released},
    performatives::{Detach, End, Flow},
};
use proptest::{collection::vec, prelude::*};

use super::*;

/// A connection from its first byte on, with everything in it that the tap looks at.
fn connection() -> Vec<u8> {
    [
        SASL_HEADER.to_vec(),
        frame_of(1, 0, 2, &[0xff; 40]),
        AMQP_HEADER.to_vec(),
        frame_of(0, 0, 2, &[]),
        frame(1, &transfer(7, &[9; 16]), &[0x42; 1000]),
        frame(1, &transfer(8, &[8; 4]), b"no lock token"),
        frame_of(0, 0, 2, &[]),
        frame(1, &disposition(7, None, Some(lock_lost())), &[]),
        frame(
            2,
            &disposition(5, Some(9), Some(DeliveryState::Accepted(Accepted {}))),
            &[],
        ),
        frame(1, &End { error: None }, &[]),
    ]
    .concat()
}

fn seen_of_connection() -> Vec<Seen> {
    vec![
        Seen::Transfer {
            channel: 1,
            handle: 3,
            id: 7,
            token: [9; 16],
        },
        Seen::Settled {
            channel: 1,
            first: 7,
            last: 7,
            answer: Answer::Rejected(Some("amqp:not-allowed".to_owned())),
        },
        Seen::Settled {
            channel: 2,
            first: 5,
            last: 9,
            answer: Answer::Accepted,
        },
        Seen::Cleared { channel: 1 },
    ]
}

#[test]
fn what_decides_is_seen_among_all_else() {
    assert_eq!(follow(&[&connection()]), Ok(seen_of_connection()));
}

#[test]
fn bytes_may_come_one_by_one() {
    let bytes = connection();
    let pieces: Vec<&[u8]> = bytes.chunks(1).collect();
    assert_eq!(follow(&pieces), Ok(seen_of_connection()));
}

#[test]
fn every_outcome_is_told_apart() {
    let rejected = DeliveryState::Rejected(Rejected { error: None });
    let modified = DeliveryState::Modified(Modified {
        delivery_failed: Some(true),
        undeliverable_here: None,
        message_annotations: None,
    });
    let cases = [
        (Some(DeliveryState::Accepted(Accepted {})), Answer::Accepted),
        (Some(DeliveryState::Released(Released {})), Answer::Released),
        (Some(modified), Answer::Modified),
        (Some(rejected), Answer::Rejected(None)),
        (None, Answer::Unstated),
    ];
    for (state, expected) in cases {
        let seen = follow(&[&frame(0, &disposition(1, None, state), &[])]).unwrap();
        let [Seen::Settled { answer, .. }] = &seen[..] else {
            panic!("{seen:?}");
        };
        assert_eq!(*answer, expected);
    }
}

/// The outcome of a settlement within a transaction stands in the state of the transaction.
#[test]
fn an_outcome_in_a_transaction_is_found() {
    let accepted = [0x00, 0x53, 0x24, 0x45];
    let state = [
        &[0x00, 0x53, 0x34, 0xc0, 8, 2, 0xa0, 1, 0xaa],
        &accepted[..],
    ]
    .concat();
    let mut body = vec![0x00, 0x53, 0x15, 0xd0, 0, 0, 0, 0, 0, 0, 0, 5];
    body.extend([0x42, 0x52, 4, 0x40, 0x41]);
    body.extend(state);
    let seen = follow(&[&frame_of(0, 6, 3, &body)]).unwrap();
    let expected = Seen::Settled {
        channel: 6,
        first: 4,
        last: 4,
        answer: Answer::Accepted,
    };
    assert_eq!(seen, [expected]);
}

#[test]
fn descriptors_may_be_long_or_named() {
    let fields = [0xc0, 3, 2, 0x43, 0x41];
    let heads = [
        vec![0x00, 0x80, 0, 0, 0, 0, 0, 0, 0, 0x16],
        [&[0x00, 0xa3, 16][..], b"amqp:detach:list"].concat(),
        [&[0x00, 0xb3, 0, 0, 0, 16][..], b"amqp:detach:list"].concat(),
    ];
    for head in heads {
        let seen = follow(&[&frame_of(0, 2, 2, &[&head, &fields[..]].concat())]);
        let expected = Seen::Detached {
            channel: 2,
            handle: 0,
        };
        assert_eq!(seen, Ok(vec![expected]));
    }
}

#[test]
fn settlements_of_the_receiver_and_unsettled_ones_decide_nothing() {
    let of_receiver = Disposition {
        role: Role::Receiver,
        ..disposition(1, None, None)
    };
    let unsettled = Disposition {
        settled: false,
        ..disposition(1, None, Some(DeliveryState::Accepted(Accepted {})))
    };
    let bytes = [frame(0, &of_receiver, &[]), frame(0, &unsettled, &[])].concat();
    assert_eq!(follow(&[&bytes]), Ok(vec![]));
}

#[test]
fn a_delivery_that_is_settled_when_it_comes_waits_for_nothing() {
    let settled = Transfer {
        settled: Some(true),
        ..transfer(1, &[1; 16])
    };
    assert_eq!(follow(&[&frame(0, &settled, &[])]), Ok(vec![]));
}

#[test]
fn frames_out_of_bounds_are_refused() {
    let size = FRAME_BYTES_MAX + 1;
    let long = [&size.to_be_bytes()[..], &[2, 0, 0, 0]].concat();
    assert_eq!(follow(&[&long]), Err(Fault::Size(size)));
    let short = [0, 0, 0, 7, 2, 0, 0, 0];
    assert_eq!(follow(&[&short]), Err(Fault::Size(7)));
    let headless = [0, 0, 0, 9, 1, 0, 0, 0];
    assert_eq!(follow(&[&headless]), Err(Fault::Size(9)));
    let odd = frame_of(0, 0, 2, b"\x01 is no descriptor");
    assert_eq!(follow(&[&odd]), Err(Fault::Content));
    let long_tag = frame(0, &transfer(1, &[0; 33]), &[]);
    assert_eq!(follow(&[&long_tag]), Err(Fault::Content));
}

fn flow(handle: Option<u32>, credit: u32, drain: bool) -> Flow {
    Flow {
        next_incoming_id: Some(1),
        incoming_window: 2,
        next_outgoing_id: 3,
        outgoing_window: 4,
        handle: handle.map(Handle),
        delivery_count: Some(70_000),
        link_credit: Some(credit),
        available: None,
        drain,
        echo: false,
        properties: None,
    }
}

#[test]
fn a_flow_says_whether_a_link_is_drained() {
    let seen = |flow: Flow| follow(&[&frame(1, &flow, &[])]).unwrap();
    let drained = vec![Seen::Drained {
        channel: 1,
        handle: 7,
    }];
    assert_eq!(seen(flow(Some(7), 0, false)), drained);
    assert_eq!(seen(flow(Some(7), 5, true)), drained);
    assert_eq!(seen(flow(Some(7), 5, false)), []);
    assert_eq!(seen(flow(None, 0, true)), []);
}

#[test]
fn detach_as_the_library_writes_it_is_seen() {
    let detach = Detach {
        handle: Handle(12),
        closed: true,
        error: None,
    };
    let expected = Seen::Detached {
        channel: 0,
        handle: 12,
    };
    assert_eq!(follow(&[&frame(0, &detach, &[])]), Ok(vec![expected]));
}

proptest! {
    #[test]
    fn any_split_tells_the_same(cuts in vec(0_usize..2000, 0..12)) {
        let bytes = connection();
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut % bytes.len()).collect();
        cuts.extend([0, bytes.len()]);
        cuts.sort_unstable();
        let pieces: Vec<&[u8]> = cuts.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect();
        prop_assert_eq!(pass(&pieces), pass(&[&bytes]));
        prop_assert_eq!(follow(&pieces), Ok(seen_of_connection()));
    }

    /// Whatever comes in ends in what was seen or in a fault, and alike for any split.
    #[test]
    fn random_frames_never_panic(
        bodies in vec((0_u8..2, 1_u8..4, vec(any::<u8>(), 0..80)), 0..6),
        cut in any::<usize>(),
    ) {
        let mut bytes = Vec::new();
        for (kind, offset, body) in bodies {
            let mut frame = frame_of(kind, 0, offset.max(2), &body);
            frame[4] = offset;
            bytes.extend(frame);
        }
        let (start, end) = bytes.split_at(cut % (bytes.len() + 1));
        prop_assert_eq!(follow(&[start, end]), follow(&[&bytes]));
    }

    #[test]
    fn random_performatives_never_panic(
        code in prop_oneof![Just(0x14_u8), Just(0x15), Just(0x16)],
        fields in vec(any::<u8>(), 0..40),
    ) {
        let body = [&[0x00, 0x53, code, 0xc0, 40, 11], &fields[..]].concat();
        let bytes = frame_of(0, 0, 2, &body);
        let pieces: Vec<&[u8]> = bytes.chunks(3).collect();
        prop_assert_eq!(follow(&pieces), follow(&[&bytes]));
    }

    #[test]
    fn random_bytes_never_panic(bytes in vec(any::<u8>(), 0..200)) {
        let pieces: Vec<&[u8]> = bytes.chunks(7).collect();
        prop_assert_eq!(follow(&pieces), follow(&[&bytes]));
    }
}
