//! Messages that leave together in one transfer.

use std::mem;

use fe2o3_amqp::link::delivery::Sendable;
use fe2o3_amqp_types::{
    messaging::{Batch, Body, Data, Message as AmqpMessage, MessageId as AmqpId, Properties},
    primitives::Value,
};
use relayhouse_core::{MessageId, Text};
use serde_amqp::primitives::Binary;

use super::outlet::Cargo;
use crate::convert::Packet;

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
    key: Option<Text>,
}

impl Group {
    /// Makes a group of one message.
    pub(super) fn one(members: Vec<Member>, packet: Packet) -> Self {
        Self {
            members,
            key: packet.group_id.clone(),
            cargo: packet.into_message().into(),
        }
    }

    /// Makes a group of `sections`, each of which is one of `members`; `first` is the first of them.
    fn batch(members: Vec<Member>, first: Packet, sections: Vec<Data>) -> Self {
        Self {
            members,
            key: first.group_id.clone(),
            cargo: Sendable {
                message: envelope(first, sections),
                message_format: BATCH_FORMAT,
                settled: None,
            },
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

/// Packs messages that stand together and have one key, into transfers of at most so many bytes.
///
/// Each message is encoded once: those of a batch here, and one that is alone when it leaves.
#[derive(Debug)]
pub(super) struct Packing {
    bytes_max: u64,
    groups: Vec<Group>,
    members: Vec<Member>,
    /// The first of them, while there are any.
    first: Option<Packet>,
    /// All of them, once there are two.
    sections: Vec<Data>,
    bytes: u64,
}

impl Packing {
    pub(super) const fn new(bytes_max: u64) -> Self {
        Self {
            bytes_max,
            groups: Vec::new(),
            members: Vec::new(),
            first: None,
            sections: Vec::new(),
            bytes: ENVELOPE_BYTES,
        }
    }

    pub(super) fn add(&mut self, Written { member, packet }: Written) {
        match &self.first {
            Some(first) if first.key() == packet.key() => {
                if self.sections.is_empty() {
                    let section = first.encode();
                    self.put(section);
                }
                let section = packet.encode();
                if self.bytes_max < self.bytes + bytes_of(&section) {
                    self.wrap();
                    self.first = Some(packet);
                }
                self.put(section);
            }
            _ => {
                self.wrap();
                self.first = Some(packet);
            }
        }
        self.members.push(member);
    }

    /// Returns all groups.
    pub(super) fn end(mut self) -> Vec<Group> {
        self.wrap();
        self.groups
    }

    fn put(&mut self, section: Vec<u8>) {
        self.bytes += bytes_of(&section);
        self.sections.push(Data(Binary::from(section)));
    }

    /// Makes a group of what is there.
    fn wrap(&mut self) {
        let Some(first) = self.first.take() else {
            return;
        };
        let members = mem::take(&mut self.members);
        let sections = mem::take(&mut self.sections);
        self.bytes = ENVELOPE_BYTES;
        self.groups.push(if 1 < members.len() {
            Group::batch(members, first, sections)
        } else {
            Group::one(members, first)
        });
    }
}

/// Puts messages into one, which says of all of them what the first does.
fn envelope(first: Packet, sections: Vec<Data>) -> AmqpMessage<Body<Value>> {
    AmqpMessage {
        header: None,
        delivery_annotations: None,
        message_annotations: None,
        properties: Some(Properties {
            message_id: Some(AmqpId::String(first.message_id)),
            group_id: first.group_id.map(|key| key.as_str().to_owned()),
            ..Properties::default()
        }),
        application_properties: None,
        body: Body::Data(Batch::new(sections)),
        footer: None,
    }
}

/// Returns what `section` takes in a batch.
const fn bytes_of(section: &[u8]) -> u64 {
    section.len() as u64 + SECTION_BYTES
}
