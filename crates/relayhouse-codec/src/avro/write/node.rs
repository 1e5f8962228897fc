//! What a plan is made of: small nodes, and tables that they point into.

use std::sync::OnceLock;

/// Says how one value is written. What does not fit into it stands in a table of the plan.
///
/// Logical types are written as what is below them, so that they have no nodes of their own, but
/// for one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Node {
    Null,
    Boolean,
    Int,
    Long,
    Float,
    Double,
    Bytes,
    Text,
    /// A text with the logical type uuid, which also takes the 16 bytes of one.
    UuidText,
    /// One byte of bytes or of a fixed that come one by one.
    Octet,
    Fixed(u32),
    Enum(u32),
    /// An array; its items are in the table of items.
    Array(u32),
    /// A map; its values are in the table of items.
    Map(u32),
    Record(u32),
    Union(u32),
}

/// Names what a union has at most one branch of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Null,
    Boolean,
    Int,
    Long,
    Float,
    Double,
    Bytes,
    Text,
    Array,
    Map,
}

const KIND_COUNT: usize = Kind::Map as usize + 1;

#[derive(Debug)]
pub(super) struct Fixed {
    pub(super) name: Box<str>,
    pub(super) size: usize,
    pub(super) number: Option<Number>,
}

/// Names the integers for which `apache-avro` has a fixed type, since they are wider than long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Number {
    I128,
    U64,
    U128,
}

#[derive(Debug)]
pub(super) struct Enum {
    pub(super) name: Box<str>,
    pub(super) symbols: Box<[Box<str>]>,
    known: Box<[Known]>,
}

#[derive(Debug)]
pub(super) struct Record {
    pub(super) name: Box<str>,
    pub(super) fields: Box<[Field]>,
    /// Whether the record only stands around its field, to tell the variants of an enum apart.
    pub(super) is_wrapper: bool,
    /// The fields in the order of their names.
    sorted: Box<[u32]>,
    /// What the fields of the Rust type are in the schema, in the order of the Rust type. A field
    /// that is kept for its turn counts twice.
    known: Box<[Known]>,
}

#[derive(Debug)]
pub(super) struct Field {
    pub(super) name: Box<str>,
    pub(super) node: Node,
    pub(super) default: Absent,
    /// What the Rust type calls it.
    known: Known,
}

/// Says what is written for a field that the Rust type does not have.
#[derive(Debug)]
pub(super) enum Absent {
    /// The schema has no default.
    Required,
    /// The default of the schema is not of the field's type.
    Misfit,
    /// The default, as it is written.
    Default(Box<[u8]>),
}

#[derive(Debug)]
pub(super) struct Union {
    pub(super) branches: Box<[Node]>,
    pub(super) optional: Option<Optional>,
    /// The variants of the Rust type that go to the branches with their numbers.
    known: Box<[Known]>,
    kinds: [Option<u32>; KIND_COUNT],
}

/// Is a union of null and one other type: the two branches as they are written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Optional {
    pub(super) null: u8,
    pub(super) some: u8,
    pub(super) node: Node,
}

/// Remembers which number the first constant text to be looked up here stood for, by its address.
///
/// A constant text never changes, so one at the same address and of the same length is the same.
/// The texts of another type stand elsewhere and are looked up by name.
#[derive(Debug)]
struct Known(OnceLock<Seen>);

#[derive(Debug)]
struct Seen {
    address: usize,
    length: usize,
    number: u32,
}

impl Known {
    fn new() -> Self {
        Self(OnceLock::new())
    }

    #[inline]
    fn get(&self, text: &'static str) -> Option<u32> {
        let seen = self.0.get()?;
        let is_same = seen.address == text.as_ptr().addr() && seen.length == text.len();
        is_same.then_some(seen.number)
    }

    /// Remembers what `text` stands for, unless there is something to remember already.
    #[cold]
    fn set(&self, text: &'static str, number: u32) {
        self.0.get_or_init(|| Seen {
            address: text.as_ptr().addr(),
            length: text.len(),
            number,
        });
    }
}

impl Node {
    /// Returns what the node counts as in a union; named types count by their names.
    pub(super) fn kind(self) -> Option<Kind> {
        let kind = match self {
            Self::Null => Kind::Null,
            Self::Boolean => Kind::Boolean,
            Self::Int => Kind::Int,
            Self::Long => Kind::Long,
            Self::Float => Kind::Float,
            Self::Double => Kind::Double,
            Self::Bytes => Kind::Bytes,
            Self::Text | Self::UuidText => Kind::Text,
            Self::Array(_) => Kind::Array,
            Self::Map(_) => Kind::Map,
            Self::Octet | Self::Fixed(_) | Self::Enum(_) | Self::Record(_) | Self::Union(_) => {
                return None;
            }
        };
        Some(kind)
    }
}

impl Enum {
    pub(super) fn new(name: &str, symbols: &[String]) -> Self {
        Self {
            name: name.into(),
            symbols: symbols
                .iter()
                .map(|symbol| symbol.as_str().into())
                .collect(),
            known: symbols.iter().map(|_| Known::new()).collect(),
        }
    }

    /// Finds the symbol that is called like the variant with this number.
    #[inline]
    pub(super) fn find_variant(&self, number: u32, variant: &'static str) -> Option<u32> {
        let known = self.known.get(number as usize);
        if let Some(symbol) = known.and_then(|known| known.get(variant)) {
            return Some(symbol);
        }
        let symbol = self.find(variant)?;
        if let Some(known) = known {
            known.set(variant, symbol);
        }
        Some(symbol)
    }

    pub(super) fn find(&self, name: &str) -> Option<u32> {
        let symbol = self.symbols.iter().position(|symbol| **symbol == *name)?;
        u32::try_from(symbol).ok()
    }
}

impl Field {
    pub(super) fn new(name: Box<str>, node: Node, default: Absent) -> Self {
        Self {
            name,
            node,
            default,
            known: Known::new(),
        }
    }
}

impl Record {
    pub(super) fn new(name: &str, is_wrapper: bool, fields: Box<[Field]>) -> Self {
        let mut sorted: Box<[u32]> = (0..).zip(&fields).map(|(position, _)| position).collect();
        sorted.sort_by_key(|position| &fields[*position as usize].name);
        Self {
            name: name.into(),
            is_wrapper,
            sorted,
            known: (0..2 * fields.len()).map(|_| Known::new()).collect(),
            fields,
        }
    }

    /// Returns whether this stands for the variant, which has no values.
    pub(super) fn is_unit(&self, variant: &str) -> bool {
        self.fields.is_empty() && *self.name == *variant
    }

    /// Returns the field at `position` if it is known to be the one called `name`.
    #[inline]
    pub(super) fn due(&self, position: u32, name: &'static str) -> Option<&Field> {
        let field = self.fields.get(position as usize)?;
        field.known.get(name).map(|_| field)
    }

    /// Finds the field that the Rust type has at `place`, and calls `name`.
    #[inline]
    pub(super) fn find_nth(&self, place: usize, name: &'static str) -> Option<u32> {
        let known = self.known.get(place);
        known
            .and_then(|known| known.get(name))
            .or_else(|| self.find_and_remember(place, name))
    }

    #[cold]
    fn find_and_remember(&self, place: usize, name: &'static str) -> Option<u32> {
        let position = self.find(place, name)?;
        self.fields[position as usize].known.set(name, position);
        if let Some(known) = self.known.get(place) {
            known.set(name, position);
        }
        Some(position)
    }

    /// Finds the field called `name`, which may be the one at `guess`.
    pub(super) fn find(&self, guess: usize, name: &str) -> Option<u32> {
        let guessed = self.fields.get(guess);
        if guessed.is_some_and(|field| *field.name == *name) {
            return u32::try_from(guess).ok();
        }
        let by_name = |position: &u32| (*self.fields[*position as usize].name).cmp(name);
        let found = self.sorted.binary_search_by(by_name).ok()?;
        Some(self.sorted[found])
    }
}

impl Union {
    pub(super) fn new(branches: Box<[Node]>) -> Self {
        let mut kinds = [None; KIND_COUNT];
        for (index, node) in (0..).zip(&branches) {
            if let Some(kind) = node.kind() {
                kinds[kind as usize].get_or_insert(index);
            }
        }
        Self {
            optional: Optional::of(&branches),
            known: branches.iter().map(|_| Known::new()).collect(),
            branches,
            kinds,
        }
    }

    #[inline]
    pub(super) fn node(&self, branch: u32) -> &Node {
        &self.branches[branch as usize]
    }

    /// Finds the first branch that is what `is_it` looks for.
    pub(super) fn position(&self, mut is_it: impl FnMut(Node) -> bool) -> Option<u32> {
        let mut branches = (0..).zip(&self.branches);
        let found = branches.find(|(_, node)| is_it(**node));
        found.map(|(branch, _)| branch)
    }

    /// Returns whether the variant was found to go to the branch with its number.
    #[inline]
    pub(super) fn knows_variant(&self, number: u32, variant: &'static str) -> bool {
        let known = self.known.get(number as usize);
        known.is_some_and(|known| known.get(variant).is_some())
    }

    /// Remembers that the variant goes to the branch with its number.
    pub(super) fn remember_variant(&self, number: u32, variant: &'static str) {
        if let Some(known) = self.known.get(number as usize) {
            known.set(variant, number);
        }
    }

    /// Finds the record, if there is just one.
    pub(super) fn only_record(&self) -> Option<u32> {
        let is_record = |node: Node| matches!(node, Node::Record(_));
        let first = self.position(is_record)?;
        let records = self.branches.iter().filter(|node| is_record(**node));
        (records.count() == 1).then_some(first)
    }

    /// Returns the branch of this kind.
    #[inline]
    pub(super) fn find(&self, kind: Kind) -> Option<u32> {
        self.kinds[kind as usize]
    }
}

impl Optional {
    fn of(branches: &[Node]) -> Option<Self> {
        match *branches {
            [Node::Null, node] => Some(Self {
                null: 0,
                some: 2,
                node,
            }),
            [node, Node::Null] => Some(Self {
                null: 2,
                some: 0,
                node,
            }),
            _ => None,
        }
    }
}
