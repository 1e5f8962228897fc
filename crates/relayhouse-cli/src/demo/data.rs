//! The shipped data set: what a small shop sends in a day.

use relayhouse::{Error, ErrorKind, Retry};
use serde::Deserialize;

const LINES: &str = include_str!("../../data/events.ndjson");

/// Is one record of the data set.
#[derive(Debug, Deserialize)]
#[serde(tag = "type")]
pub(crate) enum Record {
    #[serde(rename = "order.placed")]
    OrderPlaced {
        id: String,
        lines: Vec<OrderLine>,
        total_cents: u64,
    },
    #[serde(rename = "payment.captured")]
    PaymentCaptured { id: String, amount_cents: u64 },
    #[serde(rename = "payment.failed")]
    PaymentFailed { id: String, reason: String },
    #[serde(rename = "shipment.updated")]
    ShipmentUpdated { id: String, parcels: Vec<Parcel> },
    #[serde(rename = "user.changed")]
    UserChanged { id: String },
}

#[derive(Debug, Deserialize)]
pub(crate) struct OrderLine {
    quantity: u64,
    price_cents: u64,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Parcel {
    weight_g: u64,
}

/// Returns the bodies of the data set.
pub(crate) fn bodies() -> Vec<&'static [u8]> {
    LINES.lines().map(str::as_bytes).collect()
}

impl Record {
    /// Checks what belongs together, as a handler of such records would.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let (id, is_right) = match self {
            Self::OrderPlaced {
                id,
                lines,
                total_cents,
            } => {
                let total: u64 = lines
                    .iter()
                    .map(|line| line.quantity * line.price_cents)
                    .sum();
                (id, total == *total_cents)
            }
            Self::PaymentCaptured { id, amount_cents } => (id, 0 < *amount_cents),
            Self::PaymentFailed { id, reason } => (id, !reason.is_empty()),
            Self::ShipmentUpdated { id, parcels } => {
                (id, parcels.iter().all(|parcel| 0 < parcel.weight_g))
            }
            Self::UserChanged { id } => (id, true),
        };
        if is_right && !id.is_empty() {
            return Ok(());
        }
        let text = format!("record {id} contradicts itself");
        Err(Error::new(ErrorKind::Handler, text).retry(Retry::Permanent))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_record_is_right() {
        let bodies = bodies();
        assert_eq!(bodies.len(), 3000);
        for body in bodies {
            let record: Record = serde_json::from_slice(body).unwrap();
            record.check().unwrap();
        }
    }
}
