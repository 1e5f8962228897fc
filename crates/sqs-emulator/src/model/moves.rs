//! Tasks that move messages out of a queue of dead letters. A task with a rate moves its messages
//! one by one as time goes on, whenever a queue is touched; one without moves them at once.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use super::{Call, Model, message::milliseconds, names::QueueKey, next};
use crate::api::{
    Code, Error, Result,
    moves::{ListMoves, MoveCancelled, MoveHandle, MoveList, MoveView, StartMove},
};

const RATE_MAX: i64 = 500;
const RESULTS_MAX: i64 = 10;
/// No more can be listed.
const TASKS_MAX: usize = 10;

/// All tasks, oldest first.
#[derive(Debug, Default)]
pub(super) struct Moves {
    tasks: Vec<Task>,
}

#[derive(Clone, Debug)]
struct Task {
    id: String,
    source: QueueKey,
    source_arn: String,
    /// Where all messages go; none, if each goes to where it died.
    destination: Option<(QueueKey, String)>,
    /// In messages a second.
    rate: Option<u32>,
    started: SystemTime,
    moved: u64,
    to_move: u64,
    status: Status,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Status {
    Running,
    Completed,
    Cancelled,
    Failed(&'static str),
}

impl Moves {
    /// Adds a task, and forgets the oldest of the same source if there are too many.
    fn push(&mut self, task: Task) {
        let same = |it: &Task| it.source == task.source;
        let count = self.tasks.iter().filter(|it| same(it)).count();
        if let Some(oldest) = self
            .tasks
            .iter()
            .position(same)
            .filter(|_| TASKS_MAX <= count)
        {
            self.tasks.remove(oldest);
        }
        self.tasks.push(task);
    }

    /// Returns when the next message is to be moved.
    pub(super) fn next_due(&self) -> Option<SystemTime> {
        let running = self.tasks.iter().filter(|it| it.status == Status::Running);
        running.map(Task::next_due).min()
    }
}

impl Task {
    /// The first message is moved at once, the others follow at the rate.
    fn next_due(&self) -> SystemTime {
        let moved = u32::try_from(self.moved).unwrap_or(u32::MAX);
        let each = self
            .rate
            .map_or(Duration::ZERO, |rate| Duration::from_secs(1) / rate);
        self.started + each.saturating_mul(moved)
    }

    fn handle(&self) -> String {
        let handle = json!({"taskId": self.id, "sourceArn": self.source_arn});
        STANDARD.encode(handle.to_string())
    }

    fn view(&self) -> MoveView {
        let (status, failure_reason) = match self.status {
            Status::Running => ("RUNNING", None),
            Status::Completed => ("COMPLETED", None),
            Status::Cancelled => ("CANCELLED", None),
            Status::Failed(reason) => ("FAILED", Some(reason)),
        };
        let is_running = self.status == Status::Running;
        MoveView {
            task_handle: is_running.then(|| self.handle()),
            status,
            source_arn: self.source_arn.clone(),
            destination_arn: self.destination.as_ref().map(|(_, arn)| arn.clone()),
            max_number_of_messages_per_second: self.rate,
            approximate_number_of_messages_moved: self.moved,
            approximate_number_of_messages_to_move: self.to_move,
            failure_reason,
            started_timestamp: milliseconds(self.started),
        }
    }
}

impl Model {
    /// Starts to move the messages of a queue of dead letters.
    pub(crate) fn start_move(&mut self, call: &mut Call, start: StartMove) -> Result<MoveHandle> {
        self.run_moves(call.now);
        let source = self.source(&start.source_arn)?;
        call.queue = Some(source.name.clone());
        self.check_is_target(&source)?;
        let destination = start
            .destination_arn
            .map(|arn| self.destination(arn, &source));
        let destination = destination.transpose()?;
        let rate = start.max_number_of_messages_per_second.map(check_rate);
        let rate = rate.transpose()?;
        let running = |it: &Task| it.source == source && it.status == Status::Running;
        if self.moves.tasks.iter().any(running) {
            return Err(Error::new(
                Code::InvalidParameterValue,
                "There is already a task running. Only one active task is allowed for a source \
                 queue arn at a given time.",
            ));
        }
        let to_move = self
            .queues
            .get(&source)
            .map_or(0, |it| it.shelf.visible_count());
        let task = Task {
            id: self.random.id(),
            source,
            source_arn: start.source_arn,
            destination,
            rate,
            started: call.now,
            moved: 0,
            to_move: to_move as u64,
            status: Status::Running,
        };
        let task_handle = task.handle();
        self.moves.push(task);
        self.run_moves(call.now);
        Ok(MoveHandle { task_handle })
    }

    /// Lists the latest tasks of a queue of dead letters.
    pub(crate) fn list_moves(&mut self, call: &mut Call, list: &ListMoves) -> Result<MoveList> {
        self.run_moves(call.now);
        let source = self.source(&list.source_arn)?;
        call.queue = Some(source.name.clone());
        let max = list.max_results.unwrap_or(1);
        if !(1..=RESULTS_MAX).contains(&max) {
            let reason = "Must be >= 1 and <= 10, if provided.";
            return Err(Error::invalid("MaxResults", max, reason));
        }
        let tasks = self.moves.tasks.iter().rev();
        let tasks = tasks.filter(|task| task.source == source);
        let results = tasks
            .take(usize::try_from(max).unwrap_or(1))
            .map(Task::view);
        Ok(MoveList {
            results: results.collect(),
        })
    }

    /// Stops a running task; what it moved stays moved.
    pub(crate) fn cancel_move(
        &mut self,
        call: &mut Call,
        cancel: &MoveHandle,
    ) -> Result<MoveCancelled> {
        self.run_moves(call.now);
        if cancel.task_handle.is_empty() {
            return Err(Error::missing("TaskHandle"));
        }
        let (id, source) = parse_handle(&cancel.task_handle)
            .ok_or_else(|| Error::invalid("TaskHandle", &cancel.task_handle, "It is malformed."))?;
        call.queue = QueueKey::of_arn(&source).map(|key| key.name);
        let mut tasks = self.moves.tasks.iter_mut();
        let task = tasks.find(|it| it.id == id && it.status == Status::Running);
        let Some(task) = task else {
            let message = "Task does not exist, or is not running.";
            return Err(Error::new(Code::ResourceNotFound, message));
        };
        task.status = Status::Cancelled;
        Ok(MoveCancelled {
            approximate_number_of_messages_moved: task.moved,
        })
    }

    /// Moves what is due by `now`.
    pub(super) fn run_moves(&mut self, now: SystemTime) {
        for index in 0..self.moves.tasks.len() {
            let mut task = self.moves.tasks[index].clone();
            if task.status == Status::Running {
                self.run_move(&mut task, now);
                self.moves.tasks[index] = task;
            }
        }
    }

    fn run_move(&mut self, task: &mut Task, now: SystemTime) {
        while task.status == Status::Running && task.next_due() <= now {
            match self.move_one(task, now) {
                Ok(true) => task.moved += 1,
                Ok(false) => task.status = Status::Completed,
                Err(reason) => task.status = Status::Failed(reason),
            }
        }
    }

    /// Moves the first message that is visible; it arrives as a new one.
    fn move_one(&mut self, task: &Task, now: SystemTime) -> Result<bool, &'static str> {
        const NO_SOURCE: &str = "AWS.SimpleQueueService.NonExistentQueue";
        let source = self.queues.get_mut(&task.source).ok_or(NO_SOURCE)?;
        source.catch_up(now);
        let Some(place) = source.shelf.ready(0) else {
            return Ok(false);
        };
        let entry = source.shelf.get(place).ok_or(NO_SOURCE)?;
        let destination = match &task.destination {
            Some((key, _)) => key.clone(),
            None => {
                let source = entry.message.source.as_ref();
                source.ok_or("CouldNotDetermineMessageSource")?.0.clone()
            }
        };
        if !self.queues.contains_key(&destination) {
            return Err(NO_SOURCE);
        }
        let source = self.queues.get_mut(&task.source).ok_or(NO_SOURCE)?;
        let mut message = source.shelf.remove(place).ok_or(NO_SOURCE)?;
        message.id = Arc::from(self.random.id());
        message.sent = now;
        message.first_received = None;
        message.receive_count = 0;
        message.source = None;
        let place = next(&mut self.serial);
        let destination = self.queues.get_mut(&destination).ok_or(NO_SOURCE)?;
        destination.catch_up(now);
        destination.add(place, message, now, Duration::ZERO);
        Ok(true)
    }

    fn source(&self, arn: &str) -> Result<QueueKey> {
        if arn.is_empty() {
            return Err(Error::missing("SourceArn"));
        }
        self.find(arn).ok_or_else(no_such_resource)
    }

    fn destination(&self, arn: String, source: &QueueKey) -> Result<(QueueKey, String)> {
        let key = self.find(&arn).ok_or_else(no_such_resource)?;
        if key == *source {
            let reason = "Source and destination must not be the same queue.";
            return Err(Error::invalid("DestinationArn", arn, reason));
        }
        if key.is_fifo() != source.is_fifo() {
            let reason = "Source and destination must be queues of the same type.";
            return Err(Error::invalid("DestinationArn", arn, reason));
        }
        Ok((key, arn))
    }
}

fn no_such_resource() -> Error {
    let message = "The resource that you specified for the SourceArn or DestinationArn parameter doesn't exist.";
    Error::new(Code::ResourceNotFound, message)
}

fn check_rate(rate: i64) -> Result<u32> {
    let checked = u32::try_from(rate).ok();
    let checked = checked.filter(|_| (1..=RATE_MAX).contains(&rate));
    checked.ok_or_else(|| {
        let reason = "Must be >= 1 and <= 500, if provided.";
        Error::invalid("MaxNumberOfMessagesPerSecond", rate, reason)
    })
}

/// Reads the id and the source of a task from its handle.
fn parse_handle(handle: &str) -> Option<(String, String)> {
    let json = STANDARD.decode(handle).ok()?;
    let handle = serde_json::from_slice::<Value>(&json).ok()?;
    let text = |name: &str| handle[name].as_str().map(str::to_owned);
    Some((text("taskId")?, text("sourceArn")?))
}
