//! Which branch of a union a value goes to: by its kind, or by the name of its type.

use super::{
    fault::Result,
    node::{Kind, Node, Record, Union},
    value::ValueWriter,
};

impl<'a> ValueWriter<'_, 'a> {
    /// Writes that the value is in this branch, and goes on with what the branch is.
    #[inline]
    pub(super) fn into_nth(self, union: &'a Union, branch: u32) -> Self {
        self.sink.index(branch);
        Self::new(self.sink, union.node(branch))
    }

    /// Goes on in the branch that `find` chooses, if the node is a union and has one.
    #[inline]
    pub(super) fn choose(
        self,
        found: &str,
        find: impl FnOnce(&Self, &'a Union) -> Option<u32>,
    ) -> Result<Self> {
        if let Node::Union(index) = *self.node {
            let union = self.union(index);
            if let Some(branch) = find(&self, union) {
                return Ok(self.into_nth(union, branch));
            }
        }
        Err(self.misfit(found))
    }

    /// Goes on in the branch of this kind.
    #[inline]
    pub(super) fn into_branch(self, kind: Kind, found: &str) -> Result<Self> {
        self.choose(found, |_, union| union.find(kind))
    }

    /// Goes on in the branch for a float of 32 bits.
    pub(super) fn into_float_branch(self) -> Result<Self> {
        self.choose("a float of 32 bits", |_, union| {
            union.find(Kind::Float).or_else(|| union.find(Kind::Double))
        })
    }

    /// Goes on in the branch for a sequence.
    pub(super) fn into_list_branch(self) -> Result<Self> {
        self.choose("a sequence", |_, union| {
            union.find(Kind::Array).or_else(|| union.find(Kind::Bytes))
        })
    }

    /// Goes on in the branch for a tuple.
    pub(super) fn into_tuple_branch(self, length: usize) -> Result<Self> {
        self.choose("a tuple", |writer, union| {
            let null = (length == 0).then(|| union.find(Kind::Null)).flatten();
            null.or_else(|| writer.record_of_length(union, length))
                .or_else(|| union.find(Kind::Array))
                .or_else(|| union.find(Kind::Bytes))
        })
    }

    /// Goes on in the branch for a map: the map, or the record with as many fields, whichever is
    /// first, or else the only record.
    pub(super) fn into_map_branch(self, length: Option<usize>) -> Result<Self> {
        self.choose("a map", |writer, union| {
            let map = union.find(Kind::Map);
            let record = length.and_then(|length| writer.record_of_length(union, length));
            match (map, record) {
                (Some(map), Some(record)) => Some(map.min(record)),
                (None, None) => union.only_record(),
                (map, record) => map.or(record),
            }
        })
    }

    /// Goes on in the branch for a struct: the record of this name, or else the only record.
    pub(super) fn into_struct_branch(self, name: &str) -> Result<Self> {
        self.choose("a struct", |writer, union| {
            let named = writer.branch_named(union, name);
            let record = named.filter(|branch| matches!(*union.node(*branch), Node::Record(_)));
            record.or_else(|| union.only_record())
        })
    }

    /// Finds the first branch with this name, whatever its namespace.
    pub(super) fn branch_named(&self, union: &Union, name: &str) -> Option<u32> {
        let plan = self.sink.plan;
        union.position(|node| plan.name(node) == Some(name))
    }

    fn record_of_length(&self, union: &Union, length: usize) -> Option<u32> {
        union.position(|node| match node {
            Node::Record(record) => self.record(record).fields.len() == length,
            _ => false,
        })
    }

    /// Goes on as the record of this name and number of fields, which the node is or has a branch
    /// for; gives the writer back where there is none.
    pub(super) fn into_record(
        self,
        name: &str,
        length: usize,
    ) -> std::result::Result<(Self, &'a Record), Self> {
        let branch = match *self.node {
            Node::Union(index) => {
                let union = self.union(index);
                self.branch_named(union, name).map(|branch| (union, branch))
            }
            _ => None,
        };
        let node = branch.map_or(self.node, |(union, branch)| union.node(branch));
        let Node::Record(record) = *node else {
            return Err(self);
        };
        let record = self.record(record);
        if *record.name != *name || record.fields.len() != length {
            return Err(self);
        }
        match branch {
            Some((union, branch)) => Ok((self.into_nth(union, branch), record)),
            None => Ok((self, record)),
        }
    }
}
