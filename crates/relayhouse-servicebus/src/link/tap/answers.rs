//! What waits to be settled on a connection, and who waits to hear what the broker decided.

use std::{
    collections::HashMap,
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
};

use foldhash::fast::RandomState;
use tokio::sync::oneshot;

use super::{
    asked::{Asked, Heard, Teller},
    follow::{Answer, Fault, Seen, Token},
};

/// The most deliveries of a connection that may wait to be settled.
pub(crate) const DELIVERIES_MAX: usize = 65_536;

/// Says that the link or the connection has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Gone;

/// Tells who asks what the broker decided of the deliveries of one connection.
#[derive(Clone, Debug, Default)]
pub(crate) struct Answers(Arc<Mutex<State>>);

/// Is every token among the deliveries, with who asked for it.
type Waiting = HashMap<Token, Option<Teller>, RandomState>;

#[derive(Debug, Default)]
struct State {
    /// By channel and delivery id: a disposition names a range of them.
    deliveries: HashMap<(u16, u32), (u32, Token), RandomState>,
    asked: Waiting,
    /// By channel and handle.
    links: HashMap<(u16, u32), Incoming>,
    has_ended: bool,
}

/// Is a link over which the broker sends.
#[derive(Debug)]
struct Incoming {
    name: Box<str>,
    /// How many deliveries have begun, around the end of the numbers.
    count: u32,
    drained: Option<oneshot::Sender<u32>>,
}

/// Ends when the broker has sent all that it will without further credit, with the number of
/// deliveries that have begun over the link.
#[derive(Debug)]
pub(crate) struct Drained(Option<oneshot::Receiver<u32>>);

impl Answers {
    /// Asks when the link of `name` is drained; to be called before that is ordered.
    ///
    /// Of two who ask for one link the later one hears.
    pub(crate) fn drained(&self, name: &str) -> Drained {
        let mut state = self.lock();
        let Some(link) = state.links.values_mut().find(|it| *it.name == *name) else {
            return Drained(None);
        };
        let (sender, receiver) = oneshot::channel();
        link.drained = Some(sender);
        Drained(Some(receiver))
    }

    /// Asks what the broker decides of the deliveries of `tokens`, each of which has its place; to
    /// be called before the settlements leave. Of one that cannot be settled any more, as far as is
    /// known here, nothing will be heard.
    ///
    /// Of two who ask for one delivery the later one hears.
    pub(crate) fn ask(&self, tokens: &[Token]) -> Asked {
        let asked = Asked::new(tokens.len());
        let mut state = self.lock();
        for (place, token) in tokens.iter().enumerate() {
            match state.asked.get_mut(token) {
                Some(waiting) => *waiting = Some(asked.teller(place)),
                None => asked.tell(place, Heard::Gone),
            }
        }
        asked
    }

    /// Returns true if the delivery of `token` can still be settled, as far as is known here.
    pub(crate) fn has(&self, token: &Token) -> bool {
        self.lock().asked.contains_key(token)
    }

    /// Returns true if both are of one connection.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Notes that the connection has ended: nobody hears anything any more.
    pub(crate) fn end(&self) {
        let mut state = self.lock();
        state.deliveries.clear();
        state.asked.clear();
        state.links.clear();
        state.has_ended = true;
    }

    /// Takes note of all that `follow` tells.
    pub(crate) fn note(
        &self,
        follow: impl FnOnce(&mut dyn FnMut(Seen) -> Result<(), Fault>) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        let mut state = self.lock();
        follow(&mut |seen| state.see(seen))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn see(&mut self, seen: Seen) -> Result<(), Fault> {
        match seen {
            Seen::Transfer {
                channel,
                handle,
                id,
                token,
            } => return self.begin((channel, id), handle, token),
            Seen::Settled {
                channel,
                first,
                last,
                answer,
            } => self.settle(channel, first, last, &answer),
            Seen::Attached {
                channel,
                handle,
                name,
            } => self.attach((channel, handle), name),
            Seen::Drained { channel, handle } => self.drain((channel, handle)),
            Seen::Detached { channel, handle } => {
                self.links.remove(&(channel, handle));
                self.forget(|(on, _), of| *on == channel && of == handle);
            }
            Seen::Cleared { channel } => {
                self.links.retain(|(on, _), _| *on != channel);
                self.forget(|(on, _), _| *on == channel);
            }
        }
        Ok(())
    }

    fn begin(&mut self, id: (u16, u32), handle: u32, token: Token) -> Result<(), Fault> {
        if self.has_ended {
            return Ok(());
        }
        if DELIVERIES_MAX <= self.deliveries.len() {
            return Err(Fault::Deliveries);
        }
        let earlier = self.deliveries.insert(id, (handle, token));
        if earlier == Some((handle, token)) {
            // A further frame of the delivery names it again.
            return Ok(());
        }
        if let Some((_, earlier)) = earlier {
            self.asked.remove(&earlier);
        }
        self.asked.insert(token, None);
        if let Some(link) = self.links.get_mut(&(id.0, handle)) {
            link.count = link.count.wrapping_add(1);
        }
        Ok(())
    }

    fn attach(&mut self, id: (u16, u32), name: Box<str>) {
        if !self.has_ended {
            let link = Incoming {
                name,
                count: 0,
                drained: None,
            };
            self.links.insert(id, link);
        }
    }

    fn drain(&mut self, id: (u16, u32)) {
        if let Some(link) = self.links.get_mut(&id)
            && let Some(waiting) = link.drained.take()
        {
            // Who asked may have stopped waiting.
            let _ = waiting.send(link.count);
        }
    }

    fn settle(&mut self, channel: u16, first: u32, last: u32, answer: &Answer) {
        // Delivery ids are serial numbers, and start over after the largest one.
        let more = last.wrapping_sub(first);
        if (more as usize) < self.deliveries.len() {
            for after in 0..=more {
                let id = (channel, first.wrapping_add(after));
                let settled = self.deliveries.remove(&id);
                tell(&mut self.asked, settled, answer);
            }
            return;
        }
        // A range may be far longer than what is there.
        let is_in = |&(on, id): &(u16, u32)| on == channel && id.wrapping_sub(first) <= more;
        for (_, settled) in self.deliveries.extract_if(|id, _| is_in(id)) {
            tell(&mut self.asked, Some(settled), answer);
        }
    }

    fn forget(&mut self, is_gone: impl Fn(&(u16, u32), u32) -> bool) {
        let asked = &mut self.asked;
        self.deliveries.retain(|id, (handle, token)| {
            let is_gone = is_gone(id, *handle);
            if is_gone {
                asked.remove(token);
            }
            !is_gone
        });
    }
}

/// Tells who asked for `settled`, if it was there, what the broker decided.
fn tell(asked: &mut Waiting, settled: Option<(u32, Token)>, answer: &Answer) {
    let waiting = settled.and_then(|(_, token)| asked.remove(&token));
    if let Some(Some(waiting)) = waiting {
        waiting.tell(answer.clone());
    }
}

impl Future for Drained {
    type Output = Result<u32, Gone>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(receiver) = &mut self.0 else {
            return Poll::Ready(Err(Gone));
        };
        Pin::new(receiver).poll(context).map_err(|_| Gone)
    }
}
