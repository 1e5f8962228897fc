//! Messages from the peer, put together from their frames.

use bytes::{Bytes, BytesMut};
use fe2o3_amqp_types::{
    definitions::{AmqpError, LinkError, Role, SessionError},
    messaging::{DeliveryState, Rejected},
    performatives::Transfer,
    transaction::{Declare, Discharge},
};
use serde_amqp::from_slice;

use super::{
    check::{Malformed, value_bytes},
    error::{Failure, Result, error},
    event::{Delivered, DeliveryId, Event, LinkId},
    limits::Limits,
    link::{Link, LinkState, Partial},
    output::Output,
    session::Session,
};

/// What a value with a descriptor begins with.
const DESCRIBED: u8 = 0x00;

impl Session {
    /// Takes one frame of a message.
    pub(super) fn on_transfer(
        &mut self,
        transfer: Transfer,
        payload: &Bytes,
        limits: &Limits,
        output: &mut Output,
    ) -> Result<()> {
        let Some(window) = self.window.checked_sub(1) else {
            let description = "a transfer came when the window was closed";
            return Err(Failure::of_session(
                SessionError::WindowViolation,
                description,
            ));
        };
        self.window = window;
        self.next_incoming_id = self.next_incoming_id.wrapping_add(1);
        let handle = transfer.handle.0;
        let link = self.link_mut(handle)?;
        if link.state != LinkState::Detaching
            && let Some(partial) = link.on_transfer(transfer, payload, limits, output)?
        {
            if partial.is_oversized {
                self.reject_oversized(handle, &partial, output)?;
            } else {
                link.deliver(partial, output)?;
            }
        }
        if self.window <= self.window_max / 2 {
            self.write_flow(None, output);
        }
        self.top_up(handle, limits.credit, output);
        Ok(())
    }

    /// Refuses a message that is too large; a client that wants no answer loses its link.
    fn reject_oversized(
        &mut self,
        handle: u32,
        partial: &Partial,
        output: &mut Output,
    ) -> Result<()> {
        let max = self.link_mut(handle)?.message_bytes_max.unwrap_or(u64::MAX);
        let description = format!("the message is larger than {max} bytes");
        let condition = LinkError::MessageSizeExceeded;
        if partial.is_settled {
            return Err(Failure::of_link(handle, condition, description));
        }
        let error = Some(error(condition, description));
        let state = DeliveryState::Rejected(Rejected { error });
        self.answer(handle, partial.delivery, state, output);
        Ok(())
    }
}

impl Link {
    /// Adds a frame to the delivery that it is of, and returns it if it is whole.
    fn on_transfer(
        &mut self,
        transfer: Transfer,
        payload: &Bytes,
        limits: &Limits,
        output: &mut Output,
    ) -> Result<Option<Partial>> {
        if self.role != Role::Receiver || self.state != LinkState::Attached {
            let description = "a transfer came on a link that takes none";
            return Err(self.failure(AmqpError::NotAllowed, description));
        }
        let (more, aborted) = (transfer.more, transfer.aborted);
        let mut partial = match self.partial.take() {
            Some(partial) => partial,
            None => self.start(&transfer)?,
        };
        output.unfinished_bytes -= partial.payload.len();
        if aborted {
            return Ok(None);
        }
        partial.is_settled |= transfer.settled.unwrap_or(false);
        partial.state = transfer.state.or(partial.state);
        let bytes = partial.payload.len() + payload.len();
        if partial.is_oversized || self.message_bytes_max.is_some_and(|max| max < bytes as u64) {
            partial.is_oversized = true;
            partial.payload = BytesMut::new();
            return self.keep(partial, more, limits, output);
        }
        partial.payload.extend_from_slice(payload);
        self.keep(partial, more, limits, output)
    }

    /// Keeps a delivery until it is whole, within the bound for all of them.
    fn keep(
        &mut self,
        partial: Partial,
        more: bool,
        limits: &Limits,
        output: &mut Output,
    ) -> Result<Option<Partial>> {
        if !more {
            return Ok(Some(partial));
        }
        let bytes = partial.payload.len();
        if limits.unfinished_bytes_max < output.unfinished_bytes + bytes {
            let max = limits.unfinished_bytes_max;
            let description = format!("messages that are not whole hold more than {max} bytes");
            return Err(self.failure(AmqpError::ResourceLimitExceeded, description));
        }
        output.unfinished_bytes += bytes;
        self.partial = Some(partial);
        Ok(None)
    }

    fn start(&mut self, transfer: &Transfer) -> Result<Partial> {
        if self.credit == 0 {
            let description = "a message came for which there was no credit";
            return Err(self.failure(LinkError::TransferLimitExceeded, description));
        }
        let Some(delivery) = transfer.delivery_id else {
            let description = "the first transfer of a message has no delivery-id";
            return Err(self.failure(AmqpError::InvalidField, description));
        };
        let tag = transfer.delivery_tag.clone().unwrap_or_default().into_vec();
        self.begin_delivery();
        Ok(Partial {
            delivery: DeliveryId(u64::from(delivery)),
            tag,
            format: transfer.message_format.unwrap_or(0),
            is_settled: false,
            state: None,
            payload: BytesMut::new(),
            is_oversized: false,
        })
    }

    fn deliver(&mut self, partial: Partial, output: &mut Output) -> Result<()> {
        if !partial.is_settled {
            self.unanswered += 1;
        }
        let event = if self.is_coordinator {
            control(self.id, &partial)
                .map_err(|description| self.failure(AmqpError::DecodeError, description))?
        } else {
            Event::Delivered(Box::new(Delivered {
                link: self.id,
                delivery: partial.delivery,
                tag: Bytes::from(partial.tag),
                format: partial.format,
                is_settled: partial.is_settled,
                state: partial.state,
                payload: partial.payload.freeze(),
            }))
        };
        output.event(event);
        Ok(())
    }

    fn failure(
        &self,
        condition: impl Into<fe2o3_amqp_types::definitions::ErrorCondition>,
        description: impl Into<String>,
    ) -> Failure {
        Failure::of_link(self.handle, condition, description)
    }
}

/// Reads what a client tells the coordinator of transactions: the value that is a message's body.
fn control(link: LinkId, partial: &Partial) -> std::result::Result<Event, String> {
    let delivery = partial.delivery;
    let body = body(&partial.payload).map_err(|malformed| malformed.to_string())?;
    if let Ok(discharge) = from_slice::<Discharge>(body) {
        return Ok(Event::Discharge {
            link,
            delivery,
            transaction: Bytes::from(discharge.txn_id.into_vec()),
            is_rollback: discharge.fail.unwrap_or(false),
        });
    }
    if from_slice::<Declare>(body).is_ok() {
        return Ok(Event::Declare { link, delivery });
    }
    Err("a coordinator takes declare and discharge alone".to_owned())
}

/// Finds the value in a message that is described itself, as no other section's value is.
fn body(message: &[u8]) -> std::result::Result<&[u8], Malformed> {
    let mut rest = message;
    while let Some(&first) = rest.first() {
        let count = value_bytes(rest)?;
        if first == DESCRIBED {
            let descriptor = value_bytes(&rest[1..])?;
            let value = &rest[1 + descriptor..count];
            if value.first() == Some(&DESCRIBED) {
                return Ok(value);
            }
        }
        rest = &rest[count..];
    }
    Ok(&[])
}
