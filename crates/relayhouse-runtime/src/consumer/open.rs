//! Where a consumer receives from, opened when it starts.

use std::sync::Arc;

use relayhouse_core::{
    Capabilities, Error, ErrorKind, Operation, Result, Source,
    port::{Provider, Receiver, ReceiverOptions, Sessions, Settings},
};

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
        Intake::Provider(provider, source) => {
            if requires_sessions(&**provider, source).await? {
                let sessions = provider.sessions(source, options).await?;
                return Ok(of_sessions(sessions, true));
            }
            of_receiver(provider.receiver(source, options).await?, true).await
        }
    }
}

/// Asks whether `source` is received through sessions only, where the provider can tell.
async fn requires_sessions(provider: &dyn Provider, source: &Source) -> Result<bool> {
    if !provider.capabilities().sessions.is_supported() || source.dead_letter {
        return Ok(false);
    }
    let Some(admin) = provider.admin() else {
        return Ok(false);
    };
    match admin.settings(source).await {
        Ok(settings) => Ok(settings.requires_sessions == Some(true)),
        Err(error) if error.kind() == ErrorKind::Unauthorized => Ok(false),
        // A queue that is created on first use has no settings yet.
        Err(error) if error.kind() == ErrorKind::QueueNotFound => Ok(false),
        Err(error) => Err(error),
    }
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
