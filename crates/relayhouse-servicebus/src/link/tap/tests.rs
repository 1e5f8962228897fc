//! A connection, cut anywhere and made of anything, and what the tap says of it.

use fe2o3_amqp_types::{
    definitions::{AmqpError, Error, Handle, Role},
    messaging::{
        Accepted, Data, DeliveryState, Message, Modified, Rejected, Released,
        message::__private::Deserializable,
    },
    performatives::{Detach, Disposition, End, Flow, Transfer},
};
use proptest::{collection::vec, option, prelude::*};
use serde::Serialize;
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

use super::{answers::Gone, asked::Asked, follow::Seen, *};

const SASL_HEADER: &[u8] = b"AMQP\x03\x01\x00\x00";
const AMQP_HEADER: &[u8] = b"AMQP\x00\x01\x00\x00";

fn frame(channel: u16, performative: &impl Serialize, payload: &[u8]) -> Vec<u8> {
    let body = serde_amqp::to_vec(performative).unwrap();
    frame_of(0, channel, 2, &[&body, payload].concat())
}

fn frame_of(kind: u8, channel: u16, offset: u8, body: &[u8]) -> Vec<u8> {
    let start = usize::from(offset) * 4;
    let size = u32::try_from(start + body.len()).unwrap();
    let mut frame = size.to_be_bytes().to_vec();
    frame.extend([offset, kind]);
    frame.extend(channel.to_be_bytes());
    frame.resize(start, 0xee);
    frame.extend(body);
    frame
}

fn transfer(id: u32, tag: &[u8]) -> Transfer {
    Transfer {
        handle: Handle(3),
        delivery_id: Some(id),
        delivery_tag: Some(tag.to_vec().into()),
        message_format: Some(0),
        settled: None,
        more: false,
        rcv_settle_mode: None,
        state: None,
        resume: false,
        aborted: false,
        batchable: false,
    }
}

fn disposition(first: u32, last: Option<u32>, state: Option<DeliveryState>) -> Disposition {
    Disposition {
        role: Role::Sender,
        first,
        last,
        settled: true,
        state,
        batchable: false,
    }
}

fn lock_lost() -> DeliveryState {
    let condition = AmqpError::NotAllowed;
    DeliveryState::Rejected(Rejected {
        error: Some(Error::new(condition, Some("gone".repeat(300)), None)),
    })
}

fn follow(pieces: &[&[u8]]) -> Result<Vec<Seen>, Fault> {
    pass(pieces).map(|(seen, _)| seen)
}

/// Returns what is seen, and what the client library reads.
fn pass(pieces: &[&[u8]]) -> Result<(Vec<Seen>, Vec<u8>), Fault> {
    let mut follower = Follower::default();
    let (mut inbox, mut outbox, mut all) = (Vec::new(), Vec::new(), Vec::new());
    for piece in pieces {
        inbox.extend_from_slice(piece);
        let taken = follower.follow(&inbox, &mut outbox, &mut |seen| {
            all.push(seen);
            Ok(())
        })?;
        inbox.drain(..taken);
    }
    Ok((all, outbox))
}

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

fn note(answers: &Answers, all: impl IntoIterator<Item = Seen>) -> Result<(), Fault> {
    answers.note(|tell| all.into_iter().try_for_each(tell))
}

fn delivery(id: u32, handle: u32) -> Seen {
    Seen::Transfer {
        channel: 1,
        handle,
        id,
        token: token(id),
    }
}

fn token(id: u32) -> Token {
    u128::from(id).to_be_bytes()
}

fn settled(first: u32, last: u32, answer: Answer) -> Seen {
    Seen::Settled {
        channel: 1,
        first,
        last,
        answer,
    }
}

/// Hears of the only delivery that was asked for.
async fn hear(asked: &Asked) -> Heard {
    asked.all().await;
    asked.heard().remove(0)
}

#[tokio::test]
async fn a_range_answers_everybody_in_it() {
    let answers = Answers::default();
    note(&answers, (1..=4).map(|id| delivery(id, 0))).unwrap();
    let asked = answers.ask(&[token(1), token(2), token(3), token(4), token(5)]);
    note(&answers, [settled(2, u32::MAX, Answer::Accepted)]).unwrap();
    let accepted = || Heard::Answer(Answer::Accepted);
    let told = |first| [first, accepted(), accepted(), accepted(), Heard::Gone];
    assert_eq!(asked.heard(), told(Heard::Nothing));
    answers.end();
    asked.all().await;
    assert_eq!(asked.heard(), told(Heard::Gone));
}

#[tokio::test]
async fn who_asks_last_for_a_delivery_hears() {
    let answers = Answers::default();
    note(&answers, [delivery(1, 0)]).unwrap();
    let earlier = answers.ask(&[token(1)]);
    let later = answers.ask(&[token(1)]);
    note(&answers, [settled(1, 1, Answer::Accepted)]).unwrap();
    assert_eq!(hear(&earlier).await, Heard::Gone);
    assert_eq!(hear(&later).await, Heard::Answer(Answer::Accepted));
}

/// Delivery ids start over after the largest: a range may go around the end.
#[tokio::test]
async fn a_range_goes_around_the_largest_id() {
    let answers = Answers::default();
    let ids = [u32::MAX, 0, 5];
    note(&answers, ids.map(|id| delivery(id, 0))).unwrap();
    let asked = answers.ask(&ids.map(token));
    note(&answers, [settled(u32::MAX, 0, Answer::Released)]).unwrap();
    let released = || Heard::Answer(Answer::Released);
    assert_eq!(asked.heard(), [released(), released(), Heard::Nothing]);
    assert!(answers.has(&token(5)));
}

#[tokio::test]
async fn a_link_that_ends_takes_its_own_deliveries_with_it() {
    let answers = Answers::default();
    note(&answers, [delivery(1, 0), delivery(2, 7)]).unwrap();
    let asked = answers.ask(&[token(2)]);
    let detached = Seen::Detached {
        channel: 1,
        handle: 7,
    };
    note(&answers, [detached]).unwrap();
    assert_eq!(hear(&asked).await, Heard::Gone);
    assert_eq!(hear(&answers.ask(&[token(2)])).await, Heard::Gone);
    assert!(answers.has(&token(1)));
    note(&answers, [Seen::Cleared { channel: 1 }]).unwrap();
    assert!(!answers.has(&token(1)));
}

#[test]
fn deliveries_that_wait_are_bounded() {
    let answers = Answers::default();
    let max = u32::try_from(DELIVERIES_MAX).unwrap();
    note(&answers, (0..max).map(|id| delivery(id, 0))).unwrap();
    let result = note(&answers, [delivery(max, 0)]);
    assert_eq!(result, Err(Fault::Deliveries));
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

#[tokio::test]
async fn bytes_come_through_and_answers_by_the_way() {
    let answers = Answers::default();
    let (near, mut far) = duplex(1 << 16);
    let mut tap = Tap::new(near, answers.clone());
    let first = [
        AMQP_HEADER.to_vec(),
        frame(1, &transfer(1, &token(1)), b"x"),
    ]
    .concat();
    far.write_all(&first).await.unwrap();
    let (_, expected) = pass(&[&first]).unwrap();
    let mut read = vec![0; expected.len()];
    // The reader has little room, and takes several reads.
    for piece in read.chunks_mut(7) {
        tap.read_exact(piece).await.unwrap();
    }
    assert_eq!(read, expected);
    let asked = answers.ask(&[token(1)]);
    tap.write_all(b"settle it").await.unwrap();
    let mut written = [0; 9];
    far.read_exact(&mut written).await.unwrap();
    assert_eq!(&written, b"settle it");
    let second = frame(1, &disposition(1, None, Some(lock_lost())), &[]);
    far.write_all(&second).await.unwrap();
    let mut read = vec![0; second.len()];
    tap.read_exact(&mut read).await.unwrap();
    let refused = Answer::Rejected(Some("amqp:not-allowed".to_owned()));
    assert_eq!(hear(&asked).await, Heard::Answer(refused));
}

#[tokio::test]
async fn the_end_of_the_connection_is_heard() {
    let answers = Answers::default();
    let (near, far) = duplex(1 << 10);
    let mut tap = Tap::new(near, answers.clone());
    note(&answers, [delivery(1, 0)]).unwrap();
    let asked = answers.ask(&[token(1)]);
    drop(far);
    assert_eq!(tap.read(&mut [0; 8]).await.unwrap(), 0);
    assert_eq!(hear(&asked).await, Heard::Gone);
}

#[tokio::test]
async fn what_cannot_be_followed_fails_the_connection() {
    let answers = Answers::default();
    let (near, mut far) = duplex(1 << 10);
    let mut tap = Tap::new(near, answers.clone());
    note(&answers, [delivery(1, 0)]).unwrap();
    let asked = answers.ask(&[token(1)]);
    far.write_all(&[0xff; 8]).await.unwrap();
    let error = tap.read(&mut [0; 8]).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    assert_eq!(hear(&asked).await, Heard::Gone);
}

fn attached(name: &str, handle: u32) -> Seen {
    let name = name.into();
    Seen::Attached {
        channel: 1,
        handle,
        name,
    }
}

#[tokio::test]
async fn a_drained_link_tells_how_much_came_over_it() {
    let answers = Answers::default();
    let seen = [
        attached("one", 0),
        attached("two", 3),
        delivery(1, 3),
        delivery(2, 0),
        delivery(3, 3),
        // Another frame of the same delivery.
        delivery(3, 3),
    ];
    note(&answers, seen).unwrap();
    let (one, two) = (answers.drained("one"), answers.drained("two"));
    let drained = |handle| Seen::Drained { channel: 1, handle };
    note(&answers, [drained(3), drained(9)]).unwrap();
    assert_eq!(two.await, Ok(2));
    let detached = Seen::Detached {
        channel: 1,
        handle: 0,
    };
    note(&answers, [detached]).unwrap();
    assert_eq!(one.await, Err(Gone));
    assert_eq!(answers.drained("one").await, Err(Gone));
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
