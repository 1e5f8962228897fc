//! Unions: which branch was written, and which of the reader's it is.

use super::{
    fault::Fault,
    input::Input,
    plan::{Branch, Node},
};

impl<'p> Input<'p, '_> {
    /// Finds the branch of a node that is a union for the writer or the reader.
    #[inline]
    pub(super) fn branch(&mut self, node: Node) -> Result<&'p Branch, Fault> {
        if let Node::Union(union) = node
            && let Some(branch) = self.short_branch(union)
        {
            return Ok(branch);
        }
        self.any_branch(node)
    }

    /// Passes over the number of the branch, if the union is of null and one other that can be read,
    /// and returns which node is written, or `None` for null.
    #[inline]
    pub(super) fn optional(&mut self, union: u32) -> Option<Option<&'p Node>> {
        let optional = &self.plan.optionals[union as usize];
        let byte = self.peek_byte();
        if byte == optional.none {
            self.pass_byte();
            return Some(None);
        }
        if byte == optional.some {
            self.pass_byte();
            return Some(Some(&optional.node));
        }
        None
    }

    /// Finds the branch of a union that has one for the reader, if its number is one byte.
    #[inline]
    fn short_branch(&mut self, union: u32) -> Option<&'p Branch> {
        let branches = &self.plan.unions[union as usize];
        let branch = branches.get(self.peek_short()?)?;
        if matches!(branch.node, Node::Never(_)) {
            return None;
        }
        self.pass_byte();
        Some(branch)
    }

    #[inline(never)]
    fn any_branch(&mut self, node: Node) -> Result<&'p Branch, Fault> {
        let branch = match node {
            Node::Union(union) | Node::Choice(union) => {
                let index = self.long()?;
                let branches = &self.plan.unions[union as usize];
                let branch = usize::try_from(index).ok();
                match branch.and_then(|index| branches.get(index)) {
                    Some(branch) => branch,
                    None => return Err(self.no_branch(branches.len())),
                }
            }
            Node::Branch(branch) => &self.plan.branches[branch as usize],
            _ => return Err(self.fault("there is no union")),
        };
        match branch.node {
            Node::Never(reason) => Err(self.never(reason)),
            _ => Ok(branch),
        }
    }

    #[cold]
    pub(super) fn never(&mut self, reason: u32) -> Fault {
        self.fault(self.plan.reasons[reason as usize].to_string())
    }

    #[cold]
    fn no_branch(&mut self, count: usize) -> Fault {
        self.fault(format!("a union has {count} branches, and not this one"))
    }
}
