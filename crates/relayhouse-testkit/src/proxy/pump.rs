//! Forwards what comes one way of one connection.

use std::{future::pending, io};

use relayhouse_core::Instant;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::tcp::{OwnedReadHalf, OwnedWriteHalf},
    select,
};

use super::{
    Shared,
    fault::{Direction, Fault, Harm},
};

/// The most bytes that are forwarded at a time.
const CHUNK: usize = 16 * 1024;
/// The most bytes that are forwarded at a time by [`Fault::Slow`].
const FEW: usize = 64;

impl Shared {
    /// Forwards until either side ends the connection, or harm is done to it.
    pub(super) async fn pump(
        &self,
        direction: Direction,
        mut from: OwnedReadHalf,
        mut to: OwnedWriteHalf,
    ) -> io::Result<()> {
        let mut buffer = vec![0; CHUNK];
        loop {
            let count = from.read(&mut buffer).await?;
            if count == 0 {
                return Ok(());
            }
            let bytes = &mut buffer[..count];
            self.delay().await;
            if direction == Direction::Answers {
                self.silence().await;
            }
            let struck = self.count(direction, count);
            let Some((before, harm)) = struck else {
                self.write(bytes, &mut to).await?;
                continue;
            };
            match harm {
                Harm::Flip => {
                    bytes[before] ^= 1 << self.random.below(8);
                    self.write(bytes, &mut to).await?;
                }
                Harm::Cut => return self.write(&bytes[..before], &mut to).await,
                Harm::HalfOpen => {
                    self.write(&bytes[..before], &mut to).await?;
                    return self.swallow(&mut from, &mut buffer).await;
                }
            }
        }
    }

    fn fault(&self) -> Fault {
        *self.fault.borrow()
    }

    fn count(&self, direction: Direction, count: usize) -> Option<(usize, Harm)> {
        let fault = self.fault();
        self.counts.passed().add(fault, direction, count)
    }

    /// Waits as long as the fault of the moment says.
    async fn delay(&self) {
        if let Fault::Delay(max) = self.fault() {
            let delay = self.random.up_to(max);
            self.clock.sleep_until(self.clock.now() + delay).await;
        }
    }

    /// Waits until answers may pass.
    async fn silence(&self) {
        if self.fault() != Fault::Silent {
            return;
        }
        let mut fault = self.fault.clone();
        select! {
            _ = fault.wait_for(|it| *it != Fault::Silent) => {}
            () = self.hold() => {}
        }
    }

    /// Never ends. It sleeps by the clock, so that whoever counts sleepers knows that something is
    /// held back here.
    async fn hold(&self) {
        self.clock.sleep_until(Instant::NEVER).await;
        pending::<()>().await;
    }

    async fn write(&self, bytes: &[u8], to: &mut OwnedWriteHalf) -> io::Result<()> {
        let Fault::Slow(pause) = self.fault() else {
            return to.write_all(bytes).await;
        };
        for few in bytes.chunks(FEW) {
            self.clock.sleep_until(self.clock.now() + pause).await;
            to.write_all(few).await?;
        }
        Ok(())
    }

    /// Takes everything and forwards nothing, until the connection ends.
    async fn swallow(&self, from: &mut OwnedReadHalf, buffer: &mut [u8]) -> io::Result<()> {
        let all = async {
            while 0 < from.read(buffer).await? {}
            Ok(())
        };
        select! {
            ended = all => ended,
            () = self.hold() => Ok(()),
        }
    }
}
