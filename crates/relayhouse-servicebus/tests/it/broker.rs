//! A broker by hand, with as little of AMQP as an adapter needs, that answers as a test has it.

use std::{
    collections::{HashMap, VecDeque},
    io::Cursor,
    sync::{Arc, Mutex},
};

use fe2o3_amqp_types::{
    definitions::{Error as AmqpError, ErrorCondition, Handle, Role},
    messaging::{
        Accepted, AmqpValue, ApplicationProperties, Body, Data, DeliveryState, Header, Message,
        MessageAnnotations, Outcome, Properties, Rejected, TargetArchetype,
        annotations::OwnedKey,
        message::__private::{Deserializable, Serializable},
    },
    performatives::{Attach, Begin, Close, Detach, Disposition, End, Flow, Open, Transfer},
    primitives::{Array, OrderedMap, SimpleValue, Symbol, Timestamp, Value},
    sasl::{SaslCode, SaslMechanisms, SaslOutcome},
    transaction::{Declared, TransactionalState},
};
use serde::{Serialize, de::DeserializeOwned};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

pub(crate) const LOCK_LOST: &str = "com.microsoft:message-lock-lost";

const SESSION: &str = "com.microsoft:session-filter";

/// What stands for the address of a coordinator of transactions.
const COORDINATOR: &str = "$coordinator";

/// The end of the lock of a session, in the year 2100.
const SESSION_UNTIL: i64 = 662_380_416_000_000_000;

/// What the broker answers to a settlement.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Verdict {
    /// What it was asked for.
    Agree,
    /// The lock is gone.
    LockLost,
    /// It ends the link instead.
    Detach,
    /// It cuts the connection instead.
    Cut,
}

/// What the test has the broker do, and what it saw.
#[derive(Debug, Default)]
pub(crate) struct Script {
    pub(crate) queue: VecDeque<&'static str>,
    pub(crate) verdicts: VecDeque<Verdict>,
    /// What refuses the next message that is sent.
    pub(crate) refusal: Option<&'static str>,
    /// What the management node answers.
    pub(crate) answers: VecDeque<Answer>,
    /// What it was asked.
    pub(crate) asked: Vec<String>,
    /// The sessions that are given to those who want one.
    pub(crate) sessions: VecDeque<&'static str>,
    /// Whether a receiver must want a session.
    pub(crate) has_sessions: bool,
    pub(crate) sent: Vec<Vec<u8>>,
    /// The format of each transfer.
    pub(crate) formats: Vec<u32>,
    /// Where each sender was attached.
    pub(crate) targets: Vec<String>,
    /// How many sessions of AMQP were begun.
    pub(crate) begun: usize,
    /// Whether each transaction was committed.
    pub(crate) transactions: Vec<bool>,
    pub(crate) tokens: Vec<String>,
    pub(crate) credits: Vec<u32>,
    pub(crate) settled: Vec<DeliveryState>,
}

/// What the management node answers: the fields of a body, or why not.
pub(crate) type Answer = Result<Vec<(&'static str, Value)>, &'static str>;

/// Answers until when one lock or session holds.
pub(crate) fn until(name: &'static str, millis: i64) -> Answer {
    let time = Value::Timestamp(Timestamp::from(millis));
    let value = match name {
        "expirations" => Value::Array(Array::from(vec![time])),
        _ => time,
    };
    Ok(vec![(name, value)])
}

pub(crate) struct Broker {
    port: u16,
    pub(crate) script: Arc<Mutex<Script>>,
    task: JoinHandle<()>,
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Broker {
    pub(crate) async fn start(script: Script) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let script = Arc::new(Mutex::new(script));
        let shared = Arc::clone(&script);
        // One connection after the other: an adapter has one at a time.
        let task = tokio::spawn(async move {
            loop {
                let (socket, _) = listener.accept().await.unwrap();
                socket.set_nodelay(true).unwrap();
                let mut peer = Peer::new(socket, Arc::clone(&shared));
                // The other side may end it at any point.
                let _ = peer.run().await;
            }
        });
        Self { port, script, task }
    }

    pub(crate) fn connection_string(&self) -> String {
        let port = self.port;
        format!(
            "Endpoint=sb://127.0.0.1:{port};SharedAccessKeyName=x;SharedAccessKey=y;\
             UseDevelopmentEmulator=true;"
        )
    }
}

struct Link {
    address: String,
    is_sending: bool,
    delivery_count: u32,
}

struct Peer {
    socket: TcpStream,
    script: Arc<Mutex<Script>>,
    links: HashMap<(u16, u32), Link>,
    next_id: u32,
    token: u8,
}

type Ended = std::io::Result<bool>;

impl Peer {
    fn new(socket: TcpStream, script: Arc<Mutex<Script>>) -> Self {
        Self {
            socket,
            script,
            links: HashMap::new(),
            next_id: 0,
            token: 0,
        }
    }

    async fn run(&mut self) -> std::io::Result<()> {
        loop {
            let mut head = [0; 8];
            self.socket.read_exact(&mut head).await?;
            if head.starts_with(b"AMQP") {
                self.socket.write_all(&head).await?;
                if head[4] == 3 {
                    let mechanisms = SaslMechanisms {
                        sasl_server_mechanisms: Array::from(vec![Symbol::from("ANONYMOUS")]),
                    };
                    self.frame(1, 0, &mechanisms, &[]).await?;
                }
                continue;
            }
            let [a, b, c, d, offset, kind, high, low] = head;
            let size = u32::from_be_bytes([a, b, c, d]) as usize;
            let mut body = vec![0; size - 8];
            self.socket.read_exact(&mut body).await?;
            let body = &body[usize::from(offset) * 4 - 8..];
            if kind == 1 {
                let outcome = SaslOutcome {
                    code: SaslCode::Ok,
                    additional_data: None,
                };
                self.frame(1, 0, &outcome, &[]).await?;
            } else if !body.is_empty()
                && self.on_frame(u16::from_be_bytes([high, low]), body).await?
            {
                return Ok(());
            }
        }
    }

    async fn frame(
        &mut self,
        kind: u8,
        channel: u16,
        performative: &impl Serialize,
        payload: &[u8],
    ) -> std::io::Result<()> {
        let body = serde_amqp::to_vec(performative).unwrap();
        let size = u32::try_from(8 + body.len() + payload.len()).unwrap();
        let mut frame = size.to_be_bytes().to_vec();
        frame.extend([2, kind]);
        frame.extend(channel.to_be_bytes());
        frame.extend(body);
        frame.extend(payload);
        self.socket.write_all(&frame).await
    }

    /// Answers one frame, and returns true if the connection has ended.
    async fn on_frame(&mut self, channel: u16, body: &[u8]) -> Ended {
        match body[2] {
            0x10 => self.frame(0, channel, &opened(), &[]).await?,
            0x11 => {
                self.script.lock().unwrap().begun += 1;
                self.frame(0, channel, &begun(channel), &[]).await?;
            }
            0x12 => self.on_attach(channel, read(body).0).await?,
            0x13 => self.on_flow(channel, read(body).0).await?,
            0x14 => {
                let (transfer, payload) = read(body);
                self.on_transfer(channel, &transfer, payload).await?;
            }
            0x15 => return self.on_disposition(channel, &read(body).0).await,
            0x16 => {
                let detach: Detach = read(body).0;
                let known = self.links.remove(&(channel, detach.handle.0));
                if known.is_some() {
                    self.detach(channel, detach.handle.0, None).await?;
                }
            }
            0x17 => self.frame(0, channel, &End { error: None }, &[]).await?,
            0x18 => {
                self.frame(0, channel, &Close { error: None }, &[]).await?;
                return Ok(true);
            }
            code => panic!("frame {code:#x}"),
        }
        Ok(false)
    }

    async fn detach(
        &mut self,
        channel: u16,
        handle: u32,
        error: Option<AmqpError>,
    ) -> std::io::Result<()> {
        let detach = Detach {
            handle: Handle(handle),
            closed: true,
            error,
        };
        self.frame(0, channel, &detach, &[]).await
    }

    async fn on_attach(&mut self, channel: u16, attach: Attach) -> std::io::Result<()> {
        let is_sending = attach.role == Role::Receiver;
        let address = match (&attach.source, attach.target.as_deref()) {
            (Some(source), _) if is_sending => source.address.clone(),
            (_, Some(TargetArchetype::Target(target))) => target.address.clone(),
            _ => Some(COORDINATOR.to_owned()),
        };
        let address = address.unwrap();
        let handle = attach.handle.0;
        if !is_sending {
            self.script.lock().unwrap().targets.push(address.clone());
        }
        let (session, refusal) = self.admit(&attach, &address, is_sending);
        let is_missing = refusal.is_some();
        let mut reply = Attach {
            role: if is_sending {
                Role::Sender
            } else {
                Role::Receiver
            },
            initial_delivery_count: is_sending.then_some(0),
            max_message_size: Some(262_144),
            ..attach
        };
        if let (Some(session), Some(source)) = (session, &mut reply.source) {
            let filter = source.filter.as_mut().unwrap();
            filter.insert(Symbol::from(SESSION), Value::String(session.to_owned()));
            let mut properties = OrderedMap::new();
            let name = Symbol::from("com.microsoft:locked-until-utc");
            properties.insert(name, Value::Long(SESSION_UNTIL));
            reply.properties = Some(properties);
        }
        if is_missing {
            (reply.source, reply.target) = (None, None);
        }
        self.frame(0, channel, &reply, &[]).await?;
        if is_missing {
            return self.detach(channel, handle, refusal.map(condition)).await;
        }
        let link = Link {
            address,
            is_sending,
            delivery_count: 0,
        };
        self.links.insert((channel, handle), link);
        if is_sending {
            return Ok(());
        }
        let flow = Flow {
            handle: Some(Handle(handle)),
            delivery_count: Some(0),
            link_credit: Some(1000),
            ..flow()
        };
        self.frame(0, channel, &flow, &[]).await
    }

    /// Says which session a link gets, if it wants one, and why it is refused, if it is.
    fn admit(
        &self,
        attach: &Attach,
        address: &str,
        is_sending: bool,
    ) -> (Option<&'static str>, Option<&'static str>) {
        if address.starts_with("missing") {
            return (None, Some("amqp:not-found"));
        }
        if !is_sending || address.contains('$') {
            return (None, None);
        }
        let filter = attach.source.as_ref().and_then(|it| it.filter.as_ref());
        let wants = filter.is_some_and(|it| it.contains_key(&Symbol::from(SESSION)));
        let mut script = self.script.lock().unwrap();
        match (wants, script.has_sessions) {
            (false, true) => (None, Some("amqp:not-allowed")),
            (false, false) => (None, None),
            (true, _) => match script.sessions.pop_front() {
                Some("held") => (None, Some("com.microsoft:session-cannot-be-locked")),
                Some(session) => (Some(session), None),
                None => (None, Some("com.microsoft:timeout")),
            },
        }
    }

    async fn on_flow(&mut self, channel: u16, flow: Flow) -> std::io::Result<()> {
        let (Some(handle), Some(credit)) = (flow.handle, flow.link_credit) else {
            return Ok(());
        };
        let Some(link) = self.links.get(&(channel, handle.0)) else {
            return Ok(());
        };
        if !link.is_sending
            || link.address.starts_with('$')
            || link.address.contains("/$management")
        {
            return Ok(());
        }
        if !flow.drain {
            self.script.lock().unwrap().credits.push(credit);
        }
        let before = link.delivery_count;
        for _ in 0..credit {
            let Some(body) = self.script.lock().unwrap().queue.pop_front() else {
                break;
            };
            self.token += 1;
            let tag = vec![self.token; 16];
            self.transfer(channel, handle.0, tag, false, &delivery(body, self.token))
                .await?;
        }
        if flow.drain {
            return self.drained(channel, handle, before + credit).await;
        }
        Ok(())
    }

    async fn drained(&mut self, channel: u16, handle: Handle, count: u32) -> std::io::Result<()> {
        let Some(link) = self.links.get_mut(&(channel, handle.0)) else {
            return Ok(());
        };
        link.delivery_count = count;
        let drained = Flow {
            handle: Some(handle),
            delivery_count: Some(count),
            link_credit: Some(0),
            drain: true,
            ..flow()
        };
        self.frame(0, channel, &drained, &[]).await
    }

    async fn transfer(
        &mut self,
        channel: u16,
        handle: u32,
        tag: Vec<u8>,
        settled: bool,
        payload: &[u8],
    ) -> std::io::Result<()> {
        let transfer = Transfer {
            handle: Handle(handle),
            delivery_id: Some(self.next_id),
            delivery_tag: Some(tag.into()),
            message_format: Some(0),
            settled: Some(settled),
            more: false,
            rcv_settle_mode: None,
            state: None,
            resume: false,
            aborted: false,
            batchable: false,
        };
        self.next_id += 1;
        if let Some(link) = self.links.get_mut(&(channel, handle)) {
            link.delivery_count += 1;
        }
        self.frame(0, channel, &transfer, payload).await
    }

    async fn on_transfer(
        &mut self,
        channel: u16,
        transfer: &Transfer,
        payload: &[u8],
    ) -> std::io::Result<()> {
        let address = self.links[&(channel, transfer.handle.0)].address.clone();
        let id = transfer.delivery_id.unwrap();
        if address == COORDINATOR {
            let state = self.on_control(payload);
            return self.settle(channel, Role::Receiver, id, state).await;
        }
        let is_node = address.starts_with('$') || address.contains("/$management");
        let refusal = self.script.lock().unwrap().refusal.take_if(|_| !is_node);
        let state = match refusal {
            Some(name) => DeliveryState::Rejected(Rejected {
                error: Some(condition(name)),
            }),
            None => match &transfer.state {
                Some(DeliveryState::TransactionalState(part)) => {
                    DeliveryState::TransactionalState(TransactionalState {
                        outcome: Some(Outcome::Accepted(Accepted {})),
                        ..part.clone()
                    })
                }
                _ => DeliveryState::Accepted(Accepted {}),
            },
        };
        self.settle(channel, Role::Receiver, id, state).await?;
        if !is_node {
            let mut script = self.script.lock().unwrap();
            script.sent.push(payload.to_vec());
            script.formats.push(transfer.message_format.unwrap());
            return Ok(());
        }
        let answer = self.answer(&address, payload);
        let (_, handle) = *self
            .links
            .iter()
            .find(|((on, _), link)| *on == channel && link.is_sending)
            .unwrap()
            .0;
        self.transfer(channel, handle, vec![0], true, &answer).await
    }

    /// Begins a transaction, or ends one.
    fn on_control(&mut self, payload: &[u8]) -> DeliveryState {
        let message: Deserializable<Message<Body<Value>>> =
            serde_amqp::from_slice(payload).unwrap();
        let Body::Value(AmqpValue(Value::Described(control))) = message.0.body else {
            panic!("no control");
        };
        let Value::List(fields) = &control.value else {
            panic!("{control:?}");
        };
        match fields.get(1) {
            Some(Value::Bool(is_rollback)) => {
                let mut script = self.script.lock().unwrap();
                script.transactions.push(!is_rollback);
                DeliveryState::Accepted(Accepted {})
            }
            _ => DeliveryState::Declared(Declared {
                txn_id: vec![7].into(),
            }),
        }
    }

    fn answer(&mut self, address: &str, payload: &[u8]) -> Vec<u8> {
        let question: Deserializable<Message<Body<Value>>> =
            serde_amqp::from_slice(payload).unwrap();
        let mut script = self.script.lock().unwrap();
        let mut body = OrderedMap::new();
        let mut more = vec![];
        if address == "$cbs" {
            let Body::Value(AmqpValue(Value::String(token))) = question.0.body else {
                panic!("no token");
            };
            script.tokens.push(token);
            more.push(("status-code", SimpleValue::Int(202)));
        } else {
            let properties = question.0.application_properties.unwrap();
            if let Some(SimpleValue::String(operation)) = properties.0.get("operation") {
                script.asked.push(operation.clone());
            }
            match script.answers.pop_front().unwrap() {
                Ok(fields) => {
                    for (name, value) in fields {
                        body.insert(Value::String(name.to_owned()), value);
                    }
                    more.push(("statusCode", SimpleValue::Int(200)));
                }
                Err(name) => {
                    more.push(("statusCode", SimpleValue::Int(410)));
                    more.push(("errorCondition", SimpleValue::Symbol(Symbol::from(name))));
                }
            }
        }
        let more = more
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value));
        let message = Message::builder()
            .properties(Properties {
                correlation_id: question.0.properties.unwrap().message_id,
                ..Properties::default()
            })
            .application_properties(ApplicationProperties(more.collect()))
            .body(AmqpValue(Value::Map(body)))
            .build();
        serde_amqp::to_vec(&Serializable(message)).unwrap()
    }

    async fn on_disposition(&mut self, channel: u16, disposition: &Disposition) -> Ended {
        if disposition.role == Role::Sender || disposition.settled {
            return Ok(false);
        }
        let asked = disposition.state.clone().unwrap();
        for id in disposition.first..=disposition.last.unwrap_or(disposition.first) {
            let verdict = {
                let mut script = self.script.lock().unwrap();
                script.settled.push(asked.clone());
                script.verdicts.pop_front().unwrap_or(Verdict::Agree)
            };
            let state = match (verdict, &asked) {
                // A rejection is confirmed bare.
                (Verdict::Agree, DeliveryState::Rejected(_)) => {
                    DeliveryState::Rejected(Rejected { error: None })
                }
                (Verdict::Agree, asked) => asked.clone(),
                (Verdict::LockLost, _) => DeliveryState::Rejected(Rejected {
                    error: Some(condition(LOCK_LOST)),
                }),
                (Verdict::Detach, _) => {
                    let forced = condition("amqp:link:detach-forced");
                    let key = *self.links.keys().find(|(on, _)| *on == channel).unwrap();
                    self.links.remove(&key);
                    self.detach(channel, key.1, Some(forced)).await?;
                    return Ok(false);
                }
                (Verdict::Cut, _) => return Ok(true),
            };
            self.settle(channel, Role::Sender, id, state).await?;
        }
        Ok(false)
    }

    async fn settle(
        &mut self,
        channel: u16,
        role: Role,
        id: u32,
        state: DeliveryState,
    ) -> std::io::Result<()> {
        let disposition = Disposition {
            role,
            first: id,
            last: None,
            settled: true,
            state: Some(state),
            batchable: false,
        };
        self.frame(0, channel, &disposition, &[]).await
    }
}

/// Reads a performative, and returns what stands behind it.
fn read<T: DeserializeOwned>(body: &[u8]) -> (T, &[u8]) {
    let mut cursor = Cursor::new(body);
    let performative = serde_amqp::from_reader(&mut cursor).unwrap();
    let end = usize::try_from(cursor.position()).unwrap();
    (performative, &body[end..])
}

fn condition(name: &str) -> AmqpError {
    let condition: ErrorCondition =
        serde_amqp::from_value(Value::Symbol(Symbol::from(name))).unwrap();
    AmqpError::new(condition, None, None)
}

fn opened() -> Open {
    Open {
        container_id: "broker".to_owned(),
        hostname: None,
        max_frame_size: 65_536.into(),
        channel_max: 255.into(),
        idle_time_out: None,
        outgoing_locales: None,
        incoming_locales: None,
        offered_capabilities: None,
        desired_capabilities: None,
        properties: None,
    }
}

fn begun(channel: u16) -> Begin {
    Begin {
        remote_channel: Some(channel),
        next_outgoing_id: 0,
        incoming_window: 5000,
        outgoing_window: 5000,
        handle_max: Handle(255),
        offered_capabilities: None,
        desired_capabilities: None,
        properties: None,
    }
}

fn flow() -> Flow {
    Flow {
        next_incoming_id: Some(0),
        incoming_window: 5000,
        next_outgoing_id: 0,
        outgoing_window: 5000,
        handle: None,
        delivery_count: None,
        link_credit: None,
        available: None,
        drain: false,
        echo: false,
        properties: None,
    }
}

fn delivery(body: &'static str, sequence: u8) -> Vec<u8> {
    let mut annotations = OrderedMap::new();
    let number = Value::Long(i64::from(sequence));
    annotations.insert(OwnedKey::from("x-opt-sequence-number"), number);
    let message = Message::builder()
        .header(Header::default())
        .message_annotations(MessageAnnotations(annotations))
        .body(Data(body.as_bytes().to_vec().into()))
        .build();
    serde_amqp::to_vec(&Serializable(message)).unwrap()
}
