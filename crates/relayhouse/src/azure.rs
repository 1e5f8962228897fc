//! Azure Service Bus, for `servicebus:` URLs: one connection for each queue that is opened.

use std::{future::ready, sync::Arc};

use relayhouse_core::{Address, Result};
use relayhouse_servicebus::ServiceBus;

use crate::registry::{Opened, Registry};

/// Lets `registry` open the URLs of Azure Service Bus.
pub(crate) fn register(registry: Registry) -> Registry {
    registry.with(ServiceBus::SCHEME, |address, context| {
        ready(ServiceBus::open(&address, context).and_then(|it| opened(it, &address)))
    })
}

fn opened(servicebus: ServiceBus, address: &Address) -> Result<Opened> {
    Ok(Opened {
        provider: Arc::new(servicebus),
        source: ServiceBus::source(address)?,
    })
}
