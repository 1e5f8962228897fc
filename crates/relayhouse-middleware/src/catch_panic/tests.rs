//! Panics of a call and of its future.

use relayhouse_core::{Error, ErrorKind};
use tower::{Service, ServiceExt, service_fn};
use tower_layer::Layer;
use tower_test::mock;

use super::CatchPanicLayer;

#[tokio::test]
async fn panic_in_the_call_is_an_error() {
    let service = service_fn(|number: u32| {
        assert!(number != 7, "number {number}");
        async move { Ok::<_, Error>(number) }
    });
    let mut service = CatchPanicLayer::new().layer(service);
    let error = service.call(7).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Panicked);
    assert_eq!(error.to_string(), "panicked: number 7");
    assert_eq!(service.call(8).await.unwrap(), 8);
}

#[tokio::test]
async fn panic_after_a_wait_is_an_error() {
    let service = service_fn(|()| async {
        tokio::task::yield_now().await;
        std::panic::panic_any(7);
        #[expect(unreachable_code, reason = "the type of the answer")]
        Ok::<(), Error>(())
    });
    let service = CatchPanicLayer::new().layer(service);
    let error = service.oneshot(()).await.unwrap_err();
    assert_eq!(error.to_string(), "panicked");
    assert!(error.is_temporary());
}

#[tokio::test]
async fn readiness_is_that_of_the_service() {
    let layer = tower::ServiceBuilder::new()
        .layer(CatchPanicLayer::new())
        .map_err(Error::from_boxed);
    let (mut service, mut handle) = mock::spawn_layer::<u32, u32, _>(layer);
    handle.allow(0);
    assert!(service.poll_ready().is_pending());
    handle.allow(1);
    assert!(service.poll_ready().is_ready());
}
