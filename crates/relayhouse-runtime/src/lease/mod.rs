//! Keeps the leases of what a consumer holds: a table of them, and the keeper that extends them.

mod keeper;
mod table;

pub(crate) use self::{
    keeper::Keeper,
    table::{Hold, Leases},
};
