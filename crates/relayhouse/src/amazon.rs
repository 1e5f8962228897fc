//! Amazon SQS, for `sqs:` URLs: one client for each queue that is opened.

use std::{future::ready, sync::Arc};

use relayhouse_core::{Address, Result};
use relayhouse_sqs::Sqs;

use crate::registry::{Opened, Registry};

/// Lets `registry` open the URLs of Amazon SQS.
pub(crate) fn register(registry: Registry) -> Registry {
    registry.with("sqs", |address, context| {
        ready(Sqs::open(&address, context).and_then(|sqs| opened(sqs, &address)))
    })
}

fn opened(sqs: Sqs, address: &Address) -> Result<Opened> {
    Ok(Opened {
        provider: Arc::new(sqs),
        source: Sqs::source_of(address)?,
    })
}
