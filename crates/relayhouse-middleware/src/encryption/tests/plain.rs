//! Plain text, and what could be taken for it.

use super::*;

#[tokio::test(start_paused = true)]
async fn stripped_envelope_is_never_plain_text() {
    let layer = layer(&["a"]).await;
    let mut sealed = seal(&layer, message()).await.unwrap();
    sealed.body = sealed.body.slice(1..);
    let plain = (
        ErrorKind::NotEncrypted,
        "body is plain text, and must be encrypted".to_owned(),
    );
    assert_eq!(refused(&layer, sealed).await, plain);
    assert_eq!(refused(&layer, message()).await, plain);
    assert_eq!(layer.gauges().plain_text_accepted, 0);
}

#[tokio::test(start_paused = true)]
async fn policy_on_plain_text_is_kept_and_told() {
    let allowed = "plain text allowed";
    for (policy, at_start, of_each) in [
        (PlainText::Reject, None, None),
        (PlainText::Accept, Some(allowed), None),
        (
            PlainText::Alert,
            Some(allowed),
            Some("plain text in order-7"),
        ),
    ] {
        let heard = Arc::new(Heard::default());
        let context = context().observer(Arc::clone(&heard) as Arc<dyn Observer>);
        let layer = builder(&["a"])
            .plain_text(policy)
            .build(&context)
            .await
            .unwrap();
        assert_eq!(heard.take().first().map(String::as_str), at_start);
        let accepts = policy != PlainText::Reject;
        assert_eq!(open(&layer, message()).await.is_ok(), accepts);
        assert_eq!(heard.take().first().map(String::as_str), of_each);
        let sealed = seal(&layer, message()).await.unwrap();
        assert_eq!(open(&layer, sealed).await.unwrap(), message());
        let gauges = EncryptionGauges {
            accepts_plain_text: accepts,
            plain_text_accepted: accepts.into(),
        };
        assert_eq!(layer.gauges(), gauges);
    }
}

#[tokio::test(start_paused = true)]
async fn envelope_is_no_plain_text_where_that_is_accepted() {
    let layer = builder(&["a"]).plain_text(PlainText::Accept);
    let layer = layer.build(&context()).await.unwrap();
    let forged = seal(&layer, message())
        .await
        .unwrap()
        .header("tenant", "other");
    assert_eq!(refused(&layer, forged).await, altered(ErrorKind::Forged));
}
