//! A queue with the flaws that a benchmark must find.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use relayhouse::{
    Capabilities, Clock, Message, Outcome, QueueName, Result, Sending, Sent, port::Sender,
};

/// The header in which a run numbers its messages.
const HEADER: &str = "relayhouse-bench";

/// Confirms a message that it does not send, sends another twice, and takes its time for each call.
#[derive(Clone, Debug)]
pub(crate) struct Flaws {
    pub(crate) lost: Option<u32>,
    pub(crate) twice: Option<u32>,
    pub(crate) takes: Duration,
    pub(crate) clock: Arc<dyn Clock>,
}

/// Is a sender with these flaws.
#[derive(Debug)]
pub(crate) struct Flawed {
    pub(crate) inner: Arc<dyn Sender>,
    pub(crate) flaws: Flaws,
}

fn number(message: &Message) -> Option<u32> {
    let (_, number) = message.headers().text(HEADER)?.rsplit_once('-')?;
    number.parse().ok()
}

#[async_trait]
impl Sender for Flawed {
    fn queue(&self) -> &QueueName {
        self.inner.queue()
    }

    fn capabilities(&self) -> &Capabilities {
        self.inner.capabilities()
    }

    async fn send(&self, batch: &mut [Sending]) -> Result<()> {
        let Flaws {
            lost,
            twice,
            takes,
            clock,
        } = &self.flaws;
        clock.sleep_until(clock.now() + *takes).await;
        for item in batch {
            let number = number(&item.message);
            if number.is_some() && number == *lost {
                item.outcome = Outcome::Done(Sent::default());
                continue;
            }
            if number.is_some() && number == *twice {
                let mut again = [Sending::new(item.message.clone().id(1_u128))];
                self.inner.send(&mut again).await?;
            }
            self.inner.send(std::slice::from_mut(item)).await?;
        }
        Ok(())
    }

    async fn close(&self) -> Result<()> {
        self.inner.close().await
    }
}
