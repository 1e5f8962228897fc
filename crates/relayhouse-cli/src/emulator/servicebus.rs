//! `relayhouse emulator servicebus`: Azure Service Bus over AMQP, until Ctrl-C.

use std::{fs, net::SocketAddr, path::Path};

use relayhouse::ctrl_c;
use servicebus_emulator::{Builder, Clock, MachineClock, ServiceBusEmulator, model::Config};

use super::{cannot_listen, print, seed};
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
    let address = SocketAddr::new(args.listen, args.port);
    let config = read(&args.config)?;
    let note = what_next(&config);
    let emulator = builder(args.host, config).address(address).start().await;
    let emulator = emulator.map_err(|error| cannot_listen(address, &error))?;
    print(stdout, &emulator.connection_string())?;
    console.note(&note);
    interrupted.await;
    emulator.close().await;
    Ok(Code::Interrupted)
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
  ServiceBusClient.from_connection_string(\"the line above\")",
        entities.join(", ")
    )
}

/// Sets up all but the address; lock tokens are others than those of the last run.
fn builder(host: Option<String>, config: Config) -> Builder {
    let clock = MachineClock::new();
    let builder = ServiceBusEmulator::builder()
        .seed(seed(clock.now()))
        .clock(clock)
        .config(config);
    match host {
        Some(host) => builder.host(host),
        None => builder,
    }
}
