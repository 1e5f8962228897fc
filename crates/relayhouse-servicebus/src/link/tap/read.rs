//! The few encodings of AMQP that the tap has to read, out of the first bytes of a frame.

/// Says that bytes are not what AMQP writes there, or go on beyond what was kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unreadable;

/// Reads values one after the other.
#[derive(Clone, Debug)]
pub(super) struct Reader<'a>(&'a [u8]);

/// Counts down the fields of a list.
#[derive(Debug)]
pub(super) struct Fields<'a> {
    reader: Reader<'a>,
    left: u32,
    /// How many bytes all fields have, by what the list says.
    pub(super) bytes: Option<usize>,
}

impl<'a> Reader<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// Returns how many bytes are left.
    pub(super) const fn left(&self) -> usize {
        self.0.len()
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8], Unreadable> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(Unreadable)?;
        self.0 = rest;
        Ok(taken)
    }

    fn byte(&mut self) -> Result<u8, Unreadable> {
        self.take(1).map(|bytes| bytes[0])
    }

    fn word(&mut self) -> Result<u32, Unreadable> {
        let bytes = self.take(4)?.try_into().map_err(|_| Unreadable)?;
        Ok(u32::from_be_bytes(bytes))
    }

    fn short_length(&mut self) -> Result<usize, Unreadable> {
        self.byte().map(usize::from)
    }

    fn long_length(&mut self) -> Result<usize, Unreadable> {
        usize::try_from(self.word()?).map_err(|_| Unreadable)
    }

    /// Reads what stands before a described value: a code, or its name in `names`.
    pub(super) fn descriptor(&mut self, names: &[(&str, u8)]) -> Result<Option<u8>, Unreadable> {
        if self.byte()? != 0x00 {
            return Err(Unreadable);
        }
        let symbol = match self.byte()? {
            0x53 => return self.byte().map(Some),
            0x44 => return Ok(Some(0)),
            0x80 => {
                let bytes = self.take(8)?.try_into().map_err(|_| Unreadable)?;
                return Ok(u8::try_from(u64::from_be_bytes(bytes)).ok());
            }
            0xa3 => self.short_length()?,
            0xb3 => self.long_length()?,
            _ => return Err(Unreadable),
        };
        let name = self.take(symbol)?;
        let known = names.iter().find(|(known, _)| known.as_bytes() == name);
        Ok(known.map(|(_, code)| *code))
    }

    /// Reads the head of a list, and leaves its fields to be read.
    pub(super) fn list(mut self) -> Result<Fields<'a>, Unreadable> {
        // The size counts from behind itself, and the number of fields is a part of that.
        let (left, bytes) = match self.byte()? {
            0x45 => (0, Some(0)),
            0xc0 => {
                let size = self.short_length()?;
                (u32::from(self.byte()?), size.checked_sub(1))
            }
            0xd0 => {
                let size = self.long_length()?;
                (self.word()?, size.checked_sub(4))
            }
            _ => return Err(Unreadable),
        };
        Ok(Fields {
            reader: self,
            left,
            bytes,
        })
    }
}

impl<'a> Fields<'a> {
    /// Returns how many bytes are left, of the list and of what comes after it.
    pub(super) const fn left(&self) -> usize {
        self.reader.left()
    }

    /// Returns true if the next field is null or false, or there is none.
    pub(super) fn is_unset(&mut self) -> Result<bool, Unreadable> {
        match self.next()? {
            Some(reader) => Ok(reader.byte()? == 0x42),
            None => Ok(true),
        }
    }

    /// Returns the reader at the next field, unless there is none or it is null.
    fn next(&mut self) -> Result<Option<&mut Reader<'a>>, Unreadable> {
        let Some(left) = self.left.checked_sub(1) else {
            return Ok(None);
        };
        self.left = left;
        if self.reader.0.first() == Some(&0x40) {
            self.reader.byte()?;
            return Ok(None);
        }
        Ok(Some(&mut self.reader))
    }

    pub(super) fn uint(&mut self) -> Result<Option<u32>, Unreadable> {
        let Some(reader) = self.next()? else {
            return Ok(None);
        };
        match reader.byte()? {
            0x43 => Ok(Some(0)),
            0x52 => reader.byte().map(|byte| Some(u32::from(byte))),
            0x70 => reader.word().map(Some),
            _ => Err(Unreadable),
        }
    }

    pub(super) fn boolean(&mut self) -> Result<Option<bool>, Unreadable> {
        let Some(reader) = self.next()? else {
            return Ok(None);
        };
        match reader.byte()? {
            0x41 => Ok(Some(true)),
            0x42 => Ok(Some(false)),
            0x56 => reader.byte().map(|byte| Some(byte != 0)),
            _ => Err(Unreadable),
        }
    }

    /// Reads bytes, text or a symbol: what they are matters to nobody here.
    pub(super) fn bytes(&mut self) -> Result<Option<&'a [u8]>, Unreadable> {
        let Some(reader) = self.next()? else {
            return Ok(None);
        };
        let length = match reader.byte()? {
            0xa0 | 0xa1 | 0xa3 => reader.short_length()?,
            0xb0 | 0xb1 | 0xb3 => reader.long_length()?,
            _ => return Err(Unreadable),
        };
        reader.take(length).map(Some)
    }

    /// Returns a reader of the next field, which is the last that is read of this list.
    pub(super) fn last(mut self) -> Result<Option<Reader<'a>>, Unreadable> {
        Ok(self.next()?.cloned())
    }
}
