//! Who may ask: a bearer token, or programs of this machine alone.

use std::{fmt, net::IpAddr, sync::Arc};

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::Response,
};
use http::{
    HeaderMap, HeaderValue, Method, StatusCode,
    header::{AUTHORIZATION, HOST, ORIGIN, WWW_AUTHENTICATE},
};
use relayhouse_core::{Error, ErrorKind, Result, Secret};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::{audit, console::Shared, routes, serve::Peer};

/// A shorter token could be guessed.
const TOKEN_BYTES_MIN: usize = 16;
const TOKEN_BYTES_MAX: usize = 1_024;

/// Is who makes a request, for the audit.
///
/// A host that lets people in by a layer of its own puts it into the extensions of the request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal(Arc<str>);

impl Principal {
    /// Names somebody.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self(name.into())
    }

    /// Returns the name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0
    }
}

/// Knows the token that requests must carry, and cannot tell it.
#[derive(Clone)]
pub struct Token([u8; 32]);

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(..)")
    }
}

impl Token {
    /// Makes a token of `secret`: 16 to 1,024 visible ASCII characters.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::ConfigInvalid`] if it is shorter, longer, or has other characters.
    pub fn new(secret: &Secret) -> Result<Self> {
        let token = secret.expose();
        let wrong = |rule: String| Err(Error::new(ErrorKind::ConfigInvalid, rule));
        if !(TOKEN_BYTES_MIN..=TOKEN_BYTES_MAX).contains(&token.len()) {
            let bytes = format!("{TOKEN_BYTES_MIN} to {TOKEN_BYTES_MAX}");
            return wrong(format!("the console's token must have {bytes} characters"));
        }
        if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return wrong("the console's token must be of visible ASCII characters".to_owned());
        }
        Ok(Self(digest(token.as_bytes())))
    }

    /// Compares in a time that depends neither on where they differ nor on the token's length.
    fn is(&self, given: &[u8]) -> bool {
        self.0.ct_eq(&digest(given)).into()
    }
}

fn digest(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

/// Lets a request pass that may; all others are answered here.
pub(crate) async fn check(
    State(shared): State<Arc<Shared>>,
    mut request: Request,
    next: Next,
) -> Response {
    if routes::is_open(request.uri().path()) {
        return next.run(request).await;
    }
    let principal = match &shared.token {
        Some(token) => bearer(request.headers())
            .filter(|given| token.is(given))
            .map(|_| "token"),
        None if request.extensions().get::<Peer>().is_none() => Some("host"),
        None => is_local(&request).then_some("anyone on this machine"),
    };
    let Some(principal) = principal else {
        return refuse(&shared, &request);
    };
    if request.extensions().get::<Principal>().is_none() {
        request.extensions_mut().insert(Principal::new(principal));
    }
    next.run(request).await
}

fn refuse(shared: &Shared, request: &Request) -> Response {
    if request.method() != Method::GET && request.method() != Method::HEAD {
        audit::refused(shared, request);
    }
    if shared.token.is_none() {
        return routes::error(
            StatusCode::FORBIDDEN,
            "only programs of this machine may ask",
        );
    }
    let mut response = routes::error(StatusCode::UNAUTHORIZED, "a bearer token is needed");
    let challenge = HeaderValue::from_static("Bearer realm=\"relayhouse\"");
    response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
    response
}

/// Returns the token of the one header `Authorization`, if its scheme is `Bearer`.
fn bearer(headers: &HeaderMap) -> Option<&[u8]> {
    const SCHEME: &[u8] = b"bearer ";
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let value = values.next()?.as_bytes();
    let is_single = values.next().is_none();
    let (scheme, token) = value.split_at_checked(SCHEME.len())?;
    (is_single && scheme.eq_ignore_ascii_case(SCHEME)).then_some(token)
}

/// Whether a request comes from a program rather than from a page in a browser: a page that
/// another site has sent could else reach an address of this machine.
fn is_local(request: &Request) -> bool {
    let headers = request.headers();
    let is_of_page = headers.contains_key(ORIGIN) && request.method() != Method::GET;
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    !is_of_page && host.is_some_and(is_loopback)
}

/// Whether `host`, with or without a port, names this machine.
fn is_loopback(host: &str) -> bool {
    let has_port = host
        .rsplit_once(':')
        .filter(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit()));
    let name = has_port.map_or(host, |(name, _)| name);
    let bare = name.strip_prefix('[').and_then(|it| it.strip_suffix(']'));
    if name.eq_ignore_ascii_case("localhost") {
        return true;
    }
    let address = bare.unwrap_or(name).parse::<IpAddr>();
    address.is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(values: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(AUTHORIZATION, value.parse().unwrap());
        }
        headers
    }

    #[test]
    fn one_bearer_header_counts() {
        assert_eq!(bearer(&headers(&["Bearer abc"])), Some(&b"abc"[..]));
        assert_eq!(bearer(&headers(&["bEARER abc"])), Some(&b"abc"[..]));
        for wrong in [
            &[][..],
            &["abc"],
            &["Bearer"],
            &["Basic abcdefg"],
            &["Bearer\tabc"],
            &["Bearer abc", "Bearer abc"],
        ] {
            assert_eq!(bearer(&headers(wrong)), None, "{wrong:?}");
        }
    }

    #[test]
    fn token_is_known_again_and_not_shown() {
        let secret = Secret::from("correct-horse-battery".to_owned());
        let token = Token::new(&secret).unwrap();
        assert!(token.is(b"correct-horse-battery"));
        for wrong in [
            "",
            "correct-horse-batter",
            "correct-horse-battery ",
            "Correct-horse-battery",
        ] {
            assert!(!token.is(wrong.as_bytes()), "{wrong}");
        }
        assert_eq!(format!("{token:?}"), "Token(..)");
    }

    #[test]
    fn weak_tokens_are_refused_without_being_repeated() {
        for wrong in [
            "",
            "hunter2",
            "a b c d e f g h i j",
            "tab\tin-the-middle-of-it",
        ] {
            let error = Token::new(&Secret::from(wrong.to_owned())).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ConfigInvalid);
            assert!(wrong.is_empty() || !error.to_string().contains(wrong));
        }
    }

    #[test]
    fn names_of_this_machine_are_known() {
        for host in [
            "localhost",
            "LOCALHOST:80",
            "127.0.0.1",
            "127.9.9.9:8080",
            "[::1]:80",
            "[::1]",
        ] {
            assert!(is_loopback(host), "{host}");
        }
        for host in [
            "",
            "evil.example",
            "localhost.evil.example:80",
            "10.0.0.1",
            "127.0.0.1.nip.io",
            "[::2]:80",
        ] {
            assert!(!is_loopback(host), "{host}");
        }
    }
}
