//! What is left of a datum, and of the bounds that it may use up.

mod text;

use std::borrow::Cow;

use super::{fault::Fault, plan::Plan};
use crate::bounds::Bounds;

/// How many items without a single byte one datum may have: what a few bytes can ask for.
const EMPTY_ITEMS_MAX: usize = 1 << 16;

const TOO_SHORT: &str = "datum ends too early";

const EIGHT: usize = size_of::<u64>();

/// The bits that no number of one byte has which is not negative.
const NOT_SHORT: u8 = 0x81;

/// How much of what a plan remembers of types is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Trust {
    Nothing,
    Proved,
    /// What is on trial as well.
    All,
}

/// Reads a datum from front to back, by a plan.
#[derive(Debug)]
pub(super) struct Input<'p, 'd> {
    pub(super) plan: &'p Plan,
    rest: &'d [u8],
    length: usize,
    text_bytes_max: usize,
    /// The bits of a length that none of a short text has.
    not_short: u8,
    items_left: usize,
    empty_items_left: usize,
    depth_left: u8,
    depth_max: u8,
    items_max: usize,
    failed: Option<Fault>,
    /// How much of what the plan remembers of types is used.
    pub(super) trust: Trust,
    /// A value was given up before its end, so that nothing after it can be trusted.
    pub(super) is_broken: bool,
    /// Whether errors lose all but their text on their way.
    pub(super) is_erased: bool,
    /// The last fault, where errors lose the rest of it.
    told: Option<Fault>,
}

impl<'p, 'd> Input<'p, 'd> {
    pub(super) fn new(plan: &'p Plan, datum: &'d [u8], bounds: &Bounds) -> Self {
        Self {
            plan,
            rest: datum,
            length: datum.len(),
            text_bytes_max: bounds.text_bytes_max.get(),
            not_short: text::not_short(bounds.text_bytes_max.get()),
            items_left: bounds.items_max.get(),
            empty_items_left: EMPTY_ITEMS_MAX,
            depth_left: bounds.depth_max.get(),
            depth_max: bounds.depth_max.get(),
            items_max: bounds.items_max.get(),
            failed: None,
            trust: Trust::All,
            is_broken: false,
            is_erased: false,
            told: None,
        }
    }

    /// Makes an input over the same, which goes ahead without this one.
    pub(super) fn scout(&self) -> Self {
        Self {
            failed: None,
            told: None,
            ..*self
        }
    }

    /// Makes an input over `constant`, which the schema holds and nobody has sent, with what is
    /// left of the depth.
    pub(super) fn constant<'c>(&self, constant: &'c [u8]) -> Input<'p, 'c> {
        Input {
            rest: constant,
            length: constant.len(),
            text_bytes_max: usize::MAX,
            not_short: NOT_SHORT,
            items_left: usize::MAX,
            empty_items_left: usize::MAX,
            items_max: usize::MAX,
            failed: None,
            told: None,
            ..*self
        }
    }

    /// Returns whether all was read, and nothing was given up in between.
    #[inline]
    pub(super) fn is_done(&self) -> bool {
        self.rest.is_empty() && !self.is_broken
    }

    /// Makes the fault of who is content before that.
    #[cold]
    pub(super) fn unfinished(&mut self) -> Fault {
        self.fault(match self.is_broken {
            true => "type goes on after a value that does not decode",
            false => "bytes are left after the value",
        })
    }

    pub(super) fn offset(&self) -> usize {
        self.length - self.rest.len()
    }

    /// Returns what is left, so that it can be read again after [`back_to`](Self::back_to).
    pub(super) fn mark(&self) -> &'d [u8] {
        self.rest
    }

    pub(super) fn back_to(&mut self, mark: &'d [u8]) {
        self.rest = mark;
    }

    /// Makes the fault that stands here.
    #[cold]
    pub(super) fn fault(&mut self, text: impl Into<Cow<'static, str>>) -> Fault {
        self.is_broken = true;
        let fault = Fault::new(text).at(self.offset());
        self.tell(fault)
    }

    /// Takes note that a value was given up before its end.
    #[cold]
    pub(super) fn given_up(&mut self, fault: Fault) -> Fault {
        self.is_broken = true;
        let fault = self.recall(fault).at(self.offset());
        self.tell(fault)
    }

    /// Takes note that the field called `name` was given up.
    #[cold]
    pub(super) fn field_given_up(&mut self, fault: Fault, name: &str) -> Fault {
        let fault = self.given_up(fault).in_field(name);
        self.tell(fault)
    }

    /// Takes note that an item was given up.
    #[cold]
    pub(super) fn item_given_up(&mut self, fault: Fault, index: usize) -> Fault {
        let fault = self.given_up(fault).in_item(index);
        self.tell(fault)
    }

    /// Keeps a fault, if what becomes of it may lose all but its text.
    fn tell(&mut self, fault: Fault) -> Fault {
        if self.is_erased {
            self.told = Some(fault.clone());
        }
        fault
    }

    /// Returns the fault that was told, if `fault` may be what is left of it.
    #[cold]
    pub(super) fn recall(&mut self, fault: Fault) -> Fault {
        match self.told.take() {
            Some(told) if fault.is_foreign() => told,
            _ => fault,
        }
    }

    /// Keeps the fault that stands here for [`or_fault`](Self::or_fault).
    #[cold]
    fn fail<T>(&mut self, text: impl Into<Cow<'static, str>>) -> Option<T> {
        self.failed = Some(self.fault(text));
        None
    }

    /// Returns what was read, or why nothing was. What comes through here is read in functions of
    /// their own, and an `Option` comes back from them in registers, where a `Result` does not.
    #[inline(always)]
    fn or_fault<T>(&mut self, read: Option<T>) -> Result<T, Fault> {
        match read {
            Some(read) => Ok(read),
            None => Err(self.take_failed()),
        }
    }

    #[cold]
    fn take_failed(&mut self) -> Fault {
        let failed = self.failed.take();
        failed.unwrap_or_else(|| self.too_short())
    }

    /// Goes a level deeper. Whoever ends well calls [`leave`](Self::leave).
    #[inline]
    pub(super) fn enter(&mut self) -> Result<(), Fault> {
        match self.depth_left.checked_sub(1) {
            Some(left) => {
                self.depth_left = left;
                Ok(())
            }
            None => Err(self.too_deep()),
        }
    }

    #[inline]
    pub(super) fn leave(&mut self) {
        self.depth_left += 1;
    }

    #[cold]
    fn too_deep(&mut self) -> Fault {
        let max = self.depth_max;
        self.fault(format!("values stand in each other more than {max} deep"))
    }

    #[inline(always)]
    pub(super) fn take(&mut self, length: usize) -> Result<&'d [u8], Fault> {
        match self.rest.split_at_checked(length) {
            Some((taken, rest)) => {
                self.rest = rest;
                Ok(taken)
            }
            None => Err(self.too_short()),
        }
    }

    #[inline(always)]
    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], Fault> {
        match self.rest.split_first_chunk() {
            Some((taken, rest)) => {
                self.rest = rest;
                Ok(*taken)
            }
            None => Err(self.too_short()),
        }
    }

    #[cold]
    fn too_short(&mut self) -> Fault {
        self.fault(TOO_SHORT)
    }

    #[inline]
    pub(super) fn boolean(&mut self) -> Result<bool, Fault> {
        match self.array()? {
            [0] => Ok(false),
            [1] => Ok(true),
            _ => Err(self.fault("a boolean is 0 or 1")),
        }
    }

    #[inline]
    pub(super) fn float(&mut self) -> Result<f32, Fault> {
        self.array().map(f32::from_le_bytes)
    }

    #[inline]
    pub(super) fn double(&mut self) -> Result<f64, Fault> {
        self.array().map(f64::from_le_bytes)
    }

    #[inline(always)]
    pub(super) fn int(&mut self) -> Result<i32, Fault> {
        let long = self.long()?;
        match i32::try_from(long) {
            Ok(int) => Ok(int),
            Err(_) => Err(self.fault("an int has more than 32 bits")),
        }
    }

    #[inline(always)]
    pub(super) fn long(&mut self) -> Result<i64, Fault> {
        match *self.rest {
            [byte, ref rest @ ..] if byte < 0x80 => {
                self.rest = rest;
                Ok(signed(byte.into()))
            }
            _ => {
                let long = self.long_of_many();
                self.or_fault(long)
            }
        }
    }

    /// Reads a long of two bytes or more: up to eight of them at once, if they are there.
    #[inline(never)]
    fn long_of_many(&mut self) -> Option<i64> {
        let Some(chunk) = self.rest.first_chunk::<EIGHT>() else {
            return self.long_of_each();
        };
        let word = u64::from_le_bytes(*chunk);
        let ends = !word & 0x8080_8080_8080_8080;
        if ends == 0 {
            return self.long_of_each();
        }
        // The bits up to the first byte without a mark, and their groups of seven moved together.
        let word = word & (ends ^ (ends - 1)) & 0x7f7f_7f7f_7f7f_7f7f;
        let pairs = (word & 0x007f_007f_007f_007f) | (word & 0x7f00_7f00_7f00_7f00) >> 1;
        let fours = (pairs & 0x0000_3fff_0000_3fff) | (pairs & 0x3fff_0000_3fff_0000) >> 2;
        let all = (fours & 0x0000_0000_0fff_ffff) | (fours & 0x0fff_ffff_0000_0000) >> 4;
        let length = ends.trailing_zeros() as usize / 8 + 1;
        self.rest = &self.rest[length..];
        Some(signed(all))
    }

    fn long_of_each(&mut self) -> Option<i64> {
        const LAST: usize = 9;
        let mut number = 0;
        for (index, &byte) in self.rest.iter().enumerate() {
            let is_over = index == LAST && 1 < byte;
            if is_over || LAST < index {
                return self.fail("a long has more than 64 bits");
            }
            number |= u64::from(byte & 0x7f) << (7 * index);
            if byte < 0x80 {
                self.rest = &self.rest[index + 1..];
                return Some(signed(number));
            }
        }
        self.fail(TOO_SHORT)
    }

    /// Returns the number that comes next, if it is one byte and not negative.
    #[inline]
    pub(super) fn peek_short(&self) -> Option<usize> {
        self.rest.first().and_then(|byte| short(*byte))
    }

    /// Returns the byte that comes next, or what is no byte.
    #[inline]
    pub(super) fn peek_byte(&self) -> u16 {
        self.rest.first().map_or(u16::MAX, |byte| u16::from(*byte))
    }

    /// Passes over the empty block that ends an array or a map, if that is next.
    #[inline]
    pub(super) fn pass_zero(&mut self) -> bool {
        let rest = self.rest.strip_prefix(&[0]);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    /// Passes over a byte that was peeked at.
    #[inline]
    pub(super) fn pass_byte(&mut self) {
        if let [_, rest @ ..] = self.rest {
            self.rest = rest;
        }
    }

    /// Reads how many items the next block of an array or a map has: none after the last block.
    #[inline]
    pub(super) fn items(&mut self) -> Result<usize, Fault> {
        if let [byte, ref rest @ ..] = *self.rest
            && let Some(count) = short(byte)
            && count <= rest.len()
            && let Some(items_left) = self.items_left.checked_sub(count)
        {
            self.rest = rest;
            self.items_left = items_left;
            return Ok(count);
        }
        self.items_of_any_number()
    }

    #[inline(never)]
    fn items_of_any_number(&mut self) -> Result<usize, Fault> {
        // How many bytes a block has is of no use to who reads it.
        self.block().map(|(count, _)| count)
    }

    /// Reads the head of a block of an array or a map: the count of its items, and how many bytes
    /// they have if that is written. After the last block the count is 0.
    pub(super) fn block(&mut self) -> Result<(usize, Option<i64>), Fault> {
        let count = self.long()?;
        if count == 0 {
            return Ok((0, None));
        }
        let bytes = if count < 0 { Some(self.long()?) } else { None };
        let count = usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX);
        self.charge(count)?;
        Ok((count, bytes))
    }

    /// Takes `count` items off what may still come. More items than bytes can only be items
    /// without a byte, of which few are allowed.
    #[inline]
    fn charge(&mut self, count: usize) -> Result<(), Fault> {
        let Some(items_left) = self.items_left.checked_sub(count) else {
            return Err(self.too_many());
        };
        self.items_left = items_left;
        let empty = count.saturating_sub(self.rest.len());
        let Some(empty_items_left) = self.empty_items_left.checked_sub(empty) else {
            return Err(self.fault("more items than bytes"));
        };
        self.empty_items_left = empty_items_left;
        Ok(())
    }

    #[cold]
    fn too_many(&mut self) -> Fault {
        let max = self.items_max;
        self.fault(format!(
            "arrays and maps have more than {max} items in total"
        ))
    }
}

/// Undoes the zigzag: 0, 1, 2, 3 are 0, -1, 1, -2.
#[inline]
fn signed(number: u64) -> i64 {
    (number >> 1) as i64 ^ -((number & 1) as i64)
}

/// Returns the number that is written as one byte, unless it is negative or has more bytes.
#[inline]
fn short(byte: u8) -> Option<usize> {
    (byte & NOT_SHORT == 0).then(|| usize::from(byte / 2))
}
