//! Messages that leave together in one transfer.

use fe2o3_amqp::link::delivery::Sendable;
use fe2o3_amqp_types::{
    messaging::{Batch, Body, Data, Message as AmqpMessage, Properties},
    primitives::Value,
};
use relayhouse_core::{Error, MessageId, Result};
use serde_amqp::primitives::Binary;

use super::outlet::Cargo;
use crate::{browse::encode, convert::Packet};

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
            key: key_of(&packet),
            cargo: packet.into(),
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
pub(super) fn pack(written: Vec<Written>, bytes_max: u64) -> (Vec<Group>, Vec<(usize, Error)>) {
    let (mut groups, mut broken) = (Vec::new(), Vec::new());
    if 1 < written.len() {
        let mut open = Open::default();
        for one in written {
            let place = one.member.place;
            if let Err(error) = open.add(one, bytes_max, &mut groups) {
                broken.push((place, error));
            }
        }
        groups.extend(open.close());
    } else {
        groups.extend(written.into_iter().map(Group::one));
    }
    (groups, broken)
}

/// Is a group that may grow.
#[derive(Default)]
struct Open {
    members: Vec<Member>,
    sections: Vec<Data>,
    bytes: u64,
    first: Option<Packet>,
}

impl Open {
    /// Adds `written`, after what was there has gone to `groups` if it does not fit in with it.
    fn add(&mut self, written: Written, bytes_max: u64, groups: &mut Vec<Group>) -> Result<()> {
        let Written { member, packet } = written;
        let bytes = encode(&packet)?;
        let size = bytes.len() as u64 + SECTION_BYTES;
        let fits = ENVELOPE_BYTES + self.bytes + size <= bytes_max;
        let is_same = |first: &Packet| key_of(first) == key_of(&packet);
        if !fits || !self.first.as_ref().is_some_and(is_same) {
            groups.extend(std::mem::take(self).close());
        }
        self.members.push(member);
        self.sections.push(Data(Binary::from(bytes)));
        self.bytes += size;
        self.first.get_or_insert(packet);
        Ok(())
    }

    fn close(self) -> Option<Group> {
        let first = self.first?;
        let key = key_of(&first);
        let cargo = if self.members.len() == 1 {
            first.into()
        } else {
            let message = envelope(&first, self.sections);
            Sendable {
                message,
                message_format: BATCH_FORMAT,
                settled: None,
            }
        };
        Some(Group {
            members: self.members,
            cargo,
            key,
        })
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
fn key_of(packet: &Packet) -> Option<String> {
    packet.properties.as_ref()?.group_id.clone()
}
