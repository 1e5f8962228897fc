//! The live display: a bar on a terminal, a line now and then elsewhere.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use relayhouse::{Clock, Instant};

use super::ledger::{Counts, Ledger};
use crate::console::{Console, Verbosity};

const REDRAW_EVERY: Duration = Duration::from_millis(100);
const LINE_EVERY: Duration = Duration::from_secs(1);

/// Shows how far the demonstration is.
#[derive(Debug)]
pub(crate) struct Display {
    console: Console,
    bar: Option<ProgressBar>,
}

impl Display {
    pub(crate) fn new(console: Console, messages: u64) -> Self {
        let is_live = console.is_terminal && Verbosity::Quiet < console.verbosity;
        let bar = is_live.then(|| {
            let target = ProgressDrawTarget::stderr();
            let bar = ProgressBar::with_draw_target(Some(messages), target);
            bar.with_style(style(console.is_coloured))
        });
        Self { console, bar }
    }

    /// Says what happened, above the bar.
    pub(crate) fn say(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| self.console.note(text)),
            None => self.console.note(text),
        }
    }

    /// Says a detail, if it was asked for, above the bar.
    pub(crate) fn say_detail(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| self.console.detail(text)),
            None => self.console.detail(text),
        }
    }

    /// Follows `ledger`; it ends when it is dropped.
    pub(crate) async fn follow(&self, ledger: &Ledger, clock: &dyn Clock) {
        let start = clock.now();
        let every = if self.bar.is_some() {
            REDRAW_EVERY
        } else {
            LINE_EVERY
        };
        loop {
            clock.sleep_until(clock.now() + every).await;
            self.show(ledger.counts(), start, clock.now());
        }
    }

    fn show(&self, counts: Counts, start: Instant, now: Instant) {
        let Counts {
            sent,
            acked,
            dead,
            retried,
            duplicates: _,
        } = counts;
        let rate = (acked + dead) * 1000
            / u64::try_from(now.since(start).as_millis())
                .unwrap_or(1)
                .max(1);
        let Some(bar) = &self.bar else {
            let text = format!(
                "{sent} sent, {acked} acked, {retried} retried, {dead} dead-lettered, {rate}/s"
            );
            self.console.note(&text);
            return;
        };
        bar.set_position(acked + dead);
        bar.set_message(format!("{retried} retried, {dead} dead-lettered, {rate}/s"));
    }

    /// Takes the bar off the terminal.
    pub(crate) fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn style(is_coloured: bool) -> ProgressStyle {
    let template = if is_coloured {
        "{bar:32.green} {pos}/{len} done, {msg}"
    } else {
        "{bar:32} {pos}/{len} done, {msg}"
    };
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}
