//! HTTP: requests for the API, for the emulator itself, and their answers.

mod answer;
mod body;
mod call;
mod connection;
mod control;
#[cfg(test)]
mod tests;

pub(super) use self::connection::serve;
