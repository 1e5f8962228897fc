//! Handlers: async functions with extractors, blocking functions, batch functions.

mod batch;
mod blocking;
mod function;

pub use self::{
    batch::{Batch, BatchFunction, BatchHandler},
    blocking::{Blocking, BlockingFuture, BlockingHandler},
    function::{Function, Handler, HandlerFuture},
};
