//! The consumer: receives, runs handlers, settles.

mod buffer;
mod builder;
mod check;
mod control;
mod examine;
mod mode;
mod open;
mod plan;
mod ready;
mod remote;
mod report;
mod running;
mod session;
mod shared;
mod worker;

pub(crate) use self::{
    builder::Setup,
    check::check,
    open::{Port, open},
};
pub use self::{
    builder::{Consumer, ConsumerBuilder},
    examine::{Examination, Finding},
    remote::{Remote, State},
    report::Report,
    running::Running,
};
