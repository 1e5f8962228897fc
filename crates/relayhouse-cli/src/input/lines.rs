//! Cuts what is read into lines, within bounds.

use std::io::{self, BufRead};

use super::Wrong;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Says how the input is cut.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cut {
    /// The longest line that is taken.
    pub(crate) line_max: usize,
    /// The lines at the start that are passed over unread.
    pub(crate) skip: u64,
    /// True to take all of it for one line, with all its bytes.
    pub(crate) is_whole: bool,
}

/// Is one line of the input.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Line<T> {
    /// Its number, from 1 on.
    pub(crate) number: u64,
    /// The bytes of the input up to and with it.
    pub(crate) end: u64,
    /// What it is, or why it is not taken.
    pub(crate) item: Result<T, String>,
}

/// Splits what is read into lines, and never holds more than one line of the longest length.
pub(super) struct Lines<R> {
    read: R,
    cut: Cut,
    number: u64,
    end: u64,
}

impl<R: BufRead> Lines<R> {
    pub(super) const fn new(read: R, cut: Cut) -> Self {
        Self {
            read,
            cut,
            number: 0,
            end: 0,
        }
    }

    /// Returns the next line that is not empty, read by `parse`.
    pub(super) fn next_line<T>(
        &mut self,
        parse: &impl Fn(u64, &[u8]) -> Result<T, Wrong>,
    ) -> io::Result<Option<Line<T>>> {
        loop {
            let mut line = Vec::new();
            let Some(size) = self.read_line(&mut line)? else {
                return Ok(None);
            };
            self.number += 1;
            if self.number <= self.cut.skip {
                continue;
            }
            if self.cut.line_max < line.len() {
                let reason = self.too_long(size);
                return Ok(Some(self.line(Err(reason))));
            }
            let body = self.body(&line);
            if !body.is_empty() {
                let item = parse(self.number, body).map_err(|wrong| said(wrong, body, &line));
                return Ok(Some(self.line(item)));
            }
        }
    }

    const fn line<T>(&self, item: Result<T, String>) -> Line<T> {
        Line {
            number: self.number,
            end: self.end,
            item,
        }
    }

    fn body<'a>(&self, line: &'a [u8]) -> &'a [u8] {
        if self.cut.is_whole {
            return line;
        }
        let has_no_mark = 1 < self.number;
        let body = line
            .strip_prefix(BYTE_ORDER_MARK)
            .filter(|_| !has_no_mark)
            .unwrap_or(line);
        body.trim_ascii()
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
            let feed = chunk.iter().position(|byte| *byte == b'\n');
            let end = feed.filter(|_| !self.cut.is_whole);
            let part = &chunk[..end.unwrap_or(chunk.len())];
            let room = (self.cut.line_max + 1).saturating_sub(line.len());
            line.extend_from_slice(&part[..part.len().min(room)]);
            size += part.len() as u64;
            let used = part.len() + usize::from(end.is_some());
            self.end += used as u64;
            self.read.consume(used);
            if end.is_some() {
                return Ok(Some(size));
            }
        }
    }

    fn too_long(&self, size: u64) -> String {
        let max = self.cut.line_max;
        format!("{size} bytes, at most {max} are taken (--line-max)")
    }
}

/// Says what is wrong with `body`, by the column that it has in `line`.
fn said(wrong: Wrong, body: &[u8], line: &[u8]) -> String {
    let Wrong { reason, column } = wrong;
    let offset = body.as_ptr() as usize - line.as_ptr() as usize;
    match column {
        Some(column) => format!("{reason} at column {}", column + offset),
        None => reason,
    }
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use bytes::Bytes;

    use super::*;
    use crate::input::json;

    const CUT: Cut = Cut {
        line_max: 10,
        skip: 0,
        is_whole: false,
    };

    type Got = (u64, Result<Bytes, String>);

    fn cut(text: &[u8], cut: Cut) -> Vec<Got> {
        // A small buffer, so that lines are read in parts.
        let read = BufReader::with_capacity(3, text);
        let mut lines = Lines::new(read, cut);
        let parse = |_: u64, body: &[u8]| json(body);
        std::iter::from_fn(|| lines.next_line(&parse).unwrap())
            .map(|line| (line.number, line.item))
            .collect()
    }

    fn lines(text: &[u8]) -> Vec<Got> {
        cut(text, CUT)
    }

    fn good(number: u64, body: &'static str) -> Got {
        (number, Ok(body.into()))
    }

    fn bad(number: u64, reason: &str) -> Got {
        (number, Err(reason.to_owned()))
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

    #[test]
    fn skipped_lines_are_counted_and_not_read() {
        let text = b"1\nnot json at all\n\n4\n5";
        let skip = |skip| cut(text, Cut { skip, ..CUT });
        assert_eq!(skip(2), [good(4, "4"), good(5, "5")]);
        assert_eq!(skip(4), [good(5, "5")]);
        assert_eq!(skip(9), []);
    }

    #[test]
    fn end_of_a_line_is_where_the_next_begins() {
        let mut lines = Lines::new(&b"1\n\n234\r\n5"[..], CUT);
        let parse = |_: u64, body: &[u8]| json(body);
        let ends = std::iter::from_fn(|| lines.next_line(&parse).unwrap()).map(|line| line.end);
        assert_eq!(ends.collect::<Vec<_>>(), [2, 8, 9]);
    }
}
