//! A key, ready to encrypt and decrypt by each suite.

use std::fmt::{self, Debug};

use chacha20poly1305::{KeyInit, XChaCha20Poly1305};
use relayhouse_core::port::{Key, KeyId};
use xaes_256_gcm::{
    Xaes256Gcm,
    aead::{AeadInOut, Nonce, Tag},
};

use super::Suite;

/// The bytes of a nonce, in every suite.
pub(super) const NONCE_BYTES: usize = 24;

/// The bytes of a tag, in every suite.
pub(super) const TAG_BYTES: usize = 16;

/// What a tag did not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mismatch;

/// Encrypts and decrypts with one key, and wipes what it made of it when it is dropped.
pub(super) struct Cipher {
    id: KeyId,
    aes: Xaes256Gcm,
    chacha: XChaCha20Poly1305,
}

impl Cipher {
    pub(super) fn new(key: &Key) -> Self {
        let bytes = key.expose().into();
        Self {
            id: key.id().clone(),
            aes: Xaes256Gcm::new(bytes),
            chacha: XChaCha20Poly1305::new(bytes),
        }
    }

    pub(super) const fn id(&self) -> &KeyId {
        &self.id
    }

    /// Encrypts `text` in its place, and returns the tag over it and `bound`.
    pub(super) fn encrypt(
        &self,
        suite: Suite,
        nonce: &[u8; NONCE_BYTES],
        bound: &[u8],
        text: &mut [u8],
    ) -> Result<[u8; TAG_BYTES], Mismatch> {
        match suite {
            Suite::Aes256Gcm => encrypt(&self.aes, nonce, bound, text),
            Suite::ChaCha20Poly1305 => encrypt(&self.chacha, nonce, bound, text),
        }
    }

    /// Checks `tag` over `text` and `bound` in constant time, and then decrypts `text` in its
    /// place.
    pub(super) fn decrypt(
        &self,
        suite: Suite,
        nonce: &[u8; NONCE_BYTES],
        bound: &[u8],
        text: &mut [u8],
        tag: &[u8; TAG_BYTES],
    ) -> Result<(), Mismatch> {
        match suite {
            Suite::Aes256Gcm => decrypt(&self.aes, nonce, bound, text, tag),
            Suite::ChaCha20Poly1305 => decrypt(&self.chacha, nonce, bound, text, tag),
        }
    }
}

impl Debug for Cipher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            id,
            aes: _,
            chacha: _,
        } = self;
        write!(f, "Cipher({id}, ..)")
    }
}

fn encrypt<C: AeadInOut>(
    cipher: &C,
    nonce: &[u8],
    bound: &[u8],
    text: &mut [u8],
) -> Result<[u8; TAG_BYTES], Mismatch> {
    let nonce = <&Nonce<C>>::try_from(nonce).map_err(|_| Mismatch)?;
    let tag = cipher.encrypt_inout_detached(nonce, bound, text.into());
    let tag = tag.map_err(|_| Mismatch)?;
    tag.as_slice().try_into().map_err(|_| Mismatch)
}

fn decrypt<C: AeadInOut>(
    cipher: &C,
    nonce: &[u8],
    bound: &[u8],
    text: &mut [u8],
    tag: &[u8],
) -> Result<(), Mismatch> {
    let nonce = <&Nonce<C>>::try_from(nonce).map_err(|_| Mismatch)?;
    let tag = <&Tag<C>>::try_from(tag).map_err(|_| Mismatch)?;
    cipher
        .decrypt_inout_detached(nonce, bound, text.into(), tag)
        .map_err(|_| Mismatch)
}
