//! The arguments of `relayhouse emulator`.

use std::{
    net::{IpAddr, Ipv4Addr},
    path::PathBuf,
};

use clap::{Args, Subcommand};

/// Serves what a cloud does, on this machine
#[derive(Debug, Args)]
#[command(arg_required_else_help = true)]
pub(crate) struct Emulator {
    #[command(subcommand)]
    pub(crate) service: Service,
}

/// Says what to serve.
#[derive(Debug, Subcommand)]
pub(crate) enum Service {
    #[command(name = "servicebus")]
    ServiceBus(ServiceBus),
    Sqs(Sqs),
}

/// Serves Azure Service Bus over AMQP and HTTP
///
/// Prints the connection string and the URL of the HTTP API when it is ready. The official SDKs can
/// use it, over AMQP, bare or through a web socket, and manage it over HTTP. All is in memory and
/// gone at the end, unless --data keeps it.
#[derive(Debug, Args)]
#[command(after_help = SERVICE_BUS_ENDS)]
pub(crate) struct ServiceBus {
    /// The file of the queues and topics, in the format of Microsoft's emulator
    ///
    /// With --data, what it names is added to what is there, and set as it says. The file of settings
    /// is named by the variable `RELAYHOUSE_CONFIG` here.
    #[arg(long, value_name = "FILE", required_unless_present = "data")]
    pub(crate) config: Option<PathBuf>,

    /// Keeps queues, topics and what is in them in this directory, across restarts and kills
    ///
    /// It is made if it is not there. One emulator uses it at a time. Locks and transactions end
    /// with the program.
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,

    /// The port of AMQP; 0 takes a free one
    #[arg(long, default_value_t = 5672)]
    pub(crate) port: u16,

    /// The port of the HTTP API; 0 takes a free one
    #[arg(long, default_value_t = 5300)]
    pub(crate) http_port: u16,

    /// The address to listen at
    #[arg(long, value_name = "ADDRESS", default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    pub(crate) listen: IpAddr,

    /// The name of this machine in the connection string; the address, if there is none
    #[arg(long, value_name = "NAME")]
    pub(crate) host: Option<String>,

    /// Serves TLS as well, and writes here the certificate that clients are to trust
    ///
    /// It is of an authority that is made for this run alone, and holds for localhost, the address
    /// and the name of --host.
    #[arg(long, value_name = "FILE")]
    pub(crate) tls_ca: Option<PathBuf>,
}

const SERVICE_BUS_ENDS: &str = "\
Programs on an SDK of Azure take the connection string that is printed; UseDevelopmentEmulator=true
lets them do without TLS.

Exit codes: 2 wrong usage; 65 the file is not what it should be; 66 it cannot be read; 69 an \
address cannot be listened at, or data cannot be kept; 74 writing failed; 130 interrupted, which is how it ends; 141 \
whoever read standard output has gone.";

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
