//! The way into a value, to where it is wrong.

use std::fmt::Write;

/// How many steps are printed.
const SHOWN_MAX: usize = 16;

/// Is one step into a value. It names what the type knows, never what the body says.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Segment {
    /// A field or a variant of the type.
    Name(&'static str),
    /// A place in a list.
    Index(usize),
    /// A key that the body alone knows.
    Key,
}

/// Prints the way, of which the last step is the first, such as ` in .lines[3].sku`; nothing for
/// the whole value. What is deeper than 16 steps is cut.
pub(crate) fn print(path: &[Segment]) -> String {
    let mut text = String::new();
    for segment in path.iter().rev().take(SHOWN_MAX) {
        // Writing to a string does not fail.
        let _ = match segment {
            Segment::Name(name) => write!(text, ".{name}"),
            Segment::Index(index) => write!(text, "[{index}]"),
            Segment::Key => write!(text, ".*"),
        };
    }
    match path.len() {
        0 => text,
        1..=SHOWN_MAX => format!(" in {text}"),
        _ => format!(" in {text}..."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn way_is_printed_from_the_outside() {
        let path = [Segment::Key, Segment::Index(3), Segment::Name("lines")];
        assert_eq!(print(&path), " in .lines[3].*");
        assert_eq!(print(&[]), "");
        let deep = [Segment::Index(0); 17];
        assert_eq!(print(&deep), format!(" in {}...", "[0]".repeat(16)));
    }
}
