//! What a consumer would find at its queue, without receiving anything.

use relayhouse_core::{Capabilities, ErrorKind, Result, Source, port::Settings};

use super::{
    builder::Setup,
    check::{refusals, warnings},
    open::{Port, open},
};

/// Tells what a consumer would find.
#[derive(Clone, Debug)]
pub struct Examination {
    /// The queue.
    pub source: Source,
    /// What it can do.
    pub capabilities: Capabilities,
    /// Its real settings, as far as the caller's rights allow.
    pub settings: Settings,
    /// What does not fit between them and the consumer.
    pub findings: Vec<Finding>,
}

/// Is something that does not fit.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// The consumer does not start, and fails with this kind.
    Refusal(ErrorKind, String),
    /// It starts, and is likely not what was meant.
    Warning(String),
}

/// Opens the queue as a consumer does, reads its settings, and closes it.
pub(super) async fn examine(setup: Setup) -> Result<Examination> {
    let Setup {
        intake,
        context,
        config,
        options,
        ordering: _,
        policy: _,
        outputs: _,
        wrong,
    } = setup;
    if let Some(error) = wrong {
        return Err(error);
    }
    let opened = open(&intake, options, &config, &*context.clock).await?;
    if opened.is_ours {
        match opened.port {
            Port::Receiver(receiver) => receiver.close().await?,
            Port::Sessions(sessions) => sessions.close().await?,
        }
    }
    let (capabilities, settings) = (opened.capabilities, opened.settings);
    let refused = refusals(&config, &capabilities, &settings).into_iter();
    let refused = refused.map(|(kind, rule)| Finding::Refusal(kind, rule));
    let warned = warnings(&config, &capabilities, &settings).into_iter();
    Ok(Examination {
        findings: refused.chain(warned.map(Finding::Warning)).collect(),
        source: opened.source,
        capabilities,
        settings,
    })
}
