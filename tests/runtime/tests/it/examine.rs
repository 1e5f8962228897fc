//! What a consumer would find at its queue.

use std::num::NonZeroU32;

use relayhouse_core::{Entity, ErrorKind, port::QueueConfig};
use relayhouse_runtime::{FailurePolicy, Finding};

use crate::fixture::Fixture;

/// Asks for five attempts, and no limit to them.
fn policies() -> [FailurePolicy; 2] {
    [NonZeroU32::new(5), None].map(|attempts_max| FailurePolicy {
        attempts_max,
        ..FailurePolicy::default()
    })
}

#[tokio::test(start_paused = true)]
async fn what_does_not_fit_is_found_and_nothing_received() {
    let fixture = Fixture::new();
    fixture.send(["a"]).await;
    let [five, endless] = policies();
    let found = fixture.consumer().failure(five).examine().await.unwrap();
    assert_eq!((found.source, found.findings), (fixture.source(), vec![]));
    let found = fixture.consumer().failure(endless).examine().await.unwrap();
    let [Finding::Warning(text)] = &found.findings[..] else {
        panic!("{found:?}");
    };
    assert!(text.contains("comes back without end"), "{text}");
    let stats = fixture.stats().await;
    assert_eq!((stats.ready, stats.leased), (1, Some(0)));
}

#[tokio::test(start_paused = true)]
async fn settings_are_those_of_the_queue() {
    let fixture = Fixture::new();
    let config = QueueConfig {
        attempts_max: NonZeroU32::new(3),
        ..QueueConfig::default()
    };
    let other = "strict".parse().unwrap();
    let fixture = Fixture {
        queue: other,
        ..fixture
    };
    let entity = Entity::Queue(fixture.queue.clone());
    fixture.admin().create(&entity, &config).await.unwrap();
    let [five, _] = policies();
    let found = fixture.consumer().failure(five).examine().await.unwrap();
    assert_eq!(found.settings.attempts_max, NonZeroU32::new(3));
    let [Finding::Warning(text)] = &found.findings[..] else {
        panic!("{found:?}");
    };
    assert!(text.contains("after 3 attempts"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn sessions_are_examined_as_well() {
    let fixture = Fixture::with_sessions().await;
    let found = fixture.consumer().examine().await.unwrap();
    assert!(found.capabilities.sessions.is_supported());
    let refused = found.findings.iter();
    let mut refused =
        refused.filter(|it| matches!(it, Finding::Refusal(ErrorKind::Unsupported, _)));
    assert_eq!(refused.next(), None);
}
