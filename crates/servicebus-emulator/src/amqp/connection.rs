//! One connection, from its first byte to its last.

use std::{
    collections::{BTreeMap, HashMap},
    mem,
    time::{Duration, SystemTime},
};

use bytes::{Bytes, BytesMut};
use fe2o3_amqp_types::{
    definitions::{AmqpError, ConnectionError, Error},
    performatives::{Attach, Begin, ChannelMax, Close, MaxFrameSize, Open, Performative},
};

use super::{
    error::{Failure, Result, Scope, error},
    event::{Event, LinkId},
    frame::{self, Frame, Protocol},
    limits::Limits,
    output::Output,
    performative, sasl,
    session::Session,
    state::State,
};

/// What we are called.
const CONTAINER: &str = "servicebus-emulator";
/// How long a client has to answer a `close`.
const CLOSE_WITHIN: Duration = Duration::from_secs(5);
/// The shortest silence that a client may allow us.
const IDLE_TIME_OUT_MIN: Duration = Duration::from_millis(100);

pub(super) type Sessions = BTreeMap<u16, Session>;
pub(super) type Links = HashMap<LinkId, (u16, u32)>;

/// The server's side of one connection.
#[derive(Debug)]
pub struct Connection {
    pub(super) limits: Limits,
    pub(super) state: State,
    input: BytesMut,
    pub(super) output: Output,
    pub(super) sessions: Sessions,
    /// Where each link is that is not detached.
    pub(super) links: Links,
    next_link: u64,
    /// Something was not sent since too much waits to be written.
    pub(super) is_throttled: bool,
    heartbeat_every: Option<Duration>,
    heard_at: SystemTime,
    spoke_at: SystemTime,
}

impl Connection {
    /// Makes a connection of which nothing was read.
    #[must_use]
    pub fn new(limits: Limits, now: SystemTime) -> Self {
        Self {
            limits,
            state: State::Header,
            input: BytesMut::new(),
            output: Output::new(),
            sessions: Sessions::new(),
            links: Links::new(),
            next_link: 0,
            is_throttled: false,
            heartbeat_every: None,
            heard_at: now,
            spoke_at: now,
        }
    }

    /// Takes what was read.
    pub fn receive(&mut self, now: SystemTime, bytes: &[u8]) {
        if self.state == State::Over {
            return;
        }
        self.heard_at = now;
        self.input.extend_from_slice(bytes);
        self.read();
    }

    /// Returns what is to be acted on next.
    pub fn next_event(&mut self) -> Option<Event> {
        self.output.events.pop_front()
    }

    /// Takes what is to be written.
    pub fn take_output(&mut self, now: SystemTime) -> Bytes {
        for session in self.sessions.values_mut() {
            session.flush(&mut self.output);
        }
        if !self.output.bytes.is_empty() {
            self.spoke_at = now;
        }
        if mem::take(&mut self.is_throttled) {
            for session in self.sessions.values() {
                session.tell_credit(&mut self.output);
            }
        }
        self.output.bytes.split().freeze()
    }

    /// Returns how many bytes wait to be written; no more is to be read while they are too many.
    #[must_use]
    pub fn output_bytes(&self) -> usize {
        self.output.bytes.len()
    }

    /// Returns when [`wake`](Self::wake) is to be called.
    #[must_use]
    pub fn due(&self) -> Option<SystemTime> {
        match self.state {
            State::Over => None,
            State::Closing => Some(self.heard_at + CLOSE_WITHIN),
            _ => {
                let silence = self.heard_at + self.limits.idle_time_out;
                let heartbeat = self.heartbeat_every.map(|every| self.spoke_at + every);
                Some(heartbeat.map_or(silence, |heartbeat| heartbeat.min(silence)))
            }
        }
    }

    /// Does what is due: says that we are alive, or ends a connection that has gone silent.
    pub fn wake(&mut self, now: SystemTime) {
        match self.state {
            State::Closing if self.heard_at + CLOSE_WITHIN <= now => self.state = State::Over,
            State::Over | State::Closing => {}
            _ if self.heard_at + self.limits.idle_time_out <= now => {
                let silence = self.limits.idle_time_out.as_millis();
                let description = format!("nothing was heard for {silence} ms");
                let is_open = self.state == State::Running;
                if is_open {
                    let error = error(AmqpError::ResourceLimitExceeded, description);
                    self.write_close(Some(error));
                }
                self.state = State::Over;
            }
            _ => self.beat(now),
        }
    }

    /// Returns whether there is nothing more to be read; what is still to be written may be.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.state == State::Over
    }

    fn beat(&mut self, now: SystemTime) {
        let is_due = self
            .heartbeat_every
            .is_some_and(|every| self.spoke_at + every <= now);
        if is_due && self.state == State::Running {
            self.output.bytes.extend_from_slice(&frame::HEARTBEAT);
            self.spoke_at = now;
        }
    }

    /// Reads all that is there in whole, unless the owner is to decide first.
    pub(super) fn read(&mut self) {
        loop {
            let read = match self.state {
                State::Header | State::SecondHeader => self.read_header(),
                State::SaslInit => self.read_frame(Protocol::Sasl),
                State::Open | State::Running | State::Closing => self.read_frame(Protocol::Amqp),
                State::Deciding => break,
                State::Over => {
                    self.input.clear();
                    break;
                }
            };
            match read {
                Ok(true) => {}
                Ok(false) => break,
                Err(failure) => self.fail(failure),
            }
        }
    }

    fn read_header(&mut self) -> Result<bool> {
        let Some(header) = frame::take_header(&mut self.input) else {
            return Ok(false);
        };
        let is_first = self.state == State::Header;
        match Protocol::of(header) {
            Some(Protocol::Amqp) => {
                self.output.bytes.extend_from_slice(&header);
                self.state = State::Open;
            }
            Some(Protocol::Sasl) if is_first => {
                self.output.bytes.extend_from_slice(&header);
                sasl::put_mechanisms(&mut self.output.bytes);
                self.state = State::SaslInit;
            }
            _ => {
                // Who speaks something else is told what is spoken here.
                let header = Protocol::Sasl.header();
                self.output.bytes.extend_from_slice(&header);
                self.state = State::Over;
            }
        }
        Ok(true)
    }

    fn read_frame(&mut self, protocol: Protocol) -> Result<bool> {
        let max = self.limits.frame_bytes_max;
        let Some(frame) = frame::take(&mut self.input, protocol, max)? else {
            return Ok(false);
        };
        if frame.body.is_empty() {
            return Ok(true);
        }
        if protocol == Protocol::Sasl {
            let login = sasl::login(&frame.body)?;
            self.output.event(Event::Login(login));
            self.state = State::Deciding;
            return Ok(true);
        }
        let Frame { channel, mut body } = frame;
        let (performative, count) = performative::first(&body)?;
        let payload = body.split_off(count);
        match (self.state, performative) {
            (State::Open, Performative::Open(open)) => self.on_open(open)?,
            (State::Open, _) => {
                let description = "a connection begins with open";
                return Err(Failure::of_connection(AmqpError::IllegalState, description));
            }
            (_, Performative::Close(close)) => self.on_close(close),
            (State::Closing, _) => {}
            (_, performative) => {
                if let Err(failure) = self.on_performative(channel, performative, &body, &payload) {
                    self.fail_on(channel, failure);
                }
            }
        }
        Ok(true)
    }

    fn on_open(&mut self, open: Open) -> Result<()> {
        if open.max_frame_size.0 < frame::FRAME_BYTES_MIN {
            let description = format!("max-frame-size is below {}", frame::FRAME_BYTES_MIN);
            return Err(Failure::of_connection(AmqpError::InvalidField, description));
        }
        let time_out = open.idle_time_out.filter(|&time_out| time_out != 0);
        let time_out = time_out.map(|it| Duration::from_millis(u64::from(it)));
        if time_out.is_some_and(|time_out| time_out < IDLE_TIME_OUT_MIN) {
            let min = IDLE_TIME_OUT_MIN.as_millis();
            let description = format!("idle-time-out is below {min} ms");
            return Err(Failure::of_connection(AmqpError::NotAllowed, description));
        }
        let frame_bytes_max = open.max_frame_size.0.min(self.limits.frame_bytes_max);
        self.output.frame_bytes_max = usize::try_from(frame_bytes_max).unwrap_or(usize::MAX);
        self.heartbeat_every = time_out.map(|time_out| time_out / 2);
        self.write_open();
        self.state = State::Running;
        self.output.event(Event::Opened {
            container: open.container_id,
            hostname: open.hostname,
        });
        Ok(())
    }

    fn write_open(&mut self) {
        // Half of what we bear, since what comes at the last moment may come late.
        let time_out = self.limits.idle_time_out.as_millis() / 2;
        let open = Open {
            container_id: CONTAINER.to_owned(),
            hostname: None,
            max_frame_size: MaxFrameSize(self.limits.frame_bytes_max),
            channel_max: ChannelMax(self.limits.channel_max),
            idle_time_out: Some(u32::try_from(time_out).unwrap_or(u32::MAX)),
            outgoing_locales: None,
            incoming_locales: None,
            offered_capabilities: None,
            desired_capabilities: None,
            properties: None,
        };
        self.output.frame(0, &Performative::Open(open));
    }

    fn on_close(&mut self, close: Close) {
        if self.state != State::Closing {
            self.flush();
            self.output
                .frame(0, &Performative::Close(Close { error: None }));
            self.output.event(Event::Closed {
                error: close.error.map(Box::new),
            });
        }
        self.state = State::Over;
        self.forget();
    }

    fn on_performative(
        &mut self,
        channel: u16,
        performative: Performative,
        encoded: &Bytes,
        payload: &Bytes,
    ) -> Result<()> {
        if let Performative::Begin(begin) = performative {
            return self.on_begin(channel, &begin);
        }
        let Some(session) = self.sessions.get_mut(&channel) else {
            let description = format!("channel {channel} has no session");
            return Err(Failure::of_connection(AmqpError::NotAllowed, description));
        };
        if let Performative::End(_) = performative {
            self.on_end(channel);
            return Ok(());
        }
        if session.is_ending {
            return Ok(());
        }
        let output = &mut self.output;
        match performative {
            Performative::Attach(attach) => self.on_attach(channel, attach),
            Performative::Flow(flow) => session.on_flow(&flow, output),
            Performative::Transfer(transfer) => {
                session.on_transfer(transfer, payload, &self.limits, output)
            }
            Performative::Disposition(disposition) => {
                session.on_disposition(&disposition, encoded, output);
                Ok(())
            }
            Performative::Detach(detach) => {
                if let Some(link) = session.peer_detaches(detach, output)? {
                    self.links.remove(&link);
                }
                Ok(())
            }
            Performative::Open(_)
            | Performative::Begin(_)
            | Performative::End(_)
            | Performative::Close(_) => {
                let description = "a connection is opened once";
                Err(Failure::of_connection(AmqpError::IllegalState, description))
            }
        }
    }

    fn on_begin(&mut self, channel: u16, begin: &Begin) -> Result<()> {
        if self.limits.channel_max < channel {
            let description = format!("channel {channel} is above {}", self.limits.channel_max);
            return Err(Failure::of_connection(
                ConnectionError::FramingError,
                description,
            ));
        }
        if begin.remote_channel.is_some() || self.sessions.contains_key(&channel) {
            let description = format!("channel {channel} cannot begin a session");
            return Err(Failure::of_connection(AmqpError::NotAllowed, description));
        }
        let session = Session::begin(channel, begin, &self.limits, &mut self.output);
        self.sessions.insert(channel, session);
        Ok(())
    }

    fn on_end(&mut self, channel: u16) {
        let Some(mut session) = self.sessions.remove(&channel) else {
            return;
        };
        session.flush(&mut self.output);
        if !session.is_ending {
            session.write_end(None, &mut self.output);
        }
        self.detached(&mut session);
    }

    fn on_attach(&mut self, channel: u16, attach: Attach) -> Result<()> {
        if self.limits.links_max <= self.links.len() {
            let description = format!("there are {} links", self.links.len());
            return Err(Failure::of_session(
                AmqpError::ResourceLimitExceeded,
                description,
            ));
        }
        let id = LinkId(self.next_link);
        if let Some(session) = self.sessions.get_mut(&channel) {
            let handle = session.attach(id, attach, &self.limits, &mut self.output)?;
            self.links.insert(id, (channel, handle));
            self.next_link += 1;
        }
        Ok(())
    }

    /// Takes down what a failure on a channel reaches.
    fn fail_on(&mut self, channel: u16, failure: Failure) {
        let Failure { scope, error } = failure;
        match scope {
            Scope::Connection => self.write_close(Some(*error)),
            Scope::Session => self.end(channel, *error),
            Scope::Link(handle) => {
                let Some(session) = self.sessions.get_mut(&channel) else {
                    return;
                };
                let link = session.links.get(&handle).map(|link| link.id);
                session.detach(handle, Some(*error), &mut self.output);
                if let Some(link) = link.filter(|link| self.links.remove(link).is_some()) {
                    self.output.event(Event::Detached { link, error: None });
                }
            }
        }
    }

    fn end(&mut self, channel: u16, error: Error) {
        let Some(mut session) = self.sessions.remove(&channel) else {
            return;
        };
        session.write_end(Some(error), &mut self.output);
        session.is_ending = true;
        self.detached(&mut session);
        self.sessions.insert(channel, session);
    }

    fn detached(&mut self, session: &mut Session) {
        for link in session.forget_all(&mut self.output) {
            if self.links.remove(&link).is_some() {
                self.output.event(Event::Detached { link, error: None });
            }
        }
    }

    /// Ends what cannot go on. Before it is open, there is nobody to tell but by an `open`.
    fn fail(&mut self, failure: Failure) {
        let is_unreadable = failure.error.condition == ConnectionError::FramingError.into();
        match self.state {
            State::Running => self.write_close(Some(*failure.error)),
            State::Open => {
                self.write_open();
                self.write_close(Some(*failure.error));
            }
            State::SaslInit => {
                sasl::put_outcome(&mut self.output.bytes, false);
                self.state = State::Over;
            }
            _ => self.state = State::Over,
        }
        if is_unreadable {
            // Where the next frame begins is anybody's guess.
            self.state = State::Over;
        }
    }

    pub(super) fn write_close(&mut self, error: Option<Error>) {
        self.flush();
        self.output.frame(0, &Performative::Close(Close { error }));
        self.state = State::Closing;
        self.output.event(Event::Closed { error: None });
        self.forget();
    }

    fn flush(&mut self) {
        for session in self.sessions.values_mut() {
            session.flush(&mut self.output);
        }
    }

    fn forget(&mut self) {
        self.sessions.clear();
        self.links.clear();
        self.output.unfinished_bytes = 0;
    }
}
