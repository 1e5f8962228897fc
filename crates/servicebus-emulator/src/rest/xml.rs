//! XML as the management API has it: written by hand, and read into a tree.

use std::fmt::Write as _;

use roxmltree::{Document, Node, ParsingOptions};

use super::Failure;

/// The namespace of entries and feeds.
pub(super) const ATOM: &str = "http://www.w3.org/2005/Atom";

/// The namespace of descriptions.
pub(super) const CONNECT: &str =
    "http://schemas.microsoft.com/netservices/2010/10/servicebus/connect";

/// The namespace of counts.
pub(super) const COUNTS: &str = "http://schemas.microsoft.com/netservices/2011/06/servicebus";

/// The namespace in which values name their types.
pub(super) const INSTANCE: &str = "http://www.w3.org/2001/XMLSchema-instance";

/// The namespace of the types of values.
pub(super) const SCHEMA: &str = "http://www.w3.org/2001/XMLSchema";
/// The types that XML has not got, such as durations.
pub(super) const SERIALIZATION: &str = "http://schemas.microsoft.com/2003/10/Serialization/";

/// How many nodes a document may have.
const NODES_MAX: u32 = 10_000;

/// A document that is being written.
#[derive(Debug, Default)]
pub(super) struct Writer {
    text: String,
}

impl Writer {
    /// Begins an element, whose name is followed by its attributes as they are to be written.
    pub(super) fn open(&mut self, start: &str) {
        let _ = write!(self.text, "<{start}>");
    }

    pub(super) fn close(&mut self, name: &str) {
        let _ = write!(self.text, "</{name}>");
    }

    /// Writes an element that holds a text alone.
    pub(super) fn leaf(&mut self, name: &str, value: &str) {
        self.leaf_with(name, "", value);
    }

    /// Writes an element with attributes that holds a text alone.
    pub(super) fn leaf_with(&mut self, name: &str, attributes: &str, value: &str) {
        let _ = write!(self.text, "<{name}{attributes}>{}</{name}>", escape(value));
    }

    /// Writes an element of a text that there may be.
    pub(super) fn optional(&mut self, name: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.leaf(name, value);
        }
    }

    /// Writes an element without content.
    pub(super) fn empty(&mut self, start: &str) {
        let _ = write!(self.text, "<{start} />");
    }

    /// Writes what another has written.
    pub(super) fn append(&mut self, other: &Self) {
        self.text.push_str(&other.text);
    }

    pub(super) fn finish(self) -> String {
        format!("<?xml version=\"1.0\" encoding=\"utf-8\"?>{}", self.text)
    }
}

/// Writes a text so that it means itself in XML; what XML cannot say is left out.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\t' | '\n' => escaped.push(character),
            '\r' => escaped.push_str("&#13;"),
            '\0'..'\u{20}' | '\u{fffe}' | '\u{ffff}' => {}
            character => escaped.push(character),
        }
    }
    escaped
}

/// Reads a document.
pub(super) fn parse(text: &str) -> Result<Document<'_>, Failure> {
    let options = ParsingOptions {
        nodes_limit: NODES_MAX,
        ..ParsingOptions::default()
    };
    Document::parse_with_options(text, options)
        .map_err(|error| Failure::bad(format!("The body is no XML that can be read: {error}")))
}

/// Finds a child element by its name, in any namespace.
pub(super) fn child<'a, 'input>(node: Node<'a, 'input>, name: &str) -> Option<Node<'a, 'input>> {
    let mut children = node.children();
    children.find(|it| it.is_element() && it.tag_name().name() == name)
}

/// Returns the text of a child element, if it has one that is not empty.
pub(super) fn text_of<'a>(node: Node<'a, '_>, name: &str) -> Option<&'a str> {
    let text = child(node, name)?.text().unwrap_or_default();
    (!text.is_empty()).then_some(text)
}

/// Returns the type that an element names for itself, without its prefix.
pub(super) fn type_of<'a>(node: Node<'a, '_>) -> Option<&'a str> {
    let name = node.attribute((INSTANCE, "type"))?;
    Some(name.rsplit_once(':').map_or(name, |(_, name)| name))
}
