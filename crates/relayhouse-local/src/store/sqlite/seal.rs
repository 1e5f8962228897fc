//! Checksums over the columns of a row, so that one that changed by itself is noticed.

/// Sums up numbers and bytes, each with its length.
#[derive(Debug, Default)]
pub(super) struct Seal(crc32fast::Hasher);

impl Seal {
    pub(super) fn number(mut self, number: i64) -> Self {
        self.0.update(&number.to_le_bytes());
        self
    }

    pub(super) fn optional(self, number: Option<i64>) -> Self {
        self.number(i64::from(number.is_some()))
            .number(number.unwrap_or_default())
    }

    pub(super) fn bytes(mut self, bytes: Option<&[u8]>) -> Self {
        let length = bytes.map(|bytes| i64::try_from(bytes.len()).unwrap_or(i64::MAX));
        self = self.optional(length);
        self.0.update(bytes.unwrap_or_default());
        self
    }

    pub(super) fn sum(self) -> u32 {
        self.0.finalize()
    }
}
