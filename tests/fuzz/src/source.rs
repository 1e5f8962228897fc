//! Choices, drawn from the bytes of an input.

/// Draws choices from bytes; when they have run out, each choice is the first one.
#[derive(Debug)]
pub(crate) struct Source<'a>(&'a [u8]);

impl<'a> Source<'a> {
    pub(crate) const fn new(input: &'a [u8]) -> Self {
        Self(input)
    }

    /// Draws a number below `end`.
    pub(crate) fn below(&mut self, end: u8) -> u8 {
        match self.0.split_first() {
            Some((first, rest)) => {
                self.0 = rest;
                first % end.max(1)
            }
            None => 0,
        }
    }

    /// Draws one of `items`.
    pub(crate) fn one<'i, T>(&mut self, items: &'i [T]) -> Option<&'i T> {
        let end = u8::try_from(items.len()).unwrap_or(u8::MAX);
        items.get(usize::from(self.below(end)))
    }

    /// Takes up to `count` bytes.
    pub(crate) fn take(&mut self, count: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(count.min(self.0.len()));
        self.0 = rest;
        taken
    }

    /// Returns what nobody has drawn from.
    pub(crate) const fn rest(self) -> &'a [u8] {
        self.0
    }
}
