//! What is taken, what waits, and in which groups it goes.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use super::*;

fn job(cost: Cost, is_alone: bool) -> Box<dyn Job> {
    let run = |_: &mut dyn Store, _: Moment| Ok(());
    let call = Call::new(cost, Access::Write, run, |_: Result<()>| ());
    match is_alone {
        true => Box::new(call.alone()),
        false => Box::new(call),
    }
}

/// Adds a job, and returns whether there was a place for it.
fn push(jobs: &Jobs, cost: Cost) -> bool {
    let mut push = pin!(jobs.push(job(cost, false)));
    let polled = push.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    matches!(polled, Poll::Ready(Ok(())))
}

fn group_len(jobs: &Jobs) -> usize {
    match jobs.order(&mut jobs.lock(), false) {
        Some(Order::Group { jobs, .. }) => jobs.len(),
        _ => 0,
    }
}

#[test]
fn what_waits_is_one_group_up_to_its_caps() {
    let jobs = Jobs::new();
    for _ in 0..JOBS_MAX {
        assert!(push(&jobs, Cost::ONE));
    }
    assert!(!push(&jobs, Cost::ONE), "there are no more places");
    assert_eq!(group_len(&jobs), 1000);
    assert_eq!(group_len(&jobs), 24);
    assert_eq!(group_len(&jobs), 0);
    assert!(push(&jobs, Cost::ONE), "places are given back");
}

#[test]
fn bytes_that_wait_and_bytes_of_a_group_are_bounded() {
    let jobs = Jobs::new();
    let large = Cost {
        messages: 1,
        bytes: 3 << 20,
    };
    for _ in 0..5 {
        assert!(push(&jobs, large));
    }
    assert!(!push(&jobs, large), "there are 16 MiB at most");
    assert_eq!(group_len(&jobs), 1, "two have more than 4 MiB");
    let all = Cost {
        messages: 1,
        bytes: 100 << 20,
    };
    assert!(!push(&jobs, all));
    while 0 < group_len(&jobs) {}
    assert!(
        push(&jobs, all),
        "what is larger than all places goes alone"
    );
}

#[test]
fn call_that_may_roll_back_has_a_group_of_its_own() {
    let jobs = Jobs::new();
    for is_alone in [false, true, false, false] {
        jobs.push_now(job(Cost::ONE, is_alone));
    }
    assert_eq!([(); 4].map(|()| group_len(&jobs)), [1, 1, 2, 0]);
}

#[test]
fn nothing_is_taken_after_the_stop_and_what_waits_is_done_first() {
    let jobs = Jobs::new();
    assert!(push(&jobs, Cost::ONE));
    jobs.stop();
    assert!(!push(&jobs, Cost::ONE));
    assert_eq!(group_len(&jobs), 1);
    assert!(matches!(
        jobs.order(&mut jobs.lock(), false),
        Some(Order::Stop)
    ));
}
