//! Receipts: the text that proves a hand-out.

use base64::{Engine as _, engine::general_purpose::STANDARD};

use crate::{
    api::{Code, Error, Result},
    random,
};

const PARTS: usize = 4;

/// Which queue handed out which message, and at which hand-out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Receipt {
    /// A queue that is made again under the same name has another number.
    pub(crate) queue: u64,
    pub(crate) place: u64,
    pub(crate) hand_out: u64,
}

impl Receipt {
    pub(crate) fn to_text(self) -> String {
        let parts = [self.queue, self.place, self.hand_out, self.check()];
        STANDARD.encode(parts.map(u64::to_be_bytes).as_flattened())
    }

    /// Reads what [`to_text`](Self::to_text) wrote for the same queue.
    pub(crate) fn parse(text: &str, queue: u64) -> Result<Self> {
        if text.is_empty() {
            return Err(Error::missing("ReceiptHandle"));
        }
        let receipt = decode(text).filter(|receipt| receipt.queue == queue);
        receipt.ok_or_else(|| {
            let message =
                format!("The input receipt handle \"{text}\" is not a valid receipt handle.");
            Error::new(Code::ReceiptHandleIsInvalid, message)
        })
    }

    fn check(self) -> u64 {
        random::mix(self.queue ^ random::mix(self.place ^ random::mix(self.hand_out)))
    }
}

fn decode(text: &str) -> Option<Receipt> {
    let bytes = STANDARD.decode(text).ok()?;
    let (parts, rest) = bytes.as_chunks::<8>();
    let parts: [u64; PARTS] = parts
        .iter()
        .map(|part| u64::from_be_bytes(*part))
        .collect::<Vec<_>>()
        .try_into()
        .ok()?;
    let [queue, place, hand_out, check] = parts;
    let receipt = Receipt {
        queue,
        place,
        hand_out,
    };
    (rest.is_empty() && receipt.check() == check).then_some(receipt)
}
