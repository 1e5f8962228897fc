//! The shared core of a producer: the way of one message, directly or through the sender's task.

use std::{
    fmt::{self, Debug},
    future::Future,
    mem::take,
    num::NonZeroU32,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard},
    task::Poll,
};

use futures_util::future::poll_fn;
use relayhouse_core::{
    Context, Error, ErrorKind, Message, MessageIds, Operation, QueueName, Result, Sending, Sent,
    Text,
    port::{Provider, Sender},
};
use tokio::{
    sync::{Notify, OnceCell, OwnedSemaphorePermit, Semaphore, oneshot},
    task::{JoinHandle, coop::consume_budget},
};

use super::{
    answer::{Answer, Chunk, lost},
    call::Call,
    lane::{Lane, Packing, Waiter, Waiting, keys_of},
    room::Room,
    task::Task,
    turn::Turns,
};
use crate::{
    config::{ProducerConfig, SendStart},
    ordering::Ordering,
    sync::lock,
};

/// Says where a producer sends to.
#[derive(Clone, Debug)]
pub(super) enum Target {
    Sender(Arc<dyn Sender>),
    Provider(Arc<dyn Provider>, QueueName),
}

/// Is the shared core of a producer.
pub(super) struct Outlet {
    target: Target,
    pub(super) context: Context,
    pub(super) config: ProducerConfig,
    ordering: Ordering,
    ids: MessageIds,
    opened: OnceCell<Opened>,
    turns: Turns,
    pub(super) state: Mutex<State>,
    /// Wakes the task.
    pub(super) wake: Notify,
    /// Held by who closes the outlet.
    closing: tokio::sync::Mutex<()>,
    pub(super) messages: Arc<Semaphore>,
    pub(super) bytes: Arc<Semaphore>,
}

/// Is a sender that was opened, and what bounds its calls.
#[derive(Clone, Debug)]
pub(super) struct Opened {
    pub(super) sender: Arc<dyn Sender>,
    pub(super) packing: Packing,
}

#[derive(Default)]
pub(super) struct State {
    pub(super) lane: Lane,
    /// Calls that were begun by a caller and go on in the task.
    pub(super) handed_over: Vec<(Call, Vec<Waiter>, Vec<Text>)>,
    pub(super) is_closed: bool,
    task: Option<JoinHandle<()>>,
}

/// Is where a message stands after the first look.
enum Place {
    /// Its call may begin at once.
    Direct(Message),
    /// It waits behind others.
    Behind(Answer),
    /// There is no room for it yet; the place in the buffer may be reserved.
    Full(Message, Option<OwnedSemaphorePermit>),
}

/// Ends the task when the last producer is dropped.
#[derive(Debug)]
pub(super) struct Handle(Arc<Outlet>);

impl Handle {
    pub(super) fn new(outlet: Arc<Outlet>) -> Self {
        Self(outlet)
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        lock(&self.0.state).is_closed = true;
        self.0.wake.notify_one();
    }
}

impl Debug for Outlet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outlet")
            .field("target", &self.target)
            .finish_non_exhaustive()
    }
}

impl Outlet {
    pub(super) fn new(
        target: Target,
        context: Context,
        config: ProducerConfig,
        ordering: Ordering,
    ) -> Self {
        let bytes = usize::try_from(config.buffer_bytes_max.get()).unwrap_or(usize::MAX);
        Self {
            ids: MessageIds::new(&*context.random),
            messages: Arc::new(Semaphore::new(config.buffer_messages_max.get() as usize)),
            bytes: Arc::new(Semaphore::new(bytes.min(bytes_permits_max()))),
            target,
            context,
            config,
            ordering,
            opened: OnceCell::new(),
            turns: Turns::default(),
            state: Mutex::default(),
            wake: Notify::new(),
            closing: tokio::sync::Mutex::default(),
        }
    }

    /// Sends one message; `reserved` is its room in the buffer, if it was reserved before.
    pub(super) async fn send(
        self: &Arc<Self>,
        mut message: Message,
        reserved: Option<OwnedSemaphorePermit>,
    ) -> Result<Sent> {
        let turn = self.turns.take(self.opened.get().is_some()).await;
        let opened = self.open().await?;
        self.prepare(&mut message);
        let keys = keys_of(std::slice::from_ref(&message), &opened.packing);
        let answer = match self.place(opened, &keys, message, reserved)? {
            Place::Direct(message) => {
                let answer = self.send_direct(opened, vec![message], keys).await.pop();
                answer.unwrap_or_else(|| Answer::Known(Err(lost())))
            }
            Place::Behind(answer) => answer,
            Place::Full(message, reserved) => self.enqueue(opened, message, reserved).await,
        };
        drop(turn);
        answer.heard().await
    }

    /// Sends messages in order: what leaves together is packed together.
    pub(super) async fn send_all(
        self: &Arc<Self>,
        messages: impl IntoIterator<Item = Message>,
    ) -> Vec<Result<Sent>> {
        let turn = self.turns.take(self.opened.get().is_some()).await;
        let opened = match self.open().await {
            Ok(opened) => opened,
            Err(error) => return messages.into_iter().map(|_| Err(error.clone())).collect(),
        };
        let mut answers = Vec::new();
        let mut chunk = Chunk::default();
        for mut message in messages {
            self.prepare(&mut message);
            if !chunk.fits(&message, &opened.packing) {
                self.send_chunk(opened, take(&mut chunk), &mut answers)
                    .await;
            }
            chunk.push(message);
        }
        self.send_chunk(opened, chunk, &mut answers).await;
        drop(turn);
        let mut results = Vec::with_capacity(answers.len());
        for answer in answers {
            results.push(answer.heard().await);
        }
        results
    }

    /// Sends what fits one call: at once, if nothing is under way, else behind what waits.
    async fn send_chunk(
        self: &Arc<Self>,
        opened: &Opened,
        chunk: Chunk,
        answers: &mut Vec<Answer>,
    ) {
        // In-process calls are ready at once: others on this thread must have their turn.
        consume_budget().await;
        let keys = keys_of(&chunk.messages, &opened.packing);
        match self.begin_direct(&keys, &opened.packing) {
            Ok(true) => answers.extend(self.send_direct(opened, chunk.messages, keys).await),
            Ok(false) => {
                for message in chunk.messages {
                    answers.push(self.enqueue(opened, message, None).await);
                }
            }
            Err(error) => {
                let refused = |_| Answer::Known(Err(error.clone()));
                answers.extend(chunk.messages.iter().map(refused));
            }
        }
    }

    fn prepare(&self, message: &mut Message) {
        if message.id.is_none() {
            message.id = Some(self.ids.next_id());
        }
        let gives_key = !self.ordering.is_message();
        let lacks_key = gives_key && message.details().ordering_key.is_none();
        if lacks_key {
            let key = self.ordering.key(message, self.context.clock.wall());
            if key.is_some() {
                message.details_mut().ordering_key = key;
            }
        }
    }

    /// Finds the place of a message, if it can have one at once.
    fn place(
        self: &Arc<Self>,
        opened: &Opened,
        keys: &[Text],
        message: Message,
        reserved: Option<OwnedSemaphorePermit>,
    ) -> Result<Place> {
        let mut state = lock(&self.state);
        if state.is_closed {
            return Err(self.closed());
        }
        if state.lane.begin_direct(keys, &opened.packing) {
            return Ok(Place::Direct(message));
        }
        Ok(match self.room_now(self.bytes_of(&message), reserved) {
            Ok(room) => Place::Behind(self.push(state, opened, message, room)),
            Err(reserved) => Place::Full(message, reserved),
        })
    }

    fn begin_direct(&self, keys: &[Text], packing: &Packing) -> Result<bool> {
        let mut state = lock(&self.state);
        if state.is_closed {
            return Err(self.closed());
        }
        Ok(state.lane.begin_direct(keys, packing))
    }

    /// Polls a call once in the caller's own task. One that does not end at once goes on in the
    /// sender's task: no caller's end drops a call in flight.
    async fn send_direct(
        self: &Arc<Self>,
        opened: &Opened,
        messages: Vec<Message>,
        keys: Vec<Text>,
    ) -> Vec<Answer> {
        let count = messages.len();
        let batch = messages.into_iter().map(Sending::new).collect();
        let mut call = self.call(opened, batch);
        let first = poll_fn(|context| Poll::Ready(call.as_mut().poll(context))).await;
        match first {
            Poll::Ready(called) => {
                let mut state = lock(&self.state);
                state.lane.note_direct(true);
                self.end_call(state, &keys, opened);
                self.answer(called).into_iter().map(Answer::Known).collect()
            }
            Poll::Pending => {
                let (waiters, answers): (Vec<_>, Vec<_>) =
                    (0..count).map(|_| oneshot::channel()).unzip();
                let mut state = lock(&self.state);
                state.lane.note_direct(false);
                state.handed_over.push((call, waiters, keys));
                self.start_task(state, opened);
                answers.into_iter().map(Answer::Awaited).collect()
            }
        }
    }

    /// Puts a message behind those that wait, once there is room.
    async fn enqueue(
        self: &Arc<Self>,
        opened: &Opened,
        message: Message,
        reserved: Option<OwnedSemaphorePermit>,
    ) -> Answer {
        let room = match self.room(opened, self.bytes_of(&message), reserved).await {
            Ok(room) => room,
            Err(error) => return Answer::Known(Err(error)),
        };
        let state = lock(&self.state);
        if state.is_closed {
            return Answer::Known(Err(self.closed()));
        }
        self.push(state, opened, message, room)
    }

    /// Puts a message behind those that wait. The task hears of it if that lets a call start; it
    /// looks by itself when one ends.
    fn push(
        self: &Arc<Self>,
        mut state: MutexGuard<'_, State>,
        opened: &Opened,
        message: Message,
        room: Room,
    ) -> Answer {
        let (waiter, answer) = oneshot::channel();
        state.lane.push(Waiting {
            message,
            waiter,
            room,
        });
        if state.lane.is_due(&opened.packing) {
            self.start_task(state, opened);
        }
        Answer::Awaited(answer)
    }

    /// Gives the place of a call back. The task hears of it if something waits, or if that was the
    /// last one after the close.
    pub(super) fn end_call(
        self: &Arc<Self>,
        mut state: MutexGuard<'_, State>,
        keys: &[Text],
        opened: &Opened,
    ) {
        let has_more = state.lane.end_call(keys);
        if has_more {
            self.start_task(state, opened);
        } else if state.is_closed {
            self.wake.notify_one();
        }
    }

    /// Starts the task if it does not run, and wakes it.
    pub(super) fn start_task(self: &Arc<Self>, mut state: MutexGuard<'_, State>, opened: &Opened) {
        if state.task.as_ref().is_none_or(JoinHandle::is_finished) {
            let task = Task::new(Arc::clone(self), opened.clone());
            state.task = Some(tokio::spawn(task.run()));
        }
        drop(state);
        self.wake.notify_one();
    }

    async fn open(&self) -> Result<&Opened> {
        if let Some(opened) = self.opened.get() {
            return Ok(opened);
        }
        let open = async {
            let sender = match &self.target {
                Target::Sender(sender) => Arc::clone(sender),
                Target::Provider(provider, queue) => provider.sender(queue).await?,
            };
            let packing = packing(&self.config, &*sender);
            Ok(Opened { sender, packing })
        };
        let opened = self.opened.get_or_try_init(|| open).await;
        opened.map_err(|error: Error| error.at(Operation::Open, self.queue()))
    }

    /// Returns true if the provider drops a message whose dedup id it knows.
    pub(super) async fn deduplicates(&self) -> Result<bool> {
        let opened = self.open().await?;
        Ok(opened.sender.capabilities().dedup.is_supported())
    }

    pub(super) async fn close(&self) -> Result<()> {
        // One waits for the task at a time: it wakes only who asked last.
        let _closing = self.closing.lock().await;
        lock(&self.state).is_closed = true;
        self.wake.notify_one();
        self.task_ended().await;
        match (self.opened.get(), &self.target) {
            (Some(opened), Target::Provider(..)) => opened.sender.close().await,
            _ => Ok(()),
        }
    }

    /// Ends when the task has. It stays in its place until then: none starts beside it, and the
    /// next who waits finds it.
    async fn task_ended(&self) {
        poll_fn(|context| {
            let mut state = lock(&self.state);
            let Some(task) = &mut state.task else {
                return Poll::Ready(());
            };
            // A panic of the task has answered its callers with their waiters' end.
            let ended = Pin::new(task).poll(context).map(drop);
            if ended.is_ready() {
                state.task = None;
            }
            ended
        })
        .await;
    }

    /// Returns the most messages of a call, where the provider has a limit.
    pub(super) fn messages_max(&self) -> Option<NonZeroU32> {
        let opened = self.opened.get()?;
        opened.sender.capabilities().send_batch_max
    }

    pub(super) fn queue(&self) -> &QueueName {
        match &self.target {
            Target::Sender(sender) => sender.queue(),
            Target::Provider(_, queue) => queue,
        }
    }

    pub(super) fn closed(&self) -> Error {
        let error = Error::new(ErrorKind::Closed, "the producer is closed");
        error.at(Operation::Send, self.queue())
    }
}

const fn bytes_permits_max() -> usize {
    Semaphore::MAX_PERMITS
}

/// Bounds calls by the configuration and by what the provider can do.
fn packing(config: &ProducerConfig, sender: &dyn Sender) -> Packing {
    let capabilities = sender.capabilities();
    let batch_max = capabilities
        .send_batch_max
        .map_or(config.batch_max, |max| max.min(config.batch_max));
    let keeps_keys_apart = capabilities.key_order.is_supported();
    let needs_one_call = capabilities.queue_order.is_supported() && !keeps_keys_apart;
    let calls_max = if needs_one_call {
        1
    } else {
        config.calls_in_flight.get()
    };
    Packing {
        messages_max: batch_max.get() as usize,
        bytes_max: capabilities
            .send_bytes_max
            .map_or(u64::MAX, std::num::NonZeroU64::get),
        calls_max: calls_max as usize,
        keeps_keys_apart,
        is_eager: config.start == SendStart::Anything,
    }
}
