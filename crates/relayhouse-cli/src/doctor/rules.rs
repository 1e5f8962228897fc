//! What should hold between the settings of a queue and those of its dead letters.

use std::time::Duration;

use relayhouse::{
    Capabilities, Source,
    port::{Settings, Stats},
};

use super::Row;

/// A lease shorter than this is lost by a pause of the network.
const LEASE_MIN: Duration = Duration::from_secs(10);

/// Is what was seen of a queue.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) source: Source,
    pub(super) can: Capabilities,
    pub(super) settings: Settings,
    /// The settings of its dead letters.
    pub(super) letters: Option<Settings>,
    pub(super) stats: Option<Stats>,
    /// How long a handler may take, if somebody has said.
    pub(super) handler: Option<Duration>,
}

impl Seen {
    /// Lists what is to be said of it.
    pub(super) fn rows(&self) -> Vec<Row> {
        let found = [
            self.dead_letters(),
            self.attempts(),
            self.lease(),
            self.retention(),
            self.sessions(),
            self.dead(),
        ];
        found.into_iter().flatten().collect()
    }

    fn dead_letters(&self) -> Option<Row> {
        if self.source.dead_letter {
            return None;
        }
        match &self.settings.dead_letter {
            Some(letters) => Some(Row::well(format!("dead letters go to {letters}"))),
            None if self.can.dead_letter.is_supported() => Some(Row::wrong(
                "it has no dead-letter queue: a message that always fails has no place to go",
                "give it one: `relayhouse create` does, and for SQS a redrive policy",
            )),
            None => Some(Row::warning(
                "the provider has no dead letters",
                "handle what fails in the program",
            )),
        }
    }

    fn attempts(&self) -> Option<Row> {
        if self.source.dead_letter || !self.can.attempts_limit.is_supported() {
            return None;
        }
        Some(match self.settings.attempts_max {
            Some(max) if max.get() == 1 => Row::warning(
                "the provider dead-letters a message after one delivery: a crash is enough",
                "allow at least 3",
            ),
            Some(max) => Row::well(format!("the provider dead-letters after {max} deliveries")),
            None => Row::warning(
                "the provider delivers without end: a message that kills its consumer comes \
                 again and again",
                "set a limit, such as `relayhouse create URL --attempts 10` for a new queue",
            ),
        })
    }

    fn lease(&self) -> Option<Row> {
        let lease = self.settings.lease?;
        let shown = humantime::format_duration(lease);
        Some(match self.handler {
            Some(handler) if lease <= handler => {
                let handler = humantime::format_duration(handler);
                Row::warning(
                    format!(
                        "the lease is {shown}, and a handler may take {handler}: unless it is \
                         renewed, the message comes again meanwhile"
                    ),
                    format!("raise it above {handler}, or renew it, as consumers of relayhouse do"),
                )
            }
            _ if lease < LEASE_MIN => Row::warning(
                format!("the lease is {shown}, which a pause of the network can outlast"),
                "raise it to 30s or more",
            ),
            _ => Row::well(format!("the lease is {shown}")),
        })
    }

    /// On SQS a dead letter keeps the age that it had: it is gone before it is looked at.
    fn retention(&self) -> Option<Row> {
        let queue = self.settings.retention?;
        let letters = self.letters.as_ref()?.retention?;
        let [shown, kept] = [queue, letters].map(humantime::format_duration);
        Some(if letters <= queue {
            Row::warning(
                format!(
                    "messages are kept for {shown}, and dead letters for {kept}: one that dies \
                     late may be gone before somebody looks"
                ),
                "keep dead letters for longer than messages",
            )
        } else {
            Row::well(format!(
                "messages are kept for {shown}, dead letters for {kept}"
            ))
        })
    }

    fn sessions(&self) -> Option<Row> {
        let is_needed = self.settings.requires_sessions == Some(true);
        is_needed
            .then(|| Row::well("messages come through sessions only: each needs an ordering key"))
    }

    fn dead(&self) -> Option<Row> {
        let dead = self.stats?.dead;
        Some(match dead {
            0 => Row::well("there are no dead letters"),
            dead => Row::warning(
                format!("there are {dead} dead letters"),
                "see what failed with `relayhouse dlq list`",
            ),
        })
    }
}

/// Cuts what nobody reads off a duration.
pub(super) fn whole_millis(time: Duration) -> Duration {
    Duration::from_millis(u64::try_from(time.as_millis()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use relayhouse::Support;

    use super::{super::State, *};

    const DAY: Duration = Duration::from_secs(86_400);

    fn seen() -> Seen {
        let source: Source = "orders".parse().unwrap();
        Seen {
            can: Capabilities {
                attempts_limit: Support::Native,
                dead_letter: Support::Native,
                ..Capabilities::NONE
            },
            settings: Settings {
                lease: Some(Duration::from_secs(30)),
                attempts_max: NonZeroU32::new(10),
                dead_letter: Some(source.dead_letters()),
                retention: Some(DAY * 4),
                ..Settings::default()
            },
            letters: Some(Settings {
                retention: Some(DAY * 14),
                ..Settings::default()
            }),
            stats: Some(Stats::default()),
            handler: None,
            source,
        }
    }

    fn states(seen: &Seen) -> Vec<State> {
        seen.rows().iter().map(|row| row.state).collect()
    }

    #[test]
    fn queue_that_fits_has_no_warning() {
        assert_eq!(states(&seen()), [State::Well; 5]);
    }

    #[test]
    fn each_setting_that_does_not_fit_comes_with_what_to_change() {
        type Change = fn(&mut Seen);
        let changes: [(Change, State, &str); 7] = [
            (
                |it| it.settings.dead_letter = None,
                State::Wrong,
                "no dead-letter queue",
            ),
            (
                |it| it.settings.attempts_max = None,
                State::Warning,
                "without end",
            ),
            (
                |it| it.settings.attempts_max = NonZeroU32::new(1),
                State::Warning,
                "one delivery",
            ),
            (
                |it| it.settings.lease = Some(Duration::from_secs(1)),
                State::Warning,
                "lease is 1s, which a pause",
            ),
            (
                |it| it.handler = Some(Duration::from_secs(45)),
                State::Warning,
                "lease is 30s, and a handler may take 45s",
            ),
            (
                |it| it.settings.retention = Some(DAY * 14),
                State::Warning,
                "gone before",
            ),
            (
                |it| {
                    it.stats = Some(Stats {
                        dead: 3,
                        ..Stats::default()
                    });
                },
                State::Warning,
                "3 dead letters",
            ),
        ];
        for (change, state, text) in changes {
            let mut seen = seen();
            change(&mut seen);
            let rows = seen.rows();
            let found = rows.iter().find(|row| row.what.contains(text)).unwrap();
            assert_eq!((found.state, found.change.is_some()), (state, true));
            let well = rows.iter().filter(|row| row.state == State::Well).count();
            assert_eq!(well, 4, "{rows:?}");
        }
    }
}
