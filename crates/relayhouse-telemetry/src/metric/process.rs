//! What the process uses, read from `/proc` where there is one.

use std::{
    fs,
    path::Path,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
};

use relayhouse_core::Instant;

use super::{series::Series, table::Metric};

/// Linux shows times to programs in these parts of a second, whatever its own are.
const TICKS_PER_SECOND: u64 = 100;

/// Linux shows sizes of processes in kibibytes.
const KIB: u64 = 1024;

const NANOS: u64 = 1_000_000_000;

/// Remembers the last reading, which the share of the processors is taken from.
#[derive(Debug, Default)]
pub(super) struct Process {
    cpu: AtomicU64,
    at: AtomicU64,
}

impl Process {
    /// Reads what the process uses now into `series`; what the system does not show stays as it is.
    pub(super) fn read(&self, series: &Series, now: Instant) {
        if let Some(cpu) = cpu_nanos() {
            let before = self.cpu.swap(cpu, Relaxed);
            let at = self.at.swap(now.as_nanos(), Relaxed);
            series
                .writer()
                .add(Metric::CpuTime, cpu.saturating_sub(before));
            let passed = now.as_nanos().saturating_sub(at);
            let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get() as u64);
            let share = share(cpu.saturating_sub(before), passed.saturating_mul(cores));
            if let Some(share) = share.filter(|_| at != 0) {
                series.set(Metric::CpuShare, share);
            }
        }
        if let Some(resident) = status("/proc/self/status", "VmRSS:") {
            series.set(Metric::Memory, resident);
            if let Some(share) = memory_max().and_then(|max| share(resident, max)) {
                series.set(Metric::MemoryShare, share);
            }
        }
        if let Some((files, sockets)) = files() {
            series.set(Metric::FileDescriptors, files);
            series.set(Metric::Sockets, sockets);
        }
    }
}

/// Returns `part` of `whole`, in millionths.
fn share(part: u64, whole: u64) -> Option<u64> {
    let millionths = u128::from(part) * 1_000_000;
    let share = millionths.checked_div(u128::from(whole))?;
    u64::try_from(share).ok()
}

fn cpu_nanos() -> Option<u64> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    // The name of the program is in parentheses, and may hold anything.
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace().skip(11);
    let mut ticks = || fields.next()?.parse::<u64>().ok();
    let (user, system) = (ticks()?, ticks()?);
    Some((user + system) * (NANOS / TICKS_PER_SECOND))
}

/// Returns the bytes that the line `key` of a file of `/proc` tells.
fn status(path: &str, key: &str) -> Option<u64> {
    let text = fs::read_to_string(path).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(key))?;
    let kib: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kib * KIB)
}

/// Returns the limit of the control group, if there is one, else the memory of the machine.
fn memory_max() -> Option<u64> {
    let machine = status("/proc/meminfo", "MemTotal:");
    let group = fs::read_to_string("/sys/fs/cgroup/memory.max").ok();
    let group = group.and_then(|text| text.trim().parse().ok());
    match (machine, group) {
        (Some(machine), Some(group)) => Some(machine.min(group)),
        (machine, group) => machine.or(group),
    }
}

/// Returns how many files are open, and how many of them are sockets.
fn files() -> Option<(u64, u64)> {
    let (mut files, mut sockets) = (0, 0);
    for entry in fs::read_dir("/proc/self/fd").ok()? {
        let Ok(entry) = entry else { continue };
        files += 1;
        let target = fs::read_link(entry.path());
        sockets += u64::from(target.is_ok_and(|target| is_socket(&target)));
    }
    Some((files, sockets))
}

fn is_socket(target: &Path) -> bool {
    target.to_string_lossy().starts_with("socket:")
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::net::TcpListener;

    use super::{super::definition::Scope, *};
    use crate::metric::snapshot::Value;

    #[test]
    fn process_shows_what_it_uses() {
        let (process, series) = (Process::default(), Series::new(Scope::Process));
        let level = |metric| match series.read(metric, 0) {
            Some(Value::Level(level)) => level,
            other => panic!("{metric:?}: {other:?}"),
        };
        process.read(&series, Instant::from_nanos(1));
        let before = level(Metric::Sockets);
        let socket = TcpListener::bind("127.0.0.1:0").expect("a free port");
        process.read(&series, Instant::from_nanos(NANOS));
        assert_eq!(level(Metric::Sockets), before + 1);
        drop(socket);
        assert!(1024 * 1024 < level(Metric::Memory));
        assert!(0 < level(Metric::MemoryShare));
        assert!(level(Metric::Sockets) < level(Metric::FileDescriptors));
        assert!(0 <= level(Metric::CpuShare));
    }

    #[test]
    fn share_of_nothing_is_none() {
        assert_eq!(share(1, 0), None);
        assert_eq!(share(1, 4), Some(250_000));
    }
}
