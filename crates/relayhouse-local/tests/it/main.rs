//! What the local adapter does beyond the contract: sharing of files, order of waiting, groups.
#![cfg(test)]

mod dedup;
mod full;
mod group;
mod share;
mod support;
