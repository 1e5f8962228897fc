//! A number of messages with their bytes, and both of them in one word.

/// The bits of a word that count messages; those below count bytes.
const MESSAGES_BITS: u32 = 23;

const BYTES_BITS: u32 = 40;

const MESSAGES_MAX: u64 = (1 << MESSAGES_BITS) - 1;

const BYTES_MAX: u64 = (1 << BYTES_BITS) - 1;

/// Is a number of messages and their bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Amount {
    pub(crate) messages: u64,
    pub(crate) bytes: u64,
}

/// Is an amount in one word, with a mark for those who wait.
///
/// Words add and subtract as numbers do, as long as what they count fits: 8,388,607 messages, and
/// 1 TiB less one byte.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Word(pub(crate) u64);

impl Amount {
    /// Returns what of this can be counted beside `others`; what goes beyond is not.
    #[inline]
    pub(crate) fn beside(self, others: Self) -> Self {
        Self {
            messages: self.messages.min(MESSAGES_MAX - others.messages),
            bytes: self.bytes.min(BYTES_MAX - others.bytes),
        }
    }
}

impl Word {
    /// Says that somebody waits, and that room is to be had in line only.
    pub(crate) const WAITED_FOR: Self = Self(1 << (MESSAGES_BITS + BYTES_BITS));

    /// Packs `amount`, which can be counted.
    #[inline]
    pub(crate) fn of(amount: Amount) -> Self {
        debug_assert!(amount == amount.beside(Amount::default()));
        Self(amount.messages << BYTES_BITS | amount.bytes)
    }

    #[inline]
    pub(crate) const fn amount(self) -> Amount {
        Amount {
            messages: self.0 >> BYTES_BITS & MESSAGES_MAX,
            bytes: self.0 & BYTES_MAX,
        }
    }

    #[inline]
    pub(crate) const fn is_waited_for(self) -> bool {
        self.0 & Self::WAITED_FOR.0 != 0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn amount() -> impl Strategy<Value = Amount> {
        (0..=MESSAGES_MAX, 0..=BYTES_MAX).prop_map(|(messages, bytes)| Amount { messages, bytes })
    }

    proptest! {
        #[test]
        fn words_add_as_their_amounts_do(one in amount(), other in amount()) {
            let other = other.beside(one);
            let sum = Word(Word::of(one).0 + Word::of(other).0);
            let expected = Amount {
                messages: one.messages + other.messages,
                bytes: one.bytes + other.bytes,
            };
            prop_assert_eq!(sum.amount(), expected);
            prop_assert!(!sum.is_waited_for());
            let marked = Word(sum.0 | Word::WAITED_FOR.0);
            prop_assert_eq!(marked.amount(), expected);
            prop_assert!(marked.is_waited_for());
        }
    }

    #[test]
    fn beyond_what_is_counted_nothing_is() {
        let beyond = Amount {
            messages: u64::MAX,
            bytes: u64::MAX,
        };
        let most = beyond.beside(Amount::default());
        assert_eq!(most.messages, MESSAGES_MAX);
        assert_eq!(most.bytes, BYTES_MAX);
        assert_eq!(beyond.beside(most), Amount::default());
    }
}
