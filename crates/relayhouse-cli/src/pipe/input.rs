//! The input: lines of JSON, read by a thread of its own, a few ahead at most.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read},
    path::Path,
    thread,
};

use bytes::Bytes;
use serde::de::IgnoredAny;
use tokio::sync::mpsc;

use crate::exit::{Code, Failure};

const LINES_AHEAD_MAX: usize = 16;
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Is one line of the input, by its number.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Line {
    /// It is JSON.
    Good(u64, Bytes),
    /// It is not taken, and why.
    Bad(u64, String),
}

/// Is what can be read, opened.
pub(crate) struct Input {
    name: String,
    read: Box<dyn Read + Send>,
}

impl Input {
    /// Opens the file at `path`, or standard input for `-`.
    pub(crate) fn open(path: &Path) -> Result<Self, Failure> {
        if path == Path::new("-") {
            let (name, read) = ("standard input".to_owned(), Box::new(io::stdin()));
            return Ok(Self { name, read });
        }
        let name = path.display().to_string();
        let refused = |error: &dyn std::fmt::Display| {
            Failure::new(Code::NoInput, format!("cannot read {name}: {error}"))
        };
        let file = File::open(path).map_err(|error| refused(&error))?;
        let metadata = file.metadata().map_err(|error| refused(&error))?;
        if metadata.is_dir() {
            return Err(refused(&"it is a directory"));
        }
        let read = Box::new(file);
        Ok(Self { name, read })
    }

    /// Starts to read. What comes ends with the input, or with an error.
    ///
    /// The thread ends when the input does, or at the first line after the receiver was dropped;
    /// nobody joins it, since a read from a terminal or a pipe may never end.
    pub(crate) fn lines(self, line_max: usize) -> mpsc::Receiver<Result<Line, Failure>> {
        let (sender, receiver) = mpsc::channel(LINES_AHEAD_MAX);
        let Self { name, read } = self;
        thread::spawn(move || {
            let mut lines = Lines::new(BufReader::new(read), line_max);
            loop {
                let next = lines.next_line();
                let is_end = !matches!(next, Ok(Some(_)));
                let next = next.map_err(|error| {
                    Failure::new(Code::Io, format!("cannot read {name}: {error}"))
                });
                let is_closed = next
                    .transpose()
                    .is_some_and(|it| sender.blocking_send(it).is_err());
                if is_end || is_closed {
                    return;
                }
            }
        });
        receiver
    }
}

/// Splits what is read into lines, and never holds more than one line of the longest length.
struct Lines<R> {
    read: R,
    line_max: usize,
    number: u64,
}

impl<R: BufRead> Lines<R> {
    const fn new(read: R, line_max: usize) -> Self {
        Self {
            read,
            line_max,
            number: 0,
        }
    }

    /// Returns the next line that is not empty.
    fn next_line(&mut self) -> io::Result<Option<Line>> {
        loop {
            let mut line = Vec::new();
            let Some(size) = self.read_line(&mut line)? else {
                return Ok(None);
            };
            self.number += 1;
            if self.line_max < line.len() {
                return Ok(Some(self.too_long(size)));
            }
            let mut body = line.as_slice();
            if self.number == 1 {
                body = body.strip_prefix(BYTE_ORDER_MARK).unwrap_or(body);
            }
            let body = body.trim_ascii();
            if !body.is_empty() {
                return Ok(Some(self.checked(&line, body)));
            }
        }
    }

    /// Reads up to the end of the line, and keeps what is within the bound and one byte more.
    /// Returns the bytes of the line; `None` at the end of the input.
    fn read_line(&mut self, line: &mut Vec<u8>) -> io::Result<Option<u64>> {
        let mut size = 0_u64;
        loop {
            let chunk = match self.read.fill_buf() {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                chunk => chunk?,
            };
            if chunk.is_empty() {
                return Ok((0 < size).then_some(size));
            }
            let end = chunk.iter().position(|byte| *byte == b'\n');
            let part = &chunk[..end.unwrap_or(chunk.len())];
            let room = (self.line_max + 1).saturating_sub(line.len());
            line.extend_from_slice(&part[..part.len().min(room)]);
            size += part.len() as u64;
            let used = part.len() + usize::from(end.is_some());
            self.read.consume(used);
            if end.is_some() {
                return Ok(Some(size));
            }
        }
    }

    fn too_long(&self, size: u64) -> Line {
        let reason = format!(
            "{size} bytes, at most {} are taken (--line-max)",
            self.line_max
        );
        Line::Bad(self.number, reason)
    }

    fn checked(&self, line: &[u8], body: &[u8]) -> Line {
        let offset = body.as_ptr() as usize - line.as_ptr() as usize;
        match check(body) {
            Ok(()) => Line::Good(self.number, Bytes::copy_from_slice(body)),
            Err((reason, column)) => Line::Bad(
                self.number,
                format!("{reason} at column {}", column + offset),
            ),
        }
    }
}

/// Checks that `body` is one JSON value; what is wrong otherwise, and at which byte from 1 on.
fn check(body: &[u8]) -> Result<(), (String, usize)> {
    let text = std::str::from_utf8(body)
        .map_err(|error| ("not JSON: not UTF-8".to_owned(), error.valid_up_to() + 1))?;
    serde_json::from_str::<IgnoredAny>(text).map_err(|error| {
        let reason = error.to_string();
        let end = reason.find(" at line ").unwrap_or(reason.len());
        (format!("not JSON: {}", &reason[..end]), error.column())
    })?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &[u8]) -> Vec<Line> {
        // A small buffer, so that lines are read in parts.
        let read = BufReader::with_capacity(3, text);
        let mut lines = Lines::new(read, 10);
        std::iter::from_fn(|| lines.next_line().unwrap()).collect()
    }

    fn good(number: u64, body: &'static str) -> Line {
        Line::Good(number, body.into())
    }

    fn bad(number: u64, reason: &str) -> Line {
        Line::Bad(number, reason.to_owned())
    }

    #[test]
    fn lines_are_numbered_and_empty_ones_passed_over() {
        let text = b"\xef\xbb\xbf1\n\n \r\n{\"a\":2}\r\n  3";
        assert_eq!(
            lines(text),
            [good(1, "1"), good(4, "{\"a\":2}"), good(5, "3")]
        );
        assert_eq!(lines(b""), []);
        assert_eq!(lines(b"\n\n"), []);
    }

    #[test]
    fn long_lines_are_passed_over_whole() {
        let text = b"1234567890\n12345678901\n\"12345678901234567890\n2";
        let limit = "at most 10 are taken (--line-max)";
        let expected = [
            good(1, "1234567890"),
            bad(2, &format!("11 bytes, {limit}")),
            bad(3, &format!("21 bytes, {limit}")),
            good(4, "2"),
        ];
        assert_eq!(lines(text), expected);
    }

    #[test]
    fn what_is_not_json_is_said_by_column() {
        assert_eq!(
            lines(b" [1,]\n"),
            [bad(1, "not JSON: expected value at column 5")]
        );
        assert_eq!(
            lines(b"\"\xff\"\n"),
            [bad(1, "not JSON: not UTF-8 at column 2")]
        );
        assert_eq!(
            lines(b"1 2\n"),
            [bad(1, "not JSON: trailing characters at column 3")]
        );
    }
}
