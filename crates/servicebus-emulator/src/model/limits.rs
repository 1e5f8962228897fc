//! What a message must keep to, whatever room there is for it.

use super::{Contents, Error, ErrorKind, Path, Result, entity::Entity, queue::Role};

/// The longest message id, session id or partition key, in characters.
pub const ID_LENGTH_MAX: usize = 128;

/// The largest value of a property, in bytes.
const PROPERTY_BYTES_MAX: usize = 32 * 1_024;

/// The largest properties of a message together, in bytes.
const PROPERTIES_BYTES_MAX: usize = 64 * 1_024;

/// Checks a message by itself, and against the entity to which it is sent.
pub(super) fn check(to: &Path, entity: &Entity, contents: &Contents) -> Result<()> {
    let ids = [
        ("message id", &contents.message_id),
        ("session id", &contents.session_id),
        ("partition key", &contents.partition_key),
        ("via partition key", &contents.via_partition_key),
        ("reply-to session id", &contents.reply_to_session_id),
    ];
    for (name, id) in ids {
        let length = id.as_ref().map_or(0, |id| id.chars().count());
        if ID_LENGTH_MAX < length {
            let message =
                format!("The {name} has {length} characters, and {ID_LENGTH_MAX} are possible.");
            return Err(Error::new(ErrorKind::ArgumentOutOfRange, message));
        }
    }
    check_properties(contents)?;
    let (session, key) = (&contents.session_id, &contents.partition_key);
    if session.is_some() && key.is_some() && session != key {
        let message = format!(
            "The partition key {:?} is not the session id {:?}: where there are both, they must \
             be the same.",
            key.as_deref().unwrap_or_default(),
            session.as_deref().unwrap_or_default(),
        );
        return Err(Error::new(ErrorKind::Argument, message));
    }
    let needs_session = match entity {
        Entity::Queue(queue) => {
            queue.outlet.requires_session && matches!(queue.role, Role::Queue { .. })
        }
        Entity::Topic(_) => false,
    };
    if needs_session && session.is_none() {
        let message = format!("The message has no session id, and '{to}' requires sessions.");
        return Err(Error::new(ErrorKind::NotAllowed, message));
    }
    Ok(())
}

fn check_properties(contents: &Contents) -> Result<()> {
    let mut total = 0;
    for (name, value) in &contents.properties {
        let bytes = value.bytes();
        total += name.len() + bytes;
        if PROPERTY_BYTES_MAX < bytes {
            let message = format!(
                "The property {name:?} has {bytes} bytes, and {PROPERTY_BYTES_MAX} are possible."
            );
            return Err(Error::new(ErrorKind::ArgumentOutOfRange, message));
        }
    }
    if PROPERTIES_BYTES_MAX < total {
        let message = format!(
            "The properties have {total} bytes together, and {PROPERTIES_BYTES_MAX} are possible."
        );
        return Err(Error::new(ErrorKind::ArgumentOutOfRange, message));
    }
    Ok(())
}
