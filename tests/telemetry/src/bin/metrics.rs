//! Prints the documentation of the metrics, for `cargo xtask metrics`.
#![expect(clippy::print_stdout, reason = "what it prints is what it is for")]

fn main() {
    print!("{}", relayhouse_telemetry::document());
}
