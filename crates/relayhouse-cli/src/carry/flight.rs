//! The way of one message: written down, sent, acked, written down.

use std::sync::Arc;

use relayhouse::{Clock, Delivery, Error, Sent, Settlement, Text};

use super::Parcel;
use crate::{
    audit::{Audit, Unwritten},
    send::{Behind, deliver},
};

/// Is how the way of one message ended.
#[derive(Debug)]
pub(super) struct Landed {
    pub(super) key: Option<Text>,
    pub(super) id: String,
    pub(super) end: End,
    /// What stays leased, if it stays.
    pub(super) from: Option<Delivery>,
}

/// Says how the way of one message ended.
#[derive(Debug)]
pub(super) enum End {
    /// It is there, and no more here.
    Carried(Sent),
    /// It is here, and, if the outcome is unknown, may be there.
    Refused(Error),
    /// It is there, and may be here as well.
    NotAcked(Error),
    /// It is here, and nothing was done, since that could not be written down.
    NotBegun,
    /// How it ended could not be written down.
    Unwritten,
}

/// Carries `parcel`: nothing is done before it is written down, and nothing is acked before it is
/// sent.
pub(super) async fn fly(
    parcel: Parcel,
    key: Option<Text>,
    audit: Audit,
    clock: Arc<dyn Clock>,
) -> Landed {
    let id = parcel.id();
    let Parcel { send, from, change } = parcel;
    let landed = |end, from| Landed { key, id, end, from };
    if audit.begun(&change).await.is_err() {
        return landed(End::NotBegun, from.map(|(_, delivery)| delivery));
    }
    let sent = match send {
        Some((producer, message)) => deliver(&producer, &*clock, message, Behind::Waiting).await,
        None => Ok(Sent::default()),
    };
    let sent = match sent {
        Ok(sent) => sent,
        Err(error) => {
            let from = from.map(|(_, delivery)| delivery);
            let written = audit.ended(&change, Err(&error)).await;
            return landed(
                written.map_or_else(unwritten, |()| End::Refused(error)),
                from,
            );
        }
    };
    let acked = match from {
        Some((hand, delivery)) => hand.settle(delivery, Settlement::Ack).await,
        None => Ok(()),
    };
    let written = audit.ended(&change, acked.as_ref().copied()).await;
    let end = match (written, acked) {
        (Err(error), _) => unwritten(error),
        (Ok(()), Err(error)) => End::NotAcked(error),
        (Ok(()), Ok(())) => End::Carried(sent),
    };
    landed(end, None)
}

fn unwritten(_: Unwritten) -> End {
    End::Unwritten
}
