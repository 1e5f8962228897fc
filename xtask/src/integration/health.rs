//! Waiting until a service is ready, and asking it over HTTP.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

const LOOK_EVERY: Duration = Duration::from_millis(20);
const ANSWER_MAX: Duration = Duration::from_secs(2);

/// A port that nobody has.
pub(crate) fn free_port() -> Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("there is no free port")?;
    Ok(listener.local_addr()?.port())
}

/// Looks until there is something, for at most `patience`.
#[expect(
    clippy::disallowed_methods,
    reason = "another program gets ready in its own time, and rings no bell"
)]
pub(crate) fn poll<T>(
    patience: Duration,
    mut look: impl FnMut() -> Result<Option<T>>,
) -> Result<Option<T>> {
    let start = Instant::now();
    loop {
        if let Some(found) = look()? {
            return Ok(Some(found));
        }
        if patience < start.elapsed() {
            return Ok(None);
        }
        thread::sleep(LOOK_EVERY);
    }
}

/// Asks a service at an address like `http://127.0.0.1:4566` for `path`, and returns its answer.
pub(crate) fn get(address: &str, path: &str) -> Result<String> {
    let Some(host) = address.strip_prefix("http://") else {
        bail!("{address} is no address that can be asked");
    };
    let socket: SocketAddr = host.parse().context("the address has no port")?;
    let mut stream = TcpStream::connect_timeout(&socket, ANSWER_MAX)?;
    stream.set_read_timeout(Some(ANSWER_MAX))?;
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n"
    )?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn poll_ends_with_what_is_found_or_with_its_patience() {
        let mut looks = 0;
        let found = poll(Duration::from_secs(30), || {
            looks += 1;
            Ok((looks == 2).then_some("it"))
        });
        assert_eq!(found.unwrap(), Some("it"));
        assert_eq!(poll(Duration::ZERO, || Ok(None::<u8>)).unwrap(), None);
        assert!(poll(Duration::ZERO, || bail!("gone") as Result<Option<u8>>).is_err());
    }

    #[test]
    fn service_is_asked_over_http() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let server = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = [0; 512];
            let count = stream.read(&mut request).unwrap();
            stream.write_all(b"HTTP/1.1 200 OK\r\n\r\nready").unwrap();
            String::from_utf8_lossy(&request[..count]).into_owned()
        });
        assert!(get(&address, "/health").unwrap().ends_with("ready"));
        assert!(
            server
                .join()
                .unwrap()
                .starts_with("GET /health HTTP/1.1\r\n")
        );
        assert!(get("amqp://127.0.0.1:1", "/").is_err());
    }
}
