//! Counts flushes: each confirmed batch has at least one of its own.

use std::{
    fmt::{self, Display},
    fs,
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result, ensure};
use tempfile::TempDir;

use crate::{
    child::QUEUE,
    process::{child, run, text},
    report::What,
};

/// The program that watches the calls of another.
pub(crate) const STRACE: &str = "strace";

/// So much of what is written is shown: enough for the kind of a report.
const SHOWN: usize = 120;

/// Is what was counted.
#[derive(Debug, Default)]
pub(crate) struct Flushes {
    batches: u64,
    flushes: u64,
    /// Confirmed batches that no flush came before.
    unflushed: u64,
}

/// Returns true if calls can be watched here.
pub(crate) fn is_possible() -> bool {
    let mut version = Command::new(STRACE);
    version
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    version.status().is_ok_and(|status| status.success())
}

/// Counts the flushes of a child that sends `count` messages in batches.
pub(crate) fn flushes(count: u64, seed: u64) -> Result<Flushes> {
    let directory = TempDir::new().context("cannot create a directory")?;
    let traces = TempDir::new().context("cannot create a directory")?;
    let file = traces.path().join("trace");
    let mut words = vec![
        STRACE.to_owned(),
        "--follow-forks".to_owned(),
        "--decode-fds=path".to_owned(),
        format!("--string-limit={SHOWN}"),
        "--trace=fdatasync,fsync,write".to_owned(),
        format!("--output={}", text(&file)?),
    ];
    words.extend(child("produce", directory.path(), seed)?);
    words.extend(["--producer=1".to_owned(), format!("--count={count}")]);
    let reports = run(&words)?.well()?;
    let sent = reports
        .iter()
        .filter(|report| matches!(report.what, What::Sent(_)));
    let trace = fs::read_to_string(&file).context("cannot read the trace")?;
    let flushes = Flushes::read(&trace);
    let batches = sent.count() as u64;
    ensure!(
        flushes.batches == batches,
        "{batches} batches were told: {flushes}"
    );
    Ok(flushes)
}

impl Flushes {
    /// Reads the lines in their order: a send begins, its data is flushed, it is confirmed.
    fn read(trace: &str) -> Self {
        let mut all = Self::default();
        let mut since = 0;
        for line in trace.lines() {
            let is_sync = line.contains("fdatasync") || line.contains("fsync");
            let is_of_queue = line.contains(&format!("{QUEUE}.queue")) || line.contains("resumed");
            if is_sync && is_of_queue && line.ends_with("= 0") {
                since += 1;
                all.flushes += 1;
            } else if line.contains(r#"\"Sending\""#) {
                since = 0;
            } else if line.contains(r#"\"Sent\""#) {
                all.batches += 1;
                all.unflushed += u64::from(since == 0);
            }
        }
        all
    }

    pub(crate) fn check(&self) -> Result<()> {
        ensure!(0 < self.batches && self.unflushed == 0, "{self}");
        Ok(())
    }
}

impl Display for Flushes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            batches,
            flushes,
            unflushed,
        } = self;
        // Two digits say enough, and need no fraction.
        let share = (flushes * 100).checked_div(*batches).unwrap_or(0);
        write!(
            f,
            "confirmed batches {batches}, flushes {flushes} ({}.",
            share / 100
        )?;
        write!(f, "{:02} each, opening and closing included)", share % 100)?;
        write!(f, ", confirmed without a flush {unflushed}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flush_counts_between_begin_and_confirmation() {
        let sending =
            r#"1 write(1<pipe:[1]>, "{\"at\":1,\"task\":0,\"what\":{\"Sending\":{"..., 9) = 9"#;
        let sent =
            r#"1 write(1<pipe:[1]>, "{\"at\":1,\"task\":0,\"what\":{\"Sent\":[]}}\n", 9) = 9"#;
        let sync = "2 fdatasync(9</tmp/orders.queue-wal>) = 0";
        let failed = "2 fdatasync(9</tmp/orders.queue-wal>) = -1 EIO (Input/output error)";
        let begun = "2 fdatasync(9</tmp/orders.queue-wal> <unfinished ...>";
        let resumed = "2 <... fdatasync resumed>) = 0";
        let read = |lines: &[&str]| Flushes::read(&lines.join("\n"));
        read(&[sync, sending, sync, sent]).check().unwrap();
        read(&[sending, begun, resumed, sent]).check().unwrap();
        assert_eq!(read(&[sync, sending, sent, sync]).unflushed, 1);
        assert_eq!(read(&[sending, failed, sent]).unflushed, 1);
        assert!(read(&[]).check().is_err());
    }
}
