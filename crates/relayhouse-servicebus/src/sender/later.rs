//! Messages that are held back: the management node takes them, and gives each a number by which
//! it can be cancelled.

use relayhouse_core::{Error, ErrorKind, Instant, MessageId, Operation, Sending, Sent};

use super::{
    ServiceBusSender,
    pack::{Member, Written},
};
use crate::{browse, convert::Packet};

/// The most messages of one question.
const MESSAGES_MAX: usize = 100;

/// What a message takes at most beside what [`Message::size`](relayhouse_core::Message::size)
/// counts.
const BESIDE_BYTES: u64 = 2048;

/// Is what is asked for at a time.
#[derive(Debug, Default)]
struct Chunk {
    members: Vec<Member>,
    packets: Vec<Packet>,
    bytes: u64,
}

impl ServiceBusSender {
    /// Has the broker hold `written` back, each until its time.
    pub(super) async fn schedule(
        &self,
        batch: &mut [Sending],
        written: Vec<Written>,
        deadline: Instant,
    ) {
        let bytes_max = self.outlet.limits().batch_bytes_max();
        let mut chunk = Chunk::default();
        for Written { member, packet } in written {
            let bytes = batch[member.place].message.size() + BESIDE_BYTES;
            let is_full = MESSAGES_MAX <= chunk.members.len() || bytes_max < chunk.bytes + bytes;
            if is_full && !chunk.members.is_empty() {
                self.schedule_chunk(batch, std::mem::take(&mut chunk), deadline)
                    .await;
            }
            chunk.members.push(member);
            chunk.packets.push(packet);
            chunk.bytes += bytes;
        }
        if !chunk.members.is_empty() {
            self.schedule_chunk(batch, chunk, deadline).await;
        }
    }

    /// Asks for all of `chunk` at once, and one by one if one of them spoils it.
    async fn schedule_chunk(&self, batch: &mut [Sending], chunk: Chunk, deadline: Instant) {
        let Chunk {
            members, packets, ..
        } = chunk;
        let scheduled = self.scheduled(&packets, deadline).await;
        match scheduled {
            Ok(sequences) => {
                for (Member { place, id }, sequence) in members.into_iter().zip(sequences) {
                    batch[place].done(sent(id, sequence));
                }
            }
            Err(error) if 1 < members.len() && super::may_be_one_of_them(&error) => {
                for (Member { place, id }, packet) in members.into_iter().zip(packets) {
                    match self.scheduled(&[packet], deadline).await {
                        Ok(sequences) => {
                            let sequence = sequences.into_iter().next().unwrap_or_default();
                            batch[place].done(sent(id, sequence));
                        }
                        Err(error) => batch[place].fail(error),
                    }
                }
            }
            Err(error) => {
                for Member { place, .. } in members {
                    batch[place].fail(error.clone());
                }
            }
        }
    }

    async fn scheduled(&self, packets: &[Packet], deadline: Instant) -> Result<Vec<u64>, Error> {
        let left = deadline.since(self.hub.link.clock().now());
        let scheduled = if left.is_zero() {
            let rule = "there was no time left to schedule it";
            Err(Error::new(ErrorKind::Timeout, rule))
        } else {
            browse::schedule(&self.hub.clerks, &self.queue, packets, left).await
        };
        scheduled.map_err(|error| error.at(Operation::Send, &self.queue))
    }
}

fn sent(id: MessageId, sequence: u64) -> Sent {
    Sent {
        id: Some(id),
        sequence: Some(sequence),
        ..Sent::default()
    }
}
