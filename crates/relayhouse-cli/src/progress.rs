//! How far something is: a bar on a terminal, a line now and then elsewhere.

use std::{sync::Arc, time::Duration};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use relayhouse::{Clock, Instant};

use crate::console::{Console, Verbosity};

const REDRAW_EVERY: Duration = Duration::from_millis(100);
const LINE_EVERY: Duration = Duration::from_secs(10);

/// Shows how far something is, and says what happens meanwhile.
#[derive(Clone, Debug)]
pub(crate) struct Progress {
    console: Console,
    bar: Option<ProgressBar>,
    is_shown: bool,
}

/// Is how far it is.
#[derive(Debug)]
pub(crate) struct View {
    /// The messages done.
    pub(crate) count: u64,
    /// What is said of them, such as `sent`, and what else there is to say.
    pub(crate) what: String,
    /// How much is done, and of how much, if that is known; in any unit.
    pub(crate) share: Option<(u64, u64)>,
}

/// Knows when to show, and how fast it goes.
#[derive(Debug)]
pub(crate) struct Pulse {
    progress: Progress,
    clock: Arc<dyn Clock>,
    start: Instant,
    next: Instant,
    shown: u64,
}

impl Progress {
    /// Shows progress, unless it is to be quiet.
    pub(crate) fn new(console: Console) -> Self {
        let is_shown = Verbosity::Quiet < console.verbosity;
        let is_live = is_shown && console.is_terminal;
        let bar =
            is_live.then(|| ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr()));
        Self {
            console,
            bar,
            is_shown,
        }
    }

    /// Shows none, and only says what happens.
    pub(crate) const fn none(console: Console) -> Self {
        Self {
            console,
            bar: None,
            is_shown: false,
        }
    }

    /// Starts to measure now.
    pub(crate) fn pulse(&self, clock: &Arc<dyn Clock>) -> Pulse {
        let clock = Arc::clone(clock);
        let start = clock.now();
        Pulse {
            progress: self.clone(),
            next: start + self.every(),
            start,
            clock,
            shown: 0,
        }
    }

    /// Says what went wrong.
    pub(crate) fn error(&self, text: &str) {
        self.aside(|| self.console.error(text));
    }

    /// Says what happened, unless it was asked to be quiet.
    pub(crate) fn note(&self, text: &str) {
        self.aside(|| self.console.note(text));
    }

    /// Says a detail, if it was asked for.
    pub(crate) fn detail(&self, text: &str) {
        self.aside(|| self.console.detail(text));
    }

    /// Returns true if it is drawn on a terminal.
    pub(crate) const fn is_live(&self) -> bool {
        self.bar.is_some()
    }

    /// Takes the bar off the terminal.
    pub(crate) fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }

    fn aside(&self, say: impl FnOnce()) {
        match &self.bar {
            Some(bar) => bar.suspend(say),
            None => say(),
        }
    }

    const fn every(&self) -> Duration {
        match self.bar {
            Some(_) => REDRAW_EVERY,
            None => LINE_EVERY,
        }
    }
}

impl Pulse {
    /// Ends when it is time to show.
    pub(crate) async fn tick(&self) {
        self.clock.sleep_until(self.next).await;
    }

    /// Shows `view`; elsewhere than on a terminal only if something was done since the last time.
    pub(crate) fn show(&mut self, view: &View) {
        let now = self.clock.now();
        self.next = now + self.progress.every();
        let text = text(view, now.since(self.start));
        match &self.progress.bar {
            Some(bar) => draw(bar, view, text, self.progress.console.is_coloured),
            None if self.progress.is_shown && self.shown != view.count => {
                self.shown = view.count;
                self.progress.note(&text);
            }
            None => {}
        }
    }

    /// Returns how long it went on so far.
    pub(crate) fn took(&self) -> Duration {
        self.clock.now().since(self.start)
    }
}

fn draw(bar: &ProgressBar, view: &View, text: String, is_coloured: bool) {
    let template = match (view.share, is_coloured) {
        (None, _) => "{spinner} {msg}",
        (Some(_), true) => "{bar:32.green} {percent}% {msg}",
        (Some(_), false) => "{bar:32} {percent}% {msg}",
    };
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    if let Some((done, all)) = view.share {
        bar.set_length(all);
        bar.set_position(done);
    }
    bar.set_message(text);
    bar.tick();
}

/// Says how far it is, how fast it goes, and how long it will take.
fn text(view: &View, took: Duration) -> String {
    let View { count, what, share } = view;
    let rate = per_second(*count, took);
    let mut text = format!("{count} {what}, {rate}/s");
    if let Some(left) = share.and_then(|(done, all)| left(done, all, took)) {
        text.push_str(&format!(", {} left", humantime::format_duration(left)));
    }
    text
}

/// Returns how many it is in a second.
pub(crate) fn per_second(count: u64, took: Duration) -> u64 {
    let millis = u64::try_from(took.as_millis()).unwrap_or(u64::MAX).max(1);
    count.saturating_mul(1000) / millis
}

/// Returns the time that the rest takes at the pace so far, in whole seconds.
fn left(done: u64, all: u64, took: Duration) -> Option<Duration> {
    if done == 0 || all < done {
        return None;
    }
    let millis = took.as_millis() * u128::from(all - done) / u128::from(done);
    let seconds = u64::try_from(millis.div_ceil(1000)).ok()?;
    Some(Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(count: u64, share: Option<(u64, u64)>, seconds: u64) -> String {
        let what = "sent".to_owned();
        text(&View { count, what, share }, Duration::from_secs(seconds))
    }

    #[test]
    fn rate_and_remaining_time_are_said() {
        assert_eq!(said(100, Some((25, 100)), 20), "100 sent, 5/s, 1m left");
        assert_eq!(said(100, Some((100, 100)), 20), "100 sent, 5/s, 0s left");
        assert_eq!(said(100, None, 20), "100 sent, 5/s");
    }

    #[test]
    fn nothing_done_is_no_forecast() {
        assert_eq!(said(0, Some((0, 100)), 20), "0 sent, 0/s");
        assert_eq!(said(5, Some((0, 0)), 0), "5 sent, 5000/s");
    }
}
