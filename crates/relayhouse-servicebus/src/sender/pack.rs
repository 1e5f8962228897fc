//! Messages that leave together in one transfer.

use fe2o3_amqp::link::delivery::Sendable;
use fe2o3_amqp_types::{
    messaging::{Batch, Body, Data, Message as AmqpMessage, Properties},
    primitives::Value,
};
use relayhouse_core::{Error, MessageId};
use serde_amqp::primitives::Binary;

use super::outlet::Cargo;
use crate::{
    browse::encode,
    convert::{Packet, encoded_bytes_max},
};

/// The format of a transfer of which each data section is a whole message.
const BATCH_FORMAT: u32 = 0x8001_3700;

/// What stands around each message of a batch.
const SECTION_BYTES: u64 = 8;

/// What stands at the start of a batch, with the longest ids.
const ENVELOPE_BYTES: u64 = 2048;

/// Is one message that is ready to leave.
#[derive(Debug)]
pub(super) struct Written {
    pub(super) member: Member,
    pub(super) packet: Packet,
}

/// Is one message of a group: its place in the batch of the caller, and its id.
#[derive(Clone, Debug)]
pub(super) struct Member {
    pub(super) place: usize,
    pub(super) id: MessageId,
}

/// Is what leaves in one transfer.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) members: Vec<Member>,
    pub(super) cargo: Cargo,
    key: Option<String>,
}

impl Group {
    /// Makes a group of one message.
    pub(super) fn one(written: Written) -> Self {
        let Written { member, packet } = written;
        Self {
            members: vec![member],
            key: key_of(&packet).map(str::to_owned),
            cargo: packet.into(),
        }
    }

    /// Makes a group of `sections`, each of which is one of `members`; `first` is the first of them.
    fn batch(members: Vec<Member>, first: &Packet, sections: Vec<Data>) -> Self {
        Self {
            members,
            cargo: Sendable {
                message: envelope(first, sections),
                message_format: BATCH_FORMAT,
                settled: None,
            },
            key: key_of(first).map(str::to_owned),
        }
    }

    pub(super) fn is_batch(&self) -> bool {
        1 < self.members.len()
    }

    /// Returns true if it must not leave before the answer to `earlier`, whose messages may have to
    /// be sent again, one by one.
    pub(super) fn waits_for(&self, earlier: &Self) -> bool {
        earlier.is_batch() && self.key == earlier.key
    }
}

/// Packs messages that stand together and have one key, into transfers of at most `bytes_max`.
/// What cannot be encoded is told by its place.
///
/// Each message is encoded once: those of a batch here, and one that is alone when it leaves.
pub(super) fn pack(written: Vec<Written>, bytes_max: u64) -> (Vec<Group>, Vec<(usize, Error)>) {
    let mut packed = Packed::default();
    let mut open = Open::default();
    for one in written {
        if !open.takes(&one.packet, bytes_max) {
            packed.add(std::mem::take(&mut open));
        }
        open.add(one);
    }
    packed.add(open);
    (packed.groups, packed.broken)
}

/// Is a group that may grow.
#[derive(Default)]
struct Open {
    written: Vec<Written>,
    bytes: u64,
}

impl Open {
    /// Returns true if `packet` may leave with what is there, and there is room for it.
    fn takes(&self, packet: &Packet, bytes_max: u64) -> bool {
        let bytes = ENVELOPE_BYTES + self.bytes + section_bytes(packet);
        let is_same = |first: &Written| key_of(&first.packet) == key_of(packet);
        bytes <= bytes_max && self.written.first().is_none_or(is_same)
    }

    fn add(&mut self, written: Written) {
        self.bytes += section_bytes(&written.packet);
        self.written.push(written);
    }
}

/// Is what has been packed.
#[derive(Default)]
struct Packed {
    groups: Vec<Group>,
    broken: Vec<(usize, Error)>,
}

impl Packed {
    fn add(&mut self, open: Open) {
        if open.written.len() <= 1 {
            let alone = open.written.into_iter().map(Group::one);
            return self.groups.extend(alone);
        }
        let mut members = Vec::with_capacity(open.written.len());
        let mut sections = Vec::with_capacity(open.written.len());
        let mut first = None;
        for Written { member, packet } in open.written {
            match encode(&packet) {
                Ok(bytes) => {
                    sections.push(Data(Binary::from(bytes)));
                    members.push(member);
                    first.get_or_insert(packet);
                }
                Err(error) => self.broken.push((member.place, error)),
            }
        }
        let group = first.map(|first| Group::batch(members, &first, sections));
        self.groups.extend(group);
    }
}

/// Puts messages into one, which says of all of them what the first does.
fn envelope(first: &Packet, sections: Vec<Data>) -> AmqpMessage<Body<Value>> {
    let of_first = first.properties.as_ref();
    AmqpMessage {
        header: None,
        delivery_annotations: None,
        message_annotations: None,
        properties: of_first.map(|it| Properties {
            message_id: it.message_id.clone(),
            group_id: it.group_id.clone(),
            ..Properties::default()
        }),
        application_properties: None,
        body: Body::Data(Batch::new(sections)),
        footer: None,
    }
}

/// Returns what the messages of one batch have in common.
fn key_of(packet: &Packet) -> Option<&str> {
    packet.properties.as_ref()?.group_id.as_deref()
}

/// Returns what `packet` takes at most as one section of a batch.
fn section_bytes(packet: &Packet) -> u64 {
    encoded_bytes_max(packet) + SECTION_BYTES
}
