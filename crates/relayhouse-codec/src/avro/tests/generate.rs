//! Schemas out of entropy.

use super::{
    entropy::Entropy,
    shape::{Field, Logical, MOMENTS, Model, Moment, Shape, name_of},
};

const DEPTH_MAX: usize = 5;

impl Model {
    pub(super) fn generate(entropy: &mut Entropy<'_>) -> Self {
        let mut generator = Generator::default();
        Self::new(generator.shape(entropy, DEPTH_MAX, false))
    }

    /// Generates a schema whose unions have no logical types, which `apache-avro` does not always
    /// tell from what is below them when it resolves.
    pub(super) fn generate_resolvable(entropy: &mut Entropy<'_>) -> Self {
        let mut generator = Generator {
            is_resolvable: true,
            ..Generator::default()
        };
        Self::new(generator.shape(entropy, DEPTH_MAX, false))
    }
}

/// Generates shapes, each named type with a name of its own.
#[derive(Default)]
struct Generator {
    count: usize,
    is_resolvable: bool,
    /// Named types that are complete.
    done: Vec<String>,
    /// Records that are being generated: they may stand where a value can end.
    open: Vec<String>,
}

impl Generator {
    /// Generates a shape; `ends` says whether a value can end before it.
    fn shape(&mut self, entropy: &mut Entropy<'_>, depth: usize, ends: bool) -> Shape {
        let choices = if depth == 0 { 16 } else { 24 };
        match entropy.below(choices) {
            0 => Shape::Int,
            1 => Shape::Text,
            2 => Shape::Long,
            3 => Shape::Boolean,
            4 => Shape::Double,
            5 => Shape::Float,
            6 => Shape::Bytes,
            7 => Shape::Null,
            8 | 9 => Shape::Moment(MOMENTS[entropy.below(MOMENTS.len())].0),
            10 => Shape::DecimalBytes,
            11 => Shape::UuidText,
            12 | 13 => self.fixed(entropy),
            14 => self.symbols(entropy),
            15 => self.known(entropy, ends),
            16 => Shape::Array(Box::new(self.shape(entropy, depth - 1, true))),
            17 => Shape::Map(Box::new(self.shape(entropy, depth - 1, true))),
            18 | 19 => self.union(entropy, depth - 1),
            _ => self.record(entropy, depth - 1),
        }
    }

    /// Makes a name: simple, or in one of two namespaces.
    fn name(&mut self, entropy: &mut Entropy<'_>, prefix: &str) -> String {
        self.count += 1;
        let count = self.count;
        match entropy.below(4) {
            0 => format!("a.{prefix}{count}"),
            1 => format!("b.c.{prefix}{count}"),
            _ => format!("n.{prefix}{count}"),
        }
    }

    fn fixed(&mut self, entropy: &mut Entropy<'_>) -> Shape {
        let (size, logical) = match entropy.below(4) {
            0 => (entropy.below(9), Logical::None),
            1 => (4, Logical::Decimal),
            2 => (16, Logical::Uuid),
            _ => (12, Logical::Duration),
        };
        let name = self.name(entropy, "Fixed");
        self.done.push(name.clone());
        Shape::Fixed {
            name,
            size,
            logical,
        }
    }

    fn symbols(&mut self, entropy: &mut Entropy<'_>) -> Shape {
        let name = self.name(entropy, "Enum");
        let count = 1 + entropy.below(5);
        let symbols: Vec<_> = (0..count).map(|index| format!("S{index}")).collect();
        self.done.push(name.clone());
        let default = entropy.one_in(3).then(|| symbols[0].clone());
        Shape::Enum {
            name,
            aliases: Vec::new(),
            symbols,
            default,
        }
    }

    fn known(&mut self, entropy: &mut Entropy<'_>, ends: bool) -> Shape {
        let open = if ends { self.open.as_slice() } else { &[] };
        let count = self.done.len() + open.len();
        if count == 0 {
            return Shape::Int;
        }
        let choice = entropy.below(count);
        let mut names = self.done.iter().chain(open);
        Shape::Named(names.nth(choice).unwrap().clone())
    }

    fn union(&mut self, entropy: &mut Entropy<'_>, depth: usize) -> Shape {
        let mut branches = Vec::new();
        if !entropy.one_in(4) {
            branches.push(Shape::Null);
        }
        let count = 1 + entropy.below(4);
        for _ in 0..count {
            let done = self.done.len();
            let branch = self.shape(entropy, depth, branches.contains(&Shape::Null));
            let is_new = branches.iter().all(|other| !collides(other, &branch));
            let is_told_apart = !self.is_resolvable
                || !has_logical(&branch)
                    && branches.iter().all(|other| is_no_map_of(other, &branch));
            if is_new && is_told_apart && !matches!(branch, Shape::Union(_)) {
                branches.push(branch);
            } else {
                // What it defines is not there to be named.
                self.done.truncate(done);
            }
        }
        if branches.is_empty() {
            branches.push(Shape::Int);
        }
        if branches[0] == Shape::Null && entropy.one_in(3) {
            branches.rotate_left(1);
        }
        Shape::Union(branches)
    }

    fn record(&mut self, entropy: &mut Entropy<'_>, depth: usize) -> Shape {
        let name = self.name(entropy, "Record");
        self.open.push(name.clone());
        let count = entropy.below(6);
        let fields = (0..count).map(|index| Field {
            name: format!("f{index}"),
            aliases: Vec::new(),
            shape: self.shape(entropy, depth, false),
            default: None,
        });
        let fields = fields.collect();
        self.open.pop();
        self.done.push(name.clone());
        Shape::Record {
            name,
            aliases: Vec::new(),
            fields,
        }
    }
}

/// Returns whether there is a logical type in a shape, or may be by a name.
fn has_logical(shape: &Shape) -> bool {
    match shape {
        Shape::Moment(_) | Shape::DecimalBytes | Shape::UuidText | Shape::Named(_) => true,
        Shape::Fixed { logical, .. } => *logical != Logical::None,
        Shape::Array(item) | Shape::Map(item) => has_logical(item),
        Shape::Union(branches) => branches.iter().any(has_logical),
        Shape::Record { fields, .. } => fields.iter().any(|field| has_logical(&field.shape)),
        _ => false,
    }
}

/// Returns whether not one of the two is a map, and the other a record. When it resolves,
/// `apache-avro` takes a map for a record before it in the union that needs none of its entries,
/// and loses them; a test of the plan that reads has what that does.
fn is_no_map_of(one: &Shape, other: &Shape) -> bool {
    let is_record = |shape: &Shape| matches!(shape, Shape::Record { .. });
    let is_map = |shape: &Shape| matches!(shape, Shape::Map(_));
    !(is_map(one) && is_record(other) || is_record(one) && is_map(other))
}

/// Returns whether a union can have only one of the two.
fn collides(one: &Shape, other: &Shape) -> bool {
    let kind = |shape: &Shape| match shape {
        Shape::Null => "null",
        Shape::Boolean => "boolean",
        Shape::Int | Shape::Moment(Moment::Date | Moment::TimeMillis) => "int",
        Shape::Long | Shape::Moment(_) => "long",
        Shape::Float => "float",
        Shape::Double => "double",
        Shape::Bytes | Shape::DecimalBytes => "bytes",
        Shape::Text | Shape::UuidText => "string",
        Shape::Array(_) => "array",
        Shape::Map(_) => "map",
        Shape::Union(_) => "union",
        Shape::Fixed { .. } | Shape::Enum { .. } | Shape::Record { .. } | Shape::Named(_) => "",
    };
    match (kind(one), kind(other)) {
        ("", "") => name_of(one) == name_of(other),
        (one, other) => one == other,
    }
}
