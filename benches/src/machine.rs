//! What the figures were measured on, without a date or a name.

use std::{env::consts, fs, thread};

/// Describes the machine: processor, cores, system and how this program was built.
#[must_use]
pub fn describe() -> String {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let processor = processor().unwrap_or_else(|| consts::ARCH.to_owned());
    let load = load().map(|load| format!(", load average {load} at the start"));
    format!(
        "{cores} cores of {processor}, {}{}",
        consts::OS,
        load.unwrap_or_default()
    )
}

/// Returns the pages of this program that are in memory, where the system tells it in the usual
/// file.
#[must_use]
pub fn resident_pages() -> Option<u32> {
    let text = fs::read_to_string("/proc/self/statm").ok()?;
    text.split_whitespace().nth(1)?.parse().ok()
}

/// The name of the processor, where the system tells it in the usual file.
fn processor() -> Option<String> {
    let text = fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("model name"))?;
    let (_, name) = line.split_once(':')?;
    Some(name.trim().to_owned())
}

/// How busy the machine was over the last minute.
fn load() -> Option<String> {
    let text = fs::read_to_string("/proc/loadavg").ok()?;
    text.split_whitespace().next().map(str::to_owned)
}
