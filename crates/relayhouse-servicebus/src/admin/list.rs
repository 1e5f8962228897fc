//! Lists: all queues first, then the subscriptions of one topic after the other.

use relayhouse_core::{Entity, QueueName, Result, SubscriptionName, port::Page};

use super::management::Management;
use crate::error;

/// The most entities of a page.
pub(super) const PAGE_MAX: usize = 100;

/// Where a list goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// Behind so many queues.
    Queues(usize),
    /// Behind so many topics, and so many subscriptions of the next one.
    Topic(usize, usize),
}

impl Place {
    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('/');
        let place = match (parts.next()?, parts.next()?, parts.next()) {
            ("queues", skip, None) => Self::Queues(skip.parse().ok()?),
            ("topics", topic, Some(skip)) => Self::Topic(topic.parse().ok()?, skip.parse().ok()?),
            _ => return None,
        };
        parts.next().is_none().then_some(place)
    }

    fn write(self) -> String {
        match self {
            Self::Queues(skip) => format!("queues/{skip}"),
            Self::Topic(topic, skip) => format!("topics/{topic}/{skip}"),
        }
    }
}

/// Reads one page. Entities whose names no URL of ours can hold are left out, and a page may be
/// empty before the end.
pub(super) async fn page(management: &Management, after: Option<&str>) -> Result<Page> {
    let place = match after {
        None => Place::Queues(0),
        Some(after) => Place::parse(after)
            .ok_or_else(|| error::invalid("a list goes on by the `next` of the page before"))?,
    };
    let (entities, next) = match place {
        Place::Queues(skip) => queues(management, skip).await?,
        Place::Topic(topic, skip) => subscriptions(management, topic, skip).await?,
    };
    Ok(Page {
        entities,
        next: next.map(Place::write),
    })
}

async fn queues(management: &Management, skip: usize) -> Result<(Vec<Entity>, Option<Place>)> {
    let names = management
        .titles("$Resources/queues", skip, PAGE_MAX)
        .await?;
    let next = match names.len() < PAGE_MAX {
        true => Place::Topic(0, 0),
        false => Place::Queues(skip + names.len()),
    };
    let queues = names
        .into_iter()
        .filter_map(|name| QueueName::new(name).ok());
    Ok((queues.map(Entity::Queue).collect(), Some(next)))
}

async fn subscriptions(
    management: &Management,
    topic: usize,
    skip: usize,
) -> Result<(Vec<Entity>, Option<Place>)> {
    let topics = management.titles("$Resources/topics", topic, 1).await?;
    let Some(name) = topics.into_iter().next() else {
        return Ok((Vec::new(), None));
    };
    let Ok(name) = QueueName::new(name) else {
        return Ok((Vec::new(), Some(Place::Topic(topic + 1, 0))));
    };
    let path = format!("{name}/subscriptions");
    let names = management.titles(&path, skip, PAGE_MAX).await?;
    let next = match names.len() < PAGE_MAX {
        true => Place::Topic(topic + 1, 0),
        false => Place::Topic(topic, skip + names.len()),
    };
    let names = names
        .into_iter()
        .filter_map(|name| SubscriptionName::new(name).ok());
    let of_topic = |subscription| Entity::Subscription {
        topic: name.clone(),
        name: subscription,
    };
    Ok((names.map(of_topic).collect(), Some(next)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_a_list_goes_on_is_written_and_read() {
        for place in [Place::Queues(0), Place::Queues(200), Place::Topic(3, 100)] {
            assert_eq!(Place::parse(&place.write()), Some(place));
        }
        for text in [
            "",
            "queues",
            "queues/x",
            "queues/1/2",
            "topics/1",
            "topics/1/2/3",
        ] {
            assert_eq!(Place::parse(text), None, "{text}");
        }
    }
}
