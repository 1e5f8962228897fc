//! The time of the machine, where there is a safe way to it: on Linux.
//!
//! What is read counts as tokio's clock does, so that the two stay together: it stands still while
//! the machine sleeps. Elsewhere one of the two is missing: a clock that counts like that, or a
//! name of the boot that the setting of the wall clock does not change.

use relayhouse_core::MachineTime;

/// Calls `read_clock`, and reads the time of the machine at that moment.
pub(crate) fn read_beside<T>(read_clock: impl Fn() -> T) -> (T, Option<MachineTime>) {
    #[cfg(target_os = "linux")]
    return linux::read_beside(read_clock);
    #[cfg(not(target_os = "linux"))]
    return (read_clock(), None);
}

#[cfg(target_os = "linux")]
mod linux {
    use std::{fs, time::Duration};

    use relayhouse_core::MachineTime;
    use rustix::time::{ClockId, clock_gettime};

    const BOOT: &str = "/proc/sys/kernel/random/boot_id";

    /// By how much the clocks of a time namespace are ahead; older kernels have no such file.
    const OFFSETS: &str = "/proc/self/timens_offsets";

    /// How long a good reading of two clocks takes at most, and how often one is tried for.
    const READING_MAX: Duration = Duration::from_micros(2);
    const TRIES_MAX: u32 = 10;

    const NANOS_PER_SECOND: i128 = 1_000_000_000;

    pub(super) fn read_beside<T>(read_clock: impl Fn() -> T) -> (T, Option<MachineTime>) {
        let mut tries = 0;
        let (read, nanos) = loop {
            let before = monotonic_nanos();
            let read = read_clock();
            let took = since(monotonic_nanos(), before).unwrap_or_default();
            tries += 1;
            if took <= READING_MAX || TRIES_MAX <= tries {
                break (read, before);
            }
        };
        (read, machine(nanos))
    }

    fn machine(nanos: i128) -> Option<MachineTime> {
        let boot = parse_boot(&fs::read_to_string(BOOT).ok()?)?;
        let ahead = match fs::read_to_string(OFFSETS) {
            Ok(offsets) => parse_ahead(&offsets)?,
            Err(_) => 0,
        };
        let since = since(nanos, ahead)?;
        Some(MachineTime { boot, since })
    }

    fn monotonic_nanos() -> i128 {
        let time = clock_gettime(ClockId::Monotonic);
        i128::from(time.tv_sec) * NANOS_PER_SECOND + i128::from(time.tv_nsec)
    }

    fn since(nanos: i128, before: i128) -> Option<Duration> {
        let nanos = u64::try_from(nanos - before).ok()?;
        Some(Duration::from_nanos(nanos))
    }

    /// Reads a UUID.
    fn parse_boot(text: &str) -> Option<[u8; 16]> {
        const DIGITS: usize = 32;
        let digits = text.trim_ascii_end().replace('-', "");
        let number = u128::from_str_radix(&digits, 16).ok()?;
        (digits.len() == DIGITS).then(|| number.to_be_bytes())
    }

    /// Reads the line of the monotonic clock: its name, seconds, and nanoseconds.
    fn parse_ahead(text: &str) -> Option<i128> {
        let mut lines = text.lines().map(str::split_ascii_whitespace);
        let mut words =
            lines.find_map(|mut words| (words.next()? == "monotonic").then_some(words))?;
        let seconds: i64 = words.next()?.parse().ok()?;
        let nanos: u32 = words.next()?.parse().ok()?;
        Some(i128::from(seconds) * NANOS_PER_SECOND + i128::from(nanos))
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn boot_is_a_uuid() {
            let boot = parse_boot("82310bb2-a455-4875-ae06-cf53038c92fd\n").unwrap();
            assert_eq!(boot[..4], [0x82, 0x31, 0x0b, 0xb2]);
            for text in ["", "82310bb2", "82310bb2-a455-4875-ae06-cf53038c92fg"] {
                assert_eq!(parse_boot(text), None, "{text}");
            }
        }

        #[test]
        fn offset_of_the_monotonic_clock_is_found() {
            let table = [
                (
                    "monotonic           0         0\nboottime            7         0\n",
                    Some(0),
                ),
                ("monotonic  86400 5\n", Some(86_400 * NANOS_PER_SECOND + 5)),
                (
                    "boottime 1 0\nmonotonic -2 0\n",
                    Some(-2 * NANOS_PER_SECOND),
                ),
                ("boottime 1 0\n", None),
                ("monotonic 1\n", None),
            ];
            for (text, ahead) in table {
                assert_eq!(parse_ahead(text), ahead, "{text}");
            }
        }

        #[test]
        fn machine_tells_its_boot_and_goes_on() {
            let ((), first) = read_beside(|| ());
            let ((), later) = read_beside(|| ());
            let (first, later) = (first.unwrap(), later.unwrap());
            assert_eq!(first.boot, later.boot);
            assert!(first.since <= later.since);
        }
    }
}
