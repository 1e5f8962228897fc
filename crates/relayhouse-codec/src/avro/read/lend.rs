//! Whether values may borrow what is read.

use serde::de::Visitor;

use super::fault::Fault;

/// Hands text and bytes of `'d` over to visitors of `'de`.
pub(super) trait Lend<'de, 'd> {
    fn text<V: Visitor<'de>>(text: &'d str, visitor: V) -> Result<V::Value, Fault>;

    fn bytes<V: Visitor<'de>>(bytes: &'d [u8], visitor: V) -> Result<V::Value, Fault>;
}

/// Values may borrow: they are decoded from the datum.
#[derive(Debug)]
pub(super) struct Lent;

/// Values may not borrow: they are decoded from a default, which belongs to the plan.
#[derive(Debug)]
pub(super) struct Kept;

impl<'de> Lend<'de, 'de> for Lent {
    #[inline]
    fn text<V: Visitor<'de>>(text: &'de str, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_borrowed_str(text)
    }

    #[inline]
    fn bytes<V: Visitor<'de>>(bytes: &'de [u8], visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_borrowed_bytes(bytes)
    }
}

impl<'de> Lend<'de, '_> for Kept {
    fn text<V: Visitor<'de>>(text: &str, visitor: V) -> Result<V::Value, Fault> {
        match text {
            "" => visitor.visit_borrowed_str(""),
            text => visitor.visit_str(text),
        }
    }

    fn bytes<V: Visitor<'de>>(bytes: &[u8], visitor: V) -> Result<V::Value, Fault> {
        match bytes {
            [] => visitor.visit_borrowed_bytes(&[]),
            bytes => visitor.visit_bytes(bytes),
        }
    }
}
