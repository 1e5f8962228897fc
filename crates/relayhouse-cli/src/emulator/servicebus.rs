//! `relayhouse emulator servicebus`: Azure Service Bus over AMQP and HTTP, until Ctrl-C.

use std::{fs, io, net::SocketAddr, path::Path, pin::pin};

use futures_util::future::{Either, select};
use relayhouse::ctrl_c;
use servicebus_emulator::{
    Authority, Builder, Clock, DataError, MachineClock, ServiceBusEmulator,
    model::{Config, EntityKind},
};

use super::{print, seed};
use crate::{
    Stdout,
    args::ServiceBus,
    console::Console,
    exit::{Code, Failure, chain},
};

/// How many queues, and how many topics, are said to be there.
const NAMED_MAX: usize = 10;

pub(super) async fn run(
    args: ServiceBus,
    console: Console,
    stdout: Stdout,
) -> Result<Code, Failure> {
    let interrupted = ctrl_c();
    let config = args.config.as_deref().map(read).transpose()?;
    let place = args.data.clone();
    let emulator = builder(args, config)?.start().await;
    let emulator = emulator.map_err(|error| cannot_start(&error))?;
    let (amqp, http) = (emulator.connection_string(), emulator.http_endpoint());
    print(stdout, &format!("{amqp}\n{http}"))?;
    console.note(&what_next(&emulator, place.as_deref()));
    let ended = match select(pin!(interrupted), pin!(emulator.failed())).await {
        Either::Left(_) => Ok(Code::Interrupted),
        Either::Right((error, _)) => Err(Failure::new(Code::Unavailable, chain(&error))),
    };
    emulator.close().await;
    ended
}

/// The error names the address, the directory or the entity.
fn cannot_start(error: &io::Error) -> Failure {
    if let Some(error) = error
        .get_ref()
        .and_then(|it| it.downcast_ref::<DataError>())
    {
        return Failure::new(Code::Unavailable, chain(error));
    }
    if error.kind() == io::ErrorKind::InvalidInput {
        return Failure::new(Code::Data, error.to_string());
    }
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
fn what_next(emulator: &ServiceBusEmulator, place: Option<&Path>) -> String {
    let place = place.map_or_else(|| "memory".into(), Path::to_string_lossy);
    format!(
        "serves Azure Service Bus from {place}, until Ctrl-C: {}. With Python:
  pip install azure-servicebus
  ServiceBusClient.from_connection_string(\"the first line above\")",
        names(emulator)
    )
}

/// Names what is there, up to a number.
fn names(emulator: &ServiceBusEmulator) -> String {
    let named = |kind| emulator.with_model(|model, _| model.list(kind, 0, NAMED_MAX + 1));
    let mut names = Vec::new();
    for kind in [EntityKind::Queue, EntityKind::Topic] {
        let paths = named(kind);
        let shown = paths.iter().take(NAMED_MAX).map(ToString::to_string);
        names.extend(shown);
        if NAMED_MAX < paths.len() {
            names.push("…".to_owned());
        }
    }
    if names.is_empty() {
        return "no queues yet".to_owned();
    }
    names.join(", ")
}

/// Sets up all of it; lock tokens are others than those of the last run.
fn builder(args: ServiceBus, config: Option<Config>) -> Result<Builder, Failure> {
    let clock = MachineClock::new();
    let mut builder = ServiceBusEmulator::builder()
        .address(SocketAddr::new(args.listen, args.port))
        .http_address(SocketAddr::new(args.listen, args.http_port))
        .seed(seed(clock.now()))
        .clock(clock);
    if let Some(config) = config {
        builder = builder.config(config);
    }
    if let Some(directory) = args.data {
        builder = builder.data(directory);
    }
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
