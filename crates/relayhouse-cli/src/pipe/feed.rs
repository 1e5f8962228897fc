//! The way of the input onto the queue, no faster than messages end.

use bytes::Bytes;
use relayhouse::{Message, MessageIds, Queue, runtime::Producer};

use super::track::Tracker;
use crate::{
    args::Pipe,
    console::Console,
    exit::{Code, Failure},
    input::{Cut, Input, json},
};

pub(super) const LINE_HEADER: &str = "line";

const BAD_LINES_SAID_MAX: u64 = 10;

/// Sends the lines of the input.
#[derive(Debug)]
pub(crate) struct Feed<'a> {
    tracker: &'a Tracker,
    producer: Producer,
    ids: MessageIds,
    console: Console,
    line_max: usize,
    is_strict: bool,
    /// The lines that were sent.
    pub(crate) sent: u64,
    /// The lines that were not taken.
    pub(crate) bad: u64,
}

impl<'a> Feed<'a> {
    pub(crate) fn new(pipe: &Pipe, console: Console, queue: &Queue, tracker: &'a Tracker) -> Self {
        Self {
            tracker,
            producer: queue.producer(),
            ids: MessageIds::new(&*queue.context().random),
            console,
            line_max: pipe.line_max,
            is_strict: pipe.strict,
            sent: 0,
            bad: 0,
        }
    }

    /// Sends everything until the input ends, or cannot be read further, or a line is not taken
    /// that must be.
    pub(crate) async fn all(&mut self, input: Input) -> Result<(), Failure> {
        let cut = Cut {
            line_max: self.line_max,
            skip: 0,
            is_whole: false,
        };
        let mut lines = input.lines(cut, |_, body| json(body));
        while let Some(line) = lines.recv().await {
            let line = line?;
            match line.item {
                Ok(body) => self.send(line.number, body).await?,
                Err(reason) => {
                    self.refuse(line.number, &reason);
                    if self.is_strict {
                        break;
                    }
                }
            }
        }
        Ok(())
    }

    async fn send(&mut self, number: u64, body: Bytes) -> Result<(), Failure> {
        let weight = self.tracker.room(body.len()).await;
        let id = self.ids.next_id();
        let message = Message::new(body)
            .id(id.clone())
            .content_type("application/json")
            .header(LINE_HEADER, number.to_string());
        self.tracker.begin(id.clone(), weight);
        if let Err(error) = self.producer.send(message).await {
            self.tracker.withdraw(&id);
            return Err(Failure::new(
                Code::Unavailable,
                format!("line {number}: {error}"),
            ));
        }
        self.sent += 1;
        Ok(())
    }

    fn refuse(&mut self, number: u64, reason: &str) {
        self.bad += 1;
        let text = format!("line {number}: {reason}");
        if self.bad <= BAD_LINES_SAID_MAX {
            self.console.error(&text);
        } else {
            self.console.detail(&text);
        }
    }
}
