//! XML of the management API: written by hand, and read into a tree.

use std::fmt::Write as _;

use relayhouse_core::{Error, ErrorKind, Operation, Result};
use roxmltree::{Document, Node, ParsingOptions};

/// The namespace of entries.
const ATOM: &str = "http://www.w3.org/2005/Atom";

/// The namespace of descriptions.
const CONNECT: &str = "http://schemas.microsoft.com/netservices/2010/10/servicebus/connect";

/// The namespace in which values name their types.
const INSTANCE: &str = "http://www.w3.org/2001/XMLSchema-instance";

/// The most nodes of an answer: a page of 100 entities has a tenth of them.
const NODES_MAX: u32 = 100_000;

/// Writes the entry around a description, whose content is `inner`.
pub(super) fn entry(description: &str, inner: &str) -> String {
    format!(
        "<entry xmlns=\"{ATOM}\"><content type=\"application/xml\">\
         <{description} xmlns=\"{CONNECT}\" xmlns:i=\"{INSTANCE}\">{inner}</{description}>\
         </content></entry>"
    )
}

/// Writes an element that holds text alone.
pub(super) fn leaf(into: &mut String, name: &str, text: &str) {
    let _ = write!(into, "<{name}>{}</{name}>", escape(text));
}

/// Writes text so that it means itself; what XML cannot say is left out.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\r' => escaped.push_str("&#13;"),
            '\t' | '\n' => escaped.push(character),
            '\0'..' ' | '\u{fffe}' | '\u{ffff}' => {}
            character => escaped.push(character),
        }
    }
    escaped
}

pub(super) fn parse(text: &str) -> Result<Document<'_>> {
    let options = ParsingOptions {
        nodes_limit: NODES_MAX,
        ..ParsingOptions::default()
    };
    Document::parse_with_options(text, options)
        .map_err(|error| unreadable("no XML that can be read").with_source(error))
}

/// Finds the entries of an answer: of a feed, or the one that it is.
pub(super) fn entries<'a, 'input>(document: &'a Document<'input>) -> Vec<Node<'a, 'input>> {
    let root = document.root_element();
    if root.tag_name().name() == "entry" {
        return vec![root];
    }
    let entries = root.children();
    entries
        .filter(|it| it.tag_name().name() == "entry")
        .collect()
}

/// Finds the description in an entry.
pub(super) fn description<'a, 'input>(entry: Node<'a, 'input>) -> Option<Node<'a, 'input>> {
    child(entry, "content")?.first_element_child()
}

/// Finds a child by its name, in any namespace.
pub(super) fn child<'a, 'input>(node: Node<'a, 'input>, name: &str) -> Option<Node<'a, 'input>> {
    let mut children = node.children();
    children.find(|it| it.is_element() && it.tag_name().name() == name)
}

/// Returns the text of a child, if it has any.
pub(super) fn text_of<'a>(node: Node<'a, '_>, name: &str) -> Option<&'a str> {
    let text = child(node, name)?.text().unwrap_or_default();
    (!text.is_empty()).then_some(text)
}

/// Says that an answer cannot be understood, without repeating it.
pub(super) fn unreadable(what: &str) -> Error {
    let text = format!("the management API answers with {what}");
    Error::new(ErrorKind::Unexpected, text).operation(Operation::Admin)
}
