//! What the adapter's tap takes: what came in when messages were received and acked, read once more
//! with it and without it.

use std::{
    cell::Cell,
    hint::black_box,
    io,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
};

use anyhow::{Result, ensure};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf},
    net::TcpStream,
};

use self::tapped::{Answers, Heard, Tap, Token};
use super::{
    BATCH, PORTS,
    bare::{Bare, Filler, address},
    child::Emulator,
    queue_of,
    rate::{Bench, Work},
};
use crate::{
    compare::{Contender, compare},
    remote::runtime,
    report::{Table, Unit},
    spent::Spent,
    subject::World,
    workload::Scale,
};

#[path = "../../../crates/relayhouse-servicebus/src/link/tap/mod.rs"]
#[expect(unused_imports, reason = "the adapter uses more of it")]
#[expect(dead_code, reason = "the adapter uses more of it")]
mod tapped;

const PLAIN: &str = "read alone";
const TAPPED: &str = "read through the tap";
const TAP: &str = "tap";

/// Where a round's figures have the time for a message.
const NANOS: usize = 1;

/// The most that is read at once.
const READ_BYTES: usize = 64 * 1024;

/// Is what came in, as it came.
#[derive(Clone, Debug, Default)]
struct Tape {
    pieces: Vec<Vec<u8>>,
    /// The messages that were acked together, and how many pieces had come by then.
    acks: Vec<(usize, Vec<Token>)>,
}

impl Tape {
    /// Notes that messages were acked together after what has come so far.
    fn ack(&mut self, tokens: Vec<Token>) {
        self.acks.push((self.pieces.len(), tokens));
    }
}

/// Passes everything on, and keeps what comes in.
#[derive(Debug)]
struct Recorder {
    stream: TcpStream,
    tape: Arc<Mutex<Tape>>,
}

/// Plays a tape, piece by piece, up to where it is told.
#[derive(Debug)]
struct Player<'a> {
    pieces: &'a [Vec<u8>],
    /// How many were played.
    played: &'a Cell<usize>,
}

pub(super) fn table(world: &World, scale: Scale) -> Result<Table> {
    let messages = scale.pick(32_000, 3_200);
    let mut table = Table::new("The tap, which hears what the broker answers to settlements");
    PORTS.clone_into(&mut table.limit);
    let tape = record(messages)?;
    let bench = Bench::new(world)?;
    let contenders = vec![
        contender(PLAIN, &tape, messages, play_plain)?,
        contender(TAPPED, &tape, messages, play_tapped)?,
        bench.ports(Work::Receive, messages)?,
    ];
    let comparison = compare(scale.rounds(), contenders)?;
    let unit = Unit::Nanoseconds;
    let case = "processor time of a message that is received and acked";
    let of = |name| comparison.median(name, NANOS).unwrap_or_default();
    for name in [PLAIN, TAPPED, PORTS] {
        table.push(case, name, of(name), unit).spread = comparison.spread(name, NANOS);
    }
    let tap = of(TAPPED) - of(PLAIN);
    let line = table.push(case, TAP, tap, unit);
    line.ratio = Some(tap / of(PORTS));
    table.notes.push(format!(
        "`{TAP}` is the difference between `{TAPPED}` and `{PLAIN}`, beside all that `{PORTS}` takes: \
         following the frames, wrapping deliveries, keeping what waits to be settled, and asking for \
         every answer."
    ));
    Ok(table)
}

fn contender<'a>(
    name: &'static str,
    tape: &'a Tape,
    messages: usize,
    play: impl AsyncFn(&'a Tape) -> Result<()> + 'a,
) -> Result<Contender<'a>> {
    let runtime = runtime()?;
    Ok(Contender::new(name, move || {
        let (_, spent) = Spent::on(&runtime, play(tape))?;
        Ok(spent.figures(messages).into())
    }))
}

/// Receives and acks by the bare client, and keeps what comes in meanwhile.
fn record(messages: usize) -> Result<Tape> {
    let emulator = Emulator::start()?;
    Filler::open(&emulator)?.fill(&queue_of(super::BARE), messages, false)?;
    let tape = Arc::<Mutex<Tape>>::default();
    runtime()?.block_on(async {
        let stream = TcpStream::connect(address(&emulator)?).await?;
        let recorder = Recorder {
            stream,
            tape: Arc::clone(&tape),
        };
        let mut bare = Bare::over(recorder, &emulator).await?;
        for _ in 0..messages / BATCH {
            let taken = bare.take().await?;
            let tokens = taken
                .iter()
                .map(|it| Ok(Token::try_from(&it.delivery_tag()[..])?));
            let tokens = tokens.collect::<Result<_>>()?;
            lock(&tape).ack(tokens);
            bare.accept(taken).await?;
        }
        bare.close().await
    })?;
    let tape = lock(&tape).clone();
    Ok(tape)
}

fn lock(tape: &Mutex<Tape>) -> std::sync::MutexGuard<'_, Tape> {
    tape.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Reads everything.
async fn play_plain(tape: &Tape) -> Result<()> {
    let played = Cell::new(0);
    let mut player = Player::new(tape, &played);
    let mut buffer = Vec::with_capacity(READ_BYTES);
    while 0 < player.read_buf(&mut buffer).await? {
        black_box(&buffer).len();
        buffer.clear();
    }
    Ok(())
}

/// Reads everything through a tap, and asks for every answer as a receiver does.
async fn play_tapped(tape: &Tape) -> Result<()> {
    let answers = Answers::default();
    let played = Cell::new(0);
    let mut tap = Tap::new(Player::new(tape, &played), answers.clone());
    let mut buffer = Vec::with_capacity(READ_BYTES);
    let mut under_way = Vec::new();
    for (until, tokens) in &tape.acks {
        // What is read is not what was played: the tap holds back what is no whole frame.
        while played.get() < *until && 0 < tap.read_buf(&mut buffer).await? {
            black_box(&buffer).len();
            buffer.clear();
        }
        under_way.push(answers.ask(tokens));
    }
    while 0 < tap.read_buf(&mut buffer).await? {
        black_box(&buffer).len();
        buffer.clear();
    }
    let mut heard = Vec::new();
    for asked in under_way {
        asked.all().await;
        heard.extend(asked.heard());
    }
    let is_answer = |it: &&Heard| matches!(it, Heard::Answer(_));
    let (all, answered) = (
        heard.len(),
        black_box(&heard).iter().filter(is_answer).count(),
    );
    // The last ones may have ended with the link.
    ensure!(all < 2 * answered, "{answered} of {all} answers were seen");
    Ok(())
}

impl<'a> Player<'a> {
    fn new(tape: &'a Tape, played: &'a Cell<usize>) -> Self {
        Self {
            pieces: &tape.pieces,
            played,
        }
    }
}

impl AsyncRead for Player<'_> {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if let Some(piece) = self.pieces.get(self.played.get()) {
            buffer.put_slice(piece);
            self.played.set(self.played.get() + 1);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for Recorder {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(context, buffer);
        let piece = &buffer.filled()[before..];
        if !piece.is_empty() {
            lock(&self.tape).pieces.push(piece.to_vec());
        }
        polled
    }
}

impl AsyncWrite for Recorder {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
