//! What encoding into a buffer that is there already allocates.
//!
//! It is a program of its own because counting slows every allocation down.

use std::alloc::System;

use anyhow::Result;
use relayhouse_benches::codec;
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

fn main() -> Result<()> {
    codec::count()
}
