//! Peeks: messages that are looked at, whoever holds them.

use super::{
    Address, Model, Peeked, Result, Time,
    entity::Entity,
    is_topic,
    shelf::{Entry, Shelf},
};

/// How many messages are returned at most.
pub const PEEK_MAX: usize = 250;

impl Model {
    /// Returns messages of all states from a number on, in the order of their numbers; with a
    /// session, those of it alone.
    ///
    /// A topic has none but those that are scheduled.
    ///
    /// # Errors
    ///
    /// There is no such entity.
    pub fn peek(
        &mut self,
        now: Time,
        address: &Address,
        from: u64,
        max: usize,
        session: Option<&str>,
    ) -> Result<Vec<Peeked>> {
        self.act(now, |model| {
            let max = max.min(PEEK_MAX);
            let shelf = match model.entity(&address.path)? {
                Entity::Queue(queue) => queue.shelf(address.subqueue),
                Entity::Topic(topic) if address.subqueue == super::Subqueue::Main => &topic.shelf,
                Entity::Topic(_) => return Err(is_topic(&address.path)),
            };
            Ok(match (session, shelf.sessions()) {
                (Some(id), Some(sessions)) => {
                    let line = sessions.line(id, from);
                    view(line.filter_map(|sequence| shelf.get(sequence)), max)
                }
                (Some(id), None) => view(of_session(shelf, from, id), max),
                (None, _) => view(shelf.from(from), max),
            })
        })
    }
}

/// Returns the messages of a session where there are no sessions, such as among the dead.
fn of_session<'a>(shelf: &'a Shelf, from: u64, id: &'a str) -> impl Iterator<Item = &'a Entry> {
    let entries = shelf.from(from);
    entries.filter(move |entry| entry.message.contents.session_id.as_deref() == Some(id))
}

fn view<'a>(entries: impl Iterator<Item = &'a Entry>, max: usize) -> Vec<Peeked> {
    let views = entries.take(max).map(|entry| Peeked {
        message: entry.message.clone(),
        state: entry.state,
    });
    views.collect()
}
