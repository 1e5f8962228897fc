//! A body in an editor: written to a file, and read when the editor has ended.

use std::{
    io::{self, Read, Write},
    path::PathBuf,
    process::Stdio,
};

use bytes::Bytes;
use relayhouse::{Delivery, Message};
use tempfile::NamedTempFile;
use tokio::process::Command;

use crate::{
    decode::Decode,
    exit::{Code, Failure},
    input::json,
};

/// What an edited body may have at most.
const BODY_BYTES_MAX: u64 = 256 << 20;

/// Is what the editor left.
#[derive(Debug)]
pub(super) struct Mended {
    file: NamedTempFile,
    pub(super) body: Bytes,
}

/// Lets a person change the body of `delivery`.
pub(super) async fn mend(delivery: &Delivery) -> Result<Mended, Failure> {
    let editor = editor()?;
    let body = &delivery.message.body;
    let file = written(delivery).map_err(|error| Failure::io("a file for the editor", &error))?;
    let mut command = shell(&editor);
    command.arg(file.path());
    let ended = command.stdin(Stdio::inherit()).status().await;
    let ended = ended.map_err(|error| Failure::io(&editor, &error))?;
    if !ended.success() {
        let text = format!("{editor} ended with {ended}; nothing is changed");
        return Err(Failure::new(Code::Usage, text));
    }
    let mut mended = read(&file).map_err(|error| Failure::io("what the editor left", &error))?;
    // Editors end the last line, whether it was ended or not.
    if mended.ends_with(b"\n") && !body.ends_with(b"\n") {
        mended.pop();
    }
    let body = mended.into();
    Ok(Mended { file, body })
}

impl Mended {
    /// Returns why `message`, which has the mended body, does not decode, where the original did.
    pub(super) async fn wrong(
        &self,
        original: &Message,
        message: &Message,
        decode: &mut Decode,
    ) -> Option<String> {
        if original.details().content_type.is_none() {
            let is_json = json(&original.body).is_ok();
            return match json(&self.body) {
                Err(wrong) if is_json => Some(wrong.reason),
                _ => None,
            };
        }
        // What cannot be read at all, such as a picture, is not held against it.
        match Decode::knows(original) {
            true => decode.decode(message).await.err(),
            false => None,
        }
    }

    /// Keeps the file, and returns where it is.
    pub(super) fn keep(self) -> Result<PathBuf, Failure> {
        let kept = self.file.into_temp_path().keep();
        kept.map_err(|error| Failure::io("what the editor left", &error.error))
    }
}

/// Writes the body to a file whose name tells the editor what it is.
fn written(delivery: &Delivery) -> io::Result<NamedTempFile> {
    let suffix = match (
        json(&delivery.message.body),
        delivery.message.body.is_ascii(),
    ) {
        (Ok(_), _) => ".json",
        (Err(_), true) => ".txt",
        (Err(_), false) => ".body",
    };
    let mut file = tempfile::Builder::new()
        .prefix("relayhouse-")
        .suffix(suffix)
        .tempfile()?;
    file.write_all(&delivery.message.body)?;
    file.flush()?;
    Ok(file)
}

/// Reads it by its name: editors put another file in its place.
fn read(file: &NamedTempFile) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    let read = std::fs::File::open(file.path())?;
    read.take(BODY_BYTES_MAX).read_to_end(&mut body)?;
    Ok(body)
}

#[cfg(unix)]
fn shell(editor: &str) -> Command {
    let mut command = Command::new("sh");
    // The editor may come with options, as everywhere; the file is one argument of it.
    command.arg("-c").arg(format!("{editor} \"$@\"")).arg("sh");
    command
}

#[cfg(not(unix))]
fn shell(editor: &str) -> Command {
    Command::new(editor)
}

#[expect(
    clippy::disallowed_methods,
    reason = "which editor somebody likes is an agreement of systems"
)]
fn editor() -> Result<String, Failure> {
    let set = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
    set("VISUAL")
        .or_else(|| set("EDITOR"))
        .ok_or_else(|| Failure::new(Code::Usage, "there is no editor: set VISUAL or EDITOR"))
}
