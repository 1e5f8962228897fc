//! The SDK that this crate is built with, and the least that it is written for.

/// The version of `aws-sdk-sqs` that this crate was built with.
pub const SDK_VERSION: &str = aws_sdk_sqs::meta::PKG_VERSION;

/// The oldest version whose behaviour was looked at: errors, time limits, retries, batches.
const SDK_VERSION_MIN: (u32, u32) = (1, 119);

const _: () = assert!(
    is_known(SDK_VERSION),
    "aws-sdk-sqs is older than 1.119, or of another major version: this adapter was not written for it"
);

/// Returns true for a version of the same major number, and at least the same minor one.
const fn is_known(version: &str) -> bool {
    let bytes = version.as_bytes();
    let (major, next) = number(bytes, 0);
    let (minor, _) = number(bytes, next);
    major == SDK_VERSION_MIN.0 && SDK_VERSION_MIN.1 <= minor
}

/// Reads the number at `start`, and returns it with the place behind its dot.
const fn number(bytes: &[u8], start: usize) -> (u32, usize) {
    let (mut number, mut place) = (0, start);
    while place < bytes.len() && bytes[place].is_ascii_digit() {
        number = 10 * number + (bytes[place] - b'0') as u32;
        place += 1;
    }
    (number, place + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn older_versions_are_not_known() {
        for (version, expected) in [
            ("1.119.0", true),
            ("1.200.3", true),
            ("1.118.9", false),
            ("0.119.0", false),
            ("2.0.0", false),
            ("", false),
        ] {
            assert_eq!(is_known(version), expected, "{version}");
        }
        assert!(is_known(SDK_VERSION));
    }
}
