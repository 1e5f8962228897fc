//! A reference model of a queue, simple enough to be right at sight, and random operations that
//! a real queue and the model must agree on.
//!
//! Times are chosen so that nothing ends in the same instant in which an operation happens:
//! operations happen at whole seconds, leases end at half seconds, delays at quarters. Where a
//! target knows whole seconds alone, operations happen at none of them.

mod operation;
mod queue;
mod run;
mod shape;

pub use self::{
    operation::{End, Operation, operations},
    queue::Queue,
    run::agree,
    shape::Shape,
};
