//! An extractor with another bound on the size of the body.

use std::num::NonZeroUsize;

use crate::bounds::Bounds;

/// Draws what `D` draws from a body of at most `BYTES_MAX` bytes, instead of 16 MiB.
///
/// ```
/// use relayhouse_codec::{Json, Limited};
///
/// async fn handle(Limited(Json(numbers)): Limited<Json<Vec<u64>>, 4096>) {
///     println!("{numbers:?}");
/// }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limited<D, const BYTES_MAX: usize>(pub D);

impl<D, const BYTES_MAX: usize> Limited<D, BYTES_MAX> {
    /// The usual bounds, but for the size, up to which one text may go as well.
    pub(crate) const BOUNDS: Bounds = {
        let max = NonZeroUsize::new(BYTES_MAX).expect("BYTES_MAX is not zero");
        let bounds = Bounds::new().body_bytes_max(max);
        if bounds.text_bytes_max.get() < BYTES_MAX {
            bounds.text_bytes_max(max)
        } else {
            bounds
        }
    };
}
