//! `cargo xtask bench codec`: codecs beside `serde_json`, on an order, a wide record and an event.

use std::process::ExitCode;

use anyhow::Result;
use relayhouse_benches::codec::Options;

fn main() -> Result<ExitCode> {
    Options::run()
}
