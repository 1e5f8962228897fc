//! Follows the frames of a connection, and tells of those that decide deliveries.

use std::collections::HashSet;

use foldhash::fast::RandomState;

use super::{
    answers::DELIVERIES_MAX,
    frame::{Frame, Piece, split},
    read::{Reader, Unreadable},
    transfer::{Transfer, wrap},
};

/// The longest condition of an error that is kept.
const CONDITION_BYTES_MAX: usize = 128;

const BEGIN: u8 = 0x11;
const ATTACH: u8 = 0x12;
const FLOW: u8 = 0x13;
const TRANSFER: u8 = 0x14;
const DISPOSITION: u8 = 0x15;
const DETACH: u8 = 0x16;
const END: u8 = 0x17;

const PERFORMATIVES: &[(&str, u8)] = &[
    ("amqp:begin:list", BEGIN),
    ("amqp:attach:list", ATTACH),
    ("amqp:flow:list", FLOW),
    ("amqp:transfer:list", TRANSFER),
    ("amqp:disposition:list", DISPOSITION),
    ("amqp:detach:list", DETACH),
    ("amqp:end:list", END),
];

const ERROR: u8 = 0x1d;
const ACCEPTED: u8 = 0x24;
const REJECTED: u8 = 0x25;
const RELEASED: u8 = 0x26;
const MODIFIED: u8 = 0x27;
const TRANSACTIONAL: u8 = 0x34;

const STATES: &[(&str, u8)] = &[
    ("amqp:accepted:list", ACCEPTED),
    ("amqp:rejected:list", REJECTED),
    ("amqp:released:list", RELEASED),
    ("amqp:modified:list", MODIFIED),
    ("amqp:transactional-state:list", TRANSACTIONAL),
];

/// Is the lock token of a delivery, in the order in which its tag has it.
pub(crate) type Token = [u8; 16];

/// Is what the broker decided of a delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// It is done with.
    Accepted,
    /// It was given back, or deferred.
    Modified,
    /// It was given back.
    Released,
    /// It was dead-lettered, or, with the condition of an error, the settlement was refused.
    Rejected(Option<String>),
    /// The broker forgot the delivery, and did not say how.
    Unstated,
}

/// Is one frame that matters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    /// A delivery starts that waits to be settled.
    Transfer {
        channel: u16,
        handle: u32,
        id: u32,
        token: Token,
    },
    /// The broker settled the deliveries from `first` to `last`.
    Settled {
        channel: u16,
        first: u32,
        last: u32,
        answer: Answer,
    },
    /// A link begins over which the broker sends.
    Attached {
        channel: u16,
        handle: u32,
        name: Box<str>,
    },
    /// The broker sends nothing more over a link until it is given credit.
    Drained { channel: u16, handle: u32 },
    /// A link has ended.
    Detached { channel: u16, handle: u32 },
    /// A session has begun or ended: nothing from before counts in it.
    Cleared { channel: u16 },
}

/// Says why a connection cannot be followed any longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// A frame is longer than any may be, or shorter than its own head.
    Size(u32),
    /// A frame does not say what AMQP has it say.
    Content,
    /// More deliveries wait to be settled than may.
    Deliveries,
}

impl From<Unreadable> for Fault {
    fn from(_: Unreadable) -> Self {
        Self::Content
    }
}

/// Follows what comes in on one connection, and wraps what the client library need not read.
#[derive(Debug, Default)]
pub(crate) struct Follower {
    /// The links over which a delivery comes in several frames, by channel and handle.
    under_way: HashSet<(u16, u32), RandomState>,
}

impl Follower {
    /// Takes all whole frames off the front of `bytes`, hands each that matters to `tell`, and adds
    /// to `outbox` what the client library is to read. Returns how many bytes were taken.
    ///
    /// After a fault nothing further can be followed.
    pub(crate) fn follow(
        &mut self,
        bytes: &[u8],
        outbox: &mut Vec<u8>,
        tell: &mut dyn FnMut(Seen) -> Result<(), Fault>,
    ) -> Result<usize, Fault> {
        let mut rest = bytes;
        while let Some((piece, after)) = split(rest)? {
            match piece {
                Piece::Header(header) => outbox.extend_from_slice(header),
                Piece::Frame(frame) => self.pass(&frame, outbox, tell)?,
            }
            rest = after;
        }
        Ok(bytes.len() - rest.len())
    }

    fn pass(
        &mut self,
        frame: &Frame<'_>,
        outbox: &mut Vec<u8>,
        tell: &mut dyn FnMut(Seen) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        let head = frame.head();
        let mut reader = Reader::new(head);
        let code = match head {
            [] => None,
            _ => reader.descriptor(PERFORMATIVES)?,
        };
        if code == Some(TRANSFER) {
            let transfer = Transfer::read(head, reader)?;
            if let Some(seen) = transfer.seen(frame.channel) {
                tell(seen)?;
            }
            if self.is_whole(frame.channel, &transfer)? && wrap(frame, &transfer, outbox) {
                return Ok(());
            }
        } else if let Some(seen) = see(code, frame.channel, reader)? {
            self.forget(&seen);
            tell(seen)?;
        }
        outbox.extend_from_slice(frame.bytes);
        Ok(())
    }

    /// Says whether a frame is all of a delivery.
    fn is_whole(&mut self, channel: u16, transfer: &Transfer<'_>) -> Result<bool, Fault> {
        let link = (channel, transfer.handle);
        let goes_on = !self.under_way.is_empty() && self.under_way.remove(&link);
        if transfer.has_more {
            if DELIVERIES_MAX <= self.under_way.len() {
                return Err(Fault::Deliveries);
            }
            self.under_way.insert(link);
        }
        Ok(!goes_on && !transfer.has_more && transfer.id.is_some())
    }

    /// Forgets what can come no further.
    fn forget(&mut self, seen: &Seen) {
        match *seen {
            Seen::Detached { channel, handle } => {
                self.under_way.remove(&(channel, handle));
            }
            Seen::Cleared { channel } => self.under_way.retain(|(on, _)| *on != channel),
            _ => {}
        }
    }
}

/// Reads what a frame says that is no transfer.
fn see(code: Option<u8>, channel: u16, reader: Reader<'_>) -> Result<Option<Seen>, Fault> {
    Ok(match code {
        Some(DISPOSITION) => see_disposition(channel, reader)?,
        Some(ATTACH) => see_attach(channel, reader)?,
        Some(FLOW) => see_flow(channel, reader)?,
        Some(DETACH) => {
            let handle = reader.list()?.uint()?.ok_or(Fault::Content)?;
            Some(Seen::Detached { channel, handle })
        }
        Some(BEGIN | END) => Some(Seen::Cleared { channel }),
        _ => None,
    })
}

fn see_attach(channel: u16, reader: Reader<'_>) -> Result<Option<Seen>, Fault> {
    let mut fields = reader.list()?;
    let name = fields.bytes()?.ok_or(Fault::Content)?;
    let handle = fields.uint()?.ok_or(Fault::Content)?;
    let is_receiver = fields.boolean()?.ok_or(Fault::Content)?;
    if is_receiver {
        return Ok(None);
    }
    let name = String::from_utf8_lossy(name).into();
    Ok(Some(Seen::Attached {
        channel,
        handle,
        name,
    }))
}

fn see_flow(channel: u16, reader: Reader<'_>) -> Result<Option<Seen>, Fault> {
    let mut fields = reader.list()?;
    for _window in 0..4 {
        fields.uint()?;
    }
    let Some(handle) = fields.uint()? else {
        return Ok(None);
    };
    let _delivery_count = fields.uint()?;
    let has_no_credit = fields.uint()? == Some(0);
    let _available = fields.uint()?;
    let is_drained = has_no_credit || fields.boolean()? == Some(true);
    Ok(is_drained.then_some(Seen::Drained { channel, handle }))
}

fn see_disposition(channel: u16, reader: Reader<'_>) -> Result<Option<Seen>, Fault> {
    let mut fields = reader.list()?;
    let is_of_receiver = fields.boolean()?.ok_or(Fault::Content)?;
    let first = fields.uint()?.ok_or(Fault::Content)?;
    let last = fields.uint()?.unwrap_or(first);
    let is_settled = fields.boolean()?.unwrap_or(false);
    if is_of_receiver || !is_settled {
        return Ok(None);
    }
    let answer = match fields.last()? {
        Some(state) => read_state(state)?,
        None => Answer::Unstated,
    };
    Ok(Some(Seen::Settled {
        channel,
        first,
        last,
        answer,
    }))
}

fn read_state(mut reader: Reader<'_>) -> Result<Answer, Unreadable> {
    let mut code = reader.descriptor(STATES)?;
    if code == Some(TRANSACTIONAL) {
        let mut fields = reader.list()?;
        fields.bytes()?;
        let Some(outcome) = fields.last()? else {
            return Ok(Answer::Unstated);
        };
        reader = outcome;
        code = reader.descriptor(STATES)?;
    }
    Ok(match code {
        Some(ACCEPTED) => Answer::Accepted,
        Some(REJECTED) => Answer::Rejected(read_condition(reader)?),
        Some(RELEASED) => Answer::Released,
        Some(MODIFIED) => Answer::Modified,
        _ => Answer::Unstated,
    })
}

fn read_condition(reader: Reader<'_>) -> Result<Option<String>, Unreadable> {
    let Some(mut error) = reader.list()?.last()? else {
        return Ok(None);
    };
    error.descriptor(&[("amqp:error:list", ERROR)])?;
    let Some(condition) = error.list()?.bytes()? else {
        return Ok(None);
    };
    let condition = &condition[..condition.len().min(CONDITION_BYTES_MAX)];
    Ok(Some(String::from_utf8_lossy(condition).into_owned()))
}
