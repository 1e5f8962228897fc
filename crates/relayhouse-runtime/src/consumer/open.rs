//! Where a consumer receives from, opened when it starts.

use std::sync::Arc;

use relayhouse_core::{
    Capabilities, Error, ErrorKind, Operation, Result, Source,
    port::{Provider, Receiver, ReceiverOptions, Sessions, Settings},
};
use tracing::debug;

use crate::{config::ConsumerConfig, sync::deadline};

/// Says where a consumer receives from.
#[derive(Clone, Debug)]
pub(crate) enum Intake {
    Receiver(Arc<dyn Receiver>),
    Sessions(Arc<dyn Sessions>),
    Provider(Arc<dyn Provider>, Source),
}

/// Is an intake that was opened, with what is known of it.
pub(crate) struct Opened {
    pub(crate) port: Port,
    pub(crate) source: Source,
    pub(crate) capabilities: Capabilities,
    pub(crate) settings: Settings,
    /// Whether the consumer opened it, and so closes it.
    pub(crate) is_ours: bool,
}

#[derive(Clone, Debug)]
pub(crate) enum Port {
    Receiver(Arc<dyn Receiver>),
    Sessions(Arc<dyn Sessions>),
}

/// Opens `intake`. A source that is received through sessions only is opened so.
pub(crate) async fn open(
    intake: &Intake,
    options: ReceiverOptions,
    config: &ConsumerConfig,
    clock: &dyn relayhouse_core::Clock,
) -> Result<Opened> {
    let timeout = config.timeouts.connect;
    let opened = deadline(clock, timeout, open_unbounded(intake, options)).await;
    opened.unwrap_or_else(|| {
        let rule = format!("the provider did not answer within {timeout:?}");
        Err(Error::new(ErrorKind::Timeout, rule).operation(Operation::Open))
    })
}

async fn open_unbounded(intake: &Intake, options: ReceiverOptions) -> Result<Opened> {
    match intake {
        Intake::Receiver(receiver) => of_receiver(Arc::clone(receiver), false).await,
        Intake::Sessions(sessions) => Ok(of_sessions(Arc::clone(sessions), false)),
        Intake::Provider(provider, source) => of_provider(&**provider, source, options).await,
    }
}

/// Opens `source` in the way that it is received. Where nobody tells which that is, it is tried: what
/// administers queues may be out of reach, or forbidden, while they can be received from.
async fn of_provider(
    provider: &dyn Provider,
    source: &Source,
    options: ReceiverOptions,
) -> Result<Opened> {
    let requires_sessions = requires_sessions(provider, source).await;
    if requires_sessions != Some(true) {
        match provider.receiver(source, options).await {
            Err(error) if requires_sessions.is_none() && error.kind() == ErrorKind::Unsupported => {
            }
            receiver => return of_receiver(receiver?, true).await,
        }
    }
    let sessions = provider.sessions(source, options).await?;
    Ok(of_sessions(sessions, true))
}

/// Asks whether `source` is received through sessions only; `None` if nobody can tell.
async fn requires_sessions(provider: &dyn Provider, source: &Source) -> Option<bool> {
    if !provider.capabilities().sessions.is_supported() || source.dead_letter {
        return Some(false);
    }
    let settings = provider.admin()?.settings(source).await;
    let settings = settings.inspect_err(
        |error| debug!(%source, %error, "whether it has sessions is found out by receiving"),
    );
    settings.ok()?.requires_sessions
}

async fn of_receiver(receiver: Arc<dyn Receiver>, is_ours: bool) -> Result<Opened> {
    let settings = receiver.settings().await?;
    Ok(Opened {
        source: receiver.source().clone(),
        capabilities: receiver.capabilities().clone(),
        settings,
        port: Port::Receiver(receiver),
        is_ours,
    })
}

fn of_sessions(sessions: Arc<dyn Sessions>, is_ours: bool) -> Opened {
    Opened {
        source: sessions.source().clone(),
        capabilities: sessions.capabilities().clone(),
        settings: Settings::default(),
        port: Port::Sessions(sessions),
        is_ours,
    }
}
