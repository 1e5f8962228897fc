//! Feeds the target `message_pack`.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| relayhouse_fuzz::run("message_pack", input));
