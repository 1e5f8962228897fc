//! Tests of the facade over the embedded queue.
#![cfg(test)]
#![cfg(all(feature = "json", feature = "memory"))]

mod registry;
mod round_trip;
