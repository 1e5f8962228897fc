//! Who a client says it is.

use bytes::{Bytes, BytesMut};
use fe2o3_amqp_types::{
    definitions::AmqpError,
    sasl::{SaslCode, SaslInit, SaslMechanisms, SaslOutcome},
};
use serde_amqp::primitives::{Array, Symbol};

use super::{
    error::{Failure, Result},
    event::Login,
    frame::{self, Protocol},
    performative,
};

const ANONYMOUS: &str = "ANONYMOUS";
const EXTERNAL: &str = "EXTERNAL";
const MSSBCBS: &str = "MSSBCBS";
const PLAIN: &str = "PLAIN";
/// In the order of the service.
const MECHANISMS: [&str; 4] = [MSSBCBS, PLAIN, ANONYMOUS, EXTERNAL];

pub(super) fn put_mechanisms(output: &mut BytesMut) {
    let mechanisms = MECHANISMS.into_iter().map(Symbol::from).collect::<Vec<_>>();
    let offer = SaslMechanisms {
        sasl_server_mechanisms: Array::from(mechanisms),
    };
    put(output, || offer.clone());
}

pub(super) fn put_outcome(output: &mut BytesMut, is_known: bool) {
    put(output, || SaslOutcome {
        code: if is_known {
            SaslCode::Ok
        } else {
            SaslCode::Auth
        },
        additional_data: None,
    });
}

fn put<P: serde::Serialize>(output: &mut BytesMut, mut body: impl FnMut() -> P) {
    let place = (Protocol::Sasl, 0);
    let bytes_max = usize::try_from(frame::FRAME_BYTES_MIN).unwrap_or(usize::MAX);
    frame::put(output, place, bytes_max, |_| body(), &[]);
}

/// Reads who a client says it is.
pub(super) fn login(body: &Bytes) -> Result<Login> {
    let (init, _) = performative::first::<SaslInit>(body)?;
    let response = init.initial_response.map(serde_bytes::ByteBuf::into_vec);
    match init.mechanism.as_str() {
        ANONYMOUS | EXTERNAL | MSSBCBS => Ok(Login::Anonymous),
        PLAIN => plain(&response.unwrap_or_default()).ok_or_else(|| {
            let description = "the response of PLAIN is not two zeros with name and password";
            Failure::of_connection(AmqpError::DecodeError, description)
        }),
        mechanism => {
            let description = format!("there is no mechanism {mechanism}");
            Err(Failure::of_connection(
                AmqpError::NotImplemented,
                description,
            ))
        }
    }
}

fn plain(response: &[u8]) -> Option<Login> {
    let mut parts = response.split(|&byte| byte == 0);
    let (_, user, password) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() {
        return None;
    }
    Some(Login::Plain {
        user: String::from_utf8(user.to_vec()).ok()?,
        password: String::from_utf8(password.to_vec()).ok()?,
    })
}
