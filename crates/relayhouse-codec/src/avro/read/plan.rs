//! The flat form of a pair of schemas: nodes, which point into a few tables.

use super::memory::{Memory, Move};

/// Says how a value is written, and what it is read as. Numbers are places in the tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Node {
    Null,
    Boolean,
    Int,
    Long,
    IntAsLong,
    Float,
    IntAsFloat,
    LongAsFloat,
    Double,
    IntAsDouble,
    LongAsDouble,
    FloatAsDouble,
    Bytes,
    String,
    /// A UUID as the writer has it: a text, bytes after their length, or the bytes alone.
    UuidText,
    UuidBytes,
    UuidFixed,
    /// So many bytes, which may be a number or a character of Rust.
    Fixed(u32),
    /// So many bytes of a logical type, which are never a number of Rust.
    Opaque(u32),
    Array(u32),
    Map(u32),
    Record(u32),
    Enum(u32),
    /// The writer has a union, and so has the reader.
    Union(u32),
    /// The writer has a union, and the reader has not.
    Choice(u32),
    /// The reader has a union, and the writer has not.
    Branch(u32),
    /// A branch that the reader cannot take, with the reason.
    Never(u32),
}

/// Everything that a datum is decoded by.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) records: Vec<Record>,
    /// The items of arrays, and the values of maps.
    pub(super) items: Vec<Node>,
    pub(super) enums: Vec<Enum>,
    pub(super) unions: Vec<Vec<Branch>>,
    /// Each of the unions, as an option takes it.
    pub(super) optionals: Vec<Optional>,
    pub(super) branches: Vec<Branch>,
    pub(super) constants: Vec<Constant>,
    pub(super) reasons: Vec<Box<str>>,
}

/// A record, by the steps in which it is read.
#[derive(Debug)]
pub(super) struct Record {
    /// The reader's name, without the namespace.
    pub(super) name: Box<str>,
    /// What is written, in its order, and then the reader's defaults.
    pub(super) steps: Vec<Step>,
    pub(super) kind: RecordKind,
    /// How many fields the reader has.
    pub(super) field_count: usize,
    /// The moves that take it in the reader's order, if that is the writer's.
    pub(super) in_order: Option<Vec<Move>>,
    pub(super) memory: Memory,
}

/// What the attributes of a record say that it was made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RecordKind {
    Struct,
    Tuple,
    /// The one field of a newtype variant.
    Newtype,
}

#[derive(Clone, Debug)]
pub(super) struct Step {
    pub(super) action: Action,
    /// The name of the reader's field; of the writer's, if it is skipped.
    pub(super) name: Box<str>,
    /// Which of the reader's fields it is; not used where it is skipped.
    pub(super) field: u32,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Action {
    Take(Node),
    Skip(Node),
    /// The reader's default.
    Constant(u32),
    /// A default of null: a node that takes no bytes.
    Null(Node),
}

/// A default, as a datum of the reader's schema.
#[derive(Debug)]
pub(super) struct Constant {
    pub(super) node: Node,
    pub(super) datum: Box<[u8]>,
}

/// An enum: the reader's symbol for each of the writer's.
#[derive(Debug)]
pub(super) struct Enum {
    pub(super) symbols: Vec<Option<Box<str>>>,
}

/// A branch of a union: the reader's index, and how its value is read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Branch {
    pub(super) index: u32,
    pub(super) node: Node,
}

/// A union of null and one other branch, by the byte that the number of each is written as; of
/// another union, [`NO_BYTE`].
#[derive(Clone, Copy, Debug)]
pub(super) struct Optional {
    pub(super) none: u16,
    pub(super) some: u16,
    pub(super) node: Node,
}

/// Is none of the bytes that there are.
const NO_BYTE: u16 = 0x100;

impl Optional {
    const NO: Self = Self {
        none: NO_BYTE,
        some: NO_BYTE,
        node: Node::Null,
    };

    fn of(branches: &[Branch]) -> Self {
        let (none, some, node) = match branches {
            [null, other] if null.node == Node::Null => (0, 2, other.node),
            [other, null] if null.node == Node::Null => (2, 0, other.node),
            _ => return Self::NO,
        };
        match node {
            Node::Never(_) => Self::NO,
            node => Self { none, some, node },
        }
    }
}

impl Node {
    /// Says what it is, for people.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Boolean => "boolean",
            Self::Int => "int",
            Self::Long | Self::IntAsLong => "long",
            Self::Float | Self::IntAsFloat | Self::LongAsFloat => "float",
            Self::Double | Self::IntAsDouble | Self::LongAsDouble | Self::FloatAsDouble => "double",
            Self::Bytes => "bytes",
            Self::String => "string",
            Self::UuidText | Self::UuidBytes | Self::UuidFixed => "uuid",
            Self::Fixed(_) | Self::Opaque(_) => "fixed",
            Self::Array(_) => "array",
            Self::Map(_) => "map",
            Self::Record(_) => "record",
            Self::Enum(_) => "enum",
            Self::Union(_) | Self::Choice(_) | Self::Branch(_) | Self::Never(_) => "union",
        }
    }
}

impl Step {
    pub(super) fn new(action: Action, name: &str, field: usize) -> Self {
        Self {
            action,
            name: name.into(),
            // The fields of a record are fewer than the steps that a plan may have.
            field: u32::try_from(field).unwrap_or(u32::MAX),
        }
    }

    pub(super) fn is_skipped(&self) -> bool {
        matches!(self.action, Action::Skip(_))
    }

    pub(super) fn is_written(&self) -> bool {
        matches!(self.action, Action::Take(_) | Action::Skip(_))
    }
}

impl Record {
    /// Returns whether it is what a newtype struct of that name is written as.
    pub(super) fn is_newtype(&self, name: &str) -> bool {
        self.field_count == 1 && *self.name == *name
    }
}

impl Plan {
    /// Works out which unions an option takes, once all of them stand.
    pub(super) fn find_optionals(&mut self) {
        self.optionals = self.unions.iter().map(|it| Optional::of(it)).collect();
    }

    pub(super) fn record(&self, record: u32) -> &Record {
        &self.records[record as usize]
    }

    /// Returns whether all symbols are among these variants, so that a branch of a union stands
    /// for the enum itself and not for one of its variants.
    pub(super) fn is_enum_of(&self, of: u32, variants: &[&str]) -> bool {
        let mut symbols = self.enums[of as usize].symbols.iter().flatten();
        symbols.all(|symbol| variants.contains(&&**symbol))
    }

    pub(super) fn constant(&self, constant: u32) -> &Constant {
        &self.constants[constant as usize]
    }
}
