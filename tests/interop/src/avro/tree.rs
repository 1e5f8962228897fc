//! A record that contains itself.

use serde::{Deserialize, Serialize};

use super::{AnyCase, plain};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Node {
    value: i32,
    children: Vec<Self>,
    next: Option<Box<Self>>,
}

pub(super) fn case() -> Box<dyn AnyCase> {
    let children = vec![node(2, vec![leaf(3)], None), leaf(4)];
    let next = node(5, Vec::new(), Some(leaf(6)));
    plain("tree", vec![leaf(1), node(1, children, Some(next))])
}

fn leaf(value: i32) -> Node {
    node(value, Vec::new(), None)
}

fn node(value: i32, children: Vec<Node>, next: Option<Node>) -> Node {
    let next = next.map(Box::new);
    Node {
        value,
        children,
        next,
    }
}
