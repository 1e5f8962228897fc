//! What the tag covers beside the text: the head, the purpose, and what must not change.

use relayhouse_core::{Details, HeaderValue, MessageId};

/// Writes what is bound, so that no two different messages give the same bytes: each part has its
/// length before it, or says that it is absent.
pub(super) fn bound(
    head: &[u8],
    purpose: &str,
    id: Option<&MessageId>,
    details: &Details,
    names: &[&str],
) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(head.len() + 256);
    put(&mut bytes, Some(head));
    put(&mut bytes, Some(purpose.as_bytes()));
    match id {
        Some(id) => put(&mut bytes, Some(id.to_string().as_bytes())),
        None => put(&mut bytes, None),
    }
    let Details {
        headers,
        content_type,
        ordering_key,
        correlation_id,
        reply_to,
        // The provider's to change.
        dedup_id: _,
        not_before: _,
        ttl: _,
        priority: _,
    } = details;
    for detail in [content_type, ordering_key, correlation_id, reply_to] {
        put(&mut bytes, detail.as_ref().map(|text| text.as_bytes()));
    }
    for name in names {
        match headers.get(name) {
            Some(value) => put_value(&mut bytes, value),
            None => put(&mut bytes, None),
        }
    }
    bytes
}

fn put_value(bytes: &mut Vec<u8>, value: &HeaderValue) {
    put(bytes, Some(value.as_bytes()));
    bytes.push(u8::from(value.as_text().is_some()));
}

fn put(bytes: &mut Vec<u8>, part: Option<&[u8]>) {
    match part {
        Some(part) => {
            bytes.push(1);
            bytes.extend((part.len() as u64).to_be_bytes());
            bytes.extend(part);
        }
        None => bytes.push(0),
    }
}
