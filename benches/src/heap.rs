//! Keeps the heap from going back to the system between rounds: fresh pages cost as much as the
//! queues that are measured.

use std::hint::black_box;

/// More than any single-threaded workload has waiting.
const BLOCKS: usize = 150_000;
const BLOCK_BYTES: usize = 1040;

/// Large enough to find its place above all blocks, small enough to be no mapping of its own.
const PLUG_BYTES: usize = 96 * 1024;

/// Stands at the end of the heap, so that what is free before it stays with this process.
#[derive(Debug)]
pub struct Plug {
    _plug: Vec<u8>,
}

/// Makes the heap as large as it gets, and keeps it so for as long as the plug lives.
#[must_use]
pub fn warm() -> Plug {
    let blocks = (0..BLOCKS).map(|_| black_box(vec![1_u8; BLOCK_BYTES]));
    let blocks = blocks.collect::<Vec<_>>();
    let plug = black_box(vec![1_u8; PLUG_BYTES]);
    drop(blocks);
    Plug { _plug: plug }
}
