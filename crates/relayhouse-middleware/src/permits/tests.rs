//! Nobody is forgotten, and nothing is in flight that nobody holds.

use std::{
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    task::Wake,
    thread::{self, Thread},
};

use proptest::{collection::vec, prelude::*};

use super::*;

#[derive(Debug, Default)]
struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[derive(Debug)]
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Takes a permit, and lets the thread rest until that is possible.
fn take_parked(permits: &Arc<Permits>) -> Permit {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let context = Context::from_waker(&waker);
    let mut hold = Hold::Nothing;
    while permits.poll_take(&mut hold, AMOUNT, &context).is_pending() {
        thread::park();
    }
    hold.take_permit().unwrap()
}

/// Threads that rest until they are woken all come to their end: no wake-up is lost, and no
/// more run at a time than may.
#[test]
fn threads_share_permits_and_none_is_forgotten() {
    let max = Amount {
        messages: 2,
        bytes: 40,
    };
    let permits = Permits::new(max);
    let running = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..2_000 {
                    let permit = take_parked(&permits);
                    assert!(running.fetch_add(1, Ordering::SeqCst) < 2);
                    thread::yield_now();
                    running.fetch_sub(1, Ordering::SeqCst);
                    drop(permit);
                }
            });
        }
    });
    assert_eq!(permits.load(), (Amount::default(), 0));
}

/// Is a task that wants a permit, and is polled when it was woken.
#[derive(Debug, Default)]
struct Task {
    hold: Hold,
    flag: Arc<Flag>,
    order: usize,
}

#[derive(Clone, Debug)]
enum Step {
    Arrive,
    End(usize),
    Give(usize),
    Resize(usize, u64),
    Limit(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => Just(Step::Arrive),
        2 => any::<usize>().prop_map(Step::End),
        1 => any::<usize>().prop_map(Step::Give),
        1 => (any::<usize>(), 1..20_u64).prop_map(|(index, bytes)| Step::Resize(index, bytes)),
        1 => (1..6_u64).prop_map(Step::Limit),
    ]
}

const AMOUNT: Amount = Amount {
    messages: 1,
    bytes: 10,
};

fn pick<T>(list: &mut Vec<T>, index: usize) -> Option<T> {
    (!list.is_empty()).then(|| list.remove(index % list.len()))
}

proptest! {
    /// Whatever comes and goes, those who wait are served in order as soon as there is room,
    /// woken and not by chance, and nothing is in flight that nobody holds.
    #[test]
    fn waiters_are_served_in_order_and_none_is_forgotten(steps in vec(step(), 0..200)) {
        let max = Amount { messages: 3, bytes: 40 };
        let permits = Permits::new(max);
        let (mut waiting, mut running) = (Vec::<Task>::new(), Vec::<Permit>::new());
        let (mut limit, mut arrived, mut served) = (max.messages, 0, 0);
        for step in steps {
            match step {
                Step::Arrive => {
                    let mut task = Task { order: arrived, ..Task::default() };
                    arrived += 1;
                    task.flag.0.store(true, Ordering::Relaxed);
                    task.hold = Hold::Nothing;
                    waiting.push(task);
                }
                Step::End(index) => drop(pick(&mut running, index)),
                Step::Give(index) => drop(pick(&mut waiting, index)),
                Step::Resize(index, bytes) => {
                    if let Some(mut permit) = pick(&mut running, index) {
                        permit.resize(Amount { messages: 1, bytes });
                        running.push(permit);
                    }
                }
                Step::Limit(messages) => {
                    limit = messages;
                    permits.set_messages_max(messages);
                }
            }
            // Poll those who were woken, until nobody is.
            while let Some(index) = waiting
                .iter()
                .position(|task| task.flag.0.swap(false, Ordering::Relaxed))
            {
                let task = &mut waiting[index];
                let waker = Waker::from(Arc::clone(&task.flag));
                let context = Context::from_waker(&waker);
                if permits.poll_take(&mut task.hold, AMOUNT, &context).is_ready() {
                    prop_assert_eq!(index, 0, "somebody before it still waits");
                    prop_assert!(served <= task.order);
                    served = task.order;
                    running.extend(waiting.remove(index).hold.take_permit());
                }
            }
            let (used, in_line) = permits.load();
            prop_assert_eq!(used.messages, running.len() as u64);
            prop_assert_eq!(in_line, waiting.len());
            let bytes: u64 = running.iter().map(|permit| permit.amount.amount().bytes).sum();
            prop_assert_eq!(used.bytes, bytes);
            let has_room = used.messages < limit && used.bytes + AMOUNT.bytes <= max.bytes;
            prop_assert!(waiting.is_empty() || !has_room, "there is room, and somebody waits");
        }
        drop((waiting, running));
        prop_assert_eq!(permits.load(), (Amount::default(), 0));
    }
}
