//! What a client says before the bytes of an input: it opens a connection, and attaches links.

use fe2o3_amqp_types::{
    definitions::{Handle, ReceiverSettleMode, Role, SenderSettleMode},
    messaging::{Source, Target, TargetArchetype},
    performatives::{Attach, Begin, Flow, Open, Performative, Transfer},
};
use serde_amqp::to_vec;
use serde_bytes::ByteBuf;

/// What every connection begins with.
pub(super) const HEADER: [u8; 8] = *b"AMQP\x00\x01\x00\x00";

const FRAME_HEADER_BYTES: usize = 8;

/// How much either side may send before it hears from the other.
const WINDOW: u32 = 1_000;

/// Returns a connection up to its first session, without a login.
pub(super) fn begun() -> Vec<u8> {
    let open = Open {
        container_id: "fuzz".to_owned(),
        hostname: None,
        max_frame_size: 65_536.into(),
        channel_max: 1.into(),
        idle_time_out: None,
        outgoing_locales: None,
        incoming_locales: None,
        offered_capabilities: None,
        desired_capabilities: None,
        properties: None,
    };
    let begin = Begin {
        remote_channel: None,
        next_outgoing_id: 0,
        incoming_window: WINDOW,
        outgoing_window: WINDOW,
        handle_max: Handle(16),
        offered_capabilities: None,
        desired_capabilities: None,
        properties: None,
    };
    let mut bytes = HEADER.to_vec();
    bytes.extend(frame(&Performative::Open(open), &[]));
    bytes.extend(frame(&Performative::Begin(begin), &[]));
    bytes
}

/// Attaches a link; the client sends on it or receives, and `address` is at the other end.
pub(super) fn attach(handle: u32, role: Role, address: &str) -> Vec<u8> {
    let attach = Attach {
        name: format!("link-{handle}"),
        handle: Handle(handle),
        initial_delivery_count: (role == Role::Sender).then_some(0),
        role,
        snd_settle_mode: SenderSettleMode::Mixed,
        rcv_settle_mode: ReceiverSettleMode::First,
        source: Some(Box::new(Source::from(address))),
        target: Some(Box::new(TargetArchetype::Target(Target::from(address)))),
        unsettled: None,
        incomplete_unsettled: false,
        max_message_size: None,
        offered_capabilities: None,
        desired_capabilities: None,
        properties: None,
    };
    frame(&Performative::Attach(attach), &[])
}

/// Lets the other side send on a link.
pub(super) fn credit(handle: u32) -> Vec<u8> {
    let flow = Flow {
        next_incoming_id: Some(0),
        incoming_window: WINDOW,
        next_outgoing_id: 0,
        outgoing_window: WINDOW,
        handle: Some(Handle(handle)),
        delivery_count: Some(0),
        link_credit: Some(16),
        available: None,
        drain: false,
        echo: false,
        properties: None,
    };
    frame(&Performative::Flow(flow), &[])
}

/// Sends a message in one frame.
pub(super) fn transfer(handle: u32, format: u32, message: &[u8]) -> Vec<u8> {
    let transfer = Transfer {
        handle: Handle(handle),
        delivery_id: Some(0),
        delivery_tag: Some(ByteBuf::from(vec![0])),
        message_format: Some(format),
        settled: Some(false),
        more: false,
        rcv_settle_mode: None,
        state: None,
        resume: false,
        aborted: false,
        batchable: false,
    };
    frame(&Performative::Transfer(transfer), message)
}

fn frame(performative: &Performative, payload: &[u8]) -> Vec<u8> {
    // The types that are written here have an encoding.
    let body = to_vec(performative).unwrap_or_default();
    let size = FRAME_HEADER_BYTES + body.len() + payload.len();
    let mut frame = u32::try_from(size)
        .unwrap_or_default()
        .to_be_bytes()
        .to_vec();
    frame.extend([2, 0, 0, 0]);
    frame.extend(body);
    frame.extend(payload);
    frame
}
