//! The program `relayhouse`.

use std::process::ExitCode;

fn main() -> ExitCode {
    relayhouse_cli::main()
}
