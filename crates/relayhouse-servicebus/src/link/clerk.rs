//! The task that asks the management node of one entity: any number of questions at a time.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use fe2o3_amqp_types::primitives::Value;
use futures_util::{StreamExt, stream::FuturesUnordered};
use relayhouse_core::{Error, ErrorKind, Operation, Result};
use tokio::sync::{mpsc, oneshot};

use super::{
    Closing, Link, Pass, Passage, Question, Reply, Rpc, Task, closed,
    rpc::{Heard, Taken},
    unknown, within,
};

/// The most questions that wait for the task of one entity.
const QUESTIONS_MAX: usize = 64;

/// The most questions of one entity that wait for their answers.
const ANSWERS_MAX: usize = 64;

/// The most entities of one provider that are asked something.
const CLERKS_MAX: usize = 1024;

/// How long the end of the links to a node may take.
const END_MAX: Duration = Duration::from_secs(10);

/// Keeps the clerks of all entities.
#[derive(Debug)]
pub(crate) struct Clerks {
    link: Arc<Link>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    clerks: HashMap<String, Clerk>,
    tasks: Vec<Arc<Task>>,
    is_closed: bool,
}

/// Asks the management node of one entity.
#[derive(Clone, Debug)]
pub(crate) struct Clerk {
    link: Arc<Link>,
    inbox: mpsc::Sender<Asking>,
}

#[derive(Debug)]
struct Asking {
    question: Question,
    operation: Operation,
    answer: oneshot::Sender<Result<Reply>>,
}

impl Clerks {
    pub(crate) fn new(link: Arc<Link>) -> Self {
        Self {
            link,
            state: Mutex::default(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the clerk of the entity at `path`.
    fn clerk(&self, path: &str) -> Result<Clerk> {
        let mut state = self.state();
        if state.is_closed {
            return Err(closed());
        }
        if let Some(clerk) = state.clerks.get(path) {
            return Ok(clerk.clone());
        }
        if CLERKS_MAX <= state.clerks.len() {
            return Err(Error::new(
                ErrorKind::Full,
                format!("more than {CLERKS_MAX} entities of one provider are asked something"),
            ));
        }
        let (inbox, asked) = mpsc::channel(QUESTIONS_MAX);
        let (link, path_of) = (Arc::clone(&self.link), path.to_owned());
        let task = Task::spawn(|closing| run(link, path_of, asked, closing));
        state.tasks.push(Arc::new(task));
        let clerk = Clerk {
            link: Arc::clone(&self.link),
            inbox,
        };
        state.clerks.insert(path.to_owned(), clerk.clone());
        Ok(clerk)
    }

    /// Asks the management node of the entity at `path`, waits for the answer up to `limit`, and
    /// returns the body of one that says yes.
    ///
    /// Dropping the future leaves it unknown what was done.
    pub(crate) async fn ask(
        &self,
        path: &str,
        question: Question,
        operation: Operation,
        limit: Duration,
    ) -> Result<Value> {
        let clerk = self.clerk(path)?;
        let (answer, answered) = oneshot::channel();
        let asking = Asking {
            question: question.within(limit),
            operation,
            answer,
        };
        let work = async {
            let sent = clerk.inbox.send(asking).await;
            sent.map_err(|_| closed())?;
            answered.await.map_err(|_| closed())?
        };
        let reply = within(clerk.link.clock(), limit, work).await;
        let reply = reply.unwrap_or_else(|| Err(unknown().operation(operation)));
        reply?.done(operation)
    }

    /// Ends all that was attached, and waits until it has.
    ///
    /// Dropping the future leaves the rest to the next call.
    pub(crate) async fn close(&self) {
        let tasks = {
            let mut state = self.state();
            state.tasks.iter().for_each(|task| task.end());
            state.is_closed = true;
            state.clerks.clear();
            state.tasks.clone()
        };
        for task in tasks {
            task.join().await;
        }
    }
}

/// Is a pair of links that serves.
struct Node {
    rpc: Rpc,
    _pass: Arc<Pass>,
    waiting: HashMap<u64, (Operation, oneshot::Sender<Result<Reply>>)>,
    taken: FuturesUnordered<Taken>,
}

/// Attaches when there is something to ask, and again after the links ended.
async fn run(
    link: Arc<Link>,
    path: String,
    mut inbox: mpsc::Receiver<Asking>,
    mut closing: Closing,
) {
    let mut pace = link.pace();
    while let Some(Some(asking)) = closing.unless(inbox.recv()).await {
        if asking.answer.is_closed() {
            continue;
        }
        let attached = closing.unless(async {
            pace.wait().await;
            Box::pin(attach(&link, &path)).await
        });
        match attached.await {
            Some(Ok(node)) => {
                let since = link.clock().now();
                match serve(&link, node, asking, &mut inbox, &mut closing).await {
                    Some(error) => pace.ended(since, &error),
                    None => return,
                }
            }
            Some(Err(error)) => {
                pace.failed(&error);
                // Who asked may have stopped waiting.
                let _ = asking.answer.send(Err(error.operation(asking.operation)));
            }
            None => return,
        }
    }
}

async fn attach(link: &Link, path: &str) -> Result<Node> {
    let Passage { session, pass, .. } = link.session(path).await?;
    let node = format!("{path}/$management");
    Ok(Node {
        rpc: link
            .in_time(Duration::ZERO, Rpc::open(session, &node, &link.name()))
            .await?,
        _pass: pass,
        waiting: HashMap::new(),
        taken: FuturesUnordered::new(),
    })
}

/// Asks and answers until the links end, and returns why; `None` if it is asked to end.
async fn serve(
    link: &Link,
    mut node: Node,
    first: Asking,
    inbox: &mut mpsc::Receiver<Asking>,
    closing: &mut Closing,
) -> Option<Error> {
    let mut next = Some(first);
    loop {
        if let Some(asking) = next.take()
            && let Err(error) = node.ask(asking).await
        {
            return Some(node.end(error));
        }
        node.waiting.retain(|_, (_, answer)| !answer.is_closed());
        let has_room = node.waiting.len() < ANSWERS_MAX;
        tokio::select! {
            biased;
            () = closing.asked() => break,
            heard = node.rpc.hear(Operation::Admin) => match heard {
                Heard::Reply(id, reply) => node.answer(id, Ok(reply)),
                Heard::End(error) => return Some(node.end(error)),
            },
            Some((id, taken)) = node.taken.next() => if let Err(error) = taken {
                node.answer(id, Err(error));
            },
            asking = inbox.recv(), if has_room => match asking {
                Some(asking) => next = Some(asking),
                None => break,
            },
        }
    }
    within(link.clock(), END_MAX, node.rpc.close()).await;
    None
}

impl Node {
    async fn ask(&mut self, asking: Asking) -> Result<()> {
        let Asking {
            question,
            operation,
            answer,
        } = asking;
        if answer.is_closed() {
            return Ok(());
        }
        match self.rpc.put(question, operation).await {
            Ok((id, taken)) => {
                self.waiting.insert(id, (operation, answer));
                self.taken.push(taken);
                Ok(())
            }
            Err(error) => {
                // Who asked may have stopped waiting.
                let _ = answer.send(Err(error.clone()));
                if self.rpc.is_over() || error.kind() == ErrorKind::ConnectionFailed {
                    return Err(error);
                }
                Ok(())
            }
        }
    }

    fn answer(&mut self, id: u64, reply: Result<Reply>) {
        if let Some((_, answer)) = self.waiting.remove(&id) {
            // Who asked may have stopped waiting.
            let _ = answer.send(reply);
        }
    }

    /// Tells all who wait that nobody knows what was done.
    fn end(self, error: Error) -> Error {
        for (operation, answer) in self.waiting.into_values() {
            let unknown = unknown().with_source(error.clone()).operation(operation);
            let _ = answer.send(Err(unknown));
        }
        error
    }
}
