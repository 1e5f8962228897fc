//! How entries are packed into calls: by count, and by bytes as SQS counts them.

use std::ops::Range;

use crate::capability::BATCH_MAX;

/// Packs entries of these sizes, in their order, into as few calls of at most `bytes_max` as SQS
/// allows.
pub(crate) fn pack(sizes: &[u64], bytes_max: u64) -> Vec<Range<usize>> {
    let mut calls = Vec::new();
    let (mut start, mut bytes) = (0, 0_u64);
    for (index, size) in sizes.iter().enumerate() {
        let is_full = index - start == BATCH_MAX || bytes_max < bytes.saturating_add(*size);
        if start < index && is_full {
            calls.push(start..index);
            (start, bytes) = (index, 0);
        }
        bytes = bytes.saturating_add(*size);
    }
    if start < sizes.len() {
        calls.push(start..sizes.len());
    }
    calls
}

#[cfg(test)]
mod tests {
    use proptest::{
        collection::vec,
        prelude::{ProptestConfig, prop_assert, prop_assert_eq, proptest},
    };

    use super::*;
    use crate::capability::SQS_BYTES_MAX;

    fn counts(sizes: &[u64]) -> Vec<usize> {
        pack(sizes, SQS_BYTES_MAX)
            .iter()
            .map(ExactSizeIterator::len)
            .collect()
    }

    #[test]
    fn ten_entries_fill_a_call() {
        assert_eq!(counts(&[1; 10]), [10]);
        assert_eq!(counts(&[1; 11]), [10, 1]);
        assert!(counts(&[]).is_empty());
    }

    #[test]
    fn one_mebibyte_fills_a_call() {
        let half = SQS_BYTES_MAX / 2;
        assert_eq!(counts(&[half, half]), [2]);
        assert_eq!(counts(&[half, half + 1]), [1, 1]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(500))]

        #[test]
        fn nothing_is_lost_and_no_call_is_too_full(sizes in vec(0..=SQS_BYTES_MAX, 0..40)) {
            let calls = pack(&sizes, SQS_BYTES_MAX);
            let order: Vec<_> = calls.iter().cloned().flatten().collect();
            prop_assert_eq!(order, (0..sizes.len()).collect::<Vec<_>>());
            for call in &calls {
                prop_assert!(!call.is_empty() && call.len() <= BATCH_MAX);
                let bytes: u64 = sizes[call.clone()].iter().sum();
                prop_assert!(bytes <= SQS_BYTES_MAX);
            }
            // Each call but the first starts where the one before had no room.
            for pair in calls.windows(2) {
                let bytes: u64 = sizes[pair[0].clone()].iter().sum();
                let has_room = pair[0].len() < BATCH_MAX
                    && bytes + sizes[pair[1].start] <= SQS_BYTES_MAX;
                prop_assert!(!has_room);
            }
        }
    }
}
