//! What entities may be called.

use super::{Error, ErrorKind, Path, Result};

/// The longest name of a queue or a topic, in characters.
pub const NAME_LENGTH_MAX: usize = 260;

/// The longest name of a subscription, in characters.
const SUBSCRIPTION_NAME_LENGTH_MAX: usize = 50;

pub(super) fn check_name(path: &Path) -> Result<()> {
    let name = path.as_str();
    let length = name.chars().count();
    let is_part = |part: char| part.is_alphanumeric() || matches!(part, '.' | '-' | '_' | '/');
    let ends = [name.chars().next(), name.chars().next_back()];
    let is_valid = (1..=NAME_LENGTH_MAX).contains(&length)
        && name.chars().all(is_part)
        && ends.into_iter().flatten().all(char::is_alphanumeric)
        && path.as_subscription().is_none();
    if is_valid {
        return Ok(());
    }
    let message = format!(
        "'{name}' cannot be the name of an entity: it has 1 to {NAME_LENGTH_MAX} letters, digits, \
         periods, hyphens, underscores and slashes, and begins and ends with a letter or a digit."
    );
    Err(Error::new(ErrorKind::Argument, message))
}

pub(super) fn check_subscription_name(name: &str) -> Result<()> {
    let length = name.chars().count();
    let is_part = |part: char| part.is_alphanumeric() || matches!(part, '.' | '-' | '_');
    let is_valid =
        (1..=SUBSCRIPTION_NAME_LENGTH_MAX).contains(&length) && name.chars().all(is_part);
    if is_valid {
        return Ok(());
    }
    let message = format!(
        "'{name}' cannot be the name of a subscription: it has 1 to \
         {SUBSCRIPTION_NAME_LENGTH_MAX} letters, digits, periods, hyphens and underscores."
    );
    Err(Error::new(ErrorKind::Argument, message))
}

pub(super) fn no_name(path: &Path) -> Error {
    let message = format!("'{path}' is not the path of a subscription.");
    Error::new(ErrorKind::Argument, message)
}
