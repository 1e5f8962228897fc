//! Passing over values that nobody takes, within the same bounds.

use super::{
    fault::Fault,
    input::Input,
    plan::{Action, Node, Step},
};
use crate::avro::uuid::UUID_BYTES;

/// Passes over one value. Texts are not looked at, and defaults take no time.
pub(super) fn skip(input: &mut Input<'_, '_>, node: Node) -> Result<(), Fault> {
    match node {
        Node::Null => Ok(()),
        Node::Boolean => input.take(1).map(drop),
        Node::Int
        | Node::Long
        | Node::IntAsLong
        | Node::IntAsFloat
        | Node::IntAsDouble
        | Node::LongAsFloat
        | Node::LongAsDouble
        | Node::Enum(_) => input.long().map(drop),
        Node::Float | Node::FloatAsDouble => input.take(size_of::<f32>()).map(drop),
        Node::Double => input.take(size_of::<f64>()).map(drop),
        Node::Bytes | Node::String | Node::UuidText | Node::UuidBytes => input.bytes().map(drop),
        Node::UuidFixed => input.take(UUID_BYTES).map(drop),
        Node::Fixed(size) | Node::Opaque(size) => input.take(size as usize).map(drop),
        Node::Array(items) => skip_blocks(input, false, input.plan.items[items as usize]),
        Node::Map(items) => skip_blocks(input, true, input.plan.items[items as usize]),
        Node::Record(record) => skip_record(input, record),
        Node::Union(_) | Node::Choice(_) | Node::Branch(_) | Node::Never(_) => {
            let branch = input.branch(node)?;
            skip(input, branch.node)
        }
    }
}

impl Step {
    /// Passes over what is written in this step. Defaults are not written.
    pub(super) fn skip(&self, input: &mut Input<'_, '_>) -> Result<(), Fault> {
        match self.action {
            Action::Take(node) | Action::Skip(node) => skip(input, node),
            Action::Constant(_) | Action::Null(_) => Ok(()),
        }
    }
}

fn skip_record(input: &mut Input<'_, '_>, record: u32) -> Result<(), Fault> {
    input.enter()?;
    for step in &input.plan.record(record).steps {
        step.skip(input)
            .map_err(|fault| fault.in_field(&step.name))?;
    }
    input.leave();
    Ok(())
}

/// Passes over an array or a map. A block whose size is written is passed over at once.
fn skip_blocks(input: &mut Input<'_, '_>, keyed: bool, item: Node) -> Result<(), Fault> {
    input.enter()?;
    loop {
        match input.block()? {
            (0, _) => break,
            (_, Some(size)) => skip_sized(input, size)?,
            (count, None) => {
                for _ in 0..count {
                    if keyed {
                        input.bytes()?;
                    }
                    skip(input, item)?;
                }
            }
        }
    }
    input.leave();
    Ok(())
}

fn skip_sized(input: &mut Input<'_, '_>, size: i64) -> Result<(), Fault> {
    match usize::try_from(size) {
        Ok(size) => input.take(size).map(drop),
        Err(_) => Err(input.fault("the size of a block is negative")),
    }
}
