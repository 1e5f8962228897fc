//! `relayhouse dlq list`: counts dead letters by group.

use relayhouse::{Error, Queue, Registry};

use super::{
    groups::{Group, Groups},
    letters::Letters,
};
use crate::{
    Stdout,
    args::{DlqList, Format, Which},
    console::Console,
    exit::{Code, Failure},
    print,
    until::or_interrupted,
};

pub(super) async fn run(
    args: DlqList,
    registry: &Registry,
    console: Console,
    stdout: Stdout,
) -> Result<Code, Failure> {
    let queue = super::open(registry, &args.url).await?;
    let counted = counted(&queue, &args.which, console).await;
    queue.close().await?;
    let Some(groups) = counted? else {
        return Ok(Code::Interrupted);
    };
    if 0 < groups.beyond() {
        let beyond = groups.beyond();
        console.note(&format!(
            "{beyond} more are of too many groups to tell apart"
        ));
    }
    let text = text(print::suited(args.output), &groups.into_sorted())?;
    print::once(stdout, &text).await?;
    Ok(Code::Done)
}

/// Counts what is meant; none if somebody interrupts.
async fn counted(queue: &Queue, which: &Which, console: Console) -> Result<Option<Groups>, Error> {
    let mut letters = Letters::open(queue, which.scan, console).await?;
    let mut groups = Groups::default();
    let looked = or_interrupted(async {
        loop {
            let page = letters.page().await?;
            if page.is_empty() {
                return Ok::<_, Error>(());
            }
            for delivery in page.iter().filter(|it| which.has(it)) {
                groups.add(delivery);
            }
        }
    });
    let looked = looked.await.transpose();
    letters.close(console).await?;
    Ok(looked?.map(|()| groups))
}

fn text(format: Format, groups: &[Group]) -> Result<String, Failure> {
    match format {
        Format::Json => print::json(&groups),
        Format::Ndjson => groups.iter().map(print::json).collect(),
        Format::Table if groups.is_empty() => Ok(String::new()),
        Format::Table => {
            let rows = groups.iter().map(Group::row);
            Ok(std::iter::once(Group::heading()).chain(rows).collect())
        }
    }
}
