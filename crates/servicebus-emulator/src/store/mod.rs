//! What outlasts the process: entities and what is in them, in a file of SQLite.
//!
//! The model tells what has changed, and the keeper writes it: one transaction for all that has
//! changed since the last one, however many clients it was for. What is answered waits until the
//! disk has what the answer is about; a lock of a message is nothing to wait for, as it ends with
//! the process.

mod error;
mod file;
mod keeper;
mod load;
#[cfg(test)]
mod tests;
mod write;

pub use self::error::{DataError, DataErrorKind};
pub(crate) use self::{
    file::Store,
    keeper::{Keeper, Kept},
};
