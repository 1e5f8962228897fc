//! The receipt of a delivery: the number of its slot, its generation and the queue's nonce.

use relayhouse_core::Receipt;

/// Makes the receipt of the delivery `generation` of `slot`.
pub(crate) fn make(slot: u32, generation: u32, nonce: u64) -> Receipt {
    let number = u128::from(nonce) << 64 | u128::from(slot) << 32 | u128::from(generation);
    Receipt::from_bytes(number.to_be_bytes())
}

/// Reads slot and generation, if the receipt is of the queue with this nonce.
pub(crate) fn read(receipt: &Receipt, nonce: u64) -> Option<(u32, u32)> {
    let [
        n0,
        n1,
        n2,
        n3,
        n4,
        n5,
        n6,
        n7,
        s0,
        s1,
        s2,
        s3,
        g0,
        g1,
        g2,
        g3,
    ] = *receipt.as_bytes()?;
    let is_ours = u64::from_be_bytes([n0, n1, n2, n3, n4, n5, n6, n7]) == nonce;
    let slot = u32::from_be_bytes([s0, s1, s2, s3]);
    is_ours.then_some((slot, u32::from_be_bytes([g0, g1, g2, g3])))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn receipt_is_read_by_its_own_queue_alone() {
        let receipt = make(7, 9, 42);
        assert_eq!(read(&receipt, 42), Some((7, 9)));
        assert_eq!(read(&receipt, 43), None);
        assert_eq!(read(&Receipt::from_text("7-9-42"), 42), None);
    }
}
