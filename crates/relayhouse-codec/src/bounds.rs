//! What a body may cost: its size, its depth, and how many and how large its values are.

use std::num::{NonZeroU8, NonZeroUsize};

use relayhouse_core::{Error, ErrorKind, Result};

use crate::body::BODY_BYTES_MAX;

const DEPTH_MAX: NonZeroU8 = match NonZeroU8::new(128) {
    Some(max) => max,
    None => NonZeroU8::MIN,
};

const ITEMS_MAX: NonZeroUsize = match NonZeroUsize::new(1 << 20) {
    Some(max) => max,
    None => NonZeroUsize::MIN,
};

const TEXT_BYTES_MAX: NonZeroUsize = match NonZeroUsize::new(8 << 20) {
    Some(max) => max,
    None => NonZeroUsize::MIN,
};

/// Bounds what a body may cost, whoever has sent it.
///
/// All bounds are on unless they are set to something else, and are checked before anything is
/// allocated for what they bound. A body beyond one of them is a permanent
/// [`ErrorKind::Codec`] that names the bound.
///
/// ```
/// use std::num::{NonZeroU8, NonZeroUsize};
///
/// use relayhouse_codec::{Bounds, JsonCodec};
///
/// let bounds = Bounds::new()
///     .body_bytes_max(NonZeroUsize::new(64 << 10).expect("more than zero"))
///     .depth_max(NonZeroU8::new(16).expect("more than zero"));
/// let codec = JsonCodec::new().bounds(bounds);
/// # let _ = codec;
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    pub(crate) body_bytes_max: NonZeroUsize,
    pub(crate) depth_max: NonZeroU8,
    pub(crate) items_max: NonZeroUsize,
    pub(crate) text_bytes_max: NonZeroUsize,
}

impl Bounds {
    /// Makes the bounds that codecs have by default: bodies of 16 MiB, a depth of 128, 1,048,576
    /// items, texts of 8 MiB.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            body_bytes_max: BODY_BYTES_MAX,
            depth_max: DEPTH_MAX,
            items_max: ITEMS_MAX,
            text_bytes_max: TEXT_BYTES_MAX,
        }
    }

    /// Sets the largest body to take or to make, in bytes.
    #[must_use]
    pub const fn body_bytes_max(mut self, max: NonZeroUsize) -> Self {
        self.body_bytes_max = max;
        self
    }

    /// Sets how deep values may stand in each other. No bound is above 128: more counts as that.
    #[must_use]
    pub const fn depth_max(mut self, max: NonZeroU8) -> Self {
        self.depth_max = if max.get() < DEPTH_MAX.get() {
            max
        } else {
            DEPTH_MAX
        };
        self
    }

    /// Sets how many items the arrays and maps of one body may have in total.
    #[must_use]
    pub const fn items_max(mut self, max: NonZeroUsize) -> Self {
        self.items_max = max;
        self
    }

    /// Sets the longest string, or value of bytes, in bytes.
    #[must_use]
    pub const fn text_bytes_max(mut self, max: NonZeroUsize) -> Self {
        self.text_bytes_max = max;
        self
    }

    /// Refuses a body that is too large to be looked at: for a codec of `format`, such as `JSON`,
    /// to call first.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::Codec`], which is permanent, with the size and the bound.
    pub fn check_body(&self, format: &str, body: &[u8]) -> Result<()> {
        let (size, max) = (body.len(), self.body_bytes_max);
        if size <= max.get() {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::Codec,
            format!("{format} body has {size} bytes, at most {max} are decoded"),
        ))
    }
}

impl Default for Bounds {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depth_is_never_above_128() {
        let deepest = Bounds::new().depth_max(NonZeroU8::MAX);
        assert_eq!(deepest, Bounds::new());
        let shallow = Bounds::new().depth_max(NonZeroU8::MIN);
        assert_eq!(shallow.depth_max.get(), 1);
    }

    #[test]
    fn body_over_the_bound_is_refused_with_the_bound() {
        let bounds = Bounds::new().body_bytes_max(NonZeroUsize::MIN);
        assert!(bounds.check_body("JSON", b"1").is_ok());
        let error = bounds.check_body("JSON", b"12").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Codec);
        assert_eq!(
            error.to_string(),
            "JSON body has 2 bytes, at most 1 are decoded"
        );
    }
}
