//! Everything that ends in time: leases of one length in a list, all else in a hierarchical wheel.

use std::{cmp::Reverse, collections::BinaryHeap, mem};

use relayhouse_core::Instant;

use super::slab::NONE;

/// A tick has 2^20 nanoseconds, about a millisecond.
const TICK_BITS: u32 = 20;
const LEVEL_BITS: u32 = 6;
const BUCKETS: usize = 1 << LEVEL_BITS;

/// Eight levels of six bits hold every tick that 64 bits of nanoseconds have.
const LEVELS: usize = 8;

const LISTS: usize = LEVELS * BUCKETS + 1;

/// The list of leases stands behind those of the wheel.
const FIFO: u16 = 512;
const NEAR: u16 = FIFO + 1;
const CANCELLED: u16 = FIFO + 2;

/// Names what a timer belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    /// The slot of a message.
    Slot(u32),
    /// A session, by the number of its key.
    Session(u32),
    /// The deliveries of one receive, by the number of their group.
    Group(u32),
}

/// Is what has ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Due {
    Slot(u32),
    Session(u32),
    /// The slots that joined the group, of which those are meant that still have this timer.
    Group {
        timer: u32,
        members: Vec<u32>,
    },
}

#[derive(Debug)]
struct Timer {
    due: Instant,
    start: Instant,
    owner: Owner,
    previous: u32,
    next: u32,
    place: u16,
    /// How many count on it.
    left: u32,
}

#[derive(Clone, Copy, Debug)]
struct List {
    head: u32,
    tail: u32,
}

/// Keeps timers: adding and cancelling one costs the same however many there are.
///
/// A lease that ends no earlier than the last one of the list goes behind it. Any other timer
/// goes into the wheel, and from there, when its tick has come, into a heap that knows the exact
/// time.
#[derive(Debug)]
pub(crate) struct Wheel {
    timers: Vec<Timer>,
    free: u32,
    groups: Vec<Vec<u32>>,
    groups_free: Vec<u32>,
    lists: Box<[List]>,
    occupied: [u64; LEVELS],
    near: BinaryHeap<Reverse<(Instant, u32)>>,
    tick: u64,
    /// There is nothing to do before this: it is never after what [`next_due`](Self::next_due) says.
    quiet_until: Instant,
}

impl Wheel {
    pub(crate) fn new(now: Instant) -> Self {
        let empty = List {
            head: NONE,
            tail: NONE,
        };
        Self {
            timers: Vec::new(),
            free: NONE,
            groups: Vec::new(),
            groups_free: Vec::new(),
            lists: vec![empty; LISTS].into(),
            occupied: [0; LEVELS],
            near: BinaryHeap::new(),
            tick: tick_of(now),
            quiet_until: Instant::NEVER,
        }
    }

    /// Adds a lease that starts at `start` and ends at `due`.
    pub(crate) fn lease(&mut self, start: Instant, due: Instant, owner: Owner) -> u32 {
        let timer = self.make(start, due, owner);
        let tail = self.lists[usize::from(FIFO)].tail;
        let is_last = tail == NONE || self.timers[tail as usize].due <= due;
        if is_last {
            self.quiet_until = self.quiet_until.min(due);
            self.link(timer, FIFO);
        } else {
            self.place(timer);
        }
        timer
    }

    /// Adds the lease of all deliveries of one receive, none of which has joined it yet.
    pub(crate) fn lease_group(&mut self, start: Instant, due: Instant) -> u32 {
        let group = self.groups_free.pop().unwrap_or_else(|| {
            self.groups.push(Vec::new());
            u32::try_from(self.groups.len() - 1).unwrap_or(NONE)
        });
        let timer = self.lease(start, due, Owner::Group(group));
        self.timers[timer as usize].left = 0;
        timer
    }

    /// Lets a slot join the lease of its receive.
    #[inline]
    pub(crate) fn join(&mut self, timer: u32, slot: u32) {
        let timer = &mut self.timers[timer as usize];
        if let Owner::Group(group) = timer.owner {
            timer.left += 1;
            self.groups[group as usize].push(slot);
        }
    }

    /// Lets `count` slots join the lease of their receive, and returns where to put them.
    #[inline]
    pub(crate) fn join_all(&mut self, timer: u32, count: u32) -> Option<&mut Vec<u32>> {
        let timer = &mut self.timers[timer as usize];
        let Owner::Group(group) = timer.owner else {
            return None;
        };
        timer.left += count;
        Some(&mut self.groups[group as usize])
    }

    /// Takes the members of a group that has ended back, for the next one.
    pub(crate) fn recycle(&mut self, mut members: Vec<u32>) {
        members.clear();
        let unused = self.groups_free.last().copied();
        if let Some(group) = unused {
            self.groups[group as usize] = members;
        }
    }

    /// Adds anything else that ends at `due`.
    pub(crate) fn add(&mut self, due: Instant, owner: Owner) -> u32 {
        let timer = self.make(due, due, owner);
        self.place(timer);
        timer
    }

    /// Moves the end of a timer for `owner`, who leaves its group: the start stays.
    pub(crate) fn extend(&mut self, timer: u32, due: Instant, owner: Owner) -> u32 {
        let start = self.timers[timer as usize].start;
        self.cancel(timer);
        let timer = self.make(start, due, owner);
        self.place(timer);
        timer
    }

    /// Takes a timer out; that of a group, when the last of it leaves.
    #[inline]
    pub(crate) fn cancel(&mut self, timer: u32) {
        let found = &mut self.timers[timer as usize];
        if 1 < found.left {
            found.left -= 1;
            return;
        }
        self.take_out(timer);
    }

    fn take_out(&mut self, timer: u32) {
        if let Owner::Group(group) = self.timers[timer as usize].owner {
            self.groups[group as usize].clear();
            self.groups_free.push(group);
        }
        if self.timers[timer as usize].place == NEAR {
            self.timers[timer as usize].place = CANCELLED;
            return;
        }
        self.unlink(timer);
        self.release(timer);
    }

    pub(crate) fn due(&self, timer: u32) -> Instant {
        self.timers[timer as usize].due
    }

    pub(crate) fn start(&self, timer: u32) -> Instant {
        self.timers[timer as usize].start
    }

    /// Takes out a timer whose end has come by `now`; of several, the earliest.
    pub(crate) fn pop_due(&mut self, now: Instant) -> Option<Due> {
        self.advance(now);
        self.drop_cancelled();
        let fifo = self.lists[usize::from(FIFO)].head;
        let fifo_due = self.due_or_never(fifo);
        let near_due = self.near_due();
        if now < fifo_due.min(near_due) || (fifo == NONE && near_due == Instant::NEVER) {
            self.quiet_until = self.next_due();
            return None;
        }
        let timer = if fifo_due <= near_due {
            self.unlink(fifo);
            fifo
        } else {
            self.near.pop()?.0.1
        };
        let owner = self.timers[timer as usize].owner;
        self.release(timer);
        Some(match owner {
            Owner::Slot(slot) => Due::Slot(slot),
            Owner::Session(key) => Due::Session(key),
            Owner::Group(group) => {
                self.groups_free.push(group);
                let members = mem::take(&mut self.groups[group as usize]);
                Due::Group { timer, members }
            }
        })
    }

    /// Returns a time before which no timer ends: the end of the earliest, or up to a bucket
    /// before it.
    pub(crate) fn next_due(&mut self) -> Instant {
        self.drop_cancelled();
        let fifo = self.lists[usize::from(FIFO)].head;
        let wheel = self
            .next_bucket()
            .map_or(Instant::NEVER, |(start, _)| instant_of(start));
        self.due_or_never(fifo).min(self.near_due()).min(wheel)
    }

    /// Returns true if no timer can have ended by `now`, looking at little.
    #[inline]
    pub(crate) fn is_quiet(&self, now: Instant) -> bool {
        now < self.quiet_until
    }

    fn due_or_never(&self, timer: u32) -> Instant {
        self.timers
            .get(timer as usize)
            .map_or(Instant::NEVER, |timer| timer.due)
    }

    fn near_due(&self) -> Instant {
        self.near
            .peek()
            .map_or(Instant::NEVER, |Reverse((due, _))| *due)
    }

    fn drop_cancelled(&mut self) {
        while let Some(&Reverse((_, timer))) = self.near.peek() {
            if self.timers[timer as usize].place != CANCELLED {
                return;
            }
            self.near.pop();
            self.release(timer);
        }
    }

    /// Moves what is due by the tick of `now` into the heap.
    fn advance(&mut self, now: Instant) {
        let now = tick_of(now);
        while let Some((start, list)) = self.next_bucket().filter(|(start, _)| *start <= now) {
            self.tick = start;
            let mut timer = self.lists[usize::from(list)].head;
            while timer != NONE {
                let next = self.timers[timer as usize].next;
                self.unlink(timer);
                self.place(timer);
                timer = next;
            }
        }
        self.tick = self.tick.max(now);
    }

    /// Returns the earliest bucket that has timers, with the tick at which it starts.
    ///
    /// A timer stands on the level of the highest digit in which its tick differs from the
    /// present one, so a lower level is always earlier than a higher one.
    fn next_bucket(&self) -> Option<(u64, u16)> {
        let level = self.occupied.iter().position(|bits| *bits != 0)?;
        let bucket = self.occupied[level].trailing_zeros() as usize;
        let shift = LEVEL_BITS * u32::try_from(level).ok()?;
        let above = self.tick >> (shift + LEVEL_BITS) << (shift + LEVEL_BITS);
        let list = u16::try_from(level * BUCKETS + bucket).ok()?;
        Some((above | (bucket as u64) << shift, list))
    }

    fn place(&mut self, timer: u32) {
        let due = self.timers[timer as usize].due;
        let tick = tick_of(due);
        if tick <= self.tick {
            self.timers[timer as usize].place = NEAR;
            self.near.push(Reverse((due, timer)));
            self.quiet_until = self.quiet_until.min(due);
            return;
        }
        let level = (tick ^ self.tick).ilog2() / LEVEL_BITS;
        let shift = level * LEVEL_BITS;
        let bucket = tick >> shift & (BUCKETS as u64 - 1);
        let start = instant_of(tick >> shift << shift);
        self.quiet_until = self.quiet_until.min(start);
        self.occupied[level as usize] |= 1 << bucket;
        #[expect(
            clippy::cast_possible_truncation,
            reason = "there are 512 lists in the wheel"
        )]
        let list = level as u16 * BUCKETS as u16 + bucket as u16;
        self.link(timer, list);
    }

    fn link(&mut self, timer: u32, place: u16) {
        let list = &mut self.lists[usize::from(place)];
        let tail = list.tail;
        list.tail = timer;
        if tail == NONE {
            list.head = timer;
        } else {
            self.timers[tail as usize].next = timer;
        }
        let timer = &mut self.timers[timer as usize];
        timer.previous = tail;
        timer.next = NONE;
        timer.place = place;
    }

    fn unlink(&mut self, timer: u32) {
        let Timer {
            previous,
            next,
            place,
            ..
        } = self.timers[timer as usize];
        let list = &mut self.lists[usize::from(place)];
        if previous == NONE {
            list.head = next;
        } else {
            self.timers[previous as usize].next = next;
        }
        if next == NONE {
            list.tail = previous;
        } else {
            self.timers[next as usize].previous = previous;
        }
        if previous == NONE && next == NONE && place < FIFO {
            let (level, bucket) = (usize::from(place) / BUCKETS, usize::from(place) % BUCKETS);
            self.occupied[level] &= !(1 << bucket);
        }
    }

    fn make(&mut self, start: Instant, due: Instant, owner: Owner) -> u32 {
        let timer = Timer {
            due,
            start,
            owner,
            previous: NONE,
            next: NONE,
            place: CANCELLED,
            left: 1,
        };
        if let Some(free) = self.timers.get_mut(self.free as usize) {
            let index = self.free;
            self.free = free.next;
            *free = timer;
            return index;
        }
        self.timers.push(timer);
        u32::try_from(self.timers.len() - 1).unwrap_or(NONE)
    }

    fn release(&mut self, timer: u32) {
        self.timers[timer as usize].next = self.free;
        self.free = timer;
    }
}

const fn tick_of(instant: Instant) -> u64 {
    instant.as_nanos() >> TICK_BITS
}

const fn instant_of(tick: u64) -> Instant {
    Instant::from_nanos(tick << TICK_BITS)
}

#[cfg(test)]
mod tests;
