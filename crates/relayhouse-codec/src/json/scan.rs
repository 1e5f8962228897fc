//! The bounds that `serde_json` does not know, checked before it runs.
//!
//! A body that is too short to break a bound is not looked at, and with the usual bounds none of
//! less than 2 MiB is.

use relayhouse_core::{Error, ErrorKind, Result};

use crate::bounds::Bounds;

/// The depth at which `serde_json` ends by itself.
const DEPTH_OWN_MAX: u8 = 128;

/// The least that an item takes: a digit, and a comma or a bracket.
const ITEM_BYTES_MIN: usize = 2;

/// Refuses a body with values beyond the bounds. What is not JSON may pass: it is refused later.
pub(super) fn check(body: &[u8], bounds: &Bounds) -> Result<()> {
    let depth_max = bounds.depth_max.get();
    let is_deep = depth_max < DEPTH_OWN_MAX && usize::from(depth_max) < body.len();
    let is_wide = bounds.items_max.get() < body.len() / ITEM_BYTES_MIN;
    let is_long = bounds.text_bytes_max.get() < body.len();
    if is_deep || is_wide || is_long {
        Scan::new(body).run(bounds)
    } else {
        Ok(())
    }
}

struct Scan<'a> {
    body: &'a [u8],
    offset: usize,
    depth: usize,
    items: usize,
}

impl<'a> Scan<'a> {
    const fn new(body: &'a [u8]) -> Self {
        Self {
            body,
            offset: 0,
            depth: 0,
            items: 0,
        }
    }

    fn run(mut self, bounds: &Bounds) -> Result<()> {
        let depth_max = usize::from(bounds.depth_max.get());
        while let Some(byte) = self.next() {
            match byte {
                b'"' => {
                    let size = self.text();
                    let max = bounds.text_bytes_max.get();
                    self.hold(size, max, "bytes in a text")?;
                }
                b'[' | b'{' => {
                    self.depth += 1;
                    self.hold(self.depth, depth_max, "levels")?;
                    self.items += usize::from(!self.is_closed());
                }
                b']' | b'}' => self.depth = self.depth.saturating_sub(1),
                b',' => self.items += 1,
                _ => continue,
            }
            self.hold(self.items, bounds.items_max.get(), "items")?;
        }
        Ok(())
    }

    fn next(&mut self) -> Option<u8> {
        let byte = self.body.get(self.offset).copied()?;
        self.offset += 1;
        Some(byte)
    }

    /// Passes a text, and returns its size as it stands there, with escapes.
    fn text(&mut self) -> usize {
        let start = self.offset;
        while let Some(byte) = self.next() {
            match byte {
                b'"' => return self.offset - start - 1,
                b'\\' => self.offset += 1,
                _ => {}
            }
        }
        self.body.len() - start
    }

    /// Returns whether what was opened just now is closed at once.
    fn is_closed(&self) -> bool {
        let rest = self.body[self.offset..].iter();
        let next = rest.copied().find(|byte| !byte.is_ascii_whitespace());
        matches!(next, Some(b']' | b'}'))
    }

    fn hold(&self, count: usize, max: usize, what: &str) -> Result<()> {
        if count <= max {
            return Ok(());
        }
        let offset = self.offset;
        Err(Error::new(
            ErrorKind::Codec,
            format!("JSON body has more than {max} {what}, at byte {offset}"),
        ))
    }
}

#[cfg(test)]
mod tests {
    use std::num::{NonZeroU8, NonZeroUsize};

    use super::*;

    fn refusal(body: &str, bounds: Bounds) -> Option<String> {
        let error = check(body.as_bytes(), &bounds).err()?;
        assert_eq!(error.kind(), ErrorKind::Codec);
        Some(error.to_string())
    }

    #[test]
    fn depth_is_bounded_outside_of_texts() {
        let two = Bounds::new().depth_max(NonZeroU8::new(2).unwrap());
        for body in ["[[1]]", "[{},{}]", r#"["[[[[", "\"[[["]"#] {
            assert_eq!(refusal(body, two), None, "{body}");
        }
        assert_eq!(
            refusal("[1,{\"a\":[", two).as_deref(),
            Some("JSON body has more than 2 levels, at byte 9")
        );
    }

    #[test]
    fn items_of_all_arrays_and_maps_are_counted_together() {
        let three = Bounds::new().items_max(NonZeroUsize::new(3).unwrap());
        for body in ["[1,2,3]", "[[1],2]", "[[ ],{},[]]", "{\"a,b\":1,\"c\":["] {
            assert_eq!(refusal(body, three), None, "{body}");
        }
        for body in ["[1,2,3,4]", "[[1],2,3]", "[[[{\"a\":1}]]]"] {
            let text = refusal(body, three).unwrap();
            assert!(text.contains("more than 3 items"), "{text}");
        }
    }

    #[test]
    fn texts_are_bounded_as_they_are_written() {
        let four = Bounds::new().text_bytes_max(NonZeroUsize::new(4).unwrap());
        for body in [r#"["abcd", 123456]"#, r#"["\n\n"]"#, "[\"abc"] {
            assert_eq!(refusal(body, four), None, "{body}");
        }
        for body in [r#"["abcde"]"#, r#"{"\n\n1":1}"#, "[\"abcde"] {
            let text = refusal(body, four).unwrap();
            assert!(text.contains("more than 4 bytes in a text"), "{text}");
        }
    }
}
