//! The arguments of `relayhouse emulator`.

use std::net::{IpAddr, Ipv4Addr};

use clap::{Args, Subcommand};

/// Serves what a cloud does, on this machine and in memory
#[derive(Debug, Args)]
#[command(arg_required_else_help = true)]
pub(crate) struct Emulator {
    #[command(subcommand)]
    pub(crate) service: Service,
}

/// Says what to serve.
#[derive(Debug, Subcommand)]
pub(crate) enum Service {
    Sqs(Sqs),
}

/// Serves Amazon SQS over HTTP
///
/// Prints the endpoint when it is ready. Any SDK can use it, with any credentials. All is in memory,
/// and gone at the end.
#[derive(Debug, Args)]
#[command(after_help = EXITS)]
pub(crate) struct Sqs {
    /// The port; 0 takes a free one
    #[arg(long, default_value_t = 9324)]
    pub(crate) port: u16,

    /// The address to listen at
    #[arg(long, value_name = "ADDRESS", default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    pub(crate) listen: IpAddr,

    /// The name of this machine in the URLs of queues; the address, if there is none
    #[arg(long, value_name = "NAME")]
    pub(crate) host: Option<String>,

    /// The region in the ARNs of queues
    #[arg(long, default_value = "us-east-1")]
    pub(crate) region: String,

    /// The account of everybody
    #[arg(long, value_name = "ID", default_value = "000000000000")]
    pub(crate) account: String,
}

const EXITS: &str = "\
Programs on an SDK of AWS find it by AWS_ENDPOINT_URL_SQS=http://127.0.0.1:9324, and the command
line of AWS by --endpoint-url.

Exit codes: 2 wrong usage; 69 the address cannot be listened at; 74 writing failed; \
130 interrupted, which is how it ends; 141 whoever read standard output has gone.";
