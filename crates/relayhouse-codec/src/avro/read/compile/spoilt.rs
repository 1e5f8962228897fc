//! What cannot be read because a part of it cannot.

use crate::avro::read::plan::{Action, Node, Plan};

/// Follows each part that cannot be read to what has it.
struct Spoilt {
    /// Where the numbers of each table begin: those of records, items, unions and branches.
    items: usize,
    unions: usize,
    branches: usize,
    /// What has each part.
    users: Vec<Vec<usize>>,
    /// How many parts each one can lose before it cannot be read.
    left: Vec<usize>,
    /// Why each one has lost its first part.
    reasons: Vec<Option<u32>>,
    waiting: Vec<usize>,
}

impl Plan {
    /// Marks the branches that cannot be read, and returns the reason if `root` cannot.
    pub(super) fn spoil(&mut self, root: Node) -> Option<u32> {
        let mut spoilt = Spoilt::new(self);
        for (record, number) in self.records.iter().zip(0..) {
            for step in &record.steps {
                if let Action::Take(node) = step.action {
                    spoilt.part(number, node);
                }
            }
        }
        for (item, number) in self.items.iter().zip(spoilt.items..) {
            spoilt.part(number, *item);
        }
        for (union, number) in self.unions.iter().zip(spoilt.unions..) {
            for branch in union {
                spoilt.part(number, branch.node);
            }
        }
        for (branch, number) in self.branches.iter().zip(spoilt.branches..) {
            spoilt.part(number, branch.node);
        }
        spoilt.spread();
        for branch in self.unions.iter_mut().flatten() {
            if let Some(reason) = spoilt.reason(branch.node) {
                branch.node = Node::Never(reason);
            }
        }
        spoilt.reason(root)
    }
}

impl Spoilt {
    fn new(plan: &Plan) -> Self {
        let items = plan.records.len();
        let unions = items + plan.items.len();
        let branches = unions + plan.unions.len();
        let count = branches + plan.branches.len();
        // A union goes on as long as one branch can be read.
        let mut left = vec![1; count];
        for (union, left) in plan.unions.iter().zip(&mut left[unions..]) {
            *left = union.len();
        }
        Self {
            items,
            unions,
            branches,
            users: vec![Vec::new(); count],
            left,
            reasons: vec![None; count],
            waiting: Vec::new(),
        }
    }

    fn number(&self, node: Node) -> Option<usize> {
        match node {
            Node::Record(record) => Some(record as usize),
            Node::Array(items) | Node::Map(items) => Some(self.items + items as usize),
            Node::Union(union) | Node::Choice(union) => Some(self.unions + union as usize),
            Node::Branch(branch) => Some(self.branches + branch as usize),
            _ => None,
        }
    }

    fn part(&mut self, user: usize, node: Node) {
        match (node, self.number(node)) {
            (Node::Never(reason), _) => self.lose(user, reason),
            (_, Some(number)) => self.users[number].push(user),
            _ => {}
        }
    }

    fn lose(&mut self, user: usize, reason: u32) {
        if self.left[user] == 0 {
            return;
        }
        self.left[user] -= 1;
        self.reasons[user].get_or_insert(reason);
        if self.left[user] == 0 {
            self.waiting.push(user);
        }
    }

    fn spread(&mut self) {
        while let Some(number) = self.waiting.pop() {
            let Some(reason) = self.reasons[number] else {
                continue;
            };
            for user in std::mem::take(&mut self.users[number]) {
                self.lose(user, reason);
            }
        }
    }

    fn reason(&self, node: Node) -> Option<u32> {
        match node {
            Node::Never(reason) => Some(reason),
            node => {
                let number = self.number(node)?;
                self.reasons[number].filter(|_| self.left[number] == 0)
            }
        }
    }
}
