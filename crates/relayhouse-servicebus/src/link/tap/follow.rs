//! Follows the frames of a connection, cut anywhere, and tells of those that decide deliveries.

use super::read::{Reader, Unreadable};

/// The longest frame that is let through: more than any that was agreed on.
pub(crate) const FRAME_BYTES_MAX: u32 = 1024 * 1024;

/// The bytes of a frame's body that are looked at; what decides stands at its start.
const HEAD_BYTES_MAX: usize = 512;

/// The longest delivery tag, by the standard.
const TAG_BYTES_MAX: usize = 32;

/// The longest condition of an error that is kept.
const CONDITION_BYTES_MAX: usize = 128;

const PREFIX_BYTES: usize = 8;

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

/// Follows what comes in on one connection.
#[derive(Debug, Default)]
pub(crate) struct Follower {
    prefix: [u8; PREFIX_BYTES],
    prefix_length: usize,
    /// The bytes between the prefix and the body of the frame that are still to come.
    skip: usize,
    /// The bytes of the body that are still to come.
    body: usize,
    /// The start of the body, as far as it came in pieces.
    head: Vec<u8>,
    /// How long the head will be.
    head_length: usize,
    /// The channel of the frame.
    channel: u16,
}

impl Follower {
    /// Reads on, and hands each frame that matters to `tell`.
    ///
    /// After a fault nothing further can be followed.
    pub(crate) fn follow(
        &mut self,
        mut bytes: &[u8],
        tell: &mut impl FnMut(Seen) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        while !bytes.is_empty() {
            bytes = if self.prefix_length < PREFIX_BYTES {
                self.read_prefix(bytes)?
            } else if 0 < self.skip {
                let count = self.skip.min(bytes.len());
                self.skip -= count;
                &bytes[count..]
            } else {
                self.read_body(bytes, tell)?
            };
            if self.prefix_length == PREFIX_BYTES && self.skip == 0 && self.body == 0 {
                self.prefix_length = 0;
            }
        }
        Ok(())
    }

    fn read_prefix<'a>(&mut self, bytes: &'a [u8]) -> Result<&'a [u8], Fault> {
        let count = (PREFIX_BYTES - self.prefix_length).min(bytes.len());
        let (taken, rest) = bytes.split_at(count);
        self.prefix[self.prefix_length..][..count].copy_from_slice(taken);
        self.prefix_length += count;
        if self.prefix_length == PREFIX_BYTES && !self.prefix.starts_with(b"AMQP") {
            self.begin_frame()?;
        }
        Ok(rest)
    }

    fn begin_frame(&mut self) -> Result<(), Fault> {
        let [s0, s1, s2, s3, offset, kind, c0, c1] = self.prefix;
        let size = u32::from_be_bytes([s0, s1, s2, s3]);
        let fault = Fault::Size(size);
        if FRAME_BYTES_MAX < size {
            return Err(fault);
        }
        let size = usize::try_from(size).map_err(|_| fault)?;
        let start = usize::from(offset) * 4;
        self.skip = start.checked_sub(PREFIX_BYTES).ok_or(fault)?;
        self.body = size.checked_sub(start).ok_or(fault)?;
        let is_amqp = kind == 0;
        self.head_length = if is_amqp {
            self.body.min(HEAD_BYTES_MAX)
        } else {
            0
        };
        self.channel = u16::from_be_bytes([c0, c1]);
        self.head.clear();
        Ok(())
    }

    fn read_body<'a>(
        &mut self,
        bytes: &'a [u8],
        tell: &mut impl FnMut(Seen) -> Result<(), Fault>,
    ) -> Result<&'a [u8], Fault> {
        let (taken, rest) = bytes.split_at(self.body.min(bytes.len()));
        self.body -= taken.len();
        let missing = self.head_length - self.head.len();
        if 0 < missing {
            let is_whole = self.head.is_empty() && missing <= taken.len();
            let seen = if is_whole {
                // Most frames come in one piece, and nothing of them is copied.
                self.head_length = 0;
                see(self.channel, &taken[..missing])?
            } else {
                self.head
                    .extend_from_slice(&taken[..missing.min(taken.len())]);
                if self.head.len() < self.head_length {
                    return Ok(rest);
                }
                see(self.channel, &self.head)?
            };
            if let Some(seen) = seen {
                tell(seen)?;
            }
        }
        Ok(rest)
    }
}

/// Reads the start of the body of a frame.
fn see(channel: u16, head: &[u8]) -> Result<Option<Seen>, Fault> {
    let mut reader = Reader::new(head);
    let seen = match reader.descriptor(PERFORMATIVES)? {
        Some(TRANSFER) => see_transfer(channel, reader)?,
        Some(DISPOSITION) => see_disposition(channel, reader)?,
        Some(ATTACH) => see_attach(channel, reader)?,
        Some(FLOW) => see_flow(channel, reader)?,
        Some(DETACH) => {
            let handle = reader.list()?.uint()?.ok_or(Fault::Content)?;
            Some(Seen::Detached { channel, handle })
        }
        Some(BEGIN | END) => Some(Seen::Cleared { channel }),
        _ => None,
    };
    Ok(seen)
}

fn see_transfer(channel: u16, reader: Reader<'_>) -> Result<Option<Seen>, Fault> {
    let mut fields = reader.list()?;
    let handle = fields.uint()?.ok_or(Fault::Content)?;
    let id = fields.uint()?;
    let tag = fields.bytes()?;
    if tag.is_some_and(|tag| TAG_BYTES_MAX < tag.len()) {
        return Err(Fault::Content);
    }
    let _format = fields.uint()?;
    let is_settled = fields.boolean()?.unwrap_or(false);
    // The frames of a delivery after its first need not name it again, and other nodes than
    // entities have other tags.
    let token = tag.and_then(|tag| Token::try_from(tag).ok());
    let (Some(id), Some(token), false) = (id, token, is_settled) else {
        return Ok(None);
    };
    Ok(Some(Seen::Transfer {
        channel,
        handle,
        id,
        token,
    }))
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
