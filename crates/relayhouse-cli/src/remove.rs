//! `relayhouse purge`, `delete` and `cancel`: remove messages, or a queue, for good.

use std::{future::Future, sync::Arc};

use relayhouse::{Entity, Error, Queue, Registry};
use serde::Serialize;

use crate::{
    Stdout,
    args::{Cancel, Delete, Purge},
    audit::{Audit, Change, Unwritten},
    confirm,
    console::Console,
    exit::{Code, Failure},
    print,
};

/// Is what is printed of a purge.
#[derive(Debug, Serialize)]
pub(crate) struct Removed {
    pub(crate) removed: u64,
}

pub(crate) async fn purge(
    args: Purge,
    registry: &Registry,
    stdout: Stdout,
) -> Result<Code, Failure> {
    let queue = registry.open(&args.url).await?;
    let source = queue.source();
    if !queue.provider().capabilities().purge.is_supported() {
        let text = format!(
            "the provider cannot remove all messages of {source} at once; take them with \
             `relayhouse receive --ack --max 1000000`"
        );
        return Err(Failure::new(Code::Usage, text));
    }
    confirm::ask(
        &format!("remove all messages of {source} for good"),
        args.yes,
    )
    .await?;
    let clock = Arc::clone(&queue.context().clock);
    let (audit, auditing) = Audit::open(args.audited, "purge", &args.url, &clock)?;
    let removed = at_once(&queue, &audit).await;
    drop(audit);
    auditing.join()?;
    let removed = Removed { removed: removed? };
    print::once(stdout, &print::object(args.output, &removed)?).await?;
    queue.close().await?;
    Ok(Code::Done)
}

pub(crate) async fn delete(
    args: Delete,
    registry: &Registry,
    console: Console,
) -> Result<Code, Failure> {
    let queue = registry.open(&args.url).await?;
    let source = queue.source();
    if source.dead_letter {
        let entity = &source.entity;
        let text =
            format!("{source} goes with {entity}; delete that, or use `relayhouse dlq purge`");
        return Err(Failure::new(Code::Usage, text));
    }
    let what = format!("delete {source} with all its messages and dead letters");
    confirm::ask(&what, args.yes).await?;
    let admin = queue.admin()?;
    let clock = Arc::clone(&queue.context().clock);
    let (audit, auditing) = Audit::open(args.audited, "delete", &args.url, &clock)?;
    let deleted = written_down(&audit, Change::default(), async {
        admin
            .delete(&source.entity)
            .await
            .map(|()| Change::default())
    });
    let deleted = deleted.await;
    drop(audit);
    auditing.join()?;
    deleted?;
    console.note(&format!("{source} is gone"));
    queue.close().await?;
    Ok(Code::Done)
}

pub(crate) async fn cancel(
    args: Cancel,
    registry: &Registry,
    console: Console,
) -> Result<Code, Failure> {
    let queue = registry.open(&args.url).await?;
    let source = queue.source();
    let Entity::Queue(name) = &source.entity else {
        let text = format!("{source} holds no message back; cancel it at its topic");
        return Err(Failure::new(Code::Usage, text));
    };
    let admin = queue.admin()?;
    let clock = Arc::clone(&queue.context().clock);
    let (audit, auditing) = Audit::open(args.audited, "cancel", &args.url, &clock)?;
    let about = Change::of_sequence(args.sequence);
    let cancelled = written_down(&audit, about.clone(), async {
        admin.cancel(name, args.sequence).await.map(|()| about)
    });
    let cancelled = cancelled.await;
    drop(audit);
    auditing.join()?;
    cancelled?;
    console.note(&format!(
        "message {} of {source} is cancelled",
        args.sequence
    ));
    queue.close().await?;
    Ok(Code::Done)
}

/// Lets the provider remove all messages, and returns how many.
pub(crate) async fn at_once(queue: &Queue, audit: &Audit) -> Result<u64, Failure> {
    let admin = queue.admin()?;
    let mut removed = 0;
    written_down(audit, Change::default(), async {
        removed = admin.purge(queue.source()).await?;
        Ok(Change::default().count(removed))
    })
    .await?;
    Ok(removed)
}

/// Makes the change that `about` names, and that returns what there is to tell of it, between two
/// lines of the audit log.
async fn written_down(
    audit: &Audit,
    about: Change,
    change: impl Future<Output = Result<Change, Error>>,
) -> Result<(), Failure> {
    let unwritten = |_: Unwritten| Failure::new(Code::Io, "the change cannot be written down");
    audit.begun(&about).await.map_err(unwritten)?;
    let changed = change.await;
    let (told, result) = match &changed {
        Ok(told) => (told.clone(), Ok(())),
        Err(error) => (about, Err(error)),
    };
    audit.ended(&told, result).await.map_err(unwritten)?;
    changed?;
    Ok(())
}
