//! Integers, written by their value: in any type of the schema that holds it.

use super::{
    fault::{Fault, Result},
    node::{Kind, Node, Number, Union},
    value::ValueWriter,
};

/// Up to here a double holds each integer.
const DOUBLE_EXACT_MAX: u64 = 1 << f64::MANTISSA_DIGITS;

/// Up to here a float holds each integer.
const FLOAT_EXACT_MAX: u64 = 1 << f32::MANTISSA_DIGITS;

/// Is an integer of any Rust type.
pub(super) struct Integer {
    /// The type that `apache-avro` writes the Rust type as.
    kind: Kind,
    value: Option<i64>,
    number: Option<Number>,
    /// The value again, as the fixed types of `apache-avro` have it.
    bytes: [u8; 16],
}

impl Integer {
    pub(super) fn int(value: i32) -> Self {
        Self {
            kind: Kind::Int,
            ..Self::long(value.into())
        }
    }

    pub(super) fn long(value: i64) -> Self {
        Self {
            kind: Kind::Long,
            value: Some(value),
            number: None,
            bytes: i128::from(value).to_le_bytes(),
        }
    }

    pub(super) fn u64(value: u64) -> Self {
        let bytes = u128::from(value).to_le_bytes();
        Self::wide(value.try_into().ok(), Number::U64, bytes)
    }

    pub(super) fn i128(value: i128) -> Self {
        Self::wide(value.try_into().ok(), Number::I128, value.to_le_bytes())
    }

    pub(super) fn u128(value: u128) -> Self {
        Self::wide(value.try_into().ok(), Number::U128, value.to_le_bytes())
    }

    fn wide(value: Option<i64>, number: Number, bytes: [u8; 16]) -> Self {
        Self {
            kind: Kind::Long,
            value,
            number: Some(number),
            bytes,
        }
    }

    pub(super) fn write(self, writer: ValueWriter<'_, '_>) -> Result {
        let writer = match *writer.node {
            Node::Union(_) => {
                writer.choose("the integer", |writer, union| self.branch(writer, union))?
            }
            _ => writer,
        };
        match self.form(&writer, *writer.node) {
            Some(Form::Long(value)) => writer.sink.long(value),
            Some(Form::Double(value)) => writer.sink.array(value.to_le_bytes()),
            Some(Form::Float(value)) => writer.sink.array(value.to_le_bytes()),
            Some(Form::Bytes(count)) => writer.sink.raw(&self.bytes[..count]),
            None => return Err(Self::misfit(&writer)),
        }
        Ok(())
    }

    #[cold]
    fn misfit(writer: &ValueWriter<'_, '_>) -> Fault {
        let node = *writer.node;
        match node.kind() {
            Some(Kind::Int | Kind::Long | Kind::Float | Kind::Double) => {
                let expected = writer.sink.plan.describe(node);
                Fault::new(format!("the integer is beyond what {expected} holds"))
            }
            _ => writer.misfit("an integer"),
        }
    }

    /// Finds the branch for the integer: its own fixed type, its own type, then what holds it.
    fn branch(&self, writer: &ValueWriter<'_, '_>, union: &Union) -> Option<u32> {
        let form = |node: Node| self.form(writer, node);
        let is_fixed = |node| matches!(form(node), Some(Form::Bytes(_)));
        let kinds = [self.kind, Kind::Long, Kind::Int, Kind::Double, Kind::Float];
        let fits = |branch: &u32| form(*union.node(*branch)).is_some();
        let of_kind = |kind| union.find(kind).filter(fits);
        let fixed = union.position(is_fixed);
        fixed.or_else(|| kinds.into_iter().find_map(of_kind))
    }

    /// Returns how the integer is written as `node`, if nothing is lost by that.
    fn form(&self, writer: &ValueWriter<'_, '_>, node: Node) -> Option<Form> {
        if let Node::Fixed(fixed) = node {
            let fixed = &writer.sink.plan.fixed[fixed as usize];
            let is_own = fixed.number.is_some() && fixed.number == self.number;
            return is_own.then_some(Form::Bytes(fixed.size));
        }
        let value = self.value?;
        let is_exact = |max: u64| value.unsigned_abs() <= max;
        match node {
            Node::Int => i32::try_from(value).ok().map(|_| Form::Long(value)),
            Node::Long => Some(Form::Long(value)),
            Node::Double => is_exact(DOUBLE_EXACT_MAX).then_some(Form::Double(value as f64)),
            Node::Float => is_exact(FLOAT_EXACT_MAX).then_some(Form::Float(value as f32)),
            Node::Octet => u8::try_from(value).ok().map(|_| Form::Bytes(1)),
            _ => None,
        }
    }
}

/// Is how an integer is written.
enum Form {
    Long(i64),
    Double(f64),
    Float(f32),
    /// The first of its bytes.
    Bytes(usize),
}
