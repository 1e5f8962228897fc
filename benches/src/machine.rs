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

/// Returns the most bytes of this program that were in memory at once, where the system tells it
/// in the usual file.
#[must_use]
pub fn resident_peak() -> Option<u64> {
    status_bytes("self", "VmHWM:")
}

/// Returns the bytes of a process that are in memory, where the system tells it in the usual file.
#[must_use]
pub fn resident_of(process: u32) -> Option<u64> {
    status_bytes(&process.to_string(), "VmRSS:")
}

fn status_bytes(process: &str, name: &str) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = text.lines().find(|line| line.starts_with(name))?;
    let kib: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib * 1024)
}

/// Returns for how many nanoseconds the threads of a process were on a processor, and how often
/// they began to wait, where the system tells.
#[must_use]
pub fn used_by(process: u32) -> Option<(u64, u64)> {
    let threads = fs::read_dir(format!("/proc/{process}/task")).ok()?;
    let mut used = (0, 0);
    for thread in threads {
        let folder = thread.ok()?.path();
        let text = fs::read_to_string(folder.join("schedstat")).ok()?;
        used.0 += text.split_whitespace().next()?.parse::<u64>().ok()?;
        let text = fs::read_to_string(folder.join("status")).ok()?;
        let mut lines = text.lines();
        let waits = lines.find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"))?;
        used.1 += waits.trim().parse::<u64>().ok()?;
    }
    Some(used)
}

/// The name of the processor, where the system tells it in the usual file.
fn processor() -> Option<String> {
    let text = fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("model name"))?;
    let (_, name) = line.split_once(':')?;
    Some(name.trim().to_owned())
}

/// How busy the machine was over the last minute.
pub(crate) fn load() -> Option<String> {
    let text = fs::read_to_string("/proc/loadavg").ok()?;
    text.split_whitespace().next().map(str::to_owned)
}
