//! What a client signs with its certificate to be given a token.

use std::{
    fmt::{self, Debug},
    fs,
    path::Path,
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use azure_core::{error::ErrorKind as AzureKind, http::ClientMethodOptions};
use azure_identity::ClientAssertion;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use relayhouse_core::{Clock, Context, Random, Result};
use serde_json::json;
use sha2::{Digest, Sha256};
use tokio_rustls::rustls::{
    SignatureScheme,
    crypto::ring::sign::any_supported_type,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    sign::SigningKey,
};
use uuid::Uuid;

use crate::error;

/// How long what is signed holds: it is sent at once.
const LIFETIME: Duration = Duration::from_secs(10 * 60);

/// The one way of signing that the public cloud recommends: RSA with PSS, and SHA-256.
const SCHEME: SignatureScheme = SignatureScheme::RSA_PSS_SHA256;

/// Signs as the owner of a certificate.
pub(super) struct Certificate {
    key: Arc<dyn SigningKey>,
    /// The digest by which Entra ID finds the certificate.
    thumbprint: String,
    client: String,
    audience: String,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
}

impl Certificate {
    /// Reads a file of PEM with a certificate and its RSA key. What is wrong is told without it.
    pub(super) fn read(
        file: &Path,
        client: &str,
        audience: String,
        context: &Context,
    ) -> Result<Self> {
        let at = |what| {
            let file = file.display();
            error::invalid(format!("option client_certificate_file: {file} {what}"))
        };
        let pem = fs::read(file).map_err(|error| at("cannot be read").with_source(error))?;
        let certificate = CertificateDer::from_pem_slice(&pem);
        let certificate = certificate.map_err(|_| at("has no certificate"))?;
        let key = PrivateKeyDer::from_pem_slice(&pem).map_err(|_| at("has no key"))?;
        let key = any_supported_type(&key).map_err(|_| at("has a key that cannot be used"))?;
        if key.choose_scheme(&[SCHEME]).is_none() {
            return Err(at("has a key that is not RSA"));
        }
        Ok(Self {
            key,
            thumbprint: BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(&certificate)),
            client: client.to_owned(),
            audience,
            clock: Arc::clone(&context.clock),
            random: Arc::clone(&context.random),
        })
    }

    /// Makes a JSON web token that names the client, and signs it.
    fn sign(&self) -> Option<String> {
        let now = self.clock.wall().as_micros() / 1_000_000;
        let id = Uuid::from_u64_pair(self.random.next_u64(), self.random.next_u64());
        let header = json!({"alg": "PS256", "typ": "JWT", "x5t#S256": self.thumbprint});
        let claims = json!({
            "aud": self.audience,
            "iss": self.client,
            "sub": self.client,
            "jti": id.to_string(),
            "nbf": now,
            "exp": now + LIFETIME.as_secs(),
        });
        let [header, claims] =
            [header, claims].map(|part| BASE64_URL_SAFE_NO_PAD.encode(part.to_string()));
        let text = format!("{header}.{claims}");
        let signature = self
            .key
            .choose_scheme(&[SCHEME])?
            .sign(text.as_bytes())
            .ok()?;
        let signature = BASE64_URL_SAFE_NO_PAD.encode(signature);
        Some(format!("{text}.{signature}"))
    }
}

#[async_trait]
impl ClientAssertion for Certificate {
    async fn secret(&self, _: Option<ClientMethodOptions<'_>>) -> azure_core::Result<String> {
        let text = "the key of the certificate does not sign";
        self.sign()
            .ok_or_else(|| azure_core::Error::with_message(AzureKind::Credential, text))
    }
}

impl Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            key: _,
            thumbprint,
            client,
            audience,
            clock: _,
            random: _,
        } = self;
        f.debug_struct("Certificate")
            .field("thumbprint", thumbprint)
            .field("client", client)
            .field("audience", audience)
            .finish_non_exhaustive()
    }
}
