//! Tests that drive the built program, as a shell would.
#![cfg(test)]

mod demo;
#[cfg(unix)]
mod exec;
mod input;
mod program;
#[cfg(unix)]
mod signal;
mod usage;
