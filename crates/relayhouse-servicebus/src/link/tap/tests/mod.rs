//! A connection, cut anywhere and made of anything, and what the tap says of it.

mod answers;
mod seen;
mod through;
mod wrapped;

use fe2o3_amqp_types::{
    definitions::{AmqpError, Error, Handle, Role},
    messaging::{DeliveryState, Rejected},
    performatives::{Disposition, Transfer},
};
use serde::Serialize;

use super::{asked::Asked, follow::Seen, *};

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

/// Hears of the only delivery that was asked for.
async fn hear(asked: &Asked) -> Heard {
    asked.all().await;
    asked.heard().remove(0)
}
