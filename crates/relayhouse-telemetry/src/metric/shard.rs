//! Cells that one thread writes at a time, so that adding is a load and a store.

use std::sync::{
    OnceLock,
    atomic::{AtomicU64, Ordering},
};

/// The threads that have cells of their own; others share some, and add with more effort.
const OWN: usize = 32;

/// Which numbers are taken: a bit for each.
static TAKEN: AtomicU64 = AtomicU64::new(0);

thread_local! {
    static NUMBER: Number = Number::take();
}

/// Is the number of a thread, which no other has at the same time.
struct Number(usize);

impl Number {
    fn take() -> Self {
        let mut taken = TAKEN.load(Ordering::Relaxed);
        loop {
            let number = taken.trailing_ones() as usize;
            if OWN <= number {
                return Self(OWN);
            }
            let more = taken | 1 << number;
            // What the last owner has written is seen from here on.
            let swap = TAKEN.compare_exchange(taken, more, Ordering::Acquire, Ordering::Relaxed);
            match swap {
                Ok(_) => return Self(number),
                Err(now) => taken = now,
            }
        }
    }
}

impl Drop for Number {
    fn drop(&mut self) {
        if self.0 < OWN {
            TAKEN.fetch_and(!(1 << self.0), Ordering::Release);
        }
    }
}

/// Holds the same cells for each thread.
#[derive(Debug)]
pub(super) struct Shards {
    cells: usize,
    /// The last are those that are shared.
    shards: [OnceLock<Box<[AtomicU64]>>; OWN + 1],
}

/// Is the cells that this thread may write.
#[derive(Clone, Copy)]
pub(super) struct Shard<'a> {
    cells: &'a [AtomicU64],
    is_own: bool,
}

impl Shards {
    pub(super) fn new(cells: usize) -> Self {
        Self {
            cells,
            shards: [const { OnceLock::new() }; OWN + 1],
        }
    }

    /// Returns the cells of this thread.
    #[inline]
    pub(super) fn mine(&self) -> Shard<'_> {
        // A thread that ends has no number any more.
        let number = NUMBER.try_with(|number| number.0).unwrap_or(OWN);
        Shard {
            cells: self.shard(number),
            is_own: number < OWN,
        }
    }

    /// Returns the cells that all threads share, where levels are that somebody sets.
    pub(super) fn shared(&self) -> &[AtomicU64] {
        self.shard(OWN)
    }

    /// Returns the sum of a cell over all threads; it wraps, as levels do.
    pub(super) fn sum(&self, cell: usize) -> u64 {
        let shards = self.shards.iter().filter_map(OnceLock::get);
        let values = shards.map(|shard| shard[cell].load(Ordering::Relaxed));
        values.fold(0, u64::wrapping_add)
    }

    #[inline]
    fn shard(&self, number: usize) -> &[AtomicU64] {
        self.shards[number].get_or_init(|| (0..self.cells).map(|_| AtomicU64::new(0)).collect())
    }
}

impl Shard<'_> {
    /// Adds to a cell; it wraps, as levels do.
    #[inline]
    pub(super) fn add(&self, cell: usize, by: u64) {
        let cell = &self.cells[cell];
        if self.is_own {
            let sum = cell.load(Ordering::Relaxed).wrapping_add(by);
            cell.store(sum, Ordering::Relaxed);
        } else {
            cell.fetch_add(by, Ordering::Relaxed);
        }
    }

    /// Notes in a cell that something was told.
    #[inline]
    pub(super) fn mark(&self, cell: usize) {
        self.cells[cell].store(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn nothing_is_lost_by_threads_that_come_and_go() {
        const THREADS: u64 = 3 * OWN as u64;
        let shards = Shards::new(2);
        for _ in 0..3 {
            thread::scope(|scope| {
                for _ in 0..THREADS {
                    scope.spawn(|| {
                        for _ in 0..1_000 {
                            shards.mine().add(1, 2);
                        }
                    });
                }
            });
        }
        assert_eq!((shards.sum(0), shards.sum(1)), (0, 3 * THREADS * 2_000));
    }

    #[test]
    fn level_goes_down_on_another_thread() {
        let shards = Shards::new(1);
        shards.mine().add(0, 5);
        thread::scope(|scope| {
            scope.spawn(|| shards.mine().add(0, 0_u64.wrapping_sub(3)));
        });
        assert_eq!(shards.sum(0), 2);
    }
}
