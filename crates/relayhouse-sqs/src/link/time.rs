//! The clock of the context, as the SDK takes it.

use std::{
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::{Duration, SystemTime},
};

use aws_sdk_sqs::config::{AsyncSleep, Sleep};
use aws_smithy_async::time::TimeSource;
use relayhouse_core::Clock;

/// Lets the SDK read and wait by the clock of the context.
#[derive(Clone, Debug)]
pub(crate) struct SdkTime(pub(crate) Arc<dyn Clock>);

impl AsyncSleep for SdkTime {
    fn sleep(&self, duration: Duration) -> Sleep {
        let deadline = self.0.now() + duration;
        Sleep::new(Shared(Mutex::new(self.0.sleep_until(deadline))))
    }
}

impl TimeSource for SdkTime {
    fn now(&self) -> SystemTime {
        self.0.wall().into()
    }
}

/// The SDK asks for a future that threads may share, though it never polls it from two.
struct Shared(Mutex<relayhouse_core::Sleep>);

impl Future for Shared {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let sleep = self.0.get_mut().unwrap_or_else(PoisonError::into_inner);
        sleep.as_mut().poll(context)
    }
}
