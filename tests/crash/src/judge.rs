//! Judges what children told: the oracle of the testkit, and the exact count of attempts.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::{self, Display},
    time::Duration,
};

use anyhow::{Result, ensure};
use relayhouse_core::{
    Attempts, Delivery, ErrorKind, Instant, Message, Previous, Receipt, Timestamp,
};
use relayhouse_testkit::oracle::{Answer, Entry, HandlerEnd, Oracle, Order, Rules, Verdict};

use crate::{
    content::{Name, fingerprint, message},
    report::{Answered, Got, How, Proof, Report, What, receipt},
};

/// By how much the clocks of two processes of one machine may differ.
const SKEW: Duration = Duration::from_millis(2);

/// How many findings are kept in words.
const TOLD_MAX: usize = 20;

/// Which process, and which task of it.
type Place = (u64, u64);

/// Reads the reports of all processes that use one queue.
#[derive(Debug)]
pub(crate) struct Judge {
    seed: u64,
    oracle: Oracle,
    /// The sends that have begun.
    sending: BTreeMap<Place, (u64, u64, u64)>,
    /// The settlements that have begun.
    settling: BTreeMap<Place, Vec<(Proof, How)>>,
    receiving: BTreeSet<Place>,
    seen: BTreeMap<Name, Seen>,
    /// How many receives nobody heard the end of.
    receives_unheard: u32,
    last: Instant,
    findings: u64,
    told: Vec<String>,
    /// How long after the end of its lease a delivery came again, at most.
    latest: Duration,
}

/// Is the last delivery of a message that was told of.
#[derive(Clone, Copy, Debug)]
struct Seen {
    attempt: u32,
    unheard: u32,
    until: u64,
    is_open: bool,
}

/// Is what was found.
#[derive(Debug)]
pub(crate) struct Finding {
    pub(crate) verdict: Verdict,
    pub(crate) latest: Duration,
    findings: u64,
    told: Vec<String>,
}

impl Judge {
    pub(crate) fn new(seed: u64) -> Self {
        let rules = Rules {
            // The exact count is checked here, where it is known which receives nobody heard of.
            attempts: Attempts::Approximate,
            order: Order::Key,
            skew: SKEW,
            ..Rules::default()
        };
        Self {
            seed,
            oracle: Oracle::new(rules),
            sending: BTreeMap::new(),
            settling: BTreeMap::new(),
            receiving: BTreeSet::new(),
            seen: BTreeMap::new(),
            receives_unheard: 0,
            last: Instant::START,
            findings: 0,
            told: Vec::new(),
            latest: Duration::ZERO,
        }
    }

    /// Takes note of what the process with the number `process` told.
    pub(crate) fn note(&mut self, process: u64, report: &Report) {
        let place = (process, report.task);
        let now = Instant::from_nanos(report.at);
        self.last = self.last.max(now);
        match &report.what {
            What::Sending {
                producer,
                first,
                count,
            } => self.sending(place, now, (*producer, *first, *count)),
            What::Sent(answers) => self.sent(place, now, answers),
            What::Receiving => {
                self.receiving.insert(place);
            }
            What::Received(deliveries) => {
                self.receiving.remove(&place);
                for got in deliveries {
                    self.received(now, got);
                }
            }
            What::Settling(items) => self.settling(place, now, items),
            What::Settled(answers) => self.settled(place, now, answers),
            What::Failed { .. } | What::Read { .. } | What::Reached { .. } => {}
        }
    }

    /// Takes note that a process is gone: what it had begun nobody heard the end of.
    pub(crate) fn ended(&mut self, process: u64) {
        let now = self.last;
        let of_it = (process, 0)..=(process, u64::MAX);
        let sending: Vec<_> = self
            .sending
            .range(of_it.clone())
            .map(|(place, _)| *place)
            .collect();
        for place in sending {
            for name in self.sending.remove(&place).into_iter().flat_map(names) {
                let id = &name.id();
                self.oracle.note(
                    now,
                    Entry::Sent {
                        id,
                        answer: Answer::Unknown,
                    },
                );
            }
        }
        let settling: Vec<_> = self
            .settling
            .range(of_it.clone())
            .map(|(place, _)| *place)
            .collect();
        for place in settling {
            for (proof, how) in self.settling.remove(&place).into_iter().flatten() {
                self.answered(now, proof, how, Answer::Unknown);
            }
        }
        let places = self.receiving.len();
        self.receiving.retain(|place| place.0 != process);
        let unheard = places - self.receiving.len();
        self.receives_unheard += u32::try_from(unheard).unwrap_or(u32::MAX);
        self.oracle.note(now, Entry::Crashed);
    }

    /// Ends the history, with `left` messages still there.
    pub(crate) fn end(self, left: u64) -> Finding {
        Finding {
            verdict: self.oracle.verdict(left),
            latest: self.latest,
            findings: self.findings,
            told: self.told,
        }
    }

    fn found(&mut self, text: String) {
        self.findings += 1;
        if self.told.len() < TOLD_MAX {
            self.told.push(text);
        }
    }

    fn sending(&mut self, place: Place, now: Instant, batch: (u64, u64, u64)) {
        for name in names(batch) {
            let message = message(self.seed, name, Duration::ZERO);
            self.oracle.note(now, Entry::Sending(&message));
        }
        self.sending.insert(place, batch);
    }

    fn sent(&mut self, place: Place, now: Instant, answers: &[Answered]) {
        let Some(batch) = self.sending.remove(&place) else {
            return self.found(format!("{place:?} told of a send that it had not begun"));
        };
        let answered = answers.len() as u64;
        self.oracle.note(
            now,
            Entry::Batch {
                items: batch.2,
                answers: answered,
            },
        );
        for (name, answer) in names(batch).zip(answers) {
            let (id, answer) = (&name.id(), of(answer));
            self.oracle.note(now, Entry::Sent { id, answer });
        }
    }

    fn received(&mut self, now: Instant, got: &Got) {
        let Some(name) = got.name else {
            return self.found(format!("a message that nobody sent was delivered: {got:?}"));
        };
        let sent = message(self.seed, name, Duration::ZERO);
        // Anything else than what was sent does for what is not what was sent.
        let message = match fingerprint(&sent) == got.print {
            true => sent,
            false => Message::new(format!("not what was sent: {:x}", got.print)),
        };
        let delivery = Delivery {
            id: name.id(),
            message,
            receipt: receipt(got.proof),
            lease: got.lease(),
            attempt: got.attempt,
            previous: Previous::Unknown,
            sequence: None,
            enqueued_at: Timestamp::default(),
            envelope: None,
        };
        self.oracle.note(now, Entry::Received(&delivery));
        self.count(now, name, got);
    }

    /// Checks that an attempt is the one that comes next, but for deliveries that were made while
    /// a process was killed.
    fn count(&mut self, now: Instant, name: Name, got: &Got) {
        let unheard = self.receives_unheard;
        let before = self.seen.insert(
            name,
            Seen {
                attempt: got.attempt,
                unheard,
                until: got.until,
                is_open: true,
            },
        );
        let (attempt, heard) = before.map_or((0, 0), |seen| (seen.attempt, seen.unheard));
        let first = attempt + 1;
        if got.attempt < first || first + (unheard - heard) < got.attempt {
            let told = format!("{name:?} came with attempt {} after {attempt}", got.attempt);
            self.found(format!(
                "{told}, {} receives were not heard of",
                unheard - heard
            ));
        }
        if let Some(seen) = before.filter(|seen| seen.is_open) {
            let late = now.since(Instant::from_nanos(seen.until));
            self.latest = self.latest.max(late);
        }
    }

    fn settling(&mut self, place: Place, now: Instant, items: &[(Proof, How)]) {
        // What is released was not handled: it failed, or stands behind one of its key that did.
        for (proof, _) in items.iter().filter(|(_, how)| *how == How::Ack) {
            let receipt = &receipt(*proof);
            let end = HandlerEnd::Success;
            self.oracle.note(now, Entry::Started(receipt));
            self.oracle.note(now, Entry::Handled { receipt, end });
        }
        self.settling.insert(place, items.to_vec());
    }

    fn settled(&mut self, place: Place, now: Instant, answers: &[Answered]) {
        let Some(items) = self.settling.remove(&place) else {
            return self.found(format!("{place:?} told of a settle that it had not begun"));
        };
        let (asked, answered) = (items.len() as u64, answers.len() as u64);
        self.oracle.note(
            now,
            Entry::Batch {
                items: asked,
                answers: answered,
            },
        );
        for ((proof, how), answer) in items.into_iter().zip(answers) {
            self.answered(now, proof, how, of(answer));
        }
    }

    fn answered(&mut self, now: Instant, proof: Proof, how: How, answer: Answer) {
        let receipt: &Receipt = &receipt(proof);
        let settlement = &how.settlement();
        self.oracle.note(
            now,
            Entry::Settled {
                receipt,
                settlement,
                answer,
            },
        );
    }
}

/// Returns the names of a batch.
pub(crate) fn names((producer, first, count): (u64, u64, u64)) -> impl Iterator<Item = Name> {
    (first..first + count).map(move |sequence| Name { producer, sequence })
}

fn of(answer: &Answered) -> Answer {
    match answer.failure() {
        None => Answer::Done,
        Some(failure) if failure.is(ErrorKind::LeaseLost) => Answer::LeaseLost,
        Some(failure) if failure.is(ErrorKind::OutcomeUnknown) => Answer::Unknown,
        Some(_) => Answer::Failed,
    }
}

impl Finding {
    /// Fails unless every rule was kept.
    pub(crate) fn check(&self) -> Result<()> {
        ensure!(self.verdict.is_ok() && self.findings == 0, "{self}");
        Ok(())
    }
}

impl Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Verdict {
            sent,
            received,
            acked,
            redelivered,
            send_unknown,
            breaches,
            ..
        } = &self.verdict;
        write!(
            f,
            "confirmed {sent}, unknown {send_unknown}, delivered {received}, acked {acked}, \
             redelivered {redelivered}, lost {}, phantom {}",
            breaches.lost, breaches.phantom
        )?;
        if !self.verdict.is_ok() {
            write!(f, "\n  {breaches:?}")?;
        }
        let told = self.verdict.told.iter().chain(&self.told);
        told.into_iter()
            .try_for_each(|text| write!(f, "\n  {text}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Failure;

    const NAME: Name = Name {
        producer: 1,
        sequence: 0,
    };
    const SENDING: What = What::Sending {
        producer: 1,
        first: 0,
        count: 1,
    };

    fn judge(reports: Vec<What>) -> Finding {
        let mut judge = Judge::new(7);
        for (index, what) in reports.into_iter().enumerate() {
            let at = 1_000_000_000 * index as u64;
            judge.note(1, &Report { at, task: 0, what });
        }
        judge.ended(1);
        judge.end(0)
    }

    fn got(attempt: u32) -> Got {
        Got {
            name: Some(NAME),
            proof: (1, u64::from(attempt)),
            print: fingerprint(&message(7, NAME, Duration::ZERO)),
            attempt,
            token: u64::from(attempt),
            until: 0,
        }
    }

    fn received(got: Got) -> What {
        What::Received(vec![got])
    }

    fn ack(attempt: u32) -> What {
        What::Settling(vec![((1, u64::from(attempt)), How::Ack)])
    }

    fn done() -> Vec<Answered> {
        vec![Answered::Done]
    }

    #[test]
    fn whole_life_is_fine() {
        let finding = judge(vec![
            SENDING,
            What::Sent(done()),
            received(got(1)),
            received(Got {
                until: u64::MAX,
                ..got(2)
            }),
            ack(2),
            What::Settled(done()),
        ]);
        finding.check().unwrap();
        assert_eq!((finding.verdict.sent, finding.verdict.acked), (1, 1));
        assert_eq!(finding.latest, Duration::from_secs(3));
    }

    #[test]
    fn confirmed_message_that_is_gone_is_found() {
        let finding = judge(vec![SENDING, What::Sent(done())]);
        assert_eq!(finding.verdict.breaches.lost, 1);
        judge(vec![SENDING]).check().unwrap();
        let error = Failure {
            kind: "OutcomeUnknown".to_owned(),
            text: "it cannot be told".to_owned(),
        };
        judge(vec![SENDING, What::Sent(vec![Answered::Failed(error)])])
            .check()
            .unwrap();
    }

    #[test]
    fn changed_made_up_and_revived_messages_are_found() {
        let sent = || vec![SENDING, What::Sent(done())];
        let with = |more: Vec<What>| judge(sent().into_iter().chain(more).collect());
        let changed = with(vec![received(Got { print: 1, ..got(1) })]);
        assert_eq!(changed.verdict.breaches.mutated, 1);
        let other = Name {
            producer: 9,
            ..NAME
        };
        let made_up = with(vec![received(Got {
            name: Some(other),
            ..got(1)
        })]);
        assert_eq!(made_up.verdict.breaches.phantom, 1);
        let acked = vec![received(got(1)), ack(1), What::Settled(done())];
        let revived = with(acked.into_iter().chain([received(got(2))]).collect());
        assert_eq!(revived.verdict.breaches.revived, 1);
        let stays = with(vec![received(got(1)), received(got(1))]);
        assert_eq!(stays.findings, 1);
        let jumps = with(vec![received(got(2))]);
        assert_eq!(jumps.findings, 1);
    }

    #[test]
    fn receive_that_was_killed_may_have_counted() {
        let mut judge = Judge::new(7);
        let tell = |judge: &mut Judge, process, what| {
            judge.note(
                process,
                &Report {
                    at: 0,
                    task: 0,
                    what,
                },
            );
        };
        tell(&mut judge, 1, SENDING);
        tell(&mut judge, 1, What::Sent(done()));
        tell(&mut judge, 1, What::Receiving);
        judge.ended(1);
        tell(&mut judge, 2, received(got(2)));
        assert_eq!(judge.end(1).findings, 0);
    }
}
