//! What happens to a schema over time: the reader's, made of the writer's.

use serde_json::json;

use super::{
    entropy::Entropy,
    shape::{Field, Model, Shape},
};

/// What the names of fields begin with that have been given others.
pub(super) const RENAMED: &str = "renamed_";

/// Changes a schema so that it still reads what the old one wrote.
pub(super) fn compatibly(model: &Model, entropy: &mut Entropy<'_>) -> Model {
    let mut root = model.root.clone();
    change(&mut root, entropy, true);
    Model::new(root)
}

/// Changes a schema in ways that may make data unreadable.
pub(super) fn anyhow(model: &Model, entropy: &mut Entropy<'_>) -> Model {
    let mut root = model.root.clone();
    change(&mut root, entropy, true);
    spoil(&mut root, entropy);
    Model::new(root)
}

/// Gives each field of the root another name, and the old one as an alias.
pub(super) fn rename(model: &Model) -> Model {
    let mut root = model.root.clone();
    if let Shape::Record { fields, .. } = &mut root {
        for field in fields {
            let name = format!("{RENAMED}{}", field.name);
            field.aliases.push(std::mem::replace(&mut field.name, name));
        }
    }
    Model::new(root)
}

/// Changes a shape and those in it. What stands in a union keeps its type: another type there
/// could be the one of another branch.
fn change(shape: &mut Shape, entropy: &mut Entropy<'_>, may_be_other: bool) {
    match shape {
        Shape::Record { fields, .. } => {
            for field in fields.iter_mut() {
                change(&mut field.shape, entropy, true);
            }
            change_fields(fields, entropy);
        }
        Shape::Array(item) | Shape::Map(item) => change(item, entropy, true),
        Shape::Union(branches) => {
            for branch in branches.iter_mut() {
                change(branch, entropy, false);
            }
            if entropy.one_in(4) && branches.iter().all(is_plain) {
                branches.reverse();
            }
        }
        Shape::Enum { symbols, .. } if entropy.one_in(3) => {
            symbols.insert(entropy.below(symbols.len() + 1), "Later".to_owned());
        }
        Shape::Enum {
            symbols,
            default: Some(default),
            ..
        } if entropy.one_in(2) => {
            symbols.retain(|symbol| symbol == default || symbol != "S1");
        }
        _ if may_be_other => promote(shape, entropy),
        _ => {}
    }
}

fn promote(shape: &mut Shape, entropy: &mut Entropy<'_>) {
    let wider: &[Shape] = match shape {
        Shape::Int => &[Shape::Long, Shape::Float, Shape::Double],
        Shape::Long => &[Shape::Float, Shape::Double],
        Shape::Float => &[Shape::Double],
        Shape::Text => &[Shape::Bytes],
        _ => &[],
    };
    if !wider.is_empty() && entropy.one_in(3) {
        *shape = wider[entropy.below(wider.len())].clone();
    }
    let is_widened = !matches!(shape, Shape::Union(_) | Shape::Null | Shape::Named(_));
    if is_widened && entropy.one_in(5) {
        *shape = Shape::Union(vec![Shape::Null, shape.clone()]);
    }
}

fn change_fields(fields: &mut Vec<Field>, entropy: &mut Entropy<'_>) {
    if !fields.is_empty() && entropy.one_in(3) {
        // A field whose type is defined here may be named by others.
        let place = entropy.below(fields.len());
        if is_plain(&fields[place].shape) {
            fields.remove(place);
        }
    }
    if entropy.one_in(3) {
        let place = entropy.below(fields.len() + 1);
        fields.insert(place, added(entropy));
    }
    if entropy.one_in(3) && fields.iter().all(|field| is_plain(&field.shape)) {
        fields.reverse();
    }
}

fn is_plain(shape: &Shape) -> bool {
    match shape {
        Shape::Fixed { .. } | Shape::Enum { .. } | Shape::Record { .. } | Shape::Named(_) => false,
        Shape::Array(item) | Shape::Map(item) => is_plain(item),
        Shape::Union(branches) => branches.iter().all(is_plain),
        _ => true,
    }
}

fn added(entropy: &mut Entropy<'_>) -> Field {
    let optional = Shape::Union(vec![Shape::Null, Shape::Text]);
    let list = Shape::Array(Box::new(Shape::Long));
    let map = Shape::Map(Box::new(Shape::Double));
    let (shape, default) = match entropy.below(9) {
        0 => (Shape::Int, json!(-7)),
        1 => (Shape::Text, json!("é")),
        2 => (optional, json!(null)),
        3 => (list, json!([1, 2, 3])),
        4 => (map, json!({"a": 1.5})),
        5 => (Shape::Boolean, json!(true)),
        6 => (Shape::Double, json!(2)),
        7 => (Shape::Bytes, json!("\u{1}a")),
        _ => (Shape::Null, json!(null)),
    };
    Field {
        name: "added".to_owned(),
        aliases: Vec::new(),
        shape,
        default: Some(default),
    }
}

/// Makes one change that the old data may not survive.
fn spoil(shape: &mut Shape, entropy: &mut Entropy<'_>) {
    match shape {
        Shape::Record { fields, .. } if !fields.is_empty() && entropy.one_in(2) => {
            let place = entropy.below(fields.len());
            let field = &mut fields[place];
            match field.default {
                None => spoil(&mut field.shape, entropy),
                Some(_) => field.default = None,
            }
        }
        Shape::Record { fields, .. } => fields.push(Field {
            name: "required".to_owned(),
            aliases: Vec::new(),
            shape: Shape::Int,
            default: None,
        }),
        Shape::Array(item) | Shape::Map(item) => spoil(item, entropy),
        Shape::Union(branches) if 1 < branches.len() => {
            let place = entropy.below(branches.len());
            // `apache-avro` reads a long as int if it is small enough, if there is no better
            // branch.
            let is_number = matches!(
                branches[place],
                Shape::Int | Shape::Long | Shape::Float | Shape::Double
            );
            if is_plain(&branches[place]) && !is_number {
                branches.remove(place);
            }
        }
        Shape::Enum {
            symbols, default, ..
        } if symbols.last() != default.as_ref() && 1 < symbols.len() => drop(symbols.pop()),
        Shape::Fixed { .. } | Shape::Enum { .. } | Shape::Named(_) => {}
        Shape::Boolean | Shape::Long => *shape = Shape::Int,
        _ => *shape = Shape::Boolean,
    }
}
