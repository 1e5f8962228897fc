//! Queues themselves: names, attributes, lists, purges.

use anyhow::Result;
use aws_sdk_sqs::types::QueueAttributeName;

use super::{
    Probe,
    bench::{Bench, answer, bodies},
};
use crate::service::probe::probe;

pub(super) const PROBES: &[Probe] = &[
    probe!(
        missing_queue_is_named,
        "A send to a queue that does not exist",
        "refused: NonExistentQueue (400)"
    ),
    probe!(
        same_queue_is_created_once,
        "A second creation with the same attributes",
        "the same queue"
    ),
    probe!(
        other_attributes_are_refused,
        "A second creation with other attributes",
        "refused: QueueAlreadyExists (400)"
    ),
    probe!(
        name_of_a_deleted_queue_is_not_free,
        "A creation right after the deletion",
        "refused: QueueDeletedRecently (400)"
    ),
    probe!(purge_empties_a_queue, "A receive after a purge", "nothing"),
    probe!(
        second_purge_is_refused,
        "A second purge within a minute",
        "refused: PurgeQueueInProgress"
    ),
    probe!(tags_are_kept, "Tags set and taken away", "b=2"),
    probe!(
        list_has_pages,
        "A list of three queues in pages of two",
        "2, then 1"
    ),
    probe!(
        value_of_another_kind_is_refused,
        "A creation with a visibility timeout of `x`",
        "refused: InvalidAttributeValue (400)"
    ),
];

async fn missing_queue_is_named(bench: Bench) -> Result<String> {
    let url = bench.standard(&[]).await?;
    let send = bench.client.send_message();
    let send = send.queue_url(format!("{url}-missing")).message_body("a");
    Ok(answer(send.send().await))
}

async fn same_queue_is_created_once(bench: Bench) -> Result<String> {
    let name = bench.name(false)?;
    let timeout = [(QueueAttributeName::VisibilityTimeout, "7")];
    let first = bench.create(&name, &timeout).await?;
    let second = bench.create(&name, &timeout).await?;
    Ok(if first == second {
        "the same queue"
    } else {
        "another queue"
    }
    .to_owned())
}

async fn other_attributes_are_refused(bench: Bench) -> Result<String> {
    let name = bench.name(false)?;
    let timeout = QueueAttributeName::VisibilityTimeout;
    bench.create(&name, &[(timeout.clone(), "7")]).await?;
    let create = bench.client.create_queue().queue_name(name);
    Ok(answer(create.attributes(timeout, "8").send().await))
}

async fn name_of_a_deleted_queue_is_not_free(bench: Bench) -> Result<String> {
    let name = bench.name(false)?;
    let url = bench.create(&name, &[]).await?;
    bench.client.delete_queue().queue_url(url).send().await?;
    let create = bench.client.create_queue().queue_name(name);
    Ok(answer(create.send().await))
}

async fn purge_empties_a_queue(bench: Bench) -> Result<String> {
    let url = bench.standard(&[]).await?;
    bench.send(&url, "a").await?;
    bench.client.purge_queue().queue_url(&url).send().await?;
    Ok(bodies(&bench.now(&url).await?))
}

async fn second_purge_is_refused(bench: Bench) -> Result<String> {
    let url = bench.standard(&[]).await?;
    let purge = || bench.client.purge_queue().queue_url(&url).send();
    purge().await?;
    Ok(answer(purge().await))
}

async fn tags_are_kept(bench: Bench) -> Result<String> {
    let url = bench.standard(&[]).await?;
    let tag = bench.client.tag_queue().queue_url(&url);
    tag.tags("a", "1").tags("b", "2").send().await?;
    let untag = bench.client.untag_queue().queue_url(&url);
    untag.tag_keys("a").send().await?;
    let list = bench.client.list_queue_tags().queue_url(&url);
    let tags = list.send().await?.tags.unwrap_or_default();
    let mut tags: Vec<_> = tags
        .iter()
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    tags.sort();
    Ok(tags.join(", "))
}

async fn list_has_pages(bench: Bench) -> Result<String> {
    let prefix = format!("{}-page", bench.name(false)?);
    for index in 0..3 {
        bench.create(&format!("{prefix}-{index}"), &[]).await?;
    }
    let list = || {
        let list = bench.client.list_queues().queue_name_prefix(&prefix);
        list.max_results(2)
    };
    let first = list().send().await?;
    let second = list().set_next_token(first.next_token).send().await?;
    let count = |urls: Option<Vec<String>>| urls.unwrap_or_default().len();
    Ok(format!(
        "{}, then {}",
        count(first.queue_urls),
        count(second.queue_urls)
    ))
}

async fn value_of_another_kind_is_refused(bench: Bench) -> Result<String> {
    let create = bench.client.create_queue().queue_name(bench.name(false)?);
    let create = create.attributes(QueueAttributeName::VisibilityTimeout, "x");
    Ok(answer(create.send().await))
}
