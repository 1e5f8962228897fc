//! Receipts, visibility and long polls.

use std::time::Duration;

use anyhow::Result;
use aws_sdk_sqs::types::{MessageSystemAttributeName, QueueAttributeName};
use futures_util::future;
use relayhouse_core::Clock;
use relayhouse_time::TokioClock;

use super::{
    Probe,
    bench::{Bench, answer, bodies, system_attribute, wait},
};
use crate::service::probe::probe;

pub(super) const PROBES: &[Probe] = &[
    probe!(
        expired_message_comes_with_a_new_receipt,
        "A message whose visibility timeout is over",
        "comes again: count 2, new receipt"
    ),
    probe!(
        old_receipt_deletes_nothing,
        "A deletion by an older receipt on a standard queue",
        "accepted, and the message stays"
    ),
    probe!(
        change_after_a_release_is_refused,
        "A change of visibility of a message that was released",
        "refused: MessageNotInflight (400)"
    ),
    probe!(
        change_after_the_end_is_refused,
        "A change of visibility of a message whose timeout is over",
        "refused: MessageNotInflight (400)"
    ),
    probe!(
        unknown_receipt_is_refused,
        "A deletion by an unknown receipt",
        "refused: ReceiptHandleIsInvalid (400)"
    ),
    probe!(
        empty_receipt_is_refused,
        "A deletion by an empty receipt",
        "refused"
    ),
    probe!(
        send_wakes_a_poll,
        "A long poll, when a message is sent",
        "ends within a second"
    ),
    probe!(
        release_wakes_a_poll,
        "A long poll, when a message is released",
        "ends within a second"
    ),
    probe!(
        queue_waits_for_who_does_not_say,
        "A receive without a wait, on a queue with a wait of 2 seconds",
        "waits"
    ),
    probe!(
        queue_delays_what_does_not_say,
        "A send without a delay, on a queue with a delay of 2 seconds",
        "nothing, then probe"
    ),
];

const VISIBILITY: QueueAttributeName = QueueAttributeName::VisibilityTimeout;

async fn expired_message_comes_with_a_new_receipt(bench: Bench) -> Result<String> {
    let url = bench.standard(&[(VISIBILITY, "1")]).await?;
    bench.send(&url, "probe").await?;
    let first = bench.one(&url).await?;
    let second = bench.one(&url).await?;
    let name = MessageSystemAttributeName::ApproximateReceiveCount;
    let count = system_attribute(&second, &name);
    let receipt = if first.receipt_handle == second.receipt_handle {
        "same receipt"
    } else {
        "new receipt"
    };
    Ok(format!("comes again: count {count}, {receipt}"))
}

async fn old_receipt_deletes_nothing(bench: Bench) -> Result<String> {
    let url = bench.standard(&[]).await?;
    bench.send(&url, "probe").await?;
    let old = bench.one(&url).await?;
    bench.change(&url, &old, 0).await;
    let new = bench.one(&url).await?;
    let said = bench.delete(&url, &old).await;
    bench.change(&url, &new, 0).await;
    let stays = if bench.now(&url).await?.is_empty() {
        "goes"
    } else {
        "stays"
    };
    Ok(format!("{said}, and the message {stays}"))
}

async fn change_after_a_release_is_refused(bench: Bench) -> Result<String> {
    let url = bench.standard(&[]).await?;
    bench.send(&url, "probe").await?;
    let message = bench.one(&url).await?;
    bench.change(&url, &message, 0).await;
    Ok(bench.change(&url, &message, 60).await)
}

async fn change_after_the_end_is_refused(bench: Bench) -> Result<String> {
    let url = bench.standard(&[(VISIBILITY, "1")]).await?;
    bench.send(&url, "probe").await?;
    let message = bench.one(&url).await?;
    // Its timeout is over well before, wherever time is looked at once in a second.
    wait(Duration::from_secs(4)).await;
    Ok(bench.change(&url, &message, 60).await)
}

async fn unknown_receipt_is_refused(bench: Bench) -> Result<String> {
    delete_by(bench, "garbage").await
}

async fn empty_receipt_is_refused(bench: Bench) -> Result<String> {
    delete_by(bench, "").await
}

async fn delete_by(bench: Bench, receipt: &str) -> Result<String> {
    let url = bench.standard(&[]).await?;
    let delete = bench.client.delete_message().queue_url(url);
    Ok(answer(delete.receipt_handle(receipt).send().await))
}

async fn send_wakes_a_poll(bench: Bench) -> Result<String> {
    let url = bench.standard(&[]).await?;
    let send = async {
        wait(Duration::from_millis(500)).await;
        bench.send(&url, "probe").await
    };
    Box::pin(woken(&bench, &url, send)).await
}

async fn release_wakes_a_poll(bench: Bench) -> Result<String> {
    let url = bench.standard(&[]).await?;
    bench.send(&url, "probe").await?;
    let message = bench.one(&url).await?;
    let release = async {
        wait(Duration::from_millis(500)).await;
        bench.change(&url, &message, 0).await;
        Ok(())
    };
    Box::pin(woken(&bench, &url, release)).await
}

/// Polls while `news` happens, and says how long after it the poll ended.
async fn woken(bench: &Bench, url: &str, news: impl Future<Output = Result<()>>) -> Result<String> {
    let clock = TokioClock::new();
    let poll = async { (bench.one(url).await, clock.now()) };
    let news = async { (news.await, clock.now()) };
    let ((message, ended), (happened, at)) = future::join(poll, news).await;
    happened?;
    message?;
    let late = ended.since(at);
    if late < Duration::from_secs(1) {
        Ok("ends within a second".to_owned())
    } else {
        Ok(format!("ends after {} s", late.as_secs()))
    }
}

async fn queue_waits_for_who_does_not_say(bench: Bench) -> Result<String> {
    let wait = (QueueAttributeName::ReceiveMessageWaitTimeSeconds, "2");
    let url = bench.standard(&[wait]).await?;
    let clock = TokioClock::new();
    let start = clock.now();
    let receive = bench.client.receive_message().queue_url(url);
    receive.send().await?;
    let waits = Duration::from_secs(1) < clock.now().since(start);
    Ok(if waits { "waits" } else { "does not wait" }.to_owned())
}

async fn queue_delays_what_does_not_say(bench: Bench) -> Result<String> {
    let url = bench
        .standard(&[(QueueAttributeName::DelaySeconds, "2")])
        .await?;
    bench.send(&url, "probe").await?;
    let now = bodies(&bench.now(&url).await?);
    let then = bodies(&[bench.one(&url).await?]);
    Ok(format!("{now}, then {then}"))
}
