//! Opening the queue that a URL names.

use std::sync::Arc;

use relayhouse::{Error, ErrorKind, Observer, Queue, Registry};

use crate::exit::Failure;

/// Opens the queue at `url`, for producers and consumers that `observer` listens to.
pub(crate) async fn observed(
    registry: &Registry,
    url: &str,
    observer: Arc<dyn Observer>,
) -> Result<Queue, Failure> {
    with_observer(&registry.open(url).await?, observer)
}

/// Returns `queue` for producers and consumers that `observer` listens to.
pub(crate) fn with_observer(queue: &Queue, observer: Arc<dyn Observer>) -> Result<Queue, Failure> {
    let context = queue.context().clone().observer(observer);
    let provider = Arc::clone(queue.provider());
    Ok(Queue::new(provider, queue.source().clone(), context)?)
}

/// Returns true if the provider shows messages without taking them.
pub(crate) fn are_shown(queue: &Queue) -> bool {
    queue.provider().capabilities().peek.is_supported()
}

/// Fails if `queue` is known not to exist: opening it to receive may create it.
pub(crate) async fn check_there(queue: &Queue) -> Result<(), Error> {
    let Ok(admin) = queue.admin() else {
        return Ok(());
    };
    match admin.settings(queue.source()).await {
        Err(error) if error.kind() == ErrorKind::QueueNotFound => Err(error),
        // Whatever else is wrong is found by who opens it.
        _ => Ok(()),
    }
}

/// Splits `url` into what names the queue, and the options, which may be secret.
pub(crate) fn parts(url: &str) -> (&str, Option<&str>) {
    match url.split_once('?') {
        Some((place, options)) => (place, Some(options)),
        None => (url, None),
    }
}

/// Names the dead letters of the queue at `url`, without its options.
pub(crate) fn dead_letters(url: &str) -> String {
    const SUFFIX: &str = "/$deadletterqueue";
    let (place, _) = parts(url);
    if place.ends_with(SUFFIX) {
        return place.to_owned();
    }
    format!("{place}{SUFFIX}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dead_letters_are_named_without_options() {
        let dead = "local:./q/orders/$deadletterqueue";
        for url in ["local:./q/orders", "local:./q/orders?key=hunter2", dead] {
            assert_eq!(dead_letters(url), dead);
        }
    }
}
