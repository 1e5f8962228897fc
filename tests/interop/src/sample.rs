//! Files of samples: a body a line, in hexadecimal digits.

use std::{fmt::Write as _, fs, path::Path};

use anyhow::{Context, Result, ensure};

/// Writes one file.
pub(crate) fn write(folder: &Path, name: &str, bodies: &[impl AsRef<[u8]>]) -> Result<()> {
    let mut text = String::new();
    for body in bodies {
        for byte in body.as_ref() {
            write!(text, "{byte:02x}")?;
        }
        text.push('\n');
    }
    let path = folder.join(name);
    fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
}

/// Reads one file, which has `count` bodies.
pub(crate) fn read(folder: &Path, name: &str, count: usize) -> Result<Vec<Vec<u8>>> {
    let path = folder.join(name);
    let text = fs::read_to_string(&path);
    let text = text.with_context(|| format!("cannot read {}", path.display()))?;
    let bodies: Result<Vec<_>> = text.lines().map(body).collect();
    let bodies = bodies.with_context(|| path.display().to_string())?;
    let found = bodies.len();
    ensure!(
        found == count,
        "{}: {found} bodies instead of {count}",
        path.display()
    );
    Ok(bodies)
}

fn body(line: &str) -> Result<Vec<u8>> {
    let digits: Option<Vec<_>> = line.chars().map(|digit| digit.to_digit(16)).collect();
    let digits = digits.context("not a hexadecimal digit")?;
    ensure!(digits.len() % 2 == 0, "half a byte");
    let bytes = digits
        .chunks(2)
        .map(|pair| u8::try_from(16 * pair[0] + pair[1]));
    Ok(bytes.collect::<Result<_, _>>()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_is_read_as_bytes() {
        assert_eq!(body("00ff7f").unwrap(), [0, 255, 127]);
        assert!(body("0").is_err());
        assert!(body("zz").is_err());
    }
}
