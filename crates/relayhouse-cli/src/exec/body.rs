//! The body on standard input: whole before the command starts.
//!
//! Written while the command runs, a body would be cut short if this program were killed meanwhile,
//! and the command would take the rest for the end.

use std::{
    io::{self, Seek, Write, pipe},
    process::Stdio,
};

use bytes::Bytes;
use tokio::task::spawn_blocking;

/// What every pipe holds on every platform, without somebody who reads.
const PIPE_BYTES: usize = 4096;

/// Makes a standard input that has all of `body`: a pipe, or a file without a name.
pub(super) async fn stdin(body: &Bytes) -> io::Result<Stdio> {
    if body.len() <= PIPE_BYTES {
        let (reader, mut writer) = pipe()?;
        writer.write_all(body)?;
        return Ok(reader.into());
    }
    let body = body.clone();
    let file = spawn_blocking(move || {
        let mut file = tempfile::tempfile()?;
        file.write_all(&body)?;
        file.rewind()?;
        Ok::<_, io::Error>(file)
    });
    Ok(file.await.map_err(io::Error::other)??.into())
}
