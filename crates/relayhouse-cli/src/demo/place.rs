//! Where the queue of the demonstration is: by default in a directory that goes when it ends.

use std::path::Path;

use tempfile::TempDir;

use crate::exit::{Code, Failure};

const DIRECTORY_PREFIX: &str = "relayhouse-demo-";
const QUEUE_NAME: &str = "demo";

/// Names the queue, and keeps the directory that was made for it.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) url: String,
    directory: Option<TempDir>,
}

impl Place {
    /// Takes the queue at `url`; without one, a durable queue in a directory of its own, for this
    /// user alone.
    pub(crate) fn new(url: Option<&str>) -> Result<Self, Failure> {
        if let Some(url) = url {
            let url = url.to_owned();
            return Ok(Self {
                url,
                directory: None,
            });
        }
        let directory = tempfile::Builder::new()
            .prefix(DIRECTORY_PREFIX)
            .tempdir()
            .map_err(|error| Failure::io("cannot make a temporary directory", &error))?;
        Ok(Self {
            url: url_in(directory.path())?,
            directory: Some(directory),
        })
    }

    /// Removes the directory with all that is in it. Dropped, it does so too, and nobody hears
    /// if it fails.
    pub(crate) fn clear(self) -> Result<(), Failure> {
        let Some(directory) = self.directory else {
            return Ok(());
        };
        let what = format!("cannot remove {}", directory.path().display());
        directory.close().map_err(|error| Failure::io(what, &error))
    }
}

fn url_in(directory: &Path) -> Result<String, Failure> {
    let path = directory.to_str().ok_or_else(|| {
        let text = format!(
            "the path {} is not UTF-8; name a queue with --url",
            directory.display()
        );
        Failure::new(Code::Unavailable, text)
    })?;
    let path = encoded(&path.replace(std::path::MAIN_SEPARATOR, "/"));
    Ok(format!("local:{path}/{QUEUE_NAME}"))
}

/// Percent-encodes all that could mean something in a URL, but for what parts a path.
fn encoded(path: &str) -> String {
    let mut text = String::new();
    for byte in path.bytes() {
        match byte {
            b'/' | b':' | b'-' | b'_' | b'.' => text.push(char::from(byte)),
            byte if byte.is_ascii_alphanumeric() => text.push(char::from(byte)),
            byte => text.push_str(&format!("%{byte:02X}")),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use relayhouse::Address;

    use super::*;

    #[test]
    fn every_path_survives_in_a_url() {
        for path in ["/tmp/a", "/tmp/a b?c#d%20/ä", "C:/Temp/a"] {
            let address: Address = url_in(Path::new(path)).unwrap().parse().unwrap();
            assert_eq!(address.scheme(), "local");
            assert_eq!(address.location(), format!("{path}/demo"));
        }
    }
}
