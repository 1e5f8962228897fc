//! Keys that are done with a message, where they are not one with its ack.

use relayhouse_core::{
    Context, Mark,
    port::{DedupStore, Marking},
};

/// Marks of one store, to be kept for the same time.
struct Group<'a> {
    first: &'a Mark,
    batch: Vec<Marking>,
}

/// Completes the keys. One that cannot be completed changes nothing else: its message was handled.
pub(super) async fn complete(marks: Vec<&Mark>, context: &Context) {
    for Group { first, mut batch } in grouped(marks) {
        let call = first.store.complete(&mut batch, first.keep).await;
        Marking::tell_failures(batch, &call, context);
    }
}

/// Gives the claims up: their message is to be handled again.
pub(super) async fn abandon(marks: &[Mark], context: &Context) {
    for Group { first, mut batch } in grouped(marks) {
        let call = first.store.abandon(&mut batch).await;
        Marking::tell_failures(batch, &call, context);
    }
}

fn grouped<'a>(marks: impl IntoIterator<Item = &'a Mark>) -> Vec<Group<'a>> {
    let mut groups: Vec<Group<'a>> = Vec::new();
    for mark in marks {
        let marking = Marking::new(mark.key.clone(), mark.owner);
        let alike = |group: &&mut Group<'a>| {
            group.first.keep == mark.keep && is_same(&*group.first.store, &*mark.store)
        };
        match groups.iter_mut().find(alike) {
            Some(group) => group.batch.push(marking),
            None => groups.push(Group {
                first: mark,
                batch: vec![marking],
            }),
        }
    }
    groups
}

fn is_same(store: &dyn DedupStore, other: &dyn DedupStore) -> bool {
    std::ptr::addr_eq(store, other)
}
