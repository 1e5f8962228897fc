//! How much of a name stands in an error.

/// The most characters of a name that are shown: a schema of somebody else may have longer ones.
const SHOWN_MAX: usize = 64;

/// Returns what is shown of a name.
pub(super) fn shown(name: &str) -> &str {
    let end = name.char_indices().nth(SHOWN_MAX);
    end.map_or(name, |(end, _)| &name[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_name_is_cut() {
        assert_eq!(shown("Order"), "Order");
        assert_eq!(shown(&"ß".repeat(65)), "ß".repeat(64));
    }
}
