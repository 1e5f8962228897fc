//! The broker's side of one connection: frames that come, and frames that go.

use std::{
    collections::HashMap,
    io::{Cursor, Result},
    sync::{Arc, Mutex},
};

use fe2o3_amqp_types::{
    definitions::{Error as AmqpError, Handle, Role},
    messaging::DeliveryState,
    performatives::{Close, Detach, Disposition, End, Transfer},
    primitives::{Array, Symbol},
    sasl::{SaslCode, SaslMechanisms, SaslOutcome},
};
use serde::{Serialize, de::DeserializeOwned};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::{
    Script,
    made::{begun, opened},
};

pub(super) struct Link {
    pub(super) address: String,
    pub(super) is_sending: bool,
    pub(super) delivery_count: u32,
}

pub(super) struct Peer {
    socket: TcpStream,
    pub(super) script: Arc<Mutex<Script>>,
    pub(super) links: HashMap<(u16, u32), Link>,
    next_id: u32,
    pub(super) token: u8,
}

impl Peer {
    pub(super) fn new(socket: TcpStream, script: Arc<Mutex<Script>>) -> Self {
        Self {
            socket,
            script,
            links: HashMap::new(),
            next_id: 0,
            token: 0,
        }
    }

    pub(super) async fn run(&mut self) -> Result<()> {
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

    pub(super) async fn frame(
        &mut self,
        kind: u8,
        channel: u16,
        performative: &impl Serialize,
        payload: &[u8],
    ) -> Result<()> {
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
    async fn on_frame(&mut self, channel: u16, body: &[u8]) -> Result<bool> {
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

    pub(super) async fn detach(
        &mut self,
        channel: u16,
        handle: u32,
        error: Option<AmqpError>,
    ) -> Result<()> {
        let detach = Detach {
            handle: Handle(handle),
            closed: true,
            error,
        };
        self.frame(0, channel, &detach, &[]).await
    }

    pub(super) async fn transfer(
        &mut self,
        channel: u16,
        handle: u32,
        tag: Vec<u8>,
        settled: bool,
        payload: &[u8],
    ) -> Result<()> {
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

    pub(super) async fn settle(
        &mut self,
        channel: u16,
        role: Role,
        id: u32,
        state: DeliveryState,
    ) -> Result<()> {
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
