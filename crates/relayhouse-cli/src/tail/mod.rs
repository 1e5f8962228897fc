//! `relayhouse tail`: shows messages as they arrive, without taking them.

mod newest;

use std::{num::NonZeroU32, time::Duration};

use relayhouse::{Clock, Delivery, Queue, Registry, Support, port::Admin};

use crate::{
    Stdout,
    args::Tail,
    console::Console,
    decode::Decode,
    dlq::matches,
    exit::{Code, Failure},
    output::Output,
    peek::{PAGE_MAX, Printed, SHAPE},
    print,
    until::or_interrupted,
};

pub(crate) async fn run(
    args: Tail,
    registry: &Registry,
    console: Console,
    stdout: Stdout,
) -> Result<Code, Failure> {
    let queue = registry.open(&args.url).await?;
    check(&queue)?;
    let admin = queue.admin()?;
    let decode = Decode::of(&args.decoding, &queue.context().clock)?;
    let (output, writing) = Output::to(stdout);
    let mut printed = Printed::new(print::suited(args.output), SHAPE, output);
    let mut following = Following {
        admin: &*admin,
        queue: &queue,
        left: args.count.map_or(u64::MAX, |count| u64::from(count.get())),
        args: &args,
        decode,
    };
    let followed = or_interrupted(following.follow(&mut printed, console)).await;
    printed.end().await;
    drop(printed);
    queue.close().await?;
    let code = match followed {
        Some(followed) => followed.map(|()| Code::Done)?,
        None => Code::Interrupted,
    };
    writing.join()?;
    Ok(code)
}

/// Refuses a provider that has to receive what it shows: each look would count an attempt.
fn check(queue: &Queue) -> Result<(), Failure> {
    if queue.provider().capabilities().peek == Support::Native {
        return Ok(());
    }
    let source = queue.source();
    let text = format!(
        "the provider does not show the messages of {source} without receiving them; `relayhouse \
         receive` prints some and gives them back, and `relayhouse stats --watch` counts"
    );
    Err(Failure::new(Code::Usage, text))
}

/// Looks again and again.
struct Following<'a> {
    admin: &'a dyn Admin,
    queue: &'a Queue,
    args: &'a Tail,
    decode: Option<Decode>,
    /// How many more are to be shown.
    left: u64,
}

impl Following<'_> {
    /// Prints what arrives until there is a reason to end.
    async fn follow(&mut self, printed: &mut Printed, console: Console) -> Result<(), Failure> {
        let mut from = self.first().await?;
        console.detail(&format!("shows what has number {from} or a higher one"));
        let clock = &*self.queue.context().clock;
        let mut last_news = clock.now();
        while 0 < self.left {
            let page = self.look(from, PAGE_MAX).await?;
            let Some(last) = page.last() else {
                let idle = clock.now().since(last_news);
                if self.args.idle.is_some_and(|max| max <= idle) {
                    return Ok(());
                }
                self.wait(clock, idle).await;
                continue;
            };
            last_news = clock.now();
            from = newest::number(last)?.saturating_add(1);
            for delivery in &page {
                if !self.print(delivery, printed).await? {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// Returns the number to begin with.
    async fn first(&self) -> Result<u64, Failure> {
        if self.args.from_start {
            return Ok(0);
        }
        let one = async |from| {
            let page = self.look(from, 1).await?;
            page.first().map(newest::number).transpose()
        };
        newest::after(one).await
    }

    async fn look(&self, from: u64, max: u32) -> Result<Vec<Delivery>, Failure> {
        let max = NonZeroU32::new(max).unwrap_or(NonZeroU32::MIN);
        Ok(self.admin.peek(self.queue.source(), from, max).await?)
    }

    /// Waits until it is time to look again, or to end.
    async fn wait(&self, clock: &dyn Clock, idle: Duration) {
        let left = self.args.idle.map(|max| max.saturating_sub(idle));
        let wait = left.map_or(self.args.every, |left| left.min(self.args.every));
        clock.sleep_until(clock.now() + wait).await;
    }

    /// Prints a message that is meant; false if nothing more is to be printed.
    async fn print(&mut self, of: &Delivery, printed: &mut Printed) -> Result<bool, Failure> {
        if !self.args.patterns.iter().all(|it| matches(it, of)) {
            return Ok(true);
        }
        let decoded = match &mut self.decode {
            Some(decode) => Some(decode.decode(&of.message).await),
            None => None,
        };
        self.left -= 1;
        Ok(printed.print(of, decoded).await? && 0 < self.left)
    }
}
