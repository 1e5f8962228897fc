//! The management of a namespace, with all that the service can be set to.

use std::sync::Arc;

use relayhouse_core::{Entity, Error, ErrorKind, Operation, QueueName, Result};

use super::{
    api::{Api, Put, not_found},
    description::{Described, EntityProperties, Kind},
    xml,
};

/// The header with a token for where an entity forwards to.
const FORWARD: &str = "ServiceBusSupplementaryAuthorization";

/// The header with a token for where an entity forwards its dead letters to.
const FORWARD_DEAD: &str = "ServiceBusDlqSupplementaryAuthorization";

/// Manages the entities of one namespace, beyond what the port for administration knows: topics,
/// and all that an entity can be set to.
///
/// Each call is one request over HTTP, or a few. A future that is dropped may have had its effect.
/// A change whose answer does not come ends as [`ErrorKind::OutcomeUnknown`].
#[derive(Clone, Debug)]
pub struct Management(Arc<Api>);

impl Management {
    pub(crate) const fn new(api: Arc<Api>) -> Self {
        Self(api)
    }

    /// Reads what `entity` is set to.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::QueueNotFound`] if it is not there, or is something else.
    pub async fn properties(&self, entity: &Entity) -> Result<EntityProperties> {
        Ok(self.read(entity).await?.properties)
    }

    /// Creates `entity`; a subscription needs its topic.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::QueueConflict`] if it is there already, however it is set.
    pub async fn create(&self, entity: &Entity, properties: &EntityProperties) -> Result<()> {
        let kind = Kind::of(entity);
        self.put(Put::Create, kind, &path_of(entity), properties, None)
            .await
    }

    /// Changes `entity`: what `properties` do not set stays as it is.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::QueueNotFound`] if it is not there.
    pub async fn update(&self, entity: &Entity, properties: &EntityProperties) -> Result<()> {
        self.change(Kind::of(entity), &path_of(entity), properties)
            .await
    }

    /// Deletes `entity` with all its messages; the name of a topic takes its subscriptions along.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::QueueNotFound`] if it is not there.
    pub async fn delete(&self, entity: &Entity) -> Result<()> {
        let path = path_of(entity);
        let deleted = self.0.delete(&path).await;
        deleted.map_err(|error| error.queue(path))
    }

    /// Reads what `topic` is set to.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::QueueNotFound`] if it is not there, or is a queue.
    pub async fn topic_properties(&self, topic: &QueueName) -> Result<EntityProperties> {
        Ok(self
            .described(Kind::Topic, topic.as_str())
            .await?
            .properties)
    }

    /// Creates `topic`.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::QueueConflict`] if it is there already, however it is set.
    pub async fn create_topic(
        &self,
        topic: &QueueName,
        properties: &EntityProperties,
    ) -> Result<()> {
        self.put(Put::Create, Kind::Topic, topic.as_str(), properties, None)
            .await
    }

    /// Changes `topic`: what `properties` do not set stays as it is.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::QueueNotFound`] if it is not there.
    pub async fn update_topic(
        &self,
        topic: &QueueName,
        properties: &EntityProperties,
    ) -> Result<()> {
        self.change(Kind::Topic, topic.as_str(), properties).await
    }

    /// Creates `entity`, and the topic of a subscription, unless it is there and fits.
    pub(super) async fn ensure(
        &self,
        entity: &Entity,
        properties: &EntityProperties,
    ) -> Result<()> {
        let mut created = self.create(entity, properties).await;
        if let (Err(error), Entity::Subscription { topic, .. }) = (&created, entity)
            && error.kind() == ErrorKind::QueueNotFound
        {
            match self.create_topic(topic, &EntityProperties::default()).await {
                // Somebody else was faster.
                Err(error) if error.kind() == ErrorKind::QueueConflict => {}
                topic => topic?,
            }
            created = self.create(entity, properties).await;
        }
        match created {
            Err(error) if error.kind() == ErrorKind::QueueConflict => {
                let there = self.properties(entity).await?;
                match properties.differs_from(&there) {
                    None => Ok(()),
                    Some(name) => Err(conflict(entity, name)),
                }
            }
            created => created,
        }
    }

    pub(super) async fn read(&self, entity: &Entity) -> Result<Described> {
        self.described(Kind::of(entity), &path_of(entity)).await
    }

    /// Reads the names of a page of a list.
    pub(super) async fn titles(&self, path: &str, skip: usize, top: usize) -> Result<Vec<String>> {
        let answer = self.0.get(path, &page(skip, top)).await?;
        let document = xml::parse(&answer)?;
        let entries = xml::entries(&document).into_iter();
        let titles = entries.map(|entry| {
            let title = xml::text_of(entry, "title").map(str::to_owned);
            title.ok_or_else(|| xml::unreadable("an entity that has no name"))
        });
        titles.collect()
    }

    async fn described(&self, kind: Kind, path: &str) -> Result<Described> {
        let answer = self.0.get(path, "").await;
        let answer = answer.map_err(|error| error.queue(path.to_owned()))?;
        Described::read(kind, &answer)?.ok_or_else(|| not_found(path))
    }

    async fn change(&self, kind: Kind, path: &str, properties: &EntityProperties) -> Result<()> {
        let before = self.0.get(path, "").await;
        let before = before.map_err(|error| error.queue(path.to_owned()))?;
        if Described::read(kind, &before)?.is_none() {
            return Err(not_found(path));
        }
        self.put(Put::Update, kind, path, properties, Some(&before))
            .await
    }

    async fn put(
        &self,
        put: Put,
        kind: Kind,
        path: &str,
        properties: &EntityProperties,
        before: Option<&str>,
    ) -> Result<()> {
        let body = properties.write(kind, before, |target| self.0.address(target))?;
        let target = |header, name: &Option<String>| {
            let name = name.clone().filter(|name| !name.is_empty());
            name.map(|name| (header, name))
        };
        let targets = [
            target(FORWARD, &properties.forward_to),
            target(FORWARD_DEAD, &properties.forward_dead_letters_to),
        ];
        let targets: Vec<_> = targets.into_iter().flatten().collect();
        let put = self.0.put(put, path, body, &targets).await;
        put.map(drop).map_err(|error| error.queue(path.to_owned()))
    }
}

fn path_of(entity: &Entity) -> String {
    entity.to_string()
}

fn page(skip: usize, top: usize) -> String {
    format!("$skip={skip}&$top={top}")
}

fn conflict(entity: &Entity, name: &str) -> Error {
    let text = format!("it is there with another {name}");
    Error::new(ErrorKind::QueueConflict, text)
        .queue(entity.to_string())
        .operation(Operation::Admin)
}
