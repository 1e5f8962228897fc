//! `relayhouse emulator servicebus`: Azure Service Bus over AMQP and HTTP, until Ctrl-C.

use std::{fs, io, net::SocketAddr, path::Path};

use relayhouse::ctrl_c;
use servicebus_emulator::{
    Authority, Builder, Clock, MachineClock, ServiceBusEmulator, model::Config,
};

use super::{print, seed};
use crate::{
    Stdout,
    args::ServiceBus,
    console::Console,
    exit::{Code, Failure},
};

pub(super) async fn run(
    args: ServiceBus,
    console: Console,
    stdout: Stdout,
) -> Result<Code, Failure> {
    let interrupted = ctrl_c();
    let config = read(&args.config)?;
    let note = what_next(&config);
    let emulator = builder(args, config)?.start().await;
    let emulator = emulator.map_err(|error| cannot_start(&error))?;
    let (amqp, http) = (emulator.connection_string(), emulator.http_endpoint());
    print(stdout, &format!("{amqp}\n{http}"))?;
    console.note(&note);
    interrupted.await;
    emulator.close().await;
    Ok(Code::Interrupted)
}

/// The error names the address.
fn cannot_start(error: &io::Error) -> Failure {
    let text = format!("{error}; choose others with --port and --http-port");
    Failure::new(Code::Unavailable, text)
}

fn read(path: &Path) -> Result<Config, Failure> {
    let text = fs::read_to_string(path).map_err(|error| {
        let text = format!("cannot read {}: {error}", path.display());
        Failure::new(Code::NoInput, text)
    })?;
    Config::parse(&text).map_err(|error| {
        let text = format!("{} is no configuration: {error}", path.display());
        Failure::new(Code::Data, text)
    })
}

/// Says what is there, and what to type elsewhere.
fn what_next(config: &Config) -> String {
    let queues = config.queues.iter().map(|(path, _)| path.to_string());
    let topics = config.topics.iter().map(|topic| topic.path.to_string());
    let entities: Vec<_> = queues.chain(topics).collect();
    format!(
        "serves Azure Service Bus from memory, until Ctrl-C: {}. With Python:
  pip install azure-servicebus
  ServiceBusClient.from_connection_string(\"the first line above\")",
        entities.join(", ")
    )
}

/// Sets up all of it; lock tokens are others than those of the last run.
fn builder(args: ServiceBus, config: Config) -> Result<Builder, Failure> {
    let clock = MachineClock::new();
    let mut builder = ServiceBusEmulator::builder()
        .address(SocketAddr::new(args.listen, args.port))
        .http_address(SocketAddr::new(args.listen, args.http_port))
        .seed(seed(clock.now()))
        .clock(clock)
        .config(config);
    if let Some(path) = &args.tls_ca {
        let address = args.listen.to_string();
        let name = args.host.as_deref().unwrap_or(&address);
        builder = builder.tls(authority(&["localhost", &address, name], path)?.server());
    }
    Ok(match args.host {
        Some(host) => builder.host(host),
        None => builder,
    })
}

/// Makes an authority, and writes down what clients are to trust.
fn authority(hosts: &[&str], path: &Path) -> Result<Authority, Failure> {
    let authority = Authority::new(hosts).map_err(|error| {
        let text = format!(
            "cannot make a certificate for {}: {error}",
            hosts.join(", ")
        );
        Failure::new(Code::Usage, text)
    })?;
    let written = fs::write(path, authority.certificate());
    written.map_err(|error| {
        let what = format!("cannot write {}", path.display());
        Failure::io(what, &error)
    })?;
    Ok(authority)
}
