//! The limit of the disk: bytes are appended to a file, which is flushed.

use std::{fs::File, io::Write, path::Path};

use anyhow::Result;
use bytes::Bytes;

/// Is a file that grows.
#[derive(Debug)]
pub(super) struct Log {
    file: File,
    buffer: Vec<u8>,
}

impl Log {
    pub(super) fn open(directory: &Path) -> Result<Self> {
        Ok(Self {
            file: File::create(directory.join("log"))?,
            buffer: Vec::new(),
        })
    }

    /// Appends the bodies in one write, and flushes them.
    pub(super) fn append(&mut self, bodies: impl Iterator<Item = Bytes>) -> Result<()> {
        self.buffer.clear();
        bodies.for_each(|body| self.buffer.extend_from_slice(&body));
        self.file.write_all(&self.buffer)?;
        self.file.sync_data()?;
        Ok(())
    }
}
