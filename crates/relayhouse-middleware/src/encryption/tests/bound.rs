//! What beside the body cannot be changed, and what can.

use super::*;

#[tokio::test(start_paused = true)]
async fn what_is_bound_cannot_be_changed_stripped_or_added() {
    let layer = layer(&["a"]).await;
    let sealed = seal(&layer, message()).await.unwrap();
    let changes: [fn(&mut Message); 11] = [
        |it| it.details_mut().headers.set("tenant", "other"),
        |it| drop(it.details_mut().headers.remove("tenant")),
        |it| it.details_mut().headers.set("digest", "\0\u{1}"),
        |it| drop(it.details_mut().headers.remove("digest")),
        |it| it.details_mut().headers.set("content-encoding", "gzip"),
        |it| it.details_mut().content_type = Some("text/html".into()),
        |it| it.details_mut().content_type = None,
        |it| it.details_mut().ordering_key = Some("customer-8".into()),
        |it| it.details_mut().correlation_id = None,
        |it| it.details_mut().reply_to = Some("elsewhere".into()),
        |it| it.id = Some("order-8".into()),
    ];
    for (number, change) in changes.into_iter().enumerate() {
        let mut changed = sealed.clone();
        change(&mut changed);
        let refused = refused(&layer, changed).await;
        assert_eq!(refused, altered(ErrorKind::Forged), "change {number}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_not_bound_may_change() {
    let layer = layer(&["a"]).await;
    let mut sealed = seal(&layer, message()).await.unwrap();
    sealed = sealed.header("traceparent", "00-2").header("hops", "2");
    sealed = sealed.ttl(Duration::from_secs(1)).dedup_id("other");
    let opened = open(&layer, sealed).await.unwrap();
    assert_eq!(opened.body, SECRET);
}

#[tokio::test(start_paused = true)]
async fn id_that_the_provider_gives_is_not_bound() {
    let layer = layer(&["a"]).await;
    let sealed = seal(&layer, Message::new(SECRET)).await.unwrap();
    assert_eq!(open(&layer, sealed).await.unwrap().body, SECRET);
}

#[tokio::test(start_paused = true)]
async fn header_that_the_sender_does_not_bind_is_missed() {
    let lax = layer(&["a"]).await;
    let strict = builder(&["a"])
        .bound("tenant")
        .build(&context())
        .await
        .unwrap();
    let sealed = seal(&lax, Message::new(SECRET)).await.unwrap();
    let refused = refused(&strict, sealed.header("tenant", "acme")).await;
    let expected = (ErrorKind::Forged, "header tenant is not bound".to_owned());
    assert_eq!(refused, expected);
}
